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


def reminders(ballot: Ballot, *, now: datetime) -> Iterator[Cause]:
    """Yield the causes of the reminders that are due."""
    for early in BEFORE:
        moment = ballot.closes_at - early
        if ballot.state is State.OPEN and moment <= now < min(moment + GRACE, ballot.closes_at):
            yield Cause(f"ballot:{ballot.id}:remind:{early // timedelta(hours=1)}")


def turnouts(ballot: Ballot, *, now: datetime) -> Iterator[Cause]:
    """Yield the cause of the daily word on how many have voted, where it is due."""
    local = now.astimezone(ZoneInfo(ballot.timezone))
    noon = datetime.combine(local.date(), NOON, local.tzinfo)
    if ballot.state is State.OPEN and noon <= local < noon + GRACE and now < ballot.closes_at:
        yield Cause(f"ballot:{ballot.id}:turnout:{local.date().isoformat()}")
