"""Seals what few eyes may see: phones, notes, secrets of second factors and of links, under keys of a file.

The master key lies beside the other keys and never in the database. Each member has a key of their own, wrapped under
it: whoever empties that one column has made unreadable what the member's entry and its history hold. A seal is
XChaCha20-Poly1305 with a nonce of its own, and says which table, column and row it belongs to, so that it opens in no
other place.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b64decode, b64encode, b85decode, b85encode
from collections.abc import Mapping
from typing import Any

from nacl import bindings as sodium
from nacl.exceptions import CryptoError
from sqlalchemy import Column, Integer, String, Table

from content.decision import Secret
from storage.engines import trouble
from storage.tables import metadata

KEY_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_NONCE = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
VERSION = 1
"""The form of a seal: its first byte, and part of what it is bound to."""

PRIVATE = ("phone", "note")
"""What of a member's entry is sealed."""

_SECRETS = ("outbox", "words")
"""Where texts lie that let somebody in."""

_OWN = ("own", "key")
"""What keys of single things are bound to; what they open is bound to its place."""

_SEALED = "sealed"
"""Where an entry that is kept as JSON holds its seal."""

vaults = Table(
    "vaults",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key_name", String(32), nullable=False),
)
"""By which master key the database is sealed: one row, and none where nothing is sealed yet."""


class Unreadable(Exception):
    """What was sealed does not open here: under another key, in another row, or changed."""


class Vault:
    """What seals and opens under a master key; without one nothing is sealed, and what is sealed does not open."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self._passing = secrets.token_bytes(KEY_BYTES)

    @property
    def name(self) -> str | None:
        """Return by what the master key can be told from another without being known."""
        return hmac.digest(self._key, b"name", "sha256").hex()[:32] if self._key is not None else None

    def seal(self, plain: bytes, *where: str) -> bytes:
        """Seal a value for one place: table, column and row."""
        return _seal(self._under(), plain, where)

    def open(self, sealed: bytes, *where: str) -> bytes:
        """Open a value in its place. Raises Unreadable."""
        return _open(self._under(), sealed, where)

    def new_key(self, member: str) -> bytes | None:
        """Make a key for a member, wrapped; ``None`` without a master key."""
        if self._key is None:
            return None
        return self.seal(secrets.token_bytes(KEY_BYTES), "members", "sealed_key", member)

    def hide(self, values: Mapping[str, Any], wrapped: bytes | None, member: str, *place: str) -> bytes | None:
        """Seal the private values of an entry under the member's own key; ``None`` where all are empty."""
        private = {name: values[name] for name in PRIVATE if values.get(name)}
        if wrapped is None or not private:
            return None
        plain = json.dumps(private, ensure_ascii=False, separators=(",", ":")).encode()
        return _seal(self._unwrap(wrapped, member), plain, (*place, member))

    def show(self, sealed: bytes | None, wrapped: bytes | None, member: str, *place: str) -> dict[str, str]:
        """Open the private values of an entry, none where their key is gone. Raises Unreadable."""
        if sealed is None or wrapped is None:
            return {}
        known: dict[str, str] = json.loads(_open(self._unwrap(wrapped, member), sealed, (*place, member)))
        return known

    def hide_entry(
        self, values: dict[str, Any] | None, wrapped: bytes | None, member: str, *place: str
    ) -> dict[str, Any] | None:
        """Return an entry that is kept as JSON with its private values sealed."""
        sealed = self.hide(values, wrapped, member, *place) if values is not None else None
        if values is None or sealed is None:
            return values
        return values | dict.fromkeys(PRIVATE, "") | {_SEALED: b85encode(sealed).decode()}

    def show_entry(self, values: Mapping[str, Any], wrapped: bytes | None, member: str, *place: str) -> dict[str, Any]:
        """Return an entry that was kept as JSON, with its private values opened. Raises Unreadable."""
        plain = dict(values)
        sealed = plain.pop(_SEALED, None)
        return plain if sealed is None else plain | self.show(b85decode(sealed), wrapped, member, *place)

    def seal_for(self, wrapped: bytes, member: str, plain: bytes, *where: str) -> bytes:
        """Seal a value under a member's own key, so that it is unreadable once that key is gone."""
        return _seal(self._unwrap(wrapped, member), plain, (*where, member))

    def open_for(self, wrapped: bytes | None, member: str, sealed: bytes, *where: str) -> bytes:
        """Open it. Raises Unreadable, also where the key is gone."""
        if wrapped is None:
            raise Unreadable
        return _open(self._unwrap(wrapped, member), sealed, (*where, member))

    def own_key(self) -> bytes:
        """Make a key for one thing that does not last; without a master key nobody has it after this process."""
        return _seal(self._key or self._passing, secrets.token_bytes(KEY_BYTES), _OWN)

    def seal_under(self, wrapped: bytes, plain: bytes, *where: str) -> bytes:
        """Seal a value under such a key."""
        return _seal(self._own(wrapped), plain, where)

    def open_under(self, wrapped: bytes | None, sealed: bytes | None, *where: str) -> bytes:
        """Open it. Raises Unreadable, also where either is gone."""
        if wrapped is None or sealed is None:
            raise Unreadable
        return _open(self._own(wrapped), sealed, where)

    def _own(self, wrapped: bytes) -> bytes:
        return _open(self._key or self._passing, wrapped, _OWN)

    def seal_secret(self, text: Secret, *where: str) -> str:
        """Seal a text that lets somebody in for one row; without a master key nobody opens it after this process."""
        return b64encode(_seal(self._key or self._passing, text.encode(), (*_SECRETS, *where))).decode()

    def open_secret(self, sealed: str, *where: str) -> Secret:
        """Open such a text in its row. Raises Unreadable."""
        try:
            plain = _open(self._key or self._passing, b64decode(sealed, validate=True), (*_SECRETS, *where))
            return Secret(plain.decode())
        except ValueError:
            raise Unreadable from None

    def mark(self, text: str, kind: str = "phone") -> str:
        """Return by what a phone number, or something else, is found without being known; none where it is clear."""
        if not text or self._key is None:
            return ""
        return hmac.digest(self._key, kind.encode() + text.encode(), "sha256").hex()[:32]

    def _under(self) -> bytes:
        if self._key is None:
            raise trouble("sealed_without_key")
        return self._key

    def _unwrap(self, wrapped: bytes, member: str) -> bytes:
        return self.open(wrapped, "members", "sealed_key", member)


def _bound(where: tuple[str, ...]) -> bytes:
    return json.dumps([VERSION, *where], separators=(",", ":")).encode()


def _seal(key: bytes, plain: bytes, where: tuple[str, ...]) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, _bound(where), nonce, key)
    return bytes([VERSION]) + nonce + sealed


def _open(key: bytes, sealed: bytes, where: tuple[str, ...]) -> bytes:
    if sealed[:1] != bytes([VERSION]):
        raise Unreadable
    nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return bytes(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(rest, _bound(where), nonce, key))
    except CryptoError:
        raise Unreadable from None
