"""What a lesson or an event looks like in its room: media, text, and the live line that is edited in place."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from msgspec import Struct, field

from content import markup
from content.checkins import State
from content.decision import Words, words
from content.lectures import Lecture
from content.lessons import ASKING, Lesson
from content.media import Medium, caption
from content.notices import Shown, lines_of
from content.notices import State as Meeting
from content.occurrences import PUNCTUAL
from content.occurrences import State as OccurrenceState
from content.participation import share

Say = Callable[[Words], str]

PART_BYTES = 20_000
"""Of one message's text; plain and HTML together, encrypted, stay well below an event's 65,536 bytes."""


class Message(Struct, frozen=True, kw_only=True):
    """One message of a card: text with its HTML, or a medium with its caption."""

    body: str = ""
    html: str = ""
    medium: Medium | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """How an occurrence stands at the moment its card is shown; ``shown_at`` is when it first reached its room.

    ``chosen`` is how many come to each session of a lecture.
    """

    due_at: datetime
    shown_at: datetime
    closes_at: datetime
    state: OccurrenceState
    numbers: Mapping[State, int]
    corrected_at: datetime | None = None
    correction: str = ""
    chosen: Mapping[int, int] = field(default_factory=dict)
    meeting: Shown | None = None


def parts(lesson: Lesson) -> int:
    """Return into how many messages a lesson falls; the last of them is the live card."""
    return len(lesson.media) + text_parts(lesson)


def text_parts(lesson: Lesson) -> int:
    """Return into how many messages the text of a lesson falls, at least one."""
    return len(_texts(lesson))


def compose(lesson: Lesson, standing: Standing, say: Say, *, live: int | None = None) -> tuple[Message, ...]:
    """Return the messages of a card: media first, then the text.

    ``live`` is the number of the text that carries the ask and the numbers, the last one where none is named.
    """
    return _composed(lesson, _head(lesson, standing, say), _foot(lesson, standing, say), say, live)


def compose_again(lesson: Lesson, standing: Standing, say: Say) -> tuple[Message, ...]:
    """Return the same for one person who wants to read it in private: what they can do there, and no numbers."""
    if standing.meeting is not None:
        foot = [say(words(key)) for key in _asks_of_meeting(standing.meeting, standing)]
        return _composed(lesson, _head(lesson, standing, say), foot, say)
    foot = _sessions(lesson.lecture, lesson.minutes, say) if lesson.lecture is not None else []
    if lesson.kind in ASKING and standing.state is OccurrenceState.OPEN:
        foot.append(say(words("card.ask_in_private", until=standing.closes_at)))
    elif lesson.kind in ASKING:
        foot.append(say(words("card.closed_in_private")))
    return _composed(lesson, _head(lesson, standing, say), foot, say)


def compose_first(lesson: Lesson, say: Say) -> tuple[Message, ...]:
    """Return the messages of a card as they will be, for whoever wants to see it first; nothing can be answered."""
    head = [*_title(lesson, say), say(words("card.preview"))]
    sessions = _sessions(lesson.lecture, lesson.minutes, say) if lesson.lecture is not None else []
    return _composed(lesson, head, [*sessions, say(words("card.preview_foot"))], say)


def _composed(
    lesson: Lesson, head: list[str], foot: list[str], say: Say, live: int | None = None
) -> tuple[Message, ...]:
    media = [Message(body=say(caption(medium)), medium=medium) for medium in lesson.media]
    texts = _texts(lesson)
    messages = []
    for number, text in enumerate(texts):
        is_live = number == (len(texts) - 1 if live is None else live)
        above = head if number == 0 else []
        below = foot if is_live else []
        messages.append(_message(above, text, below))
    return (*media, *messages)


def read_alone(lesson: Lesson, say: Say) -> str:
    """Return a lesson as plain text that asks nothing of anyone: what it is, where it is from, and what it says."""
    media = [say(caption(medium)) for medium in lesson.media]
    texts = [_shown(text)[0] for text in _texts(lesson)]
    if lesson.lecture is not None:
        texts.append("\n".join(_sessions(lesson.lecture, lesson.minutes, say)))
    return "\n\n".join(part for part in ["\n".join(_title(lesson, say)), *texts, "\n".join(media)] if part)


def plain_text(messages: Iterable[Message]) -> str:
    """Return messages as one plain text."""
    return "\n\n".join(message.body for message in messages)


def _texts(lesson: Lesson) -> tuple[str, ...]:
    """Return the text in parts, without the lines that name media: those are messages of their own."""
    shown = "|".join(re.escape(medium.name) for medium in lesson.media)
    body = re.sub(rf"^!\[[^\]\n]*\]\((?:{shown})\)[ \t]*$\n?", "", lesson.body, flags=re.M) if shown else lesson.body
    # A lesson that is nothing but media still needs its live card.
    return markup.split(body, PART_BYTES) or ("",)


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


def _title(lesson: Lesson, say: Say) -> list[str]:
    lines = [say(words(_title_key(lesson), title=lesson.title, minutes=lesson.minutes))]
    if lesson.lecture is not None:
        lines.append(say(words("card.speaker", speaker=lesson.lecture.speaker)))
    if lesson.source and lesson.dated:
        lines.append(say(words("card.source_dated", source=lesson.source, dated=lesson.dated.isoformat())))
    elif lesson.source:
        lines.append(say(words("card.source", source=lesson.source)))
    return lines


def _title_key(lesson: Lesson) -> str:
    if lesson.lecture is not None and lesson.lecture.party:
        return "card.title_party_lecture"
    return f"card.title_{lesson.kind}"


def _sessions(lecture: Lecture, minutes: int, say: Say, numbers: Mapping[int, int] | None = None) -> list[str]:
    """Say when and where a lecture is given, and how many come to which session where that is to be chosen."""
    if len(lecture.sessions) == 1:
        (one,) = lecture.sessions
        return [say(words("card.session", begins=one.begins, place=one.place, minutes=minutes))]
    key, chosen = "card.session_alone" if numbers is None else "card.session_chosen", numbers or {}
    return [
        say(
            words(
                key,
                number=number,
                begins=one.begins,
                place=one.place,
                minutes=minutes,
                n=chosen.get(number, 0),
            )
        )
        for number, one in enumerate(lecture.sessions, start=1)
    ]


def _ask_key(lesson: Lesson) -> str:
    sessions = len(lesson.lecture.sessions) if lesson.lecture is not None else 1
    return "card.ask_lecture_sessions" if sessions > 1 else f"card.ask_{lesson.kind}"


def _head(lesson: Lesson, standing: Standing, say: Say) -> list[str]:
    lines = _title(lesson, say) if standing.meeting is None else _meeting(lesson, standing.meeting, say)
    if standing.shown_at - standing.due_at > PUNCTUAL and standing.meeting is None:
        lines.append(say(words("card.late", due=standing.due_at)))
    if standing.corrected_at is not None and standing.correction:
        lines.append(say(words("card.corrected_why", at=standing.corrected_at, reason=standing.correction)))
    elif standing.corrected_at is not None:
        lines.append(say(words("card.corrected", at=standing.corrected_at)))
    return lines


def _foot(lesson: Lesson, standing: Standing, say: Say) -> list[str]:
    if lesson.kind not in ASKING:
        return []
    if standing.meeting is not None:
        return _foot_of_meeting(standing.meeting, standing, say)
    counted = share(standing.numbers)
    lines = []
    if lesson.lecture is not None:
        lines += _sessions(lesson.lecture, lesson.minutes, say, standing.chosen)
    if standing.state is OccurrenceState.OPEN:
        lines.append(say(words(_ask_key(lesson), until=standing.closes_at)))
    else:
        lines.append(say(words(f"card.closed_{lesson.kind}")))
    count = f"card.count_{lesson.kind}" if not counted.excused else f"card.count_excused_{lesson.kind}"
    lines.append(say(words(count, done=counted.took_part, asked=counted.asked, excused=counted.excused)))
    return lines


def _meeting(lesson: Lesson, shown: Shown, say: Say) -> list[str]:
    """Return what stands above the agenda of a meeting."""
    lines = [say(words(f"meeting.title_{shown.form}", title=lesson.title)), *map(say, lines_of(shown))]
    return [*lines, say(words("meeting.agenda"))] if lesson.body else lines


def _asks_of_meeting(shown: Shown, standing: Standing) -> tuple[str, ...]:
    """Return what the card of a meeting asks for: first who will come, and from its beginning who is there."""
    if shown.state is Meeting.CANCELLED:
        return ()
    if standing.state is not OccurrenceState.OPEN or shown.state is Meeting.CLOSED:
        return ("meeting.roll_closed",)
    if shown.state is Meeting.HELD:
        return ("meeting.ask_there",)
    return ("meeting.ask_coming", *(("meeting.ask_session",) if shown.sessions else ()), "meeting.no_vote_here")


def _foot_of_meeting(shown: Shown, standing: Standing, say: Say) -> list[str]:
    lines = [say(words(key)) for key in _asks_of_meeting(shown, standing)]
    counted = share(standing.numbers)
    if shown.state is Meeting.CANCELLED:
        return lines
    coming = shown.state is Meeting.PLANNED
    key = "meeting.count_coming" if coming else "meeting.count_there"
    number = shown.coming if coming else counted.took_part
    return [*lines, say(words(key, done=number, excused=counted.excused, asked=counted.asked))]
