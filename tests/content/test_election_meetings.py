"""What an election puts on record beside its figures: who presides, written opinions, seats that stay empty."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from content import election_meetings as rules
from content.decision import Decision, Refusal
from content.election_meetings import MeetingNoted, SeatsLeftEmpty
from content.elections import Attendance, Count, Election, Outcome, Result, Votes, judge
from content.identifiers import MemberId
from content.paper_elections import Decider, LeftEmpty, PaperElection, State, follows
from content.rule_packs import ADMISSION
from tests.content.test_paper_elections import ONE, TWO, paper, refused

DAY = date(2027, 3, 1)
PEOPLE = {ONE, TWO}


def counted(*yes: int, **more: object) -> tuple[PaperElection, Result]:
    """Return an election of eighteen who came, and what follows from these Yes votes for A, B and C."""
    values: dict[str, object] = {"state": State.COUNTED, "expected": 20, "present": 18, "issued": 18}
    held = paper(**values | more)  # type: ignore[arg-type]
    tally = {name: Votes(yes=one, no=18 - one, abstained=0) for name, one in zip("ABC", yes, strict=True)}
    figures = Attendance(expected=20, present=18, issued=18, returned=18)
    return held, judge(held.election, figures, lambda: Count(valid=18, void=0, tally=tally))


def decide(held: PaperElection, result: Result, **more: object) -> Decision | Refusal:
    values: dict[str, object] = {"by": Decider.MEETING, "on": DAY, "today": DAY, "reference": "会议记录", "agreed": 10}
    return rules.leave_empty(held, result, **values | more)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(State))
def test_who_presides_is_noted_until_the_result_is_announced(state: State) -> None:
    """R10."""
    answer = rules.note_meeting(paper(state=state), chair=ONE, opinions=None, people=PEOPLE)
    over = {State.CERTIFIED, State.REPORTED, State.APPROVED, State.VOID}
    assert isinstance(answer, Refusal) is (state in over)


def test_who_presides_is_of_this_organisation() -> None:
    assert refused(rules.note_meeting(paper(), chair=MemberId("x"), opinions=None, people=PEOPLE)) == (
        "paper.unknown_chair"
    )


@pytest.mark.parametrize(("number", "taken"), [(-1, False), (0, True), (2, True), (3, False)])
def test_opinions_in_writing_are_noted_of_an_admission(number: int, taken: bool) -> None:
    """R26: a number on record that no count knows of."""
    admission = paper(election=Election(candidates=("A",), seats=1, pack=ADMISSION))
    answer = rules.note_meeting(admission, chair=None, opinions=number, people=PEOPLE)
    if taken:
        assert isinstance(answer, Decision)
        (noted,) = answer.facts
        assert isinstance(noted, MeetingNoted)
        assert noted.opinions == number
    else:
        assert refused(answer) == "paper.bad_opinions"
    assert refused(rules.note_meeting(paper(), chair=None, opinions=1, people=PEOPLE)) == "paper.bad_opinions"


@pytest.mark.parametrize(("agreed", "enough"), [(9, False), (10, True), (18, True), (19, False), (None, False)])
def test_the_meeting_leaves_a_seat_empty_by_more_than_half_of_those_who_came(agreed: int | None, enough: bool) -> None:
    """R20."""
    held, result = counted(16, 5, 3)
    assert result.outcome is Outcome.UNFILLED
    answer = decide(held, result, agreed=agreed)
    if enough:
        assert isinstance(answer, Decision)
        (fact,) = answer.facts
        assert isinstance(fact, SeatsLeftEmpty)
        assert fact.decided == LeftEmpty(by=Decider.MEETING, on=DAY, reference="会议记录", agreed=agreed)
    else:
        assert refused(answer) == "paper.not_enough_agree"


@pytest.mark.parametrize("by", [Decider.PRESIDIUM, Decider.ABOVE])
def test_others_decide_it_by_what_is_written(by: Decider) -> None:
    """R20."""
    held, result = counted(16, 5, 3)
    assert refused(decide(held, result, by=by, reference=" ")) == "paper.no_reference"
    answer = decide(held, result, by=by, agreed=-1)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, SeatsLeftEmpty)
    assert fact.decided.agreed is None


def test_only_a_seat_for_which_nobody_got_enough_is_left_empty_and_once() -> None:
    """R20: where nobody was elected, or all were, there is nothing to decide; nor is a tie settled by it."""
    for yes in ((5, 4, 3), (16, 15, 3), (16, 14, 14)):
        assert refused(decide(*counted(*yes))) == "paper.not_now"
    held, result = counted(16, 5, 3)
    for state in (State.COUNTING, State.REPORTED, State.VOID):
        assert refused(decide(replace(held, state=state), result)) == "paper.not_now"
    done = replace(held, left_empty=LeftEmpty(by=Decider.ABOVE, on=DAY, reference="9号"))
    assert refused(decide(done, result)) == "paper.not_now"


@pytest.mark.parametrize(("on", "taken"), [(-1, False), (0, True), (7, True), (8, False), (None, False)])
def test_the_decision_is_on_record_under_the_day_on_which_it_was_taken(on: int | None, taken: bool) -> None:
    """R20: from the meeting on, and up to the day on which it is typed."""
    day = None if on is None else DAY + timedelta(days=on)
    answer = decide(*counted(16, 5, 3), on=day, today=DAY + timedelta(days=7))
    if taken:
        assert isinstance(answer, Decision)
        (fact,) = answer.facts
        assert isinstance(fact, SeatsLeftEmpty)
        assert fact.decided.on == day
    else:
        assert refused(answer) == "paper.bad_day_decided"


def test_seats_that_are_voted_on_again_are_not_left_empty() -> None:
    """R20: it is one or the other."""
    assert refused(decide(*counted(16, 5, 3), following="另行选举")) == "paper.seats_voted_on"


def test_after_the_decision_no_separate_election_follows() -> None:
    """R20."""
    held, result = counted(16, 5, 3)
    assert follows(held, result) is not None
    done = replace(held, left_empty=LeftEmpty(by=Decider.ABOVE, on=DAY, reference="9号"))
    assert follows(done, result) is None
