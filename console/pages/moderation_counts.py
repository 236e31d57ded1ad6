"""A year of moderation in numbers, by room: on the screen, as a table in every form, and as a summary for Word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request

from console.access import here, requires
from console.desk import ask
from console.leaving_tables import leaves
from console.tables import Table, as_grid, hand_over
from console.word import CONTENT_TYPE, Block, Heading, Paragraph, write_docx
from console.wording import reader, t, today
from content.moderation_counts import COLUMNS, Year, numbers
from content.organisations import Right
from storage import moderation_counts

pages = Blueprint("moderation_counts", __name__)

YEARS_OFFERED = 3


@pages.get("/cases/year")
@requires(Right.MODERATE)
@leaves("moderation")
def show() -> str:
    """Show what happened in each room in a year."""
    year = _year()
    found = _found(year)
    return render_template(
        "moderation_counts/show.html",
        year=year,
        offered=tuple(today().year - back for back in range(YEARS_OFFERED)),
        found=found,
        table=_table(found, year),
        sentences=_sentences(found, year),
    )


@pages.get("/cases/year.docx")
@requires(Right.MODERATE)
def export() -> Response:
    """Hand the summary out as a Word file."""
    year = _year()
    found = _found(year)
    data = write_docx(_title(year), _blocks(found, year), landscape=True)
    file = f"zhibu-moderation-{year}-{today().isoformat()}.docx"
    return hand_over(data, CONTENT_TYPE, "moderation", len(found.lines), file=file)


def _year() -> int:
    written = request.args.get("year", "")
    if not written:
        return today().year
    if not (written.isascii() and written.isdigit() and 2000 <= int(written[:5]) <= today().year):
        abort(400)
    return int(written)


def _found(year: int) -> Year:
    roots, user, zone = here().roots, here().user, ZoneInfo(reader().timezone)
    since, until = (datetime.combine(date(one, 1, 1), time(), zone).astimezone(UTC) for one in (year, year + 1))
    return ask(lambda unit: moderation_counts.year(unit, roots, since=since, until=until, reader=user))


def _title(year: int) -> str:
    chosen = here().chosen
    name = chosen.name if chosen is not None else ""
    return t("moderation.title_of", name=name, year=year) if name else t("moderation.title_year", year=year)


def _sentences(found: Year, year: int) -> tuple[str, ...]:
    """Say the year in sentences, of what there was."""
    total = found.total
    if not found.lines and not found.cases:
        return (t("moderation.nothing", year=year),)
    answered = total.unfounded + total.noted + total.case
    measures = total.warning + total.mute + total.removal + total.ban
    return (
        t(
            "moderation.said_complaints",
            n=total.complaints,
            answered=answered,
            unfounded=total.unfounded,
            noted=total.noted,
            case=total.case,
        ),
        t(
            "moderation.said_measures",
            cases=found.cases,
            n=measures,
            warning=total.warning,
            mute=total.mute,
            removal=total.removal,
            ban=total.ban,
        ),
        t("moderation.said_appeals", lifted=total.lifted, appeals=found.appeals, granted=found.granted),
    )


def _table(found: Year, year: int) -> Table:
    return Table(
        title=_title(year),
        header=(
            t("moderation.column_room"),
            t("moderation.column_place"),
            *(t(f"moderation.column_{name}") for name in COLUMNS),
        ),
        rows=tuple(
            (one.room_name or t("moderation.no_room"), one.place_name, *numbers(one.counts)) for one in found.lines
        ),
    )


def _blocks(found: Year, year: int) -> Iterator[Block]:
    yield Heading(text=t("moderation.head_year"))
    yield from (Paragraph(text=text) for text in _sentences(found, year))
    if found.lines:
        yield Heading(text=t("moderation.head_rooms"))
        yield as_grid(_table(found, year))
    yield Paragraph(text=t("moderation.never_by_person"))
