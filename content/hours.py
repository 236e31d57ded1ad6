"""Learning hours (学时): what counts as how much, the lines of a year, and what is said beside them; no ranking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Words, refused, words
from content.franchise import FULL, PROBATIONARY
from content.identifiers import Cause, HoursId, MemberId, OccurrenceId, OrganisationId, UserId, derive
from content.lessons import LONGEST_TITLE, Kind
from content.members import Member
from content.notices import Form as Gathering
from content.terms import Term, months_on

WHOLE = 100
"""Hours are whole hundredths everywhere, so that what a sheet lists adds up to what it says below."""

DAY, HALF_DAY = 8, 4
LONGEST_REASON = 200
MOST_UNITS = 400
MOST_PEOPLE = 200
"""For how many people one form records the same hours."""

SETTLING_IN = 6
"""Months within which a new secretary is trained."""

AFTERWARDS = 12
"""Months after becoming a full member in which a training is still looked for."""

SECRETARY = "书记"


class Line(StrEnum):
    """What an organisation sets about hours: the lines of a year, how long an hour is, and who may need help."""

    MEMBER = "hours_member"
    COMMITTEE = "hours_committee"
    HOUR = "hours_minutes"
    HELP_BELOW = "hours_help_below"
    HELP_FROM = "hours_help_from"


class Form(StrEnum):
    """What learning counts as: a training (集中培训), learning together (集体学习), or by oneself (自学)."""

    TRAINING = "training"
    TOGETHER = "together"
    ALONE = "alone"


LEARNED_TOGETHER = frozenset({Gathering.LECTURE, Gathering.SEMINAR})
"""Meetings at which members learn together; whom their roll names as there has learned."""

COUNTED = frozenset({Form.TRAINING, Form.TOGETHER})
"""Only these add up to the line of a year."""


class Unit(StrEnum):
    """By what somebody says how long it took."""

    DAY = "day"
    HALF_DAY = "half_day"
    HOUR = "hour"
    MINUTE = "minute"


class Rules(Struct, frozen=True, kw_only=True):
    """What holds at an organisation."""

    member: int
    committee: int
    hour: int
    help_below: int
    help_from: int


def rules_from(values: Mapping[str, str]) -> Rules:
    """Read the rules from what holds at an organisation."""
    return Rules(
        member=int(values[Line.MEMBER]),
        committee=int(values[Line.COMMITTEE]),
        hour=int(values[Line.HOUR]),
        help_below=int(values[Line.HELP_BELOW]),
        help_from=int(values[Line.HELP_FROM]),
    )


def worth(amount: int, unit: Unit, *, hour: int) -> int:
    """Return hundredths of an hour of learning: a day is eight, half a day four, minutes by the length of an hour."""
    match unit:
        case Unit.DAY:
            return DAY * WHOLE * amount
        case Unit.HALF_DAY:
            return HALF_DAY * WHOLE * amount
        case Unit.HOUR:
            return WHOLE * amount
    return (2 * WHOLE * amount + hour) // (2 * hour)


def written(hundredths: int) -> str:
    """Return hours as people write them, without empty decimals."""
    whole, rest = divmod(hundredths, WHOLE)
    return f"{whole}.{rest:02}".rstrip("0") if rest else str(whole)


class Counts(Struct, frozen=True, kw_only=True):
    """What a lesson or an event counts as for who took part, ``None`` for nothing, and how many hundredths."""

    form: Form | None
    hundredths: int = 0


def usual(kind: Kind, minutes: int, *, hour: int) -> Counts:
    """Return what counts until a person says otherwise: a lesson in chat is learned alone, an event is no learning.

    At a lecture people learn together, whoever makes it up afterwards too.
    """
    if kind is Kind.LECTURE:
        return Counts(form=Form.TOGETHER, hundredths=worth(minutes, Unit.MINUTE, hour=hour))
    if kind is Kind.LESSON:
        return Counts(form=Form.ALONE, hundredths=worth(minutes, Unit.MINUTE, hour=hour))
    return Counts(form=None)


def learned_at(form: Gathering, minutes: int, *, hour: int) -> Counts:
    """Return what a meeting counts as until a person says otherwise, for who is on its roll once that is closed."""
    if form not in LEARNED_TOGETHER:
        return Counts(form=None)
    return Counts(form=Form.TOGETHER, hundredths=worth(minutes, Unit.MINUTE, hour=hour))


class Credit(Struct, frozen=True, kw_only=True):
    """Something that one person learned: proved by the roll of an occurrence, or entered by hand with a reason.

    ``branch`` is where the roll was taken, ``made_up`` tells that it was made up afterwards, which counts as much.
    """

    on: date
    title: str
    form: Form
    hundredths: int
    occurrence: OccurrenceId | None = None
    branch: OrganisationId | None = None
    made_up: bool = False
    id: HoursId | None = None
    reason: str = ""
    by: UserId | None = None


class Sum(Struct, frozen=True, kw_only=True):
    """What somebody learned, by what it counts as, in hundredths."""

    training: int = 0
    together: int = 0
    alone: int = 0

    @property
    def counted(self) -> int:
        """Return what adds up to the line of a year."""
        return self.training + self.together


def add(learned: Iterable[Credit]) -> Sum:
    """Add up what somebody learned."""
    found = dict.fromkeys(Form, 0)
    for one in learned:
        found[one.form] += one.hundredths
    return Sum(training=found[Form.TRAINING], together=found[Form.TOGETHER], alone=found[Form.ALONE])


class Office(Struct, frozen=True, kw_only=True):
    """Whether somebody sits on a committee, and since when they have been its secretary."""

    sits: bool = False
    secretary_since: date | None = None


def office(terms: Iterable[Sequence[Term]], member: MemberId) -> Office:
    """Return what somebody is by the terms of organisations, those of each with the newest first."""
    sits, since = False, list[date]()
    for held in terms:
        running = next(iter(held), None)
        if running is None or member not in {seat.member for seat in running.seats}:
            continue
        sits, begun = True, None
        for term in held:
            if not any(seat.member == member and seat.post == SECRETARY for seat in term.seats):
                break
            begun = term.elected_on
        since += [begun] if begun is not None else []
    return Office(sits=sits, secretary_since=max(since, default=None))


def line_of(member: Member, held: Office, rules: Rules) -> int | None:
    """Return the hours of the year that are looked for, ``None`` for who is no member of the Party."""
    if held.sits:
        return rules.committee
    return rules.member if member.category in (FULL, PROBATIONARY) else None


class Remark(Struct, frozen=True, kw_only=True):
    """One line about one expectation: whether it is met, in words and nothing else."""

    met: bool
    words: Words


def remarks(
    member: Member, held: Office, rules: Rules, *, total: Sum, trainings: Collection[date], year: int, today: date
) -> tuple[Remark, ...]:
    """Say what is looked for beyond the hours of a member; ``trainings`` are the days of all, of other years too."""
    found = [
        _of_committee(held, rules, total=total, trained=any(day.year == year for day in trainings)),
        _of_secretary(held, trainings, year),
        _of_probation(member, trainings, year, today),
    ]
    return tuple(one for one in found if one is not None)


def _of_committee(held: Office, rules: Rules, *, total: Sum, trained: bool) -> Remark | None:
    """STU-2."""
    if not held.sits:
        return None
    lacking = max(0, rules.committee * WHOLE - total.counted)
    if lacking and not trained:
        said = words("hours.committee_both", line=rules.committee, n=written(lacking))
    elif lacking:
        said = words("hours.committee_hours", line=rules.committee, n=written(lacking))
    elif not trained:
        said = words("hours.committee_training", line=rules.committee)
    else:
        said = words("hours.committee_met", line=rules.committee)
    return Remark(met=trained and not lacking, words=said)


def _of_secretary(held: Office, trainings: Collection[date], year: int) -> Remark | None:
    """STU-3: said of the years in which its time lies."""
    since = held.secretary_since
    if since is None:
        return None
    until = months_on(since, SETTLING_IN)
    if not since.year <= year <= until.year:
        return None
    met = any(since <= day <= until for day in trainings)
    key = "hours.secretary_met" if met else "hours.secretary_until"
    return Remark(met=met, words=words(key, day=until.isoformat()))


def _of_probation(member: Member, trainings: Collection[date], year: int, today: date) -> Remark | None:
    """STU-4."""
    since = _first_day(member.joined)
    end = min(today, date(year, 12, 31))
    if member.category == FULL:
        full = _first_day(member.full_since)
        if full is None or end > months_on(full, AFTERWARDS) or end < full:
            return None
    elif member.category != PROBATIONARY:
        return None
    met = any((since is None or since <= day) and day <= end for day in trainings)
    return Remark(met=met, words=words("hours.probation_met" if met else "hours.probation_open"))


def _first_day(text: str) -> date | None:
    """Return the day that a date of the roster is, of a month its first."""
    try:
        return date.fromisoformat(text if len(text) > len("2026-01") else f"{text}-01")
    except ValueError:
        return None


def could_use_help(total: Sum, line: int | None, rules: Rules, *, year: int, today: date) -> bool:
    """Tell whether somebody may need help to catch up: late in the year, and with few hours by then (STU-8)."""
    if line is None or today < date(year, rules.help_from, 1):
        return False
    return total.counted < rules.help_below * WHOLE


class Entry(Struct, frozen=True, kw_only=True):
    """What was entered by hand of one person, by whom and why."""

    id: HoursId
    member: MemberId
    on: date
    title: str
    form: Form
    hundredths: int
    reason: str
    by: UserId
    at: datetime
    taken_back: datetime | None = None


class HoursRecorded(Fact, frozen=True, kw_only=True):
    """Hours of one person were entered by hand."""

    member: MemberId
    hours: Entry


class HoursTakenBack(Fact, frozen=True, kw_only=True):
    """Hours that were entered by hand do not count any more."""

    member: MemberId
    hours: HoursId
    by: UserId
    at: datetime


class LearningCounted(Fact, frozen=True, kw_only=True):
    """A person said what a lesson or an event counts as; ``None`` lets it count as is usual again."""

    occurrence: OccurrenceId
    organisation: OrganisationId
    counts: Counts | None


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody wants to enter by hand."""

    on: date
    title: str
    form: Form
    amount: int
    unit: Unit
    reason: str


def record(
    wanted: Wanted,
    people: Sequence[tuple[Member, Rules]],
    *,
    known: Collection[tuple[MemberId, date, str]],
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter the same hours for several people, each with the rules of their place; ``known`` is entered already."""
    title, reason = " ".join(wanted.title.split()), " ".join(wanted.reason.split())
    refusal = _objection(title, reason, wanted, people, today)
    if refusal is not None:
        return refusal
    twice = next((one.name for one, _ in people if (one.id, wanted.on, title) in known), None)
    if twice is not None:
        return refused("hours.twice", field="title", name=twice, day=wanted.on.isoformat())
    return Decision(
        facts=tuple(
            HoursRecorded(
                member=member.id,
                hours=Entry(
                    id=HoursId(derive(cause, "hours", member.id)),
                    member=member.id,
                    on=wanted.on,
                    title=title,
                    form=wanted.form,
                    hundredths=worth(wanted.amount, wanted.unit, hour=rules.hour),
                    reason=reason,
                    by=by,
                    at=now,
                ),
            )
            for member, rules in people
        )
    )


def _objection(
    title: str, reason: str, wanted: Wanted, people: Sequence[tuple[Member, Rules]], today: date
) -> Refusal | None:
    if not people:
        return refused("hours.nobody", field="member")
    if len(people) > MOST_PEOPLE:
        return refused("hours.too_many", field="member", most=MOST_PEOPLE)
    if not title:
        return refused("hours.no_title", field="title")
    if len(title) > LONGEST_TITLE:
        return refused("hours.long_title", field="title", most=LONGEST_TITLE)
    if wanted.on > today:
        return refused("hours.in_future", field="on")
    if wanted.on < today - timedelta(days=2 * 366):
        return refused("hours.long_ago", field="on")
    if not 1 <= wanted.amount <= MOST_UNITS:
        return refused("hours.amount", field="amount", most=MOST_UNITS)
    if not reason:
        return refused("hours.why", field="reason")
    if len(reason) > LONGEST_REASON:
        return refused("hours.long_reason", field="reason", most=LONGEST_REASON)
    return None


def take_back(entry: Entry, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Let hours that were entered by hand count no more."""
    if entry.taken_back is not None:
        return refused("hours.taken_back_already")
    return Decision(facts=(HoursTakenBack(member=entry.member, hours=entry.id, by=by, at=now),))


def count_as(
    occurrence: OccurrenceId, place: OrganisationId, form: str, amount: int, unit: Unit, *, hour: int
) -> Decision | Refusal:
    """Say what an occurrence counts as: one of the forms, ``none`` for no learning, ``usual`` as if nobody had said."""
    if form == "usual":
        return Decision(facts=(LearningCounted(occurrence=occurrence, organisation=place, counts=None),))
    counts = Counts(form=None)
    if form != "none":
        if not 1 <= amount <= MOST_UNITS:
            return refused("hours.amount", field="amount", most=MOST_UNITS)
        counts = Counts(form=Form(form), hundredths=worth(amount, unit, hour=hour))
    return Decision(facts=(LearningCounted(occurrence=occurrence, organisation=place, counts=counts),))
