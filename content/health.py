"""Whether an installation can serve: one word for each of its parts, and what counts as a part that is held up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from content.safe_mode import OF_THE_BOT

BLOCKED = timedelta(seconds=10)
"""A loop that has not turned for so long is blocked."""

REFUSED = timedelta(seconds=30)
"""A database that has refused all writing for so long is not merely busy."""

STUCK = timedelta(minutes=5)
"""What could go out, and has waited for so long while nothing else went out either, is stuck."""

OK = "ok"

WORDS: Mapping[str, tuple[str, ...]] = {
    "loop": ("blocked",),
    "database": ("away", "not_writable"),
    "bot": (*OF_THE_BOT, "silent", "never"),
    "clock": ("silent", "never", "stalled"),
    "outbox": ("stuck",),
}
"""Every part, and what may be said of it beside ``ok``."""


class Standing(Struct, frozen=True, kw_only=True):
    """How the parts stand, in the order in which one depends on the other; a part that is not ``ok`` says why."""

    parts: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Tell whether everything works."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what holds it up, as ``<part>_<word>``."""
        return tuple(f"{part}_{word}" for part, word in self.parts.items() if word != OK)


def loop(still: float) -> str:
    """Judge a loop that has not turned for so many seconds."""
    return OK if still <= BLOCKED.total_seconds() else "blocked"


def database(refused: float) -> str:
    """Judge a database that answers, by for how many seconds nothing could be written."""
    return OK if refused <= REFUSED.total_seconds() else "not_writable"


def outbox(oldest_due: datetime | None, moved_at: datetime | None, *, now: datetime) -> str:
    """Judge the way out by what could have gone out first, and by when anything last came to its end there."""
    waits = oldest_due is not None and now - oldest_due >= STUCK
    moves = moved_at is not None and abs(now - moved_at) < STUCK
    return "stuck" if waits and not moves else OK
