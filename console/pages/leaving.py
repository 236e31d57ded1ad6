"""Leaving the roster: what it brings is shown first, with the rooms the person is in; and coming back."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from content.identifiers import MemberId, OrganisationId
from content.members import Member, leave_roster, return_to_roster
from content.organisations import Duty, Right
from content.rooms import Room
from storage import members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading
from storage.upkeep import rooms_with

pages = Blueprint("leaving", __name__)


async def _member(unit: Reading, id: MemberId, roots: tuple[OrganisationId, ...]) -> Member | None:  # noqa: A002
    member = await members.member(unit, id)
    inside = {node.id for node in await organisations.tree(unit, roots)}
    return member if member is not None and member.organisation in inside else None


async def _rooms(unit: Reading, member: Member) -> tuple[Room, ...]:
    return await rooms_with(unit, member.user) if member.user is not None else ()


async def _duties(unit: Reading, member: Member) -> tuple[Duty, ...]:
    return await organisations.duties_of(unit, member.user) if member.user is not None else ()


@pages.get("/members/<id>/leave")
@requires(Right.IMPORT_ROSTER)
def ask_first(id: str) -> str:  # noqa: A002
    """Show what leaving the roster brings, and out of which rooms the person would go."""
    roots = here().roots

    async def look(unit: Reading) -> tuple[Member, tuple[Room, ...], tuple[Duty, ...]] | None:
        member = await _member(unit, MemberId(id), roots)
        if member is None:
            return None
        return member, await _rooms(unit, member), await _duties(unit, member)

    found = ask(look)
    if found is None:
        abort(404)
    member, in_rooms, duties = found
    own = {node.id for node in here().within(Right.MANAGE_ROOMS)}
    return render_template(
        "leaving/ask.html",
        member=member,
        node=here().node(member.organisation),
        rooms=[room for room in in_rooms if room.organisation in own],
        elsewhere=[room for room in in_rooms if room.organisation not in own],
        duties=duties,
    )


@pages.post("/members/<id>/leave")
@requires(Right.IMPORT_ROSTER)
def leave(id: str) -> Answer:  # noqa: A002
    """Take the member off the roster, and out of the rooms that were ticked."""
    at, ticked = here(), set(request.form.getlist("room"))
    own = frozenset(node.id for node in at.within(Right.MANAGE_ROOMS))

    async def decide(unit: Reading) -> Decided:
        member = await _member(unit, MemberId(id), at.roots)
        if member is None:
            return None
        in_rooms = await _rooms(unit, member)
        return leave_roster(
            member,
            by=at.user,
            duties=await _duties(unit, member),
            within=frozenset(node.id for node in await organisations.tree(unit, at.roots)),
            out_of=tuple(room for room in in_rooms if room.id in ticked and room.organisation in own),
            now=unit.now,
        )

    to = link("participation.show_member", id=id)
    return onward(settle(decide, actor=at.user), to=to, done="member_left")


@pages.post("/members/<id>/return")
@requires(Right.IMPORT_ROSTER)
def come_back(id: str) -> Answer:  # noqa: A002
    """Put a member who had left back on the roster."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        member = await _member(unit, MemberId(id), roots)
        return return_to_roster(member) if member is not None else None

    to = link("participation.show_member", id=id)
    return onward(settle(decide, actor=here().user), to=to, done="member_returned")
