"""One HTTP connection to the homeserver: every call has a deadline, and every failure is a Fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bot.matrix import border
from bot.matrix.faults import Fault, Kind, Shape, fault_of, must

USER_AGENT = "zhibu"
CONNECTIONS = 40
"""More than delivery has under way, so that listening and keys never wait for it."""


def path(template: str, *parts: str) -> str:
    """Fill ``{}`` gaps of a path below ``/_matrix/client`` with quoted parts; identifiers are opaque."""
    return "/_matrix/client" + template.format(*map(_quoted, parts))


@lru_cache(maxsize=1024)
def _quoted(part: str) -> str:
    return quote(part, safe="")


class Wire:
    """Speaks JSON with one homeserver; knows the access token and shows it to nobody."""

    def __init__(self, url: str, token: str | None = None, *, deadline: float = 30) -> None:
        """Describe the connection; it opens with the first call. ``deadline`` is the default of every call, seconds."""
        self.url = url.rstrip("/")
        self._token = token
        self._deadline = deadline
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connection; calls in flight fail."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(
        self,
        method: str,
        where: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Make a call and return the JSON object of its answer; raise Fault for anything but a success.

        ``body`` is sent as JSON, or as it is when it is a text that is JSON already.
        """
        text = body if isinstance(body, str) or body is None else json.dumps(body, ensure_ascii=True)
        target = where + ("?" + urlencode(query) if query else "")
        return await self._call(method, target, text, "application/json", deadline or self._deadline, dict)

    async def ask_list(self, where: str) -> list[Any]:
        """Get the JSON array of an address; raise Fault for anything but a success."""
        return await self._call("GET", where, None, "application/json", self._deadline, list)

    async def upload(
        self,
        where: str,
        data: AsyncIterable[bytes],
        mimetype: str,
        query: Mapping[str, str],
        *,
        size: int,
        deadline: float,
    ) -> dict[str, Any]:
        """Send ``size`` bytes as they come and return the JSON object of the answer; raise Fault for anything else."""
        return await self._call("POST", where + "?" + urlencode(query), data, mimetype, deadline, dict, size=size)

    async def download(self, where: str, *, most: int, deadline: float) -> bytes:
        """Return the bytes of an address, ``most`` at most; raise Fault for more than that, and for no success."""
        try:
            async with (
                asyncio.timeout(deadline),
                self._open().request("GET", URL(self.url + where, encoded=True), allow_redirects=False) as response,
            ):
                if response.status == 200:
                    return await _read_at_most(response, most)
                raw, status, answered = await _read_capped(response), response.status, response.headers
        except TimeoutError as error:
            raise Fault(Kind.SLOW) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Fault(Kind.UNREACHABLE, detail=type(error).__name__) from error
        try:
            body = border.read_json(raw)
        except border.Malformed:
            body = None
        raise fault_of(status, body if isinstance(body, dict) else {}, answered)

    async def _call(
        self,
        method: str,
        target: str,
        data: str | AsyncIterable[bytes] | None,
        mimetype: str,
        deadline: float,
        shape: type[Shape],
        *,
        size: int | None = None,
    ) -> Shape:
        headers: dict[str, str] = {}
        if data is not None:
            headers["Content-Type"] = mimetype
        if size is not None:
            headers["Content-Length"] = str(size)
        try:
            async with (
                asyncio.timeout(deadline),
                self._open().request(
                    method, URL(self.url + target, encoded=True), data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                raw = await _read_capped(response)
                status, kind, answered = response.status, response.content_type, response.headers
        except TimeoutError as error:
            raise Fault(Kind.SLOW) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The error's text may hold the address, which holds a query; its type says enough.
            raise Fault(Kind.UNREACHABLE, detail=type(error).__name__) from error
        try:
            body = border.read_json(raw)
        except border.Malformed:
            body = None
        return must(status, kind, answered, body, shape)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            signed_in = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": USER_AGENT, **signed_in},
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            )
        return self._session


async def _read_at_most(response: aiohttp.ClientResponse, most: int) -> bytes:
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > most:
            raise Fault(Kind.TOO_LARGE, status=200, permanent=True)
    return bytes(parts)


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    length = response.content_length
    # Of a packed answer the length says nothing about what it unpacks to.
    if length is not None and length <= border.BODY_CAP and "Content-Encoding" not in response.headers:
        return await response.read()
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > border.BODY_CAP:
            raise Fault(Kind.GARBLED, status=response.status, detail="answer over 32 MiB")
    return bytes(parts)
