"""Erasing what is held about a person: what goes, what stays and why, what comes first, and who else agrees."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, done_once, onward
from console.desk import ask, cause, desk, now, settle
from console.fresh import fresh
from console.people import names_of, visible
from console.undoing import way_back
from content import erasure
from content.approvals import LASTS, Act, Proposal
from content.decision import Refusal, refused
from content.duties import SETTLES
from content.erasure import Held
from content.identifiers import OrganisationId, ProposalId, RoomId, UserId, derive
from content.members import Member
from content.organisations import Duty, Right
from content.rooms import Room
from storage import approvals, erased_people, organisations
from storage.erased_people import Extent
from storage.store import Answer as Decided
from storage.unit import Reading
from storage.upkeep import rooms_with

pages = Blueprint("erasure", __name__)


class Matter(Struct, frozen=True, kw_only=True):
    """A person, how things stand with them, who leads over their place, and whether somebody waits for an answer.

    ``newly`` are those who do not count yet, because they are too near to who asks; they are not in ``over``.
    """

    member: Member
    held: Held
    over: tuple[Duty, ...]
    newly: frozenset[UserId]
    waiting: Proposal | None


async def _matter(
    unit: Reading,
    id: str,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    user: UserId,
) -> Matter | None:
    member = await visible(unit, id, roots)
    if member is None:
        return None
    proposals = await approvals.waiting(unit, [member.organisation], acts=[Act.ERASE_PERSON])
    waiting = next((one for one in proposals if one.subject == member.id), None)
    asks, right = waiting.by if waiting is not None else user, Right.IMPORT_ROSTER
    newly = await organisations.same_hand_at(unit, member.organisation, right, asks) - {asks}
    over = await organisations.duties_over(unit, member.organisation)
    return Matter(
        member=member,
        held=await erased_people.held(unit, member.id, roots),
        over=tuple(duty for duty in over if duty.user not in newly),
        newly=newly,
        waiting=waiting,
    )


async def _rooms(unit: Reading, held: Held) -> tuple[Room, ...]:
    found = {room.id: room for user in held.accounts for room in await rooms_with(unit, user)}
    return tuple(found.values())


@pages.get("/members/<id>/erase")
@requires(Right.IMPORT_ROSTER)
def show(id: str) -> Answer:  # noqa: A002
    """Show what would go and what would stay, what has to be done first, and who has to agree."""
    return _page(id)


def _page(id: str, *, typed: str = "", refusal: Refusal | None = None) -> Answer:  # noqa: A002
    user, roots = here().user, here().roots

    async def look(unit: Reading) -> tuple[Matter, Extent, tuple[Room, ...], dict[UserId, str]] | None:
        matter = await _matter(unit, id, roots, user)
        if matter is None:
            return None
        by = await names_of(unit, [matter.waiting.by]) if matter.waiting else {}
        return matter, await erased_people.extent(unit, matter.held), await _rooms(unit, matter.held), by

    found = ask(look)
    if found is None:
        abort(404)
    matter, extent, in_rooms, names = found
    own = {node.id for node in here().within(Right.MANAGE_ROOMS)}
    waiting = matter.waiting
    page = render_template(
        "erasure/show.html",
        member=matter.member,
        held=matter.held,
        in_the_way=erasure.in_the_way(matter.member, matter.held),
        extent=extent,
        rooms=[room for room in in_rooms if room.organisation in own],
        elsewhere=[room for room in in_rooms if room.organisation not in own],
        waiting=waiting,
        names=names,
        yours=waiting is not None and user in erasure.second_persons(matter.over, matter.held, by=waiting.by),
        mine=waiting is not None and waiting.by == user,
        alone=not erasure.second_persons(matter.over, matter.held, by=user),
        days=LASTS.days,
        backups_until=_backups_until(),
        typed=typed,
        refusal=refusal,
    )
    return (page, 422) if refusal is not None else page


def _backups_until() -> datetime | None:
    """Return when the last backup that holds a person of today is let go of, if that is known."""
    days = desk().settings.backup_days
    return now() + timedelta(days=days) if days else None


@pages.post("/members/<id>/erase")
@requires(Right.IMPORT_ROSTER)
@fresh
def propose(id: str) -> Answer:  # noqa: A002
    """Put the erasure before another person."""
    typed, user, roots = request.form.get("typed", "")[:200], here().user, here().roots
    name = ProposalId(derive(cause(), "proposal"))

    async def decide(unit: Reading) -> Decided:
        matter = await _matter(unit, id, roots, user)
        if matter is None:
            return None
        waiting = (matter.waiting,) if matter.waiting else ()
        return erasure.propose_erasure(
            matter.member, matter.held, matter.over, by=user, typed=typed, waiting=waiting, id=name, now=unit.now
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, typed=typed, refusal=outcome.refusal)
    to = link("erasure.show", id=id)
    return done_once(outcome, to, "erasure_proposed", lambda: way_back("erasure.decline", id=id))


@pages.post("/members/<id>/erase/agree")
@requires(Right.IMPORT_ROSTER)
@fresh
def agree(id: str) -> Answer:  # noqa: A002
    """Agree, so that the person is erased at once."""
    typed, user, roots = request.form.get("typed", "")[:200], here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        matter = await _matter(unit, id, roots, user)
        if matter is None or matter.waiting is None:
            return None
        if user in matter.newly:
            return refused("approvals.too_new", days=SETTLES.days)
        return erasure.agree(
            matter.waiting, matter.member, matter.held, matter.over, by=user, typed=typed, now=unit.now
        )

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _page(id, typed=typed, refusal=outcome.refusal)
    gone = desk().bridge(desk().store.forget_deleted())
    return onward(outcome, to=link("members.show"), done="person_erased" if gone else "person_erased_soon")


@pages.post("/members/<id>/erase/decline")
@requires(Right.IMPORT_ROSTER)
def decline(id: str) -> Answer:  # noqa: A002
    """Decline, or take one's own proposal back."""
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        matter = await _matter(unit, id, roots, user)
        if matter is None or matter.waiting is None:
            return None
        return erasure.decline(matter.waiting, matter.held, matter.over, by=user, now=unit.now)

    return onward(settle(decide, actor=user), to=link("erasure.show", id=id), done="proposal_declined")


@pages.post("/members/<id>/erase/rooms")
@requires(Right.IMPORT_ROSTER)
def show_out(id: str) -> Answer:  # noqa: A002
    """Have the person shown out of the rooms that were ticked."""
    ticked = {RoomId(room) for room in request.form.getlist("room")}
    user, roots, places = here().user, here().roots, {node.id for node in here().within(Right.MANAGE_ROOMS)}

    async def decide(unit: Reading) -> Decided:
        matter = await _matter(unit, id, roots, user)
        if matter is None:
            return None
        chosen = [one for one in await _rooms(unit, matter.held) if one.id in ticked and one.organisation in places]
        return erasure.show_out(chosen, matter.held.accounts)

    return onward(settle(decide, actor=user), to=link("erasure.show", id=id), done="removing")
