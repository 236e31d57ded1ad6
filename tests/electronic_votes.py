"""An election that is voted on electronically, for tests: its letter was seen by two, and its vote is drafted."""

from __future__ import annotations

from content import electronic_elections as rules
from content.ballots import Admitted, Candidate, WriteIn
from content.elections import Election
from content.electronic_elections import Consent, ConsentConfirmed, ConsentRecorded, ElectronicVotePrepared, Way
from content.identifiers import OrganisationId, PaperElectionId, UserId
from content.paper_elections import ElectionFixed, ElectionPrepared, PaperElection
from storage import electronic_elections, paper_elections
from storage.store import Store
from storage.unit import Reading
from tests.sealed_ballots import ID, draft, roll
from tests.small_branch import EAST, NOON, SECRETARY

PAPER = PaperElectionId("held")
VOTERS = [one.member for one in roll()]
CALLED = {one: f"同志{one}" for one in VOTERS}
VOTED_ON = Election(candidates=("a", "b"), seats=1, contested=False)
STANDING = (Candidate(id="a", member=None, name="候选人甲"), Candidate(id="b", member=None, name="候选人乙"))


async def prepare(
    store: Store, way: Way = Way.ROOM, *, organisation: OrganisationId = EAST, **of_ballot: object
) -> None:
    """Fix an election, have its letter seen by two, and draft the vote."""
    held = PaperElection(
        id=PAPER, organisation=organisation, title="换届", election=VOTED_ON, candidates=STANDING, held_on=NOON.date()
    )
    letter = Consent(way=way, reference="矿委〔2026〕8号", dated=NOON.date(), recorded_by=SECRETARY)
    await draft(store, organisation=organisation, election=VOTED_ON, write_in=WriteIn.ROLL, **of_ballot)
    at = {"paper": PAPER, "organisation": organisation}
    await store.settle(
        notes=[
            ElectionPrepared(paper=held, author=SECRETARY),
            ElectionFixed(**at, roll=roll(), eligible=frozenset(VOTERS)),
            ConsentRecorded(**at, consent=letter),
            ConsentConfirmed(**at, by=UserId("@second:test")),
            ElectronicVotePrepared(**at, ballot=ID, names=CALLED),
        ]
    )


async def admitted(store: Store) -> Admitted:
    """Return whom the vote is open to, by who was marked."""

    async def read(unit: Reading) -> Admitted:
        known, held = await electronic_elections.of_ballot(unit, ID), await paper_elections.paper(unit, PAPER)
        assert held is not None
        found = rules.admit(
            held,
            known,
            present=await electronic_elections.present(unit, PAPER),
            reached=await electronic_elections.reached(unit, PAPER),
        )
        assert isinstance(found, Admitted), found
        return found

    return await store.read(read)
