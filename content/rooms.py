"""Rooms that belong to the organisation: what each is for and how it is made; and the private rooms of the bot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from content.decision import Effect, Fact, Words, words
from content.identifiers import OrganisationId, RoomId, UserId
from content.organisations import Kind, Organisation


class Purpose(StrEnum):
    """What a room is for, in the order in which a space lists them; lessons go to branch rooms."""

    SPACE = "space"
    BRANCH = "branch"
    COMMITTEE = "committee"
    GROUP = "group"
    APPLICANTS = "applicants"
    ANNOUNCEMENT = "announcement"
    STAFF = "staff"


class History(StrEnum):
    """From when on a person may read what was said, narrowest first, by the names that Matrix gives it."""

    JOINED = "joined"
    INVITED = "invited"
    SHARED = "shared"
    WORLD = "world_readable"


class Flaw(StrEnum):
    """What can be wrong with a room, the gravest first; ``MENDABLE`` are those that the bot may be able to put right.

    The bot is not in it or it was replaced; nothing of its state is known; outsiders may come in or read along; it is
    not encrypted; it was made by somebody who has no place in it; other servers take part; later members read more than
    they should; the bot lacks rights; somebody else made it and stands above every level; those who lead lack their
    rights; it does not hang in its space; its version is one whose rights cannot be relied on.
    """

    LOST = "lost"
    UNSEEN = "unseen"
    OPEN = "open"
    CLEAR = "clear"
    STRANGER = "stranger"
    FEDERATED = "federated"
    READABLE = "readable"
    POWERLESS = "powerless"
    OVERRULED = "overruled"
    LEADERLESS = "leaderless"
    ASTRAY = "astray"
    OLD = "old"


MENDABLE = frozenset({Flaw.OPEN, Flaw.CLEAR, Flaw.READABLE, Flaw.LEADERLESS, Flaw.ASTRAY})


class Template(Struct, frozen=True, kw_only=True):
    """How a kind of room is made. Every room is closed, does not federate, and is encrypted where encryption is on.

    ``kinds`` are the nodes that may have one, each at most one. ``quiet`` rooms are written to by those who lead, and
    the others answer polls and set reactions.
    """

    purpose: Purpose
    kinds: frozenset[Kind]
    history: History
    quiet: bool = False


_ABOVE = frozenset({Kind.PARTY_COMMITTEE, Kind.GENERAL_BRANCH})
_BRANCH = frozenset({Kind.BRANCH})

TEMPLATES: Mapping[Purpose, Template] = {
    one.purpose: one
    for one in (
        # A space holds no talk; where it hangs in the tree is no secret from those who are in it.
        Template(purpose=Purpose.SPACE, kinds=_ABOVE | _BRANCH, history=History.SHARED),
        # Who joins the branch later may look up what was learned and announced there.
        Template(purpose=Purpose.BRANCH, kinds=_BRANCH, history=History.SHARED),
        # What a committee talked over before one was elected is not for those elected later.
        Template(purpose=Purpose.COMMITTEE, kinds=_ABOVE | _BRANCH, history=History.JOINED),
        # A group arranges its next meeting: from the moment one is asked in, one may read how.
        Template(purpose=Purpose.GROUP, kinds=frozenset({Kind.GROUP}), history=History.INVITED),
        # Applicants come one after the other, and do not read what was said about those before them.
        Template(purpose=Purpose.APPLICANTS, kinds=_BRANCH | {Kind.GENERAL_BRANCH}, history=History.JOINED),
        # An announcement goes on being valid for who comes later.
        Template(purpose=Purpose.ANNOUNCEMENT, kinds=_ABOVE | _BRANCH, history=History.SHARED, quiet=True),
        # Staff come from outside the roster; they read from when they are there.
        Template(purpose=Purpose.STAFF, kinds=_ABOVE | _BRANCH, history=History.JOINED),
    )
}

FIRST = (Purpose.SPACE, Purpose.BRANCH)
"""What every organisation is given when it is founded; the others are made when somebody wants them."""

LEADS = 50
"""The level of those who lead a room: they may moderate it, and not change what keeps it closed and encrypted."""

_HELD = 100
"""The level of what the bot keeps in its hand, so that no moderator opens a room by mistake."""

ANSWERS = ("m.reaction", "m.poll.response", "org.matrix.msc3381.poll.response", "m.room.redaction")
"""Kinds of events by which cards and polls are answered, and answers taken back."""


def levels(purpose: Purpose, leaders: Iterable[UserId]) -> dict[str, Any]:
    """Return the content of ``m.room.power_levels`` for a new room; the bot stands above it as the room's creator."""
    events = dict.fromkeys(
        (
            "m.room.name",
            "m.room.topic",
            "m.room.avatar",
            "m.room.canonical_alias",
            "m.room.pinned_events",
            "m.space.child",
            "m.space.parent",
        ),
        LEADS,
    )
    events |= dict.fromkeys(
        (
            "m.room.power_levels",
            "m.room.join_rules",
            "m.room.history_visibility",
            "m.room.guest_access",
            "m.room.encryption",
            "m.room.server_acl",
            "m.room.tombstone",
        ),
        _HELD,
    )
    quiet = TEMPLATES[purpose].quiet
    if quiet:
        events |= dict.fromkeys(ANSWERS, 0)
    return {
        "users": dict.fromkeys(sorted(leaders), LEADS),
        "users_default": 0,
        "events": events,
        # In a space only its list of rooms matters, and that is for those who lead.
        "events_default": LEADS if quiet or purpose is Purpose.SPACE else 0,
        "state_default": LEADS,
        "invite": LEADS,
        "kick": LEADS,
        "ban": LEADS,
        "redact": LEADS,
        "notifications": {"room": LEADS},
    }


def alias(purpose: Purpose, organisation: OrganisationId, *, before: int) -> str:
    """Return the part of a room's alias before the server: always the same, so that what was begun is found again.

    ``before`` is how many rooms of this purpose the node has lost; they keep their alias.
    """
    middle = "" if purpose is Purpose.BRANCH else f"{purpose}-"
    return f"zhibu-{middle}{organisation}" + (f"-{before + 1}" if before else "")


def name_of(purpose: Purpose, node: Organisation, parent: Organisation | None) -> Words:
    """Return how a new room is called; a group is named with its branch, because many branches have a first group."""
    above = parent.name if parent is not None else ""
    return words(f"rooms.name_{purpose}", name=node.name, above=above)


def topic_of(purpose: Purpose) -> Words:
    """Return the line under a new room's name: what it is for and who is in it."""
    return words(f"rooms.topic_{purpose}")


def hangs_at(purpose: Purpose, node: Organisation) -> OrganisationId | None:
    """Return at whose space a room hangs: its node's own; of a space, and of a group, that of the node above."""
    return node.parent if purpose is Purpose.SPACE or node.kind is Kind.GROUP else node.id


def order(purpose: Purpose, place: int) -> str:
    """Return where a room stands in its space: the node's own rooms first, then what is below, as the tree has it."""
    return f"{1 if purpose in (Purpose.SPACE, Purpose.GROUP) else 0}-{place:05d}-{list(Purpose).index(purpose)}"


class Room(Struct, frozen=True, kw_only=True):
    """A room that belongs to a node of the tree; ``encrypted`` never goes back to false."""

    id: RoomId
    organisation: OrganisationId
    purpose: Purpose
    name: str
    encrypted: bool


def answers_polls(room: Room) -> bool:
    """Tell whether members can answer polls: where only some may write, an encrypted answer looks like talk."""
    silent = TEMPLATES[room.purpose].quiet and room.encrypted
    return room.purpose is not Purpose.SPACE and not silent


class RoomKept(Fact, frozen=True, kw_only=True):
    """A room was made for, or taken over by, a node of the tree."""

    room: Room


class RoomLost(Fact, frozen=True, kw_only=True):
    """The bot can no longer act in a room: it was removed, the room was replaced, or it may not write there."""

    room: RoomId
    reason: str


class RoomRegained(Fact, frozen=True, kw_only=True):
    """The bot is back in a room."""

    room: RoomId


class DirectRoomKept(Fact, frozen=True, kw_only=True):
    """The private room in which the bot and one person talk is known."""

    user: UserId
    room: RoomId
    encrypted: bool


class InvitationTaken(Fact, frozen=True, kw_only=True):
    """An invitation into a room was taken up; ``direct`` is one to talk in private."""

    room: RoomId
    user: UserId
    direct: bool
    at: datetime


class Join(Effect, frozen=True, kw_only=True):
    """Accept an invitation."""

    room: RoomId


class Invite(Effect, frozen=True, kw_only=True):
    """Ask a person into a room of theirs; one who is there already is left in peace."""

    room: RoomId
    user: UserId


class Decline(Effect, frozen=True, kw_only=True):
    """Turn an invitation down, or leave."""

    room: RoomId


class MakeRoom(Effect, frozen=True, kw_only=True):
    """Make a room for a node of the tree, hang it in its space, and ask in who belongs there."""

    organisation: OrganisationId
    purpose: Purpose


class Mend(Effect, frozen=True, kw_only=True):
    """Put right what is wrong with a room."""

    room: RoomId
    organisation: OrganisationId
    flaw: Flaw


class Remove(Effect, frozen=True, kw_only=True):
    """Show a person out of a room, if it is still so that they do not belong there when it comes to it."""

    room: RoomId
    organisation: OrganisationId
    user: UserId
