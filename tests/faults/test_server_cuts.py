"""A server that is stopped at once loses nothing acknowledged; one with weaker settings does, and is caught."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.databases import Postgres
from tests.faults.servercut import AT_WORK, FORGETFUL, try_server_cuts

SEED, CUTS = 20261127, 2

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Postgres]:
    """Give the session's server, whose settings come back when these tests are over."""
    yield postgres
    with contextlib.suppress(RuntimeError):
        postgres.stop()
    postgres.start()


async def test_nothing_acknowledged_is_lost_halved_or_doubled_when_the_server_is_stopped_at_once(
    server: Postgres,
) -> None:
    """R7, F39: what was asked for and not answered is asked for again under its cause, and is then there once."""
    found = await try_server_cuts(server, CUTS, SEED, AT_WORK)
    assert found.clean, found
    assert (found.cuts, found.acknowledged > CUTS) == (CUTS, True)


async def test_a_server_that_answers_before_it_has_written_would_be_caught(server: Postgres) -> None:
    """R7, control: ``synchronous_commit=off``, which the doctor calls a fault."""
    found = await try_server_cuts(server, 1, SEED, FORGETFUL)
    assert found.troubles["lost"] != []
