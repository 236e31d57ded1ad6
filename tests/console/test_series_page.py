"""A series on the console: its rule in words, what changes shown before it does, and the way back."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from content import schedules as rules
from content.burden import Cap
from content.identifiers import ScheduleId
from content.schedules import LessonsScheduled, materialise
from content.series import SeriesContinued
from content.shifts import ShiftsSet
from content.workday_lists import Day
from content.workdays import YearListed
from storage import series
from storage.schedules import Entry
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY, put
from tests.console.test_schedule_page import allow, form, planned
from tests.content.test_shifts import pattern


def due(house: House) -> list[str]:
    return [entry.occurrence.due_at.strftime("%m-%d %H:%M") for entry in planned(house)]


def weekly(house: House, browser: Browser, **more: Any) -> Entry:
    wanted = form(house, when="weekly", weekdays=["1", "4"], count="4") | more
    assert browser.post("/schedule", wanted).status_code == 303
    return planned(house)[0]


def look_and_say_yes(browser: Browser, path: str, fields: dict[str, str], said: str) -> str:
    """Send a form, find what it would do, send the form of that page, and return where it leads."""
    look = browser.post(path, browser.marks("/") | fields)
    assert look.status_code == 200
    page = look.get_data(as_text=True)
    assert said in page
    assert 'name="yes"' in page
    return browser.post(path, browser.marks("/") | fields | {"yes": "yes"}).headers["Location"]


def test_this_and_following_is_shown_then_done_and_taken_back(house: House, browser: Browser) -> None:
    first = weekly(house, browser)
    assert due(house) == ["11-27 07:00", "12-01 07:00", "12-04 07:00", "12-08 07:00"]
    third = planned(house)[2].occurrence.id
    fields = {"date": "2026-12-05", "time": "16:30", "window": "1440", "late": "day", "scope": "following"}
    page = browser.get(f"/calendar/{third}/move").get_data(as_text=True)
    assert "这一次和后面的" in page
    where = look_and_say_yes(browser, f"/calendar/{third}/move", fields, "会改 2 次")
    assert "done=series_replanned" in where
    assert due(house) == ["11-27 07:00", "12-01 07:00", "12-05 08:30", "12-09 08:30"]
    assert planned(house)[2].occurrence.late.total_seconds() == 7.5 * 3600
    back = browser.post(f"/calendar/series/{first.schedule}/undo", browser.marks("/"))
    assert "done=series_undone" in back.headers["Location"]
    assert due(house) == ["11-27 07:00", "12-01 07:00", "12-04 07:00", "12-08 07:00"]
    assert browser.post(f"/calendar/series/{first.schedule}/undo", browser.marks("/")).status_code == 409


def test_one_alone_keeps_its_place_when_the_series_is_shifted(house: House, browser: Browser) -> None:
    first = weekly(house, browser)
    alone = {"date": "2026-11-28", "time": "10:00"}
    browser.post(f"/calendar/{first.occurrence.id}/move", browser.marks("/") | alone)
    path = f"/calendar/series/{first.schedule}"
    assert "单独改过" in browser.get(path).get_data(as_text=True)
    look_and_say_yes(browser, f"{path}/shift", {"workdays": "2"}, "会改 3 次")
    assert due(house) == ["11-28 02:00", "12-03 07:00", "12-08 07:00", "12-10 07:00"]
    for far in ("99", "9" * 5000, "-" + "9" * 5000):
        assert browser.post(f"{path}/shift", browser.marks("/") | {"workdays": far}).status_code == 409


def test_a_series_is_ended_and_goes_on(house: House, browser: Browser) -> None:
    path = f"/calendar/series/{weekly(house, browser).schedule}"
    assert "done=series_ended" in browser.post(f"{path}/end", browser.marks("/")).headers["Location"]
    assert due(house) == []
    assert "停了" in browser.get(path).get_data(as_text=True)
    assert "done=series_resumed" in browser.post(f"{path}/resume", browser.marks("/")).headers["Location"]
    assert len(due(house)) == 4


def test_dates_on_a_guess_say_so_and_a_new_list_is_shown_before_it_changes_them(house: House, browser: Browser) -> None:
    ahead = form(house, when="workdays", date="2026-12-31", count="3")
    look = browser.post("/schedule", ahead | {"intent": "look"}).get_data(as_text=True)
    assert "有 2 次落在还没有工作日历的年份" in look
    browser.post("/schedule", ahead)
    guessed = planned(house)[1]
    assert guessed.occurrence.provisional
    assert "待确认" in browser.get("/calendar?view=month&month=2027-01").get_data(as_text=True)
    listed = YearListed(year=2027, days=(Day(date=date(2027, 1, 1), works=False, name="元旦"),))
    house.run(put(house.store, "list 2027", listed))
    for shown in ("", "?view=month&month=2027-01"):
        page = browser.get(f"/calendar{shown}").get_data(as_text=True)
        assert "《宪法第一课》有 2 次的日子和现在的工作日历对不上了" in page
    for elsewhere in ("?view=week", "?view=month&month=2026-10", "?view=week&week=2027-02-01"):
        assert "对不上" not in browser.get(f"/calendar{elsewhere}").get_data(as_text=True)
    assert due(house) == ["12-31 07:00", "01-01 07:00", "01-04 07:00"]
    look_and_say_yes(browser, f"/calendar/series/{guessed.schedule}/recount", {}, "不发了")
    assert due(house) == ["12-31 07:00", "01-04 07:00", "01-05 07:00"]
    assert not any(entry.occurrence.provisional for entry in planned(house))


def test_the_calendar_reckons_what_it_shows_however_long_a_rule_goes_on(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements asked and occurrences reckoned for a page, beside a short rule and beside two long ones."""
    asked: list[str] = []
    event.listen(house.store._engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    reckoned: list[object] = []
    planned = rules._planned
    monkeypatch.setattr(rules, "_planned", lambda *one: reckoned.append(one) or planned(*one))

    def cost(path: str) -> tuple[int, int]:
        asked.clear()
        reckoned.clear()
        assert browser.get(path).status_code == 200
        return len(asked), len(reckoned)

    allow(house, Cap.MONTH, 50)
    weekly(house, browser, weekdays=["4"], count="2")
    cost("/calendar?view=week")
    before = cost("/calendar?view=week")
    for weekday in ("1", "2"):
        weekly(house, browser, weekdays=[weekday], count="100")
    assert cost("/calendar?view=week&week=2027-01-11") == (before[0], 2)
    statements, number = cost("/calendar?view=month&month=2026-12")
    assert (statements, number) == (before[0], 11)
    assert cost("/calendar?view=month&month=2026-09")[1] == 0


def test_a_guess_is_confirmed_by_a_person(house: House, browser: Browser) -> None:
    browser.post("/schedule", form(house, when="workdays", date="2027-01-04", count="1"))
    (guessed,) = planned(house)
    assert (
        "done=occurrence_confirmed"
        in browser.post(f"/calendar/{guessed.occurrence.id}/confirm", browser.marks("/")).headers["Location"]
    )
    (confirmed,) = planned(house)
    assert not confirmed.occurrence.provisional
    assert browser.post(f"/calendar/{guessed.occurrence.id}/confirm", browser.marks("/")).status_code == 409


def test_a_rule_without_end_says_so(house: House, browser: Browser) -> None:
    monthly = form(house, when="monthly", nth="5", endless="yes", date="2026-11-25", off_days="next")
    page = browser.post("/schedule", monthly | {"intent": "look"}).get_data(as_text=True)
    assert "一直发下去；现在先排好 2 次" in page
    assert "12月7日（周一）" in page
    browser.post("/schedule", monthly)
    first, second = planned(house)
    assert (first.occurrence.provisional, second.occurrence.provisional) == (False, True)
    assert "不设次数" in browser.get(f"/calendar/series/{first.schedule}").get_data(as_text=True)


def test_what_its_rule_planned_above_a_cap_waits_for_a_word_with_a_free_day_offered(
    house: House, browser: Browser
) -> None:
    first = weekly(house, browser)
    allow(house, Cap.DAY, 1)
    rule = house.run(house.store.read(lambda unit: series.series(unit, first.schedule)))
    assert rule is not None
    ahead = replace(rule.schedule, id=ScheduleId("ahead"), start=date(2027, 2, 2), count=2)
    added = materialise(ahead)
    blocker = replace(ahead, id=ScheduleId("blocker"), at=time(9))
    house.run(
        put(
            house.store,
            "ahead",
            LessonsScheduled(schedule=ahead, planned=(), author=SECRETARY),
            LessonsScheduled(schedule=blocker, planned=materialise(blocker), author=SECRETARY),
            SeriesContinued(schedule=ahead.id, added=added, above=tuple(one.id for one in added)),
        )
    )
    page = browser.get("/calendar/missed").get_data(as_text=True)
    assert "超出上限，等您决定" in page
    assert "有 2 次排期超出上限" in browser.get("/").get_data(as_text=True)
    assert all(f"/check-ins/{one.id}" in page for one in added)
    assert "超出上限" in browser.get("/calendar?month=2027-02").get_data(as_text=True)
    one = browser.get(f"/check-ins/{added[0].id}").get_data(as_text=True)
    assert "改到 2027-02-03" in one
    to = f"/calendar/{added[0].id}/move"
    assert 'value="2027-02-03"' in browser.get(f"{to}?date=2027-02-03").get_data(as_text=True)
    assert browser.post(to, browser.marks(to) | {"date": "2027-02-03", "time": "15:00"}).status_code == 303
    assert browser.post(f"/calendar/{added[1].id}/confirm", browser.marks("/")).status_code == 303
    assert "超出上限" not in browser.get("/calendar/missed").get_data(as_text=True)
    assert "超出上限" not in browser.get("/").get_data(as_text=True)


def test_a_drip_shows_its_days_before_it_is_planned_and_is_shifted_and_taken_back(
    house: House, browser: Browser
) -> None:
    allow(house, Cap.DAY, 9)
    both = [house.seeded.lessons["law"], house.seeded.lessons["safety"]]
    drip = form(house, when="drip", lessons=both, on_days="第1天、３", endless="yes")
    page = browser.post("/schedule", drip | {"intent": "look"}).get_data(as_text=True)
    assert "共 2 次。" in page
    assert [re.sub("<[^>]*>", "", line) for line in re.findall("<li>(.*?)</li>", page) if "15:00" in line] == [
        "11月27日（周五）15:00 · 宪法第一课",
        "11月29日（周日）15:00 · 作业安全四步法",
    ]
    for wrong, said in ((drip | {"on_days": "1"}, "请一课写一天"), (drip | {"on_days": "1、好"}, "请写递增的整数")):
        answer = browser.post("/schedule", wrong)
        assert answer.status_code == 422
        assert said in answer.get_data(as_text=True)
    assert browser.post("/schedule", drip).status_code == 303
    assert due(house) == ["11-27 07:00", "11-29 07:00"]
    first = planned(house)[0].schedule
    page = browser.get(f"/calendar/series/{first}").get_data(as_text=True)
    assert "第 1、3 天" in page
    assert f'href="/schedule?like={first}"' in page
    again = browser.get(f"/schedule?like={first}").get_data(as_text=True)
    assert 'value="1、3"' in again
    assert re.search(r'name="when" value="drip" checked', again)
    assert again.count(" checked> ") >= 3
    look_and_say_yes(browser, f"/calendar/series/{first}/shift", {"workdays": "1"}, "会改 2 次")
    assert due(house) == ["11-30 07:00", "12-01 07:00"]
    browser.post(f"/calendar/series/{first}/undo", browser.marks("/"))
    assert due(house) == ["11-27 07:00", "11-29 07:00"]


def test_sessions_are_added_from_a_lesson_on_and_taken_back(house: House, browser: Browser) -> None:
    allow(house, Cap.DAY, 9)
    general = house.seeded.organisations["general"]
    first = weekly(house, browser)
    page, path = f"/calendar/series/{first.schedule}", f"/calendar/series/{first.schedule}/sessions"
    assert "分场次" not in browser.get(page).get_data(as_text=True)
    house.run(put(house.store, "shifts", ShiftsSet(organisation=general, pattern=pattern("2026-11-01"))))
    assert '<option value="2026-12-01">' in browser.get(page).get_data(as_text=True)
    fields = {"since": "2026-12-04", "days_2": "1", "time_2": "10:00"}
    assert "done=series_replanned" in look_and_say_yes(browser, path, fields, "第 2 场：丙、丁")
    assert due(house)[2:] == ["12-04 07:00", "12-05 02:00", "12-08 07:00", "12-09 02:00"]
    assert [entry.sessions for entry in planned(house)] == [1, 1, 2, 2, 2, 2]
    assert browser.post(path, browser.marks("/") | fields | {"since": "2026-12-02"}).status_code == 409
    assert browser.post(path, browser.marks("/") | fields | {"since": "soon"}).status_code == 400
    browser.post(f"{page}/undo", browser.marks("/"))
    assert due(house) == ["11-27 07:00", "12-01 07:00", "12-04 07:00", "12-08 07:00"]
