"""Writes Word files as a branch files them: A4, a title, parts with heads, body text and tables, Chinese fonts named.

What is written is a zip of a few parts of XML; fonts are named with a fallback and never carried along.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from enum import StrEnum
from xml.sax.saxutils import escape

from msgspec import Struct

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STAMP = (1980, 1, 1, 0, 0, 0)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_WIDTH = 13238
"""Twips between the margins of an A4 page on its side."""
_SECOND_LEVEL = re.compile("（[一二三四五六七八九十]{1,3}）")


class Layout(StrEnum):
    """How a paper is laid out: as branches file theirs, or as an official document (公文格式, GB/T 9704).

    The second has 37 mm above, 35 below, 28 left and 26 right, lines of 28 pt, and the number of each page below it.
    """

    MATERIAL = "material"
    OFFICIAL = "official"


class _Page(Struct, frozen=True, kw_only=True):
    """A page: its margins in twips, the width between them, and the distance of lines of body text in twips."""

    top: int
    bottom: int
    left: int
    right: int
    width: int
    line: int
    foot: int


_PAGES = {
    Layout.MATERIAL: _Page(top=1440, bottom=1440, left=1800, right=1800, width=8306, line=580, foot=992),
    Layout.OFFICIAL: _Page(top=2098, bottom=1984, left=1587, right=1474, width=8845, line=560, foot=1417),
}


class Heading(Struct, frozen=True, kw_only=True):
    """The head of a part; the number before it is part of the text."""

    text: str


class Paragraph(Struct, frozen=True, kw_only=True):
    """A paragraph of body text; ``right`` is how a signature and its date stand."""

    text: str
    right: bool = False


class Grid(Struct, frozen=True, kw_only=True):
    """A table whose first row is repeated on every page; ``caption`` stands above it where there is one."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


Block = Heading | Paragraph | Grid


class Document(Struct, frozen=True, kw_only=True):
    """What stands on a paper, whether it becomes a Word file or a page to print."""

    title: str
    blocks: tuple[Block, ...]

    def written(self, layout: Layout = Layout.MATERIAL) -> bytes:
        """Return the Word file."""
        return write_docx(self.title, self.blocks, layout=layout)


class _Look(Struct, frozen=True, kw_only=True):
    """How a run of text looks: its font, the one to take instead, and its size in half points."""

    font: str
    instead: str
    size: int


_TITLE = _Look(font="方正小标宋简体", instead="SimSun", size=44)
_HEADING = _Look(font="黑体", instead="SimHei", size=32)
_BODY = _Look(font="仿宋_GB2312", instead="FangSong", size=32)
_CELL = _Look(font="仿宋_GB2312", instead="FangSong", size=24)
_CELL_HEAD = _Look(font="黑体", instead="SimHei", size=24)
_SECOND = _Look(font="楷体_GB2312", instead="KaiTi", size=32)
_NUMBER = _Look(font="宋体", instead="SimSun", size=28)
_LOOKS = (_TITLE, _HEADING, _BODY)
_MORE_LOOKS = (*_LOOKS, _SECOND, _NUMBER)


def write_docx(
    title: str, blocks: Iterable[Block], *, landscape: bool = False, layout: Layout = Layout.MATERIAL
) -> bytes:
    """Write a document of a title and its blocks; on its side a page is laid out in one way alone."""
    layout = Layout.MATERIAL if landscape else layout
    page, is_official = _PAGES[layout], layout is Layout.OFFICIAL
    body = [
        _paragraph(title, _TITLE, 'w:jc w:val="center"', line=720),
        *(_block(one, page, _LONG_WIDTH if landscape else page.width) for one in blocks),
    ]
    beside = (("styles", "styles.xml"), ("fontTable", "fontTable.xml"), *((("footer", "footer1.xml"),) * is_official))
    parts = {
        "[Content_Types].xml": _types(is_official),
        "_rels/.rels": _relations((("officeDocument", "word/document.xml"),)),
        "word/_rels/document.xml.rels": _relations(beside),
        "word/document.xml": f'{_HEAD}<w:document xmlns:w="{_W}" xmlns:r="{_OFFICE}"><w:body>{"".join(body)}'
        f"{_section(page, landscape=landscape, numbered=is_official)}</w:body></w:document>",
        "word/styles.xml": f'{_HEAD}<w:styles xmlns:w="{_W}"><w:docDefaults><w:rPrDefault>{_run_look(_BODY)}'
        "</w:rPrDefault></w:docDefaults></w:styles>",
        "word/fontTable.xml": _fonts(_MORE_LOOKS if is_official else _LOOKS),
    }
    if is_official:
        parts["word/footer1.xml"] = _numbers()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _block(block: Block, page: _Page, width: int) -> str:
    match block:
        case Heading():
            return _paragraph(block.text, _HEADING, 'w:ind w:firstLine="640"', line=page.line, keep=True)
        case Paragraph(right=True):
            return _paragraph(block.text, _BODY, 'w:ind w:right="1280"', 'w:jc w:val="right"', line=page.line)
        case Paragraph():
            second = page is _PAGES[Layout.OFFICIAL] and _SECOND_LEVEL.match(block.text)
            look = _SECOND if second else _BODY
            return _paragraph(block.text, look, 'w:ind w:firstLine="640"', 'w:jc w:val="both"', line=page.line)
        case Grid():
            above = _paragraph(block.caption, _HEADING, 'w:jc w:val="center"', keep=True) if block.caption else ""
            return f"{above}{_table(block, width)}{_paragraph('', _CELL)}"


def _paragraph(text: str, look: _Look, *extra: str, line: int = 580, keep: bool = False) -> str:
    spacing = f'<w:spacing w:before="0" w:after="0" w:line="{line}" w:lineRule="exact"/>'
    known = {one.split()[0]: f"<{one}/>" for one in extra}
    # The schema fixes the order: keepNext, spacing, ind, jc.
    inside = ("<w:keepNext/>" if keep else "") + spacing + known.get("w:ind", "") + known.get("w:jc", "")
    return f"<w:p><w:pPr>{inside}</w:pPr>{_runs(text, look)}</w:p>"


def _runs(text: str, look: _Look) -> str:
    lines = _ILLEGAL.sub("", text).split("\n")
    texts = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in lines)
    return f"<w:r>{_run_look(look)}{texts}</w:r>"


def _run_look(look: _Look) -> str:
    font = f'w:ascii="{look.font}" w:hAnsi="{look.font}" w:eastAsia="{look.font}" w:cs="{look.font}"'
    return f'<w:rPr><w:rFonts {font}/><w:sz w:val="{look.size}"/><w:szCs w:val="{look.size}"/></w:rPr>'


def _table(grid: Grid, width: int) -> str:
    widths = _widths(grid, width)
    edge = 'w:val="single" w:sz="4" w:space="0" w:color="000000"'
    edges = "".join(f"<w:{side} {edge}/>" for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    rows = [_row(grid.header, widths, _CELL_HEAD, head=True), *(_row(row, widths, _CELL) for row in grid.rows)]
    look = f'<w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders></w:tblPr>'
    return f"<w:tbl>{look}<w:tblGrid>{columns}</w:tblGrid>{''.join(rows)}</w:tbl>"


def _row(cells: Sequence[str], widths: Sequence[int], look: _Look, *, head: bool = False) -> str:
    repeated = "<w:trPr><w:cantSplit/>" + ("<w:tblHeader/>" if head else "") + "</w:trPr>"
    written = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{_paragraph(cell, look, line=400)}</w:tc>'
        for cell, width in zip(cells, widths, strict=True)
    )
    return f"<w:tr>{repeated}{written}</w:tr>"


def _widths(grid: Grid, width: int) -> list[int]:
    """Share the width out by the longest text of each column, none too narrow to be read."""
    longest = [
        min(24, max(4, *(len(row[place]) for row in (grid.header, *grid.rows)))) for place in range(len(grid.header))
    ]
    return [width * one // sum(longest) for one in longest]


def _section(page: _Page, *, landscape: bool, numbered: bool) -> str:
    size = 'w:w="16838" w:h="11906" w:orient="landscape"' if landscape else 'w:w="11906" w:h="16838"'
    margins = f'w:top="{page.top}" w:bottom="{page.bottom}" w:left="{page.left}" w:right="{page.right}"'
    foot = '<w:footerReference w:type="default" r:id="r3"/>' if numbered else ""
    return (
        f"<w:sectPr>{foot}<w:pgSz {size}/>"
        f'<w:pgMar {margins} w:header="851" w:footer="{page.foot}" w:gutter="0"/></w:sectPr>'
    )


def _numbers() -> str:
    """Return what stands below each page: its number between two dashes."""
    field = "".join(
        f"<w:r>{_run_look(_NUMBER)}{inside}</w:r>"
        for inside in (
            '<w:t xml:space="preserve">— </w:t>',
            '<w:fldChar w:fldCharType="begin"/>',
            '<w:instrText xml:space="preserve"> PAGE </w:instrText>',
            '<w:fldChar w:fldCharType="separate"/>',
            "<w:t>1</w:t>",
            '<w:fldChar w:fldCharType="end"/>',
            '<w:t xml:space="preserve"> —</w:t>',
        )
    )
    return f'{_HEAD}<w:ftr xmlns:w="{_W}"><w:p><w:pPr><w:jc w:val="center"/></w:pPr>{field}</w:p></w:ftr>'


def _fonts(looks: Iterable[_Look]) -> str:
    named = "".join(f'<w:font w:name="{one.font}"><w:altName w:val="{one.instead}"/></w:font>' for one in looks)
    return f'{_HEAD}<w:fonts xmlns:w="{_W}">{named}</w:fonts>'


def _types(numbered: bool) -> str:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    parts = (
        *(("document", "document.main"), ("styles", "styles"), ("fontTable", "fontTable")),
        *((("footer1", "footer"),) * numbered),
    )
    named = "".join(f'<Override PartName="/word/{part}.xml" ContentType="{kind}.{name}+xml"/>' for part, name in parts)
    defaults = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
    )
    return f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">{defaults}{named}</Types>'


def _relations(targets: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'
