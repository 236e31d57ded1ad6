"""All that is wrong with a form is named at once, each fault at its field."""

from __future__ import annotations

import re

from tests.console.console_house import Browser, House
from tests.console.test_meetings_page import form as meeting
from tests.console.test_polls_page import form as poll
from tests.console.test_schedule_page import form as schedule


def faults(page: str) -> list[str]:
    return sorted(re.findall(r'<p class="error" id="(\w+)-error">', page))


def test_a_poll_names_all_that_is_wrong_with_it(browser: Browser) -> None:
    wrong = {"question": "", "answers": "周五", "date": "2026-11-01", "urgent": "急" * 201}
    assert faults(browser.post("/polls/new", poll(**wrong)).text) == ["answers", "date", "question", "urgent"]
    unread = poll(room="!none", question="", answers="", date="x")
    assert faults(browser.post("/polls/new", unread).text) == ["answers", "date", "question", "room"]


def test_a_schedule_names_a_past_date_beside_what_else_is_wrong(house: House, browser: Browser) -> None:
    wrong = schedule(house, date="2026-11-20", urgent="急" * 201)
    assert faults(browser.post("/schedule", wrong).text) == ["date", "urgent"]
    assert faults(browser.post("/schedule", wrong | {"urgent": ""}).text) == ["date"]
    assert faults(browser.post("/schedule", wrong | {"date": "2026-11-27"}).text) == ["urgent"]


def test_a_meeting_names_a_notice_after_it_and_who_is_not_known(house: House, browser: Browser) -> None:
    wrong = meeting(
        house,
        title="",
        date="2026-11-20",
        notice_date="2026-12-05",
        notice_time="09:00",
        chair="张三丰",
        recorder="李莫愁",
    )
    page = browser.post("/meetings/new", wrong).text
    assert faults(page) == ["chair", "date", "notice_date", "recorder", "title"]
    for name in ("张三丰", "李莫愁"):
        assert f"“{name}”：这里的名册上没有这个人" in page
    assert (
        "“陈晨、白云”：这里的名册上没有这个人" in browser.post("/meetings/new", meeting(house, chair="陈晨、白云")).text
    )
