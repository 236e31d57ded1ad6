"""What was said in rooms and what is planned for them, as the burden is counted from it: by branch and local day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, case, func, or_, select, union

from content.ballots import State as BallotState
from content.identifiers import OccurrenceId, OrganisationId, PollId
from content.lessons import ASKING
from content.meetings import INNER
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from content.rooms import Purpose
from content.surveys import State as SurveyState
from storage import polls as kept_polls
from storage.ballots import ballots
from storage.checkins import cards
from storage.lessons import lesson_revisions, lessons
from storage.meetings import meetings
from storage.organisations import organisation_closure
from storage.outbox import UNDER_WAY, outbox
from storage.outbox import Kind as RowKind
from storage.outbox import State as RowState
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.schedules import occurrences
from storage.surveys import surveys
from storage.tables import Instant
from storage.tallies import OFFERED, number, tallies
from storage.unit import AnyRow, Reading

EVERYBODYS = (Purpose.BRANCH, Purpose.GROUP)
"""The rooms in which everything meets that concerns the members; each other one is asked by itself."""

_NO_SURVEY = (SurveyState.DRAFT, SurveyState.CANCELLED)
_NO_BALLOT = (BallotState.DRAFT, BallotState.FROZEN, BallotState.VOID)
"""What asks nobody for anything."""

_BRANCHES: Any = bindparam("branches", expanding=True)
_PURPOSES: Any = bindparam("purposes", expanding=True)
_WITHOUT: Any = bindparam("without", expanding=True)
_FIRST, _LAST = bindparam("first", type_=Instant), bindparam("last", type_=Instant)


def _around(zones: Collection[OrganisationId], since: date, until: date) -> dict[str, Any]:
    """Return the gaps of a question about these branches and days: between which instants they lie in any zone."""
    first, last = (datetime.combine(day, time(), UTC) for day in (since, until))
    return {"branches": list(zones), "first": first - timedelta(days=1), "last": last + timedelta(days=2)}


def _reach() -> Any:
    """Return whom each branch hears of: whoever is above it, itself, and its groups, who meet in its one room."""
    path = organisation_closure
    above = select(path.c.descendant_id.label("branch"), path.c.ancestor_id.label("audience"))
    below = select(path.c.ancestor_id.label("branch"), path.c.descendant_id.label("audience"))
    return union(
        above.where(path.c.descendant_id.in_(_BRANCHES)), below.where(path.c.ancestor_id.in_(_BRANCHES))
    ).subquery()


@cache
def _of_occurrences() -> Prepared:
    reach = _reach()
    revision = func.coalesce(occurrences.c.lesson_revision, lessons.c.revision)
    asked = select(tallies.c.branch_id).where(
        tallies.c.occurrence_id == occurrences.c.id,
        tallies.c.branch_id == reach.c.branch,
        number(tallies, *OFFERED) > 0,
    )
    # Of a bulletin nobody is counted, so that its cards tell where it was heard.
    shown = select(cards.c.id).where(
        cards.c.occurrence_id == occurrences.c.id, cards.c.branch_id == reach.c.branch, lessons.c.kind.not_in(ASKING)
    )
    query: Any = (
        select(
            reach.c.branch,
            occurrences.c.id,
            occurrences.c.due_at,
            occurrences.c.state,
            occurrences.c.opened_at,
            occurrences.c.over_cap,
            case((_heard_before(reach), 0), else_=lesson_revisions.c.minutes).label("minutes"),
            or_(asked.exists(), shown.exists()).label("reached"),
            lessons.c.kind,
        )
        .join(occurrences, occurrences.c.audience_id == reach.c.audience)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(
            lesson_revisions,
            (lesson_revisions.c.lesson_id == lessons.c.id) & (lesson_revisions.c.revision == revision),
        )
        .where(
            occurrences.c.state.in_([OccurrenceState.PLANNED, OccurrenceState.OPEN, OccurrenceState.CLOSED]),
            occurrences.c.withdrawn_at.is_(None),
            occurrences.c.id.not_in(select(meetings.c.occurrence_id).where(meetings.c.form.in_(sorted(INNER)))),
            occurrences.c.due_at >= _FIRST,
            occurrences.c.due_at < _LAST,
        )
    )
    return Prepared(query)


@cache
def _last_planned() -> Prepared:
    reach = _reach()
    own = occurrences.join(reach, occurrences.c.audience_id == reach.c.audience)
    last: Any = func.max(occurrences.c.local_date).label("last")
    return Prepared(select(last).select_from(own).where(occurrences.c.state == OccurrenceState.PLANNED))


async def last_planned(unit: Reading, branches: Collection[OrganisationId]) -> date | None:
    """Return the last day for which anything is planned that one of these branches hears of."""
    return await unit.value(_last_planned(), {"branches": list(branches)}) if branches else None


async def of_occurrences(
    unit: Reading, zones: Mapping[OrganisationId, str], since: date, until: date
) -> list[tuple[date, AnyRow]]:
    """Return what went out to each branch or is planned for it, with the day by the clock there.

    What was held or sent late counts on the day on which it was heard. The sessions of a lesson are posts of their own,
    and ask a branch its minutes once, in the first that is heard there or is still to come: each hears one of them.
    """
    rows = await unit.rows(_of_occurrences(), _around(zones, since, until))
    found = [(_day(row.due_at, zones[row.branch]), row) for row in rows]
    return [(on, row) for on, row in found if since <= on <= until]


def _heard_before(reach: Any) -> Any:
    """Return the condition that an earlier session of the same lesson asks its minutes of a branch, or is to."""
    before = occurrences.alias("before")
    asked = (
        select(tallies.c.branch_id)
        .where(
            tallies.c.occurrence_id == before.c.id,
            tallies.c.branch_id == reach.c.branch,
            number(tallies, *OFFERED) > 0,
        )
        .correlate(before, reach)
    )
    return and_(occurrences.c.session > 0, earlier(before, or_(to_come(before), was_held(before) & asked.exists())))


def earlier(before: Any, stands: Any) -> Any:
    """Return the condition that an earlier session of the same lesson stands so."""
    return (
        select(before.c.id)
        .where(
            before.c.schedule_id == occurrences.c.schedule_id,
            before.c.meant == occurrences.c.meant,
            before.c.session < occurrences.c.session,
            before.c.withdrawn_at.is_(None),
            stands,
        )
        .exists()
    )


def to_come(one: Any) -> Any:
    """Return the condition that an occurrence is planned."""
    return one.c.state == OccurrenceState.PLANNED


def was_held(one: Any) -> Any:
    """Return the condition that an occurrence was sent."""
    return one.c.state.in_([OccurrenceState.OPEN, OccurrenceState.CLOSED])


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _polls_in_rooms(at: Any) -> Any:
    """Return the polls in rooms for some purposes; one whose room is known no more was asked in the branch's own."""
    polls = kept_polls.polls
    return (
        select(polls.c.organisation_id, at.label("at"))
        .outerjoin(rooms, rooms.c.id == polls.c.room_id)
        .where(func.coalesce(rooms.c.purpose, Purpose.BRANCH).in_(_PURPOSES))
    )


def _near(query: Any, place: Any, at: Any) -> Prepared:
    return Prepared(query.where(place.in_(_BRANCHES), at >= _FIRST, at < _LAST))


@cache
def _begun() -> Prepared:
    polls = kept_polls.polls
    under_way = select(outbox.c.id).where(
        outbox.c.poll_id == polls.c.id, outbox.c.kind == RowKind.POLL, outbox.c.state.in_(UNDER_WAY)
    )
    begun = _polls_in_rooms(polls.c.opened_at).where(
        polls.c.starter.is_(None),
        polls.c.id.not_in(_WITHOUT),
        polls.c.event_id.is_not(None) | ((polls.c.state != PollState.WITHDRAWN) & under_way.exists()),
    )
    return _near(begun, polls.c.organisation_id, polls.c.opened_at)


async def of_polls(
    unit: Reading,
    zones: Mapping[OrganisationId, str],
    since: date,
    until: date,
    *,
    without: Collection[OccurrenceId | PollId] = (),
    where: Collection[Purpose] = EVERYBODYS,
) -> list[tuple[OrganisationId, datetime]]:
    """Return when a poll of ours was begun in which branch, by its own clock.

    One counts that reached its room or still may, and all the same where it was removed from there.
    """
    gaps = {"without": list(without), "purposes": list(where)}
    return await _within_days(unit, _begun(), gaps, zones, since, until)


@cache
def _results() -> Prepared:
    polls = kept_polls.polls
    closed = _polls_in_rooms(polls.c.closed_at).where(polls.c.state == PollState.CLOSED)
    return _near(closed, polls.c.organisation_id, polls.c.closed_at)


@cache
def _said() -> Prepared:
    said = (
        select(outbox.c.organisation_id, outbox.c.done_at.label("at"))
        .join(rooms, rooms.c.id == outbox.c.room_id)
        .where(
            or_(outbox.c.kind == RowKind.SAY, outbox.c.kind == RowKind.LIVE),
            # Nearly all that was ever sent is in this state: its index would lead through everything.
            func.coalesce(outbox.c.state, "") == RowState.SENT,
            rooms.c.purpose.in_(_PURPOSES),
        )
    )
    return _near(said, outbox.c.organisation_id, outbox.c.done_at)


async def of_news(
    unit: Reading,
    zones: Mapping[OrganisationId, str],
    since: date,
    until: date,
    *,
    where: Collection[Purpose] = EVERYBODYS,
) -> list[tuple[OrganisationId, datetime]]:
    """Return when a poll's result was published in a branch, or something else was said in its room."""
    gaps = {"purposes": list(where)}
    return [
        *await _within_days(unit, _results(), gaps, zones, since, until),
        *await _within_days(unit, _said(), gaps, zones, since, until),
    ]


@cache
def _asking() -> tuple[Prepared, ...]:
    reach = _reach()
    return tuple(
        _near(
            select(reach.c.branch.label("organisation_id"), table.c.closes_at.label("at"))
            .join(reach, reach.c.audience == table.c.organisation_id)
            .where(table.c.state.not_in(never)),
            reach.c.branch,
            table.c.closes_at,
        )
        for table, never in ((surveys, _NO_SURVEY), (ballots, _NO_BALLOT))
    )


async def of_papers(
    unit: Reading, zones: Mapping[OrganisationId, str], since: date, until: date
) -> list[OrganisationId]:
    """Return the branch of each survey or secret ballot that asks its members and ends on one of these days."""
    return [branch for query in _asking() for branch, _ in await _within_days(unit, query, {}, zones, since, until)]


async def _within_days(
    unit: Reading,
    query: Prepared,
    gaps: Mapping[str, Any],
    zones: Mapping[OrganisationId, str],
    since: date,
    until: date,
) -> list[tuple[OrganisationId, datetime]]:
    """Return where and when something was, by the clock there, as far as that lies on one of these days."""
    if not zones:
        return []
    found = [
        (OrganisationId(row.organisation_id), row.at.astimezone(ZoneInfo(zones[row.organisation_id])))
        for row in await unit.rows(query, {**gaps, **_around(zones, since, until)})
    ]
    return [(branch, when) for branch, when in found if since <= when.date() <= until]
