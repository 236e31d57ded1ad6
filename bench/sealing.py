"""Members with encrypting devices for the stub: real sessions and real ciphertext, so that every bot has to decrypt."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import vodozemac

OLM, MEGOLM = "m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"
THEIR_DEVICE = "PHONE"


def canonical(value: object) -> str:
    """Return the text of a value that is signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(slots=True)
class _Person:
    account: Any = field(default_factory=vodozemac.Account)
    rooms: dict[str, Any] = field(default_factory=dict)


class Members:
    """The devices of all members, and what the homeserver keeps of the bot's keys."""

    def __init__(self, users: list[str], bot: str, bot_device: str) -> None:
        self._people = {user: _Person() for user in users}
        self._bot, self._bot_device = bot, bot_device
        self._bot_keys: dict[str, str] = {}
        self._one_time: list[str] = []

    @property
    def reachable(self) -> bool:
        """Tell whether the bot has published what one needs to write to it."""
        return bool(self._bot_keys and self._one_time)

    @property
    def keys_left(self) -> int:
        """Return how many one-time keys of the bot nobody has used."""
        return len(self._one_time)

    def take_upload(self, body: dict[str, Any]) -> None:
        """Keep what the bot publishes."""
        if "device_keys" in body:
            keys = body["device_keys"]["keys"]
            self._bot_keys = {name.partition(":")[0]: key for name, key in keys.items()}
        self._one_time += [key["key"] for key in body.get("one_time_keys", {}).values()]

    def devices(self, users: dict[str, Any]) -> dict[str, Any]:
        """Return the signed device of each user asked for."""
        return {user: {THEIR_DEVICE: self._device(user)} for user in users if user in self._people}

    def _device(self, user: str) -> dict[str, Any]:
        account = self._people[user].account
        device = {
            "user_id": user,
            "device_id": THEIR_DEVICE,
            "algorithms": [OLM, MEGOLM],
            "keys": {
                f"curve25519:{THEIR_DEVICE}": account.curve25519_key.to_base64(),
                f"ed25519:{THEIR_DEVICE}": account.ed25519_key.to_base64(),
            },
        }
        return self._signed(user, device)

    def _signed(self, user: str, thing: dict[str, Any]) -> dict[str, Any]:
        mark = self._people[user].account.sign(canonical(thing).encode()).to_base64()
        return thing | {"signatures": {user: {f"ed25519:{THEIR_DEVICE}": mark}}}

    def claim(self, wanted: dict[str, dict[str, str]]) -> dict[str, Any]:
        """Hand out a signed one-time key for each device asked for."""
        found: dict[str, Any] = {}
        for user in wanted:
            if user in self._people:
                account = self._people[user].account
                account.generate_one_time_keys(1)
                id, key = next(iter(account.one_time_keys.items()))  # noqa: A001
                account.mark_keys_as_published()
                signed = self._signed(user, {"key": key.to_base64()})
                found[user] = {THEIR_DEVICE: {f"signed_curve25519:{id}": signed}}
        return found

    def seal(self, user: str, room: str, content: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Encrypt a message; return what must be sent to the bot's device first, and the room event's content."""
        person = self._people[user]
        mail = []
        session = person.rooms.get(room)
        if session is None:
            session = person.rooms[room] = vodozemac.GroupSession()
            mail.append(self._share(user, room, session))
        plain = {"type": "m.room.message", "room_id": room, "content": content}
        ciphertext = session.encrypt(json.dumps(plain).encode())
        return mail, {
            "algorithm": MEGOLM,
            "sender_key": person.account.curve25519_key.to_base64(),
            "device_id": THEIR_DEVICE,
            "session_id": session.session_id,
            "ciphertext": ciphertext.to_base64(),
        }

    def _share(self, user: str, room: str, group: Any) -> dict[str, Any]:
        account = self._people[user].account
        their_key = vodozemac.Curve25519PublicKey.from_base64(self._bot_keys["curve25519"])
        one_time = vodozemac.Curve25519PublicKey.from_base64(self._one_time.pop())
        session = account.create_outbound_session(their_key, one_time)
        plain = {
            "type": "m.room_key",
            "content": {
                "algorithm": MEGOLM,
                "room_id": room,
                "session_id": group.session_id,
                "session_key": group.session_key.to_base64(),
            },
            "sender": user,
            "sender_device": THEIR_DEVICE,
            "keys": {"ed25519": account.ed25519_key.to_base64()},
            "recipient": self._bot,
            "recipient_keys": {"ed25519": self._bot_keys["ed25519"]},
        }
        kind, body = session.encrypt(json.dumps(plain).encode()).to_parts()
        text = base64.b64encode(body).decode().rstrip("=")
        sealed = {self._bot_keys["curve25519"]: {"type": kind, "body": text}}
        content = {"algorithm": OLM, "sender_key": account.curve25519_key.to_base64(), "ciphertext": sealed}
        return {"type": "m.room.encrypted", "sender": user, "content": content}
