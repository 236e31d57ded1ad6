"""Quiet hours: when a room should hear nothing that the bot begins, and until when that is held."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.workdays import WorkCalendar

NONE = "none"
LONGEST_REASON = 200
MOST_DAYS = 31
"""No holiday is longer; so many days are looked through for one on which something may be said."""

_HOURS = re.compile(r"([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-3])")


class QuietDays(StrEnum):
    """On which days nothing is said at all."""

    NONE = "none"
    HOLIDAYS = "holidays"
    """On public holidays, as the calendar of working days names them."""
    REST = "rest"
    """On every day that is not worked; a weekend that is worked to make up is none."""


USUAL_HOURS, USUAL_DAYS = "21-8", QuietDays.REST
"""What an organisation is founded with (CALM-1): nine in the evening until eight in the morning, and days of rest."""


class Quiet(Struct, frozen=True, kw_only=True):
    """What is quiet at an organisation, by its own clock: from one full hour until another, and on some days."""

    timezone: str
    since: int | None = None
    until: int = 0
    days: QuietDays = QuietDays.NONE

    @property
    def ever(self) -> bool:
        """Tell whether anything is quiet here at all."""
        return self.since is not None or self.days is not QuietDays.NONE


def is_hours(value: str) -> bool:
    """Tell whether a setting means hours: none, or two different full hours with a dash."""
    found = _HOURS.fullmatch(value)
    return value == NONE or (found is not None and int(found[1]) != int(found[2]))


def quiet_from(hours: str, days: str, timezone: str) -> Quiet:
    """Read what is quiet from what holds at an organisation."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        return Quiet(timezone=timezone, days=QuietDays(days))
    return Quiet(timezone=timezone, since=int(found[1]), until=int(found[2]), days=QuietDays(days))


def free_at(quiet: Quiet, at: datetime, known: WorkCalendar) -> datetime:
    """Return the first instant, from one on, at which something may be said."""
    if not quiet.ever:
        return at
    zone = ZoneInfo(quiet.timezone)
    for _ in range(2 * MOST_DAYS):
        local = at.astimezone(zone)
        if is_day_of_rest(quiet, local.date(), known):
            at = _start_of(local.date() + timedelta(days=1), 0, zone)
        elif (ends := _ends(quiet, local)) is not None:
            at = _start_of(ends, quiet.until, zone)
        else:
            return at
    return at


class Hush(Struct, frozen=True, kw_only=True):
    """When what falls due at an organisation is heard there: by what is quiet, and what is known of working days."""

    quiet: Quiet
    known: WorkCalendar

    def free(self, at: datetime) -> datetime:
        """Return when something is heard that falls due at an instant."""
        return free_at(self.quiet, at, self.known)

    def none(self) -> Hush:
        """Return it for what is urgent, which waits for nothing."""
        return Hush(quiet=Quiet(timezone=self.quiet.timezone), known=self.known)

    def heard_on(self, at: datetime) -> date:
        """Return the local day on which something is heard that falls due at an instant."""
        return self.free(at).astimezone(ZoneInfo(self.quiet.timezone)).date()

    def rests(self, day: date) -> bool:
        """Tell whether nothing is said on a day at all."""
        return is_day_of_rest(self.quiet, day, self.known)

    def guesses(self, day: date) -> bool:
        """Tell whether a day may yet turn out to be one of rest, since nobody has the list of its year."""
        return self.quiet.days is not QuietDays.NONE and not self.known.knows(day)


def is_day_of_rest(quiet: Quiet, day: date, known: WorkCalendar) -> bool:
    """Tell whether nothing is said on a day at all."""
    match quiet.days:
        case QuietDays.NONE:
            return False
        case QuietDays.HOLIDAYS:
            return day in known.days and not known.works(day)
        case _:
            return not known.works(day)


def _ends(quiet: Quiet, local: datetime) -> date | None:
    """Return on which day the quiet hours end in which a local time lies, ``None`` where it lies in none."""
    if quiet.since is None:
        return None
    if quiet.since < quiet.until:
        return local.date() if quiet.since <= local.hour < quiet.until else None
    if local.hour >= quiet.since:
        return local.date() + timedelta(days=1)
    return local.date() if local.hour < quiet.until else None


def _start_of(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
