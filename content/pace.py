"""How fast messages go out, as measured, and when a broadcast will have reached its last room at that pace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

LOOKED_AT = timedelta(minutes=10)
"""How far back sending is looked at."""

PAUSE = timedelta(seconds=30)
"""Two messages further apart than this had nothing between them to send; such a pause says nothing of the pace."""

FEWEST = 5
"""With fewer intervals than this the pace is not known."""


class Broadcast(Struct, frozen=True, kw_only=True):
    """Something that goes out to many rooms: how many of its messages there are, how many are left, how many before it.

    ``ahead`` counts what goes out before its last message, its own included.
    """

    id: str
    title: str
    total: int
    left: int
    ahead: int


def pace(sent: Sequence[datetime]) -> timedelta | None:
    """Return the time that one message takes, from the instants at which messages went out; ``None`` if not known."""
    instants = sorted(sent)
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    busy = [gap for gap in gaps if gap <= PAUSE]
    return sum(busy, timedelta()) / len(busy) if len(busy) >= FEWEST else None


def expected_end(
    ahead: int, each: timedelta | None, *, closed_until: datetime | None, now: datetime
) -> datetime | None:
    """Return when so many messages will have gone out; ``closed_until`` is until when nothing is let in."""
    if each is None:
        return None
    return max(now, closed_until or now) + each * ahead
