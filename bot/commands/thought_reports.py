"""思想汇报 … 完: a report in one message or several, said in private and sealed; 取消 drops it, 撤回 takes it back."""

from __future__ import annotations

import re

from bot.commands.asking import Asking, Place
from bot.commands.grammar import Said
from bot.commands.plain import normalise, simplified
from bot.commands.vocabulary import REASONS, WORDS, Verb
from bot.matrix.events import Event
from content import thought_reports as rules
from content.decision import Decision, Refusal, refused
from content.identifiers import EventId, UserId
from content.members import Member
from content.thought_reports import ABOUT, Readers
from storage import away, inquiries, members
from storage import thought_reports as stored
from storage.unit import Reading

_HEAD = re.compile(r"\s*[!！]?\s*[「“\"']?(?:(?:思想)?[汇匯彙][报報]|thought\s+report)[\s:：,，]*", re.IGNORECASE)
_WHOLE_HEAD = re.compile(r"\s*[!！]?\s*[「“\"']?(?:思想[汇匯彙][报報]|thought\s+report)[\s:：,，]*", re.IGNORECASE)
"""What asks for a report wherever it stands; 汇报 alone may begin a sentence of one."""
FILES = ("m.file", "m.image", "m.audio", "m.video")
_PLAIN = re.compile(r"[0-9一二三四五六七八九十]{1,6}")
_DROPPING = ("取消", "cancel")


async def begin(asking: Asking) -> Decision | Refusal | None:
    """思想汇报: begin a report, or go on with one; in a room nothing of it is kept, and that is said in private."""
    if asking.place is not Place.PRIVATE:
        return refused("thought_report.in_private")
    return await _say(asking, _HEAD.sub("", asking.text, count=1), opening=True)


async def hand_in(asking: Asking) -> Decision | Refusal | None:
    """完: hand in what was said, also long after it was."""
    if asking.member is None:
        return None
    report = await stored.unfinished(asking.unit, asking.member.id) if asking.place is Place.PRIVATE else None
    if report is None:
        return refused("thought_report.none_begun")
    return rules.hand_in(
        report, asking.member, asking.sender, readers=await _readers(asking, asking.member), now=asking.unit.now
    )


async def _say(asking: Asking, text: str, *, opening: bool) -> Decision | Refusal | None:
    member = asking.member
    if member is None:
        return None
    known = await stored.unfinished(asking.unit, member.id)
    return rules.say(
        member,
        asking.sender,
        known,
        text,
        asking.event,
        opening=opening,
        readers=await _readers(asking, member),
        cause=asking.cause,
        now=asking.unit.now,
    )


async def _readers(asking: Asking, member: Member) -> Readers:
    return await away.readers(asking.unit, member, address=f"{asking.settings.console}/thought-reports")


async def go_on(asking: Asking, said: Said | None) -> Decision | Refusal | None:
    """Take what is said in private while a report is being written as part of it, but for what clearly asks for more.

    ``None`` where no report is being written, or where a command stands alone: it is answered as always, and the
    report goes on after it.
    """
    unit, member = asking.unit, asking.member
    if member is None or asking.card is not None or asking.poll is not None or asking.sign_up is not None:
        return None
    if await inquiries.waiting(unit, asking.sender) != ABOUT:
        return None
    report = await stored.unfinished(unit, member.id)
    if report is None:
        return None
    if said is not None and said.verb is Verb.CANCEL and not said.argument and simplified(said.word) in _DROPPING:
        return rules.drop(report, asking.sender)
    if said is not None and _is_clear(said, asking.text):
        return None
    return await _say(asking, asking.text, opening=False)


_NEVER_SIGNED = frozenset(
    {
        *(Verb.HELP_CASE_UNNAMED, Verb.PROGRESS, Verb.ASK_UNNAMED, Verb.COMPLAIN, Verb.OBJECT, Verb.WATCHWORD),
        *(Verb.NOMINATE, Verb.NOMINATE_FOR_GROUP, Verb.WITHDRAW, Verb.ASK_PLEDGE, Verb.DUES_WRONG),
    }
)
"""What is meant for others than who reads the report, some of it without a name: it must never become part of one."""
_ASKING_FOR_HELP = frozenset({"求助", "有个困难", "help me"})
"""Of the words for help those that begin no sentence."""


def _is_clear(said: Said, text: str) -> bool:
    """Tell whether a message is a command and could be no sentence of a report: a word of ours, alone or numbered."""
    if said.verb in _NEVER_SIGNED or simplified(said.word) in _ASKING_FOR_HELP:
        return True
    if said.verb is Verb.THOUGHTS and said.argument:
        return _WHOLE_HEAD.match(text) is not None
    if said.verb in (Verb.THAT_IS_ALL, Verb.BIND) or not said.argument:
        return said.verb is not Verb.SIGN_UP or normalise(text) in WORDS[Verb.SIGN_UP]
    return _PLAIN.fullmatch(said.argument) is not None or (said.verb is Verb.LEAVE and said.argument in REASONS)


async def edited(unit: Reading, event: Event, target: EventId, text: str) -> Decision | Refusal | None:
    """Take what a message of one's report was changed to, while it is being written."""
    report = await stored.holding(unit, target, UserId(event.sender))
    if report is None:
        return None
    opens = report.parts[:1] and report.parts[0].event == target
    head = _HEAD if opens else _WHOLE_HEAD
    return rules.change(report, target, head.sub("", text, count=1), now=unit.now)


async def removed(unit: Reading, target: EventId, sender: UserId) -> Decision | None:
    """Leave a message that its author removed out of their report, while it is being written."""
    report = await stored.holding(unit, target, sender)
    return rules.remove(report, target, now=unit.now) if report is not None else None


async def hear_file(unit: Reading, event: Event, *, private: bool) -> Decision | None:
    """Say to who writes a report that a file is not taken; nothing of it is kept."""
    sender = UserId(event.sender)
    if not private or await inquiries.waiting(unit, sender) != ABOUT or await members.by_user(unit, sender) is None:
        return None
    name = event.content.get("filename") or event.content.get("body")
    return rules.refuse_file(sender, name if isinstance(name, str) else "")
