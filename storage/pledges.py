"""Pledges: what was promised and by whom, and their history."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    select,
    update,
)

from content.identifiers import MemberId, OrganisationId, PledgeId, RoomId, UserId
from content.members import Member
from content.pledges import (
    REMINDED_BEFORE,
    Entry,
    Party,
    Pledge,
    PledgeChanged,
    PledgeClosed,
    PledgeMade,
    PledgeProgressed,
    PledgeReminded,
    PledgeTold,
    Sort,
    State,
)
from storage.members import member, members
from storage.organisations import organisation_closure, within
from storage.outbox import Kind, outbox
from storage.outbox import State as Pending
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

pledges = Table(
    "pledges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("party", String(10), nullable=False),
    Column("group_id", ForeignKey("organisations.id")),
    Column("person_id", ForeignKey("members.id")),
    Column("owner_id", ForeignKey("members.id"), index=True),
    Column("matter", String(100), nullable=False),
    Column("measure", String(300), nullable=False),
    Column("due", Date, nullable=False),
    Column("due_set", Date, nullable=False),
    Column("updated", Date, nullable=False),
    Column("state", String(10), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("reminded", Integer, nullable=False),
    Column("told_on", Date),
    Column("asked", Integer, nullable=False, server_default="0"),
    Column("review", String(300), nullable=False),
    Column("author", String(255), nullable=False),
    Column("made_at", Instant, nullable=False),
    UniqueConstraint("organisation_id", "number", name="uq_pledges_organisation_id_number"),
    Index("ix_pledges_state_due", "state", "due"),
)

pledge_entries = Table(
    "pledge_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pledge_id", ForeignKey("pledges.id"), nullable=False, index=True),
    Column("sort", String(10), nullable=False),
    Column("on", Date, nullable=False),
    Column("at", Instant, nullable=False),
    Column("note", String(200), nullable=False),
    Column("percent", Integer),
    Column("by_user", String(255)),
)


class Owned(Struct, frozen=True, kw_only=True):
    """A pledge with the account of its owner, who is on the roster."""

    pledge: Pledge
    owner: UserId


def _pledge(row: AnyRow) -> Pledge:
    return Pledge(
        id=row.id,
        organisation=row.organisation_id,
        number=row.number,
        party=Party(row.party),
        group=row.group_id,
        person=row.person_id,
        owner=row.owner_id,
        matter=row.matter,
        measure=row.measure,
        due=row.due,
        due_set=row.due_set,
        updated=row.updated,
        state=State(row.state),
        percent=row.percent,
        reminded=row.reminded,
        told_on=row.told_on,
        asked=row.asked,
        review=row.review,
    )


async def pledge(unit: Reading, id: PledgeId) -> Pledge | None:  # noqa: A002
    """Return a pledge."""
    row = await unit.first(select(pledges).where(pledges.c.id == id))
    return _pledge(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: PledgeId) -> Pledge | None:  # noqa: A002
    """Return a pledge, if it is at or below the roots."""
    row = await unit.first(select(pledges).where(pledges.c.id == id, within(pledges.c.organisation_id, roots)))
    return _pledge(row) if row else None


async def numbered(unit: Reading, organisation: OrganisationId, number: int) -> Pledge | None:
    """Return the pledge that its branch knows by a number."""
    own = pledges.c
    row = await unit.first(select(pledges).where(own.organisation_id == organisation, own.number == number))
    return _pledge(row) if row else None


async def of_branch(unit: Reading, organisation: OrganisationId, *, limit: int) -> tuple[Pledge, ...]:
    """Return the open pledges of one branch, the earliest due first."""
    own = pledges.c
    query = select(pledges).where(own.organisation_id == organisation, own.state == State.OPEN)
    return tuple(_pledge(row) for row in await unit.rows(query.order_by(own.due, own.number).limit(limit)))


async def owned_by(unit: Reading, owner: MemberId, *, limit: int) -> tuple[Pledge, ...]:
    """Return the open pledges of their branch to which a member sees, the earliest due first."""
    own = pledges.c
    query = select(pledges).join(members, members.c.id == own.owner_id)
    query = query.where(own.owner_id == owner, own.state == State.OPEN, sees_to_it())
    return tuple(_pledge(row) for row in await unit.rows(query.order_by(own.due, own.number).limit(limit)))


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Pledge, ...]:
    """Return the pledges at or below the roots, open ones first and the earliest due first, then the last closed."""
    own, where = pledges.c, within(pledges.c.organisation_id, roots)
    open_ = select(pledges).where(where, own.state == State.OPEN).order_by(own.due, own.number, own.id)
    found = [_pledge(row) for row in await unit.rows(open_.limit(limit))]
    rest = limit - len(found)
    if rest > 0:
        over = select(pledges).where(where, own.state != State.OPEN).order_by(own.due.desc(), own.number, own.id)
        found += [_pledge(row) for row in await unit.rows(over.limit(rest))]
    return tuple(found)


async def next_number(unit: Reading, organisation: OrganisationId) -> int:
    """Return the number that the next pledge of a branch has; numbers are never given twice."""
    query = select(func.max(pledges.c.number)).where(pledges.c.organisation_id == organisation)
    return int(await unit.value(query) or 0) + 1


async def number_overdue(unit: Reading, roots: Iterable[OrganisationId], today: Any) -> int:
    """Return how many open pledges at or below the roots are past their day."""
    where = (within(pledges.c.organisation_id, roots), pledges.c.state == State.OPEN, pledges.c.due < today)
    return int(await unit.value(select(func.count()).select_from(pledges).where(*where)) or 0)


async def history(unit: Reading, ids: Collection[PledgeId]) -> tuple[Entry, ...]:
    """Return the lines of the history of some pledges, the oldest first."""
    query = select(pledge_entries).where(pledge_entries.c.pledge_id.in_(list(ids)))
    return tuple(
        Entry(
            id=row.id,
            pledge=row.pledge_id,
            sort=Sort(row.sort),
            on=row.on,
            at=row.at,
            note=row.note,
            percent=row.percent,
            by=row.by_user,
        )
        for row in await unit.rows(query.order_by(pledge_entries.c.at, pledge_entries.c.id))
    )


async def last_note(unit: Reading, id: PledgeId, sort: Sort = Sort.PROGRESS) -> str:  # noqa: A002
    """Return what was said last of how far a pledge is, or in another sort of line; nothing where no words were."""
    own = pledge_entries.c
    query = select(own.note).where(own.pledge_id == id, own.sort == sort).order_by(own.at.desc(), own.id)
    return str(await unit.value(query.limit(1)) or "")


def sees_to_it() -> Any:
    """Return the condition that a member who owns a pledge is still on the roster of its branch."""
    path = organisation_closure.alias()
    there = path.c.ancestor_id == pledges.c.organisation_id, path.c.descendant_id == members.c.organisation_id
    return and_(members.c.left_at.is_(None), select(path.c.depth).where(*there).exists())


async def owner_of(unit: Reading, one: Pledge) -> Member | None:
    """Return who sees to a pledge, ``None`` where that is nobody, or somebody who is in its branch no longer."""
    query = select(members.c.id).join(pledges, pledges.c.owner_id == members.c.id)
    id = await unit.value(query.where(pledges.c.id == one.id, sees_to_it()))  # noqa: A001
    return await member(unit, id) if id is not None else None


async def left_behind(unit: Reading, owner: MemberId, number: int) -> Pledge | None:
    """Return the open pledge with a number that a member still owns in a branch where they are no longer."""
    own = pledges.c
    query = select(pledges).join(members, members.c.id == own.owner_id)
    where = (own.owner_id == owner, own.number == number, own.state == State.OPEN, ~sees_to_it())
    row = await unit.first(query.where(*where).order_by(own.made_at.desc(), own.id).limit(1))
    return _pledge(row) if row else None


async def to_remind(unit: Reading) -> tuple[Owned, ...]:
    """Return the open pledges that are due soon and not done, whose owner can be told and is still to be reminded."""
    day, own = unit.now.date(), pledges.c
    ahead = timedelta(days=max(REMINDED_BEFORE) + 1)
    query = (
        select(pledges, members.c.user_id)
        .join(members, members.c.id == own.owner_id)
        .where(
            own.state == State.OPEN,
            own.percent < 100,
            own.reminded < len(REMINDED_BEFORE),
            own.due.between(day - timedelta(days=1), day + ahead),
            members.c.user_id.is_not(None),
            sees_to_it(),
        )
        .order_by(own.id)
    )
    return tuple(Owned(pledge=_pledge(row), owner=row.user_id) for row in await unit.rows(query))


async def something_waits(unit: Reading, room: RoomId) -> bool:
    """Tell whether something is still to be said in a room: it counts on its burden only once it was."""
    waiting = (
        outbox.c.room_id == room,
        outbox.c.kind == Kind.SAY,
        outbox.c.state.in_([Pending.PENDING, Pending.LEASED]),
    )
    return await unit.value(select(outbox.c.id).where(*waiting).limit(1)) is not None


def _values(one: Pledge) -> dict[str, Any]:
    values = asdict(one)
    for name in ("organisation", "group", "person", "owner"):
        values[f"{name}_id"] = values.pop(name)
    return values


async def write_made(unit: Writing, fact: PledgeMade) -> None:
    """Keep a pledge."""
    await unit.add_missing(pledges, {**_values(fact.pledge), "author": fact.by, "made_at": fact.at})


async def write_stands(
    unit: Writing, fact: PledgeChanged | PledgeProgressed | PledgeClosed | PledgeTold | PledgeReminded
) -> None:
    """Keep how a pledge stands, and a line of its history."""
    one, values = fact.pledge, _values(fact.pledge)
    # How many questions it was asked is for those to say.
    del values["asked"]
    await unit.execute(update(pledges).where(pledges.c.id == one.id).values(**values))
    entry = getattr(fact, "entry", None)
    if isinstance(entry, Entry):
        values = asdict(entry)
        row = {"pledge_id": values.pop("pledge"), "by_user": values.pop("by"), **values}
        await unit.add_missing(pledge_entries, row)


async def forget_people(unit: Writing, ids: Collection[MemberId]) -> None:
    """Let a pledge be the organisation's without the person who made it or saw to it."""
    for column in (pledges.c.owner_id, pledges.c.person_id):
        await unit.execute(update(pledges).where(column.in_(list(ids))).values(**{column.name: None}))
