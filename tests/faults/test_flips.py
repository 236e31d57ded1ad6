"""A backup that was damaged anywhere is never restored, and nothing of the try is left."""

from __future__ import annotations

from pathlib import Path

from tests.faults.flips import damaged_backups


async def test_a_backup_with_a_turned_bit_or_without_its_end_is_refused_and_leaves_nothing(
    founded_file: Path, tmp_path: Path
) -> None:
    """R9, F31: at the end the whole one is restored, so that it is the damage that is refused."""
    tally = await damaged_backups(founded_file, tmp_path, runs=10, seed=20261127)
    assert (tally.tried, tally.failures) == (10, [])
