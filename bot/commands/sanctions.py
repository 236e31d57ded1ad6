"""警告, 禁言, 移出, 封禁, 解除, 记录: measures from the phone, confirmed by a reaction; 申诉 against one."""

from __future__ import annotations

import re
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.commands.amounts import span_of
from bot.commands.asking import Asking, Place
from bot.commands.grammar import read
from bot.commands.remarks import is_acknowledgement
from bot.commands.vocabulary import Verb, reason_in
from content import appeals, cases, ladder
from content.approvals import Act
from content.cases import Case, CaseOpened
from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import Cause, EventId, OrganisationId, ProposalId, RoomId, SanctionId, UserId, derive
from content.muting import hindered
from content.organisations import Right, roots
from content.sanctions import HURTS, USUAL, Reason, Sanction, State, Step, Want, named
from storage import approvals, duties, members, organisations, rooms, sanctions
from storage import cases as stored
from storage.unit import Reading

Answer = Decision | Refusal | None

STEPS = {
    Verb.WARN: Step.WARNING,
    Verb.SILENCE: Step.MUTE,
    Verb.SHOW_OUT: Step.REMOVAL,
    Verb.BAN: Step.BAN,
    Verb.PUT_DOWN: Step.NOTE,
}

YES = frozenset({"👍", "✅", "✔", "👌", "确认", "同意", "是", "yes", "confirm", "agree", "ok"})
NO = frozenset({"👎", "❌", "不同意", "取消", "否", "no", "cancel", "disagree"})


_ACCOUNT = re.compile(r"@[!-9;-~]+:[A-Za-z0-9.-]+(?::[0-9]+)?")
LONGEST_ACCOUNT = 255


class Aim(Struct, frozen=True, kw_only=True):
    """Against whom, at which node and in which rooms something is wanted, and what else was said.

    ``named`` tells that the words say who, and not only whose message they answer.
    """

    user: UserId
    at: OrganisationId
    only: tuple[RoomId, ...] | None
    rest: str
    named: bool


async def warn(asking: Asking) -> Answer:
    """警告: told to the person, over after a month."""
    return await _take(asking, Step.WARNING)


async def silence(asking: Asking) -> Answer:
    """禁言 2小时: nothing can be written until then."""
    return await _take(asking, Step.MUTE)


async def show_out(asking: Asking) -> Answer:
    """移出: out of the room, and free to be asked in again."""
    return await _take(asking, Step.REMOVAL)


async def ban(asking: Asking) -> Answer:
    """封禁 1天: out of the room, and not in again until then."""
    return await _take(asking, Step.BAN)


async def put_down(asking: Asking) -> Answer:
    """记录: on record, told to nobody."""
    return await _take(asking, Step.NOTE)


async def _take(asking: Asking, step: Step) -> Answer:
    aim = await aimed(asking)
    if not isinstance(aim, Aim):
        return aim
    unit, by, me = asking.unit, asking.sender, asking.settings.me
    case, opened = await _case(asking, aim)
    if isinstance(case, Refusal):
        return case
    lasts, said = span_of(aim.rest)
    reason, added = reason_in(said)
    wanted = Want(
        step=step,
        reason=Reason(reason),
        words=added,
        lasts=USUAL.get(step) if lasts == timedelta(0) else lasts,
    )
    frame = await sanctions.frame(unit, aim.user, aim.at, by=by, me=me, only=aim.only)
    one = ladder.prepare(case, wanted, frame, cause=asking.cause, now=unit.now)
    if isinstance(one, Refusal):
        return one
    evidence: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    if asking.replied is not None and asking.place is Place.ROOM:
        kept, effect = cases.ask_for_message(case, asking.room, asking.replied, by=by, now=unit.now)
        evidence, effects = (kept,), (effect,)
    name = await name_of(unit, aim.user)
    if step in HURTS or (step is Step.WARNING and not aim.named):
        where = tuple(words("sanction.room", room=site.name) for site in frame.sites if site.room in one.rooms)
        lines = tuple(hindered(wanted, frame.sites, me=me, user=aim.user))
        others = await members.other_accounts(unit, aim.user, case.organisation)
        asked = ladder.ask_to_confirm(one, name, where, lines, others)
        return Decision(facts=(*opened, *evidence, *asked.facts), effects=(*effects, *asked.effects))
    done = ladder.impose(one, now=unit.now)
    said_so = Tell(user=by, words=words("sanction.done", step=named(one), name=name, number=case.number))
    return Decision(facts=(*opened, *evidence, *done.facts), effects=(*effects, *done.effects, said_so))


async def _case(asking: Asking, aim: Aim) -> tuple[Case | Refusal, tuple[Fact, ...]]:
    """Return the case that goes on, or a new one with the fact that opens it."""
    unit = asking.unit
    known = await stored.latest(unit, aim.user, aim.at, unit.now - cases.GOES_ON)
    if known is not None:
        return known, ()
    number = await stored.next_number(unit)
    case = cases.open_case(aim.user, aim.at, number=number, by=asking.sender, cause=asking.cause, now=unit.now)
    return case, () if isinstance(case, Refusal) else (CaseOpened(case=case),)


async def aimed(asking: Asking) -> Aim | Answer:
    """Find out against whom something is wanted, by whom was called, an account, or a name on the roster.

    In a room it is for that room; in private for all rooms of the branch in which the person is.
    """
    unit, private = asking.unit, asking.place is Place.PRIVATE
    held = roots(await organisations.duties_of(unit, asking.sender), Right.MODERATE)
    if not held:
        return refused("sanction.no_right") if private else None
    found = await _whom(asking, held)
    if not isinstance(found, tuple):
        return found if private or len(asking.called) == 1 else None
    user, rest = found
    named = rest != asking.argument.strip()
    if asking.place is Place.ROOM:
        room = await rooms.room(unit, asking.room)
        if room is None or not await organisations.may(unit, asking.sender, Right.MODERATE, room.organisation):
            return None
        return Aim(user=user, at=room.organisation, only=(room.id,), rest=rest, named=named)
    member = await members.by_user(unit, user)
    at = await organisations.branch_above(unit, member.organisation) if member is not None else held[0]
    if not await organisations.may(unit, asking.sender, Right.MODERATE, at):
        return refused("sanction.not_yours")
    return Aim(user=user, at=at, only=None, rest=rest, named=named)


async def _whom(asking: Asking, held: tuple[OrganisationId, ...]) -> tuple[UserId, str] | Refusal:
    """Return the person who is meant, and what is said beside their name."""
    first, _, rest = asking.argument.strip().partition(" ")
    bare = first.removeprefix("@").rstrip(":：,，")
    if _ACCOUNT.fullmatch(first.rstrip(":,")) and len(first) <= LONGEST_ACCOUNT:
        return UserId(first.rstrip(":,")), rest.strip()
    if len(asking.called) == 1:
        (user,) = asking.called
        if _names(first, user, await name_of(asking.unit, user)):
            return user, rest.strip()
        named = await duties.accounts_by_name(asking.unit, bare, held) if bare else ()
        if named and user not in named:
            return refused("sanction.two_meant", name=bare, other=await name_of(asking.unit, user))
        return user, (rest if named or first.startswith("@") else asking.argument).strip()
    if not bare:
        return refused("sanction.whom")
    accounts = await duties.accounts_by_name(asking.unit, bare, held)
    if len(accounts) > 1:
        return refused("cases.several_of_the_name", name=bare)
    if not accounts or accounts[0] is None:
        return refused("sanction.nobody", name=bare)
    return accounts[0], rest.strip()


def _names(first: str, user: UserId, name: str) -> bool:
    """Tell whether a first word is somebody's account or name, and nothing that is to be a reason."""
    return first.removeprefix("@").rstrip(":：,，") in {user.removeprefix("@"), user.partition(":")[0][1:], name}


async def name_of(unit: Reading, user: UserId) -> str:
    """Return what a person is called on the roster, else their account."""
    return (await duties.names_of(unit, [user])).get(user, user)


async def lift(asking: Asking) -> Answer:
    """解除 3 原因, 解除 张明 原因: take back what holds, in a case or against a person."""
    unit, private = asking.unit, asking.place is Place.PRIVATE
    held = roots(await organisations.duties_of(unit, asking.sender), Right.MODERATE)
    if not held:
        return refused("sanction.no_right") if private else None
    first, _, why = asking.argument.strip().partition(" ")
    if re.fullmatch(r"[0-9]{1,6}", first):
        case = await stored.by_number(unit, int(first), held)
        found = [told.sanction for told in await sanctions.of_case(unit, case.id)] if case is not None else []
    else:
        whom = await _whom(asking, held)
        if isinstance(whom, Refusal):
            return whom if private or len(asking.called) == 1 else None
        user, why = whom
        found = [*await sanctions.standing(unit, user)]
    mine = [
        one
        for one in found
        if one.state is State.ACTIVE and await organisations.stands_below(unit, one.organisation, held)
    ]
    if not mine:
        return refused("sanction.nothing_holds")
    facts: list[Fact] = []
    effects: list[Effect] = []
    for one in mine:
        done = ladder.lift(one, why, by=asking.sender, now=unit.now)
        if isinstance(done, Refusal):
            return done
        facts += done.facts
        effects += done.effects
    lines = tuple(words("sanction.lifted_line", step=named(one), number=one.number) for one in mine)
    effects.append(Tell(user=asking.sender, words=words("sanction.lifted_done", list=lines)))
    return Decision(facts=tuple(facts), effects=tuple(effects))


async def appeal(asking: Asking) -> Answer:
    """申诉 原因: against the newest measure; a reply to the message that told of one is the same."""
    one = await sanctions.to_appeal(asking.unit, asking.sender)
    if one is None:
        return refused("appeal.nothing")
    return await _appeal(asking, one, asking.argument)


async def _appeal(asking: Asking, one: Sanction, text: str) -> Answer:
    whom, address = await sanctions.reviewers(asking.unit, one), f"{asking.settings.console}/cases/{one.case}"
    return appeals.appeal(one, text, reviewers=whom, console=address, now=asking.unit.now)


async def replied(asking: Asking, id: SanctionId) -> Answer:  # noqa: A002
    """Take a reply to the message that told of a measure, or asked about one, as an answer to that."""
    one = await sanctions.sanction(asking.unit, id)
    if one is None or is_acknowledgement(asking.text):
        return Decision() if one is not None and one.user == asking.sender else None
    if one.user == asking.sender:
        return None if _asks_otherwise(asking.text) else await _appeal(asking, one, asking.text)
    word = asking.text.strip().lower()
    if word in YES or word in NO:
        return await _answered(asking.unit, one, asking.sender, asking.cause, asking.settings.me, yes=word in YES)
    return None


def _asks_otherwise(text: str) -> bool:
    """Tell of a reply to the message that told of a measure that it is a command of another kind, as 帮助 is."""
    said = read(text)
    return said is not None and said.verb is not Verb.APPEAL and not said.argument


async def tap(unit: Reading, target: EventId, user: UserId, key: str, cause: Cause, me: UserId) -> Answer:
    """Take a reaction to a message that asked about a measure as the word that it asked for."""
    if key not in YES and key not in NO:
        return None
    id = await sanctions.told_by(unit, target, user)  # noqa: A001
    one = await sanctions.sanction(unit, id) if id is not None else None
    return await _answered(unit, one, user, cause, me, yes=key in YES) if one is not None else None


async def _answered(unit: Reading, one: Sanction, user: UserId, cause: Cause, me: UserId, *, yes: bool) -> Answer:
    """Do what was asked about: by who asked for it themself, or by the second person whom it takes."""
    if one.state is State.DRAFT and user == one.by:
        return await _confirmed(unit, one, cause, me) if yes else ladder.let_go(one, now=unit.now)
    if one.state is not State.WAITING or user == one.user:
        return None
    waiting = await approvals.waiting(unit, [one.organisation], acts=[Act.BAN])
    proposal = next((each for each in waiting if each.subject == one.id), None)
    if proposal is None:
        return refused("sanction.over")
    case = await stored.case(unit, one.case)
    if case is None:
        return refused("sanction.over")
    frame = await sanctions.frame(unit, one.user, one.organisation, by=proposal.by, me=me, only=one.rooms)
    if yes:
        done = ladder.agree(one, proposal, case, frame, by=user, now=unit.now)
    else:
        done = ladder.disagree(one, proposal, by=user, may=frame.others, now=unit.now)
    if isinstance(done, Refusal):
        return done
    said = words("sanction.agreed" if yes else "sanction.declined", number=one.number)
    whom = tuple(Tell(user=each, words=said) for each in (one.by, user))
    return Decision(facts=done.facts, effects=(*done.effects, *whom))


async def _confirmed(unit: Reading, one: Sanction, cause: Cause, me: UserId) -> Answer:
    """Look at everything again, as somebody else may have done the same meanwhile, and do it."""
    case = await stored.case(unit, one.case)
    if case is None or not await organisations.may(unit, one.by, Right.MODERATE, one.organisation):
        return refused("sanction.no_right")
    frame = await sanctions.frame(unit, one.user, one.organisation, by=one.by, me=me, only=one.rooms)
    wanted = Want(step=one.step, reason=one.reason, words=one.words, lasts=one.lasts)

    def decide(draft: Sanction) -> Decision | Refusal:
        fresh = ladder.prepare(case, wanted, frame, cause=cause, now=unit.now)
        if isinstance(fresh, Refusal):
            return fresh
        meant = replace(fresh, id=draft.id)
        return ladder.want(meant, frame, id=ProposalId(derive(cause, "proposal")), now=unit.now)

    done = ladder.confirm(one, by=one.by, decide=decide, now=unit.now)
    if not isinstance(done, Decision):
        return done
    key = "sanction.waits_second" if ladder.takes_two(wanted, frame) else "sanction.done"
    said: Words = words(key, step=named(one), name=await name_of(unit, one.user), number=one.number)
    return Decision(facts=done.facts, effects=(*done.effects, Tell(user=one.by, words=said)))
