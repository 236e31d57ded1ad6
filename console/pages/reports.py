"""The report on a quarter, out of records: the same on the screen and as a Word file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.desk import ask
from console.tables import Table, as_grid, hand_over
from console.word import CONTENT_TYPE, Block, Heading, Paragraph, write_docx
from console.wording import local, t, today
from content.organisations import Kind, Organisation, Right
from content.participation import Share
from content.reports import Quarter, Report, Vote, by_kind, quarter_of, read_quarter
from storage.reports import MOST, report

pages = Blueprint("reports", __name__)

QUARTERS_OFFERED = 6


class Section(Struct, frozen=True, kw_only=True):
    """A part of the report: its head, what is said, and a table where there is one."""

    head: str
    texts: tuple[str, ...]
    table: Table | None = None


@pages.get("/participation/quarter")
@requires(Right.READ)
def show() -> str:
    """Show the report on a quarter, of the chosen organisation or the topmost that the person may see."""
    node, quarter = _place(), _quarter()
    found = ask(lambda unit: report(unit, node, quarter))
    offered = [quarter_of(today())]
    while len(offered) < QUARTERS_OFFERED:
        offered.append(offered[-1].before)
    return render_template(
        "reports/show.html",
        node=node,
        title=_title(found),
        sections=list(_sections(found)),
        signed=(found.name, _long(local(found.at).date())),
        quarter=quarter,
        offered=offered,
    )


@pages.get("/participation/quarter.docx")
@requires(Right.READ)
def export() -> Response:
    """Hand the report out as a Word file."""
    node, quarter = _place(), _quarter()
    found = ask(lambda unit: report(unit, node, quarter))
    data = write_docx(_title(found), _blocks(found))
    file = f"zhibu-quarter-{quarter}-{today().isoformat()}.docx"
    return hand_over(data, CONTENT_TYPE, "quarter", len(found.held), file=file)


def _place() -> Organisation:
    at = here()
    node = at.chosen or next((one for one in at.within(Right.READ) if one.kind is not Kind.GROUP), None)
    if node is None:
        abort(404)
    return node


def _quarter() -> Quarter:
    written = request.args.get("quarter", "")
    found = read_quarter(written) if written else quarter_of(today())
    if found is None:
        abort(400)
    return found


def _title(found: Report) -> str:
    return t("reports.title_of", name=found.name, year=found.quarter.year, quarter=found.quarter.number)


def _blocks(found: Report) -> Iterator[Block]:
    for section in _sections(found):
        yield Heading(text=section.head)
        yield from (Paragraph(text=text) for text in section.texts)
        if section.table is not None:
            yield as_grid(section.table)
    yield Paragraph(text=found.name, right=True)
    yield Paragraph(text=_long(local(found.at).date()), right=True)


def _sections(found: Report) -> Iterator[Section]:
    blank = t("reports.blank")
    yield Section(head=t("reports.head_basics"), texts=(_basics(found),))
    yield Section(
        head=t("reports.head_held"), texts=(_held_said(found),), table=_held_table(found) if found.held else None
    )
    total, before = _stretch_said("reports.total", found.total), _stretch_said("reports.before", found.before)
    yield Section(
        head=t("reports.head_participation"),
        texts=(total or blank, *((before,) if before else ())),
        table=_months_table(found) if total else None,
    )
    yield Section(
        head=t("reports.head_votes"),
        texts=() if found.votes else (blank,),
        table=_votes_table(found.votes) if found.votes else None,
    )
    asked = t("reports.corrections", n=found.corrections, answered=found.answered) if found.corrections else blank
    yield Section(head=t("reports.head_corrections"), texts=(asked,))
    yield Section(head=t("reports.head_troubles"), texts=(blank,))
    plans = tuple(t("reports.plan", day=_long(day), title=title) for day, title in found.planned)
    yield Section(head=t("reports.head_plans"), texts=plans or (blank,))


def _held_said(found: Report) -> str:
    if len(found.held) >= MOST:
        return t("frame.only_newest", n=MOST)
    kinds = by_kind(found.held)
    known = t("reports.held", lessons=kinds.get("lesson", 0), events=kinds.get("event", 0))
    return known if found.held else t("reports.blank")


def _basics(found: Report) -> str:
    blank = t("reports.blank")
    return t(
        "reports.basics",
        name=found.name,
        n=found.members,
        day=_long(local(found.at).date()),
        seats=found.seats or blank,
        elected=_long(found.elected_on) if found.elected_on else blank,
        until=_long(found.term_until) if found.term_until else blank,
    )


def _stretch_said(key: str, counted: Share) -> str:
    if counted.percent is None:
        return ""
    return t(
        key,
        took_part=counted.took_part,
        asked=counted.asked,
        percent=counted.percent,
        excused=counted.excused,
    )


def _held_table(found: Report) -> Table:
    columns = ("day", "what", "kind", "took_part", "asked", "percent", "excused")
    return Table(
        title=t("reports.table_held"),
        header=tuple(t(f"reports.column_{name}") for name in columns),
        rows=tuple((one.on, one.title, t(f"lessons.kind_{one.kind}"), *_numbers(one.share)) for one in found.held),
    )


def _months_table(found: Report) -> Table:
    columns = ("month", "took_part", "asked", "percent", "excused")
    return Table(
        title=t("reports.table_months"),
        header=tuple(t(f"reports.column_{name}") for name in columns),
        rows=tuple(
            (f"{first:%Y-%m}", *_numbers(month))
            for (first, _), month in zip(found.quarter.months, found.months, strict=True)
        ),
    )


def _votes_table(votes: tuple[Vote, ...]) -> Table:
    columns = ("day", "what", "kind", "voted", "expected")
    return Table(
        title=t("reports.table_votes"),
        header=tuple(t(f"reports.column_{name}") for name in columns),
        rows=tuple(
            (one.on, one.title, t("reports.secret" if one.secret else "reports.public"), one.voted, one.expected)
            for one in votes
        ),
    )


def _numbers(counted: Share) -> tuple[int | str | None, ...]:
    if counted.percent is None:
        return (None,) * 4
    return (counted.took_part, counted.asked, f"{counted.percent}%", counted.excused)


def _long(day: date) -> str:
    """Show a date in full, as a document does."""
    return t("reports.date", year=day.year, month=t(f"month.{day.month}"), day=day.day)
