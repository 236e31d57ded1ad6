"""清理: what somebody wrote is counted first; who moderates sees how much, has it taken back, and may stop that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from flask import Blueprint, abort, g, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.leaving_tables import leaves, up_to
from console.pages.cases import EVERYWHERE, account_of, me_of
from content import cleanings
from content.cleanings import SPANS, State, Wanted
from content.decision import Refusal
from content.identifiers import CleaningId, OrganisationId, RoomId, UserId, derive
from content.organisations import Right
from content.sanctions import Reason
from storage import cleanings as stored
from storage import duties, members, rooms, sanctions
from storage.cleanings import Told
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("cleanings", __name__)

AT_ONCE = 50
USUALLY = "1h"
_FIELDS = ("user", "where", "span", "reason", "said")


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed for a cleaning, and why it was not taken."""

    user: str = ""
    where: str = ""
    span: str = USUALLY
    reason: str = Reason.FLOOD
    said: str = ""
    refusal: Refusal | None = None


@pages.get("/cleanings")
@requires(Right.MODERATE)
@leaves("cleanings", names=True)
def show() -> str:
    """List what was taken back, the newest first."""
    roots, user, most = here().roots, here().user, up_to(AT_ONCE)
    found = ask(lambda unit: stored.newest(unit, roots, reader=user, limit=most))
    return render_template("cleanings/show.html", found=found, names=_names(found))


def _names(found: tuple[Told, ...]) -> Mapping[str, str]:
    people = {one.cleaning.user for one in found} | {one.cleaning.by for one in found}
    people |= {one.ended_by for one in found if one.ended_by is not None}
    return ask(lambda unit: duties.names_of(unit, people))


@pages.get("/cleanings/new")
@requires(Right.MODERATE)
def ask_new() -> Answer:
    """Show the form."""
    return _form(Typed(user=request.args.get("user", "")[:255], where=request.args.get("where", "")[:255]))


def _form(typed: Typed) -> Answer:
    at = here()
    known = ask(lambda unit: rooms.rooms_of(unit, at.roots))
    page = render_template(
        "cleanings/new.html",
        typed=typed,
        places=at.within(Right.MODERATE),
        rooms=[one for one, lost in known if lost is None and one.purpose != "space"],
        everywhere=EVERYWHERE,
        spans=list(SPANS),
        reasons=list(Reason),
        most=cleanings.LONGEST_REASON,
    )
    return (page, 422) if typed.refusal is not None else page


@pages.post("/cleanings/new")
@requires(Right.MODERATE)
def count() -> Answer:
    """Have what somebody wrote counted, in one room or in all of a place."""
    form, by, made, roots = request.form, here().user, cause(), here().roots
    user, where, span, reason, said = (form.get(name, "").strip() for name in _FIELDS)
    typed = Typed(user=user, where=where, span=span, reason=reason, said=said)
    if typed.span not in SPANS or typed.reason not in frozenset(Reason):
        abort(400)
    at = {one.id for one in here().within(Right.MODERATE)}

    async def decide(unit: Reading) -> Decided:
        whom = await account_of(unit, typed.user, roots)
        if isinstance(whom, Refusal):
            return whom
        place, only = await _where(unit, typed.where)
        if place not in at:
            return None
        me = await me_of(unit)
        frame = await sanctions.frame(unit, whom, place, by=by, me=me, only=only)
        wanted = Wanted(
            user=whom, at=place, sites=frame.sites, span=SPANS[typed.span], reason=Reason(typed.reason), said=typed.said
        )
        under_way = await stored.under_way(unit, whom)
        return cleanings.ask(wanted, by=by, me=me, exempt=frame.exempt, under_way=under_way, cause=made, now=unit.now)

    outcome = settle(decide, actor=by)
    if outcome.refusal is not None:
        return _form(replace(typed, refusal=outcome.refusal))
    return onward(outcome, to=link("cleanings.show_one", id=derive(made, "cleaning")), done="cleaning_counts")


async def _where(unit: Reading, where: str) -> tuple[OrganisationId | None, list[RoomId] | None]:
    """Return the node that was chosen, and the room, where it was one alone."""
    everywhere, _, node = where.partition(":") if where.startswith(f"{EVERYWHERE}:") else ("", "", "")
    if everywhere:
        return OrganisationId(node), None
    room = await rooms.room(unit, RoomId(where))
    return (room.organisation, [room.id]) if room is not None else (None, None)


@pages.get("/cleanings/<id>")
@requires(Right.MODERATE)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one: how much was found where, how far it has come, and what can be done."""
    roots, user = here().roots, here().user
    told = ask(lambda unit: stored.told(unit, CleaningId(id), roots, reader=user))
    if told is None:
        abort(404)
    member = ask(lambda unit: members.by_user(unit, told.cleaning.user))
    g.looked_at = ("case", member.id) if member is not None else None
    stuck = any(one.state == "stuck" for one in told.places)
    return render_template(
        "cleanings/show_one.html",
        told=told,
        one=told.cleaning,
        names=_names((told,)),
        why=cleanings.why(told.cleaning),
        moving=told.cleaning.state in (State.LOOKING, State.RUNNING) and not stuck,
        stuck=stuck,
    )


@pages.post("/cleanings/<id>/begin")
@requires(Right.MODERATE)
def begin(id: str) -> Answer:  # noqa: A002
    """Take back what was counted."""

    async def verb(unit: Reading, told: Told, by: UserId, *, exempt: bool) -> Decided:
        return cleanings.begin(told.cleaning, by=by, exempt=exempt, now=unit.now)

    return _in_cleaning(id, verb, done="cleaning_begun")


@pages.post("/cleanings/<id>/stop")
@requires(Right.MODERATE)
def stop(id: str) -> Answer:  # noqa: A002
    """Stop taking back, or let be what was only counted."""

    async def verb(unit: Reading, told: Told, by: UserId, *, exempt: bool) -> Decided:
        return cleanings.stop(told.cleaning, by=by, now=unit.now)

    return _in_cleaning(id, verb, done="cleaning_stopped")


@pages.post("/cleanings/<id>/on")
@requires(Right.MODERATE)
def go_on(id: str) -> Answer:  # noqa: A002
    """Go on with what was stopped, or could not go on."""

    async def verb(unit: Reading, told: Told, by: UserId, *, exempt: bool) -> Decided:
        return cleanings.go_on(told.cleaning, told.left, by=by, exempt=exempt, now=unit.now)

    return _in_cleaning(id, verb, done="cleaning_begun")


def _in_cleaning(id: str, verb: Callable[..., Awaitable[Decided]], *, done: str) -> Answer:  # noqa: A002
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        told = await stored.told(unit, CleaningId(id), roots, reader=user)
        if told is None:
            return None
        one = told.cleaning
        frame = await sanctions.frame(
            unit, one.user, one.organisation, by=user, me=await me_of(unit), only=list(one.rooms)
        )
        return await verb(unit, told, user, exempt=frame.exempt)

    return onward(settle(decide, actor=user), to=link("cleanings.show_one", id=id), done=done)
