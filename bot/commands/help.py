"""帮助: what one can say here, fitting to who asks; and what the bot keeps."""

from __future__ import annotations

from bot.commands.asking import Asking
from content.decision import Decision, Refusal, Tell, Words, words
from storage import organisations


async def show_help(asking: Asking) -> Decision | Refusal | None:
    """Say in private what this person can do."""
    lines: list[Words] = []
    if asking.member is None:
        lines.append(words("help.stranger"))
    else:
        lines.append(words("help.member"))
    if await organisations.duties_of(asking.unit, asking.sender):
        lines.append(words("help.organiser"))
    lines.append(words("help.kept"))
    return Decision(effects=(Tell(user=asking.sender, words=words("help.all", lines=tuple(lines))),))
