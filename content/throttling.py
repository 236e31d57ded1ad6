"""How often somebody may try to prove who they are: by account, by where they come from, and all together."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from content.decision import Fact
from content.identifiers import UserId

FREE = 5
"""So many tries in a row one account has before it must wait."""

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
"""The wait doubles with each further try, up to this: nobody is ever locked out for good."""

MOST_OF_AN_ADDRESS = 30
MOST_OF_ALL = 300
"""Tries within one minute."""

KEPT = timedelta(days=1)
"""After so long without a try an account begins anew."""


class Tries(Struct, frozen=True, kw_only=True):
    """How often it was tried under one key, and when last."""

    number: int = 0
    last: datetime | None = None


class Tried(Fact, frozen=True, kw_only=True):
    """Somebody tried to prove who they are; ``keys`` are the account, the address and the minute, as hashes.

    ``user`` is whom they say to be, if there is such a person.
    """

    keys: tuple[str, ...]
    at: datetime
    user: UserId | None = None


class TriesForgotten(Fact, frozen=True, kw_only=True):
    """An account has proved who it is; its tries before that count no more."""

    key: str


def wait_until(account: Tries, *, address: int, everybody: int, now: datetime) -> datetime | None:
    """Return until when a try must wait, ``None`` where it may be made; numbers are of the present minute."""
    if address >= MOST_OF_AN_ADDRESS or everybody >= MOST_OF_ALL:
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    if account.last is None or account.number < FREE or now - account.last >= KEPT:
        return None
    # Doubled no further than the longest wait asks for, so that no number is too large.
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(account.number - FREE, 10))
    until = account.last + wait
    return until if until > now else None
