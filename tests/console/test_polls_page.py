"""A poll is started by the same rules as in chat, shows no more than it may, and is ended and taken away here."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from content import polls as rules
from content.burden import Cap
from content.decision import Fact
from content.identifiers import EventId, MemberId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.polls import Poll, PollEnded, PollShown, Response, State, Voted
from content.rooms import Purpose, Room, RoomKept
from content.settings import QUIET_HOURS, SettingChosen
from storage import outbox, polls
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER, put
from tests.console.test_schedule_page import allow


def form(**more: Any) -> dict[str, Any]:
    return {
        "room": "!one",
        "question": "主题党日定在哪天",
        "answers": "周五\r\n周六\r\n\r\n下周一",
        "most": "1",
        "shown": "always",
        "until": "time",
        "date": "2026-11-27",
        "time": "18:00",
    } | more


def started(house: House) -> list[Poll]:
    """Return the polls that were started on the page."""
    roots = [house.seeded.organisations["general"]]
    found = house.run(house.store.read(lambda unit: polls.of_roots(unit, roots)))
    return [poll for poll in found if poll.id != house.seeded.polls["open"].id]


def start(house: House, browser: Browser, **more: Any) -> Poll:
    """Start a poll and let it stand in its room."""
    browser.post("/polls/new", form(**more))
    (poll,) = started(house)
    note(house, PollShown(poll=poll.id, event=EventId("$shown")))
    return started(house)[0]


def note(house: House, *facts: Fact) -> None:
    house.run(house.store.settle(notes=list(facts)))


def vote(house: House, poll: Poll, user: str, place: int) -> None:
    """Vote for the answer at a place."""
    response = Response(
        event=EventId(f"$vote of {user}"),
        sender=UserId(user),
        sent_at=house.clock.now,
        chosen=(poll.sheet.answers[place - 1].id,),
    )
    note(house, Voted(poll=poll.id, response=response))


def close(house: House, poll: Poll) -> None:
    """Let a poll's end come back from its room."""
    box = house.run(house.store.read(lambda unit: polls.box(unit, poll)))
    now = house.clock.now
    note(house, PollEnded(poll=poll.id, ended_at=now, at=now, result=rules.count(poll, box)))


def test_a_poll_is_started_for_a_room_and_goes_to_the_outbox(house: House, browser: Browser) -> None:
    answer = browser.post("/polls/new", form(most="2", shown="later"))
    assert answer.headers["Location"] == "/polls?done=poll_opened"
    (poll,) = started(house)
    assert poll.organisation == house.seeded.organisations["one"]
    assert [answer.text for answer in poll.sheet.answers] == ["周五", "周六", "下周一"]
    assert (poll.sheet.most, poll.sheet.disclosed) == (2, False)
    assert poll.closes_at is not None
    assert poll.closes_at.isoformat() == "2026-11-27T10:00:00+00:00"
    assert "公开投票 · 主题党日定在哪天" in browser.get("/outbox").get_data(as_text=True)
    assert "主题党日定在哪天" in browser.get("/polls").get_data(as_text=True)


def test_pressing_twice_starts_one_poll(house: House, browser: Browser) -> None:
    marks = browser.marks("/polls/new")
    for _ in range(2):
        answer = browser.post("/polls/new", form() | marks)
    assert "done=repeated" in answer.headers["Location"]
    assert len(started(house)) == 1


@pytest.mark.parametrize(
    ("change", "said", "field"),
    [
        ({"question": ""}, "题目请写", "question"),
        ({"question": "无记名投票"}, "公开投票大家看得到选择", "question"),
        ({"answers": "周五"}, "请写 2 到 20 个选项", "answers"),
        ({"answers": "\n".join(map(str, range(21)))}, "请写 2 到 20 个选项", "answers"),
        ({"answers": "周五\n周五"}, "是一样的", "answers"),
        ({"most": "9"}, "最多可选几项", "most"),
        ({"most": "many"}, "最多可选几项", "most"),
        ({"date": ""}, "请选择日期和时间", "date"),
        ({"date": "2026-11-23"}, "太近或已经过去了", "date"),
        ({"date": "2029-11-23"}, "太远了", "date"),
        ({"time": "25:00"}, "请选择日期和时间", "date"),
        ({"room": "!far"}, "请选一个群", "room"),
        ({"room": ""}, "请选一个群", "room"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(
    house: House, browser: Browser, change: dict[str, Any], said: str, field: str
) -> None:
    answer = browser.post("/polls/new", form(**change))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert f'id="{field}-error"' in page
    assert started(house) == []


def test_a_viewer_sees_polls_and_can_neither_start_nor_end_them(house: House) -> None:
    browser, poll = house.browser(VIEWER), house.seeded.polls["open"]
    assert "发起投票" not in browser.get("/polls").get_data(as_text=True)
    assert "结束并公布结果" not in browser.get(f"/polls/{poll.id}").get_data(as_text=True)
    assert browser.get("/polls/new").status_code == 403
    assert browser.post(f"/polls/{poll.id}/end", {"csrf": browser.marks("/polls")["csrf"]}).status_code == 403


def test_the_numbers_stand_with_their_base(house: House, browser: Browser) -> None:
    poll = start(house, browser)
    vote(house, poll, "@m1:example.org", 1)
    page = browser.get(f"/polls/{poll.id}").get_data(as_text=True)
    assert "票数（所有人）" in page
    assert "票数（名册上的同志）" not in page
    assert "1/6" in browser.get("/polls").get_data(as_text=True)


def test_who_is_not_on_the_roster_is_counted_in_a_column_of_their_own(house: House, browser: Browser) -> None:
    poll = start(house, browser)
    vote(house, poll, "@stranger:example.org", 1)
    assert lines_of_csv(browser, poll) == [
        "号,选项,票数（所有人）,票数（名册上的同志）",
        "1,周五,1,0",
        "2,周六,0,0",
        "3,下周一,0,0",
        ",投票人数,1,0",
        ",弃权人数,0,0",
        ",名册人数,6,6",
    ]


def lines_of_csv(browser: Browser, poll: Poll) -> list[str]:
    """Return the lines of the export."""
    text = browser.get(f"/polls/{poll.id}/numbers.csv").get_data(as_text=True).removeprefix("\ufeff")
    return [",".join(row) for row in csv.reader(io.StringIO(text))]


def test_what_is_hidden_until_the_end_is_hidden_on_the_page_and_in_exports(house: House, browser: Browser) -> None:
    poll = start(house, browser, shown="later")
    vote(house, poll, "@m1:example.org", 1)
    page = browser.get(f"/polls/{poll.id}").get_data(as_text=True)
    assert "1 人已投票，名册共 6 人" in page
    assert "票数" not in page
    assert lines_of_csv(browser, poll)[1:] == [",投票人数,1", ",名册人数,6"]
    assert browser.get(f"/polls/{poll.id}/picture.svg").status_code == 404
    close(house, poll)
    assert browser.get(f"/polls/{poll.id}/picture.svg").status_code == 200
    assert "票数" in browser.get(f"/polls/{poll.id}").get_data(as_text=True)
    assert lines_of_csv(browser, poll)[1] == "1,周五,1"


def test_the_picture_shows_the_answers_and_their_votes_and_names_nobody(house: House, browser: Browser) -> None:
    poll = house.seeded.polls["open"]
    drawn = browser.get(f"/polls/{poll.id}/picture.svg")
    assert drawn.mimetype == "image/svg+xml"
    root = ElementTree.fromstring(drawn.data)
    said = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert said[0] == "主题党日定在哪天"
    assert {"1. 周五", "2. 周六"} <= set(said)
    assert "公开投票" in str(said[-1])


def test_the_excel_export_is_one(house: House, browser: Browser) -> None:
    answer = browser.get(f"/polls/{house.seeded.polls['open'].id}/numbers.xlsx")
    assert answer.get_data().startswith(b"PK")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="zhibu-poll-')


def test_nobody_who_voted_is_named(house: House, browser: Browser) -> None:
    poll = start(house, browser)
    vote(house, poll, "@m1:example.org", 1)
    pages = [browser.get(f"/polls/{poll.id}{end}").get_data(as_text=True) for end in ("", "/numbers.csv")]
    assert not any("白云" in page or "@m1" in page for page in pages)


def test_an_organiser_ends_a_poll_now_and_once(house: House, browser: Browser) -> None:
    poll = start(house, browser, until="hand")
    assert poll.closes_at is None
    path = f"/polls/{poll.id}"
    marks = browser.marks(path)
    for done in ("poll_closing", "repeated"):
        answer = browser.post(f"{path}/end", marks)
        assert answer.headers["Location"] == f"{path}?done={done}"
    assert started(house)[0].state is State.CLOSING
    assert "结束投票 · 主题党日定在哪天" in browser.get("/outbox").get_data(as_text=True)


def test_a_poll_that_is_still_on_its_way_cannot_be_ended_yet(house: House, browser: Browser) -> None:
    browser.post("/polls/new", form())
    (poll,) = started(house)
    answer = browser.post(f"/polls/{poll.id}/end", form_at=f"/polls/{poll.id}")
    assert answer.status_code == 409
    assert "还没有发到群里" in answer.get_data(as_text=True)


def test_a_published_figure_does_not_move_with_the_roster(house: House, browser: Browser) -> None:
    poll = start(house, browser)
    vote(house, poll, "@m1:example.org", 1)
    close(house, poll)
    joined = Member(id=MemberId("new"), organisation=house.seeded.organisations["one"], name="新来")
    note(house, MemberEnrolled(member=joined))
    assert "1/6" in browser.get("/polls").get_data(as_text=True)


def quiet(house: House, hours: str = "20-10") -> None:
    """Let nine in the morning be quiet."""
    chosen = SettingChosen(organisation=house.seeded.organisations["general"], name=QUIET_HOURS, value=hours)
    house.run(put(house.store, "quiet", chosen))


def waiting(house: House) -> list[Any]:
    query = outbox.outbox.select().where(outbox.outbox.c.kind == outbox.Kind.POLL, outbox.outbox.c.state == "pending")
    return list(house.run(house.store.read(lambda unit: unit.rows(query))))


def test_a_poll_begun_at_night_waits_and_is_sent_at_once_only_for_a_reason(house: House, browser: Browser) -> None:
    quiet(house)
    assert "会等到安静时间结束再发" in browser.get("/polls/new").get_data(as_text=True)
    answer = browser.post("/polls/new", form())
    (poll,) = started(house)
    assert answer.headers["Location"] == f"/polls/{poll.id}?done=poll_held"
    (row,) = waiting(house)
    assert row.not_before == poll.opened_at == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    assert "现在是安静时间" in browser.get(f"/polls/{poll.id}").get_data(as_text=True)
    path = f"/polls/{poll.id}/hasten"
    assert browser.post(path, browser.marks("/") | {"reason": " "}).status_code == 409
    assert browser.post(path, browser.marks("/") | {"reason": "明早全员停电检修"}).status_code == 303
    (row,) = waiting(house)
    assert row.not_before == started(house)[0].opened_at == house.clock.now
    assert "安静时间里发出的原因：明早全员停电检修" in browser.get("/outbox").get_data(as_text=True)
    assert browser.post(path, browser.marks("/") | {"reason": "再来"}).status_code == 409


def test_the_outbox_lets_what_is_held_go_for_a_reason(house: House, browser: Browser) -> None:
    quiet(house)
    browser.post("/polls/new", form())
    (row,) = waiting(house)
    path = f"/outbox/{row.id}/hasten"
    assert path in browser.get("/outbox").get_data(as_text=True)
    assert browser.post(path, browser.marks("/")).status_code == 409
    assert browser.post(path, browser.marks("/") | {"reason": "防汛"}).status_code == 303
    assert [one.urgent for one in waiting(house)] == ["防汛"]


def test_what_is_held_for_tomorrow_goes_out_today_only_where_the_room_has_not_heard_enough(
    house: House, browser: Browser
) -> None:
    quiet(house, "8-7")
    allow(house, Cap.DAY, 2)
    browser.post("/polls/new", form(urgent="防汛集合"))
    browser.post("/polls/new", form(question="还有一个"))
    (held,) = [row for row in waiting(house) if row.not_before > house.clock.now]
    for path in (f"/polls/{held.poll_id}/hasten", f"/outbox/{held.id}/hasten"):
        answer = browser.post(path, browser.marks("/") | {"reason": "等不了"})
        assert (answer.status_code, "2026-11-24 群里已满 2 条" in answer.get_data(as_text=True)) == (409, True)
    assert held in waiting(house)
    allow(house, Cap.DAY, 3)
    assert browser.post(path, browser.marks("/") | {"reason": "等不了"}).status_code == 303


def test_a_poll_with_a_reason_goes_out_at_night_and_one_that_ends_before_morning_is_refused(
    house: House, browser: Browser
) -> None:
    quiet(house)
    early = browser.post("/polls/new", form(date="2026-11-24", time="09:30"))
    assert (early.status_code, "截止时间请定在那以后" in early.get_data(as_text=True)) == (422, True)
    answer = browser.post("/polls/new", form(urgent="防汛集合"))
    assert answer.headers["Location"] == "/polls?done=poll_opened"
    (row,) = waiting(house)
    assert (row.not_before, row.urgent) == (house.clock.now, "防汛集合")


def test_each_room_has_its_own_measure_and_the_committees_takes_nothing_from_the_branchs(
    house: House, browser: Browser
) -> None:
    one = house.seeded.organisations["one"]
    room = Room(id=RoomId("!few"), organisation=one, purpose=Purpose.COMMITTEE, name="支委群", encrypted=False)
    note(house, RoomKept(room=room))
    allow(house, Cap.DAY, 1)
    assert browser.post("/polls/new", form(room="!few")).status_code == 303
    assert browser.post("/polls/new", form(room="!few", question="还有一个")).status_code == 422
    allow(house, Cap.DAY, 2)
    assert browser.post("/polls/new", form()).status_code == 303
    assert browser.post("/polls/new", form(question="还有一个")).status_code == 422


def test_a_poll_that_was_taken_back_before_it_went_out_frees_its_place_and_comes_back_only_to_a_free_one(
    house: House, browser: Browser
) -> None:
    allow(house, Cap.DAY, 2)
    browser.post("/polls/new", form(question="写错了"))
    (slip,) = waiting(house)
    assert browser.post("/polls/new", form()).status_code == 422
    browser.post(f"/outbox/{slip.id}/cancel", browser.marks("/"))
    assert browser.post("/polls/new", form()).status_code == 303
    again = browser.post(f"/outbox/{slip.id}/retry", browser.marks("/"))
    assert (again.status_code, "每天的上限" in again.get_data(as_text=True)) == (409, True)
    allow(house, Cap.DAY, 3)
    assert browser.post(f"/outbox/{slip.id}/retry", browser.marks("/")).status_code == 303


def test_a_poll_that_was_held_and_taken_back_is_held_again(house: House, browser: Browser) -> None:
    quiet(house)
    browser.post("/polls/new", form())
    (held,) = waiting(house)
    browser.post(f"/outbox/{held.id}/cancel", browser.marks("/"))
    browser.post(f"/outbox/{held.id}/retry", browser.marks("/"))
    assert [row.not_before for row in waiting(house)] == [held.not_before]


def test_above_a_cap_no_poll_is_begun(house: House, browser: Browser) -> None:
    allow(house, Cap.DAY, 1)
    assert browser.post("/polls/new", form()).status_code == 422
    page = browser.post("/polls/new", form()).get_data(as_text=True)
    assert "每天的上限" in page
    assert started(house) == []
    assert browser.post("/polls/new", form(room="!two")).status_code in (303, 422)
