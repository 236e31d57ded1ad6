"""The count by the letter of MSC3381, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from content.decision import Words, words
from content.identifiers import EventId, UserId
from content.polls.sheets import Box, Count, Poll, Response, Sheet, Side


def by_time(response: Response) -> tuple[datetime, EventId]:
    """Return what responses are put in order by."""
    return response.sent_at, response.event


def standing(poll: Poll, responses: Iterable[Response]) -> dict[UserId, Response]:
    """Return the one response of each sender that counts, spoiled ones included.

    The latest by the homeserver's time, the greater event id where times are equal; redacted ones are as if never sent.
    Number reactions that follow each other choose together, where several answers are allowed.
    """
    last: dict[UserId, Response] = {}
    for response in sorted(responses, key=by_time):
        if response.removed_by is not None or not _in_time(poll, response):
            continue
        before = last.get(response.sender)
        if response.tapped and before is not None and goes_on(poll, before):
            together = dict.fromkeys((*(before.chosen or ()), *(response.chosen or ())))
            last[response.sender] = replace(response, chosen=tuple(together)[: poll.sheet.most])
        else:
            last[response.sender] = response
    return last


def goes_on(poll: Poll, before: Response | None) -> bool:
    """Tell whether a number reaction adds to what stands instead of taking its place."""
    return before is not None and before.tapped and poll.sheet.most > 1


def _in_time(poll: Poll, response: Response) -> bool:
    return poll.ended_at is None or response.sent_at <= poll.ended_at


def count(poll: Poll, box: Box) -> Count:
    """Count what lies in the box."""
    last = standing(poll, box.responses)
    struck = [one for one in box.responses if one.removed_by not in (None, one.sender) and _in_time(poll, one)]
    return Count(
        everyone=_side(poll, last.values()),
        members=_side(poll, (one for one in last.values() if one.sender in box.members)),
        asked=box.asked,
        by_text=sum(1 for one in last.values() if one.by_text),
        struck=len(struck),
        unreadable=box.unreadable,
    )


def _side(poll: Poll, responses: Iterable[Response]) -> Side:
    counted: Counter[str] = Counter()
    voters = abstained = 0
    for response in responses:
        counted.update(response.chosen or ())
        voters += bool(response.chosen)
        abstained += response.abstains
    return Side(
        votes={answer.id: counted[answer.id] for answer in poll.sheet.answers}, voters=voters, abstained=abstained
    )


def result_lines(poll: Poll, result: Count) -> tuple[Words, ...]:
    """Return what is said of a result: every number with its base, and what one must know besides."""
    lines = list(_side_lines(poll.sheet, result.everyone))
    if result.everyone == result.members:
        lines.append(_base(result.members, result.asked))
    else:
        lines.append(words("poll.of_all", voters=result.everyone.voters, abstained=result.everyone.abstained))
        lines.append(words("poll.members_only"))
        lines += _side_lines(poll.sheet, result.members)
        lines.append(_base(result.members, result.asked))
    return (*lines, *notes(poll, result))


def notes(poll: Poll, result: Count) -> tuple[Words, ...]:
    """Return what else one must know to judge a result."""
    numbers = (("poll.by_text", result.by_text), ("poll.struck", result.struck), ("poll.unreadable", result.unreadable))
    lines = [words(key, n=number) for key, number in numbers if number]
    if result.unchecked:
        lines.append(words("poll.unchecked"))
    if poll.edited_late:
        lines.append(words("poll.edited_late"))
    if poll.odd_limit:
        lines.append(words("poll.odd_limit"))
    return tuple(lines)


def _side_lines(sheet: Sheet, side: Side) -> tuple[Words, ...]:
    return tuple(
        words("poll.line", number=number, answer=answer.text, n=side.votes.get(answer.id, 0))
        for number, answer in enumerate(sheet.answers, start=1)
    )


def _base(side: Side, asked: int) -> Words:
    key = "poll.base_abstained" if side.abstained else "poll.base"
    return words(key, voters=side.voters, abstained=side.abstained, asked=asked)
