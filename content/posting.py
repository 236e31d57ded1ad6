"""Who may write in a room for announcements, as its place and those above have set it; the rest answer cards there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from content.decision import Decision, Effect, Fact
from content.identifiers import Cause, LockId, OrganisationId, RoomId, UserId, derive
from content.levels import Entry, levelled, put_back, with_entries, writing_level
from content.locks import Before, Close, Lock, Part, State, hold, unlock
from content.power import Powers, Undecidable, needed_to_send, power
from content.rooms import ANSWERS

SETTING = "posting"
"""The name of the setting; it is one of a place, which has one room for announcements at most."""

WRITES = 25
"""The level of who writes without leading: above everybody, and below those who moderate."""

_DEFAULT = "events_default"
_WATCHED = (_DEFAULT, "m.room.message", "m.room.encrypted")
"""What of a room's levels says who writes, and is put right."""


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


def as_first(levels: Mapping[str, Any], ours: Collection[Entry]) -> dict[str, Any]:
    """Return a room's levels with who may write as it was before the place's setting, whatever anybody set since.

    What others set for people and for answering stays as it is.
    """
    kept: dict[str, Entry] = {}
    for one in ours:
        if not one.of_user and one.name not in ANSWERS:
            kept.setdefault(one.name, one)
    return put_back(with_entries(levels, kept.values()), kept.values())


def witnessed(who: Who, powers: Powers, entries: Collection[Entry]) -> tuple[Entry, ...]:
    """Return what is changed in a room as it was, and what is watched there and needs no change: it is kept alike.

    Otherwise what somebody sets later, and is put right, would be taken for what was before. Raises Undecidable.
    """
    levels: Mapping[str, Any] = powers.levels or {}
    kinds = levels.get("events")
    changed, level = {one.name for one in entries}, level_for(who, powers)
    found = list(entries)
    for name in _WATCHED:
        of_kind = name != _DEFAULT
        within = (kinds if isinstance(kinds, dict) else {}) if of_kind else levels
        if name not in changed:
            listed, value = name in within, within.get(name)
            bare = of_kind and not isinstance(kinds, dict)
            found.append(Entry(name=name, of_kind=of_kind, listed=listed, value=value, set=level, bare=bare))
    return tuple(found)


def carried(entries: Collection[Entry], ours: Collection[Entry]) -> tuple[Entry, ...]:
    """Return entries that are set again with what stood there the first time: what is put right is nobody's before."""
    first = {one.name: one for one in ours if one.of_user}
    return tuple(
        replace(one, listed=first[one.name].listed, value=first[one.name].value, bare=first[one.name].bare)
        if one.of_user and one.name in first
        else one
        for one in entries
    )


def covered(levels: Mapping[str, Any], ours: Collection[Entry], muted: Collection[UserId]) -> tuple[Entry, ...]:
    """Return the voices given by us that lie below a mute: they come back when it ends, and are to be taken then."""
    users = levels.get("users")
    listed = users if isinstance(users, dict) else {}
    found: dict[str, Entry] = {}
    for one in ours:
        if one.of_user and one.name in muted and listed.get(one.name) != one.set:
            found.setdefault(one.name, one)
    return tuple(found.values())


def is_so(who: Who, powers: Powers, voices: Collection[UserId], before: Before) -> bool:
    """Tell whether a room lets those write who may, and cards be answered; ``before`` is what was changed there."""
    levels: Mapping[str, Any] = powers.levels or {}
    users, kinds = (one if isinstance(one, dict) else {} for one in (levels.get("users"), levels.get("events")))
    spoke = {one.name for one in before.every if one.of_user and users.get(one.name) == one.set}
    answers = {one.name for one in before.entries if one.name in ANSWERS and not one.listed}
    try:
        level = level_for(who, powers)
        return (
            needed_to_send(powers, "m.room.message") == needed_to_send(powers, "m.room.encrypted") == level
            and (who is not Who.DUTIES or not _silent(powers, voices, level))
            and spoke <= set(voices)
            and answers <= set(kinds)
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
