"""The listening loop survives what the homeserver does, asks politely, and stops when the login is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.matrix.events import Batch, Event
from bot.matrix.faults import TokenRevoked
from bot.matrix.homeserver import Homeserver
from bot.matrix.listening import SYNC_MS, Health, State, listen
from tests.broken_proxy import BAD_GATEWAY, BROKEN, ODD, PORTAL, BrokenProxy, Lie

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Bots, People

pytestmark = pytest.mark.synapse


class Enough(asyncio.CancelledError):
    """Ends a loop from inside, as a cancellation would."""


class Ear:
    """Collects what a loop commits and reports, and how long it sleeps."""

    def __init__(self, stop_after: int) -> None:
        self.batches: list[Batch] = []
        self.states: list[State] = []
        self.waits: list[float] = []
        self._left = stop_after

    async def commit(self, batch: Batch) -> None:
        self.batches.append(batch)
        self._left -= 1
        if self._left == 0:
            raise Enough

    async def sleep(self, wait: float) -> None:
        self.waits.append(wait)
        self._left -= 1
        if self._left == 0:
            raise Enough


async def run(bot: Homeserver, ear: Ear, since: str | None = None) -> None:
    """Run a loop until its ear has had enough."""
    with pytest.raises(Enough):
        await listen(bot, since, ear.commit, ear.states.append, sleep=ear.sleep, timeout_ms=0)


@pytest.mark.parametrize(
    "lie",
    [BAD_GATEWAY, PORTAL, BROKEN, ODD, Lie(504), Lie(403), Lie(401), Lie(200, b"\xff{", "application/json")],
    ids=["502", "portal", "500", "odd", "504", "403", "401", "broken"],
)
async def test_whatever_a_proxy_answers_the_loop_backs_off_and_asks_for_the_same_batch(
    bots: Bots, proxy: BrokenProxy, lie: Lie
) -> None:
    """N3, N4, N5, F45, F48."""
    bot = await bots.start(url=proxy.url)
    first = await bot.sync(None, 0)
    proxy.lie("/sync", lie, times=8)
    ear = Ear(stop_after=9)
    await run(bot, ear, first.next_batch)
    assert ear.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [state.health for state in ear.states] == [Health.WAITING] * 8
    assert [batch.since for batch in ear.batches] == [first.next_batch]


async def test_a_commit_that_fails_gets_the_same_events_again(bot: Homeserver, people: People) -> None:
    """N1, N6."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "签到")
    ear = Ear(stop_after=3)
    seen: list[list[str]] = []

    async def commit(batch: Batch) -> None:
        seen.append([e.content["body"] for room in batch.rooms for e in room.timeline if isinstance(e, Event)])
        if len(seen) == 1:
            raise RuntimeError("the database is locked")
        await ear.commit(batch)

    with pytest.raises(Enough):
        await listen(bot, first.next_batch, commit, ear.states.append, sleep=ear.sleep, timeout_ms=0)
    assert seen[:3] == [["签到"], ["签到"], []]
    assert ear.waits == [1]


async def test_the_next_batch_is_asked_for_when_the_last_one_is_answered(bot: Homeserver) -> None:
    ear, order = Ear(stop_after=2), list[str]()

    async def commit(batch: Batch) -> None:
        order.append("heard")
        await ear.commit(batch)

    async def answered() -> None:
        order.append("answered")

    with pytest.raises(Enough):
        await listen(bot, None, commit, ear.states.append, sleep=ear.sleep, answered=answered, timeout_ms=0)
    assert order == ["heard", "answered", "heard"]


async def test_the_wait_the_homeserver_asks_for_is_kept(bots: Bots, proxy: BrokenProxy) -> None:
    """F44, R13."""
    bot = await bots.start(url=proxy.url)
    limited = Lie(429, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 90000}', "application/json")
    proxy.lie("/sync", limited, times=1)
    ear = Ear(stop_after=2)
    await run(bot, ear)
    assert ear.waits == [90]


async def test_a_revoked_login_stops_the_loop_with_its_reason(bots: Bots, proxy: BrokenProxy) -> None:
    """N3, F55."""
    bot = await bots.start(url=proxy.url)
    proxy.lie("/sync", Lie(401, b'{"errcode": "M_UNKNOWN_TOKEN"}', "application/json"))
    ear = Ear(stop_after=5)
    await listen(bot, None, ear.commit, ear.states.append, sleep=ear.sleep, timeout_ms=0)
    assert [state.health for state in ear.states] == [Health.SIGN_IN_NEEDED]
    assert isinstance(ear.states[0].error, TokenRevoked)
    assert ear.waits == []


async def test_a_homeserver_that_comes_back_is_listened_to_again(
    bots: Bots, people: People, proxy: BrokenProxy
) -> None:
    """F42."""
    bot = await bots.start(url=proxy.url)
    first = await bot.sync(None, 0)
    proxy.lie("/sync", BAD_GATEWAY, times=2)
    ear = Ear(stop_after=4)
    await run(bot, ear, first.next_batch)
    assert [state.health for state in ear.states] == [Health.WAITING, Health.WAITING, Health.LISTENING]
    assert ear.waits == [1, 2]


async def test_whether_it_hears_is_known_at_once_after_a_start_and_after_a_failure() -> None:
    """R8: on a quiet homeserver a batch that is waited for comes half a minute later, and nothing would be closed."""
    asked: list[int] = []

    class Quiet:
        async def sync(self, since: str | None, timeout_ms: int) -> Batch:
            asked.append(timeout_ms)
            if len(asked) == 3:
                raise OSError("away")
            return Batch(since=since, next_batch="s1", rooms=(), keys=(), dropped=0)

        async def settle_keys(self) -> None:
            """Have no keys."""

    ear = Ear(6)
    with pytest.raises(Enough):
        await listen(Quiet(), "s1", ear.commit, ear.states.append, sleep=ear.sleep)  # type: ignore[arg-type]
    assert asked == [0, SYNC_MS, SYNC_MS, 0, SYNC_MS, SYNC_MS]
