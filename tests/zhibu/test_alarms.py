"""Alarms reach whoever operates the program by the outbox: once a day for each, and only for what lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import select

from content.alarms import LOW_BYTES, PATIENCE
from content.decision import Decision, Words
from content.identifiers import Cause, UserId
from content.organisations import Duty, DutyGranted, Role
from content.safe_mode import Reason
from storage import heartbeats, organisations
from storage.outbox import outbox
from storage.phrases import load_words
from storage.store import Step, Store
from storage.unit import Reading
from tests.small_branch import HandClock, SmallBranch
from tests.zhibu.test_backups import install
from zhibu.alarms import Alarms
from zhibu.config import Config

CONSOLE = "https://console.example.org"
DAY = timedelta(days=1)


def said(kept: Any) -> str:
    (what,) = cast("tuple[Words, ...]", load_words(kept).parameters["what"])
    return what.key


class Watched:
    """Alarms over the small branch, with a disk and a backup that are set by hand."""

    def __init__(self, store: Store, config: Config, clock: HandClock, held_up_by: Reason | None = None) -> None:
        self.free, self.last_backup = LOW_BYTES * 9, clock.now
        self.store = store
        self.alarms = Alarms(
            store,
            config,
            console=CONSOLE,
            last_backup=lambda: self.last_backup,
            held_up_by=held_up_by,
            free=lambda _: self.free,
        )

    async def told(self) -> list[tuple[str, str]]:
        """Look, then return whom the outbox tells what of, since the beginning."""
        await self.alarms.look()
        query = select(outbox.c.user_id, outbox.c.words).where(outbox.c.cause.like("alarm:%")).order_by(outbox.c.number)
        rows = await self.store.read(lambda unit: unit.rows(query))
        return [(row.user_id, said(row.words)) for row in rows]


@pytest_asyncio.fixture
async def store(sqlite_address: str, clock: HandClock) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_address, clock)
    await SmallBranch(opened, clock).found()
    yield opened
    await opened.close()


@pytest.fixture
def config(sqlite_address: str, tmp_path: Path) -> Config:
    found = install(tmp_path / "a", sqlite_address)
    return replace(found, backup=replace(found.backup, daily_at="03:30"))


@pytest.fixture
def watched(store: Store, config: Config, clock: HandClock) -> Watched:
    return Watched(store, config, clock)


async def operators(store: Store) -> tuple[UserId, ...]:
    return await store.read(organisations.operators)


async def grant(store: Store, user: str, role: Role) -> None:
    async def decide(unit: Reading) -> Decision:
        top = next(node for node in await organisations.tree(unit) if node.parent is None)
        return Decision(facts=(DutyGranted(duty=Duty(user=UserId(user), organisation=top.id, role=role)),))

    await store.settle([Step(cause=Cause(f"form:{user}"), decide=decide)])


async def test_a_full_disk_is_told_once_it_lasts_and_once_a_day(watched: Watched, clock: HandClock) -> None:
    """R21, F23: a state that comes and goes is told once, one that stays is told again the next day."""
    watched.free = 1
    assert await watched.told() == []
    clock.now += PATIENCE
    (who,) = await operators(watched.store)
    assert await watched.told() == [(who, "alarms.disk_low")]
    watched.free = LOW_BYTES * 9
    await watched.told()
    watched.free = 1
    await watched.told()
    clock.now += PATIENCE
    assert len(await watched.told()) == 1
    clock.now += DAY
    watched.last_backup = clock.now
    assert len(await watched.told()) == 2


async def test_a_disk_that_was_full_for_a_moment_is_not_told(watched: Watched, clock: HandClock) -> None:
    watched.free = 1
    await watched.told()
    watched.free = LOW_BYTES * 9
    await watched.told()
    clock.now += PATIENCE
    watched.free = 1
    assert await watched.told() == []


async def test_a_backup_that_failed_is_told_at_once_and_again_by_no_restart(
    watched: Watched, store: Store, config: Config, clock: HandClock
) -> None:
    """R21, F24."""
    await store.settle(notes=[heartbeats.Beat(role=heartbeats.BACKUP, state="failed 75", at=clock.now)])
    told = await watched.told()
    assert [key for _, key in told] == ["alarms.backup_failed"]
    assert await Watched(store, config, clock).told() == told


async def test_an_overdue_backup_is_told_where_one_is_wanted(
    watched: Watched, store: Store, config: Config, clock: HandClock
) -> None:
    without = Watched(store, replace(config, backup=replace(config.backup, daily_at="")), clock)
    clock.now += 2 * DAY
    for look in (without, watched):
        assert await look.told() == []
    clock.now += PATIENCE
    assert await without.told() == []
    assert [key for _, key in await watched.told()] == ["alarms.backup_overdue"]


async def test_what_held_the_bot_up_is_told_when_it_works_again_and_once(
    store: Store, config: Config, clock: HandClock
) -> None:
    """R21: nothing can be said while the login is refused; it is said afterwards."""
    watched = Watched(store, config, clock, held_up_by=Reason.SIGN_IN_NEEDED)
    assert [key for _, key in await watched.told()] == ["alarms.held_up"]
    clock.now += DAY
    watched.last_backup = clock.now
    assert len(await watched.told()) == 1


async def test_a_clock_that_was_set_is_told(watched: Watched, store: Store, clock: HandClock) -> None:
    """R21, F17."""
    beat = heartbeats.Beat(role=heartbeats.TIME, state="stepped", at=clock.now, measures={"seconds": -7200})
    await store.settle(notes=[beat])
    assert [key for _, key in await watched.told()] == ["alarms.clock_set_back"]


async def test_who_holds_the_duty_is_told_else_who_leads_the_whole(watched: Watched, store: Store) -> None:
    before = await operators(store)
    assert before
    await grant(store, "@yunwei:example.org", Role.OPERATOR)
    assert await operators(store) == (UserId("@yunwei:example.org"),)
    await grant(store, "@kan:example.org", Role.VIEWER)
    assert await operators(store) == (UserId("@yunwei:example.org"),)
