"""What was said and could not be heard: letters that no rule could take, stretches of history that stay missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import EventId, RoomId, UserId


class Sort(StrEnum):
    """Why something could not be processed, as far as it concerns people.

    Its form was wrong; it was sent a second time in disguise; it hid inside encryption what counts only in clear; or
    a rule of ours broke on it.
    """

    FORM = "form"
    REPEATED = "repeated"
    HIDDEN = "hidden"
    RULE = "rule"


_FORMS = frozenset("not_json too_deep too_large shape sender event_id state_key algorithm".split())  # noqa: SIM905


class Letter(Struct, frozen=True, kw_only=True):
    """Something that could not be processed.

    ``asked_at`` is when somebody asked that it be tried again and it has not been yet, ``tried_at`` when it last failed
    the same way, ``aside_at`` when it was put aside. ``has_raw`` tells whether what came is kept as it came.
    """

    id: str
    cause: str
    room: RoomId | None
    sender: UserId | None
    event: EventId | None
    reason: str
    at: datetime
    has_raw: bool
    asked_at: datetime | None = None
    tried_at: datetime | None = None
    aside_at: datetime | None = None

    @property
    def sort(self) -> Sort:
        """Return why it could not be processed."""
        if self.reason == "replay":
            return Sort.REPEATED
        if self.reason.startswith("hidden_") or self.reason == "encrypted_state":
            return Sort.HIDDEN
        return Sort.FORM if self.reason in _FORMS else Sort.RULE

    @property
    def was_said(self) -> bool:
        """Tell whether it was said in a room, and can be heard there again; a form is filled in again by hand."""
        return self.room is not None and (self.event is not None or self.has_raw)


class Stretch(Struct, frozen=True, kw_only=True):
    """Part of a room's history that is missing; ``given_up_at`` is when it was seen that it cannot be read back."""

    id: str
    room: RoomId
    found_at: datetime
    given_up_at: datetime | None = None
    reason: str | None = None


PATIENCE = timedelta(seconds=60)
"""How long a key may take to arrive before its sender is told that it is missing."""

MOST_TOLD = 2
"""How often in a day one person is told; a client that never gives its keys would have it said for every session."""


class Sealed(Struct, frozen=True, kw_only=True):
    """Messages of one person in one encrypted session for which no key has come; ``room_name`` is None in private."""

    room: RoomId
    room_name: str | None
    session_id: str
    sender: UserId


class SenderTold(Fact, frozen=True, kw_only=True):
    """Somebody was told that messages of theirs cannot be read, or it was left out."""

    room: RoomId
    session_id: str
    sender: UserId
    at: datetime


class HearingAgainAsked(Fact, frozen=True, kw_only=True):
    """Somebody asked that a letter be processed once more."""

    id: str
    at: datetime


class LetterPutAside(Fact, frozen=True, kw_only=True):
    """Somebody has seen a letter and leaves it at that; it is kept for its time and counted no more."""

    id: str
    at: datetime


class StretchAskedAgain(Fact, frozen=True, kw_only=True):
    """Somebody asked that a stretch that was given up be read once more."""

    id: str


class StretchPutAside(Fact, frozen=True, kw_only=True):
    """Somebody knows of a stretch that cannot be read back, and leaves it at that."""

    id: str


def hear_again(letter: Letter, *, now: datetime) -> Decision | Refusal:
    """Have a letter processed once more, by the same path and under the same cause."""
    if letter.asked_at is not None:
        return refused("unheard.is_asked")
    if not letter.was_said:
        return refused("unheard.was_not_said")
    return Decision(facts=(HearingAgainAsked(id=letter.id, at=now),))


def put_aside(letter: Letter, *, now: datetime) -> Decision | Refusal:
    """Leave a letter at that."""
    if letter.aside_at is not None:
        return refused("unheard.is_aside")
    return Decision(facts=(LetterPutAside(id=letter.id, at=now),))


def read_again(stretch: Stretch) -> Decision | Refusal:
    """Have a stretch that was given up read once more."""
    if stretch.given_up_at is None:
        return refused("unheard.is_being_read")
    return Decision(facts=(StretchAskedAgain(id=stretch.id),))


def leave_stretch(stretch: Stretch) -> Decision | Refusal:
    """Leave a stretch that cannot be read back at that."""
    if stretch.given_up_at is None:
        return refused("unheard.is_being_read")
    return Decision(facts=(StretchPutAside(id=stretch.id),))


def tell_sender(sealed: Sealed, *, known: bool, told_today: int, now: datetime) -> Decision:
    """Tell a person, quietly and once for each session, that what they said cannot be read.

    Of what is said in a room we cannot know whether it was meant for us; so it is told in private, to people whom we
    know, and not often.
    """
    told = SenderTold(room=sealed.room, session_id=sealed.session_id, sender=sealed.sender, at=now)
    if not known or told_today >= MOST_TOLD:
        return Decision(facts=(told,))
    if sealed.room_name is None:
        said = words("unheard.told_in_private")
    else:
        said = words("unheard.told_of_room", room=sealed.room_name)
    return Decision(facts=(told,), effects=(Tell(user=sealed.sender, words=said, quiet=True, unasked=True),))
