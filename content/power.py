"""Who may do what in a room, reckoned from its raw state as the Matrix specification says, never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

Action = Literal["invite", "kick", "ban", "redact"]
DEFAULTS: Mapping[Action, int] = {"invite": 0, "kick": 50, "ban": 50, "redact": 50}
NEWEST_VERSION = 12


class Undecidable(Exception):
    """The room's state does not say who may do what (unknown version, missing create event, a level of a wrong type).

    Treat it as "nobody may".
    """


class Powers(Struct, frozen=True, kw_only=True):
    """The two state events that decide: ``levels`` is the whole content of ``m.room.power_levels``, None without one.

    ``version`` is None for a room version that we do not know. ``creators`` are above every level since version 12.
    """

    version: int | None
    creators: frozenset[str]
    levels: Mapping[str, Any] | None


def powers_from(*, sender: str | None, create: Mapping[str, Any], levels: Mapping[str, Any] | None) -> Powers:
    """Make the powers from what our own tables keep: the create event's sender and content, and the levels."""
    version = _version(create) if sender else None
    return Powers(version=version, creators=_creators(version, sender or "", create), levels=levels)


def _version(create: Mapping[str, Any]) -> int | None:
    text = create.get("room_version", "1")
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 3:
        return None
    return int(text) if 1 <= int(text) <= NEWEST_VERSION else None


def _creators(version: int | None, sender: str, create: Mapping[str, Any]) -> frozenset[str]:
    if version is None:
        return frozenset()
    if version < 11:
        creator = create.get("creator")
        return frozenset({creator} if isinstance(creator, str) else ())
    if version < 12:
        return frozenset({sender})
    others = create.get("additional_creators", [])
    if not isinstance(others, list):
        return frozenset({sender})
    return frozenset({sender, *(user for user in others if isinstance(user, str))})


def power(room: Powers, user: str) -> float:
    """Return a user's level; infinity for the creators of a room of version 12. Raises Undecidable."""
    if room.version is None:
        raise Undecidable("room version")
    if room.version >= 12 and user in room.creators:
        return math.inf
    if room.levels is None:
        return 100 if user in room.creators else 0
    users = _object(room.levels, "users")
    return _level(room, users[user] if user in users else room.levels.get("users_default", 0))


def needed(room: Powers, action: Action) -> int:
    """Return the level that an action on others takes. Raises Undecidable."""
    if room.levels is None:
        # Without levels the specification's defaults hold, see m.room.power_levels.
        return DEFAULTS[action]
    return _level(room, room.levels.get(action, DEFAULTS[action]))


def needed_to_send(room: Powers, event_type: str, *, state: bool = False) -> int:
    """Return the level that sending an event of this type takes. Raises Undecidable."""
    if room.levels is None:
        return 0
    events = _object(room.levels, "events")
    if event_type in events:
        return _level(room, events[event_type])
    default = ("state_default", 50) if state else ("events_default", 0)
    return _level(room, room.levels.get(*default))


def may(room: Powers, user: str, action: Action, target: str | None = None) -> bool:
    """Tell whether a user may act, on a target when one is named; False whenever the state does not clearly say yes.

    To kick or ban one must stand above the target, and nobody stands above a creator in version 12.
    """
    try:
        own = power(room, user)
        if own < needed(room, action):
            return False
        return target is None or action not in {"kick", "ban"} or power(room, target) < own
    except Undecidable:
        return False


def may_send(room: Powers, user: str, event_type: str, *, state: bool = False) -> bool:
    """Tell whether a user may send events of this type; False whenever the state does not clearly say yes."""
    try:
        return power(room, user) >= needed_to_send(room, event_type, state=state)
    except Undecidable:
        return False


def _object(levels: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = levels.get(name, {})
    if not isinstance(value, dict):
        raise Undecidable(name)
    return value


def _level(room: Powers, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # Before room version 10 a level may be written as text.
    if isinstance(value, str) and room.version is not None and room.version < 10:
        digits = value.strip()
        if digits.removeprefix("-").isascii() and digits.removeprefix("-").isdigit() and len(digits) < 17:
            return int(digits)
    raise Undecidable("level")
