"""Takes what a person says in private after they were asked something back as the answer to it."""

from __future__ import annotations

from bot.commands import corrections
from bot.commands.asking import Asking
from bot.commands.grammar import is_skipped
from content import checkins
from content.checkins import State
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId
from content.inquiries import CORRECTION, skip
from storage import checkins as stored


async def answer(asking: Asking, about: str) -> Decision | Refusal | None:
    """Take a message as the reason for a leave or as what is to be corrected; ``None`` where that is settled by now."""
    if is_skipped(asking.text):
        return skip(asking.sender, about)
    if about == CORRECTION:
        return await corrections.keep(asking, asking.text)
    if asking.member is None:
        return None
    place = await stored.expectation(asking.unit, OccurrenceId(about), asking.member.id)
    if place is None or place.state is not State.EXCUSED:
        return None
    return checkins.add_reason(place, asking.text.strip(), cause=asking.cause, now=asking.unit.now)
