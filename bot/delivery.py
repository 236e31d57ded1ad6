"""The one way out: takes rows of the outbox to the homeserver, in order within a room, side by side across rooms."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.matrix import polls as poll_shapes
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import MARK, Homeserver
from content import cards
from content import polls as poll_rules
from content.cards import Message, Standing
from content.decision import Fact, Words, words
from content.identifiers import CardId, EventId, OrganisationId, PollId, RoomId, UserId
from content.lessons import Lesson, Picture
from content.occurrences import State as OccurrenceState
from content.rooms import DirectRoomKept
from content.speech import Reader, Speech
from storage import checkins, lessons, members, organisations, outbox, polls, rooms, schedules
from storage.outbox import Claimed, GivenUp, Postponed, Sent
from storage.store import Store
from storage.unit import Reading

LEASE = timedelta(seconds=120)
REMEMBERED = timedelta(hours=23)
"""Homeservers keep transaction ids for a day; after that, or from another device, we look before we send again."""

MOST_FAILURES = 30
MOST_BREAKS = 4
"""How often a row may break the sender itself before it is given up."""

COMING_AND_GOING = frozenset({outbox.Kind.JOIN, outbox.Kind.DECLINE, outbox.Kind.INVITE})
"""Kinds that send no message; that they are limited is nobody else's limit."""

LONGEST_PAUSE = 300.0

log = structlog.get_logger(__name__)


class _TooLate(Exception):
    """After a restore: what was to be shown is not in its room, and its time is over."""


class _RoomRefused(Fault):
    """The homeserver limits how fast rooms are made; messages go on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind, status=fault.status, errcode=fault.errcode, retry_after=fault.retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything a card says, read at one moment."""

    lesson: Lesson
    standing: Standing
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
        width: int = 16,
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
        self._uploads = asyncio.Lock()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then finished first."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                try:
                    await self._round(under_way)
                except Exception as error:
                    # The database may be busy or full; rows stay where they are and are looked at again.
                    log.error("delivery round failed", kind=type(error).__name__)
                    await asyncio.sleep(1)
        finally:
            if under_way:
                await asyncio.wait(under_way, timeout=8)

    async def _round(self, under_way: set[asyncio.Task[None]]) -> None:
        claimed = await self._take(self._width - len(under_way))
        for row in claimed:
            task = asyncio.create_task(self.deliver(row))
            under_way.add(task)
            task.add_done_callback(self._finished(under_way))
        if not claimed:
            await self._sleep()

    def _finished(self, under_way: set[asyncio.Task[None]]) -> Callable[[asyncio.Task[None]], None]:
        def finished(task: asyncio.Task[None]) -> None:
            under_way.discard(task)
            if not task.cancelled() and task.exception() is not None:
                log.error("delivery failed", kind=type(task.exception()).__name__)
            self._wake.set()

        return finished

    async def _take(self, free: int) -> list[Claimed]:
        now = self._store.now()
        if free <= 0 or (self._closed_until is not None and now < self._closed_until):
            return []
        device = self._homeserver.device_id
        return list(await self._store.claim(worker=device, device=device, lease=LEASE, limit=free))

    async def _sleep(self) -> None:
        """Wait for news, or for the next row whose time comes."""
        now = self._store.now()
        next_ready = await self._store.read(outbox.next_ready)
        pause = 5.0 if next_ready is None else min(5.0, max(0.05, (next_ready - now).total_seconds()))
        if self._closed_until is not None and now < self._closed_until:
            pause = min(5.0, (self._closed_until - now).total_seconds())
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
        except TimeoutError:
            return

    async def deliver(self, row: Claimed) -> None:
        """Send one row and record how that went."""
        try:
            facts = await self._send(row)
        except Fault as fault:
            facts = [self._failed(row, fault)]
        except _TooLate:
            facts = [GivenUp(claimed=row, error="too_late", at=self._store.now())]
        except Exception as error:
            # A row that breaks the sender must not hold up its room for ever.
            log.error("row failed", kind=type(error).__name__)
            facts = [self._broken(row, type(error).__name__)]
        await self._store.settle(notes=facts)

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
            if row.kind not in COMING_AND_GOING and not isinstance(fault, _RoomRefused):
                self._closed_until = max(until, self._closed_until or until)
            return Postponed(claimed=row, not_before=until, error=error, counts=False)
        if isinstance(fault, TokenRevoked):
            return Postponed(claimed=row, not_before=now + timedelta(seconds=60), error=error, counts=False)
        if (fault.permanent and not fault.doubtful) or row.failures >= MOST_FAILURES:
            return GivenUp(claimed=row, error=error, at=now)
        pause = self._jitter(min(2.0 ** min(row.failures, 10), LONGEST_PAUSE))
        return Postponed(claimed=row, not_before=now + timedelta(seconds=pause), error=error, counts=True)

    async def _send(self, row: Claimed) -> list[Fact]:
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
            case outbox.Kind.TELL:
                return await self._tell(row)
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
            if found is not None:
                return self._sent(row, found)
            if row.device == outbox.LOST_DEVICE and row.part == 0 and row.expires_at and row.expires_at < now:
                raise _TooLate
        marked = {**content, "m.mentions": {}, MARK: row.id}
        return self._sent(row, await self._homeserver.send(room, event_type, marked, row.transaction))

    async def _tell(self, row: Claimed) -> list[Fact]:
        if row.user is None or row.words is None:
            return [self._sent(row, None)]
        user, said = row.user, row.words
        room, reader = await self._store.read(lambda unit: self._listener(unit, user))
        if row.language is not None:
            reader = Reader(language=row.language, timezone=reader.timezone)
        facts: list[Fact] = []
        if room is None and row.quiet:
            return [self._sent(row, None)]
        if room is None:
            room = await self._make_private_room(user)
            facts.append(DirectRoomKept(user=user, room=room, encrypted=self._encrypted))
            await self._store.settle(notes=facts)
        return [await self._put(row, room, {"msgtype": "m.notice", "body": self._speech.say(said, reader)})]

    async def _listener(self, unit: Reading, user: UserId) -> tuple[RoomId | None, Reader]:
        """Find a person's private room, their language and their zone."""
        direct = await rooms.direct_room(unit, user, UserId(self._homeserver.user_id))
        member = await members.by_user(unit, user)
        node_id = member.organisation if member else await self._duty_place(unit, user)
        node = await organisations.organisation(unit, node_id) if node_id else None
        reader = Reader(language=node.language, timezone=node.timezone) if node else Reader()
        if member is not None and member.language:
            reader = Reader(language=member.language, timezone=reader.timezone)
        return (direct[0] if direct else None), reader

    async def _duty_place(self, unit: Reading, user: UserId) -> OrganisationId | None:
        duties = await organisations.duties_of(unit, user)
        return duties[0].organisation if duties else None

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

    async def _poll(self, row: Claimed) -> list[Fact]:
        """Put a poll, its end or its result into the room; what has no place or no sense any more is let go."""
        id, room = row.poll, row.room  # noqa: A001 - the field's name
        shown = await self._store.read(lambda unit: self._read_poll(unit, id)) if id else None
        if shown is None or room is None:
            return [self._sent(row, None)]
        poll, box, reader = shown
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

    async def _read_poll(self, unit: Reading, wanted: PollId) -> tuple[poll_rules.Poll, poll_rules.Box, Reader] | None:
        poll = await polls.poll(unit, wanted)
        node = await organisations.organisation(unit, poll.organisation) if poll else None
        if poll is None or node is None:
            return None
        return poll, await polls.box(unit, poll), Reader(language=node.language, timezone=node.timezone)

    async def _show(self, row: Claimed) -> list[Fact]:
        if row.card is None or row.room is None:
            return [self._sent(row, None)]
        card = row.card
        shown = await self._store.read(lambda unit: self._read_card(unit, card))
        if shown is None:
            return [self._sent(row, None)]
        messages = cards.compose(shown.lesson, shown.standing, lambda said: self._say(said, shown.reader))
        if row.kind is outbox.Kind.EDIT:
            if row.target is None:
                return [self._sent(row, None)]
            return [await self._put(row, row.room, _edit(messages[-1], row.target))]
        message = messages[row.part]
        if message.picture is None:
            return [await self._put(row, row.room, _text(message))]
        content = await self._picture(row.room, message.picture)
        if content is None:
            return [await self._put(row, row.room, _text(message))]
        return [await self._put(row, row.room, {**content, "body": message.body})]

    def _say(self, said: Words, reader: Reader) -> str:
        return self._speech.say(said, reader)

    async def _read_card(self, unit: Reading, id: CardId) -> Shown | None:  # noqa: A002
        card = await checkins.card(unit, id)
        if card is None:
            return None
        entry = await schedules.entry(unit, card.occurrence)
        branch = await organisations.organisation(unit, card.branch)
        if entry is None or branch is None:
            return None
        lesson = await lessons.lesson(unit, entry.occurrence.lesson, entry.lesson_revision)
        if lesson is None:
            return None
        occurrence = entry.occurrence
        standing = Standing(
            due_at=occurrence.due_at,
            shown_at=await outbox.shown_at(unit, id) or unit.now,
            closes_at=occurrence.closes_at or occurrence.due_at + occurrence.window,
            state=OccurrenceState(occurrence.state),
            numbers=await checkins.numbers(unit, occurrence.id, card.branch),
        )
        return Shown(
            lesson=lesson,
            standing=standing,
            reader=Reader(language=branch.language, timezone=branch.timezone),
        )

    async def _picture(self, room: RoomId, picture: Picture) -> dict[str, Any] | None:
        """Return the content of a picture's message, uploading its bytes the first time they are needed."""
        stored = await self._store.read(lambda unit: lessons.picture(unit, picture.hash))
        if stored is None:
            return None
        encrypted = self._homeserver.encrypted(room) is not False
        async with self._uploads:
            known = await self._store.read(lambda unit: lessons.upload(unit, picture.hash, encrypted=encrypted))
            if known is None:
                known = await self._homeserver.upload(stored.data, stored.mimetype, stored.name, encrypted=encrypted)
                fact = lessons.PictureUploaded(hash=picture.hash, encrypted=encrypted, content=known)
                await self._store.settle(notes=[fact])
        info = {"mimetype": stored.mimetype, "size": len(stored.data), "w": stored.width, "h": stored.height}
        return {"msgtype": "m.image", "filename": stored.name, "info": info, **known}


def _text(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "m.notice",
        "body": message.body,
        "format": "org.matrix.custom.html",
        "formatted_body": message.html or message.body,
    }


def _edit(message: Message, target: EventId) -> dict[str, Any]:
    fresh = _text(message)
    return {
        **fresh,
        "body": f"* {message.body}",
        "m.new_content": {**fresh, "m.mentions": {}},
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }
