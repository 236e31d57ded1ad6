"""Draws the result of a poll as bars: by the numbers of the answers, whose words stand in the text beside it.

No font that every installation has holds Chinese, so that there are figures in the picture and no words. Pillow is
imported where one is drawn: between two polls a bot need not have it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from msgspec import Struct

from content.discreet import repr_without

WIDTH, ROW, EDGE = 720, 56, 32
_BAR, _WIDEST = 88, 528
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


def draw_bars(votes: Sequence[int]) -> Chart:
    """Draw a bar for each answer, as long as its votes are to the most that one has; always the same bytes."""
    from PIL import Image, ImageDraw, ImageFont

    height = 2 * EDGE + ROW * len(votes)
    image = Image.new("RGB", (WIDTH, height), _PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    most = max([*votes, 1])
    for place, number in enumerate(votes):
        middle = EDGE + ROW * place + ROW // 2
        top, bottom = middle - 14, middle + 14
        pen.text((EDGE, middle), f"{place + 1}.", font=font, fill=_INK, anchor="lm")
        pen.rounded_rectangle((_BAR, top, _BAR + _WIDEST, bottom), 6, fill=_TRACK)
        if number:
            pen.rounded_rectangle((_BAR, top, _BAR + max(12, _WIDEST * number // most), bottom), 6, fill=_RED)
        pen.text((WIDTH - EDGE, middle), str(number), font=font, fill=_INK, anchor="rm")
    written = io.BytesIO()
    image.quantize(32).save(written, "PNG", optimize=True)
    return Chart(data=written.getvalue(), width=WIDTH, height=height)
