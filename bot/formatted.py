"""What a message shows to those whose client reads formatting: its text, and the addresses behind its words.

Everything here is one pass over the text, whatever somebody has put into it: it runs for every message in a room.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

LARGEST = 65_536
"""Signs that are read; an event of Matrix holds no more."""

LONGEST_LINK = 2_000
"""Signs of an address that are looked at."""

_QUOTE = (re.compile("<mx-reply>", re.IGNORECASE), re.compile("</mx-reply>", re.IGNORECASE))
_COMMENT = (re.compile("<!--"), re.compile("-->"))
_TAG = re.compile(r"<([^<>]*)>")
_NEW_LINE = re.compile(r"/?(?:br|p|div|li|ul|ol|tr|table|h[1-6]|blockquote|pre|hr|details|summary)\b", re.IGNORECASE)
_LEADS = re.compile(r"a[\s/]", re.IGNORECASE)
_ADDRESS = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def html_of(content: dict[str, Any]) -> str:
    """Return what a message says formatted, without what it quotes before a reply."""
    found = content.get("formatted_body")
    return _without(found[:LARGEST], *_QUOTE) if isinstance(found, str) else ""


def links_in(html: str) -> tuple[str, ...]:
    """Return the addresses behind the words of a formatted text."""
    inside = (tag for tag in _TAG.findall(_without(html, *_COMMENT)) if _LEADS.match(tag))
    found = (next(filter(None, parts), "") for tag in inside for parts in _ADDRESS.findall(tag))
    return tuple(unescape(one)[:LONGEST_LINK] for one in found if one)


def text_in(html: str) -> str:
    """Return the words of a formatted text as they are shown."""
    shown = _TAG.sub(lambda tag: "\n" if _NEW_LINE.match(tag[1]) else "", _without(html, *_COMMENT))
    return unescape(shown).strip()


def shown_beside(body: str, html: str) -> str:
    """Return what a formatted text shows that its plain one does not say; nothing where both say the same."""
    shown = text_in(html)
    return "" if _bare(shown) in _bare(body) else shown


def whole_text(content: dict[str, Any]) -> str:
    """Return all that a message says, plain and, where that is something else, formatted."""
    body = content.get("body")
    plain = body if isinstance(body, str) else ""
    return "\n".join(part for part in (plain, shown_beside(plain, html_of(content))) if part)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _without(text: str, begins: re.Pattern[str], ends: re.Pattern[str]) -> str:
    """Cut out what stands between two marks, with them; where the second is missing, nothing."""
    kept, at = [], 0
    while (first := begins.search(text, at)) is not None and (last := ends.search(text, first.end())) is not None:
        kept.append(text[at : first.start()])
        at = last.end()
    kept.append(text[at:])
    return "".join(kept)
