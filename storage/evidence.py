"""What the year of a branch rests on: each feature gives what of it was held and is planned, here in one list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import convert
from sqlalchemy import and_, func, select

from content import ballots as secret
from content import lectures, paper_elections
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.lectures import Lecture
from content.lessons import Kind
from content.notices import Form
from content.notices import State as Stand
from content.occurrences import State as Notice
from content.rule_packs import APPRAISAL
from content.year import Evidence, Pair, Source, Span, Standing, pairs_of
from storage import activities, terms, unannounced
from storage.ballots import ballots
from storage.lessons import lesson_revisions, lessons
from storage.meetings import meeting_people, meetings
from storage.organisations import branch_above
from storage.paper_elections import paper_elections as papers
from storage.prepared import Prepared
from storage.schedules import SHOWN_TITLE, occurrences, schedules
from storage.spans import FIRST, LAST, SINCE, UNTIL, asked, there
from storage.unit import Reading

Giving = Callable[[Reading, Span], Awaitable[Sequence[Evidence]]]
"""Gives what a feature knows of a span."""

ANNOUNCED = timedelta(days=120)
"""How long before its day a lecture may have been announced."""

_MEETINGS = {
    Stand.PLANNED: Standing.PLANNED,
    Stand.HELD: Standing.HELD,
    Stand.CLOSED: Standing.HELD,
}
_BALLOTS = {
    secret.State.FROZEN: Standing.PLANNED,
    secret.State.OPEN: Standing.PLANNED,
    secret.State.CLOSED: Standing.HELD,
    secret.State.OPENED: Standing.HELD,
    secret.State.CERTIFIED: Standing.HELD,
    secret.State.ARCHIVED: Standing.HELD,
}
_PAPERS = dict.fromkeys(paper_elections.State, Standing.HELD) | {
    paper_elections.State.DRAFT: Standing.PLANNED,
    paper_elections.State.FIXED: Standing.PLANNED,
}
_PAPERS.pop(paper_elections.State.VOID)


async def found(unit: Reading, span: Span, sources: Sequence[Giving] | None = None) -> tuple[Evidence, ...]:
    """Return everything that was held or is planned in a span, by all that give evidence or only these."""
    return tuple([one for give in sources or SOURCES for one in await give(unit, span)])


_OF_MEETINGS = Prepared(
    select(
        *(meetings.c.occurrence_id, meetings.c.organisation_id, meetings.c.form, meetings.c.title),
        *(meetings.c.begins_at, meetings.c.timezone, meetings.c.state),
    )
    .where(
        there(meetings.c.organisation_id),
        meetings.c.begins_at >= FIRST,
        meetings.c.begins_at < LAST,
        meetings.c.state.in_(list(_MEETINGS)),
    )
    .order_by(meetings.c.begins_at, meetings.c.occurrence_id)
)


async def of_meetings(unit: Reading, span: Span) -> tuple[Evidence, ...]:
    """Return the meetings of a span, with the talks among them by who talked with whom."""
    rows = await unit.rows(_OF_MEETINGS, asked(span))
    talks = {row.occurrence_id: row.organisation_id for row in rows if row.form == Form.TALK}
    pairs = await _pairs(unit, talks) if talks else {}
    return tuple(
        Evidence(
            forms=(Form(row.form),),
            on=on,
            standing=_MEETINGS[Stand(row.state)],
            source=Source.MEETING,
            id=row.occurrence_id,
            title=row.title,
            place=OrganisationId(row.organisation_id),
            pairs=pairs.get(row.occurrence_id, frozenset()),
        )
        for row in rows
        if span.since <= (on := _day(row.begins_at, row.timezone)) <= span.until
    )


def _day(at: datetime, timezone: str) -> date:
    return at.astimezone(ZoneInfo(timezone)).date()


async def _pairs(unit: Reading, talks: Mapping[OccurrenceId, OrganisationId]) -> dict[OccurrenceId, frozenset[Pair]]:
    """Return between whom talks were, by the committee that sits now."""
    taking = select(meeting_people.c.occurrence_id, meeting_people.c.member_id).where(
        meeting_people.c.occurrence_id.in_(list(talks)), meeting_people.c.part.in_(["chair", "named"])
    )
    people: dict[OccurrenceId, set[MemberId]] = {}
    for row in await unit.rows(taking):
        people.setdefault(OccurrenceId(row.occurrence_id), set()).add(MemberId(row.member_id))
    committees = {place: await _committee(unit, place) for place in set(talks.values())}
    return {talk: pairs_of(people.get(talk, set()), committees[place]) for talk, place in talks.items()}


async def _committee(unit: Reading, place: OrganisationId) -> Collection[MemberId]:
    for node in (place, await branch_above(unit, place)):
        running = await terms.of_node(unit, node)
        if running:
            return frozenset(seat.member for seat in running[0].seats)
    return frozenset()


_OF_LECTURES = Prepared(
    select(
        occurrences.c.id,
        occurrences.c.audience_id,
        occurrences.c.state,
        lesson_revisions.c.lecture,
        schedules.c.timezone,
        SHOWN_TITLE,
    )
    .join(lessons, lessons.c.id == occurrences.c.lesson_id)
    .join(
        lesson_revisions,
        and_(
            lesson_revisions.c.lesson_id == lessons.c.id,
            # One that was sent is given as it was announced; else as it stands now.
            lesson_revisions.c.revision == func.coalesce(occurrences.c.lesson_revision, lessons.c.revision),
        ),
    )
    .join(schedules, schedules.c.id == occurrences.c.schedule_id)
    .where(
        lessons.c.kind == Kind.LECTURE,
        there(occurrences.c.audience_id),
        occurrences.c.due_at >= FIRST,
        occurrences.c.due_at < LAST,
        occurrences.c.state.in_([Notice.PLANNED, Notice.OPEN, Notice.CLOSED]),
    )
    .order_by(occurrences.c.due_at, occurrences.c.id)
)


async def of_lectures(unit: Reading, span: Span) -> tuple[Evidence, ...]:
    """Return the party lectures (党课) of a span, each by the day on which it is given first."""
    given = []
    for row in await unit.rows(_OF_LECTURES, asked(span, before=ANNOUNCED)):
        lecture = convert(row.lecture, Lecture) if row.lecture else None
        if lecture is None or not lecture.party:
            continue
        begins = lectures.begins(lecture)
        on = _day(begins, row.timezone)
        if span.since <= on <= span.until:
            was = begins <= unit.now and row.state != Notice.PLANNED
            given.append(
                Evidence(
                    forms=(Form.LECTURE,),
                    on=on,
                    standing=Standing.HELD if was else Standing.PLANNED,
                    source=Source.LECTURE,
                    id=row.id,
                    title=row.title,
                    place=OrganisationId(row.audience_id),
                    speaker=lecture.speaker,
                )
            )
    return tuple(given)


_BY_BALLOT = Prepared(
    select(
        *(ballots.c.id, ballots.c.organisation_id, ballots.c.title, ballots.c.state),
        *(ballots.c.closes_at, ballots.c.timezone, ballots.c.election),
    )
    .where(
        there(ballots.c.organisation_id),
        ballots.c.closes_at >= FIRST,
        ballots.c.closes_at < LAST,
        ballots.c.state.in_(list(_BALLOTS)),
    )
    .order_by(ballots.c.closes_at, ballots.c.id)
)
_BY_PAPER = Prepared(
    select(papers.c.id, papers.c.organisation_id, papers.c.title, papers.c.state, papers.c.held_on, papers.c.election)
    .where(
        there(papers.c.organisation_id),
        papers.c.held_on >= SINCE,
        papers.c.held_on <= UNTIL,
        papers.c.state.in_(list(_PAPERS)),
    )
    .order_by(papers.c.held_on, papers.c.id)
)


async def of_appraisals(unit: Reading, span: Span) -> tuple[Evidence, ...]:
    """Return the appraisals (民主评议) of a span: by the day on which a ballot closes, or papers are voted on."""
    by_ballot = [
        (row, _day(row.closes_at, row.timezone), Source.BALLOT, _BALLOTS[secret.State(row.state)])
        for row in await unit.rows(_BY_BALLOT, asked(span))
    ]
    by_paper = [
        (row, row.held_on, Source.PAPER, _PAPERS[paper_elections.State(row.state)])
        for row in await unit.rows(_BY_PAPER, asked(span))
    ]
    return tuple(
        Evidence(
            forms=(Form.REVIEW,),
            on=on,
            standing=standing,
            source=source,
            id=row.id,
            title=row.title,
            place=OrganisationId(row.organisation_id),
        )
        for row, on, source, standing in (*by_ballot, *by_paper)
        if row.election.get("rulepack") == APPRAISAL.id and span.since <= on <= span.until
    )


MEETINGS: tuple[Giving, ...] = (of_meetings,)
BESIDE_MEETINGS: tuple[Giving, ...] = (of_lectures, of_appraisals, unannounced.evidence, activities.evidence)
SOURCES: tuple[Giving, ...] = (*MEETINGS, *BESIDE_MEETINGS)
"""Who gives evidence. A feature that holds a form of organisation life adds its own here."""
