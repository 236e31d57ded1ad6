"""Downloads what a message shows, and opens it where it lies encrypted; nothing is kept here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nio.crypto.attachments import decrypt_attachment

from bot.matrix import border
from bot.matrix.connection import Connection
from bot.matrix.crypto import Refused, guarded
from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import path

DOWNLOAD_DEADLINE = 60.0
_MXC = re.compile(r"mxc://([^/?#\s]{1,255})/([A-Za-z0-9_-]{1,255})")


class Downloads(Connection):
    """What comes from the homeserver's media repository."""

    async def download(self, content: Mapping[str, Any], *, most: int) -> bytes:
        """Return the bytes that a message shows, ``most`` at most; of an encrypted message they are opened.

        Raises a permanent Fault where it shows none, or more than that, or they are not what the message says.
        """
        sealed = border.mapping(content.get("file"))
        uri = border.text_or_none(sealed.get("url") if sealed else content.get("url"), 1024)
        found = _MXC.fullmatch(uri or "")
        if found is None:
            raise Fault(Kind.MISSING, permanent=True, detail="no mxc")
        where = path("/v1/media/download/{}/{}", found[1], found[2])
        data = await self._wire.download(where, most=most, deadline=DOWNLOAD_DEADLINE)
        return _opened(data, sealed) if sealed else data


def _opened(data: bytes, sealed: Mapping[str, Any]) -> bytes:
    key = border.text_or_none(border.mapping(sealed.get("key")).get("k"))
    digest = border.text_or_none(border.mapping(sealed.get("hashes")).get("sha256"))
    start = border.text_or_none(sealed.get("iv"))
    if key is None or digest is None or start is None:
        raise Fault(Kind.KEYS, permanent=True, detail="no key")
    try:
        opened: bytes = guarded(lambda: decrypt_attachment(data, _padded(key), digest, start))
        return opened
    except Refused as error:
        raise Fault(Kind.KEYS, permanent=True, detail=type(error).__name__) from None


def _padded(key: str) -> str:
    """Return the key of a JWK in the alphabet that is expected: it stands there in that for addresses."""
    return key.replace("-", "+").replace("_", "/")
