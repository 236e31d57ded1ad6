"""A meeting: what form it has, who is due at it, its notice, and its way from planned to held to closed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from content import amendments
from content.amendments import Sent
from content.ballots import Elector
from content.checkins import Answered, Expectation, Note
from content.checkins import State as Answer
from content.decision import Decision, Effect, Fact, Refresh, Refusal, Tell, Words, refused, words
from content.identifiers import (
    CardId,
    Cause,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    ScheduleId,
    UserId,
    derive,
)
from content.lessons import LONGEST_TITLE, Kind, Lesson, LessonRevised, LessonWritten
from content.members import Member
from content.notices import CIRCLES, Circle, Form, Shown, State, lines_of
from content.occurrences import Occurrence, OccurrenceClosed, OccurrenceOpened, Seat, Stage, open_occurrence
from content.occurrences import State as Notice
from content.recurrences import Recurrence
from content.reviews import Stage as Reviewed
from content.rooms import Purpose
from content.schedules import LATEST_AHEAD, LessonsScheduled, OccurrenceCancelled, Schedule, instant, schedule_lessons

LONGEST_PLACE = 100
LONGEST_ITEM = 200
MOST_ITEMS = 20
LONGEST_WHY = 200
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=12)

NOTICE_MINUTES = 1
"""What a notice asks of a member on their phone; the meeting itself is no reading."""

AFTERWARDS = timedelta(hours=12)
"""How long after its end a meeting still takes answers in chat, unless its roll is closed before."""

REMIND_BEFORE = timedelta(days=1)
"""How long before a meeting those who have not answered are reminded, once."""


ROOMS: Mapping[Form, Purpose | None] = {Form.COMMITTEE: Purpose.COMMITTEE, Form.GROUP: Purpose.GROUP, Form.TALK: None}
"""Where a notice goes that does not go to the branch's room; without a room each who is due is told in private."""

INNER = frozenset({Form.COMMITTEE, Form.TALK})
"""What is no matter of everyone's: only who may see the members by name finds these."""

_NOT_DUE = ("发展对象", "入党积极分子", "入党申请人", "群众")
"""Who is on a roster without being a member, and sits in where somebody asks them to."""


class Meeting(Struct, frozen=True, kw_only=True):
    """One meeting. Its identifier is that of the occurrence whose card is the notice, and whose places are the roll.

    ``named`` are due where nobody is by the form, ``guests`` sit in (列席) and are on no roll. ``why`` is said of the
    last change, or of calling it off.
    """

    id: OccurrenceId
    organisation: OrganisationId
    form: Form
    lesson: LessonId
    title: str
    agenda: tuple[str, ...]
    place: str
    begins_at: datetime
    length: timedelta
    timezone: str
    chair: MemberId | None = None
    recorder: MemberId | None = None
    named: tuple[MemberId, ...] = ()
    guests: tuple[MemberId, ...] = ()
    reminds: bool = True
    state: State = State.PLANNED
    why: str = ""
    reminded_at: datetime | None = None
    held_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def circle(self) -> Circle:
        """Return who is due."""
        return CIRCLES.get(self.form, Circle.MEMBERS)

    @property
    def ends_at(self) -> datetime:
        """Return when it is expected to end."""
        return self.begins_at + self.length

    @property
    def answers_until(self) -> datetime:
        """Return until when answers in chat count, where nobody closes the roll before."""
        return self.ends_at + AFTERWARDS

    @property
    def day(self) -> date:
        """Return on which day it is held, by its own clock."""
        return self.begins_at.astimezone(ZoneInfo(self.timezone)).date()


class MeetingCalled(Fact, frozen=True, kw_only=True):
    """A meeting was called; its notice goes out by the rule that was made with it."""

    meeting: Meeting


class MeetingChanged(Fact, frozen=True, kw_only=True):
    """A meeting is at another time or place, about other things, or with others than its notice said.

    ``joined`` are asked to it since, ``gone`` no more, where its notice went to each in private.
    """

    meeting: Meeting
    at: datetime
    joined: tuple[Seat, ...] = ()
    gone: tuple[MemberId, ...] = ()


class MeetingCancelled(Fact, frozen=True, kw_only=True):
    """A meeting was called off: nobody was asked to it any more."""

    occurrence: OccurrenceId
    why: str
    at: datetime


class MeetingReminded(Fact, frozen=True, kw_only=True):
    """Those who had not answered by then were reminded."""

    occurrence: OccurrenceId
    at: datetime


class MeetingHeld(Fact, frozen=True, kw_only=True):
    """A meeting has begun, and who is due and may vote is fixed as the roster has it at that moment.

    ``joined`` came to the roster since the notice went out, ``gone`` have left it.
    """

    occurrence: OccurrenceId
    at: datetime
    register: tuple[Elector, ...]
    joined: tuple[Seat, ...]
    gone: tuple[MemberId, ...]


def is_due(member: Member) -> bool:
    """Tell whether a person of the roster is due where every member is; of whom nothing is said counts as one."""
    return member.left is None and member.category not in _NOT_DUE


def due_at(meeting: Meeting, people: Sequence[Member], committee: Collection[MemberId]) -> tuple[MemberId, ...]:
    """Return who is due at a meeting, of those who stand where it is held."""
    match meeting.circle:
        case Circle.MEMBERS:
            return tuple(one.id for one in people if is_due(one))
        case Circle.COMMITTEE:
            return tuple(one.id for one in people if one.id in committee and one.left is None)
        case Circle.NAMED:
            return tuple(one.id for one in people if one.id in meeting.named and one.left is None)


def call(
    meeting: Meeting,
    *,
    schedule: ScheduleId,
    notice_at: datetime,
    due: Collection[MemberId],
    people: Collection[MemberId],
    author: UserId,
    now: datetime,
    plainly: str,
    review: Reviewed = Reviewed.APPROVED,
) -> Decision | Refusal:
    """Call a meeting: keep it, and plan its notice; ``people`` are those who may be named for it.

    The identifier that it is given is that of the occurrence which its rule yields. ``plainly`` is what its form is
    called, which is all that is read of an inner one elsewhere than in its notice and on its page.
    """
    trouble = _trouble(meeting, now) or _unknown(meeting, people)
    if trouble is not None:
        return trouble
    if not due:
        return refused(f"meeting.nobody_{meeting.circle}", field="named")
    if notice_at > meeting.begins_at:
        return refused("meeting.notice_after", field="notice_date")
    local = notice_at.astimezone(ZoneInfo(meeting.timezone)).replace(tzinfo=None, fold=0)
    rule = Schedule(
        id=schedule,
        owner=meeting.organisation,
        audience=meeting.organisation,
        lessons=(meeting.lesson,),
        recurrence=Recurrence.ONCE,
        start=local.date(),
        at=local.time().replace(microsecond=0),
        timezone=meeting.timezone,
        window=max(meeting.answers_until - notice_at, SHORTEST),
        late=max(meeting.begins_at - notice_at, SHORTEST),
    )
    planned = schedule_lessons(rule, author=author, now=now, review=review)
    if isinstance(planned, Refusal):
        return replace(planned, field="notice_date")
    (scheduled,) = planned.facts
    assert isinstance(scheduled, LessonsScheduled)
    called = replace(meeting, id=scheduled.planned[0].id)
    written = LessonWritten(lesson=lesson_of(called, plainly), author=author)
    return Decision(facts=(written, scheduled, MeetingCalled(meeting=called)))


def id_of(schedule: ScheduleId, notice_on: date) -> OccurrenceId:
    """Return the identifier of the meeting whose notice a rule sends on a day."""
    return OccurrenceId(derive(schedule, "occurrence", notice_on.isoformat()))


def lesson_of(meeting: Meeting, plainly: str, revision: int = 1) -> Lesson:
    """Return the lesson that a notice is sent with: of an inner meeting what its form is called, and no agenda."""
    lesson = Lesson(
        id=meeting.lesson,
        owner=meeting.organisation,
        kind=Kind.EVENT,
        title=plainly,
        body="",
        minutes=NOTICE_MINUTES,
        revision=revision,
    )
    return lesson if meeting.form in INNER else in_full(lesson, meeting)


def in_full(lesson: Lesson, meeting: Meeting) -> Lesson:
    """Return what the notice shows as its text: the agenda, point by point."""
    points = (f"{number}. {item}" for number, item in enumerate(meeting.agenda, start=1))
    return replace(lesson, title=meeting.title, body="\n".join(points))


def _trouble(meeting: Meeting, now: datetime) -> Refusal | None:
    if not meeting.title:
        return refused("meeting.no_title", field="title")
    if len(meeting.title) > LONGEST_TITLE:
        return refused("meeting.long", field="title", most=LONGEST_TITLE)
    if len(meeting.place) > LONGEST_PLACE:
        return refused("meeting.long", field="place", most=LONGEST_PLACE)
    if len(meeting.agenda) > MOST_ITEMS:
        return refused("meeting.many_items", field="agenda", most=MOST_ITEMS)
    if any(len(item) > LONGEST_ITEM for item in meeting.agenda):
        return refused("meeting.long_item", field="agenda", most=LONGEST_ITEM)
    if not SHORTEST <= meeting.length <= LONGEST:
        return refused("meeting.bad_length", field="length")
    if meeting.begins_at <= now:
        return refused("meeting.in_the_past", field="date", begins=meeting.begins_at)
    if meeting.begins_at > now + LATEST_AHEAD:
        return refused("schedule.too_far", field="date")
    return None


def _unknown(meeting: Meeting, people: Collection[MemberId]) -> Refusal | None:
    """Refuse to have somebody at a meeting who does not stand where it is held."""
    for field in ("chair", "recorder"):
        one = getattr(meeting, field)
        if one is not None and one not in people:
            return refused("meeting.not_from_here", field=field)
    for field in ("named", "guests"):
        if not set(getattr(meeting, field)) <= set(people):
            return refused("meeting.not_from_here", field=field)
    return None


def open_notice(
    meeting: Meeting,
    occurrence: Occurrence,
    *,
    seats: Sequence[Seat],
    stages: Sequence[Stage],
    users: Mapping[MemberId, UserId],
    shown: Shown,
    parts: int,
    now: datetime,
    free_at: datetime | None = None,
) -> Decision | None:
    """Send the notice of a meeting that is due; whom no room tells of it is told in private, and stands on the roll.

    ``users`` are the accounts of those who have one.
    """
    until = meeting.answers_until - max(now, occurrence.due_at)
    timed = replace(occurrence, window=max(until, SHORTEST))
    quietly = not stages and occurrence.approved
    held_back = free_at is not None and free_at > now and not occurrence.urgent
    if not quietly or held_back or now - occurrence.due_at > occurrence.late or now < occurrence.due_at:
        posted = open_occurrence(
            timed,
            seats=seats,
            stages=stages,
            parts=parts,
            now=now,
            free_at=free_at,
            begins_at=meeting.begins_at,
            timezone=meeting.timezone,
        )
        return _told_too(posted, private_notice(meeting, shown), users)
    if occurrence.state is not Notice.PLANNED:
        return None
    opened = OccurrenceOpened(
        occurrence=occurrence.id,
        at=now,
        closes_at=now + timed.window,
        seats=tuple(seats),
        unreached=(),
        cards=(),
        begins_at=meeting.begins_at,
        on=meeting.day,
    )
    return Decision(facts=(opened,), effects=_told(seats, private_notice(meeting, shown), users))


def _told_too(posted: Decision | None, said: Words, users: Mapping[MemberId, UserId]) -> Decision | None:
    """Let those in a branch without a room be asked as well: at a meeting they are due like everyone."""
    opened = next((fact for fact in posted.facts if isinstance(fact, OccurrenceOpened)), None) if posted else None
    if posted is None or opened is None or not opened.unreached:
        return posted
    asked = replace(opened, seats=(*opened.seats, *opened.unreached), unreached=())
    facts = tuple(asked if fact is opened else fact for fact in posted.facts)
    return Decision(facts=facts, effects=(*posted.effects, *_told(opened.unreached, said, users)))


def _told(seats: Sequence[Seat], said: Words, users: Mapping[MemberId, UserId]) -> tuple[Effect, ...]:
    return tuple(Tell(user=users[seat.member], words=said, unasked=True) for seat in seats if seat.member in users)


def private_notice(meeting: Meeting, shown: Shown) -> Words:
    """Return a notice as one person is told it."""
    lines = (words(f"meeting.title_{meeting.form}", title=meeting.title), *lines_of(shown))
    return words("meeting.private", lines=lines, agenda=agenda_of(meeting))


def agenda_of(meeting: Meeting) -> tuple[Words, ...]:
    """Return the agenda as lines, none where there is none."""
    items = (words("meeting.item", number=number, text=text) for number, text in enumerate(meeting.agenda, start=1))
    return (words("meeting.agenda"), *items) if meeting.agenda else ()


def paste(meeting: Meeting, shown: Shown, organisation: str) -> Words:
    """Return a notice as plain text for another chat tool, where no card takes answers."""
    head = (words(f"meeting.title_{meeting.form}", title=meeting.title), *lines_of(shown), *agenda_of(meeting))
    foot = () if meeting.state is State.CANCELLED else (words("meeting.ask_elsewhere"), words("meeting.no_vote_here"))
    return words("meeting.paste", lines=(*head, *foot), organisation=organisation)


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
    now: datetime,
    plainly: str,
) -> Decision | Refusal:
    """Change a meeting that has not begun: its card follows, and who had answered is told.

    Outside of the ``carded`` branches everyone is told: who is asked to it now, as ``shown``, and who, of those
    ``seated``, no more.

    ``sent`` is its notice as it stands in its rooms, ``None`` before it went out at ``notice_at``; ``revision`` is that
    of the text it was sent with, ``plainly`` as it is when it is called.
    """
    if before.state is not State.PLANNED:
        return refused("meeting.not_planned")
    trouble = _trouble(after, now) or _unknown(after, people)
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
        return Decision(facts=(changed, revised))
    corrected = amendments.correct([sent], lesson, reason=after.why, now=now)
    if isinstance(corrected, Refusal):
        return corrected
    said = words("meeting.changed", title=after.title, at=after.begins_at, place=(_place(after),))
    told = dict.fromkeys(answered, said)
    apart, was = ({seat.member: seat for seat in each if seat.branch not in carded} for each in (due, seated))
    known, wanted = {seat.member for seat in seated}, {seat.member for seat in due}
    joined = tuple(seat for member, seat in apart.items() if member not in known)
    changed = replace(changed, joined=joined, gone=tuple(sorted(was.keys() - wanted)))
    asks = words("meeting.changed_asks", title=after.title, at=after.begins_at, place=(_place(after),))
    told = {users[one]: asks for one in sorted(apart) if one in users} | told
    told |= {users[seat.member]: private_notice(after, shown) for seat in joined if seat.member in users}
    spared = words("meeting.not_due", title=before.title, at=before.begins_at)
    told |= {users[one]: spared for one in changed.gone if one in users}
    effects = (Tell(user=user, words=said, unasked=True) for user, said in told.items())
    return Decision(facts=(changed, revised, *corrected.facts), effects=(*corrected.effects, *effects))


def _place(meeting: Meeting) -> Words:
    return words("meeting.where", place=meeting.place) if meeting.place else words("meeting.no_place")


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


def begin(
    meeting: Meeting,
    *,
    due: Sequence[Seat],
    seated: Collection[MemberId],
    register: tuple[Elector, ...],
    cards: Sequence[CardId],
    now: datetime,
) -> Decision | None:
    """Let a meeting begin whose time has come: the register is fixed, and its card asks who is there.

    ``due`` are those who are due by the roster of this moment, ``seated`` those whom the notice has asked.
    """
    if meeting.state is not State.PLANNED or now < meeting.begins_at:
        return None
    are_due = {seat.member for seat in due}
    held = MeetingHeld(
        occurrence=meeting.id,
        at=now,
        register=tuple(one for one in register if one.member in are_due),
        joined=tuple(seat for seat in due if seat.member not in seated),
        gone=tuple(sorted(set(seated) - are_due)),
    )
    effects: tuple[Effect, ...] = tuple(Refresh(card=card) for card in cards)
    return Decision(facts=(held,), effects=effects)


def remind_at(meeting: Meeting, opened_at: datetime | None) -> datetime | None:
    """Return when those who have not answered are reminded; ``None`` where the notice itself came shortly before."""
    at = meeting.begins_at - REMIND_BEFORE
    asks = meeting.reminds and meeting.state is State.PLANNED and meeting.reminded_at is None
    return at if asks and opened_at is not None and opened_at < at - REMIND_BEFORE / 2 else None


def remind(
    meeting: Meeting, waiting: Sequence[UserId], *, opened_at: datetime | None, now: datetime
) -> Decision | None:
    """Remind, once and in private, those who have said neither that they come nor that they cannot."""
    at = remind_at(meeting, opened_at)
    if at is None or not at <= now < meeting.begins_at:
        return None
    said = words("meeting.reminder", title=meeting.title, at=meeting.begins_at, place=(_place(meeting),))
    told = [Tell(user=one, words=said, quiet=True, unasked=True) for one in waiting]
    return Decision(facts=(MeetingReminded(occurrence=meeting.id, at=now),), effects=tuple(told))


def instant_of(day: str, at: str, timezone: str, *, field: str) -> datetime | Refusal:
    """Return the instant that a form's date and time mean."""
    try:
        return instant(date.fromisoformat(day), time.fromisoformat(at).replace(tzinfo=None), timezone)
    except (ValueError, OverflowError):
        return refused("meeting.bad_time", field=field)


class Mark(StrEnum):
    """What the recorder calls somebody when the roll is called; ``SILENT`` is 未回, which is not absent."""

    PRESENT = "present"
    ONLINE = "online"
    LATE = "late"
    LEAVE = "leave"
    ABSENT = "absent"
    MADE_UP = "made_up"
    SILENT = "silent"


_MEANS: Mapping[Mark, tuple[Answer, Note | None]] = {
    Mark.PRESENT: (Answer.DONE, None),
    Mark.ONLINE: (Answer.DONE, Note.ONLINE),
    Mark.LATE: (Answer.DONE, Note.LATE),
    Mark.LEAVE: (Answer.EXCUSED, None),
    Mark.ABSENT: (Answer.ABSENT, None),
    Mark.MADE_UP: (Answer.MADE_UP, None),
}


class MeetingClosed(Fact, frozen=True, kw_only=True):
    """The recorder has closed the roll of a meeting: it stands, and single places are put right one by one."""

    occurrence: OccurrenceId
    at: datetime
    by: UserId


def mark_for(note: str | None) -> Mark:
    """Return what somebody is called who comes as they said they would."""
    return {Note.ONLINE: Mark.ONLINE, Note.LATE: Mark.LATE}.get(Note(note), Mark.PRESENT) if note else Mark.SILENT


def mark_of(state: Answer, note: str | None) -> Mark:
    """Return what the recorder would call somebody who stands so on the roll."""
    for mark, (means, noted) in _MEANS.items():
        if state is means and (noted is None or note == noted) and not (mark is Mark.PRESENT and note in _NOTED):
            return mark
    return Mark.MADE_UP if state is Answer.LATE else Mark.SILENT


_NOTED = (Note.ONLINE, Note.LATE)


def call_roll(
    meeting: Meeting,
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    shown: Mapping[MemberId, Mark] = MappingProxyType({}),
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Set by hand how people stand on the roll of a meeting that has begun; ``how`` says by what that is known.

    ``shown`` is how they stood where that was chosen: what is as it was shown is no choice.
    """
    if meeting.state is State.CLOSED:
        return refused("meeting.roll_is_closed")
    if meeting.state is not State.HELD:
        return refused("meeting.not_held")
    marks = meant(marks, shown)
    overtaken = _overtaken(places, marks, shown)
    if overtaken is not None:
        return overtaken
    called = _called(places, marks, how=how, by=by, cause=cause, now=now)
    return called if called.facts else refused("meeting.nothing_marked")


def close(
    meeting: Meeting,
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    shown: Mapping[MemberId, Mark] = MappingProxyType({}),
    cards: Sequence[CardId],
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Close the roll with what the recorder decides of those who are still open; whom they leave so stays 未回."""
    if meeting.state is not State.HELD:
        return refused("meeting.roll_is_closed" if meeting.state is State.CLOSED else "meeting.not_held")
    marks = meant(marks, shown)
    overtaken = _overtaken(places, marks, shown)
    if overtaken is not None:
        return overtaken
    called = _called(places, marks, how=how, by=by, cause=cause, now=now)
    facts: tuple[Fact, ...] = (*called.facts, MeetingClosed(occurrence=meeting.id, at=now, by=by))
    if any(one.occurrence.state is Notice.OPEN for one in places):
        facts = (*facts, OccurrenceClosed(occurrence=meeting.id, at=now))
    told = tuple(effect for effect in called.effects if isinstance(effect, Tell))
    return Decision(facts=facts, effects=(*(Refresh(card=card) for card in cards), *told))


def meant(marks: Mapping[MemberId, Mark], shown: Mapping[MemberId, Mark]) -> Mapping[MemberId, Mark]:
    """Return what was chosen of what a form of the roll says: all that is not as it was shown."""
    return {member: mark for member, mark in marks.items() if mark is not shown.get(member)}


def _overtaken(
    places: Sequence[Expectation], marks: Mapping[MemberId, Mark], shown: Mapping[MemberId, Mark]
) -> Refusal | None:
    """Refuse to put over what was answered, or written by somebody else, since the roll was shown."""
    names = []
    for one in places:
        wanted, was = marks.get(one.member), shown.get(one.member)
        if wanted is not None and was is not None and mark_of(one.state, one.note) not in (was, wanted):
            names.append(one.name)
    return refused("meeting.roll_has_moved", names="、".join(names)) if names else None


def _called(
    places: Sequence[Expectation],
    marks: Mapping[MemberId, Mark],
    *,
    how: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision:
    facts: list[Fact] = []
    told: list[Effect] = []
    for one in places:
        mark = marks.get(one.member)
        if mark is None or one.state is Answer.NOT_OFFERED or mark is mark_of(one.state, one.note):
            continue
        open_still = one.occurrence.state is Notice.OPEN
        after, note = _MEANS.get(mark, (Answer.OPEN if open_still else Answer.UNANSWERED, None))
        fact = Answered(
            occurrence=one.occurrence.id,
            member=one.member,
            before=one.state,
            after=after,
            at=now,
            cause=cause,
            note=note,
            recorded_by=by,
            explanation=how,
        )
        facts.append(fact)
        if after is Answer.ABSENT and one.user:
            told.append(Tell(user=one.user, words=words("meeting.told_absent", title=one.title), unasked=True))
    changed = dict.fromkeys(one.card for one in places if one.card is not None) if facts else {}
    return Decision(facts=tuple(facts), effects=(*(Refresh(card=card) for card in changed), *told))
