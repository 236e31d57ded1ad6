"""Draws bars: the result of a poll by the numbers of its answers, and how many took part by weeks or months.

No font that every installation has holds Chinese, so that there are figures in the picture and no words; the words
stand in the text beside it. Pillow is imported where one is drawn: between two pictures a bot need not have it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from msgspec import Struct

from content.discreet import repr_without

WIDTH, ROW, EDGE = 720, 56, 32
_WIDEST, _RIGHT = 528, 616
_PAPER, _TRACK, _INK, _RED = "#ffffff", "#eeeae3", "#1c1b19", "#a3201d"


class Chart(Struct, frozen=True, kw_only=True):
    """A picture that was drawn."""

    data: bytes
    width: int
    height: int
    mimetype: str = "image/png"
    name: str = "poll.png"

    def __repr__(self) -> str:
        return repr_without(self, "data")


class Row(Struct, frozen=True, kw_only=True):
    """One bar: what stands before and behind it, and how far it is filled out of so many."""

    label: str
    value: str
    part: int
    of: int


def draw_bars(votes: Sequence[int]) -> Chart:
    """Draw a bar for each answer, as long as its votes are to the most that one has; always the same bytes."""
    most = max([*votes, 1])
    rows = [Row(label=f"{place}.", value=str(one), part=one, of=most) for place, one in enumerate(votes, start=1)]
    return _draw(rows, widest=_WIDEST, name="poll.png")


def draw_shares(shares: Sequence[tuple[str, int | None]]) -> Chart:
    """Draw a bar for each week or month, as long as its percent; one in which nobody was asked has a dash."""
    rows = [
        Row(label=label, value="-" if percent is None else f"{percent}%", part=percent or 0, of=100)
        for label, percent in shares
    ]
    return _draw(rows, widest=_WIDEST - 80, name="digest.png")


def _draw(rows: Sequence[Row], *, widest: int, name: str) -> Chart:
    from PIL import Image, ImageDraw, ImageFont

    height, left = 2 * EDGE + ROW * len(rows), _RIGHT - widest
    image = Image.new("RGB", (WIDTH, height), _PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    for place, row in enumerate(rows):
        middle = EDGE + ROW * place + ROW // 2
        top, bottom = middle - 14, middle + 14
        pen.text((EDGE, middle), row.label, font=font, fill=_INK, anchor="lm")
        pen.rounded_rectangle((left, top, _RIGHT, bottom), 6, fill=_TRACK)
        if row.part:
            pen.rounded_rectangle((left, top, left + max(12, widest * row.part // row.of), bottom), 6, fill=_RED)
        pen.text((WIDTH - EDGE, middle), row.value, font=font, fill=_INK, anchor="rm")
    written = io.BytesIO()
    image.quantize(32).save(written, "PNG", optimize=True)
    return Chart(data=written.getvalue(), width=WIDTH, height=height, name=name)
