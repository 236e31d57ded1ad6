"""A real homeserver for the tests that need one, started once per session on a free port."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from zhibu.demo.synapse import Account, Synapse

_numbers = itertools.count(1)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """Give a homeserver without rate limits and without the cache of equal syncs."""
    folder: Path = tmp_path_factory.mktemp("synapse")
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
