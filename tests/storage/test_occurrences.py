"""Occurrences from plan to close, on both engines: the audience is frozen, the counts are true, late is said."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from content.checkins import State
from content.identifiers import MemberId
from content.lessons import LessonRevised
from content.members import Member, MemberChanged, MemberEnrolled
from content.occurrences import OccurrenceRevived
from content.occurrences import State as Stand
from content.participation import share
from content.schedules import OccurrenceMoved, OccurrenceRestored
from storage import checkins, falling_due, lessons, schedules
from storage.participation import Period, by_day, by_member, by_occurrence, lines, numbers_of
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    LESSON,
    LI,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    SUN,
    WANG,
    WEST,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    lesson,
)

MINUTE = timedelta(minutes=1)


async def test_an_occurrence_opens_when_it_is_due_and_not_before(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.plan(due=NOON + MINUTE)
    assert (await branch.let_open(id)).answer is None
    assert await branch.store.read(lambda unit: falling_due.due(unit, clock.now)) == ()
    assert await branch.store.read(falling_due.next_due) == NOON + MINUTE
    clock.forward(minutes=1)
    assert await branch.store.read(lambda unit: falling_due.due(unit, clock.now)) == ((id, NOON + MINUTE),)
    await branch.let_open(id)
    opened = await branch.occurrence(id)
    assert (opened.state, opened.opened_at, opened.closes_at) == (
        Stand.OPEN,
        clock.now,
        clock.now + timedelta(hours=2),
    )


async def test_it_opens_once(branch: SmallBranch) -> None:
    id = await branch.open()
    assert (await branch.let_open(id)).repeated
    assert len(await branch.rows()) == 2


async def test_everyone_of_the_audience_is_asked_in_their_branch(branch: SmallBranch) -> None:
    id = await branch.open()
    assert await branch.counted() == {(id, EAST, State.OPEN): 3, (id, WEST, State.OPEN): 2}
    assert await branch.counted() == await branch.tallied()


async def test_a_group_is_counted_in_its_branch(branch: SmallBranch) -> None:
    id = await branch.open(audience=EAST_GROUP)
    assert await branch.counted() == {(id, EAST, State.OPEN): 1}
    assert await branch.state(id, LI) is State.OPEN


async def test_the_audience_is_frozen_when_it_opens(branch: SmallBranch) -> None:
    id = await branch.open()
    newcomer = Member(id=MemberId("new"), organisation=EAST, name="新人")
    moved = Member(id=ZHAO, organisation=EAST, name="赵敏")
    await branch.store.settle(notes=[MemberEnrolled(member=newcomer), MemberChanged(member=moved)])
    assert await branch.counted() == {(id, EAST, State.OPEN): 3, (id, WEST, State.OPEN): 2}
    second = await branch.open(ROLL)
    assert (await branch.counted())[(second, EAST, State.OPEN)] == 5


async def test_closing_makes_the_silent_unanswered_and_leaves_the_rest(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    await branch.answer(id, ZHANG)
    await branch.answer(id, LI, leave="倒班")
    clock.forward(hours=2)
    await branch.let_close(id)
    expected = {
        (id, EAST, State.DONE): 1,
        (id, EAST, State.EXCUSED): 1,
        (id, EAST, State.UNANSWERED): 1,
        (id, WEST, State.UNANSWERED): 2,
    }
    assert await branch.counted() == await branch.tallied() == expected
    assert (await branch.occurrence(id)).state is Stand.CLOSED


async def test_an_open_window_cannot_be_closed(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.open()
    clock.forward(hours=1, minutes=59)
    assert (await branch.let_close(id)).answer is None
    assert await branch.store.read(lambda unit: falling_due.over(unit, clock.now)) == ()
    assert (await branch.occurrence(id)).state is Stand.OPEN


@pytest.mark.parametrize(
    ("away", "expected"),
    [(0, Stand.OPEN), (5, Stand.OPEN), (9, Stand.OPEN), (11, Stand.MISSED), (600, Stand.MISSED)],
)
async def test_away_across_the_due_time(branch: SmallBranch, clock: HandClock, away: int, expected: Stand) -> None:
    id = await branch.plan(late=timedelta(minutes=10))
    clock.forward(minutes=away)
    await branch.let_open(id)
    assert (await branch.occurrence(id)).state is expected
    states = {key[2] for key in await branch.counted()}
    assert states == {State.OPEN if expected is Stand.OPEN else State.NOT_OFFERED}
    assert await branch.counted() == await branch.tallied()
    assert bool(await branch.rows()) is (expected is Stand.OPEN)


async def test_a_missed_one_says_why_and_can_be_sent_after_all(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.plan()
    clock.forward(hours=5)
    await branch.let_open(id)
    entry = await branch.store.read(lambda unit: schedules.entry(unit, id))
    assert entry is not None
    assert entry.reason == "too_late"
    await branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=clock.now)])
    assert await branch.counted() == await branch.tallied() == Counter()
    await branch.let_open(id)
    assert (await branch.occurrence(id)).closes_at == clock.now + timedelta(hours=2)
    assert await branch.counted() == {(id, EAST, State.OPEN): 3, (id, WEST, State.OPEN): 2}
    assert len(await branch.rows()) == 2


async def test_a_cancelled_one_never_opens(branch: SmallBranch, clock: HandClock) -> None:
    id = await branch.plan(due=NOON + MINUTE)
    assert (await branch.cancel(id)).refusal is None
    clock.forward(minutes=1)
    await branch.let_open(id)
    assert (await branch.occurrence(id)).state is Stand.CANCELLED
    assert await branch.counted() == Counter()


async def test_one_that_was_moved_opens_at_its_new_time_and_one_that_was_restored_at_its_own(
    branch: SmallBranch, clock: HandClock
) -> None:
    moved, restored = await branch.plan(due=NOON + MINUTE), await branch.plan(due=NOON + MINUTE)
    later = NOON + timedelta(days=1)
    await branch.cancel(restored)
    facts = OccurrenceMoved(
        occurrence=moved, due_at=later, local_date=later.date(), window=MINUTE * 90, late=MINUTE, by=SECRETARY
    )
    await branch.store.settle(notes=[facts, OccurrenceRestored(occurrence=restored, by=SECRETARY)])
    clock.forward(minutes=1)
    for id in (moved, restored):
        await branch.let_open(id)
    assert (await branch.occurrence(moved)).state is Stand.PLANNED
    assert (await branch.occurrence(restored)).state is Stand.OPEN
    clock.forward(days=1)
    await branch.let_open(moved)
    assert (await branch.occurrence(moved)).state is Stand.OPEN


async def test_what_has_opened_cannot_be_cancelled(branch: SmallBranch) -> None:
    id = await branch.open()
    refusal = (await branch.cancel(id)).refusal
    assert refusal is not None
    assert refusal.words.key == "occurrence.not_planned"


async def test_a_card_keeps_the_text_with_which_it_opened(branch: SmallBranch) -> None:
    id = await branch.open()
    revised = lesson(body="全新的内容", revision=2)
    await branch.store.settle(notes=[LessonRevised(lesson=revised, author=SECRETARY)])
    entry = await branch.store.read(lambda unit: schedules.entry(unit, id))
    assert entry is not None
    assert entry.lesson_revision == 1
    old = await branch.store.read(lambda unit: lessons.lesson(unit, LESSON, 1))
    new = await branch.store.read(lambda unit: lessons.lesson(unit, LESSON))
    assert old is not None
    assert new is not None
    assert (old.body, new.body) == (lesson().body, "全新的内容")


async def test_leave_may_turn_into_taking_part_and_back(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.answer(id, ZHANG, leave="倒班")
    await branch.answer(id, ZHANG)
    assert await branch.state(id, ZHANG) is State.DONE
    await branch.answer(id, ZHANG, leave="出差")
    assert await branch.state(id, ZHANG) is State.EXCUSED
    assert await branch.counted() == await branch.tallied()


async def test_after_the_close_an_answer_is_late_until_the_make_up_time_is_over(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open()
    clock.forward(hours=2)
    await branch.let_close(id)
    clock.forward(days=29)
    await branch.answer(id, ZHANG)
    assert await branch.state(id, ZHANG) is State.LATE
    clock.forward(days=1)
    outcome = await branch.answer(id, LI)
    assert outcome.refusal is not None
    assert await branch.state(id, LI) is State.UNANSWERED


async def test_what_was_missed_is_listed_with_numbers_that_stay(branch: SmallBranch, clock: HandClock) -> None:
    first, second = await branch.open(), await branch.open(ROLL)
    clock.forward(hours=2)
    await branch.let_close(first)
    await branch.let_close(second)

    async def listed() -> list[str]:
        since = clock.now - timedelta(days=30)
        found = await branch.store.read(lambda unit: checkins.missed(unit, ZHANG, since=since))
        return [one.occurrence.id for one in found]

    before = await listed()
    assert set(before) == {first, second}
    await branch.answer(before[0], ZHANG)  # type: ignore[arg-type]
    assert await listed() == before


async def test_the_calendar_of_a_subtree_holds_what_concerns_it(branch: SmallBranch) -> None:
    everyone = await branch.plan(audience=ROOF)
    east = await branch.plan(ROLL, audience=EAST, due=NOON + MINUTE)

    async def seen(*roots: object) -> list[str]:
        found = await branch.store.read(lambda unit: schedules.calendar(unit, roots))  # type: ignore[arg-type]
        return [entry.occurrence.id for entry in found]

    assert await seen(ROOF) == await seen(EAST) == await seen(EAST_GROUP) == [everyone, east]
    assert await seen(WEST) == [everyone]


async def test_numbers_on_the_screen_are_those_of_the_places(branch: SmallBranch, clock: HandClock) -> None:
    id, roll = await branch.open(), await branch.open(ROLL)
    await branch.answer(id, ZHANG)
    await branch.answer(roll, ZHANG, leave="病假")
    period = Period(since=NOON.date(), until=NOON.date())
    found = await branch.store.read(lambda unit: lines(unit, [ROOF], period))
    (newest, oldest) = sorted(
        await branch.store.read(lambda unit: by_occurrence(unit, [ROOF], period)), key=lambda one: one.title
    )
    assert Counter(line.state for line in found if line.occurrence == newest.id) == newest.numbers
    assert Counter(line.state for line in found if line.occurrence == oldest.id) == oldest.numbers
    mine = await branch.store.read(lambda unit: numbers_of(unit, ZHANG, period))
    assert mine == {State.DONE: 1, State.EXCUSED: 1}
    names = await branch.store.read(lambda unit: by_member(unit, [EAST], period))
    assert {line.id for line in names} == {ZHANG, LI, WANG}
    days = await branch.store.read(lambda unit: by_day(unit, [WEST], period))
    assert days == ((WEST, NOON.date(), share({State.OPEN: 4})),)
    nothing = await branch.store.read(lambda unit: lines(unit, [ROOF], Period(since=NOON.date() + timedelta(days=1))))
    assert nothing == ()


async def test_a_line_of_the_export_says_who_what_and_when(branch: SmallBranch) -> None:
    id = await branch.open(audience=WEST)
    found = await branch.store.read(lambda unit: lines(unit, [ROOF]))
    assert [(line.name, line.user_id) for line in found] == [("孙伟", ""), ("赵敏", "@zhao:test")]
    assert {(line.organisation, line.lesson, line.occurrence, line.due_at) for line in found} == {
        ("west支部", "安全生产", id, NOON)
    }
    assert await branch.store.read(lambda unit: lines(unit, [EAST])) == ()
    assert SUN
