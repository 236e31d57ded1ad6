"""清理 @谁 1小时: what somebody wrote of late is counted, and taken back after a reaction."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.amounts import span_of
from bot.commands.asking import Asking
from bot.commands.sanctions import NO, YES, Aim, Answer, aimed, name_of
from bot.commands.vocabulary import reason_in
from content import cleanings
from content.cleanings import Cleaning, Wanted
from content.decision import Decision, Refusal, Tell, refused, words
from content.identifiers import Cause, CleaningId, EventId, UserId
from content.organisations import Right
from content.sanctions import Reason
from storage import cleanings as stored
from storage import organisations, sanctions
from storage.unit import Reading


async def clean(asking: Asking) -> Answer:
    """Count what somebody wrote: in the room in which it is said, in private in all rooms of their branch.

    Most often it is a flood, so that is the reason where none is said.
    """
    aim = await aimed(asking)
    if not isinstance(aim, Aim):
        return aim
    unit, by, me = asking.unit, asking.sender, asking.settings.me
    span, said = span_of(aim.rest)
    reason, added = reason_in(said) if said else (Reason.FLOOD, "")
    frame = await sanctions.frame(unit, aim.user, aim.at, by=by, me=me, only=aim.only)
    wanted = Wanted(
        user=aim.user,
        at=aim.at,
        sites=frame.sites,
        span=cleanings.USUAL if span == timedelta(0) else span,
        reason=Reason(reason),
        said=added,
        in_chat=True,
    )
    under_way = await stored.under_way(unit, aim.user)
    return cleanings.ask(
        wanted, by=by, me=me, exempt=frame.exempt, under_way=under_way, cause=asking.cause, now=unit.now
    )


async def replied(asking: Asking, matter: str) -> Answer:
    """Take a reply to the message that told what was counted as the word that it asked for."""
    word = asking.text.strip().lower()
    told = await stored.told(asking.unit, CleaningId(matter))
    if told is None or (word not in YES and word not in NO):
        return None
    return await _answered(asking.unit, told.cleaning, asking.sender, asking.settings.me, yes=word in YES)


async def tap(unit: Reading, target: EventId, user: UserId, key: str, cause: Cause, me: UserId) -> Answer:
    """Take a reaction to the message that told what was counted as the word that it asked for."""
    if key not in YES and key not in NO:
        return None
    id = await stored.asked_by(unit, target, user)  # noqa: A001
    told = await stored.told(unit, id) if id is not None else None
    return await _answered(unit, told.cleaning, user, me, yes=key in YES) if told is not None else None


async def _answered(unit: Reading, one: Cleaning, user: UserId, me: UserId, *, yes: bool) -> Answer:
    if one.state is not cleanings.State.READY or user != one.by:
        return None
    if not yes:
        done = cleanings.let_go(one, now=unit.now)
        return Decision(facts=done.facts, effects=(Tell(user=user, words=words("sanction.let_go")),))
    if not await organisations.may(unit, user, Right.MODERATE, one.organisation):
        return refused("sanction.no_right")
    frame = await sanctions.frame(unit, one.user, one.organisation, by=user, me=me, only=one.rooms)

    def decide() -> Decision | Refusal:
        return cleanings.begin(one, by=user, exempt=frame.exempt, now=unit.now)

    answer = cleanings.confirm(one, by=user, decide=decide, now=unit.now)
    if not isinstance(answer, Decision):
        return answer
    said = Tell(user=user, words=words("cleanings.begun", name=await name_of(unit, one.user)))
    return Decision(facts=answer.facts, effects=(*answer.effects, said))
