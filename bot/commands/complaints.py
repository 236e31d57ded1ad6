"""举报: a message is brought before those who moderate, by a reply or a 🚩 in its room, or by its link in private."""

from __future__ import annotations

import re
from urllib.parse import unquote

from bot.commands.asking import Asking, Place
from bot.commands.vocabulary import reason_in
from bot.matrix.events import Event
from content import complaints as rules
from content.complaints import Origin, TakeOut, Voice, voice_id, without_trace
from content.decision import Decision, Refusal, discreetly, refused
from content.identifiers import EventId, RoomId, UserId
from content.rooms import Room
from storage import complaints as stored
from storage import rooms
from storage.unit import Reading

FLAG = "🚩"

_LONGEST_ID = 255
_LINKS = (
    re.compile(r"https://matrix\.to/#/(?P<room>(?:!|%21)[^/?\s]{1,600})/(?P<event>(?:\$|%24)[^/?\s]{1,600})\S*"),
    re.compile(r"matrix:roomid/(?P<room>[^/?\s]{1,600})/e/(?P<event>[^/?\s]{1,600})\S*"),
    re.compile(r"https://matrix\.to/#/(?P<alias>(?:#|%23)[^/?\s]{1,600})/(?P<event>(?:\$|%24)[^/?\s]{1,600})\S*"),
    re.compile(r"matrix:r/(?P<alias>[^/?\s]{1,600})/e/(?P<event>[^/?\s]{1,600})\S*"),
)
"""Addresses of a message, by its room or by an alias of that."""


async def complain(asking: Asking) -> Decision | Refusal | None:
    """举报 …: what a reply answers, or what a link leads to."""
    target, words = _linked(asking.text)
    if asking.replied is not None and asking.place is Place.ROOM:
        target, words = (asking.room, asking.replied), asking.argument
    if target is None:
        return _how(asking)
    in_room = asking.place is Place.ROOM
    trace = TakeOut(room=asking.room, trace=asking.event) if in_room else None
    room = await _room(asking.unit, target[0], asking.settings.me)
    origin = Origin.ROOM if in_room else Origin.PRIVATE
    answer: Decision | Refusal
    if room is None or not (room.id == asking.room or await _was_there(asking.unit, room, asking.sender)):
        answer = discreetly(refused("complaint.unknown"))
    else:
        answer = await _complain(asking.unit, room, target[1], asking.sender, words, origin=origin)
    return without_trace(answer, asking.sender, trace)


def _how(asking: Asking) -> Refusal | None:
    """Say in private how one complains; in a room "complaint" begins many a sentence about something else."""
    if asking.place is Place.PRIVATE:
        return discreetly(refused("complaint.how"))
    english_talk = asking.argument and asking.text.isascii()
    return None if english_talk else discreetly(refused("complaint.how_from_room"))


async def tap(unit: Reading, event: Event, target: EventId, me: UserId) -> Decision | Refusal | None:
    """Take a 🚩 on a message in a room of ours as a complaint about it."""
    room = await rooms.room(unit, RoomId(event.room_id))
    if room is None or event.sender == me:
        return None
    sender, trace = UserId(event.sender), TakeOut(room=room.id, trace=EventId(event.event_id))
    answer = await _complain(unit, room, target, sender, "", origin=Origin.ROOM)
    return without_trace(answer, sender, trace)


async def _complain(
    unit: Reading,
    room: Room,
    target: EventId,
    reporter: UserId,
    words: str,
    *,
    origin: Origin,
) -> Decision | Refusal:
    if not _is_id("$", target):
        return discreetly(refused("complaint.unknown"))
    reason, said = reason_in(words)
    voice = Voice(
        id=voice_id(target, reporter),
        organisation=room.organisation,
        room=room.id,
        event=target,
        about=None,
        origin=origin,
        reason=reason,
        at=unit.now,
        reporter=reporter,
        words=said,
    )
    known = await stored.is_known(unit, voice.id)
    return discreetly(rules.complain(voice, known=known, today=await stored.number_today(unit, reporter)))


async def _room(unit: Reading, named: str, me: UserId) -> Room | None:
    """Return the room of ours that an id or an alias means."""
    if _is_id("#", named):
        return await rooms.by_alias(unit, named, me)
    return await rooms.room(unit, RoomId(named)) if _is_id("!", named) else None


async def _was_there(unit: Reading, room: Room, user: UserId) -> bool:
    """Tell whether somebody is in a room or was: to others nothing is said of what is in it, not even that it is."""
    own = await rooms.state(unit, room.id, "m.room.member", user)
    return own is not None and own[1].get("membership") in ("join", "leave")


def _linked(text: str) -> tuple[tuple[str, EventId] | None, str]:
    """Return to which message a text leads, by room or alias, and what else it says but for the command."""
    for pattern in _LINKS:
        found = pattern.search(text)
        if found is None:
            continue
        by_alias = "alias" in found.re.groupindex
        sign, room = ("#", found["alias"]) if by_alias else ("!", found["room"])
        room, event = sign + unquote(room).removeprefix(sign), "$" + unquote(found["event"]).removeprefix("$")
        rest = " ".join(f"{text[: found.start()]} {text[found.end() :]}".split())
        return (room, EventId(event)), _COMMAND.sub("", rest).strip(" ,，:：。")
    return None, ""


def _is_id(sign: str, written: str) -> bool:
    """Tell whether what somebody's client names can be the id of a room or an event at all."""
    return written.startswith(sign) and written.isprintable() and len(written.encode()) <= _LONGEST_ID


_COMMAND = re.compile(r"^!?\s*(?:举报|舉報|complaint)\s*", re.IGNORECASE)
