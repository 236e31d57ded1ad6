"""Word documents as offices file them: A4, one type for each level in both scripts, and the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docx.document import Document as _Document

TITLE, BODY, LEVEL, TABLE = "方正小标宋简体", "仿宋_GB2312", "黑体", "宋体"
"""Types that offices have; a machine without one shows its own next to it. None is shipped."""

MISSING = "（待补充）"
"""What stands where nobody has said anything yet."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


class Sheet:
    """One document as it is written, from its title down."""

    def __init__(self, title: str) -> None:
        """Begin a document under its title."""
        from docx import Document
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.shared import Cm, Pt

        self._document: _Document = Document()
        self._centre, self._right = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT
        self._points = Pt
        section = self._document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.top_margin = section.bottom_margin = Cm(2.54)
        section.left_margin = section.right_margin = Cm(3.17)
        properties = self._document.core_properties
        properties.author, properties.title, properties.comments = "", title, ""
        properties.created = properties.modified = datetime(2000, 1, 1, tzinfo=UTC)
        self._line(title, TITLE, 22, exact=36, align=self._centre, after=12)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._line(text, LEVEL, 16, exact=30)

    def say(self, text: str, *, indented: bool = True) -> None:
        """Add a paragraph."""
        self._line(text, BODY, 16, exact=30, indent=32 if indented else 0)

    def sign(self, text: str) -> None:
        """Add a line at the right, as names and dates stand below a paper."""
        self._line(text, BODY, 16, exact=30, align=self._right)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[float] = ()) -> None:
        """Add a table; ``widths`` are the shares of its columns."""
        lines = [list(header), *(list(row) for row in rows)]
        table = self._document.add_table(rows=len(lines), cols=len(header))
        table.style = "Table Grid"
        table.autofit = not widths
        whole = 14.66 / sum(widths) if widths else 0
        for place, line in enumerate(lines):
            for column, text in enumerate(line):
                cell = table.rows[place].cells[column]
                if widths:
                    cell.width = _centimetres(whole * widths[column])
                paragraph = cell.paragraphs[0]
                paragraph.alignment = self._centre
                self._write(paragraph, text, LEVEL if place == 0 else TABLE, 12)
        self._document.add_paragraph()

    def written(self) -> bytes:
        """Return the document; the same content gives the same bytes."""
        loose, packed = io.BytesIO(), io.BytesIO()
        self._document.save(loose)
        with zipfile.ZipFile(loose) as parts, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as fixed:
            for part in parts.infolist():
                entry = zipfile.ZipInfo(part.filename, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                fixed.writestr(entry, parts.read(part))
        return packed.getvalue()

    def _line(
        self, text: str, face: str, size: int, *, exact: int, align: Any = None, indent: int = 0, after: int = 0
    ) -> None:
        paragraph = self._document.add_paragraph()
        shape = paragraph.paragraph_format
        shape.line_spacing, shape.space_before, shape.space_after = (
            self._points(exact),
            self._points(0),
            self._points(after),
        )
        if indent:
            shape.first_line_indent = self._points(indent)
        if align is not None:
            paragraph.alignment = align
        self._write(paragraph, text, face, size)

    def _write(self, paragraph: Any, text: str, face: str, size: int) -> None:
        from docx.oxml.ns import qn

        run = paragraph.add_run(text)
        run.font.size, run.font.name = self._points(size), face
        fonts = run._element.get_or_add_rPr().get_or_add_rFonts()  # the library sets the Western type only
        for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
            fonts.set(qn(script), face)


def _centimetres(number: float) -> Any:
    from docx.shared import Cm

    return Cm(number)
