"""Lectures in the numbers: each counts on the day on which it is given."""

from __future__ import annotations

from datetime import date

from content.amendments import correct
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId
from content.lessons import LessonRevised
from storage import amendments
from storage.participation import Period, by_occurrence, held, total
from storage.store import Step
from storage.unit import Reading
from tests.bot.test_lectures import DAY, FIRST, announced, written
from tests.small_branch import ROOF, SECRETARY, ZHANG, SmallBranch, fresh_cause

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


async def put_off(branch: SmallBranch, id: OccurrenceId, *begins: object) -> None:
    """Give a lecture other times, on its card too."""
    later = written(*begins, revision=2).lesson
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
