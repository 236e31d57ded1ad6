"""静音: for how long a person wants to hear nothing in private but the answers to what they say themselves."""

from __future__ import annotations

from datetime import datetime, timedelta

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import UserId

USUAL = timedelta(days=7)
LONGEST = timedelta(days=90)


class Muted(Fact, frozen=True, kw_only=True):
    """A person wants no private message that the bot begins until an instant."""

    user: UserId
    at: datetime
    until: datetime


class Unmuted(Fact, frozen=True, kw_only=True):
    """A person wants to be told of things again."""

    user: UserId


def mute(user: UserId, length: timedelta, *, now: datetime) -> Decision | Refusal:
    """Begin to be quiet, or change for how long."""
    if not timedelta() < length <= LONGEST:
        return refused("mute.too_long", most=LONGEST.days)
    until = now + length
    told = Tell(user=user, words=words("mute.on", until=until))
    return Decision(facts=(Muted(user=user, at=now, until=until),), effects=(told,))


def unmute(user: UserId, until: datetime | None) -> Decision:
    """Stop being quiet; ``until`` is when it would have ended, if it was on."""
    if until is None:
        return Decision(effects=(Tell(user=user, words=words("mute.was_off")),))
    return Decision(facts=(Unmuted(user=user),), effects=(Tell(user=user, words=words("mute.off")),))
