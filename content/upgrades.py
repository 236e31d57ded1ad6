"""Rooms that were replaced: when what belongs to a room follows into the new one, and when that is only reported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Refusal, refused
from content.identifiers import OrganisationId, RoomId, UserId
from content.power import may, may_send
from content.rooms import Flaw, Mend, Room, RoomLost
from content.upkeep import Person, Standing, invitations


class Doubt(StrEnum):
    """Why a room is not followed where its tombstone points, the first that holds.

    The room's live state no longer says so; who set the tombstone had no power to; the bot has not been asked into the
    new room; the new room belongs to somebody already; it does not name the old one as what it replaces; who made it
    could not have replaced the old one; it is of another kind.
    """

    WITHDRAWN = "withdrawn"
    POWERLESS = "powerless"
    NOT_ASKED_IN = "not_asked_in"
    TAKEN = "taken"
    STRANGER = "stranger"
    FOUNDER = "founder"
    OTHER_KIND = "other_kind"


class Upgrade(Struct, frozen=True, kw_only=True):
    """A tombstone that was seen in a room of the organisation; ``doubt`` is why it was not followed so far."""

    room: RoomId
    replacement: RoomId
    at: datetime
    doubt: Doubt | None = None
    followed: bool = False


class Succession(Struct, frozen=True, kw_only=True):
    """What the homeserver says of both rooms at this moment; ``setter`` is who set the tombstone that stands.

    ``new`` is ``None`` where the bot is not in the new room; ``predecessor`` and ``founder`` are what the new room says
    of the room it replaces and of who made it.
    """

    old: Standing
    replacement: RoomId | None
    setter: UserId | None
    new: Standing | None = None
    predecessor: RoomId | None = None
    founder: UserId | None = None


class UpgradeSeen(Fact, frozen=True, kw_only=True):
    """A room of the organisation says that another has taken its place."""

    room: RoomId
    replacement: RoomId
    at: datetime


class UpgradeDoubted(Fact, frozen=True, kw_only=True):
    """A room was not followed where its tombstone points; unless that is still to come, it goes on being used."""

    room: RoomId
    doubt: Doubt


class RoomMoved(Fact, frozen=True, kw_only=True):
    """A room has taken the place of another, with everything that belongs to it."""

    old: RoomId
    new: Room


class FollowUpgrade(Effect, frozen=True, kw_only=True):
    """Look at both rooms as they are now, and follow the old one into the new, or say why not."""

    room: RoomId
    organisation: OrganisationId


def see_tombstone(room: Room, replacement: RoomId | None, *, now: datetime) -> Decision:
    """Use a room no more that says it was replaced, and look whether it is to be followed."""
    lost = RoomLost(room=room.id, reason="replaced")
    if replacement is None or replacement == room.id:
        return Decision(facts=(lost,))
    seen = UpgradeSeen(room=room.id, replacement=replacement, at=now)
    return Decision(facts=(lost, seen), effects=(FollowUpgrade(room=room.id, organisation=room.organisation),))


def doubt(upgrade: Upgrade, found: Succession, *, owner: OrganisationId | None, private: bool) -> Doubt | None:
    """Return why a tombstone is not to be followed, ``None`` where it is.

    A tombstone is never trusted on its own: whoever may set one can point anywhere. ``owner`` is whose room the new one
    is already, ``private`` whether it is one person's talk with the bot.
    """
    if found.replacement != upgrade.replacement or found.setter is None:
        return Doubt.WITHDRAWN
    if not _could_replace(found.old, found.setter):
        return Doubt.POWERLESS
    if owner is not None or private:
        return Doubt.TAKEN
    if found.new is None or found.new.people.get(found.new.me) != "join":
        return Doubt.NOT_ASKED_IN
    if found.predecessor != upgrade.room:
        return Doubt.STRANGER
    if found.founder is None or not _could_replace(found.old, found.founder):
        return Doubt.FOUNDER
    return None if found.new.is_space is found.old.is_space else Doubt.OTHER_KIND


def _could_replace(old: Standing, user: UserId) -> bool:
    return may_send(old.powers, user, "m.room.tombstone", state=True)


def follow(
    room: Room,
    upgrade: Upgrade,
    found: Succession,
    *,
    owner: OrganisationId | None,
    private: bool,
    space: RoomId | None,
    people: Iterable[Person] = (),
) -> Decision:
    """Take a room's place in the organisation into its successor, or say why not.

    Of the ``people`` who belong in the room, those are asked into the new one who are not known there and had not left
    the old one; where the bot may not invite, the rooms page says so.
    """
    reason = doubt(upgrade, found, owner=owner, private=private)
    if reason is not None or found.new is None:
        reason = reason or Doubt.NOT_ASKED_IN
        return Decision(facts=(UpgradeDoubted(room=room.id, doubt=reason),))
    new = Room(
        id=upgrade.replacement,
        organisation=room.organisation,
        purpose=room.purpose,
        name=found.new.name or room.name,
        encrypted=found.new.encrypted,
    )
    hang = Mend(room=new.id, organisation=room.organisation, flaw=Flaw.ASTRAY)
    effects = (*((hang,) if space is not None else ()), *invitations(new.id, _moving(people, found.old, found.new)))
    return Decision(facts=(RoomMoved(old=room.id, new=new),), effects=effects)


def _moving(people: Iterable[Person], old: Standing, new: Standing) -> tuple[Person, ...]:
    if not may(new.powers, new.me, "invite"):
        return ()
    stayed = (one for one in people if one.user is not None and old.people.get(one.user) not in ("leave", "ban"))
    return tuple(one for one in stayed if one.user not in new.people)


def look_again(room: Room, upgrade: Upgrade | None) -> Decision | Refusal:
    """Have a tombstone that was not followed looked at once more."""
    if upgrade is None or upgrade.followed:
        return refused("rooms.nothing_to_follow")
    return Decision(effects=(FollowUpgrade(room=room.id, organisation=room.organisation),))
