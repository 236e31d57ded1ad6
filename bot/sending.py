"""Sends one row of the outbox: puts together what it says at that moment, and gives it to the homeserver once."""

from __future__ import annotations

import asyncio
import hashlib
import html
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.caretaking import Caretaking
from bot.charts import Chart, draw_bars, draw_shares
from bot.cleanings import Cleaner
from bot.complaints import Looking
from bot.locks import Locksmith
from bot.matrix import polls as poll_shapes
from bot.matrix.crypto import MARK
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from bot.photos import Album
from bot.policies import Warden
from bot.rehearsing import Rehearsing
from bot.sanctions import Hands
from content import cards
from content import disclosures as disclosure_rules
from content import polls as poll_rules
from content.amendments import notice_of_withdrawal
from content.cards import Message
from content.decision import Fact, Words, leads_somewhere, words
from content.digests import bars_of
from content.identifiers import EventId, RoomId, UserId
from content.live_messages import Sort
from content.media import Kind as MediumKind
from content.media import Medium, neutral_name
from content.occurrences import State as OccurrenceState
from content.rooms import DirectRoomKept
from content.speech import Reader, Speech
from storage import (
    holdings,
    lessons,
    live_messages,
    media,
    members,
    mutes,
    organisations,
    outbox,
    rooms,
    shown,
    watchwords,
)
from storage.crashpoints import crashpoint
from storage.media import StoredMedium
from storage.outbox import Claimed, Postponed, Sent
from storage.store import Store
from storage.unit import Reading

REMEMBERED = timedelta(hours=23)
"""Homeservers keep transaction ids for a day; after that, or from another device, we look before we send again."""

LONGEST_FALLBACK = 600
"""Characters of an edit that are said again for clients that know no edits."""

UPLOAD_PATIENCE = timedelta(seconds=5)
"""How long a room waits before it looks again for a medium that is being uploaded for another one."""

PICTURE_TRIES = 3
"""How often a picture in private is tried before it is put into words: the question behind it waits for it."""

MESSAGE_TYPES = {MediumKind.PICTURE: "m.image", MediumKind.VIDEO: "m.video", MediumKind.DOCUMENT: "m.file"}


class TooLate(Exception):
    """After a restore: what was to be shown is not in its room, and its time is over."""


class RoomRefused(Fault):
    """The homeserver limits how fast rooms are made; messages go on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind, status=fault.status, errcode=fault.errcode, retry_after=fault.retry_after)


class Listener(Struct, frozen=True, kw_only=True):
    """Where a person is spoken to, ``None`` while there is no private room, and how they read."""

    room: RoomId | None
    reader: Reader


class Sender:
    """What a Matrix device sends; when, in which order and how often it is tried is for who calls."""

    def __init__(
        self, store: Store, homeserver: Homeserver, speech: Speech, *, encrypted: bool, console: str = ""
    ) -> None:
        self._store = store
        self._homeserver = homeserver
        self._speech = speech
        self._encrypted = encrypted
        self._looking = Looking(store, homeserver, console=console)
        self._rehearsing = Rehearsing(store, homeserver, console=console)
        self._caretaking = Caretaking(store, homeserver, speech, encrypted=encrypted)
        self._hands = Hands(store, homeserver, speech)
        self._locksmith = Locksmith(store, homeserver)
        self._cleaner = Cleaner(store, homeserver)
        self._warden = Warden(store, homeserver, speech)
        self._album = Album(store, homeserver)
        self._uploading: set[tuple[str, bool]] = set()

    async def send(self, row: Claimed, listener: Listener | None = None) -> list[Fact]:
        """Send a row and return what is to be recorded; ``listener`` is whom it speaks to, if that is known."""
        match row.kind:
            case outbox.Kind.JOIN if row.room:
                await self._homeserver.join(row.room)
                return [self._sent(row, None)]
            case outbox.Kind.INVITE if row.room and row.user:
                await self._homeserver.invite(row.room, row.user)
                return [self._sent(row, None)]
            case outbox.Kind.DECLINE if row.room:
                await self._homeserver.leave(row.room)
                return [self._sent(row, None)]
            case outbox.Kind.MAKE | outbox.Kind.MEND | outbox.Kind.REMOVE | outbox.Kind.SUCCEED:
                await self._caretaking.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.IMPOSE | outbox.Kind.LIFT | outbox.Kind.EVIDENCE | outbox.Kind.HIDE:
                await self._hands.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.PHOTO:
                await self._album.fetch(row)
                return [self._sent(row, None)]
            case outbox.Kind.REHEARSAL:
                await self._rehearsing.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.TRACE | outbox.Kind.COMPLAINT | outbox.Kind.CONTEXT:
                await self._looking.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.LOCK | outbox.Kind.UNLOCK:
                await self._locksmith.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.COUNT | outbox.Kind.CLEAN:
                return [await self._cleaner.do(row) or self._sent(row, None)]
            case outbox.Kind.ENTER | outbox.Kind.KEEP_OUT | outbox.Kind.LET_IN:
                await self._warden.do(row)
                return [self._sent(row, None)]
            case outbox.Kind.TELL:
                return await self._tell(row, listener)
            case outbox.Kind.PICTURE:
                return await self._show_picture(row)
            case outbox.Kind.PREVIEW:
                return await self._show_first(row)
            case outbox.Kind.DISCLOSURE:
                return await self._disclose(row)
            case outbox.Kind.SAY:
                return await self._say_in_room(row)
            case outbox.Kind.LIVE | outbox.Kind.LIVE_EDIT:
                return await self._live(row)
            case outbox.Kind.LESSON:
                return await self._show_again(row)
            case outbox.Kind.CHART:
                return await self._draw(row)
            case outbox.Kind.FIGURE:
                return await self._draw_figure(row)
            case outbox.Kind.POLL | outbox.Kind.POLL_END | outbox.Kind.RESULT:
                return await self._poll(row)
            case _:
                return await self._show(row)

    def _sent(self, row: Claimed, event_id: str | None) -> Sent:
        return Sent(claimed=row, event_id=EventId(event_id) if event_id else None, at=self._store.now())

    async def _put(
        self, row: Claimed, room: RoomId, content: dict[str, Any], event_type: str = "m.room.message"
    ) -> Sent:
        """Send once: by the homeserver's memory of the transaction, or by reading the room where that may be gone."""
        now = self._store.now()
        if now - row.first_try_at > REMEMBERED or row.device != self._homeserver.device_id:
            found = await self._homeserver.find_sent(room, row.id, row.first_try_at - timedelta(minutes=5))
            crashpoint("outbox.looked_before_send")
            if found is not None:
                return self._sent(row, found)
            if row.device == outbox.LOST_DEVICE and row.part == 0 and row.expires_at and row.expires_at < now:
                raise TooLate
        marked = {**content, MARK: row.id}
        if self._homeserver.encrypted(room) is not False or _might_call(content):
            marked["m.mentions"] = {}
        return self._sent(row, await self._homeserver.send(room, event_type, marked, row.transaction))

    async def _tell(self, row: Claimed, listener: Listener | None) -> list[Fact]:
        if row.user is None:
            return [self._sent(row, None)]
        if row.words is None:
            raise Fault(Kind.SEALED, permanent=True)
        user, said = row.user, row.words
        if listener is None:
            listener = await self._store.read(lambda unit: self.listener(unit, user))
        if row.quiet or row.unasked:
            # Who has asked for silence is left out here, at the last moment, whoever began it and however long ago.
            silent = await self._store.read(lambda unit: mutes.muted_until(unit, user))
            if silent is not None or (listener.room is None and row.quiet):
                return [self._sent(row, None)]
        room, reader = await self._private(row, user, listener)
        body = await self._signed(user, said, self._speech.say(said, reader), reader)
        return [await self._put(row, room, {"msgtype": "m.notice", "body": body})]

    async def _signed(self, user: UserId, said: Words, text: str, reader: Reader) -> str:
        """Put a person's own words under what holds a link of ours, whatever the link is for."""
        if not leads_somewhere(said):
            return text
        known = await self._store.read(lambda unit: watchwords.known_to(unit, user))
        return text if known is None else f"{text}\n{self._say(words('watchword.signed', text=known), reader)}"

    async def _private(self, row: Claimed, user: UserId, listener: Listener | None = None) -> tuple[RoomId, Reader]:
        """Return a person's private room, made where there is none, and how they are to be spoken to there."""
        if listener is None:
            listener = await self._store.read(lambda unit: self.listener(unit, user))
        room, reader = listener.room, listener.reader
        if row.language is not None:
            reader = Reader(language=row.language, timezone=reader.timezone)
        if room is None:
            room = await self._make_private_room(user)
            crashpoint("private_room.made_before_kept")
            kept = DirectRoomKept(user=user, room=room, encrypted=self._encrypted)
            await self._store.settle(notes=[kept])
            crashpoint("private_room.kept_before_send")
        return room, reader

    async def _disclose(self, row: Claimed) -> list[Fact]:
        """Put everything held about a person together now, and give it to them as a file; it is kept nowhere."""
        if row.user is None:
            return [self._sent(row, None)]
        user = row.user
        room, reader = await self._private(row, user)
        encrypted = self._homeserver.encrypted(room) is not False
        if self._encrypted and not encrypted:
            # The room was asked about when the file was asked for; it may have been changed since.
            raise Fault(Kind.PLAINTEXT, permanent=True)
        now = self._store.now()
        held = await self._store.read(lambda unit: holdings.collect(unit, user))
        text = disclosure_rules.compose(held, user, lambda said: self._say(said, reader), now=now)
        local = now.astimezone(ZoneInfo(reader.timezone))
        name = self._say(words("disclosure.file", date=f"{local:%Y-%m-%d}"), reader)
        # The mark keeps old editors from taking the file for something other than UTF-8.
        data = text.encode("utf-8-sig")
        mimetype = disclosure_rules.MIMETYPE
        sent_as = await self._homeserver.upload(_one_piece(data), mimetype, name, size=len(data), encrypted=encrypted)
        info = {"mimetype": mimetype, "size": len(data)}
        return [
            await self._put(row, room, {"msgtype": "m.file", "body": name, "filename": name, "info": info, **sent_as})
        ]

    async def _show_again(self, row: Claimed) -> list[Fact]:
        """Show one part of a card to one person, as it was sent to its room, with what they may do here."""
        if row.user is None or row.card is None:
            return [self._sent(row, None)]
        card = row.card
        seen = await self._store.read(lambda unit: shown.card(unit, card))
        if seen is None or seen.standing.state is OccurrenceState.WITHDRAWN:
            return [self._sent(row, None)]
        room, reader = await self._private(row, row.user)
        messages = cards.compose_again(seen.lesson, seen.standing, lambda said: self._say(said, reader))
        if row.part >= len(messages):
            # It was corrected since it was asked for, and has become shorter.
            return [self._sent(row, None)]
        message = messages[row.part]
        if message.medium is None:
            return [await self._put(row, room, _text(message))]
        return await self._shown(row, room, message, message.medium)

    async def _show_first(self, row: Claimed) -> list[Fact]:
        """Show one part of a lesson to whoever wants to see it before it goes out, as it is at this moment."""
        if row.user is None or row.lesson is None:
            return [self._sent(row, None)]
        wanted = row.lesson
        lesson = await self._store.read(lambda unit: lessons.lesson(unit, wanted))
        room, reader = await self._private(row, row.user)
        messages = cards.compose_first(lesson, lambda said: self._say(said, reader)) if lesson is not None else ()
        if row.part >= len(messages):
            return [self._sent(row, None)]
        message = messages[row.part]
        if message.medium is None:
            return [await self._put(row, room, _text(message))]
        return await self._shown(row, room, message, message.medium)

    async def _show_picture(self, row: Claimed) -> list[Fact]:
        """Show one person a picture that they are asked about next, or say what it shows where it cannot be shown."""
        if row.user is None or row.words is None or row.picture is None:
            return [self._sent(row, None)]
        hash, said = row.picture, row.words  # noqa: A001 - the field's name
        room, reader = await self._private(row, row.user)
        message = Message(body=self._say(said, reader))
        stored = await self._store.read(lambda unit: media.medium(unit, hash))
        if stored is not None:
            try:
                return await self._medium(row, room, message, stored, neutral_name(stored.kind, stored.mimetype))
            except Fault as fault:
                if fault.kind is Kind.LIMITED or not (fault.permanent or row.failures >= PICTURE_TRIES):
                    raise
        return [await self._put(row, room, {"msgtype": "m.notice", "body": message.body})]

    async def listener(self, unit: Reading, user: UserId) -> Listener:
        """Find a person's private room, their language and their zone."""
        return (await self.listeners(unit, [user]))[user]

    async def listeners(self, unit: Reading, users: Collection[UserId]) -> dict[UserId, Listener]:
        """Find the same of everybody to whom a wave speaks."""
        if not users:
            return {}
        direct = await rooms.direct_rooms_of(unit, users, UserId(self._homeserver.user_id))
        readers = await members.readers(unit, users)
        return {
            user: Listener(
                room=direct[user][0] if user in direct else None,
                reader=readers.get(user) or await self._reader_on_duty(unit, user),
            )
            for user in users
        }

    async def _reader_on_duty(self, unit: Reading, user: UserId) -> Reader:
        """Return how a person reads who is no member: as it is usual where they have a duty."""
        duties = await organisations.duties_of(unit, user)
        node = await organisations.organisation(unit, duties[0].organisation) if duties else None
        return Reader(language=node.language, timezone=node.timezone) if node else Reader()

    async def _make_private_room(self, user: UserId) -> RoomId:
        """Make the private room of a person; its alias is the same every time, so that a kill cannot leave two."""
        name = hashlib.sha256(f"{self._homeserver.user_id} {user}".encode()).hexdigest()[:24]
        room = await self._create_room(
            alias=f"zhibu-dm-{name}",
            encrypted=self._encrypted,
            invite=[user],
            is_direct=True,
            # Nobody is let in later who could read what was said to one person.
            power_levels={"invite": 100},
        )
        return RoomId(room)

    async def _create_room(self, **settings: Any) -> str:
        """Make a room; that rooms are limited must not hold up what needs none."""
        try:
            return await self._homeserver.create_room(**settings)
        except Fault as fault:
            if fault.kind is Kind.LIMITED:
                raise RoomRefused(fault) from None
            raise

    async def _say_in_room(self, row: Claimed) -> list[Fact]:
        """Say a row's words in its room, as its organisation speaks."""
        id, room, said = row.organisation, row.room, row.words  # noqa: A001 - the field's name
        if id is None or room is None or said is None:
            return [self._sent(row, None)]
        node = await self._store.read(lambda unit: organisations.organisation(unit, id))
        reader = Reader(language=node.language, timezone=node.timezone) if node else Reader()
        return [await self._put(row, room, {"msgtype": "m.notice", "body": self._say(said, reader)})]

    async def _live(self, row: Claimed) -> list[Fact]:
        """Put a live message into its room, or edit it there, as what it shows stands now."""
        id, room = row.matter, row.room  # noqa: A001 - the field's name
        if id is None or room is None or row.subject is None:
            return [self._sent(row, None)]
        sort = Sort(row.subject)
        seen = await self._store.read(lambda unit: live_messages.shown(unit, sort, id))
        if seen is None:
            return [self._sent(row, None)]
        lines = "\n".join(self._say(line, seen.reader) for line in seen.lines).splitlines()
        title, *rest = [html.escape(line) for line in lines]
        message = Message(body="\n".join(lines), html="<br>".join([f"<strong>{title}</strong>", *rest]))
        if row.kind is outbox.Kind.LIVE:
            return [await self._put(row, room, _text(message))]
        if row.target is None:
            return [self._sent(row, None)]
        return [await self._put(row, room, _edit(message, row.target))]

    async def _poll(self, row: Claimed) -> list[Fact]:
        """Put a poll, its end or its result into the room; what has no place or no sense any more is let go."""
        id, room = row.poll, row.room  # noqa: A001 - the field's name
        found = await self._store.read(lambda unit: shown.poll(unit, id)) if id else None
        if found is None or room is None:
            return [self._sent(row, None)]
        poll, box, reader = found
        if row.kind is outbox.Kind.RESULT:
            said = {"msgtype": "m.notice", "body": self._say(row.words, reader)} if row.words else None
            return [await self._put(row, room, said) if said else self._sent(row, None)]
        if row.kind is outbox.Kind.POLL:
            if poll.state is not poll_rules.State.OPEN:
                return [self._sent(row, None)]
            question = self._say(poll_rules.shown_question(poll), reader)
            start = poll_shapes.write_start(poll.sheet, question, self._say(poll_rules.invitation(poll), reader))
            return [await self._put(row, room, start, poll_shapes.START)]
        if poll.event is None or poll.state is poll_rules.State.WITHDRAWN:
            return [self._sent(row, None)]
        lines = poll_rules.result_lines(poll, poll_rules.count(poll, box))
        result = self._say(words("poll.result", question=poll.sheet.question, lines=lines), reader)
        return [await self._put(row, room, poll_shapes.write_end(poll.event, result), poll_shapes.END)]

    async def _draw(self, row: Claimed) -> list[Fact]:
        """Draw the result of a poll in its room; what the picture shows is its text as well, for who cannot see it."""
        id, room = row.poll, row.room  # noqa: A001 - the field's name
        found = await self._store.read(lambda unit: shown.poll(unit, id)) if id else None
        if found is None or room is None or found[0].result is None:
            return [self._sent(row, None)]
        poll, _, reader = found
        result = poll.result
        assert result is not None
        votes = [result.everyone.votes.get(answer.id, 0) for answer in poll.sheet.answers]
        drawn = await asyncio.to_thread(draw_bars, votes)
        said = words("poll.chart", question=poll.sheet.question, lines=poll_rules.result_lines(poll, result))
        return [await self._picture(row, room, drawn, self._say(said, reader))]

    async def _draw_figure(self, row: Claimed) -> list[Fact]:
        """Draw what the words of a row say, which stand beside the picture for who cannot see it."""
        id, room, said = row.organisation, row.room, row.words  # noqa: A001 - the field's name
        if id is None or room is None or said is None:
            return [self._sent(row, None)]
        node = await self._store.read(lambda unit: organisations.organisation(unit, id))
        reader = Reader(language=node.language, timezone=node.timezone) if node else Reader()
        drawn = await asyncio.to_thread(draw_shares, bars_of(said))
        return [await self._picture(row, room, drawn, self._say(said, reader))]

    async def _picture(self, row: Claimed, room: RoomId, drawn: Chart, said: str) -> Sent:
        """Put a picture that was drawn into a room, with what it shows in words."""
        info = {"mimetype": drawn.mimetype, "size": len(drawn.data), "w": drawn.width, "h": drawn.height}
        sent_as = await self._homeserver.upload(
            _one_piece(drawn.data),
            drawn.mimetype,
            drawn.name,
            size=len(drawn.data),
            encrypted=self._homeserver.encrypted(room) is not False,
        )
        return await self._put(row, room, {"msgtype": "m.image", "body": said, "info": info, **sent_as})

    async def _show(self, row: Claimed) -> list[Fact]:
        """Put into the room what a row says of its card as it stands now; what has no place any more is let go."""
        if row.card is None or row.room is None:
            return [self._sent(row, None)]
        if row.kind is outbox.Kind.REDACT:
            return [await self._redact(row, row.room)]
        card = row.card
        seen = await self._store.read(lambda unit: shown.card(unit, card))
        if seen is None:
            return [self._sent(row, None)]

        def say(said: Words) -> str:
            return self._say(said, seen.reader)

        if row.kind is outbox.Kind.NOTICE:
            said = say(notice_of_withdrawal(seen.lesson))
            return [await self._put(row, row.room, {"msgtype": "m.notice", "body": said})]
        if seen.standing.state is OccurrenceState.WITHDRAWN:
            return [await self._look(row, row.room)]
        part = seen.layout.live if row.kind is outbox.Kind.EDIT else row.part
        message = seen.messages(say).get(part)
        if message is None:
            return [await self._look(row, row.room)]
        if row.kind in (outbox.Kind.EDIT, outbox.Kind.AMEND):
            if row.target is None:
                return [self._sent(row, None)]
            return [await self._put(row, row.room, _edit(message, row.target))]
        if message.medium is None:
            return [await self._put(row, row.room, _text(message))]
        return await self._shown(row, row.room, message, message.medium)

    async def _look(self, row: Claimed, room: RoomId) -> Sent:
        """Send no more what was taken back meanwhile, but know of it if an earlier try arrived."""
        return self._sent(row, await self._homeserver.find_sent(room, row.id, row.first_try_at - timedelta(minutes=5)))

    async def _redact(self, row: Claimed, room: RoomId) -> Sent:
        if row.target is None:
            return self._sent(row, None)
        try:
            return self._sent(row, await self._homeserver.redact(room, row.target, row.transaction))
        except Fault as fault:
            if fault.kind is Kind.MISSING:
                # The homeserver has forgotten the message itself; nothing is left to take back.
                return self._sent(row, None)
            raise

    def _say(self, said: Words, reader: Reader) -> str:
        return self._speech.say(said, reader)

    async def _shown(self, row: Claimed, room: RoomId, message: Message, medium: Medium) -> list[Fact]:
        """Send a medium of a card, and where its bytes are not kept what it shows."""
        stored = await self._store.read(lambda unit: media.medium(unit, medium.hash))
        if stored is None:
            return [await self._put(row, room, _text(message))]
        return await self._medium(row, room, message, stored, medium.name)

    async def _medium(
        self, row: Claimed, room: RoomId, message: Message, stored: StoredMedium, name: str
    ) -> list[Fact]:
        """Send a medium under a name, uploading its bytes the first time they are needed; its other rooms wait."""
        encrypted = self._homeserver.encrypted(room) is not False
        key = (stored.hash, encrypted)
        known = await self._store.read(lambda unit: media.upload(unit, stored.hash, encrypted=encrypted))
        if known is None:
            if key in self._uploading:
                later = self._store.now() + UPLOAD_PATIENCE
                return [Postponed(claimed=row, not_before=later, error="uploading", counts=False)]
            self._uploading.add(key)
            try:
                # The same bytes may be another organisation's, and its name for them its own.
                neutral = neutral_name(stored.kind, stored.mimetype)
                known = await self._homeserver.upload(
                    self._bytes(stored), stored.mimetype, neutral, size=stored.size, encrypted=encrypted
                )
                crashpoint("medium.uploaded_before_kept")
                fact = media.MediumUploaded(hash=stored.hash, encrypted=encrypted, content=known)
                await self._store.settle(notes=[fact])
                crashpoint("medium.kept_before_send")
            finally:
                self._uploading.discard(key)
        return [await self._put(row, room, {**_described(stored, known, name), "body": message.body})]

    async def _bytes(self, stored: StoredMedium) -> AsyncIterator[bytes]:
        for place in range(stored.pieces):
            yield await self._store.read(partial(media.piece, hash=stored.hash, place=place))


async def _one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _described(stored: StoredMedium, known: dict[str, Any], name: str) -> dict[str, Any]:
    info: dict[str, Any] = {"mimetype": stored.mimetype, "size": stored.size}
    if stored.width and stored.height:
        info |= {"w": stored.width, "h": stored.height}
    if stored.seconds is not None:
        info["duration"] = stored.seconds * 1000
    return {"msgtype": MESSAGE_TYPES[stored.kind], "filename": name, "info": info, **known}


def _might_call(content: dict[str, Any]) -> bool:
    """Tell whether a client or homeserver could find in a message that it calls somebody, unless it says that it won't.

    By the default push rules a notice calls nobody, whatever it says: ``.m.rule.suppress_notices`` comes before those
    that look for names. Saying so as well costs Synapse as much again as the message itself, for it builds the schema
    of ``m.mentions`` anew each time. In an encrypted room it sees neither.
    """
    return content.get("msgtype") != "m.notice" or "m.relates_to" in content or "@" in str(content.get("body"))


def _text(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "m.notice",
        "body": message.body,
        "format": "org.matrix.custom.html",
        "formatted_body": message.html or message.body,
    }


def _edit(message: Message, target: EventId) -> dict[str, Any]:
    """Return an edit; what clients without edits show of it is cut short, for both texts have to fit into one event."""
    fresh = _text(message)
    brief = message.body if len(message.body) <= LONGEST_FALLBACK else f"{message.body[:LONGEST_FALLBACK]} …"
    return {
        "msgtype": fresh["msgtype"],
        "body": f"* {brief}",
        "m.new_content": {**fresh, "m.mentions": {}},
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }
