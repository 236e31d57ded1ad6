"""The question bank: what an item asks, which answers are right, and what makes one that cannot be asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import ItemId, OrganisationId, derive
from content.media import Medium, MediumKept

LONGEST_STEM = 600
LONGEST_OPTION = 200
LONGEST_ACCEPTED = 100
LONGEST_EXPLANATION = 1000
LONGEST_ALTERNATIVE = 200
LONGEST_SOURCE = 200
LONGEST_TAG = 100
"""As long as the title of a lesson, which may be one."""
MOST_OPTIONS = 8
MOST_ACCEPTED = 10
MOST_TAGS = 8
MOST_AT_ONCE = 1000
"""How many items one file may bring."""
FEWEST_ANSWERS = 5
"""Of fewer first answers nothing is told, and figures move by as many at a time, so that none shows one person's."""

LETTERS = "ABCDEFGH"
TRUE, FALSE = "1", "2"
"""How the answers of a statement are known: as its first and second option."""

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Kind(StrEnum):
    """How an item is answered."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    FILL_IN = "fill_in"


class Difficulty(StrEnum):
    """How hard its author takes an item to be; how hard it is, its figures say."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Item(Struct, frozen=True, kw_only=True):
    """One question of the bank.

    ``answer`` holds the numbers of the right options from 1 on, of a statement ``TRUE`` or ``FALSE``, of an item to be
    filled in the texts that are taken. A ``picture`` is shown before the stem, with an alternative in words.
    A ``revision`` counts up at each change, and ``asked_as`` is the one since which the item asks the same.
    """

    id: ItemId
    organisation: OrganisationId
    kind: Kind
    stem: str
    options: tuple[str, ...] = ()
    answer: tuple[str, ...]
    explanation: str = ""
    source: str = ""
    dated: date | None = None
    tags: tuple[str, ...] = ()
    difficulty: Difficulty = Difficulty.MEDIUM
    picture: Medium | None = None
    revision: int = 1
    asked_as: int = 1
    withdrawn: datetime | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """How many people were right the first time they met an item, told from the fifth on and five at a time."""

    answered: int
    right: int

    @property
    def percent(self) -> int | None:
        """Return how many of a hundred were right, ``None`` while too few have answered."""
        return 100 * self.right // self.answered if self.answered else None


class ItemsAdded(Fact, frozen=True, kw_only=True):
    """Items were taken into the bank of an organisation."""

    organisation: OrganisationId
    items: tuple[Item, ...]
    at: datetime


class ItemRevised(Fact, frozen=True, kw_only=True):
    """An item was changed; ``afresh`` where what is asked or right became another, so that its figures begin anew."""

    organisation: OrganisationId
    item: Item
    afresh: bool


class ItemWithdrawn(Fact, frozen=True, kw_only=True):
    """An item is asked no more."""

    organisation: OrganisationId
    item: ItemId
    at: datetime


class ItemRestored(Fact, frozen=True, kw_only=True):
    """An item is asked again."""

    organisation: OrganisationId
    item: ItemId


def tidy(text: str) -> str:
    """Return a text as it is kept: without what is not seen, and without empty ends."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def stem_key(stem: str) -> str:
    """Return what two stems share that ask the same, whatever punctuation stands between their words."""
    plain = unicodedata.normalize("NFKC", stem).casefold()
    return derive("stem", "".join(sign for sign in plain if unicodedata.category(sign)[0] not in "PZC") or plain)


def split_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a text, each once and in its order."""
    return tuple(dict.fromkeys(one for one in (tidy(part) for part in re.split(r"[,，、;；\n|]", text)) if one))


def objection(item: Item) -> Refusal | None:
    """Return why an item cannot be asked, ``None`` where it can."""
    if not 1 <= len(item.stem) <= LONGEST_STEM:
        return refused("item.bad_stem", field="stem", most=LONGEST_STEM)
    trouble = _fill_in(item) if item.kind is Kind.FILL_IN else _choice(item)
    if trouble is not None:
        return trouble
    if item.picture is not None and not 1 <= len(item.picture.alternative) <= LONGEST_ALTERNATIVE:
        return refused("item.no_alternative", field="alternative", name=item.picture.name, most=LONGEST_ALTERNATIVE)
    if len(item.explanation) > LONGEST_EXPLANATION:
        return refused("item.long_explanation", field="explanation", most=LONGEST_EXPLANATION)
    if len(item.source) > LONGEST_SOURCE:
        return refused("item.long_source", field="source", most=LONGEST_SOURCE)
    if len(item.tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in item.tags):
        return refused("item.bad_tags", field="tags", most=MOST_TAGS, long=LONGEST_TAG)
    return None


def _fill_in(item: Item) -> Refusal | None:
    if not item.answer:
        return refused("item.no_answer", field="answer")
    if len(item.answer) > MOST_ACCEPTED or any(not 1 <= len(one) <= LONGEST_ACCEPTED for one in item.answer):
        return refused("item.bad_accepted", field="answer", most=MOST_ACCEPTED, long=LONGEST_ACCEPTED)
    return None


def _choice(item: Item) -> Refusal | None:
    number = 2 if item.kind is Kind.TRUE_FALSE else len(item.options)
    if item.kind is not Kind.TRUE_FALSE:
        if not 2 <= number <= MOST_OPTIONS:
            return refused("item.number_of_options", field="options", most=MOST_OPTIONS)
        if any(not 1 <= len(option) <= LONGEST_OPTION for option in item.options):
            return refused("item.bad_option", field="options", most=LONGEST_OPTION)
        plain = [unicodedata.normalize("NFKC", option).casefold() for option in item.options]
        if len(set(plain)) < number:
            return refused("item.option_twice", field="options")
    if not item.answer:
        return refused("item.no_answer", field="answer")
    beyond = next((one for one in item.answer if not 1 <= int(one) <= number), None)
    if beyond is not None:
        return refused("item.answer_beyond", field="answer", option=letter(beyond), last=letter(str(number)))
    if item.kind is not Kind.MULTIPLE and len(item.answer) > 1:
        return refused("item.one_answer_only", field="answer")
    return None


def letter(number: str) -> str:
    """Return how an option is called, by its number."""
    place = int(number) - 1
    return LETTERS[place] if 0 <= place < len(LETTERS) else number


def add_items(
    organisation: OrganisationId,
    items: Sequence[Item],
    taken: Collection[str],
    *,
    pictures: Iterable[MediumKept] = (),
    now: datetime,
) -> Decision | Refusal:
    """Take items into the bank; ``taken`` are the stem keys that it holds, ``pictures`` what came along for them."""
    if not items:
        return refused("item.none")
    if len(items) > MOST_AT_ONCE:
        return refused("item.too_many", most=MOST_AT_ONCE)
    for one in items:
        trouble = objection(one)
        if trouble is not None:
            return trouble
    keys = [stem_key(one.stem) for one in items]
    if len(set(keys)) < len(keys) or set(keys) & set(taken):
        return refused("item.duplicate", field="stem")
    return Decision(
        facts=(*shown_by(items, pictures), ItemsAdded(organisation=organisation, items=tuple(items), at=now))
    )


def shown_by(items: Iterable[Item], pictures: Iterable[MediumKept]) -> tuple[MediumKept, ...]:
    """Return the pictures that these items show, each once."""
    wanted = {one.picture.hash for one in items if one.picture is not None}
    return tuple({one.hash: one for one in pictures if one.hash in wanted}.values())


def revise_item(
    before: Item, item: Item, taken: Collection[str], *, pictures: Iterable[MediumKept] = ()
) -> Decision | Refusal:
    """Change an item; ``taken`` are the stem keys of the others, ``pictures`` what came along for it."""
    if item.revision != before.revision:
        return refused("item.changed_meanwhile")
    trouble = objection(item)
    if trouble is not None:
        return trouble
    if stem_key(item.stem) in taken:
        return refused("item.duplicate", field="stem")
    asked = [(one.kind, one.stem, one.options, one.answer, one.picture and one.picture.hash) for one in (before, item)]
    afresh = asked[0] != asked[1]
    revision = before.revision + 1
    revised = replace(item, revision=revision, asked_as=revision if afresh else before.asked_as)
    fact = ItemRevised(organisation=before.organisation, item=revised, afresh=afresh)
    return Decision(facts=(*shown_by([item], pictures), fact))


def withdraw_item(item: Item, *, now: datetime) -> Decision | Refusal:
    """Ask an item no more."""
    if item.withdrawn is not None:
        return refused("item.already_withdrawn")
    return Decision(facts=(ItemWithdrawn(organisation=item.organisation, item=item.id, at=now),))


def restore_item(item: Item) -> Decision | Refusal:
    """Ask an item again."""
    if item.withdrawn is None:
        return refused("item.not_withdrawn")
    return Decision(facts=(ItemRestored(organisation=item.organisation, item=item.id),))
