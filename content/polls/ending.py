"""The end of a poll: its result is published once, and corrected openly where more comes to light."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Words, refused, words
from content.identifiers import PollId, RoomId
from content.polls.counting import count, result_lines
from content.polls.sheets import Box, Count, Poll, State


class VotingStopped(Fact, frozen=True, kw_only=True):
    """The time of a poll is over; its end event goes to the room."""

    poll: PollId
    at: datetime


class PollEndHeard(Fact, frozen=True, kw_only=True):
    """The end of a poll stands in its room; what it comes to is to be counted."""

    poll: PollId
    ended_at: datetime
    at: datetime


class PollEnded(Fact, frozen=True, kw_only=True):
    """A poll that has ended was counted, and its result is published."""

    poll: PollId
    ended_at: datetime
    at: datetime
    result: Count


class PollRecounted(Fact, frozen=True, kw_only=True):
    """Something came to light after the result was published, and the figure was corrected openly."""

    poll: PollId
    ended_at: datetime
    result: Count


class PollWithdrawn(Fact, frozen=True, kw_only=True):
    """A poll was removed from its room, or never reached it."""

    poll: PollId
    at: datetime


class EndPoll(Effect, frozen=True, kw_only=True):
    """Send a poll's end event, which says the result as of then."""

    poll: PollId
    room: RoomId


class Announce(Effect, frozen=True, kw_only=True):
    """Say something about a poll in its room."""

    poll: PollId
    room: RoomId
    words: Words


class ShowChart(Effect, frozen=True, kw_only=True):
    """Draw the result of a poll in its room, as it stands when it is sent."""

    poll: PollId
    room: RoomId


def corrected(poll: Poll, fresh: Count, facts: tuple[Fact, ...], *, ended_at: datetime) -> Decision:
    """Keep a figure that came after the published one, and say in the room what is different."""
    if poll.result is not None:
        # The roster may have changed since; what is corrected is the count, not its base.
        fresh = replace(fresh, asked=poll.result.asked, unchecked=poll.result.unchecked)
    recounted = PollRecounted(poll=poll.id, ended_at=ended_at, result=fresh)
    if poll.result == fresh:
        return Decision(facts=(*facts, recounted) if ended_at != poll.ended_at else facts)
    said = words("poll.corrected", question=poll.sheet.question, lines=result_lines(poll, fresh))
    return Decision(facts=(*facts, recounted), effects=_shown(poll, said))


def stop_voting(poll: Poll, *, now: datetime, by_hand: bool = False) -> Decision | Refusal | None:
    """Send the end of a poll when its time is over, or when an organiser wants it to end now."""
    if by_hand and poll.starter is not None:
        return refused("poll.end_it_there", question=poll.sheet.question)
    if poll.state is not State.OPEN:
        return refused("poll.ended_already", question=poll.sheet.question) if by_hand else None
    if not by_hand and (poll.closes_at is None or now < poll.closes_at):
        return None
    return Decision(facts=(VotingStopped(poll=poll.id, at=now),), effects=(EndPoll(poll=poll.id, room=poll.room),))


def withdraw(poll: Poll, *, now: datetime) -> Decision | None:
    """Forget a poll that was removed from its room or never reached it; what was published stays."""
    if poll.state in (State.CLOSED, State.WITHDRAWN):
        return None
    return Decision(facts=(PollWithdrawn(poll=poll.id, at=now),))


def end(poll: Poll, box: Box, *, ended_at: datetime, now: datetime) -> Decision | None:
    """End a poll by an end event from who may send it, so that it is counted; an earlier end corrects a later."""
    if poll.state is State.WITHDRAWN or (poll.ended_at is not None and ended_at >= poll.ended_at):
        return None
    if poll.state is State.CLOSED:
        return corrected(poll, count(replace(poll, ended_at=ended_at), box), (), ended_at=ended_at)
    return Decision(facts=(PollEndHeard(poll=poll.id, ended_at=ended_at, at=now),))


def publish(poll: Poll, box: Box, *, whole: bool, now: datetime) -> Decision | None:
    """Say the result of a poll that has ended, once; ``whole`` is whether the homeserver gave out all that it holds."""
    if poll.state is not State.COUNTING or poll.ended_at is None:
        return None
    result = replace(count(poll, box), unchecked=not whole)
    said = words("poll.result", question=poll.sheet.question, lines=result_lines(poll, result))
    return Decision(
        facts=(PollEnded(poll=poll.id, ended_at=poll.ended_at, at=now, result=result),), effects=_shown(poll, said)
    )


def _shown(poll: Poll, said: Words) -> tuple[Effect, ...]:
    """Say figures in the room of a poll, and draw them there."""
    room = poll.room
    return Announce(poll=poll.id, room=room, words=said), ShowChart(poll=poll.id, room=room)
