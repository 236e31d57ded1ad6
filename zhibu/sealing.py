"""Seals a stream of bytes under a key, so that a changed, exchanged or missing end of it is noticed when it is opened.

The construction is libsodium's secret stream (XChaCha20-Poly1305): every portion is authenticated in its place, and the
last one says that it is the last.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from content.trouble import Exit, Trouble

KEY_BYTES = sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES
PORTION = 64 * 1024
"""Bytes that are sealed together; each portion grows by what authenticates it."""

_GROWTH = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_HEADER = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_FINAL = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FORM = b"zhibu-backup-1\n"


class Damaged(Exception):
    """What was to be opened is not what was sealed: changed, cut off, or continued."""


class WrongKey(Exception):
    """What was to be opened was sealed under another key."""


def read_key(file: Path) -> bytes:
    """Return the key that a file holds. Raises Trouble when it is missing, open to others or no key."""
    try:
        mode, key = file.stat().st_mode, file.read_bytes()
    except FileNotFoundError:
        raise Trouble(Exit.CONFIG, "backup.no_key", file=str(file)) from None
    except OSError as error:
        raise Trouble(Exit.CONFIG, "backup.bad_key", file=str(file), why=error.strerror or "") from None
    if mode & 0o077:
        raise Trouble(Exit.CONFIG, "backup.open_key", file=str(file))
    if len(key) != KEY_BYTES:
        raise Trouble(Exit.CONFIG, "backup.not_a_key", file=str(file))
    return key


def make_key(file: Path) -> bool:
    """Make a key where there is none yet, durably, for its owner's eyes only; tell whether it was made now."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise Trouble(Exit.CONFIG, "backup.bad_key", file=str(file), why=error.strerror or "") from None
    with os.fdopen(handle, "wb") as opened:
        opened.write(secrets.token_bytes(KEY_BYTES))
        opened.flush()
        os.fsync(opened.fileno())
    return True


def name_of(key: bytes) -> bytes:
    """Return 16 bytes that tell keys apart and say nothing about them."""
    return hashlib.blake2s(key, digest_size=16, person=b"zhibukey").digest()


class Sealing:
    """Writes what it is given into a file, sealed; ``finish`` says that this was the end."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file = file
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        head = _FORM + name_of(key)
        self._waiting = bytearray()
        header = sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, key)
        file.write(head + header)
        self._bound: bytes | None = head

    def write(self, plain: bytes) -> int:
        """Take bytes; whole portions go to the file."""
        self._waiting += plain
        while len(self._waiting) > PORTION:
            self._push(bytes(self._waiting[:PORTION]), _MESSAGE)
            del self._waiting[:PORTION]
        return len(plain)

    def finish(self) -> None:
        """Write the last portion, which says that it is the last."""
        self._push(bytes(self._waiting), _FINAL)
        self._waiting.clear()

    def _push(self, plain: bytes, tag: int) -> None:
        # The first portion answers for the head of the file too.
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self._state, plain, self._bound, tag)
        self._bound = None
        self._file.write(sealed)


class Opening:
    """Reads what was sealed. Raises WrongKey at once, and Damaged as soon as something is not as it was sealed."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file = file
        head, header = file.read(len(_FORM) + 16), file.read(_HEADER)
        if not head.startswith(_FORM) or len(header) != _HEADER:
            raise Damaged
        if head[len(_FORM) :] != name_of(key):
            raise WrongKey
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, key)
        self._bound: bytes | None = head
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return the next bytes, as many as asked for, and fewer only at the end."""
        while len(self._ready) < size and not self._ended:
            self._pull()
        plain = bytes(self._ready[:size])
        del self._ready[:size]
        return plain

    def finish(self) -> None:
        """See that everything was read, to the end that was sealed."""
        while not self._ended:
            self._pull()

    def _pull(self) -> None:
        sealed = self._file.read(PORTION + _GROWTH)
        try:
            plain, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(self._state, sealed, self._bound)
        except (CryptoError, ValueError):
            raise Damaged from None
        self._bound = None
        self._ended = tag == _FINAL
        if self._ended and self._file.read(1):
            raise Damaged
        self._ready += plain
