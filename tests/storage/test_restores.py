"""After a restore nobody is signed in, and what was to be sent before it counts as tried by a device that is gone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from content.sessions import LinkIssued
from storage import outbox_claims, restores, sessions
from storage.outbox import LOST_DEVICE, Kind, State
from storage.restores import Restored
from tests.small_branch import EAST, NOON, SECRETARY, ZHANG, HandClock, SmallBranch


async def put_back(branch: SmallBranch, clock: HandClock) -> None:
    """Note that the database comes from a backup."""
    await branch.store.settle(notes=[Restored(taken_at=clock.now - timedelta(hours=1), at=clock.now)])


async def test_there_is_no_restore_before_the_first(branch: SmallBranch, clock: HandClock) -> None:
    assert await branch.store.read(restores.restored_at) is None
    await put_back(branch, clock)
    clock.forward(days=1)
    await put_back(branch, clock)
    assert await branch.store.read(restores.restored_at) == NOON + timedelta(days=1)


async def test_what_waited_when_it_was_put_back_is_looked_for_from_when_it_was_made(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open(audience=EAST)
    clock.forward(minutes=30)
    await put_back(branch, clock)
    assert await branch.store.read(lambda unit: outbox_claims.in_doubt(unit, 5))
    (row,) = await branch.claim()
    assert (row.device, row.first_try_at, row.kind) == (LOST_DEVICE, NOON, Kind.POST)
    assert row.expires_at is not None
    assert row.expires_at < clock.now
    await branch.mark_sent(row)
    clock.forward(minutes=1)
    await branch.answer(id, ZHANG)
    assert {one.device for one in await branch.claim()} == {"DEVICE"}
    assert not await branch.store.read(lambda unit: outbox_claims.in_doubt(unit, 5))


async def test_without_a_restore_what_is_late_expires_unsent(branch: SmallBranch, clock: HandClock) -> None:
    await branch.open(audience=EAST)
    clock.forward(minutes=30)
    assert not await branch.store.read(lambda unit: outbox_claims.in_doubt(unit, 5))
    assert await branch.claim() == []
    assert [row.state for row in await branch.rows()] == [State.EXPIRED]


async def test_links_and_sessions_of_the_lost_life_are_worth_nothing(branch: SmallBranch, clock: HandClock) -> None:
    link = LinkIssued(token_hash="ab" * 32, user=SECRETARY, expires_at=clock.now)
    await branch.store.settle(notes=[link])
    await put_back(branch, clock)
    count = select(func.count()).select_from(sessions.sign_in_links)
    assert await branch.store.read(lambda unit: unit.value(count)) == 0
