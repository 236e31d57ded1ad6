"""The trial of large databases does what it says, on small ones."""

from __future__ import annotations

from pathlib import Path

from storage.media import CHUNK
from tests.faults.large import SIZES, large_databases


async def test_what_is_filled_and_backed_up_is_restored_whole(founded_file: Path, tmp_path: Path) -> None:
    """R9, F35: ``make faults`` does it beyond one and two gibibytes."""
    tally = await large_databases(founded_file, tmp_path, (2 * CHUNK,))
    assert (tally.tried, tally.failures) == (1, [])
    assert SIZES[0] > 2**30
    assert SIZES[1] > 2**31
