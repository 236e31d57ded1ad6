"""承诺, 问承诺, 答承诺, 进展: what the branch has pledged, a question to its owner, the answer, and how far it is.

Wherever it is asked, the answer is private: nobody's pledge is held up to a room.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from bot.commands.amounts import number_in
from bot.commands.asking import Asking, Place, Settings
from bot.commands.grammar import ABOUT_PLEDGE, read
from bot.commands.remarks import is_acknowledgement, is_assent, is_skipped, says_finished
from bot.commands.removals import Removal, counts_of
from bot.commands.vocabulary import Verb
from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Decision, Refusal, Tell, Words, discreetly, refused, words
from content.identifiers import EventId, MemberId, OrganisationId, PledgeId, PledgeQuestionId, UserId, derive
from content.members import NOBODY, Member
from content.pledge_questions import Question, Stand
from content.pledges import Party, Pledge, Sort
from storage import members, mutes, organisations, quiet
from storage import pledge_questions as stored_questions
from storage import pledges as stored
from storage.unit import Reading

MOST_LISTED = 30
MOST_ECHOED = 60
"""So many characters of what was said are said again where it was not understood."""

MOST_SHOWN = 5
"""So many questions, and half as many steps, stand in what one is told of a pledge; all of them on its page."""

_SIGNED = re.compile(r"(?:署名|实名|實名|signed)[\s:,，]+(?P<rest>.+)", re.DOTALL | re.IGNORECASE)
_PERCENT = re.compile(r"(?P<percent>[0-9]{1,6}(?:\.[0-9]+)?)\s*%[\s:,，、.。]*(?P<note>.*)", re.DOTALL)
_NO_ANSWERS = frozenset({*Verb} - {Verb.LEAVE, Verb.SIGN_UP, Verb.VOTE, Verb.CHECK_IN})
"""Said in reply to a question these are meant as what they say, and not as its answer."""

Answer = Decision | Refusal | None


async def show(asking: Asking) -> Answer:
    """承诺: list the open pledges of my branch; 承诺 3: say all that is known of one."""
    if asking.member is None:
        return None
    branch = await _branch(asking.unit, asking.member)
    today = await _today(asking.unit, branch)
    if asking.argument:
        one = await _numbered(asking, branch, number_in(asking.argument))
        return one if isinstance(one, Refusal) else await _detail(asking, one, today)
    found = await stored.of_branch(asking.unit, branch, limit=MOST_LISTED)
    if not found:
        return refused("pledge.none")
    lines = tuple(
        words("pledge.list_line", number=one.number, matter=one.matter, standing=(rules.standing(one, today),))
        for one in rules.in_order(found, today)
    )
    return Decision(effects=(Tell(user=asking.sender, words=words("pledge.list", lines=lines)),))


async def ask(asking: Asking) -> Answer:
    """问承诺 3 …: put a question to the owner of a pledge, with 署名 under my name; the answer comes in private."""
    if asking.member is None:
        return None
    found = ABOUT_PLEDGE.fullmatch(asking.argument)
    branch = await _branch(asking.unit, asking.member)
    if found is None or found["question"]:
        said = found["rest"] if found is not None else asking.argument
        return discreetly(await _which(asking, branch, "pledge_question.which", said))
    one = await _numbered(asking, branch, number_in(found["number"]))
    if isinstance(one, Refusal):
        return discreetly(await _which(asking, branch, "pledge_question.no_such_number", found["rest"]))
    text, signed = found["rest"], _SIGNED.fullmatch(found["rest"])
    seeing = await stored.owner_of(asking.unit, one)
    owner = seeing.user if seeing is not None else None
    return asked.ask(
        one,
        signed["rest"] if signed else text,
        # Not of the cause, which leads to the message and so to its sender.
        id=PledgeQuestionId(derive(asking.settings.secret(), asking.cause, "pledge question")),
        member=asking.member.id,
        user=asking.sender,
        event=asking.event,
        room=asking.room,
        held=await stored_questions.questions(asking.unit, [one.id]),
        owner=owner,
        owner_free=owner is not None and await is_free(asking.unit, owner),
        signed=asking.member.name if signed else None,
        in_room=asking.place is Place.ROOM,
        now=asking.unit.now,
    )


async def answer(asking: Asking) -> Answer:
    """答承诺 3 …: answer what was asked about my pledge; 答承诺 3-2 … where several questions wait.

    In a room it is talk.
    """
    if asking.member is None or asking.place is not Place.PRIVATE:
        return None
    found = ABOUT_PLEDGE.fullmatch(asking.argument)
    if found is None:
        return await _which_of_mine(asking, asking.member, "pledge.answer_which", "pledge.answer_how")
    one = await _own(asking, number_in(found["number"]))
    if isinstance(one, Refusal):
        return one
    known = await stored_questions.questions(asking.unit, [one.id])
    if found["question"]:
        number = int(found["question"])
        meant = next((each for each in known if each.number == number), None)
        if meant is None:
            return refused("pledge.no_such_question", name=f"{one.number}-{number}")
        return await _answered(asking, one, meant, found["rest"])
    waiting = [each for each in known if each.stand is Stand.OPEN]
    if not waiting:
        return refused("pledge.nothing_asked", number=one.number)
    if len(waiting) > 1:
        lines = tuple(asked.line_of(one, each, None) for each in waiting)
        return refused("pledge.which_question", lines=lines, name=asked.name_of(one, waiting[0]))
    return await _answered(asking, one, waiting[0], found["rest"])


async def replied(asking: Asking, matter: str) -> Answer:
    """Take a reply to what the bot told the owner of a pledge as meant for it.

    To a question it is the answer, else it says how far the pledge is. Thanks and commands are neither.
    """
    if asking.member is None:
        return None
    question = await stored_questions.question(asking.unit, PledgeQuestionId(matter))
    one = await stored.pledge(asking.unit, question.pledge if question is not None else PledgeId(matter))
    if one is None:
        return None
    verb = Verb.PLEDGE_PROGRESS if question is None else Verb.ANSWER_PLEDGE
    text = _meant_here(asking.text, verb)
    if is_acknowledgement(text):
        # A mere yes may be the answer or no more than thanks, so it is asked which.
        asks = question is not None and question.stand is Stand.OPEN and is_assent(text)
        name = asked.name_of(one, question) if question is not None else ""
        return refused("pledge.is_it_the_answer", name=name, said=text.strip()) if asks else None
    said = read(text)
    if said is not None and said.verb in _NO_ANSWERS and not says_finished(text):
        return None
    if (refusal := await _not_theirs(asking, one, asking.member)) is not None:
        return refusal
    if question is not None:
        return await _answered(asking, one, question, text)
    if is_skipped(text):
        return Decision()
    if text.strip().endswith(("?", "？")):
        return refused("pledge.progress_how", number=one.number)
    return await _progressed(asking, one, "100%" if says_finished(text) else text)


def _meant_here(text: str, verb: Verb) -> str:
    """Return what a reply says; after a word that needs no number there, as 进展 60%, it is the rest."""
    said = read(text)
    numberless = said is not None and said.verb is verb and ABOUT_PLEDGE.fullmatch(said.argument) is None
    return said.argument if said is not None and numberless else text


async def progress(asking: Asking) -> Answer:
    """进展 3 60% 扶手已到货: say how far a pledge of mine is; without a percentage it stays where it was.

    In a room it is talk.
    """
    if asking.member is None or asking.place is not Place.PRIVATE:
        return None
    found = ABOUT_PLEDGE.fullmatch(asking.argument)
    if found is None or found["question"]:
        return await _which_of_mine(asking, asking.member, "pledge.progress_which", "pledge.progress_how")
    one = await _own(asking, number_in(found["number"]))
    return one if isinstance(one, Refusal) else await _progressed(asking, one, found["rest"])


async def _progressed(asking: Asking, one: Pledge, text: str) -> Decision | Refusal:
    rest = unicodedata.normalize("NFKC", text).strip()
    # A number alone is the percentage; one before words may as well count something.
    said = _PERCENT.fullmatch(rest if not re.fullmatch(r"[0-9]{1,3}", rest) else f"{rest}%")
    percent, note = (said["percent"], said["note"]) if said else (None, rest)
    if percent is not None and not percent.isdigit():
        return refused("pledge.bad_percent")
    return rules.progress(
        one,
        int(percent) if percent is not None else None,
        note,
        by=asking.sender,
        tell=asking.sender,
        cause=asking.cause,
        today=await _today(asking.unit, one.organisation),
        now=asking.unit.now,
    )


async def last_asked(unit: Reading, member: MemberId) -> Question | None:
    """Return what a member asked last and nobody has answered."""
    return await stored_questions.last_open_of(unit, member)


async def take_back(unit: Reading, question: Question, user: UserId | None) -> Decision | Refusal:
    """Take a question back, by a word of its asker or with their message; its owner, who knows of it, is told."""
    one = await stored.pledge(unit, question.pledge)
    seeing = await stored.owner_of(unit, one) if one is not None else None
    return asked.withdraw(question, user=user, pledge=one, owner=seeing.user if seeing is not None else None)


async def removed(unit: Reading, removal: Removal) -> Decision | None:
    """Take a question back whose message was removed, by who may; what was answered or hidden stays."""
    question = await stored_questions.by_event(unit, removal.target)
    if question is None or not await counts_of(unit, removal, room=question.room, member=question.member):
        return None
    taken = await take_back(unit, question, None)
    return taken if isinstance(taken, Decision) else None


async def edited(unit: Reading, sender: UserId, settings: Settings, target: EventId, text: str) -> Answer:
    """Take what the message of one's question was changed to; what asks nothing any more leaves it as it was."""
    question, member = await stored_questions.by_event(unit, target), await members.by_user(unit, sender)
    one = await stored.pledge(unit, question.pledge) if question is not None else None
    if question is None or one is None or member is None or question.member != member.id:
        return None
    said = read(text)
    found = ABOUT_PLEDGE.fullmatch(said.argument) if said is not None and said.verb is Verb.ASK_PLEDGE else None
    if found is None or found["question"] or number_in(found["number"]) != one.number:
        return discreetly(refused("pledge_question.as_it_was", name=asked.name_of(one, question), number=one.number))
    signed = _SIGNED.fullmatch(found["rest"])
    seeing = await stored.owner_of(unit, one)
    owner = seeing.user if seeing is not None else None
    return asked.ask_anew(
        one,
        question,
        signed["rest"] if signed else found["rest"],
        id=PledgeQuestionId(derive(settings.secret(), target, text, "pledge question")),
        user=sender,
        held=await stored_questions.questions(unit, [one.id]),
        owner=owner,
        owner_free=owner is not None and await is_free(unit, owner),
        signed=member.name if signed else None,
        now=unit.now,
    )


async def is_free(unit: Reading, user: UserId) -> bool:
    """Tell whether a person may be told something now: they want no silence, and no quiet hours or shift hold it."""
    return await mutes.muted_until(unit, user) is None and await quiet.free_for_person(unit, user) <= unit.now


async def _answered(asking: Asking, one: Pledge, question: Question, text: str) -> Decision | Refusal:
    asker = await _account(asking.unit, question.member)
    decided = asked.answer(
        one,
        question,
        text,
        asker=asker,
        asker_free=asker is not None and await is_free(asking.unit, asker),
        now=asking.unit.now,
    )
    if isinstance(decided, Refusal):
        return decided
    kept = Tell(user=asking.sender, words=words("pledge.answer_kept", name=asked.name_of(one, question)))
    return Decision(facts=decided.facts, effects=(kept, *decided.effects))


async def _own(asking: Asking, number: int | None) -> Pledge | Refusal:
    """Return a pledge to which who asks sees; of one that they left behind in another branch they are told so."""
    assert asking.member is not None
    one = await _numbered(asking, await _branch(asking.unit, asking.member), number)
    if isinstance(one, Pledge) and one.owner == asking.member.id:
        return one
    before = await stored.left_behind(asking.unit, asking.member.id, number) if number is not None else None
    meant = before or one
    return meant if isinstance(meant, Refusal) else await _not_theirs(asking, meant, asking.member) or meant


async def _not_theirs(asking: Asking, one: Pledge, member: Member) -> Refusal | None:
    if one.owner != member.id:
        return refused("pledge.not_owner", number=one.number)
    if await stored.owner_of(asking.unit, one) is None:
        return refused("pledge.moved_away", number=one.number, matter=one.matter)
    return None


async def _numbered(asking: Asking, branch: OrganisationId, number: int | None) -> Pledge | Refusal:
    one = await stored.numbered(asking.unit, branch, number) if number is not None else None
    return one or refused("pledge.no_such_number", number=str(number or asking.argument[:10]))


async def _which(asking: Asking, branch: OrganisationId, key: str, said: str) -> Refusal:
    """Say which pledges there are, of which one was not named, and how what was said would be understood."""
    found = await stored.of_branch(asking.unit, branch, limit=MOST_LISTED)
    return _offer(key, found, said) if found else refused("pledge.none")


async def _which_of_mine(asking: Asking, member: Member, key: str, how: str) -> Refusal:
    found = await stored.owned_by(asking.unit, member.id, limit=MOST_LISTED)
    return _offer(key, found, asking.argument) if found else refused(how, number=3)


def _offer(key: str, found: Sequence[Pledge], said: str) -> Refusal:
    lines = tuple(words("pledge.which_line", number=one.number, matter=one.matter) for one in found)
    return refused(key, lines=lines, number=found[0].number, said=said.strip()[:MOST_ECHOED] or "…")


async def _branch(unit: Reading, member: Member) -> OrganisationId:
    return await organisations.branch_above(unit, member.organisation)


async def _today(unit: Reading, branch: OrganisationId) -> date:
    node = await organisations.organisation(unit, branch)
    return unit.now.astimezone(ZoneInfo(node.timezone if node is not None else "UTC")).date()


async def _account(unit: Reading, member: MemberId | None) -> UserId | None:
    found = await members.member(unit, member) if member is not None else None
    return found.user if found is not None and found.left is None else None


async def _detail(asking: Asking, one: Pledge, today: date) -> Decision:
    unit = asking.unit
    held = await stored_questions.questions(unit, [one.id])
    # Who sees to it was told of what was taken back since, and looks for it.
    sees = asking.member is not None and one.owner == asking.member.id
    gone = {each.id for each in held if sees and each.stand is Stand.WITHDRAWN and each.owner_told is not None}
    kept = {each.id for each in asked.shown(held)}
    known = [each for each in held if each.id in gone | kept][-MOST_SHOWN:]
    ids = {one.person, *(each.member for each in known if each.named)} - {None}
    names = {each.id: each for each in await members.by_ids(unit, [each for each in ids if each is not None])}
    owner = await stored.owner_of(unit, one)
    steps = [each for each in await stored.history(unit, [one.id]) if each.sort is Sort.PROGRESS]
    lines: list[Words] = [words("pledge.title", number=one.number, matter=one.matter)]
    lines.append(words("pledge.by", who=await _party(unit, one, names.get(one.person) if one.person else None)))
    if one.measure:
        lines.append(words("pledge.measure", measure=one.measure))
    lines.append(words("pledge.owner_line", name=owner.name) if owner else words("pledge.no_owner_line"))
    lines.append(rules.standing(one, today))
    lines += [
        words(
            "pledge.step" if each.note else "pledge.step_plain",
            day=each.on.isoformat(),
            percent=each.percent or 0,
            note=each.note,
        )
        for each in steps[-(MOST_SHOWN // 2 + 1) :]
    ]
    if one.review:
        lines.append(words("pledge.review", review=one.review))
    for each in known:
        asker = names.get(each.member) if each.named and each.member is not None else None
        lines.append(asked.line_of(one, each, asker.name if asker is not None else None))
    if one.state is rules.State.OPEN:
        lines.append(words("pledge.ask_how", number=one.number))
    return Decision(effects=(Tell(user=asking.sender, words=words("pledge.detail", lines=tuple(lines))),))


async def _party(unit: Reading, one: Pledge, person: Member | None) -> str:
    if one.party is Party.PERSON:
        return person.name if person is not None else NOBODY
    node = await organisations.organisation(unit, one.group or one.organisation)
    return node.name if node is not None else NOBODY
