"""Meetings at the desk: called with a look first, changed, called off, and their roll kept by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from bot.clock import opening
from content.checkins import Note, State
from content.identifiers import MemberId, OccurrenceId, RoomId, TermId, UserId
from content.members import MemberChanged
from content.notices import State as Stand
from content.occurrences import OccurrenceClosed
from content.organisations import Duty, DutyGranted, Role
from content.roll_calls import Mark
from content.rooms import Purpose, Room, RoomKept
from content.settings import SettingChosen
from content.terms import CommitteeElected, Seat, Term
from storage import checkins, meetings, members, outbox, resolutions, schedules
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER, put
from tests.console.open_meeting import begin_meeting, call_meeting, say_coming

RECORDING = "/participation/hours/record"
LEADER = UserId("@zuzhang:example.org")
PUBLICITY = UserId("@xuanchuan:example.org")


def form(house: House, **more: Any) -> dict[str, Any]:
    usual = {
        "organisation": house.seeded.organisations["one"],
        "form": "assembly",
        "title": "第四次支部党员大会",
        "agenda": "讨论预备党员转正\n\n 其他 ",
        "date": "2026-12-01",
        "time": "15:00",
        "length": "90",
        "place": "二楼会议室",
        "chair": "白云",
        "recorder": "陈晨",
        "intent": "call",
        "reminds": "yes",
    }
    return usual | more


def made(answer: Any) -> OccurrenceId:
    found = re.search(r"/meetings/(\w+)\?", answer.headers["Location"])
    assert found is not None
    return OccurrenceId(found[1])


def rows_of(page: str) -> dict[str, list[str]]:
    body = page.partition('<section aria-labelledby="roll">')[2]
    cells = (
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    )
    return {one[0]: [re.sub(r"<select.*|<[^>]+>", "", cell, flags=re.DOTALL) for cell in one[1:]] for one in cells}


def test_a_meeting_is_looked_at_first_and_then_called_once(house: House, browser: Browser) -> None:
    looked = browser.post("/meetings/new", form(house, intent="look"))
    page = looked.get_data(as_text=True)
    assert "【会议通知】第四次支部党员大会\n时间：" in page
    assert "1. 讨论预备党员转正\n2. 其他" in page
    assert "检修车间第一党支部</textarea>" in page
    assert "第四次" not in browser.get("/meetings").get_data(as_text=True), "looking calls nothing"
    fields = browser.marks("/meetings/new") | form(house)
    answer = browser.post("/meetings/new", fields)
    assert "done=meeting_called" in answer.headers["Location"]
    assert "done=repeated" in browser.post("/meetings/new", fields).headers["Location"]
    shown = browser.get(f"/meetings/{made(answer)}").get_data(as_text=True)
    for said in ("二楼会议室", "白云", "陈晨", "待召开", "讨论预备党员转正"):
        assert said in shown
    assert browser.get("/meetings").get_data(as_text=True).count("第四次支部党员大会") == 1
    occurrence = browser.get(f"/check-ins/{made(answer)}").get_data(as_text=True)
    assert f"/meetings/{made(answer)}" in occurrence, "the notice leads to its meeting"


def test_what_cannot_be_meant_is_refused_at_its_field(house: House, browser: Browser) -> None:
    for field, value, said in (
        ("title", " ", "请写会议名称"),
        ("date", "2026-11-01", "已经过了"),
        ("date", "2026-02-30", "请写清日期和时间"),
        ("length", "3", "预计多少分钟"),
        ("chair", "查无此人", "名册上没有这个人"),
        ("chair", "白云、陈晨", "名册上没有这个人"),
        ("guests", "安邻", "名册上没有这个人"),
        ("agenda", "长" * 201, "太长了"),
        ("form", "talk", "请写谁参加"),
        ("form", "committee", "还没有登记支委会成员"),
        ("form", "dance", "请选会议形式"),
    ):
        answer = browser.post("/meetings/new", form(house, **{field: value}))
        assert answer.status_code == 422, field
        assert said in answer.get_data(as_text=True), field
    late = browser.post("/meetings/new", form(house, notice_date="2026-12-02", notice_time="09:00"))
    assert "开始之前发出" in late.get_data(as_text=True)


def wrong_fields(page: str) -> list[str]:
    return re.findall(r'<p class="error" id="(\w+)-error">', page)


def test_all_that_is_wrong_is_named_at_once_to_who_looks_and_to_who_calls(house: House, browser: Browser) -> None:
    bad = form(
        house, title="", date="2026-02-30", length="3", chair="查无此人", notice_date="2026-11-31", agenda="长" * 201
    )
    for intent in ("look", "call"):
        answer = browser.post("/meetings/new", bad | {"intent": intent})
        assert answer.status_code == 422, intent
        assert wrong_fields(answer.text) == ["title", "agenda", "date", "length", "chair", "notice_date"], intent
        assert "还差 6 处" in answer.text, intent
    id = call_meeting(house, "changed")
    path = f"/meetings/{id}/change"
    changed = browser.post(path, form(house, title="", date="2026-11-01", guests="查无此人"), form_at=path)
    assert (changed.status_code, wrong_fields(changed.text)) == (422, ["title", "date", "guests"])


def test_who_looks_at_a_notice_is_told_all_that_would_keep_it_from_going_out(house: House, browser: Browser) -> None:
    capped = SettingChosen(organisation=house.seeded.organisations["general"], name="posts_day", value="1")
    house.run(put(house.store, "cap", capped))
    for more, said in (
        ({"notice_date": "2026-12-02", "notice_time": "09:00"}, "开始之前发出"),
        ({"title": "", "notice_date": "2026-11-23", "notice_time": "09:00"}, "已经过去"),
        ({"form": "talk", "chair": ""}, "请写谁参加"),
        ({"form": "committee", "chair": ""}, "还没有登记支委会成员"),
        ({}, "每天的上限"),
    ):
        answer = browser.post("/meetings/new", form(house, intent="look", **more))
        assert (answer.status_code, said in answer.text) == (422, True), said


def test_a_notice_above_a_cap_is_refused_with_a_day_that_is_free(house: House, browser: Browser) -> None:
    capped = SettingChosen(organisation=house.seeded.organisations["general"], name="posts_day", value="1")
    house.run(put(house.store, "cap", capped))
    assert browser.post("/meetings/new", form(house)).status_code in (303, 422)
    answer = browser.post("/meetings/new", form(house, title="又一次"))
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="notice_date-error"' in page
    assert '<a href="/participation/burden?month=2026-11">' in page, "what fills the day is one press away"
    found = re.search('name="free_day" value="(2026-11-[0-9]+)"', page)
    assert found is not None
    free = browser.post("/meetings/new", form(house, title="又一次", intent="", free_day=found[1]))
    notice = house.run(house.store.read(lambda unit: schedules.entry(unit, made(free))))
    assert notice is not None
    assert notice.local_date.isoformat() == found[1]


def test_no_day_is_offered_on_which_a_notice_would_come_after_its_meeting(house: House, browser: Browser) -> None:
    capped = SettingChosen(organisation=house.seeded.organisations["general"], name="posts_day", value="1")
    house.run(put(house.store, "cap", capped))
    called = {"date": "2026-11-29", "time": "10:00", "notice_date": "2026-11-28"}
    first = browser.post("/meetings/new", form(house, **called, notice_time="09:00"))
    assert first.status_code == 303
    for at, offered in (("09:30", True), ("10:00", False), ("18:00", False)):
        page = browser.post("/meetings/new", form(house, **called, title="又一次", notice_time=at)).text
        assert ("最近的空闲日是 2026-11-29" in page) is offered, at
        assert ("开始之前也没有空闲的日子" in page) is not offered, at
    # Nor is a notice moved there.
    path = f"/calendar/{made(first)}/move"
    moved = browser.post(path, {"date": "2026-11-29", "time": "10:00"}, form_at=path)
    assert (moved.status_code, "通知要在会议开始之前发出" in moved.text) == (409, True)


def test_who_may_not_see_members_sees_no_roll_and_no_talk(house: House, browser: Browser) -> None:
    id = call_meeting(house, "seen")
    talk = made(browser.post("/meetings/new", form(house, form="talk", named="丁一", chair="", title="谈心")))
    viewer = house.browser(VIEWER)
    page = viewer.get(f"/meetings/{id}").get_data(as_text=True)
    assert "讨论年度计划" in page
    assert "丁一" not in page
    assert viewer.get(f"/meetings/{talk}").status_code == 404
    assert "谈心" not in re.sub(r"<option.*?</option>", "", viewer.get("/meetings").get_data(as_text=True))
    assert browser.get(f"/meetings/{talk}").status_code == 200
    assert house.browser(NEIGHBOUR).get(f"/meetings/{id}").status_code == 404
    assert viewer.post(f"/meetings/{id}/cancel", {"why": ""}, form_at="/meetings").status_code == 403
    assert viewer.get("/meetings/new").status_code == 403


def test_a_notice_is_no_lesson_to_schedule_or_to_find(house: House, browser: Browser) -> None:
    id = made(browser.post("/meetings/new", form(house)))
    one = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert one is not None
    assert one.lesson not in browser.get("/schedule").text
    wanted = {"lessons": [one.lesson], "audience": one.organisation, "when": "now", "window": "1440", "late": "720"}
    again = browser.post("/schedule", wanted)
    assert (again.status_code, 'id="lessons-error"' in again.text) == (422, True)
    found = browser.get("/search?q=第四次").text
    assert f"/check-ins/{id}" in found, "it is found as the meeting that it calls"
    assert f"/lessons/{one.lesson}" not in found


def test_what_a_talk_is_about_stands_on_its_own_page_and_in_no_list(house: House, browser: Browser) -> None:
    wanted = form(house, form="talk", named="丁一", chair="", title="核实某事", agenda="谈某话")
    talk = made(browser.post("/meetings/new", wanted))
    viewer = house.browser(VIEWER)
    found = house.run(house.store.read(lambda unit: meetings.meeting(unit, talk)))
    assert found is not None
    lists = ("/", "/lessons", f"/lessons/{found.lesson}", "/calendar", "/search?q=某事", "/check-ins", "/participation")
    for sent in (False, True):
        if sent:
            house.run(house.store.settle([opening(talk, house.store.now())]))
        for path in (*lists, f"/check-ins/{talk}", "/outbox"):
            page = viewer.get(path).get_data(as_text=True).replace("q=某事", "").replace('value="某事"', "")
            assert "核实某事" not in page, path
            assert "谈某话" not in page, path
    assert "谈心谈话" in viewer.get("/lessons").get_data(as_text=True)
    own = browser.get(f"/meetings/{talk}").get_data(as_text=True)
    assert "核实某事" in own
    assert "谈某话" in own


def test_the_card_of_a_committee_is_read_as_text_by_who_may_see_members_only(house: House, browser: Browser) -> None:
    one, seats = house.seeded.organisations["one"], (Seat(member=house.seeded.members["白云"], post="书记"),)
    term = Term(id=TermId("term"), organisation=one, elected_on=house.store.now().date(), years=3, seats=seats)
    room = Room(
        id=RoomId("!inner:example.org"), organisation=one, purpose=Purpose.COMMITTEE, name="支委", encrypted=False
    )
    house.run(put(house.store, "term", CommitteeElected(term=term)))
    house.run(put(house.store, "inner", RoomKept(room=room)))
    id = made(browser.post("/meetings/new", form(house, form="committee", chair="", recorder="", agenda="谈某话")))
    house.run(house.store.settle([opening(id, house.store.now())]))
    assert "谈某话" in browser.get(f"/check-ins/{id}/text").get_data(as_text=True)
    assert house.browser(VIEWER).get(f"/check-ins/{id}/text").status_code == 404


def test_the_roll_is_called_by_hand_and_closed_by_the_recorder(house: House, browser: Browser) -> None:
    """CAD-16."""
    id = call_meeting(house, "rolled", ahead=timedelta(minutes=30))
    say_coming(house, id, "白云")
    say_coming(house, id, "陈晨", Note.ONLINE)
    before = rows_of(browser.get(f"/meetings/{id}").get_data(as_text=True))
    assert [before[name][0] for name in ("白云", "陈晨", "丁一")] == ["能来", "线上", "待答复"]
    path = f"/meetings/{id}/roll"
    early = browser.post(path, {"intent": "save"}, form_at=f"/meetings/{id}")
    assert early.status_code == 422
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    assert browser.post(path, {"intent": "coming"}, form_at=f"/meetings/{id}").status_code == 303
    people = house.seeded.members
    marks = {f"mark-{people['丁一']}": Mark.LEAVE, "mark-nobody": Mark.PRESENT, f"mark-{people['方圆']}": "??"}
    assert browser.post(path, marks | {"intent": "save"}, form_at=f"/meetings/{id}").status_code == 303
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    shown = rows_of(page)
    assert shown["白云"][0] == "已完成"
    assert shown["丁一"][0] == "请假"
    closed = browser.post(path, {"intent": "close"}, form_at=f"/meetings/{id}")
    assert "done=meeting_closed" in closed.headers["Location"]
    found = house.run(house.store.read(lambda unit: meetings.meeting(unit, id)))
    assert found is not None
    assert found.state is Stand.CLOSED
    place = house.run(house.store.read(lambda unit: checkins.expectation(unit, id, MemberId(people["方圆"]))))
    assert place is not None
    assert place.state is State.UNANSWERED
    assert "<select" not in browser.get(f"/meetings/{id}").get_data(as_text=True).partition("<main")[2]


def test_the_roll_takes_what_its_recorder_changes_and_not_what_a_stale_page_shows(
    house: House, browser: Browser
) -> None:
    id = call_meeting(house, "stale", ahead=timedelta(minutes=1))
    house.clock.forward(timedelta(minutes=1))
    begin_meeting(house, id)
    opened = browser.get(f"/meetings/{id}").get_data(as_text=True)
    was = dict(re.findall(r'name="(was-\w+)" value="(\w+)"', opened))
    marks = {name.replace("was-", "mark-"): value for name, value in was.items()}
    say_coming(house, id, "白云", Note.ONLINE)
    people = house.seeded.members
    li = {f"mark-{people['丁一']}": Mark.PRESENT}
    answer = browser.post(f"/meetings/{id}/roll", was | marks | li | {"intent": "save"}, form_at=f"/meetings/{id}")
    assert answer.status_code == 303
    shown = rows_of(browser.get(f"/meetings/{id}").get_data(as_text=True))
    assert [shown[name][0] for name in ("白云", "丁一")] == ["已完成 · 线上", "已完成"]
    both = was | marks | {f"mark-{people['白云']}": Mark.ABSENT, "intent": "close"}
    refused = browser.post(f"/meetings/{id}/roll", both, form_at=f"/meetings/{id}")
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert "白云的情况在您打开页面之后有了变化" in page
    assert rows_of(page)["白云"][0] == "已完成 · 线上"
    assert '<option value="absent" selected>' in page, "what was chosen is not lost"


def test_who_said_online_is_not_counted_in_the_room_when_all_who_come_are_marked(
    house: House, browser: Browser
) -> None:
    id = call_meeting(house, "as said", ahead=timedelta(minutes=30))
    for name, note in (("白云", Note.COMING), ("陈晨", Note.ONLINE), ("丁一", Note.LATE)):
        say_coming(house, id, name, note)
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    browser.post(f"/meetings/{id}/roll", {"intent": "coming"}, form_at=f"/meetings/{id}")
    floor = house.run(house.store.read(lambda unit: meetings.floor(unit, id)))
    assert (floor.present, floor.online) == (2, 1)


def test_why_somebody_has_no_vote_is_said_to_who_may_know(house: House, browser: Browser) -> None:
    """R7: what may tell of discipline is for who keeps the roster."""
    known = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members["丁一"])))
    assert known is not None
    house.run(put(house.store, "probation", MemberChanged(member=replace(known, status="留党察看一年"))))
    id = call_meeting(house, "votes")
    shown = rows_of(browser.get(f"/meetings/{id}").get_data(as_text=True))
    assert shown["丁一"][1] == "无（留党察看一年）"
    assert shown["白云"][1] == "有"
    leader = Duty(user=LEADER, organisation=house.seeded.organisations["one"], role=Role.GROUP_LEADER)
    house.run(put(house.store, "leader", DutyGranted(duty=leader)))
    kept_back = house.browser(LEADER).get(f"/meetings/{id}").get_data(as_text=True)
    assert "留党察看" not in kept_back
    assert rows_of(kept_back)["丁一"][1].startswith("无")


def test_a_change_and_a_cancellation_are_told_to_those_who_had_answered(house: House, browser: Browser) -> None:
    id = call_meeting(house, "moved")
    say_coming(house, id, "白云")
    page = browser.get(f"/meetings/{id}/change").get_data(as_text=True)
    assert 'value="二楼会议室"' in page
    fields = form(house, title="支部党员大会（moved）", place="三楼", why="二楼停电")
    assert browser.post(f"/meetings/{id}/change", fields).status_code == 303
    assert "三楼" in browser.get(f"/meetings/{id}").get_data(as_text=True)
    again = browser.post(f"/meetings/{id}/change", fields)
    assert again.status_code == 422
    assert "和原来一样" in again.get_data(as_text=True)
    assert browser.post(f"/meetings/{id}/cancel", {"why": "改期"}, form_at=f"/meetings/{id}").status_code == 303
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert "已取消" in page
    assert "改期" in page
    query = outbox.outbox.select().where(outbox.outbox.c.user_id.is_not(None))
    keys = [row.words["key"] for row in house.run(house.store.read(lambda unit: unit.rows(query))) if row.words]
    assert keys.count("meeting.changed") == 1
    assert keys.count("meeting.cancelled") == 1
    assert browser.get(f"/meetings/{id}/change").status_code == 200
    assert browser.post(f"/meetings/{id}/change", {**fields, "place": "四楼"}).status_code == 422
    assert SECRETARY not in keys


def test_a_change_from_a_page_that_is_out_of_date_puts_nothing_back(house: House, browser: Browser) -> None:
    id = call_meeting(house, "moved")
    path = f"/meetings/{id}/change"
    old = browser.marks(path)
    assert browser.post(path, form(house, title="支部党员大会（moved）", place="三楼", why="停电")).status_code == 303
    late = browser.post(path, old | form(house, title="支部党员大会（moved）", place="二楼", chair="丁一"))
    page = late.get_data(as_text=True)
    assert late.status_code == 422
    assert "有人先改了" in page
    assert "三楼" in page, "it is told how it stands"
    assert 'value="二楼"' in page, "what was written stays"
    assert "三楼" in browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert (
        browser.post(path, browser.marks(path) | form(house, title="支部党员大会（moved）", place="二楼")).status_code
        == 303
    )


def test_what_is_decided_is_counted_written_down_and_put_right_with_the_earlier_words_kept(
    house: House, browser: Browser
) -> None:
    """VOTE-9, VOTE-12."""
    id = call_meeting(house, "deciding", ahead=timedelta(minutes=30))
    for name in ("白云", "陈晨", "丁一"):
        say_coming(house, id, name)
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    browser.post(f"/meetings/{id}/roll", {"intent": "coming"}, form_at=f"/meetings/{id}")
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    line = re.search(r"应到有表决权 (\d+)，到 3 ", page)
    assert line is not None
    to = f"/meetings/{id}/resolutions"
    bad = browser.post(to, {"text": "同意年度计划", "yes": "1", "no": "1", "abstained": "0"}, form_at=f"/meetings/{id}")
    assert bad.status_code == 422
    assert int(line[1]) > 0
    assert browser.post(to, {"text": "同意年度计划"}, form_at=f"/meetings/{id}").status_code == 303
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    (first,) = re.findall(r'name="replaces" value="(\w+)"', page)
    fixed = {"text": "同意 2027 年度计划", "replaces": first}
    assert browser.post(to, fixed, form_at=f"/meetings/{id}").status_code == 303
    page = browser.get(f"/meetings/{id}").get_data(as_text=True)
    assert "同意 2027 年度计划" in page
    assert "记的是：同意年度计划" in re.sub(r"<time.*?</time>", "", page)
    assert browser.post(to, fixed, form_at=f"/meetings/{id}").status_code == 422, "it was put right since"


def test_who_said_that_they_come_is_marked_at_once_also_after_the_notice_has_closed(
    house: House, browser: Browser
) -> None:
    id = call_meeting(house, "next morning", ahead=timedelta(minutes=30))
    say_coming(house, id, "白云")
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    house.run(put(house.store, "notice over", OccurrenceClosed(occurrence=id, at=house.store.now())))
    assert browser.post(f"/meetings/{id}/roll", {"intent": "coming"}, form_at=f"/meetings/{id}").status_code == 303
    roll = {one.member: one.state for one in house.run(house.store.read(lambda unit: meetings.places(unit, id)))}
    assert roll.pop(house.seeded.members["白云"]) is State.DONE
    assert set(roll.values()) == {State.UNANSWERED}


def test_a_task_comes_back_in_my_record_and_in_the_next_agenda_until_it_is_done(house: House, browser: Browser) -> None:
    far, viewer = house.browser(NEIGHBOUR), house.browser(VIEWER)
    id = call_meeting(house, "tasks", ahead=timedelta(minutes=30))
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    to, here = f"/meetings/{id}/tasks", f"/meetings/{id}"
    wrong = browser.post(to, {"owner": "查无此人", "task": "联系厂家", "due_on": "2026-12-01"}, form_at=here)
    assert wrong.status_code == 422
    fields = {"owner": "白云", "task": "联系扶手厂家", "due_on": "2026-12-01"}
    assert browser.post(to, fields, form_at=here).status_code == 303
    assert '白云：联系扶手厂家（<time datetime="2026-12-01">12月1日</time>前）' in browser.get(here).get_data(
        as_text=True
    )
    white = house.seeded.members["白云"]
    (task,) = house.run(house.store.read(lambda unit: resolutions.open_tasks_of(unit, white)))
    place = house.seeded.organisations["one"]
    agenda = browser.get(f"/meetings/new?org={place}").get_data(as_text=True)
    assert "落实情况：白云，联系扶手厂家" in agenda
    assert far.post(f"/meetings/tasks/{task.id}", form_at=RECORDING).status_code == 404
    assert browser.post(f"/meetings/tasks/{task.id}", form_at=here).status_code == 303
    assert house.run(house.store.read(lambda unit: resolutions.open_tasks_of(unit, white))) == ()
    assert "落实情况" not in browser.get(f"/meetings/new?org={place}").get_data(as_text=True)
    assert "联系扶手厂家" not in viewer.get(here).get_data(as_text=True)


def test_what_is_still_to_be_done_is_filled_in_for_its_own_branch_and_who_may_see_its_members(
    house: House, browser: Browser
) -> None:
    one = house.seeded.organisations["one"]
    for user, role in ((LEADER, Role.GROUP_LEADER), (PUBLICITY, Role.PUBLICITY_MEMBER)):
        duty = Duty(user=user, organisation=one, role=role)
        house.run(put(house.store, f"duty {user}", DutyGranted(duty=duty)))
    leader, publicity = house.browser(LEADER), house.browser(PUBLICITY)
    id = call_meeting(house, "followed", ahead=timedelta(minutes=30))
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    fields = {"owner": "白云", "task": "联系扶手厂家", "due_on": "2026-12-01"}
    browser.post(f"/meetings/{id}/tasks", fields, form_at=f"/meetings/{id}")
    paths = ("/meetings/new", f"/meetings/new?org={one}")
    assert all("联系扶手厂家" in leader.get(path).get_data(as_text=True) for path in paths)
    for path in paths:
        shown = publicity.get(path)
        assert shown.status_code == 200
        assert "联系扶手厂家" not in shown.get_data(as_text=True)
    assert "联系扶手厂家" not in browser.get("/meetings/new").get_data(as_text=True), (
        "of several branches none is meant"
    )
