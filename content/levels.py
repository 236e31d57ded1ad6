"""A room's levels: what of them is changed so that fewer or more people write, and put back exactly as it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from content.power import Powers, needed, needed_to_send, power
from content.rooms import ANSWERS

TALK = (
    *("m.room.message", "m.room.encrypted", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"),
    *("m.call.invite", "org.matrix.msc3401.call", "m.call"),
)
"""Kinds of events by which people talk, where a room's levels name them by themselves."""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of a room's levels that was changed: what stood there, if anything did, and what was ``set``.

    ``of_kind`` is one below ``events``, ``of_user`` one below ``users``; ``bare`` tells that the levels had nothing of
    that at all.
    """

    name: str
    of_kind: bool
    listed: bool
    value: int | str | None = None
    set: int
    bare: bool = False
    of_user: bool = False

    @property
    def within(self) -> str | None:
        """Return below what the entry stands, ``None`` for one of the levels themselves."""
        return "events" if self.of_kind else "users" if self.of_user else None


def writing_level(powers: Powers) -> int:
    """Return from which level on one writes in a locked room: who may show people out. Raises Undecidable."""
    usual = power(powers, "")
    return max(needed(powers, "kick"), int(usual) + 1)


def closing(powers: Powers) -> tuple[Entry, ...]:
    """Return what is to be changed so that only who moderates writes; nothing where that is so. Raises Undecidable."""
    return levelled(powers, writing_level(powers), lowers=False)


def levelled(powers: Powers, level: int, *, lowers: bool) -> tuple[Entry, ...]:
    """Return what is to be changed so that one writes from a level on; what takes more stays so, unless it ``lowers``.

    Reactions, answers to polls and taking back one's own words stay as they were where writing takes more: cards are
    answered by them. Raises Undecidable.
    """
    levels: Mapping[str, Any] = powers.levels or {}
    kinds = levels.get("events")
    listed: Mapping[str, Any] = kinds if isinstance(kinds, dict) else {}
    bare = not isinstance(kinds, dict)

    def differs(needs: int) -> bool:
        return needs < level or (lowers and needs > level)

    found = [
        Entry(name=kind, of_kind=True, listed=True, value=listed[kind], set=level)
        for kind in TALK
        if kind in listed and differs(needed_to_send(powers, kind))
    ]
    usual = needed_to_send(powers, "m.room.message") if "m.room.message" not in listed else _default(powers)
    if not differs(usual):
        return tuple(found)
    default = "events_default"
    found.append(
        Entry(name=default, of_kind=False, listed=default in levels, value=levels.get(default), set=level),
    )
    if usual < level:
        found += [
            Entry(name=kind, of_kind=True, listed=False, set=usual, bare=bare) for kind in ANSWERS if kind not in listed
        ]
    return tuple(found)


def _default(powers: Powers) -> int:
    # No kind is called so; what holds for it is what holds for every kind that is not named.
    return needed_to_send(powers, "")


def with_entries(levels: Mapping[str, Any], entries: Collection[Entry]) -> dict[str, Any]:
    """Return a room's levels with some entries changed."""
    changed = dict(levels)
    for one in entries:
        if one.within is not None:
            inner = changed.get(one.within)
            changed[one.within] = {**(inner if isinstance(inner, dict) else {}), one.name: one.set}
        else:
            changed[one.name] = one.set
    return changed


def put_back(levels: Mapping[str, Any], entries: Collection[Entry]) -> dict[str, Any]:
    """Return a room's levels with those entries as they were; what somebody has changed since stays as it is."""
    back = dict(levels)
    for one in entries:
        inner = back.get(one.within) if one.within is not None else None
        held = dict(inner) if isinstance(inner, dict) else {}
        within = held if one.within is not None else back
        if one.name not in within or within[one.name] != one.set:
            continue
        if one.listed:
            within[one.name] = one.value
        else:
            del within[one.name]
        if one.within is not None:
            back[one.within] = held
            if one.bare and not held:
                del back[one.within]
    return back
