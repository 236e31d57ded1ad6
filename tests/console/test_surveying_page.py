"""The page of a survey with names: the answers of the chat, kept as typed, changed until the end, gone when asked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from content import surveys as rules
from content.ballot_links import SITTING
from content.identifiers import MemberId
from content.surveys import Standing
from storage import audit
from storage import surveys as stored
from storage.inquiries import waiting
from tests.console.console_house import Browser, House
from tests.console.open_survey import CODE, ID, USER, WHO, kept, link_to, open_survey


@pytest.fixture(autouse=True)
def asked(house: House) -> None:
    open_survey(house)


def come_in(browser: Browser, path: str, code: str = CODE) -> TestResponse:
    return browser.post(path, {**browser.marks(path), "code": code})


@pytest.fixture
def guest(house: House) -> Browser:
    """Give a browser that has come in by its link."""
    browser = house.browser(None)
    assert come_in(browser, link_to(house)).status_code == 303
    return browser


def page_of(browser: Browser) -> str:
    return browser.get("/survey").get_data(as_text=True)


def form(browser: Browser) -> dict[str, str]:
    (mark,) = set(re.findall(r'name="guest" value="([^"]+)"', page_of(browser))) or {""}
    return {**browser.marks("/survey"), "guest": mark}


def send(browser: Browser, **said: Any) -> TestResponse:
    """Send a form as a browser does, with several values where several are chosen."""
    data = {**form(browser), **{name.replace("q", "q-q"): value for name, value in said.items()}}
    return browser.client.post("/survey/answer", data=data, headers=browser.headers)


def standing(house: House) -> Standing | None:
    found: Standing | None = house.run(house.store.read(lambda unit: stored.standing(unit, ID, WHO)))
    return found


def test_page_and_chat_hold_the_same_answers_and_the_last_ones_count(house: House, guest: Browser) -> None:
    """What was said in chat is filled in; options that do not exist are none, and what is left out is left out."""
    first = page_of(guest)
    assert re.findall(r'name="q-q1" value="(\d*)" checked', first) == ["2"]
    assert "不匿名" in first
    assert "问卷s0" in first, "the page names who fills it in"
    answer = send(guest, q1="1", q2=["1", "3", "9"], q3="", q4=" 多组织\u202e活动 ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/survey/done")
    assert "您的回答已经收到" in guest.get("/survey/done").get_data(as_text=True)
    assert kept(house) == {"q1": ["1"], "q2": ["1", "3"], "q3": [], "q4": ["多组织活动"]}
    assert standing(house) is Standing.FINISHED
    assert house.run(house.store.read(lambda unit: waiting(unit, USER))) is None, "the chat asks no further"
    assert "多组织活动</textarea>" in page_of(guest)
    send(guest, q1="2")
    assert kept(house) == {"q1": ["2"], "q2": [], "q3": [], "q4": []}


def test_an_answer_that_is_too_long_stays_on_the_page_as_it_was_typed(house: House, guest: Browser) -> None:
    """I008: never cut off in silence, and never to be typed again."""
    answer = send(guest, q1="1", q2="3", q4="长" * 301)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "太长了" in page, "您写的都还在这一页上" in page) == (422, True, True)
    assert "长" * 301 in page
    assert re.findall(r'name="q-q2" value="(\d)" checked', page) == ["3"]
    assert kept(house) == {"q1": ["2"]}, "what was said in chat stands"


def test_who_quits_on_the_page_leaves_nothing_behind_and_is_out(house: House, guest: Browser) -> None:
    """退出: what was said in chat is deleted as well, and the browser is nobody's."""
    send(guest, q1="1", q4="一句话")
    answer = guest.post("/survey/quit", form(guest))
    assert (answer.status_code, "已经删掉" in answer.get_data(as_text=True)) == (200, True)
    assert kept(house) == {}
    assert standing(house) is Standing.LEFT
    assert guest.get("/survey").status_code == 409


def test_who_leaves_the_page_keeps_what_they_answered_and_the_next_at_the_browser_sees_nothing(
    house: House, guest: Browser
) -> None:
    send(guest, q4="一句话")
    before = form(guest)
    assert guest.post("/survey/leave", guest.marks("/survey/done")).status_code == 200
    assert guest.get("/survey").status_code == 409
    assert come_in(guest, link_to(house, "other", MemberId("s1"))).status_code == 303
    assert "一句话" not in page_of(guest)
    stale = guest.post("/survey/answer", {**before, "csrf": form(guest)["csrf"], "q-q1": "1"})
    assert (stale.status_code, kept(house, MemberId("s1"))) == (409, {})
    assert kept(house)["q4"] == ["一句话"]


def test_a_link_to_a_survey_works_once_with_its_code_and_not_after_an_hour(house: House, guest: Browser) -> None:
    """Forwarded, used, guessed five times, signed in as another, over: nobody is let in."""
    path = link_to(house, "second")
    thief = house.browser(None)
    for _ in range(5):
        assert "口令" in come_in(thief, path, "000000").get_data(as_text=True)
    assert come_in(thief, path).status_code == 409
    path = link_to(house, "third")
    assert come_in(house.browser(), path).status_code == 409, "another account is signed in there"
    assert come_in(thief, path).status_code == 303
    assert come_in(house.browser(None), path).status_code == 409
    assert come_in(house.browser(None), "/survey/enter/none").status_code == 409
    house.clock.forward(SITTING)
    assert thief.get("/survey").status_code == 409


def test_after_the_end_nothing_is_kept_and_the_page_says_so(house: House, guest: Browser) -> None:
    fields = form(guest)
    house.clock.forward(timedelta(minutes=5))
    cancelled = rules.SurveyCancelled(survey=ID)
    house.run(house.store.settle(notes=[cancelled]))
    assert guest.post("/survey/answer", {**fields, "q-q1": "1"}).status_code == 409
    assert guest.post("/survey/quit", fields).status_code == 409
    assert guest.get("/survey").status_code == 409
    assert kept(house) == {}


def test_the_record_says_nothing_of_a_visit_to_the_page_of_a_survey(house: House) -> None:
    before = len(house.run(house.store.read(audit.lines)))
    browser = house.browser(None)
    come_in(browser, link_to(house), "000000")
    come_in(browser, "/survey/enter/token")
    send(browser, q1="1")
    send(browser, q4="长" * 301)
    browser.post("/survey/quit", form(browser))
    assert len(house.run(house.store.read(audit.lines))) == before
