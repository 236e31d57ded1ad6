"""Which session of a lecture or a meeting a member comes to: by a tap or in words, and changed until it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from content.checkins import Expectation, State, Way, check_in
from content.decision import Decision, Fact, Refresh, Refusal, Tell, refused, words
from content.identifiers import Cause, MemberId, OccurrenceId
from content.lectures import Session
from content.lessons import Kind
from content.occurrences import State as OccurrenceState

_OF_LECTURE = {
    "over": "lecture.over",
    "one_session": "lecture.one_session",
    "no_such_session": "lecture.no_such_session",
    "has_begun": "lecture.has_begun",
    "chosen": "lecture.chosen",
    "choice_taken_back": "lecture.choice_taken_back",
    "which_session": "lecture.which_session",
    "your_session": "lecture.your_session",
    "its_session": "lecture.its_session",
}
_OF_MEETING = {
    "over": "meeting_session.over",
    "one_session": "meeting_session.one_session",
    "no_such_session": "meeting_session.no_such_session",
    "has_begun": "meeting_session.has_begun",
    "chosen": "meeting_session.chosen",
    "choice_taken_back": "meeting_session.choice_taken_back",
    "which_session": "meeting_session.which_session",
    "your_session": "meeting_session.your_session",
    "its_session": "meeting_session.its_session",
}


class SessionChosen(Fact, frozen=True, kw_only=True):
    """A member comes to this session, ``None`` where they have not chosen any more."""

    occurrence: OccurrenceId
    member: MemberId
    session: int | None
    cause: Cause
    at: datetime


def choose_session(
    expectation: Expectation,
    sessions: Sequence[Session],
    number: int,
    *,
    present: int | None,
    way: Way,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Choose a session, the first being 1, or another than the ``present`` one while neither has begun.

    Who names a session of a meeting that has not begun says by it that they will come.
    """
    title, keys = expectation.title, keys_of(expectation)
    if expectation.occurrence.state is not OccurrenceState.OPEN or expectation.state is State.NOT_OFFERED:
        return refused(keys["over"], title=title)
    if len(sessions) == 1:
        return refused(keys["one_session"], title=title, begins=sessions[0].begins)
    if not 1 <= number <= len(sessions):
        return refused(keys["no_such_session"], title=title, most=len(sessions))
    chosen = sessions[number - 1]
    if chosen.begins <= now:
        return refused(keys["has_begun"], title=title, number=number)
    if present is not None and present != number and _has_begun(sessions, present, now):
        return refused(keys["has_begun"], title=title, number=present)
    comes = _comes(expectation, sessions, way=way, cause=cause, now=now)
    if isinstance(comes, Refusal):
        return comes
    if present == number and way is Way.REACTION:
        return Decision(facts=(_chosen(expectation, number, cause, now), *comes))
    said = words(keys["chosen"], title=title, number=number, begins=chosen.begins, place=chosen.place)
    told = Tell(user=expectation.user, words=said, quiet=way is Way.REACTION)
    if present == number and not comes:
        return Decision(effects=(told,))
    refresh = (Refresh(card=expectation.card),) if expectation.card is not None else ()
    return Decision(facts=(_chosen(expectation, number, cause, now), *comes), effects=(*refresh, told))


def keys_of(expectation: Expectation) -> Mapping[str, str]:
    """Return by which keys its sessions are spoken of: a lecture is given, a meeting is held."""
    return _OF_LECTURE if expectation.kind is Kind.LECTURE else _OF_MEETING


def _comes(
    expectation: Expectation, sessions: Sequence[Session], *, way: Way, cause: Cause, now: datetime
) -> tuple[Fact, ...] | Refusal:
    """Return what says that somebody will come to a meeting: nothing where they said so, or it has begun."""
    said_so = expectation.state is State.OPEN and expectation.note is not None
    if expectation.kind is Kind.LECTURE or said_so or now >= sessions[0].begins:
        return ()
    answered = check_in(expectation, way=way, cause=cause, now=now)
    return answered if isinstance(answered, Refusal) else answered.facts


def undo_choice(
    expectation: Expectation, sessions: Sequence[Session], present: int, *, cause: Cause, now: datetime
) -> Decision | None:
    """Take a choice back whose tap was removed; once that session has begun it stays."""
    if _has_begun(sessions, present, now):
        return None
    refresh = (Refresh(card=expectation.card),) if expectation.card is not None else ()
    said = words(keys_of(expectation)["choice_taken_back"], title=expectation.title)
    return Decision(
        facts=(_chosen(expectation, None, cause, now),),
        effects=(*refresh, Tell(user=expectation.user, words=said, quiet=True)),
    )


def _chosen(expectation: Expectation, number: int | None, cause: Cause, now: datetime) -> SessionChosen:
    return SessionChosen(
        occurrence=expectation.occurrence.id, member=expectation.member, session=number, cause=cause, at=now
    )


def _has_begun(sessions: Sequence[Session], number: int, now: datetime) -> bool:
    return number <= len(sessions) and sessions[number - 1].begins <= now
