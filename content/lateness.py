"""What is asked for and not done: because it is heard too long after it was said, or because it is too much at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from content.decision import Decision, Tell, words
from content.identifiers import UserId

LIMIT = timedelta(minutes=10)
"""How long after it was said a request is still what the person wants."""


def is_late(said_at: datetime, now: datetime) -> bool:
    """Tell whether a request is heard too long after it was said."""
    return now - said_at > LIMIT


def answer_late(user: UserId, said_at: datetime) -> Decision:
    """Say that a request was heard too late to be carried out; somebody who waits no more is not invited for it."""
    return Decision(effects=(Tell(user=user, words=words("late.request", said=said_at), quiet=True),))


def slow_down(user: UserId) -> Decision:
    """Ask a person to be patient who wants many things at once."""
    return Decision(effects=(Tell(user=user, words=words("late.slow_down"), quiet=True),))
