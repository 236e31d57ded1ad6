"""The chain of the record: every row is sealed together with the one before it, under a key that lies elsewhere.

A row's link is ``HMAC-SHA-256(key, "row" ‖ link before ‖ canonical(row))``. What may have to be forgotten of a row, who
and why, goes into it as a keyed digest only, so that it can be emptied and the chain stays whole.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from msgspec import Struct

START = bytes(32)
"""What stands for the link before the first."""

KEY_BYTES = 32

FIXED = ("number", "at", "action", "outcome", "thing", "place", "note")
"""What of a row stays for good."""

FORGETTABLE = ("actor", "cause", "subject", "before", "after")
"""What of a row may be forgotten; the chain keeps its digest."""


AUTHORITY = "authority"
"""Forgotten with the rest, and in the digest only where it is there."""


class Head(Struct, frozen=True, kw_only=True):
    """The newest row of record: its number and its link."""

    number: int
    link: bytes


class Chain:
    """The key of a record, and how far it has come, kept by the one thread that writes.

    Without a key rows are numbered and not sealed. ``shared`` is a database to which other processes write too; there
    the newest row is asked for in every transaction.
    """

    def __init__(self, key: bytes | None = None, *, shared: bool = False) -> None:
        self.key = key
        self.shared = shared
        self.head: Head | None = None

    def known(self) -> Head | None:
        """Return the newest row where it need not be asked for."""
        return None if self.shared else self.head

    def seal(self, before: Head, row: Mapping[str, Any]) -> tuple[dict[str, Any], Head]:
        """Return a row with its number and its seal, and the head that it is now."""
        number = before.number + 1
        sealed = {**row, "number": number, "digest": None, "link": None}
        if self.key is not None:
            sealed["digest"] = digest(self.key, sealed)
            sealed["link"] = link(self.key, before.link, sealed)
        return sealed, Head(number=number, link=sealed["link"] or START)


def digest(key: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the digest of what of a row may be forgotten."""
    return hmac.digest(key, b"words" + _canonical([row["number"], *forgettable(row)]), "sha256")


def forgettable(row: Mapping[str, Any]) -> list[Any]:
    """Return what of a row may be forgotten; rows from before authority was noted have none, and their old digest."""
    authority = row.get(AUTHORITY)
    return [*(row[name] for name in FORGETTABLE), *([authority] if authority else [])]


def link(key: bytes, before: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the link of a row to the one before it."""
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    fixed = [row["number"], at, *(row[name] for name in FIXED[2:]), row["digest"].hex()]
    return hmac.digest(key, b"row" + before + _canonical(fixed), "sha256")


def name_of(key: bytes) -> str:
    """Return by what a key can be told from another without being known."""
    return hmac.digest(key, b"name", "sha256").hex()[:16]


def _canonical(values: list[Any]) -> bytes:
    """Return bytes that two lists of texts, numbers and nothings share only if they are the same."""
    return json.dumps(values, separators=(",", ":")).encode()


class Before:
    """The digest of all that stood in the record before the chain began, row by row."""

    def __init__(self, key: bytes) -> None:
        self.rows = 0
        self._hash = hmac.new(key, b"before", "sha256")

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in the next row."""
        at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
        seals = [None if row[name] is None else bytes(row[name]).hex() for name in ("digest", "link")]
        rest = [*(row[name] for name in FIXED[2:]), *forgettable(row)]
        self._hash.update(_canonical([row["number"], at, *rest, *seals]))
        self.rows += 1

    def stated(self) -> str:
        """Return how many rows there are and their digest, as the first row of a chain says it."""
        return f"{self.rows}:{self._hash.hexdigest()}"
