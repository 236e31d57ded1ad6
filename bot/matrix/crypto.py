"""The bot's encrypted device: the chat library's no-I/O client, given only what its cryptography needs.

The library never sees a sync response, never touches the network and never decides who is in a room or what a room
allows; those parts of it end, hang or lie on input that any member can send.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import vodozemac
from msgspec.structs import replace
from nio import Client, ClientConfig, MatrixRoom
from nio.events import RoomKeyEvent, ToDeviceEvent
from nio.store import SqliteStore
from peewee import PeeweeException  # type: ignore[import-untyped]

from bot.matrix import border
from bot.matrix.events import Event, Poison, RoomKey, Unreadable
from bot.matrix.faults import Fault, Kind

MARK = "org.zhibu.outbox"
"""The key under which an event carries our outbox id; in encrypted rooms it stands beside the ciphertext."""

MEGOLM = "m.megolm.v1.aes-sha2"
OLM = "m.olm.v1.curve25519-aes-sha2"
FATAL = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)
REPLAYS_KEPT = 100_000
SESSION_AGE = timedelta(hours=24)
STATE_ONLY = frozenset(
    {
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.name",
        "m.room.topic",
        "m.room.avatar",
        "m.room.canonical_alias",
        "m.room.aliases",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.encryption",
        "m.room.server_acl",
        "m.room.tombstone",
        "m.room.third_party_invite",
        "m.room.pinned_events",
    }
)

PRIVATE_NAMES = (
    "Client._handle_decrypt_to_device",
    "Client._handle_olm_response",
    "Olm.share_group_session_parallel",
    "Olm.should_share_group_session",
    "Olm.outbound_group_sessions",
    "Olm.inbound_group_store",
    "Olm.uploaded_key_count",
    "Olm.users_for_key_query",
    "Olm.outgoing_to_device_messages",
    "OlmAccount._account",
)
"""Names of the library outside its promises that we rely on; a test fails when one of them goes."""

Result = TypeVar("Result")


class Refused(Exception):
    """Input that the cryptography could not take; the text is the class of the fault, never the input."""


def guarded(act: Callable[[], Result]) -> Result:
    """Run a piece of the library on a stranger's input; raise Refused for whatever it throws.

    A panic of the cryptography is a BaseException, which ``except Exception`` would let through. A store that
    cannot be written is nobody's input: it is a Fault, or a room key would be lost on a full disk.
    """
    try:
        return act()
    except FATAL:
        raise
    except PeeweeException as error:
        raise Fault(Kind.STORE, detail=type(error).__name__) from error
    except BaseException as error:
        raise Refused(type(error).__name__) from None


def raw_key(text: object, length: int = 32) -> bytes | None:
    """Decode an unpadded base64 key of exactly ``length`` bytes; None for anything else."""
    if not isinstance(text, str) or not text.isascii() or len(text) > 2 * length:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == length else None


class Device(Client):  # type: ignore[misc]
    """One encrypted device: its account, its sessions, and the rooms whose keys it shares."""

    def __init__(self, user_id: str, device_id: str, store: Path, pickle_key: bytes) -> None:
        """Open the store, or make it. Raises Fault when the pickle key does not fit or the store is broken."""
        if len(pickle_key) != 32:
            raise Fault(Kind.STORE, permanent=True, detail="the pickle key is not 32 bytes")
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = ClientConfig(
            store=SqliteStore,
            store_name="crypto.db",
            encryption_enabled=True,
            pickle_key=base64.b64encode(pickle_key).decode(),
            store_sync_tokens=False,
        )
        # Closed from its first byte on: who dies in between must not leave a store that others can read.
        (store / "crypto.db").touch(mode=0o600)
        super().__init__(user_id, device_id, str(store), config)
        try:
            guarded(lambda: self.restore_login(user_id, device_id, ""))
        except Refused as error:
            raise Fault(Kind.STORE, permanent=True, detail=f"the crypto store does not open ({error})") from None
        (store / "crypto.db").chmod(0o600)
        # Nobody compares emojis with a bot, and requests for keys are never answered.
        self.dropped = 0
        self._seen: OrderedDict[tuple[str, int], str] = OrderedDict()

    def adopt(self, store: Path) -> None:
        """Take over from a device that was put aside what it could read, and nothing by which it wrote or was reached.

        Sessions to read with can be kept by any number of devices; one-time keys and sessions to write with must never
        be used twice. A store that does not open is let be.
        """
        name = "crypto.db.retired"
        try:
            device_id = str(json.loads((store / "session.json.retired").read_text())["device_id"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if not (store / name).exists():
            return
        try:
            old = guarded(lambda: SqliteStore(self.user_id, device_id, str(store), self.config.pickle_key, name))
        except (Refused, Fault):
            return
        try:
            for session in guarded(lambda: list(old.load_inbound_group_sessions())):
                if not self.holds(session.room_id, session.id):
                    self.olm.inbound_group_store.add(session)
                    self.store.save_inbound_group_session(session)
        except (Refused, Fault):
            return
        finally:
            old.database.close()

    def close(self) -> None:
        """Close the store."""
        self.store.database.close()

    @property
    def curve25519(self) -> str:
        """Return the device's identity key."""
        return str(self.olm.account.identity_keys["curve25519"])

    @property
    def ed25519(self) -> str:
        """Return the device's signing key."""
        return str(self.olm.account.identity_keys["ed25519"])

    # Rooms

    def enter(self, room_id: str, *, encrypted: bool) -> None:
        """Know a joined room; a room once encrypted stays so."""
        room = self.rooms.get(room_id)
        if room is None:
            self.rooms[room_id] = room = MatrixRoom(room_id, self.user_id, encrypted or room_id in self.encrypted_rooms)
        if encrypted and (not room.encrypted or room_id not in self.encrypted_rooms):
            room.encrypted = True
            self.encrypted_rooms.add(room_id)
            self.store.save_encrypted_rooms({room_id})

    def leave(self, room_id: str) -> None:
        """Forget a room that we are no longer in, and its sending session."""
        self.rooms.pop(room_id, None)
        self.olm.outbound_group_sessions.pop(room_id, None)

    def follow(self, room_id: str, events: Iterable[object]) -> None:
        """Apply cleartext membership to an encrypted room, in order: whoever comes or goes changes the key."""
        room = self.rooms[room_id]
        if not room.encrypted:
            return
        changed = False
        for event in events:
            if not isinstance(event, Event) or event.encrypted or event.type != "m.room.member" or not event.state_key:
                continue
            membership = event.content.get("membership")
            if membership in ("join", "invite"):
                changed |= self._add(room, event.state_key, invited=membership == "invite")
            else:
                changed |= room.remove_member(event.state_key)
        if changed:
            self.invalidate_outbound_session(room_id)
        self.olm.update_tracked_users(room)

    def take_members(self, room_id: str, joined: set[str], invited: set[str]) -> None:
        """Take the homeserver's list of joined and invited people as the room's members."""
        room = self.rooms[room_id]
        members = joined | invited
        for user_id in [user_id for user_id, user in room.users.items() if user_id not in members and not user.invited]:
            room.remove_member(user_id)
        for user_id in members:
            self._add(room, user_id, invited=user_id in invited)
        room.members_synced = True
        self.olm.update_tracked_users(room)

    @staticmethod
    def _add(room: MatrixRoom, user_id: str, *, invited: bool) -> bool:
        user = room.users.get(user_id)
        if user is None:
            return bool(room.add_member(user_id, None, None, invited))
        if not invited and user.invited:
            user.invited = False
            room.invited_users.pop(user_id, None)
        return False

    def take_changed_users(self, users: Iterable[object]) -> None:
        """Ask again for the devices of users that changed theirs, as far as we share an encrypted room with them."""
        known = {user for room in self.rooms.values() if room.encrypted for user in room.users}
        self.olm.add_changed_users({user for user in users if isinstance(user, str)} & known)

    # To-device messages

    def take_all_to_device(self, raws: Iterable[object]) -> list[RoomKey]:
        """Take the messages to this device, in one write, and return the room keys that they brought.

        Raises Fault when the store cannot be written. The device in memory is then ahead of its store: open it anew.
        """
        with self.store.database.atomic():
            keys = [self.take_to_device(raw) for raw in raws]
        return [key for key in keys if key is not None]

    def take_to_device(self, raw: object) -> RoomKey | None:
        """Take one message to this device and return the room key that it brought; drop what is malformed.

        Only encrypted messages are taken: everything else there is for interactive clients.
        """
        event = border.mapping(raw)
        if event.get("type") != "m.room.encrypted":
            return None
        try:
            self._check_olm(event)
            parsed = guarded(lambda: ToDeviceEvent.parse_event(event))
            opened = guarded(lambda: self._handle_decrypt_to_device(parsed)) if parsed else None
        except Refused:
            self.dropped += 1
            return None
        if isinstance(opened, RoomKeyEvent):
            return RoomKey(room_id=str(opened.room_id), session_id=str(opened.session_id))
        return None

    def _check_olm(self, event: dict[str, Any]) -> None:
        content = border.mapping(event.get("content"))
        mine = border.mapping(border.mapping(content.get("ciphertext")).get(self.curve25519))
        good = (
            isinstance(event.get("sender"), str)
            and content.get("algorithm") == OLM
            and raw_key(content.get("sender_key")) is not None
            and isinstance(mine.get("body"), str)
            and type(mine.get("type")) is int
        )
        if not good:
            raise Refused("shape")

    # Reading

    def read(self, event: Event, raw: object) -> Event | Unreadable | Poison:
        """Decrypt an encrypted event; anything else passes as it is. Never raises.

        Type and content come from the plaintext; sender, ids and time from the outer event. What was hidden inside
        an encrypted event but counts only in clear (state, redactions) is refused.
        """
        if event.type != "m.room.encrypted" or "redacted_because" in border.mapping(
            border.mapping(raw).get("unsigned")
        ):
            # An encrypted event that was taken back has nothing left to decrypt.
            return event
        try:
            return self._read(event)
        except Refused as error:
            return border.poison(event.room_id, raw, str(error))

    def _read(self, event: Event) -> Event | Unreadable:
        content = event.content
        if event.state_key is not None:
            raise Refused("encrypted_state")
        session_id, ciphertext = content.get("session_id"), content.get("ciphertext")
        if content.get("algorithm") != MEGOLM or not isinstance(session_id, str) or not isinstance(ciphertext, str):
            raise Refused("algorithm")
        found = self._find_session(event, session_id)
        if found is None:
            self.olm.users_for_key_query.add(event.sender)
            return _unreadable(event, session_id)
        sender_key, session = found
        message = guarded(lambda: vodozemac.MegolmMessage.from_base64(ciphertext))
        if _index(message) < session.first_known_index:
            return _unreadable(event, session_id)
        text, index = guarded(lambda: session.decrypt(ciphertext))
        self._refuse_replay(session_id, index, event.event_id)
        return replace(
            event,
            **self._payload(event, text),
            encrypted=True,
            redacts=None,
            foreign=not self.belongs(event.sender, sender_key, session.ed25519),
            megolm=(session_id, index),
        )

    @staticmethod
    def _payload(event: Event, text: str) -> dict[str, Any]:
        try:
            payload = border.clean(border.read_json(text))
        except border.Malformed as error:
            raise Refused(str(error)) from None
        if not border.well_formed(payload) or payload.get("room_id", event.room_id) != event.room_id:
            raise Refused("shape")
        kind = payload["type"]
        if "state_key" in payload or kind in STATE_ONLY or kind.startswith(("m.space.", "m.policy.")):
            raise Refused("hidden_state")
        if kind in ("m.room.redaction", "m.room.encrypted"):
            raise Refused("hidden_" + kind.removeprefix("m.room."))
        content: dict[str, Any] = payload["content"]
        if "m.relates_to" in event.content and "m.relates_to" not in content:
            # Relations of an encrypted event stand in clear beside the ciphertext.
            content["m.relates_to"] = event.content["m.relates_to"]
        return {"type": kind, "content": content}

    def holds(self, room_id: str, session_id: str) -> bool:
        """Tell whether the key of a session is there."""
        return any(session_id in sessions for sessions in self.olm.inbound_group_store[room_id].values())

    def _find_session(self, event: Event, session_id: str) -> tuple[str, Any] | None:
        """Find the session by room and id; the sender key in the event is optional and proves nothing."""
        found = [
            (sender_key, sessions[session_id])
            for sender_key, sessions in self.olm.inbound_group_store[event.room_id].items()
            if session_id in sessions
        ]
        proven = [pair for pair in found if self.belongs(event.sender, pair[0], pair[1].ed25519)]
        named = [pair for pair in found if pair[0] == event.content.get("sender_key")]
        return next(iter(proven or named or found), None)

    def belongs(self, user_id: str, sender_key: str, signing_key: str) -> bool:
        """Tell whether a session comes from a device of this user; devices that are gone count too."""
        if user_id == self.user_id and sender_key == self.curve25519:
            return True
        devices = self.olm.device_store[user_id].values() if user_id in self.olm.device_store.users else ()
        return any(device.curve25519 == sender_key and device.ed25519 == signing_key for device in devices)

    def _refuse_replay(self, session_id: str, index: int, event_id: str) -> None:
        known = self._seen.setdefault((session_id, index), event_id)
        if known != event_id:
            raise Refused("replay")
        if len(self._seen) > REPLAYS_KEPT:
            self._seen.popitem(last=False)

    # Writing

    def seal(self, room_id: str, event_type: str, content: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Encrypt for a room whose session is shared, and put our mark beside the ciphertext.

        Raises Fault rather than ever letting plaintext into an encrypted room.
        """
        room = self.rooms.get(room_id)
        if self.olm is None or room is None or not room.encrypted:
            raise Fault(Kind.PLAINTEXT, detail="the room is encrypted and the device is not ready for it")
        try:
            sealed_type, sealed = guarded(lambda: self.encrypt(room_id, event_type, content))
        except Refused as error:
            raise Fault(Kind.KEYS, detail=str(error)) from None
        if MARK in content:
            # In clear, so that a later device can find what this one sent; an opaque id and nothing else.
            sealed[MARK] = content[MARK]
        return str(sealed_type), dict(sealed)

    def retire_old_session(self, room_id: str) -> None:
        """Make a new session for a room whose session is a day old."""
        session = self.olm.outbound_group_sessions.get(room_id)
        if session is not None and datetime.now() - session.creation_time > SESSION_AGE:  # noqa: DTZ005 its own clock
            self.invalidate_outbound_session(room_id)


def _unreadable(event: Event, session_id: str) -> Unreadable:
    return Unreadable(
        room_id=event.room_id,
        event_id=event.event_id,
        sender=event.sender,
        session_id=session_id,
        sent_at=event.sent_at,
        refers_to=_reference(event.content),
    )


def _reference(content: dict[str, Any]) -> str | None:
    related = border.mapping(content.get("m.relates_to"))
    return border.text_or_none(related.get("event_id")) if related.get("rel_type") == "m.reference" else None


def _index(message: Any) -> int:
    # The bindings give a property where their stubs promise a method.
    index = message.message_index
    return int(index() if callable(index) else index)
