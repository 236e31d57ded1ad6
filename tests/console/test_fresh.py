"""What matters most asks for the second factor anew, and nothing that was typed is lost by it."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from console import fresh, proving
from content.identifiers import UserId
from content.organisations import Role
from storage import audit, organisations
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.console.strict_house import code, enter, equip, grant, strict
from tests.console.test_second_factor import cookie

DOCUMENTED = {
    "accounts.unbind",
    "audit.export",
    *(f"appraisals.{step}" for step in ("write", "tell", "export", "print_paper")),
    *(f"ballots.{step}" for step in ("freeze", "send_links", "archive")),
    *(f"ballot_approvals.{step}" for step in ("open_voting", "close_early", "cancel")),
    "ballots.certificate",
    *(f"tellers.{step}" for step in ("ask_me", "prove", "agree", "count", "confirm", "download", "destroyed")),
    "tellers.decide_names",
    "checkins.export",
    "sign_ups.show_one",
    *("cases.show", "cleanings.show", "complaints.show", "corrections.show", "imports.show", "knocks.show"),
    *("looks.show", "policies.show_one"),
    "credentials.add_passkey",
    "credentials.add_totp",
    "credentials.ask_new_passkey",
    "credentials.choose_password",
    "credentials.remove",
    "credentials.renew_codes",
    "credentials.reset",
    "credentials.set_up",
    "dues_handovers.export",
    "duties.approve",
    "duties.end",
    "duties.export",
    "duties.grant",
    "edits.merge",
    "election_meetings.leave_empty",
    "elections.agree",
    "elections.certify",
    "elections.count",
    "elections.download",
    "elections.fix",
    "elections.meet",
    "elections.print_sheet",
    "elections.void",
    "electronic_elections.confirm",
    "electronic_elections.record",
    "erasure.agree",
    "erasure.propose",
    "exports.ask",
    "exports.fetch",
    "help_cases.ledger",
    "hours.export",
    "leaving.leave",
    "leaving.transfer",
    "members.export",
    *(f"minutes.{step}" for step in ("export_pdf", "export_record", "export_roll", "print_record", "summary")),
    "members.text",
    "model_members.decide",
    "model_members.end",
    "model_members.export",
    "model_members.give_out",
    "model_members.post",
    "model_members.settle_objection",
    "outbox.export",
    "participation.export_members",
    "participation.export_rows",
    "structure.move",
}
"""The list of docs/access.md: exports with names, duties and what touches them, ballots, and what one signs in with."""

NEW = UserId("@new:example.org")


@pytest.fixture
def stale(house: House) -> tuple[House, Browser]:
    """Give a secretary who has shown their second factor six minutes ago."""
    house = strict(house)
    equip(house)
    browser = enter(house)
    house.clock.forward(timedelta(minutes=6))
    return house, browser


def form(house: House) -> dict[str, str]:
    return {"user": NEW, "role": "viewer", "place": house.seeded.organisations["two"]}


def held(house: House) -> set[Role]:
    return {duty.role for duty in house.run(house.store.read(lambda unit: organisations.duties_of(unit, NEW)))}


def carried(page: str) -> dict[str, str]:
    """Return what a page's form holds unseen."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def test_the_routes_that_ask_anew_are_those_that_are_documented(house: House) -> None:
    """S13."""
    assert {name for name, view in house.app.view_functions.items() if fresh.is_marked(view)} == DOCUMENTED


def test_a_form_waits_for_the_code_and_is_then_done_with_what_was_typed(stale: tuple[House, Browser]) -> None:
    """S3, S13."""
    house, browser = stale
    asked = browser.post("/duties", browser.marks("/duties") | form(house))
    page = asked.get_data(as_text=True)
    assert "请确认是您本人" in page
    assert held(house) == set()
    kept = carried(page)
    assert form(house).items() <= kept.items()
    wrong = browser.post("/duties", kept | {"proof": "000000"})
    assert wrong.status_code == 422
    assert form(house).items() <= carried(wrong.get_data(as_text=True)).items()
    before = cookie(browser)
    done = browser.post("/duties", kept | {"proof": code(house)})
    assert "done=duty_granted" in done.headers["Location"]
    assert held(house) == {Role.VIEWER}
    assert cookie(browser) != before


def test_for_minutes_after_it_nothing_is_asked_again(house: House) -> None:
    house = strict(house)
    equip(house)
    browser = enter(house)
    house.clock.forward(timedelta(minutes=4))
    assert browser.post("/duties", browser.marks("/duties") | form(house)).status_code == 303
    house.clock.forward(timedelta(minutes=2))
    assert "请确认是您本人" in browser.get("/participation/export/members.csv").get_data(as_text=True)


def test_a_page_that_asks_leads_on_to_what_was_wanted(stale: tuple[House, Browser]) -> None:
    """S13, S64."""
    house, browser = stale
    wanted = "/participation/export/members.csv?since=2026-11-01"
    kept = carried(browser.get(wanted).get_data(as_text=True))
    assert kept["next"] == wanted
    wrong = browser.post("/confirm", kept | {"proof": "000000"})
    assert carried(wrong.get_data(as_text=True))["next"] == wanted
    assert browser.post("/confirm", kept | {"proof": code(house)}).headers["Location"] == wanted
    file = browser.get(wanted)
    assert file.mimetype == "text/csv"
    last = house.run(house.store.read(audit.lines))[-2]
    assert (last.actor, last.action, last.cause.rpartition(":")[0]) == (
        SECRETARY,
        "exported",
        "export:participation-members",
    )


@pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_one_is_not_led_elsewhere_by_it(stale: tuple[House, Browser], onward: str) -> None:
    """S36."""
    house, browser = stale
    answer = browser.post("/confirm", browser.marks("/") | {"next": onward, "proof": code(house)})
    assert answer.headers["Location"] == "/"


def test_a_right_that_is_lacking_is_told_before_any_code_is_asked_for(stale: tuple[House, Browser]) -> None:
    """S13, S64: and leaves one row of record a minute."""
    house, browser = stale
    other = UserId("@other:example.org")
    equip(house, other)
    grant(house, other, Role.GROUP_LEADER, "group")
    theirs = enter(house, other)
    house.clock.forward(timedelta(minutes=6))
    for _ in range(3):
        assert theirs.post("/duties", theirs.marks("/account") | form(house)).status_code == 403
    lines = house.run(house.store.read(audit.lines))
    assert [(line.actor, line.outcome) for line in lines if line.action == "access.no_right"] == [(other, "refused")]
    assert browser.get("/").status_code == 200


def test_who_has_no_second_factor_where_it_is_offered_only_is_not_asked(house: House, browser: Browser) -> None:
    house.clock.forward(timedelta(minutes=30))
    assert browser.get("/participation/export/members.csv").mimetype == "text/csv"


def test_a_rule_that_breaks_lets_nobody_past(stale: tuple[House, Browser], monkeypatch: pytest.MonkeyPatch) -> None:
    """S71."""
    house, browser = stale

    def broken(*_all: object, **_named: object) -> None:
        raise ValueError

    kept = carried(browser.post("/duties", browser.marks("/duties") | form(house)).get_data(as_text=True))
    monkeypatch.setattr(proving, "use_code", broken)
    assert browser.post("/duties", kept | {"proof": code(house)}).status_code == 500
    assert held(house) == set()
