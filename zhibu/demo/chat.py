"""A sample member's chat client without encryption: joins, taps, and marks as read, over the client-server API."""

from __future__ import annotations

from types import TracebackType
from typing import Any
from urllib.parse import quote

import aiohttp

from zhibu.demo.synapse import Account


class ChatFailed(Exception):
    """The homeserver did not accept what a sample member did."""


class Chat:
    """One member's plain client; use it as a context manager."""

    def __init__(self, url: str, account: Account) -> None:
        self._url = url + "/_matrix/client/v3"
        self._token = account.access_token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Chat:
        headers = {"Authorization": f"Bearer {self._token}"}
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def join(self, room: str) -> None:
        """Accept an invitation; doing so again does nothing."""
        await self._ask("POST", f"/join/{quote(room)}", {})

    async def read(self, room: str, event: str) -> None:
        """Mark a message as read."""
        await self._ask("POST", f"/rooms/{quote(room)}/receipt/m.read/{quote(event)}", {})

    async def tap(self, room: str, event: str, key: str = "✅") -> None:
        """Put a reaction under a message."""
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}
        await self._ask("PUT", f"/rooms/{quote(room)}/send/m.reaction/{quote(f'tap-{event}')}", content)

    async def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self._session is not None
        async with self._session.request(method, self._url + path, json=body) as response:
            answer = await response.json()
            if response.status != 200 and answer.get("errcode") != "M_DUPLICATE_ANNOTATION":
                raise ChatFailed(f"{response.status} {answer.get('errcode')}")
            return dict(answer)
