"""问承诺: what members ask about a pledge, what its owner answers, and how either reaches the other in private.

Who asked is shown to nobody unless they wish it; it is known for as long as they are to be told the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Discreet, Fact, Refusal, Tell, Words, discreetly, refused, words
from content.identifiers import EventId, MemberId, PledgeId, PledgeQuestionId, RoomId, UserId
from content.pledges import Pledge, State, tidied

LONGEST_QUESTION = 300
LONGEST_ANSWER = 500
LONGEST_REASON = 200

MOST_WAITING = 3
"""So many questions of one person to one pledge may wait; more would bury what they ask."""
MOST_TOGETHER = 300
"""So many questions to one pledge are kept at all."""

WAITS_AT_MOST = timedelta(days=7)
"""A question that waits longer for its answer waits for the desk too, as one does at once that reaches no owner."""

ASKERS_KEPT = timedelta(days=90)
"""How long it is known who asked without their name, once the question is settled."""


class Stand(StrEnum):
    """What became of a question; a closed one was not answered before its pledge was closed.

    The words of one that was taken back are gone.
    """

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"


class Question(Struct, frozen=True, kw_only=True):
    """One question, known as 3-2: the second to pledge 3. ``named`` is one under its asker's name.

    It was asked by the message ``event`` in ``room``.

    ``owner_told`` and ``asker_told`` are when the owner was told of it and the asker of what became of it, ``None``
    while that waits: for quiet hours to end, or for somebody to be there. ``settled_at`` is when it was hidden, or
    closed with its pledge.
    """

    id: PledgeQuestionId
    pledge: PledgeId
    number: int
    text: str
    asked_at: datetime
    member: MemberId | None = None
    event: EventId | None = None
    room: RoomId | None = None
    named: bool = False
    stand: Stand = Stand.OPEN
    answer: str = ""
    answered_at: datetime | None = None
    settled_at: datetime | None = None
    hidden_why: str = ""
    owner_told: datetime | None = None
    asker_told: datetime | None = None


class PledgeQuestioned(Discreet, frozen=True, kw_only=True):
    """A member asked something about a pledge."""

    question: Question
    pledge: PledgeId


class PledgeQuestionAnswered(Fact, frozen=True, kw_only=True):
    """A question was answered, by the owner of the pledge or at the desk."""

    question: Question
    pledge: PledgeId


class PledgeQuestionModerated(Fact, frozen=True, kw_only=True):
    """A question was taken off the pages with a reason, or put back."""

    question: Question
    pledge: PledgeId


class PledgeQuestionWithdrawn(Discreet, frozen=True, kw_only=True):
    """Whoever asked took a question back before it was answered; its words are gone."""

    question: PledgeQuestionId
    pledge: PledgeId


class PledgeQuestionTold(Discreet, frozen=True, kw_only=True):
    """The owner was told of a question, or its asker of what became of it."""

    question: PledgeQuestionId
    pledge: PledgeId
    owner: bool
    at: datetime


def name_of(pledge: Pledge, question: Question) -> str:
    """Return how a question is called: 3-2."""
    return f"{pledge.number}-{question.number}"


def shown(questions: Sequence[Question]) -> tuple[Question, ...]:
    """Return what stands on the page of a pledge for everybody."""
    return tuple(one for one in questions if one.stand in (Stand.OPEN, Stand.ANSWERED, Stand.CLOSED))


def ask(
    pledge: Pledge,
    text: str,
    *,
    id: PledgeQuestionId,  # noqa: A002
    member: MemberId,
    user: UserId,
    event: EventId,
    room: RoomId | None = None,
    held: Sequence[Question],
    owner: UserId | None,
    owner_free: bool,
    signed: str | None,
    in_room: bool = False,
    before: Question | None = None,
    now: datetime,
) -> Decision | Refusal:
    """Keep a question and have the owner told of it at once, where ``owner_free`` says that they may be told now.

    ``signed`` is the asker's name, where they wish it to be shown. Without an ``owner`` it waits at the desk. Whoever
    asked ``in_room`` without signing is told that they are seen there, and how they are not. ``before`` is the question
    that it takes the place of.
    """
    said = tidied(text)
    refusal = _objection(pledge, said, [one for one in held if one.member == member], len(held))
    if refusal is not None:
        return discreetly(refusal)
    tells = owner is not None and owner_free
    question = Question(
        id=id,
        pledge=pledge.id,
        # A question that is gone leaves its number unused, so that an old answer never seems to speak of a new one.
        number=max((pledge.asked, *(one.number for one in held))) + 1,
        text=said,
        asked_at=now,
        member=member,
        event=event,
        room=room,
        named=signed is not None,
        owner_told=now if tells else None,
    )
    key = "pledge_question.kept" if owner is not None else "pledge_question.kept_for_desk"
    kept = words(key, number=pledge.number, matter=pledge.matter, name=name_of(pledge, question))
    if in_room and signed is None:
        kept = words("pledge_question.seen_in_room", kept=(kept,), number=pledge.number)
    if before is not None:
        kept = words("pledge_question.kept_anew", name=name_of(pledge, question), before=name_of(pledge, before))
    effects = [Tell(user=user, words=kept)]
    if owner is not None and tells:
        effects.append(put_to_owner(pledge, question, owner, signed, before))
    elif owner is not None and before is not None:
        effects += _withdrawn_for(pledge, before, owner)
    return Decision(facts=(PledgeQuestioned(question=question, pledge=pledge.id),), effects=tuple(effects))


def _objection(pledge: Pledge, said: str, own: Sequence[Question], together: int) -> Refusal | None:
    if pledge.state is not State.OPEN:
        return refused("pledge_question.closed", number=pledge.number)
    if not said:
        return refused("pledge_question.how", number=pledge.number)
    if len(said) > LONGEST_QUESTION:
        return refused("pledge_question.too_long", most=LONGEST_QUESTION)
    waiting = [one for one in own if one.stand is Stand.OPEN]
    if any(one.text == said for one in waiting):
        return refused("pledge_question.asked_already", number=pledge.number)
    if len(waiting) >= MOST_WAITING or together >= MOST_TOGETHER:
        return refused("pledge_question.too_many", number=pledge.number, n=len(waiting))
    return None


def put_to_owner(
    pledge: Pledge, question: Question, owner: UserId, signed: str | None, before: Question | None = None
) -> Tell:
    """Return what the owner is told of a question; a reply to it is the answer.

    Of one that takes the place of another ``before`` it, of which they were told, they are told that too.
    """
    name = name_of(pledge, question)
    key = "pledge.question_of" if signed is not None else "pledge.question"
    said = words(key, matter=pledge.matter, name=name, question=question.text, who=signed or "")
    if before is not None and before.owner_told is not None:
        said = words("pledge.question_instead", before=name_of(pledge, before), asked=(said,))
    return Tell(user=owner, words=said, unasked=True, matter=question.id)


def answer(
    pledge: Pledge, question: Question, text: str, *, asker: UserId | None, asker_free: bool, now: datetime
) -> Decision | Refusal:
    """Answer a question, or answer it anew; the asker is told where ``asker_free`` says that they may be now."""
    said = tidied(text)
    if question.stand is Stand.WITHDRAWN:
        return refused("pledge.question_withdrawn", field="answer", name=name_of(pledge, question))
    if question.stand is Stand.HIDDEN:
        return refused("pledge.question_hidden", field="answer")
    if not said:
        return refused("pledge.no_answer", field="answer", name=name_of(pledge, question))
    if len(said) > LONGEST_ANSWER:
        return refused("pledge.long_answer", field="answer", most=LONGEST_ANSWER)
    if said == question.answer:
        return refused("pledge.answered_so", field="answer", name=name_of(pledge, question))
    tells = asker is not None and asker_free
    answered = replace(
        question,
        stand=Stand.ANSWERED,
        answer=said,
        answered_at=now,
        settled_at=None,
        asker_told=now if tells else None,
    )
    effects = (tell_asker(pledge, answered, asker),) if asker is not None and tells else ()
    return Decision(facts=(PledgeQuestionAnswered(question=answered, pledge=pledge.id),), effects=effects)


def tell_asker(pledge: Pledge, question: Question, asker: UserId, outcome: str = "") -> Tell:
    """Return what the asker is told of what became of a question; ``outcome`` is what was said of a closed pledge."""
    name = name_of(pledge, question)
    if question.stand is Stand.HIDDEN:
        said = words("pledge_question.hidden", name=name, matter=pledge.matter, question=question.text)
    elif question.stand is Stand.CLOSED:
        key = "pledge_question.closed_with_it"
        said = words(key, name=name, matter=pledge.matter, question=question.text, outcome=outcome)
    else:
        key = "pledge_question.answered"
        said = words(key, name=name, matter=pledge.matter, question=question.text, answer=question.answer)
    return Tell(user=asker, words=said, unasked=True)


def moderate(
    pledge: Pledge,
    question: Question,
    *,
    hidden: bool,
    reason: str,
    owner: UserId | None,
    asker: UserId | None,
    now: datetime,
) -> Decision | Refusal:
    """Take an improper question off the pages, with a reason that who may see the desk reads, or put it back.

    The asker is told that it was hidden when they may be told, and so is the ``owner`` who knew of it, without the
    reason. What is put back is told again to either.
    """
    why = tidied(reason)
    if question.stand is Stand.WITHDRAWN or hidden == (question.stand is Stand.HIDDEN):
        return refused("pledge.question_gone")
    if hidden and not why:
        return refused("pledge.no_reason", field="reason")
    if len(why) > LONGEST_REASON:
        return refused("pledge.long_note", field="reason", most=LONGEST_REASON)
    unanswered = Stand.OPEN if pledge.state is State.OPEN else Stand.CLOSED
    stand = Stand.HIDDEN if hidden else Stand.ANSWERED if question.answer else unanswered
    settled = now if stand in (Stand.HIDDEN, Stand.CLOSED) else None
    after = replace(question, stand=stand, hidden_why=why if hidden else "", settled_at=settled, asker_told=None)
    after = after if hidden or stand is not Stand.OPEN else replace(after, owner_told=None)
    return Decision(
        facts=(PledgeQuestionModerated(question=after, pledge=question.pledge),),
        effects=tuple(_of_moderation(pledge, question, after, owner, asker)),
    )


def _of_moderation(
    pledge: Pledge, before: Question, after: Question, owner: UserId | None, asker: UserId | None
) -> Iterator[Tell]:
    """Yield what either is told at once; what an open question asks the owner, and an asker of its end, comes later."""
    values = {"name": name_of(pledge, before), "matter": pledge.matter}
    if owner is not None and before.owner_told is not None and after.stand is not Stand.OPEN:
        key = "pledge.note_hidden" if after.stand is Stand.HIDDEN else "pledge.note_put_back"
        yield Tell(user=owner, words=words(key, **values), unasked=True)
    if asker is not None and before.asker_told is not None and after.stand is Stand.OPEN:
        yield Tell(user=asker, words=words("pledge_question.put_back", **values), unasked=True)


def withdraw(
    question: Question, *, user: UserId | None, pledge: Pledge | None = None, owner: UserId | None = None
) -> Decision | Refusal:
    """Let whoever asked take a question back; ``user`` is told so, where they did not just remove their message.

    So is the ``owner`` of the ``pledge`` who was told of it, without its words. One that was answered cannot be taken
    back: the words of the answer are its owner's.
    """
    if question.stand is Stand.WITHDRAWN:
        return refused("pledge_question.gone_already")
    if question.stand not in (Stand.OPEN, Stand.CLOSED):
        return refused("pledge_question.settled")
    told = [Tell(user=user, words=words("pledge_question.withdrawn", question=question.text))] if user else []
    if owner is not None and pledge is not None:
        told += _withdrawn_for(pledge, question, owner)
    fact = PledgeQuestionWithdrawn(question=question.id, pledge=question.pledge)
    return Decision(facts=(fact,), effects=tuple(told))


def _withdrawn_for(pledge: Pledge, question: Question, owner: UserId) -> Iterator[Tell]:
    """Yield what the owner is told of a question that they know of and that waits for no answer any more."""
    if question.owner_told is not None and question.stand is Stand.OPEN:
        said = words("pledge.note_withdrawn", name=name_of(pledge, question), matter=pledge.matter)
        yield Tell(user=owner, words=said, unasked=True)


def ask_anew(
    pledge: Pledge,
    before: Question,
    text: str,
    *,
    id: PledgeQuestionId,  # noqa: A002
    user: UserId,
    held: Sequence[Question],
    owner: UserId | None,
    owner_free: bool,
    signed: str | None,
    now: datetime,
) -> Decision | Refusal:
    """Take what the message of a question was changed to as another one in its place, while nobody has answered it.

    It has a number of its own: the owner may have the first one before their eyes, and an answer to that is none to it.
    """
    if tidied(text) == before.text and (signed is not None) == before.named:
        return Decision()
    if before.stand is not Stand.OPEN or before.member is None or before.event is None:
        return discreetly(refused("pledge_question.settled_as_it_was", name=name_of(pledge, before)))
    if before.named and signed is None:
        # The name was seen beside these words; the next number without it would tell no less.
        return refused("pledge_question.stays_signed", name=name_of(pledge, before), number=pledge.number)
    taken = withdraw(before, user=None)
    asked = ask(
        pledge,
        text,
        id=id,
        member=before.member,
        user=user,
        event=before.event,
        room=before.room,
        held=[one for one in held if one.id != before.id],
        owner=owner,
        owner_free=owner_free,
        signed=signed,
        before=before,
        now=now,
    )
    if isinstance(taken, Refusal) or isinstance(asked, Refusal):
        return taken if isinstance(taken, Refusal) else asked
    return Decision(facts=(*taken.facts, *asked.facts), effects=asked.effects)


def told(question: Question, tell: Tell, *, owner: bool, now: datetime) -> Decision:
    """Tell somebody at last what had to wait for them."""
    fact = PledgeQuestionTold(question=question.id, pledge=question.pledge, owner=owner, at=now)
    return Decision(facts=(fact,), effects=(tell,))


def line_of(pledge: Pledge, question: Question, asker: str | None) -> Words:
    """Return a question with its answer in one line; ``asker`` is a name that its owner wished to be shown."""
    if question.stand is Stand.WITHDRAWN:
        return words("pledge.line_withdrawn", name=name_of(pledge, question))
    keys = {Stand.ANSWERED: "pledge.line_answered", Stand.CLOSED: "pledge.line_closed"}
    key = keys.get(question.stand, "pledge.line_waiting")
    who: tuple[Words, ...] = (words("pledge.line_signed", name=asker),) if asker else ()
    return words(key, name=name_of(pledge, question), question=question.text, answer=question.answer, who=who)
