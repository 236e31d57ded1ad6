"""A meeting from its notice to the closed roll, on both engines: one roll, who comes, who is there, who may vote."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.clock import Clock
from content import meeting_changes, roll_calls
from content import meetings as rules
from content.checkins import Note, State
from content.decision import Decision, Refusal
from content.identifiers import (
    Cause,
    LessonId,
    MemberId,
    OccurrenceId,
    ResolutionId,
    RoomId,
    ScheduleId,
    TaskId,
    TermId,
)
from content.meetings import Meeting
from content.members import Member, MemberEnrolled, MemberLeft
from content.notices import Form
from content.notices import State as Stand
from content.occurrences import State as Notice
from content.resolutions import Floor, Resolution, ResolutionRecorded, Show, Task, TaskAssigned, TaskDone
from content.roll_calls import Mark
from content.rooms import Purpose, Room, RoomKept, RoomLost
from content.speech import Reader
from content.terms import CommitteeElected, Seat, Term
from storage import amendments, checkins, hours, lessons, meetings, members, resolutions, schedules, shown
from storage.participation import Period, total
from storage.store import Outcome, Step
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    ROOF,
    SECRETARY,
    SUN,
    WANG,
    WEST,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    reaction,
)
from zhibu.catalogue import load_speech

HOUR = timedelta(hours=1)
BEGINS = NOON + 72 * HOUR
PLAINLY = "内部会议"
SPEECH = load_speech()
NEW = Member(id=MemberId("qian"), organisation=EAST, name="钱进", category="预备党员")


def meeting(form: Form = Form.ASSEMBLY, **more: Any) -> Meeting:
    usual = {
        "id": OccurrenceId(""),
        "organisation": EAST,
        "form": form,
        "lesson": LessonId(f"of-{form}"),
        "title": "第三次支部党员大会",
        "agenda": ("讨论年度计划", "其他"),
        "place": "二楼会议室",
        "begins_at": BEGINS,
        "length": HOUR,
        "timezone": "Asia/Shanghai",
    }
    return Meeting(**{**usual, **more})


async def settle(branch: SmallBranch, decide: Any) -> Outcome:
    (outcome,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide, actor=SECRETARY)])
    assert not outcome.failed
    return outcome


async def call(branch: SmallBranch, one: Meeting) -> Meeting:
    """Call a meeting whose notice goes out now, and let it."""

    async def decide(unit: Any) -> Decision | Refusal:
        people = await meetings.people_at(unit, one.organisation)
        return rules.call(
            one,
            schedule=ScheduleId(f"rule-{one.form}"),
            notice_at=unit.now,
            due=[seat.member for seat in await meetings.due(unit, one)],
            people=[each.id for each in people],
            author=SECRETARY,
            now=unit.now,
            plainly=PLAINLY,
        )

    outcome = await settle(branch, decide)
    assert isinstance(outcome.answer, Decision), outcome.refusal
    (called,) = (fact.meeting for fact in outcome.answer.facts if isinstance(fact, rules.MeetingCalled))
    await branch.let_open(called.id)
    return await known(branch, called.id)


async def known(branch: SmallBranch, id: OccurrenceId) -> Meeting:
    found = await branch.store.read(lambda unit: meetings.meeting(unit, id))
    assert found is not None
    return found


async def change(branch: SmallBranch, before: Meeting, after: Meeting) -> Outcome:
    async def decide(unit: Any) -> Decision | Refusal:
        entry, text = await schedules.entry(unit, before.id), await lessons.lesson(unit, before.lesson)
        due, seated = await meetings.due(unit, after), await meetings.seated(unit, before.id)
        assert entry is not None
        assert text is not None
        return meeting_changes.change(
            before,
            after,
            sent=await amendments.sent(unit, before.id),
            notice_at=entry.occurrence.due_at,
            revision=text.revision,
            people=[one.id for one in await meetings.people_at(unit, before.organisation)],
            due=due,
            seated=seated,
            carded=await meetings.carded(unit, before.id),
            users=await meetings.accounts(unit, (seat.member for seat in (*seated, *due))),
            answered=await meetings.answered(unit, before.id),
            shown=await meetings.shown_of(unit, after),
            author=SECRETARY,
            seen=meeting_changes.mark_of(before),
            now=unit.now,
            plainly=PLAINLY,
        )

    return await settle(branch, decide)


async def cancel(branch: SmallBranch, called: Meeting) -> None:
    async def decide(unit: Any) -> Decision | Refusal:
        return meeting_changes.cancel(
            called,
            Notice.OPEN,
            why="停电",
            cards=await checkins.cards_of(unit, called.id),
            concerned=await meetings.concerned(unit, called.id),
            by=SECRETARY,
            now=unit.now,
        )

    await settle(branch, decide)


async def tick(branch: SmallBranch, *, caught_up: bool = True) -> None:
    await Clock(branch.store, caught_up=lambda: caught_up, hearing_state=lambda: "listening").tick()


async def text_of(branch: SmallBranch, id: OccurrenceId, room: RoomId = EAST_ROOM) -> str:
    card = await branch.card(id, room)
    seen = await branch.store.read(lambda unit: shown.card(unit, card))
    assert seen is not None
    return "\n".join(one.body for one in seen.messages(lambda said: SPEECH.say(said, Reader())).values())


async def test_a_notice_goes_to_the_room_of_the_branch_and_asks_who_comes(branch: SmallBranch) -> None:
    called = await call(branch, meeting(chair=ZHANG))
    assert [row.room_id for row in await branch.rows()] == [EAST_ROOM]
    said = await text_of(branch, called.id)
    assert said.startswith("【会议通知】第三次支部党员大会\n时间：")
    assert "地点：二楼会议室\n主持：张明\n参加：全体党员\n议题：\n\n1. 讨论年度计划\n2. 其他" in said
    assert said.endswith("群内不投票。\n能来 0 人，请假 0 人，应到 3 人。")


async def test_before_it_begins_an_answer_says_who_comes_and_nobody_is_there_yet(branch: SmallBranch) -> None:
    called = await call(branch, meeting())
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(
        reaction(account(ZHANG), card, "✅"),
        message(account(LI), "线上", reply=card),
        message(account(WANG), "请假 倒班", reply=card),
    )
    found = {one: await branch.place(called.id, one) for one in (ZHANG, LI, WANG)}
    assert [(one.state, one.note) for one in found.values()] == [
        (State.OPEN, Note.COMING),
        (State.OPEN, Note.ONLINE),
        (State.EXCUSED, None),
    ]
    assert (await text_of(branch, called.id)).endswith("能来 2 人，请假 1 人，应到 3 人。")
    await branch.hear(message(account(ZHANG), "取消", reply=card))
    assert (await branch.place(called.id, ZHANG)).is_silent
    assert await branch.counted() == await branch.tallied()


async def test_when_it_begins_the_register_is_fixed_with_who_may_vote_and_why_not(
    branch: SmallBranch, clock: HandClock
) -> None:
    """ORG: 预备党员 have no vote."""
    called = await call(branch, meeting())
    await branch.store.settle(notes=[MemberEnrolled(member=NEW), MemberLeft(member=WANG, at=clock.now)])
    clock.forward(hours=72)
    await tick(branch, caught_up=False)
    assert (await known(branch, called.id)).state is Stand.HELD
    register = await branch.store.read(lambda unit: meetings.register(unit, called.id))
    assert {(one.member, one.may_vote, one.reason) for one in register} == {
        (ZHANG, True, ""),
        (LI, True, ""),
        (NEW.id, False, "预备党员"),
    }
    assert await branch.state(called.id, NEW.id) is State.OPEN
    assert await branch.state(called.id, WANG) is State.NOT_OFFERED, "who has left is due no more"
    assert await branch.counted() == await branch.tallied()
    assert "会议开始了" in await text_of(branch, called.id)
    await branch.store.settle(notes=[MemberEnrolled(member=replace(NEW, id=MemberId("late"), name="后来"))])
    await tick(branch)
    assert len(await branch.store.read(lambda unit: meetings.register(unit, called.id))) == 3


async def test_from_its_beginning_an_answer_says_who_is_there(branch: SmallBranch, clock: HandClock) -> None:
    called = await call(branch, meeting())
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "✅"))
    clock.forward(hours=72)
    await tick(branch)
    assert await branch.state(called.id, ZHANG) is State.OPEN
    await branch.hear(
        message(account(ZHANG), "签到", sent_at=clock.now),
        message(account(LI), "线上", reply=card, sent_at=clock.now),
    )
    assert await branch.state(called.id, ZHANG) is State.DONE
    place = await branch.place(called.id, LI)
    assert (place.state, place.note) == (State.DONE, Note.ONLINE)


async def roll(branch: SmallBranch, id: OccurrenceId, marks: dict[MemberId, Mark], *, closes: bool = False) -> Outcome:
    async def decide(unit: Any) -> Decision | Refusal:
        one = await meetings.meeting(unit, id)
        assert one is not None
        places, cause = await meetings.expected(unit, id), Cause(f"form:{len(marks)}{closes}{unit.now}")
        if not closes:
            return roll_calls.call_roll(one, places, marks, how="点名", by=SECRETARY, cause=cause, now=unit.now)
        cards = await checkins.cards_of(unit, id)
        return roll_calls.close(one, places, marks, cards=cards, how="点名", by=SECRETARY, cause=cause, now=unit.now)

    return await settle(branch, decide)


async def test_the_recorder_decides_and_who_is_left_without_an_answer_is_not_absent(
    branch: SmallBranch, clock: HandClock
) -> None:
    """CAD-16: 未回 is not 缺席 until the recorder decides."""
    called = await call(branch, meeting())
    early = await roll(branch, called.id, {ZHANG: Mark.PRESENT})
    assert early.refusal is not None
    assert early.refusal.words.key == "meeting.not_held"
    clock.forward(hours=72)
    await tick(branch)
    await branch.send_all()
    await roll(branch, called.id, {ZHANG: Mark.LATE, LI: Mark.SILENT, WANG: Mark.SILENT})
    place = await branch.place(called.id, ZHANG)
    assert (place.state, place.note, place.recorded_by) == (State.DONE, Note.LATE, SECRETARY)
    await roll(branch, called.id, {ZHANG: Mark.LATE, LI: Mark.ABSENT, WANG: Mark.SILENT}, closes=True)
    assert [await branch.state(called.id, one) for one in (LI, WANG)] == [State.ABSENT, State.UNANSWERED]
    assert (await branch.occurrence(called.id)).state is Notice.CLOSED
    assert (await known(branch, called.id)).state is Stand.CLOSED
    assert await branch.counted() == await branch.tallied()
    assert (account(LI), "meeting.told_absent") in await branch.told()
    again = await roll(branch, called.id, {WANG: Mark.PRESENT})
    assert again.refusal is not None
    assert again.refusal.words.key == "meeting.roll_is_closed"


async def test_what_the_recorder_says_at_a_meeting_stands_over_what_is_said_in_chat(
    branch: SmallBranch, clock: HandClock
) -> None:
    called = await call(branch, meeting())
    await branch.send_all()
    card = await branch.card_event(called.id)
    clock.forward(hours=72)
    await tick(branch)
    await roll(branch, called.id, {ZHANG: Mark.ABSENT, LI: Mark.PRESENT})
    await branch.hear(
        reaction(account(ZHANG), card, "✅", sent_at=clock.now),
        message(account(LI), "请假 回家", reply=card, sent_at=clock.now),
        reaction(account(WANG), card, "✅", sent_at=clock.now),
    )
    assert [await branch.state(called.id, one) for one in (ZHANG, LI, WANG)] == [State.ABSENT, State.DONE, State.DONE]
    assert (account(ZHANG), "answer.by_recorder") in await branch.told()


async def test_a_meeting_is_made_up_once_its_roll_is_closed_and_late_taps_are_refused(
    branch: SmallBranch, clock: HandClock
) -> None:
    called = await call(branch, meeting())
    clock.forward(hours=72)
    await tick(branch)
    await branch.send_all()
    await roll(branch, called.id, {}, closes=True)
    card = await branch.card_event(called.id)
    clock.forward(minutes=5)
    await branch.hear(reaction(account(LI), card, "✅", sent_at=clock.now))
    assert await branch.state(called.id, LI) is State.UNANSWERED
    private = RoomId(f"!with-{LI}:test")
    await branch.hear(message(account(LI), "补會 1", room_id=private, sent_at=clock.now))
    assert await branch.state(called.id, LI) is State.MADE_UP


async def test_a_change_edits_the_card_and_tells_those_who_had_answered(branch: SmallBranch, clock: HandClock) -> None:
    called = await call(branch, meeting())
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "✅"), message(account(LI), "请假 值班", reply=card))
    await branch.send_all()
    later = replace(called, begins_at=BEGINS + HOUR, place="三楼", agenda=("只有一项",), why="会议室有别的用")
    await change(branch, called, later)
    said = await text_of(branch, called.id)
    assert "地点：三楼" in said
    assert "1. 只有一项" in said
    assert "会议室有别的用" in said
    rows = [row for row in await branch.rows() if row.state == "pending"]
    told = sorted(row.user_id for row in rows if row.words and row.words["key"] == "meeting.changed")
    assert told == sorted([account(ZHANG), account(LI)])
    assert any(row.room_id == EAST_ROOM for row in rows), "the card is edited"
    clock.forward(hours=72)
    await tick(branch)
    assert (await known(branch, called.id)).state is Stand.PLANNED, "it begins an hour later now"
    clock.forward(hours=1)
    await tick(branch)
    held = await known(branch, called.id)
    assert held.state is Stand.HELD
    refused = await change(branch, held, replace(held, place="四楼"))
    assert refused.refusal is not None
    assert refused.refusal.words.key == "meeting.not_planned"


async def test_a_meeting_counts_in_the_month_in_which_it_is_held_also_once_it_is_put_off(branch: SmallBranch) -> None:
    """Its notice goes out on 1 July."""

    async def asked() -> tuple[int, int, int]:
        months = [Period(since=date(2026, month, 1), until=date(2026, month, 28)) for month in (7, 8, 9)]
        first, second, third = [
            await branch.store.read(lambda unit, month=month: total(unit, [EAST], month)) for month in months
        ]
        return first.asked, second.asked, third.asked

    called = await call(branch, meeting(begins_at=NOON + 960 * HOUR))
    talk = await call(branch, meeting(Form.TALK, named=(WANG,), agenda=(), begins_at=NOON + 960 * HOUR))
    assert (called.day, talk.day) == (date(2026, 8, 10), date(2026, 8, 10))
    assert await asked() == (0, 4, 0)
    await change(branch, called, replace(called, begins_at=NOON + 1680 * HOUR))
    assert await asked() == (0, 1, 3)
    months = {key: number for key, number in (await branch.summed()).items() if number}
    assert months == {key: number for key, number in (await branch.recounted()).items() if number}


async def test_a_meeting_that_is_called_off_says_so_and_counts_for_nobody(branch: SmallBranch) -> None:
    called = await call(branch, meeting())
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "✅"))
    await branch.send_all()

    await cancel(branch, called)
    said = await text_of(branch, called.id)
    assert "会议取消了，不用来了：停电" in said
    assert "✅" not in said
    assert {await branch.state(called.id, one) for one in (ZHANG, LI, WANG)} == {State.NOT_OFFERED}
    rows = [row for row in await branch.rows() if row.state == "pending"]
    assert [row.user_id for row in rows if row.user_id] == [account(ZHANG)]
    assert await branch.counted() == await branch.tallied()


async def test_only_who_has_not_answered_is_reminded_once_and_in_private(branch: SmallBranch, clock: HandClock) -> None:
    called = await call(branch, meeting())
    other = await call(branch, meeting(Form.LECTURE, begins_at=BEGINS + HOUR))
    await branch.send_all()
    card = await branch.card_event(called.id)
    await branch.hear(reaction(account(ZHANG), card, "✅"))
    clock.forward(hours=47)
    await tick(branch)
    assert [key for _, key in await branch.told() if key == "meeting.reminder"] == []
    clock.forward(hours=1)
    await tick(branch)
    reminded = [user for user, key in await branch.told() if key == "meeting.reminder"]
    assert reminded == [account(LI), account(WANG)]
    await tick(branch)
    clock.forward(hours=1)
    await tick(branch)
    again = [user for user, key in await branch.told() if key == "meeting.reminder"]
    assert again == [*reminded, account(ZHANG)], "whom one meeting has reminded that day, another spares"
    assert (await known(branch, other.id)).reminded_at == clock.now


@pytest.mark.parametrize("has_room", [True, False])
async def test_a_committee_meets_in_its_own_room_or_is_told_in_private(branch: SmallBranch, has_room: bool) -> None:
    term = Term(
        id=TermId("term"),
        organisation=EAST,
        elected_on=NOON.date(),
        years=3,
        seats=(Seat(member=ZHANG, post="书记"), Seat(member=LI, post="委员")),
    )
    await branch.store.settle(notes=[CommitteeElected(term=term)])
    inner = RoomId("!committee:test")
    if has_room:
        room = Room(id=inner, organisation=EAST, purpose=Purpose.COMMITTEE, name="支委群", encrypted=False)
        await branch.store.settle(notes=[RoomKept(room=room)])
    called = await call(branch, meeting(Form.COMMITTEE))
    rows = await branch.rows()
    if has_room:
        assert [row.room_id for row in rows] == [inner]
        said = await text_of(branch, called.id, inner)
        assert "【支委会】第三次支部党员大会" in said
        assert "1. 讨论年度计划" in said
    else:
        assert [(row.user_id, row.words["key"]) for row in rows] == [
            (account(LI), "meeting.private"),
            (account(ZHANG), "meeting.private"),
        ]
    assert {one.member for one in await branch.store.read(lambda unit: meetings.places(unit, called.id))} == {ZHANG, LI}
    read = branch.store.read
    kept = await read(lambda unit: lessons.lesson(unit, called.lesson))
    assert kept is not None
    assert (kept.title, kept.body) == (PLAINLY, ""), "no list of lessons says what a committee talks about"
    assert await read(lambda unit: meetings.visible(unit, called.id, [EAST], [EAST])) == called
    assert await read(lambda unit: meetings.visible(unit, called.id, [EAST], [])) is None
    assert await read(lambda unit: meetings.visible(unit, called.id, [WEST], [WEST])) is None


@pytest.mark.parametrize("lost", [(WEST_ROOM,), (EAST_ROOM, WEST_ROOM)])
async def test_whom_no_room_tells_of_a_meeting_is_told_in_private_and_can_be_present(
    branch: SmallBranch, clock: HandClock, lost: tuple[RoomId, ...]
) -> None:
    await branch.store.settle(notes=[RoomLost(room=room, reason="gone") for room in lost])
    called = await call(branch, meeting(organisation=ROOF))
    told = {user for user, key in await branch.told() if key == "meeting.private"}
    unreached = {ZHAO} if lost == (WEST_ROOM,) else {ZHANG, LI, WANG, ZHAO}
    assert told == {account(one) for one in unreached}
    clock.forward(hours=72)
    await tick(branch)
    await roll(branch, called.id, dict.fromkeys((ZHANG, LI, WANG, ZHAO, SUN), Mark.PRESENT))
    floor = await branch.store.read(lambda unit: meetings.floor(unit, called.id))
    assert (floor.expected, floor.present) == (5, 5)
    assert await branch.counted() == await branch.tallied()


async def test_who_was_not_asked_and_is_due_when_a_meeting_begins_stands_on_its_roll(
    branch: SmallBranch, clock: HandClock
) -> None:
    called = await call(branch, meeting())
    held = rules.MeetingHeld(occurrence=called.id, at=clock.now, register=(), joined=(), gone=(LI,))
    await branch.store.settle(notes=[held])
    assert await branch.state(called.id, LI) is State.NOT_OFFERED
    due = await branch.store.read(lambda unit: meetings.due(unit, called))
    begun = rules.begin(called, due=due, seated={ZHANG, WANG}, register=(), cards=(), now=called.begins_at)
    assert begun is not None
    await branch.store.settle(notes=begun.facts)
    assert await branch.state(called.id, LI) is State.OPEN
    assert await branch.counted() == await branch.tallied()


async def test_a_talk_is_told_those_who_are_in_it_and_no_room(branch: SmallBranch) -> None:
    called = await call(branch, meeting(Form.TALK, named=(WANG,), agenda=()))
    rows = await branch.rows()
    assert [(row.room_id, row.user_id) for row in rows] == [(None, account(WANG))]
    await branch.hear(message(account(WANG), "请假 值班", room_id=RoomId(f"!with-{WANG}:test")))
    assert await branch.state(called.id, WANG) is State.EXCUSED


async def test_what_a_talk_asked_of_somebody_is_on_no_agenda_of_the_branch(branch: SmallBranch) -> None:
    talk = await call(branch, meeting(Form.TALK, named=(WANG,), agenda=()))
    assembly = await call(branch, meeting())
    tasks = [
        Task(id=TaskId(one.form), occurrence=one.id, member=WANG, text="写思想汇报", due_on=one.day)
        for one in (talk, assembly)
    ]
    await branch.store.settle(notes=[TaskAssigned(task=one, by=SECRETARY) for one in tasks])
    found = await branch.store.read(lambda unit: resolutions.open_tasks_at(unit, EAST, most=10))
    assert [task for _, task in found] == tasks[1:]


async def test_where_there_is_no_card_everyone_is_told_of_a_change_and_a_calling_off(branch: SmallBranch) -> None:
    called = await call(branch, meeting(Form.TALK, named=(WANG, LI), agenda=()))
    earlier = replace(called, begins_at=BEGINS - 24 * HOUR, named=(WANG, ZHANG))
    assert (await change(branch, called, earlier)).refusal is None
    assert sorted((await branch.told())[2:]) == sorted(
        [
            (account(WANG), "meeting.changed_asks"),
            (account(ZHANG), "meeting.private"),
            (account(LI), "meeting.not_due"),
        ]
    )
    assert await branch.state(called.id, LI) is State.NOT_OFFERED
    assert await branch.state(called.id, ZHANG) is State.OPEN
    await change(branch, earlier, replace(earlier, named=(LI,)))
    assert await branch.state(called.id, LI) is State.OPEN
    before = len(await branch.told())
    await cancel(branch, await known(branch, called.id))
    assert (await branch.told())[before:] == [(account(LI), "meeting.cancelled")]
    assert await branch.counted() == await branch.tallied()


async def test_of_a_meeting_with_a_card_who_has_none_in_their_branch_is_told_as_well(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[RoomLost(room=WEST_ROOM, reason="gone")])
    called = await call(branch, meeting(organisation=ROOF))
    before = len(await branch.told())
    later = replace(called, place="三楼")
    assert (await change(branch, called, later)).refusal is None
    await cancel(branch, later)
    west = [account(ZHAO)]
    assert sorted((await branch.told())[before:]) == sorted(
        (one, key) for one in west for key in ("meeting.changed_asks", "meeting.cancelled")
    )


async def test_decisions_and_tasks_are_kept_with_the_earlier_words(branch: SmallBranch, clock: HandClock) -> None:
    called = await call(branch, meeting())
    clock.forward(hours=72)
    await tick(branch)
    await roll(branch, called.id, {ZHANG: Mark.PRESENT, LI: Mark.PRESENT, WANG: Mark.ONLINE})
    there = await branch.store.read(lambda unit: meetings.floor(unit, called.id))
    assert there == Floor(expected=3, present=2, online=1)
    first = Resolution(
        id=ResolutionId("r1"), text="同意", at=clock.now, show=Show(yes=2, no=0, abstained=0), floor=there
    )
    second = Resolution(id=ResolutionId("r2"), text="同意计划", at=clock.forward(minutes=1), replaces=first.id)
    task = Task(id=TaskId("t"), occurrence=called.id, member=LI, text="联系厂家", due_on=called.day)
    facts = [ResolutionRecorded(occurrence=called.id, resolution=one, by=SECRETARY) for one in (first, second)]
    await branch.store.settle(notes=[*facts, TaskAssigned(task=task, by=SECRETARY)])
    assert await branch.store.read(lambda unit: resolutions.of_meeting(unit, called.id)) == (first, second)
    assert await branch.store.read(lambda unit: resolutions.open_tasks_of(unit, LI)) == (task,)
    private = RoomId(f"!with-{LI}:test")
    await branch.hear(message(account(LI), "我的", room_id=private, sent_at=clock.now))
    (said,) = [row.words for row in await branch.rows() if row.words and row.words["key"] == "mine.all"]
    assert "mine.task" in str(said)
    await branch.store.settle(notes=[TaskDone(occurrence=called.id, task=task.id, on=called.day)])
    assert await branch.store.read(lambda unit: resolutions.open_tasks_of(unit, LI)) == ()


async def test_who_is_on_the_closed_roll_of_a_seminar_has_learned_and_nobody_else(
    branch: SmallBranch, clock: HandClock
) -> None:
    """STU-6: the proof is the roll, not what was said before."""
    called = await call(branch, meeting(Form.SEMINAR, length=2 * HOUR))
    clock.forward(hours=72)
    await tick(branch)
    await roll(branch, called.id, {ZHANG: Mark.PRESENT, LI: Mark.LATE})

    async def learned() -> dict[MemberId, tuple[str, ...]]:
        day = (await known(branch, called.id)).day

        async def look(unit: Any) -> tuple[hours.Learner, ...]:
            people = [await members.member(unit, one) for one in (ZHANG, LI, WANG)]
            return await hours.learners(unit, [one for one in people if one], year=day.year, today=day)

        found = await branch.store.read(look)
        return {one.member.id: tuple(f"{each.form} {each.hundredths}" for each in one.credits) for one in found}

    assert await learned() == {ZHANG: (), LI: (), WANG: ()}
    await roll(branch, called.id, {WANG: Mark.ABSENT}, closes=True)
    assert await learned() == {ZHANG: ("together 200",), LI: ("together 200",), WANG: ()}
