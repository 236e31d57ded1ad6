"""When a secret ballot speaks by itself: reminders to who has not voted, and how many have, at fixed times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from content.ballots import Ballot, State
from content.identifiers import Cause

BEFORE = (timedelta(hours=24), timedelta(hours=3))
"""How long before the close who has not voted is reminded."""
NOON = time(12)
"""When the room hears once a day how many have voted: so seldom that nobody is seen in the difference."""
GRACE = timedelta(hours=1)
"""What could not be said for so long is not said any more."""
FRESH = timedelta(hours=1)
"""How long who was sent a link is left in peace: a reminder would put theirs out of use while they vote by it."""


def is_time(moment: datetime, told_at: datetime | None, closes_at: datetime, *, now: datetime) -> bool:
    """Tell whether a reminder that falls due at a moment is sent: not late, and not right after all were told."""
    return moment <= now < min(moment + GRACE, closes_at) and not is_peace(told_at, now=now)


def is_peace(told_at: datetime | None, *, now: datetime) -> bool:
    """Tell whether all were told so lately that who holds a link is sent no other."""
    return told_at is not None and now < told_at + FRESH


def reminders(ballot: Ballot, *, now: datetime) -> Iterator[Cause]:
    """Yield the causes of the reminders that are due."""
    for early in BEFORE:
        moment = ballot.closes_at - early
        if ballot.state is State.OPEN and is_time(moment, ballot.told_at, ballot.closes_at, now=now):
            yield Cause(f"ballot:{ballot.id}:remind:{early // timedelta(hours=1)}")


def turnouts(ballot: Ballot, *, now: datetime) -> Iterator[Cause]:
    """Yield the cause of the daily word on how many have voted, where it is due."""
    local = now.astimezone(ZoneInfo(ballot.timezone))
    noon = datetime.combine(local.date(), NOON, local.tzinfo)
    if ballot.state is State.OPEN and noon <= local < noon + GRACE and now < ballot.closes_at:
        yield Cause(f"ballot:{ballot.id}:turnout:{local.date().isoformat()}")
