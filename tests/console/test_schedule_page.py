"""Scheduling shows its dates first, plans once, and keeps the form when it cannot be meant."""

from __future__ import annotations

import re
from typing import Any

import pytest

from content.burden import Cap
from content.occurrences import State
from content.settings import SettingChosen
from content.shifts import ShiftsSet
from storage import schedules
from storage.schedules import Entry
from tests.console.console_house import Browser, House
from tests.console.console_seeding import put
from tests.content.test_shifts import pattern


def form(house: House, **more: Any) -> dict[str, Any]:
    return {
        "lessons": [house.seeded.lessons["law"]],
        "audience": house.seeded.organisations["general"],
        "when": "at",
        "date": "2026-11-27",
        "time": "15:00",
        "weekdays": ["4"],
        "count": "4",
        "window": "1440",
        "late": "720",
    } | more


def planned(house: House) -> list[Entry]:
    roots = [house.seeded.organisations["general"]]
    entries = house.run(house.store.read(lambda unit: schedules.calendar(unit, roots, states=[State.PLANNED])))
    return [entry for entry in entries if entry.occurrence.id != house.seeded.occurrences["planned"]]


def allow(house: House, cap: Cap, most: int) -> None:
    """Set a cap of the burden meter."""
    chosen = SettingChosen(organisation=house.seeded.organisations["general"], name=cap, value=str(most))
    house.run(put(house.store, f"cap {cap} {most}", chosen))


def test_a_lesson_is_planned_at_a_local_time(house: House, browser: Browser) -> None:
    answer = browser.post("/schedule", form(house))
    assert answer.headers["Location"] == "/calendar?done=scheduled"
    (entry,) = planned(house)
    assert entry.occurrence.due_at.isoformat() == "2026-11-27T07:00:00+00:00"
    assert entry.audience_name == "检修党总支"
    assert "宪法第一课" in browser.get("/calendar").get_data(as_text=True)


def test_now_means_now(house: House, browser: Browser) -> None:
    answer = browser.post("/schedule", form(house, when="now", date="", time=""))
    assert answer.headers["Location"] == "/calendar?done=going_out"
    (entry,) = planned(house)
    assert entry.occurrence.due_at == house.clock.now


def test_weekly_dates_are_shown_before_anything_is_planned(house: House, browser: Browser) -> None:
    weekly = form(house, when="weekly", weekdays=["1", "4"], count="5")
    page = browser.post("/schedule", weekly | {"intent": "look"}).get_data(as_text=True)
    for shown in ("11月27日（周五）15:00", "12月1日（周二）15:00", "12月4日（周五）15:00"):
        assert shown in page
    assert "12月8日" not in page
    assert "共 5 次，先列出 3 次。" in page
    few = browser.post("/schedule", weekly | {"count": "3", "intent": "look"}).get_data(as_text=True)
    assert "共 3 次。" in few
    assert planned(house) == []
    browser.post("/schedule", weekly)
    assert len(planned(house)) == 5


def test_several_lessons_take_turns(house: House, browser: Browser) -> None:
    both = [house.seeded.lessons["law"], house.seeded.lessons["safety"]]
    browser.post("/schedule", form(house, when="weekly", lessons=both, count="3"))
    assert [entry.title for entry in planned(house)] == ["宪法第一课", "作业安全四步法", "宪法第一课"]


@pytest.mark.parametrize("when", ["now", "at"])
def test_several_lessons_do_not_go_out_at_once(house: House, browser: Browser, when: str) -> None:
    both = [house.seeded.lessons["law"], house.seeded.lessons["safety"]]
    answer = browser.post("/schedule", form(house, when=when, lessons=both))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "一次只能发一课" in page
    assert 'href="#when"' in page
    assert 'id="when-error"' in page
    assert planned(house) == []


def test_pressing_twice_plans_once(house: House, browser: Browser) -> None:
    marks = browser.marks("/schedule")
    browser.post("/schedule", form(house) | marks)
    second = browser.post("/schedule", form(house, time="16:00") | marks)
    assert "done=repeated" in second.headers["Location"]
    assert len(planned(house)) == 1


@pytest.mark.parametrize(
    ("change", "said", "field"),
    [
        ({"lessons": []}, "请至少选一课", "lessons"),
        ({"lessons": ["unknown"]}, "请至少选一课", "lessons"),
        ({"date": "2026-11-23"}, "已经过去了", "date"),
        ({"date": ""}, "请选择日期", "date"),
        ({"date": "2036-01-01"}, "太远了", "date"),
        ({"time": "25:00"}, "请选择时间", "time"),
        ({"when": "weekly", "weekdays": []}, "请至少选星期中的一天", "weekdays"),
        ({"when": "weekly", "count": "0"}, "次数请写", "count"),
        ({"when": "weekly", "count": "很多"}, "次数请写", "count"),
        ({"window": "2"}, "至少开放 5 分钟", "window"),
        ({"window": "long"}, "请从列表里选择", "window"),
        ({"late": "-5"}, "请从列表里选择", "late"),
    ],
)
def test_a_refused_schedule_keeps_the_form(
    house: House, browser: Browser, change: dict[str, Any], said: str, field: str
) -> None:
    answer = browser.post("/schedule", form(house) | {"window": "4320"} | change)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert f'href="#{field}"' in page
    assert f'id="{field}-error"' in page
    if "window" not in change:
        assert '<option value="4320" selected>' in page
    if "lessons" not in change:
        assert f'value="{house.seeded.lessons["law"]}" checked' in page
    if "time" not in change:
        assert 'value="15:00"' in page
    assert planned(house) == []


def test_a_lesson_or_place_of_a_sibling_cannot_be_planned(house: House, browser: Browser) -> None:
    assert browser.post("/schedule", form(house, audience=house.seeded.organisations["far"])).status_code == 404
    assert browser.post("/schedule", form(house, lessons=[house.seeded.lessons["far"]])).status_code == 422
    assert planned(house) == []


def test_a_place_without_a_room_is_told_so(house: House, browser: Browser) -> None:
    page = browser.post("/schedule", form(house, audience=house.seeded.organisations["three"], intent="look"))
    assert "还没有能发的群" in page.get_data(as_text=True)


def state(house: House, short: str) -> State:
    entry = house.run(house.store.read(lambda unit: schedules.entry(unit, house.seeded.occurrences[short])))
    found: State = entry.occurrence.state
    return found


def test_what_is_planned_can_be_called_off_once(house: House, browser: Browser) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/cancel"
    marks = browser.marks("/")
    assert "done=cancelled" in browser.post(path, marks).headers["Location"]
    assert state(house, "planned") is State.CANCELLED
    assert "done=repeated" in browser.post(path, marks).headers["Location"]
    again = browser.post(path, browser.marks("/"))
    assert again.status_code == 409
    assert "不能再取消" in again.get_data(as_text=True)


def test_what_was_missed_can_be_sent_after_all(house: House, browser: Browser) -> None:
    path = f"/calendar/{house.seeded.occurrences['missed']}/send-now"
    assert "done=sending_now" in browser.post(path, browser.marks("/")).headers["Location"]
    assert state(house, "missed") is State.PLANNED
    open_one = f"/calendar/{house.seeded.occurrences['open']}/send-now"
    assert browser.post(open_one, browser.marks("/")).status_code == 409


def test_a_branch_cannot_call_off_what_its_general_branch_planned(house: House) -> None:
    from content.identifiers import UserId
    from content.organisations import Duty, DutyGranted, Role
    from tests.console.console_seeding import put

    user = UserId("@zhibu:example.org")
    duty = Duty(user=user, organisation=house.seeded.organisations["two"], role=Role.SECRETARY)
    house.run(put(house.store, "duty two", DutyGranted(duty=duty)))
    browser = house.browser(user)
    assert browser.get(f"/check-ins/{house.seeded.occurrences['missed']}").status_code == 404
    page = browser.get(f"/check-ins/{house.seeded.occurrences['closed']}").get_data(as_text=True)
    assert "检修车间第二党支部" in page
    assert "白云" not in page
    assert "检修车间第一党支部" not in page
    path = f"/calendar/{house.seeded.occurrences['planned']}/cancel"
    assert browser.post(path, browser.marks("/")).status_code == 404


def test_what_goes_to_the_same_people_at_the_same_time_is_planned_twice_only_when_that_is_meant(
    house: House, browser: Browser
) -> None:
    allow(house, Cap.DAY, 5)
    assert browser.post("/schedule", form(house)).status_code == 303
    answer = browser.post("/schedule", form(house, time="15:03"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.search("同一课已经排在 <time [^>]+>11月27日（周五）15:00</time>", page)
    assert 'name="again"' in page
    assert len(planned(house)) == 1
    assert browser.post("/schedule", form(house, again="yes")).status_code == 303
    assert len(planned(house)) == 2
    for other in ({"time": "16:00"}, {"audience": house.seeded.organisations["one"]}):
        assert browser.post("/schedule", form(house, **other)).status_code == 303


def test_all_that_is_wrong_is_named_at_once(house: House, browser: Browser) -> None:
    bad = form(house, lessons=[], when="weekly", weekdays=[], date="2026-02-30", count="0", window="x", every="0")
    page = browser.post("/schedule", bad).text
    found = re.findall(r'<p class="error" id="(\w+)-error">', page)
    assert found == ["lessons", "date", "weekdays", "every", "count", "window"]
    assert "还差 6 处" in page
    # So are what is there already and what is too much.
    allow(house, Cap.DAY, 1)
    assert browser.post("/schedule", form(house)).status_code == 303
    both = browser.post("/schedule", form(house)).text
    assert "还差 2 处" in both
    assert "同一课已经排在" in both
    assert "每天的上限" in both


def test_above_a_cap_nothing_is_planned_and_the_next_free_day_is_offered(house: House, browser: Browser) -> None:
    for time in ("09:00", "10:00"):
        assert browser.post("/schedule", form(house, time=time)).status_code == 303
    answer = browser.post("/schedule", form(house, again="yes"))
    assert answer.status_code == 422
    assert "2026-11-27 群里已满 2 条，这是每天的上限。最近的空闲日是 2026-11-28" in answer.get_data(as_text=True)
    assert len(planned(house)) == 2
    assert browser.post("/schedule", form(house, date="2026-11-28")).status_code == 303
    # Another branch's room has heard nothing of what only one branch was asked.
    assert (
        browser.post(
            "/schedule", form(house, date="2026-11-26", audience=house.seeded.organisations["two"])
        ).status_code
        == 303
    )
    allow(house, Cap.MONTH, 4)
    later = browser.post("/schedule", form(house, date="2026-11-30"))
    assert "最近的空闲日是 2026-12-01" in later.get_data(as_text=True)


def test_the_preview_says_what_is_too_much_and_the_free_day_is_one_press_away(house: House, browser: Browser) -> None:
    for time in ("09:00", "10:00"):
        assert browser.post("/schedule", form(house, time=time)).status_code == 303
    look = browser.post("/schedule", form(house, time="11:00", intent="look"))
    page = look.get_data(as_text=True)
    assert (look.status_code, "每天的上限" in page) == (422, True)
    assert 'name="free_day" value="2026-11-28"' in page
    answer = browser.post("/schedule", form(house, time="11:00", free_day="2026-11-28"))
    assert answer.headers["Location"] == "/calendar?done=scheduled"
    assert max(entry.local_date for entry in planned(house)).isoformat() == "2026-11-28"
    allow(house, Cap.MONTH, 8)
    close = browser.post("/schedule", form(house, date="2026-11-29", intent="look")).get_data(as_text=True)
    assert "上限 8 条。能合并的" in close


def test_a_rule_with_an_end_is_planned_sixty_days_ahead_and_weighed_to_its_end(house: House, browser: Browser) -> None:
    allow(house, Cap.MONTH, 3)
    answer = browser.post("/schedule", form(house, when="weekly", date="2026-12-04", count="40"))
    assert "每月的上限" in answer.get_data(as_text=True)
    allow(house, Cap.MONTH, 9)
    assert browser.post("/schedule", form(house, when="weekly", date="2026-12-04", count="40")).status_code == 303
    dates = [entry.local_date.isoformat() for entry in planned(house)]
    assert (dates[0], dates[-1], len(dates)) == ("2026-12-04", "2027-01-29", 9)
    page = browser.get(f"/calendar/series/{planned(house)[0].schedule}").get_data(as_text=True)
    assert "共 40 次 · 已排好 9 次" in page


def test_of_a_large_tree_the_form_opens_the_place_that_is_chosen_and_keeps_the_rest(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = house.seeded.organisations
    assert "看下一级" not in browser.get("/schedule").get_data(as_text=True)
    monkeypatch.setattr("console.access.MOST_OFFERED", 2)
    monkeypatch.setattr("console.pages.schedules.MOST_OFFERED", 2)

    def offered(page: str) -> list[str]:
        return re.findall(r'<option value="([^"]+)"', page.partition('id="audience"')[2].partition("</select>")[0])

    assert offered(browser.get("/schedule").get_data(as_text=True)) == [
        at["general"],
        at["one"],
        at["two"],
        at["three"],
    ]
    fields = form(house, audience=at["one"], intent="open", date="2026-12-31", lessons=[])
    answer = browser.post("/schedule", fields)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert offered(page) == [at["general"], at["one"], at["group"], at["two"], at["three"]]
    assert f'value="{at["one"]}" selected' in page
    assert 'value="2026-12-31"' in page
    assert planned(house) == []
    browser.post("/schedule", form(house, audience=at["group"]))
    assert [entry.occurrence.audience for entry in planned(house)] == [at["group"]]


def test_a_lesson_in_two_sessions_shows_both_before_it_is_planned_and_in_the_calendar(
    house: House, browser: Browser
) -> None:
    general = house.seeded.organisations["general"]
    assert "time_2" not in browser.get("/schedule").get_data(as_text=True)
    house.run(put(house.store, "shifts", ShiftsSet(organisation=general, pattern=pattern("2026-11-01"))))
    assert "time_2" in browser.get("/schedule").get_data(as_text=True)
    allow(house, Cap.DAY, 9)
    twice = form(house, days_2="1", time_2="10:00", days_3="", time_3="")
    page = browser.post("/schedule", twice | {"intent": "look"}).get_data(as_text=True)
    dates = [re.sub("<[^>]*>", "", line) for line in re.findall("<li>(.*?)</li>", page) if "场：" in line]
    assert dates == [
        "11月27日（周五）15:00 · 宪法第一课 · 第 1 场：乙、丙、没有倒班的",
        "11月28日（周六）10:00 · 宪法第一课 · 第 2 场：甲、丁",
    ]
    assert planned(house) == []
    browser.post("/schedule", twice)
    assert [entry.session for entry in planned(house)] == [0, 1]
    assert [entry.local_date.day for entry in planned(house)] == [27, 28]
    shown = browser.get("/calendar?month=2026-11").get_data(as_text=True)
    assert "第 1 场" in shown
    assert "第 2 场" in shown
    first, second = (entry.occurrence.id for entry in planned(house))
    one = browser.get(f"/check-ins/{first}").get_data(as_text=True)
    assert f'/check-ins/{second}"' in one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"days_2": "0", "time_2": "15:10"}, "相隔至少 30 分钟"),
        ({"days_2": "9", "time_2": "15:00"}, "写 0 到 7 天"),
        ({"days_2": "1", "time_2": "later"}, "写 0 到 7 天"),
        ({"days_2": "7", "time_2": "15:30"}, "7 天以内"),
    ],
)
def test_sessions_that_cannot_be_meant_are_refused(
    house: House, browser: Browser, change: dict[str, Any], said: str
) -> None:
    answer = browser.post("/schedule", form(house, **change))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert planned(house) == []
