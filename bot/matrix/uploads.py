"""Uploads media as a stream, encrypted on their way where their room is."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from nio.crypto.async_attachments import async_encrypt_attachment

from bot.matrix import border
from bot.matrix.connection import Connection
from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import path

UPLOAD_DEADLINE = 60.0
SLOWEST_UPLOAD = 256 * 1024
"""Bytes in a second that an upload is given time for, beyond its first minute."""


class Uploads(Connection):
    """What goes to the homeserver's media repository."""

    _upload_limit: int | None = None

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
