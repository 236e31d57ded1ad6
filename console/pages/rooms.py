"""Rooms: the tree with its rooms, who is in them and who is missing, what is wrong with each, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, desk, settle
from console.leaving_tables import leaves, up_to
from content import upkeep
from content.identifiers import OrganisationId, RoomId, UserId
from content.organisations import Kind as Level
from content.organisations import Organisation, Right
from content.rooms import Flaw, Purpose, answers_polls
from content.unheard import Stretch
from content.upgrades import Upgrade, look_again
from content.upkeep import Care, Claim, Standing
from storage import rooms, sync, unheard, upgrades
from storage.outbox import Kind
from storage.rooms import Unclaimed
from storage.store import Answer as Decided
from storage.unit import Reading
from storage.upkeep import Survey, standing, standings, survey

pages = Blueprint("rooms", __name__)

PLACES_SHOWN = 10
"""Nodes whose rooms one page shows."""


class Told(Struct, frozen=True, kw_only=True):
    """What rooms tell beside their state: what is missing of their history, and which were replaced."""

    missing: Mapping[RoomId, tuple[Stretch, ...]]
    upgrades: Mapping[RoomId, Upgrade]


async def _told(unit: Reading) -> Told:
    return Told(missing=await unheard.missing(unit), upgrades=await upgrades.every_upgrade(unit))


class Line(Struct, frozen=True, kw_only=True):
    """A room as the overview shows it."""

    care: Care
    flaws: tuple[Flaw, ...]
    asked: frozenset[UserId]
    """Who is about to be asked in."""
    stretches: tuple[Stretch, ...] = ()
    """What is missing of its history."""
    upgrade: Upgrade | None = None
    """Where its tombstone points, if it has one."""

    @property
    def missing(self) -> int:
        """Return how many could be asked in now; of a room whose state is not seen it is not known."""
        if self.care.standing is None:
            return 0
        return sum(1 for one in self.care.absent if one.user not in self.asked)


class Place(Struct, frozen=True, kw_only=True):
    """A node with its rooms, those that could be made there, and those that are being made.

    A group that has no room yet is no place of its own: its room could be made at its branch.
    """

    node: Organisation
    lines: tuple[Line, ...]
    missing: tuple[tuple[Organisation, Purpose], ...]
    coming: tuple[Purpose, ...]


class Offered(Struct, frozen=True, kw_only=True):
    """A room that waits for somebody to take it over, with what it is and whether who looks may do so."""

    unclaimed: Unclaimed
    standing: Standing
    may: bool


@pages.get("/rooms")
@requires(Right.MANAGE_ROOMS)
@leaves("rooms")
def show() -> str:
    """Show the tree with its rooms, a page at a time."""
    roots, user, shown, after = here().roots, here().user, here().nodes, request.args.get("after", "")[:32]

    def page_of(known: Survey) -> tuple[int, list[Organisation], list[Organisation]]:
        """Return where the page begins in the outline, and what stands on it."""
        outline = _outline(known, shown)[1]
        start = next((place for place, node in enumerate(outline, start=1) if node.id == after), 0)
        return start, outline[start : start + up_to(PLACES_SHOWN)], outline

    known, offered, told = ask(lambda unit: _overview(unit, roots, user, lambda known: _ids(page_of(known)[1])))
    start, page, outline = page_of(known)
    bare, _ = _outline(known, shown)
    return render_template(
        "rooms/show.html",
        places=[_place(known, node, shown, bare, told) for node in page],
        offered=offered if not start else (),
        depths=here().depths,
        first_page=not start,
        more=page[-1].id if start + len(page) < len(outline) else None,
    )


def _ids(nodes: Iterable[Organisation]) -> list[OrganisationId]:
    return [node.id for node in nodes]


async def _overview(
    unit: Reading,
    roots: tuple[OrganisationId, ...],
    user: UserId,
    page: Callable[[Survey], Collection[OrganisationId]] | None = None,
) -> tuple[Survey, tuple[Offered, ...], Told]:
    me = await sync.account(unit)
    known = await survey(unit, roots, me, page=page)
    waiting = await rooms.unclaimed(unit, me) if me is not None else ()
    states = await standings(unit, [one.room for one in waiting], me) if me is not None else {}
    offered = (
        Offered(unclaimed=one, standing=state, may=upkeep.governs(state, user))
        for one in waiting
        # Only who is in the room learns of it here.
        if (state := states.get(one.room)) is not None and state.people.get(user) == "join"
    )
    return known, tuple(offered), await _told(unit)


def _outline(known: Survey, shown: tuple[Organisation, ...]) -> tuple[set[OrganisationId], list[Organisation]]:
    """Return the groups that are no places of their own, and the nodes that are, as an outline reads."""
    seen = {node.id for node in known.seen}
    bare = {node.id for node in shown if node.kind is Level.GROUP and node.parent in seen and _is_bare(known, node)}
    places = seen - bare
    return bare, [node for node in shown if node.id in places]


def _is_bare(known: Survey, node: Organisation) -> bool:
    return not known.has_rooms(node.id) and not known.housed(node).coming


def _place(
    known: Survey,
    node: Organisation,
    shown: tuple[Organisation, ...],
    bare: set[OrganisationId],
    told: Told,
) -> Place:
    housed = known.housed(node)
    here_or_bare = [node, *(one for one in shown if one.parent == node.id and one.id in bare)]
    return Place(
        node=node,
        lines=tuple(_line(known, care, told) for care in known.cares(node.id)),
        missing=tuple((one, purpose) for one in here_or_bare for purpose in known.housed(one).missing),
        coming=tuple(one for one in Purpose if one in housed.coming),
    )


def _line(known: Survey, care: Care, told: Told) -> Line:
    return Line(
        care=care,
        flaws=upkeep.examine(care, encrypts=desk().settings.encrypted),
        asked=known.on_the_way(care.room.id, Kind.INVITE),
        stretches=told.missing.get(care.room.id, ()),
        upgrade=told.upgrades.get(care.room.id),
    )


async def _known(unit: Reading, roots: tuple[OrganisationId, ...]) -> Survey:
    return await survey(unit, roots, await sync.account(unit))


async def _known_with_history(unit: Reading, roots: tuple[OrganisationId, ...]) -> tuple[Survey, Told]:
    return await _known(unit, roots), await _told(unit)


async def of_node(unit: Reading, node: Organisation) -> Place:
    """Return one node with its own rooms and those that could be made there; what stands below it is read too."""
    known, told = await _known_with_history(unit, (node.id,))
    return _place(known, node, (), set(), told)


@pages.get("/rooms/<path:id>")
@requires(Right.MANAGE_ROOMS)
def show_one(id: str) -> str:  # noqa: A002
    """Show one room: who is in it, who is missing, who does not belong, and what is wrong."""
    roots, named = here().roots, {node.id for node in here().within(Right.READ_MEMBERS)}
    known, told = ask(lambda unit: _known_with_history(unit, roots))
    care = known.care(RoomId(id))
    if care is None:
        abort(404)
    line, by_name = _line(known, care, told), care.room.organisation in named
    return render_template(
        "rooms/show_one.html",
        line=line,
        care=care,
        polls=answers_polls(care.room),
        node=here().node(care.room.organisation),
        mendable={flaw for flaw in line.flaws if upkeep.can_mend(care, flaw)},
        mending=known.being_mended(care.room.id),
        leaving=known.on_the_way(care.room.id, Kind.REMOVE),
        by_name=by_name,
        masters=care.standing.masters() if care.standing is not None and by_name else (),
        makers=care.standing.makers() if care.standing is not None and by_name else (),
    )


@pages.post("/rooms/make")
@requires(Right.MANAGE_ROOMS)
def make() -> Answer:
    """Have a room made, and the spaces it is to stand in."""
    roots, node, purpose = here().roots, OrganisationId(request.form.get("node", "")), _purpose()

    async def decide(unit: Reading) -> Decided:
        chain = (await _known(unit, roots)).chain(node)
        return upkeep.make_room(purpose, chain) if chain else None

    return onward(settle(decide, actor=here().user), to=link("rooms.show"), done="room_coming")


def _purpose() -> Purpose:
    wanted = request.form.get("purpose", "")
    if wanted not in {*Purpose}:
        abort(400)
    return Purpose(wanted)


@pages.post("/rooms/<path:id>/invite")
@requires(Right.MANAGE_ROOMS)
def invite(id: str) -> Answer:  # noqa: A002
    """Ask everyone in who belongs and is missing."""
    roots, room = here().roots, RoomId(id)

    async def decide(unit: Reading) -> Decided:
        known = await _known(unit, roots)
        care = known.care(room)
        return upkeep.invite_missing(care, known.on_the_way(room, Kind.INVITE)) if care is not None else None

    return onward(settle(decide, actor=here().user), to=_back(room), done="inviting")


@pages.post("/rooms/<path:id>/mend")
@requires(Right.MANAGE_ROOMS)
def mend(id: str) -> Answer:  # noqa: A002
    """Have the bot put right what it can."""
    roots, room, flaw = here().roots, RoomId(id), request.form.get("flaw", "")
    encrypts = desk().settings.encrypted

    async def decide(unit: Reading) -> Decided:
        care = (await _known(unit, roots)).care(room)
        if care is None or flaw not in {*Flaw}:
            return None
        return upkeep.mend(care, Flaw(flaw), encrypts=encrypts)

    return onward(settle(decide, actor=here().user), to=_back(room), done="mending")


@pages.post("/rooms/<path:id>/follow")
@requires(Right.MANAGE_ROOMS)
def follow(id: str) -> Answer:  # noqa: A002
    """Have the bot look once more whether a room is to be followed into the one that replaces it."""
    roots, room = here().roots, RoomId(id)

    async def decide(unit: Reading) -> Decided:
        care = (await _known(unit, roots)).care(room)
        return look_again(care.room, await upgrades.upgrade(unit, room)) if care is not None else None

    return onward(settle(decide, actor=here().user), to=_back(room), done="following")


@pages.post("/rooms/<path:id>/remove")
@requires(Right.READ_MEMBERS)
def remove(id: str) -> Answer:  # noqa: A002
    """Show a person out who does not belong; one must be able to see who it is."""
    if not here().may(Right.MANAGE_ROOMS):
        abort(403)
    roots, room, user = here().roots, RoomId(id), UserId(request.form.get("user", ""))

    async def decide(unit: Reading) -> Decided:
        care = (await _known(unit, roots)).care(room)
        return upkeep.remove(care, user) if care is not None else None

    return onward(settle(decide, actor=here().user), to=_back(room), done="removing")


def _back(room: RoomId) -> str:
    return link("rooms.show_one", id=room)


@pages.get("/rooms/offered/<path:room>")
@requires(Right.MANAGE_ROOMS)
def look(room: str) -> str:
    """Show a room that waits for an owner, with everything that is wrong with it, before it is taken over."""
    roots, user = here().roots, here().user
    known, offered, _ = ask(lambda unit: _overview(unit, roots, user))
    found = next((one for one in offered if one.unclaimed.room == room), None)
    if found is None:
        abort(404)
    purposes = [one for one in Purpose if (one is Purpose.SPACE) is found.standing.is_space]
    return render_template(
        "rooms/offered.html",
        offered=found,
        flaws=upkeep.inspect(found.standing, Purpose.BRANCH, encrypts=desk().settings.encrypted),
        lacks=upkeep.abilities_missing(found.standing, Purpose.BRANCH),
        choices=[
            (node, [one for one in known.housed(node).missing if one in purposes])
            for node in here().within(Right.MANAGE_ROOMS)
        ],
    )


@pages.post("/rooms/offered/<path:room>")
@requires(Right.MANAGE_ROOMS)
def adopt(room: str) -> Answer:
    """Take a room over for a node."""
    at = here()
    place, _, chosen = request.form.get("place", "").rpartition(":")
    if chosen not in {*Purpose}:
        abort(400)
    purpose = Purpose(chosen)

    async def decide(unit: Reading) -> Decided:
        me = await sync.account(unit)
        known = await survey(unit, at.roots, me)
        node = next((one for one in known.seen if one.id == place), None)
        if node is None or me is None:
            return None
        owned, private = await rooms.room(unit, RoomId(room)), await rooms.direct_user(unit, RoomId(room))
        state = await standing(unit, RoomId(room), me)
        return upkeep.adopt(
            Claim(room=RoomId(room), node=node, purpose=purpose, by=at.user),
            state,
            owner=owned.organisation if owned is not None else None,
            private=private is not None,
            has=known.housed(node).has,
            name=(state.name if state is not None else None) or node.name,
            space=known.space(purpose, node),
        )

    return onward(settle(decide, actor=at.user), to=link("rooms.show"), done="adopted")
