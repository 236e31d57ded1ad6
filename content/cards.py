"""What a lesson or an event looks like in its room: pictures, text, and the live line that is edited in place."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from content import markup
from content.checkins import State
from content.decision import Words, words
from content.lessons import Lesson, Picture
from content.occurrences import PUNCTUAL
from content.occurrences import State as OccurrenceState
from content.participation import share

Say = Callable[[Words], str]

PART_BYTES = 20_000
"""Of one message's text; plain and HTML together, encrypted, stay well below an event's 65,536 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a card: text with its HTML, or a picture."""

    body: str = ""
    html: str = ""
    picture: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an occurrence stands at the moment its card is shown; ``shown_at`` is when it first reached its room."""

    due_at: datetime
    shown_at: datetime
    closes_at: datetime
    state: OccurrenceState
    numbers: Mapping[State, int]


def parts(lesson: Lesson) -> int:
    """Return into how many messages a lesson falls; the last of them is the live card."""
    return len(lesson.pictures) + len(_texts(lesson))


def compose(lesson: Lesson, standing: Standing, say: Say) -> tuple[Message, ...]:
    """Return the messages of a card: pictures first, then the text, ending on the live card."""
    return _composed(lesson, _head(lesson, standing, say), _foot(lesson, standing, say))


def compose_again(lesson: Lesson, standing: Standing, say: Say) -> tuple[Message, ...]:
    """Return the same for one person who wants to read it in private: what they can do there, and no numbers."""
    if standing.state is OccurrenceState.OPEN:
        foot = say(words("card.ask_in_private", until=standing.closes_at))
    else:
        foot = say(words("card.closed_in_private"))
    return _composed(lesson, _head(lesson, standing, say), [foot])


def _composed(lesson: Lesson, head: list[str], foot: list[str]) -> tuple[Message, ...]:
    pictures = [Message(body=picture.alternative or picture.name, picture=picture) for picture in lesson.pictures]
    texts = _texts(lesson)
    messages = []
    for number, text in enumerate(texts):
        last = number == len(texts) - 1
        above = head if number == 0 else []
        below = foot if last else []
        messages.append(_message(above, text, below))
    return (*pictures, *messages)


def _texts(lesson: Lesson) -> tuple[str, ...]:
    """Return the text in parts, without the lines that are pictures: those are messages of their own."""
    shown = "|".join(re.escape(picture.name) for picture in lesson.pictures)
    body = re.sub(rf"^!\[[^\]\n]*\]\((?:{shown})\)[ \t]*$\n?", "", lesson.body, flags=re.M) if shown else lesson.body
    return markup.split(body, PART_BYTES)


@lru_cache(maxsize=64)
def _shown(text: str) -> tuple[str, str]:
    """Return a part's plain text and HTML; kept in memory, because each answer may show its card again."""
    return markup.to_plain(text).strip(), markup.to_html(text)


def _message(above: list[str], text: str, below: list[str]) -> Message:
    plain, rendered = _shown(text)
    body = "\n".join([*above, *([""] if above else []), plain, *([""] if below else []), *below])
    parts = []
    if above:
        title, *rest = above
        lines = "<br>".join([f"<strong>{html.escape(title)}</strong>", *(html.escape(line) for line in rest)])
        parts.append(f"<p>{lines}</p>")
    parts.append(rendered)
    if below:
        parts.append("<p>" + "<br>".join(html.escape(line) for line in below) + "</p>")
    return Message(body=body, html="".join(parts))


def _head(lesson: Lesson, standing: Standing, say: Say) -> list[str]:
    lines = [say(words(f"card.title_{lesson.kind}", title=lesson.title, minutes=lesson.minutes))]
    if lesson.source and lesson.dated:
        lines.append(say(words("card.source_dated", source=lesson.source, dated=lesson.dated.isoformat())))
    elif lesson.source:
        lines.append(say(words("card.source", source=lesson.source)))
    if standing.shown_at - standing.due_at > PUNCTUAL:
        lines.append(say(words("card.late", due=standing.due_at)))
    return lines


def _foot(lesson: Lesson, standing: Standing, say: Say) -> list[str]:
    counted = share(standing.numbers)
    lines = []
    if standing.state is OccurrenceState.OPEN:
        lines.append(say(words(f"card.ask_{lesson.kind}", until=standing.closes_at)))
    else:
        lines.append(say(words(f"card.closed_{lesson.kind}")))
    count = f"card.count_{lesson.kind}" if not counted.excused else f"card.count_excused_{lesson.kind}"
    lines.append(say(words(count, done=counted.took_part, asked=counted.asked, excused=counted.excused)))
    return lines
