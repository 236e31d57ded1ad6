"""The working-day calendar: a year's holidays and make-up days as a list, set one by one or pasted as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

import msgspec
from flask import Blueprint, abort, render_template, request
from msgspec import Struct, field

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, settle
from console.leaving_tables import leaves
from console.people import mark_of
from console.sheet_limits import SheetProblem
from console.sheets import read_grid
from console.undoing import Undo, way_back
from console.wording import today
from content import workdays as rules
from content.decision import Refusal, refused
from content.grid import Grid
from content.organisations import Right, roots
from content.workday_lists import (
    FIRST_YEAR,
    LAST_YEAR,
    LONGEST_CALENDAR,
    LONGEST_NAME,
    LONGEST_TEXT,
    Festival,
    is_ics,
    read_list,
)
from content.workdays import Entered
from storage import workdays
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("workdays", __name__)


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed into the forms, and why it was not taken."""

    fields: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()


@pages.get("/calendar/workdays")
@requires(Right.READ)
@leaves("workdays")
def show() -> Answer:
    """Show one year: this one where none is named."""
    return _page(_year(request.args.get("year", "")), Typed())


@pages.post("/calendar/workdays/day")
@requires(Right.OPERATE)
def set_day() -> Answer:
    """Set one day to be worked or rested on."""
    _only_at_the_top()
    day, kind, name = _date(request.form.get("date", "")), request.form.get("kind"), request.form.get("name", "")
    if kind not in ("rest", "work"):
        abort(400)

    before: list[Entered] = []

    async def decide(unit: Reading) -> Decided:
        before[:] = await workdays.entered(unit, [day.year] if day else [])
        return rules.set_day(day, works=kind == "work", name=name)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _page(_year(""), Typed(fields=request.form, refusals=(outcome.refusal,)))
    to = _back(day.year if day else today().year)
    return onward(outcome, to=to, done="workday_set", back=lambda: _way_back(before))


@pages.post("/calendar/workdays/list")
@requires(Right.OPERATE)
def take_list() -> Answer:
    """Take in the list of a year, pasted or from a sheet."""
    _only_at_the_top()
    text = _sheet() or request.form.get("list", "")
    if isinstance(text, SheetProblem):
        return _page(_year(""), Typed(refusals=(Refusal(words=text.words, field="file"),)))
    days, problems = read_list(text)
    if problems:
        return _page(_year(""), Typed(fields={"list": text}, refusals=problems))

    before: list[Entered] = []

    async def decide(unit: Reading) -> Decided:
        before[:] = await workdays.entered(unit, [day.date.year for day in days])
        return rules.list_years(days)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _page(_year(""), Typed(fields={"list": text}, refusals=(outcome.refusal,)))
    to = _back(days[-1].date.year)
    return onward(outcome, to=to, done="workdays_listed", back=lambda: _way_back(before))


@pages.post("/calendar/workdays/<int:year>/forget")
@requires(Right.OPERATE)
def forget(year: int) -> Answer:
    """Drop what was entered of a year."""
    _only_at_the_top()
    if not FIRST_YEAR <= year <= LAST_YEAR:
        abort(404)
    before: list[Entered] = []

    async def decide(unit: Reading) -> Decided:
        before[:] = await workdays.entered(unit, [year])
        return rules.forget_year(await workdays.calendar(unit), year)

    outcome = settle(decide, actor=here().user)
    return onward(outcome, to=_back(year), done="workdays_forgotten", back=lambda: _way_back(before))


@pages.post("/calendar/workdays/put-back")
@requires(Right.OPERATE)
def put_back() -> Answer:
    """Let what was entered of some years be as it was before a change that nothing has followed."""
    _only_at_the_top()
    try:
        before = msgspec.json.decode(request.form.get("before", ""), type=tuple[Entered, ...])
    except msgspec.DecodeError:
        abort(400)
    years, mark = [one.year for one in before], request.form.get("mark", "")

    async def decide(unit: Reading) -> Decided:
        if mark_of(await workdays.entered(unit, years)) != mark:
            return refused("workdays.changed_since")
        return rules.put_back(before)

    return onward(settle(decide, actor=here().user), to=_back(max(years, default=today().year)), done="workdays_back")


def _way_back(before: list[Entered]) -> Undo:
    """Return the form that puts back what was entered of some years, as long as nothing else is entered there."""
    mark = mark_of(ask(lambda unit: workdays.entered(unit, [one.year for one in before])))
    return way_back("workdays.put_back", fields={"before": msgspec.json.encode(before).decode(), "mark": mark})


def _page(year: int, typed: Typed) -> Answer:
    known = ask(workdays.calendar)
    stretches = known.year(year)
    page = render_template(
        "workdays/show.html",
        year=year,
        years=(FIRST_YEAR, LAST_YEAR),
        source=known.source(year),
        stretches=stretches,
        by_hand=any(stretch.by_hand for stretch in stretches),
        until=known.known_until(today()),
        missing=known.missing(today()),
        festivals=frozenset(Festival),
        may_set=_may_set(),
        typed=typed,
        by_field=first_by_field(list(typed.refusals)),
        longest=LONGEST_NAME,
        longest_list=LONGEST_TEXT,
    )
    return (page, 422) if typed.refusals else page


def _may_set() -> bool:
    """Tell whether the person operates the whole, since the calendar is everyone's."""
    held = roots(here().duties, Right.OPERATE)
    return any(node.parent is None for node in here().nodes if node.id in held)


def _only_at_the_top() -> None:
    if not _may_set():
        abort(403)


def _year(named: str) -> int:
    if not named:
        return today().year
    if not re.fullmatch(r"20[0-9]{2}", named):
        abort(400)
    return int(named)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _sheet() -> str | SheetProblem:
    """Return the rows of an uploaded sheet as lines of a list, nothing where none came."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return ""
    data: bytes = file.read()
    if is_ics(written := data[:LONGEST_CALENDAR].decode("utf-8", "replace")):
        return written
    grid = read_grid(data, file.filename)
    return "\n".join(_line(row) for row in grid.rows) if isinstance(grid, Grid) else grid


def _line(row: tuple[object, ...]) -> str:
    cells = [cell.strftime("%Y-%m-%d") if isinstance(cell, date) else str(cell) for cell in row if cell is not None]
    return "\t".join(cells)


def _back(year: int) -> str:
    return link("workdays.show", year=year)
