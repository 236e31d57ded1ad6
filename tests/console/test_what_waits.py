"""What is planned into quiet hours says on every page, from the first minute, when it will really be heard."""

from __future__ import annotations

import re

import pytest

from content.burden import Cap
from content.identifiers import OccurrenceId
from content.settings import QUIET_DAYS, QUIET_HOURS, SettingChosen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import put
from tests.console.test_calendar_page import section, text_of
from tests.console.test_feeds_page import made as feed
from tests.console.test_meetings_page import form as meeting
from tests.console.test_meetings_page import made
from tests.console.test_polls_page import form as poll
from tests.console.test_quiet_hours import twice
from tests.console.test_schedule_page import allow, form, planned
from tests.console.test_taking_back import take_back

TITLE = "宪法第一课"


@pytest.fixture(autouse=True)
def quiet(house: House) -> None:
    general = house.seeded.organisations["general"]
    for name, value in ((QUIET_HOURS, "21-8"), (QUIET_DAYS, "rest")):
        house.run(put(house.store, name, SettingChosen(organisation=general, name=name, value=value)))
    allow(house, Cap.DAY, 9)


def lighter(house: House, hours: str) -> None:
    """Let other hours be quiet, and no day."""
    general = house.seeded.organisations["general"]
    for name, value in ((QUIET_HOURS, hours), (QUIET_DAYS, "none")):
        chosen = SettingChosen(organisation=general, name=name, value=value)
        house.run(put(house.store, f"{name} {hours}", chosen))


@pytest.fixture
def night(house: House, browser: Browser) -> OccurrenceId:
    """Plan a lesson for half past ten tonight, which is heard at eight tomorrow."""
    _, second = twice(browser, "/schedule", form(house, date="2026-11-24", time="22:30"))
    assert second.status_code == 303
    (one,) = planned(house)
    return one.occurrence.id


def test_a_lesson_of_tonight_says_on_each_page_that_it_waits_until_morning(
    house: House, browser: Browser, night: OccurrenceId
) -> None:
    waits = "22:30 宪法第一课 检修党总支 · 已排期 · 等到明天 08:00发"
    for view in ("list", "week", "month"):
        assert waits in text_of(browser.get(f"/calendar?view={view}").text), view
    rows = browser.get("/calendar/export.csv").text.splitlines()
    (row,) = (row for row in rows if row.startswith('"2026-11-24","22:30"'))
    assert "已排期 · 等到11月25日（周三）08:00发" in row
    assert re.search(f"{TITLE} ?检修党总支 ?明天 08:00", section(browser.get("/").text, "coming"))
    assert "· 等到明天 08:00发" in text_of(browser.get(f"/check-ins/{night}").text)
    ics = house.browser(None).get(feed(house, browser)).text.replace("\r\n ", "")
    assert any(TITLE in one and "DTSTART:20261125T000000Z" in one for one in ics.split("BEGIN:VEVENT"))


def test_what_is_urgent_or_by_day_says_nothing_of_waiting(house: House, browser: Browser) -> None:
    assert browser.post("/schedule", form(house, date="2026-11-24", time="22:30", urgent="防汛")).status_code == 303
    assert browser.post("/schedule", form(house, date="2026-11-25", again="yes")).status_code == 303
    assert "等到" not in text_of(browser.get("/calendar").text)
    for one in planned(house):
        assert "等到" not in text_of(browser.get(f"/check-ins/{one.occurrence.id}").text)


def test_a_meeting_says_when_its_notice_is_heard(house: House, browser: Browser) -> None:
    _, second = twice(browser, "/meetings/new", meeting(house, notice_date="2026-11-24", notice_time="22:00"))
    one = made(second)
    assert "明天 08:00发通知" in text_of(browser.get("/calendar?view=list&month=2026-12").text)
    assert "已排期 · 明天 08:00" in text_of(browser.get(f"/meetings/{one}").text)
    assert "· 等到明天 08:00发" in text_of(browser.get(f"/check-ins/{one}").text)


def test_what_is_restored_says_that_it_waits(house: House, browser: Browser, night: OccurrenceId) -> None:
    gone = browser.post(f"/calendar/{night}/cancel", browser.marks("/"))
    said = text_of(browser.get(f"/check-ins/{night}").text)
    assert "那时在安静时间里，会等到明天 08:00发。" in said
    assert "恢复后仍按原来的时间发出" not in said
    back = take_back(browser, gone)
    done = text_of(browser.get(back.headers["Location"]).text)
    assert "已恢复。原来的时间在安静时间里，等安静时间结束就发。" in done
    other = house.seeded.occurrences["planned"]
    back = take_back(browser, browser.post(f"/calendar/{other}/cancel", browser.marks("/")))
    assert "已恢复，按原来的时间发出。" in text_of(browser.get(back.headers["Location"]).text)


def test_a_sign_up_begun_at_night_says_before_and_after_when_it_is_in_the_room(house: House, browser: Browser) -> None:
    by_day = text_of(browser.get("/sign-ups/new").text)
    assert "安静时间" not in by_day
    lighter(house, "20-10")
    assert "发起的接龙等到今天 10:00才发到群里" in text_of(browser.get("/sign-ups/new").text)
    one = {"title": "周六登山", "room": "!one", "date": "2026-11-27", "time": "18:00", "places": ""}
    begun = browser.post("/sign-ups/new", browser.marks("/sign-ups/new") | one)
    page = text_of(browser.get(begun.headers["Location"]).text)
    assert "接龙先留着，时间一过就发到群里" in page
    assert "现在是安静时间，今天 10:00 发到群里。" in page
    for said in (page, text_of(browser.get("/sign-ups").text)):
        assert "还没发到群里" in said
        assert "报名中" not in said


def test_a_poll_that_waits_is_not_said_to_run(house: House, browser: Browser) -> None:
    lighter(house, "20-10")
    begun = browser.post("/polls/new", poll())
    page = text_of(browser.get(begun.headers["Location"]).text)
    assert "还没发到群里" in page
    assert "进行中" not in page
    assert "主题党日定在哪天 检修车间第一党支部 还没发到群里" in text_of(browser.get("/polls").text)


def test_to_be_told_of_quiet_hours_is_a_question_and_no_fault(house: House, browser: Browser) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    asked = (
        browser.post("/schedule", form(house, time="22:30")),
        browser.post("/meetings/new", meeting(house, notice_date="2026-11-24", notice_time="22:00")),
        browser.post(path, browser.marks(path) | {"date": "2026-12-01", "time": "22:00"}),
    )
    for answer in asked:
        assert answer.status_code == 422
        assert "<h2>请再确认一次</h2>" in answer.text
        assert "还差" not in answer.text
        assert "aria-invalid" not in answer.text
        assert re.search('<button type="submit" class="primary"[^>]*>就这样，到时再发</button>', answer.text)
    both = browser.post("/meetings/new", meeting(house, title="", notice_date="2026-11-24", notice_time="22:00")).text
    assert "<h2>还差 2 处，改好后再提交" in both
    assert both.count("aria-invalid") == 1, "the title is at fault, and the time of the notice is not"
    assert "到时再发</button>" not in both


def test_the_form_begins_in_an_hour_that_is_not_quiet_and_says_which_hours_are(house: House, browser: Browser) -> None:
    page = browser.get("/schedule").text
    assert "21:00 到 8:00是安静时间，排在里面的等到安静时间结束再发" in page
    assert "算作打扰" not in page
    assert 'name="date" type="date" value="2026-11-24"' in page
    lighter(house, "8-7")
    page = browser.get("/schedule").text
    assert 'name="date" type="date" value="2026-11-25"' in page
    assert 'name="time" type="time" value="07:00"' in page
    lighter(house, "none")
    assert "晚九点到早八点会算作打扰" in browser.get("/schedule").text


def test_how_late_it_may_be_counts_from_the_end_of_quiet_hours(browser: Browser, night: OccurrenceId) -> None:
    assert "安静时间结束后12 小时内仍然补发" in text_of(browser.get(f"/check-ins/{night}").text)
