"""How far the database had come when the program last ran, kept outside it: so one that went back is noticed.

It goes back when an old copy is put in its place, or when its write-ahead log is lost. Then it is dealt with as a
database that was restored: what it believes unsent may have gone out, and is looked for in its room first.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bot.matrix.trust import write_secret
from zhibu.config import Config


def _file(config: Config) -> Path:
    return config.path(config.bot.keys) / "device" / "last-run"


def remember(config: Config, newest: datetime) -> None:
    """Keep the newest entry of the database, after it was committed there."""
    write_secret(_file(config), newest.isoformat())


def forget(config: Config) -> None:
    """Let the note go, once the database itself says that it went back."""
    _file(config).unlink(missing_ok=True)


def gone_back(config: Config, newest: datetime | None) -> datetime | None:
    """Return how far the database once was, ``None`` where it has not gone back since or nothing is known of it."""
    try:
        once = datetime.fromisoformat(_file(config).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None
    return once if once.tzinfo is not None and (newest is None or newest < once) else None
