"""A member's plain chat client for tests: the client-server API over HTTP, and nothing of the bot's own code."""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import quote

import aiohttp

from zhibu.demo.synapse import Account

_transactions = count(1)


class Rejected(Exception):
    """The homeserver did not accept a member's request; holds its status and error code."""

    def __init__(self, status: int, errcode: str | None) -> None:
        super().__init__(f"{status} {errcode}")
        self.status = status
        self.errcode = errcode


class Member:
    """One member's client without encryption; use it as a context manager."""

    def __init__(self, url: str, account: Account) -> None:
        self.url = url
        self.account = account
        self.user_id = account.user_id
        self.token: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Member:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.account.access_token}"})
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session
        await self._session.close()

    async def ask(self, method: str, where: str, body: Any = None, **query: str) -> Any:
        """Call an address below /_matrix/client and return the JSON of the answer; raises Rejected."""
        assert self._session
        url = self.url + "/_matrix/client" + where
        async with self._session.request(method, url, json=body, params=query) as response:
            answer = await response.json()
            if response.status != 200:
                raise Rejected(response.status, answer.get("errcode"))
            return answer

    async def join(self, room_id: str) -> None:
        """Enter a room that has invited this member."""
        await self.ask("POST", f"/v3/join/{quote(room_id)}", {})

    async def leave(self, room_id: str) -> None:
        """Leave a room."""
        await self.ask("POST", f"/v3/rooms/{quote(room_id)}/leave", {})

    async def send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """Send an event as it is and return its id."""
        where = f"/v3/rooms/{quote(room_id)}/send/{event_type}/m{next(_transactions)}"
        return str((await self.ask("PUT", where, content))["event_id"])

    async def say(self, room_id: str, text: str) -> str:
        """Send a text message and return its event id."""
        return await self.send(room_id, "m.room.message", {"msgtype": "m.text", "body": text})

    async def react(self, room_id: str, event_id: str, key: str = "✅") -> str:
        """React to an event and return the reaction's event id."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.send(room_id, "m.reaction", {"m.relates_to": relation})

    async def redact(self, room_id: str, event_id: str) -> str:
        """Take an event back."""
        where = f"/v3/rooms/{quote(room_id)}/redact/{quote(event_id)}/m{next(_transactions)}"
        return str((await self.ask("PUT", where, {}))["event_id"])

    async def create_room(self, *invite: str, **settings: Any) -> str:
        """Make an invite-only room and return its id."""
        body = {"preset": "private_chat", "invite": list(invite)} | settings
        return str((await self.ask("POST", "/v3/createRoom", body))["room_id"])

    async def history(self, room_id: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return the newest events of a room, oldest first."""
        where = f"/v3/rooms/{quote(room_id)}/messages"
        return list(reversed((await self.ask("GET", where, dir="b", limit=str(limit)))["chunk"]))

    async def sync(self, timeout_ms: int = 0) -> dict[str, Any]:
        """Return what is new since the last call."""
        query = {"timeout": str(timeout_ms)} | ({"since": self.token} if self.token else {})
        body: dict[str, Any] = await self.ask("GET", "/v3/sync", **query)
        self.token = body["next_batch"]
        return body
