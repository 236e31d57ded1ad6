"""What holds of an election on paper, whoever holds it."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from content import paper_counts
from content import paper_elections as rules
from content.ballots import Candidate, Elector
from content.decision import Decision, Refusal
from content.elections import Count, Election, Kind, Outcome, Votes
from content.identifiers import MemberId, OrganisationId, PaperElectionId, UserId
from content.paper_elections import (
    ElectionCounted,
    ElectionFixed,
    Entry,
    MeetingCounted,
    Office,
    Officer,
    PaperCount,
    PaperElection,
    State,
)
from content.rule_packs import ADMISSION, ELECTION_1990, RulePack

AUTHOR, DAY = UserId("@author:example.org"), date(2027, 3, 1)
ONE, TWO, THREE = MemberId("m1"), MemberId("m2"), MemberId("m3")
A, B = UserId("@one:example.org"), UserId("@two:example.org")
OFFICERS = (
    Officer(member=ONE, office=Office.MONITOR, account=A),
    Officer(member=TWO, office=Office.COUNTER, account=B),
    Officer(member=THREE, office=Office.COUNTER, account=UserId("@three:example.org")),
)


def paper(names: str = "ABC", *, seats: int = 2, **more: object) -> PaperElection:
    standing = tuple(Candidate(id=one, member=None, name=f"候选{one}") for one in names)
    plain = PaperElection(
        id=PaperElectionId("p"),
        organisation=OrganisationId("o"),
        title="选举",
        election=Election(candidates=tuple(names), seats=seats),
        candidates=standing,
        held_on=DAY,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def counting(**more: object) -> PaperElection:
    values = {"state": State.COUNTING, "expected": 20, "present": 18, "issued": 18, "officers": OFFICERS, **more}
    return paper(**values)  # type: ignore[arg-type]


def count(*yes: int, returned: int = 18, void: int = 0, write_ins: dict[str, int] | None = None) -> PaperCount:
    valid = returned - void
    tally = {name: Votes(yes=number, no=valid - number, abstained=0) for name, number in zip("ABC", yes, strict=True)}
    found = Count(valid=valid, void=void, tally=tally, write_ins=write_ins or {})
    return PaperCount(returned=returned, count=found)


def refused(answer: Decision | Refusal) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


@pytest.mark.parametrize(("names", "seats", "enough"), [("ABC", 2, True), ("AB", 2, False), ("ABCD", 3, True)])
def test_a_margin_is_asked_for_before_anything_is_printed(names: str, seats: int, enough: bool) -> None:
    answer = rules.prepare(paper(names, seats=seats), known=None, author=AUTHOR)
    assert isinstance(answer, Decision) is enough


def test_people_are_admitted_one_at_a_time() -> None:
    admission = Election(candidates=("A", "B"), seats=1, pack=ADMISSION)
    assert refused(rules.prepare(paper("AB", election=admission), known=None, author=AUTHOR)) == "paper.one_at_a_time"


def test_what_is_fixed_is_not_written_anew() -> None:
    assert refused(rules.prepare(paper(), known=paper(state=State.FIXED), author=AUTHOR)) == "paper.not_now"


def test_only_who_has_a_vote_may_be_written_in_and_in_a_run_off_nobody() -> None:
    roll = (Elector(member=ONE), Elector(member=TWO), Elector(member=THREE, may_vote=False, reason="预备党员"))
    names = {ONE: "张一", TWO: "候选A", THREE: "李三"}
    for kind, eligible in ((Kind.FORMAL, {"张一"}), (Kind.RUNOFF, set())):
        held = paper(election=replace(paper().election, kind=kind))
        answer = rules.fix(held, roll, names=names, today=DAY)
        assert isinstance(answer, Decision)
        (fixed,) = answer.facts
        assert isinstance(fixed, ElectionFixed)
        assert fixed.eligible == eligible


@pytest.mark.parametrize(
    ("present", "pack", "enough"), [(16, None, True), (15, None, False), (16, ELECTION_1990, False)]
)
def test_with_too_few_present_nothing_is_counted(present: int, pack: RulePack | None, enough: bool) -> None:
    election = paper().election if pack is None else replace(paper().election, pack=pack)
    held = paper(state=State.FIXED, expected=20, election=election)
    answer = rules.meet(held, present=present, issued=present, officers=OFFICERS, people=[ONE, TWO, THREE])
    if enough:
        assert isinstance(answer, Decision)
        assert isinstance(answer.facts[0], MeetingCounted)
    else:
        assert refused(answer) == "paper.no_quorum"


def test_no_candidate_counts() -> None:
    standing = (Candidate(id="A", member=TWO, name="候选A"), *paper().candidates[1:])
    held = paper(state=State.FIXED, expected=2, candidates=standing)
    assert (
        refused(rules.meet(held, present=2, issued=2, officers=OFFICERS, people=[ONE, TWO, THREE]))
        == "paper.officer_stands"
    )


def test_two_equal_counts_settle_it_by_the_rules() -> None:
    first = Entry(place=1, member=ONE, counted=count(16, 12, 8))
    answer = paper_counts.enter(counting(entries=(first,)), B, count(16, 12, 8))
    assert isinstance(answer, Decision)
    counted = answer.facts[-1]
    assert isinstance(counted, ElectionCounted)
    assert (counted.result.outcome, counted.result.elected, counted.result.need) == (Outcome.ELECTED, ("A", "B"), 11)


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (count(14, 12, 8, returned=17), ("returned", "valid", "A", "B", "C")),
        (count(14, 12, 9), ("C",)),
        (count(14, 12, 8, write_ins={"李四": 1}), ("李四",)),
    ],
)
def test_every_figure_in_which_two_counts_differ_is_named(other: PaperCount, where: tuple[str, ...]) -> None:
    first = Entry(place=1, member=ONE, counted=count(14, 12, 8))
    assert paper_counts.differences(first.counted, other) == where
    answer = paper_counts.enter(counting(entries=(first,)), B, other)
    assert isinstance(answer, Decision)
    assert not any(isinstance(fact, ElectionCounted) for fact in answer.facts)


@pytest.mark.parametrize(
    ("entered", "key"),
    [
        (count(14, 12, 8, void=1), None),
        (replace(count(16, 12, 8), returned=17), "paper.papers_off"),
        (count(18, 18, 18), "paper.too_many_votes"),
        (count(18, 18, 0, write_ins={"李四": 1}), "paper.too_many_votes"),
        (count(18, 17, 18, write_ins={"李四": 2}), "paper.too_many_written_in"),
        (count(10, 10, 10, write_ins={"候选A": 1}), "paper.written_in_twice"),
        (count(16, 12, -1), "paper.no_number"),
    ],
)
def test_a_count_that_does_not_add_up_is_made_again(entered: PaperCount, key: str | None) -> None:
    answer = paper_counts.enter(counting(), A, entered)
    assert (refused(answer) if isinstance(answer, Refusal) else None) == key


def test_more_papers_than_were_given_out_void_the_election_and_are_no_mistake() -> None:
    first = Entry(place=1, member=ONE, counted=count(16, 12, 8, returned=19))
    answer = paper_counts.enter(counting(entries=(first,)), B, count(16, 12, 8, returned=19))
    assert isinstance(answer, Decision)
    counted = answer.facts[-1]
    assert isinstance(counted, ElectionCounted)
    assert counted.result.outcome is Outcome.ELECTION_INVALID_RERUN


@pytest.mark.parametrize("state", [State.COUNTED, State.CERTIFIED])
def test_what_is_counted_is_not_voided_by_who_sees_the_result(state: State) -> None:
    assert refused(rules.void(paper(state=state), why="写错了")) == "paper.not_now"


def test_two_of_those_who_count_need_accounts_of_their_own() -> None:
    held = paper(state=State.FIXED, expected=3)
    for accounts in ((A, None, None), (A, A, A)):
        officers = [replace(one, account=account) for one, account in zip(OFFICERS, accounts, strict=True)]
        answer = rules.meet(held, present=3, issued=3, officers=officers, people=[ONE, TWO, THREE])
        assert refused(answer) == "paper.no_accounts"


def test_a_count_is_made_together_by_the_two_whose_counts_differ_until_the_other_agrees() -> None:
    first = Entry(place=1, member=ONE, counted=count(14, 12, 8))
    second = Entry(place=2, member=TWO, counted=count(14, 12, 9))
    held = counting(entries=(first, second))
    third = OFFICERS[2].account
    assert third is not None
    assert refused(paper_counts.enter(held, third, count(14, 12, 8))) == "paper.counted_already"
    made = paper_counts.enter(held, B, count(14, 12, 8))
    assert isinstance(made, Decision)
    together = counting(entries=(first, second, Entry(place=3, member=TWO, counted=count(14, 12, 8))))
    for by in (B, third):
        assert refused(paper_counts.agree(together, by)) == "paper.another_agrees"
    anew = paper_counts.enter(together, A, count(14, 12, 9))
    assert isinstance(anew, Decision)
    agreed = paper_counts.agree(together, A)
    assert isinstance(agreed, Decision)
    assert isinstance(agreed.facts[-1], ElectionCounted)
