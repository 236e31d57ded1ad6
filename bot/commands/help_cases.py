"""求助, 匿名求助, 进度: ask for help in private, with one's name or without, and see what became of it."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from bot.commands.asking import Asking, Place
from bot.commands.grammar import read
from bot.commands.plain import normalise
from bot.commands.remarks import is_acknowledgement, is_called_out, is_dropped, is_mistaken, is_skipped
from bot.commands.vocabulary import Verb
from content import help_cases as rules
from content.decision import Decision, Refusal, Secret, Tell, Words, words
from content.help_case_codes import code_before, code_hash, is_code_meant, new_code
from content.help_cases import HelpCase, HelpInquiryForgotten, HelpWords, Sort
from content.identifiers import (
    Cause,
    EventId,
    HelpCaseId,
    HelpWordsId,
    OccurrenceId,
    OrganisationId,
    UserId,
    derive,
)
from content.inquiries import make_inquiry
from storage import duties, inquiries, members, organisations, settings, workdays
from storage import help_cases as stored
from storage.unit import Reading

Answer = Decision | Refusal | None

_TAKE_BACK = ("撤回", "收回", "undo", "withdraw")
_NUMBER = "b-?[0-9]{1,6}"
_MORE = re.compile(
    rf"\s*(?:(?P<named>{_NUMBER})\s*)?(?:补充|補充|add(?=\s*[:：]))(?:一下|一点|一點|一句)?"
    rf"(?:[\s:：,，]+(?P<number>{_NUMBER})(?![\w-]))?(?:[\s:：,，。.!！]+(?P<text>.*)|$)",
    re.DOTALL | re.IGNORECASE,
)
"""What is more of a case that stands, of the one whose number is said: 补充 …, B-017 补充：…; 补充营养 is none."""
MOST_LISTED = 10
MOST_ANSWERS = 8


def _say(asking: Asking, key: str, **parameters: str | int) -> Decision:
    """Answer in private without leaving a row of record, as a refusal would."""
    return Decision(effects=(Tell(user=asking.sender, words=words(f"help_case.{key}", **parameters)),))


async def ask(asking: Asking) -> Answer:
    """求助 …: open a case under one's name; 求助 alone asks in private what it is about. In a room nothing is kept."""
    if asking.place is not Place.PRIVATE:
        return _say(asking, "in_private")
    return await _keep(asking, asking.argument) if asking.argument.strip() else _ask_what(asking)


def _ask_what(asking: Asking) -> Decision:
    asked = Tell(user=asking.sender, words=words("help_case.what"))
    wait = make_inquiry(asking.sender, rules.ABOUT, now=asking.unit.now)
    # Of who is asked so no row is kept: without a name they may ask next.
    return Decision(facts=(HelpInquiryForgotten(user=asking.sender), wait), effects=(asked,))


async def go_on(asking: Asking) -> Answer:
    """Take what is said after 求助 alone as what it is about."""
    if is_skipped(asking.text) or is_mistaken(asking.text):
        return await _without_inquiry(asking, _say(asking, "dropped"))
    return await _keep(asking, asking.text)


async def dropped(asking: Asking) -> Answer:
    """Take 取消 or 撤回 alone as the answer of who was just asked what they need; ``None`` where nobody was."""
    if asking.place is not Place.PRIVATE or not is_dropped(asking.text):
        return None
    if await inquiries.waiting(asking.unit, asking.sender) != rules.ABOUT:
        return None
    return await _without_inquiry(asking, _say(asking, "dropped"))


async def _of_code(asking: Asking, text: str) -> Answer:
    """Take a text that begins with a code as about that case, or what is meant as one as about none."""
    code, rest = code_before(text)
    if code is not None:
        return await _go_on(asking, code, rest)
    return _say(asking, "none_such") if is_code_meant(text) else None


async def _keep(asking: Asking, text: str) -> Answer:
    """Open a case under the asker's name; a text that begins with a code belongs to the case without one.

    Who only calls is asked what they need, and who needs it no longer is let be.
    """
    if (answered := await _without_inquiry(asking, await _of_code(asking, text))) is not None:
        return answered
    if (more := _MORE.fullmatch(text)) is not None:
        return await _without_inquiry(
            asking, await _add_more(asking, more["number"] or more["named"], more["text"] or "")
        )
    if is_called_out(text):
        return _ask_what(asking)
    if is_dropped(text):
        return await _without_inquiry(asking, _say(asking, "dropped"))
    if rules.wants_no_name(text):
        return await _without_inquiry(asking, _say(asking, "unnamed_instead"))
    if asking.member is None:
        return None
    branch = await organisations.branch_above(asking.unit, asking.member.organisation)
    day, days, due = await _days(asking.unit, branch)
    id = HelpCaseId(derive(asking.cause, "help case"))  # noqa: A001
    case = HelpCase(
        id=id,
        organisation=branch,
        number=await stored.next_number(asking.unit, branch),
        received_on=day,
        due_on=due,
        member=asking.member.id,
        user=asking.sender,
        asked_at=asking.unit.now,
    )
    held = [one for one in await stored.mine(asking.unit, asking.member.id, asking.sender) if one.stage in rules.OPEN]
    said = _words(id, text, day, _message(asking.event))
    return rules.open_named(case, said, days=days, held=len(held))


async def _add_more(asking: Asking, number: str | None, text: str) -> Answer:
    """Take 求助 补充 … as more of the one open case under one's name, or of the one whose number is said.

    Where none is, nothing is opened: what they speak of may be a case without a name.
    """
    found = [one for one in await _mine(asking) if one.stage in rules.OPEN]
    if not found:
        return _say(asking, "none_to_add_to")
    meant = [one for one in found if number is None or one.number == rules.number_in(number)]
    if len(meant) == 1 and text.strip():
        return await _add(asking, meant[0], text, _message(asking.event))
    if len(found) == 1 and meant:
        return _say(asking, "add_what", number=found[0].called)
    lines = tuple(map(_line, found[:MOST_LISTED]))
    said = words("help_case.add_which", list=lines, number=found[0].called)
    return Decision(effects=(Tell(user=asking.sender, words=said),))


async def ask_unnamed(asking: Asking) -> Answer:
    """匿名求助 …: open a case of which nothing leads to who asked; 匿名求助 and one's code add to it or take it back.

    In a room everybody has seen it already, so it is not taken.
    """
    if asking.place is not Place.PRIVATE:
        return _say(asking, "unnamed_in_private")
    return await _without_inquiry(asking, await _open_unnamed(asking))


async def _without_inquiry(asking: Asking, answer: Answer) -> Answer:
    """Wait no longer for what help is asked for by name: what is said next would stand under it.

    A refusal is said without being one, since a refusal forgets nothing.
    """
    if isinstance(answer, Refusal):
        answer = Decision(effects=(Tell(user=asking.sender, words=answer.words),))
    if answer is None:
        return None
    return replace(answer, facts=(*answer.facts, HelpInquiryForgotten(user=asking.sender)))


async def _open_unnamed(asking: Asking) -> Answer:
    if (answered := await _of_code(asking, asking.argument)) is not None:
        return answered
    _, text = code_before(asking.argument)
    if not text.strip() or normalise(text).casefold() in _TAKE_BACK or is_dropped(text) or is_called_out(text):
        return _say(asking, "unnamed_how")
    if asking.member is None:
        return _say(asking, "unnamed_members_only")
    branch = await organisations.branch_above(asking.unit, asking.member.organisation)
    day, days, due = await _days(asking.unit, branch)
    number = await stored.next_number(asking.unit, branch)
    # Not of the cause, which leads to the message and so to its sender.
    secret = derive(asking.settings.secret(), branch, number, text)
    id = HelpCaseId(derive(secret, "help case"))  # noqa: A001
    case = HelpCase(id=id, organisation=branch, number=number, received_on=day, due_on=due)
    place = (OccurrenceId(f"{rules.ABOUT}:{day.isoformat()}"), asking.member.id, asking.cause)
    unnamed = asking.settings.unnamed
    answer = rules.open_unnamed(
        case,
        _words(id, text, day, Cause(secret)),
        days=days,
        code=new_code(secret),
        to=asking.sender,
        allowed=unnamed.may_ask(*place),
    )
    if isinstance(answer, Decision):
        unnamed.note(*place)
    return answer


async def _go_on(asking: Asking, code: str, text: str) -> Answer:
    case = await stored.by_code(asking.unit, code)
    if case is None:
        return _say(asking, "none_such")
    if not text.strip() or is_called_out(text):
        return await _show(asking, case)
    if normalise(text).casefold() in _TAKE_BACK:
        return await taken_back(asking, case)
    if is_dropped(text):
        return _say(asking, "unnamed_to_withdraw")
    return await _add(asking, case, text, Cause(derive(asking.settings.secret(), case.id, text)))


async def _add(asking: Asking, case: HelpCase, text: str, cause: Cause) -> Answer:
    day, _, _ = await _days(asking.unit, case.organisation)
    pieces = len((await stored.words_of(asking.unit, [case.id]))[case.id])
    said = _words(case.id, text, day, cause)
    return rules.add(case, said, to=asking.sender, pieces=pieces, now=asking.unit.now)


async def replied(asking: Asking) -> Answer:
    """Take a reply to a message of ours about one's own case as more words to it."""
    found = await stored.told_by(asking.unit, asking.replied, asking.sender) if asking.replied is not None else None
    case = await stored.case(asking.unit, found) if found is not None else None
    if case is None:
        return None
    if is_acknowledgement(asking.text):
        return Decision()
    said = read(asking.text)
    if is_called_out(asking.text):
        return await _show(asking, case)
    if is_dropped(asking.text) and (said is None or said.verb is not Verb.WITHDRAW):
        key = "to_withdraw" if case.stage in rules.OPEN else "over"
        return _say(asking, key, number=case.called)
    if (answered := await _without_inquiry(asking, await _of_code(asking, asking.text))) is not None:
        return answered
    if said is not None and said.verb is Verb.WITHDRAW and not said.argument:
        return await taken_back(asking, case)
    if said is not None and said.verb is Verb.PROGRESS and not said.argument:
        return await _show(asking, case)
    if said is not None and said.verb is not Verb.HELP_CASE and not (said.argument and said.verb is Verb.LEAVE):
        return None
    text = said.argument if said is not None and said.verb is Verb.HELP_CASE else asking.text
    return await _add(asking, case, text, _message(asking.event)) if text.strip() else None


async def progress(asking: Asking) -> Answer:
    """进度: how my cases stand; 进度 B-017 one of mine with its answers; 进度 and a code one without a name."""
    if asking.place is not Place.PRIVATE:
        return _say(asking, "in_private")
    if asking.argument:
        case = await _meant(asking, asking.argument)
        shown = await _show(asking, case) if case is not None else _say(asking, "none_such")
        return shown if rules.number_in(asking.argument) is not None else await _without_inquiry(asking, shown)
    found = await _mine(asking)
    if not found:
        return _say(asking, "none_of_mine")
    if len(found) == 1:
        return await _show(asking, found[0])
    lines = tuple(map(_line, found[:MOST_LISTED]))
    return Decision(effects=(Tell(user=asking.sender, words=words("help_case.list", list=lines)),))


def _line(case: HelpCase) -> Words:
    day, stage = case.received_on.isoformat(), (rules.stage_words(case),)
    return words("help_case.list_line", number=case.called, day=day, stage=stage)


async def _mine(asking: Asking) -> tuple[HelpCase, ...]:
    return await stored.mine(asking.unit, asking.member.id if asking.member is not None else None, asking.sender)


async def _meant(asking: Asking, text: str) -> HelpCase | None:
    """Find the case that is meant, among one's own alone; a code is found whoever has it."""
    number = rules.number_in(text)
    if number is not None:
        return next((one for one in await _mine(asking) if one.number == number), None)
    code = code_hash(text)
    return await stored.by_code(asking.unit, code) if code is not None else None


async def _show(asking: Asking, case: HelpCase) -> Decision:
    texts = (await stored.words_of(asking.unit, [case.id]))[case.id]
    answers = [one for one in texts if one.sort is Sort.ANSWER][-MOST_ANSWERS:]
    names = await duties.names_of(asking.unit, [case.owner]) if case.owner is not None else {}
    said = rules.progress(case, answers, owner=names.get(case.owner) if case.owner is not None else None)
    matter = case.id if case.user == asking.sender else None
    return Decision(effects=(Tell(user=asking.sender, words=said, matter=matter),))


async def take_back(asking: Asking, text: str) -> Answer:
    """撤回 B-017: take back a case of mine, or by its code one without a name."""
    if asking.place is not Place.PRIVATE:
        return _say(asking, "in_private")
    case = await _meant(asking, text)
    answered = await taken_back(asking, case) if case is not None else _say(asking, "none_such")
    return answered if rules.number_in(text) is not None else await _without_inquiry(asking, answered)


async def taken_back(asking: Asking, case: HelpCase) -> Answer:
    """Take a case back."""
    day, _, _ = await _days(asking.unit, case.organisation)
    return rules.withdraw(case, to=asking.sender, today=day)


def how_to_withdraw(asking: Asking, case: HelpCase) -> Decision:
    """Say how a case is taken back: by its number, since what was written in it goes with it."""
    return _say(asking, "to_withdraw", number=case.called)


async def take_back_only(asking: Asking) -> Answer:
    """Ask which case is meant, where nothing else could be and some of mine are open; ``None`` where none is."""
    if asking.place is not Place.PRIVATE:
        return None
    found = [one for one in await _mine(asking) if one.stage in rules.OPEN]
    return _say(asking, "withdraw_which", number=found[0].called) if found else None


async def removed(unit: Reading, target: EventId, sender: UserId) -> Decision | None:
    """Take out of a case what somebody said in a message that they removed; of one without a name it is not found."""
    id = _id_of(_message(target))  # noqa: A001
    found = await stored.said_by(unit, id, sender)
    return rules.remove(found[0], id, to=sender, left=found[1]) if found is not None else None


async def edited(unit: Reading, target: EventId, sender: UserId, text: str) -> Answer:
    """Take what somebody changed a message to in the place of what it said in their case."""
    id = _id_of(_message(target))  # noqa: A001
    found = await stored.said_by(unit, id, sender)
    said = read(text)
    if said is not None and said.verb is Verb.HELP_CASE_UNNAMED:
        return await _edited_unnamed(unit, sender, said.argument, found[0] if found is not None else None)
    if found is None:
        return None
    if said is not None and said.verb is Verb.HELP_CASE:
        text = said.argument
    if not text.strip():
        return None
    case, _ = found
    day, _, _ = await _days(unit, case.organisation)
    return rules.change(case, _words(case.id, text, day, _message(target)), to=sender, now=unit.now)


async def _edited_unnamed(unit: Reading, sender: UserId, text: str, named: HelpCase | None) -> Answer:
    """Say of a message that was changed and asks without a name that a change is not read, and what is.

    To which case it belongs is not known, unless its code is said; of one that is over nothing is said. What was asked
    under one's name stays so.
    """
    if await members.by_user(unit, sender) is None:
        return None
    code, _ = code_before(text)
    case = named or (await stored.by_code(unit, code) if code is not None else None)
    if (code is not None and case is None) or (case is not None and case.stage not in rules.OPEN):
        return None
    said = words("help_case.unnamed_not_changed")
    if named is not None:
        said = words("help_case.stays_named", number=named.called)
    return Decision(facts=(HelpInquiryForgotten(user=sender),), effects=(Tell(user=sender, words=said),))


def _message(event: EventId) -> Cause:
    """Return of what the name of a text under one's name is made, so that it is found again by its message."""
    return Cause(f"event:{event}")


async def spoken_of(asking: Asking) -> list[tuple[HelpCase, datetime]]:
    """Return my open cases of which I have said something today, and when."""
    return [(one, one.asked_at) for one in await _mine(asking) if one.stage in rules.OPEN and one.asked_at is not None]


def _words(case: HelpCaseId, text: str, day: date, cause: Cause) -> HelpWords:
    return HelpWords(id=_id_of(cause), case=case, sort=Sort.ASKED, text=Secret(text.strip()), on=day)


def _id_of(cause: Cause) -> HelpWordsId:
    return HelpWordsId(derive(cause, "help words"))


async def _days(unit: Reading, branch: OrganisationId) -> tuple[date, int, date]:
    """Return today in a branch, within how many working days it answers, and which day that is."""
    node = await organisations.organisation(unit, branch)
    day = unit.now.astimezone(ZoneInfo(node.timezone if node is not None else "UTC")).date()
    days = int(await settings.value_of(unit, branch, rules.SETTING))
    return day, days, rules.due_on(day, days, await workdays.calendar(unit))
