"""What is noted of the meeting of an election, as it is kept."""

from __future__ import annotations

from msgspec.structs import replace

from content.ballots import BallotClosed
from content.election_meetings import MeetingNoted, SeatsLeftEmpty
from content.electronic_elections import Way
from content.paper_elections import Decider, ElectionPrepared, LeftEmpty
from storage import electronic_votes, paper_elections
from tests.electronic_votes import PAPER, VOTERS, admitted, prepare
from tests.sealed_ballots import ID, open_voting
from tests.small_branch import EAST, NOON, SECRETARY, SmallBranch

AT = {"paper": PAPER, "organisation": EAST}


async def test_what_was_noted_last_stands(branch: SmallBranch) -> None:
    store = branch.store
    await prepare(store)
    decided = LeftEmpty(by=Decider.MEETING, on=NOON.date(), reference="会议记录", agreed=4)
    first = MeetingNoted(**AT, chair=VOTERS[0], opinions=2)
    await store.settle(notes=[first, MeetingNoted(**AT, chair=VOTERS[1], opinions=None)])
    await store.settle(notes=[SeatsLeftEmpty(**AT, decided=decided)])
    held = await store.read(lambda unit: paper_elections.paper(unit, PAPER))
    assert held is not None
    assert (held.chair, held.opinions, held.left_empty) == (VOTERS[1], None, decided)
    lettered = replace(held, off_term="矿委〔2026〕2号")
    await store.settle(notes=[ElectionPrepared(paper=lettered, author=SECRETARY)])
    again = await store.read(lambda unit: paper_elections.paper(unit, PAPER))
    assert again is not None
    assert (again.off_term, again.chair) == ("矿委〔2026〕2号", VOTERS[1]), "to write it anew forgets nothing of it"


async def test_why_a_vote_was_closed_early_stays_with_its_election(branch: SmallBranch) -> None:
    """The proposal of it is forgotten after a year, the record of an election is not."""
    store = branch.store
    await prepare(store, Way.REMOTE)
    await open_voting(store, await admitted(store))
    closed = BallotClosed(ballot=ID, turnout=5, issued=6, set_hash="s" * 64, listed=(), reason="到会的都投完了")
    await store.settle(notes=[closed])
    (vote,) = await store.read(lambda unit: electronic_votes.of_election(unit, PAPER))
    assert vote.ballot.closed_early == "到会的都投完了"
