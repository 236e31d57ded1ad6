"""Who holds which duty where: shown to who leads, given and ended by who may, by two persons where that takes two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import MOST_OFFERED, here, requires
from console.addresses import link
from console.answering import Answer, done_once, onward
from console.desk import ask, cause, now, settle
from console.fresh import fresh
from console.tables import Table, hand_out
from console.undoing import Undo, way_back
from console.wording import fully, local, t
from content import duties, moves, structure
from content.approvals import LASTS, OF_DUTIES, Act, Proposal, Proposed
from content.decision import Decision, Refusal, refused
from content.identifiers import OrganisationId, ProposalId, UserId, derive
from content.organisations import RIGHTS, Duty, Organisation, Right, Role
from storage import approvals, organisations
from storage import duties as stored
from storage.store import Answer as Decided
from storage.store import Outcome
from storage.unit import Reading

pages = Blueprint("duties", __name__)

MOST_PAST = 20


class Typed(Struct, frozen=True, kw_only=True):
    """What was chosen in the form, and why it was not taken."""

    user: str = ""
    role: str = ""
    place: str = ""
    refusal: Refusal | None = None


class Matter(Struct, frozen=True, kw_only=True):
    """A proposal as the page shows it; ``mine`` may be taken back, ``yours`` may be answered."""

    proposal: Proposal
    mine: bool
    yours: bool


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that the page shows, and the names of those on the roster."""

    held: tuple[stored.Held, ...]
    waiting: tuple[Matter, ...]
    past: tuple[Proposal, ...]
    names: Mapping[str, str]
    elsewhere: Mapping[str, str]
    """What places are called that stand outside of what the person sees, and to which something is to be moved."""


@pages.get("/duties")
@requires(Right.READ_MEMBERS)
def show() -> Answer:
    """Show who holds what, what waits for a second person, and the form to give a duty."""
    return _page(Typed())


@pages.get("/duties/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
def export(format: str) -> Response:  # noqa: A002
    """Hand out who holds what, as the screen shows it."""
    at = here()
    roots, user = at.roots_for(Right.READ_MEMBERS), at.user
    seen = ask(lambda unit: _look(unit, roots, user))
    table = Table(
        title=t("nav.duties"),
        header=(
            *(t("duties.place"), t("duties.person"), t("duties.account")),
            *(t("duties.role"), t("duties.since"), t("duties.given_by")),
        ),
        rows=tuple(_cells(one, seen.names) for one in seen.held),
    )
    footer = t("exports.footer", at=fully(now()), n=len(table.rows))
    return hand_out(table, format, "duties", footer, back=link("duties.show"))


def _cells(one: stored.Held, names: Mapping[str, str]) -> tuple[str | None, ...]:
    user, by = one.duty.user, one.by or ""
    return (
        one.place,
        one.name or names.get(user),
        user,
        t(f"duties.role_{one.duty.role}"),
        f"{local(one.since):%Y-%m-%d}" if one.since else t("duties.since_founding"),
        names.get(by, by) or None,
    )


@pages.post("/duties")
@requires(Right.GRANT_DUTIES)
@fresh
def grant() -> Answer:
    """Give a person a role at a node; who is named by their name is shown with their account first."""
    user, role, place = (request.form.get(name, "").strip() for name in ("user", "role", "place"))
    if role not in frozenset(Role):
        abort(400)
    desk = _Desk(by=here().user, roots=here().roots, id=_new_id())
    if not user.startswith("@"):
        return _second_look(user, role, place)
    duty = Duty(user=UserId(user), organisation=OrganisationId(place), role=Role(role))

    async def decide(unit: Reading) -> Decided:
        return await desk.change(unit, Act.GRANT_DUTY, duty)

    outcome = settle(decide, actor=desk.by)
    if outcome.refusal is not None:
        return _page(Typed(user=user, role=role, place=place, refusal=outcome.refusal))
    return _changed(outcome, "duty_granted", lambda: _opposite("duties.end", duty))


def _second_look(name: str, role: str, place: str) -> Answer:
    """Show whose account a name means before anything is given to it."""
    node = next((one for one in here().within(Right.GRANT_DUTIES) if one.id == place), None)
    if node is None:
        abort(404)
    found = ask(lambda unit: _account(unit, name, here().roots))
    if isinstance(found, Refusal):
        return _page(Typed(user=name, role=role, place=place, refusal=found))
    return render_template("duties/look.html", name=name, user=found, role=role, place=node)


@pages.post("/duties/end")
@requires(Right.READ_MEMBERS)
@fresh
def end() -> Answer:
    """End a role that a person holds at a node: by who may give it, or one's own."""
    user, role, place = (request.form.get(name, "") for name in ("user", "role", "place"))
    if role not in frozenset(Role):
        abort(400)
    duty = Duty(user=UserId(user), organisation=OrganisationId(place), role=Role(role))

    desk = _Desk(by=here().user, roots=here().roots, id=_new_id())

    async def decide(unit: Reading) -> Decided:
        return await desk.change(unit, Act.END_DUTY, duty)

    outcome = settle(decide, actor=desk.by)
    if outcome.refusal is not None:
        return onward(outcome, to=link("duties.show"), done="duty_ended")
    # Who lays down their own may not be the one to give it again.
    back = None if duty.user == desk.by else lambda: _opposite("duties.grant", duty)
    return _changed(outcome, "duty_ended", back)


@pages.post("/duties/proposals/<id>/approve")
@requires(Right.GRANT_DUTIES)
@fresh
def approve(id: str) -> Answer:  # noqa: A002
    """Agree to what somebody proposed."""
    return _answer(id, agree=True, done="proposal_approved")


@pages.post("/duties/proposals/<id>/decline")
@requires(Right.GRANT_DUTIES)
def decline(id: str) -> Answer:  # noqa: A002
    """Decline what somebody proposed, or take one's own proposal back."""
    return _answer(id, agree=False, done="proposal_declined")


def _answer_move(
    proposal: Proposal, ends: moves.Ends, nodes: tuple[Organisation, ...], user: UserId, now: datetime, *, agree: bool
) -> Decided:
    if not agree:
        return moves.decline(proposal, ends, by=user, now=now)
    done = partial(structure.move, ends.node, ends.to, nodes=nodes)
    return moves.approve(proposal, ends, done, by=user, now=now)


def _answer(id: str, *, agree: bool, done: str) -> Answer:  # noqa: A002
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        proposal = await approvals.proposal(unit, ProposalId(id), roots, acts=OF_DUTIES)
        at = await organisations.organisation(unit, proposal.organisation) if proposal is not None else None
        if proposal is None or at is None:
            return None
        if proposal.act is Act.MOVE_NODE:
            ends = await stored.ends_of_move(unit, at.id, OrganisationId(proposal.subject))
            nodes = await organisations.tree(unit)
            return _answer_move(proposal, ends, nodes, user, unit.now, agree=agree) if ends is not None else None
        over = await organisations.duties_over(unit, proposal.organisation)
        rule = duties.approve_change if agree else duties.decline_change
        return rule(proposal, at, over, by=user, now=unit.now)

    return onward(settle(decide, actor=user), to=link("duties.show"), done=done)


class _Desk(Struct, frozen=True, kw_only=True):
    """Who changes duties, where they may be seen to, and the name that a proposal of theirs would have."""

    by: UserId
    roots: tuple[OrganisationId, ...]
    id: ProposalId

    async def change(self, unit: Reading, act: Act, duty: Duty) -> Decided:
        """Decide a change at a node that the person may see; ``None`` for any other."""
        at = await organisations.organisation(unit, duty.organisation)
        if at is None or not await organisations.stands_below(unit, at.id, self.roots):
            return None
        over = await organisations.duties_over(unit, at.id)
        waiting = await approvals.waiting(unit, [at.id], acts=OF_DUTIES)
        return duties.change_duty(act, duty, at, over, by=self.by, waiting=waiting, id=self.id, now=unit.now)


def _new_id() -> ProposalId:
    return ProposalId(derive(cause(), "proposal"))


async def _account(unit: Reading, typed: str, roots: tuple[OrganisationId, ...]) -> UserId | Refusal:
    """Return the account of the person of a name on the roster."""
    found = await stored.accounts_by_name(unit, typed, roots) if typed else ()
    if len(found) > 1:
        return refused("duties.several_of_the_name", field="user", name=typed)
    if not found:
        return refused("duties.nobody_of_the_name", field="user", name=typed)
    return found[0] if found[0] is not None else refused("duties.name_without_account", field="user", name=typed)


def _changed(outcome: Outcome, done: str, back: Callable[[], Undo] | None) -> Answer:
    """Go on to the page, with the way back: to what was before, or of a proposal to its being taken back."""
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    proposal = next((fact.proposal for fact in facts if isinstance(fact, Proposed)), None)
    if proposal is not None:
        return done_once(
            outcome, link("duties.show"), "duty_proposed", lambda: way_back("duties.decline", id=proposal.id)
        )
    return done_once(outcome, link("duties.show"), done, back)


def _opposite(endpoint: str, duty: Duty) -> Undo:
    return way_back(endpoint, fields={"user": duty.user, "role": duty.role.value, "place": duty.organisation})


def _page(typed: Typed) -> Answer:
    at = here()
    roots, places = at.roots_for(Right.READ_MEMBERS), at.within(Right.GRANT_DUTIES)
    rights = {node.id: at.rights_at(node.id) for node in places}
    seen = ask(lambda unit: _look(unit, roots, at.user))
    page = render_template(
        "duties/show.html",
        held=[(one, _may_end(one.duty, at.user, rights)) for one in seen.held],
        resettable=_resettable(seen.held, at.user, rights),
        seen=seen,
        places=at.offer(places, typed.place) if places else "",
        deep=len(places) > MOST_OFFERED,
        node_names={node.id: node.name for node in at.nodes},
        roles=[role for role in Role if any(duties.may_give(role, held) for held in rights.values())],
        rights_of_roles=RIGHTS,
        days=LASTS.days,
        typed=typed,
    )
    return (page, 422) if typed.refusal is not None else page


def _may_end(duty: Duty, user: UserId, rights: Mapping[OrganisationId, frozenset[Right]]) -> bool:
    return duty.user == user or duties.may_give(duty.role, rights.get(duty.organisation, frozenset()))


def _resettable(
    held: Iterable[stored.Held], user: UserId, rights: Mapping[OrganisationId, frozenset[Right]]
) -> set[UserId]:
    """Return the people of the page whose sign-in the person may reset: others, all of whose duties they may give."""
    theirs: dict[UserId, bool] = {}
    for one in held:
        may = duties.may_give(one.duty.role, rights.get(one.duty.organisation, frozenset()))
        theirs[one.duty.user] = theirs.get(one.duty.user, True) and may
    return {other for other, may in theirs.items() if may and other != user}


async def _look(unit: Reading, roots: tuple[OrganisationId, ...], user: UserId) -> Seen:
    held = await stored.held_within(unit, roots)
    past = await approvals.past(unit, roots, acts=OF_DUTIES, limit=MOST_PAST)
    matters = [
        Matter(proposal=one, mine=one.by == user, yours=yours)
        for one, yours in await stored.proposals(unit, roots, user)
    ]
    users: set[str] = {name for one in held for name in (one.duty.user, one.by) if name is not None}
    users |= {
        name
        for one in (*past, *(matter.proposal for matter in matters))
        for name in (one.subject, one.by, one.decided_by)
        if name is not None
    }
    moving = {one.subject for one in (*past, *(matter.proposal for matter in matters)) if one.act is Act.MOVE_NODE}
    places = [await organisations.organisation(unit, OrganisationId(one)) for one in sorted(moving)]
    return Seen(
        held=held,
        waiting=tuple(matters),
        past=past,
        names=await stored.names_of(unit, users),
        elsewhere={place.id: place.name for place in places if place is not None},
    )
