"""The shapes of poll events: both families of MSC3381 are read; the unstable one, which clients know, is sent."""

from __future__ import annotations

from typing import Any

from bot.matrix import border
from content.polls import MOST_ANSWERS, Answer, Sheet

START, RESPONSE, END = (f"org.matrix.msc3381.poll.{name}" for name in ("start", "response", "end"))
STARTS = frozenset({START, "m.poll.start"})
RESPONSES = frozenset({RESPONSE, "m.poll.response"})
ENDS = frozenset({END, "m.poll.end"})
_DISCLOSED = frozenset({"org.matrix.msc3381.poll.disclosed", "m.disclosed"})
_TEXT = "org.matrix.msc1767.text"
LONGEST_TEXT = 400
LONGEST_ID = 255


def read_start(content: dict[str, Any]) -> tuple[Sheet, bool] | None:
    """Return what a start event asks, and whether its limit made no sense; ``None`` when it is no poll.

    Answers beyond the 20th do not exist; an unknown kind is undisclosed; a limit that is no number from 1 on means 1.
    """
    asked = border.mapping(content.get(START)) or border.mapping(content.get("m.poll"))
    question = _text(asked.get("question"))
    answers: dict[str, Answer] = {}
    for written in border.sequence(asked.get("answers"))[:MOST_ANSWERS]:
        one = border.mapping(written)
        id, text = one.get("id", one.get("m.id")), _text(one)  # noqa: A001 - the word of the event
        if isinstance(id, str) and 0 < len(id) <= LONGEST_ID and text:
            answers.setdefault(id, Answer(id=id, text=text))
    if not question or not answers:
        return None
    most = asked.get("max_selections", 1)
    sensible = type(most) is int and most >= 1
    sheet = Sheet(
        question=question,
        answers=tuple(answers.values()),
        most=min(most, MOST_ANSWERS) if sensible else 1,
        disclosed=asked.get("kind") in _DISCLOSED if isinstance(asked.get("kind"), str) else False,
    )
    return sheet, not sensible


def read_selections(content: dict[str, Any]) -> object:
    """Return what stands where a response names its answers, whatever it is."""
    if RESPONSE in content:
        return border.mapping(content[RESPONSE]).get("answers")
    return content.get("m.selections")


def refers_to(content: dict[str, Any], relation: str = "m.reference") -> str | None:
    """Return the event that an event is about by a relation of this kind."""
    related = border.mapping(content.get("m.relates_to"))
    return border.text_or_none(related.get("event_id")) if related.get("rel_type") == relation else None


def write_start(sheet: Sheet, question: str, fallback: str) -> dict[str, Any]:
    """Return the content of a start event; ``question`` is as it is shown, ``fallback`` the whole poll in words."""
    kind = "disclosed" if sheet.disclosed else "undisclosed"
    return {
        START: {
            "kind": f"org.matrix.msc3381.poll.{kind}",
            "max_selections": sheet.most,
            "question": {_TEXT: question},
            "answers": [{"id": answer.id, _TEXT: answer.text} for answer in sheet.answers],
        },
        _TEXT: fallback,
    }


def write_end(start: str, fallback: str) -> dict[str, Any]:
    """Return the content of the end event of a poll, with its result in words."""
    return {END: {}, _TEXT: fallback, "m.relates_to": {"rel_type": "m.reference", "event_id": start}}


def _text(part: object) -> str:
    """Find the text of a question or an answer in either family, cut to what we keep."""
    found = border.mapping(part)
    written = found.get(_TEXT)
    stable = found.get("m.text")
    if written is None and isinstance(stable, list):
        written = next((one["body"] for one in stable if isinstance(one, dict) and "body" in one), None)
    elif written is None:
        written = stable
    return written.strip()[:LONGEST_TEXT] if isinstance(written, str) else ""
