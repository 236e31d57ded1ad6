"""What leaves the console as a file."""

from __future__ import annotations

from dataclasses import dataclass

from content.decision import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Fact):
    """Somebody took a table away as a file, with so many rows."""

    what: str
    rows: int
