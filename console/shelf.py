"""Keeps what a person has uploaded but not confirmed: in memory, for a quarter of an hour, for that person only."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

LASTS = timedelta(minutes=15)
MOST_OF_ONE_SESSION = 40
LARGEST_TOTAL_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    session: str
    value: object
    size: int
    until: datetime


class Shelf:
    """Values by an unguessable key, each bound to the session that put it there."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def put(self, session: str, value: object, *, size: int, now: datetime) -> str:
        """Keep a value for a while and return its key; the oldest ones make room when there are too many."""
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._clear(now)
            self._kept[key] = _Kept(session=session, value=value, size=size, until=now + LASTS)
            self._make_room(session)
        return key

    def get(self, session: str, key: str, *, now: datetime) -> object | None:
        """Return what lies under a key, ``None`` when it is gone or somebody else's."""
        with self._lock:
            self._clear(now)
            kept = self._kept.get(key)
            return kept.value if kept is not None and kept.session == session else None

    def drop(self, session: str, key: str) -> None:
        """Forget a value."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.session == session:
                del self._kept[key]

    def _clear(self, now: datetime) -> None:
        for key in [key for key, kept in self._kept.items() if kept.until <= now]:
            del self._kept[key]

    def _make_room(self, session: str) -> None:
        own = [key for key, kept in self._kept.items() if kept.session == session]
        for key in own[:-MOST_OF_ONE_SESSION]:
            del self._kept[key]
        while len(self._kept) > 1 and sum(kept.size for kept in self._kept.values()) > LARGEST_TOTAL_BYTES:
            del self._kept[next(iter(self._kept))]
