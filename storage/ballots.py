"""Secret ballots: what is voted on, the roll, the tellers, and one envelope for everyone who may vote.

Who voted and what was voted never stand side by side in the clear. The roll knows the person and the place in the box;
the box holds envelopes of one length and nothing else, from the first moment one for each place. Nothing here says when
somebody voted, or how often.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    bindparam,
    false,
    func,
    select,
    true,
    update,
)

from content.ballot_papers import receipts
from content.ballots import (
    Ballot,
    BallotArchived,
    BallotCast,
    BallotCertified,
    BallotClosed,
    BallotCounted,
    BallotDrafted,
    BallotFrozen,
    BallotOpened,
    BallotVoided,
    Elector,
    State,
    Teller,
    TellerRole,
    WriteIn,
)
from content.counts import figures
from content.election_cases import read_election, show_election
from content.elections import Count, Outcome, Result, Votes, judge
from content.identifiers import BallotId, MemberId, OrganisationId, RoomId
from content.rooms import Purpose
from content.tellers import CountConfirmed, OpeningAgreed, PossessionAsked, PossessionProven, ShareDestroyed
from storage import rooms, standing
from storage.organisations import within
from storage.prepared import Prepared
from storage.restores import last_restore
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

ballots = Table(
    "ballots",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("parent_id", ForeignKey("ballots.id")),
    Column("title", String(200), nullable=False),
    Column("election", JSON, nullable=False),
    Column("write_in", String(8), nullable=False),
    Column("server_seal", Boolean, nullable=False, server_default=false()),
    Column("needed", Integer, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("closes_at", Instant, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("told_at", Instant),
    Column("voided", String(10)),
    Column("expected", Integer, nullable=False),
    Column("present", Integer),
    Column("issued", Integer),
    Column("turnout", Integer),
    Column("flag", String(24)),
    Column("decided_on", Date),
    Column("roll_sha256", String(64), nullable=False),
    Column("manifest_sha256", String(64)),
    Column("set_sha256", String(64)),
    Column("closed_early", String(200), nullable=False, server_default=""),
)

ballot_candidates = standing.candidates_table(
    "ballot_candidates", Column("ballot_id", ForeignKey("ballots.id"), primary_key=True)
)

ballot_tellers = Table(
    "ballot_tellers",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("role", String(8), nullable=False),
    Column("share_key", LargeBinary, nullable=False),
    Column("asked_hash", String(64)),
    Column("proven", Boolean, nullable=False),
    Column("agreed", Boolean, nullable=False, server_default=false()),
    Column("confirmed", Boolean, nullable=False, server_default=false()),
    Column("destroyed_on", Date),
)

# Without row numbers, in which the order of casting could be read.
ballot_roll = standing.roll_table(
    "ballot_roll",
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("issued", Boolean, nullable=False, server_default=false()),
    Column("slot", String(32), unique=True),
    Column("voted", Boolean, nullable=False),
    Column("present", Boolean, nullable=False, server_default=true()),
    sqlite_with_rowid=False,
)

ballot_envelopes = Table(
    "ballot_envelopes",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("slot", String(32), primary_key=True),
    Column("box", LargeBinary, nullable=False),
    CheckConstraint("length(box) % 512 = 48", name="length"),
    sqlite_with_rowid=False,
)

ballot_receipts = Table(
    "ballot_receipts",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("receipt", String(64), primary_key=True),
    sqlite_with_rowid=False,
)

ballot_results = Table(
    "ballot_results",
    metadata,
    Column("ballot_id", ForeignKey("ballots.id"), primary_key=True),
    Column("result", JSON, nullable=False),
    Column("opened_sha256", String(64), nullable=False),
)


async def ballot(unit: Reading, id: BallotId) -> Ballot | None:  # noqa: A002
    """Return a ballot."""
    row = await unit.first(select(ballots).where(ballots.c.id == id))
    if row is None:
        return None
    return Ballot(
        id=row.id,
        organisation=row.organisation_id,
        parent=row.parent_id,
        title=row.title,
        election=read_election(row.election),
        candidates=await standing.candidates(unit, ballot_candidates, id),
        tellers=await _tellers(unit, id),
        needed=row.needed,
        key=bytes(row.public_key),
        closes_at=row.closes_at,
        timezone=row.timezone,
        write_in=WriteIn(row.write_in),
        server_seal=row.server_seal,
        state=State(row.state),
        roll_hash=row.roll_sha256,
        expected=row.expected,
        manifest_hash=row.manifest_sha256,
        told_at=row.told_at,
        present=row.present,
        issued=row.issued,
        turnout=row.turnout,
        set_hash=row.set_sha256,
        closed_early=row.closed_early,
        flag=Outcome(row.flag) if row.flag else None,
        decided_on=row.decided_on,
    )


async def _tellers(unit: Reading, ballot: BallotId) -> tuple[Teller, ...]:
    query = select(ballot_tellers).where(ballot_tellers.c.ballot_id == ballot)
    return tuple(
        Teller(
            index=row.number,
            member=row.member_id,
            role=TellerRole(row.role),
            share_key=bytes(row.share_key),
            asked=row.asked_hash,
            proven=row.proven,
            agreed=row.agreed,
            confirmed=row.confirmed,
            destroyed_on=row.destroyed_on,
        )
        for row in await unit.rows(query.order_by(ballot_tellers.c.number))
    )


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: BallotId) -> Ballot | None:  # noqa: A002
    """Return a ballot, if it stands at or below the roots."""
    found = await unit.first(select(ballots.c.id).where(ballots.c.id == id, within(ballots.c.organisation_id, roots)))
    return await ballot(unit, id) if found else None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Ballot, ...]:
    """Return the ballots at or below the roots, the last to close first."""
    query = select(ballots.c.id).where(within(ballots.c.organisation_id, roots))
    rows = await unit.rows(query.order_by(ballots.c.closes_at.desc(), ballots.c.id).limit(limit))
    found = [await ballot(unit, BallotId(row.id)) for row in rows]
    return tuple(one for one in found if one is not None)


_OVER = Prepared(
    select(ballots.c.id)
    .where(ballots.c.state == State.OPEN, ballots.c.closes_at <= bindparam("now", type_=Instant))
    .order_by(ballots.c.closes_at, ballots.c.id)
)


async def over(unit: Reading, now: datetime) -> tuple[BallotId, ...]:
    """Return the open ballots whose time is over."""
    return tuple(BallotId(row.id) for row in await unit.rows(_OVER, {"now": now}))


async def put_back(unit: Reading) -> tuple[BallotId, ...]:
    """Return the open ballots that were open already when the database was put back from a backup."""
    query = select(ballots.c.id).where(ballots.c.state == State.OPEN, ballots.c.told_at < last_restore())
    return tuple(BallotId(row.id) for row in await unit.rows(query.order_by(ballots.c.id)))


_OPENED = Prepared(
    select(ballots.c.id).where(ballots.c.state == State.OPEN).order_by(ballots.c.closes_at, ballots.c.id)
)


async def opened(unit: Reading) -> tuple[Ballot, ...]:
    """Return the ballots in which votes may be cast."""
    found = [await ballot(unit, BallotId(row.id)) for row in await unit.rows(_OPENED)]
    return tuple(one for one in found if one is not None)


async def open_to(unit: Reading, member: MemberId) -> tuple[Ballot, ...]:
    """Return the ballots in which a member may vote now."""
    own = select(ballot_roll.c.ballot_id).where(ballot_roll.c.member_id == member, _electors())
    mine = {row.ballot_id for row in await unit.rows(own)}
    return tuple(one for one in await opened(unit) if one.id in mine and unit.now < one.closes_at)


async def roll(unit: Reading, ballot: BallotId) -> tuple[Elector, ...]:
    """Return everyone on the roll, by name of their entry, which says nothing about whether they voted."""
    return await standing.roll(unit, ballot_roll, ballot)


async def elector(unit: Reading, ballot: BallotId, member: MemberId) -> Elector | None:
    """Return a member's place on the roll."""
    row = await unit.first(
        select(ballot_roll).where(ballot_roll.c.ballot_id == ballot, ballot_roll.c.member_id == member)
    )
    return None if row is None else replace(standing.as_elector(row), present=row.present)


async def is_copied(unit: Reading, ballot: BallotId, member: MemberId, box: bytes) -> bool:
    """Tell whether another place in the box holds this very envelope."""
    own = select(ballot_roll.c.slot).where(ballot_roll.c.ballot_id == ballot, ballot_roll.c.member_id == member)
    query = select(ballot_envelopes.c.slot).where(
        ballot_envelopes.c.ballot_id == ballot,
        ballot_envelopes.c.box == box,
        ballot_envelopes.c.slot != own.scalar_subquery(),
    )
    return await unit.first(query) is not None


async def cast_by(unit: Reading, ballot: BallotId, member: MemberId) -> bytes | None:
    """Return the envelope of who has voted, which only they are given the receipt of."""
    query = (
        select(ballot_envelopes.c.box)
        .join(
            ballot_roll,
            and_(
                ballot_roll.c.ballot_id == ballot_envelopes.c.ballot_id, ballot_roll.c.slot == ballot_envelopes.c.slot
            ),
        )
        .where(ballot_roll.c.ballot_id == ballot, ballot_roll.c.member_id == member, ballot_roll.c.voted)
    )
    box = await unit.value(query)
    return None if box is None else bytes(box)


async def turnout(unit: Reading, ballot: BallotId) -> int:
    """Return how many have voted; it is counted when it is asked for, and kept nowhere before the close."""
    query = select(func.count()).where(ballot_roll.c.ballot_id == ballot, ballot_roll.c.voted)
    return int(await unit.value(query) or 0)


async def issued(unit: Reading, ballot: BallotId) -> int:
    """Return how many were sent a link."""
    query = select(func.count()).where(ballot_roll.c.ballot_id == ballot, ballot_roll.c.issued)
    return int(await unit.value(query) or 0)


async def silent(unit: Reading, ballot: BallotId) -> tuple[MemberId, ...]:
    """Return who may vote and has not, for the reminder that goes to each of them and for nobody's eyes."""
    query = select(ballot_roll.c.member_id).where(ballot_roll.c.ballot_id == ballot, _electors(), ~ballot_roll.c.voted)
    return tuple(MemberId(row.member_id) for row in await unit.rows(query.order_by(ballot_roll.c.member_id)))


async def without_link(unit: Reading, ballot: BallotId) -> tuple[MemberId, ...]:
    """Return who may vote and was never sent a link; none of them can have voted."""
    query = select(ballot_roll.c.member_id).where(ballot_roll.c.ballot_id == ballot, _electors(), ~ballot_roll.c.issued)
    return tuple(MemberId(row.member_id) for row in await unit.rows(query.order_by(ballot_roll.c.member_id)))


def _electors() -> ColumnElement[bool]:
    """Return who may cast a vote: who has one, and is there where that is asked for."""
    return and_(ballot_roll.c.may_vote, ballot_roll.c.present)


async def boxes(unit: Reading, ballot: BallotId) -> tuple[bytes, ...]:
    """Return all envelopes of a ballot, without the places in which they lie."""
    rows = await unit.rows(select(ballot_envelopes.c.box).where(ballot_envelopes.c.ballot_id == ballot))
    return tuple(sorted(bytes(row.box) for row in rows))


async def listed(unit: Reading, ballot: BallotId) -> tuple[str, ...]:
    """Return the receipts of all envelopes, in their order."""
    return receipts(await boxes(unit, ballot))


async def published(unit: Reading, ballot: BallotId) -> tuple[str, ...]:
    """Return the receipts that were published at the close, in their order."""
    query = select(ballot_receipts.c.receipt).where(ballot_receipts.c.ballot_id == ballot)
    return tuple(row.receipt for row in await unit.rows(query.order_by(ballot_receipts.c.receipt)))


async def result(unit: Reading, ballot: BallotId) -> dict[str, Any] | None:
    """Return the figures of a counted ballot, each with its rule."""
    found: dict[str, Any] | None = await unit.value(
        select(ballot_results.c.result).where(ballot_results.c.ballot_id == ballot)
    )
    return found


async def judged(unit: Reading, ballot: Ballot) -> Result | None:
    """Return what follows from the figures that were kept, by the rules; ``None`` where nothing is counted."""
    kept = await result(unit, ballot.id)
    if kept is None or "tally" not in kept:
        return None
    tally = {name: Votes(yes=yes, no=no, abstained=none) for name, (yes, no, none) in kept["tally"].items()}
    found = Count(valid=kept["valid"], void=kept["void"], tally=tally, write_ins=kept.get("writein", {}))
    return judge(ballot.election, ballot.attendance, lambda: found)


async def opened_hash(unit: Reading, ballot: BallotId) -> str:
    """Return the hash of the papers that were opened."""
    found = await unit.value(select(ballot_results.c.opened_sha256).where(ballot_results.c.ballot_id == ballot))
    return str(found or "")


async def voters_rooms(unit: Reading, ballot: Ballot) -> tuple[tuple[RoomId, OrganisationId], ...]:
    """Return the branch rooms of those who vote, as far as they can be reached."""
    found = await rooms.rooms_of(unit, [ballot.organisation])
    return tuple((one.id, one.organisation) for one, lost in found if lost is None and one.purpose is Purpose.BRANCH)


async def write_drafted(unit: Writing, fact: BallotDrafted) -> None:
    """Keep a draft."""
    one = fact.ballot
    await unit.add(
        ballots,
        {
            "id": one.id,
            "organisation_id": one.organisation,
            "parent_id": one.parent,
            "title": one.title,
            "election": show_election(one.election),
            "write_in": one.write_in,
            "server_seal": one.server_seal,
            "needed": one.needed,
            "public_key": one.key,
            "closes_at": one.closes_at,
            "timezone": one.timezone,
            "state": State.DRAFT,
            "expected": 0,
            "roll_sha256": "",
        },
    )
    await standing.keep_candidates(unit, ballot_candidates, one.id, one.candidates)
    await unit.add(
        ballot_tellers,
        [
            {
                "ballot_id": one.id,
                "number": each.index,
                "member_id": each.member,
                "role": each.role,
                "share_key": each.share_key,
                "proven": False,
            }
            for each in one.tellers
        ],
    )


async def write_frozen(unit: Writing, fact: BallotFrozen) -> None:
    """Fix a ballot, and give everyone who may vote a place in the box with an empty envelope in it."""
    slots = iter(fact.slots)
    await unit.add(
        ballot_roll,
        [
            standing.on_roll(ballot_roll, fact.ballot, one)
            | {"slot": next(slots) if one.may_vote else None, "voted": False}
            for one in fact.roll
        ],
    )
    await unit.add(
        ballot_envelopes,
        [
            {"ballot_id": fact.ballot, "slot": slot, "box": box}
            for slot, box in sorted(zip(fact.slots, fact.boxes, strict=True))
        ],
    )
    voted_on = await unit.value(select(ballots.c.election).where(ballots.c.id == fact.ballot))
    await _change(unit, fact.ballot, election={**voted_on, "eligible_writeins": sorted(fact.eligible)})
    await _change(
        unit,
        fact.ballot,
        state=State.FROZEN,
        expected=len(fact.slots),
        roll_sha256=fact.roll_hash,
        manifest_sha256=fact.manifest_hash,
    )


async def write_asked(unit: Writing, fact: PossessionAsked) -> None:
    """Remember what a teller was asked, by its hash."""
    await _change_teller(unit, fact.ballot, fact.index, asked_hash=fact.asked)


async def write_proven(unit: Writing, fact: PossessionProven) -> None:
    """Remember that a teller proved to hold their share."""
    await _change_teller(unit, fact.ballot, fact.index, proven=True, asked_hash=None)


async def write_agreed(unit: Writing, fact: OpeningAgreed) -> None:
    """Remember that a teller wants the box opened."""
    await _change_teller(unit, fact.ballot, fact.index, agreed=True)


async def write_confirmed(unit: Writing, fact: CountConfirmed) -> None:
    """Remember that a teller stands by the count."""
    await _change_teller(unit, fact.ballot, fact.index, confirmed=True)


async def write_opened(unit: Writing, fact: BallotOpened) -> None:
    """Let votes be cast, in a meeting by those alone who are there."""
    if fact.present is not None:
        away = and_(ballot_roll.c.ballot_id == fact.ballot, ballot_roll.c.member_id.not_in(sorted(fact.present)))
        await unit.execute(update(ballot_roll).where(away).values(present=False))
    there = None if fact.present is None else len(fact.present)
    await _change(unit, fact.ballot, state=State.OPEN, told_at=unit.now, present=there)


async def write_cast(unit: Writing, fact: BallotCast) -> None:
    """Put an envelope in the place of the one before. Raises LookupError for who has no place."""
    own = and_(ballot_roll.c.ballot_id == fact.ballot, ballot_roll.c.member_id == fact.member)
    place = select(ballot_roll.c.slot).where(own, _electors()).scalar_subquery()
    put = update(ballot_envelopes).where(ballot_envelopes.c.ballot_id == fact.ballot, ballot_envelopes.c.slot == place)
    if await unit.execute(put.values(box=fact.box)) != 1:
        raise LookupError("no place in the box")
    await unit.execute(update(ballot_roll).where(own, ~ballot_roll.c.voted).values(voted=True))


async def write_closed(unit: Writing, fact: BallotClosed) -> None:
    """Fix how many have voted, and the set that can be opened, with the list of its envelopes."""
    await _change(
        unit,
        fact.ballot,
        state=State.CLOSED,
        turnout=fact.turnout,
        issued=fact.issued,
        set_sha256=fact.set_hash,
        closed_early=fact.reason,
    )
    await unit.add(ballot_receipts, [{"ballot_id": fact.ballot, "receipt": one} for one in fact.listed])


async def write_counted(unit: Writing, fact: BallotCounted) -> None:
    """Keep the totals; what was opened is kept elsewhere, and not in any database."""
    recount = fact.result.outcome is Outcome.RECOUNT_NEEDED
    anew = update(ballot_tellers).where(ballot_tellers.c.ballot_id == fact.ballot)
    await unit.execute(anew.values(confirmed=False))
    await _change(unit, fact.ballot, state=State.OPENED, flag=fact.result.outcome if recount else None)
    values = {"ballot_id": fact.ballot, "result": figures(fact.result), "opened_sha256": fact.opened_hash}
    await unit.put(ballot_results, values, key=["ballot_id"])


async def write_certified(unit: Writing, fact: BallotCertified) -> None:
    """Let a result stand."""
    await _change(unit, fact.ballot, state=State.CERTIFIED, decided_on=fact.on)


async def write_voided(unit: Writing, fact: BallotVoided) -> None:
    """End a ballot that came to nothing, and destroy its envelopes."""
    await _destroy(unit, fact.ballot)
    await _change(unit, fact.ballot, state=State.VOID, voided=fact.why)


async def write_share_destroyed(unit: Writing, fact: ShareDestroyed) -> None:
    """Remember that a teller has destroyed their share."""
    await _change_teller(unit, fact.ballot, fact.index, destroyed_on=fact.on)


async def write_archived(unit: Writing, fact: BallotArchived) -> None:
    """Destroy the envelopes of a ballot that is over for good."""
    await _destroy(unit, fact.ballot)
    await _change(unit, fact.ballot, state=State.ARCHIVED)


async def _destroy(unit: Writing, ballot: BallotId) -> None:
    """Remove envelopes and places; who asks sees to it that the write-ahead log forgets them too."""
    await unit.execute(ballot_envelopes.delete().where(ballot_envelopes.c.ballot_id == ballot))
    await unit.execute(update(ballot_roll).where(ballot_roll.c.ballot_id == ballot).values(slot=None))


async def _change(unit: Writing, ballot: BallotId, **values: Any) -> None:
    await unit.execute(update(ballots).where(ballots.c.id == ballot).values(**values))


async def _change_teller(unit: Writing, ballot: BallotId, index: int, **values: Any) -> None:
    own = and_(ballot_tellers.c.ballot_id == ballot, ballot_tellers.c.number == index)
    await unit.execute(update(ballot_tellers).where(own).values(**values))
