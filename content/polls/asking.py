"""Asking: which questions a poll of our own may have, polls that members begin in their clients, and edits of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import EventId, PollId, RoomId, UserId, derive
from content.polls.sheets import Answer, Poll, Sheet, State
from content.quiet import LONGEST_REASON

MOST_ANSWERS = 20
"""MSC3381: what stands beyond the 20th answer does not exist."""
LONGEST_QUESTION = 200
LONGEST_ANSWER = 100
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)
_SECRET_WORDS = ("匿名", "无记名", "不记名")


class PollOpened(Fact, frozen=True, kw_only=True):
    """A poll was accepted; it is on its way to its room, or stands there already.

    ``begins`` is when the quiet hours end that hold it.
    """

    poll: Poll
    author: UserId
    at: datetime
    begins: datetime | None = None


class PollShown(Fact, frozen=True, kw_only=True):
    """A poll stands in its room as this event."""

    poll: PollId
    event: EventId


class PollReworded(Fact, frozen=True, kw_only=True):
    """Who began a poll edited it before anyone had voted."""

    poll: PollId
    sheet: Sheet
    odd_limit: bool


class PollEditedLate(Fact, frozen=True, kw_only=True):
    """Who began a poll edited it after votes had come; the edit changes nothing, and the result says so."""

    poll: PollId


class SendPoll(Effect, frozen=True, kw_only=True):
    """Put a poll into its room as a native poll, once quiet hours let it; ``urgent`` is why they do not hold it."""

    poll: PollId
    room: RoomId
    expires_at: datetime | None
    not_before: datetime | None = None
    urgent: str = ""


def open_poll(
    poll: Poll, *, author: UserId, now: datetime, free_at: datetime | None = None, urgent: str = ""
) -> Decision | Refusal:
    """Accept a poll of our own, unless it cannot be meant.

    ``free_at`` is when the room may hear something again: until then it is held, unless it is said why it cannot wait.
    """
    held = free_at if free_at is not None and free_at > now and not urgent else None
    trouble = next(troubles_of(poll, now, urgent=urgent), None)
    if trouble is None and held is not None and poll.closes_at is not None and poll.closes_at < held + SHORTEST:
        trouble = refused("poll.ends_in_quiet", field="date", until=held)
    if trouble is not None:
        return trouble
    send = SendPoll(poll=poll.id, room=poll.room, expires_at=poll.closes_at, not_before=held, urgent=urgent)
    return Decision(facts=(PollOpened(poll=poll, author=author, at=now, begins=held),), effects=(send,))


def troubles_of(poll: Poll, now: datetime, *, urgent: str = "") -> Iterator[Refusal]:
    """Yield all for which a poll cannot be meant."""
    yield from _troubles(poll.sheet)
    if (late := _bad_time(poll.closes_at, now)) is not None:
        yield late
    if len(urgent) > LONGEST_REASON:
        yield refused("missed.reason_is_long", field="urgent", most=LONGEST_REASON)


def held_until(answer: Decision) -> datetime | None:
    """Return until when quiet hours hold the poll that was accepted, ``None`` where it goes out at once."""
    return next((fact.begins for fact in answer.facts if isinstance(fact, PollOpened)), None)


def number_answers(poll: PollId, texts: Iterable[str]) -> tuple[Answer, ...]:
    """Give each answer an id that says nothing about it."""
    return tuple(
        Answer(id=derive(poll, "answer", place), text=text.strip()) for place, text in enumerate(texts, start=1)
    )


def _troubles(sheet: Sheet) -> Iterator[Refusal]:
    texts = [answer.text for answer in sheet.answers]
    if not sheet.question or len(sheet.question) > LONGEST_QUESTION:
        yield refused("poll.bad_question", field="question", most=LONGEST_QUESTION)
    if any(word in text for word in _SECRET_WORDS for text in (sheet.question, *texts)):
        yield refused("poll.not_secret", field="question")
    if not 2 <= len(texts) <= MOST_ANSWERS:
        yield refused("poll.bad_number_of_answers", field="answers", most=MOST_ANSWERS)
    if any(not text or len(text) > LONGEST_ANSWER for text in texts):
        yield refused("poll.bad_answer", field="answers", most=LONGEST_ANSWER)
    if len({text.casefold() for text in texts}) < len(texts):
        yield refused("poll.repeated_answer", field="answers")
    if len(texts) >= 2 and not 1 <= sheet.most <= len(texts):
        yield refused("poll.bad_limit", field="most", most=len(texts))


def _bad_time(closes_at: datetime | None, now: datetime) -> Refusal | None:
    if closes_at is None:
        return None
    if closes_at < now + SHORTEST:
        return refused("poll.too_soon", field="date", closes=closes_at)
    return refused("poll.too_far", field="date") if closes_at > now + LONGEST else None


def adopt_poll(poll: Poll, *, now: datetime) -> Decision:
    """Count a poll that a person with the right began in their own client."""
    assert poll.starter is not None
    heard = Tell(user=poll.starter, words=words("poll.adopted", question=poll.sheet.question), quiet=True)
    return Decision(facts=(PollOpened(poll=poll, author=poll.starter, at=now),), effects=(heard,))


def see_shown(poll: Poll, event: EventId) -> Decision | None:
    """Learn from our own event in the room that a poll stands there."""
    return None if poll.event is not None else Decision(facts=(PollShown(poll=poll.id, event=event),))


def reword(poll: Poll, sheet: Sheet, *, odd_limit: bool, any_votes: bool) -> Decision | None:
    """Take an edit of the question by who began the poll: it counts before the first response only."""
    if poll.state in (State.CLOSED, State.WITHDRAWN):
        return None
    if any_votes:
        return Decision(facts=(PollEditedLate(poll=poll.id),))
    return Decision(facts=(PollReworded(poll=poll.id, sheet=sheet, odd_limit=odd_limit),))


def invitation(poll: Poll) -> Words:
    """Return the poll in plain words, for clients that show no polls and for private lists."""
    options = tuple(
        words("poll.option", number=number, answer=answer.text)
        for number, answer in enumerate(poll.sheet.answers, start=1)
    )
    if poll.closes_at is None:
        until: tuple[Words, ...] = ()
    else:
        until = (words("poll.until", closes=poll.closes_at),)
    how = words("poll.how_one") if poll.sheet.most == 1 else words("poll.how_many", n=poll.sheet.most)
    shown = words("poll.is_disclosed") if poll.sheet.disclosed else words("poll.is_undisclosed")
    lines = (words("poll.title", question=poll.sheet.question), *options, how, *until, shown)
    return words("poll.lines", lines=lines)


def shown_question(poll: Poll) -> Words:
    """Return the question as clients show it, with the deadline, for which their polls have no place."""
    if poll.closes_at is None:
        return words("poll.question", question=poll.sheet.question)
    return words("poll.question_until", question=poll.sheet.question, closes=poll.closes_at)
