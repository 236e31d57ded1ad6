"""A calendar to subscribe to (RFC 5545): by a secret address, read only, with nothing in it about people but titles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import OrganisationId, UserId
from content.lectures import Session

BEFORE, AFTER = timedelta(days=92), timedelta(days=366)
"""How much of what was and will be sent stands in it."""

MOST = 20
"""So many addresses one person may have."""

CARD = timedelta(hours=1)
"""A card takes up no more than this in a calendar, however long one can answer it."""

_OCTETS = 75


class Sort(StrEnum):
    """Whose calendar it is."""

    ROOM = "room"
    """Everything that reaches the rooms of an organisation."""
    PERSON = "person"
    """Everything that reaches the rooms in which the person is, by the roster or by their duties."""


class Feed(Struct, frozen=True, kw_only=True):
    """One address: found again by the hash of its secret, which is kept nowhere else."""

    hash: str
    sort: Sort
    user: UserId
    organisation: OrganisationId
    made_at: datetime


class FeedMade(Fact, frozen=True, kw_only=True):
    """A person has an address to subscribe to."""

    feed: Feed


class FeedRevoked(Fact, frozen=True, kw_only=True):
    """An address leads nowhere any more."""

    hash: str
    by: UserId


class Event(Struct, frozen=True, kw_only=True):
    """What stands in a calendar: when it goes out or is given, how long that takes, and its title."""

    id: str
    at: datetime
    lasts: timedelta
    title: str
    cancelled: bool = False
    session: int = 0
    """Which session it is, counted from 1; 0 where there is one alone."""


def make(feed: Feed, held: int) -> Decision | Refusal:
    """Make an address, as long as a person has not too many."""
    if held >= MOST:
        return refused("feeds.too_many", most=MOST)
    return Decision(facts=(FeedMade(feed=feed),))


def events_of(event: Event, sessions: Sequence[Session], minutes: int) -> tuple[Event, ...]:
    """Return what stands in a calendar for one thing: of a lecture or a meeting each time at which it is held."""
    if not sessions:
        return (event,)
    lasts = timedelta(minutes=minutes)
    return tuple(
        replace(
            event,
            id=event.id if number == 1 else f"{event.id}-{number}",
            at=session.begins,
            lasts=lasts,
            session=number if len(sessions) > 1 else 0,
        )
        for number, session in enumerate(sessions, start=1)
    )


def revoke(feed: Feed, *, by: UserId) -> Decision:
    """Let an address lead nowhere."""
    return Decision(facts=(FeedRevoked(hash=feed.hash, by=by),))


def written(name: str, events: Iterable[Event], *, now: datetime) -> bytes:
    """Return a calendar as RFC 5545 has it: lines of at most 75 octets, in UTC."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zhibu//Zhibu//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{event.id}@zhibu",
            f"DTSTAMP:{_utc(now)}",
            f"DTSTART:{_utc(event.at)}",
            f"DTEND:{_utc(event.at + event.lasts)}",
            f"SUMMARY:{_escaped(event.title)}",
            "TRANSP:TRANSPARENT",
            *(["STATUS:CANCELLED"] if event.cancelled else []),
            "END:VEVENT",
        ]
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line)).encode()


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> Iterator[str]:
    """Break a line before it has more than 75 octets, and never within a character."""
    part, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _OCTETS:
            yield part
            part, size = " ", 1
        part, size = part + character, size + octets
    yield part
