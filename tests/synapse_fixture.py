"""A real homeserver for the tests that need one, started once per session on a free port.

To make its tables takes a homeserver longer than all the rest of its start; so one of a run makes them for all.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.once import once
from zhibu.demo.synapse import Account, Synapse

_numbers = itertools.count(1)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_tables(folder: Path) -> None:
    async def live_once() -> None:
        async with Synapse(folder, free_port()):
            pass

    asyncio.run(live_once())


Furnish = Callable[[Path], Path]


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Furnish:
    """Put the tables of a homeserver that knows nobody into a folder, so that one starts there as on its second day."""

    def furnish(folder: Path) -> Path:
        made = once(tmp_path_factory, "homeserver", _make_tables)
        folder.mkdir(parents=True, exist_ok=True)
        for file in made.glob("homeserver.db*"):
            shutil.copyfile(file, folder / file.name)
        return folder

    return furnish


@pytest.fixture(scope="session")
def synapse(furnished: Furnish, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """Give a homeserver without rate limits and without the cache of equal syncs."""
    folder = furnished(tmp_path_factory.mktemp("synapse"))
    server = Synapse(folder, free_port(), cached_sync=False)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest_asyncio.fixture
async def account(synapse: Synapse) -> Callable[..., Awaitable[Account]]:
    """Make accounts with names nobody else in this session has."""

    async def make(prefix: str = "member", *, admin: bool = False) -> Account:
        return await synapse.register(f"{prefix}{next(_numbers)}", "a long password", admin=admin)

    return make
