"""A year of moderation in numbers: by room and by place, and never by who moderates."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import asdict

from content.identifiers import OrganisationId, RoomId


class Counts(Struct, frozen=True, kw_only=True):
    """What happened in one room in a year, or at one place outside of its rooms, as warnings are given.

    ``complaints`` are matters, answered or not; a matter that touches two rooms counts in both. ``people`` and
    ``flagged`` are how often somebody complained and a guard flagged. Of the measures ``lifted`` are those that were
    taken back.
    """

    complaints: int = 0
    people: int = 0
    flagged: int = 0
    unfounded: int = 0
    noted: int = 0
    case: int = 0
    warning: int = 0
    mute: int = 0
    removal: int = 0
    ban: int = 0
    lifted: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """The counts of a room, or where there is ``no room`` of a place."""

    place: OrganisationId
    place_name: str
    room: RoomId | None
    room_name: str
    counts: Counts


class Year(Struct, frozen=True, kw_only=True):
    """A year of a part of the tree; ``total`` counts each matter and each measure once, in however many rooms it was.

    ``cases`` were opened in it, and of the measures of it so many were appealed against, of which were ``granted``.
    """

    lines: tuple[Line, ...]
    total: Counts
    cases: int
    appeals: int
    granted: int


COLUMNS: tuple[str, ...] = Counts.__struct_fields__
"""The counts in the order in which they are shown."""


def numbers(counts: Counts) -> tuple[int, ...]:
    """Return the counts in their order."""
    return tuple(asdict(counts)[name] for name in COLUMNS)


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return lines by place and room, as rooms are listed everywhere: in no order of merit."""
    return tuple(sorted(lines, key=lambda one: (one.place_name, one.room is None, one.room_name, one.room or "")))
