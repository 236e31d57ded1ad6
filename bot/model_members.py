"""Announces the model members whose publicity is over, once nothing objected waits for its outcome."""

from __future__ import annotations

from datetime import datetime, timedelta

from content import model_members as rules
from content.identifiers import Cause, SelectionId
from content.model_members import Selection
from storage import members, model_members
from storage.store import Answer, Step, Store
from storage.unit import Reading


async def announce_due(store: Store, now: datetime) -> None:
    """Announce what is due by its own calendar."""
    # Nowhere is the day further along than this.
    found = await store.read(lambda unit: model_members.shown_until(unit, (now + timedelta(hours=14)).date()))
    due = [one for one in found if one.ends_on is not None and one.day(now) > one.ends_on]
    if due:
        await store.settle([announcing(one) for one in due])


def announcing(one: Selection) -> Step:
    """Return the step that announces a selection, once for each notice that was posted."""
    id = SelectionId(one.id)  # noqa: A001

    async def decide(unit: Reading) -> Answer:
        selection = await model_members.selection(unit, id)
        if selection is None:
            return None
        nominees = await model_members.nominees(unit, id)
        people = await members.by_ids(unit, [one.member for one in nominees])
        return rules.announce(
            selection,
            nominees,
            names={one.id: one.name for one in people},
            waiting=await model_members.waiting(unit, id),
            rooms=await model_members.branch_rooms(unit, selection.organisation),
            today=selection.day(unit.now),
        )

    return Step(cause=Cause(f"selection:{id}:announce:{one.posted_on}"), decide=decide)
