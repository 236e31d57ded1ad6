"""How much one person may ask for at once: a burst, then one thing a second, and a word about it once a minute."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from content.identifiers import UserId

BURST = 10
EVERY = timedelta(seconds=1)
WARN_EVERY = timedelta(minutes=1)
MOST_KEPT = 10_000
"""People of whom it is remembered how much they asked for; those who asked longest ago are forgotten first."""


class Pacing:
    """What each person has said of late, in memory only: after a start everybody has a full burst again."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[UserId, datetime] = OrderedDict()
        self._warned: OrderedDict[UserId, datetime] = OrderedDict()

    def is_too_much(self, user: UserId, now: datetime) -> bool:
        """Count one more thing that a person said, and tell whether that is more than they may ask for."""
        full_at = max(self._full_at.pop(user, now), now)
        over = full_at - now >= BURST * EVERY
        self._full_at[user] = full_at if over else full_at + EVERY
        _trim(self._full_at)
        return over

    def warns(self, user: UserId, now: datetime) -> bool:
        """Tell whether it is time to tell a person to slow down, and remember that they were told."""
        last = self._warned.get(user)
        if last is not None and now - last < WARN_EVERY:
            return False
        self._warned.pop(user, None)
        self._warned[user] = now
        _trim(self._warned)
        return True


def _trim(kept: OrderedDict[UserId, datetime]) -> None:
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
