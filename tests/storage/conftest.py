"""The small branch on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.store import Store
from tests.small_branch import HandClock, SmallBranch

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a migrated database without rows."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_address")
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.copy()
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
    await small.found()
    return small
