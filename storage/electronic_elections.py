"""Elections that are voted on electronically: the letter that allows it, who is in the room, and the ballot held."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Select,
    String,
    Table,
    and_,
    false,
    func,
    or_,
    select,
    update,
)

from content.ballots import Ballot, BallotVoided, State
from content.electronic_elections import (
    RUNNING,
    Consent,
    ConsentConfirmed,
    ConsentRecorded,
    Electronic,
    ElectronicVoteCounted,
    ElectronicVotePrepared,
    PresenceMarked,
    Way,
)
from content.identifiers import BallotId, MemberId, PaperElectionId, UserId
from content.members import NOBODY
from storage import ballots, paper_elections
from storage.members import members
from storage.paper_elections import paper_roll
from storage.tables import metadata
from storage.unit import AnyRow, Reading, Writing

electronic_elections = Table(
    "electronic_elections",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("way", String(8), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("dated", Date, nullable=False),
    Column("recorded_by", String(255), nullable=False),
    Column("confirmed", Boolean, nullable=False, server_default=false()),
    Column("confirmed_by", String(255)),
    Column("ballot_id", ForeignKey("ballots.id"), index=True),
    Column("counted", Boolean, nullable=False, server_default=false()),
    Column("names", JSON),
)

election_presence = Table(
    "election_presence",
    metadata,
    Column("election_id", ForeignKey("paper_elections.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
)


async def of_election(unit: Reading, id: PaperElectionId) -> Electronic | None:  # noqa: A002
    """Return what is known of an election that is not voted on paper, ``None`` of one that is."""
    return _electronic(await unit.first(select(electronic_elections).where(electronic_elections.c.election_id == id)))


async def of_ballot(unit: Reading, id: BallotId) -> Electronic | None:  # noqa: A002
    """Return the election for which a secret ballot is held."""
    return _electronic(await unit.first(select(electronic_elections).where(electronic_elections.c.ballot_id == id)))


def _electronic(row: AnyRow | None) -> Electronic | None:
    if row is None:
        return None
    consent = Consent(
        way=Way(row.way),
        reference=row.reference,
        dated=row.dated,
        recorded_by=row.recorded_by,
        confirmed_by=UserId(row.confirmed_by or "") if row.confirmed else None,
    )
    return Electronic(
        paper=row.election_id, consent=consent, ballot=row.ballot_id, counted=row.counted, names=row.names or {}
    )


async def ballot_of(unit: Reading, known: Electronic | None) -> Ballot | None:
    """Return the secret ballot that is held for an election."""
    return await ballots.ballot(unit, known.ballot) if known is not None and known.ballot is not None else None


def voted_on_now() -> Select[tuple[str]]:
    """Return the query for the elections of which a secret ballot is being prepared or held."""
    running = ballots.ballots.c.state.in_(RUNNING)
    held = electronic_elections.join(ballots.ballots, ballots.ballots.c.id == electronic_elections.c.ballot_id)
    return select(electronic_elections.c.election_id).select_from(held).where(running)


async def present(unit: Reading, id: PaperElectionId) -> frozenset[MemberId]:  # noqa: A002
    """Return who has been marked as being in the room."""
    query = select(election_presence.c.member_id).where(election_presence.c.election_id == id)
    return frozenset(MemberId(row.member_id) for row in await unit.rows(query))


async def reached(unit: Reading, id: PaperElectionId) -> int:  # noqa: A002
    """Return how many of those who may vote have an account to which a link can be sent."""
    query = (
        select(func.count())
        .select_from(paper_roll.join(members, members.c.id == paper_roll.c.member_id))
        .where(
            paper_roll.c.election_id == id,
            paper_roll.c.may_vote,
            members.c.user_id.is_not(None),
            members.c.left_at.is_(None),
        )
    )
    return int(await unit.value(query) or 0)


async def beyond_reach(unit: Reading, id: PaperElectionId) -> frozenset[MemberId]:  # noqa: A002
    """Return who may vote by the roll and has no account to which a link can be sent, or has left."""
    query = (
        select(paper_roll.c.member_id)
        .join(members, members.c.id == paper_roll.c.member_id)
        .where(
            paper_roll.c.election_id == id,
            paper_roll.c.may_vote,
            or_(members.c.user_id.is_(None), members.c.left_at.is_not(None)),
        )
    )
    return frozenset(MemberId(row.member_id) for row in await unit.rows(query))


async def write_recorded(unit: Writing, fact: ConsentRecorded) -> None:
    """Keep the letter, in the place of another; nobody has confirmed this one, nor seen who is there under it."""
    await _empty_room(unit, fact.paper)
    one = fact.consent
    values = {
        "election_id": fact.paper,
        "way": one.way,
        "reference": one.reference,
        "dated": one.dated,
        "recorded_by": one.recorded_by,
        "confirmed": False,
        "confirmed_by": None,
    }
    await unit.put(electronic_elections, values, key=["election_id"])


async def write_confirmed(unit: Writing, fact: ConsentConfirmed) -> None:
    """Keep who else has seen the letter."""
    await _change(unit, fact.paper, confirmed=True, confirmed_by=fact.by)


async def write_marked(unit: Writing, fact: PresenceMarked) -> None:
    """Keep who is in the room."""
    held = election_presence.c
    anew = and_(held.election_id == fact.paper, held.member_id.in_(sorted(fact.came | fact.gone)))
    await unit.execute(election_presence.delete().where(anew))
    await unit.add(election_presence, [{"election_id": fact.paper, "member_id": one} for one in sorted(fact.came)])


async def write_prepared(unit: Writing, fact: ElectronicVotePrepared) -> None:
    """Keep by which secret ballot an election is voted on, and what those are called who may be written in.

    Who was there for one that was certified is not for this.
    """
    before = await ballot_of(unit, await of_election(unit, fact.paper))
    if before is not None and before.state is not State.VOID:
        await _empty_room(unit, fact.paper)
    await _change(unit, fact.paper, ballot_id=fact.ballot, names=dict(fact.names))
    if fact.names:
        await paper_elections.write_called(unit, fact.paper, fact.names.values())


async def write_voided(unit: Writing, fact: BallotVoided) -> None:
    """Forget who was in the room for a ballot that came to nothing: for another, people are looked for anew."""
    known = await of_ballot(unit, fact.ballot)
    if known is not None:
        await _empty_room(unit, known.paper)


async def write_counted(unit: Writing, fact: ElectronicVoteCounted) -> None:
    """Keep that the count of an election is the one that came out of its secret ballot."""
    await _change(unit, fact.paper, counted=True)


async def forget_names(unit: Writing, ids: Collection[MemberId]) -> frozenset[str]:
    """Take out the names of people who might have been written in, and return under which they were kept."""
    found: set[str] = set()
    listed = select(paper_roll.c.election_id).where(paper_roll.c.member_id.in_(list(ids)))
    for row in await unit.rows(select(electronic_elections).where(electronic_elections.c.election_id.in_(listed))):
        kept = row.names or {}
        found |= {name for one, name in kept.items() if one in ids}
        left = {one: NOBODY if one in ids else name for one, name in kept.items()}
        await _change(unit, PaperElectionId(row.election_id), names=left)
    return frozenset(found)


async def _empty_room(unit: Writing, id: PaperElectionId) -> None:  # noqa: A002
    await unit.execute(election_presence.delete().where(election_presence.c.election_id == id))


async def _change(unit: Writing, id: PaperElectionId, **values: Any) -> None:  # noqa: A002
    own = electronic_elections.c.election_id == id
    await unit.execute(update(electronic_elections).where(own).values(**values))
