"""Which of its two sessions a member comes to: chosen by a tap or in words, and changed until it begins."""

from __future__ import annotations

from datetime import datetime

from content.checkins import Expectation, State, Way
from content.decision import Decision, Fact, Refresh, Refusal, Tell, refused, words
from content.identifiers import Cause, MemberId, OccurrenceId
from content.lectures import Lecture
from content.occurrences import State as OccurrenceState


class SessionChosen(Fact, frozen=True, kw_only=True):
    """A member comes to this session of a lecture, ``None`` where they have not chosen any more."""

    occurrence: OccurrenceId
    member: MemberId
    session: int | None
    cause: Cause
    at: datetime


def choose_session(
    expectation: Expectation,
    lecture: Lecture,
    number: int,
    *,
    present: int | None,
    way: Way,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Choose a session, the first being 1, or another than the ``present`` one while neither has begun."""
    title = expectation.title
    if expectation.occurrence.state is not OccurrenceState.OPEN or expectation.state is State.NOT_OFFERED:
        return refused("lecture.over", title=title)
    if len(lecture.sessions) == 1:
        return refused("lecture.one_session", title=title, begins=lecture.sessions[0].begins)
    if not 1 <= number <= len(lecture.sessions):
        return refused("lecture.no_such_session", title=title, most=len(lecture.sessions))
    chosen = lecture.sessions[number - 1]
    if chosen.begins <= now:
        return refused("lecture.has_begun", title=title, number=number)
    if present is not None and present != number and _has_begun(lecture, present, now):
        return refused("lecture.has_begun", title=title, number=present)
    if present == number and way is Way.REACTION:
        return Decision(facts=(_chosen(expectation, number, cause, now),))
    said = words("lecture.chosen", title=title, number=number, begins=chosen.begins, place=chosen.place)
    told = Tell(user=expectation.user, words=said, quiet=way is Way.REACTION)
    if present == number:
        return Decision(effects=(told,))
    refresh = (Refresh(card=expectation.card),) if expectation.card is not None else ()
    return Decision(facts=(_chosen(expectation, number, cause, now),), effects=(*refresh, told))


def undo_choice(
    expectation: Expectation, lecture: Lecture, present: int, *, cause: Cause, now: datetime
) -> Decision | None:
    """Take a choice back whose tap was removed; once that session has begun it stays."""
    if _has_begun(lecture, present, now):
        return None
    refresh = (Refresh(card=expectation.card),) if expectation.card is not None else ()
    said = words("lecture.choice_taken_back", title=expectation.title)
    return Decision(
        facts=(_chosen(expectation, None, cause, now),),
        effects=(*refresh, Tell(user=expectation.user, words=said, quiet=True)),
    )


def _chosen(expectation: Expectation, number: int | None, cause: Cause, now: datetime) -> SessionChosen:
    return SessionChosen(
        occurrence=expectation.occurrence.id, member=expectation.member, session=number, cause=cause, at=now
    )


def _has_begun(lecture: Lecture, number: int, now: datetime) -> bool:
    return number <= len(lecture.sessions) and lecture.sessions[number - 1].begins <= now
