"""求助, 困难帮扶: what a member needs help with, step by step until it is settled, and by when it is first answered.

Of who asks without a name nothing is kept: they get a code, and whoever has the code reads how it stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import (
    Decision,
    Effect,
    Fact,
    Refusal,
    Secret,
    SecretLines,
    Tell,
    Untraced,
    Words,
    discreetly,
    refused,
    words,
)
from content.help_case_codes import code_hash
from content.identifiers import HelpCaseId, HelpWordsId, MemberId, OrganisationId, UserId
from content.inquiries import InquiryEnded
from content.terms import months_on
from content.workdays import WorkCalendar

SETTING = "help_answer_days"
"""Within how many working days a case is answered first (BAL-9)."""

ABOUT = "help_case"
"""What an inquiry is about that asks what somebody needs help with."""

KEPT_MONTHS = 12
"""How long a case is kept after it has ended (PRIV-6)."""

MOST_OPEN = 5
"""So many cases one person has open under their name."""
MOST_UNNAMED_A_DAY = 3
"""So many without; counted in memory only, for nothing is kept of who asked."""
MOST_WORDS = 50
"""So many pieces of text one case has."""

LONGEST_TEXT = 2_000
LONGEST_ANSWER = 2_000
LONGEST_SUMMARY = 200

_NUMBER = re.compile(r"(?:B-?)?0*([1-9][0-9]{0,5})", re.IGNORECASE)


class Stage(StrEnum):
    """Where a case stands (BAL-9)."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_HAND = "in_hand"
    CLOSED = "closed"
    REFERRED = "referred"
    WITHDRAWN = "withdrawn"


FOLLOWS: Mapping[Stage, frozenset[Stage]] = {
    Stage.RECEIVED: frozenset({Stage.ACCEPTED, Stage.WITHDRAWN}),
    Stage.ACCEPTED: frozenset({Stage.IN_HAND, Stage.CLOSED, Stage.REFERRED, Stage.WITHDRAWN}),
    Stage.IN_HAND: frozenset({Stage.CLOSED, Stage.REFERRED, Stage.WITHDRAWN}),
    Stage.CLOSED: frozenset(),
    Stage.REFERRED: frozenset(),
    Stage.WITHDRAWN: frozenset(),
}
"""Which stage may follow which: never back, and nothing is settled that nobody has taken up."""

OPEN = frozenset(stage for stage, after in FOLLOWS.items() if after)


class Category(StrEnum):
    """What a case is about, in words that say nothing of the person."""

    LIVING = "living"
    HEALTH = "health"
    WORK = "work"
    FACILITIES = "facilities"
    POLICY = "policy"
    OTHER = "other"


class Sort(StrEnum):
    """What a piece of text beside a case is, and so who reads it: a note nobody but who handles the case."""

    ASKED = "asked"
    ANSWER = "answer"
    NOTE = "note"
    SUMMARY = "summary"
    FOLLOW_UP = "follow_up"


class HelpCase(Struct, frozen=True, kw_only=True):
    """One case. ``member`` and ``user`` are ``None`` where it was asked without a name.

    ``due_on`` is the last day for the first answer, which was given on ``answered_on``; ``handed_on`` is since when its
    owner has it, ``told_on`` when somebody was reminded last. ``asked_at`` is known of a
    named case on its own day alone, so that taking back finds what was said last.
    """

    id: HelpCaseId
    organisation: OrganisationId
    number: int
    received_on: date
    due_on: date
    stage: Stage = Stage.RECEIVED
    member: MemberId | None = None
    user: UserId | None = None
    owner: UserId | None = None
    category: Category | None = None
    answered_on: date | None = None
    ended_on: date | None = None
    told_on: date | None = None
    handed_on: date | None = None
    asked_at: datetime | None = None

    @property
    def called(self) -> str:
        """Return the number as people say it."""
        return called(self.number)


class HelpWords(Struct, frozen=True, kw_only=True):
    """A piece of text beside a case; ``by`` is who wrote it at the desk, ``None`` for who asked."""

    id: HelpWordsId
    case: HelpCaseId
    sort: Sort
    text: Secret
    on: date
    by: UserId | None = None


class HelpCaseOpened(Untraced, frozen=True, kw_only=True):
    """Somebody asked for help; ``code_hash`` is kept of a case without a name alone."""

    case: HelpCase
    said: HelpWords
    code_hash: str | None = None


class HelpInquiryForgotten(Untraced, frozen=True, kw_only=True):
    """A person is asked no longer what they need help with, and nothing says that they were."""

    user: UserId


class HelpWordsAdded(Untraced, frozen=True, kw_only=True):
    """Whoever asked had more to say; ``at`` only where they gave their name."""

    said: HelpWords
    at: datetime | None = None


class HelpWordsRemoved(Untraced, frozen=True, kw_only=True):
    """Whoever asked under their name deleted a message of theirs, and what it said is gone from the case."""

    words: HelpWordsId


class HelpCaseWithdrawn(Untraced, frozen=True, kw_only=True):
    """Whoever asked took it back; its words are gone at once."""

    case: HelpCaseId
    on: date


class HelpCaseHanded(Fact, frozen=True, kw_only=True):
    """A case was taken up, or handed to somebody else; ``stage`` is where it stands from then on."""

    case: HelpCaseId
    organisation: OrganisationId
    owner: UserId
    stage: Stage
    on: date


class HelpCaseAnswered(Fact, frozen=True, kw_only=True):
    """Whoever asked was told something, or the case moved on; ``said`` is ``None`` for a step without a word."""

    case: HelpCaseId
    organisation: OrganisationId
    before: Stage
    stage: Stage
    on: date
    said: HelpWords | None = None


class HelpCaseNoted(Fact, frozen=True, kw_only=True):
    """Who handles a case wrote something for themself and for who comes after."""

    organisation: OrganisationId
    said: HelpWords


class HelpCaseDescribed(Fact, frozen=True, kw_only=True):
    """Who handles a case said what it is about, in words for the ledger that name nobody."""

    case: HelpCaseId
    organisation: OrganisationId
    category: Category
    texts: tuple[HelpWords, ...]


def called(number: int) -> str:
    """Return a number as people say it: ``B-017``."""
    return f"B-{number:03}"


def number_in(text: str) -> int | None:
    """Return which number a text is, ``None`` where it is none."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found is not None else None


_UNNAMED = re.compile(
    r"^[\s:,，：]*[(（\[【「“]?匿名|[(（\[【]\s*匿名\s*[)）\]】]|(?<!不)[请請想要求]匿名|匿名[。.!！\s]*$"
    r"|^\W*(?:unnamed|anonymous(?:ly)?)\b|\((?:unnamed|anonymous(?:ly)?)\)|\banonymously\W*$",
    re.IGNORECASE,
)


def wants_no_name(text: str) -> bool:
    """Tell whether who asks under their name says that they want none, as in 求助（匿名）."""
    return _UNNAMED.search(text) is not None


def due_on(received: date, days: int, known: WorkCalendar) -> date:
    """Return the last day for the first answer: so many working days after the day on which a case came."""
    return known.after(received, days).date


def objection(text: str) -> Refusal | None:
    """Return why a text is not taken, of which the record names nobody."""
    if len(text) > LONGEST_TEXT:
        return discreetly(refused("help_case.too_long", most=LONGEST_TEXT, n=len(text)))
    return None


def open_named(case: HelpCase, said: HelpWords, *, days: int, held: int) -> Decision | Refusal:
    """Keep a case under its asker's name; ``held`` is how many of theirs are open, ``days`` what the setting says."""
    if case.user is None or case.member is None:
        raise ValueError("a named case has a name")
    if (refusal := objection(said.text)) is not None:
        return refusal
    if held >= MOST_OPEN:
        return discreetly(refused("help_case.too_many", most=MOST_OPEN))
    told = words("help_case.received", number=case.called, days=days)
    tell = Tell(user=case.user, words=told, matter=case.id)
    opened = HelpCaseOpened(case=case, said=said)
    return Decision(facts=(opened, InquiryEnded(user=case.user, about=ABOUT)), effects=(tell,))


def open_unnamed(
    case: HelpCase, said: HelpWords, *, days: int, code: str, to: UserId, allowed: bool
) -> Decision | Refusal:
    """Keep a case and nothing of who asks; ``allowed`` tells that they have not asked too much without a name."""
    if (refusal := objection(said.text)) is not None:
        return refusal
    if not allowed:
        return discreetly(refused("help_case.unnamed_enough", most=MOST_UNNAMED_A_DAY))
    told = words("help_case.unnamed_received", number=number_of(case), days=days, code=Secret(code))
    opened = HelpCaseOpened(case=case, said=said, code_hash=code_hash(code))
    return Decision(facts=(opened,), effects=(Tell(user=to, words=told),))


def add(case: HelpCase, said: HelpWords, *, to: UserId, pieces: int, now: datetime) -> Decision | Refusal:
    """Add what whoever asked says further; its owner is told that there is more."""
    if (refusal := objection(said.text)) is not None:
        return refusal
    if case.stage not in OPEN:
        return discreetly(refused("help_case.over", number=number_of(case)))
    if pieces >= MOST_WORDS:
        return discreetly(refused("help_case.enough", number=number_of(case)))
    named = case.user is not None
    key = "help_case.added" if named else "help_case.unnamed_added"
    told = Tell(user=to, words=words(key, number=number_of(case)), matter=case.id if named else None)
    added = HelpWordsAdded(said=said, at=now if named else None)
    return Decision(facts=(added,), effects=(told, *_to_owner(case, "more")))


def withdraw(case: HelpCase, *, to: UserId, today: date) -> Decision | Refusal:
    """Let whoever asked take a case back; its words go at once."""
    if case.stage not in OPEN:
        return discreetly(refused("help_case.over", number=number_of(case)))
    key = "help_case.withdrawn" if case.user is not None else "help_case.unnamed_withdrawn"
    told = Tell(user=to, words=words(key, number=number_of(case)))
    gone = HelpCaseWithdrawn(case=case.id, on=today)
    return Decision(facts=(gone,), effects=(told, *_to_owner(case, "gone")))


def number_of(case: HelpCase) -> str:
    """Return the number of a case; of one without a name it lies sealed beside whom it is told."""
    return case.called if case.user is not None or case.member is not None else Secret(case.called)


def remove(case: HelpCase, id: HelpWordsId, *, to: UserId, left: int) -> Decision:  # noqa: A002
    """Take out of a case what its asker deleted in the chat; ``left`` is how many other pieces of theirs there are."""
    is_open = case.stage in OPEN
    key = "help_case.words_gone" if is_open and not left else "help_case.words_removed"
    told = Tell(user=to, words=words(key, number=number_of(case)), matter=case.id)
    return Decision(facts=(HelpWordsRemoved(words=id),), effects=(told, *(_to_owner(case, "less") if is_open else ())))


def change(case: HelpCase, said: HelpWords, *, to: UserId, now: datetime) -> Decision | Refusal:
    """Put what whoever asked changed a message of theirs to in the place of what it said; its owner is told."""
    if (refusal := objection(said.text)) is not None:
        return refusal
    if case.stage not in OPEN:
        return discreetly(refused("help_case.over_as_it_was", number=number_of(case)))
    told = Tell(user=to, words=words("help_case.words_changed", number=number_of(case)), matter=case.id)
    facts = (HelpWordsRemoved(words=said.id), HelpWordsAdded(said=said, at=now))
    return Decision(facts=facts, effects=(told, *_to_owner(case, "changed")))


def _to_owner(case: HelpCase, what: str) -> tuple[Effect, ...]:
    if case.owner is None:
        return ()
    said = words(f"help_case.owner_{what}", number=number_of(case))
    return (Tell(user=case.owner, words=said, unasked=True),)


def progress(case: HelpCase, texts: Sequence[HelpWords], *, owner: str | None) -> Words:
    """Say how a case stands, with every answer; no note and no summary."""
    answers = tuple(
        words("help_case.answer_line", day=one.on.isoformat(), answer=one.text)
        for one in texts
        if one.sort is Sort.ANSWER
    )
    stands = (
        words("help_case.stands", number=case.called, day=case.received_on.isoformat(), stage=(stage_words(case),)),
        *((words("help_case.owned", name=owner),) if owner and case.stage in OPEN else ()),
        *((words("help_case.due", day=case.due_on.isoformat()),) if _waits(case) else ()),
    )
    if case.user is not None:
        return words("help_case.lines", list=(*stands, *answers))
    return words("help_case.unnamed_lines", list=SecretLines((*stands, *answers)))


def _waits(case: HelpCase) -> bool:
    return case.stage in OPEN and case.answered_on is None


def stage_words(case: HelpCase) -> Words:
    """Say the stage of a case."""
    return words(f"help_case.stage_{case.stage}")


def may_handle(case: HelpCase, user: UserId) -> bool:
    """Tell whether somebody may handle a case at all: nobody handles their own."""
    return case.user != user


def readers(case: HelpCase, holders: Iterable[tuple[int, UserId]]) -> frozenset[UserId]:
    """Return who reads a case: its owner, and of those who hand cases out the nearest, who may give it to somebody.

    ``holders`` are those with how far above the branch of the case they have that duty. Who is further above reads only
    where nobody is nearer; who asked is nobody here (PRIV-16).
    """
    them = [(depth, user) for depth, user in holders if may_handle(case, user)]
    nearest = min((depth for depth, _ in them), default=0)
    owner = {case.owner} if case.owner is not None else set()
    return frozenset(owner | {user for depth, user in them if depth == nearest})


def hand(
    case: HelpCase, to: UserId, *, name: str, by: UserId, gives_out: bool, able: Collection[UserId], today: date
) -> Decision | Refusal:
    """Take a case up oneself, or hand it to somebody who handles cases there; who had it is told that they do no more.

    ``gives_out`` tells that ``by`` hands out cases; else one takes what nobody has, and hands on what is one's own.
    """
    if case.stage not in OPEN:
        return refused("help_case.over", number=case.called)
    if to == case.owner:
        return refused("help_case.has_it_already", field="owner")
    if not (gives_out or case.owner == by or (case.owner is None and to == by)):
        return refused("help_case.taken_already")
    if to not in able or not may_handle(case, to) or not may_handle(case, by):
        return refused("help_case.cannot_have_it", field="owner")
    stage = Stage.ACCEPTED if case.stage is Stage.RECEIVED else case.stage
    effects: list[Effect] = []
    if case.user is not None and case.owner is None:
        told = words("help_case.accepted", number=case.called, name=name)
        effects.append(Tell(user=case.user, words=told, unasked=True, matter=case.id))
    if to != by:
        effects.append(Tell(user=to, words=words("help_case.owner_given", number=number_of(case)), unasked=True))
    if case.owner is not None and case.owner != by:
        effects.append(
            Tell(user=case.owner, words=words("help_case.owner_taken", number=number_of(case)), unasked=True)
        )
    fact = HelpCaseHanded(case=case.id, organisation=case.organisation, owner=to, stage=stage, on=today)
    return Decision(facts=(fact,), effects=tuple(effects))


def answer(case: HelpCase, said: HelpWords, stage: Stage, *, by: UserId, today: date) -> Decision | Refusal:
    """Tell whoever asked something in private, and move the case on; either alone is enough.

    What ends a case has an answer: one that was given, or the one that is given with it; where it was passed on to is
    always said.
    """
    if case.stage not in OPEN:
        return refused("help_case.over", number=case.called)
    if case.owner != by:
        return refused("help_case.not_yours")
    text = said.text.strip()
    if stage is not case.stage and stage not in FOLLOWS[case.stage] - {Stage.ACCEPTED, Stage.WITHDRAWN}:
        return refused("help_case.no_such_step", field="stage")
    if not text and stage is case.stage:
        return refused("help_case.nothing_said", field="answer")
    if len(text) > LONGEST_ANSWER:
        return refused("help_case.answer_too_long", field="answer", most=LONGEST_ANSWER)
    if not text and (stage is Stage.REFERRED or (stage is Stage.CLOSED and case.answered_on is None)):
        return refused(f"help_case.say_{stage}", field="answer")
    fact = HelpCaseAnswered(
        case=case.id,
        organisation=case.organisation,
        before=case.stage,
        stage=stage,
        on=today,
        said=said if text else None,
    )
    effects: tuple[Effect, ...] = ()
    if case.user is not None:
        now_in = words(f"help_case.stage_{stage}")
        key = "help_case.answered" if text else "help_case.moved"
        told = words(key, number=case.called, stage=(now_in,), answer=Secret(text))
        effects = (Tell(user=case.user, words=told, unasked=True, matter=case.id),)
    return Decision(facts=(fact,), effects=effects)


def note(case: HelpCase, said: HelpWords, *, by: UserId, pieces: int) -> Decision | Refusal:
    """Keep a note that nobody reads but who handles the case."""
    if case.owner != by:
        return refused("help_case.not_yours")
    if not said.text.strip():
        return refused("help_case.note_empty", field="note")
    if len(said.text) > LONGEST_ANSWER:
        return refused("help_case.answer_too_long", field="note", most=LONGEST_ANSWER)
    if pieces >= 2 * MOST_WORDS:
        return refused("help_case.enough", field="note", number=case.called)
    return Decision(facts=(HelpCaseNoted(organisation=case.organisation, said=said),))


_MANY_DIGITS = re.compile(r"(?<![0-9-])(?!20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}(?![0-9]))(?:[0-9][ -]?){6,}[0-9Xx]")


def doubts(texts: Iterable[str], known: Iterable[str]) -> tuple[Words, ...]:
    """Say what in lines for the ledger may be a telephone number, or the name of one of some people; nobody is stopped.

    A name may be a common word, and a row of digits a number of something else: whoever wrote it looks once more.
    """
    said = "".join("\n".join(texts).split(" "))
    found = [words("help_cases.doubt_number")] if _MANY_DIGITS.search(said) else []
    named = sorted({one for one in known if len(one) > 1 and one in said})
    return (*found, *((words("help_cases.doubt_names", names="、".join(named)),) if named else ()))


def may_describe(case: HelpCase, user: UserId, *, stands_in: bool) -> bool:
    """Tell whether somebody writes a case's line of the ledger."""
    return case.owner == user or (stands_in and case.stage not in OPEN and may_handle(case, user))


def describe(
    case: HelpCase, category: Category, texts: Iterable[HelpWords], *, by: UserId, name: str | None, stands_in: bool
) -> Decision | Refusal:
    """Say what a case is about for the ledger; ``name`` is that of who asked, which must not stand there.

    Of a case that has ended, whose owner may be gone, also who hands cases out and reads it says so (``stands_in``).
    """
    if not may_describe(case, by, stands_in=stands_in):
        return refused("help_case.not_yours")
    if case.stage is Stage.WITHDRAWN:
        return refused("help_case.over", number=case.called)
    kept = tuple(texts)
    for one in kept:
        if len(one.text) > LONGEST_SUMMARY:
            return refused("help_case.summary_too_long", field=one.sort, most=LONGEST_SUMMARY)
        if name and name in "".join(one.text.split()):
            return refused("help_case.names_somebody", field=one.sort)
    fact = HelpCaseDescribed(case=case.id, organisation=case.organisation, category=category, texts=kept)
    return Decision(facts=(fact,))


def gone_on(ended: date) -> date:
    """Return the day on which a case that ended is forgotten; 2026-07-10 goes on 2027-07-10."""
    return months_on(ended, KEPT_MONTHS)
