"""Digests: once a week to a committee's room and once a month to a branch's, in numbers that the console shows too.

Nobody is named in one, least of all for what they did not do.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Decision, Effect, Fact, Parameter, Words, words
from content.identifiers import Cause, OrganisationId, RoomId
from content.participation import Share, monday
from content.schedules import instant

NEVER = "none"
BARS_OF_WEEKS, BARS_OF_MONTHS = 8, 6
MOST_LISTED = 6
"""Of what was held and of what is planned, so much is listed; the console has it all."""


class Sort(StrEnum):
    """How often a digest is told: each week where a committee meets, each month where a branch does."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


SETTING = {Sort.WEEKLY: "digest_weekly", Sort.MONTHLY: "digest_monthly"}
"""Under which name an organisation sets when: none, or a day and a full hour with a dash."""

_WRITTEN = {
    Sort.WEEKLY: re.compile(r"([1-7])-([01]?[0-9]|2[0-3])"),
    Sort.MONTHLY: re.compile(r"([1-9]|1[0-9]|2[0-8])-([01]?[0-9]|2[0-3])"),
}


class Rhythm(Struct, frozen=True, kw_only=True):
    """When a digest falls due, by the clock of its organisation: a weekday from 1 for Monday, or a day of the month."""

    sort: Sort
    day: int
    at: time
    timezone: str


class Due(Struct, frozen=True, kw_only=True):
    """One time at which a digest is due: the local day that names it, and the instant."""

    on: date
    at: datetime


def is_rhythm(sort: Sort) -> Callable[[str], bool]:
    """Return what tells whether a setting says when a digest of this sort is due, or that it never is."""
    return lambda value: value == NEVER or _WRITTEN[sort].fullmatch(value) is not None


def rhythm_from(sort: Sort, value: str, timezone: str) -> Rhythm | None:
    """Read when a digest is due, ``None`` where none is wanted."""
    found = _WRITTEN[sort].fullmatch(value)
    if found is None:
        return None
    return Rhythm(sort=sort, day=int(found[1]), at=time(int(found[2])), timezone=timezone)


def next_due(rhythm: Rhythm, after: datetime) -> Due:
    """Return the first time after an instant at which a digest is due."""
    day = after.astimezone(ZoneInfo(rhythm.timezone)).date() - timedelta(days=1)
    while True:
        if _is_day(rhythm, day):
            at = instant(day, rhythm.at, rhythm.timezone)
            if at > after:
                return Due(on=day, at=at)
        day += timedelta(days=1)


def last_due(rhythm: Rhythm, now: datetime) -> Due:
    """Return the newest time up to an instant at which a digest was due."""
    day = now.astimezone(ZoneInfo(rhythm.timezone)).date() + timedelta(days=1)
    while True:
        if _is_day(rhythm, day):
            at = instant(day, rhythm.at, rhythm.timezone)
            if at <= now:
                return Due(on=day, at=at)
        day -= timedelta(days=1)


def _is_day(rhythm: Rhythm, day: date) -> bool:
    return (day.isoweekday() if rhythm.sort is Sort.WEEKLY else day.day) == rhythm.day


def stretch(sort: Sort, on: date) -> tuple[date, date]:
    """Return of which days a digest tells that is due on a day: the seven before it, or the month before its own."""
    if sort is Sort.WEEKLY:
        return on - timedelta(days=7), on - timedelta(days=1)
    last = on.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def stretches(sort: Sort, on: date) -> tuple[tuple[date, date], ...]:
    """Return the weeks or months that the picture compares, the newest last; a branch is compared with itself only."""
    _, until = stretch(sort, on)
    if sort is Sort.WEEKLY:
        newest = monday(until)
        starts = [newest - timedelta(weeks=back) for back in reversed(range(BARS_OF_WEEKS))]
        return tuple((start, min(start + timedelta(days=6), until)) for start in starts)
    months = [until.replace(day=1)]
    while len(months) < BARS_OF_MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return tuple((first, first.replace(day=calendar.monthrange(first.year, first.month)[1])) for first in months)


class Bar(Struct, frozen=True, kw_only=True):
    """One bar of the picture: its week or month as it is written below it, and how many took part of how many."""

    label: str
    share: Share


class Digest(Struct, frozen=True, kw_only=True):
    """What a digest tells: numbers of a stretch, what was held and what is planned, and what still waits.

    ``burden`` is what the meter says of the room, where it says anything; ``missed``, ``corrections``, how many are
    to be registered as ``away``, with how many ``contact`` is due, and what is
    suggested to hold are told to committees alone, and so is ``address``, where all of it is seen.
    """

    sort: Sort
    place: str
    since: date
    until: date
    held: int
    titles: tuple[str, ...]
    share: Share
    bars: tuple[Bar, ...]
    planned: tuple[tuple[datetime, str], ...]
    missed: int = 0
    away: int = 0
    contact: int = 0
    corrections: int = 0
    suggestions: tuple[Words, ...] = ()
    burden: tuple[Words, ...] = ()
    address: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was held, planned or is to be suggested, so that there is nothing to tell."""
        waiting = self.missed or self.corrections or self.suggestions or self.away or self.contact
        return not self.held and not self.planned and not waiting


def compose(digest: Digest) -> Words:
    """Put a digest into words."""
    share = digest.share
    lines = [words(f"digest.head_{digest.sort}", place=digest.place, **_days(digest.since, digest.until))]
    if share.percent is None:
        lines.append(words("digest.nothing_held"))
    else:
        listed = [*digest.titles, *(["…"] if digest.held > MOST_LISTED else [])]
        lines.append(words("digest.held", n=digest.held, titles=" · ".join(listed)))
        lines.append(
            words(
                "digest.took_part",
                took_part=share.took_part,
                asked=share.asked,
                percent=share.percent,
                excused=share.excused,
            )
        )
    if digest.sort is Sort.WEEKLY:
        lines += _waiting(digest)
    coming = tuple(words("digest.planned_line", due=at, title=title) for at, title in digest.planned[:MOST_LISTED])
    lines.append(words("digest.planned", lines=coming) if coming else words("digest.nothing_planned"))
    if digest.suggestions:
        lines.append(words("digest.suggestions", lines=digest.suggestions))
    lines += digest.burden
    if digest.address:
        lines.append(words("digest.address", address=digest.address))
    return words("digest.all", lines=tuple(lines))


def _waiting(digest: Digest) -> list[Words]:
    counted = (
        ("open", digest.share.waiting),
        ("missed", digest.missed),
        ("corrections", digest.corrections),
        ("away", digest.away),
        ("contact", digest.contact),
    )
    return [words(f"digest.waiting_{name}", n=number) for name, number in counted if number]


def chart(digest: Digest) -> Words:
    """Say what the picture shows, bar by bar; the picture is drawn from these very numbers."""
    return words("digest.chart", place=digest.place, lines=tuple(_bar(one) for one in digest.bars))


def _bar(bar: Bar) -> Words:
    if bar.share.percent is None:
        return words("digest.bar_none", label=bar.label)
    return words(
        "digest.bar",
        label=bar.label,
        took_part=bar.share.took_part,
        asked=bar.share.asked,
        percent=bar.share.percent,
    )


def bars_of(said: Words) -> tuple[tuple[str, int | None], ...]:
    """Read from the words of a picture what is to be drawn: each label with its percent, ``None`` where nothing was."""
    lines = said.parameters.get("lines", ())
    assert isinstance(lines, tuple)
    return tuple((str(one.parameters["label"]), _percent(one)) for one in lines)


def _percent(line: Words) -> int | None:
    value = line.parameters.get("percent")
    return value if isinstance(value, int) else None


def _days(since: date, until: date) -> dict[str, Parameter]:
    return {"since": since.isoformat(), "until": until.isoformat(), "year": since.year, "month": since.month}


class DigestPlanned(Fact, frozen=True, kw_only=True):
    """A digest will be due."""

    organisation: OrganisationId
    sort: Sort
    due: Due


class Fate(StrEnum):
    """What becomes of a digest: planned, posted, nothing to tell, overtaken by a newer one, or wanted no more."""

    PLANNED = "planned"
    POSTED = "posted"
    EMPTY = "empty"
    REPLACED = "replaced"
    DROPPED = "dropped"


class DigestSettled(Fact, frozen=True, kw_only=True):
    """A digest has had its time, one way or another."""

    organisation: OrganisationId
    sort: Sort
    on: date
    fate: Fate


class PostDigest(Effect, frozen=True, kw_only=True):
    """Tell a room its digest, first in words and then as a picture of the same numbers, until the next is due."""

    room: RoomId
    organisation: OrganisationId
    words: Words
    chart: Words
    expires_at: datetime


class Planned(Struct, frozen=True, kw_only=True):
    """A digest that is planned, as it is kept."""

    organisation: OrganisationId
    sort: Sort
    due: Due

    @property
    def cause(self) -> Cause:
        """Return the cause under which it is told once, whatever is killed meanwhile.

        One that was let go may be planned anew for a later hour of the same day, and is another.
        """
        return Cause(f"digest:{self.organisation}:{self.sort}:{self.due.at.isoformat()}")


def settle(
    planned: Planned, *, rhythm: Rhythm | None, room: RoomId | None, digest: Digest | None, now: datetime
) -> Decision:
    """Tell a digest that is due; one that a newer is due after gives way to it, one that nobody wants is let go."""
    place, sort = planned.organisation, planned.sort

    def settled(fate: Fate, *, then: Due | None = None) -> tuple[Fact, ...]:
        one = DigestSettled(organisation=place, sort=sort, on=planned.due.on, fate=fate)
        return (one, DigestPlanned(organisation=place, sort=sort, due=then)) if then is not None else (one,)

    if rhythm is None or room is None:
        return Decision(facts=settled(Fate.DROPPED))
    newest, following = last_due(rhythm, now), next_due(rhythm, now)
    if newest.on > planned.due.on:
        return Decision(facts=settled(Fate.REPLACED, then=newest))
    if newest.on < planned.due.on:
        return Decision(facts=settled(Fate.DROPPED, then=following))
    if digest is None or digest.is_empty:
        return Decision(facts=settled(Fate.EMPTY, then=following))
    told: tuple[Effect, ...] = (
        PostDigest(
            room=room,
            organisation=planned.organisation,
            words=compose(digest),
            chart=chart(digest),
            expires_at=following.at,
        ),
    )
    return Decision(facts=settled(Fate.POSTED, then=following), effects=told)


def replan(
    wanted: Sequence[tuple[OrganisationId, Rhythm]],
    known: Sequence[Planned],
    told: Collection[tuple[OrganisationId, Sort, date]],
    *,
    now: datetime,
) -> tuple[Fact, ...]:
    """Plan what is wanted and not planned, and let go of what is planned for another time than is wanted by now.

    What is due already is left alone, and a day on which one was told has had its digest.
    """
    facts: list[Fact] = []
    planned = {(one.organisation, one.sort): one for one in known}
    following = {}
    for place, rhythm in wanted:
        due = next_due(rhythm, now)
        following[place, rhythm.sort] = next_due(rhythm, due.at) if (place, rhythm.sort, due.on) in told else due
    for key, one in planned.items():
        if one.due.at > now and following.get(key) != one.due:
            facts.append(DigestSettled(organisation=key[0], sort=key[1], on=one.due.on, fate=Fate.DROPPED))
    for key, due in following.items():
        there = planned.get(key)
        if there is None or (there.due.at > now and there.due != due):
            facts.append(DigestPlanned(organisation=key[0], sort=key[1], due=due))
    return tuple(facts)
