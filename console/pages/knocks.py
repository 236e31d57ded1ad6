"""敲门: everybody who asks to be let into a room, matched with the roster, to be let in or turned down at one desk."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, settle
from console.leaving_tables import leaves
from content import knocks
from content.identifiers import OrganisationId, RoomId, UserId
from content.members import Member
from content.organisations import Right
from content.upkeep import Care
from storage import knocks as stored
from storage import sync
from storage.store import Answer as Decided
from storage.unit import Reading
from storage.upkeep import doors

pages = Blueprint("knocks", __name__)


class Line(Struct, frozen=True, kw_only=True):
    """Somebody who knocks: at which room, since when where that was heard, and who they are on the roster."""

    user: UserId
    care: Care
    since: datetime | None
    member: Member | None

    @property
    def belongs(self) -> bool:
        """Tell whether roster or duty brings them there."""
        return self.care.may_stay(self.user)


@pages.get("/knocks")
@requires(Right.MANAGE_ROOMS)
@leaves("knocks", names=True)
def show() -> str:
    """List who knocks; names are for who sees the roster there."""
    roots, answering = here().roots, _answering()
    lines = [one for one in ask(lambda unit: _lines(unit, roots)) if one.care.room.organisation in answering]
    return render_template("knocks/show.html", lines=lines, days=knocks.PATIENCE.days)


def _answering() -> frozenset[OrganisationId]:
    """Return the nodes where one both manages the rooms and sees who is on the roster."""
    managed = {node.id for node in here().within(Right.MANAGE_ROOMS)}
    return frozenset(node.id for node in here().within(Right.READ_MEMBERS) if node.id in managed)


async def _lines(unit: Reading, roots: tuple[OrganisationId, ...]) -> list[Line]:
    known = await doors(unit, roots, await sync.account(unit))
    cares = [one for one in known.cares() if one.lost is None and one.knocking]
    since = await stored.since(unit, [one.room.id for one in cares])
    lines = [
        Line(
            user=user,
            care=care,
            since=since.get((care.room.id, user)),
            member=next((one.member for one in care.people if one.user == user), None),
        )
        for care in cares
        for user in care.knocking
    ]
    return sorted(lines, key=lambda one: (not one.belongs, one.care.room.name, one.user))


@pages.post("/knocks")
@requires(Right.READ_MEMBERS)
def answer() -> Answer:
    """Let somebody in, or turn them down; one must be able to see who it is."""
    if not here().may(Right.MANAGE_ROOMS):
        abort(403)
    form, by, roots = request.form, here().user, here().roots
    room, user, verdict = RoomId(form.get("room", "")), UserId(form.get("user", "")), form.get("verdict")
    if verdict not in ("let_in", "turn_down"):
        abort(400)
    answering = _answering()

    async def decide(unit: Reading) -> Decided:
        care = (await doors(unit, roots, await sync.account(unit), only=(room, user))).care(room)
        if care is None or care.room.organisation not in answering:
            return None
        if verdict == "let_in":
            return knocks.let_in(care, user, by=by, now=unit.now)
        return knocks.turn_down(care, user, by=by, now=unit.now)

    done = "knock_let_in" if verdict == "let_in" else "knock_turn_down"
    return onward(settle(decide, actor=by), to=link("knocks.show"), done=done)
