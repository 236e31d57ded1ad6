"""What was said in rooms and what is planned for them, as the burden is counted from it: by branch and local day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, case, func, or_, select, union, union_all

from content.ballots import State as BallotState
from content.identifiers import OccurrenceId, OrganisationId, PollId
from content.lessons import ASKING
from content.meetings import INNER
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from content.quiet import MOST_DAYS
from content.rooms import Purpose
from content.surveys import State as SurveyState
from storage import polls as kept_polls
from storage import quiet
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
from storage.schedules import occurrences, schedules
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
_WAITED = bindparam("waited", type_=Instant)
"""From when on something may have waited for one of the days that are asked about."""


def _around(zones: Collection[OrganisationId], since: date, until: date) -> dict[str, Any]:
    """Return the gaps of a question about these branches and days: between which instants they lie in any zone."""
    first, last = (datetime.combine(day, time(), UTC) for day in (since, until))
    first -= timedelta(days=1)
    waited = first - timedelta(days=MOST_DAYS)
    return {"branches": list(zones), "first": first, "waited": waited, "last": last + timedelta(days=2)}


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
            occurrences.c.audience_id,
            occurrences.c.due_at,
            occurrences.c.state,
            occurrences.c.opened_at,
            occurrences.c.over_cap,
            case((_heard_before(reach), 0), else_=lesson_revisions.c.minutes).label("minutes"),
            or_(asked.exists(), shown.exists()).label("reached"),
            lessons.c.kind,
            schedules.c.urgent,
        )
        .join(occurrences, occurrences.c.audience_id == reach.c.audience)
        .join(schedules, schedules.c.id == occurrences.c.schedule_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .join(
            lesson_revisions,
            (lesson_revisions.c.lesson_id == lessons.c.id) & (lesson_revisions.c.revision == revision),
        )
        .where(
            occurrences.c.state.in_([OccurrenceState.PLANNED, OccurrenceState.OPEN, OccurrenceState.CLOSED]),
            occurrences.c.withdrawn_at.is_(None),
            occurrences.c.id.not_in(select(meetings.c.occurrence_id).where(meetings.c.form.in_(sorted(INNER)))),
            occurrences.c.due_at >= _WAITED,
            occurrences.c.due_at < _LAST,
            or_(occurrences.c.due_at >= _FIRST, occurrences.c.state == OccurrenceState.PLANNED),
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

    What was held or sent late counts on the day on which it was heard, and what is planned into quiet hours on that on
    which they end. The sessions of a lesson are posts of their own,
    and ask a branch its minutes once, in the first that is heard there or is still to come: each hears one of them.
    """
    rows = await unit.rows(_of_occurrences(), _around(zones, since, until))
    audiences = {OrganisationId(row.audience_id) for row in rows if _may_wait(row)}
    hushes = await quiet.hushes(unit, audiences)

    def heard(row: AnyRow) -> datetime:
        return hushes[row.audience_id].free(row.due_at) if _may_wait(row) else row.due_at

    found = [(_day(heard(row), zones[row.branch]), row) for row in rows]
    return [(on, row) for on, row in found if since <= on <= until]


def _may_wait(row: AnyRow) -> bool:
    return row.state == OccurrenceState.PLANNED and not row.urgent


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


def _among(query: Any, place: Any, at: Any, *, since: Any = _FIRST) -> Any:
    return query.where(place.in_(_BRANCHES), at >= since, at < _LAST)


def _near(query: Any, place: Any, at: Any) -> Prepared:
    return Prepared(_among(query, place, at))


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
    told = case((outbox.c.state == RowState.SENT, outbox.c.done_at), else_=outbox.c.not_before)
    waited: Any = (
        select(func.max(told, type_=Instant))
        .where(outbox.c.poll_id == polls.c.id, outbox.c.kind == RowKind.RESULT, outbox.c.state.in_(UNDER_WAY))
        .scalar_subquery()
    )
    at: Any = func.coalesce(waited, polls.c.closed_at, type_=Instant)
    closed = _polls_in_rooms(at).where(polls.c.state == PollState.CLOSED)
    return Prepared(_among(closed, polls.c.organisation_id, polls.c.closed_at, since=_WAITED))


@cache
def _said() -> Prepared:
    def said(at: Any, state: Any) -> Any:
        found = select(outbox.c.organisation_id, at.label("at")).join(rooms, rooms.c.id == outbox.c.room_id)
        is_said = or_(outbox.c.kind == RowKind.SAY, outbox.c.kind == RowKind.LIVE)
        return _among(found.where(is_said, state, rooms.c.purpose.in_(_PURPOSES)), outbox.c.organisation_id, at)

    # Nearly all that was ever sent is in this state: its index would lead through everything.
    sent = said(outbox.c.done_at, func.coalesce(outbox.c.state, "") == RowState.SENT)
    waiting = said(outbox.c.not_before, outbox.c.state.in_([RowState.PENDING, RowState.LEASED]))
    both = union_all(sent, waiting).subquery()
    return Prepared(select(both.c.organisation_id, both.c.at))


async def of_news(
    unit: Reading,
    zones: Mapping[OrganisationId, str],
    since: date,
    until: date,
    *,
    where: Collection[Purpose] = EVERYBODYS,
) -> list[tuple[OrganisationId, datetime]]:
    """Return when a poll's result was published in a branch, or something else was said in its room.

    What waits for the end of quiet hours, or to be sent, counts as of then.
    """
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
