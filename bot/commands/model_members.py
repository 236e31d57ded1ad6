"""推荐, 同意 and 意见: nominating a model member, agreeing to it, and objecting to a notice, all in private."""

from __future__ import annotations

import re

from bot.commands import ballots
from bot.commands.asking import Asking, Place
from content import model_members as rules
from content.ballots import look_alike
from content.decision import Decision, Refusal, Tell, discreetly, refused, words
from content.franchise import why_not
from content.identifiers import ObjectionId, derive
from content.members import Member
from content.model_members import Selection, Stage, Standing
from storage import members
from storage import model_members as stored

_SPACE = re.compile(r"\s+")
_BETWEEN = re.compile(r"[\s:,、]+")


async def nominate(asking: Asking) -> Decision | Refusal | None:
    """推荐 姓名 理由: nominate a member; the bot then asks them whether they agree."""
    return discreetly(await _nominate(asking, for_group=False))


async def nominate_for_group(asking: Asking) -> Decision | Refusal | None:
    """小组推荐 姓名 理由: say whom a group nominates, as who leads it."""
    return discreetly(await _nominate(asking, for_group=True))


async def _nominate(asking: Asking, *, for_group: bool) -> Decision | Refusal | None:
    unit, member = asking.unit, asking.member
    if member is None:
        return None
    if asking.place is not Place.PRIVATE:
        return refused("selection.private_only")
    open_calls = [
        one for one in await stored.at_stage(unit, [Stage.CALLED], member.organisation) if unit.now < one.nominate_until
    ]
    if not open_calls:
        # Where a secret ballot is open it is a choice in chat, which is not kept.
        links = await ballots.send_links(asking, member)
        if links is not None:
            return links
        return refused("selection.no_call")
    split = _SPACE if asking.argument.startswith("@") else _BETWEEN
    name, reason = (*split.split(asking.argument, maxsplit=1), "")[:2]
    if not name or not reason:
        return refused("selection.how_to_nominate")
    selection = rules.meant(open_calls, reason)
    if selection is None:
        return _which(open_calls)
    group = await stored.group_led(unit, asking.sender, selection.organisation) if for_group else None
    if for_group and group is None:
        return refused("selection.no_group")
    found = _called(await members.roster(unit, [selection.organisation]), name)
    if len(found) != 1:
        return refused("selection.nobody_of_the_name" if not found else "selection.several_of_the_name")
    (nominee,) = found
    return rules.nominate(
        selection,
        await stored.nominee(unit, selection.id, nominee.id),
        nominee.id,
        nominee.user,
        barred=bool(why_not(nominee, on=selection.day(unit.now))),
        by=member.id,
        sender=asking.sender,
        group=group,
        made=await stored.made_by(unit, selection.id, member.id),
        reason=reason,
        now=unit.now,
    )


async def agree(asking: Asking) -> Decision | Refusal | None:
    """同意: agree to be a candidate."""
    return await _answer(asking, agreed=True)


async def disagree(asking: Asking) -> Decision | Refusal | None:
    """不同意: not agree to be a candidate, or no longer."""
    return await _answer(asking, agreed=False)


async def _answer(asking: Asking, *, agreed: bool) -> Decision | Refusal | None:
    if asking.member is None or asking.place is not Place.PRIVATE:
        return None
    asked = await stored.asked(asking.unit, asking.member.id)
    fitting = [
        (one, nominee)
        for one, nominee in asked
        if nominee.standing not in rules.OUT and (not agreed or nominee.standing is Standing.NOMINATED)
    ]
    if not fitting:
        return refused("selection.nothing_to_answer")
    selection = rules.meant([one for one, _ in fitting], asking.argument)
    if selection is None:
        return _which([one for one, _ in fitting])
    nominee = next(nominee for one, nominee in fitting if one is selection)
    return rules.answer(selection, nominee, agreed, to=asking.sender)


async def object_to(asking: Asking) -> Decision | Refusal | None:
    """意见 内容: object during a publicity; only who hears objections reads it."""
    return discreetly(await _object_to(asking))


async def _object_to(asking: Asking) -> Decision | Refusal | None:
    unit, member = asking.unit, asking.member
    if member is None:
        return None
    if asking.place is not Place.PRIVATE:
        return refused("selection.private_only")
    public = [
        one
        for one in await stored.at_stage(unit, [Stage.PUBLIC], member.organisation)
        if one.ends_on is not None and one.day(unit.now) <= one.ends_on
    ]
    if not public:
        return refused("selection.nothing_public")
    if not asking.argument:
        return Decision(effects=(Tell(user=asking.sender, words=words("selection.how_to_object")),))
    selection = rules.meant(public, asking.argument)
    if selection is None:
        return _which(public)
    return rules.object_to(
        selection,
        id=ObjectionId(derive(asking.cause, "objection")),
        by=member.id,
        sender=asking.sender,
        text=asking.argument,
        hearers=await stored.hearers(unit, selection),
        today=selection.day(unit.now),
    )


def _which(found: list[Selection]) -> Refusal:
    return refused("selection.which", titles="、".join(f"《{one.title}》" for one in found))


def _called(people: tuple[Member, ...], typed: str) -> list[Member]:
    """Return who is meant by an account, or by a name however its letters were typed."""
    if typed.startswith("@"):
        return [one for one in people if one.user == typed]
    return [one for one in people if look_alike(one.name, typed)]
