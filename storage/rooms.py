"""Rooms of the organisation, private rooms, and our own copy of the raw state that rights are read from."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, String, Table, bindparam, func, select, update

from content.decision import Observed
from content.identifiers import EventId, OrganisationId, RoomId, UserId
from content.policies import TYPES
from content.rooms import (
    DirectRoomKept,
    InvitationTaken,
    Purpose,
    Room,
    RoomKept,
    RoomLost,
    RoomRegained,
    alias,
)
from storage.organisations import within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Query, Reading, Writing

rooms = Table(
    "rooms",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("purpose", String(12), nullable=False),
    Column("name", String(255), nullable=False),
    Column("encrypted", Boolean, nullable=False),
    Column("lost", String(60)),
    Column("kept_at", Instant, nullable=False),
)

direct_rooms = Table(
    "direct_rooms",
    metadata,
    Column("user_id", String(255), primary_key=True),
    Column("room_id", String(255), nullable=False, unique=True),
    Column("encrypted", Boolean, nullable=False),
)

room_state = Table(
    "room_state",
    metadata,
    Column("room_id", String(255), primary_key=True),
    Column("type", String(120), primary_key=True),
    Column("state_key", String(255), primary_key=True),
    Column("sender", String(255), nullable=False),
    Column("event_id", String(255), nullable=False),
    Column("content", JSON, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("room_id", String(255), primary_key=True),
    Column("user_id", String(255), nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_invitations_user_id_at", "user_id", "at"),
)

TRACKED = frozenset(
    {"m.room.create", "m.room.power_levels", "m.room.member", "m.room.encryption", "m.room.tombstone"}
    | {"m.room.join_rules", "m.room.history_visibility", "m.room.name", "m.space.child", "m.room.canonical_alias"}
    | {*TYPES}
)
"""The kinds of state on which decisions rest."""


class StateSeen(Observed, frozen=True, kw_only=True):
    """A state event was seen; it replaces what the room said before under the same type and key."""

    room: RoomId
    type: str
    state_key: str
    sender: UserId
    content: dict[str, Any]


def as_room(row: AnyRow) -> Room:
    """Read a row of the rooms' table."""
    return Room(
        id=row.id,
        organisation=row.organisation_id,
        purpose=Purpose(row.purpose),
        name=row.name,
        encrypted=row.encrypted,
    )


def _crowded(room: Any, user: Any) -> Any:
    """Return the condition that somebody besides a person and ``me`` is in a room or has been asked into it."""
    membership = room_state.c.content["membership"].as_string()
    present = (membership == "join") | (membership == "invite")
    others = select(room_state.c.state_key).where(
        room_state.c.room_id == room,
        room_state.c.type == "m.room.member",
        room_state.c.state_key != user,
        room_state.c.state_key != bindparam("me"),
        present,
    )
    return others.exists()


_SETTING = Prepared(
    select(
        select(rooms.c.id).where(rooms.c.id == bindparam("room")).exists().label("hall"),
        select(direct_rooms.c.user_id).where(direct_rooms.c.room_id == bindparam("room")).scalar_subquery().label("of"),
        _crowded(bindparam("room"), bindparam("user")).label("crowded"),
    )
)
_BY_ID = Prepared(select(rooms).where(rooms.c.id == bindparam("id")))
_OWN = room_state.alias("own")
_SOME: Any = bindparam("users", expanding=True)
_DIRECT_ROOMS = Prepared(
    select(
        direct_rooms.c.user_id,
        direct_rooms.c.room_id,
        direct_rooms.c.encrypted,
        _OWN.c.content["membership"].as_string().label("membership"),
        _crowded(direct_rooms.c.room_id, direct_rooms.c.user_id).label("crowded"),
    )
    .outerjoin(
        _OWN,
        (_OWN.c.room_id == direct_rooms.c.room_id)
        & (_OWN.c.type == "m.room.member")
        & (_OWN.c.state_key == direct_rooms.c.user_id),
    )
    .where(direct_rooms.c.user_id.in_(_SOME))
)
_HALLS = Prepared(select(rooms.c.id))
_STATE = Prepared(
    select(room_state.c.sender, room_state.c.content).where(
        room_state.c.room_id == bindparam("room"),
        room_state.c.type == bindparam("type"),
        room_state.c.state_key == bindparam("state_key"),
    )
)
_MEMBERS = Prepared(
    select(room_state.c.state_key, room_state.c.content).where(
        room_state.c.room_id == bindparam("room"), room_state.c.type == "m.room.member"
    )
)


async def room(unit: Reading, id: RoomId) -> Room | None:  # noqa: A002
    """Return a room of the organisation."""
    row = await unit.first(_BY_ID, {"id": id})
    return as_room(row) if row else None


async def rooms_of(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[tuple[Room, str | None], ...]:
    """Return the rooms at or below the roots, each with the reason why it cannot be used, if it cannot."""
    query = select(rooms).where(within(rooms.c.organisation_id, roots)).order_by(rooms.c.kept_at, rooms.c.id)
    return tuple((as_room(row), row.lost) for row in await unit.rows(query))


async def known(unit: Reading) -> tuple[tuple[RoomId, bool], ...]:
    """Return every room in which the bot may have to write, and whether it is encrypted."""
    own = await unit.rows(select(rooms.c.id, rooms.c.encrypted).where(rooms.c.lost.is_(None)))
    direct = await unit.rows(select(direct_rooms.c.room_id, direct_rooms.c.encrypted))
    return tuple((RoomId(row[0]), bool(row[1])) for row in [*own, *direct])


async def direct_room(unit: Reading, user: UserId, me: UserId) -> tuple[RoomId, bool] | None:
    """Return the private room of a person, and whether it is encrypted.

    A room into which a third person was let is private no more, and one that the person has left reaches nobody;
    neither is returned.
    """
    return (await direct_rooms_of(unit, [user], me)).get(user)


async def direct_rooms_of(unit: Reading, users: Collection[UserId], me: UserId) -> dict[UserId, tuple[RoomId, bool]]:
    """Return the same for several people at once, without those who have none; few enough for one question."""
    rows = await unit.rows(_DIRECT_ROOMS, {"users": list(users), "me": me})
    return {
        UserId(row.user_id): (RoomId(row.room_id), row.encrypted)
        for row in rows
        if not row.crowded and row.membership in (None, "join", "invite")
    }


async def direct_user(unit: Reading, room: RoomId) -> UserId | None:
    """Return whose private room this is."""
    query = select(direct_rooms.c.user_id).where(direct_rooms.c.room_id == room)
    return await unit.value(query)  # type: ignore[no-any-return]


class Setting(Struct, frozen=True, kw_only=True):
    """What is known of a room in which somebody speaks to the bot.

    ``hall`` tells that it is the organisation's, ``direct`` whose private room it is, ``crowded`` that somebody else is
    there too, or has been asked into it.
    """

    hall: bool
    direct: UserId | None
    crowded: bool


async def setting(unit: Reading, room: RoomId, user: UserId, me: UserId) -> Setting:
    """Return what is known of the room in which a person speaks to the bot."""
    row = await unit.first(_SETTING, {"room": room, "user": user, "me": me})
    assert row is not None
    return Setting(hall=row.hall, direct=row.of, crowded=row.crowded)


async def state(unit: Reading, room: RoomId, type: str, state_key: str = "") -> tuple[UserId, dict[str, Any]] | None:  # noqa: A002
    """Return who set a piece of state and what it says."""
    row = await unit.first(_STATE, {"room": room, "type": type, "state_key": state_key})
    return (UserId(row.sender), dict(row.content)) if row else None


async def version_of(unit: Reading, room: RoomId, type: str) -> EventId | None:  # noqa: A002
    """Return the event by which a room's state of a kind was set last."""
    query = select(room_state.c.event_id).where(
        room_state.c.room_id == room, room_state.c.type == type, room_state.c.state_key == ""
    )
    id: EventId | None = await unit.value(query)  # noqa: A001
    return id


def state_of(ids: Iterable[RoomId]) -> Query:
    """Return the question for everything that is known of the state of rooms."""
    return select(room_state).where(room_state.c.room_id.in_(list(ids)))


async def by_alias(unit: Reading, named: str, me: UserId) -> Room | None:
    """Return the room of the organisation that has an alias: by what it says itself, else as we call those we make."""
    query = select(rooms, room_state.c.content).outerjoin(
        room_state, (room_state.c.room_id == rooms.c.id) & (room_state.c.type == "m.room.canonical_alias")
    )
    made, server = named.removeprefix("#").partition(":")[::2]
    found = None
    for row in await unit.rows(query.order_by(rooms.c.kept_at.desc(), rooms.c.id)):
        said = row.content or {}
        others = said.get("alt_aliases")
        if named == said.get("alias") or (isinstance(others, list) and named in others):
            return as_room(row)
        ours = row.lost is None and server == me.partition(":")[2]
        if found is None and ours and made == alias(Purpose(row.purpose), row.organisation_id, before=0):
            found = as_room(row)
    return found


async def joined(unit: Reading, room: RoomId) -> tuple[UserId, ...]:
    """Return who is in a room."""
    rows = await unit.rows(_MEMBERS, {"room": room})
    return tuple(UserId(row.state_key) for row in rows if row.content.get("membership") == "join")


async def halls(unit: Reading) -> tuple[RoomId, ...]:
    """Return every room of the organisation."""
    return tuple(RoomId(row.id) for row in await unit.rows(_HALLS))


async def present(unit: Reading, room: RoomId) -> tuple[UserId, ...]:
    """Return who is in a room or has been asked into it."""
    rows = await unit.rows(_MEMBERS, {"room": room})
    return tuple(UserId(row.state_key) for row in rows if row.content.get("membership") in ("join", "invite"))


class Unclaimed(Struct, frozen=True, kw_only=True):
    """A room that the bot was brought into and that belongs to nobody yet; by whom, and when."""

    room: RoomId
    user: UserId
    at: datetime


async def unclaimed(unit: Reading, me: UserId) -> tuple[Unclaimed, ...]:
    """Return the rooms in which the bot is without their being the organisation's or a private talk."""
    query = (
        select(room_state.c.room_id, room_state.c.content, invitations.c.user_id, invitations.c.at)
        .outerjoin(rooms, rooms.c.id == room_state.c.room_id)
        .outerjoin(direct_rooms, direct_rooms.c.room_id == room_state.c.room_id)
        .join(invitations, invitations.c.room_id == room_state.c.room_id)
        .where(
            room_state.c.type == "m.room.member",
            room_state.c.state_key == me,
            rooms.c.id.is_(None),
            direct_rooms.c.user_id.is_(None),
            # A room that was taken up as a private one stays one, also when a newer one has taken its place.
            ~invitations.c.direct,
        )
        .order_by(room_state.c.room_id)
    )
    return tuple(
        Unclaimed(room=row.room_id, user=row.user_id, at=row.at)
        for row in await unit.rows(query)
        if row.content.get("membership") == "join"
    )


async def taken_since(unit: Reading, user: UserId, span: timedelta) -> dict[bool, int]:
    """Return how many invitations of a person were taken up lately: private ones under ``True``, others ``False``."""
    query = (
        select(invitations.c.direct, func.count().label("number"))
        .where(invitations.c.user_id == user, invitations.c.at > unit.now - span)
        .group_by(invitations.c.direct)
    )
    return {bool(row.direct): int(row.number) for row in await unit.rows(query)}


async def has_private(unit: Reading, user: UserId, me: UserId) -> bool:
    """Tell whether a person and the bot are both in their private room, as far as its state is known."""
    found = await direct_room(unit, user, me)
    return found is not None and {user, me} <= set(await joined(unit, found[0]))


async def may_be_private(unit: Reading, room: RoomId, user: UserId, me: UserId) -> bool:
    """Tell whether a room that nobody has named as private can be one: made by one of the two, closed, theirs alone.

    A room that a third person made can be left and entered again by them, and read from the outside.
    """
    created = await state(unit, room, "m.room.create")
    joining = await state(unit, room, "m.room.join_rules")
    history = await state(unit, room, "m.room.history_visibility")
    return (
        created is not None
        and created[0] in (user, me)
        and joining is not None
        and joining[1].get("join_rule") == "invite"
        and (history is None or history[1].get("history_visibility") != "world_readable")
        and set(await present(unit, room)) == {user, me}
    )


async def is_encrypted(unit: Reading, room: RoomId) -> bool:
    """Tell whether a room was ever encrypted, by our record or by its state."""
    if dict(await known(unit)).get(room):
        return True
    return await state(unit, room, "m.room.encryption") is not None


async def write_kept(unit: Writing, fact: RoomKept) -> None:
    """Keep a room of the organisation."""
    room = fact.room
    await unit.add_missing(
        rooms,
        {
            "id": room.id,
            "organisation_id": room.organisation,
            "purpose": room.purpose,
            "name": room.name,
            "encrypted": room.encrypted,
            "lost": None,
            "kept_at": unit.now,
        },
    )


async def write_lost(unit: Writing, fact: RoomLost) -> None:
    """Remember why a room cannot be used."""
    await unit.execute(update(rooms).where(rooms.c.id == fact.room).values(lost=fact.reason))
    if fact.reason in ("left", "banned"):
        await unit.execute(direct_rooms.delete().where(direct_rooms.c.room_id == fact.room))
        await unit.execute(room_state.delete().where(room_state.c.room_id == fact.room))


async def write_regained(unit: Writing, fact: RoomRegained) -> None:
    """Use a room again."""
    await unit.execute(
        update(rooms).where(rooms.c.id == fact.room, rooms.c.lost.is_distinct_from("replaced")).values(lost=None)
    )


async def write_direct(unit: Writing, fact: DirectRoomKept) -> None:
    """Keep the private room of a person; a later one takes the place of an earlier."""
    await unit.execute(direct_rooms.delete().where(direct_rooms.c.room_id == fact.room))
    await unit.put(
        direct_rooms,
        {"user_id": fact.user, "room_id": fact.room, "encrypted": fact.encrypted},
        key=["user_id"],
    )


async def write_state_seen(unit: Writing, fact: StateSeen) -> None:
    """Replace a piece of state whole; a room that says it is encrypted never counts as plain again."""
    await unit.put(
        room_state,
        {
            "room_id": fact.room,
            "type": fact.type,
            "state_key": fact.state_key,
            "sender": fact.sender,
            "event_id": fact.event_id,
            "content": fact.content,
        },
        key=["room_id", "type", "state_key"],
    )
    if fact.type == "m.room.encryption":
        await unit.execute(update(rooms).where(rooms.c.id == fact.room).values(encrypted=True))
        await unit.execute(update(direct_rooms).where(direct_rooms.c.room_id == fact.room).values(encrypted=True))


async def write_taken(unit: Writing, fact: InvitationTaken) -> None:
    """Remember who brought the bot into a room, and when."""
    await unit.put(
        invitations,
        {"room_id": fact.room, "user_id": fact.user, "direct": fact.direct, "at": fact.at},
        key=["room_id"],
    )


async def forget_invitations(unit: Writing, before: datetime) -> None:
    """Forget who brought the bot into rooms, once that room has an owner, is gone, or nobody asks any more."""
    there = select(room_state.c.room_id).where(
        room_state.c.room_id == invitations.c.room_id, room_state.c.type == "m.room.create"
    )
    owned = select(rooms.c.id).where(rooms.c.id == invitations.c.room_id)
    gone = ~there.exists() | owned.exists()
    await unit.execute(invitations.delete().where(invitations.c.at < before, gone))
