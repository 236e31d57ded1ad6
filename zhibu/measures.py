"""What a process knows of itself, as numbers that its signs of life carry: no names, no words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from storage.timings import Timings


def measures(*, late: float, timings: Timings, backup: datetime | None) -> Mapping[str, float]:
    """Return how late the loop was, what the process holds in memory, how long it wrote, and when a backup was made.

    ``written_<n>`` is how many transactions fell into a bucket of ``storage.timings``, not added up.
    """
    found: dict[str, float] = {"late": round(late, 3), "resident": resident(), "written": round(timings.total, 3)}
    found |= {f"written_{place}": count for place, count in enumerate(timings.counts)}
    if backup is not None:
        found["backup_at"] = backup.timestamp()
    return found


def resident(statm: Path = Path("/proc/self/statm")) -> int:
    """Return how many bytes of memory this process holds, 0 where the system does not say."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


@cache
def version() -> str:
    """Return the version of this program, empty where it was not installed as a package."""
    try:
        return metadata.version("zhibu")
    except metadata.PackageNotFoundError:
        return ""
