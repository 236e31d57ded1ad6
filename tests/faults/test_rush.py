"""When everybody checks in at once, each is recorded and answered once."""

from __future__ import annotations

from pathlib import Path

from tests.faults.rush import rush


async def test_when_everybody_checks_in_at_once_each_is_recorded_and_answered_once(tmp_path: Path) -> None:
    """R17, in small; how long it takes at full size is for ``make faults`` to say."""
    assert (await rush(tmp_path, members=150, halls=10, seconds=1.0)).wrong == []
