"""学习: this week's lesson once more, in private, to read in peace."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place
from content import cards
from content.checkins import Expectation
from content.decision import Decision, Refusal, ShowAgain, Tell, refused, words
from content.occurrences import State
from storage import checkins as stored
from storage import lessons, schedules

LATELY = timedelta(days=7)
"""So far back a lesson that is closed is still this week's; what is open always is."""


async def lesson(asking: Asking) -> Decision | Refusal | None:
    """学习: show the lesson that is open, else the last of the week; 学习 2 where several are open."""
    if asking.member is None:
        return None
    since = asking.unit.now - LATELY
    lately = await stored.shown_lately(asking.unit, asking.member.id, since=since)
    found = tuple(one for one in lately if one.occurrence.state is State.OPEN) or lately[-1:]
    if not found:
        return refused("lesson.none_lately") if asking.place is Place.PRIVATE else None
    number = number_in(asking.argument) if asking.argument else None
    if number is None and len(found) > 1:
        return _which(asking, found)
    if number is not None and not 1 <= number <= len(found):
        return refused("checkin.no_such_number", number=number, most=len(found))
    return await _show(asking, found[(number or 1) - 1])


def _which(asking: Asking, found: tuple[Expectation, ...]) -> Decision:
    lines = tuple(
        words(
            "checkin.which_line",
            number=number,
            title=one.title,
            until=one.occurrence.closes_at or one.occurrence.due_at,
        )
        for number, one in enumerate(found, start=1)
    )
    return Decision(effects=(Tell(user=asking.sender, words=words("lesson.which", list=lines)),))


async def _show(asking: Asking, one: Expectation) -> Decision | None:
    entry = await schedules.entry(asking.unit, one.occurrence.id)
    shown = await lessons.lesson(asking.unit, one.occurrence.lesson, entry.lesson_revision) if entry else None
    if shown is None or one.card is None:
        return None
    return Decision(effects=(ShowAgain(user=asking.sender, card=one.card, parts=cards.parts(shown)),))
