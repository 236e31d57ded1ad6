"""Keeps the times of surveys that are asked with names: closes them, and reminds who has not come to the end."""

from __future__ import annotations

from datetime import datetime

from content import surveys as rules
from content.identifiers import Cause, SurveyId
from storage import audit, members, surveys
from storage.store import Answer, Step, Store
from storage.unit import Reading


async def close(store: Store, now: datetime) -> bool:
    """Close what is over, once all that was said before has been heard; tell whether there was anything."""
    found = await store.read(surveys.opened)
    over = [one.id for one in found if one.closes_at <= now]
    if over:
        await store.settle([closing_survey(one) for one in over])
    return bool(over)


async def remind(store: Store, now: datetime) -> None:
    """Remind who has not come to the end, where the time for it has come."""

    async def due(unit: Reading) -> list[Step]:
        steps: dict[Cause, Step] = {}
        for one in await surveys.opened(unit):
            cause = rules.reminder(one, now=now)
            if cause is not None:
                steps[cause] = _reminding(cause, one.id)
        done = await audit.seen(unit, steps) if steps else {}
        return [step for cause, step in steps.items() if cause not in done]

    steps = await store.read(due)
    if steps:
        await store.settle(steps)


def _reminding(cause: Cause, id: SurveyId) -> Step:  # noqa: A002
    async def decide(unit: Reading) -> Answer:
        one = await surveys.survey(unit, id)
        if one is None or rules.reminder(one, now=unit.now) is None:
            return None
        waiting = await members.by_ids(unit, await surveys.unfinished(unit, id))
        return rules.remind(one, [each.user for each in waiting if each.user is not None and each.left is None])

    return Step(cause=cause, decide=decide)


def closing_survey(id: SurveyId) -> Step:  # noqa: A002
    """Return the step that counts a survey and forgets what anyone said."""

    async def decide(unit: Reading) -> Answer:
        one = await surveys.survey(unit, id)
        if one is None or one.state is not rules.State.OPEN or unit.now < one.closes_at:
            return None
        return rules.close(one, await surveys.papers(unit, id), now=unit.now)

    return Step(cause=Cause(f"survey:{id}:close"), decide=decide)
