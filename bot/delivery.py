"""The one way out: takes rows of the outbox to the homeserver, in order within a room, side by side across rooms."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct

from bot.caretaking import Caretaking
from bot.matrix import polls as poll_shapes
from bot.matrix.crypto import MARK
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Homeserver
from bot.tally import Tally
from content import cards
from content import disclosures as disclosure_rules
from content import polls as poll_rules
from content.cards import Message
from content.decision import Fact, Words, words
from content.identifiers import EventId, RoomId, UserId
from content.media import Kind as MediumKind
from content.media import Medium
from content.occurrences import State as OccurrenceState
from content.rooms import DirectRoomKept
from content.speech import Reader, Speech
from storage import (
    disclosures,
    media,
    members,
    mutes,
    organisations,
    outbox,
    outbox_claims,
    outbox_queries,
    pace,
    rooms,
    shown,
)
from storage.crashpoints import crashpoint
from storage.media import StoredMedium
from storage.outbox import Claimed, GivenUp, Postponed, Sent
from storage.store import Store
from storage.unit import Reading

LEASE = timedelta(seconds=120)
REMEMBERED = timedelta(hours=23)
"""Homeservers keep transaction ids for a day; after that, or from another device, we look before we send again."""

MOST_FAILURES = 30
MOST_BREAKS = 4
"""How often a row may break the sender itself before it is given up."""

UPKEEP = frozenset({outbox.Kind.MAKE, outbox.Kind.MEND, outbox.Kind.INVITE, outbox.Kind.REMOVE, outbox.Kind.SUCCEED})
"""Kinds by which rooms are kept in order."""

COMING_AND_GOING = frozenset({outbox.Kind.JOIN, outbox.Kind.DECLINE}) | UPKEEP
"""Kinds that send no message; that they are limited is nobody else's limit."""

LONGEST_PAUSE = 300.0
SHORTEST_SLEEP, LONGEST_SLEEP = 0.2, 5.0
"""Seconds between two looks at what the outbox holds for later."""

LONGEST_FALLBACK = 600
"""Characters of an edit that are said again for clients that know no edits."""

UPLOAD_PATIENCE = timedelta(seconds=5)
"""How long a room waits before it looks again for a medium that is being uploaded for another one."""

MESSAGE_TYPES = {MediumKind.PICTURE: "m.image", MediumKind.VIDEO: "m.video", MediumKind.DOCUMENT: "m.file"}

log = structlog.get_logger(__name__)


class _TooLate(Exception):
    """After a restore: what was to be shown is not in its room, and its time is over."""


class _RoomRefused(Fault):
    """The homeserver limits how fast rooms are made; messages go on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind, status=fault.status, errcode=fault.errcode, retry_after=fault.retry_after)


class Listener(Struct, frozen=True, kw_only=True):
    """Where a person is spoken to, ``None`` while there is no private room, and how they read."""

    room: RoomId | None
    reader: Reader


class Delivery:
    """A worker that drives one Matrix device."""

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        speech: Speech,
        *,
        encrypted: bool = True,
        width: int = 32,
        jitter: Callable[[float], float] = lambda wait: wait,
    ) -> None:
        self._store = store
        self._homeserver = homeserver
        self._speech = speech
        self._encrypted = encrypted
        self._width = width
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._closed_until: datetime | None = None
        self._upkeep_closed_until: datetime | None = None
        self._caretaking = Caretaking(store, homeserver, speech, encrypted=encrypted)
        self._uploading: set[tuple[str, bool]] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.tally = Tally()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def idle(self, longest: float) -> None:
        """Wait until nothing is being sent, for some seconds at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), longest)

    def clock_set_back(self, by: timedelta) -> None:
        """Let a limit of the homeserver last as long as it was meant to, whatever the wall clock says by now."""
        if self._closed_until is not None:
            self._closed_until -= by
        if self._upkeep_closed_until is not None:
            self._upkeep_closed_until -= by
        self.wake()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then finished first."""
        # A limit that was named to an earlier process holds for this one too.
        self._closed_until = await self._store.read(pace.closed_until)
        self._store.employ(self)
        try:
            while True:
                self._wake.clear()
                try:
                    await self._store.offer()
                    await self._sleep()
                except Exception as error:
                    # The database may be busy or full; rows stay where they are and are looked at again.
                    log.error("delivery round failed", kind=type(error).__name__)
                    await asyncio.sleep(1)
        finally:
            self._store.dismiss()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=8)

    def wish(self) -> outbox_claims.Wish | None:
        """Return what can be taken on now: one row for each free place, while the homeserver lets us."""
        return self._wish(self._width - self._sending, None)

    async def look_up(self, unit: Reading, claimed: Sequence[Claimed]) -> dict[UserId, Listener]:
        """Look up whom rows speak to."""
        users = {row.user for row in claimed if row.kind is outbox.Kind.TELL and row.user is not None}
        return {user: await self._listener(unit, user) for user in users}

    def take_on(self, claimed: Sequence[Claimed], known: Mapping[UserId, Listener]) -> None:
        """Begin to deliver rows."""
        self._sending += len(claimed)
        self._idle.clear()
        for row in claimed:
            task = asyncio.create_task(self._carry(row, known.get(row.user) if row.user else None))
            self._under_way.add(task)
            task.add_done_callback(self._finished)

    async def work_off(self, kinds: Collection[outbox.Kind], *, patience: int) -> str | None:
        """Deliver rows of some kinds until none is left that waits; everything else stays where it is.

        Returns the reason when a row is given up, or has failed ``patience`` times; it goes on waiting then.
        """
        began = self._store.now()
        while (ready := await self._store.read(lambda unit: outbox_claims.next_ready(unit, kinds))) is not None:
            rows = await self._take(self._width, kinds)
            await asyncio.gather(*(self.deliver(row) for row in rows))
            why = await self._store.read(lambda unit: outbox_queries.stuck(unit, kinds, since=began, failures=patience))
            if why is not None:
                return why
            if not rows:
                ready = max(ready, self._upkeep_closed_until or ready)
                await asyncio.sleep(min(5.0, max(0.05, (ready - self._store.now()).total_seconds())))
        return None

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery failed", kind=type(task.exception()).__name__)

    async def _take(self, free: int, kinds: Collection[outbox.Kind] | None = None) -> list[Claimed]:
        wish = self._wish(free, kinds)
        if wish is None:
            return []
        device, lease = wish.device, wish.lease
        claimed = await self._store.claim(worker=device, device=device, lease=lease, limit=free, kinds=wish.kinds)
        return list(claimed)

    def _wish(self, free: int, kinds: Collection[outbox.Kind] | None) -> outbox_claims.Wish | None:
        now = self._store.now()
        if free <= 0 or (self._closed_until is not None and now < self._closed_until):
            return None
        device = self._homeserver.device_id
        return outbox_claims.Wish(worker=device, device=device, lease=LEASE, limit=free, kinds=self._open_kinds(kinds))

    def _open_kinds(self, kinds: Collection[outbox.Kind] | None) -> Collection[outbox.Kind] | None:
        """Leave rooms alone for as long as the homeserver asks for: knocking with the next invitation is no help."""
        until = self._upkeep_closed_until
        if until is None or self._store.now() >= until:
            return kinds
        return frozenset(kinds or outbox.Kind) - UPKEEP

    async def _sleep(self) -> None:
        """Wait until the time of the next row comes, or there is news that may change when that is.

        What can go at once is given to us in the transaction that brings it, or that ends what it waits for.
        """
        now = self._store.now()
        open_kinds = self._open_kinds(None)
        next_ready = await self._store.read(lambda unit: outbox_claims.next_ready(unit, open_kinds))
        if open_kinds is not None and self._upkeep_closed_until is not None:
            next_ready = min(next_ready or self._upkeep_closed_until, self._upkeep_closed_until)
        waits = [LONGEST_SLEEP]
        if next_ready is not None:
            waits.append(max((next_ready - now).total_seconds(), SHORTEST_SLEEP))
        if self._closed_until is not None and now < self._closed_until:
            waits = [LONGEST_SLEEP, (self._closed_until - now).total_seconds()]
        try:
            await asyncio.wait_for(self._wake.wait(), min(waits))
        except TimeoutError:
            return
        await asyncio.sleep(SHORTEST_SLEEP)

    async def deliver(self, row: Claimed) -> None:
        """Send one row and record how that went."""
        facts = await self._try(row)
        await self._store.settle(notes=facts)
        self.tally.note(facts)

    async def _carry(self, row: Claimed, listener: Listener | None) -> None:
        """Send one row that was taken on; its place is free for another one before it is marked."""
        crashpoint("outbox.claimed_before_send")
        try:
            facts = await self._try(row, listener)
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()
        crashpoint("outbox.sent_before_mark")
        await self._store.settle(notes=facts, patient=True)
        crashpoint("outbox.marked")
        self.tally.note(facts)

    async def _try(self, row: Claimed, listener: Listener | None = None) -> list[Fact]:
        """Send one row and return what is to be recorded; ``listener`` is whom it speaks to, if that is known."""
        try:
            return await self._send(row, listener)
        except Fault as fault:
            return [self._failed(row, fault)]
        except _TooLate:
            return [GivenUp(claimed=row, error="too_late", at=self._store.now())]
        except Exception as error:
            # A row that breaks the sender must not hold up its room for ever.
            log.error("row failed", kind=type(error).__name__)
            return [self._broken(row, type(error).__name__)]

    def _broken(self, row: Claimed, error: str) -> Fact:
        now = self._store.now()
        if row.failures >= MOST_BREAKS:
            return GivenUp(claimed=row, error=error, at=now)
        return Postponed(claimed=row, not_before=now + timedelta(seconds=30), error=error, counts=True)

    def _failed(self, row: Claimed, fault: Fault) -> Fact:
        now = self._store.now()
        error = f"{fault.kind}{f' {fault.errcode}' if fault.errcode else ''}"
        if fault.kind is Kind.LIMITED:
            until = now + timedelta(seconds=max(fault.retry_after or 1.0, 0.5) + self._jitter(1.0))
            if row.kind in UPKEEP:
                self._upkeep_closed_until = max(until, self._upkeep_closed_until or until)
            if row.kind not in COMING_AND_GOING and not isinstance(fault, _RoomRefused):
                self._closed_until = max(until, self._closed_until or until)
            return Postponed(claimed=row, not_before=until, error=error, counts=False)
        if isinstance(fault, TokenRevoked):
            return Postponed(claimed=row, not_before=now + timedelta(seconds=60), error=error, counts=False)
        if (fault.permanent and not fault.doubtful) or row.failures >= MOST_FAILURES:
            return GivenUp(claimed=row, error=error, at=now)
        pause = self._jitter(min(2.0 ** min(row.failures, 10), LONGEST_PAUSE))
        return Postponed(claimed=row, not_before=now + timedelta(seconds=pause), error=error, counts=True)

    async def _send(self, row: Claimed, listener: Listener | None = None) -> list[Fact]:
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
            case outbox.Kind.TELL:
                return await self._tell(row, listener)
            case outbox.Kind.DISCLOSURE:
                return await self._disclose(row)
            case outbox.Kind.SAY:
                return await self._say_in_room(row)
            case outbox.Kind.LESSON:
                return await self._show_again(row)
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
                raise _TooLate
        marked = {**content, "m.mentions": {}, MARK: row.id}
        return self._sent(row, await self._homeserver.send(room, event_type, marked, row.transaction))

    async def _tell(self, row: Claimed, listener: Listener | None) -> list[Fact]:
        if row.user is None:
            return [self._sent(row, None)]
        if row.words is None:
            raise Fault(Kind.SEALED, permanent=True)
        user, said = row.user, row.words
        if listener is None:
            listener = await self._store.read(lambda unit: self._listener(unit, user))
        if row.quiet or row.unasked:
            # Who has asked for silence is left out here, at the last moment, whoever began it and however long ago.
            silent = await self._store.read(lambda unit: mutes.muted_until(unit, user))
            if silent is not None or (listener.room is None and row.quiet):
                return [self._sent(row, None)]
        room, reader = await self._private(row, user, listener)
        return [await self._put(row, room, {"msgtype": "m.notice", "body": self._speech.say(said, reader)})]

    async def _private(self, row: Claimed, user: UserId, listener: Listener | None = None) -> tuple[RoomId, Reader]:
        """Return a person's private room, made where there is none, and how they are to be spoken to there."""
        if listener is None:
            listener = await self._store.read(lambda unit: self._listener(unit, user))
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
        held = await self._store.read(lambda unit: disclosures.collect(unit, user))
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
        return await self._medium(row, room, message, message.medium)

    async def _listener(self, unit: Reading, user: UserId) -> Listener:
        """Find a person's private room, their language and their zone."""
        direct = await rooms.direct_room(unit, user, UserId(self._homeserver.user_id))
        reader = await members.reader(unit, user) or await self._reader_on_duty(unit, user)
        return Listener(room=direct[0] if direct else None, reader=reader)

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
                raise _RoomRefused(fault) from None
            raise

    async def _say_in_room(self, row: Claimed) -> list[Fact]:
        """Say a row's words in its room, as its organisation speaks."""
        id, room, said = row.organisation, row.room, row.words  # noqa: A001 - the field's name
        if id is None or room is None or said is None:
            return [self._sent(row, None)]
        node = await self._store.read(lambda unit: organisations.organisation(unit, id))
        reader = Reader(language=node.language, timezone=node.timezone) if node else Reader()
        return [await self._put(row, room, {"msgtype": "m.notice", "body": self._say(said, reader)})]

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
            said = say(words("card.withdrawn", title=seen.lesson.title))
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
        return await self._medium(row, row.room, message, message.medium)

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

    async def _medium(self, row: Claimed, room: RoomId, message: Message, medium: Medium) -> list[Fact]:
        """Send a medium, uploading its bytes the first time they are needed; meanwhile its other rooms wait."""
        stored = await self._store.read(lambda unit: media.medium(unit, medium.hash))
        if stored is None:
            return [await self._put(row, room, _text(message))]
        encrypted = self._homeserver.encrypted(room) is not False
        key = (stored.hash, encrypted)
        known = await self._store.read(lambda unit: media.upload(unit, stored.hash, encrypted=encrypted))
        if known is None:
            if key in self._uploading:
                later = self._store.now() + UPLOAD_PATIENCE
                return [Postponed(claimed=row, not_before=later, error="uploading", counts=False)]
            self._uploading.add(key)
            try:
                known = await self._homeserver.upload(
                    self._bytes(stored), stored.mimetype, stored.name, size=stored.size, encrypted=encrypted
                )
                crashpoint("medium.uploaded_before_kept")
                fact = media.MediumUploaded(hash=stored.hash, encrypted=encrypted, content=known)
                await self._store.settle(notes=[fact])
                crashpoint("medium.kept_before_send")
            finally:
                self._uploading.discard(key)
        return [await self._put(row, room, {**_described(stored, known), "body": message.body})]

    async def _bytes(self, stored: StoredMedium) -> AsyncIterator[bytes]:
        for place in range(stored.pieces):
            yield await self._store.read(partial(media.piece, hash=stored.hash, place=place))


async def _one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _described(stored: StoredMedium, known: dict[str, Any]) -> dict[str, Any]:
    info: dict[str, Any] = {"mimetype": stored.mimetype, "size": stored.size}
    if stored.width and stored.height:
        info |= {"w": stored.width, "h": stored.height}
    if stored.seconds is not None:
        info["duration"] = stored.seconds * 1000
    return {"msgtype": MESSAGE_TYPES[stored.kind], "filename": stored.name, "info": info, **known}


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
