"""The chat side as a whole: what is decided anywhere is looked at and sent without waiting for the next round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from content.decision import Decision
from storage import outbox
from storage.outbox import State
from storage.store import Step
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, EAST_ROOM, HandClock, SmallBranch, fresh_cause
from zhibu.catalogue import load_speech


class Quiet(FakeHomeserver):
    """A homeserver on which nothing is ever said."""

    def seed(self, rooms: Iterable[tuple[str, bool]]) -> None:
        """Know the rooms."""

    async def sync(self, *_since: Any) -> None:
        """Wait for something to be said."""
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock not tick by itself before an hour is over."""
    monkeypatch.setattr("bot.clock.TICK", timedelta(hours=1))
    monkeypatch.setattr("bot.clock.LOOK", 3600)


@asynccontextmanager
async def at_work(branch: SmallBranch, clock: HandClock) -> AsyncIterator[FakeHomeserver]:
    """Give the homeserver of a bot at work."""
    quiet = Quiet(clock)
    bot = Bot(branch.store, cast(Homeserver, quiet), load_speech(), console="http://console.test")
    task = asyncio.create_task(bot.run())
    async with asyncio.timeout(30):
        while not bot._clock._scheduler.running:
            assert not task.done(), task.result()
            await asyncio.to_thread(lambda: None)
    yield quiet
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def decide_something(branch: SmallBranch) -> None:
    """Decide something that has no effect of its own."""

    async def decide(_unit: object) -> Decision:
        return Decision()

    await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])


async def sent(branch: SmallBranch, homeserver: FakeHomeserver) -> None:
    """Wait until a card is in its room and recorded as sent."""
    async with asyncio.timeout(30):
        while not await branch.rows(outbox.outbox.c.state == State.SENT):
            await asyncio.to_thread(lambda: None)
    assert len(homeserver.texts(EAST_ROOM)) == 1


async def test_a_decision_has_what_is_due_sent_at_once(branch: SmallBranch, clock: HandClock) -> None:
    async with at_work(branch, clock) as homeserver:
        await branch.plan(audience=EAST)
        await decide_something(branch)
        await sent(branch, homeserver)


async def test_what_a_killed_bot_of_the_same_device_held_is_sent_at_the_next_start(
    branch: SmallBranch, clock: HandClock
) -> None:
    await branch.open(audience=EAST)
    await branch.claim(worker="DEVICE", lease=3600)
    async with at_work(branch, clock) as homeserver:
        await sent(branch, homeserver)
