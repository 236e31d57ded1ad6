"""Policy rooms that are read or held to here, whom they mean in our rooms, and who is kept out because of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, exists, false, func, select, update

from content.decision import Fact
from content.identifiers import OrganisationId, PolicyBanId, PolicyListId, RoomId, SanctionId, UserId
from content.policies import (
    SOON,
    TYPES,
    Hit,
    PolicyBan,
    PolicyBanned,
    PolicyBanSettled,
    PolicyList,
    PolicyListAdded,
    PolicyListApplied,
    PolicyListEnded,
    PolicyListHeldBack,
    PolicyListWanted,
    PolicyRoomEntered,
    PolicyUnbanned,
    Rules,
    State,
    hits,
    read_rules,
)
from content.sanctions import Hindrance, Level, LevelNoted, PlaceState
from content.sanctions import State as SanctionState
from content.sanctions import Step as Sanctioned
from content.upgrades import RoomMoved
from storage.members import members
from storage.organisations import duties, within
from storage.outbox import Kind, outbox
from storage.outbox import State as Row
from storage.rooms import direct_rooms, invitations, room_state, rooms
from storage.sanctions import sanction_places, sanctions
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

KEPT = timedelta(days=3 * 365)
"""How long it is known who was kept out by a list, and which lists there were."""

FRESH = timedelta(minutes=10)
"""How long a list says what the two who agreed to it have looked at."""

policy_lists = Table(
    "policy_lists",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("address", String(255), nullable=False),
    Column("room_id", String(255), index=True),
    Column("is_refused", Boolean, nullable=False, server_default=false()),
    Column("state", String(10), nullable=False),
    Column("by_user", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("wanted_by", String(255)),
    Column("wanted_at", Instant),
    Column("applied_by", String(255)),
    Column("applied_at", Instant),
    Column("ended_by", String(255)),
    Column("ended_at", Instant),
)

policy_bans = Table(
    "policy_bans",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("list_id", ForeignKey("policy_lists.id"), nullable=False, index=True),
    Column("organisation_id", String(32), nullable=False),
    Column("room_id", String(255), nullable=False, index=True),
    Column("user_id", String(255), nullable=False, index=True),
    Column("pattern", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("lifted_at", Instant),
    Column("place", String(10), nullable=False),
    Column("is_ours", Boolean, nullable=False, server_default=false()),
    Column("why", String(12)),
    Index("ix_policy_bans_lifted_at", "lifted_at"),
)
"""``lifted_at`` is since when nobody is to be kept out any more, ``place`` how far that or the ban has come."""


class Told(Struct, frozen=True, kw_only=True):
    """A list with what is known of it beside: whether the bot is let in, and who wanted, applied or ended it."""

    list: PolicyList
    refused: bool
    applied_by: UserId | None
    ended_by: UserId | None


class Kept(Struct, frozen=True, kw_only=True):
    """Somebody who is kept out, with how far that has come in the room."""

    ban: PolicyBan
    lifted: bool
    place: PlaceState
    ours: bool
    why: Hindrance | None


def _told(row: AnyRow) -> Told:
    one = PolicyList(
        id=PolicyListId(row.id),
        organisation=OrganisationId(row.organisation_id),
        address=row.address,
        room=row.room_id,
        state=State(row.state),
        by=UserId(row.by_user),
        at=row.at,
        wanted_by=row.wanted_by,
    )
    return Told(list=one, refused=row.is_refused, applied_by=row.applied_by, ended_by=row.ended_by)


def _kept(row: AnyRow) -> Kept:
    ban = PolicyBan(
        id=PolicyBanId(row.id),
        list=PolicyListId(row.list_id),
        organisation=OrganisationId(row.organisation_id),
        room=RoomId(row.room_id),
        user=UserId(row.user_id),
        pattern=row.pattern,
    )
    why = Hindrance(row.why) if row.why else None
    return Kept(ban=ban, lifted=row.lifted_at is not None, place=PlaceState(row.place), ours=row.is_ours, why=why)


async def lists(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Told, ...]:
    """Return the lists at or below the roots, the newest first."""
    query = select(policy_lists).where(within(policy_lists.c.organisation_id, roots))
    return tuple(_told(row) for row in await unit.rows(query.order_by(policy_lists.c.at.desc(), policy_lists.c.id)))


async def list_of(
    unit: Reading,
    id: PolicyListId,  # noqa: A002
    roots: Iterable[OrganisationId] | None = None,
) -> Told | None:
    """Return a list, where roots are given one at or below them."""
    query = select(policy_lists).where(policy_lists.c.id == id)
    if roots is not None:
        query = query.where(within(policy_lists.c.organisation_id, roots))
    row = await unit.first(query)
    return _told(row) if row else None


async def applied(unit: Reading) -> tuple[PolicyList, ...]:
    """Return every list that is held to."""
    rows = await unit.rows(select(policy_lists).where(policy_lists.c.state == State.APPLIED).order_by("at", "id"))
    return tuple(_told(row).list for row in rows)


async def rooms_read(unit: Reading) -> frozenset[RoomId]:
    """Return the policy rooms in which the bot is to read."""
    query = select(policy_lists.c.room_id).where(
        policy_lists.c.room_id.is_not(None), policy_lists.c.state != State.ENDED
    )
    return frozenset(RoomId(row.room_id) for row in await unit.rows(query))


async def is_alone(unit: Reading, one: PolicyList) -> bool:
    """Tell whether no other list that goes on is of the same room, and the room is none of ours or private."""
    other = select(policy_lists.c.id).where(
        policy_lists.c.room_id == one.room, policy_lists.c.id != one.id, policy_lists.c.state != State.ENDED
    )
    return one.room is None or (await unit.first(other) is None and not await is_ours(unit, one.room))


async def is_ours(unit: Reading, room: RoomId) -> bool:
    """Tell whether a room is one of ours, somebody's private room with the bot, or one that it was asked into."""
    for query in (
        select(rooms.c.id).where(rooms.c.id == room),
        select(direct_rooms.c.room_id).where(direct_rooms.c.room_id == room),
        select(invitations.c.room_id).where(invitations.c.room_id == room),
    ):
        if await unit.first(query) is not None:
            return True
    return False


async def is_read(unit: Reading, one: PolicyList, me: UserId) -> bool:
    """Tell whether the bot is in a list's room; of one that it was shown out of no rules are known."""
    own = select(room_state.c.content).where(
        room_state.c.room_id == (one.room or ""), room_state.c.type == "m.room.member", room_state.c.state_key == me
    )
    row = await unit.first(own)
    return row is not None and row.content.get("membership") == "join"


async def rules_of(unit: Reading, one: PolicyList) -> Rules:
    """Return the rules of a list, as its room says them now."""
    query = select(room_state.c.type, room_state.c.sender, room_state.c.content).where(
        room_state.c.room_id == (one.room or ""), room_state.c.type.in_(list(TYPES))
    )
    rows = await unit.rows(query.order_by(room_state.c.type, room_state.c.state_key))
    return read_rules((row.type, UserId(row.sender), row.content) for row in rows)


async def hits_of(unit: Reading, one: PolicyList, rules: Rules, me: UserId) -> tuple[Hit, ...]:
    """Return who is in rooms at or below a list's node, or asked into one, and meant by a rule."""
    return hits(rules, await there(unit, one), await exempt(unit), me=me)


async def there(unit: Reading, one: PolicyList) -> dict[RoomId, list[UserId]]:
    """Return who is in each room at or below a list's node, or asked into it, or asks to come in."""
    membership = room_state.c.content["membership"].as_string()
    query = (
        select(room_state.c.room_id, room_state.c.state_key)
        .join(rooms, rooms.c.id == room_state.c.room_id)
        .where(
            rooms.c.lost.is_(None),
            rooms.c.purpose != "space",
            within(rooms.c.organisation_id, [one.organisation]),
            room_state.c.type == "m.room.member",
            membership.in_(["join", "invite", "knock"]),
        )
        .order_by(room_state.c.room_id, room_state.c.state_key)
    )
    found: dict[RoomId, list[UserId]] = {}
    for row in await unit.rows(query):
        found.setdefault(RoomId(row.room_id), []).append(UserId(row.state_key))
    return found


async def shown_out_lately(unit: Reading, one: PolicyList) -> frozenset[UserId]:
    """Return whom a list has kept out within a day by itself, later than what two had looked at."""
    at = await unit.value(select(policy_lists.c.applied_at).where(policy_lists.c.id == one.id))
    since = max(unit.now - SOON, at + FRESH) if at is not None else unit.now - SOON
    query = select(policy_bans.c.user_id).where(policy_bans.c.list_id == one.id, policy_bans.c.at >= since)
    return frozenset(UserId(row.user_id) for row in await unit.rows(query.distinct()))


async def exempt(unit: Reading) -> frozenset[UserId]:
    """Return who stays whatever a list says: whoever has a duty anywhere in the tree, or is on the roster."""
    held = await unit.rows(select(duties.c.user_id).distinct())
    there = select(members.c.user_id).where(members.c.user_id.is_not(None), members.c.left_at.is_(None))
    return frozenset(UserId(row.user_id) for row in (*held, *await unit.rows(there)))


async def rooms_of(unit: Reading, one: PolicyList) -> frozenset[RoomId]:
    """Return the rooms at or below a list's node."""
    query = select(rooms.c.id).where(within(rooms.c.organisation_id, [one.organisation]))
    return frozenset(RoomId(row.id) for row in await unit.rows(query))


async def is_fresh(unit: Reading, one: PolicyList) -> bool:
    """Tell whether two agreed to a list just now, so that what it says is what they looked at."""
    at = await unit.value(select(policy_lists.c.applied_at).where(policy_lists.c.id == one.id))
    return at is not None and unit.now - at < FRESH


async def standing(unit: Reading, id: PolicyListId) -> tuple[Kept, ...]:  # noqa: A002
    """Return who is kept out because of a list."""
    query = select(policy_bans).where(policy_bans.c.list_id == id, policy_bans.c.lifted_at.is_(None))
    return tuple(_kept(row) for row in await unit.rows(query.order_by(policy_bans.c.user_id, policy_bans.c.room_id)))


async def kept_out(unit: Reading, id: PolicyBanId) -> Kept | None:  # noqa: A002
    """Return one who is or was kept out."""
    row = await unit.first(select(policy_bans).where(policy_bans.c.id == id))
    return _kept(row) if row else None


async def kept_out_of(unit: Reading, room: RoomId, user: UserId) -> tuple[Kept, ...]:
    """Return by which lists somebody is to be kept out of a room."""
    query = select(policy_bans).where(
        policy_bans.c.room_id == room, policy_bans.c.user_id == user, policy_bans.c.lifted_at.is_(None)
    )
    return tuple(_kept(row) for row in await unit.rows(query.order_by(policy_bans.c.id)))


async def heirs_of(unit: Reading, ban: PolicyBan, now: datetime) -> list[Fact]:
    """Return what makes a ban that is lifted that of whatever else keeps the person out of the room: of a measure.

    Or of another list. Who comes after it undoes it, and nobody before.
    """
    held = (
        select(sanction_places.c.sanction_id)
        .join(sanctions, sanctions.c.id == sanction_places.c.sanction_id)
        .where(
            sanction_places.c.room_id == ban.room,
            sanctions.c.user_id == ban.user,
            sanctions.c.step == Sanctioned.BAN,
            sanctions.c.state == SanctionState.ACTIVE,
        )
        .order_by(sanctions.c.id)
    )
    measures: list[Fact] = [
        LevelNoted(id=SanctionId(row.sanction_id), room=ban.room, before=Level(listed=False), muted=0)
        for row in await unit.rows(held)
    ]
    others = await kept_out_of(unit, ban.room, ban.user)
    return measures or list(handed_over(others, now))


def handed_over(others: Iterable[Kept], now: datetime) -> Iterator[Fact]:
    """Make a ban that is there that of the first of the lists that want it."""
    for one in list(others)[:1]:
        yield PolicyBanSettled(id=one.ban.id, state=PlaceState.DONE, ours=True, at=now)


async def unsettled(unit: Reading) -> tuple[Kept, ...]:
    """Return what is to be done or undone in a room that works, and for which nothing is under way."""
    under_way = exists().where(
        outbox.c.matter_id == policy_bans.c.id,
        outbox.c.kind.in_([Kind.KEEP_OUT, Kind.LET_IN]),
        outbox.c.state.in_([Row.PENDING, Row.LEASED]),
    )
    to_do = policy_bans.c.lifted_at.is_(None) & (policy_bans.c.place != PlaceState.DONE)
    to_undo = policy_bans.c.lifted_at.is_not(None) & (policy_bans.c.place != PlaceState.UNDONE)
    query = (
        select(policy_bans)
        .join(rooms, rooms.c.id == policy_bans.c.room_id)
        .where(to_do | to_undo, ~under_way, rooms.c.lost.is_(None))
        .order_by(policy_bans.c.id)
    )
    return tuple(_kept(row) for row in await unit.rows(query))


async def held_in_rooms(unit: Reading, accounts: Collection[UserId]) -> int:
    """Return in how many rooms some accounts are kept out by rules, or are still to be let in again."""
    query = (
        select(func.count())
        .select_from(policy_bans.join(rooms, rooms.c.id == policy_bans.c.room_id))
        .where(
            policy_bans.c.user_id.in_(list(accounts)),
            policy_bans.c.place != PlaceState.UNDONE,
            rooms.c.lost.is_(None),
        )
    )
    return int(await unit.value(query) or 0)


async def names_of_rooms(unit: Reading, ids: Collection[RoomId]) -> dict[str, str]:
    """Return what rooms are called."""
    rows = await unit.rows(select(rooms.c.id, rooms.c.name).where(rooms.c.id.in_(list(ids))))
    return {row.id: row.name for row in rows}


async def write_added(unit: Writing, fact: PolicyListAdded) -> None:
    """Keep a list that is to be looked at."""
    one = fact.list
    row = {
        "id": one.id,
        "organisation_id": one.organisation,
        "address": one.address,
        "state": one.state,
        "by_user": one.by,
        "at": one.at,
    }
    await unit.put(policy_lists, row, key=["id"])


async def _change(unit: Writing, id: PolicyListId, **values: Any) -> None:  # noqa: A002
    await unit.execute(update(policy_lists).where(policy_lists.c.id == id).values(**values))


async def write_entered(unit: Writing, fact: PolicyRoomEntered) -> None:
    """Keep in which room a list stands, or that the bot is not let in."""
    await _change(unit, fact.id, room_id=fact.room, is_refused=fact.room is None)


async def write_wanted(unit: Writing, fact: PolicyListWanted) -> None:
    """Keep who wants a list held to."""
    await _change(unit, fact.list.id, state=fact.list.state, wanted_by=fact.by, wanted_at=fact.at)


async def write_applied(unit: Writing, fact: PolicyListApplied) -> None:
    """Keep that a list is held to, by whose second word."""
    await _change(unit, fact.list.id, state=fact.list.state, applied_by=fact.by, applied_at=fact.at)


async def write_held_back(unit: Writing, fact: PolicyListHeldBack) -> None:
    """Keep that a list takes the word of two anew."""
    nobody = dict.fromkeys(("wanted_by", "wanted_at", "applied_by", "applied_at"))
    await _change(unit, fact.list.id, state=fact.list.state, **nobody)


async def write_ended(unit: Writing, fact: PolicyListEnded) -> None:
    """Keep that a list is held to no longer; its rules are forgotten with the room's state."""
    await _change(unit, fact.list.id, state=fact.list.state, ended_by=fact.by, ended_at=fact.at)


async def write_banned(unit: Writing, fact: PolicyBanned) -> None:
    """Keep who is to be kept out."""
    one = fact.ban
    row = {
        "id": one.id,
        "list_id": one.list,
        "organisation_id": one.organisation,
        "room_id": one.room,
        "user_id": one.user,
        "pattern": one.pattern,
        "at": fact.at,
        "place": PlaceState.WAITING,
        "is_ours": False,
    }
    await unit.add_missing(policy_bans, row)


async def write_unbanned(unit: Writing, fact: PolicyUnbanned) -> None:
    """Keep who is to be let in again."""
    await unit.execute(update(policy_bans).where(policy_bans.c.id == fact.ban.id).values(lifted_at=fact.at))


async def write_settled(unit: Writing, fact: PolicyBanSettled) -> None:
    """Keep how far it has come in its room."""
    change = update(policy_bans).where(policy_bans.c.id == fact.id)
    await unit.execute(change.values(place=fact.state, is_ours=fact.ours, why=fact.why))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget whom lists kept out long ago, and lists that were ended then."""
    undone = (policy_bans.c.place == PlaceState.UNDONE) & (policy_bans.c.lifted_at < now - KEPT)
    await unit.execute(policy_bans.delete().where(undone))
    held = select(policy_bans.c.list_id)
    over = (policy_lists.c.state == State.ENDED) & (policy_lists.c.ended_at < now - KEPT)
    await unit.execute(policy_lists.delete().where(over, policy_lists.c.id.not_in(held)))


async def write_moved(unit: Writing, fact: RoomMoved) -> None:
    """Let what holds in a room go on in the one that took its place: homeservers take bans along."""
    await unit.execute(update(policy_bans).where(policy_bans.c.room_id == fact.old).values(room_id=fact.new.id))
