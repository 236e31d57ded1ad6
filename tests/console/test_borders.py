"""Every route, found in the application's own map: its headers, its scope, and where changes may come from."""

from __future__ import annotations

import io
import re
import secrets
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from console import access
from console.access import check_routes
from console.headers import CONTENT_SECURITY_POLICY
from content.identifiers import derive
from content.organisations import Duty, DutyGranted, Role
from tests.console.announced_lecture import announce_lecture
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR
from tests.console.open_activity import FAR_ACTIVITY, hold_activity
from tests.console.open_meeting import FAR, begin_meeting, call_meeting
from tests.console.open_pledge import FAR_PLEDGE, put_pledge_down
from tests.console.open_sign_up import FAR_SIGN_UP, begin_sign_up

PUBLIC = {"sign_in.explain", "sign_in.offer", "sign_in.enter", "sign_in.leave", "static"} | {
    "sign_in.enter_by_password",
    "proving.ask_passkey",
    "proving.sign_in",
    "health.alive",
    "health.ready",
    "metrics.show",
    "feeds.read",
    "safe_mode.show",
    *(f"voting.{page}" for page in ("offer", "come_in", "show", "review", "cast", "done", "leave", "published")),
    *(f"surveying.{page}" for page in ("offer", "come_in", "show", "answer", "give_up", "done", "leave")),
}


def rules(app: Flask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()):
            yield rule


def path_of(rule: Rule, values: dict[str, str]) -> str:
    path = rule.rule
    for name in rule.arguments:
        path = re.sub(rf"<(?:any\([^)]*\):|path:|int:)?{name}>", values.get(name, "unknown"), path)
    return path


def anew(marks: dict[str, str]) -> dict[str, str]:
    """Return the hidden fields of a form that is opened once more."""
    return marks | {"nonce": secrets.token_urlsafe(18)}


def far_values(house: House, rule: Rule) -> dict[str, str]:
    """Return identifiers of the neighbouring general branch, where the secretary has no duty."""
    seeded = house.seeded
    by_noun = {
        "lessons": seeded.lessons["far"],
        "calendar": seeded.occurrences["far"],
        "checkins": seeded.occurrences["far"],
        "meetings": FAR,
        "minutes": FAR,
        "roll_calls": FAR,
        "resolutions": FAR,
        "participation": seeded.members["安邻"],
        "members": seeded.members["安邻"],
        "imports": seeded.imports["far"],
        "leaving": seeded.members["安邻"],
        "erasure": seeded.members["安邻"],
        "accounts": seeded.members["安邻"],
        "structure": seeded.organisations["far"],
        "edits": seeded.members["安邻"],
        "rooms": "!far",
        "locks": "!far",
        "help_cases": derive("seed help", "far"),
        "cleanings": derive("seed cleaning", "far"),
        "policies": derive("seed policy", "far"),
        "outbox": seeded.outbox["far"],
        "sign_ups": FAR_SIGN_UP,
        "activities": FAR_ACTIVITY,
        "activity_changes": FAR_ACTIVITY,
        "albums": FAR_ACTIVITY,
        "pledges": FAR_PLEDGE,
        "polls": seeded.polls["far"].id,
        "ballots": seeded.ballots["far"],
        "appraisals": seeded.appraisals["far"],
        "surveys": seeded.surveys["far"],
        "bank": seeded.items["far"],
        "glossary": seeded.entries["far"],
        "tellers": seeded.ballots["far"],
        "voting": seeded.ballots["far"],
        "elections": seeded.elections["far"],
        "electronic_elections": seeded.elections["far"],
        "model_members": seeded.selections["far"],
        "corrections": seeded.corrections["far"],
        "away": seeded.members["安邻"],
        "thought_reports": derive("seed thought report", "far"),
        "cases": seeded.cases["far"],
        "complaints": seeded.complaints["far"],
        "hours": seeded.members["安邻"],
        "dues_members": seeded.members["安邻"],
        "records": seeded.occurrences["far"],
        "series": derive("seed schedule", "far"),
        "reviews": derive("seed schedule", "far"),
        "unheard": derive("event:$bad", "dead"),
    }
    by_page = {
        "edits.show_one": seeded.imports["far"],
        "edits.undo": seeded.imports["far"],
        "amendments.correct_sent": by_noun["lessons"],
        "amendments.withdraw_sent": by_noun["checkins"],
        "guards.show_rehearsal": derive("seed rehearsal", "far"),
        "hours.count": seeded.occurrences["far"],
        "texts.of_lesson": by_noun["lessons"],
        "texts.of_occurrence": by_noun["checkins"],
        "texts.of_poll": by_noun["polls"],
        "texts.of_row": derive("seed:open far", "post", "!far", 0, 0),
    }
    noun = rule.endpoint.split(".")[0]
    if noun == "lectures":
        by_noun["lectures"] = house.run(announce_lecture(house.store, seeded, "far"))
    return {
        "id": str(by_page.get(rule.endpoint) or by_noun.get(noun, "unknown")),
        "format": "csv",
        "key": "unknown",
        "number": "999999",
        "hash": "0" * 64,
        "member": str(seeded.members["邻双" if noun == "edits" else "安邻"]),
        "view": "unknown",
        "proposal": "unknown",
        "measure": derive("seed sanction", "far"),
        "voice": "unknown",
        "objection": "unknown",
        "layout": "filed",
        "sheet": {"model_members": "notice", "dues_handovers": "year"}.get(noun, "record"),
        "year": "2027",
        "place": str(seeded.organisations["far"]),
    }


def test_a_route_that_names_no_right_stops_the_start(house: House) -> None:
    house.app.view_functions["bare"] = lambda: ""
    with pytest.raises(RuntimeError, match="bare"):
        check_routes(house.app)


def test_only_the_documented_routes_are_public(house: House) -> None:
    marked = {name for name, view in house.app.view_functions.items() if getattr(view, access._MARK) == access._PUBLIC}
    assert marked == PUBLIC


def test_without_a_session_every_page_leads_to_sign_in(house: House) -> None:
    browser = house.browser(None)
    for rule in rules(house.app, "GET"):
        if rule.endpoint not in PUBLIC:
            answer = browser.get(path_of(rule, far_values(house, rule)))
            assert (answer.status_code, answer.headers.get("Location")) == (303, "/sign-in"), rule


def test_a_sibling_organisation_is_not_found_on_any_page(house: House, browser: Browser) -> None:
    sibling, above = house.seeded.organisations["sibling"], house.seeded.organisations["committee"]
    for rule in rules(house.app, "GET"):
        if rule.endpoint in PUBLIC:
            continue
        for org in (sibling, above, "unknown"):
            answer = browser.get(f"{path_of(rule, far_values(house, rule))}?org={org}")
            assert answer.status_code == 404, rule


def test_a_sibling_organisation_is_not_found_by_any_form(house: House, browser: Browser) -> None:
    marks = browser.marks("/schedule")
    for rule in rules(house.app, "POST"):
        if rule.endpoint in PUBLIC:
            continue
        path = f"{path_of(rule, far_values(house, rule))}?org={house.seeded.organisations['sibling']}"
        assert browser.post(path, anew(marks)).status_code == 404, rule


def test_what_belongs_to_a_sibling_is_not_found_by_its_identifier(house: House, browser: Browser) -> None:
    call_meeting(house, "far meeting", where="far")
    begin_sign_up(house, "far", people=False)
    hold_activity(house, "far", photos=False)
    put_pledge_down(house, "far")
    checked, marks = 0, browser.marks("/schedule")
    for method in ("GET", "POST"):
        for rule in rules(house.app, method):
            if "id" not in rule.arguments or rule.endpoint in PUBLIC:
                continue
            path = path_of(rule, far_values(house, rule))
            answer = browser.get(path) if method == "GET" else browser.post(path, anew(marks))
            assert answer.status_code == 404, (method, rule)
            checked += 1
    assert checked >= 10


def test_the_neighbour_finds_what_is_theirs(house: House) -> None:
    held = call_meeting(house, "far meeting", where="far", ahead=timedelta(minutes=1))
    house.clock.forward(timedelta(minutes=1))
    begin_meeting(house, held)
    begin_sign_up(house, "far", people=False)
    hold_activity(house, "far", photos=False)
    # Dues are seen by name by who handles them in the branch itself.
    duty = Duty(user=NEIGHBOUR, organisation=house.seeded.organisations["far"], role=Role.ORGANISING_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    put_pledge_down(house, "far")
    browser = house.browser(NEIGHBOUR)
    for rule in rules(house.app, "GET"):
        if "id" in rule.arguments and "hash" not in rule.arguments:
            # A closed box is theirs, and still no teller alone may take it along.
            found = 409 if rule.endpoint in ("tellers.download", "ballots.certificate") else 200
            assert browser.get(path_of(rule, far_values(house, rule))).status_code == found, rule


def text_of(answer: TestResponse) -> str:
    """Return what an answer says, of a Word file or an archive what stands in it."""
    if not answer.data.startswith(b"PK"):
        return answer.get_data(as_text=True)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as parts:
        text = next(name for name in parts.namelist() if name in ("word/document.xml", "questions.gift.txt"))
        return re.sub("<[^>]+>", "", parts.read(text).decode())


def test_no_page_names_what_lies_outside_the_scope(house: House, browser: Browser) -> None:
    for rule in rules(house.app, "GET"):
        if rule.endpoint not in PUBLIC and not rule.arguments - {"format", "layout"}:
            page = text_of(browser.get(path_of(rule, {"format": "csv", "layout": "filed"}) + "?since=2026-01-01"))
            for stranger in (
                "安邻",
                "邻队的一课",
                "邻队的更正",
                "邻队的推荐",
                "邻队的先锋岗",
                "乘务一队党支部",
                "乘务党总支",
                "@m9:",
            ):
                assert stranger not in page, (rule, stranger)


def test_every_response_carries_the_headers(house: House, browser: Browser) -> None:
    seen = set()
    for rule in house.app.url_map.iter_rules():
        for method in (rule.methods or set()) & {"GET", "POST"}:
            path = path_of(rule, far_values(house, rule) | {"filename": "style.css"})
            answer = browser.get(path) if method == "GET" else browser.client.post(path, headers=browser.headers)
            _check(answer.headers, rule.endpoint)
            seen.add(answer.status_code)
    for path in ("/nowhere", "/static/nowhere"):
        _check(browser.get(path).headers, path)
    assert {200, 400, 404} <= seen


def _check(headers, where: str) -> None:  # type: ignore[no-untyped-def]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'"), where
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert where == "static" or headers["Cache-Control"] == "no-store", where
    assert "charset" in headers["Content-Type"] or not headers["Content-Type"].startswith("text/")
    for cookie in headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie, where
        assert "SameSite=Lax" in cookie, where


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(house: House, browser: Browser) -> None:
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    for rule in rules(house.app, "GET"):
        if rule.arguments or rule.endpoint in PUBLIC:
            continue
        page = text_of(browser.get(rule.rule))
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page), rule
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", page), rule
        assert not re.search(r"(src|href|action)=\"(https?:)?//", page), rule


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://console.example.org.evil.example"},
    ],
)
def test_a_form_from_another_site_changes_nothing(house: House, browser: Browser, headers: dict[str, str]) -> None:
    marks = browser.marks("/schedule")
    for rule in rules(house.app, "POST"):
        path = path_of(rule, far_values(house, rule))
        assert browser.post(path, anew(marks), **headers).status_code == 400, rule


def test_a_form_without_the_sessions_token_changes_nothing(house: House, browser: Browser) -> None:
    other, marks = house.browser(NEIGHBOUR).marks("/schedule")["csrf"], browser.marks("/schedule")
    for rule in rules(house.app, "POST"):
        path = path_of(rule, far_values(house, rule))
        for token in ("", "wrong", "汉字", other):
            assert browser.post(path, anew(marks) | {"csrf": token}).status_code == 400, rule


def test_our_own_forms_are_taken_with_the_headers_that_browsers_send(browser: Browser) -> None:
    for headers in ({"Origin": "null"}, {"Origin": "http://console.example.org", "Sec-Fetch-Site": "same-origin"}):
        fields = browser.marks("/") | {"theme": "dark"}
        assert browser.post("/preferences", fields, **headers).status_code == 303


def test_another_host_name_is_refused(browser: Browser) -> None:
    assert browser.get("/health", Host="evil.example").status_code == 400
    assert browser.get("/health", Host="127.0.0.1:8000").status_code == 200
    assert browser.get("/health", Host="[::1]:8000").status_code == 200
    for broken in ("[::1", "a b", "console.example.org@evil.example", "console.example.org.evil.example"):
        assert browser.get("/health", Host=broken).status_code == 400, broken


def test_errors_speak_plainly_and_show_no_trace(house: House, browser: Browser) -> None:
    def broken() -> str:
        raise ValueError("secret detail")

    house.app.view_functions["outbox.show"] = access.public(broken)
    answer = browser.get("/outbox")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "编号" in page
    for leak in ("secret detail", "Traceback", "ValueError", ".py"):
        assert leak not in page
    assert browser.get("/nowhere").status_code == 404
    assert browser.client.put("/lessons", headers=browser.headers).status_code == 405


def test_a_request_that_is_too_large_is_refused_in_words(browser: Browser) -> None:
    marks = browser.marks("/members/import")
    answer = browser.post("/members/import", marks | {"sheet": "x" * (11 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "10 MB" in answer.get_data(as_text=True)


ODD = (
    "\x00",
    "'",
    '"><svg>',
    "%",
    "_",
    "-1",
    "1e9",
    "9" * 400,
    "0001-01-01",
    "9999-12-31",
    "../../x",
    "汉" * 2_000,
    "\ud7ff",
)
TAKEN = {
    "/": ("done",),
    "/calendar": ("view", "month", "week", "state"),
    "/lessons": ("q",),
    "/members": ("q", "place", "category", "account", "away", "after", "after_id"),
    "/members/edits": ("before",),
    "/members/together": ("member", "all", "do", "q"),
    "/organisation": ("after",),
    "/outbox": ("tab",),
    "/participation": ("since", "until"),
    "/participation/export/weeks.xlsx": ("since",),
    "/participation/members": ("until",),
    "/record": ("person", "thing", "cause", "since", "until", "before"),
    "/schedule": ("lesson",),
}


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_no_value_in_an_address_breaks_a_page(house: House, browser: Browser, odd: str) -> None:
    written = quote(odd, safe="")
    addresses = [f"{path}?after_id=1&{name}={written}" for path, names in TAKEN.items() for name in names]
    for rule in rules(house.app, "GET"):
        path = path_of(rule, dict.fromkeys(rule.arguments, written) | {"format": "csv"})
        addresses += [path, f"{path}?org={written}"] if rule.arguments - {"format"} else [f"{path}?org={written}"]
    for address in addresses:
        assert browser.get(address).status_code < 500, address[:200]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_no_value_in_a_form_breaks_a_page(house: House, browser: Browser, odd: str) -> None:
    seeded = house.seeded
    fields = {
        "/lessons/new": ["kind", "title", "body", "source", "dated", "minutes", "revision", "picture", "remove"],
        "/lessons/preview": ["kind", "title", "body", "source", "dated", "minutes", "owner"],
        f"/lessons/{seeded.lessons['safety']}/edit": ["title", "body", "revision", "minutes"],
        "/schedule": [
            *("lessons", "when", "date", "time", "weekdays", "count", "every", "nth", "off_days"),
            *("window", "late", "intent"),
        ],
        "/preferences": ["language", "theme", "back"],
        "/members/import": ["sheet", "file"],
        "/members/new": ["name", "born", "phone", "category", "note", "organisation", "other", "on"],
        f"/organisation/{seeded.organisations['one']}/rename": ["name"],
        f"/organisation/{seeded.organisations['one']}/committee": ["elected_on", "years", "post-0"],
        f"/organisation/{seeded.organisations['one']}/move": ["parent"],
        "/members/views": ["name", "q"],
        f"/members/{seeded.members['白云']}/edit": ["name", "joined", "organisation", "mark", "yes"],
        f"/members/{seeded.members['丁一']}/account": ["user", "yes", "sure"],
        f"/members/{seeded.members['白云']}/transfer": ["to", "other", "on", "room"],
    }
    good = {
        "kind": "lesson",
        "owner": seeded.organisations["general"],
        "title": "t",
        "body": "b",
        "minutes": "8",
        "revision": "1",
        "lessons": seeded.lessons["law"],
        "audience": seeded.organisations["general"],
        "when": "weekly",
        "date": "2026-11-27",
        "time": "15:00",
        "weekdays": "4",
        "count": "2",
        "window": "1440",
        "late": "720",
    }
    csrf = browser.marks("/schedule")["csrf"]
    for path, names in fields.items():
        for name in names:
            marks = {"csrf": csrf, "nonce": secrets.token_urlsafe(18)}
            answer = browser.post(path, good | marks | {name: [odd, odd]})
            assert answer.status_code < 500, (path, name)


def test_json_is_no_form(house: House, browser: Browser) -> None:
    for rule in rules(house.app, "POST"):
        path = path_of(rule, far_values(house, rule))
        assert browser.client.post(path, json={"csrf": "x"}, headers=browser.headers).status_code == 400, rule
