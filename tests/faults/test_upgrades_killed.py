"""An upgrade that is killed has changed nothing, and the next start finishes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Postgres
from tests.faults.upgrades import RECORDED, Upgrades

SEED = 20261127
OLDEST = RECORDED[0].stem.rpartition("-")[2]


async def test_a_killed_upgrade_of_a_file_is_finished_by_the_next_start_and_leaves_the_old_one_beside_it(
    tmp_path: Path,
) -> None:
    """R10, F05: at a statement and at a named place; ``make faults`` kills two hundred, from every earlier revision."""
    upgrades = Upgrades(tmp_path, SEED, None)
    for way in ("statement", "place"):
        await upgrades.kill(way, start=OLDEST)
    assert upgrades.tally.failures == []
    assert upgrades.copies > 0


@pytest.mark.postgres
async def test_a_killed_upgrade_of_a_server_is_finished_by_the_next_start(postgres: Postgres, tmp_path: Path) -> None:
    """R10, R11, F05."""
    upgrades = Upgrades(tmp_path, SEED, postgres)
    await upgrades.kill("statement", start=OLDEST)
    assert upgrades.tally.failures == []


async def test_an_upgrade_that_keeps_each_statement_by_itself_would_be_caught(tmp_path: Path) -> None:
    """R10, control."""
    upgrades = Upgrades(tmp_path, SEED, None, hasty=True)
    await upgrades.kill("statement", start=OLDEST)
    assert any("neither as it was nor as it should be" in one for one in upgrades.tally.failures)
