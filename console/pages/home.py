"""Today: what waits for the person who looks, what is coming, this month in words, and what a branch needs to live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from msgspec import Struct, field

from console.access import Here, here, requires
from console.addresses import link
from console.desk import ask, desk, now
from console.needs import Need, need, of_ballots, of_papers, of_selections
from console.wording import reader, t, today
from content.burden import Caps, is_near
from content.home import (
    AHEAD,
    WHO,
    BallotStanding,
    Beginning,
    Facts,
    SelectionStanding,
    backup_is_old,
    checklist,
    elections_due,
    same_days_before,
)
from content.identifiers import OccurrenceId, OrganisationId, PollId, SurveyId, UserId
from content.model_members import Stage
from content.occurrences import State as OccurrenceState
from content.organisations import Kind, Organisation, Right
from content.paper_elections import PaperElection
from content.paper_elections import State as PaperState
from content.participation import Share, add, by_week, monday, share
from content.safe_mode import Reason
from content.views import Account
from content.year import to_suggest
from storage import (
    burden,
    cadence,
    complaints,
    corrections,
    dues_notes,
    duties,
    heartbeats,
    help_cases,
    home,
    outbox,
    outbox_items,
    participation,
    pledge_questions,
    pledges,
    quiet,
    sanctions,
    schedules,
    terms,
    unheard,
    upkeep,
    workdays,
)
from storage.heartbeats import life, moment
from storage.participation import Period
from storage.unit import Reading

pages = Blueprint("home", __name__)

MISSED_SINCE = timedelta(days=30)
WEEKS_SHOWN = 8
MOST_COMING = 12
MOST_METERED = 40
"""Of so many rooms at most the burden is metered on the page; of more one chooses a place first."""

MOST_PLANNED = 3
"""Of so many branches at most it is said what may be held; who plans for more looks at the year of each."""

LONE_FAILURES = 5
"""Up to how many things that were not sent stand one by one."""


class Coming(Struct, frozen=True, kw_only=True):
    """Something that is planned or ends within the next days; ``on`` is the day of what has no hour."""

    at: datetime
    title: str
    note: str
    address: str
    on: date | None = None


class Stand(Struct, frozen=True, kw_only=True):
    """How the month so far went."""

    held: int
    share: Share


class Strain(Struct, frozen=True, kw_only=True):
    """What the rooms were asked this month: of how many rooms, the sum of posts, and the most of any of them.

    ``near`` is how many of them come near to their cap; ``caps`` are those of the only room, where it is one.
    """

    rooms: int
    posts: int
    most: int
    minutes: int
    near: int
    caps: Caps | None


class Waiting(Struct, frozen=True, kw_only=True):
    """What waits by the person's rights, in numbers."""

    proposals: int
    erasures: int
    corrections: int
    help_cases: int
    pledges_past: int
    pledge_questions: int
    dues_unhandled: int
    appeals: int
    complaints: int
    buried: int
    rooms_lost: int
    rooms_faulty: int
    without_room: int
    unbound: int
    above_caps: int
    elections: tuple[tuple[str, date], ...]
    workdays_missing: int | None
    to_hold: int
    """How many forms of organisation life may be held, where the person plans for few branches."""


class Today(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    facts: Facts
    waiting: Waiting
    failed: tuple[outbox_items.Item, ...]
    missed: tuple[schedules.Entry, ...]
    open: tuple[tuple[participation.OccurrenceLine, Share], ...]
    planned: tuple[schedules.Entry, ...]
    heard_at: dict[OccurrenceId, datetime]
    """When what is planned into quiet hours goes out."""
    ballots: tuple[BallotStanding, ...]
    papers: tuple[PaperElection, ...]
    selections: tuple[SelectionStanding, ...]
    polls: tuple[tuple[PollId, str, datetime], ...]
    surveys: tuple[tuple[SurveyId, str, datetime], ...]
    signs: dict[str, heartbeats.Sign]
    month: Stand
    before: Stand
    meter: Strain | None
    weeks: tuple[tuple[date, Share], ...]


class Asker(Struct, frozen=True, kw_only=True):
    """Who looks: where, and where they have which right."""

    user: UserId
    roots: tuple[OrganisationId, ...]
    held: dict[Right, tuple[OrganisationId, ...]] = field(default_factory=dict)
    whole: bool = False
    """Whether they may tend the outbox of the whole tree."""
    branches: tuple[Organisation, ...] = ()
    """The branches of which this page speaks, where they are few enough to be metered on it."""
    plans: tuple[Organisation, ...] = ()
    """The branches for which they plan, where they are few."""
    encrypts: bool = True


@pages.get("/")
@requires(Right.READ)
def show() -> str:
    """Show the page."""
    at, day, asker = now(), today(), _asker(here())
    known = ask(lambda unit: _today(unit, asker, at, day))
    beats = {role: (sign.state, sign.at) for role, sign in known.signs.items()}
    bot, clock = (life(role, beats, now=at) for role in ("bot", "clock"))
    rights = frozenset(right for right, roots in asker.held.items() if roots)
    return render_template(
        "home/show.html",
        known=known,
        needs=[
            *_needs(known, here(), at),
            *of_ballots(known.ballots, asker.user, rights),
            *of_papers(known.papers, asker.user, here().rights_at, day),
            *of_selections(known.selections, asker.user, here().rights_at, at),
        ],
        coming=sorted(_coming(known, at), key=lambda one: (one.at, one.address))[:MOST_COMING],
        steps=[
            (step, done, _where(step, known.facts) if WHO[step] in rights else "")
            for step, done in checklist(known.facts, rights)
        ],
        bot=bot,
        clock=clock,
        beats=beats,
        today=day,
        before=same_days_before(day),
        running=monday(day) if day.weekday() < 6 else None,
        reasons=frozenset(Reason),
    )


def _asker(at: Here) -> Asker:
    held = {right: at.roots_for(right) for right in Right}
    tops = {node.id for node in at.nodes if node.parent is None}
    whole = bool(tops & set(held[Right.MANAGE_OUTBOX]))
    branches = tuple(node for node in at.within(Right.READ) if node.kind is Kind.BRANCH and node.closed is None)
    plans = tuple(node for node in at.within(Right.SCHEDULE) if node.kind is Kind.BRANCH and node.closed is None)
    return Asker(
        user=at.user,
        roots=at.roots,
        held=held,
        whole=whole,
        branches=branches if len(branches) <= MOST_METERED else (),
        plans=plans if len(plans) <= MOST_PLANNED else (),
        encrypts=desk().settings.encrypted,
    )


_NARROWED: dict[str, dict[str, object]] = {"unbound": {"account": Account.UNBOUND.value}}
"""Of a page with a filter, the part of it that is meant."""


def _needs(known: Today, at: Here, present: datetime) -> Iterator[Need]:
    """Yield what waits for the person beyond single messages and lessons, the most pressing first."""
    waiting, signs = known.waiting, known.signs
    if at.may(Right.OPERATE):
        failed = heartbeats.backup_failed(signs)
        if failed:
            yield need("backup_failed", "health.show", {"at": failed})
        elif backup_is_old(moment(signs, "bot", "backup_at"), now=present):
            yield need("backup_old", "health.show", {"at": moment(signs, "bot", "backup_at") or present})
    if waiting.workdays_missing:
        year = waiting.workdays_missing
        yield need("workdays_missing", "workdays.show", {"year": year}, address={"year": year})
    near = known.meter.near if known.meter is not None and at.may(Right.SCHEDULE) else 0
    for key, endpoint, number in (
        ("rooms_lost", "rooms.show", waiting.rooms_lost),
        ("rooms_faulty", "rooms.show", waiting.rooms_faulty),
        ("burden_near", "burden.show", near),
        ("above_caps", "missed.show", waiting.above_caps),
        ("without_room", "rooms.show", waiting.without_room if known.facts.rooms else 0),
        ("proposals", "duties.show", waiting.proposals),
        ("erasures", "members.show", waiting.erasures),
        ("corrections", "corrections.show", waiting.corrections),
        ("help_cases", "help_cases.show", waiting.help_cases),
        ("pledge_questions", "pledges.show", waiting.pledge_questions),
        ("pledges_past", "pledges.show", waiting.pledges_past),
        ("dues_unhandled", "duties.show", waiting.dues_unhandled),
        ("appeals", "cases.show", waiting.appeals),
        ("complaints", "complaints.show", waiting.complaints),
        ("buried", "unheard.show", waiting.buried),
        ("unbound", "members.show", waiting.unbound if known.facts.bound else 0),
        ("cadence", "year.show", waiting.to_hold),
    ):
        if number:
            yield need(key, endpoint, {"n": number}, address=_NARROWED.get(key))
    for name, end in waiting.elections:
        yield need("election", "structure.show", {"name": name, "day": end.isoformat()})


def _coming(known: Today, at: datetime) -> Iterator[Coming]:
    for entry in known.planned:
        yield Coming(
            at=entry.occurrence.begins_at or known.heard_at.get(entry.occurrence.id, entry.occurrence.due_at),
            title=entry.title,
            note=entry.audience_name,
            address=link("checkins.show_one", id=entry.occurrence.id),
        )
    for ballot in known.ballots:
        if at <= ballot.closes_at <= at + AHEAD:
            yield Coming(
                at=ballot.closes_at,
                title=ballot.title,
                note=t("home.ballot_ends"),
                address=link("ballots.show_one", id=ballot.id),
            )
    for id, question, end in known.polls:  # noqa: A001
        yield Coming(at=end, title=question, note=t("home.poll_ends"), address=link("polls.show_one", id=id))
    for survey, title, end in known.surveys:
        yield Coming(at=end, title=title, note=t("home.survey_ends"), address=link("surveys.show_one", id=survey))
    for paper in known.papers:
        if paper.state is PaperState.FIXED and at.date() <= paper.held_on <= (at + AHEAD).date():
            where = link("elections.show_one", id=paper.id)
            yield _on(paper.held_on, title=paper.title, note=t("home.paper_is_held"), address=where)
    for standing in known.selections:
        one, where = standing.selection, link("model_members.show_one", id=standing.selection.id)
        if one.stage is Stage.CALLED and at <= one.nominate_until <= at + AHEAD:
            yield Coming(at=one.nominate_until, title=one.title, note=t("home.nominations_end"), address=where)
        elif one.stage is Stage.PUBLIC and one.ends_on and at.date() <= one.ends_on <= (at + AHEAD).date():
            yield _on(one.ends_on, title=one.title, note=t("home.publicity_ends"), address=where)


def _on(day: date, *, title: str, note: str, address: str) -> Coming:
    at = datetime.combine(day, time(), ZoneInfo(reader().timezone))
    return Coming(at=at, on=day, title=title, note=note, address=address)


def _where(step: Beginning, facts: Facts) -> str:
    """Return the page on which a step is taken; the machine's operator starts the bot elsewhere."""
    return {
        Beginning.BOT: link("health.show"),
        Beginning.ROSTER: link("imports.take_sheet"),
        Beginning.ROOM: link("rooms.show"),
        Beginning.ACCOUNTS: link("members.show"),
        Beginning.LESSON: link("schedules.plan") if facts.written else link("lessons.show"),
        Beginning.SECOND: link("duties.show"),
        Beginning.HELD: link("calendar.show"),
    }[step]


async def _today(unit: Reading, asker: Asker, at: datetime, day: date) -> Today:
    roots, private = asker.roots, asker.held[Right.READ_MEMBERS]
    first_week = monday(day) - timedelta(weeks=WEEKS_SHOWN - 1)
    month = Period(since=day.replace(day=1), until=day)
    since, until = same_days_before(day)
    before = Period(since=since, until=until)
    # The weeks and both months are added up from the same days, which are read once.
    days = await participation.by_date(unit, roots, Period(since=min(first_week, since), until=day))
    fortnight = Period(since=day - timedelta(days=14))
    still_open = await participation.by_occurrence(
        unit, roots, fortnight, states=[OccurrenceState.OPEN], limit=40, apart=True
    )
    facts, planned = await home.facts(unit, roots), await _to_come(unit, roots, at)
    return Today(
        facts=facts,
        waiting=await _waiting(unit, asker, facts, day),
        failed=await outbox_items.items(
            unit, roots, private=private, states=[outbox.State.FAILED, outbox.State.EXPIRED], limit=LONE_FAILURES
        ),
        missed=await schedules.calendar(
            unit,
            roots,
            since=at - MISSED_SINCE,
            states=[OccurrenceState.MISSED],
            newest_first=True,
            limit=LONE_FAILURES,
        ),
        open=tuple((line, share(line.numbers)) for line in still_open if line.due_at <= at),
        planned=planned,
        heard_at=await quiet.waiting(unit, [entry.occurrence for entry in planned]),
        ballots=await home.ballots_under_way(unit, roots),
        papers=await home.elections_under_way(unit, roots),
        selections=await home.selections_under_way(unit, roots, asker.user),
        polls=await home.polls_ending(unit, roots, until=at + AHEAD),
        surveys=await home.surveys_ending(unit, roots, until=at + AHEAD),
        signs=await heartbeats.signs(unit),
        month=await _stand(unit, roots, month, days),
        before=await _stand(unit, roots, before, days),
        meter=await _strain(unit, asker.branches, day),
        weeks=_weeks(days, first_week),
    )


async def _to_come(unit: Reading, roots: tuple[OrganisationId, ...], at: datetime) -> tuple[schedules.Entry, ...]:
    """Return what is planned, and what people were told of and has not begun, by when it is held."""
    since, until = at - timedelta(hours=1), at + AHEAD
    planned = await schedules.calendar(
        unit, roots, since=since, until=until, states=[OccurrenceState.PLANNED], limit=MOST_COMING
    )
    told = await schedules.calendar(unit, roots, since=at, until=until, states=[OccurrenceState.OPEN])
    return (*planned, *(one for one in told if one.occurrence.is_ahead(at)))


async def _waiting(unit: Reading, asker: Asker, facts: Facts, day: date) -> Waiting:
    held = asker.held
    operating, housing, planning = held[Right.MANAGE_OUTBOX], held[Right.MANAGE_ROOMS], held[Right.SCHEDULE]
    operates = asker.whole and held[Right.OPERATE]
    running = await terms.at_or_below(unit, held[Right.ARRANGE]) if held[Right.ARRANGE] else {}
    names = {node.id: node.name for node in here().nodes}
    ends = ((names.get(node, ""), term.remind_on, term.ends_on) for node, term in running.items())
    return Waiting(
        proposals=sum(yours for _, yours in await duties.proposals(unit, held[Right.GRANT_DUTIES], asker.user)),
        erasures=await home.erasures_waiting(unit, held[Right.IMPORT_ROSTER], asker.user),
        corrections=await corrections.number_waiting(unit, held[Right.RECORD]),
        help_cases=await help_cases.number_waiting(unit, held[Right.HANDLE_HELP], asker.user)
        if held[Right.HANDLE_HELP]
        else 0,
        pledges_past=await pledges.number_overdue(unit, held[Right.RECORD], day) if held[Right.RECORD] else 0,
        pledge_questions=await pledge_questions.number_late(unit, held[Right.RECORD]) if held[Right.RECORD] else 0,
        dues_unhandled=await dues_notes.number_unhandled(unit, held[Right.GRANT_DUTIES])
        if held[Right.GRANT_DUTIES]
        else 0,
        appeals=await sanctions.number_of_appeals(unit, held[Right.MODERATE]) if held[Right.MODERATE] else 0,
        complaints=await complaints.number_open(unit, held[Right.MODERATE], reader=asker.user)
        if held[Right.MODERATE]
        else 0,
        buried=await unheard.number_waiting(unit, operating, everything=asker.whole),
        rooms_lost=await home.rooms_lost(unit, housing) if housing else 0,
        rooms_faulty=await upkeep.faulty(unit, housing, encrypts=asker.encrypts) if housing else 0,
        without_room=await home.branches_without_room(unit, housing) if housing else 0,
        unbound=facts.members - facts.bound if held[Right.IMPORT_ROSTER] else 0,
        above_caps=await schedules.number_above_caps(unit, planning) if planning else 0,
        elections=elections_due(ends, day)[:LONE_FAILURES],
        workdays_missing=(await workdays.calendar(unit)).missing(day) if operates else None,
        to_hold=await _to_hold(unit, asker.plans, day),
    )


async def _to_hold(unit: Reading, branches: tuple[Organisation, ...], day: date) -> int:
    """Count what these branches may still hold in time, each form once for each of them."""
    found = await cadence.years(unit, branches, year=day.year, today=day)
    return sum(len({one.norm.form for one in to_suggest(seen.columns, day)}) for seen in found)


async def _stand(
    unit: Reading, roots: tuple[OrganisationId, ...], period: Period, days: Iterable[tuple[date, Share]]
) -> Stand:
    return Stand(
        held=await participation.held(unit, roots, period),
        share=add(counted for day, counted in days if day in period),
    )


async def _strain(unit: Reading, branches: tuple[Organisation, ...], day: date) -> Strain | None:
    """Add up what the rooms of these branches were asked in the month of a day."""
    first = day.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    meters = await burden.meters(unit, branches, since=first, until=last)
    if not meters:
        return None
    caps = await burden.caps(unit, meters)
    return Strain(
        rooms=len(meters),
        posts=sum(one.posts for one in meters.values()),
        most=max(one.posts for one in meters.values()),
        minutes=max(one.minutes for one in meters.values()),
        near=sum(is_near(one, caps[branch]) for branch, one in meters.items()),
        caps=next(iter(caps.values())) if len(meters) == 1 else None,
    )


def _weeks(days: Iterable[tuple[date, Share]], first: date) -> tuple[tuple[date, Share], ...]:
    weeks = by_week(("all", day, counted) for day, counted in days).get("all", {})
    return tuple(
        (week, weeks.get(week, share({}))) for week in (first + timedelta(weeks=place) for place in range(WEEKS_SHOWN))
    )
