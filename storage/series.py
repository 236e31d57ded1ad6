"""Rules with all that they yield: read as a whole, planned further, and reckoned anew."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from content.identifiers import OccurrenceId, OrganisationId, ScheduleId
from content.occurrences import State
from content.recurrences import OffDays, Recurrence
from content.schedules import Change, Planned, Schedule
from content.series import Series, SeriesContinued, SeriesEnded, SeriesReplanned, SeriesResumed, Standing
from storage.organisations import within
from storage.schedules import UNTIL_DAY_ENDS, await_review, occurrences, planned_row, schedules
from storage.unit import AnyRow, Reading, Writing

ENDED = "series_ended"
"""Why an occurrence was called off that would have gone out had its series gone on."""

_MINUTE = timedelta(minutes=1)

_IN_ORDER = select(occurrences).order_by(occurrences.c.meant, occurrences.c.id)


async def series(
    unit: Reading,
    id: ScheduleId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
) -> Series | None:
    """Return a rule and its occurrences, where its whole audience lies in the subtrees of the roots."""
    query = select(schedules).where(schedules.c.id == id)
    if roots is not None:
        query = query.where(within(schedules.c.audience_id, list(roots)))
    row = await unit.first(query)
    return (await _whole(unit, [row]))[0] if row is not None else None


async def stretches(
    unit: Reading, roots: Iterable[OrganisationId], *, since: datetime, until: datetime, limit: int
) -> tuple[Series, ...]:
    """Return the rules for audiences in the subtrees of the roots that are to send something in a stretch of time.

    Of their occurrences only those are read that are meant for the days from the first to the last of these.
    """
    meant = occurrences.c.meant
    shown = (
        select(occurrences.c.schedule_id, func.min(meant).label("first"), func.max(meant).label("last"))
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .where(
            occurrences.c.state == State.PLANNED,
            occurrences.c.due_at >= since,
            occurrences.c.due_at < until,
            schedules.c.recurrence != Recurrence.ONCE,
            within(occurrences.c.audience_id, roots),
        )
        .group_by(occurrences.c.schedule_id)
        .order_by(func.min(meant), occurrences.c.schedule_id)
        .limit(limit)
        .subquery()
    )
    rules = select(schedules).join(shown, shown.c.schedule_id == schedules.c.id)
    between = (shown.c.schedule_id == occurrences.c.schedule_id) & meant.between(shown.c.first, shown.c.last)
    found = await unit.rows(rules.order_by(shown.c.first, schedules.c.id))
    return _together(found, await unit.rows(_IN_ORDER.join(shown, between)) if found else ())


async def unfinished(unit: Reading) -> tuple[Series, ...]:
    """Return the rules that were not called off and of which not everything is planned."""
    number = (
        select(func.count(occurrences.c.meant.distinct()))
        .where(occurrences.c.schedule_id == schedules.c.id)
        .scalar_subquery()
    )
    more = (schedules.c.count == 0) | (schedules.c.count > number)
    query = select(schedules).where(schedules.c.ended_at.is_(None), more)
    return await _whole(unit, await unit.rows(query.order_by(schedules.c.id)))


async def _whole(unit: Reading, rows: Iterable[AnyRow]) -> tuple[Series, ...]:
    rows = list(rows)
    return _together(rows, await unit.rows(_IN_ORDER.where(occurrences.c.schedule_id.in_([row.id for row in rows]))))


def _together(rows: Iterable[AnyRow], yielded: Iterable[AnyRow]) -> tuple[Series, ...]:
    standing: dict[str, list[Standing]] = {}
    for row in yielded:
        standing.setdefault(row.schedule_id, []).append(_standing(row))
    return tuple(
        Series(
            schedule=_schedule(row),
            standing=tuple(standing.get(row.id, ())),
            former=None if row.former is None else _changes(row.former),
            ended=row.ended_at,
        )
        for row in rows
    )


def _schedule(row: AnyRow) -> Schedule:
    return Schedule(
        id=row.id,
        owner=row.owner_id,
        audience=row.audience_id,
        lessons=tuple(row.lessons),
        recurrence=Recurrence(row.recurrence),
        start=row.start,
        at=row.at,
        timezone=row.timezone,
        window=timedelta(minutes=row.window_minutes),
        late=_late(row.late_minutes),
        weekdays=frozenset(row.weekdays),
        count=row._mapping["count"],
        every=row.every,
        nth=row.nth,
        off_days=OffDays(row.off_days),
        urgent=row.urgent,
        changes=_changes(row.changes),
        sessions=tuple(timedelta(minutes=minutes) for minutes in row.sessions),
        on_days=tuple(row.on_days),
    )


def _late(minutes: int) -> timedelta | None:
    return None if minutes == UNTIL_DAY_ENDS else timedelta(minutes=minutes)


def _standing(row: AnyRow) -> Standing:
    planned = Planned(
        id=row.id,
        schedule=row.schedule_id,
        lesson=row.lesson_id,
        meant=row.meant,
        local_date=row.local_date,
        due_at=row.due_at,
        window=timedelta(minutes=row.window_minutes),
        late=timedelta(minutes=row.late_minutes),
        provisional=row.provisional,
        session=row.session,
    )
    return Standing(planned=planned, state=State(row.state), touched=row.touched)


def _changes(held: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    return tuple(
        Change(
            since=date.fromisoformat(one["since"]),
            at=time.fromisoformat(one["at"]),
            days=one["days"],
            workdays=one["workdays"],
            window=timedelta(minutes=one["window"]),
            late=_late(one["late"]),
            sessions=_lengths(one.get("sessions")),
        )
        for one in held
    )


def _lengths(minutes: Iterable[int] | None) -> tuple[timedelta, ...] | None:
    return None if minutes is None else tuple(timedelta(minutes=one) for one in minutes)


def _dump(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [
        {
            "since": one.since.isoformat(),
            "at": one.at.isoformat(),
            "days": one.days,
            "workdays": one.workdays,
            "window": int(one.window.total_seconds()) // 60,
            "late": UNTIL_DAY_ENDS if one.late is None else int(one.late.total_seconds()) // 60,
            **({} if one.sessions is None else {"sessions": [length // _MINUTE for length in one.sessions]}),
        }
        for one in changes
    ]


async def write_replanned(unit: Writing, fact: SeriesReplanned) -> None:
    """Let a rule's occurrences stand as they were reckoned."""
    former = None if fact.former is None else _dump(fact.former)
    rule = update(schedules).where(schedules.c.id == fact.schedule)
    await unit.execute(rule.values(changes=_dump(fact.changes), former=former))
    await await_review(unit, fact.schedule)
    await unit.execute(
        delete(occurrences).where(occurrences.c.id.in_(list(fact.gone)), occurrences.c.state == State.PLANNED)
    )
    for planned in fact.moved:
        row = planned_row(planned)
        await unit.execute(
            update(occurrences)
            .where(occurrences.c.id == planned.id, occurrences.c.state == State.PLANNED)
            .values({name: value for name, value in row.items() if name not in ("id", "schedule_id", "state")})
        )
    await _add(unit, fact.schedule, fact.added)


async def write_continued(unit: Writing, fact: SeriesContinued) -> None:
    """Add what a rule yields further ahead, with a mark at what is above a cap."""
    await _add(unit, fact.schedule, fact.added, above=fact.above)


async def write_ended(unit: Writing, fact: SeriesEnded) -> None:
    """Let nothing more of a rule go out."""
    await unit.execute(update(schedules).where(schedules.c.id == fact.schedule).values(ended_at=fact.at))
    planned = (occurrences.c.schedule_id == fact.schedule, occurrences.c.state == State.PLANNED)
    await unit.execute(update(occurrences).where(*planned).values(state=State.CANCELLED, reason=ENDED))


async def write_resumed(unit: Writing, fact: SeriesResumed) -> None:
    """Let a rule go on, and plan again what was called off with it, as far as its time is still to come."""
    await unit.execute(update(schedules).where(schedules.c.id == fact.schedule).values(ended_at=None))
    await await_review(unit, fact.schedule)
    called_off = (
        occurrences.c.schedule_id == fact.schedule,
        occurrences.c.state == State.CANCELLED,
        occurrences.c.reason == ENDED,
        occurrences.c.due_at > fact.at,
    )
    await unit.execute(update(occurrences).where(*called_off).values(state=State.PLANNED, reason=None))


async def _add(
    unit: Writing,
    id: ScheduleId,  # noqa: A002
    added: Iterable[Planned],
    *,
    above: Container[OccurrenceId] = (),
) -> None:
    audience = await unit.value(select(schedules.c.audience_id).where(schedules.c.id == id))
    await unit.add_missing(
        occurrences, [planned_row(one) | {"audience_id": audience, "over_cap": one.id in above} for one in added]
    )
