"""A branch on SQLite and one on PostgreSQL cannot be told apart by what they answer, refuse and keep."""

from __future__ import annotations

import pytest

from storage.store import Store
from tests.databases import Postgres
from tests.faults.differential import Pair, compare
from tests.small_branch import NOON, ZHANG, HandClock

SEED = 20261127


@pytest.mark.postgres
async def test_the_same_commands_have_the_same_effect_on_either_engine(sqlite_address: str, postgres: Postgres) -> None:
    """R11, I005, I006, I007, I012, I035, I036: with NUL, lone surrogates, rare characters, long and limit values."""
    assert await compare([sqlite_address, postgres.address(postgres.copy())], SEED, sequences=12) == []


@pytest.mark.postgres
async def test_a_branch_that_knows_one_thing_more_would_be_caught(sqlite_address: str, postgres: Postgres) -> None:
    """R11, control."""
    clock = HandClock(NOON)
    stores = [await Store.open(one, clock) for one in (sqlite_address, postgres.address(postgres.copy()))]
    pair = Pair(stores, clock, SEED)
    await pair.found()
    await pair.twins[0].branch.answer(await pair.twins[0].branch.open(), ZHANG)
    found = await pair.sequence(1)
    for store in stores:
        await store.close()
    assert found != []
