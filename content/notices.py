"""The notice of a meeting: what form the meeting has, who is due at it, and what stands above its agenda."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Words, words
from content.lectures import Session


class Form(StrEnum):
    """The forms of organisation life, as the regulation names them, and a seminar (学习研讨), at which all learn."""

    ASSEMBLY = "assembly"
    COMMITTEE = "committee"
    GROUP = "group"
    LECTURE = "lecture"
    SEMINAR = "seminar"
    PARTY_DAY = "party_day"
    LIFE = "life"
    REVIEW = "review"
    TALK = "talk"


class Circle(StrEnum):
    """Who is due at a meeting: all members there, those who sit on the committee, or who is named for it."""

    MEMBERS = "members"
    COMMITTEE = "committee"
    NAMED = "named"


CIRCLES: Mapping[Form, Circle] = {Form.COMMITTEE: Circle.COMMITTEE, Form.TALK: Circle.NAMED}
"""Of all other forms every member is due."""


class State(StrEnum):
    """Where a meeting stands."""

    PLANNED = "planned"
    HELD = "held"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Shown(Struct, frozen=True, kw_only=True):
    """What a notice says of a meeting beside its title and agenda; ``coming`` is how many have said they will come.

    ``sessions`` are all of them where it is held in several.
    """

    form: Form
    state: State
    begins_at: datetime
    place: str
    chair: str = ""
    guests: tuple[str, ...] = ()
    coming: int = 0
    why: str = ""
    sessions: tuple[Session, ...] = ()


def lines_of(shown: Shown) -> tuple[Words, ...]:
    """Return what a notice says above its agenda: when, where, who."""
    found = [words("meeting.when", at=shown.begins_at)] if not shown.sessions else [*sessions_of(shown.sessions)]
    if shown.state is State.CANCELLED:
        found = [words("meeting.called_off_why", why=shown.why) if shown.why else words("meeting.called_off"), *found]
    if shown.place and not shown.sessions:
        found.append(words("meeting.where", place=shown.place))
    if shown.chair:
        found.append(words("meeting.chaired", name=shown.chair))
    found.append(words(f"meeting.due_{CIRCLES.get(shown.form, Circle.MEMBERS)}"))
    if shown.guests:
        found.append(words("meeting.sitting_in", names="、".join(shown.guests)))
    return tuple(found)


def sessions_of(sessions: Sequence[Session]) -> tuple[Words, ...]:
    """Return the sessions of a meeting one by one, each with its time and place."""
    return tuple(
        words("meeting.session", number=number, at=one.begins, place=one.place)
        if one.place
        else words("meeting.session_no_place", number=number, at=one.begins)
        for number, one in enumerate(sessions, start=1)
    )
