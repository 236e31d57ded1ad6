"""Participation: organisation, branch, member, occurrence; every number with its base, and the same in every export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import Here, here, requires
from console.addresses import link
from console.desk import ask, now
from console.exporting import may_wait, progress
from console.fresh import fresh
from console.tables import Table, hand_out
from console.tree import depths, parents_of
from console.wording import day as day_text
from console.wording import fully, local, stand, t, today
from console.written_sheets import Written
from content.checkins import State
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.members import Member
from content.occurrences import State as Stage
from content.organisations import Kind, Organisation, Right
from content.participation import Share, add, by_hour, by_week, monday, share
from storage import members, organisations, participation
from storage.participation import Line, MemberLine, OccurrenceLine, Period
from storage.unit import Reading

pages = Blueprint("participation", __name__)

WEEKS_SHOWN = 8
MOST_WEEKS = 53
MOST_OCCURRENCES = 60
MOST_LINES = 100
MOST_TIMES = 2_000
PLACES_SHOWN = 30
NAMES_SHOWN = 50
MOST_NAMES = 500
"""Of more members than this, one chooses a branch first."""

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
SHADES = 5


class Row(Struct, frozen=True, kw_only=True):
    """One organisation and its numbers; ``depth`` is how far below the first it stands."""

    node: Organisation
    depth: int
    share: Share


class Overview(Struct, frozen=True, kw_only=True):
    """The numbers of a period, for the places asked for; ``more`` is the last place shown where others follow."""

    total: Share
    rows: tuple[Row, ...]
    more: OrganisationId | None
    weeks: tuple[date, ...]
    cells: dict[OrganisationId, dict[date, Share]]
    occurrences: tuple[OccurrenceLine, ...]


@pages.get("/participation")
@requires(Right.READ)
def show() -> str:
    """Show the organisations with their shares, the weeks of each branch, and the occurrences."""
    period = wanted_period()
    after = request.args.get("after", "")[:32]
    seen = _overview(period, after=OrganisationId(after), most=PLACES_SHOWN)
    return render_template(
        "participation/show.html",
        seen=seen,
        earlier=_earlier(period),
        first_page=not after,
        most=MOST_OCCURRENCES,
        period=period,
        by_place=place_table(seen),
        shares={line.id: share(line.numbers) for line in seen.occurrences},
        heat=heat,
        names=here().may(Right.READ_MEMBERS),
        path=_path(here()),
    )


@pages.get("/participation/times")
@requires(Right.READ)
def show_times() -> str:
    """Show on which weekdays and at which hours what was held, and how many took part."""
    period = wanted_period()
    table, shares = _times(period)
    return render_template(
        "participation/times.html", table=table, shares=shares, heat=heat, period=period, path=_path(here())
    )


@pages.get("/participation/export/times.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
def export_times(format: str) -> Response:  # noqa: A002
    """Hand out the weekdays and hours as the screen shows them."""
    return _export(_times(wanted_period())[0], format, "participation-times")


def _times(period: Period) -> tuple[Table, list[list[Share]]]:
    """Return a row for each hour at which something was held, from Monday to Sunday."""
    roots, sent = here().roots, [Stage.OPEN, Stage.CLOSED]
    found = ask(
        lambda unit: participation.by_occurrence(unit, roots, period, states=sent, limit=MOST_TIMES, apart=True)
    )
    cells = by_hour((local(line.due_at), share(line.numbers)) for line in found)
    nothing = share({})
    hours = sorted({hour for _, hour in cells})
    shares = [[cells.get((weekday, hour), nothing) for weekday in range(7)] for hour in hours]
    table = Table(
        title=t("participation.times_title"),
        header=(t("participation.hour"), *(t(f"weekday.{weekday}") for weekday in range(7))),
        rows=tuple((f"{hour:02}:00", *map(_with_base, row)) for hour, row in zip(hours, shares, strict=True)),
    )
    return table, shares


@pages.get("/participation/members")
@requires(Right.READ_MEMBERS)
def show_members() -> str:
    """Show the members by name, each with their own numbers."""
    period, roots = wanted_period(), here().roots
    number, _ = ask(lambda unit: members.count(unit, roots))
    if number > MOST_NAMES:
        branches = [node for node in here().within(Right.READ_MEMBERS) if node.kind is Kind.BRANCH]
        return render_template("participation/choose.html", branches=branches, number=number, period=period)
    after = (request.args.get("after", "")[:120], request.args.get("after_id", "")[:32])
    found = ask(
        lambda unit: participation.by_member(
            unit, roots, period, after=after if after[1] else None, limit=NAMES_SHOWN + 1
        )
    )
    lines = found[:NAMES_SHOWN]
    return render_template(
        "participation/members.html",
        lines=lines,
        more=lines[-1] if len(found) > len(lines) else None,
        first_page=not after[1],
        shares={line.id: share(line.numbers) for line in lines},
        branches={node.id: node.name for node in here().nodes},
        period=period,
        table=member_table(lines, here().nodes),
        path=_path(here()),
    )


@pages.get("/participation/members/<id>")
@requires(Right.READ_MEMBERS)
def show_member(id: str) -> str:  # noqa: A002
    """Show what one member answered, occurrence by occurrence."""
    period, roots = wanted_period(), here().roots
    found = ask(lambda unit: _member(unit, MemberId(id), roots, period))
    if found is None:
        abort(404)
    member, numbers, lines = found
    return render_template(
        "participation/member.html",
        member=member,
        lines=lines,
        share=share(numbers),
        period=period,
        id=id,
        most=MOST_LINES if len(lines) < numbers.total() else None,
    )


async def _member(
    unit: Reading,
    id: MemberId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    period: Period,
) -> tuple[Member, Counter[State], tuple[Line, ...]] | None:
    member = await members.member(unit, id)
    if member is None or not await organisations.stands_below(unit, member.organisation, roots):
        return None
    lines = await participation.lines(unit, roots, period, member=id, newest=MOST_LINES)
    return member, await participation.numbers_of(unit, id, period, roots), lines[::-1]


@pages.get("/participation/export/places.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
def export_places(format: str) -> Response:  # noqa: A002
    """Hand out the organisations' numbers as the screen shows them."""
    return _export(place_table(_overview(wanted_period())), format, "participation")


@pages.get("/participation/export/weeks.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
def export_weeks(format: str) -> Response:  # noqa: A002
    """Hand out the branches' weeks as the screen shows them."""
    return _export(week_table(_overview(wanted_period())), format, "participation-weeks")


@pages.get("/participation/export/occurrences.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ)
@may_wait("participation-occurrences")
def export_occurrences(format: str) -> Response:  # noqa: A002
    """Hand out every lesson and event of the period, of which the screen shows the newest."""
    period, roots = wanted_period(), here().roots
    found = ask(lambda unit: participation.by_occurrence(unit, roots, period))
    table = Table(
        title=t("participation.by_occurrence"),
        header=(t("lessons.title"), t("checkins.due"), *_number_header(), t("checkins.state")),
        rows=tuple(
            (line.title, _day_and_time(line), *_numbers(share(line.numbers)), stand(line.state, line.due_at))
            for line in found
        ),
    )
    return _export(table, format, "participation-occurrences")


def _day_and_time(line: OccurrenceLine) -> str:
    return f"{local(line.due_at):%Y-%m-%d %H:%M}"


@pages.get("/participation/export/members.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
@may_wait("participation-members")
def export_members(format: str) -> Response:  # noqa: A002
    """Hand out the members' numbers as the screen shows them."""
    period, roots = wanted_period(), here().roots
    number, _ = ask(lambda unit: members.count(unit, roots))

    def table() -> Table:
        return member_table(ask(lambda unit: participation.by_member(unit, roots, period)), here().nodes)

    return _export(table, format, "participation-members", rows=number)


@pages.get("/participation/export/rows.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
@may_wait("participation-rows")
def export_rows(format: str) -> Response:  # noqa: A002
    """Hand out every place, one row for each member and occurrence."""
    period, roots = wanted_period(), here().roots
    found = ask(lambda unit: participation.by_occurrence(unit, roots, period, apart=True))
    number = sum(line.numbers.total() for line in found)

    def table() -> Table:
        lines: list[Line] = []
        # One occurrence at a time: the loop must stay free for the bot while years of rows are read.
        for occurrence in sorted(found, key=lambda line: (line.due_at, line.id)):
            lines += _lines_of(roots, occurrence.id)
            progress(len(lines), number)
        return row_table(lines)

    return _export(table, format, "participation-rows", rows=number)


def _lines_of(roots: tuple[OrganisationId, ...], occurrence: OccurrenceId) -> tuple[Line, ...]:
    return ask(lambda unit: participation.lines(unit, roots, occurrence=occurrence))


def wanted_period() -> Period:
    """Read the period from the address; without one it is the last eight weeks."""
    since, until = _date("since"), _date("until")
    if since is None and until is None:
        since, until = monday(today()) - timedelta(weeks=WEEKS_SHOWN - 1), today()
    return Period(since=since, until=until)


def _date(name: str) -> date | None:
    written = request.args.get(name, "").strip()
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        abort(400)
    if not FIRST_DAY <= day <= LAST_DAY:
        abort(400)
    return day


def _overview(period: Period, *, after: OrganisationId | None = None, most: int | None = None) -> Overview:
    """Add up the places that follow ``after``, at most so many; the total is of all of them."""
    at = here()
    known = ask(lambda unit: participation.by_branch(unit, at.roots, period))
    outline = tuple(node for node in at.within(Right.READ) if node.kind is not Kind.GROUP)
    sums, indents = _sums(outline, at.nodes, known), depths(outline)
    start = next((place for place, node in enumerate(outline, start=1) if node.id == after), 0)
    shown = outline[start : None if most is None else start + most]
    branches = tuple(node.id for node in shown if node.kind is Kind.BRANCH)
    weeks = ask(lambda unit: _weeks(unit, at.roots, period))
    recent = Period(since=max(filter(None, [period.since, weeks[0]])) if weeks else period.since, until=period.until)
    days, occurrences = ask(lambda unit: _read(unit, at.roots, branches, recent, period))
    by_branch = by_week(days)
    nothing = share({})
    return Overview(
        total=add(known.values()),
        rows=tuple(Row(node=node, depth=indents[node.id], share=sums.get(node.id, nothing)) for node in shown),
        more=shown[-1].id if start + len(shown) < len(outline) else None,
        weeks=weeks,
        cells={branch: {week: by_branch.get(branch, {}).get(week, nothing) for week in weeks} for branch in branches},
        occurrences=occurrences,
    )


def _sums(
    outline: tuple[Organisation, ...], nodes: tuple[Organisation, ...], known: Mapping[OrganisationId, Share]
) -> dict[OrganisationId, Share]:
    """Give each organisation of an outline what the branches at or below it add up to."""
    parents, shown = parents_of(nodes), {node.id for node in outline}
    below: dict[OrganisationId, list[Share]] = {}
    for branch, counted in known.items():
        place: OrganisationId | None = branch
        while place is not None:
            if place in shown:
                below.setdefault(place, []).append(counted)
            place = parents.get(place)
    return {place: add(found) for place, found in below.items()}


def _earlier(period: Period) -> tuple[Period, Share] | None:
    """Return the same number of days right before a period, for it is compared with nothing but its own past."""
    if period.since is None or period.until is None or period.until < period.since:
        return None
    last = period.since - timedelta(days=1)
    before = Period(since=last - (period.until - period.since), until=last)
    roots = here().roots
    counted = ask(lambda unit: participation.total(unit, roots, before))
    return None if counted.percent is None else (before, counted)


async def _read(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    branches: tuple[OrganisationId, ...],
    recent: Period,
    period: Period,
) -> tuple[tuple[tuple[OrganisationId, date, Share], ...], tuple[OccurrenceLine, ...]]:
    return (
        await participation.by_day(unit, branches, recent),
        await participation.by_occurrence(unit, roots, period, limit=MOST_OCCURRENCES),
    )


async def _weeks(unit: Reading, roots: tuple[OrganisationId, ...], period: Period) -> tuple[date, ...]:
    """Return the Mondays of the period, at most the last year's."""
    first_day, last_day = period.since, period.until
    if first_day is None or last_day is None:
        earliest, latest = await participation.ends(unit, roots, period)
        last_day = last_day or max(filter(None, [latest, today()]))
        first_day = first_day or min(filter(None, [earliest, monday(last_day)]))
    first, last = monday(first_day), monday(last_day)
    number = min((last - first).days // 7 + 1, MOST_WEEKS)
    return tuple(last - timedelta(weeks=place) for place in reversed(range(max(number, 0))))


def heat(weeks: Iterable[Share]) -> list[tuple[str, str]]:
    """Return the look and the words of a branch's weeks: there are too many for a template to find them out."""
    nothing = ("none", t("frame.none"))
    shades = ((one, shade(one)) for one in weeks)
    return [nothing if at is None else (f"shade-{at}", f"{one.took_part}/{one.asked}") for one, at in shades]


def shade(counted: Share) -> int | None:
    """Return one of five shades for a share, ``None`` where there is no data."""
    return None if counted.percent is None else min(SHADES - 1, counted.percent * SHADES // 100)


def place_table(seen: Overview) -> Table:
    """Return the numbers by organisation."""
    return Table(
        title=t("participation.title"),
        header=(t("participation.place"), *_number_header()),
        rows=tuple((row.node.name, *_numbers(row.share)) for row in seen.rows),
    )


def member_table(lines: tuple[MemberLine, ...], nodes: tuple[Organisation, ...]) -> Table:
    """Return the numbers by member, by name."""
    names = {node.id: node.name for node in nodes}
    return Table(
        title=t("participation.members_title"),
        header=(t("participation.name"), t("participation.branch"), *_number_header()),
        rows=tuple((line.name, names.get(line.branch, ""), *_numbers(share(line.numbers))) for line in lines),
    )


def week_table(seen: Overview) -> Table:
    """Return the weeks of each branch, each cell as share and base."""
    names = {row.node.id: row.node.name for row in seen.rows}
    return Table(
        title=t("participation.weeks_title"),
        header=(t("participation.branch"), *(week.isoformat() for week in seen.weeks)),
        rows=tuple(
            (names[branch], *(_with_base(cells[week]) for week in seen.weeks)) for branch, cells in seen.cells.items()
        ),
    )


def row_table(lines: Iterable[Line]) -> Table:
    """Return one row for each member and occurrence, in the columns that the command line writes too."""
    return Table(
        title=t("participation.rows_title"),
        header=("organisation", "name", "user_id", "lesson", "occurrence", "due_at", "state"),
        rows=tuple(
            (
                line.organisation,
                line.name,
                line.user_id,
                line.lesson,
                line.occurrence,
                line.due_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                line.state.value,
            )
            for line in lines
        ),
    )


def _number_header() -> tuple[str, ...]:
    names = ("took_part", "asked", "percent", "excused", "absent", "unanswered", "open")
    return tuple(t(f"participation.{name}") for name in names)


def _numbers(counted: Share) -> tuple[Written, ...]:
    if counted.percent is None:
        return (None,) * 7
    return (
        counted.took_part,
        counted.asked,
        f"{counted.percent}%",
        counted.excused,
        counted.absent,
        counted.unanswered,
        counted.waiting,
    )


def _with_base(counted: Share) -> str:
    return t("frame.none") if counted.percent is None else f"{counted.took_part}/{counted.asked}"


def _path(at: Here) -> list[Organisation]:
    """Return the way from the topmost organisation the person may see down to the chosen one."""
    path: list[Organisation] = []
    node = at.chosen
    while node is not None:
        path.insert(0, node)
        node = at.node(node.parent) if node.parent is not None else None
    return path


def _export(
    table: Table | Callable[[], Table],
    format: str,  # noqa: A002
    name: str,
    *,
    rows: int | None = None,
) -> Response:
    period = wanted_period()
    footer = t("participation.footer", at=fully(now()), period=_period_text(period))
    shows = "participation.show_members" if name.endswith("members") else "participation.show"
    back = link(shows, since=period.since, until=period.until)
    return hand_out(table, format, name, footer, back=back, rows=rows)


def _period_text(period: Period) -> str:
    return t("participation.from_to", since=day_text(period.since), until=day_text(period.until))
