"""Takes what a person says in private after they were asked something back as the answer to it."""

from __future__ import annotations

from bot.commands import corrections, help_cases, practice, surveys
from bot.commands.amounts import vote_numbers
from bot.commands.asking import Asking
from bot.commands.remarks import asks_back, is_acknowledgement, is_bare_reason, is_called_out, is_dropped, is_skipped
from content import checkins
from content.checkins import State
from content.decision import Decision, Refusal
from content.help_cases import ABOUT as HELP
from content.identifiers import OccurrenceId, SurveyId
from content.inquiries import CORRECTION, skip
from content.practice import ABOUT as PRACTICE
from content.surveys import ABOUT
from storage import checkins as stored
from storage import inquiries as waiting


async def answer(asking: Asking) -> Decision | Refusal | None:
    """Take a message as the reason for a leave or as what is to be corrected.

    ``None`` where nothing was asked, where it is settled by now, or where the message cannot be the answer.
    """
    about = await waiting.waiting(asking.unit, asking.sender)
    if about is not None and about.startswith(ABOUT):
        return await surveys.answer(asking, SurveyId(about.removeprefix(ABOUT)))
    if about == PRACTICE:
        return await practice.answer(asking)
    if about is None or is_acknowledgement(asking.text) or vote_numbers(asking.text):
        return None
    if about == HELP:
        return await help_cases.go_on(asking)
    if is_skipped(asking.text):
        return skip(asking.sender, about)
    if about == CORRECTION:
        return None if is_bare_reason(asking.text) else await corrections.keep(asking, asking.text)
    place = (
        await stored.expectation(asking.unit, OccurrenceId(about), asking.member.id)
        if asking.member is not None
        else None
    )
    if place is None or place.state is not State.EXCUSED:
        return None
    if asks_back(asking.text) or is_called_out(asking.text) or is_dropped(asking.text):
        return None
    found = [one.occurrence.id for one in await stored.still_open(asking.unit, place.member)]
    number = found.index(place.occurrence.id) + 1 if len(found) > 1 and place.occurrence.id in found else None
    return checkins.add_reason(place, asking.text.strip(), cause=asking.cause, now=asking.unit.now, number=number)
