"""What a backup is called, which ones have had their time, and when the next one is due."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from content.schedules import instant

AGAIN = timedelta(hours=1)
"""How long after a backup that failed the next one is tried."""

STALE = timedelta(hours=26)
"""A daily backup that is older than this did not come about."""

_FORM = "zhibu-%Y%m%dT%H%M%SZ.backup"
_NAME = re.compile(r"zhibu-\d{8}T\d{6}Z\.backup", re.ASCII)
_WALL_TIME = re.compile(r"(\d\d):(\d\d)", re.ASCII)


def name_of(taken_at: datetime) -> str:
    """Return the name of a backup; names in their order are backups in the order of their time."""
    return taken_at.astimezone(UTC).strftime(_FORM)


def free_name(taken_at: datetime, names: Iterable[str]) -> str:
    """Return the name of a backup in a folder that holds others: of the first second from then on that has none."""
    there = set(names)
    while (name := name_of(taken_at)) in there:
        taken_at += timedelta(seconds=1)
    return name


def taken_at(name: str) -> datetime | None:
    """Return when a backup was taken, to the second; ``None`` for a name that is not one of ours."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def newest(names: Iterable[str]) -> datetime | None:
    """Return when the newest backup of a folder was taken."""
    return max((at for name in names if (at := taken_at(name)) is not None), default=None)


def outdated(names: Iterable[str], keep: int) -> tuple[str, ...]:
    """Return what may go when ``keep`` backups are to stay; other people's files and the newest backup never do."""
    ours = sorted(name for name in names if taken_at(name) is not None)
    return tuple(ours[: -max(keep, 1)])


def wall_time(text: str) -> time | None:
    """Read a time of day as ``HH:MM``; ``None`` for what is none."""
    found = _WALL_TIME.fullmatch(text)
    try:
        return time(int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def is_due(at: time, timezone: str, *, last: datetime, failed: datetime | None, now: datetime) -> bool:
    """Tell whether the daily backup is to be made: its time came after the last one, ``failed`` is the last failure.

    Where nothing was backed up yet, ``last`` is when the program started. A time that passed while the machine was off
    counts as soon as it is on again.
    """
    today = now.astimezone(ZoneInfo(timezone)).date()
    came = max(when for day in (-1, 0) if (when := instant(today + timedelta(days=day), at, timezone)) <= now)
    return last < came and (failed is None or failed < came or now - failed >= AGAIN)
