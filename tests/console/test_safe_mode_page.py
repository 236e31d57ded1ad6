"""Why the bot does not work: on every page for those who may operate, on the first for others, on one for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from content.safe_mode import Reason
from storage.heartbeats import Beat
from tests.console.console_house import House
from tests.console.console_seeding import VIEWER

REASONS = [reason for reason in Reason if not reason.startswith("database_")]
PAGES = ("/", "/calendar", "/members", "/outbox")


def beat(house: House, state: str) -> None:
    house.run(house.store.settle(notes=[Beat(role="bot", state=state, at=house.store.now())]))


@pytest.mark.parametrize("reason", REASONS)
def test_everybody_can_read_why_and_what_to_do(house: House, reason: Reason) -> None:
    """Who is not signed in gets no link meanwhile, and must learn why."""
    beat(house, reason)
    for language in ("zh-CN", "en"):
        browser = house.browser(None, language=language)
        for path in ("/safe-mode", "/sign-in"):
            answer = browser.get(path)
            assert answer.status_code == 200
            assert 'role="alert"' in answer.get_data(as_text=True)


def test_those_who_may_operate_see_it_on_every_page_and_others_on_the_first(house: House) -> None:
    beat(house, Reason.KEYS_UNUSABLE)
    secretary, viewer = house.browser(language="en"), house.browser(VIEWER, language="en")
    for path in PAGES:
        assert "run zhibu doctor, which says what is wrong" in secretary.get(path).get_data(as_text=True), path
    assert "key folder cannot be used" in viewer.get("/").get_data(as_text=True)
    assert "key folder cannot be used" not in viewer.get("/calendar").get_data(as_text=True)


@pytest.mark.parametrize("state", ["listening", "waiting"])
def test_nothing_is_said_on_every_page_of_a_bot_that_works_or_only_waits(house: House, state: str) -> None:
    beat(house, state)
    browser = house.browser(language="en")
    assert 'class="refused"' not in browser.get("/calendar").get_data(as_text=True)
    said = browser.get("/safe-mode").get_data(as_text=True)
    assert ("chat server cannot be reached" in said) is (state == "waiting")


def test_a_bot_that_has_fallen_silent_gives_no_reason_any_more(house: House) -> None:
    beat(house, Reason.KEYS_UNUSABLE)
    house.clock.now += timedelta(seconds=91)
    assert "key folder" not in house.browser(None, language="en").get("/safe-mode").get_data(as_text=True)


def test_the_page_does_not_say_that_the_bot_cannot_work_when_nothing_holds_it_up(house: House) -> None:
    beat(house, "listening")
    page = house.browser(None, language="en").get("/safe-mode").get_data(as_text=True)
    assert "<title>Nothing holds the bot up" in page
    assert "cannot work" not in page
