"""A meeting in sessions at the desk: called with a look first, its roll notes to which each came, one is called off."""

from __future__ import annotations

from datetime import timedelta

from console.sheets import read_grid
from content.notices import Form
from content.notices import State as Stand
from content.roll_calls import Mark
from storage import meetings, outbox, session_choices
from tests.console.console_house import Browser, House
from tests.console.open_meeting import begin_meeting, call_meeting, say_coming
from tests.console.test_meetings_page import form, made, rows_of
from tests.console.test_minutes_page import cells

SPLIT = {"date_2": "2026-12-01", "time_2": "19:30", "place_2": "车间", "time_3": "", "date_3": "", "place_3": ""}


def test_the_notice_lists_the_sessions_before_anything_is_called_and_the_page_has_them(
    house: House, browser: Browser
) -> None:
    looked = browser.post("/meetings/new", form(house, **SPLIT, intent="look")).get_data(as_text=True)
    assert "第 1 场：12月1日（周二）15:00，二楼会议室" in looked
    assert "第 2 场：12月1日（周二）19:30，车间" in looked
    id = made(browser.post("/meetings/new", form(house, **SPLIT)))
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    assert [(session.place, session.begins.hour) for session in one.sessions] == [("二楼会议室", 7), ("车间", 11)]
    changed = browser.get(f"/meetings/{id}/change").get_data(as_text=True)
    assert 'name="time_2" type="time" value="19:30"' in changed


def test_a_form_that_needs_all_together_has_no_sessions_and_says_which_do(house: House, browser: Browser) -> None:
    answer = browser.post("/meetings/new", form(house, form=Form.LIFE, **SPLIT))
    assert answer.status_code == 422
    assert "这种会要大家在一起开，不能分场" in answer.get_data(as_text=True)
    answer = browser.post("/meetings/new", form(house, date_2="2026-12-01", time_2="15:10"))
    assert "上一场开完再开下一场" in answer.get_data(as_text=True)
    answer = browser.post("/meetings/new", form(house, date_2="2026-12-01", time_2="nonsense"))
    assert answer.status_code == 422


def test_the_roll_notes_to_which_session_each_came_and_the_papers_say_so(house: House, browser: Browser) -> None:
    people = house.seeded.members
    id = call_meeting(house, "split", ahead=timedelta(minutes=30), later=timedelta(hours=1))
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    say_coming(house, id, "白云")
    assert browser.get(f"/meetings/{id}").status_code == 200
    house.clock.forward(timedelta(minutes=30))
    browser.get(f"/meetings/{id}")
    house.clock.forward(timedelta(minutes=30))
    say_coming(house, id, "陈晨")
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert "分 2 场开" in page
    assert "可以表决" not in page
    ding = {f"mark-{people['丁一']}": Mark.PRESENT, f"at-{people['丁一']}": "2", f"was_at-{people['丁一']}": ""}
    path = f"/meetings/{id}/roll"
    assert browser.post(path, {**ding, "intent": "save"}, form_at=f"/meetings/{id}").status_code == 303
    assert house.run(house.store.read(lambda unit: session_choices.of_meeting(unit, id))) == {people["丁一"]: 2}
    moved = {f"at-{people['丁一']}": "1", f"was_at-{people['丁一']}": "2", "intent": "close"}
    assert browser.post(path, moved, form_at=f"/meetings/{id}").status_code == 303
    shown = rows_of(browser.get(f"/meetings/{id}").get_data(as_text=True))
    assert [shown[name][2] for name in ("白云", "陈晨", "丁一")] == ["第 1 场", "第 2 场", "第 1 场"]
    record = cells(browser.get(f"/meetings/{id}/minutes/record.docx").data)
    assert record["实到人数"] == "3\n第 1 场 2 人；第 2 场 1 人"
    assert record["地点"] == "二楼会议室、车间"
    assert record["时间"].count("；") == 1, "the last session is the one whose end is asked for"
    grid = read_grid(browser.get(f"/meetings/{id}/roll.xlsx").data, "roll.xlsx")
    rows = [[cell or "" for cell in row] for row in grid.rows]  # type: ignore[union-attr]
    place = rows[2].index("场次")
    came = {row[1]: row[place] for row in rows[3:]}
    assert [came[name] for name in ("白云", "陈晨", "丁一")] == ["第 1 场", "第 2 场", "第 1 场"]


def test_no_vote_is_recorded_of_sessions_and_the_page_says_what_to_do(house: House, browser: Browser) -> None:
    id = call_meeting(house, "no vote", ahead=timedelta(minutes=30), later=timedelta(hours=4))
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    voted = {"text": "同意", "yes": "1", "no": "0", "abstained": "0"}
    answer = browser.post(f"/meetings/{id}/resolutions", voted, form_at=f"/meetings/{id}")
    assert answer.status_code == 422
    assert "请另开一次不分场的党员大会来表决" in answer.get_data(as_text=True)


def test_one_session_is_called_off_by_itself(house: House, browser: Browser) -> None:
    id = call_meeting(house, "dropped", later=timedelta(hours=4))
    say_coming(house, id, "白云")
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert page.count("取消这一场") == 2
    answer = browser.post(f"/meetings/{id}/sessions/2/cancel", form_at=f"/meetings/{id}")
    assert "done=meeting_session_dropped" in answer.headers["Location"]
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    assert (one.state, one.further) == (Stand.PLANNED, ())
    rows = house.run(house.store.read(lambda unit: unit.rows(outbox.outbox.select())))
    assert [row.words["key"] for row in rows if row.words].count("meeting.session_dropped") == 1
    again = browser.post(f"/meetings/{id}/sessions/2/cancel", form_at=f"/meetings/{id}")
    assert again.status_code == 422
