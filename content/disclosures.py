"""我的数据: what is held about one person, as one file that a person can read and a program too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from msgspec import Struct

from content.decision import Decision, Disclose, Fact, Refusal, Words, refused, words
from content.identifiers import UserId

RHYTHM = timedelta(hours=1)
"""How often one person may ask for the file."""

MIMETYPE = "text/plain"

TECHNICAL = frozenset({"cause", "event_id"})
"""What only a program can use; it stands in the second part of the file."""

Value = str | int | bool | datetime | date | time | Words | Sequence[Any] | Mapping[str, Any] | None
Say = Callable[[Words], str]


class Section(Struct, frozen=True, kw_only=True):
    """What one table holds about a person; ``readable`` ones are written out, of others the text says how many."""

    name: str
    readable: bool
    rows: tuple[Mapping[str, Value], ...]


class DisclosureAsked(Fact, frozen=True, kw_only=True):
    """A person asked for what is held about them."""

    user: UserId
    at: datetime


def ask_disclosure(user: UserId, last: datetime | None, *, now: datetime) -> Decision | Refusal:
    """Send the file, at most once in its rhythm; ``last`` is when it was last asked for."""
    if last is not None and now - last < RHYTHM:
        return refused("disclosure.too_soon", again=last + RHYTHM)
    return Decision(facts=(DisclosureAsked(user=user, at=now),), effects=(Disclose(user=user),))


def compose(sections: Sequence[Section], user: UserId, say: Say, *, now: datetime) -> str:
    """Write the file: what a person can read first, and the same as JSON, whole, after it.

    Texts of people are put in as they are: the file is plain text, and nothing in it is ever a pattern.
    """
    lines = [
        say(words("disclosure.title", user=user, at=now, year=now.year)),
        "",
        say(words("disclosure.lead")),
        "",
    ]
    for section in sections:
        if section.rows:
            lines += [_heading(section, say), *_readable(section, say), ""]
    empty = [_heading(section, say) for section in sections if not section.rows]
    lines += [say(words("disclosure.nothing")), *empty, ""]
    lines += [say(words("disclosure.whole")), "", json.dumps(_plain(sections), ensure_ascii=False, indent=2), ""]
    return "\n".join(lines)


def _heading(section: Section, say: Say) -> str:
    return say(words(f"disclosure.held_{section.name}"))


def _readable(section: Section, say: Say) -> list[str]:
    if not section.readable:
        return [say(words("disclosure.number", n=len(section.rows)))]
    return [_line(row, say) for row in section.rows]


def _line(row: Mapping[str, Value], say: Say) -> str:
    """Write one row: the name of each thing and what it is, without what is empty or not so."""
    parts = [
        say(words("disclosure.pair", name=say(words(f"disclosure.field_{name}")), value=_shown(value, say)))
        for name, value in row.items()
        if name not in TECHNICAL and value not in (None, "", [], (), False)
    ]
    return "- " + say(words("disclosure.comma")).join(parts)


def _shown(value: Value, say: Say) -> str:
    match value:
        case Words():
            return say(value)
        case bool():
            return say(words("disclosure.yes"))
        case datetime():
            return say(words("disclosure.instant", at=value, year=value.year))
        case str():
            return value
        case list() | tuple():
            return say(words("disclosure.and")).join(_shown(one, say) for one in value)
        case dict():
            return json.dumps(_bare(value), ensure_ascii=False)
    return str(value)


def _plain(sections: Sequence[Section]) -> dict[str, Any]:
    return {
        section.name: [{name: _bare(value) for name, value in row.items()} for row in section.rows]
        for section in sections
    }


def _bare(value: Any) -> Any:
    """Return a value as JSON has it; words as their key and what fills them."""
    match value:
        case Words() if not value.parameters:
            return value.key
        case Words():
            return {"key": value.key, "parameters": {name: _bare(one) for name, one in value.parameters.items()}}
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return {str(name): _bare(one) for name, one in value.items()}
        case list() | tuple():
            return [_bare(one) for one in value]
    return value
