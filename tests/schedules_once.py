"""A rule that yields one occurrence, for tests that need something to be planned."""

from __future__ import annotations

from datetime import datetime, timedelta

from content.identifiers import LessonId, OrganisationId, ScheduleId, derive
from content.recurrences import Recurrence
from content.schedules import Planned, Schedule, materialise


def once(lesson: LessonId, audience: OrganisationId, due: datetime) -> tuple[Schedule, Planned]:
    """Return the rule and what it yields."""
    rule = Schedule(
        id=ScheduleId(derive("once", lesson)),
        owner=audience,
        audience=audience,
        lessons=(lesson,),
        recurrence=Recurrence.ONCE,
        start=due.date(),
        at=due.time(),
        timezone="UTC",
        window=timedelta(days=1),
        late=timedelta(hours=12),
    )
    return rule, materialise(rule)[0]
