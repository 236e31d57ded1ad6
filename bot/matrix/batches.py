"""Hears a batch from the homeserver: sanitised, decrypted, and with every gap filled that can be."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bot.matrix import border
from bot.matrix.connection import Connection
from bot.matrix.events import Batch, Event, Gap, Membership, Poison, RoomBatch, RoomKey, Unreadable
from bot.matrix.faults import Fault, Kind
from bot.matrix.login import Session
from bot.matrix.wire import path

PAGE = 500
PAGES = 20
"""Pages of one gap that are read at once, 10,000 events; the rest is handed over as a Gap, so that others get on."""
TOKEN_CAP = 2000
FILL_TRIES = 3
"""How often a batch is held back because the gap of one of its rooms cannot be filled."""
Heard = Event | Unreadable | Poison


class Batches(Connection):
    """The hearing side."""

    def __init__(
        self,
        session: Session,
        pickle_key: bytes,
        *,
        secrets: Path | None = None,
        timeline_limit: int = PAGE,
        deadline: float = 30,
    ) -> None:
        """Describe the connection; ``timeline_limit`` is how many events of a room a batch holds at most."""
        super().__init__(session, pickle_key, secrets=secrets, deadline=deadline)
        self._filter = json.dumps(_filter(timeline_limit))
        self._fill_tries: dict[tuple[str, str], int] = {}

    async def sync(self, since: str | None, timeout_ms: int = 30_000) -> Batch:
        """Wait for news after ``since`` and return them sanitised, decrypted, and with every gap filled.

        Asking again with the same ``since`` is safe and gives the same plaintexts. Room keys that came along are
        stored before this returns; never ask with a token that is not committed. A gap that could not be filled in
        three tries, or is longer than 10,000 events, is handed over in its room: keep it and ``fill`` it later. A room
        of which nothing can be made is handed over as one Poison.
        """
        query = {"timeout": str(timeout_ms), "filter": self._filter}
        if since is not None:
            query["since"] = since
        body = await self._wire.ask("GET", path("/v3/sync"), query=query, deadline=timeout_ms / 1000 + 15)
        next_batch = body.get("next_batch")
        if not isinstance(next_batch, str) or not next_batch:
            raise Fault(Kind.GARBLED, status=200, detail="no next_batch")
        self._device.dropped = 0
        keys = self._take_crypto(body)
        rooms = border.mapping(body.get("rooms"))
        batches = [
            *[await self._one(room_id, part, since) for room_id, part in _rooms(rooms, "join")],
            *[await self._one(room_id, part, since, left=True) for room_id, part in _rooms(rooms, "leave")],
            *_stripped(rooms, "invite"),
            *_stripped(rooms, "knock"),
        ]
        return Batch(
            since=since, next_batch=next_batch, rooms=tuple(batches), keys=tuple(keys), dropped=self._device.dropped
        )

    async def settle_keys(self) -> None:
        """Do the key work that a sync has left; call it after the batch is committed. Doing it again is safe."""
        await self._keyring.settle()

    async def fill(self, room_id: str, gap: Gap) -> tuple[tuple[Heard, ...], Gap | None]:
        """Read a gap that a batch has left, oldest event first, and return what of it is still missing."""
        raws, rest, fault = await self._fill(room_id, gap)
        if fault is not None and not raws:
            raise fault
        return tuple(await self._read(_border(room_id, raws), raws)), rest

    def holds_key(self, room_id: str, session_id: str) -> bool:
        """Tell whether events of a session can be read by now."""
        return self._device.holds(room_id, session_id)

    async def read_kept(self, room_id: str, raw: bytes) -> Heard:
        """Read once more an event that was kept as it came."""
        try:
            event = border.read_json(raw)
        except border.Malformed as error:
            return border.poison(room_id, None, str(error))
        return (await self._read(_border(room_id, [event]), [event]))[0]

    async def read_again(self, room_id: str, event_id: str) -> Heard | None:
        """Fetch one event and read it with the keys that we have by now; None when it is no longer ours to see."""
        try:
            raw = await self._wire.ask("GET", path("/v3/rooms/{}/event/{}", room_id, event_id))
        except Fault as fault:
            if fault.kind in (Kind.MISSING, Kind.REFUSED):
                return None
            raise
        return (await self._read(_border(room_id, [raw]), [raw]))[0]

    async def around(self, room_id: str, event_id: str, many: int) -> tuple[Heard, ...]:
        """Return an event with up to so many before it and after it, oldest first, as far as we have the keys.

        Raises Fault of kind ``missing`` or ``refused`` where it is not ours to see.
        """
        where = path("/v3/rooms/{}/context/{}", room_id, event_id)
        # The homeserver counts both sides together.
        page = await self._wire.ask("GET", where, query={"limit": str(2 * many)})
        before, after = (border.sequence(page.get(f"events_{side}")) for side in ("before", "after"))
        raws = [*reversed(before[:many]), page.get("event"), *after[:many]]
        return tuple(await self._read(_border(room_id, raws), raws))

    async def lately(self, room_id: str, since: datetime, most: int) -> tuple[tuple[Heard, ...], bool]:
        """Return what was said in a room since an instant, oldest first, and whether that is all of it.

        Of much the newest. Raises Fault of kind ``missing`` or ``refused`` where the room is not ours to see.
        """
        raws: list[Any] = []
        where, query = path("/v3/rooms/{}/messages", room_id), {"dir": "b", "limit": str(PAGE)}
        whole = False
        while len(raws) < most and not whole:
            page = await self._wire.ask("GET", where, query=query)
            chunk = border.sequence(page.get("chunk"))
            fresh = [raw for raw in chunk if _sent_since(raw, since)]
            raws += fresh
            token = page.get("end")
            whole = len(fresh) < len(chunk) or not isinstance(token, str) or token == query.get("from")
            query["from"] = str(token)
        newest = raws[:most]
        newest.reverse()
        return tuple(await self._read(_border(room_id, newest), newest)), whole and len(raws) <= most

    async def related(self, room_id: str, event_id: str) -> tuple[tuple[Heard, ...], bool]:
        """Return what refers to an event, oldest first, as the homeserver keeps it, and whether that is all of it.

        In an encrypted room nothing is chosen by its type, which stands within the encryption.
        """
        raws: list[Any] = []
        where, query = path("/v1/rooms/{}/relations/{}/m.reference", room_id, event_id), {"limit": str(PAGE)}
        whole = False
        for _ in range(PAGES):
            page = await self._wire.ask("GET", where, query=query)
            raws += border.sequence(page.get("chunk"))
            token = page.get("next_batch")
            whole = not isinstance(token, str) or token == query.get("from")
            if whole:
                break
            query["from"] = str(token)
        raws.reverse()
        return tuple(await self._read(_border(room_id, raws), raws)), whole

    async def taken_back(self, room_id: str, event_id: str) -> Event | None:
        """Return the redaction of an event, ``None`` where it stands, or is no longer ours to see."""
        try:
            raw = await self._wire.ask("GET", path("/v3/rooms/{}/event/{}", room_id, event_id))
        except Fault as fault:
            if fault.kind in (Kind.MISSING, Kind.REFUSED):
                return None
            raise
        found = border.read_event(room_id, border.mapping(raw.get("unsigned")).get("redacted_because"))
        ours = isinstance(found, Event) and found.type == "m.room.redaction" and found.state_key is None
        return replace(found, redacts=event_id) if ours and isinstance(found, Event) else None

    def _take_crypto(self, body: dict[str, Any]) -> list[RoomKey]:
        try:
            keys = self._device.take_all_to_device(border.events_of(body.get("to_device")))
        except Fault:
            self._reopen()
            raise
        self._keyring.take_counts(body)
        self._device.take_changed_users(border.sequence(border.mapping(body.get("device_lists")).get("changed")))
        return keys

    async def _one(self, room_id: str, part: object, since: str | None, *, left: bool = False) -> RoomBatch:
        """Take one room; whatever is in it that we did not think of, the other rooms and the start go on."""
        try:
            return await (self._left(room_id, part) if left else self._joined(room_id, part, since))
        except Fault:
            raise
        except Exception as error:
            whole = border.poison(room_id, None, f"room {type(error).__name__}")
            return RoomBatch(room_id=room_id, membership="leave" if left else "join", timeline=(whole,))

    async def _joined(self, room_id: str, part: object, since: str | None) -> RoomBatch:
        room = border.mapping(part)
        timeline = border.mapping(room.get("timeline"))
        raws = border.events_of(timeline)
        gap = _gap(timeline, since)
        if gap is not None:
            missed, gap = await self._fill_now(room_id, gap)
            raws = missed + raws
        state = _border(room_id, border.events_of(room.get("state")))
        clear = _border(room_id, raws)
        self._learn_room(room_id, [*state, *clear], whole=since is None)
        return RoomBatch(
            room_id=room_id,
            membership="join",
            state=tuple(state),
            timeline=tuple(await self._read(clear, raws)),
            gap=gap,
        )

    async def _left(self, room_id: str, part: object) -> RoomBatch:
        room = border.mapping(part)
        state = _border(room_id, border.events_of(room.get("state")))
        raws = border.events_of(room.get("timeline"))
        timeline = await self._read(_border(room_id, raws), raws)
        self.forget(room_id)
        return RoomBatch(room_id=room_id, membership="leave", state=tuple(state), timeline=tuple(timeline))

    def _learn_room(self, room_id: str, events: list[Event | Poison], *, whole: bool) -> None:
        state = {event.type for event in events if isinstance(event, Event) and event.state_key == ""}
        if room_id in self._device.rooms or whole or "m.room.create" in state:
            self._device.enter(room_id, encrypted="m.room.encryption" in state)
            self._device.follow(room_id, events)
        # Else we do not know whether the room is encrypted; whoever sends there finds out first.

    async def _read(self, clear: list[Event | Poison], raws: list[Any]) -> list[Heard]:
        heard = self._read_once(clear, raws)
        strangers = {event.sender for event in heard if isinstance(event, Event) and event.foreign}
        if strangers:
            # Most often the sender has a new device that we have not asked about yet.
            self._device.olm.users_for_key_query.update(strangers)
            await self._keyring.query()
            heard = self._read_once(clear, raws)
        return heard

    def _read_once(self, clear: list[Event | Poison], raws: list[Any]) -> list[Heard]:
        return [
            self._device.read(event, raw) if isinstance(event, Event) else event
            for event, raw in zip(clear, raws, strict=True)
        ]

    async def _fill_now(self, room_id: str, gap: Gap) -> tuple[list[Any], Gap | None]:
        """Fill a gap before its batch is committed; give up on it only where trying again would stop all rooms."""
        raws, rest, fault = await self._fill(room_id, gap)
        tries = self._fill_tries.get((room_id, gap.to_token), 0) + 1
        if fault is not None and not fault.permanent and tries < FILL_TRIES:
            self._fill_tries[room_id, gap.to_token] = tries
            raise fault
        self._fill_tries.pop((room_id, gap.to_token), None)
        return raws, rest

    async def _fill(self, room_id: str, gap: Gap) -> tuple[list[Any], Gap | None, Fault | None]:
        """Return the raw events of a gap, oldest first, what could not be fetched of it, and why."""
        missed: list[Any] = []
        token = gap.from_token
        where = path("/v3/rooms/{}/messages", room_id)
        for _ in range(PAGES):
            query = {"dir": "b", "to": gap.to_token, "limit": str(PAGE)} | ({"from": token} if token else {})
            try:
                page = await self._wire.ask("GET", where, query=query)
            except Fault as fault:
                if fault.kind is Kind.REVOKED:
                    raise
                return missed[::-1], Gap(from_token=token, to_token=gap.to_token), fault
            chunk = border.sequence(page.get("chunk"))
            missed += chunk
            end = page.get("end")
            if not chunk or not isinstance(end, str) or end == token:
                return missed[::-1], None, None
            token = end
        return missed[::-1], Gap(from_token=token, to_token=gap.to_token), None


def _border(room_id: str, raws: list[Any]) -> list[Event | Poison]:
    return [border.read_event(room_id, raw) for raw in raws]


def _sent_since(raw: object, since: datetime) -> bool:
    """Tell whether an event was sent since an instant, as its sender's server has it."""
    sent = border.mapping(raw).get("origin_server_ts")
    return isinstance(sent, int) and sent >= since.timestamp() * 1000


def _filter(limit: int) -> dict[str, Any]:
    nothing: dict[str, Any] = {"types": []}
    room = {"account_data": nothing, "ephemeral": nothing, "timeline": {"limit": limit}}
    return {"presence": nothing, "account_data": nothing, "room": room}


def _gap(timeline: dict[str, Any], since: str | None) -> Gap | None:
    """Return the gap that a limited timeline leaves; a first sync has none, for history before us is not ours.

    Where the homeserver does not say from where on it is missing, the room is read back from its newest event.
    """
    if since is None or timeline.get("limited") is not True:
        return None
    return Gap(from_token=border.text_or_none(timeline.get("prev_batch"), TOKEN_CAP) or "", to_token=since)


def _rooms(rooms: dict[str, Any], membership: Membership) -> list[tuple[str, object]]:
    """Return the rooms of a part of a sync; one with a name that no homeserver may give is none."""
    return [
        (room_id, part)
        for room_id, part in border.mapping(rooms.get(membership)).items()
        if border.text_or_none(room_id) == room_id
    ]


def _stripped(rooms: dict[str, Any], membership: Membership) -> list[RoomBatch]:
    return [
        RoomBatch(
            room_id=room_id,
            membership=membership,
            state=tuple(
                border.read_event(room_id, raw, stripped=True)
                for raw in border.events_of(border.mapping(part).get(f"{membership}_state"))
            ),
        )
        for room_id, part in _rooms(rooms, membership)
    ]
