"""Bytes that come piece by piece, as from the database."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Yield the parts."""
    for part in parts:
        yield part
