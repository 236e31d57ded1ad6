"""更正: say that something in the record is wrong, of a card by replying to it."""

from __future__ import annotations

from bot.commands.asking import Asking
from content import corrections
from content.decision import Decision, Refusal
from storage import checkins
from storage import corrections as stored


async def correct(asking: Asking) -> Decision | Refusal | None:
    """更正 内容: have it kept for who keeps the record; 更正 alone asks in private what is wrong."""
    return await keep(asking, asking.argument)


async def keep(asking: Asking, text: str) -> Decision | Refusal | None:
    """Keep what a person says is wrong."""
    if asking.member is None:
        return None
    place = await checkins.card(asking.unit, asking.card) if asking.card is not None else None
    return corrections.ask_correction(
        asking.member,
        asking.sender,
        text,
        occurrence=place.occurrence if place is not None else None,
        waiting=len(await stored.waiting_of(asking.unit, asking.sender)),
        answerer=await stored.answerer(asking.unit, asking.member.organisation),
        cause=asking.cause,
        now=asking.unit.now,
    )
