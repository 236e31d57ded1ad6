"""活动 补充, and photos in answer to the card of an activity: what members give to its album, and take back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from bot.commands.asking import Asking, Place
from bot.commands.grammar import read
from bot.commands.removals import Removal, counts_of
from bot.commands.vocabulary import Verb
from bot.matrix.events import Event
from content import activities as rules
from content.activities import Activity, Note, Photo
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import ActivityId, EventId, RoomId, UserId
from content.live_messages import Sort
from content.members import Member
from storage import activities as stored
from storage import members, organisations, outbox_queries
from storage.unit import Reading

_MORE = re.compile(
    r"\s*(?:补充|補充|add)(?:\s*(?:一下|一点|一點|几句|幾句)\s*(?=[:：]))?\s*[:：,，]?\s*", re.IGNORECASE
)
_WORD = re.compile(r"\s*[!！]?\s*(?:活动|活動|activity)\s*[:：]?\s*", re.IGNORECASE)


async def activity(asking: Asking) -> Decision | Refusal | None:
    """活动 补充：…, in answer to the card or to the one activity that is open in the room: it goes into the album."""
    if asking.member is None:
        return None
    if asking.activity is None and (asking.place is Place.PRIVATE or not asking.argument):
        return refused("activity.how_to_note")
    shown = asking.activity or await _only_one(asking, asking.member)
    if shown is None:
        return refused("activity.how_to_note")
    if not await _may_give(asking.unit, shown, asking.member.organisation):
        return None
    text = _without_words(asking.text)
    given = rules.give_note(shown, text, member=asking.member.id, event=asking.event, now=asking.unit.now)
    if asking.activity is not None or isinstance(given, Refusal):
        return given
    # Where it went is said: they named no activity.
    told = Tell(user=asking.sender, words=words("activity.noted", title=shown.title))
    return replace(given, effects=(*given.effects, told))


def _without_words(text: str) -> str:
    return _MORE.sub("", _WORD.sub("", text, count=1), count=1)


async def edited(unit: Reading, sender: UserId, target: EventId, text: str) -> Decision | Refusal | None:
    """Take what the message of somebody's words about an activity was changed to; what is no such words leaves them."""
    note, member = await stored.note_by_event(unit, target), await members.by_user(unit, sender)
    one = await stored.activity(unit, note.activity) if note is not None else None
    if note is None or one is None or member is None or note.member != member.id:
        return None
    said = read(text)
    if said is None or said.verb is not Verb.ACTIVITY or not said.argument:
        return refused("activity.note_stands")
    return rules.change_note(one, note, _without_words(text), by=sender, now=unit.now)


async def _only_one(asking: Asking, member: Member) -> Activity | None:
    """Return the activity whose card stands in the room and that takes what is given now, if there is but one."""
    now = asking.unit.now
    here = await stored.in_room(asking.unit, asking.room, since=now - rules.FARTHEST)
    found = [
        one for one in here if rules.may_gather(one, now) and await _may_give(asking.unit, one, member.organisation)
    ]
    return found[0] if len(found) == 1 else None


async def _may_give(unit: Reading, one: Activity, place: Any) -> bool:
    return await organisations.stands_below(unit, place, [one.organisation])


async def shown_by(unit: Reading, room: RoomId, event: EventId) -> Activity | None:
    """Return the activity whose card a message of ours is."""
    live = await outbox_queries.live_by_event(unit, room, event)
    if live is None or live[0] is not Sort.ACTIVITY:
        return None
    return await stored.activity(unit, ActivityId(live[1]))


def is_photo(content: dict[str, Any]) -> EventId | None:
    """Return which message a picture answers, ``None`` for what is no picture in answer to one."""
    related = content.get("m.relates_to")
    reply = related.get("m.in_reply_to") if isinstance(related, dict) else None
    target = reply.get("event_id") if isinstance(reply, dict) else None
    return EventId(target) if content.get("msgtype") == "m.image" and isinstance(target, str) else None


async def hear_photo(unit: Reading, event: Event, target: EventId) -> Decision | Refusal | None:
    """Take a picture in answer to the card of an activity into its album; any other is not for us."""
    room = RoomId(event.room_id)
    one = await shown_by(unit, room, target)
    member = await members.by_user(unit, UserId(event.sender)) if one is not None else None
    if one is None or member is None or not await _may_give(unit, one, member.organisation):
        return None
    info = event.content.get("info")
    size = info.get("size") if isinstance(info, dict) else None
    return rules.give_photo(
        one,
        await stored.photos(unit, one.id),
        member=member.id,
        event=EventId(event.event_id),
        room=room,
        caption=_caption(event.content),
        size=size if type(size) is int else 0,
        now=unit.now,
    )


def _caption(content: dict[str, Any]) -> str:
    """Return what is said of a picture: its body, where its name stands beside it and is another."""
    body, name = content.get("body"), content.get("filename")
    return body if isinstance(body, str) and isinstance(name, str) and body != name else ""


async def removed(unit: Reading, removal: Removal) -> Decision | None:
    """Take out of its album what a message gave that was removed from its room, by who may."""
    photo = await stored.photo_by_event(unit, removal.target)
    if photo is not None:
        may = await counts_of(unit, removal, room=photo.room, member=photo.member)
        return rules.take_back_photo(photo) if may else None
    note = await stored.note_by_event(unit, removal.target)
    if note is None:
        return None
    # What is written comes in answer to the card, in the room of the activity.
    one = await stored.activity(unit, note.activity)
    may = await counts_of(unit, removal, room=one.room if one is not None else None, member=note.member)
    return rules.take_back_note(note) if may else None


async def last_of(unit: Reading, member: Any) -> tuple[Photo | Note, datetime] | None:
    """Return what a member gave last to any album, and when."""
    return await stored.last_of(unit, member)


async def room_of(unit: Reading, note: Note) -> RoomId | None:
    """Return the room of the activity of which somebody wrote."""
    one = await stored.activity(unit, note.activity)
    return one.room if one is not None else None


def take_back(what: Photo | Note) -> Decision:
    """Take what somebody gave out of its album."""
    return rules.take_back_photo(what) if isinstance(what, Photo) else rules.take_back_note(what)
