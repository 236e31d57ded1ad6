"""The year of a branch: twelve months by the forms of organisation life, each cell with the evidence behind it.

It asks whether the branch did what the rules ask, never how active somebody is; there are no colours and no scores.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import cache

from msgspec import Struct, field

from content.cadence import LINE_OF, Every, Former, Norm
from content.decision import Words, words
from content.identifiers import MemberId, OrganisationId
from content.notices import Form
from content.organisations import Kind

FULL_FOR_A_COMMITTEE = 7
SEATS_OF_A_COMMITTEE = 3
"""With fewer full members there is a secretary and no committee (ORG-3, ORG-4), unless one is recorded."""

ROOM_BEFORE_THE_END = timedelta(days=6)
"""So long before the end of a stretch it is suggested to hold what it lacks, so that it can still be put off once."""

LATE_IN_THE_YEAR = 10
"""From which month it is said that something of once a year is lacking; usually it is held in the last quarter."""

JOINT = frozenset({Form.LECTURE, Form.PARTY_DAY})
"""What an organisation above holds of these is for the members of all branches below it, and counts there."""

OF_GROUPS = frozenset({Form.GROUP, Form.TALK})
"""What a group holds of these counts in its branch."""


class Standing(StrEnum):
    """Whether something was held, or is to be."""

    HELD = "held"
    PLANNED = "planned"


class Source(StrEnum):
    """What gives evidence; a page leads from it to the thing itself."""

    MEETING = "meeting"
    LECTURE = "lecture"
    BALLOT = "ballot"
    PAPER = "paper"
    UNANNOUNCED = "unannounced"
    ACTIVITY = "activity"


class Pair(StrEnum):
    """Between whom a talk is held: 委员间, 委员—党员, 党员间."""

    COMMITTEE = "committee"
    MIXED = "mixed"
    MEMBERS = "members"


class Span(Struct, frozen=True, kw_only=True):
    """Of which organisations and days evidence is asked for: at or below the roots, and of what stands ``above``."""

    roots: tuple[OrganisationId, ...]
    above: tuple[OrganisationId, ...]
    since: date
    until: date


class Evidence(Struct, frozen=True, kw_only=True):
    """One thing that was held or is planned; ``forms`` are all that it counts as.

    ``pairs`` are of a talk, ``speaker`` is who gives a lecture.
    """

    forms: tuple[Form, ...]
    on: date
    standing: Standing
    source: Source
    id: str
    title: str
    place: OrganisationId
    pairs: frozenset[Pair] = frozenset()
    speaker: str = ""


class State(StrEnum):
    """What is to be said of a stretch: 已完成, 已排期, 缺, or that it has not come yet (CAD-13).

    Nothing is asked of the time before a place was founded, 尚未成立, and after it was closed.
    """

    DONE = "done"
    SCHEDULED = "scheduled"
    MISSING = "missing"
    LATER = "later"
    BEFORE = "before"
    AFTER = "after"


class Place(Struct, frozen=True, kw_only=True):
    """What is known of a branch or a group that tells what is asked of it.

    ``full`` is how many full members it has, ``seats`` how many sit on the committee that is recorded. ``founded`` is
    its first day where that is known, ``closed`` its last; ``groups_founded`` are the first days of its groups.
    """

    organisation: OrganisationId
    kind: Kind
    above: frozenset[OrganisationId]
    groups: Mapping[OrganisationId, str]
    full: int
    seats: int
    founded: date | None = None
    closed: date | None = None
    groups_founded: Mapping[OrganisationId, date] = field(default_factory=dict)

    def stood(self, since: date, until: date, subject: str = "") -> State | None:
        """Tell of a stretch that all of it was before the place, or the group that is the subject, or after it."""
        founded = self.groups_founded.get(OrganisationId(subject), self.founded)
        if founded is not None and until < max(founded, self.founded or founded):
            return State.BEFORE
        return State.AFTER if self.closed is not None and since > self.closed else None

    @property
    def has_committee(self) -> bool:
        """Tell whether there is a committee whose meetings can be counted."""
        return self.full >= FULL_FOR_A_COMMITTEE or self.seats >= SEATS_OF_A_COMMITTEE


class Tally(Struct, frozen=True, kw_only=True):
    """How many were held and are planned in a stretch: of a group, a kind of talk, or where ``subject`` is empty all.

    Groups are counted each by itself, never together (CAD-3). Of a group that was not founded yet nothing is ``asked``.
    """

    subject: str
    held: int
    planned: int
    asked: bool = True


class Stretch(Struct, frozen=True, kw_only=True):
    """One month, quarter or year of a form by what was asked at its end, and how it stands."""

    norm: Norm
    since: date
    until: date
    state: State
    tallies: tuple[Tally, ...]


class Cell(Struct, frozen=True, kw_only=True):
    """One month of a form: how it stands, ``None`` where nothing is to be said, and the evidence behind it.

    ``lacking`` are the groups, or kinds of talk, that a stretch lacks.
    """

    state: State | None = None
    evidence: tuple[Evidence, ...] = ()
    lacking: tuple[str, ...] = ()


class Column(Struct, frozen=True, kw_only=True):
    """One form through the year; where it is not ``asked`` of the place, as of one without a committee, none lacks.

    ``norm`` is what is asked now; a stretch that ended before it was changed counts by what was asked then.
    """

    form: Form
    norm: Norm | None
    asked: bool
    stretches: tuple[Stretch, ...]
    cells: tuple[Cell, ...]


@cache
def stretches_of(every: Every, year: int) -> tuple[tuple[date, date], ...]:
    """Return the first and last days of the months, quarters, or the one year."""
    months = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}[every]
    return tuple((date(year, first, 1), _last(year, first + months - 1)) for first in range(1, 13, months))


def _last(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def pairs_of(people: Collection[MemberId], committee: Collection[MemberId]) -> frozenset[Pair]:
    """Return between whom a talk of these people was: those on the committee, those who are not, or both (CAD-9)."""
    inside = len(set(people) & set(committee))
    outside = len(set(people)) - inside
    found = {Pair.COMMITTEE: inside > 1, Pair.MIXED: inside > 0 and outside > 0, Pair.MEMBERS: outside > 1}
    return frozenset(pair for pair, is_so in found.items() if is_so)


def counts_at(place: Place, one: Evidence, form: Form) -> bool:
    """Tell whether something counts for a place: held there, by one of its groups, or above it for all."""
    if form not in one.forms:
        return False
    if one.place == place.organisation:
        return True
    if place.kind is Kind.GROUP:
        return form is Form.GROUP and one.place in place.above
    return (one.place in place.groups and form in OF_GROUPS) or (one.place in place.above and form in JOINT)


def reckon(
    norms: Mapping[Form, Norm | None],
    found: Iterable[Evidence],
    place: Place,
    *,
    year: int,
    today: date,
    cells: bool = True,
    former: Mapping[Form, Sequence[Former]] | None = None,
) -> tuple[Column, ...]:
    """Reckon the year of a place from what was held and is planned; of a group only what is asked of groups.

    Who shows no months asks for no ``cells``. ``former`` is what was asked before, each until its day.
    """
    there = [one for one in found if one.on.year == year and (one.standing is Standing.HELD or one.on >= today)]
    forms = (Form.GROUP,) if place.kind is Kind.GROUP else tuple(LINE_OF)
    months = range(1, 13) if cells else ()
    before = former or {}
    return tuple(
        _column(form, norms.get(form), before.get(form, ()), there, place, year=year, today=today, months=months)
        for form in forms
    )


def _column(
    form: Form,
    norm: Norm | None,
    former: Sequence[Former],
    found: Sequence[Evidence],
    place: Place,
    *,
    year: int,
    today: date,
    months: Iterable[int],
) -> Column:
    own = sorted((one for one in found if counts_at(place, one, form)), key=lambda one: (one.on, one.id))
    subjects = _subjects(form, place)
    stretches = tuple(
        _stretch(since, until, held, own, subjects, place, today)
        for since, until, held in _asked(norm, former, year)
        if subjects
    )
    cells = tuple(_cell(year, month, own, stretches, place, today=today) for month in months)
    return Column(form=form, norm=norm, asked=norm is not None and bool(subjects), stretches=stretches, cells=cells)


def _asked(norm: Norm | None, former: Sequence[Former], year: int) -> list[tuple[date, date, Norm]]:
    """Return the stretches of a year, each by what was asked on its last day, in order."""
    windows, since = list[tuple[date, date, Norm | None]](), date.min
    for one in sorted(former, key=lambda one: one.until):
        windows.append((since, one.until, one.norm))
        since = one.until
    windows.append((since, date.max, norm))
    found = [
        (first, last, held)
        for since, until, held in windows
        if held is not None
        for first, last in stretches_of(held.every, year)
        if since <= last < until
    ]
    return sorted(found, key=lambda one: one[:2])


def _subjects(form: Form, place: Place) -> tuple[str, ...]:
    """Return what of a form is counted by itself; nothing where it is not asked of the place."""
    match form:
        case Form.GROUP:
            return (place.organisation,) if place.kind is Kind.GROUP else tuple(place.groups)
        case Form.COMMITTEE:
            return ("",) if place.has_committee else ()
        case Form.TALK:
            least = {Pair.COMMITTEE: 2, Pair.MIXED: 1, Pair.MEMBERS: 0}
            return tuple(pair for pair, seats in least.items() if place.seats >= seats)
        case _:
            return ("",)


def _is_of(one: Evidence, form: Form, subject: str, place: Place) -> bool:
    if form is Form.GROUP:
        # What is held for the whole branch is held in each of its groups.
        return one.place == subject or one.place not in place.groups
    return form is not Form.TALK or subject in one.pairs


def _stretch(
    since: date,
    until: date,
    norm: Norm,
    found: Sequence[Evidence],
    subjects: Sequence[str],
    place: Place,
    today: date,
) -> Stretch:
    within = [one for one in found if since <= one.on <= until]
    tallies = []
    for subject in subjects:
        own = [one.standing for one in within if _is_of(one, norm.form, subject, place)]
        held, planned = own.count(Standing.HELD), own.count(Standing.PLANNED)
        asked = place.stood(since, until, subject) is None
        tallies.append(Tally(subject=subject, held=held, planned=planned, asked=asked))
    counted = [one for one in tallies if one.asked]
    if not counted:
        state = place.stood(since, until) or State.BEFORE
    elif all(one.held >= norm.count for one in counted):
        state = State.DONE
    elif all(one.held + one.planned >= norm.count for one in counted):
        state = State.SCHEDULED
    else:
        state = State.LATER if since > today else State.MISSING
    return Stretch(norm=norm, since=since, until=until, state=state, tallies=tuple(tallies))


def lacking(stretch: Stretch) -> tuple[Tally, ...]:
    """Return of what too little was held and is planned in a stretch."""
    return tuple(one for one in stretch.tallies if one.asked and one.held + one.planned < stretch.norm.count)


def _cell(
    year: int, month: int, found: Sequence[Evidence], stretches: Sequence[Stretch], place: Place, *, today: date
) -> Cell:
    there = tuple(one for one in found if one.on.month == month)
    stood = place.stood(date(year, month, 1), _last(year, month))
    if stood is not None:
        return Cell(state=_of_evidence(there) or stood, evidence=there)
    stretch = next((one for one in stretches if one.since.month <= month <= one.until.month), None)
    if stretch is None:
        return Cell(state=_of_evidence(there), evidence=there)
    short = tuple(one.subject for one in lacking(stretch) if one.subject)
    if stretch.norm.every is Every.MONTH:
        return Cell(state=stretch.state, evidence=there, lacking=short if stretch.state is State.MISSING else ())
    last = min(stretch.until, place.closed or stretch.until)
    said_in = last.month if not stretch.since <= today <= last else today.month
    if stretch.state in (State.MISSING, State.LATER) and month == said_in:
        return Cell(state=stretch.state, evidence=there, lacking=short if stretch.state is State.MISSING else ())
    return Cell(state=_of_evidence(there), evidence=there)


def _of_evidence(there: Sequence[Evidence]) -> State | None:
    if any(one.standing is Standing.HELD for one in there):
        return State.DONE
    return State.SCHEDULED if there else None


def lectures_by(found: Iterable[Evidence], speaker: str) -> Tally:
    """Count the lectures that somebody gave and is to give, as the secretary of a Party committee does (CAD-4)."""
    own = [one.standing for one in found if Form.LECTURE in one.forms and one.speaker == speaker]
    return Tally(subject=speaker, held=own.count(Standing.HELD), planned=own.count(Standing.PLANNED))


class Gap(Struct, frozen=True, kw_only=True):
    """What a stretch lacks that has begun: of which form and whom, how many, and whether there is nothing at all."""

    norm: Norm
    since: date
    until: date
    subject: str
    short: int
    nothing: bool


def gaps(columns: Iterable[Column]) -> tuple[Gap, ...]:
    """Return everything that a year lacks so far, form by form."""
    return tuple(
        Gap(
            norm=stretch.norm,
            since=stretch.since,
            until=stretch.until,
            subject=tally.subject,
            short=stretch.norm.count - tally.held - tally.planned,
            nothing=not tally.held and not tally.planned,
        )
        for column in columns
        for stretch in column.stretches
        if stretch.state is State.MISSING
        for tally in lacking(stretch)
    )


def to_suggest(columns: Iterable[Column], today: date) -> tuple[Gap, ...]:
    """Return what can still be held in time; what is asked once a year is not spoken of before its usual time."""
    return tuple(
        one
        for one in gaps(columns)
        if one.since <= today <= one.until and (one.norm.every is not Every.YEAR or today.month >= LATE_IN_THE_YEAR)
    )


def hold_by(gap: Gap, today: date) -> date:
    """Return until when it is suggested to hold what is lacking."""
    by = gap.until - ROOM_BEFORE_THE_END
    return by if by >= today else gap.until


def suggest(columns: Iterable[Column], place: Place, today: date) -> tuple[Words, ...]:
    """Put into words what a committee may want to plan, a line for each; nobody is named."""
    return tuple(_suggestion(one, place, today) for one in to_suggest(columns, today))


def _suggestion(gap: Gap, place: Place, today: date) -> Words:
    by = hold_by(gap, today)
    near = "this" if by.month == today.month else "other"
    form = (words(f"meetings.form_{gap.norm.form}"),)
    if gap.norm.form is Form.TALK:
        form = (words(f"cadence.talk_{gap.subject}"),)
    elif gap.subject in place.groups:
        form = (words("cadence.of_group", name=place.groups[OrganisationId(gap.subject)]),)
    return words(
        f"cadence.suggest_{'nothing' if gap.nothing else 'few'}_{'one' if gap.short == 1 else 'some'}",
        within=(words(f"cadence.within_{gap.norm.every}"),),
        form=form,
        by=(words(f"cadence.by_{near}", month=(words(f"month.{by.month}"),), day=by.day),),
        n=gap.short,
    )


def of_quarter(columns: Iterable[Column], today: date) -> tuple[tuple[Form, str, int, int], ...]:
    """Return how far this quarter is: by form and subject, how many of how many; what is asked by the year is left out.

    Of each month only as many count as it asks for: two meetings in July are none in August.
    """
    first = (today.month - 1) // 3 * 3 + 1
    found = []
    for column in columns:
        if column.norm is None or column.norm.every is Every.YEAR:
            continue
        within = [
            one
            for one in column.stretches
            if one.norm == column.norm and first <= one.since.month and one.until.month <= first + 2
        ]
        for place, tally in enumerate(within[0].tallies if within else ()):
            own = [one.tallies[place] for one in within if one.tallies[place].asked]
            held = sum(min(one.held, column.norm.count) for one in own)
            if own:
                found.append((column.form, tally.subject, held, column.norm.count * len(own)))
    return tuple(found)
