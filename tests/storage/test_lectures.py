"""Lectures in the numbers: each counts on the day on which it is given."""

from __future__ import annotations

from datetime import date

from storage.participation import Period, by_occurrence, held, total
from tests.bot.test_lectures import DAY, FIRST, announced
from tests.small_branch import ROOF, SmallBranch

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
