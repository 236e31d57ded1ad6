"""签到, 学完, 请假, 补学: answers to what is open, in a reply, in the room or in private."""

from __future__ import annotations

import re

from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place
from bot.commands.vocabulary import Verb
from content import checkins, venue_codes
from content.checkins import Expectation, Note, Way
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.identifiers import CardId, Cause, MemberId, OccurrenceId, UserId
from content.lessons import Kind
from content.meetings import Meeting
from content.occurrences import MAKE_UP
from storage import checkins as stored
from storage import inquiries, meetings, practice, shifts
from storage.unit import Reading

_NUMBERED = re.compile(r"([0-9]{1,2})(?:[\s.、,，号]+(.*))?", re.DOTALL)
_FITS = {Verb.CHECK_IN: (Kind.EVENT, Kind.LECTURE), Verb.LEARNED: (Kind.LESSON,)}


async def check_in(asking: Asking) -> Decision | Refusal | None:
    """签到, 到: take part in what is open."""
    return await _take_part(asking, Verb.CHECK_IN)


async def learned(asking: Asking) -> Decision | Refusal | None:
    """学完: the same for a lesson."""
    return await _take_part(asking, Verb.LEARNED)


async def _take_part(asking: Asking, verb: Verb) -> Decision | Refusal | None:
    code = asking.argument if verb is Verb.CHECK_IN and venue_codes.SHAPE.fullmatch(asking.argument) else ""
    found = await (_by_code(asking, code) if code and asking.card is None else _meant(asking, verb, asking.argument))
    if not isinstance(found, Expectation):
        return found
    refusal = await _without_code(asking.unit, found, code, asking.note)
    if refusal is not None:
        return refusal
    answer = checkins.check_in(found, way=asking.way, cause=asking.cause, now=asking.unit.now, note=asking.note)
    return await _with_questions(asking.unit, found, answer)


async def _by_code(asking: Asking, code: str) -> Expectation | Refusal | None:
    """Find the meeting at whose venue a code is shown, of those that are open to who says it."""
    if asking.member is None:
        return None
    found = await _open(asking, asking.member.id)
    if not found and asking.place is Place.ROOM:
        return None
    asks = refused("venue.no_code_asked")
    for one in found:
        held = await _venue(asking.unit, one)
        if held is None:
            continue
        asks = refused("venue.code_wrong", title=one.title)
        if held.code_seed is not None and venue_codes.is_valid(held.code_seed, code, asking.unit.now):
            return one
    return asks


async def _without_code(unit: Reading, found: Expectation, code: str, note: Note | None) -> Refusal | None:
    held = await _venue(unit, found)
    return venue_codes.refuse_without(held, code, note, now=unit.now) if held is not None else None


async def _venue(unit: Reading, found: Expectation) -> Meeting | None:
    """Return the meeting of a place where a code is asked for."""
    if found.occurrence.begins_at is None or found.kind is Kind.LECTURE:
        return None
    one = await meetings.meeting(unit, found.occurrence.id)
    return one if one is not None and one.code_seed is not None else None


async def _with_questions(unit: Reading, found: Expectation, answer: Decision | Refusal) -> Decision | Refusal:
    """Offer, below the answer to a lesson, the questions about it that somebody has not met yet."""
    if isinstance(answer, Refusal) or not answer.facts or found.kind is not Kind.LESSON:
        return answer
    offered = await practice.has_fresh(unit, found.member, found.title)
    return checkins.offer_questions(answer) if offered else answer


async def leave(asking: Asking) -> Decision | Refusal | None:
    """请假 事由: be excused from what is open; 请假 2 事由 where more than one thing is."""
    if asking.member is None:
        return None
    number, reason = "", asking.argument
    if asking.card is None and len(await _open(asking, asking.member.id)) > 1:
        number, reason = numbered(reason)
    found = await _meant(asking, Verb.LEAVE, number)
    if not isinstance(found, Expectation):
        return found
    asked = await inquiries.was_made(asking.unit, asking.sender, found.occurrence.id)
    return checkins.ask_leave(found, reason, way=Way.REPLY, cause=asking.cause, now=asking.unit.now, asked_before=asked)


def numbered(argument: str) -> tuple[str, str]:
    """Return the number before a reason, empty where there is none, and the reason."""
    found = _NUMBERED.fullmatch(argument)
    return (found[1], found[2] or "") if found is not None else ("", argument)


async def make_up(asking: Asking) -> Decision | Refusal | None:
    """补学: list what was missed, in private; 补学 1: say that the first of them was read."""
    if asking.member is None:
        return None
    missed = await stored.missed(asking.unit, asking.member.id, since=asking.unit.now - MAKE_UP)
    if not asking.argument or not missed:
        return Decision(effects=(Tell(user=asking.sender, words=_missed_list(missed)),))
    number = number_in(asking.argument) or 0
    if not 1 <= number <= len(missed):
        return refused("checkin.no_such_number", number=number, most=len(missed))
    return checkins.check_in(
        missed[number - 1], way=Way.PRIVATE, cause=asking.cause, now=asking.unit.now, by_make_up=True
    )


def _missed_list(missed: tuple[Expectation, ...]) -> Words:
    lines = tuple(
        words(
            "makeup.line",
            number=number,
            title=expectation.title,
            due=expectation.occurrence.due_at,
            until=expectation.occurrence.make_up_until,
        )
        for number, expectation in enumerate(missed, start=1)
        if expectation.state not in checkins.TOOK_PART
    )
    return words("makeup.list", list=lines) if lines else words("makeup.nothing")


async def tap(unit: Reading, cause: Cause, member: MemberId, card: CardId, key: str) -> Decision | Refusal | None:
    """Answer a reaction on a card: ✅ takes part, 🙏 asks leave; any other means nothing."""
    place = await stored.card(unit, card)
    if place is None:
        return None
    expectation = await _place(unit, place.occurrence, member)
    if expectation is None:
        return None
    if key in ("✅", "✔"):
        refusal = await _without_code(unit, expectation, "", None)
        if refusal is not None:
            return refusal
        answer = checkins.check_in(expectation, way=Way.REACTION, cause=cause, now=unit.now)
        return await _with_questions(unit, expectation, answer)
    if key == "🙏":
        asked = await inquiries.was_made(unit, expectation.user, expectation.occurrence.id)
        return checkins.ask_leave(expectation, "", way=Way.REACTION, cause=cause, now=unit.now, asked_before=asked)
    return None


async def _place(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> Expectation | None:
    """Return a member's place in a lesson: here, in the session of their shift, or the one that they take by coming."""
    return (
        await stored.expectation(unit, occurrence, member)
        or await stored.place_beside(unit, occurrence, member)
        or await stored.place_to_take(unit, occurrence, member)
    )


async def untap(unit: Reading, cause: Cause, removed: Cause, sender: UserId) -> Decision | None:
    """Take back the answer whose reaction its own sender removed; the one before it stands again."""
    expectation = await stored.answered_by(unit, removed)
    if expectation is None or expectation.user != sender:
        return None
    given = await stored.given(unit, expectation.occurrence.id, expectation.member)
    own = await shifts.own_session(unit, expectation)
    return checkins.take_back(expectation, removed=removed, cause=cause, now=unit.now, given=given, own=own)


async def _open(asking: Asking, member: MemberId) -> tuple[Expectation, ...]:
    """Return what is open to a member in the place where they ask."""
    found = await stored.still_open(asking.unit, member)
    if asking.place is Place.ROOM:
        here = set(await stored.open_in_room(asking.unit, asking.room))
        found = tuple(one for one in found if one.occurrence.id in here)
    return found


async def _meant(asking: Asking, verb: Verb, number: str) -> Expectation | Refusal | Decision | None:
    """Find which open occurrence is meant: the card's, the only one that fits, or the one whose number was given."""
    if asking.member is None:
        return None
    if asking.card is not None:
        place = await stored.card(asking.unit, asking.card)
        return await _place(asking.unit, place.occurrence, asking.member.id) if place else None
    found = await _open(asking, asking.member.id)
    if not found:
        return refused("checkin.nothing_open") if asking.place is Place.PRIVATE else None
    fitting = tuple(one for one in found if one.kind in _FITS.get(verb, ())) or found
    if number:
        return _numbered(fitting, number_in(number) or 0)
    undone = tuple(one for one in fitting if one.state is checkins.State.OPEN)
    if not undone and len(fitting) > 1:
        return Decision(effects=(Tell(user=asking.sender, words=words("checkin.all_answered")),))
    choice = undone or fitting
    return choice[0] if len(choice) == 1 else _which(asking, verb, choice, fitting)


def _numbered(fitting: tuple[Expectation, ...], number: int) -> Expectation | Refusal:
    if not 1 <= number <= len(fitting):
        return refused("checkin.no_such_number", number=number, most=len(fitting))
    return fitting[number - 1]


def _which(asking: Asking, verb: Verb, choice: tuple[Expectation, ...], fitting: tuple[Expectation, ...]) -> Decision:
    """Ask in private which one is meant; numbers count what fits, so that they stay the same while one answers."""
    lines = tuple(
        words(
            "checkin.which_line",
            number=fitting.index(one) + 1,
            title=one.title,
            until=one.occurrence.closes_at or one.occurrence.due_at,
        )
        for one in choice
    )
    key = "leave.which" if verb is Verb.LEAVE else "checkin.which"
    return Decision(effects=(Tell(user=asking.sender, words=words(key, list=lines)),))
