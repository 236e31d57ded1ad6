"""What an election's page would have one look at before the meeting."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from content.election_advice import Around, OffTerm, advice, off_term, term_before
from content.elections import Election, Kind
from content.identifiers import MemberId, OrganisationId, TermId
from content.organisations import Kind as Place
from content.paper_elections import PaperElection
from content.rule_packs import ADMISSION, COMMITTEE
from content.terms import Seat, Term
from tests.content.test_paper_elections import paper

ONE, TWO = MemberId("m1"), MemberId("m2")
TERM = Term(
    id=TermId("t"),
    organisation=OrganisationId("o"),
    elected_on=date(2024, 3, 1),
    years=3,
    seats=(Seat(member=ONE, post="书记"),),
)
ALWAYS = {"paper.unchecked_rules"}


def around(**more: object) -> Around:
    return Around(**{"kind": Place.BRANCH, "full": 20, "everyone": 25, "term": TERM, **more})  # type: ignore[arg-type]


def ready(**more: object) -> PaperElection:
    """Return an election of three at the end of the term of which nothing is missing."""
    plain = paper("ABCD", seats=3, consent="8号", chair=ONE)
    met = tuple(replace(one, introduction="技术员") for one in plain.candidates)
    return replace(plain, candidates=met, **more)  # type: ignore[arg-type]


def told(held: PaperElection, known: Around | None = None) -> set[str]:
    return {one.key for one in advice(held, known or around())} - ALWAYS


def test_who_stands_is_introduced_and_what_the_absent_wrote_is_no_vote() -> None:
    """R11, R26."""
    assert [one.key for one in advice(paper())] == [
        "paper.no_consent_yet",
        "paper.no_introductions",
        "paper.unchecked_rules",
    ]
    motion = paper(election=Election(candidates=("A",), seats=1, pack=ADMISSION))
    assert [one.key for one in advice(motion, around())] == ["paper.absent_opinions", "paper.unchecked_rules"]


@pytest.mark.parametrize(
    ("day", "which", "line"),
    [
        (date(2027, 3, 1), None, None),
        (date(2027, 2, 1), None, None),
        (date(2027, 1, 31), OffTerm.EARLY, "paper.term_early"),
        (date(2027, 3, 2), OffTerm.LATE, "paper.term_late"),
        (date(2026, 3, 1), OffTerm.EARLY, "paper.term_early"),
        (date(2026, 2, 28), OffTerm.EARLY, "paper.far_too_early"),
        (date(2028, 3, 1), OffTerm.LATE, "paper.term_late"),
        (date(2028, 3, 2), OffTerm.LATE, "paper.far_too_late"),
    ],
)
def test_an_election_off_the_term_takes_a_letter_and_is_a_year_away_at_most(
    day: date, which: OffTerm | None, line: str | None
) -> None:
    """R02, R03: a month before the end counts as on time, and no letter helps beyond a year."""
    held = ready(held_on=day)
    assert off_term(held, TERM) is which
    assert told(held) == ({line} if line else set())
    kept = {line} if line and "far" in line else set()
    assert told(replace(held, off_term="矿委〔2027〕2号")) == kept


def test_only_where_a_whole_committee_is_elected_the_term_is_looked_at() -> None:
    late = date(2029, 1, 1)
    byelection = replace(ready().election, kind=Kind.BYELECTION)
    first = replace(ready().election, pack=COMMITTEE)
    for held in (ready(held_on=late, election=byelection), ready(held_on=late, election=first)):
        assert off_term(held, TERM) is None
        assert told(held) == set()
    assert told(ready(held_on=late), around(term=None)) == set()


def test_the_term_that_ends_is_the_newest_that_had_begun() -> None:
    """What is recorded of the election itself afterwards is not the one that ends with it."""
    after = replace(TERM, elected_on=paper().held_on)
    assert term_before(paper(), (after, TERM)) == TERM
    assert term_before(paper(), (after,)) is None


def test_the_outgoing_committee_presides_and_over_a_first_session_one_of_the_new() -> None:
    """R10."""
    assert told(ready(chair=None)) == {"paper.no_chair"}
    assert told(ready(chair=TWO)) == {"paper.chair_from_elsewhere"}
    assert told(ready(chair=TWO), around(term=None)) == set()
    first = replace(ready().election, pack=COMMITTEE)
    assert told(ready(chair=None, election=first)) == {"paper.no_chair_first"}
    assert told(ready(chair=TWO, election=first)) == set()


@pytest.mark.parametrize(
    ("known", "seats", "line"),
    [
        ({"full": 2}, 3, "terms.joint_branch"),
        ({"full": 6}, 3, "terms.no_committee_yet"),
        ({}, 2, "terms.committee_size"),
        ({"everyone": 51}, 3, "terms.general_branch"),
        ({"kind": Place.PARTY_COMMITTEE, "everyone": 499}, 3, None),
        ({"kind": Place.PARTY_COMMITTEE, "everyone": 500}, 3, "terms.delegates"),
    ],
)
def test_the_size_of_a_branch_and_of_its_committee_is_looked_at(
    known: dict[str, object], seats: int, line: str | None
) -> None:
    """R04, R24."""
    held = ready(election=replace(ready().election, seats=seats))
    assert told(held, around(**known)) == ({line} if line else set())
