"""The word by which something that was asked about is done: a reaction to the question, or a reply to it."""

from __future__ import annotations

from bot.commands import cleanings, help_cases, locks, meeting_drafts, pledges, sanctions
from bot.commands.asking import Asking
from bot.commands.sanctions import Answer
from content.identifiers import Cause, EventId, SanctionId, UserId
from storage.unit import Reading


async def tap(unit: Reading, target: EventId, user: UserId, key: str, cause: Cause, me: UserId, console: str) -> Answer:
    """Take a reaction to a message of ours as the word for what it asked about."""
    answer = await sanctions.tap(unit, target, user, key, cause, me)
    answer = answer if answer is not None else await locks.tap(unit, target, user, key, cause, me)
    answer = answer if answer is not None else await cleanings.tap(unit, target, user, key, cause, me)
    return answer if answer is not None else await meeting_drafts.tap(unit, target, user, key, console)


async def replied(asking: Asking, matter: str) -> Answer:
    """Take a reply to a message of ours as the word for what it asked about."""
    answer = await help_cases.replied(asking)
    answer = answer if answer is not None else await sanctions.replied(asking, SanctionId(matter))
    answer = answer if answer is not None else await locks.replied(asking, matter)
    answer = answer if answer is not None else await cleanings.replied(asking, matter)
    answer = answer if answer is not None else await meeting_drafts.replied(asking, matter)
    return answer if answer is not None else await pledges.replied(asking, matter)
