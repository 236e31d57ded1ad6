"""A copy that is taken while others write is whole."""

from __future__ import annotations

from pathlib import Path

from tests.faults.snapshots import snapshots_under_writes


async def test_copies_of_a_database_at_work_are_whole(founded_file: Path, tmp_path: Path) -> None:
    """R9: ``make faults`` takes fifty."""
    tally = await snapshots_under_writes(founded_file, tmp_path, runs=3)
    assert (tally.tried, tally.failures) == (3, [])
