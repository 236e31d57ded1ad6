"""What all tests share: a clock set by hand, a small branch in a database of its own, the servers they may ask for."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from storage.store import Store
from tests import nursery
from tests.once import once
from tests.small_branch import NOON, HandClock, SmallBranch
from zhibu.heaps import collect_seldom

pytest_plugins = ["tests.compiled", "tests.databases", "tests.statements", "tests.synapse_fixture"]

LONG = (
    "journeys/test_newcomer.py",
    "console/test_in_a_browser.py",
    "journeys/test_living_branch.py",
    "faults/test_places.py",
    "storage/test_counting.py",
    "faults/test_voting.py",
    "console/test_matrix.py",
    "tests/journeys/",
    "tests/faults/",
    "tests/zhibu/",
)
"""What takes long for what it does or waits for, the longest first."""

settings.register_profile(
    "same every time",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same every time"))


def pytest_configure() -> None:
    """Let programs be born in the nursery, and hear Ctrl-C also where whoever started us lets us ignore it.

    What is loaded stays to the end: as at work, the collector need not walk it all the time.
    """
    nursery.Door.is_open = True
    collect_seldom()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is still at it when the others have nothing left to do."""
    items.sort(key=lambda item: next((rank for rank, name in enumerate(LONG) if name in item.nodeid), len(LONG)))


def pytest_collection_finish() -> None:
    """Keep modules and items out of the collector's way."""
    gc.freeze()


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that stands still until it is moved."""
    return HandClock(NOON)


@pytest.fixture(scope="session")
def founded_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file in which the small branch is founded, to copy."""

    async def found(file: Path) -> None:
        clock = HandClock(NOON)
        store = await Store.open(f"sqlite:///{file}", clock)
        await SmallBranch(store, clock).found()
        await store.close()

    def make(folder: Path) -> None:
        shutil.copyfile(sqlite_template, folder / "branch.db")
        asyncio.run(found(folder / "branch.db"))

    return once(tmp_path_factory, "founded", make) / "branch.db"


@pytest_asyncio.fixture
async def branch(founded_file: Path, tmp_path: Path, clock: HandClock) -> AsyncIterator[SmallBranch]:
    """Give the small branch in a SQLite file of its own."""
    file = tmp_path / "branch.db"
    shutil.copyfile(founded_file, file)
    store = await Store.open(f"sqlite:///{file}", clock)
    yield SmallBranch(store, clock)
    await store.close()
