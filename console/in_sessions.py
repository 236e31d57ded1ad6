"""The sessions of a lesson on a form: read as they are written, and who would hear each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time, timedelta

from flask import request

from content.decision import Refusal, refused
from content.identifiers import OccurrenceId, OrganisationId
from content.schedules import MOST_SESSIONS, Planned
from storage import shifts
from storage.unit import Reading

FURTHER = tuple(range(2, MOST_SESSIONS + 1))
"""The numbers of the sessions after the first."""


def sessions_written() -> tuple[tuple[str, str], ...]:
    """Return of each further session what a form says of its day and its time."""
    form = request.form
    return tuple((form.get(f"days_{number}", "").strip(), form.get(f"time_{number}", "").strip()) for number in FURTHER)


def further_sessions(
    said: Iterable[tuple[str, str]], first: time | None, troubles: list[Refusal]
) -> tuple[timedelta, ...]:
    """Return how long after the first each further session is, by the clock on the wall."""
    found: list[timedelta] = []
    for days, written in said:
        if not written or first is None:
            continue
        try:
            at = time.fromisoformat(written).replace(tzinfo=None)
        except ValueError:
            at = None
        if at is None or not re.fullmatch("[0-7]?", days):
            troubles.append(refused("schedule.bad_session", field="sessions"))
            continue
        minutes = (at.hour - first.hour) * 60 + at.minute - first.minute
        found.append(timedelta(days=int(days or 0), minutes=minutes))
    return tuple(found)


async def heard_by(
    unit: Reading, audience: OrganisationId, planned: list[Planned]
) -> dict[OccurrenceId, tuple[str, ...]]:
    """Return which groups hear each session of what is planned, the first of those without shifts too."""
    found: dict[OccurrenceId, tuple[str, ...]] = {}
    by_lesson: dict[date, list[Planned]] = {}
    for one in planned:
        by_lesson.setdefault(one.meant, []).append(one)
    for sessions in by_lesson.values():
        if len(sessions) > 1:
            told = await shifts.told(unit, audience, [one.due_at for one in sessions])
            found |= {one.id: groups for one, groups in zip(sessions, told, strict=True)}
    return found
