"""What stands beside an election on its page and papers: its roll and names, what followed, and who votes."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from console.access import here
from console.desk import ask
from console.people import veiled
from content.ballots import Ballot, Elector
from content.election_advice import Around, term_before
from content.elections import Result
from content.electronic_elections import Electronic
from content.electronic_votes import ElectronicVote
from content.franchise import FULL, roll_of
from content.identifiers import MemberId
from content.organisations import Kind as Place
from content.paper_elections import PaperElection, State
from content.views import Filter
from storage import electronic_elections, electronic_votes, members, terms
from storage import paper_elections as stored
from storage.unit import Reading


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of an election shows beside it: its roll, names, and what followed.

    ``held`` is the consent to vote electronically, ``sealed`` the secret ballot by which that was done or is,
    ``votes`` every one that was prepared, ``around`` what is known of who votes.
    """

    roll: tuple[Elector, ...]
    names: dict[MemberId, str]
    result: Result | None
    held: Electronic | None
    sealed: Ballot | None
    votes: tuple[ElectronicVote, ...]
    around: Around


async def _seen(unit: Reading, paper: PaperElection, kind: Place) -> Seen:
    if paper.state is State.DRAFT:
        people = await members.roster(unit, [paper.organisation])
        roll = roll_of(people, paper.held_on)
    else:
        roll = await stored.roll(unit, paper.id)
    known = {one.member for one in roll} | {one.member for one in paper.officers}
    known |= {paper.chair} if paper.chair else set()
    names = {one.id: one.name for one in await members.by_ids(unit, known)}
    held = await electronic_elections.of_election(unit, paper.id)
    sealed = await electronic_elections.ballot_of(unit, held)
    votes = await electronic_votes.of_election(unit, paper.id)
    around = await _around(unit, paper, kind)
    return Seen(
        roll=roll, names=names, result=stored.result(paper), held=held, sealed=sealed, votes=votes, around=around
    )


async def _around(unit: Reading, paper: PaperElection, kind: Place) -> Around:
    """Return what is known of who votes; how many they are is asked for before the meeting alone."""
    term = term_before(paper, await terms.of_node(unit, paper.organisation))
    if paper.state not in (State.DRAFT, State.FIXED):
        return Around(kind=kind, full=0, everyone=0, term=term)
    full, _ = await members.count(unit, [paper.organisation], wanted=Filter(category=FULL))
    everyone, _ = await members.count(unit, [paper.organisation])
    return Around(kind=kind, full=full, everyone=everyone, term=term)


def look(paper: PaperElection) -> Seen:
    """Return what stands beside an election, without the rows of people whom this person may not see."""
    node = here().node(paper.organisation)
    kind = node.kind if node else Place.BRANCH
    seen = ask(lambda unit: _seen(unit, paper, kind))
    return replace(seen, roll=veiled(seen.roll, paper.organisation))
