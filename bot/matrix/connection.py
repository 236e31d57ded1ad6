"""One account on one device at a homeserver: opened, closed, its keys at hand, and what is known of its rooms."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from bot.matrix import border
from bot.matrix.crypto import Device
from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.keyring import Keyring, Reader
from bot.matrix.login import Session
from bot.matrix.trust import Identity, vouch
from bot.matrix.wire import Wire, path


class Connection:
    """What everything that is said to a homeserver goes through."""

    def __init__(
        self, session: Session, pickle_key: bytes, *, secrets: Path | None = None, deadline: float = 30
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
        self._wire = Wire(session.url, session.access_token, deadline=deadline)
        self._locks: dict[str, asyncio.Lock] = {}
        self._folder_lock: IO[str] | None = None
        self._open: tuple[Device, Keyring] | None = None

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

    def _reopen(self) -> None:
        """Go back to what the store holds, after a write that failed."""
        old, self._open = self._device, None
        rooms = [(room_id, bool(room.encrypted)) for room_id, room in old.rooms.items()]
        old.close()
        device = Device(self.user_id, self.device_id, self._session.store, self._pickle_key)
        self._open = (device, Keyring(device, self._wire))
        self.seed(rooms)

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


def event_id_of(answer: dict[str, Any]) -> str:
    """Return the event that an answer names. Raises Fault where it names none."""
    event_id = border.text_or_none(answer.get("event_id"))
    if event_id is None:
        raise Fault(Kind.GARBLED, status=200, detail="no event_id")
    return event_id
