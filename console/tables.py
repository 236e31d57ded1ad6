"""One table, five ways: as the screen shows it, for a spreadsheet, as plain fields, for Word, and as text to copy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from flask import Response, make_response, render_template, request
from msgspec import Struct

from console.exporting import being_made, note_export
from console.word import CONTENT_TYPE, Block, Grid, Paragraph, write_docx
from console.wording import t, today
from console.written_sheets import CONTENT_TYPES, Written, write_csv, write_xlsx
from content.decision import refused
from content.exports import LONG, MOST, MOST_TO_READ

_TO_READ = frozenset({"docx", "text"})
_ENDINGS = {"text": "txt"}

_WIDE = 8
"""A table with more columns lies on its side."""


class Table(Struct, frozen=True, kw_only=True):
    """What a table shows, on the screen and in whatever leaves it alike.

    In a file that is read ``above`` are lines between title and table, ``footer`` is the line below it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Written, ...], ...]
    footer: str = ""
    above: tuple[str, ...] = ()


def shown(value: Written) -> str:
    """Return what a reader sees of a value; where there is none, no data is said and not zero."""
    if value is None:
        return t("frame.none")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:.2f}" if isinstance(value, Decimal) else str(value)


def as_text(table: Table) -> str:
    """Return a table as lines that read well in any chat: each row by its first cell, each value by its column."""
    lines = []
    for row in table.rows:
        pairs = (
            t("tables.pair", name=name, value=shown(value))
            for name, value in zip(table.header[1:], row[1:], strict=True)
        )
        lines.append(t("tables.line", first=shown(row[0]), rest=t("tables.comma").join(pairs)))
    return "\n".join([table.title, *table.above, *lines])


def as_grid(table: Table, *, caption: str = "") -> Grid:
    """Return a table for a Word file."""
    rows = tuple(tuple(shown(value) for value in row) for row in table.rows)
    return Grid(header=table.header, rows=rows, caption=caption)


def hand_out(
    table: Table | Callable[[], Table],
    format: str,  # noqa: A002
    name: str,
    footer: str = "",
    *,
    back: str,
    rows: int | None = None,
    at_once: bool = False,
) -> Response:
    """Note in the record that a table leaves, and hand it out in one of the formats; text stands on a page to copy.

    Where ``rows`` is given the table is put together here, and only if it is short enough for somebody to wait for it;
    a longer one is offered to be made in the background, where this is called again. ``at_once`` is for one that
    somebody has waited for already.
    """
    making, number = being_made(), len(table.rows) if isinstance(table, Table) else rows or 0
    if number > (MOST_TO_READ if format in _TO_READ else MOST):
        return _too_long(number, format, back)
    if number > LONG and making is None and not at_once:
        page = render_template("exports/ask.html", path=request.full_path.rstrip("?"), rows=number, back=back)
        return make_response(page)
    made = table if isinstance(table, Table) else table()
    said = made.footer or footer
    if making is not None:
        making.rows, making.file = len(made.rows), f"zhibu-{name}-{today().isoformat()}.{_ENDINGS.get(format, format)}"
    elif format == "text":
        return show_text(made.title, _text(made, said), name, len(made.rows), back=back)
    else:
        note_export(name, len(made.rows))
    data, kind = _written(made, format, said)
    return download(data, kind, f"zhibu-{name}-{today().isoformat()}.{format}")


def show_text(title: str, text: str, name: str, rows: int, *, back: str) -> Response:
    """Note in the record that something leaves as text, and show it on a page to copy."""
    note_export(name, rows)
    return make_response(render_template("texts/show.html", title=title, text=text, back=back))


def hand_over(data: bytes, kind: str, what: str, rows: int, *, file: str) -> Response:
    """Note in the record that a file leaves that was put together elsewhere, and hand it out."""
    note_export(what, rows)
    return download(data, kind, file)


def _written(table: Table, format: str, footer: str) -> tuple[bytes, str]:  # noqa: A002
    match format:
        case "text":
            return _text(table, footer).encode(), "text/plain; charset=utf-8"
        case "csv":
            return write_csv(table.header, table.rows), CONTENT_TYPES["csv"]
        case "docx":
            above = tuple(Paragraph(text=line) for line in table.above)
            blocks: tuple[Block, ...] = (*above, as_grid(table), Paragraph(text=footer))
            return write_docx(table.title, blocks, landscape=len(table.header) > _WIDE), CONTENT_TYPE
        case _:
            return write_xlsx(table.title, table.header, table.rows, footer, above=table.above), CONTENT_TYPES["xlsx"]


def _text(table: Table, footer: str) -> str:
    return f"{as_text(table)}\n{footer}"


def _too_long(rows: int, format: str, back: str) -> Response:  # noqa: A002
    most = MOST_TO_READ if format in _TO_READ else MOST
    refusal = refused("exports.too_long", n=rows, most=most)
    return make_response(render_template("frame/refused.html", refusal=refusal, back=back), 409)


def download(data: bytes, kind: str, name: str) -> Response:
    """Hand out a file under a name."""
    response = Response(data, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
