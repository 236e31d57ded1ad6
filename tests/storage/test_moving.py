"""All rows of one database arrive in another, on either engine, or nothing does."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from content.trouble import Trouble
from storage import heartbeats, sync
from storage.engines import open_engine, sqlite_file
from storage.fingerprints import Fingerprint, fingerprints
from storage.moving import move
from storage.store import Store
from tests.databases import Postgres
from tests.small_branch import EAST, ROOF, HandClock, SmallBranch
from tests.storage.test_migrations import execute, tables

SCRIPTS = "党支部 Ünïcødé ру́сский العربية हिन्दी 😀 a\\b\"c'\t\n\u200d\u2028"
MOMENT = datetime(2026, 11, 24, 3, 4, 5, 678901, tzinfo=UTC)


async def seen(address: str) -> dict[str, Fingerprint]:
    """Return what a database holds."""
    engine = open_engine(address)
    async with engine.connect() as connection:
        found = await fingerprints(connection)
    await engine.dispose()
    return found


async def fill_with_everything(address: str, clock: HandClock) -> None:
    """Leave rows of many kinds: words in all scripts, nothing, bytes, JSON with and without a null, microseconds."""
    branch = SmallBranch(await Store.open(address, clock), clock)
    await branch.found()
    for _ in range(2):
        await branch.open(audience=ROOF)
    clock.now = clock.now + timedelta(microseconds=123457)
    await branch.store.settle(
        notes=[
            heartbeats.Beat(role="clock", state="ticking", at=MOMENT),
            sync.Buried(cause="a", room=None, sender=None, reason=SCRIPTS, raw=bytes(range(256)), at=MOMENT),
        ]
    )
    await branch.store.close()
    words = json.dumps({"key": SCRIPTS, "null": None, "number": 1.5}).replace("'", "''").replace(":", "\\:")
    await execute(
        address,
        "UPDATE outbox SET words = NULL",
        f"UPDATE outbox SET words = '{words}' WHERE number = (SELECT min(number) FROM outbox)",
        "UPDATE outbox SET words = 'null' WHERE number = (SELECT max(number) FROM outbox)",
    )


@pytest.mark.postgres
@pytest.mark.parametrize("first", ["sqlite", "postgresql"])
async def test_a_round_trip_over_both_engines_ends_where_it_began(
    first: str, sqlite_address: str, postgres: Postgres, clock: HandClock, tmp_path: Path
) -> None:
    copy, empty = postgres.copy(), postgres.empty()
    source = sqlite_address if first == "sqlite" else postgres.address(copy)
    between = postgres.address(empty) if first == "sqlite" else f"sqlite:///{tmp_path / 'between.db'}"
    back = f"sqlite:///{tmp_path / 'back.db'}" if first == "sqlite" else postgres.address(postgres.empty())
    await fill_with_everything(source, clock)
    before = await seen(source)
    assert sum(one.rows for one in before.values()) > 20

    there = await move(source, between)
    again = await move(between, back)

    assert there.tables == again.tables == before == await seen(between) == await seen(back)
    for address in (between, back):
        engine = open_engine(address)
        async with engine.connect() as connection:
            at = await connection.scalar(text("SELECT at FROM dead_letters"))
            absent = await connection.scalar(text("SELECT count(*) FROM outbox WHERE words IS NULL"))
            null = await connection.scalar(text("SELECT count(*) FROM outbox WHERE CAST(words AS TEXT) = 'null'"))
        await engine.dispose()
        assert "678901" in str(at)
        assert (absent, null) == (before["outbox"].rows - 2, 1)


async def test_the_moved_branch_goes_on_counting_where_the_old_one_stood(
    address: str, postgres: Postgres, clock: HandClock, tmp_path: Path
) -> None:
    await fill_with_everything(address, clock)
    target = f"sqlite:///{tmp_path / 'new.db'}"
    if address.startswith("sqlite"):
        target = postgres.address(postgres.empty())
    await move(address, target)
    branch = SmallBranch(await Store.open(target, clock), clock)
    before = (await seen(target))["outbox"].rows
    await branch.open(audience=EAST)
    await branch.store.close()
    assert (await seen(target))["outbox"].rows > before


async def test_a_database_that_a_program_holds_is_not_moved(address: str, tmp_path: Path) -> None:
    store = await Store.open(address)
    target = tmp_path / "new.db"
    with pytest.raises(Trouble) as caught:
        await move(address, f"sqlite:///{target}")
    assert caught.value.words.key == ("database.in_use" if sqlite_file(address) else "database.bot_at_work")
    assert not target.exists()
    await store.close()


async def test_a_target_with_tables_is_refused_and_left_as_it_is(address: str, sqlite_address: str) -> None:
    before = await seen(address)
    with pytest.raises(Trouble) as caught:
        await move(sqlite_address if not address.startswith("sqlite") else await _other(sqlite_address), address)
    assert caught.value.words.key == "database.not_empty"
    assert await seen(address) == before


async def _other(address: str) -> str:
    file = sqlite_file(address)
    assert file is not None
    other = file.with_name("other.db")
    with contextlib.closing(sqlite3.connect(file)) as one, contextlib.closing(sqlite3.connect(other)) as two:
        one.backup(two)
    return f"sqlite:///{other}"


async def test_rows_that_refer_to_nothing_stop_the_move_and_leave_nothing(
    sqlite_address: str, empty_address: str
) -> None:
    file = sqlite_file(sqlite_address)
    assert file is not None
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO organisation_closure VALUES ('nobody', 'nobody', 0)")
    with pytest.raises(Trouble) as caught:
        await move(sqlite_address, empty_address)
    assert caught.value.words.key == "database.unusable"
    target = sqlite_file(empty_address)
    assert not target.exists() if target else await tables(empty_address) == set()


async def test_a_single_letter_that_changed_is_seen(sqlite_address: str, clock: HandClock) -> None:
    await fill_with_everything(sqlite_address, clock)
    before = await seen(sqlite_address)
    await execute(sqlite_address, "UPDATE organisations SET name = name || ' ' WHERE parent_id IS NULL")
    after = await seen(sqlite_address)
    assert {name for name in before if before[name] != after[name]} == {"organisations"}
