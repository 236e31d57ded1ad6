"""Elections and admissions whose papers are sealed in browsers: off until those above have consented in writing.

The regulation speaks of people who are present and mark a paper. So an election stays on paper unless a letter of those
above allows otherwise for it alone, which one person enters and another has seen too. In the room a vote then begins
once enough are there; at a distance it takes a letter of its own. What comes out of the box is taken over as the count
of the election, and the record names the letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from content.ballots import FEWEST, Admitted, Ballot, Elector, TellerRole, WriteIn
from content.ballots import State as BallotState
from content.decision import Decision, Fact, Refusal, Words, refused, words
from content.elections import Count, Election, Kind, Result, judge
from content.identifiers import BallotId, MemberId, OrganisationId, PaperElectionId, UserId
from content.paper_counts import attendance
from content.paper_elections import (
    LONGEST_REFERENCE,
    CountAgreed,
    CountEntered,
    ElectionCounted,
    Entry,
    MeetingCounted,
    Office,
    Officer,
    PaperCount,
    PaperElection,
    State,
    not_now,
)
from content.rule_packs import Purpose

RUNNING = (BallotState.DRAFT, BallotState.FROZEN, BallotState.OPEN, BallotState.CLOSED, BallotState.OPENED)
"""The states of a ballot for which its election waits."""
_OFFICES = {TellerRole.MONITOR: Office.MONITOR, TellerRole.COUNTER: Office.COUNTER}


class Way(StrEnum):
    """Where people vote: in the room, after it was seen who is there, or wherever they are."""

    ROOM = "room"
    REMOTE = "remote"


class Consent(Struct, frozen=True, kw_only=True):
    """The letter by which those above allow it for one election: who entered it, and who else has seen it."""

    way: Way
    reference: str
    dated: date
    recorded_by: UserId
    confirmed_by: UserId | None = None


class Electronic(Struct, frozen=True, kw_only=True):
    """What is known of an election that is not voted on paper; ``ballot`` is the secret ballot that is held for it.

    ``counted`` tells that the count of the election is the one that came out of it. ``names`` are those of whoever may
    be written in, as they were when it was prepared: what the roster calls somebody later changes no result.
    """

    paper: PaperElectionId
    consent: Consent
    ballot: BallotId | None = None
    counted: bool = False
    names: Mapping[MemberId, str] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Tell whether the letter was seen by two."""
        return self.consent.confirmed_by is not None


class ConsentRecorded(Fact, frozen=True, kw_only=True):
    """Somebody has entered the letter of those above, in the place of another."""

    paper: PaperElectionId
    organisation: OrganisationId
    consent: Consent


class ConsentConfirmed(Fact, frozen=True, kw_only=True):
    """Another has seen the letter too."""

    paper: PaperElectionId
    organisation: OrganisationId
    by: UserId


class PresenceMarked(Fact, frozen=True, kw_only=True):
    """Who has come into the room, and who was marked by mistake."""

    paper: PaperElectionId
    organisation: OrganisationId
    came: frozenset[MemberId]
    gone: frozenset[MemberId]


class ElectronicVotePrepared(Fact, frozen=True, kw_only=True):
    """The secret ballot was drafted by which this election is voted on; ``names`` are who may be written in."""

    paper: PaperElectionId
    organisation: OrganisationId
    ballot: BallotId
    names: Mapping[MemberId, str] = field(default_factory=dict)


class ElectronicVoteCounted(Fact, frozen=True, kw_only=True):
    """What came out of the secret ballot is the count of this election."""

    paper: PaperElectionId
    organisation: OrganisationId
    ballot: BallotId


# --- the letter -------------------------------------------------------------------------------------------------------


def record(paper: PaperElection, consent: Consent, *, ballot: Ballot | None, today: date) -> Decision | Refusal:
    """Enter the letter of those above, once the roll is fixed; it takes the place of another as long as nobody votes.

    ``ballot`` is the secret ballot that is held for the election.
    """
    if paper.state is not State.FIXED or paper.election.questions:
        return not_now(paper)
    if is_running(ballot):
        return refused("electronic.runs")
    reference = " ".join(consent.reference.split())
    if not 1 <= len(reference) <= LONGEST_REFERENCE:
        return refused("electronic.no_reference", field="reference", most=LONGEST_REFERENCE)
    if consent.dated > today:
        return refused("electronic.bad_day", field="dated")
    written = Consent(way=consent.way, reference=reference, dated=consent.dated, recorded_by=consent.recorded_by)
    return Decision(facts=(ConsentRecorded(paper=paper.id, organisation=paper.organisation, consent=written),))


def confirm(
    paper: PaperElection, known: Electronic | None, *, by: UserId, one_hand: Collection[UserId]
) -> Decision | Refusal:
    """Say that one has seen the letter; ``one_hand`` are those who count as one with who says so."""
    if paper.state is not State.FIXED or known is None or known.allowed:
        return not_now(paper)
    if known.consent.recorded_by in {by, *one_hand}:
        return refused("electronic.another_confirms")
    return Decision(facts=(ConsentConfirmed(paper=paper.id, organisation=paper.organisation, by=by),))


# --- in the room ------------------------------------------------------------------------------------------------------


def mark_present(
    paper: PaperElection,
    known: Electronic | None,
    roll: Sequence[Elector],
    *,
    came: Collection[MemberId],
    gone: Collection[MemberId],
    ballot: Ballot | None,
    opening: bool = False,
) -> Decision | Refusal:
    """Mark who is in the room, as long as the vote has not begun.

    ``opening`` tells that one organiser wants to open it and another has still to agree: both mean the same people.
    """
    if known is None or not known.allowed or known.consent.way is not Way.ROOM:
        return refused("electronic.no_consent")
    if paper.state is not State.FIXED or has_begun(ballot):
        return refused("electronic.begun")
    if opening:
        return refused("electronic.opening_waits")
    may = {one.member for one in roll if one.may_vote}
    if not {*came, *gone} <= may:
        return refused("electronic.not_on_roll")
    marked = PresenceMarked(
        paper=paper.id, organisation=paper.organisation, came=frozenset(came), gone=frozenset(gone) - frozenset(came)
    )
    return Decision(facts=(marked,))


def missing(paper: PaperElection, there: int) -> int:
    """Return how many have still to come before there can be a vote: for the quorum, and for its secrecy."""
    return max(paper.election.pack.quorum.least(paper.expected) - there, FEWEST - there, 0)


def headcount(paper: PaperElection, known: Electronic, there: int) -> Words:
    """Say how many are due, how many are there or can be reached, and how many are still missing."""
    still, way = missing(paper, there), known.consent.way
    key = f"electronic.still_missing_{way}" if still else f"electronic.enough_{way}"
    return words(key, expected=paper.expected, there=there, missing=still)


def admit(
    paper: PaperElection,
    known: Electronic | None,
    *,
    present: Collection[MemberId],
    reached: int,
    beyond_reach: Collection[MemberId] = (),
) -> Admitted | Refusal:
    """Say whom the vote is open to, if it may be open: with a letter seen by two, and enough who are there.

    In the room those who were marked are there; at a distance everyone on the roll, of whom ``reached`` have an account
    to which a link can be sent. Nobody counts as being there who is ``beyond_reach`` and could not vote.
    """
    if known is None or not known.allowed:
        return refused("electronic.no_consent")
    if paper.state is not State.FIXED:
        return not_now(paper)
    room = known.consent.way is Way.ROOM
    without = set(present) & set(beyond_reach)
    if room and without:
        return refused("electronic.beyond_reach", n=len(without))
    there = len(set(present)) if room else reached
    if missing(paper, there):
        return Refusal(words=headcount(paper, known, there))
    return Admitted(present=frozenset(present) if room else None)


def refuse_other_day(paper: PaperElection, known: Electronic | None, ballot: Ballot, now: datetime) -> Refusal | None:
    """Tell why a vote in the room does not open at a time: it is no vote in a meeting.

    It opens on the day of the meeting, or after it where the meeting was put off, and closes before that day is over.
    """
    if known is None or known.consent.way is not Way.ROOM:
        return None
    zone = ZoneInfo(ballot.timezone)
    today, closes = now.astimezone(zone).date(), ballot.closes_at.astimezone(zone).date()
    if today < paper.held_on:
        return refused("electronic.not_yet_the_day", day=paper.held_on.isoformat())
    return None if closes == today else refused("electronic.closes_another_day", day=today.isoformat())


# --- the vote ---------------------------------------------------------------------------------------------------------


def is_running(ballot: Ballot | None) -> bool:
    """Tell whether a vote is being prepared or held, so that the election waits for it."""
    return ballot is not None and ballot.state in RUNNING


def has_begun(ballot: Ballot | None) -> bool:
    """Tell whether votes are or were cast, so that nobody comes in or goes any more."""
    return ballot is not None and ballot.state not in (BallotState.DRAFT, BallotState.FROZEN, BallotState.VOID)


def refuse_while_voting(ballot: Ballot | None) -> Refusal | None:
    """Tell that an election is voted on electronically, so that nothing else is done with it."""
    return refused("electronic.runs") if is_running(ballot) else None


def election_of(paper: PaperElection) -> tuple[Election, WriteIn]:
    """Return what the secret ballot of an election is on, and whether others may be written in."""
    election = paper.election
    written = election.pack.purpose is Purpose.SEATS and election.kind is not Kind.RUNOFF
    eligible = None if written else frozenset[str]()
    return (
        Election(
            candidates=election.candidates,
            seats=election.seats,
            pack=election.pack,
            kind=election.kind,
            contested=election.contested,
            base=election.base,
            eligible=eligible,
        ),
        WriteIn.ROLL if written else WriteIn.NONE,
    )


def prepare(
    paper: PaperElection,
    known: Electronic | None,
    ballot: Ballot,
    *,
    before: Ballot | None,
    roll: Sequence[Elector],
    names: Mapping[MemberId, str],
) -> Decision | Refusal:
    """Let a secret ballot be the one by which an election is voted on.

    ``names`` are those of the people on the roll. What comes out is kept by name, so that those who may be written in
    must be told apart by theirs; from now on the names stay as they are.
    """
    if known is None or not known.allowed:
        return refused("electronic.no_consent")
    if paper.state is not State.FIXED:
        return not_now(paper)
    if is_running(before):
        return refused("electronic.runs")
    eligible: Mapping[MemberId, str] = {}
    if ballot.write_in is not WriteIn.NONE:
        standing = {one.member for one in paper.candidates if one.member is not None}
        eligible = {one.member: names[one.member] for one in roll if one.may_vote and one.member not in standing}
        called = Counter(eligible.values())
        called.update(one.name for one in paper.candidates)
        twice = sorted(name for name, number in called.items() if number > 1)
        if twice:
            return refused("electronic.same_names", name=twice[0])
    prepared = ElectronicVotePrepared(paper=paper.id, organisation=paper.organisation, ballot=ballot.id, names=eligible)
    return Decision(facts=(prepared,))


def take_over(
    paper: PaperElection, ballot: Ballot, result: Result | None, *, confirmed: Sequence[int], names: Mapping[str, str]
) -> tuple[Fact, ...]:
    """Return what the count of a secret ballot means for its election, none where nothing was counted.

    ``confirmed`` are the tellers who stand by it, ``names`` those of whoever may be written in.
    """
    if paper.state is not State.FIXED or result is None or result.tally is None:
        return ()
    assert result.valid is not None
    assert result.void is not None
    written: Counter[str] = Counter()
    for entry, number in result.write_ins.items():
        written[names.get(entry, entry)] += number
    figures, charged = ballot.attendance, {one.index: one for one in ballot.tellers}
    counted = PaperCount(
        returned=figures.returned,
        count=Count(valid=result.valid, void=result.void, tally=dict(result.tally), write_ins=dict(written)),
    )
    met = MeetingCounted(
        paper=paper.id,
        organisation=paper.organisation,
        present=figures.present,
        issued=figures.issued,
        officers=tuple(Officer(member=one.member, office=_OFFICES[one.role]) for one in ballot.tellers),
    )
    first, second = (charged[index].member for index in sorted(confirmed)[:2])
    entered = CountEntered(
        paper=paper.id, organisation=paper.organisation, entry=Entry(place=1, member=first, counted=counted)
    )
    agreed = CountAgreed(paper=paper.id, organisation=paper.organisation, place=1, by=second)
    there = attendance(replace(paper, present=met.present, issued=met.issued), counted)
    follows = judge(paper.election, there, lambda: counted.count)
    result_of = ElectionCounted(paper=paper.id, organisation=paper.organisation, result=follows)
    taken = ElectronicVoteCounted(paper=paper.id, organisation=paper.organisation, ballot=ballot.id)
    return met, entered, agreed, result_of, taken
