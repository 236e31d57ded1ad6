"""A lesson in two sessions, on both engines: the whole branch is counted once, nobody twice and nobody left out."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from content import series as rules
from content.checkins import State
from content.decision import Decision, Refusal
from content.identifiers import MemberId, OccurrenceId, ScheduleId
from content.members import Member, MemberChanged, MemberEnrolled, MemberLeft
from content.occurrences import OccurrenceRevived, cancel_occurrence
from content.occurrences import State as Stand
from content.organisations import Kind as Level
from content.organisations import Organisation
from content.recurrences import Recurrence
from content.schedules import LessonsScheduled, OccurrenceMoved, OccurrenceRestored, Schedule, materialise
from content.series import SeriesResumed, decide, divided, replan
from content.settings import QUIET_HOURS, SettingChosen
from content.shifts import ShiftsDropped, ShiftsSet
from content.workdays import calendar
from storage import burden, members, quiet, schedules, series, shifts
from storage.checkins import expectations
from storage.participation import Period, by_occurrence, held, total
from storage.store import Step
from storage.unit import Reading
from tests.content.test_shifts import pattern
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LESSON,
    LI,
    NOON,
    PEOPLE,
    ROOF,
    SECRETARY,
    SUN,
    WANG,
    WEST,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    reaction,
    redaction,
)

PATTERN = pattern("2026-07-01", "早 08:00-16:00\n晚 16:00-24:00", "甲 早\n乙 晚")
GROUPS = {ZHANG: "甲", LI: "乙", ZHAO: "甲", SUN: "乙"}
LATER = timedelta(hours=8)
RULE = Schedule(
    id=ScheduleId("in-sessions"),
    owner=ROOF,
    audience=ROOF,
    lessons=(LESSON,),
    recurrence=Recurrence.ONCE,
    start=date(2026, 7, 1),
    at=time(12),
    timezone="Asia/Shanghai",
    window=timedelta(hours=2),
    late=timedelta(minutes=10),
    sessions=(LATER,),
)


async def change(branch: SmallBranch, id: MemberId, shift: str) -> None:
    found = await branch.store.read(lambda unit: members.member(unit, id))
    assert found is not None
    await branch.store.settle(notes=[MemberChanged(member=replace(found, shift=shift))])


async def plan(branch: SmallBranch, rule: Schedule = RULE) -> tuple[OccurrenceId, ...]:
    await branch.store.settle(notes=[ShiftsSet(organisation=ROOF, pattern=PATTERN)])
    for id, shift in GROUPS.items():
        await change(branch, id, shift)
    planned = materialise(rule)
    await branch.store.settle(notes=[LessonsScheduled(schedule=rule, planned=planned, author=SECRETARY)])
    return tuple(one.id for one in planned)


async def move(branch: SmallBranch, id: OccurrenceId, due_at: datetime) -> None:
    fact = OccurrenceMoved(
        occurrence=id,
        due_at=due_at,
        local_date=due_at.date(),
        window=timedelta(hours=2),
        late=timedelta(minutes=10),
        by=SECRETARY,
    )
    await branch.store.settle(notes=[fact])


async def places(branch: SmallBranch) -> dict[MemberId, list[tuple[OccurrenceId, str]]]:
    """Return in which sessions each member has a place, and in which state."""
    rows = await branch.store.read(lambda unit: unit.rows(select(expectations)))
    found: dict[MemberId, list[tuple[OccurrenceId, str]]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append((row.occurrence_id, row.state))
    assert all(len(held) == 1 for held in found.values()), found
    assert await branch.counted() == {key: number for key, number in (await branch.tallied()).items() if number}
    assert await branch.recounted() == {key: number for key, number in (await branch.summed()).items() if number}
    return found


async def asked(branch: SmallBranch, id: OccurrenceId) -> set[MemberId]:
    return {member for member, held in (await places(branch)).items() if held[0][0] == id}


async def test_each_hears_the_session_at_which_they_work_or_are_awake(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    assert await asked(branch, first) == {ZHANG, ZHAO, WANG}
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {LI, SUN}


async def test_who_hears_a_session_that_was_added_is_asked_in_it(branch: SmallBranch, clock: HandClock) -> None:
    (first,) = await plan(branch, replace(RULE, sessions=()))
    found = await branch.store.read(lambda unit: series.series(unit, RULE.id))
    assert found is not None
    changes = divided(found, RULE.start, (LATER,))
    assert isinstance(changes, tuple)
    wanted = replan(found, changes, known=calendar(), now=clock.now)
    answer = decide(found, wanted, by=SECRETARY, now=clock.now)
    assert isinstance(answer, Decision)
    await branch.store.settle(notes=answer.facts)
    entry = await branch.store.read(lambda unit: schedules.entry(unit, first))
    assert entry is not None
    assert entry.sessions == 2
    (second,) = (one.id for one in await branch.store.read(lambda unit: schedules.sessions_beside(unit, first)))
    await branch.let_open(first)
    assert await asked(branch, first) == {ZHANG, ZHAO, WANG}
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {LI, SUN}


async def test_who_changes_the_group_or_comes_between_two_sessions_is_counted_once(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await change(branch, ZHANG, "乙")
    await change(branch, LI, "甲")
    newcomer = Member(id=MemberId("new"), organisation=EAST, name="新人", shift="甲")
    await branch.store.settle(notes=[MemberEnrolled(member=newcomer), MemberLeft(member=SUN, at=clock.now)])
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, first) == {ZHANG, ZHAO, WANG}
    assert await asked(branch, second) == {LI, newcomer.id}


async def test_the_people_of_a_session_that_was_missed_hear_the_next(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await plan(branch)
    clock.forward(hours=1)
    await branch.let_open(first)
    assert (await branch.occurrence(first)).state is Stand.MISSED
    assert {state for ((_, state),) in (await places(branch)).values()} == {State.NOT_OFFERED}
    clock.forward(hours=7)
    await branch.let_open(second)
    assert await asked(branch, second) == set(PEOPLE)
    await branch.store.settle(notes=[OccurrenceRevived(occurrence=first, at=clock.now)])
    await branch.let_open(first)
    assert await asked(branch, first) == set()
    assert (await branch.occurrence(first)).state is Stand.OPEN


async def test_without_its_other_session_a_lesson_is_everybodys(branch: SmallBranch) -> None:
    first, second = await plan(branch)
    await branch.cancel(second)
    await branch.let_open(first)
    assert await asked(branch, first) == set(PEOPLE)


async def test_the_next_lesson_does_not_overtake_another_session(branch: SmallBranch, clock: HandClock) -> None:
    daily = replace(
        RULE,
        recurrence=Recurrence.WEEKLY,
        weekdays=frozenset({2, 3}),
        count=2,
        sessions=(timedelta(hours=20),),
        late=timedelta(hours=6),
    )
    first, second, next_first, _ = await plan(branch, daily)
    await branch.let_open(first)
    clock.forward(hours=24)
    for id in (second, next_first):
        await branch.let_open(id)
        assert (await branch.occurrence(id)).state is Stand.OPEN
    numbers = await branch.tallied()
    assert sum(number for (id, _, _), number in numbers.items() if id in (first, second)) == len(PEOPLE)


async def test_sessions_of_a_lesson_that_are_due_at_once_are_one_and_none_is_missed(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch, replace(RULE, sessions=(timedelta(hours=2),), late=timedelta(hours=6)))
    clock.forward(hours=3)
    for id in (first, second):
        await branch.let_open(id)
        assert (await branch.occurrence(id)).state is Stand.OPEN
    assert await asked(branch, second) == set(PEOPLE)


async def test_each_branch_is_asked_the_minutes_of_a_lesson_in_the_session_that_it_hears(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch)
    for id, (place, _) in PEOPLE.items():
        await change(branch, id, "乙" if place == WEST else "甲")
    places = [Organisation(id=id, parent=ROOF, kind=Level.BRANCH, name=id) for id in (EAST, WEST)]

    async def minutes() -> list[int]:
        found = await branch.store.read(
            lambda unit: burden.meters(unit, places, since=date(2026, 7, 1), until=date(2026, 7, 31))
        )
        return [found[one.id].minutes for one in places]

    async def asked_if_sent_today(id: OccurrenceId) -> int:
        async def look(unit: Reading) -> int:
            entry = await schedules.entry(unit, id)
            assert entry is not None
            (sending,) = await burden.sendings(unit, [entry], {id: unit.now})
            return sending.minutes

        return await branch.store.read(look)

    full = await asked_if_sent_today(first)
    assert full > 0 == await asked_if_sent_today(second)
    await branch.let_open(first)
    assert await minutes() == [full, 0]
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await minutes() == [full, full]


async def test_whose_other_entry_was_asked_is_not_asked_again(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await branch.send_all()
    twin = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert twin is not None
    merged = MemberChanged(member=replace(twin, user=None, left=clock.now, merged_into=LI))
    await branch.store.settle(notes=[merged])
    await branch.hear(reaction(account(LI), await branch.card_event(first), "✅"))
    assert await branch.state(first, ZHANG) is State.DONE
    assert account(LI) in [user for user, _ in await branch.told()]
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {SUN}


@pytest.mark.parametrize("how", ["cancelled", "ended"])
async def test_who_is_left_without_a_session_is_in_the_numbers_until_it_is_planned_again(
    branch: SmallBranch, clock: HandClock, how: str
) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)

    async def call_off(unit: Reading) -> Decision | Refusal:
        entry = await schedules.entry(unit, second)
        assert entry is not None
        if how == "cancelled":
            left_out = await shifts.left_out(unit, entry)
            return cancel_occurrence(entry.occurrence, by=SECRETARY, left_out=left_out)
        found = await series.series(unit, RULE.id, [ROOF])
        assert found is not None
        by_session = await shifts.left_out_by_end(unit, RULE.id)
        return rules.end(found, by=SECRETARY, now=clock.now, left_out=by_session)

    await branch.store.settle([Step(cause=fresh_cause(), decide=call_off)])
    (line,) = await branch.store.read(lambda unit: by_occurrence(unit, [ROOF], Period()))
    assert line.numbers == {State.OPEN: 3, State.NOT_OFFERED: 2}
    assert (await places(branch))[LI] == [(second, State.NOT_OFFERED)]
    restored = OccurrenceRestored(occurrence=second, by=SECRETARY)
    resumed = SeriesResumed(schedule=RULE.id, at=clock.now, by=SECRETARY)
    await branch.store.settle(notes=[restored if how == "cancelled" else resumed])
    assert LI not in await places(branch)
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {LI, SUN}


async def test_a_room_in_which_nobody_hears_a_session_hears_nothing_of_it(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch)
    for id in PEOPLE:
        await change(branch, id, "甲" if PEOPLE[id][0] != WEST else "乙")
    await branch.let_open(first)
    assert {row.room_id for row in await branch.rows()} == {EAST_ROOM}
    for id in (ZHAO, SUN):
        await change(branch, id, "甲")
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {ZHAO, SUN}


async def test_a_session_that_nobody_hears_is_no_fault_and_says_nothing(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await plan(branch)
    for id in PEOPLE:
        await change(branch, id, "甲")
    await branch.let_open(first)
    before = len(await branch.rows())
    clock.forward(hours=8)
    await branch.let_open(second)
    assert (await branch.occurrence(second)).state is Stand.OPEN
    assert len(await branch.rows()) == before
    assert await asked(branch, first) == set(PEOPLE)


async def test_the_sessions_of_a_lesson_add_up_as_one_however_few_are_asked_for(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await branch.answer(first, ZHANG)
    clock.forward(hours=8)
    await branch.let_close(first)
    await branch.let_open(second)
    await branch.answer(second, LI)
    for limit in (None, 1):
        (line,) = await branch.store.read(lambda unit, most=limit: by_occurrence(unit, [ROOF], Period(), limit=most))
        assert (line.id, line.sessions, line.state) == (first, 2, Stand.OPEN)
        assert line.numbers == {State.DONE: 2, State.UNANSWERED: 2, State.OPEN: 1}
    apart = await branch.store.read(lambda unit: by_occurrence(unit, [ROOF], Period(), apart=True))
    assert [one.id for one in apart] == [second, first]
    assert await branch.store.read(lambda unit: held(unit, [ROOF], Period())) == 1
    assert (await branch.store.read(lambda unit: total(unit, [ROOF], Period()))).asked == len(PEOPLE)


async def test_a_tap_in_the_other_session_counts_where_one_is_asked(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await branch.send_all()
    clock.forward(hours=8)
    await branch.let_open(second)
    await branch.send_all()
    await branch.hear(reaction(account(ZHANG), await branch.card_event(second), "✅"))
    assert (await places(branch))[ZHANG] == [(first, State.LATE)]


async def test_who_comes_to_an_earlier_session_than_theirs_is_counted_there(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await branch.send_all()
    card = await branch.card_event(first)
    await branch.hear(reaction(account(LI), card, "🙏"))
    assert LI not in await places(branch)
    await branch.hear(reaction(account(LI), card, "✅"))
    assert (await places(branch))[LI] == [(first, State.DONE)]
    clock.forward(hours=8)
    await branch.let_open(second)
    assert await asked(branch, second) == {SUN}


@pytest.mark.parametrize("taken_back", ["tap", "取消", "撤回"])
async def test_who_takes_back_having_come_to_another_session_is_asked_in_their_own(
    branch: SmallBranch, clock: HandClock, taken_back: str
) -> None:
    first, second = await plan(branch)
    await branch.let_open(first)
    await branch.send_all()
    tap = reaction(account(LI), await branch.card_event(first), "✅")
    await branch.hear(tap)
    undone = message(account(LI), taken_back, room_id=private_room(LI))
    await branch.hear(redaction(account(LI), tap.event_id) if taken_back == "tap" else undone)
    assert LI not in await places(branch)
    clock.forward(hours=8)
    await branch.let_close(first)
    await branch.let_open(second)
    assert await asked(branch, second) == {LI, SUN}


async def test_who_takes_back_once_their_own_session_is_open_is_asked_there_at_once(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = await plan(branch, replace(RULE, window=timedelta(hours=12)))
    await change(branch, WANG, "乙")
    await branch.let_open(first)
    await branch.send_all()
    taps = {who: reaction(account(who), await branch.card_event(first), "✅") for who in (LI, ZHANG)}
    await branch.hear(*taps.values())
    clock.forward(hours=8)
    await branch.let_open(second)
    await branch.send_all()
    await branch.hear(*(redaction(account(who), tap.event_id) for who, tap in taps.items()))
    assert (await places(branch))[LI] == [(second, State.OPEN)]
    assert (await places(branch))[ZHANG] == [(first, State.OPEN)]


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_between_sessions_nobody_has_two_places_and_nobody_none(
    branch: SmallBranch, clock: HandClock, seed: int
) -> None:
    chance = Random(seed)
    sessions = await plan(branch, replace(RULE, sessions=(timedelta(hours=4), LATER)))
    for number in range(16):
        clock.forward(minutes=chance.choice([5, 20, 60]))
        id, one = chance.choice(sessions), chance.choice(list(PEOPLE))
        found = await branch.occurrence(id)
        match chance.randrange(6):
            case 0:
                await change(branch, one, chance.choice(["甲", "乙", "丙", ""]))
            case 1 if found.state is Stand.MISSED:
                await branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=clock.now)])
            case 2 if found.state is Stand.OPEN:
                await branch.answer(id, one)
            case 3 if found.state is Stand.PLANNED:
                await move(branch, id, clock.now + timedelta(minutes=chance.choice([10, 90])))
            case 4:
                newcomer = Member(id=MemberId(f"new{number}"), organisation=WEST, name="新人", shift="乙")
                await branch.store.settle(notes=[MemberEnrolled(member=newcomer)])
            case _:
                again = ShiftsSet(organisation=ROOF, pattern=PATTERN)
                drop = ShiftsDropped(organisation=ROOF, since=PATTERN.since)
                await branch.store.settle(notes=[chance.choice([again, drop])])
        await branch.let_open(id)
        await places(branch)
    for id in sessions:
        if (await branch.occurrence(id)).state is Stand.MISSED:
            await branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=clock.now)])
    clock.forward(hours=12)
    for id in sessions:
        if (await branch.occurrence(id)).state is Stand.PLANNED:
            await move(branch, id, clock.now)
    for id in sessions:
        await branch.let_open(id)
    assert set(PEOPLE) <= set(await places(branch))


async def test_what_a_person_did_not_ask_for_waits_for_their_shift_and_then_for_the_end_of_quiet_hours(
    branch: SmallBranch, clock: HandClock
) -> None:
    """CALM-4."""
    await plan(branch)

    async def told_from(member: MemberId) -> str:
        free = await branch.store.read(lambda unit: quiet.free_for_person(unit, account(member)))
        return free.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%d %H:%M")

    assert [await told_from(one) for one in (ZHANG, LI, WANG)] == ["01 12:00", "01 16:00", "01 12:00"]
    clock.forward(hours=5)
    assert await told_from(ZHANG) == "02 08:00"
    await branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=QUIET_HOURS, value="16-9")])
    assert [await told_from(one) for one in (ZHANG, LI, WANG)] == ["02 09:00", "02 09:00", "02 09:00"]


async def test_a_place_below_with_shifts_of_its_own_goes_by_them(branch: SmallBranch) -> None:
    await plan(branch)
    own = pattern("2026-07-01", "早 08:00-16:00", "甲 休\n乙 早")
    await branch.store.settle(notes=[ShiftsSet(organisation=WEST, pattern=own)])
    known = await branch.store.read(lambda unit: shifts.plans(unit, [ROOF]))
    assert known[WEST].patterns == (own,)
    assert known[EAST].patterns == (PATTERN,)
    assert await branch.store.read(lambda unit: shifts.source_of(unit, WEST)) == WEST
    assert NOON.date() == PATTERN.since
