"""提问, 匿名提问, 撤回提问: a question to who gives a lecture, before or after it, with one's name or without."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo

from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place
from content import lecture_questions as rules
from content.checkins import Expectation
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import LectureQuestionId, derive
from content.occurrences import MAKE_UP
from storage import checkins, organisations, schedules
from storage import lecture_questions as stored

_NUMBERED = re.compile(r"([1-9])[\s.、:,，]+(.+)", re.DOTALL)


async def ask(asking: Asking) -> Decision | Refusal | None:
    """提问 …: ask under one's name; 提问 2 … where more than one lecture is meant."""
    found = await _meant(asking)
    if not isinstance(found, tuple):
        return found
    one, text = found
    return rules.ask(
        one,
        text,
        id=LectureQuestionId(derive(asking.cause, "question")),
        held=await stored.of_lecture(asking.unit, one.occurrence.id),
        today=await _today(asking, one),
    )


async def ask_unnamed(asking: Asking) -> Decision | Refusal | None:
    """匿名提问 …: ask so that nobody learns who did; in a room everybody has seen it already, so it is not taken."""
    if asking.place is not Place.PRIVATE:
        return refused("lecture.unnamed_in_private")
    found = await _meant(asking)
    if not isinstance(found, tuple):
        return found
    one, text = found
    unnamed, place = asking.settings.unnamed, (one.occurrence.id, one.member, asking.cause)
    answer = rules.ask_unnamed(
        one,
        text,
        # Not of the cause, which leads to the message and so to its sender.
        id=LectureQuestionId(derive(asking.settings.secret(), one.occurrence.id, rules.tidied(text))),
        held=await stored.of_lecture(asking.unit, one.occurrence.id),
        today=await _today(asking, one),
        allowed=unnamed.may_ask(*place),
    )
    if isinstance(answer, Decision):
        unnamed.note(*place)
    return answer


async def take_back(asking: Asking) -> Decision | Refusal | None:
    """撤回提问: take back what I asked under my name and nobody has answered; 撤回提问 2 where I asked several."""
    if asking.member is None:
        return None
    # Numbered with what is settled, so that no number passes to another question when one of them is answered.
    found = dict(enumerate(await stored.asked_by(asking.unit, asking.member.id), start=1))
    waiting = [number for number, (one, _) in found.items() if one.state in rules.UNSETTLED]
    if not waiting:
        return refused("lecture.nothing_to_withdraw")
    number = number_in(asking.argument) if asking.argument else None
    if number is None and len(waiting) > 1:
        lines = tuple(
            words("lecture.question_line", number=number, title=found[number][1], question=found[number][0].text)
            for number in waiting
        )
        return Decision(effects=(Tell(user=asking.sender, words=words("lecture.withdraw_which", list=lines)),))
    if number is not None and number not in found:
        return refused("checkin.no_such_number", number=number, most=len(found))
    one, title = found[number or waiting[0]]
    return rules.withdraw_question(one, user=asking.sender, title=title)


async def _meant(asking: Asking) -> tuple[Expectation, str] | Decision | Refusal | None:
    """Find which lecture is asked about: the card's, the only one, or the one whose number was given."""
    if asking.member is None:
        return None
    text = asking.argument.strip()
    if asking.card is not None:
        place = await checkins.card(asking.unit, asking.card)
        found = await checkins.lectures_of(asking.unit, asking.member.id, since=asking.unit.now - MAKE_UP)
        one = next((each for each in found if place is not None and each.occurrence.id == place.occurrence), None)
        return (one, text) if one is not None and text else None
    found = await checkins.lectures_of(asking.unit, asking.member.id, since=asking.unit.now - MAKE_UP)
    if not found:
        return refused("lecture.none_to_ask")
    numbered = _NUMBERED.fullmatch(text) if len(found) > 1 else None
    if numbered is not None and int(numbered[1]) <= len(found):
        return found[int(numbered[1]) - 1], numbered[2]
    if text and len(found) == 1:
        return found[0], text
    lines = tuple(words("lecture.which_line", number=number, title=one.title) for number, one in enumerate(found, 1))
    key = "lecture.ask_which" if len(found) > 1 else "lecture.ask_how"
    return Decision(effects=(Tell(user=asking.sender, words=words(key, list=lines)),))


async def _today(asking: Asking, one: Expectation) -> date:
    entry = await schedules.entry(asking.unit, one.occurrence.id)
    node = await organisations.organisation(asking.unit, one.occurrence.audience)
    zone = entry.timezone if entry is not None else node.timezone if node is not None else "UTC"
    return asking.unit.now.astimezone(ZoneInfo(zone)).date()
