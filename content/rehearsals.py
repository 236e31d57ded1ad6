"""试看: what the guards of a room would have done in the last week, read in the room and kept for a few minutes.

Only which guard strikes at which message is passed on to the page, and not a word of what was said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Untraced
from content.guarding import Post, in_time, rehearse
from content.guards import Guard, Level, Rules
from content.identifiers import Cause, EventId, OrganisationId, RehearsalId, RoomId, UserId, derive
from content.strikes import left_to

SPAN = timedelta(days=7)
LASTS = timedelta(minutes=10)
"""How long a rehearsal is waited for, and how long its page shows it."""

MOST_READ = 2_000
"""Events of a room that are read at most, the newest."""

MOST_SHOWN = 50


class Outcome(StrEnum):
    """What came of the look into the room; ``cut`` is one that did not reach back the whole week."""

    WHOLE = "whole"
    CUT = "cut"
    CLOSED = "closed"


class Hit(Struct, frozen=True, kw_only=True):
    """A message at which a guard would have struck."""

    event: EventId
    guard: Guard
    level: Level
    at: datetime


class RehearsalAsked(Fact, frozen=True, kw_only=True):
    """Somebody asked what the guards of a room would have done."""

    id: RehearsalId
    organisation: OrganisationId
    room: RoomId
    until: datetime


class RehearsalRead(Untraced, frozen=True, kw_only=True):
    """It was read: at how many messages was looked, and at which guards strike, the newest of them."""

    id: RehearsalId
    outcome: Outcome
    looked: int
    unread: int
    struck: int
    hits: tuple[Hit, ...]


class Rehearse(Effect, frozen=True, kw_only=True):
    """Read the last week of a room, and look at it as its guards do."""

    rehearsal: RehearsalId
    organisation: OrganisationId
    room: RoomId


def ask(organisation: OrganisationId, room: RoomId, *, cause: Cause, now: datetime) -> Decision:
    """Have the last week of a room looked at."""
    id = RehearsalId(derive(cause, "rehearsal"))  # noqa: A001
    asked = RehearsalAsked(id=id, organisation=organisation, room=room, until=now + LASTS)
    return Decision(facts=(asked,), effects=(Rehearse(rehearsal=id, organisation=organisation, room=room),))


def look(
    id: RehearsalId,  # noqa: A002
    posts: Sequence[Post],
    rules: Rules,
    *,
    exempt: Collection[UserId],
    ours: Collection[EventId] = (),
    whole: bool,
    unread: int,
) -> RehearsalRead:
    """Look at what was said as guards would have, oldest first; ``unread`` is what could not be read.

    ``ours`` are the bot's own messages among those that were answered.
    """
    hits: list[Hit] = []
    for post, found in zip(posts, rehearse(posts, rules), strict=True):
        counted = left_to(in_time(post, found, ours=ours), exempt=post.user in exempt)
        if counted and not (counted[0].again and counted[0].level is Level.FLAG):
            hits.append(Hit(event=post.event, guard=counted[0].guard, level=counted[0].level, at=post.at))
    return RehearsalRead(
        id=id,
        outcome=Outcome.WHOLE if whole else Outcome.CUT,
        looked=len(posts),
        unread=unread,
        struck=len(hits),
        hits=tuple(reversed(hits[-MOST_SHOWN:])),
    )
