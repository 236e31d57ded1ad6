"""Begins sessions: how far each is trusted, and the kind of browser it is, so that people know theirs apart."""

from __future__ import annotations

import secrets
from datetime import datetime

from flask import request

from console.access import digest, duties_digest
from content.credentials import demands_second
from content.identifiers import UserId
from content.sessions import LONGEST_CLIENT, Session, Way, level_of
from storage import credentials, organisations
from storage.unit import Reading

_BROWSERS = (
    ("MicroMessenger", "微信"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class Entrance:
    """A session in the making, of whoever stands at this request's browser."""

    def __init__(self, way: Way, *, required: bool) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._csrf = secrets.token_urlsafe(32)
        self._family = digest(secrets.token_urlsafe(32))
        self._way = way
        self._client = client_of(request.headers.get("User-Agent", ""))
        self._required = required

    async def session(self, unit: Reading, user: UserId, *, now: datetime) -> Session:
        """Return the session as it is to be; a passkey is both factors in one."""
        duties, proved = await organisations.duties_of(unit, user), self._way is Way.PASSKEY
        demanded = self._required and demands_second(duties)
        level = level_of(
            enrolled=await credentials.is_enrolled(unit, user, demanded=demanded),
            has_factor=await credentials.has_factor(unit, user),
            demanded=demanded,
            proved=proved,
        )
        return Session(
            id_hash=digest(self.secret),
            user=user,
            csrf=self._csrf,
            made_at=now,
            seen_at=now,
            family=self._family,
            level=level,
            way=self._way,
            proved_at=now if proved else None,
            client=self._client,
            duties=duties_digest(duties),
        )


def client_of(agent: str) -> str:
    """Return the kind of browser and of system that a header names, and nothing finer."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(filter(None, (browser, system)))[:LONGEST_CLIENT]
