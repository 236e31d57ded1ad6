"""控制台: a one-time link to the console, in private, for people with duties."""

from __future__ import annotations

import hashlib

from bot.commands.asking import Asking, Place
from content.decision import Decision, Refusal, Secret, Tell, refused, words
from content.sessions import LINK_LASTS, LinkIssued
from storage import organisations, rooms


def hash_token(token: str) -> str:
    """Return the hash under which a link's token, or a session's cookie, is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


async def open_console(asking: Asking) -> Decision | Refusal | None:
    """Give a sign-in link to who holds a duty; asked for in a room, the answer still comes in private."""
    if not await organisations.duties_of(asking.unit, asking.sender):
        return refused("console.no_duty")
    if asking.place is Place.PRIVATE and not asking.encrypted and await rooms.is_encrypted(asking.unit, asking.room):
        return refused("console.sent_in_clear")
    direct = await rooms.direct_room(asking.unit, asking.sender, asking.settings.me)
    if asking.settings.encrypted and direct is not None and not direct[1]:
        return refused("console.plain_room")
    token = asking.settings.secret()
    fact = LinkIssued(token_hash=hash_token(token), user=asking.sender, expires_at=asking.unit.now + LINK_LASTS)
    link = Secret(f"{asking.settings.console}/sign-in/{token}")
    said = words("console.link", link=link, minutes=int(LINK_LASTS.total_seconds()) // 60)
    return Decision(facts=(fact,), effects=(Tell(user=asking.sender, words=said),))
