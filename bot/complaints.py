"""Takes complaints up in their rooms: what the reporter left there goes, who wrote the message is read."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nacl import bindings as sodium

from bot.commands.understanding import may_complain
from bot.formatted import whole_text
from bot.matrix.events import Event, Poison, Unreadable
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from content.complaint_contexts import AROUND, LONGEST_TEXT, ContextRead, Outcome, Part
from content.complaints import TakeUp, Voice, found_author
from content.decision import Decision
from content.identifiers import Cause, ContextId, EventId, RoomId, UserId, VoiceId
from content.organisations import Right
from storage import complaint_contexts, complaints, organisations, outbox
from storage.crashpoints import crashpoint
from storage.outbox import Claimed
from storage.store import Step, Store
from storage.unit import Reading

_NO_WAY = frozenset({Kind.MISSING, Kind.REFUSED})


class Looking:
    """The eyes of moderation; everything here may be done again without a second effect."""

    def __init__(self, store: Store, homeserver: Homeserver, *, console: str) -> None:
        self._store = store
        self._homeserver = homeserver
        self._me = UserId(homeserver.user_id)
        self._console = console

    async def do(self, row: Claimed) -> None:
        """Do what a row asks for; what has no sense any more is let go. Raises Fault."""
        if row.kind is outbox.Kind.TRACE and row.room is not None and row.target is not None:
            await self._take_out(row.room, row.target, row.transaction)
        if row.room is None or row.matter is None:
            return
        if row.kind is outbox.Kind.CONTEXT:
            await self._read_around(row.room, ContextId(row.matter))
            return
        voice = await self._store.read(lambda unit: complaints.voice(unit, VoiceId(row.matter or "")))
        if voice is None:
            return
        author = voice.about or await self._author(voice)

        async def decide(unit: Reading) -> Decision | None:
            known = await complaints.voice(unit, voice.id)
            if known is None:
                return None
            new = author is not None and not await complaints.is_heard_about(unit, known, author)
            whom = await organisations.holders_of(unit, known.organisation, Right.MODERATE)
            return found_author(known, author, me=self._me, whom=whom, is_new=new, console=self._console)

        await self._store.settle([Step(cause=Cause(f"complaint:{voice.id}:author:{row.id}"), decide=decide)])

    async def _take_out(self, room: RoomId, trace: EventId, transaction: str) -> None:
        """Take what a reporter wrote or tapped out of the room, where the bot may."""
        try:
            await self._homeserver.redact(room, trace, transaction)
        except Fault as fault:
            if fault.kind not in _NO_WAY:
                raise
        crashpoint("complaint.trace_removed_before_kept")

    async def _author(self, voice: Voice) -> UserId | None:
        """Read who wrote a message, ``None`` where it is not there for us to see."""
        try:
            heard = await self._homeserver.read_again(voice.room, voice.event)
        except Fault as fault:
            if fault.kind not in _NO_WAY:
                raise
            return None
        return UserId(heard.sender) if heard is not None and heard.sender else None

    async def _read_around(self, room: RoomId, id: ContextId) -> None:  # noqa: A002
        """Read what is said around a message, and seal it for the page that asked."""
        asked = await self._store.read(lambda unit: complaint_contexts.asked(unit, id))
        voice = await self._store.read(lambda unit: complaints.voice(unit, asked.voice)) if asked is not None else None
        if asked is None or asked.outcome is not None or voice is None:
            return
        try:
            heard = await self._homeserver.around(room, voice.event, AROUND)
        except Fault as fault:
            if fault.kind not in _NO_WAY:
                raise
            await self._store.settle(notes=[ContextRead(id=id, outcome=Outcome.GONE, sealed=None)])
            return
        lines = [_line(one, meant=one.event_id == voice.event) for one in heard]
        plain = json.dumps([line for line in lines if line is not None], ensure_ascii=False).encode()
        sealed = sodium.crypto_box_seal(plain, asked.public)
        await self._store.settle(notes=[ContextRead(id=id, outcome=Outcome.READ, sealed=sealed)])


def _line(heard: Event | Unreadable | Poison, *, meant: bool) -> dict[str, object] | None:
    """Return an event near a message as the page reads it.

    One that is no talk only where it is the one meant; so too what was removed and what reads as a complaint, which
    would name the reporter.
    """
    if isinstance(heard, Poison):
        return None
    part, text = _part(heard)
    if not meant and (part in (Part.OTHER, Part.REMOVED) or (isinstance(heard, Event) and may_complain(heard))):
        return None
    said_at = heard.sent_at.isoformat()
    return {"sender": heard.sender, "at": said_at, "part": part, "text": text[:LONGEST_TEXT], "meant": meant}


def _part(heard: Event | Unreadable) -> tuple[Part, str]:
    if isinstance(heard, Unreadable):
        return Part.UNREADABLE, ""
    if heard.type == "m.room.encrypted":
        return (Part.UNREADABLE if heard.content else Part.REMOVED), ""
    if heard.type != "m.room.message":
        return Part.OTHER, ""
    body = heard.content.get("body")
    return (Part.TEXT, whole_text(heard.content)) if isinstance(body, str) else (Part.REMOVED, "")


async def take_up_again(store: Store, today: str) -> None:
    """Take complaints up once more, once a day, whose message could not be read when they came."""

    async def found(unit: Reading) -> list[Step]:
        return [_again(voice, today) for voice in await complaints.unread(unit)]

    steps = await store.read(found)
    if steps:
        await store.settle(steps)


def _again(voice: Voice, today: str) -> Step:
    effects: Iterable[TakeUp] = (TakeUp(voice=voice.id, organisation=voice.organisation, room=voice.room),)

    async def decide(_unit: Reading) -> Decision:
        return Decision(effects=tuple(effects))

    return Step(cause=Cause(f"complaint:{voice.id}:again:{today}"), decide=decide)
