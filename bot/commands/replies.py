"""Whose message a reply answers: what people say to each other in a room is no answer to anything of the bot's."""

from __future__ import annotations

import re
from typing import Any

from bot.matrix.events import Event
from content.counted_messages import Sort
from content.identifiers import EventId, RoomId, UserId
from storage import counted_messages, outbox_queries
from storage.unit import Reading

_QUOTED = re.compile(r"> (?:\* )?<(?P<user>@[^>\s]+)>")
"""How older clients begin the quoted part of a reply: with who said it."""


def replied(content: dict[str, Any]) -> EventId | None:
    """Return the message that another answers."""
    related = content.get("m.relates_to")
    reply = related.get("m.in_reply_to") if isinstance(related, dict) else None
    target = reply.get("event_id") if isinstance(reply, dict) else None
    return EventId(target) if isinstance(target, str) else None


async def answers_another(unit: Reading, event: Event, target: EventId, me: UserId) -> bool:
    """Tell of a reply that it surely answers somebody else: where it cannot be known, it does not.

    The bot keeps no talk, so it knows whom a reply answers by what counted before, and by what the reply itself says:
    clients name there who is answered. Who began a sign-up by their message is answered as its message would be.
    """
    if await outbox_queries.ours(unit, RoomId(event.room_id), [target]):
        return False
    known = await counted_messages.message(unit, target)
    if known is not None:
        return known.sort is not Sort.BEGUN and known.user != event.sender
    quoted = _QUOTED.match(event.content["body"])
    if quoted is not None:
        return quoted["user"] not in (me, event.sender)
    mentions = event.content.get("m.mentions")
    users = mentions.get("user_ids") if isinstance(mentions, dict) else None
    return isinstance(users, list) and bool(users) and me not in users
