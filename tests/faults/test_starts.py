"""The trial of starts on a long history does what it says, on a short one."""

from __future__ import annotations

from pathlib import Path

from bench.seeding import Size
from tests.faults.starts import starts


async def test_a_branch_with_a_history_starts_after_a_kill(tmp_path: Path) -> None:
    """R8, F01: ``make faults`` does it on a million answers, fifty times, and looks at the clock."""
    tally = await starts(tmp_path, 20261127, 2, Size(branches=3, members=30, answers=300), timed=False)
    assert (tally.tried, tally.failures) == (2, [])
