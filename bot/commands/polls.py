"""投票, 弃权: polls asked and answered in words, and what members' clients send about native ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.commands import ballots
from bot.commands.amounts import vote_numbers
from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise
from bot.commands.removals import Removal, counts, may_redact
from bot.matrix import polls as shapes
from bot.matrix.crypto import MARK
from bot.matrix.events import Event
from content import polls
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import Cause, EventId, OutboxId, PollId, RoomId, UserId, derive
from content.moments import read_moment
from content.organisations import Right, roots
from content.polls import Box, Poll, Response, Sheet, State
from content.quiet import LONGEST_REASON
from content.rooms import Purpose, Room
from storage import burden, members, organisations, outbox, outbox_queries, quiet, rooms
from storage import polls as stored
from storage.unit import Reading

_AFTER_WORD = re.compile(r"\s*[:：]\s*|\s+")
"""What stands between the word 投票 and the question."""

_SEPARATOR = re.compile("[;；]")
_MANY = re.compile(r"(?:多选|最多|可选|multiple|up to)\s*([0-9]{1,2})?\s*项?", re.IGNORECASE)
_HIDDEN = re.compile("(?:截止前)?不(?:显示|公布)结果|hidden|undisclosed", re.IGNORECASE)
_UNTIL = re.compile(r"(?:截止(?:时间)?|until)[:\s]*(.*)", re.IGNORECASE | re.DOTALL)
_AT_ONCE = re.compile(
    r"(?:(?:马上|馬上|立即|立刻|[现現]在就?)[发發]|send now)(?:[:,\s]+(.*))?", re.IGNORECASE | re.DOTALL
)
_KEYCAP = re.compile("(?P<digit>[0-9])\ufe0f?\u20e3|(?P<ten>\U0001f51f)")


async def vote(asking: Asking) -> Decision | Refusal | None:
    """投票 题目; A; B: ask a room. 投票 2: choose the second. 投票: see in private what is open."""
    if ";" in asking.argument:
        return await _ask_room(asking)
    if not asking.argument:
        return await _list(asking)
    return await _vote(asking, vote_numbers(asking.argument) or ())


async def abstain(asking: Asking) -> Decision | Refusal | None:
    """弃权: take part without choosing."""
    return await _vote(asking, None)


async def _vote(asking: Asking, numbers: tuple[str, ...] | None) -> Decision | Refusal | None:
    found = await _meant(asking)
    if not isinstance(found, Poll):
        return found
    return polls.vote_in_words(found, numbers, sender=asking.sender, event=asking.event, now=asking.unit.now)


async def _meant(asking: Asking) -> Poll | Refusal | Decision | None:
    """Find which poll is meant: the one replied to, or the only one that is open here."""
    member, private = asking.member, asking.place is Place.PRIVATE
    if member is None:
        return refused("help.not_on_roster") if private else None
    if asking.poll is not None:
        if await stored.asks(asking.unit, asking.poll, member):
            return asking.poll
        return refused("poll.not_yours", question=asking.poll.sheet.question)
    found = await stored.open_for(asking.unit, member, room=None if private else asking.room)
    if not found and private:
        secret = await ballots.send_links(asking, member)
        if secret is not None:
            return secret
    if not found:
        return refused("poll.nothing_open") if private else None
    return found[0] if len(found) == 1 else _which(asking, found)


def _which(asking: Asking, found: Iterable[Poll]) -> Decision:
    lines = tuple(words("poll.which_line", question=one.sheet.question) for one in found)
    return Decision(effects=(Tell(user=asking.sender, words=words("poll.which", lines=lines)),))


async def _list(asking: Asking) -> Decision | Refusal | None:
    found = await _meant(asking)
    if not isinstance(found, Poll):
        return found
    return Decision(effects=(Tell(user=asking.sender, words=polls.invitation(found)),))


async def _ask_room(asking: Asking) -> Decision | Refusal | None:
    """Open a poll in the room where it is said, or from private in the only room that one may ask."""
    room = await _room(asking)
    if isinstance(room, Refusal):
        return room
    if not await organisations.may(asking.unit, asking.sender, Right.SCHEDULE, room.organisation):
        return refused("poll.no_right")
    node = await organisations.organisation(asking.unit, room.organisation)
    zone = ZoneInfo(node.timezone if node else "Asia/Shanghai")
    draft = _draft(asking.text, room, asking.cause, asking.unit.now.astimezone(zone))
    if isinstance(draft, Refusal):
        return draft
    poll, urgent = draft
    if urgent == "":
        return refused("poll.why_now")
    if urgent is not None and (held := await stored.held_like(asking.unit, poll, asking.sender)) is not None:
        return await _hasten(asking, held, urgent)
    now = asking.unit.now
    free_at = await quiet.free_for(asking.unit, room.organisation, now)
    answer = polls.open_poll(poll, author=asking.sender, now=now, free_at=free_at, urgent=urgent or "")
    if isinstance(answer, Refusal):
        return answer
    until = polls.held_until(answer)
    too_much = await burden.refuse_poll(asking.unit, poll, until or now)
    if too_much is not None:
        return too_much
    if until is not None:
        told = words("poll.held", question=poll.sheet.question, until=until)
    elif asking.place is Place.ROOM:
        return answer
    else:
        told = words("poll.sent", question=poll.sheet.question, room=room.name)
    return replace(answer, effects=(*answer.effects, Tell(user=asking.sender, words=told)))


async def _hasten(asking: Asking, held: Poll, urgent: str) -> Decision | Refusal | None:
    """Let the poll go out now that the same person has asked for before and quiet hours hold."""
    row = await outbox_queries.held_row_of(asking.unit, held.id)
    if row is None:
        return None
    if len(urgent) > LONGEST_REASON:
        return refused("missed.reason_is_long", most=LONGEST_REASON)
    too_much = await burden.refuse_poll(asking.unit, held, asking.unit.now)
    if too_much is not None:
        return too_much
    told = Tell(user=asking.sender, words=words("poll.hastened", question=held.sheet.question))
    return Decision(facts=(outbox.Hastened(id=row, reason=urgent, at=asking.unit.now),), effects=(told,))


async def _room(asking: Asking) -> Room | Refusal:
    if asking.place is Place.ROOM:
        here = await rooms.room(asking.unit, asking.room)
        return here if here is not None else refused("poll.say_it_there")
    held = roots(await organisations.duties_of(asking.unit, asking.sender), Right.SCHEDULE)
    if not held:
        return refused("poll.no_right")
    found = await rooms.rooms_of(asking.unit, held)
    usable = [room for room, lost in found if lost is None and room.purpose is Purpose.BRANCH]
    return usable[0] if len(usable) == 1 else refused("poll.say_it_there")


def _draft(text: str, room: Room, cause: Cause, local_now: datetime) -> tuple[Poll, str | None] | Refusal:
    """Read question, answers, limit, disclosure and deadline from what was said, in the words as they were typed.

    With them comes why it cannot wait for the end of quiet hours, ``None`` where it can.
    """
    question, *parts = (part.strip() for part in _SEPARATOR.split(text))
    pieces = _AFTER_WORD.split(question, maxsplit=1)
    question = pieces[1] if len(pieces) == 2 else ""
    answers: list[str] = []
    disclosed, closes_at, limit = True, None, 1
    urgent: str | None = None
    wants_many = False
    for part in parts:
        plain = normalise(part)
        many, until, at_once = _MANY.fullmatch(plain), _UNTIL.fullmatch(plain), _AT_ONCE.fullmatch(plain)
        if _HIDDEN.fullmatch(plain):
            disclosed = False
        elif many:
            wants_many, limit = many[1] is None, int(many[1] or 1)
        elif until:
            closes_at = read_moment(until[1], local_now)
            if closes_at is None:
                return refused("poll.bad_time")
        elif at_once:
            urgent = " ".join((at_once[1] or "").split())
        elif part:
            answers.append(part)
    id = PollId(derive(cause, "poll"))  # noqa: A001 - the field's name
    sheet = Sheet(
        question=question.strip(),
        answers=polls.number_answers(id, answers),
        most=len(answers) if wants_many else limit,
        disclosed=disclosed,
    )
    return Poll(id=id, organisation=room.organisation, room=room.id, sheet=sheet, closes_at=closes_at), urgent


async def tap(unit: Reading, room: RoomId, target: EventId, event: Event, key: str) -> Decision | Refusal | None:
    """Take a number reaction on a poll as a vote of who is asked by it; on anything else it means nothing."""
    found = _KEYCAP.fullmatch(key)
    poll = await stored.by_event(unit, room, target) if found else None
    sender = UserId(event.sender)
    member = await members.by_user(unit, sender) if poll else None
    if found is None or poll is None or member is None or not await stored.asks(unit, poll, member):
        return None
    box = await stored.box(unit, poll)
    number = 10 if found["ten"] else int(found["digit"])
    return polls.tap(poll, number, box, sender=sender, event=EventId(event.event_id), now=unit.now)


async def hear(unit: Reading, event: Event, cause: Cause, me: UserId) -> Decision | Refusal | None:
    """Take a native event: a start, an edit of one, a response, or an end."""
    if event.type in shapes.STARTS:
        return await _hear_start(unit, event, cause, me)
    target = shapes.refers_to(event.content)
    poll = await stored.by_event(unit, RoomId(event.room_id), EventId(target)) if target else None
    if poll is None:
        return None
    if event.type in shapes.ENDS:
        return await _hear_end(unit, event, poll, me)
    response = Response(
        event=EventId(event.event_id),
        sender=UserId(event.sender),
        sent_at=event.sent_at,
        chosen=polls.read_choice(poll.sheet, shapes.read_selections(event.content)),
    )
    # While a poll is open nothing but the response itself decides.
    box = Box() if poll.state is State.OPEN else await stored.box(unit, poll)
    return polls.hear_response(poll, response, box, now=unit.now)


async def _hear_start(unit: Reading, event: Event, cause: Cause, me: UserId) -> Decision | None:
    if event.sender == me:
        return await _see_own(unit, event)
    edited = shapes.refers_to(event.content, "m.replace")
    if edited is not None:
        return await _hear_edit(unit, event, EventId(edited))
    room, sender = await rooms.room(unit, RoomId(event.room_id)), UserId(event.sender)
    read = shapes.read_start(event.content)
    if room is None or read is None or not await organisations.may(unit, sender, Right.SCHEDULE, room.organisation):
        return None
    sheet, odd = read
    poll = Poll(
        id=PollId(derive(cause, "poll")),
        organisation=room.organisation,
        room=room.id,
        sheet=sheet,
        starter=sender,
        event=EventId(event.event_id),
        odd_limit=odd,
    )
    return polls.adopt_poll(poll, now=unit.now)


async def _see_own(unit: Reading, event: Event) -> Decision | None:
    """Recognise our own poll by its mark: responses may follow in the same batch, before its sending is recorded."""
    mark = event.content.get(MARK)
    id = await outbox_queries.poll_of(unit, OutboxId(mark)) if isinstance(mark, str) else None  # noqa: A001
    poll = await stored.poll(unit, id) if id else None
    return polls.see_shown(poll, EventId(event.event_id)) if poll else None


async def _hear_edit(unit: Reading, event: Event, target: EventId) -> Decision | None:
    poll = await stored.by_event(unit, RoomId(event.room_id), target)
    fresh: dict[str, Any] | object = event.content.get("m.new_content")
    if poll is None or poll.starter != event.sender or not isinstance(fresh, dict):
        return None
    read = shapes.read_start(fresh)
    if read is None:
        return None
    return polls.reword(poll, read[0], odd_limit=read[1], any_votes=await stored.any_responses(unit, poll.id))


async def _hear_end(unit: Reading, event: Event, poll: Poll, me: UserId) -> Decision | None:
    if event.sender != (poll.starter or me) and not await may_redact(unit, poll.room, event.sender):
        return None
    return polls.end(poll, await stored.box(unit, poll), ended_at=event.sent_at, now=unit.now)


async def removed(unit: Reading, removal: Removal) -> Decision | None:
    """Take the redaction of a poll or of a response to one, by who may."""
    room, target = removal.room, removal.target
    poll = await stored.by_event(unit, room, target)
    if poll is not None:
        may = await counts(unit, removal, room=poll.room, author=poll.starter)
        return polls.withdraw(poll, now=unit.now) if may else None
    poll = await stored.by_response(unit, room, target)
    if poll is None:
        return None
    box = await stored.box(unit, poll)
    author = next((one.sender for one in box.responses if one.event == target), None)
    may = await counts(unit, removal, room=poll.room, author=author)
    return polls.hear_removal(poll, target, box, by=removal.by) if may else None
