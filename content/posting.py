"""Who may write in a room for announcements, as its place and those above have set it; the rest answer cards there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from content.decision import Decision, Effect, Fact
from content.identifiers import Cause, LockId, OrganisationId, RoomId, UserId, derive
from content.levels import Entry, levelled, writing_level
from content.locks import Close, Lock, Part, State, hold, unlock
from content.power import Powers, Undecidable, needed_to_send, power

SETTING = "posting"
"""The name of the setting; it is one of a place, which has one room for announcements at most."""

WRITES = 25
"""The level of who writes without leading: above everybody, and below those who moderate."""


class Who(StrEnum):
    """Whom a room lets write: as it was made, who leads, also who has another duty there, or everybody in it."""

    AS_MADE = "as_made"
    LEADERS = "leaders"
    DUTIES = "duties"
    EVERYBODY = "everybody"


def level_for(who: Who, powers: Powers) -> int:
    """Return from which level on one writes. Raises Undecidable."""
    quiet, usual = writing_level(powers), int(power(powers, ""))
    match who:
        case Who.EVERYBODY:
            return usual
        case Who.DUTIES:
            return WRITES if usual < WRITES < quiet else min(usual + 1, quiet)
        case _:
            return quiet


def opening(who: Who, powers: Powers, voices: Collection[UserId]) -> tuple[Entry, ...]:
    """Return what is to be changed in a room's levels so that those write who may; ``voices`` are who has a duty.

    Who is muted stays so, and who made a room of version 12 stands above it and in none of its lists.
    """
    level = level_for(who, powers)
    found = list(levelled(powers, level, lowers=True))
    if who is not Who.DUTIES:
        return tuple(found)
    users = (powers.levels or {}).get("users")
    listed = users if isinstance(users, dict) else {}
    for user in sorted(_silent(powers, voices, level)):
        found.append(
            Entry(
                name=user,
                of_kind=False,
                of_user=True,
                listed=user in listed,
                value=listed.get(user),
                set=level,
                bare=not isinstance(users, dict),
            )
        )
    return tuple(found)


def _silent(powers: Powers, voices: Collection[UserId], level: int) -> set[UserId]:
    usual = power(powers, "")
    return {one for one in voices if usual <= power(powers, one) < level}


def is_so(who: Who, powers: Powers, voices: Collection[UserId], *, spoke: Collection[UserId]) -> bool:
    """Tell whether a room lets those write who may; ``spoke`` are those whom we have let write in it."""
    try:
        level = level_for(who, powers)
        return (
            needed_to_send(powers, "m.room.message") == needed_to_send(powers, "m.room.encrypted") == level
            and (who is not Who.DUTIES or not _silent(powers, voices, level))
            and set(spoke) <= set(voices)
        )
    except Undecidable:
        return True


def follow(
    who: Who,
    held: Lock | None,
    *,
    room: RoomId,
    organisation: OrganisationId,
    as_it_is: bool,
    cause: Cause,
    now: datetime,
) -> Decision | None:
    """Let a room follow what its place has set: begin, change, end, or put right what somebody has changed in it.

    ``held`` is what holds there by now, and ``as_it_is`` tells that the room lets those write who may.
    """
    if held is not None and held.who == who:
        redo = Close(lock=held.id, organisation=organisation, room=room)
        return None if as_it_is else Decision(effects=(redo,))
    facts: list[Fact] = []
    effects: list[Effect] = []
    ended = unlock(held, by=None, now=now) if held is not None else None
    for done in (ended, _begin(who, room, organisation, cause, now) if who is not Who.AS_MADE else None):
        if isinstance(done, Decision):
            facts += done.facts
            effects += done.effects
    return Decision(facts=tuple(facts), effects=tuple(effects)) if facts else None


def _begin(who: Who, room: RoomId, organisation: OrganisationId, cause: Cause, now: datetime) -> Decision:
    lock = Lock(
        id=LockId(derive(cause, "lock")),
        room=room,
        organisation=organisation,
        part=Part.POSTING,
        by=None,
        at=now,
        state=State.DRAFT,
        lasts=None,
        who=who,
    )
    return hold(lock, now=now)
