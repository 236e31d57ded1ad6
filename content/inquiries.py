"""What the bot has asked a person back in private, so that their next words there are taken as the answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from content.decision import Decision, Fact, Tell, words
from content.identifiers import UserId

LASTS = timedelta(hours=12)
"""How long an answer is waited for; what is said later is read as anything else."""

CORRECTION = "correction"
"""What an inquiry is about that asks what is wrong; all others are about what their name says, or about the
leave from an occurrence, by its id."""


class InquiryMade(Fact, frozen=True, kw_only=True):
    """A person was asked something back; ``about`` is an occurrence, or a correction to come."""

    user: UserId
    about: str
    at: datetime
    until: datetime


class InquiryEnded(Fact, frozen=True, kw_only=True):
    """An answer came, or none is waited for any more."""

    user: UserId
    about: str


def make_inquiry(user: UserId, about: str, *, now: datetime) -> InquiryMade:
    """Wait for the answer to what is asked back."""
    return InquiryMade(user=user, about=about, at=now, until=now + LASTS)


def skip(user: UserId, about: str) -> Decision:
    """Let a person leave the answer out."""
    return Decision(
        facts=(InquiryEnded(user=user, about=about),), effects=(Tell(user=user, words=words("inquiry.skipped")),)
    )
