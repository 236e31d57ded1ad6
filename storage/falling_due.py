"""What falls due: whose time has come, what is overtaken, whose window is over, and when the next one comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, func, select

from content.identifiers import OccurrenceId
from content.occurrences import State
from storage.lessons import lessons
from storage.prepared import Prepared
from storage.schedules import is_approved, occurrences, schedules
from storage.tables import Instant
from storage.unit import Reading

_DUE = Prepared(
    select(occurrences.c.id, occurrences.c.due_at)
    .where(occurrences.c.state == State.PLANNED, occurrences.c.due_at <= bindparam("now", type_=Instant))
    .order_by(occurrences.c.due_at, func.coalesce(occurrences.c.planned_for, occurrences.c.due_at), occurrences.c.id)
)


async def due(unit: Reading, now: datetime) -> tuple[tuple[OccurrenceId, datetime], ...]:
    """Return planned occurrences whose time has come with that time, oldest first.

    What quiet hours held falls due at one instant, and keeps its order.
    """
    return tuple((OccurrenceId(row.id), row.due_at) for row in await unit.rows(_DUE, {"now": now}))


async def overtaken(unit: Reading, id: OccurrenceId, now: datetime) -> bool:  # noqa: A002
    """Tell whether a later occurrence of the same series is due as well, and would go out.

    Where people work in shifts another session is for others, so only the same one of a later lesson overtakes.
    """
    return await _is_another_due(unit, id, now, lambda own, later: later.c.session == own.c.session)


async def joined(unit: Reading, id: OccurrenceId, now: datetime) -> bool:  # noqa: A002
    """Tell whether a later session of the same lesson is due as well: then one session is for both."""
    return await _is_another_due(unit, id, now, lambda own, later: later.c.meant == own.c.meant)


async def _is_another_due(
    unit: Reading,
    id: OccurrenceId,  # noqa: A002
    now: datetime,
    which: Callable[[Any, Any], Any],
) -> bool:
    """Tell whether a later one of the same rule is due as well, and would go out.

    What quiet hours held counts from when it was planned for; what somebody had sent after all, from then.
    """
    own, later = occurrences.alias("own"), occurrences.alias("later")
    since = case((own.c.reason.is_(None), func.coalesce(own.c.planned_for, own.c.due_at)), else_=own.c.due_at)
    query = (
        select(later.c.lesson_id, lessons.c.revision.label("newest"), schedules.c.review, schedules.c.approved)
        .join(own, own.c.schedule_id == later.c.schedule_id)
        .join(schedules, schedules.c.id == later.c.schedule_id)
        .join(lessons, lessons.c.id == later.c.lesson_id)
        .where(
            own.c.id == id,
            which(own, later),
            later.c.state == State.PLANNED,
            later.c.due_at <= now,
            func.coalesce(later.c.planned_for, later.c.due_at) > since,
            later.c.provisional.is_(False),
            later.c.over_cap.is_(False),
        )
    )
    return any(is_approved(row) for row in await unit.rows(query))


_OVER = Prepared(
    select(occurrences.c.id)
    .where(occurrences.c.state == State.OPEN, occurrences.c.closes_at <= bindparam("now", type_=Instant))
    .order_by(occurrences.c.closes_at, occurrences.c.id)
)


async def over(unit: Reading, now: datetime) -> tuple[OccurrenceId, ...]:
    """Return open occurrences whose window is over."""
    return tuple(OccurrenceId(row.id) for row in await unit.rows(_OVER, {"now": now}))


_NEXT = Prepared(
    select(func.min(occurrences.c.due_at, type_=Instant).label("due_at")).where(occurrences.c.state == State.PLANNED)
)


async def next_due(unit: Reading) -> datetime | None:
    """Return when the next planned occurrence falls due."""
    value: datetime | None = await unit.value(_NEXT)
    return value
