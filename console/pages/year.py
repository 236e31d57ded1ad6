"""The year of a branch: the grid of its forms with the evidence, what may be held, and what was held in numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from itertools import groupby
from operator import itemgetter

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.cadences import said_line
from console.cadences import shown as shown_norm
from console.desk import ask, cause, settle
from console.leaving_tables import leaves, up_to
from console.undoing import way_back
from console.wording import say, t, today
from content import unannounced as rules
from content.cadence import ATTENDANCE_LINE, LINE_OF, OFF, Every
from content.identifiers import OrganisationId, derive
from content.meetings import INNER
from content.notices import Form
from content.organisations import Kind, Organisation, Right
from content.unannounced import TOGETHER, Unannounced
from content.year import Column, Evidence, Pair, Source, Tally, gaps, lectures_by, of_quarter, suggest
from content.year_totals import COUNTED, Months, Totals, by_month, of_columns
from storage import cadence, unannounced, year_totals
from storage.cadence import Seen
from storage.settings import above, value_of
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("year", __name__)

BRANCHES_SHOWN = 20
FIRST_YEAR = 2000
_NUMBER = re.compile("[0-9]{1,4}")


class Line(Struct, frozen=True, kw_only=True):
    """One line of the cadence as the page shows it: how often, with what stands behind it, and who has set it so."""

    form: Form
    said: str
    basis: str
    source: str | None
    asked: bool
    former: tuple[tuple[date, str], ...] = ()


class Known(Struct, frozen=True, kw_only=True):
    """What the page of one place shows."""

    seen: Seen
    names: Mapping[OrganisationId, str]
    totals: tuple[Totals, ...]
    share: str
    entered: tuple[Unannounced, ...]


@pages.get("/meetings/year")
@requires(Right.READ)
@leaves("year")
def show() -> str:
    """Show the year of a branch or a group; of what stands above, what each of its branches lacks, without ranks."""
    node, year = _place(), _year()
    return _of_place(node, year) if node.kind in (Kind.BRANCH, Kind.GROUP) else _of_branches(node, year)


def _place() -> Organisation:
    at = here()
    nodes = at.within(Right.READ)
    # Who has one branch alone means that; else it is the topmost.
    branches = [one for one in nodes if one.kind is Kind.BRANCH]
    node = at.chosen or (branches[0] if len(branches) == 1 else next(iter(nodes), None))
    if node is None:
        abort(404)
    return node


def _year() -> int:
    wanted = request.args.get("year", "")
    if not wanted:
        return today().year
    if not _NUMBER.fullmatch(wanted) or not FIRST_YEAR <= int(wanted) <= today().year + 1:
        abort(400)
    return int(wanted)


def _of_place(node: Organisation, year: int) -> str:
    rights, day = here().rights_at(node.id), today()
    by_name = Right.READ_MEMBERS in rights

    async def look(unit: Reading) -> Known:
        (seen,) = await cadence.years(unit, [node], year=year, today=day)
        ids = {one.id for column in seen.columns for cell in column.cells for one in _by_hand(cell.evidence)}
        return Known(
            seen=seen,
            names=await above(unit, node.id),
            totals=await year_totals.totals(unit, [node.id], year=year, timezone=node.timezone),
            share=await value_of(unit, node.id, ATTENDANCE_LINE),
            entered=await unannounced.all_visible(unit, ids, [node.id], [node.id] if by_name else []) if ids else (),
        )

    known = ask(look)
    columns = known.seen.columns
    return render_template(
        "year/show.html",
        node=node,
        year=year,
        years=_years(year),
        columns=columns,
        known=known,
        suggestions=[say(one) for one in suggest(columns, known.seen.place, day)] if year == day.year else [],
        quarter=_quarter(columns, known.seen, day) if year == day.year else [],
        lines=[_line(column, known, year) for column in columns],
        lead=_lead(columns),
        shown=lambda one: _shown(one, by_name),
        group=lambda one: known.seen.place.groups.get(one.place, ""),
        lacks=lambda subjects, form: _subjects(subjects, form, known.seen),
        months=of_columns(columns),
        totals=_totals(known.totals, by_name),
        shares=_shares(known.totals, known.share, by_name=by_name),
        records=Right.RECORD in rights,
        arranges=Right.ARRANGE in rights,
        forms_offered=[column.form for column in columns],
        together=sorted(TOGETHER),
        pairs=tuple(Pair),
        today=day,
    )


def _by_hand(evidence: tuple[Evidence, ...]) -> list[Evidence]:
    return [one for one in evidence if one.source is Source.UNANNOUNCED]


def _years(year: int) -> list[int]:
    return [one for one in (year - 1, year, year + 1) if FIRST_YEAR <= one <= today().year + 1]


def _lead(columns: tuple[Column, ...]) -> str:
    lacking = _said(_lacking(columns))
    return t("year.lacks", what=lacking) if lacking else t("year.lacks_nothing")


def _lacking(columns: tuple[Column, ...]) -> tuple[tuple[Form, Every, date], ...]:
    """Return what a year lacks so far: the forms, each with the first days of its months or quarters."""
    return tuple(dict.fromkeys((gap.norm.form, gap.norm.every, gap.since) for gap in gaps(columns)))


def _said(lacking: tuple[tuple[Form, Every, date], ...]) -> str:
    """Say what a year lacks so far, form by form with the months or quarters."""
    parts = (
        t("year.lacks_form", form=t(f"meetings.form_{form}"), when=t("year.and").join(_when(*one[1:]) for one in of))
        for form, of in groupby(lacking, key=itemgetter(0))
    )
    return t("tables.comma").join(parts)


def _when(every: Every, since: date) -> str:
    match every:
        case Every.MONTH:
            return t(f"month.{since.month}")
        case Every.QUARTER:
            return t(f"year.quarter_{(since.month + 2) // 3}")
        case Every.YEAR:
            return t("year.whole")


def _quarter(columns: tuple[Column, ...], seen: Seen, day: date) -> list[str]:
    """Say how far this quarter is, each group by itself."""
    return [
        t("year.so_far", what=_subject(subject, form, seen), held=held, of=of)
        for form, subject, held, of in of_quarter(columns, day)
    ]


def _subject(subject: str, form: Form, seen: Seen) -> str:
    named = _subjects((subject,), form, seen) if subject else ""
    return t("year.of_subject", form=t(f"meetings.form_{form}"), name=named) if named else t(f"meetings.form_{form}")


def _subjects(subjects: tuple[str, ...], form: Form, seen: Seen) -> str:
    """Name groups, or kinds of talk."""
    if form is Form.TALK:
        names = [t(f"cadence.talk_{one}") for one in subjects]
    else:
        groups = seen.place.groups
        names = [groups[OrganisationId(one)] for one in subjects if one in groups]
    return t("year.and").join(names)


def _line(column: Column, known: Known, year: int) -> Line:
    held = known.seen.held[column.form]
    source = known.names.get(held.source) if held.source is not None else None
    return Line(
        form=column.form,
        said=shown_norm(column.norm),
        basis=t(f"cadence.basis_{column.form}"),
        source=source if held.source != known.seen.place.organisation else t("settings.own"),
        asked=column.asked,
        former=tuple((one.until, shown_norm(one.norm)) for one in reversed(held.former) if one.until.year >= year),
    )


def _shown(one: Evidence, by_name: bool) -> tuple[str, str | None]:
    """Return what is read of evidence and where it leads; of an inner meeting its form, to who may not see more."""
    at = here()
    if not by_name and set(one.forms) & INNER:
        return t(f"meetings.form_{one.forms[0]}"), None
    if at.node(one.place) is None:
        return one.title, None
    match one.source:
        case Source.MEETING:
            return one.title, link("meetings.show_one", id=one.id)
        case Source.LECTURE:
            return one.title, link("checkins.show_one", id=one.id)
        case Source.BALLOT | Source.PAPER:
            may = Right.IMPORT_ROSTER in at.rights_at(one.place)
            return one.title, link("appraisals.show_one", id=one.id) if may else None
        case Source.ACTIVITY:
            return one.title, link("activities.show_one", id=one.id)
        case Source.UNANNOUNCED:
            return one.title, link("year.show", org=one.place, year=one.on.year, _anchor=f"held-{one.id}")


def _totals(found: tuple[Totals, ...], by_name: bool) -> list[tuple[Totals, list[int] | None]]:
    """Return each form with its numbers; how many came to an inner meeting is for who sees the members."""
    return [
        (
            one,
            [
                one.due,
                *(one.attendance.get(mark, 0) for mark in COUNTED),
                one.resolutions,
                one.tasks,
                one.done,
            ]
            if by_name or one.form not in INNER
            else None,
        )
        for one in found
    ]


def _shares(found: tuple[Totals, ...], line: str, *, by_name: bool) -> str:
    """Say how attendance is against the line of the place, form by form, where it has one."""
    if line == OFF:
        return ""
    parts = [
        t(f"year.share_{'of' if one.share >= int(line) else 'below'}", form=t(f"meetings.form_{one.form}"), n=one.share)
        for one in found
        if one.share is not None and (by_name or one.form not in INNER)
    ]
    return t("year.share", line=said_line(line), what=t("tables.comma").join(parts)) if parts else ""


def _of_branches(node: Organisation, year: int) -> str:
    at, day = here(), today()
    branches = [one for one in at.within(Right.READ) if one.kind is Kind.BRANCH and one.closed is None]
    after = request.args.get("after", "")[:32]
    start = next((place for place, one in enumerate(branches, start=1) if one.id == after), 0)
    few = branches[start : start + up_to(BRANCHES_SHOWN)]
    by_name = Right.READ_MEMBERS in at.rights_at(node.id)

    async def look(unit: Reading) -> tuple[tuple[Seen, ...], Months, tuple[Totals, ...], Tally | None]:
        over = {id for id in await above(unit, node.id) if id != node.id}  # noqa: A001
        beside = await cadence.beside_meetings(unit, [node.id], over, year=year)
        found = [one for one in beside if one.place not in over]
        held = await year_totals.meetings_by_month(unit, [node.id], year=year, timezone=node.timezone)
        secretary = await cadence.secretary_of(unit, node.id) if node.kind is Kind.PARTY_COMMITTEE else None
        return (
            await cadence.years(unit, few, year=year, today=day, cells=False, beside=beside),
            by_month(found, held),
            await year_totals.totals(unit, [node.id], year=year, timezone=node.timezone, months=held),
            lectures_by(found, secretary) if secretary else None,
        )

    seen, months, totals, lectures = ask(look)
    return render_template(
        "year/branches.html",
        node=node,
        year=year,
        years=_years(year),
        rows=_rows(few, seen),
        more=few[-1].id if few and start + len(few) < len(branches) else None,
        first_page=not after,
        months=months,
        totals=_totals(totals, by_name),
        all_forms=tuple(LINE_OF),
        lectures=lectures,
    )


def _rows(branches: Sequence[Organisation], years: Sequence[Seen]) -> list[tuple[Organisation, int, str]]:
    """Return of each branch how many stretches it lacks by its own cadence, and which; many lack the same."""
    said = cache(_said)
    rows = []
    for branch, seen in zip(branches, years, strict=True):
        lacking = _lacking(seen.columns)
        rows.append((branch, len(lacking), said(lacking) or t("year.lacks_nothing")))
    return rows


@pages.post("/meetings/year/held")
@requires(Right.RECORD)
def record() -> Answer:
    """Enter a meeting that was held without a notice."""
    at, by_form, day = here(), cause(), today()
    place = at.node(OrganisationId(request.form.get("organisation", "")[:32]))
    if place is None or place not in at.within(Right.RECORD):
        abort(404)
    typed = {name: request.form.get(name, "")[:400] for name in ("form", "title", "why", "pair")}
    try:
        held_on = date.fromisoformat(request.form.get("held_on", ""))
    except ValueError:
        held_on = None
    due, present = (_counted(request.form.get(name, "")) for name in ("due", "present"))
    together, user = request.form.get("together") == "yes", at.user

    async def decide(unit: Reading) -> Decided:
        return rules.record(
            place.id,
            **typed,
            held_on=held_on,
            together=together,
            due=due,
            present=present,
            by=user,
            cause=by_form,
            now=unit.now,
            today=day,
        )

    made = derive(by_form, "unannounced")
    to = link("year.show", org=place.id, year=held_on.year if held_on is not None else None)
    return onward(
        settle(decide, actor=user),
        to=to,
        done="unannounced_recorded",
        back=lambda: way_back("year.take_back", id=made),
    )


def _counted(typed: str) -> int | None:
    """Read a number of people; what is no number is refused as one that cannot be."""
    typed = typed.strip()
    if not typed:
        return None
    return int(typed) if _NUMBER.fullmatch(typed) else -1


@pages.post("/meetings/year/held/<id>/back")
@requires(Right.RECORD)
def take_back(id: str) -> Answer:  # noqa: A002
    """Take back what was entered by mistake."""
    at = here()
    roots, by_name = at.roots_for(Right.RECORD), at.roots_for(Right.READ_MEMBERS)
    found = ask(lambda unit: unannounced.visible(unit, id, roots, by_name))
    if found is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        return rules.take_back(await unannounced.visible(unit, id, roots, by_name), now=unit.now)

    to = link("year.show", org=found.organisation, year=found.held_on.year)
    return onward(settle(decide, actor=at.user), to=to, done="unannounced_taken_back")
