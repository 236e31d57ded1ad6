"""The electronic votes that were prepared for an election, in their order, with the letter under which each was."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table, func, select, update

from content.ballots import BallotVoided, Voiding
from content.electronic_elections import ElectronicVotePrepared, Way
from content.electronic_votes import ElectronicVote
from content.identifiers import BallotId, PaperElectionId
from storage import ballots
from storage.electronic_elections import electronic_elections
from storage.tables import metadata
from storage.unit import Reading, Writing

electronic_votes = Table(
    "electronic_votes",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("ballot_id", ForeignKey("ballots.id"), nullable=False, unique=True),
    Column("way", String(8), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("dated", Date, nullable=False),
    Column("ended_on", Date),
)


async def of_election(unit: Reading, id: PaperElectionId) -> tuple[ElectronicVote, ...]:  # noqa: A002
    """Return every electronic vote that was prepared for an election, the first one first."""
    held, results = electronic_elections.c, ballots.ballot_results
    query = (
        select(
            electronic_votes,
            ballots.ballots.c.voided,
            results.c.result,
            results.c.opened_sha256,
            held.counted,
            held.ballot_id.label("last"),
        )
        .join(ballots.ballots, ballots.ballots.c.id == electronic_votes.c.ballot_id)
        .join(electronic_elections, held.election_id == electronic_votes.c.election_id)
        .outerjoin(results, results.c.ballot_id == electronic_votes.c.ballot_id)
        .where(electronic_votes.c.election_id == id)
    )
    found = []
    for row in await unit.rows(query.order_by(electronic_votes.c.place)):
        one = await ballots.ballot(unit, BallotId(row.ballot_id))
        assert one is not None
        found.append(
            ElectronicVote(
                place=row.place,
                ballot=one,
                way=Way(row.way),
                reference=row.reference,
                dated=row.dated,
                figures=row.result,
                opened_hash=row.opened_sha256,
                counted=row.counted and row.last == row.ballot_id,
                why=Voiding(row.voided) if row.voided else None,
                ended_on=row.ended_on,
            )
        )
    return tuple(found)


async def election_of(unit: Reading, ballot: BallotId) -> PaperElectionId | None:
    """Return the election for which a secret ballot was prepared, whether or not it is the last of them."""
    query = select(electronic_votes.c.election_id).where(electronic_votes.c.ballot_id == ballot)
    found = await unit.value(query)
    return None if found is None else PaperElectionId(found)


async def write_prepared(unit: Writing, fact: ElectronicVotePrepared) -> None:
    """Keep that a vote was prepared, under which letter."""
    held = await unit.first(select(electronic_elections).where(electronic_elections.c.election_id == fact.paper))
    if held is None:
        return
    earlier = select(func.count()).where(electronic_votes.c.election_id == fact.paper)
    values = {
        "election_id": fact.paper,
        "place": int(await unit.value(earlier) or 0) + 1,
        "ballot_id": fact.ballot,
        "way": held.way,
        "reference": held.reference,
        "dated": held.dated,
    }
    await unit.add_missing(electronic_votes, values)


async def write_voided(unit: Writing, fact: BallotVoided) -> None:
    """Keep the day on which a vote came to nothing."""
    own = electronic_votes.c.ballot_id == fact.ballot
    zone = await unit.value(select(ballots.ballots.c.timezone).where(ballots.ballots.c.id == fact.ballot))
    if zone is not None:
        day = unit.now.astimezone(ZoneInfo(zone)).date()
        await unit.execute(update(electronic_votes).where(own).values(ended_on=day))
