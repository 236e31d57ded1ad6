"""A database that was put back sends nothing a second time: what a lost life has sent is found in its room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from msgspec.structs import replace

from bot.clock import Clock
from bot.commands.understanding import understand
from bot.matrix.events import Event
from content.checkins import State as Answer
from content.identifiers import OccurrenceId
from storage import outbox, outbox_claims
from storage.outbox import Kind, State
from storage.restores import Restored
from storage.store import Store
from tests.bot.test_delivery import Post
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import EAST, EAST_ROOM, ME, NOON, ZHANG, HandClock, SmallBranch, private_room, reaction
from tests.small_branch import account as account_of

Life = tuple[SmallBranch, Post]


async def hear_late(branch: SmallBranch, said: Event) -> None:
    """Hear an event as of when it was said, as a batch from an old position does."""
    step = understand(said, ME, branch.settings)
    assert step is not None
    await branch.store.settle([replace(step, at=said.sent_at)])


class TwoLives:
    """A branch that is backed up at noon, with a lesson due ten minutes later, and put back two hours later."""

    def __init__(self, file: Path, clock: HandClock) -> None:
        self.clock = clock
        self.homeserver = FakeHomeserver(clock)
        self._file = file
        self._stores: list[Store] = []

    async def begin(self, branch: SmallBranch) -> OccurrenceId:
        """Plan the lesson and take the backup."""
        id = await branch.plan(due=NOON + timedelta(minutes=10), audience=EAST)
        await branch.store.close()
        self._backup = self._file.read_bytes()
        return id

    async def lost_life(self) -> Life:
        """Go on from the backup as if nothing would happen."""
        return await self._live()

    async def second_life(self) -> Life:
        """Lose everything since the backup, and put it back: on a device that the homeserver does not know."""
        for store in self._stores:
            await store.close()
        self._file.write_bytes(self._backup)
        self.homeserver.device_id = "SECOND"
        self.homeserver.lose_transactions()
        branch, post = await self._live()
        self.clock.now = max(self.clock.now, NOON + timedelta(hours=1))
        await branch.store.settle(notes=[Restored(taken_at=NOON, at=self.clock.now)])
        return branch, post

    async def _live(self) -> Life:
        store = await Store.open(f"sqlite:///{self._file}", self.clock)
        self._stores.append(store)
        branch = SmallBranch(store, self.clock)
        return branch, Post(branch, self.homeserver)

    async def tick(self, branch: SmallBranch) -> None:
        """Let the clock look once, before anything is heard."""
        await Clock(branch.store, caught_up=lambda: False, hearing_state=lambda: "waiting").tick()

    async def close(self) -> None:
        """Put everything away."""
        for store in self._stores:
            await store.close()


@pytest_asyncio.fixture
async def lives(founded_file: Path, tmp_path: Path, clock: HandClock) -> AsyncIterator[TwoLives]:
    file = tmp_path / "lives.db"
    file.write_bytes(founded_file.read_bytes())
    found = TwoLives(file, clock)
    yield found
    await found.close()


@pytest_asyncio.fixture
async def planned(lives: TwoLives) -> OccurrenceId:
    """Give the lesson that is due after the backup."""
    branch, _ = await lives.lost_life()
    return await lives.begin(branch)


async def test_a_card_that_went_out_after_the_backup_is_found_and_not_sent_again(
    lives: TwoLives, planned: OccurrenceId
) -> None:
    branch, post = await lives.lost_life()
    lives.clock.now = NOON + timedelta(minutes=10)
    await lives.tick(branch)
    await post.work()
    (shown,) = lives.homeserver.rooms[EAST_ROOM]

    branch, post = await lives.second_life()
    await lives.tick(branch)
    assert await branch.store.read(lambda unit: outbox_claims.in_doubt(unit, 5))
    await post.work()
    assert lives.homeserver.rooms[EAST_ROOM] == [shown]
    assert not await branch.store.read(lambda unit: outbox_claims.in_doubt(unit, 5))
    assert await branch.card_event(planned) == shown.event_id
    assert (await branch.occurrence(planned)).closes_at == NOON + timedelta(hours=2, minutes=10)


async def test_an_answer_that_was_given_and_confirmed_counts_again_and_is_confirmed_once(
    lives: TwoLives, planned: OccurrenceId
) -> None:
    branch, post = await lives.lost_life()
    lives.clock.now = NOON + timedelta(minutes=10)
    await lives.tick(branch)
    await post.work()
    said_at = lives.clock.forward(minutes=5)
    tap = reaction(account_of(ZHANG), await branch.card_event(planned), "✅", sent_at=said_at)
    await branch.hear(tap)
    await post.work()
    confirmed = lives.homeserver.texts(private_room(ZHANG))
    assert len(confirmed) == 1

    branch, post = await lives.second_life()
    await lives.tick(branch)
    await post.work()
    await hear_late(branch, tap)
    await post.work()
    assert await branch.state(planned, ZHANG) is Answer.DONE
    assert lives.homeserver.texts(private_room(ZHANG)) == confirmed
    # An edit only brings the newest numbers, and is sent for this life's numbers.
    assert [row.device_id for row in await branch.rows(outbox.outbox.c.kind == Kind.EDIT)] == ["SECOND"]


async def test_a_card_that_nobody_ever_saw_is_not_sent_when_its_time_is_over(
    lives: TwoLives, planned: OccurrenceId
) -> None:
    branch, post = await lives.second_life()
    await lives.tick(branch)
    await post.work()
    assert EAST_ROOM not in lives.homeserver.rooms
    (row,) = await branch.rows(outbox.outbox.c.kind == Kind.POST)
    assert (row.state, row.last_error) == (State.FAILED, "too_late")
    assert await branch.state(planned, ZHANG) is Answer.NOT_OFFERED


async def test_what_has_its_cause_after_the_restore_is_sent_without_looking(
    lives: TwoLives, planned: OccurrenceId
) -> None:
    branch, post = await lives.second_life()
    lives.clock.forward(minutes=1)
    await branch.open(audience=EAST)
    await post.work()
    assert len(lives.homeserver.texts(EAST_ROOM)) == 1
    assert lives.homeserver.looks == 0
