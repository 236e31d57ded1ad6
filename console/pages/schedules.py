"""Scheduling lessons: now, at a time, or by a rule; the dates are shown before anything is planned."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import MOST_OFFERED, here, requires
from console.addresses import link
from console.answering import Answer, add_troubles, first_by_field, free_day, see
from console.desk import ask, cause, desk, is_done, now, settle
from console.in_sessions import FURTHER, further_sessions, heard_by, sessions_written
from console.people import open_nodes
from console.quiet_hours import holding, refuse_untold, told_of
from content.burden import Near, Offer, near, refuse_too_much
from content.decision import Decision, Refusal, refused
from content.identifiers import LessonId, OrganisationId, ScheduleId, UserId, derive
from content.lectures import Lecture, begins
from content.lessons import Kind, Lesson, LessonRevised, LessonWritten
from content.media import refuse_larger
from content.organisations import Organisation, Right
from content.recurrences import OffDays, Recurrence
from content.reviews import Review, Stage, told
from content.schedules import (
    BY_WEEKDAY,
    FIRST_DAY,
    LONGEST_REASON,
    LessonsScheduled,
    Planned,
    Schedule,
    foreseen,
    instant,
    late_of,
    refuse_held_past,
    refuse_twice,
    refuse_unannounced,
    schedule_lessons,
    unmeant,
)
from content.settings import BY_KIND, LATE, SECOND_PAIR, UNTIL_DAY_ENDS, WINDOW, YES
from content.workdays import WorkCalendar
from storage import burden, lessons, media, meetings, members, quiet, reviews, rooms, series, settings, shifts, workdays
from storage import schedules as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("schedules", __name__)

WINDOWS = (30, 120, 720, 1_440, 4_320, 10_080)
LATENESS = (10, 120, 720, 1_440, 4_320)
"""Minutes that the form offers; content alone says what may be meant."""

_MINUTE = timedelta(minutes=1)

SHOWN_DATES, SHOWN_OF_DRIP = 3, 12

MOST_TYPED = 900
"""Signs of the days of a drip that are kept: more than those of the longest take."""

SINGLE = ("now", "at")
RECURRING = tuple(str(one) for one in Recurrence if one is not Recurrence.ONCE)


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    lessons: tuple[str, ...]
    audience: str
    when: str = "at"
    date: str = ""
    time: str = ""
    weekdays: tuple[str, ...] = ()
    count: str = "4"
    endless: bool = False
    every: str = "1"
    nth: str = "1"
    from_end: bool = False
    off_days: str = "keep"
    on_days: str = ""
    """Of a drip, on which days after it begins it comes; the first day is 1."""
    window: str = "1440"
    late: str = BY_KIND
    urgent: str = ""
    sessions: tuple[tuple[str, str], ...] = ()
    """Of each further session how many days after the first, and at which time; without a time there is none."""


@pages.route("/schedule", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def plan() -> Answer:
    """Plan lessons for a part of the tree."""
    places = open_nodes(here().within(Right.SCHEDULE))
    if not places:
        abort(404)
    library = _library()
    if request.method == "GET":
        return _form(_fresh(places, library), places, library)
    fields = _fields()
    if not any(node.id == fields.audience for node in places):
        abort(404)
    if request.form.get("intent") == "open":
        return _form(fields, places, library)
    known = ask(workdays.calendar)
    at, troubles = _schedule(fields, places, library, known)
    if troubles or at is None:
        return _form(fields, places, library, troubles)
    again, is_look = bool(request.form.get("again")), request.form.get("intent") == "look"
    planned = foreseen(at, now(), known)
    if is_look or not is_done():
        told = None if is_look else request.form.get("told", "")
        hindered, close = ask(lambda unit: _hindered(unit, at, planned, library, again=again, told=told))
        if is_look or hindered:
            return _form(fields, places, library, hindered, planned=planned, close=close)
    rule = replace(at, id=ScheduleId(derive(cause(), "schedule")))
    user, draft, origin = here().user, request.form.get("intent") == "draft", desk().settings.origin
    drafted = link("series.show_one", id=rule.id)

    async def decide(unit: Reading) -> Decided:
        return await accepted(unit, rule, library, author=user, origin=origin, again=again, draft=draft)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, places, library, [outcome.refusal])
    if draft and not outcome.repeated:
        return see(drafted, "drafted")
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    if any(isinstance(fact, LessonsScheduled) and fact.review is Stage.WAITING for fact in facts):
        return see(drafted, "review_asked")
    done = "repeated" if outcome.repeated else "going_out" if fields.when == "now" else "scheduled"
    return see(link("calendar.show"), done)


async def accepted(
    unit: Reading,
    rule: Schedule,
    library: tuple[Lesson, ...],
    *,
    author: UserId,
    origin: str,
    again: bool = False,
    draft: bool = False,
) -> Decision | Refusal:
    """Accept a rule for lessons of the library, unless it is too much for the homeserver, a room or the calendar."""
    chosen = [medium for lesson in library if lesson.id in rule.lessons for medium in lesson.media]
    limit = await media.upload_limit(unit)
    too_large = refuse_larger(await media.weighed(unit, chosen), limit=limit, field="lessons")
    known = await workdays.calendar(unit)
    stage = await stage_of(unit, rule.audience, draft=draft)
    answer = too_large or schedule_lessons(rule, author=author, now=unit.now, known=known, review=stage)
    if isinstance(answer, Refusal):
        return answer
    planned = foreseen(rule, unit.now, known)
    there = () if again else await stored.going_out(unit, rule.audience, rule.lessons)
    refusal = refuse_twice(planned, there) or await _too_much(unit, rule, planned, library)
    return refusal or await told_reviewers(unit, answer, author, origin)


async def stage_of(unit: Reading, audience: OrganisationId, *, draft: bool) -> Stage:
    """Return how far what is planned is from going out: where the organisation wants it, somebody else looks first."""
    if draft:
        return Stage.DRAFT
    wants = await settings.value_of(unit, audience, SECOND_PAIR) == YES
    return Stage.WAITING if wants else Stage.APPROVED


async def told_reviewers(unit: Reading, answer: Decision, user: UserId, origin: str) -> Decision:
    """Tell those who may approve what was planned, where it waits for that."""
    planned = next((fact for fact in answer.facts if isinstance(fact, LessonsScheduled)), None)
    if planned is None or planned.review is not Stage.WAITING:
        return answer
    rule = planned.schedule
    titles = [fact.lesson.title for fact in answer.facts if isinstance(fact, LessonWritten)]
    titles += [lesson.title for one in rule.lessons if (lesson := await lessons.lesson(unit, one)) is not None]
    asked = Review(
        schedule=rule.id,
        organisation=rule.audience,
        author=user,
        stage=planned.review,
        title="、".join(dict.fromkeys(titles)),
        lessons={},
        approved={},
    )
    readers = await reviews.reviewers(unit, rule.audience)
    return replace(answer, effects=(*answer.effects, *told(asked, readers, by=user, console=origin)))


async def told_anew(unit: Reading, answer: Decision, id: ScheduleId, user: UserId, origin: str) -> Decision:  # noqa: A002
    """Tell those who may approve where the text of what was approved is another, so that it waits again."""
    one = await reviews.review(unit, id)
    revised = any(isinstance(fact, LessonRevised) for fact in answer.facts)
    if one is None or not revised or not one.approved or not one.holds:
        return answer
    readers = await reviews.reviewers(unit, one.organisation)
    return replace(answer, effects=(*answer.effects, *told(one, readers, by=user, console=origin)))


async def _hindered(
    unit: Reading,
    rule: Schedule,
    planned: tuple[Planned, ...],
    library: tuple[Lesson, ...],
    *,
    again: bool,
    told: str | None,
) -> tuple[list[Refusal], Near | None]:
    """Return all that stands in the way of a rule that can be meant, or where it comes near to a cap.

    ``told`` is the mark of what the writer knows of quiet hours; ``None`` for who looks, and sees it beside each date.
    """
    there = () if again else await stored.going_out(unit, rule.audience, rule.lessons)
    too_much, close = await _weighed(unit, rule, planned, library)
    held = await holding(unit, rule.audience, [one.due_at for one in planned], urgent=rule.urgent)
    # What would come too late is not to be meant so by a second press.
    is_late = too_much is not None and too_much.field == "urgent"
    waits = None if told is None or is_late else refuse_untold(held, told, field="time")
    return [one for one in (refuse_twice(planned, there), too_much, waits) if one is not None], close


async def _too_much(
    unit: Reading, rule: Schedule, planned: tuple[Planned, ...], library: tuple[Lesson, ...]
) -> Refusal | None:
    """Refuse what would ask more of a room than its organisation wants."""
    refusal, _ = await _weighed(unit, rule, planned, library)
    return refusal


async def _weighed(
    unit: Reading, rule: Schedule, planned: tuple[Planned, ...], library: tuple[Lesson, ...]
) -> tuple[Refusal | None, Near | None]:
    """Return why it would be too much for a room, or where it comes near to that."""
    minutes = {lesson.id: lesson.minutes for lesson in library}
    hush = await quiet.hush(unit, rule.audience, urgent=bool(rule.urgent))
    asked = [one.asking(minutes[one.lesson], hush) for one in sorted(planned, key=lambda one: one.due_at)]
    since, until = min(one.on for one in asked), max(one.on for one in asked)
    rooms = await burden.rooms(unit, rule.audience, since=since, until=until)
    lecture = next((one.lecture for one in library if one.id == planned[0].lesson), None)
    first = planned[0].due_at
    offer = Offer(hush=hush, at=first, begins=begins(lecture) if lecture is not None else None)
    refusal = refuse_too_much(rooms, asked, offer=offer)
    if refusal is None and lecture is not None and not rule.urgent:
        refusal = refuse_held_past(lecture, until=hush.free(first), field="urgent")
    return refusal, None if refusal is not None else near(rooms, asked)


async def held_past(
    unit: Reading, audience: OrganisationId, lecture: Lecture, due_at: datetime, *, field: str | None
) -> Refusal | None:
    """Refuse what quiet hours would keep from its room until the lecture that it announces has begun."""
    return refuse_held_past(lecture, until=await quiet.free_for(unit, audience, due_at), field=field)


def _library() -> tuple[Lesson, ...]:
    roots = here().roots

    async def look(unit: Reading) -> tuple[Lesson, ...]:
        return await meetings.without_notices(unit, await lessons.library(unit, roots))

    return ask(look)


def _fresh(places: tuple[Organisation, ...], library: tuple[Lesson, ...]) -> Fields:
    """Propose the next full hour for the first place that is not quiet there.

    A lesson named in the address is chosen already.
    """
    zone = ZoneInfo(places[0].timezone)
    hour = now().astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wanted, place = request.args.get("lesson", ""), places[0].id
    soon = ask(lambda unit: quiet.free_for(unit, place, hour)).astimezone(zone)
    like, roots = ScheduleId(request.args.get("like", "")), here().roots
    if like and (known := ask(lambda unit: series.series(unit, like, roots))) is not None:
        return _like(known.schedule, place, soon.date(), library)
    window, late = ask(lambda unit: _usual(unit, place))
    return Fields(
        lessons=tuple(lesson.id for lesson in library if lesson.id == wanted),
        audience=places[0].id,
        date=soon.date().isoformat(),
        time=f"{soon:%H:%M}",
        weekdays=(str(soon.weekday()),),
        window=window,
        late=late,
    )


def _like(rule: Schedule, place: OrganisationId, start: date, library: tuple[Lesson, ...]) -> Fields:
    """Propose a rule like another one, for a place and with a start of its own."""
    first = datetime.combine(start, rule.at)
    further = [first + length for length in rule.sessions]
    return Fields(
        lessons=tuple(lesson.id for lesson in library if lesson.id in rule.lessons),
        audience=place,
        when="at" if rule.recurrence is Recurrence.ONCE else rule.recurrence,
        date=start.isoformat(),
        time=f"{rule.at:%H:%M}",
        weekdays=tuple(str(day) for day in sorted(rule.weekdays)),
        count=str(rule.count or 4),
        endless=not rule.count,
        every=str(rule.every),
        nth=str(abs(rule.nth)),
        from_end=rule.nth < 0,
        off_days=rule.off_days,
        on_days="、".join(map(str, rule.on_days)),
        window=str(rule.window // _MINUTE),
        late=UNTIL_DAY_ENDS if rule.late is None else str(rule.late // _MINUTE),
        sessions=tuple((str((one.date() - start).days), f"{one:%H:%M}") for one in further),
    )


async def _usual(unit: Reading, place: OrganisationId) -> tuple[str, str]:
    """Return what the place has set for windows and lateness, or takes from above."""
    return await settings.value_of(unit, place, WINDOW), await settings.value_of(unit, place, LATE)


def _fields() -> Fields:
    form, free = request.form, request.form.get("free_day", "").strip()
    return Fields(
        lessons=tuple(form.getlist("lessons"))[:200],
        audience=form.get("audience", ""),
        when="at" if free else form.get("when", "at"),
        date=free or form.get("date", "").strip(),
        time=form.get("time", "").strip(),
        weekdays=tuple(form.getlist("weekdays"))[:7],
        count=form.get("count", "1").strip(),
        endless="endless" in form,
        every=form.get("every", "1").strip(),
        nth=form.get("nth", "1").strip(),
        from_end="from_end" in form,
        off_days=form.get("off_days", "keep"),
        on_days=form.get("on_days", "").strip()[:MOST_TYPED],
        urgent=" ".join(form.get("urgent", "").split())[: LONGEST_REASON + 1],
        window=form.get("window", "").strip(),
        late=form.get("late", "").strip(),
        sessions=sessions_written(),
    )


def _schedule(
    fields: Fields, places: tuple[Organisation, ...], library: tuple[Lesson, ...], known: WorkCalendar
) -> tuple[Schedule | None, list[Refusal]]:
    """Turn the fields into a rule, and check it as the rule's own refusals would."""
    place = next(node for node in places if node.id == fields.audience)
    troubles: list[Refusal] = []
    start, at = _start(fields, ZoneInfo(place.timezone), troubles)
    window = minutes_of(fields.window, "window", troubles)
    chosen = [lesson for lesson in library if lesson.id in fields.lessons]
    late = late_from(fields.late, [lesson.kind for lesson in chosen], troubles)
    sessions = further_sessions(fields.sessions, at, troubles)
    if fields.when not in (*SINGLE, *RECURRING) or fields.off_days not in frozenset(OffDays):
        abort(400)
    # What is no day or no time is named already; with another in its place the rest is looked at too.
    is_time, today = start is not None and at is not None, now().astimezone(ZoneInfo(place.timezone))
    start, at = start or today.date(), at or today.time()
    written = {lesson.id for lesson in library}
    kind = Recurrence.ONCE if fields.when in SINGLE else Recurrence(fields.when)
    on_days = _on_days(fields.on_days) if kind is Recurrence.DRIP else ()
    weekdays = frozenset(int(day) for day in fields.weekdays if re.fullmatch("[0-6]", day))
    rule = Schedule(
        id=ScheduleId("preview"),
        owner=place.id,
        audience=OrganisationId(place.id),
        lessons=tuple(LessonId(wanted) for wanted in fields.lessons if wanted in written),
        recurrence=kind,
        start=start,
        at=at,
        timezone=place.timezone,
        window=window,
        late=late,
        weekdays=weekdays if kind in BY_WEEKDAY else frozenset(),
        count=_count(fields, kind, on_days),
        every=1 if kind in (Recurrence.ONCE, Recurrence.DRIP) else _number(fields.every),
        nth=_number(fields.nth) * (-1 if fields.from_end else 1),
        off_days=OffDays(fields.off_days),
        urgent=fields.urgent,
        sessions=sessions,
        on_days=on_days,
    )
    add_troubles(troubles, unmeant(rule, now()))
    if troubles and is_time and kind is Recurrence.ONCE and start <= today.date():
        due = instant(start, at, place.timezone)
        # What alone is wrong is said by the rule itself below.
        past = [refused("schedule.in_the_past", field="date", due=due)] if due < now() - _MINUTE else []
        add_troubles(troubles, past)
    if troubles or not is_time:
        return None, troubles
    answer = schedule_lessons(rule, author=here().user, now=now(), known=known)
    refusal = answer if isinstance(answer, Refusal) else refuse_unannounced(rule, chosen, foreseen(rule, now(), known))
    return rule, [refusal] if refusal is not None else []


def _count(fields: Fields, kind: Recurrence, on_days: tuple[int, ...]) -> int:
    """Return how many dates a rule is to yield: of a drip one for each of its days."""
    match kind:
        case Recurrence.ONCE:
            return 1
        case Recurrence.DRIP:
            return len(on_days)
    return 0 if fields.endless else _number(fields.count) or -1


def _on_days(written: str) -> tuple[int, ...]:
    """Read the days of a drip in whatever form they are typed; empty where one of them is no number."""
    found = [one for one in re.split(r"[\s,，、;；.．第天日]+", unicodedata.normalize("NFKC", written)) if one]
    return tuple(int(one) for one in found) if all(re.fullmatch("[0-9]{1,4}", one) for one in found) else ()


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"[0-9]{1,6}", written) else 0


def _start(fields: Fields, zone: ZoneInfo, troubles: list[Refusal]) -> tuple[date | None, time | None]:
    if fields.when == "now":
        local: datetime = now().astimezone(zone)
        return local.date(), local.time().replace(microsecond=0)
    start: date | None = None
    at: time | None = None
    try:
        start = date.fromisoformat(fields.date)
    except ValueError:
        start = None
    if start is None or start < FIRST_DAY:
        troubles.append(refused("schedule.bad_date", field="date"))
    try:
        at = time.fromisoformat(fields.time).replace(tzinfo=None)
    except ValueError:
        troubles.append(refused("schedule.bad_time", field="time"))
    return start, at


def late_from(written: str, kinds: Iterable[Kind], troubles: list[Refusal]) -> timedelta | None:
    """Return how late a form lets something go out, by the kinds of what is sent where it leaves that to them."""
    if written == BY_KIND:
        return late_of(kinds)
    return None if written == UNTIL_DAY_ENDS else minutes_of(written, "late", troubles)


def minutes_of(written: str, field: str, troubles: list[Refusal]) -> timedelta:
    """Return the length that a form says in minutes; what is none becomes a refusal at its field."""
    if not re.fullmatch(r"[0-9]{1,6}", written) or not 0 < int(written) <= 90 * 1_440:
        troubles.append(refused("schedule.bad_length", field=field))
        return timedelta()
    return timedelta(minutes=int(written))


def _form(
    fields: Fields,
    places: tuple[Organisation, ...],
    library: tuple[Lesson, ...],
    refusals: list[Refusal] | None = None,
    *,
    planned: tuple[Planned, ...] = (),
    close: Near | None = None,
) -> Answer:
    audience = OrganisationId(fields.audience)
    number, unreached = ask(lambda unit: _reach(unit, audience))
    hush = ask(lambda unit: quiet.at(unit, audience))
    held = ask(lambda unit: holding(unit, audience, [one.due_at for one in planned], urgent=fields.urgent))
    shown = sorted({one.meant for one in planned})[: SHOWN_OF_DRIP if fields.when == Recurrence.DRIP else SHOWN_DATES]
    in_shifts = ask(lambda unit: shifts.anyone_at(unit, audience))
    hears = ask(lambda unit: heard_by(unit, audience, [one for one in planned if one.meant in shown]))
    page = render_template(
        "schedules/plan.html",
        fields=fields,
        places=here().offer(places, fields.audience),
        deep=len(places) > MOST_OFFERED,
        library=library,
        ways=(*SINGLE, *RECURRING),
        off_days=tuple(OffDays),
        windows=offered(WINDOWS, fields.window),
        lateness=offered(LATENESS, fields.late),
        refusals=refusals or [],
        by_field=first_by_field(refusals or []),
        next_dates=[one for one in planned if one.meant in shown],
        all_dates=len({one.meant for one in planned}),
        shown_dates=len(shown),
        in_sessions=in_shifts or any(at for _, at in fields.sessions),
        further=FURTHER,
        hears=hears,
        quiet=hush,
        second_pair=ask(lambda unit: settings.value_of(unit, audience, SECOND_PAIR)) == YES,
        held=held,
        told=told_of(held),
        close=close,
        free_day=free_day(refusals or []) if fields.when in SINGLE else None,
        provisional=sum(one.provisional for one in planned),
        titles={lesson.id: lesson.title for lesson in library},
        number=number,
        no_room=unreached,
    )
    return page, 422 if refusals else 200


def offered(choices: tuple[int, ...], present: str) -> list[int]:
    """Return the minutes that a form offers, and what stands in it already."""
    extra = {int(present)} if re.fullmatch(r"[0-9]{1,6}", present) else set()
    return sorted({*choices, *extra})


async def _reach(unit: Reading, audience: OrganisationId) -> tuple[int, bool]:
    """Return how many members an audience has, and whether it has no room to be reached in."""
    number, _ = await members.count(unit, [audience])
    found = await rooms.rooms_of(unit, [audience])
    return number, not any(lost is None for _, lost in found)
