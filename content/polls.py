"""Open polls: who may be asked what, what a vote is, and the count by the letter of MSC3381."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import EventId, OrganisationId, PollId, RoomId, UserId, derive

MOST_ANSWERS = 20
"""MSC3381: what stands beyond the 20th answer does not exist."""
LONGEST_QUESTION = 200
LONGEST_ANSWER = 100
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)
KEPT = timedelta(days=365)
"""How long it is known who chose what; afterwards only the totals are."""

_SECRET_WORDS = ("匿名", "无记名", "不记名")


class State(StrEnum):
    """Where a poll stands.

    ``closing``: its end is on the way to the room; ``counting``: it has ended, and the homeserver is asked for all that
    refers to it; ``withdrawn``: it never counted.
    """

    OPEN = "open"
    CLOSING = "closing"
    COUNTING = "counting"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Answer(Struct, frozen=True, kw_only=True):
    """One thing that can be chosen."""

    id: str
    text: str


class Sheet(Struct, frozen=True, kw_only=True):
    """What is asked: ``most`` is how many answers one may choose; ``disclosed`` polls show their numbers meanwhile."""

    question: str
    answers: tuple[Answer, ...]
    most: int = 1
    disclosed: bool = True


class Side(Struct, frozen=True, kw_only=True):
    """One way of counting: votes for each answer, how many people chose something, how many abstained in words."""

    votes: Mapping[str, int] = field(default_factory=dict)
    voters: int = 0
    abstained: int = 0


class Count(Struct, frozen=True, kw_only=True):
    """A count: of everyone who sent something, as clients count, and of the roster, of which there are ``asked``.

    ``by_text`` is how many voted in words or by number reactions, which clients do not see; ``struck`` how many votes
    someone other than the voter removed; ``unreadable`` how many could not be decrypted. An ``unchecked`` one was made
    of what was heard alone, since the homeserver did not give out all that refers to the poll.
    """

    everyone: Side
    members: Side
    asked: int
    by_text: int = 0
    struck: int = 0
    unreadable: int = 0
    unchecked: bool = False


class Poll(Struct, frozen=True, kw_only=True):
    """A poll in one room.

    ``starter`` is ``None`` for our own and else who began it in their client; ``event`` is ``None`` until it stands in
    its room. ``stopped_at`` is when we stopped it, or heard its end; ``ended_at`` is the homeserver's time of the end
    event, up to which responses count. ``result`` is the figure that was published.
    """

    id: PollId
    organisation: OrganisationId
    room: RoomId
    sheet: Sheet
    state: State = State.OPEN
    starter: UserId | None = None
    event: EventId | None = None
    closes_at: datetime | None = None
    stopped_at: datetime | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    edited_late: bool = False
    odd_limit: bool = False
    result: Count | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """A poll and its numbers as they may be shown."""

    poll: Poll
    count: Count

    @property
    def hidden(self) -> bool:
        """Tell whether only the turnout may be seen, on pages and in exports alike, since the end is not yet."""
        return not self.poll.sheet.disclosed and self.poll.state is not State.CLOSED


class Response(Struct, frozen=True, kw_only=True):
    """One vote as it came: ``chosen`` is ``None`` when it was spoiled and empty when it takes the vote back.

    ``sent_at`` is the homeserver's time. ``removed_by`` is who redacted it, if anyone did. ``tapped`` ones are number
    reactions: they are by text too, as clients do not count them, and each chooses one answer.
    """

    event: EventId
    sender: UserId
    sent_at: datetime
    chosen: tuple[str, ...] | None
    abstains: bool = False
    by_text: bool = False
    tapped: bool = False
    removed_by: UserId | None = None


class Box(Struct, frozen=True, kw_only=True):
    """What a count is made of: every response heard, the roster's accounts and size, and how much is unreadable."""

    responses: tuple[Response, ...] = ()
    members: frozenset[UserId] = frozenset()
    asked: int = 0
    unreadable: int = 0


class PollOpened(Fact, frozen=True, kw_only=True):
    """A poll was accepted; it is on its way to its room, or stands there already."""

    poll: Poll
    author: UserId
    at: datetime


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


class Voted(Fact, frozen=True, kw_only=True):
    """A response was heard."""

    poll: PollId
    response: Response


class VoteRemoved(Fact, frozen=True, kw_only=True):
    """A response was redacted: the one before it stands again."""

    event: EventId
    by: UserId


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


class SendPoll(Effect, frozen=True, kw_only=True):
    """Put a poll into its room as a native poll."""

    poll: PollId
    room: RoomId
    expires_at: datetime | None


class EndPoll(Effect, frozen=True, kw_only=True):
    """Send a poll's end event, which says the result as of then."""

    poll: PollId
    room: RoomId


class Announce(Effect, frozen=True, kw_only=True):
    """Say something about a poll in its room."""

    poll: PollId
    room: RoomId
    words: Words


def open_poll(poll: Poll, *, author: UserId, now: datetime) -> Decision | Refusal:
    """Accept a poll of our own, unless it cannot be meant."""
    trouble = _trouble(poll.sheet) or _bad_time(poll.closes_at, now)
    if trouble is not None:
        return trouble
    return Decision(
        facts=(PollOpened(poll=poll, author=author, at=now),),
        effects=(SendPoll(poll=poll.id, room=poll.room, expires_at=poll.closes_at),),
    )


def number_answers(poll: PollId, texts: Iterable[str]) -> tuple[Answer, ...]:
    """Give each answer an id that says nothing about it."""
    return tuple(
        Answer(id=derive(poll, "answer", place), text=text.strip()) for place, text in enumerate(texts, start=1)
    )


def _trouble(sheet: Sheet) -> Refusal | None:
    texts = [answer.text for answer in sheet.answers]
    if not sheet.question or len(sheet.question) > LONGEST_QUESTION:
        return refused("poll.bad_question", field="question", most=LONGEST_QUESTION)
    if any(word in text for word in _SECRET_WORDS for text in (sheet.question, *texts)):
        return refused("poll.not_secret", field="question")
    if not 2 <= len(texts) <= MOST_ANSWERS:
        return refused("poll.bad_number_of_answers", field="answers", most=MOST_ANSWERS)
    if any(not text or len(text) > LONGEST_ANSWER for text in texts):
        return refused("poll.bad_answer", field="answers", most=LONGEST_ANSWER)
    if len({text.casefold() for text in texts}) < len(texts):
        return refused("poll.repeated_answer", field="answers")
    if not 1 <= sheet.most <= len(texts):
        return refused("poll.bad_limit", field="most", most=len(texts))
    return None


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
    if _goes_on(poll, last) and last is not None and len({*(last.chosen or ()), *chosen}) > poll.sheet.most:
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
    stand = sorted((one for one in own if one.by_text and one.removed_by is None), key=_order)
    removed = stand[-1:] if only_last else stand
    facts = tuple(VoteRemoved(event=one.event, by=sender) for one in removed)
    told = Tell(user=sender, words=words("poll.taken_back", question=poll.sheet.question))
    return Decision(facts=facts, effects=(told,))


def _order(response: Response) -> tuple[datetime, EventId]:
    return response.sent_at, response.event


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
    return _corrected(poll, count(poll, box), (fact,), ended_at=poll.ended_at)


def _corrected(poll: Poll, fresh: Count, facts: tuple[Fact, ...], *, ended_at: datetime) -> Decision:
    if poll.result is not None:
        # The roster may have changed since; what is corrected is the count, not its base.
        fresh = replace(fresh, asked=poll.result.asked, unchecked=poll.result.unchecked)
    recounted = PollRecounted(poll=poll.id, ended_at=ended_at, result=fresh)
    if poll.result == fresh:
        return Decision(facts=(*facts, recounted) if ended_at != poll.ended_at else facts)
    said = words("poll.corrected", question=poll.sheet.question, lines=result_lines(poll, fresh))
    return Decision(facts=(*facts, recounted), effects=(Announce(poll=poll.id, room=poll.room, words=said),))


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
        return _corrected(poll, count(replace(poll, ended_at=ended_at), box), (), ended_at=ended_at)
    return Decision(facts=(PollEndHeard(poll=poll.id, ended_at=ended_at, at=now),))


def publish(poll: Poll, box: Box, *, whole: bool, now: datetime) -> Decision | None:
    """Say the result of a poll that has ended, once; ``whole`` is whether the homeserver gave out all that it holds."""
    if poll.state is not State.COUNTING or poll.ended_at is None:
        return None
    result = replace(count(poll, box), unchecked=not whole)
    said = words("poll.result", question=poll.sheet.question, lines=result_lines(poll, result))
    return Decision(
        facts=(PollEnded(poll=poll.id, ended_at=poll.ended_at, at=now, result=result),),
        effects=(Announce(poll=poll.id, room=poll.room, words=said),),
    )


def standing(poll: Poll, responses: Iterable[Response]) -> dict[UserId, Response]:
    """Return the one response of each sender that counts, spoiled ones included.

    The latest by the homeserver's time, the greater event id where times are equal; redacted ones are as if never sent.
    Number reactions that follow each other choose together, where several answers are allowed.
    """
    last: dict[UserId, Response] = {}
    for response in sorted(responses, key=_order):
        if response.removed_by is not None or not _in_time(poll, response):
            continue
        before = last.get(response.sender)
        if response.tapped and before is not None and _goes_on(poll, before):
            together = dict.fromkeys((*(before.chosen or ()), *(response.chosen or ())))
            last[response.sender] = replace(response, chosen=tuple(together)[: poll.sheet.most])
        else:
            last[response.sender] = response
    return last


def _goes_on(poll: Poll, before: Response | None) -> bool:
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
