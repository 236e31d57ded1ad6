"""A power cut loses nothing that was acknowledged, with the settings that the store makes; with weaker ones it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.powercut import CASES, try_cuts

CUTS = 60


@pytest.mark.parametrize("case", ["WAL + FULL", "DELETE + EXTRA"])
async def test_nothing_acknowledged_is_lost_and_nothing_is_damaged(
    founded_file: Path, tmp_path: Path, case: str
) -> None:
    """R7, F29: the real schema and the real units of work on a disk that keeps what was synced and half of the rest."""
    assert await try_cuts(founded_file, tmp_path, case, CUTS, seed=7) == {"lost": 0, "corrupt": 0}


async def test_synchronous_normal_would_be_caught_losing(founded_file: Path, tmp_path: Path) -> None:
    """R7, control."""
    found = await try_cuts(founded_file, tmp_path, "WAL + NORMAL", CUTS, seed=7)
    assert found["lost"] > 0
    assert found["corrupt"] == 0


async def test_synchronous_off_would_be_caught_damaging(founded_file: Path, tmp_path: Path) -> None:
    """R7, F30, control: a disk that says it has written and has not."""
    assert (await try_cuts(founded_file, tmp_path, "WAL + OFF", CUTS, seed=7))["corrupt"] > 0


def test_the_cases_are_the_two_settings_we_run_with_and_two_that_must_fail() -> None:
    assert list(CASES) == ["WAL + FULL", "DELETE + EXTRA", "WAL + NORMAL", "WAL + OFF"]
