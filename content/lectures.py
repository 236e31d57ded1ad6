"""A lecture (讲座, 党课): who speaks, where, and at which times; members come to one of two sessions."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Refusal, refused

MOST_SESSIONS = 2
LONGEST_SPEAKER = 60
LONGEST_PLACE = 80

ROLL_STAYS = timedelta(hours=1)
"""How long after its end one can still sign in: people do so on their way out."""


class Session(Struct, frozen=True, kw_only=True):
    """One time at which a lecture is given, and where."""

    begins: datetime
    place: str


class Lecture(Struct, frozen=True, kw_only=True):
    """What a lecture has beside its title and its outline; a ``party`` one is a party lesson (党课)."""

    speaker: str
    sessions: tuple[Session, ...]
    party: bool = False


def begins(lecture: Lecture) -> datetime:
    """Return when it is given for the first time: nobody can have been there before."""
    return lecture.sessions[0].begins


def over(lecture: Lecture, minutes: int) -> datetime:
    """Return when it has been given for the last time."""
    return lecture.sessions[-1].begins + timedelta(minutes=minutes)


def roll_closes(lecture: Lecture, minutes: int) -> datetime:
    """Return until when one can sign in."""
    return over(lecture, minutes) + ROLL_STAYS


def refuse_lecture(lecture: Lecture, minutes: int) -> Refusal | None:
    """Refuse a lecture that lacks what its card has to say, or whose sessions overlap."""
    if not lecture.speaker:
        return refused("lecture.no_speaker", field="speaker")
    if len(lecture.speaker) > LONGEST_SPEAKER:
        return refused("lecture.long_speaker", field="speaker", most=LONGEST_SPEAKER)
    if not lecture.sessions:
        return refused("lecture.no_session", field="begins-1")
    for number, session in enumerate(lecture.sessions, start=1):
        if not session.place:
            return refused("lecture.no_place", field=f"place-{number}")
        if len(session.place) > LONGEST_PLACE:
            return refused("lecture.long_place", field=f"place-{number}", most=LONGEST_PLACE)
    first, last = lecture.sessions[0], lecture.sessions[-1]
    if last is not first and last.begins < first.begins + timedelta(minutes=minutes):
        return refused("lecture.sessions_overlap", field="begins-2")
    return None
