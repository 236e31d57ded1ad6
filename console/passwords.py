"""Passwords and recovery codes as they are kept: Argon2id, a few at a time, and none that everybody would guess."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from nacl import pwhash
from nacl.exceptions import InvalidkeyError

from content.credentials import bare
from content.decision import Refusal, refused

MEMORY = 32 * 1024 * 1024
PASSES = 2
"""What one hash costs: more than the least that is advised, 19 MiB and two passes."""

AT_ONCE = 2
"""So many hashes are reckoned side by side; who comes meanwhile waits, so that a flood takes no more memory."""

SALT_BYTES = pwhash.argon2id.SALTBYTES
_CODE_BYTES = 16
_FORM = f"$argon2id$v=19$m={MEMORY // 1024},t={PASSES},p=1$"
_turn = threading.BoundedSemaphore(AT_ONCE)

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LONG, _LITTLE = 8, 4
COMMON = Path(__file__).with_name("common_passwords.txt")


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _turn:
        return pwhash.argon2id.str(password.encode(), opslimit=PASSES, memlimit=MEMORY).decode("ascii")


def is_right(hashed: str | None, password: str) -> bool:
    """Tell whether a password is the right one; where nobody has one it takes as long to say no."""
    if hashed is None:
        hash_password(password)
        return False
    with _turn:
        try:
            return pwhash.argon2id.verify(hashed.encode("ascii"), password.encode())
        except InvalidkeyError:
            return False


def is_outdated(hashed: str) -> bool:
    """Tell whether a password was kept in a weaker form than today's."""
    return not hashed.startswith(_FORM)


def make_code(characters: int) -> str:
    """Return a code that nobody guesses, five bits a character, in groups of four."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(characters))
    return "-".join(letters[place : place + 4] for place in range(0, characters, 4))


def hash_code(code: str, salt: bytes) -> bytes:
    """Return what is kept of a recovery code."""
    with _turn:
        return pwhash.argon2id.kdf(_CODE_BYTES, code.encode(), salt, opslimit=PASSES, memlimit=MEMORY)


def refuse_common(password: str) -> Refusal | None:
    """Refuse a password that many people have, also with digits and signs around it."""
    whole, plain = password.casefold(), bare(password)
    with COMMON.open(encoding="utf-8") as lines:
        common = any(_is_much_of(line.rstrip("\n"), whole, plain) for line in lines)
    return refused("credentials.common", field="password") if common else None


def _is_much_of(known: str, whole: str, plain: str) -> bool:
    """Tell whether a password is a known one, or little more than that."""
    if known in (whole, plain):
        return True
    return len(known) >= _LONG and known in whole and len(whole) - len(known) <= _LITTLE
