"""What leaves the console as a file; a long table is asked for, made in the background and fetched once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import ExportId, OrganisationId, UserId

LONG = 2_000
"""A table of more rows than this is made in the background."""

MOST = 300_000
"""Rows that any file may have."""

MOST_TO_READ = 20_000
"""Rows of a file that is for reading, as a document or as text."""

LASTS = timedelta(minutes=15)
"""How long a file waits to be fetched; then it is gone with the key that opens it."""

WAITS = timedelta(hours=2)
"""How long it is tried to make one."""

LEASE = timedelta(minutes=1)
"""How long whoever makes a file is waited for after the last sign of it; then another begins anew."""

TRIES = 3
MOST_OF_ONE_PERSON = 5


class State(StrEnum):
    """How a file stands; one that was fetched is no more."""

    ASKED = "asked"
    READY = "ready"
    FAILED = "failed"


class Export(Struct, frozen=True, kw_only=True):
    """A file that somebody asked for: ``what`` is the table, ``standing`` a digest of what they might see by then.

    ``done`` of ``total`` rows are made, as far as it is known; ``file`` and ``kind`` are there once it is ready.
    """

    id: ExportId
    user: UserId
    what: str
    standing: str
    language: str
    asked_at: datetime
    until: datetime
    state: State = State.ASKED
    done: int = 0
    total: int = 0
    file: str = ""
    kind: str = ""
    tries: int = 0


class Exported(Fact, frozen=True, kw_only=True):
    """Somebody took a table away as a file, with so many rows; ``export`` is the one that was made in the background.

    A file that was fetched is gone from here. ``place`` is the organisation of which the table speaks, if it is one.
    """

    what: str
    rows: int
    place: OrganisationId | None = None
    export: ExportId | None = None


class ExportAsked(Fact, frozen=True, kw_only=True):
    """Somebody asked for a table that takes long; ``path`` is the address that makes it."""

    export: Export
    path: str


class ExportTaken(Fact, frozen=True, kw_only=True):
    """A worker takes on the oldest file that nobody makes."""

    worker: str
    at: datetime


class ExportMoved(Fact, frozen=True, kw_only=True):
    """A worker has come so far with a file, and goes on."""

    export: ExportId
    worker: str
    done: int
    total: int
    at: datetime


class ExportMade(Fact, frozen=True, kw_only=True):
    """A file is ready to be fetched."""

    export: ExportId
    what: str
    file: str
    kind: str
    rows: int
    data: bytes
    until: datetime


class ExportFailed(Fact, frozen=True, kw_only=True):
    """A file could not be made."""

    export: ExportId
    what: str
    until: datetime


class ExportsForgotten(Fact, frozen=True, kw_only=True):
    """The time of files has come that nobody fetched."""

    at: datetime


def ask(export: Export, path: str, *, own: Sequence[Export]) -> Decision | Refusal:
    """Ask for a file; ``own`` are those of the person that are there already."""
    if len(own) >= MOST_OF_ONE_PERSON:
        return refused("exports.too_many", n=MOST_OF_ONE_PERSON)
    return Decision(facts=(ExportAsked(export=export, path=path),))


def made(export: Export, *, file: str, kind: str, rows: int, data: bytes, address: str, now: datetime) -> Decision:
    """Keep a file that was made, and tell who asked for it; what is in it is not said."""
    until = now + LASTS
    fact = ExportMade(export=export.id, what=export.what, file=file, kind=kind, rows=rows, data=data, until=until)
    said = words("exports.told_ready", address=address, minutes=int(LASTS.total_seconds()) // 60)
    return Decision(facts=(fact,), effects=(Tell(user=export.user, words=said),))


def failed(export: Export, *, address: str, now: datetime) -> Decision:
    """Let go of a file that could not be made, and tell who asked for it."""
    told = Tell(user=export.user, words=words("exports.told_failed", address=address))
    fact = ExportFailed(export=export.id, what=export.what, until=now + LASTS)
    return Decision(facts=(fact,), effects=(told,))


def fetch(export: Export, *, standing: str, place: OrganisationId | None) -> Decision | Refusal | None:
    """Hand a file out once, to who may still see all that is in it; ``None`` where there is none to fetch."""
    if export.state is not State.READY:
        return None
    if export.standing != standing:
        return refused("exports.otherwise")
    return Decision(facts=(Exported(what=export.what, rows=export.total, place=place, export=export.id),))
