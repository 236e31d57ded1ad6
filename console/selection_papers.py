"""The papers of choosing model members: forms, the summary, the notice; in Chinese, as they are filed.

The votes are a reference and not the only ground: every paper that shows them says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct

from console.word import Block, Grid, Heading, Paragraph, write_docx
from content.decision import words
from content.identifiers import MemberId, OrganisationId
from content.model_members import Nominee, Selection, Stage, Standing, chosen_of
from content.speech import Reader, Speech

CHINESE = Reader(language="zh_CN")
MISSING = "（待补充）"
"""What stands where nobody has said anything yet."""

COLUMNS = ("number", "name", "post", "deeds", "nominators", "votes", "opinion", "publicity", "result")


class Known(Struct, frozen=True, kw_only=True):
    """All that a paper may say; nominees by the strokes of their names."""

    selection: Selection
    organisation: str
    nominees: tuple[Nominee, ...]
    nominations: Mapping[MemberId, tuple[tuple[MemberId, OrganisationId | None, str], ...]]
    names: Mapping[MemberId, str]
    posts: Mapping[MemberId, str]
    groups: Mapping[OrganisationId, str]


Write = Callable[[Known, Speech], bytes | None]
Row = tuple[str | int | None, ...]


def sheet(known: Known, speech: Speech) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return head and rows of the sheet as it is filed."""
    say = _saying(speech)
    return tuple(say(f"selections.column_{name}") for name in COLUMNS), tuple(
        (place, *_row(known, one, say)) for place, one in enumerate(known.nominees, start=1)
    )


def summary(known: Known, speech: Speech) -> bytes:
    """Write 汇总表: everyone who was nominated, with the votes and what was decided."""
    header, rows = sheet(known, speech)
    say = _saying(speech)
    grid = Grid(header=header, rows=tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows))
    blocks: list[Block] = [grid, Paragraph(text=say("selection.reference"))]
    if known.selection.departure:
        blocks.append(Paragraph(text=say("selections.departed", reason=known.selection.departure)))
    blocks.append(Paragraph(text=known.organisation, right=True))
    return write_docx(say("selections.paper_summary", title=known.selection.title), blocks, landscape=True)


def forms(known: Known, speech: Speech) -> bytes | None:
    """Write 推荐表, one for each who goes forward."""
    say = _saying(speech)
    out = (Standing.NOMINATED, Standing.CONSENTED, Standing.WITHDRAWN)
    blocks: list[Block] = []
    for one in known.nominees:
        if one.standing in out:
            continue
        blocks.append(Heading(text=known.names.get(one.member, MISSING)))
        cells = zip(COLUMNS[2:], _row(known, one, say)[1:], strict=True)
        rows = tuple((say(f"selections.column_{name}"), _filled(cell)) for name, cell in cells)
        blocks.append(Grid(header=(say("selections.item"), say("selections.content")), rows=rows))
        blocks.append(Paragraph(text=say("selection.reference")))
    return write_docx(say("selections.paper_forms", title=known.selection.title), blocks) if blocks else None


def notice(known: Known, speech: Speech) -> bytes | None:
    """Write 公示 as it is hung up: whom, from when to when, and who takes objections."""
    one, say = known.selection, _saying(speech)
    if one.posted_on is None or one.ends_on is None or one.contact is None:
        return None
    chosen = "、".join(known.names.get(each.member, MISSING) for each in chosen_of(known.nominees))
    blocks: list[Block] = [
        Paragraph(text=say("selections.notice_body", organisation=known.organisation, title=one.title, names=chosen)),
        Paragraph(text=say("selections.notice_span", posted=_day(one.posted_on), last=_day(one.ends_on))),
        Paragraph(text=say("selections.notice_contact", name=known.names.get(one.contact, MISSING))),
        Paragraph(text=say("selections.notice_phone", phone=one.phone or MISSING)),
    ]
    if not one.confirmed:
        blocks.append(Paragraph(text=say("selections.unconfirmed")))
    blocks += [Paragraph(text=known.organisation, right=True), Paragraph(text=_day(one.posted_on), right=True)]
    return write_docx(say("selections.paper_notice", title=one.title), blocks)


SHEETS: Mapping[str, Write] = {"forms": forms, "summary": summary, "notice": notice}
READY: Mapping[str, frozenset[Stage]] = {
    "forms": frozenset(Stage) - {Stage.CALLED, Stage.ENDED},
    "summary": frozenset(Stage),
    "notice": frozenset({Stage.PUBLIC, Stage.ANNOUNCED}),
}
"""At which stages there is which paper."""


def _row(known: Known, one: Nominee, say: Callable[..., str]) -> Row:
    selection = known.selection
    by = "、".join(
        known.groups.get(group, MISSING) if group else known.names.get(member, MISSING)
        for member, group, _ in known.nominations.get(one.member, ())
    )
    shown = one.standing is Standing.CHOSEN and selection.posted_on is not None and selection.ends_on is not None
    span = f"{selection.posted_on} – {selection.ends_on}" if shown else ""
    return (
        known.names.get(one.member, MISSING),
        known.posts.get(one.member) or MISSING,
        one.deeds or MISSING,
        by,
        one.votes,
        one.opinion or one.reason,
        span,
        say(f"selection.standing_{one.standing}"),
    )


def _filled(cell: str | int | None) -> str:
    return MISSING if cell in (None, "") else str(cell)


def _saying(speech: Speech) -> Callable[..., str]:
    def say(key: str, **parameters: str | int) -> str:
        return speech.say(words(key, **parameters), CHINESE)

    return say


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
