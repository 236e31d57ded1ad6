"""A member's encrypted client for tests: the stock chat library, as any other client on the homeserver."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from nio import Api, AsyncClient, AsyncClientConfig, Event, MegolmEvent, RoomSendResponse, SyncResponse
from nio.store import SqliteStore

from zhibu.demo.synapse import Account


class EncryptedMember:
    """One member's encrypting client; use it as a context manager."""

    def __init__(self, url: str, account: Account, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = AsyncClientConfig(
            encryption_enabled=True,
            store=SqliteStore,
            store_name="member.db",
            pickle_key="only a test",
            max_limit_exceeded=0,
            max_timeouts=1,
        )
        self.client = AsyncClient(url, account.user_id, account.device_id, str(folder), config)
        self.client.restore_login(account.user_id, account.device_id, account.access_token)
        self.user_id = account.user_id

    async def __aenter__(self) -> EncryptedMember:
        await self.sync()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        self.client.store.database.close()

    async def sync(self, *, settle: bool = True, wait_ms: int = 0) -> SyncResponse:
        """Take what is new and, unless told otherwise, do the key work that follows."""
        response = await self.client.sync(timeout=wait_ms, full_state=self.client.next_batch == "")
        assert isinstance(response, SyncResponse), response
        if not settle:
            return response
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()
        return response

    async def join(self, room_id: str) -> None:
        """Enter a room that has invited this member, and know its members."""
        await self.client.join(room_id)
        await self.sync()

    async def heard(self, room_id: str, *, settle: bool = True) -> list[Event]:
        """Return the new timeline events of a room, decrypted where the keys are there."""
        response = await self.sync(settle=settle)
        room = response.rooms.join.get(room_id)
        return list(room.timeline.events) if room else []

    async def read(self, room_id: str, *, settle: bool = True) -> list[str]:
        """Return the texts among the new events; what stayed unreadable shows as ``?``."""
        events = await self.heard(room_id, settle=settle)
        return [
            "?" if isinstance(event, MegolmEvent) else event.body
            for event in events
            if isinstance(event, MegolmEvent) or hasattr(event, "body")
        ]

    async def send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """Send an event, encrypted when the room is, and return its id."""
        response = await self.client.room_send(room_id, event_type, content, ignore_unverified_devices=True)
        assert isinstance(response, RoomSendResponse), response
        return str(response.event_id)

    async def say(self, room_id: str, text: str) -> str:
        """Send a text message and return its event id."""
        return await self.send(room_id, "m.room.message", {"msgtype": "m.text", "body": text})

    async def send_plaintext(self, room_id: str, plaintext: str) -> str:
        """Encrypt any text at all with this member's session, as a hostile client can, and return the event id."""
        if self.client.olm.should_share_group_session(room_id):
            await self.client.share_group_session(room_id, ignore_unverified_devices=True)
        session = self.client.olm.outbound_group_sessions[room_id]
        content = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "sender_key": self.client.olm.account.identity_keys["curve25519"],
            "ciphertext": session.encrypt(plaintext),
            "session_id": session.id,
            "device_id": self.client.device_id,
        }
        return await self.send_clear(room_id, "m.room.encrypted", content)

    async def send_clear(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """Send an event as it is, past the encryption."""
        method, path, data = Api.room_send(self.client.access_token, room_id, event_type, content, uuid4().hex)
        response = await self.client._send(RoomSendResponse, method, path, data, (room_id,))
        assert isinstance(response, RoomSendResponse), response
        return str(response.event_id)
