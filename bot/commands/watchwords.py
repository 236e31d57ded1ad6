"""暗语 石榴花开: the words by which one knows the bot's private links from those of a false one; in private only."""

from __future__ import annotations

from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise
from content import watchwords
from content.decision import Decision, Refusal
from storage import watchwords as stored


async def watchword(asking: Asking) -> Decision | Refusal | None:
    """Choose the words, end them, or say which they are."""
    if asking.place is not Place.PRIVATE:
        return None
    typed = asking.argument.strip()
    if not typed:
        return watchwords.show(asking.sender, await stored.known_to(asking.unit, asking.sender))
    if normalise(typed).casefold() in watchwords.GONE:
        return watchwords.drop(asking.sender)
    return watchwords.choose(asking.sender, typed)
