"""Today: what waits for the person who looks, what is coming, this month in words, and what a branch needs to live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from flask import Blueprint, render_template
from msgspec import Struct, field

from console.access import Here, here, requires
from console.addresses import link
from console.desk import ask, desk, now
from console.wording import t, today
from content.burden import Caps, is_near
from content.decision import Parameter
from content.home import (
    AHEAD,
    WHO,
    BallotStanding,
    Beginning,
    Facts,
    backup_is_old,
    ballot_matter,
    checklist,
    elections_due,
    same_days_before,
)
from content.identifiers import OrganisationId, PollId, UserId
from content.occurrences import State as OccurrenceState
from content.organisations import Kind, Organisation, Right
from content.participation import Share, by_week, monday, share
from content.safe_mode import Reason
from content.views import Account
from storage import (
    burden,
    corrections,
    duties,
    heartbeats,
    home,
    outbox,
    outbox_items,
    participation,
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

LONE_FAILURES = 5
"""Up to how many things that were not sent stand one by one."""


class Need(Struct, frozen=True, kw_only=True):
    """One thing that waits: what it is, a word of help, and the one place where it is done."""

    said: str
    address: str
    action: str
    help: str = ""


class Coming(Struct, frozen=True, kw_only=True):
    """Something that is planned or ends within the next days."""

    at: datetime
    title: str
    note: str
    address: str


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
    corrections: int
    buried: int
    rooms_lost: int
    rooms_faulty: int
    without_room: int
    unbound: int
    elections: tuple[tuple[str, date], ...]
    workdays_missing: int | None


class Today(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    facts: Facts
    waiting: Waiting
    failed: tuple[outbox_items.Item, ...]
    missed: tuple[schedules.Entry, ...]
    open: tuple[tuple[participation.OccurrenceLine, Share], ...]
    planned: tuple[schedules.Entry, ...]
    ballots: tuple[BallotStanding, ...]
    polls: tuple[tuple[PollId, str, datetime], ...]
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
        needs=[*_needs(known, here(), at), *_ballot_needs(known, asker.user, rights)],
        coming=sorted(_coming(known, at), key=lambda one: (one.at, one.address))[:MOST_COMING],
        steps=[
            (step, done, _where(step) if WHO[step] in rights else "") for step, done in checklist(known.facts, rights)
        ],
        bot=bot,
        clock=clock,
        beats=beats,
        today=day,
        before=same_days_before(day),
        reasons=frozenset(Reason),
    )


def _asker(at: Here) -> Asker:
    held = {right: at.roots_for(right) for right in Right}
    tops = {node.id for node in at.nodes if node.parent is None}
    whole = bool(tops & set(held[Right.MANAGE_OUTBOX]))
    branches = tuple(node for node in at.within(Right.READ) if node.kind is Kind.BRANCH and node.closed is None)
    return Asker(
        user=at.user,
        roots=at.roots,
        held=held,
        whole=whole,
        branches=branches if len(branches) <= MOST_METERED else (),
        encrypts=desk().settings.encrypted,
    )


def _needs(known: Today, at: Here, present: datetime) -> Iterator[Need]:
    """Yield what waits for the person beyond single messages and lessons, the most pressing first."""
    waiting, signs = known.waiting, known.signs
    if at.may(Right.OPERATE):
        failed = heartbeats.backup_failed(signs)
        if failed:
            yield _need("backup_failed", "health.show", {"at": failed}, helped=True)
        elif backup_is_old(moment(signs, "bot", "backup_at"), now=present):
            yield _need("backup_old", "health.show", {"at": moment(signs, "bot", "backup_at") or present}, helped=True)
    if waiting.workdays_missing:
        year = waiting.workdays_missing
        yield _need("workdays_missing", "workdays.show", {"year": year}, helped=True, address={"year": year})
    if waiting.rooms_lost:
        yield _need("rooms_lost", "rooms.show", {"n": waiting.rooms_lost}, helped=True)
    if waiting.rooms_faulty:
        yield _need("rooms_faulty", "rooms.show", {"n": waiting.rooms_faulty}, helped=True)
    if known.meter is not None and known.meter.near and at.may(Right.SCHEDULE):
        yield _need("burden_near", "burden.show", {"n": known.meter.near}, helped=True)
    if waiting.without_room and known.facts.rooms:
        yield _need("without_room", "rooms.show", {"n": waiting.without_room}, helped=True)
    if waiting.proposals:
        yield _need("proposals", "duties.show", {"n": waiting.proposals})
    if waiting.corrections:
        yield _need("corrections", "corrections.show", {"n": waiting.corrections}, helped=True)
    if waiting.buried:
        yield _need("buried", "unheard.show", {"n": waiting.buried}, helped=True)
    if waiting.unbound and known.facts.bound:
        yield _need(
            "unbound", "members.show", {"n": waiting.unbound}, helped=True, address={"account": Account.UNBOUND.value}
        )
    for name, end in waiting.elections:
        yield _need("election", "structure.show", {"name": name, "day": end.isoformat()})


def _need(
    key: str,
    endpoint: str,
    values: dict[str, Parameter],
    *,
    helped: bool = False,
    address: dict[str, object] | None = None,
) -> Need:
    return Need(
        said=t(f"home.{key}", **values),
        help=t(f"home.help_{key}") if helped else "",
        address=link(endpoint, **(address or {})),
        action=t(f"home.do_{key}"),
    )


def _ballot_needs(known: Today, user: UserId, rights: frozenset[Right]) -> Iterator[Need]:
    for ballot in known.ballots:
        matter = ballot_matter(ballot, user, rights)
        if matter is not None:
            yield Need(
                said=t(f"home.ballot_{matter}", title=ballot.title, n=ballot.unproven),
                address=link("ballots.show_one", id=ballot.id),
                action=t(f"home.do_ballot_{matter}"),
            )


def _coming(known: Today, at: datetime) -> Iterator[Coming]:
    for entry in known.planned:
        yield Coming(
            at=entry.occurrence.due_at,
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


def _where(step: Beginning) -> str:
    """Return the page on which a step is taken; the machine's operator starts the bot elsewhere."""
    return {
        Beginning.BOT: link("health.show"),
        Beginning.ROSTER: link("imports.take_sheet"),
        Beginning.ROOM: link("rooms.show"),
        Beginning.ACCOUNTS: link("members.show"),
        Beginning.LESSON: link("schedules.plan"),
        Beginning.SECOND: link("duties.show"),
        Beginning.HELD: link("calendar.show"),
    }[step]


async def _today(unit: Reading, asker: Asker, at: datetime, day: date) -> Today:
    roots, private = asker.roots, asker.held[Right.READ_MEMBERS]
    first_week = monday(day) - timedelta(weeks=WEEKS_SHOWN - 1)
    since, until = same_days_before(day)
    fortnight = Period(since=day - timedelta(days=14))
    still_open = await participation.by_occurrence(unit, roots, fortnight, states=[OccurrenceState.OPEN], limit=40)
    facts = await home.facts(unit, roots)
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
        open=tuple((line, share(line.numbers)) for line in still_open),
        planned=await schedules.calendar(
            unit,
            roots,
            since=at - timedelta(hours=1),
            until=at + AHEAD,
            states=[OccurrenceState.PLANNED],
            limit=MOST_COMING,
        ),
        ballots=await home.ballots_under_way(unit, roots),
        polls=await home.polls_ending(unit, roots, until=at + AHEAD),
        signs=await heartbeats.signs(unit),
        month=await _stand(unit, roots, Period(since=day.replace(day=1), until=day)),
        before=await _stand(unit, roots, Period(since=since, until=until)),
        meter=await _strain(unit, asker.branches, day),
        weeks=await _weeks(unit, roots, first_week, day),
    )


async def _waiting(unit: Reading, asker: Asker, facts: Facts, day: date) -> Waiting:
    held = asker.held
    operating, housing = held[Right.MANAGE_OUTBOX], held[Right.MANAGE_ROOMS]
    operates = asker.whole and held[Right.OPERATE]
    running = await terms.at_or_below(unit, held[Right.ARRANGE]) if held[Right.ARRANGE] else {}
    names = {node.id: node.name for node in here().nodes}
    ends = ((names.get(node, ""), term.remind_on, term.ends_on) for node, term in running.items())
    return Waiting(
        proposals=sum(yours for _, yours in await duties.proposals(unit, held[Right.GRANT_DUTIES], asker.user)),
        corrections=await corrections.number_waiting(unit, held[Right.RECORD]),
        buried=await unheard.number_waiting(unit, operating, everything=asker.whole),
        rooms_lost=await home.rooms_lost(unit, housing) if housing else 0,
        rooms_faulty=await upkeep.faulty(unit, housing, encrypts=asker.encrypts) if housing else 0,
        without_room=await home.branches_without_room(unit, housing) if housing else 0,
        unbound=facts.members - facts.bound if held[Right.IMPORT_ROSTER] else 0,
        elections=elections_due(ends, day)[:LONE_FAILURES],
        workdays_missing=(await workdays.calendar(unit)).missing(day) if operates else None,
    )


async def _stand(unit: Reading, roots: tuple[OrganisationId, ...], period: Period) -> Stand:
    return Stand(
        held=await participation.held(unit, roots, period),
        share=await participation.total(unit, roots, period),
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


async def _weeks(
    unit: Reading, roots: tuple[OrganisationId, ...], first: date, last: date
) -> tuple[tuple[date, Share], ...]:
    days = await participation.by_date(unit, roots, Period(since=first, until=last))
    weeks = by_week(("all", day, counted) for day, counted in days).get("all", {})
    return tuple(
        (week, weeks.get(week, share({}))) for week in (first + timedelta(weeks=place) for place in range(WEEKS_SHOWN))
    )
