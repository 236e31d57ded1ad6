"""Whom a message speaks to: the bot, by a mention or its name typed by hand, and others; and what it says to them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from bot.commands.grammar import Said, read
from bot.matrix.events import Event
from content.identifiers import RoomId, UserId
from storage import rooms
from storage.unit import Reading

LONGEST_NAMED = 300
"""Characters at the beginning of a message in which the bot's name is looked for."""

_AT = ("@", "＠")
_MENTION = re.compile(r"^\s*[@＠]?\S+?(?::\S+)?\s*[:：,，]?\s+")
_CALLED = re.compile(r"^\s*[@＠]?\S{1,30}?\s*[:：,，]\s*(?=\S)")


def mentions(content: dict[str, Any], me: UserId) -> bool:
    """Tell whether a message mentions the bot as clients mark it."""
    marked = content.get("m.mentions")
    users = marked.get("user_ids") if isinstance(marked, dict) else None
    return isinstance(users, list) and me in users


def may_name(text: str) -> bool:
    """Tell whether a text begins as one that names somebody, not asking whom."""
    return text.lstrip().startswith(_AT)


def names_account(text: str, me: UserId) -> bool:
    """Tell whether a text begins with @ and the bot's account, whole or without its server."""
    return may_name(text) and names_one(text, (me, _local(me)))


def names_one(text: str, names: tuple[str, ...]) -> bool:
    """Tell whether a text begins with @ and one of these names, as older clients and people by hand call somebody."""
    plain = unicodedata.normalize("NFKC", text.lstrip()[:LONGEST_NAMED])
    named = "|".join(re.escape(unicodedata.normalize("NFKC", name).removeprefix("@")) for name in names)
    # @zhibu:elsewhere.example is somebody else, and @支部助手们 nobody.
    if re.match(rf"@(?:{named})(?:[\s,]|:(?![!-~])|$)", plain, re.IGNORECASE):
        return True
    # @支部助手我的: with nothing between the two it is the rest that tells.
    close = re.match(rf"@(?:{named})(?P<rest>[^\x00-\x7f].*)", plain, re.IGNORECASE | re.DOTALL)
    return close is not None and read(close["rest"]) is not None


async def names_of_bot(unit: Reading, room: RoomId, me: UserId) -> tuple[str, ...]:
    """Return the names by which the bot may be spoken to in a room, longest first."""
    own = await rooms.state(unit, room, "m.room.member", me)
    shown = own[1].get("displayname") if own else None
    names = {me, _local(me), shown if isinstance(shown, str) else ""}
    return tuple(sorted((name for name in names if name), key=len, reverse=True))


def without_names(text: str) -> tuple[str, str]:
    """Return a text without the name that may stand before it: as one word, and as what stands before a colon."""
    return _MENTION.sub("", text, count=1), _CALLED.sub("", text, count=1)


def without_name(text: str, names: tuple[str, ...]) -> str:
    """Drop who is spoken to, before or after what is said; a name that is not known is taken to be one word."""
    for name in names:
        called = rf"[@＠]?{re.escape(name)}"
        rest = re.sub(rf"^\s*{called}\s*[:：,，]?\s*|[\s,，]*{called}\s*$", "", text, flags=re.IGNORECASE)
        if rest != text and rest.strip():
            return rest
    if read(text) is not None:
        return text
    after_word, after_colon = without_names(text)
    # Of 支部助手：求助 … the name ends at its colon, of @zhibu:server 求助 … at the space.
    if after_word == text or (after_colon != text and read(after_colon) is not None):
        return after_colon
    return after_word


def called(event: Event, me: UserId) -> tuple[UserId, ...]:
    """Return whom a message calls, but for the bot and who sent it."""
    marked = event.content.get("m.mentions")
    users = marked.get("user_ids") if isinstance(marked, dict) else None
    named = users if isinstance(users, list) else []
    return tuple(dict.fromkeys(UserId(one) for one in named if isinstance(one, str) and one not in (me, event.sender)))


def calls(event: Event, me: UserId, said: Said) -> bool:
    """Tell whether a command in a room says whom it is about, so that it is more than talk."""
    return bool(called(event, me)) or said.argument.startswith("@")


def _local(me: UserId) -> str:
    return me.partition(":")[0].removeprefix("@")
