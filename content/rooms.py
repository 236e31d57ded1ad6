"""Rooms that belong to the organisation, and the private rooms in which the bot answers one person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from content.decision import Effect, Fact
from content.identifiers import OrganisationId, RoomId, UserId


class Purpose(StrEnum):
    """What a room is for; lessons go to branch rooms."""

    SPACE = "space"
    BRANCH = "branch"
    COMMITTEE = "committee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room that belongs to a node of the tree; ``encrypted`` never goes back to false."""

    id: RoomId
    organisation: OrganisationId
    purpose: Purpose
    name: str
    encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKept(Fact):
    """A room was made for, or taken over by, a node of the tree."""

    room: Room


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLost(Fact):
    """The bot can no longer act in a room: it was removed, the room was replaced, or it may not write there."""

    room: RoomId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRegained(Fact):
    """The bot is back in a room."""

    room: RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRoomKept(Fact):
    """The private room in which the bot and one person talk is known."""

    user: UserId
    room: RoomId
    encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Effect):
    """Accept an invitation."""

    room: RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Effect):
    """Ask a person into a room of theirs; one who is there already is left in peace."""

    room: RoomId
    user: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Effect):
    """Turn an invitation down, or leave."""

    room: RoomId
