"""Lectures in the numbers: each counts on the day on which it is given."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from content.amendments import correct
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId
from content.lessons import LessonRevised
from storage import amendments
from storage.participation import Period, by_occurrence, held, total
from storage.retention import ATTENDANCE, Swept
from storage.session_choices import session_choices
from storage.store import Step
from storage.unit import Reading
from tests.bot.test_lectures import DAY, FIRST, SECOND, announced, chosen, written
from tests.small_branch import (
    LI,
    ROOF,
    SECRETARY,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    reaction,
)

JULY = Period(since=date(2026, 7, 1), until=date(2026, 7, 31))
AUGUST = Period(since=date(2026, 8, 1), until=date(2026, 8, 31))


async def test_a_lecture_is_held_in_the_period_in_which_it_is_given_however_early_it_was_announced(
    branch: SmallBranch,
) -> None:
    given = FIRST + 45 * DAY
    await announced(branch, given)
    for period, number in ((JULY, 0), (AUGUST, 1)):
        lines = await branch.store.read(lambda unit, period=period: by_occurrence(unit, [ROOF], period))
        assert [line.due_at for line in lines] == [given] * number
        assert await branch.store.read(lambda unit, period=period: held(unit, [ROOF], period)) == number
        counted = await branch.store.read(lambda unit, period=period: total(unit, [ROOF], period))
        assert (counted.asked > 0) is bool(number)


async def put_off(branch: SmallBranch, id: OccurrenceId, *begins: object, revision: int = 2) -> None:
    """Give a lecture other times, on its card too."""
    later = written(*begins, revision=revision).lesson
    await branch.store.settle(notes=[LessonRevised(lesson=later, author=SECRETARY)])

    async def decide(unit: Reading) -> Decision | Refusal:
        sent = await amendments.sent(unit, id)
        assert sent is not None
        return correct([sent], later, reason="主讲人出差", now=branch.clock.now)

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


async def test_a_lecture_that_is_put_off_counts_on_the_day_on_which_it_is_given_instead(branch: SmallBranch) -> None:
    id, _ = await announced(branch, FIRST)
    await branch.answer(id, ZHANG)
    before = await branch.store.read(lambda unit: total(unit, [ROOF], JULY))
    await put_off(branch, id, FIRST + 45 * DAY)
    for period, number in ((JULY, 0), (AUGUST, 1)):
        lines = await branch.store.read(lambda unit, period=period: by_occurrence(unit, [ROOF], period))
        assert len(lines) == number
        counted = await branch.store.read(lambda unit, period=period: total(unit, [ROOF], period))
        assert counted.asked == before.asked * number
    day = Period(since=date(2026, 8, 16), until=date(2026, 8, 16))
    assert await branch.store.read(lambda unit: total(unit, [ROOF], day)) == before
    months = {key: number for key, number in (await branch.summed()).items() if number}
    assert months == {key: number for key, number in (await branch.recounted()).items() if number}


async def test_who_chose_a_session_that_is_moved_or_dropped_is_told_and_choices_end_with_their_session(
    branch: SmallBranch,
) -> None:
    id, card = await announced(branch)
    await branch.hear(reaction(account(ZHANG), card, "2️⃣"))
    await branch.hear(message(account(LI), "场次 1", room_id=private_room(LI)))
    before = len(await branch.told())
    await put_off(branch, id, FIRST, SECOND + DAY)
    assert (await branch.told())[before:] == [(account(ZHANG), "lecture.session_moved")]
    await put_off(branch, id, FIRST, revision=3)
    assert (await branch.told())[before + 1 :] == [(account(ZHANG), "lecture.session_gone")]
    assert await chosen(branch, id) == {1: 1}


async def test_who_chose_which_session_is_forgotten_like_who_was_there(branch: SmallBranch, clock: HandClock) -> None:
    id, card = await announced(branch)
    await branch.hear(reaction(account(ZHANG), card, "2️⃣"))
    await branch.store.settle(notes=[Swept(at=clock.now + ATTENDANCE - timedelta(days=1))])
    assert await chosen(branch, id) == {2: 1}
    await branch.store.settle(notes=[Swept(at=clock.now + ATTENDANCE + timedelta(days=1))])
    assert await branch.store.read(lambda unit: unit.rows(select(session_choices))) == []
