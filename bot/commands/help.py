"""帮助: what one can say here, fitting to the place and to who asks; and what the bot keeps."""

from __future__ import annotations

from bot.commands.asking import Asking, Place
from content.decision import Decision, Refusal, Tell, Words, words
from content.organisations import Right, roots
from storage import mutes, organisations


async def show_help(asking: Asking) -> Decision | Refusal | None:
    """Say in private what this person can do: in a room the few things that work there, in private everything."""
    lines: list[Words] = []
    in_room = asking.place is Place.ROOM
    held = await organisations.duties_of(asking.unit, asking.sender)
    has_duty = bool(held)
    if asking.member is not None:
        lines.append(words("help.room" if in_room else "help.member"))
    elif not has_duty:
        lines.append(words("help.stranger"))
    if has_duty:
        lines.append(words("help.organiser_room" if in_room else "help.organiser"))
    if roots(held, Right.MODERATE) and not in_room:
        lines.append(words("help.moderator"))
    until = await mutes.muted_until(asking.unit, asking.sender)
    if until is not None:
        lines.append(words("mute.is_on", until=until))
    lines.append(words("help.kept"))
    return Decision(effects=(Tell(user=asking.sender, words=words("help.all", lines=tuple(lines))),))
