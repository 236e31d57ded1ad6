"""Today: what needs the organiser, what is coming, and this month in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, render_template

from console.access import here, requires
from console.desk import ask, now
from console.wording import today
from content.identifiers import OrganisationId
from content.occurrences import State as OccurrenceState
from content.organisations import Right
from content.participation import Share, add, by_week, monday, share
from content.safe_mode import Reason
from storage import (
    corrections,
    duties,
    heartbeats,
    members,
    outbox,
    outbox_items,
    participation,
    schedules,
    unheard,
    workdays,
)
from storage.heartbeats import life
from storage.participation import Period
from storage.unit import Reading

pages = Blueprint("home", __name__)

COMING = timedelta(days=14)
MISSED_SINCE = timedelta(days=30)
WEEKS_SHOWN = 6
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the page shows."""

    failed: tuple[outbox_items.Item, ...]
    waiting: int
    missed: tuple[schedules.Entry, ...]
    open: tuple[tuple[participation.OccurrenceLine, Share], ...]
    coming: tuple[schedules.Entry, ...]
    beats: dict[str, tuple[str, datetime]]
    backup_failed: datetime | None
    corrections: int
    members: tuple[int, int]
    month: Share
    held: int
    weeks: tuple[tuple[date, Share], ...]


@pages.get("/")
@requires(Right.READ)
def show() -> str:
    """Show the page."""
    roots, at, day = here().roots, now(), today()
    private, recording = here().roots_for(Right.READ_MEMBERS), here().roots_for(Right.RECORD)
    operating = here().roots_for(Right.MANAGE_OUTBOX)
    top = any(node.parent is None for node in here().nodes if node.id in operating)
    giving, user = here().roots_for(Right.GRANT_DUTIES), here().user
    proposals = sum(yours for _, yours in ask(lambda unit: duties.proposals(unit, giving, user)))
    buried = ask(lambda unit: unheard.number_waiting(unit, operating, everything=top))
    known = ask(lambda unit: _today(unit, roots, private, recording, at, day))
    bot, clock = (life(role, known.beats, now=at) for role in ("bot", "clock"))
    failed = known.backup_failed if here().may(Right.OPERATE) else None
    missing = ask(workdays.calendar).missing(day) if top and here().may(Right.OPERATE) else None
    return render_template(
        "home/show.html",
        known=known,
        buried=buried,
        proposals=proposals,
        bot=bot,
        clock=clock,
        today=day,
        backup_failed=failed,
        workdays_missing=missing,
        reasons=frozenset(Reason),
    )


async def _today(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    private: tuple[OrganisationId, ...],
    recording: tuple[OrganisationId, ...],
    at: datetime,
    day: date,
) -> Today:
    signs = await heartbeats.signs(unit)
    first_week = monday(day) - timedelta(weeks=WEEKS_SHOWN - 1)
    month = Period(since=day.replace(day=1), until=day)
    fortnight = Period(since=day - timedelta(days=14))
    still_open = await participation.by_occurrence(unit, roots, fortnight, states=[OccurrenceState.OPEN], limit=40)
    return Today(
        failed=await outbox_items.items(
            unit, roots, private=private, states=[outbox.State.FAILED, outbox.State.EXPIRED], limit=5
        ),
        waiting=await outbox_items.number(
            unit, roots, private=private, states=[outbox.State.PENDING, outbox.State.LEASED], most=MOST_COUNTED
        ),
        missed=await schedules.calendar(
            unit, roots, since=at - MISSED_SINCE, states=[OccurrenceState.MISSED], newest_first=True, limit=5
        ),
        open=tuple((line, share(line.numbers)) for line in still_open),
        coming=await schedules.calendar(
            unit, roots, since=at - timedelta(hours=1), until=at + COMING, states=[OccurrenceState.PLANNED], limit=6
        ),
        beats={role: (sign.state, sign.at) for role, sign in signs.items()},
        backup_failed=heartbeats.backup_failed(signs),
        corrections=await corrections.number_waiting(unit, recording),
        members=await members.count(unit, roots),
        month=add((await participation.by_branch(unit, roots, month)).values()),
        held=await participation.held(unit, roots, month),
        weeks=await _weeks(unit, roots, first_week, day),
    )


async def _weeks(
    unit: Reading, roots: tuple[OrganisationId, ...], first: date, last: date
) -> tuple[tuple[date, Share], ...]:
    days = await participation.by_date(unit, roots, Period(since=first, until=last))
    weeks = by_week(("all", day, counted) for day, counted in days).get("all", {})
    return tuple(
        (week, weeks.get(week, share({}))) for week in (first + timedelta(weeks=place) for place in range(WEEKS_SHOWN))
    )
