"""Changes a meeting that has not begun, or calls it off: its notice follows, and whom it concerns is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from content import amendments
from content.amendments import Sent
from content.decision import Decision, Refresh, Refusal, Tell, Words, refused, words
from content.identifiers import CardId, MemberId, OrganisationId, UserId, derive
from content.lessons import LessonRevised
from content.meetings import (
    LONGEST_WHY,
    Meeting,
    MeetingCancelled,
    MeetingChanged,
    lesson_of,
    place_of,
    trouble_with,
    unknown_at,
)
from content.notices import Shown, State, sessions_of
from content.occurrences import Seat
from content.occurrences import State as Notice
from content.schedules import OccurrenceCancelled
from content.sent_notices import private_notice


def mark_of(one: Meeting) -> str:
    """Return a mark of what may be changed of a meeting, by which a later writer shows what they have seen."""
    times = [(each.begins.astimezone(UTC).isoformat(), each.place) for each in one.sessions]
    told = (one.title, one.agenda, times, one.length, one.chair, one.recorder, one.named, one.guests, one.reminds)
    return derive("meeting to come", repr(told))


def change(
    before: Meeting,
    after: Meeting,
    *,
    sent: Sent | None,
    notice_at: datetime,
    revision: int,
    people: Collection[MemberId],
    due: Sequence[Seat],
    seated: Sequence[Seat],
    carded: Collection[OrganisationId],
    users: Mapping[MemberId, UserId],
    answered: Collection[UserId],
    shown: Shown,
    author: UserId,
    seen: str,
    now: datetime,
    plainly: str,
) -> Decision | Refusal:
    """Change a meeting that has not begun: its card follows, and who had answered is told.

    ``seen`` is the mark of how it stood when the change was written, so that nobody puts back what another has changed
    since.

    Outside of the ``carded`` branches everyone is told: who is asked to it now, as ``shown``, and who, of those
    ``seated``, no more.

    Before that went out its text is a new one only where title or agenda are: what somebody else has approved stays so.

    ``sent`` is its notice as it stands in its rooms, ``None`` before it went out at ``notice_at``; ``revision`` is that
    of the text it was sent with, ``plainly`` as it is when it is called.
    """
    if before.state is not State.PLANNED:
        return refused("meeting.not_planned")
    if seen != mark_of(before):
        now_is = _says("meeting.stands", "meeting.stands_sessions", before)
        return refused("meeting.changed_meanwhile", field="title", now_is=(now_is,))
    trouble = trouble_with(after, now) or unknown_at(after, people)
    if trouble is not None:
        return trouble
    if not due:
        return refused(f"meeting.nobody_{after.circle}", field="named")
    if sent is None and notice_at > after.begins_at:
        return refused("meeting.notice_after", field="date")
    if len(after.why) > LONGEST_WHY:
        return refused("meeting.long", field="why", most=LONGEST_WHY)
    if replace(before, why="") == replace(after, why=""):
        return refused("meeting.same", field="title")
    lesson = lesson_of(after, plainly, revision + 1)
    changed = MeetingChanged(meeting=after, at=now)
    revised = LessonRevised(lesson=lesson, author=author)
    if sent is None or sent.occurrence.state is not Notice.OPEN:
        is_new = lesson_of(before, plainly, revision + 1) != lesson
        return Decision(facts=(changed, revised) if is_new else (changed,))
    corrected = amendments.correct([sent], lesson, reason=after.why, now=now)
    if isinstance(corrected, Refusal):
        return corrected
    said = _says("meeting.changed", "meeting.changed_sessions", after)
    told = dict.fromkeys(answered, said)
    apart, was = ({seat.member: seat for seat in each if seat.branch not in carded} for each in (due, seated))
    known, wanted = {seat.member for seat in seated}, {seat.member for seat in due}
    joined = tuple(seat for member, seat in apart.items() if member not in known)
    changed = replace(changed, joined=joined, gone=tuple(sorted(was.keys() - wanted)))
    asks = _says("meeting.changed_asks", "meeting.changed_asks_sessions", after)
    told = {users[one]: asks for one in sorted(apart) if one in users} | told
    told |= {users[seat.member]: private_notice(after, shown) for seat in joined if seat.member in users}
    spared = words("meeting.not_due", title=before.title, at=before.begins_at)
    told |= {users[one]: spared for one in changed.gone if one in users}
    effects = (Tell(user=user, words=said, unasked=True) for user, said in told.items())
    return Decision(facts=(changed, revised, *corrected.facts), effects=(*corrected.effects, *effects))


def _says(key: str, of_sessions: str, after: Meeting) -> Words:
    if after.further:
        return words(of_sessions, title=after.title, sessions=sessions_of(after.sessions))
    return words(key, title=after.title, at=after.begins_at, place=(place_of(after),))


def drop_session(
    before: Meeting,
    number: int,
    *,
    cards: Sequence[CardId],
    told: Collection[UserId],
    now: datetime,
) -> Decision | Refusal:
    """Call off one session of several that has not begun; the meeting stays, and its card says which are left.

    ``told`` are the accounts of those who have answered and have not named another.
    """
    sessions = before.sessions
    if before.state not in (State.PLANNED, State.HELD):
        return refused("meeting.not_planned")
    if len(sessions) < 2 or not 1 <= number <= len(sessions):
        return refused("meeting.one_session_left")
    gone = sessions[number - 1]
    if gone.begins <= now:
        return refused("meeting.session_has_begun", number=number)
    first, *rest = (one for place, one in enumerate(sessions, start=1) if place != number)
    after = replace(before, begins_at=first.begins, place=first.place, further=tuple(rest))
    said = words(
        "meeting.session_dropped", title=before.title, number=number, at=gone.begins, left=sessions_of(after.sessions)
    )
    effects = (*(Refresh(card=card) for card in cards), *(Tell(user=one, words=said, unasked=True) for one in told))
    return Decision(facts=(MeetingChanged(meeting=after, at=now),), effects=effects)


def cancel(
    meeting: Meeting,
    notice: Notice,
    *,
    why: str,
    cards: Sequence[CardId],
    concerned: Collection[UserId],
    by: UserId,
    now: datetime,
) -> Decision | Refusal:
    """Call a meeting off: before its notice went out that stays in, afterwards its card says so.

    ``concerned`` are told: who had answered, or where there is no card whoever was asked.
    """
    why = " ".join(why.split())
    if meeting.state is not State.PLANNED:
        return refused("meeting.not_planned")
    if len(why) > LONGEST_WHY:
        return refused("meeting.long", field="why", most=LONGEST_WHY)
    called_off = MeetingCancelled(occurrence=meeting.id, why=why, at=now)
    if notice is Notice.PLANNED:
        return Decision(facts=(called_off, OccurrenceCancelled(occurrence=meeting.id, by=by)))
    said = words("meeting.cancelled", title=meeting.title, at=meeting.begins_at)
    told = [Tell(user=one, words=said, unasked=True) for one in concerned]
    return Decision(facts=(called_off,), effects=(*(Refresh(card=card) for card in cards), *told))
