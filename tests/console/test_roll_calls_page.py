"""The roll at the desk beyond the list: sheets read in and taken back, guests, codes of the venue, and drafts."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import opening
from console.written_sheets import write_csv, write_xlsx
from content.checkins import State
from content.identifiers import LineId, OccurrenceId, UserId
from content.notices import State as Stand
from content.occurrences import OccurrenceMissed
from content.record_lines import Line, LineSaid, Sort
from content.roll_calls import Mark
from content.venue_codes import VenueCodeShown, code_at
from storage import meetings, record_lines, resolutions
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER, put
from tests.console.open_meeting import begin_meeting, call_meeting, say_coming


def held(house: House, name: str) -> OccurrenceId:
    id = call_meeting(house, name, ahead=timedelta(minutes=30))
    say_coming(house, id, "白云")
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    return id


def states(house: House, id: OccurrenceId) -> dict[str, State]:
    names = {member: name for name, member in house.seeded.members.items()}
    found = house.run(house.store.read(lambda unit: meetings.places(unit, id)))
    return {names[one.member]: one.state for one in found if one.member in names}


def fields_of(page: str) -> dict[str, str]:
    """Return what the form of a look at a sheet sends as it stands."""
    form = page.partition("<main")[2]
    found = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        found[name] = re.findall(r'value="(\w+)" selected', options)[0]
    return found


def look(browser: Browser, id: OccurrenceId, data: bytes, name: str) -> Any:
    path = f"/meetings/{id}/roll/sheet"
    return browser.post(path, browser.marks(path) | {"file": (io.BytesIO(data), name)})


def test_a_sheet_is_looked_at_put_down_and_taken_back(house: House, browser: Browser) -> None:
    id = held(house, "from a sheet")
    before = states(house, id)
    rows = [["白云", "到会"], ["陈 晨", "线上"], ["丁一", "事假"], ["方圆", "来过？"], ["查无此人", "到会"]]
    page = look(browser, id, write_xlsx("签到表", ["姓名", "到会情况"], rows), "签到表.xlsx").get_data(as_text=True)
    assert states(house, id) == before, "a look puts nothing down"
    assert "名单上没有这个人" in page
    assert "看不懂写的什么" in page
    answer = browser.post(f"/meetings/{id}/roll", fields_of(page) | {"intent": "sheet"})
    assert answer.status_code == 303
    after = states(house, id)
    assert [after[name] for name in ("白云", "陈晨", "丁一", "方圆")] == [
        State.DONE,
        State.DONE,
        State.EXCUSED,
        State.OPEN,
    ]
    shown = browser.get(answer.headers["Location"]).get_data(as_text=True)
    undo = re.search(r'action="([^"]+/roll/back)".*?name="of" value="([^"]+)"', shown, re.DOTALL)
    assert undo is not None
    back = browser.post(undo[1], {"of": undo[2]}, form_at=f"/meetings/{id}")
    assert "done=roll_taken_back" in back.headers["Location"]
    assert states(house, id) == before


def test_what_is_no_list_of_names_is_refused_and_a_csv_is_read_like_a_workbook(house: House, browser: Browser) -> None:
    id = held(house, "csv")
    odd = look(browser, id, write_csv(["电话"], [["1"]]), "a.csv")
    assert odd.status_code == 422
    assert "没找到「姓名」一列" in odd.get_data(as_text=True)
    broken = look(browser, id, b"PK\x03\x04 no workbook", "a.xlsx")
    assert broken.status_code == 422
    page = look(browser, id, write_csv(["姓名"], [["白云"]]), "a.csv").get_data(as_text=True)
    assert "所以表里的人都算到了" in page
    white = house.seeded.members["白云"]
    assert fields_of(page)[f"mark-{white}"] == Mark.PRESENT


def test_a_sheet_of_a_roll_that_is_closed_or_not_begun_is_refused(house: House, browser: Browser) -> None:
    id = held(house, "closed")
    browser.post(f"/meetings/{id}/roll", {"intent": "close"}, form_at=f"/meetings/{id}")
    assert look(browser, id, write_csv(["姓名"], [["白云"]]), "a.csv").status_code == 422
    early = call_meeting(house, "early")
    assert look(browser, early, write_csv(["姓名"], [["白云"]]), "a.csv").status_code == 422


def test_the_code_of_the_venue_is_shown_large_changes_by_itself_and_names_nobody(
    house: House, browser: Browser
) -> None:
    viewer, id = house.browser(VIEWER), held(house, "coded")
    path = f"/meetings/{id}/code"
    assert "Refresh" not in browser.get(path).headers
    assert "done=code_shown" in browser.post(path, {"intent": "show"}).headers["Location"]
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    assert one.code_seed is not None
    shown = browser.get(path)
    code = code_at(one.code_seed, house.store.now())
    page = shown.get_data(as_text=True)
    assert f"{code[:3]} {code[3:]}" in page
    assert 1 <= int(shown.headers["Refresh"]) <= 31
    assert "挡不住存心的人" in page
    assert "白云" not in page.partition("<main")[2]
    house.clock.forward(timedelta(seconds=31))
    assert f"{code[:3]} {code[3:]}" not in browser.get(path).get_data(as_text=True)
    assert viewer.get(path).status_code == 403
    assert browser.post(path, {"intent": "show"}).status_code == 422
    browser.post(path, {"intent": "end"})
    assert browser.post(path, {"intent": "end"}).status_code == 422


def test_guests_who_came_are_ticked_beside_the_roll_and_stand_in_the_record(house: House, browser: Browser) -> None:
    begins = (house.clock.now + timedelta(minutes=30)).astimezone(ZoneInfo("Asia/Shanghai"))
    form = {
        "organisation": house.seeded.organisations["one"],
        "form": "assembly",
        "title": "有列席的大会",
        "date": begins.date().isoformat(),
        "time": f"{begins:%H:%M}",
        "length": "60",
        "guests": "丁一、方圆",
        "intent": "call",
    }
    answer = browser.post("/meetings/new", form)
    id = OccurrenceId(answer.headers["Location"].partition("/meetings/")[2].partition("?")[0])
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    house.run(house.store.settle([opening(id, house.store.now())]))
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    people = house.seeded.members
    ticked = {"asks_guests": "yes", "guest": people["丁一"], "intent": "save"}
    assert browser.post(f"/meetings/{id}/roll", ticked, form_at=f"/meetings/{id}").status_code == 303
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert f'value="{people["丁一"]}" checked' in page
    assert f'value="{people["方圆"]}" checked' not in page
    printed = browser.get(f"/meetings/{id}/minutes/print").get_data(as_text=True)
    assert re.search(r"<td>列席人员</td><td>丁一</td>", printed)


def test_a_meeting_whose_notice_went_nowhere_begins_once_somebody_says_that_it_is_held(
    house: House, browser: Browser
) -> None:
    id = call_meeting(house, "unannounced", ahead=timedelta(minutes=30))
    missed = OccurrenceMissed(occurrence=id, at=house.store.now(), reason="too_late", seats=())
    house.run(put(house.store, "missed", missed))
    assert "会照常开了" not in browser.get(f"/meetings/{id}").get_data(as_text=True)
    house.clock.forward(timedelta(minutes=31))
    assert "会照常开了" in browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert browser.post(f"/meetings/{id}/begin", form_at=f"/meetings/{id}").status_code == 303
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    assert one.state is Stand.HELD


def test_what_was_said_in_the_room_counts_once_it_is_taken_over(house: House, browser: Browser) -> None:
    viewer, id = house.browser(VIEWER), held(house, "said")
    white, at = house.seeded.members["白云"], house.store.now()
    by = UserId("@m1:example.org")
    said = [
        Line(id=LineId("l1"), occurrence=id, sort=Sort.RESOLUTION, text="同意计划", by=by, at=at),
        Line(id=LineId("l2"), occurrence=id, sort=Sort.TASK, text="联系厂家", by=by, at=at, member=white),
        Line(id=LineId("l3"), occurrence=id, sort=Sort.SPEECH, text="建议加扶手", by=by, at=at),
    ]
    house.run(house.store.settle(notes=[LineSaid(occurrence=id, line=one) for one in said]))
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert "群里说的决议" in page
    assert 'value="白云"' in page
    assert "还没有记决定" in page, "a draft decides nothing"
    assert "建议加扶手" in browser.get(f"/meetings/{id}/minutes").get_data(as_text=True)
    assert "同意计划" not in viewer.get(f"/meetings/{id}").get_data(as_text=True)
    taken = {"text": "同意年度计划", "line": "l1"}
    assert browser.post(f"/meetings/{id}/resolutions", taken, form_at=f"/meetings/{id}").status_code == 303
    task = {"owner": "白云", "task": "联系厂家", "due_on": "2026-12-01", "line": "l2"}
    assert browser.post(f"/meetings/{id}/tasks", task, form_at=f"/meetings/{id}").status_code == 303
    left = house.run(house.store.read(lambda unit: record_lines.of_meeting(unit, id)))
    assert [one.id for one in left] == ["l3"]
    found = house.run(house.store.read(lambda unit: resolutions.of_meeting(unit, id)))
    assert [one.text for one in found] == ["同意年度计划"]
    assert browser.post(f"/meetings/{id}/lines/l3/drop", form_at=f"/meetings/{id}").status_code == 303
    assert house.run(house.store.read(lambda unit: record_lines.of_meeting(unit, id))) == ()


def test_the_seed_of_a_code_stands_on_no_page(house: House, browser: Browser) -> None:
    id = held(house, "secret")
    house.run(put(house.store, "seed", VenueCodeShown(occurrence=id, seed="deadbeefdeadbeef")))
    for path in (f"/meetings/{id}", f"/meetings/{id}/code", "/record"):
        assert "deadbeef" not in browser.get(path).get_data(as_text=True)
