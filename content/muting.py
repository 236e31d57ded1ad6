"""What the bot can do to a person in a room, and how a voice is taken and put back exactly as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from content.decision import Words, words
from content.identifiers import RoomId, UserId
from content.power import Powers, Undecidable, may, may_send, power
from content.sanctions import HURTS, Hindrance, Level, Site, Step, Want


def hindrance(step: Step, powers: Powers | None, *, me: UserId, user: UserId) -> Hindrance | None:
    """Tell what keeps the bot from taking a measure in a room, ``None`` where nothing does."""
    if step not in HURTS:
        return None
    if powers is None:
        return Hindrance.UNKNOWN
    try:
        own, theirs = power(powers, me), power(powers, user)
    except Undecidable:
        return Hindrance.UNKNOWN
    if theirs >= own:
        return Hindrance.CREATOR if user in powers.creators else Hindrance.ABOVE
    if step is Step.MUTE:
        if powers.levels is None:
            return Hindrance.NO_LEVELS
        return None if may_send(powers, me, "m.room.power_levels", state=True) else Hindrance.NO_RIGHT
    return None if may(powers, me, "kick" if step is Step.REMOVAL else "ban", user) else Hindrance.NO_RIGHT


def muted_level(levels: Mapping[str, Any]) -> int:
    """Return the level at which nothing can be sent in a room: below what the most open kind of event takes."""
    events = levels.get("events")
    listed = events.values() if isinstance(events, dict) else ()
    asked = (levels.get("events_default", 0), *listed)
    return min([0, *(level for level in asked if type(level) is int)]) - 1


def level_of(levels: Mapping[str, Any], user: UserId) -> Level:
    """Return what a room's levels say of a person."""
    users = levels.get("users")
    if not isinstance(users, dict):
        return Level(listed=False, users=False)
    return Level(listed=True, value=users[user]) if user in users else Level(listed=False)


def with_level(levels: Mapping[str, Any], user: UserId, level: int) -> dict[str, Any]:
    """Return the levels as they are, but for one person's."""
    users = levels.get("users")
    return {**levels, "users": {**(users if isinstance(users, dict) else {}), user: level}}


def put_back(levels: Mapping[str, Any], user: UserId, before: Level, muted: int) -> dict[str, Any] | None:
    """Return the levels with one person's as it was; ``None`` where somebody has changed it since, and it stays so."""
    users = levels.get("users")
    if not isinstance(users, dict) or users.get(user) != muted or level_of(levels, user) == before:
        return None
    rest = {one: level for one, level in users.items() if one != user}
    if before.listed:
        # In its old place, so that nothing else moves.
        rest = {one: before.value if one == user else level for one, level in users.items()}
    back = {**levels, "users": rest}
    if not rest and not before.users:
        del back["users"]
    return back


def possible(want: Want, sites: Collection[Site], *, me: UserId, user: UserId) -> tuple[RoomId, ...]:
    """Return in which rooms a measure can be taken."""
    return tuple(site.room for site in sites if hindrance(want.step, site.powers, me=me, user=user) is None)


def hindered(want: Want, sites: Collection[Site], *, me: UserId, user: UserId) -> list[Words]:
    """Return a line for each room in which a measure cannot be taken, and why."""
    found = []
    for site in sites:
        why = hindrance(want.step, site.powers, me=me, user=user)
        if why is not None:
            found.append(words("sanction.hindered", room=site.name, why=(words(f"sanction.hindrance_{why}"),)))
    return found
