"""The committee of an organisation and its term: who was elected to what, and when the next election is due."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, Say, Words, refused, words
from content.franchise import FULL
from content.identifiers import Cause, MemberId, OrganisationId, RoomId, TermId, derive
from content.members import Member
from content.organisations import Kind, Organisation
from content.schedules import instant

POSTS = ("书记", "副书记", "组织委员", "宣传委员", "纪检委员", "青年委员", "统战委员", "委员")
"""Posts of a committee, in the order in which an office lists them."""

SINGLE = frozenset({"书记"})
"""Posts that one person holds."""

YEARS: Mapping[Kind, int] = {Kind.PARTY_COMMITTEE: 5, Kind.GENERAL_BRANCH: 3, Kind.BRANCH: 3}
"""How long a term lasts by kind of organisation; of a village or a community it is set to five by hand."""

LONGEST_TERM = 5
REMIND_BEFORE = 6
"""Months before the end of a term, when those above usually remind."""

REMIND_AT = time(9)
"""At what hour of that day, by the clock of the organisation."""

MOST_SEATS = 7

DELEGATES = 500
"""From so many members on a meeting of delegates may elect, with the consent of those above (Art. 4)."""


class Seat(Struct, frozen=True, kw_only=True):
    """One member of a committee, with their post."""

    member: MemberId
    post: str


class Term(Struct, frozen=True, kw_only=True):
    """A committee from one election to the next."""

    id: TermId
    organisation: OrganisationId
    elected_on: date
    years: int
    seats: tuple[Seat, ...]

    @property
    def ends_on(self) -> date:
        """Return the day on which the next election is due."""
        return months_on(self.elected_on, 12 * self.years)

    @property
    def remind_on(self) -> date:
        """Return the day on which to begin preparing it."""
        return months_on(self.ends_on, -REMIND_BEFORE)

    @property
    def latest(self) -> date:
        """Return the last day to which it can be put off, with the consent of those above."""
        return months_on(self.ends_on, 12)


class CommitteeElected(Fact, frozen=True, kw_only=True):
    """A committee was elected, or the record of one was put right; the same term is written anew."""

    term: Term


class TermReminded(Fact, frozen=True, kw_only=True):
    """A committee was told that its term ends on a day; with another end it is told anew."""

    organisation: OrganisationId
    term: TermId
    ends_on: date


class CommitteeTakenBack(Fact, frozen=True, kw_only=True):
    """What was recorded of the newest term was a mistake; the one before it runs again."""

    organisation: OrganisationId
    term: TermId


def is_to_remind(term: Term, reminded_of: date | None, *, timezone: str, now: datetime) -> bool:
    """Tell whether a committee is to be told that its term ends: from half a year before on, once for each end.

    What could not be told in time is told late, and not at all once even the longest delay is over.
    """
    if reminded_of == term.ends_on or instant(term.latest + timedelta(days=1), time(), timezone) <= now:
        return False
    return instant(term.remind_on, REMIND_AT, timezone) <= now


def remind(
    term: Term,
    node: Organisation,
    room: RoomId | None,
    *,
    reminded_of: date | None,
    today: date,
    console: str,
    now: datetime,
) -> Decision | None:
    """Tell the committee's room that the term ends, with what comes next (ORG-8); no other room is told."""
    if room is None or not is_to_remind(term, reminded_of, timezone=node.timezone, now=now):
        return None
    left = months_left(today, term.ends_on)
    key = "ended" if today >= term.ends_on else "ends" if left else "ends_soon"
    committee = (words(f"terms.committee_{node.kind}"),)
    lines = [
        words(f"terms.reminder_{key}", committee=committee, day=term.ends_on.isoformat(), n=left),
        words("terms.reminder_next"),
        words("terms.reminder_latest", day=term.latest.isoformat()),
    ]
    if console:
        lines.append(words("terms.reminder_address", address=f"{console}/elections/new?org={node.id}"))
    told = Say(room=room, organisation=node.id, words=words("terms.reminder", lines=tuple(lines)))
    fact = TermReminded(organisation=node.id, term=term.id, ends_on=term.ends_on)
    return Decision(facts=(fact,), effects=(told,))


def months_left(today: date, ends_on: date) -> int:
    """Return how many whole months are left of a term."""
    left = 0
    while months_on(today, left + 1) <= ends_on:
        left += 1
    return left


def take_back(running: Term | None, term: str) -> Decision | Refusal:
    """Take back the record of the newest term; who holds which position in the roster is another matter."""
    if running is None or running.id != term:
        return refused("terms.changed_since")
    return Decision(facts=(CommitteeTakenBack(organisation=running.organisation, term=running.id),))


def months_on(day: date, months: int) -> date:
    """Return the same day some months on or back; where that month has none, its last day."""
    month = day.year * 12 + day.month - 1 + months
    year, month = divmod(month, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def elect(
    node: Organisation,
    *,
    elected_on: date,
    years: int,
    seats: Sequence[Seat],
    people: Mapping[MemberId, Member],
    present: Term | None,
    cause: Cause,
    today: date,
) -> Decision | Refusal:
    """Record a committee; ``people`` are the members who may sit on it, ``present`` is the term that runs.

    With the day of the term that runs, its record is put right; only a later day begins another.
    """
    if node.kind not in YEARS:
        return refused("terms.no_committee")
    if elected_on > today:
        return refused("terms.in_future", field="elected_on")
    if not 1 <= years <= LONGEST_TERM:
        return refused("terms.bad_years", field="years", most=LONGEST_TERM)
    if not seats:
        return refused("terms.nobody", field="seats")
    if len({seat.member for seat in seats}) < len(seats):
        return refused("terms.person_twice", field="seats")
    for post in SINGLE:
        if sum(seat.post == post for seat in seats) > 1:
            return refused("terms.post_twice", field="seats", post=post)
    if any(seat.member not in people or seat.post not in POSTS for seat in seats):
        return refused("terms.not_from_here", field="seats")
    if present is not None and elected_on < present.elected_on:
        return refused("terms.before_present", field="elected_on", day=present.elected_on.isoformat())
    same = present is not None and present.elected_on == elected_on
    id = present.id if present is not None and same else TermId(derive(cause, "term"))  # noqa: A001
    ordered = tuple(sorted(seats, key=lambda seat: POSTS.index(seat.post)))
    term = Term(id=id, organisation=node.id, elected_on=elected_on, years=years, seats=ordered)
    return Decision(facts=(CommitteeElected(term=term),))


def positions(
    term: Term, *, present: Term | None, people: Mapping[MemberId, Member], kind: Kind
) -> tuple[tuple[Member, Member], ...]:
    """Return whose position in the roster follows from an election, before and after: one entry, every form."""
    sits, sat = {seat.member: seat.post for seat in term.seats}, present.seats if present is not None else ()
    changed = []
    for member, post in sits.items():
        one = people[member]
        if post not in one.position:
            changed.append((one, replace(one, position=post)))
    for seat in sat:
        gone = people.get(seat.member)
        if gone is not None and seat.member not in sits and seat.post in gone.position:
            changed.append((gone, replace(gone, position="")))
    return tuple(changed) if kind is Kind.BRANCH else ()


def advice(kind: Kind, *, full: int, everyone: int, seats: int) -> tuple[Words, ...]:
    """Say what the rules about the size of organisations would have one look at; nothing is decided here."""
    found: list[Words] = []
    if kind is Kind.BRANCH:
        if 0 < full < 3:
            found.append(words("terms.joint_branch", n=full))
        elif 3 <= full < 7:
            found.append(words("terms.no_committee_yet", n=full))
        elif full >= 7 and seats and not 3 <= seats <= MOST_SEATS:
            found.append(words("terms.committee_size", n=full))
        if everyone > 50:
            found.append(words("terms.general_branch", n=everyone))
    if kind is Kind.GENERAL_BRANCH and everyone > 100:
        found.append(words("terms.party_committee", n=everyone))
    if kind is not Kind.GROUP and everyone >= DELEGATES:
        found.append(words("terms.delegates", n=everyone))
    return tuple(found)


def is_full(member: Member) -> bool:
    """Tell whether a member is a full one, by whom the size of an organisation is reckoned."""
    return member.category == FULL
