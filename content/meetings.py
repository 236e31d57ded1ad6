"""A meeting: what form it has, who is due at it, how it is called, and that it begins by the clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from content import meeting_sessions
from content.ballots import Elector
from content.decision import Decision, Effect, Fact, Refresh, Refusal, Tell, Words, refused, words
from content.identifiers import (
    CardId,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    ScheduleId,
    UserId,
    derive,
)
from content.lectures import Session
from content.lessons import LONGEST_TITLE, Kind, Lesson, LessonWritten
from content.members import Member
from content.notices import CIRCLES, Circle, Form, State, sessions_of
from content.occurrences import OccurrenceOpened, OccurrenceRevived, Seat
from content.occurrences import State as Notice
from content.recurrences import Recurrence
from content.reviews import Stage as Reviewed
from content.rooms import Purpose
from content.schedules import LATEST_AHEAD, LessonsScheduled, Schedule, instant, schedule_lessons

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

    ``named`` are due where nobody is by the form, ``guests`` sit in (列席) and are not due; who of them ``came`` is
    known once somebody has marked it. ``why`` is said of the last change, or of calling it off; ``moved_at`` is when it
    was last given another time. ``further`` are its sessions after the first, for who works in shifts: they are one
    meeting with one roll. From ``code_seed`` are made the codes shown at the venue, where that is asked for.
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
    further: tuple[Session, ...] = ()
    chair: MemberId | None = None
    recorder: MemberId | None = None
    named: tuple[MemberId, ...] = ()
    guests: tuple[MemberId, ...] = ()
    came: tuple[MemberId, ...] = ()
    reminds: bool = True
    state: State = State.PLANNED
    why: str = ""
    reminded_at: datetime | None = None
    moved_at: datetime | None = None
    code_seed: str | None = None
    held_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def circle(self) -> Circle:
        """Return who is due."""
        return CIRCLES.get(self.form, Circle.MEMBERS)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Return all times at which it is held, in their order."""
        return (Session(begins=self.begins_at, place=self.place), *self.further)

    @property
    def ends_at(self) -> datetime:
        """Return when it is expected to end, with its last session."""
        return self.sessions[-1].begins + self.length

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
    urgent: str = "",
    free_at: datetime | None = None,
) -> Decision | Refusal:
    """Call a meeting: keep it, and plan its notice; ``people`` are those who may be named for it.

    Quiet hours hold the notice until ``free_at``, unless it is ``urgent``, for a reason that is kept.

    The identifier that it is given is that of the occurrence which its rule yields. ``plainly`` is what its form is
    called, which is all that is read of an inner one elsewhere than in its notice and on its page.
    """
    trouble = trouble_with(meeting, now) or unknown_at(meeting, people)
    if trouble is not None:
        return trouble
    if not due:
        return refused(f"meeting.nobody_{meeting.circle}", field="named")
    if notice_at > meeting.begins_at:
        return refused("meeting.notice_after", field="notice_date")
    if free_at is not None and not urgent and (late := refuse_held_past(meeting.begins_at, until=free_at)):
        return late
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
        urgent=urgent,
    )
    planned = schedule_lessons(rule, author=author, now=now, review=review)
    if isinstance(planned, Refusal):
        return planned if planned.field == "urgent" else replace(planned, field="notice_date")
    (scheduled,) = planned.facts
    assert isinstance(scheduled, LessonsScheduled)
    called = replace(meeting, id=scheduled.planned[0].id)
    written = LessonWritten(lesson=lesson_of(called, plainly), author=author)
    return Decision(facts=(written, scheduled, MeetingCalled(meeting=called)))


def refuse_held_past(begins: datetime, *, until: datetime, field: str | None = "notice_date") -> Refusal | None:
    """Refuse a notice that quiet hours would hold until its meeting has begun."""
    return refused("meeting.held_past", field=field, until=until, begins=begins) if until >= begins else None


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


def trouble_with(meeting: Meeting, now: datetime) -> Refusal | None:
    """Refuse what a meeting that is still to come cannot be."""
    return next(troubles_with(meeting, now), None)


def troubles_with(meeting: Meeting, now: datetime) -> Iterator[Refusal]:
    """Yield all that a meeting that is still to come cannot be, in the order of a form."""
    if not meeting.title:
        yield refused("meeting.no_title", field="title")
    if len(meeting.title) > LONGEST_TITLE:
        yield refused("meeting.long", field="title", most=LONGEST_TITLE)
    if len(meeting.place) > LONGEST_PLACE:
        yield refused("meeting.long", field="place", most=LONGEST_PLACE)
    if len(meeting.agenda) > MOST_ITEMS:
        yield refused("meeting.many_items", field="agenda", most=MOST_ITEMS)
    if any(len(item) > LONGEST_ITEM for item in meeting.agenda):
        yield refused("meeting.long_item", field="agenda", most=LONGEST_ITEM)
    if not SHORTEST <= meeting.length <= LONGEST:
        yield refused("meeting.bad_length", field="length")
    if meeting.begins_at <= now:
        yield refused("meeting.in_the_past", field="date", begins=meeting.begins_at)
    if meeting.begins_at > now + LATEST_AHEAD:
        yield refused("schedule.too_far", field="date")
        # Nothing is reckoned from there: what lies at the end of time has no day after it.
        return
    apart = meeting_sessions.trouble_with(meeting.form, meeting.sessions, meeting.length)
    if apart is not None:
        yield apart


def unknown_at(meeting: Meeting, people: Collection[MemberId]) -> Refusal | None:
    """Refuse to have somebody at a meeting who does not stand where it is held."""
    for field in ("chair", "recorder"):
        one = getattr(meeting, field)
        if one is not None and one not in people:
            return refused("meeting.not_from_here", field=field)
    for field in ("named", "guests"):
        if not set(getattr(meeting, field)) <= set(people):
            return refused("meeting.not_from_here", field=field)
    return None


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


def begin_unannounced(
    meeting: Meeting, notice: Notice, *, due: Sequence[Seat], register: tuple[Elector, ...], now: datetime
) -> Decision | Refusal:
    """Let a meeting have begun whose notice went nowhere, because somebody says that it is held all the same.

    By itself it never does: of what nobody was told nobody is missing. From then on it has a roll like any other.
    """
    if meeting.state is not State.PLANNED:
        return refused("meeting.not_planned")
    if notice in (Notice.PLANNED, Notice.OPEN, Notice.CLOSED):
        return refused("meeting.has_notice")
    if now < meeting.begins_at:
        return refused("meeting.not_held")
    if not due:
        return refused(f"meeting.nobody_{meeting.circle}")
    opened = OccurrenceOpened(
        occurrence=meeting.id,
        at=now,
        closes_at=max(meeting.answers_until, now + SHORTEST),
        seats=tuple(due),
        unreached=(),
        cards=(),
        begins_at=meeting.begins_at,
        on=meeting.day,
    )
    begun = begin(meeting, due=due, seated=[seat.member for seat in due], register=register, cards=(), now=now)
    assert begun is not None
    return Decision(facts=(OccurrenceRevived(occurrence=meeting.id, at=now), opened, *begun.facts))


def place_of(meeting: Meeting) -> Words:
    """Say where a meeting is, or that this is still to be told."""
    return words("meeting.where", place=meeting.place) if meeting.place else words("meeting.no_place")


def remind_at(meeting: Meeting, opened_at: datetime | None) -> datetime | None:
    """Return when those who have not answered are reminded; ``None`` where the notice itself came shortly before.

    Of several sessions that is before the first of which the notice did not come shortly before: once for all of them.
    """
    running = (State.PLANNED, State.HELD) if meeting.further else (State.PLANNED,)
    if not meeting.reminds or meeting.state not in running or meeting.reminded_at is not None or opened_at is None:
        return None
    before = (one.begins - REMIND_BEFORE for one in meeting.sessions)
    return next((at for at in before if opened_at < at - REMIND_BEFORE / 2), None)


def remind(
    meeting: Meeting, waiting: Sequence[UserId], *, opened_at: datetime | None, now: datetime
) -> Decision | None:
    """Remind, once and in private, those who have said neither that they come nor that they cannot."""
    at = remind_at(meeting, opened_at)
    if at is None or not at <= now < meeting.sessions[-1].begins:
        return None
    if meeting.further:
        said = words("meeting.reminder_sessions", title=meeting.title, sessions=sessions_of(meeting.sessions))
    else:
        said = words("meeting.reminder", title=meeting.title, at=meeting.begins_at, place=(place_of(meeting),))
    told = [Tell(user=one, words=said, quiet=True, unasked=True) for one in waiting]
    return Decision(facts=(MeetingReminded(occurrence=meeting.id, at=now),), effects=tuple(told))


def instant_of(day: str, at: str, timezone: str, *, field: str) -> datetime | Refusal:
    """Return the instant that a form's date and time mean."""
    try:
        return instant(date.fromisoformat(day), time.fromisoformat(at).replace(tzinfo=None), timezone)
    except (ValueError, OverflowError):
        return refused("meeting.bad_time", field=field)
