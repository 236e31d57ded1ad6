"""场次: which of its two sessions of a lecture somebody comes to, by a tap, in a reply to its card, or in private."""

from __future__ import annotations

from bot.commands.asking import Asking, Place
from bot.commands.grammar import session_in
from content import session_choices as rules
from content.checkins import Expectation, Way
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.identifiers import CardId, Cause, MemberId, UserId
from content.lectures import Lecture
from storage import checkins
from storage import session_choices as stored
from storage.unit import Reading


async def session(asking: Asking) -> Decision | Refusal | None:
    """场次 2: come to the second session; 场次 alone: say which there are, and which one was chosen."""
    if asking.member is None:
        return None
    found = await _meant(asking, asking.member.id)
    if found is None:
        return refused("lecture.none_open") if asking.place is Place.PRIVATE else None
    lecture = await stored.lecture(asking.unit, found.occurrence.id)
    if lecture is None:
        return None
    present = await stored.chosen(asking.unit, found.occurrence.id, asking.member.id)
    number = session_in(asking.argument) if asking.argument else None
    if number is None:
        return Decision(effects=(Tell(user=asking.sender, words=_listed(found, lecture, present)),))
    return rules.choose_session(
        found, lecture, number, present=present, way=asking.way, cause=asking.cause, now=asking.unit.now
    )


async def _meant(asking: Asking, member: MemberId) -> Expectation | None:
    """Find the lecture that is meant: the card's, or the next that has sessions to choose from."""
    if asking.card is not None:
        place = await checkins.card(asking.unit, asking.card)
        return await checkins.expectation(asking.unit, place.occurrence, member) if place else None
    found = await checkins.lectures_of(asking.unit, member, since=asking.unit.now)
    for one in found:
        lecture = await stored.lecture(asking.unit, one.occurrence.id)
        if lecture is not None and len(lecture.sessions) > 1 and lecture.sessions[-1].begins > asking.unit.now:
            return one
    return found[0] if found else None


def _listed(found: Expectation, lecture: Lecture, present: int | None) -> Words:
    lines = tuple(
        words("lecture.session_line", number=number, begins=one.begins, place=one.place)
        for number, one in enumerate(lecture.sessions, start=1)
    )
    if len(lecture.sessions) == 1:
        return words("lecture.its_session", title=found.title, list=lines)
    if present is None:
        return words("lecture.which_session", title=found.title, list=lines)
    return words("lecture.your_session", title=found.title, list=lines, number=present)


async def names_one(unit: Reading, card: CardId, text: str) -> bool:
    """Tell whether a reply to a card names one of the sessions of the lecture that it announces."""
    if session_in(text) is None:
        return False
    place = await checkins.card(unit, card)
    lecture = await stored.lecture(unit, place.occurrence) if place is not None else None
    return lecture is not None and len(lecture.sessions) > 1


async def tap(unit: Reading, cause: Cause, member: MemberId, card: CardId, key: str) -> Decision | Refusal | None:
    """Choose by 1️⃣ or 2️⃣ on the card of a lecture with two sessions; of all else that means nothing."""
    number = session_in(key)
    if number is None or not await names_one(unit, card, key):
        return None
    place = await checkins.card(unit, card)
    found = await checkins.expectation(unit, place.occurrence, member) if place is not None else None
    lecture = await stored.lecture(unit, place.occurrence) if place is not None else None
    if found is None or lecture is None:
        return None
    present = await stored.chosen(unit, found.occurrence.id, member)
    return rules.choose_session(found, lecture, number, present=present, way=Way.REACTION, cause=cause, now=unit.now)


async def untap(unit: Reading, cause: Cause, removed: Cause, sender: UserId) -> Decision | None:
    """Take back the choice whose tap its own sender removed."""
    choice = await stored.chosen_by(unit, removed)
    found = await checkins.expectation(unit, choice.occurrence, choice.member) if choice is not None else None
    if choice is None or found is None or found.user != sender:
        return None
    lecture = await stored.lecture(unit, choice.occurrence)
    return rules.undo_choice(found, lecture, choice.session, cause=cause, now=unit.now) if lecture else None
