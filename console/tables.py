"""One table, five ways: as the screen shows it, for a spreadsheet, as plain fields, for Word, and as text to copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from flask import Response, make_response, render_template

from console.exporting import note_export
from console.sheets import CONTENT_TYPES, Written, write_csv, write_xlsx
from console.word import CONTENT_TYPE, Block, Grid, Paragraph, write_docx
from console.wording import t, today

FORMATS = ("xlsx", "csv", "docx", "text")
"""The ways in which a table leaves the screen, in the order of the buttons; a route names them in its address."""

_WIDE = 8
"""A table with more columns lies on its side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table shows, on the screen and in whatever leaves it alike."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Written, ...], ...]


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
    return "\n".join([table.title, *lines])


def as_grid(table: Table, *, caption: str = "") -> Grid:
    """Return a table for a Word file."""
    rows = tuple(tuple(shown(value) for value in row) for row in table.rows)
    return Grid(header=table.header, rows=rows, caption=caption)


def hand_out(table: Table, format: str, name: str, footer: str, *, back: str) -> Response:  # noqa: A002
    """Note in the record that a table leaves, and hand it out in one of the formats; text stands on a page to copy."""
    note_export(name, len(table.rows))
    match format:
        case "text":
            text = f"{as_text(table)}\n{footer}"
            return make_response(render_template("texts/show.html", title=table.title, text=text, back=back))
        case "csv":
            data, kind = write_csv(table.header, table.rows), CONTENT_TYPES["csv"]
        case "docx":
            blocks: tuple[Block, ...] = (as_grid(table), Paragraph(text=footer))
            data, kind = write_docx(table.title, blocks, landscape=len(table.header) > _WIDE), CONTENT_TYPE
        case _:
            data, kind = write_xlsx(table.title, table.header, table.rows, footer), CONTENT_TYPES["xlsx"]
    return download(data, kind, f"zhibu-{name}-{today().isoformat()}.{format}")


def download(data: bytes, kind: str, name: str) -> Response:
    """Hand out a file under a name."""
    response = Response(data, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
