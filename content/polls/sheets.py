"""A poll, what it asks, what came of it, and what a count says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from content.identifiers import EventId, OrganisationId, PollId, RoomId, UserId


class State(StrEnum):
    """Where a poll stands.

    ``closing``: its end is on the way to the room; ``counting``: it has ended, and the homeserver is asked for all that
    refers to it; ``withdrawn``: it never counted.
    """

    OPEN = "open"
    CLOSING = "closing"
    COUNTING = "counting"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Answer(Struct, frozen=True, kw_only=True):
    """One thing that can be chosen."""

    id: str
    text: str


class Sheet(Struct, frozen=True, kw_only=True):
    """What is asked: ``most`` is how many answers one may choose; ``disclosed`` polls show their numbers meanwhile."""

    question: str
    answers: tuple[Answer, ...]
    most: int = 1
    disclosed: bool = True


class Side(Struct, frozen=True, kw_only=True):
    """One way of counting: votes for each answer, how many people chose something, how many abstained in words."""

    votes: Mapping[str, int] = field(default_factory=dict)
    voters: int = 0
    abstained: int = 0


class Count(Struct, frozen=True, kw_only=True):
    """A count: of everyone who sent something, as clients count, and of the roster, of which there are ``asked``.

    ``by_text`` is how many voted in words or by number reactions, which clients do not see; ``struck`` how many votes
    someone other than the voter removed; ``unreadable`` how many could not be decrypted. An ``unchecked`` one was made
    of what was heard alone, since the homeserver did not give out all that refers to the poll.
    """

    everyone: Side
    members: Side
    asked: int
    by_text: int = 0
    struck: int = 0
    unreadable: int = 0
    unchecked: bool = False


class Poll(Struct, frozen=True, kw_only=True):
    """A poll in one room.

    ``starter`` is ``None`` for our own and else who began it in their client; ``event`` is ``None`` until it stands in
    its room. ``opened_at`` is when it began, or is to begin where quiet hours hold it. ``stopped_at`` is when we
    stopped it, or heard its end; ``ended_at`` is the homeserver's time of the end event, up to which responses count.
    ``result`` is the figure that was published.
    """

    id: PollId
    organisation: OrganisationId
    room: RoomId
    sheet: Sheet
    state: State = State.OPEN
    starter: UserId | None = None
    event: EventId | None = None
    opened_at: datetime | None = None
    closes_at: datetime | None = None
    stopped_at: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    edited_late: bool = False
    odd_limit: bool = False
    result: Count | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """A poll and its numbers as they may be shown."""

    poll: Poll
    count: Count

    @property
    def hidden(self) -> bool:
        """Tell whether only the turnout may be seen, on pages and in exports alike, since the end is not yet."""
        return not self.poll.sheet.disclosed and self.poll.state is not State.CLOSED


class Response(Struct, frozen=True, kw_only=True):
    """One vote as it came: ``chosen`` is ``None`` when it was spoiled and empty when it takes the vote back.

    ``sent_at`` is the homeserver's time. ``removed_by`` is who redacted it, if anyone did. ``tapped`` ones are number
    reactions: they are by text too, as clients do not count them, and each chooses one answer.
    """

    event: EventId
    sender: UserId
    sent_at: datetime
    chosen: tuple[str, ...] | None
    abstains: bool = False
    by_text: bool = False
    tapped: bool = False
    removed_by: UserId | None = None


class Box(Struct, frozen=True, kw_only=True):
    """What a count is made of: every response heard, the roster's accounts and size, and how much is unreadable."""

    responses: tuple[Response, ...] = ()
    members: frozenset[UserId] = frozenset()
    asked: int = 0
    unreadable: int = 0
