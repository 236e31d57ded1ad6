"""Elections and admissions on paper: what is prepared, two counts made apart, and the record of them.

The branch votes by paper in a meeting. Here stands who may vote and why not, whom one may choose, the figures of the
meeting, and what each teller has counted; nothing is put right by the program, and nobody sees the other's figures
before their own stand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from content.ballots import LONGEST_NAME, LONGEST_TITLE, Candidate, Elector
from content.decision import Decision, Fact, Refusal, refused
from content.elections import Count, Election, Kind, Outcome, Result, least_candidates, run_off
from content.identifiers import MemberId, OrganisationId, PaperElectionId, UserId
from content.rule_packs import ADMISSION, COMMITTEE, ELECTION_1990, ELECTION_2020, Purpose, RulePack

OFFERED: tuple[RulePack, ...] = (ELECTION_2020, ELECTION_1990, COMMITTEE, ADMISSION)
"""By which rules one may vote on paper here."""

LONGEST_REFERENCE = 200
MOST_CANDIDATES = 60
FEWEST_OFFICERS = 2
MOST_PAPERS = 100_000


class State(StrEnum):
    """Where an election stands. There is no way back; what went wrong is another election."""

    DRAFT = "draft"
    FIXED = "fixed"
    COUNTING = "counting"
    COUNTED = "counted"
    CERTIFIED = "certified"
    REPORTED = "reported"
    APPROVED = "approved"
    VOID = "void"


class Office(StrEnum):
    """What somebody does at the count: 监票人 watch over it, 计票人 make it."""

    MONITOR = "monitor"
    COUNTER = "counter"


class Officer(Struct, frozen=True, kw_only=True):
    """Somebody whom the meeting has charged with the count, and the account from which they enter it, if any."""

    member: MemberId
    office: Office
    account: UserId | None = None


class PaperCount(Struct, frozen=True, kw_only=True):
    """What one teller has counted, in whole numbers; ``write_ins`` are those who were written in, by name."""

    returned: int
    count: Count


class Entry(Struct, frozen=True, kw_only=True):
    """A count that stands: the first and the second are made apart, those after them together."""

    place: int
    member: MemberId
    counted: PaperCount
    agreed: MemberId | None = None


class Decider(StrEnum):
    """Who may decide that a seat for which nobody got enough votes is left empty (R20)."""

    MEETING = "meeting"
    PRESIDIUM = "presidium"
    ABOVE = "above"


class LeftEmpty(Struct, frozen=True, kw_only=True):
    """The decision to leave seats empty: who took it, on record where, and of the meeting how many agreed."""

    by: Decider
    on: date
    reference: str
    agreed: int | None = None


class PaperElection(Struct, frozen=True, kw_only=True):
    """An election or an admission on paper; everything up to ``consent`` is fixed with the roll.

    ``consent`` names the letter by which those above agreed to the candidates, ``off_term`` the one by which they
    agreed to a day before or after the end of the term; ``expected`` is 应到会有选举权人数. ``chair`` presides over the
    meeting, and ``opinions`` is how many who were absent had handed in theirs in writing, which are never counted.
    """

    id: PaperElectionId
    organisation: OrganisationId
    title: str
    election: Election
    candidates: tuple[Candidate, ...]
    held_on: date
    consent: str = ""
    off_term: str = ""
    parent: PaperElectionId | None = None
    state: State = State.DRAFT
    chair: MemberId | None = None
    opinions: int | None = None
    expected: int = 0
    present: int | None = None
    issued: int | None = None
    officers: tuple[Officer, ...] = ()
    entries: tuple[Entry, ...] = ()
    left_empty: LeftEmpty | None = None
    certified_on: date | None = None
    reported_on: date | None = None
    report: str = ""
    approved_on: date | None = None
    approval: str = ""
    why_void: str = ""

    @property
    def names(self) -> Mapping[str, str]:
        """Return the names of the candidates by what they are called on paper."""
        return {one.id: one.name for one in self.candidates}


class ElectionPrepared(Fact, frozen=True, kw_only=True):
    """An election was written down, or written anew; nothing of it is fixed yet."""

    paper: PaperElection
    author: UserId


class ElectionFixed(Fact, frozen=True, kw_only=True):
    """What is voted on and who may vote are fixed; ``eligible`` are the names that may be written in."""

    paper: PaperElectionId
    organisation: OrganisationId
    roll: tuple[Elector, ...]
    eligible: frozenset[str]


class MeetingCounted(Fact, frozen=True, kw_only=True):
    """So many came, so many papers were given out, and these people were charged with the count."""

    paper: PaperElectionId
    organisation: OrganisationId
    present: int
    issued: int
    officers: tuple[Officer, ...]


class CountEntered(Fact, frozen=True, kw_only=True):
    """A teller has entered what they counted."""

    paper: PaperElectionId
    organisation: OrganisationId
    entry: Entry


class CountAgreed(Fact, frozen=True, kw_only=True):
    """Another teller agrees to the count that was made together."""

    paper: PaperElectionId
    organisation: OrganisationId
    place: int
    by: MemberId


class ElectionCounted(Fact, frozen=True, kw_only=True):
    """Two counts agree; this follows from them by the rules."""

    paper: PaperElectionId
    organisation: OrganisationId
    result: Result


class ElectionCertified(Fact, frozen=True, kw_only=True):
    """The result was announced in the meeting."""

    paper: PaperElectionId
    organisation: OrganisationId
    on: date


class ElectionReported(Fact, frozen=True, kw_only=True):
    """The result was reported to those above."""

    paper: PaperElectionId
    organisation: OrganisationId
    on: date
    reference: str


class ElectionApproved(Fact, frozen=True, kw_only=True):
    """Those above have answered."""

    paper: PaperElectionId
    organisation: OrganisationId
    on: date
    reference: str


class ElectionVoided(Fact, frozen=True, kw_only=True):
    """An election came to nothing; what was entered stays on record."""

    paper: PaperElectionId
    organisation: OrganisationId
    why: str


# --- before the meeting -----------------------------------------------------------------------------------------------


def prepare(paper: PaperElection, *, known: PaperElection | None, author: UserId) -> Decision | Refusal:
    """Write an election down, or anew as long as it is not fixed."""
    if known is not None and (known.state is not State.DRAFT or known.organisation != paper.organisation):
        return not_now(known)
    return _trouble(paper) or Decision(facts=(ElectionPrepared(paper=paper, author=author),))


def _trouble(paper: PaperElection) -> Refusal | None:
    election = paper.election
    if not 1 <= len(paper.title) <= LONGEST_TITLE:
        return refused("paper.no_title", field="title", most=LONGEST_TITLE)
    names = [one.name for one in paper.candidates]
    if not 1 <= len(names) <= MOST_CANDIDATES or len(set(names)) < len(names):
        return refused("paper.bad_candidates", field="candidates", most=MOST_CANDIDATES)
    if not all(1 <= len(name) <= LONGEST_NAME for name in names):
        return refused("paper.bad_candidates", field="candidates", most=MOST_CANDIDATES)
    if election.seats < 1:
        return refused("paper.no_seats", field="seats")
    if election.pack.purpose is Purpose.MOTION and (len(names), election.seats) != (1, 1):
        return refused("paper.one_at_a_time", field="candidates")
    least = least_candidates(election)
    if election.kind is not Kind.RUNOFF and len(names) < least:
        return refused("paper.too_few_candidates", field="candidates", least=least, seats=election.seats)
    for name, letter in (("consent", paper.consent), ("off_term", paper.off_term)):
        if len(letter) > LONGEST_REFERENCE:
            return refused("paper.long_reference", field=name, most=LONGEST_REFERENCE)
    return None


def fix(
    paper: PaperElection, roll: Sequence[Elector], *, names: Mapping[MemberId, str], today: date
) -> Decision | Refusal:
    """Fix what is voted on and who may vote.

    ``names`` are those of the people on the roll. In a run-off and an appraisal nobody is written in.
    """
    if paper.state is not State.DRAFT:
        return not_now(paper)
    trouble = _trouble(paper)
    if trouble is not None:
        return trouble
    may = [one.member for one in roll if one.may_vote]
    if not may:
        return refused("paper.nobody_may_vote")
    if paper.held_on < today:
        return refused("paper.held_before", field="held_on")
    nobody = paper.election.kind is Kind.RUNOFF or bool(paper.election.questions)
    written = frozenset[str]() if nobody else frozenset(names[one] for one in may)
    eligible = written - {one.name for one in paper.candidates}
    fixed = ElectionFixed(paper=paper.id, organisation=paper.organisation, roll=tuple(roll), eligible=eligible)
    return Decision(facts=(fixed,))


# --- in the meeting ---------------------------------------------------------------------------------------------------


def meet(
    paper: PaperElection,
    *,
    present: int,
    issued: int,
    officers: Sequence[Officer],
    people: Collection[MemberId],
    excused_alone: bool = False,
) -> Decision | Refusal:
    """Take the figures of the meeting, and who counts; ``people`` are the organisation's members.

    Nothing is counted where too few have come. ``excused_alone`` tells that who begins it has fixed a roll on which
    somebody is excused: fewer are then needed, and that takes two.
    """
    if paper.state is not State.FIXED:
        return not_now(paper)
    if excused_alone:
        return refused("paper.another_begins")
    if not 0 < present <= paper.expected:
        return refused("paper.bad_present", field="present", most=paper.expected)
    if not 0 < issued <= present:
        return refused("paper.bad_issued", field="issued", most=present)
    need = paper.election.pack.quorum.least(paper.expected)
    if present < need:
        return refused("paper.no_quorum", field="present", need=need, missing=need - present)
    named = {one.member for one in officers}
    if len(officers) < FEWEST_OFFICERS or len(named) < len(officers) or not named <= set(people):
        return refused("paper.bad_officers", field="officers", least=FEWEST_OFFICERS)
    # Everyone of a branch is graded, so that its tellers are too.
    if not paper.election.questions and named & {one.member for one in paper.candidates}:
        return refused("paper.officer_stands", field="officers")
    if len({one.account for one in officers if one.account is not None}) < FEWEST_OFFICERS:
        return refused("paper.no_accounts", field="officers", least=FEWEST_OFFICERS)
    if all(one.office is not Office.MONITOR for one in officers):
        return refused("paper.no_monitor", field="officers")
    counted = MeetingCounted(
        paper=paper.id, organisation=paper.organisation, present=present, issued=issued, officers=tuple(officers)
    )
    return Decision(facts=(counted,))


# --- after the meeting ------------------------------------------------------------------------------------------------


def certify(paper: PaperElection, *, on: date) -> Decision | Refusal:
    """Let a result stand as it was announced in the meeting."""
    if paper.state is not State.COUNTED:
        return not_now(paper)
    return Decision(facts=(ElectionCertified(paper=paper.id, organisation=paper.organisation, on=on),))


def report(paper: PaperElection, *, on: date, reference: str) -> Decision | Refusal:
    """Note that the result was reported to those above."""
    if paper.state is not State.CERTIFIED:
        return not_now(paper)
    said = reference_of(reference)
    if isinstance(said, Refusal):
        return said
    return Decision(facts=(ElectionReported(paper=paper.id, organisation=paper.organisation, on=on, reference=said),))


def approve(paper: PaperElection, *, on: date, reference: str) -> Decision | Refusal:
    """Note the answer of those above."""
    if paper.state is not State.REPORTED:
        return not_now(paper)
    said = reference_of(reference)
    if isinstance(said, Refusal):
        return said
    return Decision(facts=(ElectionApproved(paper=paper.id, organisation=paper.organisation, on=on, reference=said),))


def void(paper: PaperElection, *, why: str) -> Decision | Refusal:
    """Let an election come to nothing, with a reason. Once it is counted, those above decide what becomes of it."""
    if paper.state not in (State.DRAFT, State.FIXED, State.COUNTING):
        return not_now(paper)
    said = reference_of(why)
    if isinstance(said, Refusal):
        return said
    return Decision(facts=(ElectionVoided(paper=paper.id, organisation=paper.organisation, why=said),))


def follows(paper: PaperElection, result: Result) -> Election | None:
    """Return what is voted on next after a result that leaves seats empty: the tied alone, or the rest of the seats.

    ``None`` where nothing is left to vote on. For the rest of the seats candidates are found anew.
    """
    if paper.state not in (State.COUNTED, State.CERTIFIED):
        return None
    if result.outcome is Outcome.ELECTION_INVALID_RERUN:
        return paper.election
    if result.outcome is Outcome.RUNOFF:
        return run_off(paper.election, result)
    if result.outcome is Outcome.UNFILLED and result.unfilled and paper.left_empty is None:
        left = tuple(one for one in paper.election.candidates if one not in result.elected)
        return replace(paper.election, candidates=left, seats=result.unfilled, kind=Kind.BYELECTION)
    return None


def reference_of(text: str) -> str | Refusal:
    """Return the letter or the reason that was typed, unless it says nothing or too much."""
    said = " ".join(text.split())
    if not 1 <= len(said) <= LONGEST_REFERENCE:
        return refused("paper.no_reference", field="reference", most=LONGEST_REFERENCE)
    return said


def not_now(paper: PaperElection) -> Refusal:
    """Refuse a step that does not belong where an election stands."""
    return refused("paper.not_now", title=paper.title)
