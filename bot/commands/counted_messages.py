"""Messages that counted and are changed or removed: a reason for leave goes with them, of the rest it is said once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.commands import removals
from bot.commands.amounts import vote_numbers
from bot.commands.checkins import numbered
from bot.commands.grammar import read
from bot.commands.plain import normalise
from bot.commands.remarks import is_acknowledgement, is_dropped, is_skipped
from bot.commands.removals import Removal
from bot.commands.vocabulary import Verb
from bot.matrix.events import Event
from content import chains, checkins, polls
from content import counted_messages as rules
from content.counted_messages import LEAVES, Counted, Sort
from content.decision import Decision, Refusal, Words, words
from content.identifiers import EventId, PollId, SelectionId, SignUpId, UserId
from content.sign_up_sheets import name_of
from storage import checkins as stored_checkins
from storage import corrections as stored_corrections
from storage import counted_messages as stored
from storage import leave_reasons, members, mutes
from storage import model_members as stored_selections
from storage import polls as stored_polls
from storage import sign_ups as stored_sign_ups
from storage.unit import Reading

Answer = Decision | Refusal | None

_TAKES_PART = frozenset((Verb.CHECK_IN, Verb.LEARNED, Verb.MAKE_UP))
_SAME: dict[Sort, frozenset[Verb]] = {
    Sort.ATTENDANCE: _TAKES_PART,
    Sort.SIGN_UP: frozenset((Verb.SIGN_UP,)),
    Sort.SIGN_OFF: frozenset((Verb.SIGN_OFF, Verb.CANCEL)),
}
"""Said by a changed message, these leave it as it was."""


async def removed(unit: Reading, removal: Removal) -> Decision | None:
    """Take the reason of a leave away with its message, whoever removed that; of the rest say that it stands."""
    one = await stored.message(unit, removal.target)
    if one is None or not await removals.counts(unit, removal, room=one.room or None, author=one.user):
        return None
    by = removal.by
    if one.sort in LEAVES and one.event in (await stored.versions(unit, one))[1:-1]:
        # An edit that a later one has overtaken: its words are kept nowhere.
        return None
    if one.sort in LEAVES and (answer := await _without_reason(unit, one, by)) is not None:
        return answer
    return await _stands(unit, one, by)


async def edited(unit: Reading, event: Event, target: EventId, text: str) -> Answer:
    """Take what the message of one's leave gives as reason now; of the rest say that it stands as it was first said."""
    one = await stored.message(unit, target)
    if one is None or event.sender != one.user or one.room not in ("", event.room_id):
        return None
    if one.sort in LEAVES:
        answer = await _leave_edited(unit, one, text)
        # The words may be removed with the edit alone.
        return rules.follow(answer, one, event=EventId(event.event_id), at=unit.now)
    if await _says_the_same(unit, one, text):
        return None
    return await _stands(unit, one, one.user)


async def _leave_edited(unit: Reading, one: Counted, text: str) -> Answer:
    """Take the new reason; what asks no leave any more gives none, and the leave stands."""
    said = read(text)
    asks = said is not None and said.verb is Verb.LEAVE
    if not asks and one.sort is Sort.LEAVE:
        return await _without_reason(unit, one, one.user) or await _stands(unit, one, one.user)
    if not asks and (said is not None or is_skipped(text) or is_acknowledgement(text) or is_dropped(text)):
        return await _without_reason(unit, one, one.user) or await _stands(unit, one, one.user)
    reason = said.argument if said is not None and asks else text.strip()
    before = await leave_reasons.reason_given(unit, one.cause)
    place = await stored_checkins.answered_by(unit, one.cause)
    if place is None:
        return None
    if asks and len(await stored_checkins.still_open(unit, place.member)) > 1:
        _, reason = numbered(reason)
    if reason == (before or ""):
        return None
    return checkins.change_reason(place, reason or None, of=one.cause, now=unit.now)


async def _without_reason(unit: Reading, one: Counted, by: UserId) -> Decision | None:
    """Take a reason out of the answer that it came with; ``None`` where there is none."""
    place = await stored_checkins.answered_by(unit, one.cause)
    if place is None or await leave_reasons.reason_given(unit, one.cause) is None:
        return None
    other = by if by != one.user else None
    answer = checkins.change_reason(place, None, of=one.cause, now=unit.now, by=other)
    return answer if isinstance(answer, Decision) else None


async def _says_the_same(unit: Reading, one: Counted, text: str) -> bool:
    said = read(text)
    if said is not None and said.verb in _SAME.get(one.sort, ()):
        return True
    if one.sort in (Sort.SIGN_UP, Sort.SIGN_OFF):
        chain = chains.read_chain(text, headed=False)
        single = chains.read_single(text) or chains.read_single(normalise(text))
        return chain is not None or (single is not None and single.out == (one.sort is Sort.SIGN_OFF))
    numbers = vote_numbers(text) if one.sort is Sort.VOTE else None
    poll = await stored_polls.poll(unit, PollId(one.about)) if numbers else None
    if poll is None or not numbers:
        return False
    box = await stored_polls.box(unit, poll)
    response = next((each for each in box.responses if each.event == one.event), None)
    return response is not None and polls.choose(poll.sheet, numbers) == response.chosen


async def _stands(unit: Reading, one: Counted, by: UserId) -> Decision | None:
    """Say that a message counts as it was first said; ``None`` where nothing of it does by now."""
    standing = _STANDING.get(one.sort)
    said = await standing(unit, one) if standing is not None else None
    return rules.stands(one, said, by=by, now=unit.now) if said is not None else None


async def _answer_stands(unit: Reading, one: Counted) -> Words | None:
    place = await stored_checkins.answered_by(unit, one.cause)
    if place is None:
        return None
    is_leave = place.state is checkins.State.EXCUSED
    # A leave stands also where the reason that came after it decides by now.
    if place.decided_by != one.cause and not (is_leave and one.sort in LEAVES):
        return None
    if checkins.is_open(place.occurrence, unit.now):
        return words("leave.stands" if is_leave else "checkin.stands", title=place.title)
    return words("leave.stands_for_good" if is_leave else "checkin.stands_for_good", title=place.title)


async def _correction_stands(unit: Reading, one: Counted) -> Words | None:
    waiting = await stored_corrections.waiting_of(unit, one.user)
    return words("correction.stands") if any(each.id == one.about for each in waiting) else None


async def _silence_stands(unit: Reading, one: Counted) -> Words | None:
    until = await mutes.muted_until(unit, one.user)
    if until is None or await mutes.silent_since(unit, one.user) != one.at:
        return None
    return words("mute.stands", until=until)


async def _vote_stands(unit: Reading, one: Counted) -> Words | None:
    poll = await stored_polls.poll(unit, PollId(one.about))
    if poll is None or poll.state is not polls.State.OPEN:
        return None
    box = await stored_polls.box(unit, poll)
    counts = polls.standing(poll, box.responses).get(one.user)
    if counts is None or counts.event != one.event:
        return None
    return words("poll.stands", question=poll.sheet.question)


async def _sign_up_stands(unit: Reading, one: Counted) -> Words | None:
    found = await stored_sign_ups.sign_up(unit, SignUpId(one.about))
    member = await members.by_user(unit, one.user)
    if found is None or member is None:
        return None
    entry = (await stored_sign_ups.sheet(unit, found)).entries.get(name_of(found.id, member.id, ""))
    on = entry is not None and not entry.withdrawn
    if on is not (one.sort is Sort.SIGN_UP):
        return None
    return words("sign_up.stands" if on else "sign_up.off_stands", title=found.title)


async def _nomination_stands(unit: Reading, one: Counted) -> Words | None:
    member = await members.by_user(unit, one.user)
    made = await stored_selections.made_by(unit, SelectionId(one.about), member.id) if member is not None else None
    return words("selection.nomination_stands") if made else None


_STANDING: dict[Sort, Callable[[Reading, Counted], Awaitable[Words | None]]] = {
    Sort.LEAVE: _answer_stands,
    Sort.REASON: _answer_stands,
    Sort.ATTENDANCE: _answer_stands,
    Sort.CORRECTION: _correction_stands,
    Sort.SILENCE: _silence_stands,
    Sort.VOTE: _vote_stands,
    Sort.SIGN_UP: _sign_up_stands,
    Sort.SIGN_OFF: _sign_up_stands,
    Sort.NOMINATION: _nomination_stands,
}
