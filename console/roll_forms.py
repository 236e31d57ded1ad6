"""What a form of the roll says of each member: how they were shown, and how they are to stand."""

from __future__ import annotations

from flask import request

from content.identifiers import MemberId
from content.roll_calls import Mark


def marks_in(prefix: str) -> dict[MemberId, Mark]:
    """Return what a form of the roll says of each, by the beginning of its fields' names."""
    return {
        MemberId(name.removeprefix(prefix)): Mark(value)
        for name, value in request.form.items()
        if name.startswith(prefix) and value in set(Mark)
    }


def sessions_in() -> dict[MemberId, int | None]:
    """Return to which session each came whose session a form of the roll changes, ``None`` where none is known."""
    found = {}
    for name, value in request.form.items():
        member = name.removeprefix("at-")
        if name.startswith("at-") and value != request.form.get(f"was_at-{member}", ""):
            found[MemberId(member)] = int(value) if value in ("1", "2", "3", "4") else None
    return found


def guests_in() -> tuple[MemberId, ...] | None:
    """Return the guests that are ticked as there, ``None`` of a form that does not ask."""
    return tuple(map(MemberId, request.form.getlist("guest"))) if "asks_guests" in request.form else None
