"""A short code shown at the venue, by which who is there signs in: another every half minute, and no location.

It keeps nobody out who has a helper in the room: a code that is passed on works for up to a minute. It makes signing
in for others a nuisance, no more, and the page that shows it says so.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta

from content.checkins import Note
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OccurrenceId
from content.meetings import Meeting
from content.notices import State

STEP = timedelta(seconds=30)
"""How long a code is shown; it is taken for as long again after that."""

DIGITS = 6
SHAPE = re.compile(rf"[0-9]{{{DIGITS}}}")


class VenueCodeShown(Fact, frozen=True, kw_only=True):
    """From now on who signs in to a meeting says the code that is shown there, made from a ``seed`` nobody sees."""

    occurrence: OccurrenceId
    seed: str


class VenueCodeEnded(Fact, frozen=True, kw_only=True):
    """Signing in to a meeting takes no code any more."""

    occurrence: OccurrenceId


def code_at(seed: str, at: datetime, *, before: int = 0) -> str:
    """Return the code of a moment, or of so many steps before it."""
    step = int(at.timestamp() // STEP.total_seconds()) - before
    return f"{int.from_bytes(hmac.digest(seed.encode(), str(step).encode(), 'sha256')[:8]) % 10**DIGITS:0{DIGITS}}"


def is_valid(seed: str, typed: str, at: datetime) -> bool:
    """Tell whether a code is the one that is shown at a moment, or the one before."""
    return any(hmac.compare_digest(typed, code_at(seed, at, before=before)) for before in (0, 1))


def changes_in(at: datetime) -> timedelta:
    """Return how long the code of a moment is still shown."""
    return STEP - timedelta(seconds=at.timestamp() % STEP.total_seconds())


def show(meeting: Meeting, seed: str) -> Decision | Refusal:
    """Have a code asked for, before a meeting or while its roll is open."""
    if meeting.state not in (State.PLANNED, State.HELD):
        return refused("venue.not_now")
    if meeting.code_seed is not None:
        return refused("venue.shown_already")
    return Decision(facts=(VenueCodeShown(occurrence=meeting.id, seed=seed),))


def end(meeting: Meeting) -> Decision | Refusal:
    """Ask for no code any more."""
    if meeting.code_seed is None:
        return refused("venue.not_shown")
    return Decision(facts=(VenueCodeEnded(occurrence=meeting.id),))


def refuse_without(meeting: Meeting, typed: str, note: Note | None, *, now: datetime) -> Refusal | None:
    """Refuse to take somebody for present who does not say the code; who takes part online needs none."""
    if meeting.code_seed is None or meeting.state is not State.HELD or note is Note.ONLINE:
        return None
    if not SHAPE.fullmatch(typed):
        return refused("venue.code_wanted", title=meeting.title)
    return None if is_valid(meeting.code_seed, typed, now) else refused("venue.code_wrong", title=meeting.title)
