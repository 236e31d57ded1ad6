"""Hands out the bytes of media to a browser, piece by piece, as files that can do nothing there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import quote

from flask import Response, abort

from console.access import here
from console.desk import ask, desk
from content.media import MediumKept, neutral_name
from storage import media


def kept(hash: str, name: str = "") -> Response:  # noqa: A002 - as a medium has it
    """Return a medium that is kept under the name that whoever shows it has for it, else under one that says nothing.

    Its bytes may be another organisation's first, and the name that came with them is that one's own.
    """
    stored = ask(lambda unit: media.medium(unit, hash))
    if stored is None:
        abort(404)
    bridge, store = desk().bridge, desk().store
    pieces = (bridge(store.read(partial(media.piece, hash=hash, place=place))) for place in range(stored.pieces))
    return _download(pieces, stored.mimetype, name or neutral_name(stored.kind, stored.mimetype), stored.size)


def shelved(key: str) -> Response:
    """Return a medium that its person has uploaded and not kept yet."""
    found = desk().shelf.get(here().session.family, key)
    if not isinstance(found, MediumKept):
        abort(404)
    return _download([found.data], found.mimetype, found.name, len(found.data))


def _download(pieces: Iterable[bytes], mimetype: str, name: str, size: int) -> Response:
    response = Response(pieces, mimetype=mimetype)
    response.content_length = size
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return response
