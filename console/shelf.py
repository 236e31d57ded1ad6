"""Keeps what a person has uploaded but not confirmed, sealed with a key that only the address of their page holds."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

from Crypto.Cipher import AES
from msgspec.structs import asdict

from console.bridge import Bridge
from console.sheets import SheetFile
from content.media import Kind as MediumKind
from content.media import MediumKept
from storage import shelf
from storage.shelf import Shelved, Unshelved
from storage.store import Store

KINDS: dict[str, type[Any]] = {"medium": MediumKept, "sheet": SheetFile}
"""What may lie there: values of plain fields and one field of bytes, ``data``."""

_TAG_BYTES = 16


class Shelf:
    """Values by an unguessable key, each bound to the session that put it there.

    They lie in the database, so that any console finds them, and are encrypted, because an uploaded roster may hold
    what is never to be kept, and a database is copied. The key that opens a value is stored nowhere.
    """

    def __init__(self, store: Store, bridge: Bridge) -> None:
        self._store = store
        self._bridge = bridge

    def put(self, session: str, value: object, *, now: datetime) -> str:
        """Keep a value for a while and return its key; the oldest ones make room when there are too many."""
        key = secrets.token_urlsafe(18)
        kept = Shelved(id=_id(key), session_hash=session, sealed=_seal(key, session, _pack(value)), at=now)
        self._bridge(self._store.settle(notes=[kept]))
        return key

    def get(self, session: str, key: str) -> object | None:
        """Return what lies under a key, ``None`` when it is gone or somebody else's."""
        found = self._bridge(self._store.read(lambda unit: shelf.sealed(unit, _id(key), session)))
        return None if found is None else _unpack(_open(key, session, found))

    def drop(self, session: str, key: str) -> None:
        """Forget a value."""
        self._bridge(self._store.settle(notes=[Unshelved(id=_id(key), session_hash=session)]))


def _id(key: str) -> str:
    return hashlib.sha256(f"place {key}".encode()).hexdigest()


def _cipher(key: str, session: str) -> Any:
    # Each key seals one value and never another, so the number that must not be used twice with it may stand still.
    cipher = AES.new(hashlib.sha256(f"seal {key}".encode()).digest(), AES.MODE_GCM, nonce=bytes(12))
    cipher.update(session.encode())
    return cipher


def _seal(key: str, session: str, plain: bytes) -> bytes:
    sealed, tag = _cipher(key, session).encrypt_and_digest(plain)
    return bytes(tag + sealed)


def _open(key: str, session: str, sealed: bytes) -> bytes:
    return bytes(_cipher(key, session).decrypt_and_verify(sealed[_TAG_BYTES:], sealed[:_TAG_BYTES]))


def _pack(value: Any) -> bytes:
    kind = next(name for name, one in KINDS.items() if type(value) is one)
    plain = {name: held for name, held in asdict(value).items() if name != "data"}
    return json.dumps([kind, plain], ensure_ascii=False).encode() + b"\n" + bytes(value.data)


def _unpack(packed: bytes) -> object:
    head, _, data = packed.partition(b"\n")
    kind, plain = json.loads(head)
    if "kind" in plain:
        plain["kind"] = MediumKind(plain["kind"])
    value: object = KINDS[kind](**plain, data=data)
    return value
