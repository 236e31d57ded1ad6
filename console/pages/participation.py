"""Participation: organisation, branch, member, occurrence; every number with its base, and the same in every export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, abort, render_template, request

from console.access import Here, here, requires
from console.desk import ask, now
from console.sheets import Written, write_csv, write_xlsx
from console.tree import depths, in_order, is_below, parents_of
from console.wording import day as day_text
from console.wording import fully, t, today
from content.checkins import State
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.members import Member
from content.organisations import Kind, Organisation, Right
from content.participation import Share, by_week, monday, share
from storage import members, organisations, participation
from storage.participation import Line, MemberLine, OccurrenceLine, Period
from storage.unit import Reading

pages = Blueprint("participation", __name__)

WEEKS_SHOWN = 8
MOST_WEEKS = 53
MOST_OCCURRENCES = 200
MOST_NAMES = 500
"""More names than this are shown a branch at a time."""

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
SHADES = 5
_TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table shows, on the screen and in its export alike."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Written, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One organisation and its numbers; ``depth`` is how far below the first it stands."""

    node: Organisation
    depth: int
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the store knows of a period, before anything is added up."""

    days: tuple[tuple[OrganisationId, date, State, int], ...]
    nodes: tuple[Organisation, ...]
    occurrences: tuple[OccurrenceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The numbers of a period, for the places asked for."""

    total: Share
    rows: tuple[Row, ...]
    weeks: tuple[date, ...]
    cells: dict[OrganisationId, dict[date, Share]]
    occurrences: tuple[OccurrenceLine, ...]


@pages.get("/participation")
@requires(Right.READ)
def show() -> str:
    """Show the organisations with their shares, the weeks of each branch, and the occurrences."""
    period = wanted_period()
    seen = _overview(period)
    return render_template(
        "participation/show.html",
        seen=seen,
        period=period,
        by_place=place_table(seen),
        shares={line.id: share(line.numbers) for line in seen.occurrences},
        shade=shade,
        names=here().may(Right.READ_MEMBERS),
        path=_path(here()),
    )


@pages.get("/participation/members")
@requires(Right.READ_MEMBERS)
def show_members() -> str:
    """Show the members by name, each with their own numbers."""
    period, roots = wanted_period(), here().roots
    number, _ = ask(lambda unit: members.count(unit, roots))
    if number > MOST_NAMES:
        branches = [node for node in here().within(Right.READ_MEMBERS) if node.kind is Kind.BRANCH]
        return render_template("participation/choose.html", branches=branches, number=number, period=period)
    lines = ask(lambda unit: participation.by_member(unit, roots, period))
    return render_template(
        "participation/members.html",
        lines=lines,
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
    member, lines = found
    counted = share(Counter(line.state for line in lines))
    return render_template("participation/member.html", member=member, lines=lines, share=counted, period=period, id=id)


async def _member(
    unit: Reading,
    id: MemberId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    period: Period,
) -> tuple[Member, tuple[Line, ...]] | None:
    member = await members.member(unit, id)
    if member is None or member.organisation not in {node.id for node in await organisations.tree(unit, roots)}:
        return None
    return member, (await participation.lines(unit, roots, period, member=id))[::-1]


@pages.get("/participation/export/places.<any(xlsx,csv):format>")
@requires(Right.READ)
def export_places(format: str) -> Response:  # noqa: A002
    """Hand out the organisations' numbers as the screen shows them."""
    return _export(place_table(_overview(wanted_period())), format, "participation")


@pages.get("/participation/export/weeks.<any(xlsx,csv):format>")
@requires(Right.READ)
def export_weeks(format: str) -> Response:  # noqa: A002
    """Hand out the branches' weeks as the screen shows them."""
    return _export(week_table(_overview(wanted_period())), format, "participation-weeks")


@pages.get("/participation/export/members.<any(xlsx,csv):format>")
@requires(Right.READ_MEMBERS)
def export_members(format: str) -> Response:  # noqa: A002
    """Hand out the members' numbers as the screen shows them."""
    period, roots = wanted_period(), here().roots
    lines = ask(lambda unit: participation.by_member(unit, roots, period))
    return _export(member_table(lines, here().nodes), format, "participation-members")


@pages.get("/participation/export/rows.<any(xlsx,csv):format>")
@requires(Right.READ_MEMBERS)
def export_rows(format: str) -> Response:  # noqa: A002
    """Hand out every place, one row for each member and occurrence."""
    period, roots = wanted_period(), here().roots
    found = ask(lambda unit: participation.by_occurrence(unit, roots, period))
    lines: list[Line] = []
    # One occurrence at a time: the loop must stay free for the bot while years of rows are read.
    for occurrence in sorted(found, key=lambda line: (line.due_at, line.id)):
        lines += _lines_of(roots, occurrence.id)
    return _export(row_table(lines), format, "participation-rows")


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


def _overview(period: Period) -> Overview:
    """Add up on the page's own thread, so that the loop has only the questions to answer."""
    roots = here().roots
    found = ask(lambda unit: _read(unit, roots, period))
    numbers: dict[OrganisationId, Counter[State]] = {}
    for branch, _, state, number in found.days:
        numbers.setdefault(branch, Counter())[state] += number
    shown = in_order(node for node in found.nodes if node.kind is not Kind.GROUP)
    indents, parents = depths(shown), parents_of(shown)
    weeks, by_branch = _weeks(period, [day for _, day, _, _ in found.days]), by_week(found.days)
    return Overview(
        total=share(_sum(numbers.values())),
        rows=tuple(
            Row(
                node=node,
                depth=indents[node.id],
                share=share(_sum(some for branch, some in numbers.items() if is_below(parents, branch, [node.id]))),
            )
            for node in shown
        ),
        weeks=weeks,
        cells={
            node.id: {week: share(by_branch.get(node.id, {}).get(week, {})) for week in weeks}
            for node in shown
            if node.kind is Kind.BRANCH
        },
        occurrences=found.occurrences,
    )


async def _read(unit: Reading, roots: tuple[OrganisationId, ...], period: Period) -> Found:
    return Found(
        days=await participation.by_day(unit, roots, period),
        nodes=await organisations.tree(unit, roots),
        occurrences=await participation.by_occurrence(unit, roots, period, limit=MOST_OCCURRENCES),
    )


def _sum(counters: Iterable[Counter[State]]) -> Counter[State]:
    total: Counter[State] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _weeks(period: Period, days: list[date]) -> tuple[date, ...]:
    """Return the Mondays of the period, at most the last year's."""
    last = monday(period.until or max([*days, today()]))
    first = monday(period.since or min([*days, last]))
    number = min((last - first).days // 7 + 1, MOST_WEEKS)
    return tuple(last - timedelta(weeks=place) for place in reversed(range(max(number, 0))))


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
    return tuple(
        t(f"participation.{name}") for name in ("took_part", "asked", "percent", "excused", "unanswered", "open")
    )


def _numbers(counted: Share) -> tuple[Written, ...]:
    if counted.percent is None:
        return (None,) * 6
    return (
        counted.took_part,
        counted.asked,
        f"{counted.percent}%",
        counted.excused,
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


def _export(table: Table, format: str, name: str) -> Response:  # noqa: A002
    if format == "csv":
        data = write_csv(table.header, table.rows)
    else:
        footer = t("participation.footer", at=fully(now()), period=_period_text(wanted_period()))
        data = write_xlsx(table.title, table.header, table.rows, footer)
    response = Response(data, content_type=_TYPES[format])
    response.headers["Content-Disposition"] = f'attachment; filename="zhibu-{name}-{today().isoformat()}.{format}"'
    return response


def _period_text(period: Period) -> str:
    return t("participation.from_to", since=day_text(period.since), until=day_text(period.until))
