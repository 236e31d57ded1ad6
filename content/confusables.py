"""Matrix accounts that look like others: letters of other scripts, letters that resemble digits, other servers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from content.decision import Words, words
from content.identifiers import UserId

_ACCOUNT = re.compile(r"@[^\s:\x00]+:[A-Za-z0-9.\-\[\]:]+")
_MODERN = re.compile(r"[a-z0-9._=/+-]+")
LONGEST = 255

LATIN = {
    **dict(zip("аеорсухіјѕԁһӏвкмнтгпԛԝь", "aeopcyxijsdhlbkmhtrnqwb", strict=True)),
    **dict(zip("αβεικνορτυχγωη", "abeiknoptuxywn", strict=True)),
}
"""Small letters of the Cyrillic and the Greek script, and the Latin ones that they look like in chat clients."""

# Digits beside letters look alike too, and are told from each other in text.
_ALIKE = str.maketrans(
    {
        **LATIN,
        "0": "o",
        "1": "l",
        "i": "l",
        "|": "l",
        "5": "s",
        "ı": "l",
        "ɡ": "g",
        "ⅼ": "l",
        "ߋ": "o",
    }
)


class Parts(Struct, frozen=True, kw_only=True):
    """An account in its two parts, the person's own name and the server's."""

    local: str
    server: str


def parts(user: str) -> Parts | None:
    """Return the parts of an account, ``None`` for what is none."""
    if len(user) > LONGEST or not _ACCOUNT.fullmatch(user):
        return None
    local, _, server = user[1:].partition(":")
    return Parts(local=local, server=server)


def skeleton(local: str) -> str:
    """Return what a local part looks like: two that look alike have the same skeleton."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", local.casefold())
        if unicodedata.category(letter) not in {"Mn", "Cf", "Cc"}
    )
    return plain.translate(_ALIKE).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def warnings(user: UserId, *, known: Iterable[UserId], home: str) -> tuple[Words, ...]:
    """Say what should give pause before an account is bound by hand; ``home`` is our own homeserver's name."""
    given = parts(user)
    if given is None:
        return ()
    found: list[Words] = []
    if home and given.server.lower() != home.lower():
        found.append(words("accounts.other_server", server=given.server, home=home))
    if not _MODERN.fullmatch(given.local):
        found.append(words("accounts.odd_letters", letters=_odd(given.local)))
    looks = skeleton(given.local)
    for other in sorted(set(known) - {user}):
        theirs = parts(other)
        if theirs is None or skeleton(theirs.local) != looks:
            continue
        key = "accounts.same_elsewhere" if theirs.local == given.local else "accounts.looks_like"
        found.append(words(key, other=other))
    return tuple(found)


def _odd(local: str) -> str:
    letters = dict.fromkeys(letter for letter in local if not _MODERN.fullmatch(letter))
    return " ".join(f"{letter} (U+{ord(letter):04X})" for letter in letters)
