"""封禁名单: policy rooms of others, whom they would mean here, and the lists that are held to since two agreed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward
from console.desk import ask, cause, settle
from console.leaving_tables import leaves
from console.pages.cases import me_of
from content import policies
from content.decision import Refusal
from content.identifiers import OrganisationId, PolicyListId, UserId, derive
from content.organisations import Right
from content.policies import Entity, Hit, State
from storage import duties, organisations
from storage import policies as stored
from storage.policies import Kept, Told
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("policies", __name__)

MOST_SHOWN = 200


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that a list's page shows: how many rules of each kind, whom they mean here, and who is kept out.

    ``passed_over`` is how many rules are not held to.
    """

    told: Told
    rules: Mapping[str, int]
    passed_over: int
    hits: tuple[Hit, ...]
    standing: tuple[Kept, ...]
    yours: bool
    unread: bool
    names: Mapping[str, str]
    rooms: Mapping[str, str]


@pages.get("/policies")
@requires(Right.MODERATE)
@leaves("policies")
def show() -> str:
    """List the policy rooms that are looked at or held to."""
    return render_template("policies/show.html", **_listed(None, "", None))


def _listed(refusal: Refusal | None, address: str, place: str | None) -> dict[str, object]:
    at = here()
    found = ask(lambda unit: stored.lists(unit, at.roots))
    places = at.offer(at.within(Right.MODERATE), place)
    return {"found": found, "places": places, "refusal": refusal, "address": address, "most": policies.LONGEST_ADDRESS}


@pages.post("/policies")
@requires(Right.MODERATE)
def add() -> Answer:
    """Go and look at a policy room."""
    by, made, address = here().user, cause(), request.form.get("address", "")
    node = next((one for one in here().within(Right.MODERATE) if one.id == request.form.get("place")), None)
    if node is None:
        abort(404)

    async def decide(unit: Reading) -> Decided:
        known = [one.list for one in await stored.lists(unit, [node.id])]
        return policies.add(address, node.id, known=known, by=by, cause=made, now=unit.now)

    outcome = settle(decide, actor=by)
    if outcome.refusal is not None:
        return render_template("policies/show.html", **_listed(outcome.refusal, address, node.id)), 422
    return onward(outcome, to=link("policies.show_one", id=derive(made, "policy list")), done="policy_added")


@pages.get("/policies/<id>")
@requires(Right.MODERATE)
@leaves("policy", names=True)
def show_one(id: str) -> str:  # noqa: A002
    """Show one list: what it says, and whom of those in our rooms it means, before and after it is held to."""
    roots, user = here().roots, here().user
    seen = ask(lambda unit: _look(unit, PolicyListId(id), roots, user))
    if seen is None:
        abort(404)
    return render_template("policies/show_one.html", seen=seen, one=seen.told.list, entities=list(Entity))


async def _look(
    unit: Reading,
    id: PolicyListId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    user: UserId,
) -> Seen | None:
    told = await stored.list_of(unit, id, roots)
    if told is None:
        return None
    me = await me_of(unit)
    rules = (await stored.rules_of(unit, told.list)).sparing(me)
    hits = await stored.hits_of(unit, told.list, rules, me) if told.list.state is not State.ENDED else ()
    standing = await stored.standing(unit, id)
    hit, banned = hits[:MOST_SHOWN], [one.ban for one in standing[:MOST_SHOWN]]
    people = {told.list.by, *(one.user for one in hit), *(one.rule.by for one in hit), *(one.user for one in banned)}
    people |= {who for who in (told.list.wanted_by, told.applied_by, told.ended_by) if who is not None}
    return Seen(
        told=told,
        rules={entity: rules.number_of(entity) for entity in Entity},
        passed_over=rules.passed_over,
        hits=hits,
        standing=standing,
        yours=told.list.state is State.WANTED and user in await _others(unit, told, told.list.wanted_by or user),
        unread=told.list.state is State.APPLIED and not await stored.is_read(unit, told.list, me),
        names=await duties.names_of(unit, people),
        rooms=await stored.names_of_rooms(unit, [*(one.room for one in hit), *(one.room for one in banned)]),
    )


async def _others(unit: Reading, told: Told, by: UserId) -> tuple[UserId, ...]:
    """Return whose word counts beside somebody's."""
    at = told.list.organisation
    alike = await organisations.same_hand_at(unit, at, Right.MODERATE, by)
    held = await organisations.holders_of(unit, at, Right.MODERATE)
    return tuple(one for one in held if one not in alike and one != by)


@pages.post("/policies/<id>/apply")
@requires(Right.MODERATE)
def apply(id: str) -> Answer:  # noqa: A002
    """Want a list held to, or agree to it."""

    async def verb(unit: Reading, told: Told, by: UserId) -> Decided:
        others = await _others(unit, told, told.list.wanted_by or by)
        return policies.apply(told.list, by=by, others=others, now=unit.now)

    return _in_list(id, verb, done="policy_applied")


@pages.post("/policies/<id>/end")
@requires(Right.MODERATE)
def end(id: str) -> Answer:  # noqa: A002
    """Hold to a list no longer."""

    async def verb(unit: Reading, told: Told, by: UserId) -> Decided:
        bans = [one.ban for one in await stored.standing(unit, told.list.id)]
        alone = await stored.is_alone(unit, told.list)
        return policies.end(told.list, bans, alone=alone, by=by, now=unit.now)

    return _in_list(id, verb, done="policy_ended")


def _in_list(id: str, verb: Callable[[Reading, Told, UserId], Awaitable[Decided]], *, done: str) -> Answer:  # noqa: A002
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        told = await stored.list_of(unit, PolicyListId(id), roots)
        return await verb(unit, told, user) if told is not None else None

    return onward(settle(decide, actor=user), to=link("policies.show_one", id=id), done=done)
