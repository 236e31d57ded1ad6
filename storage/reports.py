"""What a quarter's report rests on: read in one go from what was held, voted, corrected and planned."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from content.ballots import State as BallotState
from content.occurrences import State as OccurrenceState
from content.organisations import Organisation
from content.participation import Share, add, share
from content.polls import State as PollState
from content.reports import Held, Quarter, Report, Vote
from storage import members, participation, schedules, terms
from storage.ballots import ballots
from storage.corrections import corrections
from storage.organisations import within
from storage.participation import Period
from storage.polls import polls
from storage.unit import Reading

MOST = 200
"""Of what was held, of votes and of plans, so many are listed; the sums are of all."""


async def report(unit: Reading, node: Organisation, quarter: Quarter) -> Report:
    """Return what was recorded at and below a node in a quarter."""
    roots, period = [node.id], Period(since=quarter.since, until=quarter.until)
    term = (await terms.at_or_below(unit, roots)).get(node.id)
    sent = [OccurrenceState.OPEN, OccurrenceState.CLOSED]
    held = await participation.by_occurrence(unit, roots, period, states=sent, limit=MOST)
    number, _ = await members.count(unit, roots)
    asked, answered = await _corrections(unit, node, quarter)
    months = [await _stretch(unit, node, *month) for month in quarter.months]
    return Report(
        quarter=quarter,
        name=node.name,
        at=unit.now,
        members=number,
        elected_on=term.elected_on if term else None,
        term_until=term.ends_on if term else None,
        seats=len(term.seats) if term else 0,
        held=tuple(
            Held(on=one.local_date, title=one.title, kind=one.kind, share=share(one.numbers)) for one in reversed(held)
        ),
        total=add(months),
        before=await _stretch(unit, node, quarter.before.since, quarter.before.until),
        months=tuple(months),
        votes=await _votes(unit, node, quarter),
        corrections=asked,
        answered=answered,
        planned=await _planned(unit, node, quarter.after),
    )


async def _stretch(unit: Reading, node: Organisation, since: date, until: date) -> Share:
    return await participation.total(unit, [node.id], Period(since=since, until=until))


def _ends(node: Organisation, quarter: Quarter) -> tuple[datetime, datetime]:
    """Return the instants between which a quarter lies by the clock of a node."""
    zone = ZoneInfo(node.timezone)
    first, last = (datetime.combine(day, time(), zone) for day in (quarter.since, quarter.after.since))
    return first.astimezone(UTC), last.astimezone(UTC)


async def _votes(unit: Reading, node: Organisation, quarter: Quarter) -> tuple[Vote, ...]:
    since, until = _ends(node, quarter)
    zone = ZoneInfo(node.timezone)
    secret = select(ballots.c.title, ballots.c.closes_at, ballots.c.turnout, ballots.c.expected).where(
        within(ballots.c.organisation_id, [node.id]),
        ballots.c.state.in_([BallotState.CERTIFIED, BallotState.ARCHIVED]),
        ballots.c.closes_at >= since,
        ballots.c.closes_at < until,
    )
    public = select(polls.c.question, polls.c.closed_at, polls.c.result).where(
        within(polls.c.organisation_id, [node.id]),
        polls.c.state == PollState.CLOSED,
        polls.c.closed_at >= since,
        polls.c.closed_at < until,
    )
    found = [
        Vote(
            on=row.closes_at.astimezone(zone).date(),
            title=row.title,
            secret=True,
            voted=row.turnout,
            expected=row.expected,
        )
        for row in await unit.rows(secret.order_by(ballots.c.closes_at.desc()).limit(MOST))
    ]
    found += [
        Vote(
            on=row.closed_at.astimezone(zone).date(),
            title=row.question,
            secret=False,
            voted=row.result["members"]["voters"] + row.result["members"]["abstained"] if row.result else None,
            expected=row.result["asked"] if row.result else None,
        )
        for row in await unit.rows(public.order_by(polls.c.closed_at.desc()).limit(MOST))
    ]
    return tuple(sorted(found, key=lambda vote: (vote.on, vote.title)))


async def _corrections(unit: Reading, node: Organisation, quarter: Quarter) -> tuple[int, int]:
    since, until = _ends(node, quarter)
    asked = select(func.count(), func.count(corrections.c.answered_at)).where(
        within(corrections.c.organisation_id, [node.id]),
        corrections.c.asked_at >= since,
        corrections.c.asked_at < until,
    )
    row = await unit.first(asked)
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def _planned(unit: Reading, node: Organisation, quarter: Quarter) -> tuple[tuple[date, str], ...]:
    since, until = _ends(node, quarter)
    found = await schedules.calendar(
        unit,
        [node.id],
        since=since - timedelta(days=1),
        until=until + timedelta(days=1),
        states=[OccurrenceState.PLANNED],
        limit=MOST,
    )
    inside = (one for one in found if quarter.since <= one.held_on <= quarter.until)
    return tuple((one.held_on, one.title) for one in inside)
