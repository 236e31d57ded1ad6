"""What is on its way is counted with what goes out before it, and a limit that was named is remembered."""

from __future__ import annotations

from datetime import timedelta

from storage import pace
from storage.outbox import Postponed
from tests.small_branch import EAST, ROOF, WEST, HandClock, SmallBranch


async def test_a_broadcast_is_counted_with_what_is_ahead_of_it(branch: SmallBranch) -> None:
    first = await branch.open()
    second = await branch.open(audience=WEST)
    found = await branch.store.read(lambda unit: pace.broadcasts(unit, [ROOF]))
    assert [(one.id, one.total, one.left, one.ahead) for one in found] == [(first, 2, 2, 2), (second, 1, 1, 3)]
    east = await branch.store.read(lambda unit: pace.broadcasts(unit, [EAST]))
    assert [(one.id, one.total, one.left) for one in east] == [(first, 1, 1)]


async def test_what_has_arrived_everywhere_is_on_its_way_no_more_and_tells_the_pace(
    branch: SmallBranch, clock: HandClock
) -> None:
    await branch.open()
    await branch.send_all()
    assert await branch.store.read(lambda unit: pace.broadcasts(unit, [ROOF])) == ()
    assert await branch.store.read(pace.sent_lately) == (clock(), clock())
    clock.forward(minutes=11)
    assert await branch.store.read(pace.sent_lately) == ()


async def test_a_limit_is_known_to_who_comes_after(branch: SmallBranch, clock: HandClock) -> None:
    """F44, R13: nothing is asked before the time that was named, also after a restart."""
    await branch.open(audience=EAST)
    (row,) = await branch.claim()
    until = clock() + timedelta(hours=1)
    await branch.store.settle(
        notes=[Postponed(claimed=row, not_before=until, error="limited M_LIMIT_EXCEEDED", counts=False)]
    )
    assert await branch.store.read(pace.closed_until) == until
    ((one),) = await branch.store.read(lambda unit: pace.broadcasts(unit, [ROOF]))
    assert one.left == 1
    clock.forward(hours=2)
    assert await branch.store.read(pace.closed_until) is None
