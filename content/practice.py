"""Self-checks in private: a few items of the bank, what is right said at once, and nobody who sees how it went.

Nothing of it stands in the record, not even that somebody practised; of the answers themselves nothing is kept, only
which items one has met, which one got wrong, and when these are due again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from content.answering import fills, is_right, read_choice
from content.bank import LETTERS, TRUE, Item, Kind, letter
from content.decision import Decision, Fact, Picture, Tell, Untraced, Words, words
from content.identifiers import Cause, ItemId, MemberId, UserId, derive
from content.media import caption
from content.repetition import KNOWN, Memory, remember

ABOUT = "practice"
"""What an inquiry is about while items are asked."""
LASTS = timedelta(hours=12)
AT_ONCE = 3
MISTAKES_AT_ONCE = 5
"""How many of one's mistakes are asked in one go; more are no rest."""


class Session(Struct, frozen=True, kw_only=True):
    """The items that somebody is being asked, the first of them now, as it asked since its revision ``asked_as``."""

    member: MemberId
    user: UserId
    queue: tuple[ItemId, ...]
    asked_as: int | None = None


class Met(Struct, frozen=True, kw_only=True):
    """What is kept of one person and one item: ``met`` where it counts, ``wrong`` while it is to be repeated."""

    item: ItemId
    met: bool
    wrong: bool
    memory: Memory | None


class PracticeBegun(Untraced, frozen=True, kw_only=True):
    """Somebody is asked items; what they say until then is taken as the answer."""

    session: Session
    at: datetime
    until: datetime


class ItemAnswered(Untraced, frozen=True, kw_only=True):
    """Somebody answered an item; ``first`` where it is their first answer and counts for the item's figures."""

    member: MemberId
    item: ItemId
    right: bool
    first: bool
    wrong: bool
    memory: Memory | None


class PracticeEnded(Untraced, frozen=True, kw_only=True):
    """Somebody came to the end, or has left."""

    member: MemberId
    user: UserId


class PracticeForgotten(Untraced, frozen=True, kw_only=True):
    """Somebody wants nothing to be kept of how their practice went."""

    member: MemberId
    user: UserId


def draw(found: Iterable[ItemId], cause: Cause, *, most: int = AT_ONCE) -> tuple[ItemId, ...]:
    """Draw items by lot; the same request draws the same ones."""
    return tuple(sorted(found, key=lambda one: derive(cause, "draw", one))[:most])


def begin(session: Session, first: Item, *, opening: Words, now: datetime) -> Decision:
    """Ask the first item, and say that nobody sees how it goes."""
    lines = (opening, words("practice.nobody_sees"))
    return Decision(facts=(_begun(session, first, now),), effects=_asking(session.user, lines, first))


def _begun(session: Session, item: Item, now: datetime) -> PracticeBegun:
    return PracticeBegun(session=replace(session, asked_as=item.asked_as), at=now, until=now + LASTS)


def _asking(user: UserId, lines: Sequence[Words], item: Item) -> tuple[Tell, ...]:
    """Ask an item below some lines; where it has a picture, that stands between them and what is asked about it."""
    if item.picture is None:
        return (_tell(user, (*lines, *ask(item))),)
    picture = Picture(hash=item.picture.hash, caption=caption(item.picture))
    return (_tell(user, lines), replace(_tell(user, ask(item)), picture=picture))


def _tell(user: UserId, lines: Sequence[Words]) -> Tell:
    return Tell(user=user, words=words("practice.message", lines=tuple(lines)))


def say(user: UserId, *lines: Words) -> Decision:
    """Say something and keep nothing."""
    return Decision(effects=(_tell(user, lines),))


def ask(item: Item) -> tuple[Words, ...]:
    """Return the lines in which an item is asked."""
    options = tuple(
        words("practice.option", letter=sign, text=text) for sign, text in zip(LETTERS, item.options, strict=False)
    )
    return (words("practice.stem", text=item.stem), *options, words(_HOW[item.kind]))


_HOW = {
    Kind.SINGLE: "practice.how_single",
    Kind.MULTIPLE: "practice.how_multiple",
    Kind.TRUE_FALSE: "practice.how_true_false",
    Kind.FILL_IN: "practice.how_fill_in",
}


def judge(item: Item, text: str) -> bool | Words:
    """Tell whether an answer is right, or say in which form an answer would be one."""
    if item.kind is Kind.FILL_IN:
        return fills(item, text)
    said = read_choice(item.kind, item.options, text)
    number = 2 if item.kind is Kind.TRUE_FALSE else len(item.options)
    if said is None or not said:
        return words("practice.not_read" if item.kind is not Kind.TRUE_FALSE else "practice.not_a_verdict")
    if any(not 1 <= int(one) <= number for one in said):
        return words("practice.no_such_option", last=letter(str(number)))
    if item.kind is not Kind.MULTIPLE and len(said) > 1:
        return words("practice.one_only")
    return is_right(item, said)


def answer(session: Session, item: Item, known: Met, following: Item | None, *, right: bool, now: datetime) -> Decision:
    """Say at once whether an answer is right and why, keep what is to be repeated, and ask the next item."""
    to_repeat = known.wrong or not right
    memory = remember(known.memory if known.wrong else None, right=right, now=now) if to_repeat else None
    still = memory is not None and not (right and memory.due - now >= KNOWN)
    kept = ItemAnswered(
        member=session.member,
        item=item.id,
        right=right,
        first=not known.met,
        wrong=still,
        memory=memory if still else None,
    )
    verdict = words("practice.right") if right else words("practice.wrong", answer=right_answer(item))
    lines = [verdict, *_explained(item)]
    return _onward(session, following, lines, (kept,), now)


def ask_again(session: Session, item: Item, *, now: datetime) -> Decision:
    """Ask an item once more that asks something else than when it was asked; the answer to that counts for nothing."""
    return _onward(session, item, [words("practice.changed")], (), now)


def pass_over(session: Session, following: Item | None, *, now: datetime) -> Decision:
    """Go on from an item that was withdrawn since it was asked; the answer to it counts for nothing."""
    return _onward(session, following, [words("practice.withdrawn")], (), now)


def skip(session: Session, following: Item | None, *, now: datetime) -> Decision:
    """Leave an item out; it counts for nothing."""
    return _onward(session, following, [words("practice.skipped")], (), now)


def _onward(
    session: Session, following: Item | None, lines: list[Words], facts: tuple[Fact, ...], now: datetime
) -> Decision:
    if following is None:
        over = PracticeEnded(member=session.member, user=session.user)
        return Decision(facts=(*facts, over), effects=(_tell(session.user, [*lines, words("practice.over")]),))
    begun = _begun(session, following, now)
    return Decision(facts=(*facts, begun), effects=_asking(session.user, lines, following))


def leave(session: Session) -> Decision:
    """Let somebody go at any moment."""
    over = PracticeEnded(member=session.member, user=session.user)
    return Decision(facts=(over,), effects=(_tell(session.user, [words("practice.left")]),))


def forget(member: MemberId, user: UserId) -> Decision:
    """Forget how somebody's practice went."""
    gone = PracticeForgotten(member=member, user=user)
    return Decision(facts=(gone,), effects=(_tell(user, [words("practice.forgotten")]),))


def right_answer(item: Item) -> tuple[Words, ...]:
    """Return what the right answer of an item is, in words."""
    match item.kind:
        case Kind.TRUE_FALSE:
            return (words("practice.true" if item.answer == (TRUE,) else "practice.false"),)
        case Kind.FILL_IN:
            return (words("practice.text", text=item.answer[0]),)
    texts = [(letter(one), item.options[int(one) - 1]) for one in item.answer]
    return tuple(words("practice.option", letter=sign, text=text) for sign, text in texts)


def _explained(item: Item) -> tuple[Words, ...]:
    lines = []
    if item.explanation:
        lines.append(words("practice.explanation", text=item.explanation))
    if item.source and item.dated:
        lines.append(words("practice.source_and_date", source=item.source, dated=item.dated.isoformat()))
    elif item.source:
        lines.append(words("practice.source", source=item.source))
    return tuple(lines)
