"""Why somebody is on leave: taken out of what they answered, or put otherwise, by their own message."""

from __future__ import annotations

from sqlalchemy import select, update

from content.checkins import LeaveReasonChanged
from content.identifiers import Cause
from storage.checkins import answers, expectations
from storage.unit import Reading, Writing


async def reason_given(unit: Reading, cause: Cause) -> str | None:
    """Return the reason that came with an answer, also of one that no longer decides."""
    await unit.settled()
    reason: str | None = await unit.value(select(answers.c.reason).where(answers.c.cause == cause))
    return reason


async def write_changed(unit: Writing, fact: LeaveReasonChanged) -> None:
    """Let the answer have another reason, or none; and the place with it, where that answer is what stands."""
    await unit.settled()
    place = (answers.c.occurrence_id == fact.occurrence, answers.c.member_id == fact.member)
    await unit.execute(update(answers).where(*place, answers.c.cause == fact.cause).values(reason=fact.reason))
    shown = (expectations.c.occurrence_id == fact.occurrence, expectations.c.member_id == fact.member)
    own = expectations.c.decided_by == fact.cause
    await unit.execute(update(expectations).where(*shown, own).values(reason=fact.reason))
