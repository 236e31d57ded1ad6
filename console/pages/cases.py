"""群内秩序: the desk of who moderates: cases, what was done in each and may be done in its rooms, appeals, notes."""

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
from content import appeals, cases, ladder
from content.approvals import Act, Proposal
from content.cases import Case, CaseOpened, Evidence
from content.decision import Decision, Refusal, refused
from content.identifiers import CaseId, OrganisationId, ProposalId, RoomId, SanctionId, UserId, derive
from content.muting import hindrance
from content.organisations import Right
from content.sanctions import HURTS, LENGTHS, USUAL, Hindrance, Reason, Sanction, Step, Want, suggested
from storage import approvals, duties, members, organisations, sanctions, sync
from storage import cases as stored
from storage.sanctions import Told
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("cases", __name__)

AT_ONCE = 50
LONGEST_SEARCH = 80
EVERYWHERE = "everywhere"
USUALLY = "usual"


class Typed(Struct, frozen=True, kw_only=True):
    """What was typed for a case, and why it was not taken."""

    user: str = ""
    place: str = ""
    evidence: str = ""
    refusal: Refusal | None = None


class Reach(Struct, frozen=True, kw_only=True):
    """What the bot may do to the person in a room; for each measure what is in the way, if anything is."""

    room: RoomId
    name: str
    ways: Mapping[str, Hindrance | None]


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that a case's page shows; ``names`` are those of accounts on the roster."""

    case: Case
    place: str
    done: tuple[Told, ...]
    notes: tuple[stored.Note, ...]
    evidence: tuple[Evidence, ...]
    reach: tuple[Reach, ...]
    proposal: Proposal | None
    mine: bool
    yours: bool
    reviewing: frozenset[SanctionId]
    exempt: bool
    others: tuple[UserId, ...]
    next: Step
    names: Mapping[str, str]


@pages.get("/cases")
@requires(Right.MODERATE)
@leaves("cases", names=True)
def show() -> str:
    """List cases, the newest first, and which of them wait for somebody."""
    roots, reader = here().roots, here().user
    wanted = " ".join(request.args.get("q", "")[:LONGEST_SEARCH].split())
    typed = request.args.get("before", "")
    before = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None
    most = up_to(AT_ONCE)

    async def look(
        unit: Reading,
    ) -> tuple[tuple[stored.Line, ...], dict[CaseId, Sanction], frozenset[CaseId], Mapping[str, str]]:
        found = await stored.lines(unit, roots, reader=reader, text=wanted, before=before, limit=most + 1)
        ids = [line.case.id for line in found]
        last = await sanctions.newest_of_cases(unit, ids)
        names = await duties.names_of(unit, [line.case.opened_by for line in found])
        return found, last, await sanctions.waits(unit, ids), names

    found, last, waits, names = ask(look)
    return render_template(
        "cases/show.html",
        lines=found[:most],
        more=found[most - 1].case.number if len(found) > most else None,
        last=last,
        waits=waits,
        names=names,
        wanted=wanted,
        longest=LONGEST_SEARCH,
    )


@pages.get("/cases/new")
@requires(Right.MODERATE)
def ask_new() -> Answer:
    """Show the form for a new case."""
    user, place = request.args.get("user", "")[:255], request.args.get("place", "")[:32]
    return _form(Typed(user=user, place=place))


@pages.post("/cases/new")
@requires(Right.MODERATE)
def open_one() -> Answer:
    """Open a case about a person, named by account or by name, at a place."""
    user, place, evidence = (request.form.get(name, "").strip() for name in ("user", "place", "evidence"))
    typed = Typed(user=user, place=place, evidence=evidence)
    node = next((one for one in here().within(Right.MODERATE) if one.id == typed.place), None)
    if node is None:
        abort(404)
    by, made, roots = here().user, cause(), here().roots

    async def decide(unit: Reading) -> Decided:
        whom = await account_of(unit, typed.user, roots)
        if isinstance(whom, Refusal):
            return whom
        number = await stored.next_number(unit)
        case = cases.open_case(whom, node.id, number=number, by=by, cause=made, now=unit.now)
        if isinstance(case, Refusal):
            return case
        opened = CaseOpened(case=case)
        if not typed.evidence:
            return Decision(facts=(opened,))
        kept = cases.keep_words(case, typed.evidence, held=0, by=by, cause=made, now=unit.now)
        return kept if isinstance(kept, Refusal) else Decision(facts=(opened, *kept.facts))

    outcome = settle(decide, actor=by)
    if outcome.refusal is not None:
        return _form(replace(typed, refusal=outcome.refusal))
    return onward(outcome, to=link("cases.show_one", id=derive(made, "case")), done="case_opened")


async def account_of(unit: Reading, typed: str, roots: tuple[OrganisationId, ...]) -> UserId | Refusal:
    """Return the account that was typed, or that of the one person of a name."""
    if typed.startswith("@") and ":" in typed and len(typed) <= 255:
        return UserId(typed)
    found = await duties.accounts_by_name(unit, typed, roots) if typed else ()
    if len(found) > 1:
        return refused("cases.several_of_the_name", field="user", name=typed)
    if not found or found[0] is None:
        return refused("cases.nobody_of_the_name", field="user", name=typed)
    return found[0]


def _form(typed: Typed) -> Answer:
    at = here()
    page = render_template(
        "cases/new.html",
        typed=typed,
        places=at.offer(at.within(Right.MODERATE), typed.place or None),
        most=cases.LONGEST_EVIDENCE,
        days=cases.EVIDENCE_KEPT.days,
    )
    return (page, 422) if typed.refusal is not None else page


@pages.get("/cases/<id>")
@requires(Right.MODERATE)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one case: what was said, what was done, what may be done in which room, and what waits."""
    roots, user = here().roots, here().user
    seen = ask(lambda unit: _look(unit, CaseId(id), roots, user))
    if seen is None:
        abort(404)
    member = ask(lambda unit: members.by_user(unit, seen.case.user))
    g.looked_at = ("case", member.id) if member is not None else None
    return render_template(
        "cases/show_one.html",
        seen=seen,
        case=seen.case,
        steps=list(Step),
        hurting=[step for step in Step if step in HURTS],
        reasons=list(Reason),
        lengths=list(LENGTHS),
        everywhere=EVERYWHERE,
        usually=USUALLY,
        most_words=ladder.LONGEST_WORDS,
        most_note=cases.LONGEST_NOTE,
        most_evidence=cases.LONGEST_EVIDENCE,
        most_answer=appeals.LONGEST_ANSWER,
        days=cases.EVIDENCE_KEPT.days,
    )


async def _look(
    unit: Reading,
    id: CaseId,  # noqa: A002
    roots: tuple[OrganisationId, ...],
    user: UserId,
) -> Seen | None:
    case, me = await stored.case(unit, id, roots, reader=user), await me_of(unit)
    if case is None:
        return None
    node = await organisations.organisation(unit, case.organisation)
    done, notes = await sanctions.of_case(unit, id), await stored.notes_of(unit, id)
    evidence = await stored.evidence_of(unit, id)
    frame = await sanctions.frame(unit, case.user, case.organisation, by=user, me=me)
    proposal = next((one for one in frame.waiting if one.detail == case.id), None)
    reviewing = {one.sanction.id for one in done if user in await sanctions.reviewers(unit, one.sanction)}
    # What a person says against a measure is for who looks at it again, and not for who took it.
    done = tuple(one if one.sanction.id in reviewing else replace(one, appeal_text=None) for one in done)
    people = {case.user, case.opened_by, *(note.by for note in notes), *(one.added_by for one in evidence)}
    people |= {one.sender for one in evidence if one.sender}
    for one in done:
        involved = (one.sanction.by, one.sanction.agreed_by, one.lifted_by, one.reviewed_by)
        people |= {who for who in involved if who}
    return Seen(
        case=case,
        place=node.name if node is not None else "",
        done=done,
        notes=notes,
        evidence=evidence,
        reach=tuple(
            Reach(
                room=site.room,
                name=site.name,
                ways={step: hindrance(step, site.powers, me=me, user=case.user) for step in Step if step in HURTS},
            )
            for site in frame.sites
        ),
        proposal=proposal,
        mine=proposal is not None and proposal.by == user,
        yours=proposal is not None and user in await _second(unit, proposal, case),
        reviewing=frozenset(reviewing),
        exempt=frame.exempt,
        others=await members.other_accounts(unit, case.user, case.organisation),
        next=suggested(await sanctions.history(unit, case.user, case.organisation)),
        names=await duties.names_of(unit, people),
    )


async def me_of(unit: Reading) -> UserId:
    """Return the bot's account; before it has signed in there is none, and it can do nothing anywhere."""
    return await sync.account(unit) or UserId("")


async def _second(unit: Reading, proposal: Proposal, case: Case) -> tuple[UserId, ...]:
    """Return whose word counts beside that of who made a proposal."""
    me = await me_of(unit)
    return (await sanctions.frame(unit, case.user, case.organisation, by=proposal.by, me=me)).others


@pages.post("/cases/<id>/measures")
@requires(Right.MODERATE)
def measure(id: str) -> Answer:  # noqa: A002
    """Take a measure, in one room or in all of the place; one that takes two waits for another's word."""
    _or_404(id)
    form, by, made = request.form, here().user, cause()
    if form.get("step") not in frozenset(Step) or form.get("reason") not in frozenset(Reason):
        abort(400)
    step, lasts = Step(form["step"]), form.get("lasts", USUALLY)
    if lasts != USUALLY and lasts not in LENGTHS:
        abort(400)
    where = form.get("where", EVERYWHERE)
    wanted = Want(
        step=step,
        reason=Reason(form["reason"]),
        words=form.get("words", ""),
        lasts=USUAL.get(step) if lasts == USUALLY else LENGTHS[lasts],
    )

    async def verb(unit: Reading, case: Case) -> Decided:
        only = None if where == EVERYWHERE or step not in HURTS else [RoomId(where)]
        frame = await sanctions.frame(unit, case.user, case.organisation, by=by, me=await me_of(unit), only=only)
        one = ladder.prepare(case, wanted, frame, cause=made, now=unit.now)
        if isinstance(one, Refusal):
            return one
        return ladder.want(one, frame, id=ProposalId(derive(made, "proposal")), now=unit.now)

    return _in_case(id, verb, done="measure_taken")


@pages.post("/cases/<id>/notes")
@requires(Right.MODERATE)
def note(id: str) -> Answer:  # noqa: A002
    """Write a note beside a case."""
    by, made, text = here().user, cause(), request.form.get("note", "")

    async def verb(unit: Reading, case: Case) -> Decided:
        return cases.add_note(case, text, by=by, cause=made, now=unit.now)

    return _in_case(id, verb, done="case_noted")


@pages.post("/cases/<id>/evidence")
@requires(Right.MODERATE)
def keep(id: str) -> Answer:  # noqa: A002
    """Put beside a case what was said."""
    by, made, text = here().user, cause(), request.form.get("evidence", "")

    async def verb(unit: Reading, case: Case) -> Decided:
        held = len(await stored.evidence_of(unit, case.id))
        return cases.keep_words(case, text, held=held, by=by, cause=made, now=unit.now)

    return _in_case(id, verb, done="evidence_kept")


@pages.post("/cases/<id>/measures/<measure>/lift")
@requires(Right.MODERATE)
def lift(id: str, measure: str) -> Answer:  # noqa: A002
    """Take a measure back."""
    by, why = here().user, request.form.get("why", "")

    async def verb(unit: Reading, one: Sanction) -> Decided:
        return ladder.lift(one, why, by=by, now=unit.now)

    return _in_measure(id, measure, verb, done="measure_lifted")


@pages.post("/cases/<id>/measures/<measure>/agree")
@requires(Right.MODERATE)
def agree(id: str, measure: str) -> Answer:  # noqa: A002
    """Agree to a ban that another wants."""
    return _answer(id, measure, agree=True, done="proposal_approved")


@pages.post("/cases/<id>/measures/<measure>/decline")
@requires(Right.MODERATE)
def decline(id: str, measure: str) -> Answer:  # noqa: A002
    """Decline a ban that another wants, or take back one's own wish."""
    return _answer(id, measure, agree=False, done="proposal_declined")


@pages.post("/cases/<id>/measures/<measure>/review")
@requires(Right.MODERATE)
def review(id: str, measure: str) -> Answer:  # noqa: A002
    """Answer an appeal: the measure stays, or is lifted."""
    _or_404(id)
    by, answer, verdict = here().user, request.form.get("answer", ""), request.form.get("verdict")
    if verdict not in ("uphold", "grant"):
        abort(400)

    async def verb(unit: Reading, one: Sanction) -> Decided:
        may = await sanctions.reviewers(unit, one)
        return appeals.answer_appeal(one, answer, grant=verdict == "grant", by=by, may=may, now=unit.now)

    return _in_measure(id, measure, verb, done="appeal_answered")


def _answer(id: str, measure: str, *, agree: bool, done: str) -> Answer:  # noqa: A002
    by, roots = here().user, here().roots

    async def verb(unit: Reading, one: Sanction) -> Decided:
        case = await stored.case(unit, one.case, roots, reader=by)
        waiting = await approvals.waiting(unit, [one.organisation], acts=[Act.BAN])
        proposal = next((each for each in waiting if each.subject == one.id), None)
        if case is None or proposal is None:
            return refused("sanction.over")
        me = await me_of(unit)
        frame = await sanctions.frame(unit, one.user, one.organisation, by=proposal.by, me=me, only=one.rooms)
        if agree:
            return ladder.agree(one, proposal, case, frame, by=by, now=unit.now)
        return ladder.disagree(one, proposal, by=by, may=frame.others, now=unit.now)

    return _in_measure(id, measure, verb, done=done)


def _or_404(id: str) -> None:  # noqa: A002
    """See that a case is there for whoever asks, before anything that they sent is looked at."""
    roots, user = here().roots, here().user
    if ask(lambda unit: stored.case(unit, CaseId(id), roots, reader=user)) is None:
        abort(404)


def _in_case(id: str, verb: Callable[[Reading, Case], Awaitable[Decided]], *, done: str) -> Answer:  # noqa: A002
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        case = await stored.case(unit, CaseId(id), roots, reader=user)
        return await verb(unit, case) if case is not None else None

    return onward(settle(decide, actor=user), to=link("cases.show_one", id=id), done=done)


def _in_measure(
    id: str,  # noqa: A002
    measure: str,
    verb: Callable[[Reading, Sanction], Awaitable[Decided]],
    *,
    done: str,
) -> Answer:
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        one = await sanctions.sanction(unit, SanctionId(measure), roots)
        if one is None or one.case != id or one.user == user:
            return None
        return await verb(unit, one)

    return onward(settle(decide, actor=user), to=link("cases.show_one", id=id), done=done)
