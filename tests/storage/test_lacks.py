"""What the database lacks for a moment fails what was asked for, whole; nothing is buried, and it can be done again."""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from content.decision import Decision, Tell, words
from content.identifiers import Cause
from storage.engines import WRITER_LOCK, sqlite3
from storage.outbox import Cancelled, outbox
from storage.store import Outcome, Step, Store
from storage.sync import dead_letters
from storage.unit import Reading
from tests.databases import Postgres
from tests.small_branch import SECRETARY, HandClock, SmallBranch

CAUSE = Cause("event:$one:test")


def telling(before: Any = lambda: None) -> Step:
    """Return a step that says something, after what is to happen while it is decided."""

    async def decide(_unit: Reading) -> Decision:
        before()
        return Decision(effects=(Tell(user=SECRETARY, words=words("makeup.nothing")),))

    return Step(cause=CAUSE, decide=decide, actor=SECRETARY)


async def left(store: Store) -> tuple[int, int]:
    """Return how many rows wait to go out, and how many dead letters there are."""
    rows = await store.read(lambda unit: unit.rows(select(outbox.c.number)))
    letters = await store.read(lambda unit: unit.rows(select(dead_letters)))
    return len(rows), len(letters)


async def done(store: Store) -> Outcome:
    (outcome,) = await store.settle([telling()])
    return outcome


LACKS = {
    "deadlock": psycopg.errors.DeadlockDetected,
    "conflict": psycopg.errors.SerializationFailure,
    "too many connections": psycopg.errors.TooManyConnections,
    "too slow": psycopg.errors.QueryCanceled,
    "no memory": psycopg.errors.OutOfMemory,
    "disk full": psycopg.errors.DiskFull,
}
CODES = {"busy": 5, "no memory here": 7, "read only": 8, "input or output": 10 | 4 << 8, "full": 13}


def lack(name: str) -> Exception:
    if name in LACKS:
        return LACKS[name]()
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode = CODES[name]
    return error


async def test_a_step_that_the_database_could_not_serve_is_not_buried_and_is_done_when_it_can(
    branch: SmallBranch,
) -> None:
    """F40, F25, F10: a rule is not to blame for what the server lacks."""
    before = await left(branch.store)
    for name in (*LACKS, *CODES):
        raised = OperationalError("SELECT 1", None, lack(name))

        def refuse(raised: Exception = raised) -> None:
            raise raised

        with pytest.raises(OperationalError):
            await branch.store.settle([telling(refuse)])
        assert await left(branch.store) == before, name
    assert (await done(branch.store)).answer is not None
    assert (await done(branch.store)).repeated
    assert await left(branch.store) == (before[0] + 1, before[1])


@pytest.fixture
def few(postgres: Postgres) -> Iterator[tuple[Postgres, str]]:
    """Give a database and the address of a role for it that can be kept short of everything."""
    name = postgres.copy()
    postgres.run("CREATE ROLE few LOGIN IN ROLE zhibu")
    yield postgres, postgres.address(name).replace("zhibu@", "few@")
    postgres.drop(name)
    postgres.run("DROP ROLE few")


@pytest.mark.postgres
async def test_without_a_free_connection_nothing_is_done_and_later_all(
    few: tuple[Postgres, str], clock: HandClock
) -> None:
    """F40: the server turns away whoever has none."""
    postgres, address = few
    store = await Store.open(address, clock, exclusive=False)
    await store.read(lambda unit: unit.value(text("SELECT 1")))
    postgres.run("ALTER ROLE few CONNECTION LIMIT 0")
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'few'")
    for _ in range(2):
        with pytest.raises(DBAPIError):
            await store.settle([telling()])
    postgres.run("ALTER ROLE few CONNECTION LIMIT -1")
    assert (await done(store)).answer is not None
    assert await left(store) == (1, 0)
    await store.close()


@pytest.mark.postgres
async def test_who_waits_too_long_for_the_writers_place_is_told_so_and_tries_again(
    few: tuple[Postgres, str], clock: HandClock
) -> None:
    """F40, F27: the server's limit of time for a statement, while another session holds what all writers queue for."""
    postgres, address = few
    postgres.run("ALTER ROLE few SET statement_timeout = '100ms'")
    store = await Store.open(address, clock, exclusive=False)
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [WRITER_LOCK])
        with pytest.raises(DBAPIError):
            await store.settle([telling()])
        other.execute("SELECT pg_advisory_unlock(%s)", [WRITER_LOCK])
    assert (await done(store)).answer is not None
    assert await left(store) == (1, 0)
    await store.close()


@pytest.mark.postgres
async def test_a_deadlock_is_tried_once_more_by_itself(few: tuple[Postgres, str], clock: HandClock) -> None:
    """F40: somebody else's session holds a row that we want, and wants what we hold."""
    postgres, address = few
    postgres.run("ALTER ROLE few SET deadlock_timeout = '10ms'")
    store = await Store.open(address, clock, exclusive=False)
    await store.settle([telling()])
    waits = threading.Event()

    def cross() -> None:
        """Hold the row, and then queue for the writers' place until it is free."""
        with psycopg.connect(address.replace("few@", "zhibu@")) as other:
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("SELECT 1 FROM outbox FOR UPDATE")
            held.set()
            waits.wait(20)
            other.execute("SELECT pg_advisory_xact_lock(%s)", [WRITER_LOCK])

    async def decide(unit: Reading) -> Decision:
        asked.append(1)
        if len(asked) == 1:
            waits.set()
            queued = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            while not await unit.value(queued):
                pass
        return Decision(facts=(Cancelled(id=row.id, at=clock.now),))

    held, asked = threading.Event(), list[int]()
    (row,) = await store.read(lambda unit: unit.rows(select(outbox.c.id)))
    thread = threading.Thread(target=cross)
    thread.start()
    assert held.wait(20)
    (outcome,) = await store.settle([Step(cause=Cause("form:two"), decide=decide, actor=SECRETARY)])
    thread.join(20)
    assert outcome.answer is not None
    assert len(asked) == 2
    assert await left(store) == (1, 0)
    await store.close()


@contextlib.contextmanager
def no_file_larger(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_beyond_a_limit_of_size_nothing_is_acknowledged_and_below_it_all_goes_on(
    sqlite_address: str, clock: HandClock
) -> None:
    """F25: the store that met the limit goes on with its own connections, and so does one that is opened after it."""
    store = await Store.open(sqlite_address, clock)
    file = Path(sqlite_address.removeprefix("sqlite:///"))
    await store.settle([Step(cause=Cause("form:first"), decide=telling().decide, actor=SECRETARY)])
    with no_file_larger(file.with_name(file.name + "-wal").stat().st_size):
        for _ in range(2):
            with pytest.raises(DBAPIError):
                await store.settle([telling()])
        assert await left(store) == (1, 0)
    assert (await done(store)).answer is not None
    assert await left(store) == (2, 0)
    await store.close()
    again = await Store.open(sqlite_address, clock)
    assert (await done(again)).repeated
    assert await again.read(lambda unit: unit.value(text("PRAGMA integrity_check"))) == "ok"
    await again.close()
