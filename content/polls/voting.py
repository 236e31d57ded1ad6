"""Votes: chosen natively, in words or by number reactions, and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, Tell, refused, words
from content.identifiers import EventId, PollId, UserId
from content.polls.counting import by_time, count, goes_on, standing
from content.polls.ending import corrected
from content.polls.sheets import Box, Poll, Response, Sheet, State

KEPT = timedelta(days=365)
"""How long it is known who chose what; afterwards only the totals are."""


class Voted(Fact, frozen=True, kw_only=True):
    """A response was heard."""

    poll: PollId
    response: Response


class VoteRemoved(Fact, frozen=True, kw_only=True):
    """A response was redacted: the one before it stands again."""

    event: EventId
    by: UserId


def read_choice(sheet: Sheet, selections: object) -> tuple[str, ...] | None:
    """Return what a response chooses, ``None`` for a spoiled one.

    An unknown id anywhere spoils the whole vote, also beyond the limit; then the list is cut, then repeats go.
    """
    known = {answer.id for answer in sheet.answers}
    if not isinstance(selections, list) or any(not isinstance(one, str) or one not in known for one in selections):
        return None
    return tuple(dict.fromkeys(selections[: sheet.most]))


def choose(sheet: Sheet, numbers: tuple[str, ...]) -> tuple[str, ...] | Refusal:
    """Return the answers that numbers typed in chat mean; a number that ends on 号 is never taken apart."""
    last = len(sheet.answers)
    if len(numbers) == 1 and len(numbers[0]) == 2 and numbers[0].isdigit() and sheet.most > 1:
        first, second = numbers[0][0], numbers[0][1]
        both = first != second and all(1 <= int(digit) <= last for digit in (first, second))
        if both:
            key = "poll.did_you_mean" if int(numbers[0]) > last else "poll.which_number"
            return refused(key, number=numbers[0], first=first, second=second)
    chosen = [int(number.removesuffix("号")) for number in numbers]
    for number in chosen:
        if not 1 <= number <= last:
            return refused("poll.no_such_number", number=number, most=last)
    if len(set(chosen)) < len(chosen):
        return refused("poll.repeated_number", most=last)
    if len(chosen) > sheet.most:
        return refused("poll.too_many", n=sheet.most)
    return tuple(sheet.answers[number - 1].id for number in chosen)


def vote_in_words(
    poll: Poll, numbers: tuple[str, ...] | None, *, sender: UserId, event: EventId, now: datetime
) -> Decision | Refusal:
    """Take a vote said in chat, before the deadline by our own time; ``None`` instead of numbers abstains."""
    if poll.state is not State.OPEN or (poll.closes_at is not None and now >= poll.closes_at):
        return _too_late(poll)
    chosen = choose(poll.sheet, numbers) if numbers is not None else ()
    if isinstance(chosen, Refusal):
        return chosen
    response = Response(event=event, sender=sender, sent_at=now, chosen=chosen, abstains=numbers is None, by_text=True)
    names = tuple(words("poll.chosen", answer=answer.text) for answer in poll.sheet.answers if answer.id in chosen)
    said = words("poll.voted", question=poll.sheet.question, chosen=names)
    if numbers is None:
        said = words("poll.abstained", question=poll.sheet.question)
    return Decision(facts=(Voted(poll=poll.id, response=response),), effects=(Tell(user=sender, words=said),))


def tap(poll: Poll, number: int, box: Box, *, sender: UserId, event: EventId, now: datetime) -> Decision | Refusal:
    """Take a number reaction on a poll: it chooses one answer, beside earlier ones where several are allowed."""
    if poll.state is not State.OPEN or (poll.closes_at is not None and now >= poll.closes_at):
        return _too_late(poll)
    chosen = choose(poll.sheet, (str(number),))
    if isinstance(chosen, Refusal):
        return chosen
    last = standing(poll, box.responses).get(sender)
    if goes_on(poll, last) and last is not None and len({*(last.chosen or ()), *chosen}) > poll.sheet.most:
        return refused("poll.too_many", n=poll.sheet.most)
    response = Response(event=event, sender=sender, sent_at=now, chosen=chosen, by_text=True, tapped=True)
    (name,) = (words("poll.chosen", answer=answer.text) for answer in poll.sheet.answers if answer.id in chosen)
    said = words("poll.tapped", question=poll.sheet.question, chosen=(name,))
    told = Tell(user=sender, words=said, quiet=True)
    return Decision(facts=(Voted(poll=poll.id, response=response),), effects=(told,))


def take_back(
    poll: Poll, own: Iterable[Response], *, sender: UserId, now: datetime, only_last: bool
) -> Decision | Refusal:
    """Take back one's own votes in words, or only the last: then the one before it stands again."""
    if poll.state is not State.OPEN or (poll.closes_at is not None and now >= poll.closes_at):
        return _too_late(poll)
    stand = sorted((one for one in own if one.by_text and one.removed_by is None), key=by_time)
    removed = stand[-1:] if only_last else stand
    facts = tuple(VoteRemoved(event=one.event, by=sender) for one in removed)
    told = Tell(user=sender, words=words("poll.taken_back", question=poll.sheet.question))
    return Decision(facts=facts, effects=(told,))


def _too_late(poll: Poll) -> Refusal:
    return refused("poll.too_late", question=poll.sheet.question)


def hear_response(poll: Poll, response: Response, box: Box, *, now: datetime) -> Decision | Refusal | None:
    """Take a native response. What is later than the end does not count, and only members are told so."""
    forgotten = poll.closed_at is not None and now - poll.closed_at > KEPT
    if poll.state is State.WITHDRAWN:
        return None
    if forgotten or (poll.ended_at is not None and response.sent_at > poll.ended_at):
        return _too_late(poll) if response.sender in box.members else None
    fact = Voted(poll=poll.id, response=response)
    return _with_correction(poll, replace(box, responses=(*box.responses, response)), fact)


def hear_removal(poll: Poll, event: EventId, box: Box, *, by: UserId) -> Decision | None:
    """Take the redaction of a response; what was said in words stays said."""
    found = next((response for response in box.responses if response.event == event), None)
    in_words = found is not None and found.by_text and not found.tapped
    if found is None or in_words or found.removed_by is not None:
        return None
    responses = tuple(replace(one, removed_by=by) if one.event == event else one for one in box.responses)
    return _with_correction(poll, replace(box, responses=responses), VoteRemoved(event=event, by=by))


def _with_correction(poll: Poll, box: Box, fact: Fact) -> Decision:
    """Record what came; where a figure is published and no longer right, publish the right one."""
    if poll.state is not State.CLOSED or poll.ended_at is None:
        return Decision(facts=(fact,))
    return corrected(poll, count(poll, box), (fact,), ended_at=poll.ended_at)
