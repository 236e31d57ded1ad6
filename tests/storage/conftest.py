"""The small branch on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage import organisations
from storage.store import Store
from tests.databases import Postgres, sqlite_copy
from tests.small_branch import NOON, ROOF, HandClock, SmallBranch

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def founded_database(postgres: Postgres) -> str:
    """Give the name of a PostgreSQL database in which the small branch is founded, to copy."""
    name = postgres.copy()

    async def found() -> None:
        clock = HandClock(NOON)
        store = await Store.open(postgres.address(name), clock)
        await SmallBranch(store, clock).found()
        await store.close()

    asyncio.run(found())
    return name


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a migrated database: without rows, or with the small branch where a test asks for it."""
    founded = "branch" in request.fixturenames
    if request.param == "sqlite":
        yield sqlite_copy(request.getfixturevalue("founded_file" if founded else "sqlite_template"), tmp_path)
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.copy(request.getfixturevalue("founded_database")) if founded else postgres.copy()
    yield postgres.address(name)
    postgres.drop(name)


@pytest.fixture(params=ENGINES)
def empty_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.empty()
    yield postgres.address(name)
    postgres.drop(name)


@pytest_asyncio.fixture
async def store(address: str, clock: HandClock) -> AsyncIterator[Store]:
    """Give an empty store."""
    opened = await Store.open(address, clock)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def branch(store: Store, clock: HandClock) -> SmallBranch:
    """Give the small branch on either engine."""
    small = SmallBranch(store, clock)
    if await store.read(lambda unit: organisations.organisation(unit, ROOF)) is None:
        await small.found()
    return small
