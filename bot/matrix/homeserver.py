"""The homeserver as the bot sees it: hear a batch, send an event, keep rooms; nothing here retries by itself."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from nio.crypto.async_attachments import async_encrypt_attachment

from bot.matrix import border
from bot.matrix.crypto import MARK, Device
from bot.matrix.events import Batch, Event, Gap, Membership, Poison, RoomBatch, RoomKey, Unreadable
from bot.matrix.faults import Fault, Kind
from bot.matrix.keyring import Keyring, Reader
from bot.matrix.trust import Identity, vouch, write_secret
from bot.matrix.wire import Wire, path
from storage.crashpoints import crashpoint

__all__ = ["MARK", "Homeserver", "Session", "sign_in", "stored_session"]

PAGE = 500
PAGES = 20
"""Pages of one gap that are read at once, 10,000 events; the rest is handed over as a Gap, so that others get on."""
TOKEN_CAP = 2000
FILL_TRIES = 3
"""How often a batch is held back because the gap of one of its rooms cannot be filled."""
CLOCK_SLACK = timedelta(minutes=10)
UPLOAD_DEADLINE = 60.0
SLOWEST_UPLOAD = 256 * 1024
"""Bytes in a second that an upload is given time for, beyond its first minute."""
Heard = Event | Unreadable | Poison


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that lives across restarts, with the folder of its device. One unit: never mix parts of two."""

    url: str
    user_id: str
    device_id: str
    access_token: str = field(repr=False)
    store: Path


class Homeserver:
    """One account on one device. Every method raises Fault when it does not succeed, and none of them tries again."""

    def __init__(
        self,
        session: Session,
        pickle_key: bytes,
        *,
        secrets: Path | None = None,
        timeline_limit: int = PAGE,
        deadline: float = 30,
    ) -> None:
        """Describe the connection; nothing happens before ``start``.

        ``pickle_key`` is 32 random bytes. ``secrets`` is the folder of the signing keys, by default inside the store.
        ``deadline`` is the limit of an ordinary call in seconds.
        """
        self.user_id = session.user_id
        self.device_id = session.device_id
        self.url = session.url
        self.trusted = False
        """Whether the device is cross-signed, so that members see no warning."""
        self._session = session
        self._pickle_key = pickle_key
        self._secrets = secrets or session.store / "signing"
        self._filter = json.dumps(_filter(timeline_limit))
        self._wire = Wire(session.url, session.access_token, deadline=deadline)
        self._locks: dict[str, asyncio.Lock] = {}
        self._fill_tries: dict[tuple[str, str], int] = {}
        self._upload_limit: int | None = None
        self._folder_lock: IO[str] | None = None
        self._open: tuple[Device, Keyring] | None = None

    @staticmethod
    async def log_in(
        url: str, user: str, password: str, store: Path, pickle_key: bytes, device_name: str = "Zhibu"
    ) -> Session:
        """Return the stored login of this folder, or sign in with the password and store the new one.

        Token, device and crypto store are one unit: when the store is gone a new device signs in. Raises Fault: of
        kind ``sign_in`` for a wrong name or password, ``store`` when the folder belongs to another account.
        """
        known = stored_session(store, url)
        if known is not None and (store / "crypto.db").exists():
            if user not in (known.user_id, known.user_id[1:].partition(":")[0]):
                raise Fault(Kind.STORE, permanent=True, detail="the folder belongs to another account")
            return known
        session = await sign_in(url, user, password, store, device_name)
        # The store comes first: a session file then always has the store it belongs to.
        crashpoint("login.signed_in_before_store")
        device = Device(session.user_id, session.device_id, store, pickle_key)
        try:
            device.adopt(store)
        finally:
            device.close()
        crashpoint("login.store_before_session")
        _store_session(session)
        crashpoint("login.session_before_keys")
        return session

    @staticmethod
    def retire(store: Path) -> None:
        """Put a login that is no longer valid aside, with its crypto store, so that ``log_in`` makes a new device.

        The signing keys stay: the new device is vouched for by the same identity.
        """
        for name in ("session.json", "crypto.db"):
            if (store / name).exists():
                (store / name).replace(store / f"{name}.retired")

    async def start(self) -> None:
        """Take the folder for this process, check the login, publish our keys and vouch for the device."""
        self._take_folder()
        try:
            who = await self._wire.ask("GET", path("/v3/account/whoami"))
            if who.get("user_id") != self.user_id or who.get("device_id") != self.device_id:
                raise Fault(Kind.STORE, permanent=True, detail="the token belongs to another account or device")
            identity = Identity(self.user_id, self._secrets, self._pickle_key)
            device = Device(self.user_id, self.device_id, self._session.store, self._pickle_key)
            self._open = (device, Keyring(device, self._wire))
            await self._keyring.settle()
            self.trusted = await vouch(identity, device, self._wire)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close everything and stay signed in: signing out would delete the device and its memory of sent events."""
        await self._wire.close()
        opened, self._open = self._open, None
        if opened is not None:
            opened[0].close()
        lock, self._folder_lock = self._folder_lock, None
        if lock is not None:
            lock.close()

    @property
    def _device(self) -> Device:
        if self._open is None:
            raise Fault(Kind.STORE, detail="the homeserver is not started")
        return self._open[0]

    @property
    def _keyring(self) -> Keyring:
        if self._open is None:
            raise Fault(Kind.STORE, detail="the homeserver is not started")
        return self._open[1]

    @property
    def unreached(self) -> Mapping[str, frozenset[Reader]]:
        """Return the devices, by room, that cannot read what we send: (user id, device id)."""
        return dict(self._keyring.unreached)

    def seed(self, rooms: Iterable[tuple[str, bool]]) -> None:
        """Know the joined rooms from our own tables, as (room id, encrypted); call once before the first sync."""
        for room_id, encrypted in rooms:
            self._device.enter(room_id, encrypted=encrypted)

    def forget(self, room_id: str) -> None:
        """Drop what is kept in memory about a room that we have left."""
        self._device.leave(room_id)
        self._locks.pop(room_id, None)

    def encrypted(self, room_id: str) -> bool | None:
        """Tell whether a room is encrypted; None when we do not know the room."""
        room = self._device.rooms.get(room_id)
        return None if room is None else bool(room.encrypted)

    # Hearing

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

    def _take_crypto(self, body: dict[str, Any]) -> list[RoomKey]:
        try:
            keys = self._device.take_all_to_device(border.events_of(body.get("to_device")))
        except Fault:
            self._reopen()
            raise
        self._keyring.take_counts(body)
        self._device.take_changed_users(border.sequence(border.mapping(body.get("device_lists")).get("changed")))
        return keys

    def _reopen(self) -> None:
        """Go back to what the store holds, after a write that failed."""
        old, self._open = self._device, None
        rooms = [(room_id, bool(room.encrypted)) for room_id, room in old.rooms.items()]
        old.close()
        device = Device(self.user_id, self.device_id, self._session.store, self._pickle_key)
        self._open = (device, Keyring(device, self._wire))
        self.seed(rooms)

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

    # Sending

    async def send(self, room_id: str, event_type: str, content: dict[str, Any], transaction: str) -> str:
        """Send an event and return its id; encrypted when the room is, except reactions, which never are.

        Sends to one room go one after the other. The same transaction on this device gives the same event for a day;
        it must be unique in the room across all types and contents. Put your outbox id under MARK into
        ``content``. A fault that is ``doubtful`` leaves the outcome open: repeat the transaction, or ``find_sent``.
        """
        async with self._lock(room_id):
            if await self._must_encrypt(room_id) and event_type != "m.reaction":
                await self._keyring.share(room_id)
                crashpoint("keys.shared_before_send")
                event_type, content = self._device.seal(room_id, event_type, content)
            where = path("/v3/rooms/{}/send/{}/{}", room_id, event_type, transaction)
            return _event_id(await self._wire.ask("PUT", where, content))

    async def redact(self, room_id: str, event_id: str, transaction: str, reason: str | None = None) -> str:
        """Take an event back and return the id of the redaction."""
        where = path("/v3/rooms/{}/redact/{}/{}", room_id, event_id, transaction)
        async with self._lock(room_id):
            return _event_id(await self._wire.ask("PUT", where, {"reason": reason} if reason else {}))

    async def find_sent(
        self, room_id: str, mark: str, not_before: datetime, transaction: str | None = None
    ) -> str | None:
        """Look in a room for the event that carries our mark, and return its id; None when it never got there.

        Reads back to ten minutes before ``not_before``, the time of the first attempt. Only our own events count,
        for anyone may copy a mark. With ``transaction`` an event that was redacted meanwhile is found too.
        """
        query = {"dir": "b", "limit": str(PAGE)}
        while True:
            page = await self._wire.ask("GET", path("/v3/rooms/{}/messages", room_id), query=query)
            chunk = border.sequence(page.get("chunk"))
            events = [event for raw in chunk if isinstance(event := border.read_event(room_id, raw), Event)]
            for event in events:
                ours = event.sender == self.user_id
                if ours and (event.content.get(MARK) == mark or (transaction and event.own_transaction == transaction)):
                    return event.event_id
            end = page.get("end")
            past = bool(events) and all(event.sent_at < not_before - CLOCK_SLACK for event in events)
            if past or not chunk or not isinstance(end, str):
                return None
            query["from"] = end

    async def _must_encrypt(self, room_id: str) -> bool:
        known = self.encrypted(room_id)
        return await self._learn_encryption(room_id) if known is None else known

    async def _learn_encryption(self, room_id: str) -> bool:
        """Ask whether a room is encrypted, and know the room from now on."""
        try:
            await self.state_event(room_id, "m.room.encryption")
            encrypted = True
        except Fault as fault:
            if fault.errcode != "M_NOT_FOUND":
                raise
            encrypted = False
        self._device.enter(room_id, encrypted=encrypted)
        return encrypted

    def _lock(self, room_id: str) -> asyncio.Lock:
        return self._locks.setdefault(room_id, asyncio.Lock())

    # Rooms

    async def state(self, room_id: str) -> list[Event]:
        """Return the current state of a room; malformed events are left out."""
        raws = await self._wire.ask_list(path("/v3/rooms/{}/state", room_id))
        return [event for raw in raws if isinstance(event := border.read_event(room_id, raw), Event)]

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> dict[str, Any]:
        """Return the content of one piece of current state; Fault of kind ``missing`` when there is none."""
        answer = await self._wire.ask("GET", path("/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key))
        try:
            return dict(border.clean(answer))
        except border.Malformed as error:
            raise Fault(Kind.GARBLED, status=200, detail=str(error)) from None

    async def set_state(self, room_id: str, event_type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        """Set a piece of state and return the event id; the same content again changes nothing."""
        where = path("/v3/rooms/{}/state/{}/{}", room_id, event_type, state_key)
        answer = await self._wire.ask("PUT", where, dict(content))
        if event_type == "m.room.encryption":
            self._device.enter(room_id, encrypted=True)
        return _event_id(answer)

    async def create_room(
        self,
        *,
        alias: str | None = None,
        name: str | None = None,
        topic: str | None = None,
        encrypted: bool = True,
        invite: Iterable[str] = (),
        space: bool = False,
        is_direct: bool = False,
        power_levels: Mapping[str, Any] | None = None,
        parent: str | None = None,
        history: str = "shared",
        version: str = "12",
    ) -> str:
        """Make an invite-only room that does not federate, or find the one this alias already names; return its id.

        ``alias`` is the part before the server name: doing it again with the same alias continues what was begun. An
        alias that somebody else took first leads to a new room without one, never into theirs.
        ``parent`` is the space that the room names as its own; ``hang`` lists it there. A room without an alias is
        new each time.
        """
        body = self._room_body(name, topic, encrypted and not space, space, is_direct, power_levels, parent, history)
        invited = sorted(set(invite) - {self.user_id})
        body |= {"room_version": version, "invite": invited}
        room_id = None
        if alias is not None:
            try:
                room_id = await self._create(body | {"room_alias_name": alias})
            except Fault as fault:
                if fault.errcode != "M_ROOM_IN_USE":
                    raise
                room_id = await self._continue_room(alias, invited, encrypted and not space, alone=is_direct)
        if room_id is None:
            room_id = await self._create(body)
        if room_id is None:
            raise Fault(Kind.GARBLED, status=200, detail="no room_id")
        await self._learn_encryption(room_id)
        return room_id

    async def hang(self, space: str, room_id: str, order: str, *, names_it: bool = False) -> None:
        """List a room in a space, at the place that ``order`` gives it; where we may, let the room name the space too.

        ``names_it`` is a room that does so already. Doing it again changes nothing.
        """
        listed = {"via": [self._server], "order": order, "suggested": True}
        await self.set_state(space, "m.space.child", listed, room_id)
        if names_it:
            return
        try:
            await self.set_state(room_id, "m.space.parent", {"via": [self._server], "canonical": True}, space)
        except Fault as fault:
            # The space's own list is what clients go by; a room that we do not govern need not agree.
            if fault.errcode != "M_FORBIDDEN":
                raise

    async def resolve(self, alias: str) -> str | None:
        """Return the room that an alias (the part before the server name) stands for; None when it is free."""
        try:
            where = path("/v3/directory/room/{}", f"#{alias}:{self._server}")
            return border.text_or_none((await self._wire.ask("GET", where)).get("room_id"))
        except Fault as fault:
            if fault.kind is Kind.MISSING:
                return None
            raise

    async def invite(self, room_id: str, user_id: str) -> None:
        """Invite a person; one who is in the room or invited already is left in peace."""
        try:
            await self._wire.ask("POST", path("/v3/rooms/{}/invite", room_id), {"user_id": user_id})
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN" or await self._membership(room_id, user_id) not in ("join", "invite"):
                raise

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        """Show a person out, or take their invitation back; they read the reason."""
        where = path("/v3/rooms/{}/kick", room_id)
        await self._wire.ask("POST", where, {"user_id": user_id, "reason": reason})

    async def join(self, room_id: str) -> None:
        """Enter a room that we are invited to."""
        await self._wire.ask("POST", path("/v3/rooms/{}/join", room_id), {})
        await self._learn_encryption(room_id)

    async def leave(self, room_id: str) -> None:
        """Leave a room, or decline its invitation."""
        await self._wire.ask("POST", path("/v3/rooms/{}/leave", room_id), {})
        self.forget(room_id)

    async def members(self, room_id: str) -> dict[str, str | None]:
        """Return who is in a room: user id and display name."""
        answer = await self._wire.ask("GET", path("/v3/rooms/{}/joined_members", room_id))
        joined = answer.get("joined")
        if not isinstance(joined, dict):
            raise Fault(Kind.GARBLED, status=200)
        return {user: border.text_or_none(border.mapping(shown).get("display_name")) for user, shown in joined.items()}

    async def set_display_name(self, name: str) -> None:
        """Set the name that members see."""
        where = path("/v3/profile/{}/displayname", self.user_id)
        await self._wire.ask("PUT", where, {"displayname": name})

    async def _membership(self, room_id: str, user_id: str) -> str | None:
        return border.text_or_none((await self.state_event(room_id, "m.room.member", user_id)).get("membership"))

    async def _create(self, body: dict[str, Any]) -> str | None:
        return border.text_or_none((await self._wire.ask("POST", path("/v3/createRoom"), body)).get("room_id"))

    async def _continue_room(self, alias: str, invited: list[str], encrypted: bool, *, alone: bool) -> str | None:
        """Return the room of an alias if it is the one that we began, ``None`` for what others put in its place."""
        room_id = await self.resolve(alias)
        if room_id is None:
            return None
        try:
            state = await self.state(room_id)
        except Fault as fault:
            if fault.doubtful or fault.kind is Kind.LIMITED:
                raise
            return None
        there = {
            event.state_key
            for event in state
            if event.type == "m.room.member" and event.content.get("membership") in ("join", "invite", "ban")
        }
        ours = any(event.type == "m.room.create" and event.sender == self.user_id for event in state)
        sealed = any(event.type == "m.room.encryption" for event in state)
        crowded = alone and not there <= {self.user_id, *invited}
        if not ours or (encrypted and not sealed) or crowded:
            return None
        for user_id in invited:
            if user_id not in there:
                await self.invite(room_id, user_id)
        return room_id

    def _room_body(
        self,
        name: str | None,
        topic: str | None,
        encrypted: bool,
        space: bool,
        is_direct: bool,
        power_levels: Mapping[str, Any] | None,
        parent: str | None,
        history: str,
    ) -> dict[str, Any]:
        state = [
            _initial("m.room.history_visibility", {"history_visibility": history}),
            _initial("m.room.guest_access", {"guest_access": "forbidden"}),
        ]
        if encrypted:
            state.append(_initial("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
        if parent is not None:
            state.append(_initial("m.space.parent", {"via": [self._server], "canonical": True}, parent))
        body: dict[str, Any] = {
            # The trusted preset would make every invited person a creator, whom nobody can ever demote.
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": is_direct,
            "creation_content": {"m.federate": False} | ({"type": "m.space"} if space else {}),
            "initial_state": state,
        }
        if power_levels is not None:
            users = {user: level for user, level in power_levels.get("users", {}).items() if user != self.user_id}
            body["power_level_content_override"] = dict(power_levels) | {"users": users}
        return body | ({"name": name} if name else {}) | ({"topic": topic} if topic else {})

    # Media

    async def upload(
        self, data: AsyncIterable[bytes], mimetype: str, filename: str, *, size: int, encrypted: bool
    ) -> dict[str, Any]:
        """Upload ``size`` bytes and return what a message shows them by: ``{"url"}``, or ``{"file"}`` if encrypted.

        The bytes are taken piece by piece and never held as a whole. Raises Fault of kind ``too_large`` before
        anything is sent.
        """
        limit = await self.upload_limit()
        if limit is not None and size > limit:
            raise Fault(Kind.TOO_LARGE, permanent=True)
        where = "/_matrix/media/v3/upload"
        deadline = UPLOAD_DEADLINE + size / SLOWEST_UPLOAD
        if not encrypted:
            query = {"filename": filename}
            answer = await self._wire.upload(where, data, mimetype, query, size=size, deadline=deadline)
            return {"url": _mxc(answer)}
        keys: dict[str, Any] = {}
        sealed = _seal(data, keys)
        answer = await self._wire.upload(where, sealed, "application/octet-stream", {}, size=size, deadline=deadline)
        return {"file": keys | {"url": _mxc(answer)}}

    async def upload_limit(self, *, anew: bool = False) -> int | None:
        """Return how many bytes the homeserver takes in one upload, ``None`` where it sets no limit."""
        if self._upload_limit is None or anew:
            answer = await self._wire.ask("GET", path("/v1/media/config"))
            size = answer.get("m.upload.size")
            self._upload_limit = size if type(size) is int and size > 0 else None
        return self._upload_limit

    @property
    def _server(self) -> str:
        return self.user_id.partition(":")[2]

    def _take_folder(self) -> None:
        self._session.store.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self._session.store / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Fault(Kind.STORE, permanent=True, detail="another process drives this device") from None
        self._folder_lock = lock


def _border(room_id: str, raws: list[Any]) -> list[Event | Poison]:
    return [border.read_event(room_id, raw) for raw in raws]


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


def _initial(event_type: str, content: dict[str, Any], state_key: str = "") -> dict[str, Any]:
    return {"type": event_type, "state_key": state_key, "content": content}


def _event_id(answer: dict[str, Any]) -> str:
    event_id = border.text_or_none(answer.get("event_id"))
    if event_id is None:
        raise Fault(Kind.GARBLED, status=200, detail="no event_id")
    return event_id


def _mxc(answer: dict[str, Any]) -> str:
    uri = border.text_or_none(answer.get("content_uri"), 1024)
    if uri is None or not uri.startswith("mxc://"):
        raise Fault(Kind.GARBLED, status=200, detail="no content_uri")
    return uri


async def _seal(data: AsyncIterable[bytes], keys: dict[str, Any]) -> AsyncIterator[bytes]:
    """Encrypt an attachment as it passes by; its keys stand in ``keys`` when the last piece is through."""
    async for part in async_encrypt_attachment(data):
        if isinstance(part, dict):
            keys.update(part)
        else:
            yield part


async def sign_in(url: str, user: str, password: str, store: Path, device_name: str) -> Session:
    """Sign in on a new device and keep nothing. Raises Fault, of kind ``sign_in`` for a wrong name or password."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "initial_device_display_name": device_name,
    }
    wire = Wire(url)
    try:
        answer = await wire.ask("POST", path("/v3/login"), body)
    except Fault as fault:
        if fault.errcode == "M_FORBIDDEN":
            raise Fault(Kind.SIGN_IN, status=fault.status, errcode=fault.errcode, permanent=True) from None
        raise
    finally:
        await wire.close()
    found = [border.text_or_none(answer.get(name), 4096) for name in ("user_id", "device_id", "access_token")]
    user_id, device_id, token = found
    if user_id is None or device_id is None or token is None:
        raise Fault(Kind.GARBLED, status=200, detail="no login in the answer")
    return Session(url=url, user_id=user_id, device_id=device_id, access_token=token, store=store)


def stored_session(store: Path, url: str) -> Session | None:
    """Return the login that a device folder holds, if any. Raises Fault when it is not readable."""
    try:
        known = json.loads((store / "session.json").read_text())
        return Session(
            url=url,
            user_id=str(known["user_id"]),
            device_id=str(known["device_id"]),
            access_token=str(known["access_token"]),
            store=store,
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Fault(Kind.STORE, permanent=True, detail="session.json is not readable") from error


def _store_session(session: Session) -> None:
    names = ("user_id", "device_id", "access_token")
    write_secret(session.store / "session.json", json.dumps({name: getattr(session, name) for name in names}, indent=2))
