"""场次: which session of a lecture or a meeting somebody comes to, by a tap, in a reply to its card, or in private."""

from __future__ import annotations

from bot.commands.asking import Asking, Place
from bot.commands.remarks import card_word, session_in
from content import session_choices as rules
from content.checkins import Expectation, Way
from content.decision import Decision, Refusal, Tell, Words, refused, words
from content.identifiers import CardId, Cause, MemberId, OccurrenceId, UserId
from content.lectures import Session
from content.lessons import Kind
from storage import checkins, meetings
from storage import session_choices as stored
from storage.unit import Reading


async def session(asking: Asking) -> Decision | Refusal | None:
    """场次 2: come to the second session; 场次 alone: say which there are, and which one was chosen."""
    if asking.member is None:
        return None
    found = await _meant(asking, asking.member.id)
    if found is None:
        return refused("lecture.none_open") if asking.place is Place.PRIVATE else None
    sessions = await _sessions(asking.unit, found.occurrence.id)
    if not sessions:
        return None
    present = await stored.chosen(asking.unit, found.occurrence.id, asking.member.id)
    number = session_in(asking.argument) if asking.argument else None
    if number is None:
        return Decision(effects=(Tell(user=asking.sender, words=_listed(found, sessions, present)),))
    return rules.choose_session(
        found, sessions, number, present=present, way=asking.way, cause=asking.cause, now=asking.unit.now
    )


async def _sessions(unit: Reading, occurrence: OccurrenceId) -> tuple[Session, ...]:
    """Return the sessions of a lecture or a meeting; none of all else."""
    lecture = await stored.lecture(unit, occurrence)
    if lecture is not None:
        return lecture.sessions
    one = await meetings.meeting(unit, occurrence)
    return one.sessions if one is not None else ()


async def _meant(asking: Asking, member: MemberId) -> Expectation | None:
    """Find what is meant: what the card announces, or the next that has sessions to choose from."""
    if asking.card is not None:
        place = await checkins.card(asking.unit, asking.card)
        return await checkins.expectation(asking.unit, place.occurrence, member) if place else None
    lectures = await checkins.lectures_of(asking.unit, member, since=asking.unit.now)
    held = [one for one in await checkins.still_open(asking.unit, member) if one.kind is not Kind.LECTURE]
    for one in (*lectures, *(each for each in held if each.occurrence.begins_at is not None)):
        sessions = await _sessions(asking.unit, one.occurrence.id)
        if len(sessions) > 1 and sessions[-1].begins > asking.unit.now:
            return one
    return lectures[0] if lectures else None


def _listed(found: Expectation, sessions: tuple[Session, ...], present: int | None) -> Words:
    keys = rules.keys_of(found)
    lines = tuple(
        words("lecture.session_line", number=number, begins=one.begins, place=one.place)
        if one.place
        else words("meeting.session_no_place", number=number, at=one.begins)
        for number, one in enumerate(sessions, start=1)
    )
    if len(sessions) == 1:
        return words(keys["its_session"], title=found.title, list=lines)
    if present is None:
        return words(keys["which_session"], title=found.title, list=lines)
    return words(keys["your_session"], title=found.title, list=lines, number=present)


async def names_one(unit: Reading, card: CardId, text: str) -> bool:
    """Tell whether a reply to a card names one of the sessions of what it announces.

    Once a meeting has begun, a word that says no more than "here" says that.
    """
    if session_in(text) is None:
        return False
    place = await checkins.card(unit, card)
    sessions = await _sessions(unit, place.occurrence) if place is not None else ()
    if len(sessions) < 2 or place is None:
        return False
    is_lecture = await stored.lecture(unit, place.occurrence) is not None
    return is_lecture or unit.now < sessions[0].begins or not card_word(text)


async def tap(unit: Reading, cause: Cause, member: MemberId, card: CardId, key: str) -> Decision | Refusal | None:
    """Choose by 1️⃣, 2️⃣ … on the card of what has several sessions; of all else that means nothing."""
    number = session_in(key)
    if number is None or not await names_one(unit, card, key):
        return None
    place = await checkins.card(unit, card)
    found = await checkins.expectation(unit, place.occurrence, member) if place is not None else None
    if found is None:
        return None
    sessions = await _sessions(unit, found.occurrence.id)
    present = await stored.chosen(unit, found.occurrence.id, member)
    return rules.choose_session(found, sessions, number, present=present, way=Way.REACTION, cause=cause, now=unit.now)


async def untap(unit: Reading, cause: Cause, removed: Cause, sender: UserId) -> Decision | None:
    """Take back the choice whose tap its own sender removed."""
    choice = await stored.chosen_by(unit, removed)
    found = await checkins.expectation(unit, choice.occurrence, choice.member) if choice is not None else None
    if choice is None or found is None or found.user != sender:
        return None
    sessions = await _sessions(unit, choice.occurrence)
    return rules.undo_choice(found, sessions, choice.session, cause=cause, now=unit.now) if sessions else None
