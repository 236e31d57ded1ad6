"""The glossary (百科): entries with their source and as-of date, and which of them are nearest to what is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from content.bank import split_tags, tidy
from content.decision import Decision, Fact, Refusal, refused
from content.identifiers import EntryId, OrganisationId

LONGEST_TERM = 40
LONGEST_TEXT = 2000
LONGEST_SOURCE = 200
MOST_OTHER_NAMES = 8
MOST_NEAR = 5
"""How many entries beside the nearest are named."""


class Entry(Struct, frozen=True, kw_only=True):
    """What a term means, where that is said, and as of which day; ``also`` are other names of the same."""

    id: EntryId
    organisation: OrganisationId
    term: str
    also: tuple[str, ...] = ()
    text: str
    source: str
    dated: date
    revision: int = 1
    withdrawn: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names of what is explained."""
        return (self.term, *self.also)


class EntriesWritten(Fact, frozen=True, kw_only=True):
    """Entries were added to the glossary of an organisation."""

    organisation: OrganisationId
    entries: tuple[Entry, ...]
    at: datetime


class EntryRevised(Fact, frozen=True, kw_only=True):
    """An entry was changed."""

    organisation: OrganisationId
    entry: Entry


class EntryWithdrawn(Fact, frozen=True, kw_only=True):
    """An entry is found no more."""

    organisation: OrganisationId
    entry: EntryId
    at: datetime


class EntryRestored(Fact, frozen=True, kw_only=True):
    """An entry is found again."""

    organisation: OrganisationId
    entry: EntryId


class Near(Struct, frozen=True, kw_only=True):
    """What a question finds: the entry that it means, if one is meant, and others that are near, nearest first."""

    meant: Entry | None
    others: tuple[Entry, ...]


def searchable(text: str) -> str:
    """Return a text as it is compared: plain forms, no case, no punctuation and no spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] not in "PZC")


def bigrams(text: str) -> tuple[str, ...]:
    """Return the pairs of signs of a text that is searchable, each once; a text of one sign is itself.

    Chinese has no spaces between words, and its words mostly have two signs: what shares pairs, shares words.
    """
    pairs = dict.fromkeys(text[place : place + 2] for place in range(len(text) - 1))
    return tuple(pairs) or ((text,) if text else ())


def nearest(question: str, entries: Iterable[Entry]) -> Near:
    """Return which entry a question means, and which are near it.

    A name is meant where it is what was asked, or the only longest one within it; else the names and the texts that
    share most pairs of signs are near.
    """
    wanted = searchable(question)
    ranked = sorted(((_nearness(wanted, one), one) for one in entries), key=lambda pair: (pair[0], pair[1].term))
    near = [(rank, one) for rank, one in ranked if rank < _FAR]
    if not near:
        return Near(meant=None, others=())
    meant = near[0][1] if near[0][0] < _MEANT else None
    others = [one for _, one in near if one is not meant]
    return Near(meant=meant, others=tuple(others[:MOST_NEAR]))


_MEANT = (2,)
_FAR = (6,)


def _nearness(wanted: str, entry: Entry) -> tuple[float, ...]:
    """Return how near an entry is, the nearer the less."""
    names = [searchable(name) for name in entry.names]
    if not wanted:
        return _FAR
    if wanted in names:
        return (0,)
    inside = max((len(name) for name in names if name and name in wanted), default=0)
    if inside > 1:
        return (1, -inside)
    around = min((len(name) for name in names if wanted in name), default=0)
    if around:
        return (2, around)
    pairs = set(bigrams(wanted))
    shared = max((len(pairs & set(bigrams(name))) for name in names), default=0)
    if shared:
        return (3, -shared)
    text = searchable(entry.text)
    if wanted in text:
        return (4,)
    shared = len(pairs & set(bigrams(text)))
    return (5, -shared) if 2 * shared >= len(pairs) and len(wanted) > 1 and shared else _FAR


def split_names(text: str) -> tuple[str, ...]:
    """Return other names as they are typed in one line."""
    return split_tags(text)


def objection(entry: Entry) -> Refusal | None:
    """Return why an entry cannot be kept, ``None`` where it can."""
    if not 1 <= len(entry.term) <= LONGEST_TERM or not searchable(entry.term):
        return refused("entry.bad_term", field="term", most=LONGEST_TERM)
    if len(entry.also) > MOST_OTHER_NAMES or any(len(name) > LONGEST_TERM for name in entry.also):
        return refused("entry.bad_names", field="also", most=MOST_OTHER_NAMES, long=LONGEST_TERM)
    if not 1 <= len(entry.text) <= LONGEST_TEXT:
        return refused("entry.bad_text", field="text", most=LONGEST_TEXT)
    if not 1 <= len(entry.source) <= LONGEST_SOURCE:
        return refused("entry.no_source", field="source", most=LONGEST_SOURCE)
    return None


def tidied(entry: Entry) -> Entry:
    """Return an entry as it is kept."""
    also = tuple(name for name in entry.also if searchable(name) != searchable(entry.term))
    return replace(entry, term=tidy(entry.term), also=also, text=tidy(entry.text), source=tidy(entry.source))


def write_entries(
    organisation: OrganisationId, entries: Sequence[Entry], taken: Iterable[str], *, now: datetime
) -> Decision | Refusal:
    """Add entries; ``taken`` are the terms, as they are compared, that the glossary has already."""
    terms = set(taken)
    for one in entries:
        trouble = objection(one)
        if trouble is not None:
            return trouble
        if searchable(one.term) in terms:
            return refused("entry.duplicate", field="term", term=one.term)
        terms.add(searchable(one.term))
    return Decision(facts=(EntriesWritten(organisation=organisation, entries=tuple(entries), at=now),))


def revise_entry(before: Entry, entry: Entry, taken: Iterable[str]) -> Decision | Refusal:
    """Change an entry; ``taken`` are the terms of the others."""
    if entry.revision != before.revision:
        return refused("entry.changed_meanwhile")
    trouble = objection(entry)
    if trouble is not None:
        return trouble
    if searchable(entry.term) in set(taken):
        return refused("entry.duplicate", field="term", term=entry.term)
    revised = replace(entry, revision=before.revision + 1)
    return Decision(facts=(EntryRevised(organisation=before.organisation, entry=revised),))


def withdraw_entry(entry: Entry, *, now: datetime) -> Decision | Refusal:
    """Let an entry be found no more."""
    if entry.withdrawn is not None:
        return refused("entry.already_withdrawn")
    return Decision(facts=(EntryWithdrawn(organisation=entry.organisation, entry=entry.id, at=now),))


def restore_entry(entry: Entry) -> Decision | Refusal:
    """Let an entry be found again."""
    if entry.withdrawn is None:
        return refused("entry.not_withdrawn")
    return Decision(facts=(EntryRestored(organisation=entry.organisation, entry=entry.id),))
