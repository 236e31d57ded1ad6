"""Counting a vote: every inequality at, above and below its line, and what must hold for any vote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content.election_cases import FIGURES, read_case, show_result
from content.elections import (
    Attendance,
    Ballot,
    Election,
    Fault,
    Kind,
    Mark,
    Outcome,
    Pile,
    Result,
    Votes,
    evaluate,
    least_candidates,
    rules_behind,
    run_off,
)
from content.rule_packs import ADMISSION, COMMITTEE, ELECTION_1990, MOTION, PACKS, RECOMMENDATION, Base, Rule

VECTORS = Path(__file__).parents[1] / "vectors" / "elections.json"
EXAMPLES = json.loads(VECTORS.read_text())
YES, NO = Mark.YES, Mark.NO


def pile(copies: int, marks: str = "", *write_ins: str) -> Pile:
    """Make ballots from marks such as ``A+ B-``; a name that is left out is an abstention."""
    said = {mark[:-1]: YES if mark[-1] == "+" else NO for mark in marks.split()}
    return Pile(ballot=Ballot(marks=said, write_ins=write_ins), copies=copies)


def held(
    expected: int, present: int | None = None, issued: int | None = None, returned: int | None = None
) -> Attendance:
    """Make the figures of a meeting; what is left out is as the figure before it."""
    present = expected if present is None else present
    issued = present if issued is None else issued
    return Attendance(
        expected=expected, present=present, issued=issued, returned=issued if returned is None else returned
    )


def election(candidates: str, seats: int, **more: Any) -> Election:
    return Election(candidates=tuple(candidates), seats=seats, **more)


def count(asked: Election, attendance: Attendance, *piles: Pile) -> Result:
    return evaluate(asked, attendance, piles)


ONE_OF_TWO = election("AB", 1)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["case"]["id"].split()[0])
def test_a_worked_example_comes_out_as_it_should(example: dict[str, Any]) -> None:
    case = read_case(example["case"])
    assert show_result(evaluate(case.election, case.attendance, case.piles)) == example["expect"]


# The quorum


@pytest.mark.parametrize(("present", "met"), [(15, False), (16, True), (17, True)])
def test_exactly_four_fifths_are_a_quorum(present: int, met: bool) -> None:
    """R08."""
    found = count(ONE_OF_TWO, held(20, present), pile(present, "A+"))
    assert (found.quorum, found.quorum_need) == (met, 16)
    assert (found.outcome is Outcome.MEETING_INVALID) is not met


@pytest.mark.parametrize(("present", "met"), [(16, False), (17, True)])
def test_in_1990_exactly_four_fifths_were_none(present: int, met: bool) -> None:
    """R08."""
    found = count(replace(ONE_OF_TWO, pack=ELECTION_1990), held(20, present), pile(present, "A+"))
    assert (found.quorum, found.quorum_need) == (met, 17)


def test_another_base_leaves_the_quorum_as_it_is() -> None:
    found = count(replace(ONE_OF_TWO, base=Base.PRESENT), held(20, 16), pile(9, "A+"), pile(7))
    assert (found.quorum, found.quorum_need, found.need, found.elected) == (True, 16, 9, ("A",))


def test_a_missing_quorum_outranks_a_bad_set_up_which_stays_listed() -> None:
    found = count(election("AB", 2), held(20, 15), pile(15))
    assert (found.outcome, [flaw.fault for flaw in found.flaws]) == (Outcome.MEETING_INVALID, [Fault.MARGIN])


@pytest.mark.parametrize("present", [0, 1])
def test_of_nobody_there_is_no_quorum(present: int) -> None:
    found = count(ONE_OF_TWO, held(0, present), pile(present))
    assert [flaw.fault for flaw in found.flaws] == [Fault.NO_ELECTORS]
    assert found.quorum_need == 1
    assert found.outcome is (Outcome.SETUP_INVALID if present else Outcome.MEETING_INVALID)


# The set-up


@pytest.mark.parametrize(
    ("seats", "candidates", "fits"),
    [
        *[(1, 1, False), (1, 2, True), (3, 3, False), (3, 4, True), (5, 5, False), (5, 6, True)],
        *[(6, 7, False), (6, 8, True), (7, 8, False), (7, 9, True), (11, 13, False), (11, 14, True)],
    ],
)
@pytest.mark.parametrize("kind", [Kind.FORMAL, Kind.BYELECTION])
def test_there_must_be_a_fifth_more_candidates_than_seats(seats: int, candidates: int, fits: bool, kind: Kind) -> None:
    """R05."""
    asked = election("ABCDEFGHIJKLMN"[:candidates], seats, kind=kind)
    found = count(asked, held(10), pile(10))
    assert (found.outcome is not Outcome.SETUP_INVALID) is fits
    if not fits:
        assert [(flaw.fault, flaw.least) for flaw in found.flaws] == [(Fault.MARGIN, least_candidates(asked))]


@pytest.mark.parametrize("change", [{"contested": False}, {"kind": Kind.RUNOFF}, {"kind": Kind.PRESELECTION}])
def test_no_margin_is_asked_of_an_uncontested_seat_a_run_off_and_a_pre_election(change: dict[str, Any]) -> None:
    """R05, R07."""
    assert count(replace(election("A", 1), **change), held(10), pile(10, "A+")).elected == ("A",)


def test_fewer_candidates_than_seats_are_no_flaw_where_no_margin_is_asked_for() -> None:
    """R07, R20: the seat stays open instead."""
    found = count(election("A", 2, contested=False), held(5), pile(5, "A+"))
    assert (found.flaws, found.elected, found.unfilled) == ((), ("A",), 1)


def test_a_committee_may_elect_one_for_one() -> None:
    """R07."""
    assert count(election("A", 1, pack=COMMITTEE), held(5, 4), pile(3, "A+"), pile(1)).elected == ("A",)


@pytest.mark.parametrize("seats", [0, -1])
def test_without_a_seat_there_is_no_election(seats: int) -> None:
    found = count(election("AB", seats), held(10), pile(10))
    assert (found.outcome, [flaw.fault for flaw in found.flaws]) == (Outcome.SETUP_INVALID, [Fault.NO_SEATS])


@pytest.mark.parametrize(
    ("attendance", "faults"),
    [
        (held(10, 10, 10), []),
        (held(10, 9, 9), []),
        (held(10, 9, 10), [Fault.ISSUED_OVER_PRESENT]),
        (held(10, 11, 11), [Fault.PRESENT_OVER_EXPECTED]),
        (held(10, 11, 12), [Fault.ISSUED_OVER_PRESENT, Fault.PRESENT_OVER_EXPECTED]),
        (held(10, 10, -1, -1), [Fault.NEGATIVE, Fault.NEGATIVE]),
        (held(10, 10, 10, -1), [Fault.NEGATIVE]),
    ],
)
def test_figures_that_cannot_be_end_the_evaluation(attendance: Attendance, faults: list[Fault]) -> None:
    """R15."""
    found = count(ONE_OF_TWO, attendance, pile(max(attendance.returned, 0), "A+"))
    assert [flaw.fault for flaw in found.flaws] == faults
    assert (found.outcome is Outcome.SETUP_INVALID) is bool(faults)


# The ballots


@pytest.mark.parametrize(
    ("returned", "outcome"), [(17, Outcome.ELECTED), (18, Outcome.ELECTED), (19, Outcome.ELECTION_INVALID_RERUN)]
)
def test_fewer_ballots_than_issued_are_fine_and_more_void_the_election(returned: int, outcome: Outcome) -> None:
    """R15, VOTE-7."""
    found = count(ONE_OF_TWO, held(20, 18, 18, returned), pile(returned, "A+"))
    assert (found.outcome, found.valid is None) == (outcome, outcome is Outcome.ELECTION_INVALID_RERUN)


@pytest.mark.parametrize("entered", [9, 11])
def test_ballots_that_do_not_add_up_are_counted_again(entered: int) -> None:
    """VOTE-9: no figure is repaired."""
    found = count(ONE_OF_TWO, held(12, 12, 12, 10), pile(entered - 2, "A+"), pile(2, "A+ B+"))
    assert (found.outcome, found.valid, found.void) == (Outcome.RECOUNT_NEEDED, entered - 2, 2)
    assert (found.tally, found.need, found.elected) == (None, None, ())


@pytest.mark.parametrize(
    ("marks", "write_ins", "valid"),
    [
        ("", (), True),
        ("A+ B+", (), True),
        ("A+ B+ C+", (), False),
        ("A- B- C-", (), True),
        ("A+ B-", ("X",), True),
        ("A+ B+ C-", ("X",), False),
        ("A- B-", ("X", "Y"), True),
        ("A- B- C-", ("X", "Y", "Z"), False),
        ("A-", ("X", "Y"), False),
        ("", ("X",), False),
        ("A+", ("X",), False),
        ("A- B-", ("X", "X"), False),
        ("A-", ("A",), False),
        ("A-", ("B",), False),
        ("Q+", (), False),
    ],
)
def test_a_ballot_is_void_when_it_chooses_too_many_or_writes_in_without_a_no(
    marks: str, write_ins: tuple[str, ...], valid: bool
) -> None:
    """R14, R16: two seats; a write-in needs a No, and is none of those who stand on the ballot."""
    found = count(election("ABC", 2), held(1), pile(1, marks, *write_ins))
    assert (found.valid, found.void) == (int(valid), int(not valid))


def test_what_cannot_be_read_is_void_and_counted() -> None:
    found = count(ONE_OF_TWO, held(10), pile(7, "A+"), Pile(ballot=None, copies=3))
    assert (found.valid, found.void, found.elected) == (7, 3, ("A",))


def test_a_mark_that_is_missing_is_an_abstention() -> None:
    """R14."""
    found = count(ONE_OF_TWO, held(10), pile(4, "A+"), pile(3, "A- B+"), pile(3))
    assert found.tally == {"A": Votes(yes=4, no=3, abstained=3), "B": Votes(yes=3, no=0, abstained=7)}


def test_who_may_not_be_elected_is_reported_and_scores_nothing() -> None:
    """R01, R14: the ballot stays valid."""
    asked = election("AB", 1, eligible=frozenset({"X"}))
    found = count(asked, held(10), pile(8, "A- B-", "Q"), pile(2, "A- B-", "X"))
    assert (found.valid, dict(found.write_ins), found.elected) == (10, {"Q": 8, "X": 2}, ())
    assert count(replace(asked, eligible=None), held(10), pile(8, "A- B-", "Q"), pile(2)).elected == ("Q",)


# The majority


@pytest.mark.parametrize(
    ("due", "votes", "elected"), [(20, 10, False), (20, 11, True), (21, 10, False), (21, 11, True)]
)
def test_exactly_half_never_elects(due: int, votes: int, elected: bool) -> None:
    """R18, VOTE-6."""
    found = count(ONE_OF_TWO, held(due), pile(votes, "A+ B-"), pile(due - votes))
    assert (found.need, found.elected) == (11, ("A",) if elected else ())
    assert found.outcome is (Outcome.ELECTED if elected else Outcome.UNFILLED)


@pytest.mark.parametrize(("votes", "elected"), [(9, False), (10, True)])
def test_in_1990_the_majority_was_of_those_present(votes: int, elected: bool) -> None:
    """R18, VOTE-6."""
    found = count(replace(ONE_OF_TWO, pack=ELECTION_1990), held(20, 18), pile(votes, "A+"), pile(18 - votes))
    assert (found.need, bool(found.elected)) == (10, elected)


def test_a_base_that_is_named_goes_before_that_of_the_pack() -> None:
    asked = replace(ONE_OF_TWO, pack=ELECTION_1990, base=Base.EXPECTED)
    assert count(asked, held(20, 18), pile(10, "A+"), pile(8)).need == 11


def test_void_ballots_and_absent_voters_do_not_lower_the_majority() -> None:
    found = count(ONE_OF_TWO, held(20, 16, 16, 14), pile(10, "A+"), pile(4, "A+ B+"))
    assert (found.need, found.outcome, found.unfilled) == (11, Outcome.UNFILLED, 1)


@pytest.mark.parametrize(("votes", "chosen"), [(10, False), (11, True)])
def test_a_pre_election_asks_for_more_than_half_of_those_due(votes: int, chosen: bool) -> None:
    """R17."""
    asked = election("AB", 1, kind=Kind.PRESELECTION)
    found = count(asked, held(20), pile(votes, "A+"), pile(20 - votes))
    assert (bool(found.elected), found.rules["need"]) == (chosen, Rule.PRESELECTION)


# Seats, ties, run-offs


def test_the_seats_go_by_votes_when_more_have_a_majority() -> None:
    """R19."""
    found = count(election("ABC", 2), held(10), pile(4, "A+ C+"), pile(3, "A+ B+"), pile(3, "B+ C+"))
    assert (found.elected, found.tied, found.outcome) == (("A", "C"), (), Outcome.ELECTED)


def test_a_tie_at_the_last_seat_elects_none_of_the_tied() -> None:
    """R19: no order of names decides."""
    found = count(election("DCBA", 3), held(12), pile(6, "A+ B+ C+"), pile(4, "A+ B+ D+"), pile(2, "A+ C+ D+"))
    assert found.tally is not None
    assert [found.tally[name].yes for name in "ABCD"] == [12, 10, 8, 6]
    found = count(election("DCBA", 2), held(10), pile(6, "A+ B+"), pile(3, "A+ C+"), pile(1, "C+ D+"))
    assert (found.elected, found.tied) == (("A", "B"), ())
    found = count(election("CBA", 2), held(4), pile(2, "A+ B+"), pile(1, "A+ C+"), pile(1, "B+ C+"))
    assert (found.elected, found.tied, found.unfilled, found.outcome) == (("A", "B"), (), 0, Outcome.ELECTED)
    found = count(election("CBA", 2), held(6), pile(2, "A+ B+"), pile(2, "A+ C+"), pile(2, "B+ C+"))
    assert (found.elected, found.tied, found.unfilled, found.outcome) == ((), ("A", "B", "C"), 2, Outcome.RUNOFF)
    found = count(election("CBA", 2), held(7), pile(3, "A+ B+"), pile(3, "A+ C+"), pile(1, "B+ C+"))
    assert (found.elected, found.tied, found.unfilled, found.outcome) == (("A",), ("B", "C"), 1, Outcome.RUNOFF)


def test_a_tie_is_voted_on_again_among_the_tied_alone_and_more_votes_win() -> None:
    """R19."""
    first = election("CBA", 2)
    again = run_off(first, count(first, held(7), pile(3, "A+ B+"), pile(3, "A+ C+"), pile(1, "B+ C+")))
    assert (again.candidates, again.seats, again.kind) == (("B", "C"), 1, Kind.RUNOFF)
    found = count(again, held(7), pile(2, "B+"), pile(1, "C+"), pile(3), pile(1, "B- C-", "X"))
    assert (found.need, found.elected, found.rules["elected"]) == (4, ("B",), Rule.RUNOFF)
    assert dict(found.write_ins) == {"X": 1}
    tied = count(again, held(7), pile(2, "B+"), pile(2, "C+"), pile(3))
    assert (tied.elected, tied.tied, tied.outcome) == ((), ("B", "C"), Outcome.RUNOFF)


# Other packs


@pytest.mark.parametrize(("votes", "outcome"), [(10, Outcome.NOT_PASSED), (11, Outcome.PASSED)])
def test_a_motion_passes_by_more_than_half_of_those_due(votes: int, outcome: Outcome) -> None:
    """R25, VOTE-2: ten of ten present are not more than half of twenty."""
    asked = Election(candidates=("motion",), seats=1, pack=MOTION)
    found = count(asked, held(20, 12), pile(votes, "motion+"), pile(12 - votes, "motion-"))
    assert (found.outcome, found.need, found.elected) == (outcome, 11, ())
    assert count(asked, held(20, 9), pile(9, "motion+")).outcome is Outcome.MEETING_INVALID
    assert count(asked, held(20, 10), pile(10, "motion+")).outcome is Outcome.NOT_PASSED


def test_an_admission_is_no_motion_of_half() -> None:
    """R26."""
    asked = Election(candidates=("admission",), seats=1, pack=ADMISSION)
    assert count(asked, held(20, 10), pile(10, "admission+")).outcome is Outcome.MEETING_INVALID
    assert count(asked, held(20, 11), pile(11, "admission+")).outcome is Outcome.PASSED


def test_recommendations_are_counted_and_decide_nothing() -> None:
    """R27, BAL-6."""
    found = count(election("ABC", 2, pack=RECOMMENDATION), held(10, 9), pile(5, "A+ B+"), pile(4, "C+"))
    assert (found.outcome, found.need, found.elected, found.unfilled) == (Outcome.COUNTED, None, (), None)
    assert found.ground is Rule.REFERENCE


# What is behind the numbers


@pytest.mark.parametrize("pack", PACKS.values(), ids=str)
def test_every_number_names_the_rule_behind_it(pack: Any) -> None:
    found = count(election("AB", 1, pack=pack), held(10), pile(7, "A+"), pile(3, "B+"))
    numbers = {"quorum_need", "valid", "void", "tally", "write_ins", "need", "elected", "tied", "unfilled"}
    numbers |= {"present", "returned"}
    assert set(found.rules) == numbers
    assert found.rules["quorum_need"] is pack.quorum_rule
    assert found.rules["need"] is pack.majority_rule


def test_every_outcome_names_the_rule_it_follows_from() -> None:
    tied = count(election("AB", 1), held(10), pile(5, "A+"), pile(5, "B+"))
    grounds = {
        Rule.QUORUM: count(ONE_OF_TWO, held(20, 15), pile(15)),
        Rule.MARGIN: count(election("A", 1), held(5), pile(5)),
        Rule.RETURNED: count(ONE_OF_TWO, held(5, 5, 4, 5), pile(5)),
        Rule.RECONCILED: count(ONE_OF_TWO, held(5), pile(4)),
        Rule.TOO_FEW: tied,
        Rule.SEATS: count(ONE_OF_TWO, held(5), pile(5, "A+")),
        Rule.MAJORITY_MOTION: count(election("A", 1, pack=MOTION), held(5), pile(5, "A+")),
    }
    assert {rule: found.ground for rule, found in grounds.items()} == {rule: rule for rule in grounds}
    again = count(election("AB", 1, kind=Kind.RUNOFF), held(10), pile(5, "A+"), pile(5, "B+"))
    assert again.ground is Rule.RUNOFF
    assert rules_behind(ONE_OF_TWO)["elected"] is Rule.SEATS


# Any vote at all

NAMES = "ABCDE"
any_vote = settings(max_examples=40, deadline=None)
marks = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(Mark))
papers = st.builds(Ballot, marks=marks, write_ins=st.lists(st.sampled_from("XYZA"), max_size=2).map(tuple))
piles = st.lists(st.builds(Pile, ballot=st.none() | papers, copies=st.integers(1, 6)), max_size=8)


@st.composite
def votes(draw: st.DrawFn) -> tuple[Election, Attendance, tuple[Pile, ...]]:
    """Make a vote that adds up, in a meeting that is large enough."""
    drawn = tuple(draw(piles))
    returned = sum(one.copies for one in drawn)
    present = max(1, returned + draw(st.integers(0, 3)))
    asked = election(
        NAMES,
        draw(st.integers(1, 4)),
        kind=draw(st.sampled_from(Kind)),
        pack=PACKS[draw(st.sampled_from(["2020", "legacy-1990", "committee"]))],
        contested=False,
        eligible=draw(st.none() | st.just(frozenset("XY"))),
    )
    return asked, held(present + draw(st.integers(0, present // 5)), present, None, returned), drawn


def by_hand(asked: Election, attendance: Attendance, drawn: tuple[Pile, ...]) -> dict[str, Any]:
    """Count paper by paper, written apart from the engine: the papers' lines, the scores, then who is in."""
    papers = [one.ballot for one in drawn for _ in range(one.copies)]
    good = []
    for paper in papers:
        if paper is None or any(name in asked.candidates for name in paper.write_ins):
            continue
        yes = [name for name, mark in paper.marks.items() if mark == "Y"]
        no = [name for name, mark in paper.marks.items() if mark == "N"]
        if (
            len(set(paper.write_ins)) == len(paper.write_ins) <= len(no)
            and len([*yes, *paper.write_ins]) <= asked.seats
        ):
            good.append((yes, [*paper.write_ins]))
    score = Counter(dict.fromkeys(asked.candidates, 0))
    for yes, written in good:
        score.update(yes)
        score.update(name for name in written if asked.eligible is None or name in asked.eligible)
    base = attendance.present if asked.pack.id == "legacy-1990" else attendance.expected
    passing = [name for name in score if asked.kind is Kind.RUNOFF or score[name] > base - score[name]]
    elected, tied = set[str](), set[str]()
    for name in passing:
        better = sum(score[other] > score[name] for other in passing)
        as_good = sum(score[other] >= score[name] for other in passing)
        if as_good <= asked.seats:
            elected.add(name)
        elif better < asked.seats:
            tied.add(name)
    return {"valid": len(good), "void": len(papers) - len(good), "elected": elected, "tied": tied}


@any_vote
@given(votes())
def test_counting_paper_by_paper_gives_the_same(vote: tuple[Election, Attendance, tuple[Pile, ...]]) -> None:
    found = evaluate(*vote)
    if found.outcome is not Outcome.MEETING_INVALID:
        simple = {"valid": found.valid, "void": found.void, "elected": set(found.elected), "tied": set(found.tied)}
        assert simple == by_hand(*vote)


@any_vote
@given(votes())
def test_the_sums_of_any_vote_are_right(vote: tuple[Election, Attendance, tuple[Pile, ...]]) -> None:
    """VOTE-9."""
    asked, attendance, _ = vote
    found = evaluate(*vote)
    if found.outcome is Outcome.MEETING_INVALID:
        return
    assert found.valid is not None
    assert found.void is not None
    assert found.tally is not None
    assert found.unfilled is not None
    assert found.valid + found.void == attendance.returned
    assert {one.yes + one.no + one.abstained for one in found.tally.values()} == {found.valid}
    chosen = sum(one.yes for one in found.tally.values()) + sum(found.write_ins.values())
    assert chosen <= found.valid * asked.seats
    assert len(found.elected) + found.unfilled == asked.seats
    assert not set(found.elected) & set(found.tied)
    assert not found.tied or len(found.tied) > found.unfilled > 0


@any_vote
@given(vote=votes(), order=st.randoms(use_true_random=False))
def test_the_order_of_ballots_and_of_names_changes_nothing(
    vote: tuple[Election, Attendance, tuple[Pile, ...]], order: Any
) -> None:
    asked, attendance, drawn = vote
    singles = [replace(one, copies=1) for one in drawn for _ in range(one.copies)]
    names = [*asked.candidates]
    order.shuffle(singles)
    order.shuffle(names)
    assert evaluate(replace(asked, candidates=tuple(names)), attendance, singles) == evaluate(*vote)


@any_vote
@given(votes())
def test_another_vote_for_who_is_elected_unelects_nobody_of_them(
    vote: tuple[Election, Attendance, tuple[Pile, ...]],
) -> None:
    asked, attendance, drawn = vote
    for name in set(evaluate(*vote).elected) & set(asked.candidates):
        for place, one in enumerate(drawn):
            if one.ballot is None or name in one.ballot.marks:
                continue
            more = replace(one.ballot, marks={**one.ballot.marks, name: YES})
            if all(evaluate(asked, held(1), [Pile(ballot=paper)]).valid for paper in (one.ballot, more)):
                changed = [*drawn[:place], replace(one, ballot=more), *drawn[place + 1 :]]
                assert name in evaluate(asked, attendance, changed).elected


@any_vote
@given(votes())
def test_a_majority_of_those_present_elects_whom_one_of_those_due_does(
    vote: tuple[Election, Attendance, tuple[Pile, ...]],
) -> None:
    asked, attendance, drawn = vote
    of_due = evaluate(replace(asked, base=Base.EXPECTED), attendance, drawn)
    of_present = evaluate(replace(asked, base=Base.PRESENT), attendance, drawn)
    assert set(of_due.elected) <= set(of_present.elected)


@any_vote
@given(vote=votes(), times=st.integers(2, 5))
def test_as_many_times_everyone_decides_the_same(
    vote: tuple[Election, Attendance, tuple[Pile, ...]], times: int
) -> None:
    asked, attendance, drawn = vote
    more = Attendance(**{name: getattr(attendance, name) * times for name in FIGURES})
    once, often = evaluate(*vote), evaluate(asked, more, [replace(one, copies=one.copies * times) for one in drawn])
    assert (often.outcome, often.elected, often.tied) == (once.outcome, once.elected, once.tied)
