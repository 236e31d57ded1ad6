"""What the rules would have one look at before an election; nothing is decided here.

Each line is advice to whoever prepares it: an election is never kept from being held by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from content import terms
from content.decision import Words, words
from content.elections import Kind
from content.organisations import Kind as Place
from content.paper_elections import PaperElection
from content.rule_packs import ADMISSION, COMMITTEE, Purpose
from content.terms import Term, months_on

ON_TIME = 1
"""Up to so many months before the end of a term an election counts as held on time; after it, none does."""


class OffTerm(StrEnum):
    """On which side of the end of a term an election is held that takes a letter."""

    EARLY = "early"
    LATE = "late"


class Around(Struct, frozen=True, kw_only=True):
    """What is known of the organisation that votes: its kind and size, and the ``term`` that ends with the election."""

    kind: Place
    full: int
    everyone: int
    term: Term | None = None


def term_before(paper: PaperElection, held: Sequence[Term]) -> Term | None:
    """Return the term that ends with an election, the newest of those that had begun before its day."""
    return next((one for one in held if one.elected_on < paper.held_on), None)


def advice(paper: PaperElection, around: Around | None = None) -> tuple[Words, ...]:
    """Say what the rules would have one look at before the meeting."""
    found: list[Words] = []
    election = paper.election
    if election.pack.purpose is Purpose.SEATS:
        if not paper.consent:
            found.append(words("paper.no_consent_yet"))
        if not all(one.introduction for one in paper.candidates):
            found.append(words("paper.no_introductions"))
        if around is not None:
            found += [*_chair(paper, around.term), *_term(paper, around.term), *_size(paper, around)]
    if election.pack is ADMISSION:
        found.append(words("paper.absent_opinions"))
    if not election.pack.checked:
        found.append(words("paper.unchecked_rules"))
    return tuple(found)


def _renews(paper: PaperElection) -> bool:
    """Tell whether a whole committee is elected anew, and not the rest of one, or who leads it."""
    return paper.election.kind is Kind.FORMAL and paper.election.pack is not COMMITTEE


def _chair(paper: PaperElection, term: Term | None) -> tuple[Words, ...]:
    """R10: the outgoing committee presides, or the outgoing secretary; at a first session one who was just elected."""
    first = paper.election.pack is COMMITTEE
    if paper.chair is None:
        return (words("paper.no_chair_first" if first else "paper.no_chair"),)
    sits = term is None or any(seat.member == paper.chair for seat in term.seats)
    return () if first or sits else (words("paper.chair_from_elsewhere"),)


def off_term(paper: PaperElection, term: Term | None) -> OffTerm | None:
    """Tell whether a committee is elected before or after the end of the term of the one that goes (R02, R03)."""
    if term is None or not _renews(paper):
        return None
    if paper.held_on > term.ends_on:
        return OffTerm.LATE
    return OffTerm.EARLY if paper.held_on < months_on(term.ends_on, -ON_TIME) else None


def _term(paper: PaperElection, term: Term | None) -> tuple[Words, ...]:
    """R03: what is held before or after the end of the term takes a letter, and is a year away at most."""
    which = off_term(paper, term)
    if term is None or which is None:
        return ()
    day = term.ends_on
    if not months_on(day, -12) <= paper.held_on <= term.latest:
        return (words(f"paper.far_too_{which}", day=day.isoformat()),)
    return () if paper.off_term else (words(f"paper.term_{which}", day=day.isoformat()),)


def _size(paper: PaperElection, around: Around) -> tuple[Words, ...]:
    """R04, R24."""
    seats = paper.election.seats if _renews(paper) else 0
    return terms.advice(around.kind, full=around.full, everyone=around.everyone, seats=seats) if seats else ()
