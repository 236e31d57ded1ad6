"""Taking back what was just done, from the notice that says so: a form of ours that does the opposite."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from flask import g, url_for
from msgspec import Struct

from console.desk import ask, cause
from console.people import mark_of
from content.edits import freed
from content.identifiers import EditId, derive
from content.imports import Undoing, plan_undoing
from storage import edits, imports
from storage.unit import Reading

_DIGEST_BYTES = 16


class Undo(Struct, frozen=True, kw_only=True):
    """A form that takes something back: where it is sent, and what it carries unseen."""

    action: str
    fields: dict[str, str]


def way_back(endpoint: str, *, fields: dict[str, str] | None = None, **values: Any) -> Undo:
    """Return the form that takes back what is being done, by a page that does the opposite."""
    return Undo(action=url_for(endpoint, **values), fields=fields or {})


def undo_edit() -> Undo:
    """Return the form that takes back the change to the roster that this request's form has just made."""
    id = EditId(derive(cause(), "edit"))  # noqa: A001
    return way_back("edits.undo", fields={"mark": mark_of(ask(lambda unit: undoing_of(unit, id)))}, id=id)


async def undoing_of(unit: Reading, id: EditId) -> Undoing:  # noqa: A002
    """Return what taking a change to the roster back would do."""
    entered = await edits.entries(unit, id)
    since = await imports.since(unit, entered, ())
    return plan_undoing(entered, (), freed(entered, since))


def written(offer: Undo) -> str:
    """Write a form for an address, so that only this session's own pages can have made it."""
    said = json.dumps([offer.action, offer.fields], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mark(said) + said).decode().rstrip("=")


def read(text: str) -> Undo | None:
    """Read such a form; ``None`` for what this session has not been given."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    mark, said = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if "session" not in g or not hmac.compare_digest(mark, _mark(said)):
        return None
    action, fields = json.loads(said)
    return Undo(action=action, fields=fields)


def _mark(said: bytes) -> bytes:
    return hmac.digest(g.session.csrf.encode(), said, hashlib.sha256)[:_DIGEST_BYTES]
