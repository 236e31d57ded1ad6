"""Files that were taken away: the row of record of who did so, of what and when, is all that is kept."""

from __future__ import annotations

from content.exports import Exported
from storage.unit import Writing


async def write_exported(unit: Writing, fact: Exported) -> None:
    """Keep nothing but the row of record, which every decision leaves."""
