"""慢速: how often one person writes in a room, at most; what comes sooner the bot takes back.

Matrix has no slow mode: no homeserver holds a message back. So a message that comes too soon stands for a moment, until
the bot has redacted it, and who writes hears once how long to wait. What answers the bot never counts.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Words, words
from content.identifiers import EventId

GAPS = (5, 10, 30, 60, 300, 900)
"""Seconds that forms offer."""

USUAL = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
"""Who is to write still less often is better served by a room for announcements."""


class Slowed(Struct, frozen=True, kw_only=True):
    """That for a while a room is slow: the gap between two messages of one person, and until when."""

    gap: timedelta
    until: datetime | None

    def at(self, at: datetime) -> timedelta | None:
        """Return the gap that holds at an instant."""
        return self.gap if self.until is None or at < self.until else None


def can_be(gap: timedelta) -> bool:
    """Tell whether slow mode can ask for this gap."""
    return timedelta(seconds=1) <= gap <= LONGEST


def gap_of(gap: timedelta) -> Words:
    """Return how long a gap is, in minutes where that is a whole number."""
    seconds = int(gap.total_seconds())
    return words("slow.minutes", n=seconds // 60) if seconds % 60 == 0 else words("slow.seconds", n=seconds)


def is_too_soon(replied: EventId | None, before: Collection[EventId | None], *, ours: Collection[EventId]) -> bool:
    """Tell whether a message came too soon after others of the same person; what answers a message of ours is none.

    ``replied`` is what it answers, ``before`` what each of those answers that stand within the gap, and ``ours`` which
    messages of all these are the bot's.
    """
    return replied not in ours and any(one not in ours for one in before)
