"""The code by which somebody who asked for help without a name finds their case again, and what is meant as one."""

from __future__ import annotations

import hashlib
import re

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LETTERS = 16

_BEFORE = r"^[\s:,，：]+"
_END = r"(?=$|[\s:,，：])"
_CODE = re.compile(rf"([0-9A-Za-z]{{4}}(?:[\s-]?[0-9A-Za-z]{{4}}){{3}}){_END}[\s:,，：]*")
_MEANT = re.compile(
    rf"(?=[0-9-]*[A-Za-z])[0-9A-Za-z]{{3,5}}(?:-[0-9A-Za-z]{{3,5}}){{3}}{_END}"
    rf"|(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[0-9A-Za-z]{{15,17}}{_END}"
    rf"|(?=[A-Z ]*[0-9])(?=[0-9 ]*[A-Z])[0-9A-Z]{{4}}(?: [0-9A-Z]{{4}}){{3}}{_END}"
)
"""What looks like a code, though a letter of it is wrong or one too many; a number of nothing but digits does not."""


def new_code(secret: str) -> str:
    """Return a code of 79 bits that follows from a secret, in four groups to be copied by hand."""
    number = int.from_bytes(hashlib.blake2b(secret.encode(), digest_size=32, person=b"help-case-code").digest(), "big")
    letters = ""
    for _ in range(_LETTERS):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return "-".join(letters[start : start + 4] for start in range(0, _LETTERS, 4))


def code_hash(text: str) -> str | None:
    """Return by what a code is found, ``None`` where a text is none; the code itself is kept nowhere."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if len(plain) != _LETTERS or set(plain) - set(ALPHABET):
        return None
    return hashlib.sha256(f"help case {plain}".encode()).hexdigest()


def code_before(text: str) -> tuple[str | None, str]:
    """Return the hash of the code with which a text begins, and the rest of it."""
    text = re.sub(_BEFORE, "", text)
    found = _CODE.match(text)
    known = code_hash(found[1]) if found is not None else None
    return (known, text[found.end() :]) if known is not None and found is not None else (None, text)


def is_code_meant(text: str) -> bool:
    """Tell whether a text begins with what is meant as a code and is none; it would stand beside a name."""
    text = re.sub(_BEFORE, "", text)
    return _MEANT.match(text) is not None and code_before(text)[0] is None
