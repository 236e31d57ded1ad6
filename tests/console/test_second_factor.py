"""The second factor: set up once, asked for after the first, lost and begun anew, and never gone round."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import segno
from sqlalchemy import select

from console.access import digest
from console.trusted import qr_picture
from content.credentials import enrolment_address
from content.identifiers import UserId
from content.organisations import Role
from storage import audit, credentials, sessions
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY, VIEWER, link_for
from tests.console.strict_house import code, enter, equip, grant, prove, set_up, strict
from tests.console.test_borders import PUBLIC, path_of, rules

DEPUTY = UserId("@fu:example.org")
EARLY = {"proving.show", "proving.answer", "proving.prove_passkey"}
ENROLLING = {"proving.show", "credentials.set_up", "credentials.add_totp", "credentials.add_passkey"} | {
    "credentials.ask_new_passkey"
}


def cookie(browser: Browser) -> str:
    held = browser.client.get_cookie("zhibu", domain="console.example.org")
    assert held is not None
    return str(held.value)


def text(browser: Browser, path: str) -> str:
    return str(browser.get(path).get_data(as_text=True))


def told(house: House) -> list[tuple[str, str]]:
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    return [
        (row.user_id, row.words["key"]) for row in rows if row.words and row.words["key"].startswith("credentials.")
    ]


def test_whoever_may_do_more_than_look_sets_a_second_factor_up_first(house: House) -> None:
    """S12."""
    house = strict(house)
    browser = house.browser()
    assert browser.get("/").headers["Location"] == "/second-factor"
    assert browser.get("/second-factor").headers["Location"] == "/account/set-up"
    before = cookie(browser)
    _, codes = set_up(house, browser)
    assert len(set(codes)) == 10
    assert all(len(one.replace("-", "")) == 16 for one in codes)
    assert cookie(browser) != before
    assert browser.get("/members").status_code == 200
    assert told(house) == [(SECRETARY, "credentials.told_totp")]


@pytest.mark.parametrize("user", ["@a:b.cn", f"@{'zhangming' * 12}:matrix.jianxiu.example.org"])
def test_the_picture_for_the_phone_is_whole_at_whatever_size_it_is_shown(user: str) -> None:
    """A picture with a size of its own was cut off by the page, and no phone could read it."""
    address = enrolment_address("GYXAGEJLLPN33ZHGOMKVDENEBKOIBRKD", UserId(user), "Zhibu")
    drawn = qr_picture(address)
    side = segno.make(address, error="m", micro=False).symbol_size(border=4)[0]
    head, _, rest = drawn.partition(">")
    assert f'viewBox="0 0 {side} {side}"' in head
    assert not re.search(r"\b(width|height)=", head)
    assert f'fill="#fff" d="M0 0h{side}v{side}h-{side}z"' in rest


def test_who_may_only_look_comes_in_by_a_link(house: House) -> None:
    assert strict(house).browser(VIEWER).get("/").status_code == 200


def test_nothing_else_opens_before_the_second_factor(house: House) -> None:
    """S12."""
    house = strict(house)
    unready = house.browser()
    equip(house, DEPUTY)
    grant(house, DEPUTY, Role.SECRETARY)
    unproved = house.browser(DEPUTY)
    for browser, open_to in ((unproved, EARLY), (unready, ENROLLING)):
        csrf = browser.marks("/second-factor" if browser is unproved else "/account/set-up")["csrf"]
        for method in ("GET", "POST"):
            for rule in rules(house.app, method):
                if rule.endpoint in PUBLIC | open_to:
                    continue
                path = path_of(
                    rule,
                    dict.fromkeys(rule.arguments, "unknown")
                    | {"format": "csv", "layout": "filed", "year": "2027", "number": "1", "sheet": "year"},
                )
                answer = browser.get(path) if method == "GET" else browser.post(path, {"csrf": csrf})
                assert (answer.status_code, answer.headers.get("Location")) == (303, "/second-factor"), rule


def test_a_code_lets_in_once_and_the_session_gets_a_new_id(house: House) -> None:
    """S3, S12."""
    house = strict(house)
    equip(house)
    browser, other = house.browser(), house.browser()
    before = cookie(browser)
    used = code(house)
    prove(house, browser)
    assert cookie(browser) != before
    assert browser.get("/members").status_code == 200
    replayed = other.post("/second-factor", {"proof": used} | other.marks("/second-factor"))
    assert replayed.status_code == 422
    assert "已经用过" in replayed.get_data(as_text=True)
    browser.client.set_cookie("zhibu", before, domain="console.example.org")
    assert browser.get("/").headers["Location"] == "/sign-in"


def test_a_recovery_code_lets_in_once(house: House) -> None:
    house = strict(house)
    _, codes = set_up(house, house.browser())
    first, second = house.browser(), house.browser()
    typed = codes[3].lower().replace("-", " ")
    assert first.post("/second-factor", {"proof": typed} | first.marks("/second-factor")).status_code == 303
    assert first.get("/members").status_code == 200
    assert second.post("/second-factor", {"proof": codes[3]} | second.marks("/second-factor")).status_code == 422
    assert (SECRETARY, "credentials.told_recovery") in told(house)
    assert "还有 9 个" in text(first, "/account")


def test_codes_and_secrets_are_not_in_the_database_as_they_are_typed(house: House) -> None:
    house = strict(house)
    browser = house.browser()
    _, codes = set_up(house, browser)
    browser.post("/account/password", browser.marks("/account") | {"password": "一句只有我记得住的长话"})
    file = house.run(house.store.read(lambda unit: credentials.codes_of(unit, SECRETARY)))
    assert len(file) == 10
    assert all(one.replace("-", "").encode() not in code.hash for one in codes for code in file)
    kept = house.run(house.store.read(lambda unit: credentials.password_of(unit, SECRETARY)))
    assert kept is None or kept.startswith("$argon2id$v=19$m=32768,t=2,p=1$")


def test_wrong_codes_make_one_wait_and_leave_a_row_each(house: House) -> None:
    """S11, S64."""
    house = strict(house)
    equip(house)
    browser = house.browser()
    for _ in range(5):
        assert "这个码不对" in browser.post(
            "/second-factor", {"proof": "000000"} | browser.marks("/second-factor")
        ).get_data(as_text=True)
    waiting = browser.post("/second-factor", {"proof": code(house)} | browser.marks("/second-factor"))
    assert "试得太多了" in waiting.get_data(as_text=True)
    lines = house.run(house.store.read(audit.lines))
    refused = [(line.action, line.actor, line.subject) for line in lines if line.outcome == "refused"]
    assert refused == [("credentials.wrong_code", None, SECRETARY)] * 5
    house.clock.forward(timedelta(seconds=31))
    prove(house, browser)


def test_what_is_offered_only_is_asked_for_once_it_is_set_up(house: House) -> None:
    first = house.browser()
    assert first.get("/members").status_code == 200
    set_up(house, first)
    assert house.browser().get("/").headers["Location"] == "/second-factor"


def test_the_last_factor_stays_where_it_is_demanded(house: House) -> None:
    house = strict(house)
    equip(house)
    browser = enter(house)
    assert "/remove" not in text(browser, "/account")
    id = f"app {SECRETARY}"
    refused = browser.post(f"/account/factors/{id}/remove", browser.marks("/account"))
    assert "至少留一种" in refused.get_data(as_text=True)


def test_a_duty_that_is_given_meanwhile_asks_for_a_second_factor_at_the_next_request(house: House) -> None:
    """S3, S6."""
    house = strict(house)
    browser = house.browser(VIEWER)
    before = cookie(browser)
    assert browser.get("/").status_code == 200
    assert cookie(browser) == before
    grant(house, VIEWER, Role.ORGANISING_MEMBER)
    assert browser.get("/").headers["Location"] == "/second-factor"
    assert cookie(browser) != before


def test_another_person_lets_one_begin_anew_without_going_round_the_second_factor(house: House) -> None:
    """S14."""
    house = strict(house)
    for user in (SECRETARY, DEPUTY):
        equip(house, user)
    grant(house, DEPUTY, Role.SECRETARY)
    lost, helper = enter(house), enter(house, DEPUTY)
    page = helper.post("/duties/reset", helper.marks("/duties") | {"user": SECRETARY}).get_data(as_text=True)
    (handed,) = re.findall(r"<code>([A-Z2-9-]+)</code>", page)
    assert len(handed.replace("-", "")) * 5 >= 128
    assert lost.get("/").headers["Location"] == "/sign-in"
    assert {(SECRETARY, "credentials.told_reset"), (DEPUTY, "credentials.told_resetter")} <= set(told(house))
    stranger, begins = house.browser(), house.browser()
    assert stranger.get("/account/set-up").headers["Location"] == "/second-factor"
    assert stranger.post("/second-factor", {"proof": "x"} | stranger.marks("/second-factor")).status_code == 422
    answer = begins.post("/second-factor", {"proof": handed} | begins.marks("/second-factor"))
    assert answer.headers["Location"] == "/account/set-up"
    beside = house.browser()
    assert beside.get("/account/set-up").headers["Location"] == "/second-factor"
    assert beside.post("/second-factor", {"proof": handed} | beside.marks("/second-factor")).status_code == 422
    set_up(house, begins)
    assert begins.get("/members").status_code == 200


def test_a_code_to_begin_anew_that_is_over_lets_nobody_in(house: House) -> None:
    """S14."""
    house = strict(house)
    for user in (SECRETARY, DEPUTY):
        equip(house, user)
    grant(house, DEPUTY, Role.SECRETARY)
    helper = enter(house, DEPUTY)
    helper.post("/duties/reset", helper.marks("/duties") | {"user": SECRETARY})
    house.clock.forward(timedelta(minutes=16))
    token = "late-link-late-link-late"
    house.run(house.store.settle(notes=[link_for(SECRETARY, token, digest(token), lasts=timedelta(hours=1))]))
    late = house.browser(None)
    late.sign_in(token)
    assert late.get("/account/set-up").headers["Location"] == "/second-factor"


@pytest.mark.parametrize("user", [SECRETARY, UserId("@nobody:example.org"), VIEWER])
def test_a_sign_in_is_reset_by_those_only_who_may_give_its_duties(house: House, user: UserId) -> None:
    grant(house, DEPUTY, Role.ORGANISING_MEMBER)
    browser = house.browser(DEPUTY)
    assert browser.post("/duties/reset", browser.marks("/duties") | {"user": user}).status_code == 403


def test_one_sees_and_ends_ones_own_sessions(house: House) -> None:
    """S7."""
    here, there, third = (house.browser() for _ in range(3))
    here.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537"
    page = text(here, "/account")
    assert page.count('action="/account/sessions/end"') == 2
    family = house.run(house.store.read(lambda unit: sessions.sessions_of(unit, SECRETARY)))
    mine = [one.family for one in family]
    other = house.browser(VIEWER)
    stolen = other.post("/account/sessions/end", other.marks("/account") | {"session": mine[0]})
    assert stolen.status_code == 404
    assert here.post("/account/sessions/end-others", here.marks("/account")).status_code == 303
    assert [one.get("/").status_code for one in (here, there, third)] == [200, 303, 303]
    assert other.get("/").status_code == 200
