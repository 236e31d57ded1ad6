"""Leaving the roster or moving elsewhere: what it brings is shown first, with the rooms of the person; coming back."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.fresh import fresh
from console.people import branches, givable, open_nodes, visible
from console.undoing import undo_edit
from console.wording import today
from content import transfers
from content.decision import Refusal
from content.edits import Sort, departed
from content.members import Member, leave_roster, return_to_roster
from content.organisations import Duty, Organisation, Right
from content.rooms import Room
from storage import organisations
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading
from storage.upkeep import rooms_for, rooms_with

pages = Blueprint("leaving", __name__)


async def _rooms(unit: Reading, member: Member) -> tuple[Room, ...]:
    return await rooms_with(unit, member.user) if member.user is not None else ()


async def _duties(unit: Reading, member: Member) -> tuple[Duty, ...]:
    return await organisations.duties_of(unit, member.user) if member.user is not None else ()


@pages.get("/members/<id>/leave")
@requires(Right.IMPORT_ROSTER)
def ask_first(id: str) -> str:  # noqa: A002
    """Show what leaving the roster brings, and out of which rooms the person would go."""
    return render_template("leaving/ask.html", most=transfers.LONGEST_REASON, **_shown(_found(id)))


def _found(id: str) -> tuple[Member, tuple[Room, ...], tuple[Duty, ...]]:  # noqa: A002
    """Return a member whom this person may see, with their rooms and their duties, or answer that there is none."""
    roots = here().roots

    async def look(unit: Reading) -> tuple[Member, tuple[Room, ...], tuple[Duty, ...]] | None:
        member = await visible(unit, id, roots)
        if member is None:
            return None
        return member, await _rooms(unit, member), await _duties(unit, member)

    found = ask(look)
    if found is None:
        abort(404)
    return found


def _shown(found: tuple[Member, tuple[Room, ...], tuple[Duty, ...]]) -> dict[str, object]:
    member, in_rooms, duties = found
    own = {node.id for node in here().within(Right.MANAGE_ROOMS)}
    return {
        "member": member,
        "node": here().node(member.organisation),
        "rooms": [room for room in in_rooms if room.organisation in own],
        "elsewhere": [room for room in in_rooms if room.organisation not in own],
        "duties": duties,
    }


@pages.post("/members/<id>/leave")
@requires(Right.IMPORT_ROSTER)
@fresh
def leave(id: str) -> Answer:  # noqa: A002
    """Take the member off the roster, and out of the rooms that were ticked."""
    reason = request.form.get("reason", "").strip()[: transfers.LONGEST_REASON]
    outcome = settle(_leaving(id, sort=Sort.LEFT, reason=reason), actor=here().user)
    return onward(outcome, to=link("members.show_one", id=id), done="member_left", back=undo_edit)


def _leaving(id: str, *, sort: Sort, reason: str = "", other: str = "", on: str = "") -> Decide:  # noqa: A002
    at, ticked, by_form = here(), set(request.form.getlist("room")), cause()
    own = frozenset(node.id for node in at.within(Right.MANAGE_ROOMS))

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        in_rooms = await _rooms(unit, member)
        held = await givable(unit, member.user, by=at.user) if member.user is not None else ()
        answer = leave_roster(
            member,
            by=at.user,
            duties=tuple(duty for duty, _ in held),
            may_end=[duty for duty, may in held if may],
            out_of=tuple(room for room in in_rooms if room.id in ticked and room.organisation in own),
            now=unit.now,
        )
        return departed(
            answer,
            member,
            sort=sort,
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
            reason=reason,
            other=other,
            on=on,
        )

    return decide


@pages.post("/members/<id>/return")
@requires(Right.IMPORT_ROSTER)
def come_back(id: str) -> Answer:  # noqa: A002
    """Put a member who had left back on the roster."""
    at, by_form = here(), cause()

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        return departed(
            return_to_roster(member),
            member,
            sort=Sort.RETURNED,
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
        )

    return onward(
        settle(decide, actor=at.user), to=link("members.show_one", id=id), done="member_returned", back=undo_edit
    )


# --- moving elsewhere -------------------------------------------------------------------------------------------------


@pages.route("/members/<id>/transfer", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
@fresh
def transfer(id: str) -> Answer:  # noqa: A002
    """Transfer a member to another organisation of the tree, or out of it; history stays where it happened."""
    at, found = here(), _found(id)
    nodes = tuple(
        node
        for node in open_nodes(at.within(Right.IMPORT_ROSTER))
        if node.id != found[0].organisation and node.kind in transfers.STANDS_IN
    )
    if request.method == "GET":
        return _transfer_page(found, nodes, {"to": "", "other": "", "on": today().isoformat()}, None)
    written = {name: request.form.get(name, "").strip()[:200] for name in ("to", "other", "on")}
    wanted = transfers.read(written["to"], written["other"], written["on"], nodes=nodes, today=today())
    if isinstance(wanted, Refusal):
        return _transfer_page(found, nodes, written, wanted)
    to = link("members.show_one", id=id)
    if wanted.to is None:
        decide = _leaving(id, sort=Sort.TRANSFERRED_OUT, other=wanted.other, on=wanted.on.isoformat())
        return onward(settle(decide, actor=at.user), to=to, done="member_transferred", back=undo_edit)
    by_form, ticked = cause(), set(request.form.getlist("room"))
    own = frozenset(node.id for node in at.within(Right.MANAGE_ROOMS))

    async def within_the_tree(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        in_rooms = await _rooms(unit, member)
        going = replace(member, organisation=wanted.to) if wanted.to is not None else member
        return transfers.transfer(
            member,
            wanted,
            out_of=tuple(room for room in in_rooms if room.id in ticked and room.organisation in own),
            into=await rooms_for(unit, going),
            places=await branches(unit),
            cause=by_form,
            by=at.user,
            now=unit.now,
        )

    return onward(settle(within_the_tree, actor=at.user), to=to, done="member_transferred", back=undo_edit)


def _transfer_page(
    found: tuple[Member, tuple[Room, ...], tuple[Duty, ...]],
    nodes: tuple[Organisation, ...],
    written: dict[str, str],
    refusal: Refusal | None,
) -> Answer:
    page = render_template(
        "leaving/transfer.html",
        **_shown(found),
        nodes=nodes,
        written=written,
        refusals=[refusal] if refusal else [],
        by_field={refusal.field: refusal} if refusal and refusal.field else {},
    )
    return page, 422 if refusal else 200
