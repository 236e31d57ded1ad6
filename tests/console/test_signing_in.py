"""A one-time link opens one session, once; a session ends by itself, by hand, and with the duties it rests on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from console.access import digest
from content.identifiers import UserId
from storage import audit, sessions
from storage.unit import Reading
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR


def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    token = house.issue_link()
    for _ in range(3):
        assert house.browser(None).get(f"/sign-in/{token}").status_code == 200
    assert house.browser(None).sign_in(token).headers["Location"] == "/"


def test_a_link_signs_in_once_only(house: House) -> None:
    token = house.issue_link()
    first, second = house.browser(None), house.browser(None)
    assert first.sign_in(token).status_code == 303
    refused = second.sign_in(token)
    assert refused.status_code == 409
    assert "已经用过" in refused.get_data(as_text=True)
    assert second.get("/").headers["Location"] == "/sign-in"
    assert first.get("/").status_code == 200


def test_a_link_expires(house: House) -> None:
    token = house.issue_link()
    house.clock.forward(timedelta(minutes=16))
    refused = house.browser(None).sign_in(token)
    assert refused.status_code == 409
    assert "过期" in refused.get_data(as_text=True)


def test_an_unknown_link_says_how_to_get_a_good_one(house: House) -> None:
    refused = house.browser(None).sign_in("x" * 32)
    assert refused.status_code == 409
    assert "控制台" in refused.get_data(as_text=True)


def test_a_link_that_does_not_work_leaves_nothing_behind(house: House) -> None:
    async def rows(unit: Reading) -> tuple[int, int]:
        return tuple([await unit.value(select(func.count()).select_from(each)) for each in (audit.causes, audit.audit)])

    used, late = house.issue_link(), house.issue_link(NEIGHBOUR)
    house.browser(None).sign_in(used)
    house.clock.forward(timedelta(minutes=16))
    before = house.run(house.store.read(rows))
    for token in ("x" * 32, used, late):
        assert house.browser(None).sign_in(token).status_code == 409
    assert house.run(house.store.read(rows)) == before


def test_the_cookie_holds_only_a_secret_whose_hash_is_stored(house: House) -> None:
    browser = house.browser()
    cookie = browser.client.get_cookie("zhibu", domain="console.example.org")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.path == "/"
    stored = house.run(house.store.read(lambda unit: sessions.session(unit, digest(cookie.value))))
    assert stored is not None
    assert house.run(house.store.read(lambda unit: sessions.session(unit, cookie.value))) is None


@pytest.mark.parametrize(("rest", "alive"), [(59, True), (61, False)])
def test_a_session_ends_after_an_hour_without_use(house: House, browser: Browser, rest: int, alive: bool) -> None:
    house.clock.forward(timedelta(minutes=rest))
    assert browser.get("/").status_code == (200 if alive else 303)


def test_a_session_in_steady_use_ends_after_twelve_hours(house: House, browser: Browser) -> None:
    for _ in range(23):
        house.clock.forward(timedelta(minutes=31))
        assert browser.get("/").status_code == 200
    house.clock.forward(timedelta(minutes=10))
    assert browser.get("/").status_code == 303


def test_signing_out_ends_the_session_on_the_server(browser: Browser) -> None:
    cookie = browser.client.get_cookie("zhibu", domain="console.example.org")
    assert cookie is not None
    left = browser.post("/sign-out", form_at="/")
    assert left.status_code == 303
    assert "cookies" in left.headers["Clear-Site-Data"]
    browser.client.set_cookie("zhibu", cookie.value, domain="console.example.org")
    assert browser.get("/").headers["Location"] == "/sign-in"


def test_someone_without_duties_gets_no_further(house: House) -> None:
    browser = house.browser(UserId("@nobody:example.org"))
    assert browser.get("/").status_code == 403


def test_a_viewer_may_look_but_not_write(house: House) -> None:
    from tests.console.console_seeding import VIEWER

    browser = house.browser(VIEWER)
    assert browser.get("/lessons").status_code == 200
    for unwelcome in ("/lessons/new", 'href="/members"', 'href="/schedule'):
        assert unwelcome not in browser.get("/lessons").get_data(as_text=True)
    for path in ("/lessons/new", "/schedule", "/members", "/members/import", "/participation/members"):
        assert browser.get(path).status_code == 403, path
    page = browser.get(f"/check-ins/{house.seeded.occurrences['closed']}").get_data(as_text=True)
    assert "检修车间第一党支部" in page
    assert "白云" not in page


def test_the_language_is_the_browsers_until_one_is_chosen(house: House) -> None:
    browser = house.browser(language="en-GB,en;q=0.9")
    assert "Needs you" in browser.get("/").get_data(as_text=True)
    answer = browser.post("/preferences", {"language": "zh_CN", "back": "/lessons"} | browser.marks("/"))
    assert answer.headers["Location"] == "/lessons"
    assert "等您处理" in browser.get("/").get_data(as_text=True)


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_one_is_never_led_to_another_site(browser: Browser, back: str) -> None:
    answer = browser.post("/preferences", {"theme": "dark", "back": back} | browser.marks("/"))
    assert answer.headers["Location"] == "/"
    assert 'data-theme="dark"' in browser.get("/").get_data(as_text=True)
