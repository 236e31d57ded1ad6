"""What is held of a person goes after its time, and the numbers stay."""

from __future__ import annotations

from storage import looks
from storage.checkins import answers, expectations
from storage.retention import ATTENDANCE, OCCURRENCES_AT_ONCE, Swept
from storage.tables import metadata
from storage.tallies import branch_months, tallies
from storage.unit import Query
from tests.small_branch import LI, WANG, ZHANG, HandClock, SmallBranch


async def rows(branch: SmallBranch, name: str) -> int:
    query: Query = metadata.tables[name].select()
    return len(await branch.store.read(lambda unit: unit.rows(query)))


async def test_who_answered_is_forgotten_after_three_years_and_how_many_is_not(
    branch: SmallBranch, clock: HandClock
) -> None:
    old = await branch.open()
    for member in (ZHANG, LI, WANG):
        await branch.answer(old, member)
    clock.forward(seconds=ATTENDANCE.total_seconds() - 3600)
    new = await branch.open()
    await branch.answer(new, ZHANG)
    counts = [await rows(branch, table.name) for table in (tallies, branch_months)]
    kept = [await rows(branch, table.name) for table in (expectations, answers)]
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert [await rows(branch, table.name) for table in (expectations, answers)] == kept
    clock.forward(hours=2)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert [await rows(branch, table.name) for table in (tallies, branch_months)] == counts
    assert [await rows(branch, table.name) for table in (expectations, answers)] == [kept[0] // 2, 1]
    assert (await branch.state(new, ZHANG)).value == "done"


async def test_it_goes_on_hour_by_hour_until_nothing_is_left(branch: SmallBranch, clock: HandClock) -> None:
    for _ in range(OCCURRENCES_AT_ONCE + 1):
        await branch.open()
    clock.forward(seconds=ATTENDANCE.total_seconds() + 60)
    left = []
    for _ in range(2):
        await branch.store.settle(notes=[Swept(at=clock.now)])
        left.append(await rows(branch, "expectations"))
    assert left[0] > 0
    assert left[1] == 0
    assert await rows(branch, looks.looks.name) == 0
