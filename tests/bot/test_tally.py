"""What delivery did is counted once for each row, and a limit lasts as long as it was meant to."""

from __future__ import annotations

from datetime import timedelta

from bot.delivery import Delivery
from bot.matrix.faults import Kind
from storage.outbox import ClockSetBack
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, HandClock, SmallBranch
from zhibu.catalogue import load_speech

SPEECH = load_speech()
NOTHING = {"sent": 0, "failed": 0, "limited": 0, "given_up": 0}


def deliverer(branch: SmallBranch, homeserver: FakeHomeserver) -> Delivery:
    return Delivery(branch.store, homeserver, SPEECH, encrypted=False)  # type: ignore[arg-type]


async def work(delivery: Delivery) -> int:
    """Deliver what may go now, and return how many rows that were."""
    rows = await delivery._take(16)
    for row in rows:
        await delivery.deliver(row)
    return len(rows)


async def test_rows_are_counted_by_what_became_of_them(branch: SmallBranch, clock: HandClock) -> None:
    homeserver = FakeHomeserver(clock)
    delivery = deliverer(branch, homeserver)
    assert delivery.tally.measures() == NOTHING
    await branch.open(audience=EAST)
    homeserver.fail(Kind.LIMITED, status=429, retry_after=1.0)
    await work(delivery)
    clock.forward(seconds=10)
    homeserver.fail(Kind.SLOW)
    await work(delivery)
    assert delivery.tally.measures() == {**NOTHING, "limited": 1, "failed": 1}
    clock.forward(seconds=10)
    await work(delivery)
    assert delivery.tally.measures() == {
        **NOTHING,
        "limited": 1,
        "failed": 1,
        "sent": 1,
        "moved_at": clock.now.timestamp(),
    }
    await branch.open(audience=EAST)
    homeserver.fail(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
    await work(delivery)
    assert delivery.tally.measures()["given_up"] == 1


async def test_a_limit_ends_in_time_although_the_clock_was_set_back(branch: SmallBranch, clock: HandClock) -> None:
    """R12, R13: what the homeserver asked to wait is waited, and not two hours more."""
    homeserver = FakeHomeserver(clock)
    delivery = deliverer(branch, homeserver)
    await branch.open(audience=EAST)
    homeserver.fail(Kind.LIMITED, status=429, retry_after=30.0)
    await work(delivery)
    back = timedelta(hours=2)
    clock.now -= back
    delivery.clock_set_back(back)
    await branch.store.settle(notes=[ClockSetBack(by=back, at=clock.now)])
    clock.forward(seconds=30)
    assert await work(delivery) == 0
    clock.forward(seconds=2)
    assert await work(delivery) == 1
    assert delivery.tally.measures()["sent"] == 1
