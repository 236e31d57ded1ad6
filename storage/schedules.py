"""Rules that say when lessons fall due, and the occurrences they yield."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Time,
    UniqueConstraint,
    bindparam,
    false,
    func,
    select,
    text,
    update,
)

from content.identifiers import LessonId, OccurrenceId, OrganisationId, ScheduleId
from content.lessons import ASKING
from content.occurrences import (
    Occurrence,
    OccurrenceClosed,
    OccurrenceConfirmed,
    OccurrenceHeld,
    OccurrenceMissed,
    OccurrenceOpened,
    OccurrenceRevived,
    State,
)
from content.recurrences import Recurrence
from content.reviews import Stage as Reviewed
from content.schedules import LessonsScheduled, OccurrenceCancelled, OccurrenceMoved, OccurrenceRestored, Planned
from storage.lessons import lessons
from storage.organisations import ROOTS, each_within, organisation_closure, organisations, within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("audience_id", ForeignKey("organisations.id"), nullable=False),
    Column("lessons", JSON, nullable=False),
    Column("recurrence", String(10), nullable=False),
    Column("start", Date, nullable=False),
    Column("at", Time, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("weekdays", JSON, nullable=False),
    Column("count", Integer, nullable=False),
    Column("window_minutes", Integer, nullable=False),
    Column("late_minutes", Integer, nullable=False),
    Column("author", String(255), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("every", Integer, nullable=False, server_default="1"),
    Column("nth", Integer, nullable=False, server_default="1"),
    Column("off_days", String(8), nullable=False, server_default="keep"),
    Column("changes", JSON, nullable=False, server_default="[]"),
    Column("former", JSON(none_as_null=True)),
    Column("ended_at", Instant),
    Column("urgent", String(200), nullable=False, server_default=""),
    Column("review", String(10), nullable=False, server_default="approved"),
    Column("approved", JSON(none_as_null=True)),
    Column("reviewed_by", String(255)),
    Column("reviewed_at", Instant),
    Column("review_note", String(200)),
    Column("sessions", JSON, nullable=False, server_default="[]"),
    Column("on_days", JSON, nullable=False, server_default="[]"),
)
"""``late_minutes`` may be ``UNTIL_DAY_ENDS``; of an occurrence they are always minutes."""

UNTIL_DAY_ENDS = -1

_SLOTS = 4_000_000
"""More than there are days, so that no two sessions share a slot."""

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("schedule_id", ForeignKey("schedules.id"), nullable=False),
    Column("audience_id", ForeignKey("organisations.id"), nullable=False),
    Column("lesson_id", ForeignKey("lessons.id"), nullable=False, index=True),
    Column("lesson_revision", Integer),
    Column("sent_title", String(120)),
    Column("local_date", Date, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("due_at", Instant, nullable=False, index=True),
    Column("window_minutes", Integer, nullable=False),
    Column("late_minutes", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(40)),
    Column("opened_at", Instant),
    Column("closes_at", Instant),
    Column("closed_at", Instant),
    Column("layout", JSON(none_as_null=True)),
    Column("corrected_at", Instant),
    Column("correction", String(200)),
    Column("withdrawn_at", Instant),
    Column("withdrawal", String(200)),
    Column("meant", Date),
    Column("touched", Boolean, nullable=False, server_default=false()),
    Column("provisional", Boolean, nullable=False, server_default=false()),
    Column("planned_for", Instant),
    Column("note", String(200)),
    Column("told_at", Instant),
    Column("begins_at", Instant),
    Column("session", Integer, nullable=False, server_default="0"),
    Column("over_cap", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("schedule_id", "local_date", "slot"),
    Index("ix_occurrences_state_due", "state", "due_at"),
    Index("ix_occurrences_audience_due", "audience_id", "due_at"),
    # Few of all are meetings and lectures. Partial on PostgreSQL too, by its migration; saying so here would load that
    # dialect everywhere, two megabytes.
    Index("ix_occurrences_audience_begins", "audience_id", "begins_at", sqlite_where=text("begins_at IS NOT NULL")),
)


HELD_AT = func.coalesce(occurrences.c.begins_at, occurrences.c.due_at).label("held_at")
"""When it takes place: a meeting, and a lecture that was announced, when it begins; all else when it falls due."""


SHOWN_TITLE = func.coalesce(occurrences.c.sent_title, lessons.c.title).label("title")
"""The title as it was sent; a lesson that is changed later does not change what members were shown."""


class Entry(Struct, frozen=True, kw_only=True):
    """One occurrence as a calendar shows it: which session of its lesson it is, counted from 0, and of how many."""

    occurrence: Occurrence
    title: str
    kind: str
    audience_name: str
    local_date: date
    timezone: str
    reason: str | None
    lesson_revision: int | None
    schedule: ScheduleId
    recurrence: Recurrence
    planned_for: datetime | None
    note: str | None
    session: int = 0
    sessions: int = 1

    @property
    def held_on(self) -> date:
        """Return the day on which it takes place, by the clock of its rule."""
        begins = self.occurrence.begins_at
        return self.local_date if begins is None else begins.astimezone(ZoneInfo(self.timezone)).date()


_SELECT = (
    select(
        occurrences,
        SHOWN_TITLE,
        lessons.c.kind,
        organisations.c.name.label("audience_name"),
        schedules.c.timezone,
        schedules.c.recurrence,
        schedules.c.urgent,
        schedules.c.sessions,
        schedules.c.changes,
        schedules.c.review,
        schedules.c.approved,
        lessons.c.revision.label("newest"),
    )
    .join(lessons, lessons.c.id == occurrences.c.lesson_id)
    .join(organisations, organisations.c.id == occurrences.c.audience_id)
    .join(schedules, schedules.c.id == occurrences.c.schedule_id)
)


def as_occurrence(row: AnyRow) -> Occurrence:
    """Read the occurrence out of a row that holds all its columns; what its rule says of it is not among them."""
    return Occurrence(
        id=row.id,
        lesson=row.lesson_id,
        audience=row.audience_id,
        due_at=row.due_at,
        window=timedelta(minutes=row.window_minutes),
        late=timedelta(minutes=row.late_minutes),
        state=State(row.state),
        provisional=row.provisional,
        over_cap=row.over_cap,
        opened_at=row.opened_at,
        closes_at=row.closes_at,
        begins_at=row.begins_at,
    )


def is_approved(row: AnyRow) -> bool:
    """Tell whether what would go out now is what was approved; where nobody was asked to, nothing is kept of it."""
    if row.review != Reviewed.APPROVED:
        return False
    return not row.approved or row.approved.get(row.lesson_id) == row.newest


def _entry(row: AnyRow) -> Entry:
    return Entry(
        occurrence=replace(
            as_occurrence(row), urgent=bool(row.urgent), asks=row.kind in ASKING, approved=is_approved(row)
        ),
        title=row.title,
        kind=row.kind,
        audience_name=row.audience_name,
        local_date=row.local_date,
        timezone=row.timezone,
        reason=row.reason,
        lesson_revision=row.lesson_revision,
        schedule=row.schedule_id,
        recurrence=Recurrence(row.recurrence),
        planned_for=row.planned_for,
        note=row.note,
        session=row.session,
        sessions=number_of_sessions(row),
    )


def number_of_sessions(row: AnyRow) -> int:
    """Return how many sessions a lesson has, by the ``sessions`` and ``changes`` of its rule beside its occurrence.

    The last change that holds for the day that it means says so, if any does.
    """
    held = row.sessions
    for change in row.changes:
        if row.meant is not None and change["since"] <= row.meant.isoformat():
            held = change.get("sessions", row.sessions)
    return 1 + len(held)


_ENTRY = Prepared(_SELECT.where(occurrences.c.id == bindparam("id")))


async def entry(unit: Reading, id: OccurrenceId) -> Entry | None:  # noqa: A002
    """Return one occurrence with what is shown of it."""
    row = await unit.first(_ENTRY, {"id": id})
    return _entry(row) if row else None


async def visible(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    roots: Iterable[OrganisationId],
) -> Entry | None:
    """Return an occurrence that concerns the subtrees of the roots."""
    row = await unit.first(_SELECT.where(occurrences.c.id == id, concerns(roots)))
    return _entry(row) if row else None


def concerns(roots: Iterable[OrganisationId] | BindParameter[Any], *, along: bool = False) -> Any:
    """Return the condition that the audience of an occurrence lies in the subtrees of the roots, or above them.

    ``along`` has it looked up row by row: where the calendar is walked until enough is found.
    """
    known, inside = roots if isinstance(roots, BindParameter) else list(roots), each_within if along else within
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id.in_(known))
    return inside(occurrences.c.audience_id, known) | occurrences.c.audience_id.in_(above)


async def calendar(
    unit: Reading,
    roots: Iterable[OrganisationId],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Iterable[State] = (),
    limit: int | None = None,
    newest_first: bool = False,
    begins: bool | None = None,
) -> tuple[Entry, ...]:
    """Return occurrences that concern the subtrees of the roots, in the order and by the times at which they are held.

    A meeting stands where it begins, not where its notice goes out. An occurrence concerns a subtree when its audience
    lies in it or above it. What ``begins`` at a time of its own can be left out, or asked for alone.
    """
    asked = {"since": since, "until": until, "states": list(states), "limit": limit}
    given = {name: value for name, value in asked.items() if value}
    found: list[Entry] = []
    for own in (False, True) if begins is None else (begins,):
        query = _calendar(frozenset(given), begins=own, newest_first=newest_first)
        found += map(_entry, await unit.rows(query, {"roots": list(roots), **given}))
    found.sort(key=lambda one: one.occurrence.id)
    found.sort(key=lambda one: one.occurrence.held_at, reverse=newest_first)
    return tuple(found[:limit])


@cache
def _calendar(given: frozenset[str], *, begins: bool, newest_first: bool) -> Prepared:
    """Return the question for the calendar by which of the conditions are given.

    Of what ``begins`` at a time of its own there is little, and it is found by another index than the rest.
    """
    held = occurrences.c.begins_at if begins else occurrences.c.due_at
    begun = occurrences.c.begins_at.is_not(None)
    query = _SELECT.where(concerns(ROOTS), begun if begins else ~begun)
    if "since" in given:
        query = query.where(held >= bindparam("since"))
    if "until" in given:
        query = query.where(held < bindparam("until"))
    if "states" in given:
        # Of what begins within some time, not by the index of the states, in which all is that there ever was.
        state = func.coalesce(occurrences.c.state, "") if begins and "since" in given else occurrences.c.state
        query = query.where(state.in_(bindparam("states", expanding=True)))
    query = query.order_by(held.desc() if newest_first else held, occurrences.c.id)
    return Prepared(query.limit(bindparam("limit", type_=Integer)) if "limit" in given else query)


async def above_caps(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Entry, ...]:
    """Return what was planned above a cap for the subtrees of the roots and waits for somebody, by due time."""
    query = _SELECT.where(*_above(roots)).order_by(occurrences.c.due_at, occurrences.c.id)
    return tuple(_entry(row) for row in await unit.rows(query.limit(limit)))


def _above(roots: Iterable[OrganisationId] | BindParameter[Any]) -> tuple[Any, ...]:
    waits = (occurrences.c.state == State.PLANNED, occurrences.c.over_cap.is_(True))
    return (within(occurrences.c.audience_id, roots), *waits)


_NUMBER_ABOVE_CAPS = Prepared(select(func.count().label("number")).select_from(occurrences).where(*_above(ROOTS)))


async def number_above_caps(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how much was planned above a cap for the subtrees of the roots and waits for somebody."""
    return int(await unit.value(_NUMBER_ABOVE_CAPS, {"roots": list(roots)}) or 0)


async def going_out(
    unit: Reading, audience: OrganisationId, wanted: Iterable[LessonId], *, but: OccurrenceId | None = None
) -> tuple[tuple[LessonId, datetime], ...]:
    """Return when these lessons are planned for an audience, or stand open for it, each with its due time."""
    query = select(occurrences.c.lesson_id, occurrences.c.due_at).where(
        occurrences.c.audience_id == audience,
        occurrences.c.lesson_id.in_(list(wanted)),
        occurrences.c.state.in_([State.PLANNED, State.OPEN]),
        occurrences.c.id != (but or ""),
    )
    return tuple((LessonId(row.lesson_id), row.due_at) for row in await unit.rows(query))


async def planned_for(unit: Reading, lesson: LessonId) -> tuple[datetime, ...]:
    """Return when a lesson is planned to go out, wherever that is."""
    query = select(occurrences.c.due_at).where(occurrences.c.lesson_id == lesson, occurrences.c.state == State.PLANNED)
    return tuple(row.due_at for row in await unit.rows(query))


class Beside(Struct, frozen=True, kw_only=True):
    """Another session of the same lesson."""

    id: OccurrenceId
    due_at: datetime
    state: State
    session: int


async def sessions_beside(unit: Reading, id: OccurrenceId) -> tuple[Beside, ...]:  # noqa: A002
    """Return the other sessions of the lesson that an occurrence is one of, in their order."""
    own, other = occurrences.alias("own"), occurrences.alias("other")
    query = (
        select(other.c.id, other.c.due_at, other.c.state, other.c.session)
        .join(own, (own.c.schedule_id == other.c.schedule_id) & (own.c.meant == other.c.meant))
        .where(own.c.id == id, other.c.id != id)
        .order_by(other.c.session)
    )
    return tuple(
        Beside(id=row.id, due_at=row.due_at, state=State(row.state), session=row.session)
        for row in await unit.rows(query)
    )


async def write_scheduled(unit: Writing, fact: LessonsScheduled) -> None:
    """Keep a rule and the occurrences it yields."""
    rule = fact.schedule
    await unit.add(
        schedules,
        {
            "id": rule.id,
            "owner_id": rule.owner,
            "audience_id": rule.audience,
            "lessons": list(rule.lessons),
            "recurrence": rule.recurrence,
            "start": rule.start,
            "at": rule.at,
            "timezone": rule.timezone,
            "weekdays": sorted(rule.weekdays),
            "count": rule.count,
            "window_minutes": _minutes(rule.window),
            "late_minutes": UNTIL_DAY_ENDS if rule.late is None else _minutes(rule.late),
            "author": fact.author,
            "made_at": unit.now,
            "every": rule.every,
            "nth": rule.nth,
            "off_days": rule.off_days,
            "urgent": rule.urgent,
            "review": fact.review,
            "changes": [],
            "sessions": [_minutes(length) for length in rule.sessions],
            "on_days": list(rule.on_days),
        },
    )
    await unit.add_missing(
        occurrences, [planned_row(planned) | {"audience_id": rule.audience} for planned in fact.planned]
    )


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds()) // 60


def planned_row(planned: Planned) -> dict[str, Any]:
    """Return the row of an occurrence as its rule yields it.

    Two of one rule may fall on the same date; who does not stand on the date that it means is told apart by that one,
    and each session of a lesson from the others.
    """
    return {
        "id": planned.id,
        "schedule_id": planned.schedule,
        "lesson_id": planned.lesson,
        "meant": planned.meant,
        "local_date": planned.local_date,
        "slot": _slot(planned.local_date, planned.meant, planned.session),
        "session": planned.session,
        "due_at": planned.due_at,
        "window_minutes": _minutes(planned.window),
        "late_minutes": _minutes(planned.late),
        "provisional": planned.provisional,
        "over_cap": False,
        "touched": False,
        "state": State.PLANNED,
    }


def _slot(on: date, meant: date, session: int) -> int:
    return (0 if on == meant else meant.toordinal()) + session * _SLOTS


async def write_day(unit: Writing, occurrence: OccurrenceId, on: date) -> None:
    """Let an occurrence stand on another local date than the one that its rule means."""
    own = occurrences.c.id == occurrence
    row = await unit.first(select(occurrences.c.local_date, occurrences.c.meant, occurrences.c.session).where(own))
    if row is not None:
        slot = _slot(on, row.meant or row.local_date, row.session)
        await unit.execute(update(occurrences).where(own).values(local_date=on, slot=slot))


async def await_review(unit: Writing, id: ScheduleId) -> None:  # noqa: A002
    """Let a rule that was approved wait again: its dates are not those that were read."""
    read = (schedules.c.id == id, schedules.c.review == Reviewed.APPROVED, schedules.c.approved.is_not(None))
    await unit.execute(update(schedules).where(*read).values(review=Reviewed.WAITING))


async def write_state(
    unit: Writing,
    fact: OccurrenceOpened
    | OccurrenceMissed
    | OccurrenceClosed
    | OccurrenceCancelled
    | OccurrenceRestored
    | OccurrenceMoved
    | OccurrenceRevived
    | OccurrenceConfirmed
    | OccurrenceHeld,
) -> None:
    """Move an occurrence to the state that a fact brings."""
    change: dict[str, Any]
    match fact:
        case OccurrenceOpened():
            title = select(lessons.c.title).where(lessons.c.id == occurrences.c.lesson_id).scalar_subquery()
            revision = select(lessons.c.revision).where(lessons.c.id == occurrences.c.lesson_id).scalar_subquery()
            change = {
                "state": State.OPEN,
                "opened_at": fact.at,
                "closes_at": fact.closes_at,
                **({"begins_at": fact.begins_at} if fact.begins_at is not None else {}),
                **({"local_date": fact.on} if fact.on is not None else {}),
                "lesson_revision": revision,
                "sent_title": title,
                "reason": None,
            }
        case OccurrenceMissed():
            change = {
                "state": State.MISSED,
                "reason": fact.reason,
                "due_at": func.coalesce(occurrences.c.planned_for, occurrences.c.due_at),
                "planned_for": None,
                "note": None,
                "closed_at": fact.at,
                "told_at": fact.at if fact.again else None,
            }
        case OccurrenceClosed():
            change = {"state": State.CLOSED, "closed_at": fact.at}
        case OccurrenceCancelled():
            change = {"state": State.CANCELLED, "touched": True}
        case OccurrenceRestored():
            change = {"state": State.PLANNED, "reason": None}
        case OccurrenceMoved():
            own = select(occurrences.c.meant, occurrences.c.session, occurrences.c.schedule_id).where(
                occurrences.c.id == fact.occurrence
            )
            row = await unit.first(own)
            assert row is not None
            meant: date = row.meant
            await await_review(unit, row.schedule_id)
            change = {
                "due_at": fact.due_at,
                "local_date": fact.local_date,
                "slot": _slot(fact.local_date, meant, row.session),
                "window_minutes": _minutes(fact.window),
                "late_minutes": _minutes(fact.late),
                "touched": True,
                "provisional": False,
                "over_cap": False,
            }
        case OccurrenceHeld():
            change = {
                "due_at": fact.until,
                "planned_for": func.coalesce(occurrences.c.planned_for, occurrences.c.due_at),
                "touched": True,
            }
        case OccurrenceConfirmed():
            change = {"provisional": False, "over_cap": False}
        case OccurrenceRevived():
            change = {
                "state": State.PLANNED,
                "due_at": fact.at,
                "planned_for": func.coalesce(occurrences.c.planned_for, occurrences.c.due_at),
                "closed_at": None,
                "provisional": False,
                "over_cap": False,
                "touched": True,
            }
    await unit.execute(update(occurrences).where(occurrences.c.id == fact.occurrence).values(**change))
