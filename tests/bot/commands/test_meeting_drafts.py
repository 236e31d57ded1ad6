"""排 党课 24日 15:00: what the meeting would be is shown in private, and a reaction calls it, with the same rights."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from content.identifiers import RoomId, TermId, UserId
from content.meeting_drafts import KEPT
from content.notices import Form
from content.organisations import Duty, DutyGranted, Role
from content.rooms import Purpose, Room, RoomKept
from content.settings import QUIET_HOURS, SECOND_PAIR, YES, SettingChosen
from content.structure import OrganisationClosed
from content.terms import CommitteeElected, Seat, Term
from storage import meetings
from storage.outbox import Kind, outbox
from tests.bot.commands.test_cleanings import newest_to
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LI,
    SECRETARY,
    ZHANG,
    SmallBranch,
    account,
    message,
    private_room,
    reaction,
)

DESK = RoomId("!with-secretary:test")
COMMITTEE = RoomId("!committee:test")
TEXT = "排 党课《党章》 24日 下午3点 二楼会议室\n一、学原文\n二、讨论"


@pytest.fixture
async def room(branch: SmallBranch) -> RoomId:
    one = Room(id=COMMITTEE, organisation=EAST, purpose=Purpose.COMMITTEE, name="支委会", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=one)])
    return COMMITTEE


async def found(branch: SmallBranch) -> list[meetings.Meeting]:
    seen = await branch.store.read(lambda unit: meetings.of_roots(unit, [EAST], [EAST], limit=9))
    return [one.meeting if hasattr(one, "meeting") else one for one in seen]


async def say(branch: SmallBranch, text: str, sender: UserId = SECRETARY, room: RoomId = COMMITTEE) -> str | None:
    (heard,) = await branch.hear(message(sender, text, room_id=room))
    return heard.refusal.words.key if heard is not None and heard.refusal is not None else None


async def test_it_is_shown_first_and_called_by_a_reaction_once(branch: SmallBranch, room: RoomId) -> None:
    assert await say(branch, TEXT, room=room) is None
    assert await found(branch) == []
    assert "meeting_draft.asks" in [key for user, key in await branch.told() if user == SECRETARY]
    await branch.send_all()
    shown = await newest_to(branch, SECRETARY)
    await branch.hear(reaction(account(ZHANG), shown, "✅", room_id=DESK))
    assert await found(branch) == [], "it is for the word of who asked"
    for _ in range(2):
        await branch.hear(reaction(SECRETARY, shown, "✅", room_id=DESK))
    (one,) = await found(branch)
    assert (one.form, one.title, one.place) == (Form.LECTURE, "党课《党章》", "二楼会议室")
    assert one.begins_at == datetime(2026, 7, 24, 7, tzinfo=UTC)
    assert one.agenda == ("一、学原文", "二、讨论")
    assert [key for user, key in await branch.told() if user == SECRETARY][-1] == "meeting_draft.called"


async def test_a_no_lets_it_go_and_one_that_waits_too_long_is_forgotten(branch: SmallBranch, room: RoomId) -> None:
    await say(branch, TEXT, room=room)
    await branch.send_all()
    shown = await newest_to(branch, SECRETARY)
    await branch.hear(reaction(SECRETARY, shown, "❌", room_id=DESK))
    await branch.hear(reaction(SECRETARY, shown, "✅", room_id=DESK))
    assert await found(branch) == []
    await say(branch, TEXT, room=room)
    await branch.send_all()
    shown = await newest_to(branch, SECRETARY)
    branch.clock.forward(seconds=KEPT.total_seconds() + 1)
    await branch.hear(reaction(SECRETARY, shown, "✅", room_id=DESK))
    assert await found(branch) == []


async def test_where_somebody_else_reads_it_first_nobody_is_told_that_its_notice_is_out(
    branch: SmallBranch, room: RoomId
) -> None:
    def then(row: Any) -> str:
        return str(row.words["parameters"]["then"]["lines"][0]["key"])

    to_secretary = (outbox.c.kind == Kind.TELL, outbox.c.user_id == SECRETARY)
    await say(branch, TEXT, room=room)
    assert then((await branch.rows(*to_secretary))[-1]) == "meeting_draft.then_sent"
    await branch.store.settle(notes=[SettingChosen(organisation=EAST, name=SECOND_PAIR, value=YES)])
    await say(branch, TEXT, room=room)
    assert then((await branch.rows(*to_secretary))[-1]) == "meeting_draft.then_read"
    await branch.send_all()
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "✅", room_id=DESK))
    assert [key for user, key in await branch.told() if user == SECRETARY][-1] == "meeting_draft.called_unread"


async def test_an_organisation_that_is_closed_calls_no_meetings(branch: SmallBranch, room: RoomId) -> None:
    await say(branch, TEXT, room=room)
    await branch.send_all()
    shown = await newest_to(branch, SECRETARY)
    await branch.store.settle(notes=[OrganisationClosed(organisation=EAST, at=branch.clock.now)])
    (heard,) = await branch.hear(reaction(SECRETARY, shown, "✅", room_id=DESK))
    assert heard is not None
    assert heard.refusal is not None
    assert heard.refusal.words.key == "meeting_draft.closed"
    assert await say(branch, TEXT, room=room) == "meeting_draft.closed"
    assert await found(branch) == []


async def test_who_leads_a_group_plans_for_it_in_private(branch: SmallBranch) -> None:
    leader = account(LI)
    await branch.store.settle(
        notes=[DutyGranted(duty=Duty(user=leader, organisation=EAST_GROUP, role=Role.GROUP_LEADER))]
    )
    text = "排 党小组会 24日 15:00 二楼"
    assert await say(branch, text, leader, private_room(LI)) is None
    assert [key for user, key in await branch.told() if user == leader] == ["meeting_draft.asks_without_agenda"]
    assert await say(branch, text, SECRETARY, DESK) == "meeting_draft.say_it_there", "two branches are hers"
    await branch.store.settle(notes=[OrganisationClosed(organisation=EAST_GROUP, at=branch.clock.now)])
    assert await say(branch, text, leader, private_room(LI)) == "meeting_draft.closed"


@pytest.mark.parametrize(
    "text", ["排：党课 24日 15:00", "排:党课 24日 15:00", "排 黨課 24日 15:00", "！安排 黨課 24號 15時"]
)
async def test_it_is_heard_as_people_type_it(branch: SmallBranch, room: RoomId, text: str) -> None:
    assert await say(branch, text, room=room) is None
    (told,) = await branch.rows(outbox.c.kind == Kind.TELL, outbox.c.user_id == SECRETARY)
    assert told.words["key"] == "meeting_draft.asks_without_agenda"
    assert told.words["parameters"]["title"] in ("党课", "黨課")


async def test_who_reads_a_second_time_is_not_told_what_the_committee_talks_about(
    branch: SmallBranch, room: RoomId
) -> None:
    reader = UserId("@reader:test")
    seats = (Seat(member=ZHANG, post="支部书记"),)
    term = Term(id=TermId("term"), organisation=EAST, elected_on=date(2025, 7, 1), years=3, seats=seats)
    await branch.store.settle(
        notes=[
            CommitteeElected(term=term),
            SettingChosen(organisation=EAST, name=SECOND_PAIR, value=YES),
            DutyGranted(duty=Duty(user=reader, organisation=EAST, role=Role.REVIEWER)),
        ]
    )
    await say(branch, "排 支委会 研究对某某的处分 24日 15:00", room=room)
    await branch.send_all()
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "✅", room_id=DESK))
    assert [one.title for one in await found(branch)] == ["支委会 研究对某某的处分"]
    (told,) = await branch.rows(outbox.c.kind == Kind.TELL, outbox.c.user_id == reader)
    assert (told.words["key"], told.words["parameters"]["title"]) == ("reviews.asked", "支委会")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("排 党课 以后再说 1", "meeting_draft.how"),
        ("排 党课 下下周一 15:00", "meeting_draft.how"),
        ("排 党课 24日 15:00-17:00 二楼", "meeting_draft.how"),
        ("排 谈心谈话 24日 15:00", "meeting_draft.named"),
        ("排 党课 2020-01-01 15:00", "meeting.in_the_past"),
    ],
)
async def test_what_cannot_be_meant_is_said(branch: SmallBranch, room: RoomId, text: str, why: str) -> None:
    assert await say(branch, text, room=room) == why
    assert await branch.rows(outbox.c.kind == Kind.POST) == []


async def test_it_takes_the_right_to_plan_and_elsewhere_it_is_talk(branch: SmallBranch, room: RoomId) -> None:
    assert await say(branch, TEXT, account(ZHANG), room) == "meeting_draft.no_right"
    before = await branch.everything()
    await branch.hear(message(SECRETARY, TEXT, room_id=EAST_ROOM))
    assert await branch.everything() == before


async def test_in_quiet_hours_it_is_said_when_the_notice_goes_out_and_a_meeting_before_then_is_refused(
    branch: SmallBranch, room: RoomId
) -> None:
    await branch.store.settle(notes=[SettingChosen(organisation=EAST, name=QUIET_HOURS, value="10-16")])
    assert await say(branch, TEXT.replace("24日 下午3点", "今天 15:00"), room=room) == "meeting_draft.held_past"
    assert await say(branch, TEXT, room=room) is None
    to_secretary = (outbox.c.kind == Kind.TELL, outbox.c.user_id == SECRETARY)
    asked = (await branch.rows(*to_secretary))[-1].words["parameters"]["then"]["lines"][0]
    assert asked["key"] == "meeting_draft.then_waits"
    await branch.send_all()
    await branch.hear(reaction(SECRETARY, await newest_to(branch, SECRETARY), "✅", room_id=DESK))
    assert [key for user, key in await branch.told() if user == SECRETARY][-1] == "meeting_draft.called_waits"
