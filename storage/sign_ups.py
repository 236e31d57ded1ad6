"""Sign-ups, who stands on them, and which message named whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, bindparam, select, update

from content.chains import folded
from content.identifiers import ActivityId, EventId, MemberId, OrganisationId, RoomId, SignUpId, UserId
from content.members import NOBODY, Member
from content.rooms import Purpose
from content.sign_up_sheets import (
    GONE,
    Claim,
    EntriesWithdrawn,
    Entry,
    EntryRuled,
    MessageTakenBack,
    Sheet,
    SignedUp,
    SignUp,
    SignUpClosed,
    SignUpOpened,
    State,
)
from content.sign_ups import KEPT
from content.upkeep import belonging
from storage.members import members
from storage.organisations import organisation, organisation_closure, within
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

sign_ups = Table(
    "sign_ups",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("room_id", String(255), nullable=False),
    Column("activity_id", String(32), index=True),
    Column("title", String(60), nullable=False),
    Column("places", Integer),
    Column("state", String(10), nullable=False),
    Column("author", String(255), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closes_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("people", Integer),
    Index("ix_sign_ups_room_state", "room_id", "state"),
    Index("ix_sign_ups_state_closes_at", "state", "closes_at"),
)

sign_up_entries = Table(
    "sign_up_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sign_up_id", ForeignKey("sign_ups.id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("name", String(120), nullable=False),
    Column("note", String(40), nullable=False),
    Column("brings", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("said_by", String(255)),
    Column("withdrawn", Boolean, nullable=False),
    Column("withdrawn_by", String(255)),
    Column("returned", Boolean, nullable=False),
    Column("by_hand", Boolean, nullable=False),
    Column("why", String(100), nullable=False),
)

sign_up_claims = Table(
    "sign_up_claims",
    metadata,
    Column("sign_up_id", ForeignKey("sign_ups.id"), primary_key=True),
    Column("event_id", String(255), primary_key=True, index=True),
    Column("entry_id", String(32), primary_key=True),
    Column("sender", String(255), nullable=False),
    Column("line", Integer, nullable=False, server_default="0"),
)


def _sign_up(row: AnyRow) -> SignUp:
    return SignUp(
        id=row.id,
        organisation=row.organisation_id,
        room=row.room_id,
        title=row.title,
        closes_at=row.closes_at,
        places=row.places,
        activity=row.activity_id,
        state=State(row.state),
        people=row.people,
    )


def _entry(row: AnyRow) -> Entry:
    return Entry(
        id=row.id,
        name=row.name,
        at=row.at,
        number=row.number,
        member=row.member_id,
        note=row.note,
        brings=row.brings,
        by=row.said_by,
        withdrawn=row.withdrawn,
        withdrawn_by=row.withdrawn_by,
        returned=row.returned,
        by_hand=row.by_hand,
        why=row.why,
    )


def _said(row: AnyRow) -> Claim:
    return Claim(event=row.event_id, sender=row.sender, entry=row.entry_id, line=row.line)


async def sign_up(unit: Reading, id: SignUpId) -> SignUp | None:  # noqa: A002
    """Return a sign-up."""
    row = await unit.first(select(sign_ups).where(sign_ups.c.id == id))
    return _sign_up(row) if row else None


async def of_activity(unit: Reading, activity: ActivityId) -> SignUp | None:
    """Return the sign-up for an activity."""
    row = await unit.first(select(sign_ups).where(sign_ups.c.activity_id == activity))
    return _sign_up(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: SignUpId) -> SignUp | None:  # noqa: A002
    """Return a sign-up, if it stands at or below the roots."""
    row = await unit.first(select(sign_ups).where(sign_ups.c.id == id, within(sign_ups.c.organisation_id, roots)))
    return _sign_up(row) if row else None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[SignUp, ...]:
    """Return the sign-ups at or below the roots, newest first."""
    query = select(sign_ups).where(within(sign_ups.c.organisation_id, roots))
    rows = await unit.rows(query.order_by(sign_ups.c.opened_at.desc(), sign_ups.c.id).limit(limit))
    return tuple(_sign_up(row) for row in rows)


async def open_in(unit: Reading, room: RoomId) -> tuple[SignUp, ...]:
    """Return the sign-ups that are open in a room, oldest first."""
    query = select(sign_ups).where(sign_ups.c.room_id == room, sign_ups.c.state == State.OPEN)
    return tuple(_sign_up(row) for row in await unit.rows(query.order_by(sign_ups.c.opened_at, sign_ups.c.id)))


async def open_for(unit: Reading, member: Member) -> tuple[SignUp, ...]:
    """Return the sign-ups that are open to a member where they stand, or above, oldest first.

    These are those of the rooms in which they belong by the roster, and any on which they were put down themself.
    """
    above = select(organisation_closure.c.ancestor_id).where(
        organisation_closure.c.descendant_id == member.organisation
    )
    own = select(sign_up_entries.c.id).where(
        sign_up_entries.c.sign_up_id == sign_ups.c.id, sign_up_entries.c.member_id == member.id
    )
    query = (
        select(sign_ups, rooms.c.purpose, own.exists().label("named"))
        .outerjoin(rooms, rooms.c.id == sign_ups.c.room_id)
        .where(sign_ups.c.state == State.OPEN, sign_ups.c.organisation_id.in_(above))
        .order_by(sign_ups.c.opened_at, sign_ups.c.id)
    )
    return tuple([_sign_up(row) for row in await unit.rows(query) if row.named or await _belongs(unit, row, member)])


async def _belongs(unit: Reading, row: AnyRow, member: Member) -> bool:
    node = await organisation(unit, row.organisation_id) if row.purpose is not None else None
    return node is not None and bool(belonging(Purpose(row.purpose), node, [member], ()))


async def asks(unit: Reading, one: SignUp, member: Member) -> bool:
    """Tell whether a member stands where a sign-up is for."""
    path = select(organisation_closure.c.depth).where(
        organisation_closure.c.ancestor_id == one.organisation,
        organisation_closure.c.descendant_id == member.organisation,
    )
    return await unit.first(path) is not None


_OVER = Prepared(
    select(sign_ups.c.id)
    .where(sign_ups.c.state == State.OPEN, sign_ups.c.closes_at <= bindparam("now", type_=Instant))
    .order_by(sign_ups.c.closes_at, sign_ups.c.id)
)


async def over(unit: Reading, now: datetime) -> tuple[SignUpId, ...]:
    """Return the open sign-ups whose time is over."""
    return tuple(SignUpId(row.id) for row in await unit.rows(_OVER, {"now": now}))


async def named_by(unit: Reading, event: EventId) -> tuple[SignUpId, ...]:
    """Return the sign-ups on which a message has named somebody."""
    query = select(sign_up_claims.c.sign_up_id).where(sign_up_claims.c.event_id == event).distinct()
    rows = await unit.rows(query.order_by(sign_up_claims.c.sign_up_id))
    return tuple(SignUpId(row.sign_up_id) for row in rows)


async def sheet(unit: Reading, one: SignUp) -> Sheet:
    """Return a sign-up with all that was said of it."""
    entries = await unit.rows(select(sign_up_entries).where(sign_up_entries.c.sign_up_id == one.id))
    claims = await unit.rows(select(sign_up_claims).where(sign_up_claims.c.sign_up_id == one.id))
    accounts = (
        select(members.c.id, members.c.user_id)
        .join(sign_up_entries, sign_up_entries.c.member_id == members.c.id)
        .where(sign_up_entries.c.sign_up_id == one.id, members.c.user_id.is_not(None))
    )
    return Sheet(
        sign_up=one,
        entries={row.id: _entry(row) for row in entries},
        claims=frozenset(
            Claim(event=row.event_id, sender=row.sender, entry=row.entry_id, line=row.line) for row in claims
        ),
        users={MemberId(row.id): UserId(row.user_id) for row in await unit.rows(accounts)},
    )


async def known(unit: Reading, one: SignUp, names: Iterable[str]) -> dict[str, tuple[MemberId, ...]]:
    """Return who is called so, of those who stand where a sign-up is for; by names as they are compared."""
    wanted = frozenset(names)
    return await _called(unit, one, wanted.__contains__) if wanted else {}


async def known_in(unit: Reading, one: SignUp, text: str) -> dict[str, tuple[MemberId, ...]]:
    """Return whose names stand in a text, of those who stand where a sign-up is for; by names as they are compared."""
    within_text = folded(text)
    return await _called(unit, one, lambda name: bool(name) and name in within_text) if within_text else {}


async def _called(unit: Reading, one: SignUp, wanted: Callable[[str], bool]) -> dict[str, tuple[MemberId, ...]]:
    query = select(members.c.id, members.c.name).where(
        within(members.c.organisation_id, [one.organisation]), members.c.left_at.is_(None)
    )
    found: dict[str, tuple[MemberId, ...]] = {}
    for row in await unit.rows(query.order_by(members.c.id)):
        name = folded(row.name)
        if wanted(name):
            found[name] = (*found.get(name, ()), MemberId(row.id))
    return found


async def names_of(unit: Reading, sheet: Sheet) -> Mapping[UserId, str]:
    """Return what those are called who named others."""
    users = {one.by for one in sheet.entries.values() if one.by is not None}
    rows = await unit.rows(select(members.c.user_id, members.c.name).where(members.c.user_id.in_(sorted(users))))
    return {UserId(row.user_id): str(row.name) for row in rows}


async def write_opened(unit: Writing, fact: SignUpOpened) -> None:
    """Keep a sign-up."""
    one = fact.sign_up
    await unit.add_missing(
        sign_ups,
        {
            "id": one.id,
            "organisation_id": one.organisation,
            "room_id": one.room,
            "activity_id": one.activity,
            "title": one.title,
            "places": one.places,
            "state": one.state,
            "author": fact.author,
            "opened_at": fact.at,
            "closes_at": one.closes_at,
        },
    )


async def write_said(unit: Writing, fact: SignedUp) -> None:
    """Keep whom a message names."""
    await _put(unit, fact.sign_up, fact.entries)
    for one in fact.claims:
        await _claim(unit, fact.sign_up, one)


async def write_taken_back(unit: Writing, fact: MessageTakenBack) -> None:
    """Forget whom a message named, and those whom no other names; that it was taken back is kept."""
    own = (sign_up_claims.c.sign_up_id == fact.sign_up, sign_up_claims.c.event_id == fact.event)
    await unit.execute(sign_up_claims.delete().where(*own))
    await _claim(unit, fact.sign_up, Claim(event=fact.event, sender=fact.sender, entry=GONE))
    if fact.gone:
        await unit.execute(sign_up_entries.delete().where(sign_up_entries.c.id.in_(fact.gone)))
    await _put(unit, fact.sign_up, fact.withdrawn)


async def write_entries(unit: Writing, fact: EntriesWithdrawn | EntryRuled) -> None:
    """Keep how people stand; what was said of those who are off counts no more."""
    await _put(unit, fact.sign_up, fact.entries)
    off = [one.id for one in fact.entries if one.withdrawn]
    if off:
        theirs = (sign_up_claims.c.sign_up_id == fact.sign_up, sign_up_claims.c.entry_id.in_(off))
        await unit.execute(sign_up_claims.delete().where(*theirs))


async def write_closed(unit: Writing, fact: SignUpClosed) -> None:
    """Close a sign-up with the number of those who come."""
    values = {"state": State.CLOSED, "closed_at": fact.at, "people": fact.people}
    await unit.execute(update(sign_ups).where(sign_ups.c.id == fact.sign_up).values(**values))


async def _put(unit: Writing, sign_up: SignUpId, entries: Iterable[Entry]) -> None:
    for one in entries:
        values = asdict(one)
        row = {"sign_up_id": sign_up, "member_id": values.pop("member"), "said_by": values.pop("by"), **values}
        await unit.put(sign_up_entries, row, key=["id"])


async def _claim(unit: Writing, sign_up: SignUpId, one: Claim) -> None:
    row = {"sign_up_id": sign_up, "event_id": one.event, "entry_id": one.entry, "sender": one.sender, "line": one.line}
    await unit.put(sign_up_claims, row, key=["sign_up_id", "event_id", "entry_id"])


async def forget_typed(unit: Writing, names: Iterable[str]) -> None:
    """Put nobody in the place of people who are erased, where others typed their names."""
    wanted = {folded(name) for name in names}
    typed = select(sign_up_entries.c.id, sign_up_entries.c.name).where(sign_up_entries.c.member_id.is_(None))
    found = sorted(row.id for row in await unit.rows(typed) if folded(row.name) in wanted)
    theirs = sign_up_entries.c.id.in_(found)
    await unit.execute(update(sign_up_entries).where(theirs).values(name=NOBODY, note="", why=""))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who had signed up for what is over long ago; how many they were stays."""
    old = select(sign_ups.c.id).where(sign_ups.c.state == State.CLOSED, sign_ups.c.closed_at < now - KEPT)
    await unit.execute(sign_up_entries.delete().where(sign_up_entries.c.sign_up_id.in_(old)))
    await unit.execute(sign_up_claims.delete().where(sign_up_claims.c.sign_up_id.in_(old)))
