"""练习, 错题, 跳过, 退出: a few questions of the bank in private, explained at once, and nobody who sees it."""

from __future__ import annotations

import re
from datetime import timedelta

from msgspec.structs import replace

from bot.commands.asking import Asking, Place
from bot.commands.plain import normalise
from bot.commands.remarks import is_acknowledgement, is_bare_reason
from content import practice as rules
from content.bank import Item, Kind
from content.bank_sheets import DIFFICULTIES
from content.decision import Decision, Refusal, Words, words
from content.identifiers import ItemId, MemberId, OrganisationId
from content.practice import Session
from storage import bank, checkins, inquiries
from storage import practice as stored

SKIP = ("跳过", "skip", "下一题", "next")
QUIT = ("退出", "quit", "exit", "不做了", "结束")
FORGET = ("清空", "clear")
LATELY = timedelta(days=7)
"""So far back a lesson was shown lately, and its questions come first."""
MOST_TAGS_NAMED = 20

_BETWEEN = re.compile(r"[\s,，、]+")


async def practise(asking: Asking) -> Decision | Refusal | None:
    """练习: the questions of the last lesson, or some by lot; 练习 党章 易: by tag and difficulty."""
    if asking.place is not Place.PRIVATE or asking.member is None:
        return None
    member, organisation = asking.member.id, asking.member.organisation
    wanted = [one for one in _BETWEEN.split(asking.argument.strip()) if one]
    if not wanted:
        for title in await _titles(asking, member):
            fresh = await stored.fresh(asking.unit, organisation, member, title)
            if fresh:
                return await _begin(asking, rules.draw(fresh, asking.cause), words("practice.of_lesson", title=title))
    hard = next((DIFFICULTIES[one.casefold()] for one in wanted if one.casefold() in DIFFICULTIES), None)
    tags = [one for one in wanted if one.casefold() not in DIFFICULTIES]
    found = await stored.askable(asking.unit, organisation, tags=tags, difficulty=hard)
    if not found:
        return await _nothing(asking, organisation, wanted)
    opening = words("practice.of", what=_listed(wanted)) if wanted else words("practice.by_lot")
    return await _begin(asking, rules.draw(found, asking.cause), opening)


async def _titles(asking: Asking, member: MemberId) -> list[str]:
    shown = await checkins.shown_lately(asking.unit, member, since=asking.unit.now - LATELY)
    return [one.title for one in reversed(shown)]


def _listed(texts: list[str]) -> str:
    return " ".join(texts)


async def _nothing(asking: Asking, organisation: OrganisationId, wanted: list[str]) -> Decision:
    if not wanted or not await stored.is_any(asking.unit, organisation):
        return rules.say(asking.sender, words("practice.empty"))
    tags = await stored.tags_asked(asking.unit, organisation)
    listed = words("practice.tags", tags=_listed(list(tags[:MOST_TAGS_NAMED]))) if tags else words("practice.no_tags")
    return rules.say(asking.sender, words("practice.none_such", what=_listed(wanted)), listed)


async def mistakes(asking: Asking) -> Decision | Refusal | None:
    """错题: what one got wrong, what is due first; 错题 清空 forgets how it went."""
    if asking.place is not Place.PRIVATE or asking.member is None:
        return None
    if normalise(asking.argument).casefold() in FORGET:
        return rules.forget(asking.member.id, asking.sender)
    found = await stored.mistakes(asking.unit, asking.member.id, asking.member.organisation)
    if not found:
        return rules.say(asking.sender, words("practice.no_mistakes"))
    due = [one for one in found if one.memory is not None and one.memory.due <= asking.unit.now]
    opening = words("practice.mistakes" if due else "practice.none_due", n=len(found), due=len(due))
    return await _begin(asking, tuple(one.item for one in due or found)[: rules.MISTAKES_AT_ONCE], opening)


async def _begin(asking: Asking, queue: tuple[ItemId, ...], opening: Words) -> Decision | None:
    assert asking.member is not None
    first = await bank.item(asking.unit, queue[0])
    if first is None:
        return None
    session = Session(member=asking.member.id, user=asking.sender, queue=queue)
    return rules.begin(session, first, opening=opening, now=asking.unit.now)


async def answer_by_number(asking: Asking) -> Decision | None:
    """Take 选1 as an answer where items are asked; else it is a vote."""
    about = await inquiries.waiting(asking.unit, asking.sender)
    return await answer(asking) if about == rules.ABOUT else None


async def answer(asking: Asking) -> Decision | None:
    """Take what somebody says who is being asked items."""
    if asking.member is None:
        return None
    session = await stored.session(asking.unit, asking.member.id)
    if session is None:
        return None
    said = normalise(asking.text).casefold()
    if said in QUIT:
        return rules.leave(session)
    asked, items = await _items(asking, session)
    if _is_for_another(asked, asking.text):
        return None
    if not items or asked != items[0]:
        left = replace(session, queue=tuple(one.id for one in items))
        return rules.pass_over(left, items[0] if items else None, now=asking.unit.now)
    item, following = items[0], items[1] if len(items) > 1 else None
    onward = replace(session, queue=tuple(one.id for one in items[1:]))
    if said in SKIP:
        return rules.skip(onward, following, now=asking.unit.now)
    if session.asked_as not in (None, item.asked_as):
        return rules.ask_again(session, item, now=asking.unit.now)
    judged = rules.judge(item, asking.text)
    if not isinstance(judged, bool):
        return rules.say(asking.sender, judged)
    known = await stored.met(asking.unit, session.member, item.id)
    return rules.answer(onward, item, known, following, right=judged, now=asking.unit.now)


def _is_for_another(asked: Item | None, text: str) -> bool:
    """Tell whether somebody says 收到, or why they are away: that is no answer, unless the item takes it as one."""
    if not (is_acknowledgement(text) or is_bare_reason(text)):
        return False
    judged = rules.judge(asked, text) if asked is not None else False
    return not isinstance(judged, bool) or (not judged and (asked is None or asked.kind is Kind.FILL_IN))


async def _items(asking: Asking, session: Session) -> tuple[Item | None, list[Item]]:
    """Return what was asked last, and what is still to be asked, which that is not if it was withdrawn since."""
    found = [await bank.item(asking.unit, one) for one in session.queue]
    asked = found[0] if found else None
    return asked, [one for one in found if one is not None and one.withdrawn is None]
