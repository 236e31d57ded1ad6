"""The only place where HTML of our own making is handed to a page as it is: everything else is escaped."""

from __future__ import annotations

import io
import re

from markupsafe import Markup

from content.cards import Message

_QUIET = 4
"""Modules of white around a picture, without which some phones do not find it."""


def card_html(message: Message) -> Markup:
    """Return a message's HTML as members see it; the rules of content have already left only harmless tags in it.

    Its headings step down by two, so that they stand below the page's own.
    """
    lower = re.sub(r"<(/?)h([1-4])>", lambda found: f"<{found[1]}h{int(found[2]) + 2}>", message.html)
    return Markup(lower)  # noqa: S704 - cleaned by content.markup, the rest is escaped there


def qr_picture(address: str) -> Markup:
    """Return a picture of an address that a phone reads; drawn here, so that nobody else learns of it.

    It has no size of its own, so that it is whole in whatever room the page gives it.
    """
    import segno

    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn, kind="svg", border=_QUIET, dark="#000", light="#fff", xmldecl=False, svgns=True, nl=False, omitsize=True
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - the library writes numbers into one path, no text of ours
