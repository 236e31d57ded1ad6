"""Counts a vote: quorum, margin, void ballots, write-ins, majority, ties and run-offs, in whole numbers only.

The figures and the ballots go in, the result comes out; it depends on nothing else. The order of the steps is part of
the rules: an evaluation ends at the first step that fails, and what lies behind it is not reckoned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from content.questions import Answers, Question, fits, publish
from content.rule_packs import ELECTION_2020, Base, Purpose, Rule, RulePack

NOBODY = "-"
"""What is counted in the place of a name that was written in and means nobody who can be chosen."""


class Mark(StrEnum):
    """What stands beside a name; no mark is an abstention."""

    YES = "Y"
    NO = "N"


class Kind(StrEnum):
    """What kind of ballot it is: in a run-off the tied stand again, and more votes win without a majority."""

    FORMAL = "formal"
    BYELECTION = "byelection"
    PRESELECTION = "preselection"
    RUNOFF = "runoff"


class Outcome(StrEnum):
    """How an evaluation ended."""

    MEETING_INVALID = "MEETING_INVALID"
    SETUP_INVALID = "SETUP_INVALID"
    ELECTION_INVALID_RERUN = "ELECTION_INVALID_RERUN"
    RECOUNT_NEEDED = "RECOUNT_NEEDED"
    RUNOFF = "RUNOFF"
    ELECTED = "ELECTED"
    UNFILLED = "UNFILLED"
    PASSED = "PASSED"
    NOT_PASSED = "NOT_PASSED"
    COUNTED = "COUNTED"


class Fault(StrEnum):
    """What can be wrong before any ballot is looked at."""

    MARGIN = "margin"
    NO_SEATS = "no_seats"
    NO_ELECTORS = "no_electors"
    ISSUED_OVER_PRESENT = "issued_over_present"
    PRESENT_OVER_EXPECTED = "present_over_expected"
    NEGATIVE = "negative"


class Flaw(Struct, frozen=True, kw_only=True):
    """Something wrong before any ballot is looked at, and the rule it offends.

    ``least`` is how many candidates the margin asks for, ``figure`` names the number that is negative.
    """

    fault: Fault
    rule: Rule
    least: int | None = None
    figure: str | None = None


class Election(Struct, frozen=True, kw_only=True):
    """What is voted on. ``base`` replaces that of the pack; ``eligible`` are who may be written in, ``None`` anyone.

    Where there are ``questions``, papers answer them and mark nobody; a question with the id of a candidate is about
    them, and ``by`` names the one by whose answers the others are broken down.
    """

    candidates: tuple[str, ...]
    seats: int
    pack: RulePack = ELECTION_2020
    kind: Kind = Kind.FORMAL
    contested: bool = True
    base: Base | None = None
    eligible: frozenset[str] | None = None
    questions: tuple[Question, ...] = ()
    by: str = ""


class Attendance(Struct, frozen=True, kw_only=True):
    """The figures of the meeting: 应到, 实到, 发出, 收回."""

    expected: int
    present: int
    issued: int
    returned: int


class Ballot(Struct, frozen=True, kw_only=True):
    """One paper: the marks beside names, and who was written in."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    write_ins: tuple[str, ...] = ()
    answers: Answers | None = None


class Pile(Struct, frozen=True, kw_only=True):
    """Ballots that are all alike; those that cannot be read are ``None`` and void."""

    ballot: Ballot | None
    copies: int = 1


class Votes(Struct, frozen=True, kw_only=True):
    """What one candidate got; the three add up to the valid ballots."""

    yes: int
    no: int
    abstained: int


class Count(Struct, frozen=True, kw_only=True):
    """What the ballots amount to; ``write_ins`` holds everyone who was written in, eligible or not."""

    valid: int
    void: int
    tally: Mapping[str, Votes]
    write_ins: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, Any] | None = None


class Result(Struct, frozen=True, kw_only=True):
    """What follows from the figures and the ballots. What lies behind the step that failed is ``None`` or empty.

    ``rules`` names for every number, by its field, the rule it was reckoned by. ``write_ins`` holds everyone who was
    written in, eligible or not. Names stand in alphabetical order, which says nothing about their votes.
    """

    outcome: Outcome
    quorum: bool
    quorum_need: int
    rules: Mapping[str, Rule]
    flaws: tuple[Flaw, ...] = ()
    valid: int | None = None
    void: int | None = None
    tally: Mapping[str, Votes] | None = None
    write_ins: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, Any] | None = None
    need: int | None = None
    elected: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    unfilled: int | None = None

    @property
    def ground(self) -> Rule:
        """Return the rule from which the outcome follows."""
        match self.outcome:
            case Outcome.MEETING_INVALID:
                return self.rules["quorum_need"]
            case Outcome.SETUP_INVALID:
                return self.flaws[0].rule
            case Outcome.ELECTION_INVALID_RERUN:
                return Rule.RETURNED
            case Outcome.RECOUNT_NEEDED:
                return Rule.RECONCILED
            case Outcome.RUNOFF:
                return self.rules["tied"]
            case Outcome.UNFILLED:
                return self.rules["unfilled"]
            case Outcome.ELECTED:
                return self.rules["elected"]
            case Outcome.PASSED | Outcome.NOT_PASSED | Outcome.COUNTED:
                return self.rules["need"]


def evaluate(election: Election, attendance: Attendance, piles: Iterable[Pile]) -> Result:
    """Return the result, step by step as far as it goes."""
    return judge(election, attendance, lambda: count(election, piles))


def judge(election: Election, attendance: Attendance, counted: Callable[[], Count]) -> Result:
    """Return the result of a count, step by step as far as it goes; ``counted`` is asked when its turn comes."""
    met, need = _quorum(election.pack, attendance)
    flaws = (*_set_up_flaws(election), *_electorate_flaws(attendance))
    so_far = Result(
        outcome=Outcome.MEETING_INVALID, quorum=met, quorum_need=need, rules=rules_behind(election), flaws=flaws
    )
    if not met:
        return so_far
    flaws = flaws or _figure_flaws(attendance)
    if flaws:
        return replace(so_far, outcome=Outcome.SETUP_INVALID, flaws=flaws)
    if attendance.returned > attendance.issued:
        return replace(so_far, outcome=Outcome.ELECTION_INVALID_RERUN)
    found = counted()
    so_far = replace(so_far, outcome=Outcome.RECOUNT_NEEDED, valid=found.valid, void=found.void)
    if found.valid + found.void != attendance.returned:
        return so_far
    whole = replace(so_far, tally=dict(found.tally), write_ins=dict(found.write_ins), answers=found.answers)
    return _decide(election, attendance, found, whole)


def rules_behind(election: Election) -> Mapping[str, Rule]:
    """Return for every number of a result, by its field, the rule it is reckoned by."""
    pack = election.pack
    majority = pack.preselection_rule if election.kind is Kind.PRESELECTION else pack.majority_rule
    decided = {
        "need": majority,
        "elected": Rule.RUNOFF if election.kind is Kind.RUNOFF else Rule.SEATS,
        "tied": Rule.RUNOFF,
        "unfilled": Rule.TOO_FEW,
    }
    paper, votes = (Rule.ANSWERS, majority) if election.questions else (Rule.BALLOT, Rule.MARKS)
    counted = {"valid": paper, "void": paper, "tally": votes, "write_ins": Rule.WRITE_INS}
    given = {"present": Rule.ELECTORS, "returned": Rule.RETURNED}
    return {"quorum_need": pack.quorum_rule, **given, **counted, **decided}


def run_off(election: Election, result: Result) -> Election:
    """Return the ballot that follows a tie: the tied alone, for the seats that are left, and nobody written in."""
    assert result.tied
    assert result.unfilled is not None
    return replace(
        election,
        candidates=result.tied,
        seats=result.unfilled,
        kind=Kind.RUNOFF,
        contested=False,
        eligible=frozenset(),
    )


def least_candidates(election: Election) -> int:
    """Return how many candidates the margin (差额) asks for; as many as there are seats where it asks for none."""
    margin = election.pack.margin
    first_ballot = election.kind in (Kind.FORMAL, Kind.BYELECTION)
    if margin is None or not election.contested or not first_ballot:
        return election.seats
    return election.seats + margin.least(election.seats)


def _quorum(pack: RulePack, attendance: Attendance) -> tuple[bool, int]:
    """Return whether enough are present, and how many that is; of nobody, nobody is not enough."""
    need = max(1, pack.quorum.least(attendance.expected))
    return attendance.present >= need, need


def _set_up_flaws(election: Election) -> Iterable[Flaw]:
    if election.seats < 1:
        yield Flaw(fault=Fault.NO_SEATS, rule=Rule.SEATS)
        return
    least = least_candidates(election)
    if least > election.seats and len(election.candidates) < least:
        yield Flaw(fault=Fault.MARGIN, rule=Rule.MARGIN, least=least)


def _electorate_flaws(attendance: Attendance) -> Iterable[Flaw]:
    if attendance.expected < 1:
        yield Flaw(fault=Fault.NO_ELECTORS, rule=Rule.ELECTORS)


def _figure_flaws(attendance: Attendance) -> tuple[Flaw, ...]:
    found = []
    if attendance.issued > attendance.present:
        found.append(Flaw(fault=Fault.ISSUED_OVER_PRESENT, rule=Rule.RETURNED))
    if attendance.present > attendance.expected:
        found.append(Flaw(fault=Fault.PRESENT_OVER_EXPECTED, rule=Rule.ELECTORS))
    for figure in ("issued", "returned"):
        if getattr(attendance, figure) < 0:
            found.append(Flaw(fault=Fault.NEGATIVE, rule=Rule.RETURNED, figure=figure))
    return tuple(found)


def count(election: Election, piles: Iterable[Pile]) -> Count:
    """Count ballots, pile by pile."""
    if election.questions:
        return _count_answers(election, piles)
    valid, void = 0, 0
    marks: Counter[tuple[str, Mark]] = Counter()
    write_ins: Counter[str] = Counter()
    for pile in piles:
        if pile.ballot is None or not is_valid(election, pile.ballot):
            void += pile.copies
            continue
        valid += pile.copies
        marks.update(dict.fromkeys(pile.ballot.marks.items(), pile.copies))
        write_ins.update(dict.fromkeys(pile.ballot.write_ins, pile.copies))
    tally = {}
    for name in election.candidates:
        yes, no = marks[name, Mark.YES], marks[name, Mark.NO]
        tally[name] = Votes(yes=yes, no=no, abstained=valid - yes - no)
    return Count(valid=valid, void=void, tally=tally, write_ins=dict(write_ins))


def _count_answers(election: Election, piles: Iterable[Pile]) -> Count:
    """Count papers that answer questions, and leave untold what must not be told of them."""
    valid: list[Answers] = []
    void = 0
    for pile in piles:
        if pile.ballot is None or not is_valid(election, pile.ballot):
            void += pile.copies
        else:
            valid += [pile.ballot.answers or {}] * pile.copies
    told = publish(election.questions, election.by, valid, least=election.pack.least_cell)
    return Count(valid=len(valid), void=void, tally={}, answers=told)


def _scores(election: Election, found: Count) -> dict[str, int]:
    """Return the votes of everyone who can be elected."""
    eligible = election.eligible
    written = {name: votes for name, votes in found.write_ins.items() if eligible is None or name in eligible}
    return {name: found.tally[name].yes for name in election.candidates} | written


def is_valid(election: Election, ballot: Ballot) -> bool:
    """Tell whether a ballot counts: no more persons chosen than seats, a write-in for each No at most.

    A name that does not stand on it, or one written in twice or beside its own line, cannot be meant.
    """
    if election.questions:
        return ballot.answers is not None and fits(election.questions, ballot.answers)
    if ballot.answers is not None:
        return False
    if not ballot.marks.keys() <= set(election.candidates):
        return False
    names = set(ballot.write_ins)
    if len(names) < len(ballot.write_ins) or names & set(election.candidates):
        return False
    marks = Counter(ballot.marks.values())
    picks = marks[Mark.YES] + len(ballot.write_ins)
    return picks <= election.seats and len(ballot.write_ins) <= marks[Mark.NO]


def _decide(election: Election, attendance: Attendance, found: Count, counted: Result) -> Result:
    """Say what the votes amount to, by what the pack is for."""
    pack = election.pack
    if pack.purpose is Purpose.REFERENCE:
        return replace(counted, outcome=Outcome.COUNTED)
    base = attendance.present if (election.base or pack.base) is Base.PRESENT else attendance.expected
    counted = replace(counted, need=pack.majority.least(base))
    scores = _scores(election, found)
    passing = {name: score for name, score in scores.items() if pack.majority.met(score, base)}
    if pack.purpose is Purpose.MOTION:
        return replace(counted, outcome=Outcome.PASSED if passing else Outcome.NOT_PASSED)
    elected, tied = _fill(scores if election.kind is Kind.RUNOFF else passing, election.seats)
    unfilled = election.seats - len(elected)
    outcome = Outcome.RUNOFF if tied else Outcome.UNFILLED if unfilled else Outcome.ELECTED
    return replace(counted, outcome=outcome, elected=elected, tied=tied, unfilled=unfilled)


def _fill(scores: Mapping[str, int], seats: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the seats by score; those who are equal at the last seat and do not all fit get none, and are tied."""
    if len(scores) <= seats:
        return tuple(sorted(scores)), ()
    last = sorted(scores.values(), reverse=True)[seats - 1]
    above = {name for name, score in scores.items() if score > last}
    at_the_line = {name for name, score in scores.items() if score == last}
    if len(above) + len(at_the_line) <= seats:
        return tuple(sorted(above | at_the_line)), ()
    return tuple(sorted(above)), tuple(sorted(at_the_line))
