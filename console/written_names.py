"""Who may be written in on a secret ballot, by the names under which a page offers them."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from content.ballots import Ballot
from content.identifiers import MemberId
from content.strokes import by_strokes
from storage import electronic_elections, members
from storage.unit import Reading


async def may_be_written_in(unit: Reading, ballot: Ballot) -> tuple[tuple[str, str], ...]:
    """Return the entries of who may be written in, with their names; who shares one is told by their post."""
    held_for = await electronic_elections.of_ballot(unit, ballot.id)
    kept = held_for.names if held_for is not None else {}
    known = await members.by_ids(unit, [MemberId(one) for one in sorted(ballot.election.eligible or ())])
    people = [replace(one, name=kept.get(one.id, one.name)) for one in known]
    alike = Counter(one.name for one in people)
    found = [(one.id, f"{one.name} {one.post}".strip() if alike[one.name] > 1 else one.name) for one in people]
    return tuple(sorted(found, key=lambda one: (by_strokes(one[1]), one[0])))
