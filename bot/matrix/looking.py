"""Looks at the bot's login and rooms without changing anything, beside a program that is using them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.matrix import border, power
from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Session
from bot.matrix.trust import USES, Identity, is_vouched
from bot.matrix.wire import Wire, path


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a room lets the bot do."""

    may_send: bool
    encrypted: bool


class Look:
    """One login, seen from outside. Every question raises Fault when the homeserver does not answer it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._wire = Wire(session.url, session.access_token, deadline=15)

    async def close(self) -> None:
        """Close the connection."""
        await self._wire.close()

    async def is_ours(self) -> bool:
        """Tell whether the login is good and belongs to the account and device that its folder names."""
        who = await self._wire.ask("GET", path("/v3/account/whoami"))
        return (who.get("user_id"), who.get("device_id")) == (self._session.user_id, self._session.device_id)

    async def is_vouched(self, secrets: Path, pickle_key: bytes) -> bool:
        """Tell whether the homeserver shows the device as signed by the keys in the folder of secrets."""
        if not all((secrets / f"{use}.pickle").exists() for use in USES):
            return False
        user, device = self._session.user_id, self._session.device_id
        identity = Identity(user, secrets, pickle_key)
        shown = await self._wire.ask("POST", path("/v3/keys/query"), {"device_keys": {user: []}})
        devices = border.mapping(border.mapping(shown.get("device_keys")).get(user))
        return is_vouched(identity, shown, user, border.mapping(devices.get(device)))

    async def joined(self) -> frozenset[str]:
        """Return the rooms in which the bot is."""
        rooms = (await self._wire.ask("GET", path("/v3/joined_rooms"))).get("joined_rooms")
        if not isinstance(rooms, list):
            raise Fault(Kind.GARBLED, status=200, detail="no joined_rooms")
        return frozenset(room for room in rooms if isinstance(room, str))

    async def room(self, room_id: str) -> Seen:
        """Return what a room that the bot is in lets it do."""
        raws = await self._wire.ask_list(path("/v3/rooms/{}/state", room_id))
        state = [event for raw in raws if isinstance(event := border.read_event(room_id, raw), Event)]
        encrypted = any(event.type == "m.room.encryption" and event.state_key == "" for event in state)
        kind = "m.room.encrypted" if encrypted else "m.room.message"
        return Seen(may_send=power.may_send(power.powers(state), self._session.user_id, kind), encrypted=encrypted)
