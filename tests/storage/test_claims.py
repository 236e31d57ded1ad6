"""One bot for a database, desks beside it on a server, and nothing written by a process that has lost its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from content.decision import Decision, Tell, words
from content.trouble import Exit, Trouble
from storage import server_claims
from storage.claims import TABLES_LOCK, Place
from storage.engines import open_working_engine
from storage.heartbeats import Beat
from storage.store import Step, Store
from storage.upgrade import upgrade
from tests.databases import Postgres
from tests.small_branch import EAST, SECRETARY, HandClock, SmallBranch, fresh_cause
from tests.storage.test_migrations import execute, tables
from tests.storage.test_upgrade import newer_program


@pytest.fixture
def shared(postgres: Postgres) -> Iterator[str]:
    """Give the address of a database on a server."""
    name = postgres.copy()
    yield postgres.address(name)
    postgres.drop(name)


@asynccontextmanager
async def opened(address: str, clock: HandClock) -> AsyncIterator[tuple[Store, Store]]:
    """Give the store of the bot and that of a desk beside it."""
    bot = await Store.open(address, clock)
    desk = await Store.open_desk(address, clock)
    yield bot, desk
    await desk.close()
    await bot.close()


@asynccontextmanager
async def watching(store: Store) -> AsyncIterator[asyncio.Task[None]]:
    """Have a store keep its place."""
    task = asyncio.create_task(store.watch())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def ask(address: str, question: str) -> int:
    """Return the number that a server answers with."""
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return int(row[0]) if row else 0


async def until(so: Callable[[], bool]) -> None:
    """Wait for a thing to be so, and let the loop run meanwhile."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(so):
            await asyncio.to_thread(lambda: None)


def waiting(address: str) -> bool:
    """Tell whether some session waits for an advisory lock."""
    return ask(address, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0


HELD = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


async def cut(address: str) -> None:
    """Cut every connection that holds a place, as a restart or a firewall does; come back when the places are free."""
    ask(address, f"SELECT count(pg_terminate_backend(pid)) FROM ({HELD.replace('count(*)', 'pid')}) AS held")
    await until(lambda: ask(address, HELD) == 0)


def telling() -> Step:
    """Make a step that has something to say."""

    async def decide(_unit: object) -> Decision:
        return Decision(effects=(Tell(user=SECRETARY, words=words("makeup.nothing")),))

    return Step(cause=fresh_cause(), decide=decide)


async def refusal(opening: object) -> str:
    """Return why a store was not opened or not kept."""
    with pytest.raises(Trouble) as caught:
        await opening  # type: ignore[misc]
    assert caught.value.exit_code is Exit.DATABASE
    return caught.value.words.key


# --- who may be beside whom -------------------------------------------------------------------------------------------


async def test_a_file_belongs_to_one_process_whatever_it_is(sqlite_address: str) -> None:
    for first in (Store.open, Store.open_desk):
        store = await first(sqlite_address)
        assert await refusal(Store.open(sqlite_address)) == "database.in_use"
        assert await refusal(Store.open_desk(sqlite_address)) == "database.in_use"
        await store.close()


@pytest.mark.postgres
async def test_on_a_server_desks_work_beside_the_bot_and_without_it_but_never_two_bots(shared: str) -> None:
    """F09."""
    first, second = await Store.open_desk(shared), await Store.open_desk(shared)
    bot = await Store.open(shared)
    assert await refusal(Store.open(shared)) == "database.bot_at_work"
    for store in (first, second, bot):
        (outcome,) = await store.settle([telling()])
        assert isinstance(outcome.answer, Decision)
        await store.close()


@pytest.mark.postgres
async def test_one_cause_that_comes_to_several_processes_at_once_has_its_effect_once(
    shared: str, clock: HandClock
) -> None:
    stores = [await Store.open_desk(shared, clock) for _ in range(3)]
    step = telling()
    outcomes = await asyncio.gather(*[store.settle([step]) for store in stores for _ in range(3)])
    assert sorted(one.repeated for (one,) in outcomes) == [False] + [True] * 8
    for store in stores:
        await store.close()


async def test_a_desk_never_makes_tables(empty_address: str) -> None:
    key = "database.missing" if empty_address.startswith("sqlite") else "database.outdated"
    assert await refusal(Store.open_desk(empty_address)) == key
    if empty_address.startswith("postgresql"):
        assert await tables(empty_address) == set()


async def test_a_desk_frees_nothing_and_a_bot_only_what_its_own_device_held(address: str, clock: HandClock) -> None:
    branch = SmallBranch(await Store.open(address, clock), clock)
    await branch.found()
    await branch.open(audience=EAST)
    (held,) = await branch.claim(worker="phone", lease=3600)
    await branch.store.close()
    desk = SmallBranch(await Store.open_desk(address, clock), clock)
    assert await desk.claim() == []
    await desk.store.close()
    again = SmallBranch(await Store.open(address, clock), clock)
    await again.store.take_up("another phone")
    assert await again.claim() == []
    await again.store.take_up("phone")
    assert [row.id for row in await again.claim()] == [held.id]
    await again.store.close()


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_tables_are_not_changed_under_a_desk_at_work(shared: str, tmp_path: Path) -> None:
    desk = await Store.open_desk(shared)
    folder = newer_program(tmp_path)
    assert await refusal(upgrade(shared, folder=folder)) == "database.desks_at_work"
    assert "songs" not in await tables(shared)
    await desk.close()
    await upgrade(shared, folder=folder)
    assert "songs" in await tables(shared)


@pytest.mark.postgres
async def test_a_desk_that_comes_while_tables_are_changed_waits_for_the_end(shared: str) -> None:
    changing = await psycopg.AsyncConnection.connect(shared)
    await changing.execute(f"SELECT pg_advisory_xact_lock({TABLES_LOCK})")
    opening = asyncio.create_task(Store.open_desk(shared))
    await until(lambda: waiting(shared))
    assert not opening.done()
    await changing.commit()
    await (await opening).close()
    await changing.close()


# --- notices ----------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_what_is_decided_at_a_desk_wakes_the_bot(shared: str, clock: HandClock) -> None:
    async with opened(shared, clock) as (bot, desk), watching(bot):
        woken, decided = asyncio.Event(), asyncio.Event()
        bot.on_change(woken.set)
        bot.on_decision(decided.set)
        # Once when it begins to listen: what was announced before, nobody heard.
        for _ in range(2):
            async with asyncio.timeout(30):
                await woken.wait()
                await decided.wait()
            woken.clear()
            decided.clear()
            await desk.settle([telling()])


@pytest.mark.postgres
async def test_what_changes_nothing_for_the_bot_is_not_announced(shared: str, clock: HandClock) -> None:
    ear = await psycopg.AsyncConnection.connect(shared, autocommit=True)
    async with opened(shared, clock) as (_, desk), ear:
        await ear.execute(f"LISTEN {server_claims.CHANNEL}")
        step = telling()
        await desk.settle(notes=[Beat(role="bot", state="listening", at=clock.now)])
        await desk.settle([step])
        await desk.settle([step])
        # Notices come in the order of their commits, so the last one tells that all were heard.
        ask(shared, f"SELECT count(*) FROM (SELECT pg_notify('{server_claims.CHANNEL}', 'the end')) AS told")
        heard = []
        async for one in ear.notifies(timeout=30):
            heard.append(one.payload)
            if one.payload:
                break
        assert heard == ["", "the end"]


async def test_a_decision_of_its_own_is_followed_at_once_and_a_note_is_not(branch: SmallBranch) -> None:
    followed: list[bool] = []
    branch.store.on_decision(lambda: followed.append(True))
    await branch.store.settle(notes=[Beat(role="bot", state="listening", at=branch.clock.now)])
    assert followed == []
    await branch.store.settle([telling()])
    assert followed == [True]


# --- a place that is lost ---------------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("place", list(Place))
async def test_a_process_that_has_lost_its_place_writes_nothing(shared: str, clock: HandClock, place: Place) -> None:
    store = await (Store.open if place is Place.DRIVER else Store.open_desk)(shared, clock)
    branch = SmallBranch(store, clock)
    before = await branch.everything()
    await cut(shared)
    assert await refusal(store.settle([telling()])) == "database.place_lost"
    assert await refusal(store.claim(worker="w", device="d", lease=timedelta(seconds=1), limit=1)) == (
        "database.place_lost"
    )
    assert await branch.everything() == before
    await store.close()


@pytest.mark.postgres
async def test_a_place_that_was_lost_and_is_free_is_taken_again_and_notices_are_heard(
    shared: str, clock: HandClock
) -> None:
    async with opened(shared, clock) as (bot, desk), watching(bot), watching(desk):
        heard = asyncio.Event()
        bot.on_decision(heard.set)
        async with asyncio.timeout(30):
            await heard.wait()
        heard.clear()
        ask(shared, f"SELECT count(pg_terminate_backend(pid)) FROM ({HELD.replace('count(*)', 'pid')}) AS held")
        async with asyncio.timeout(30):
            await heard.wait()
        await until(lambda: ask(shared, HELD) == 2)
        await bot.settle([telling()])
        heard.clear()
        await desk.settle([telling()])
        async with asyncio.timeout(30):
            await heard.wait()


@pytest.mark.postgres
async def test_a_place_that_another_has_taken_meanwhile_ends_the_process(shared: str, clock: HandClock) -> None:
    """F09."""
    first = await Store.open(shared, clock)
    await cut(shared)
    second = await Store.open(shared, clock)
    assert await refusal(first.watch()) == "database.place_taken"
    assert await refusal(first.settle([telling()])) == "database.place_lost"
    await second.settle([telling()])
    await first.close()
    await second.close()


@pytest.mark.postgres
async def test_a_place_that_only_our_own_lost_connection_still_holds_is_waited_for(shared: str) -> None:
    address = open_working_engine(shared).url
    first = await server_claims.ServerClaim.take(address, Place.DRIVER)
    with pytest.raises(server_claims._NotYet):
        await server_claims._take(address, Place.DRIVER, but_for=first._session)
    await first.close()


async def test_a_server_that_is_away_is_waited_for(unused_tcp_port: int) -> None:
    """F16."""
    away = open_working_engine(f"postgresql://zhibu@127.0.0.1:{unused_tcp_port}/zhibu").url
    with pytest.raises(server_claims._NotYet):
        await server_claims._take(away, Place.DRIVER, but_for=1)


@pytest.mark.postgres
@pytest.mark.parametrize("place", list(Place))
async def test_a_process_does_not_go_on_over_tables_that_were_changed_meanwhile(
    shared: str, clock: HandClock, place: Place
) -> None:
    store = await (Store.open if place is Place.DRIVER else Store.open_desk)(shared, clock)
    await cut(shared)
    await execute(shared, "UPDATE alembic_version SET version_num = '9999'")
    assert await refusal(store.watch()) == "database.tables_changed"
    await store.close()
