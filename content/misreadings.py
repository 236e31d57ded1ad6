"""How often a person is told that they were not understood: now and then, so that two machines never talk for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Decision, Tell, Untraced, Words
from content.identifiers import UserId

PAUSE = timedelta(seconds=10)
WINDOW = timedelta(hours=1)
MOST = 8
"""Within a window; who writes on without once being understood is left in peace, person or machine."""


class Misreading(Struct, frozen=True, kw_only=True):
    """How often a person was told so since ``since``, and when last."""

    since: datetime
    last: datetime
    number: int


class Misread(Untraced, frozen=True, kw_only=True):
    """A person was told that they were not understood: no row of record says who writes what to us in vain."""

    user: UserId
    since: datetime
    at: datetime
    number: int


def misread(user: UserId, before: Misreading | None, said: Words, *, now: datetime) -> Decision | None:
    """Say once that something was not understood; ``None`` where this was said too lately or too often."""
    since, number = now, 1
    if before is not None and now - before.since < WINDOW:
        since, number = before.since, before.number + 1
    if number > MOST or (before is not None and now - before.last < PAUSE):
        return None
    fact = Misread(user=user, since=since, at=now, number=number)
    return Decision(facts=(fact,), effects=(Tell(user=user, words=said),))
