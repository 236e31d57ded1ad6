"""Everything by which rooms are kept in order, read in one go: the tree, who leads, who belongs, what the rooms say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import or_, select

from content.identifiers import OrganisationId, RoomId, UserId
from content.members import Member
from content.organisations import LEADING, Duty, Organisation
from content.power import powers_from
from content.rooms import Flaw, Purpose, Room, alias, hangs_at
from content.upkeep import Care, Housed, Person, Standing, belonging, inspect
from storage import members, organisations, outbox, outbox_claims, sync
from storage.organisations import within
from storage.outbox import Kind
from storage.rooms import as_room, room_state, rooms, state_of
from storage.unit import Reading

_ORDER = list(Purpose)
_SLICE = 500
"""Databases limit how many values one question may name."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A room that is to be made: where, under which alias, who leads it, and what it hangs in or takes up.

    ``inside`` are the rooms that hang in it when it is a space, each with its purpose and the place of its node.
    """

    node: Organisation
    parent: Organisation | None
    purpose: Purpose
    alias: str
    leaders: frozenset[UserId]
    place: int
    space: RoomId | None
    inside: tuple[tuple[RoomId, Purpose, int], ...]


class Survey:
    """What is known of the rooms at and below some nodes; made by ``survey``."""

    def __init__(
        self,
        *,
        tree: tuple[Organisation, ...],
        seen: frozenset[OrganisationId],
        duties: tuple[Duty, ...],
        kept: tuple[tuple[Room, str | None], ...],
        under_way: tuple[outbox.Claimed, ...],
    ) -> None:
        self._nodes = {node.id: node for node in tree}
        self._places = {node.id: place for place, node in enumerate(tree)}
        self._duties = duties
        self._kept = kept
        self._standings: Mapping[RoomId, Standing] = {}
        self._below: dict[OrganisationId, list[Member]] = {}
        self._spaces = {room.organisation: room.id for room, lost in kept if _is_space(room) and lost is None}
        self._rooms: dict[OrganisationId, list[tuple[Room, str | None]]] = {}
        for room, lost in sorted(kept, key=lambda one: (_ORDER.index(one[0].purpose), one[0].id)):
            self._rooms.setdefault(room.organisation, []).append((room, lost))
        self.under_way = under_way
        self.seen = tuple(node for node in tree if node.id in seen)
        """The nodes that were asked about, parents first."""

    def fill(self, people: Iterable[Member], standings: Mapping[RoomId, Standing]) -> None:
        """Take in who is on the roster, and what the rooms say of themselves."""
        self._standings = standings
        # Found once for all rooms: a party committee asks about hundreds of rooms and thousands of people.
        for one in people:
            for node in self.above(one.organisation):
                self._below.setdefault(node.id, []).append(one)

    def has_rooms(self, id: OrganisationId) -> bool:  # noqa: A002
        """Tell whether a node has any room, were it one that cannot be used."""
        return bool(self._rooms.get(id))

    def above(self, id: OrganisationId) -> Iterator[Organisation]:  # noqa: A002
        """Yield a node and every node above it, upwards."""
        at = self._nodes.get(id)
        while at is not None:
            yield at
            at = self._nodes.get(at.parent) if at.parent is not None else None

    def leaders(self, id: OrganisationId) -> frozenset[UserId]:  # noqa: A002
        """Return who leads at a node: who holds a writing duty there, else at the nearest node above."""
        for node in self.above(id):
            found = {duty.user for duty in self._duties if duty.organisation == node.id and _leads(duty)}
            if found:
                return frozenset(found)
        return frozenset()

    def care(self, id: RoomId) -> Care | None:  # noqa: A002
        """Return a room of these nodes with everything by which it is judged."""
        places = {node.id for node in self.seen}
        found = next((one for one in self._kept if one[0].id == id and one[0].organisation in places), None)
        return self._care(*found) if found else None

    def cares(self, node: OrganisationId | None = None) -> tuple[Care, ...]:
        """Return the rooms of one node, or of all that were asked about, in the order in which a space lists them."""
        wanted = [one.id for one in self.seen] if node is None else [node]
        return tuple(self._care(room, lost) for place in wanted for room, lost in self._rooms.get(place, []))

    def _care(self, room: Room, lost: str | None) -> Care:
        node, leaders = self._nodes[room.organisation], self.leaders(room.organisation)
        above = {one.id for one in self.above(node.id)}
        space = self.space(room.purpose, node)
        return Care(
            room=room,
            lost=lost,
            standing=self._standings.get(room.id),
            people=self.belonging(room.purpose, node.id),
            leaders=leaders,
            welcome=frozenset(duty.user for duty in self._duties if duty.organisation in above),
            space=space,
            space_standing=self._standings.get(space) if space is not None else None,
        )

    def space(self, purpose: Purpose, node: Organisation) -> RoomId | None:
        """Return the space in which a room hangs, if there is one that works."""
        at = hangs_at(purpose, node)
        return self._spaces.get(at) if at is not None else None

    def housed(self, node: Organisation) -> Housed:
        """Return which rooms a node has and is being given."""
        return Housed(
            node=node,
            has=frozenset(room.purpose for room, lost in self._rooms.get(node.id, []) if lost is None),
            coming=frozenset(
                Purpose(row.subject)
                for row in self.under_way
                if row.kind is Kind.MAKE and row.organisation == node.id and row.subject is not None
            ),
        )

    def chain(self, id: OrganisationId) -> tuple[Housed, ...]:  # noqa: A002
        """Return what the nodes have from the highest that was asked about down to one of them."""
        seen = {node.id for node in self.seen}
        found = []
        for node in self.above(id):
            if node.id not in seen:
                break
            found.append(self.housed(node))
        return tuple(reversed(found))

    def on_the_way(self, room: RoomId, kind: Kind) -> frozenset[UserId]:
        """Return who is about to be asked into a room, or shown out of it."""
        return frozenset(
            row.user for row in self.under_way if row.kind is kind and row.room == room and row.user is not None
        )

    def being_mended(self, room: RoomId) -> frozenset[str]:
        """Return what is about to be mended in a room."""
        return frozenset(
            row.subject for row in self.under_way if row.kind is Kind.MEND and row.room == room and row.subject
        )

    def wanted(self, purpose: Purpose, id: OrganisationId) -> Wanted | None:  # noqa: A002
        """Return what a room that is to be made needs; ``None`` where there is one by now, or the node is gone."""
        node = self._nodes.get(id)
        if node is None or purpose in self.housed(node).has:
            return None
        lost = sum(1 for room, lost in self._rooms.get(id, []) if room.purpose is purpose and lost)
        inside = tuple(
            (room.id, room.purpose, self._places[room.organisation])
            for room, gone in self._kept
            if gone is None and hangs_at(room.purpose, self._nodes[room.organisation]) == id
        )
        return Wanted(
            node=node,
            parent=self._nodes.get(node.parent) if node.parent is not None else None,
            purpose=purpose,
            alias=alias(purpose, id, before=lost),
            leaders=self.leaders(id),
            place=self._places[id],
            space=self.space(purpose, node),
            inside=inside if purpose is Purpose.SPACE else (),
        )

    def node(self, id: OrganisationId) -> Organisation | None:  # noqa: A002
        """Return a node of the tree."""
        return self._nodes.get(id)

    def belonging(self, purpose: Purpose, id: OrganisationId) -> tuple[Person, ...]:  # noqa: A002
        """Return who belongs in a room of a node."""
        return belonging(purpose, self._nodes[id], self._below.get(id, []), self.leaders(id))

    def place(self, id: OrganisationId) -> int:  # noqa: A002
        """Return where a node stands in the whole tree."""
        return self._places[id]


def _is_space(room: Room) -> bool:
    return room.purpose is Purpose.SPACE


def _leads(duty: Duty) -> bool:
    return duty.role in LEADING


async def survey(
    unit: Reading,
    roots: Iterable[OrganisationId],
    me: UserId | None,
    *,
    page: Callable[[Survey], Collection[OrganisationId]] | None = None,
) -> Survey:
    """Read what is known of the rooms at and below the roots; without ``me``, nothing of their state.

    Where only some nodes are shown, ``page`` tells which by what is known already; who belongs in rooms, and what rooms
    say of themselves, is read for those alone.
    """
    roots = tuple(roots)
    known, kept = await _unfilled(unit, roots)
    shown = None if page is None else set(page(known))
    at = roots if shown is None else tuple(node for node in shown if known.has_rooms(node))
    wanted = [room.id for room, _ in kept if shown is None or room.organisation in shown or _is_space(room)]
    states = await standings(unit, wanted, me) if me is not None else {}
    known.fill(await members.roster(unit, at) if at else (), states)
    return known


async def _unfilled(
    unit: Reading, roots: tuple[OrganisationId, ...]
) -> tuple[Survey, tuple[tuple[Room, str | None], ...]]:
    seen = frozenset(node.id for node in await organisations.tree(unit, roots) if node.closed is None)
    query = select(rooms).where(or_(within(rooms.c.organisation_id, roots), rooms.c.purpose == Purpose.SPACE))
    kept = tuple((as_room(row), row.lost) for row in await unit.rows(query.order_by(rooms.c.kept_at, rooms.c.id)))
    known = Survey(
        tree=await organisations.tree(unit),
        seen=seen,
        duties=await organisations.every_duty(unit),
        kept=kept,
        under_way=await outbox_claims.upkeep_under_way(unit),
    )
    return known, kept


async def doors(
    unit: Reading, roots: Iterable[OrganisationId], me: UserId | None, *, only: tuple[RoomId, UserId] | None = None
) -> Survey:
    """Read what is known of the rooms at which somebody knocks, and who of the roster that is; no others are filled in.

    ``only`` one room and one account are read where somebody is answered, whether they still knock or not.
    """
    roots = tuple(roots)
    known, _ = await _unfilled(unit, roots)
    if me is None:
        return known
    at = [only] if only is not None else await _knocking(unit, roots)
    states = await standings(unit, {room for room, _ in at}, me)
    known.fill(await members.by_users(unit, {user for _, user in at}), states)
    return known


async def _knocking(unit: Reading, roots: tuple[OrganisationId, ...]) -> list[tuple[RoomId, UserId]]:
    # Said by room first, so that it is read along the key and not through the private rooms of everybody.
    there = select(rooms.c.id).where(rooms.c.lost.is_(None), within(rooms.c.organisation_id, roots))
    query = select(room_state.c.room_id, room_state.c.state_key).where(
        room_state.c.room_id.in_(there),
        room_state.c.type == "m.room.member",
        room_state.c.content["membership"].as_string() == "knock",
    )
    return [(RoomId(row.room_id), UserId(row.state_key)) for row in await unit.rows(query)]


async def rooms_for(unit: Reading, member: Member) -> tuple[RoomId, ...]:
    """Return the rooms that work in which a member belongs by the roster."""
    nodes = {node.id: node for node in await organisations.tree(unit)}
    at, above = nodes.get(member.organisation), list[OrganisationId]()
    while at is not None:
        above.append(at.id)
        at = nodes.get(at.parent) if at.parent is not None else None
    query = select(rooms).where(rooms.c.organisation_id.in_(above), rooms.c.lost.is_(None)).order_by(rooms.c.id)
    found = (as_room(row) for row in await unit.rows(query))
    return tuple(room.id for room in found if belonging(room.purpose, nodes[room.organisation], [member], ()))


async def rooms_with(unit: Reading, user: UserId) -> tuple[Room, ...]:
    """Return the rooms of the organisation that work in which a person is, or into which they were asked."""
    there = select(room_state.c.room_id, room_state.c.content).where(
        room_state.c.type == "m.room.member", room_state.c.state_key == user
    )
    present = [row.room_id for row in await unit.rows(there) if row.content.get("membership") in ("join", "invite")]
    query = select(rooms).where(rooms.c.id.in_(present), rooms.c.lost.is_(None)).order_by(rooms.c.name, rooms.c.id)
    return tuple(as_room(row) for row in await unit.rows(query))


async def of_nobody(unit: Reading, ids: Collection[RoomId]) -> tuple[tuple[UserId, str], ...]:
    """Return the accounts in rooms that belong to nobody on the roster, each with what it calls itself there."""
    query = select(room_state.c.state_key, room_state.c.content).where(
        room_state.c.room_id.in_(list(ids)), room_state.c.type == "m.room.member"
    )
    taken = {*await members.accounts(unit), await sync.account(unit)}
    found: dict[UserId, str] = {}
    for row in await unit.rows(query.order_by(room_state.c.state_key, room_state.c.room_id)):
        shown = row.content.get("displayname")
        if row.content.get("membership") == "join" and row.state_key not in taken:
            found.setdefault(UserId(row.state_key), shown if isinstance(shown, str) else "")
    return tuple(found.items())


PRESSING = frozenset({Flaw.OPEN, Flaw.CLEAR, Flaw.READABLE, Flaw.POWERLESS})
"""What is wrong with a room so that somebody has to see to it soon; the rest stands on the page of rooms."""

_JUDGED = (
    *("m.room.create", "m.room.power_levels", "m.room.join_rules"),
    *("m.room.history_visibility", "m.room.encryption"),
)
"""The kinds of state by which that is known; who is in a room is not asked for it."""


async def faulty(unit: Reading, roots: Iterable[OrganisationId], *, encrypts: bool) -> int:
    """Return with how many rooms that work, at or below the roots, something pressing is wrong."""
    me = await sync.account(unit)
    if me is None:
        return 0
    query = select(rooms.c.id, rooms.c.purpose).where(rooms.c.lost.is_(None), within(rooms.c.organisation_id, roots))
    purposes = {RoomId(row.id): Purpose(row.purpose) for row in await unit.rows(query)}
    known = await standings(unit, purposes, me, kinds=_JUDGED)
    return sum(bool(PRESSING & {*inspect(one, purposes[id], encrypts=encrypts)}) for id, one in known.items())  # noqa: A001


async def standings(
    unit: Reading, wanted: Collection[RoomId], me: UserId, *, kinds: Collection[str] = ()
) -> dict[RoomId, Standing]:
    """Return what rooms say of themselves, by some kinds of state or by all.

    Of a room in which the bot is not, nothing is known.
    """
    found: dict[RoomId, dict[tuple[str, str], tuple[UserId, dict[str, Any]]]] = {}
    ids = list(wanted)
    for start in range(0, len(ids), _SLICE):
        query = state_of(ids[start : start + _SLICE])
        rows = await unit.rows(query.where(room_state.c.type.in_(list(kinds))) if kinds else query)
        for row in rows:
            found.setdefault(row.room_id, {})[row.type, row.state_key] = (row.sender, row.content)
    seen = ((room, standing_of(state, me)) for room, state in found.items())
    return {room: standing for room, standing in seen if standing is not None}


async def standing(unit: Reading, id: RoomId, me: UserId) -> Standing | None:  # noqa: A002
    """Return what one room says of itself."""
    return (await standings(unit, [id], me)).get(id)


def standing_of(state: Mapping[tuple[str, str], tuple[UserId, dict[str, Any]]], me: UserId) -> Standing | None:
    """Read a room's state, as (type, key) to (sender, content); ``None`` where it does not say who made the room."""
    if ("m.room.create", "") not in state:
        return None

    def says(type: str, name: str) -> str | None:  # noqa: A002 - the field's name
        value = state.get((type, ""), (None, {}))[1].get(name)
        return value if isinstance(value, str) else None

    sender, create = state["m.room.create", ""]
    levels = state.get(("m.room.power_levels", ""))
    return Standing(
        me=me,
        powers=powers_from(sender=sender, create=create, levels=levels[1] if levels else None),
        people={
            UserId(key): str(content.get("membership"))
            for (type_, key), (_, content) in state.items()
            if type_ == "m.room.member"
        },
        joining=says("m.room.join_rules", "join_rule"),
        history=says("m.room.history_visibility", "history_visibility"),
        encrypted=("m.room.encryption", "") in state,
        federates=create.get("m.federate") is not False,
        name=says("m.room.name", "name"),
        is_space=create.get("type") == "m.space",
        replaced=("m.room.tombstone", "") in state,
        children=frozenset(
            RoomId(key) for (type_, key), (_, content) in state.items() if type_ == "m.space.child" and content
        ),
    )
