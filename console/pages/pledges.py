"""Pledges (公开承诺) at the desk: the register, how far each is, questions and their answers, and the year's review."""

from __future__ import annotations

import re
from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, cause, now, settle
from console.leaving_tables import leaves, up_to
from console.pledge_drafts import Fields, fields_from, groups, meant
from console.pledge_sheets import sheet
from console.pledge_views import local_day, missing, named, page_of, party_of, people_of, place_of, today_of
from console.tables import hand_out
from console.wording import fully, t
from content import pledge_questions as asked
from content import pledges as rules
from content.decision import Refusal, refused
from content.identifiers import MemberId, OrganisationId, PledgeId, PledgeQuestionId, UserId, derive
from content.members import Member
from content.organisations import Kind, Organisation, Right
from content.pledge_questions import Question
from content.pledges import Entry, Party, Pledge, State
from content.rooms import Purpose
from storage import burden, members, mutes, pledge_questions, quiet, rooms
from storage import pledges as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("pledges", __name__)

MOST_SHOWN = 300
MOST_PEOPLE = 2000


class Ledger(Struct, frozen=True, kw_only=True):
    """All that the ledger is made of."""

    found: tuple[Pledge, ...]
    people: dict[MemberId, Member]
    history: tuple[Entry, ...]
    questions: tuple[Question, ...]


@pages.get("/pledges")
@requires(Right.READ)
@leaves("pledges")
def show() -> str:
    """Show the register: what is past its day first, then by that day, what is closed at the end."""
    roots = here().roots
    found, people = ask(lambda unit: _register(unit, roots, up_to(MOST_SHOWN)))
    return render_template(
        "pledges/show.html",
        found=rules.in_order(found, _earliest(found)),
        people=people,
        named=named,
        party=lambda one: party_of(one, people),
        standing=lambda one: rules.standing(one, today_of(one)),
        missing=lambda one: missing(one, people),
        may_make=bool(_branches()),
        most=MOST_SHOWN,
    )


def _earliest(found: tuple[Pledge, ...]) -> date:
    """Return the day by which a list is in order: that of its places, which is one unless they lie far apart."""
    return min((today_of(one) for one in found), default=now().date())


async def _register(
    unit: Reading, roots: tuple[OrganisationId, ...], limit: int
) -> tuple[tuple[Pledge, ...], dict[MemberId, Member]]:
    found = await stored.of_roots(unit, roots, limit=limit)
    return found, await people_of(unit, {who for one in found for who in (one.owner, one.person)})


@pages.route("/pledges/new", methods=["GET", "POST"])
@requires(Right.RECORD)
def make() -> Answer:
    """Put a pledge of a branch on the register."""
    branches = _branches()
    if not branches:
        abort(404)
    if request.method == "GET":
        wanted = request.args.get("branch", branches[0].id)
        return _form(Fields(organisation=wanted), None, branches)
    fields = fields_from()
    place = next((node for node in branches if node.id == fields.organisation), None)
    if place is None:
        abort(404)
    day = local_day(place)
    drafted = meant(
        fields,
        place,
        Pledge(
            id=PledgeId(derive(cause(), "pledge")),
            organisation=place.id,
            number=0,
            party=Party.BRANCH,
            matter="",
            measure="",
            due=day,
            due_set=day,
            updated=day,
        ),
    )
    if isinstance(drafted, Refusal):
        return _form(fields, None, branches, drafted)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        one = replace(drafted, number=await stored.next_number(unit, place.id))
        owner = await _person(unit, one.owner)
        return rules.make(one, people=await _ids_at(unit, place.id), owner=owner, by=user, today=day, now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, None, branches, outcome.refusal)
    return see(link("pledges.show_one", id=drafted.id), "repeated" if outcome.repeated else "pledge_made")


@pages.get("/pledges/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show a pledge with its history and what was asked."""
    return page_of(_visible(id))


@pages.route("/pledges/<id>/change", methods=["GET", "POST"])
@requires(Right.RECORD)
def change(id: str) -> Answer:  # noqa: A002
    """Change what is pledged, by whom or by when, with the reason."""
    one = _visible(id, Right.RECORD)
    place = place_of(one)
    if request.method == "GET":
        party = f"group:{one.group}" if one.group else f"person:{one.person}" if one.person else str(one.party)
        fields = Fields(
            organisation=one.organisation,
            party=party,
            matter=one.matter,
            measure=one.measure,
            owner=one.owner or "",
            due=one.due.isoformat(),
        )
        return _form(fields, one, (place,))
    fields, day, seen = (
        replace(fields_from(), organisation=one.organisation),
        local_day(place),
        request.form.get("mark", ""),
    )
    drafted = meant(fields, place, one)
    if isinstance(drafted, Refusal):
        return _form(fields, one, (place,), drafted)

    async def decide(unit: Reading) -> Decided:
        before = await stored.pledge(unit, one.id)
        if before is None:
            return None
        after = meant(fields, place, before)
        if isinstance(after, Refusal):
            return after
        people = await _ids_at(unit, place.id)
        return rules.change(
            before,
            after,
            fields.reason,
            people=people,
            hands=await _hands(unit, before, after),
            seen=seen,
            by=user,
            cause=form,
            today=day,
            now=unit.now,
        )

    user, form = here().user, cause()
    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, one, (place,), outcome.refusal)
    return onward(outcome, to=link("pledges.show_one", id=id), done="pledge_changed")


@pages.post("/pledges/<id>/progress")
@requires(Right.RECORD)
def progress(id: str) -> Answer:  # noqa: A002
    """Put down by hand how far a pledge is."""
    one, typed, note = _visible(id, Right.RECORD), request.form.get("percent", "").strip(), request.form.get("note", "")
    if typed and not re.fullmatch("[0-9]{1,3}", typed):
        return page_of(one, refused("pledge.bad_percent", field="percent")), 422
    percent = int(typed) if typed else None
    by, form, day = here().user, cause(), today_of(one)

    async def decide(unit: Reading) -> Decided:
        known = await stored.pledge(unit, one.id)
        return rules.progress(known, percent, note, by=by, cause=form, today=day, now=unit.now) if known else None

    return _done(one, decide, "pledge_progressed")


@pages.post("/pledges/<id>/close")
@requires(Right.RECORD)
def close(id: str) -> Answer:  # noqa: A002
    """Close a pledge as kept or as ended, or take it up again, with the reason."""
    one, verdict, note = _visible(id, Right.RECORD), request.form.get("verdict", ""), request.form.get("reason", "")
    if verdict not in {*State}:
        abort(400)
    by, form, day = here().user, cause(), today_of(one)

    async def decide(unit: Reading) -> Decided:
        known = await stored.pledge(unit, one.id)
        if known is None:
            return None
        return rules.close(known, State(verdict), note, by=by, cause=form, today=day, now=unit.now)

    return _done(one, decide, "pledge_reopened" if verdict == State.OPEN else "pledge_closed")


@pages.post("/pledges/<id>/review")
@requires(Right.RECORD)
def review(id: str) -> Answer:  # noqa: A002
    """Put down the result of the review (评诺)."""
    one, text, seen = _visible(id, Right.RECORD), request.form.get("review", ""), request.form.get("mark", "")

    async def decide(unit: Reading) -> Decided:
        known = await stored.pledge(unit, one.id)
        return rules.review(known, text, seen=seen) if known is not None else None

    return _done(one, decide, "pledge_reviewed")


@pages.post("/pledges/<id>/tell")
@requires(Right.SCHEDULE)
def tell(id: str) -> Answer:  # noqa: A002
    """Have the branch's room told how far a pledge is, within its caps and after its quiet hours."""
    one = _visible(id, Right.SCHEDULE)
    day = today_of(one)

    async def decide(unit: Reading) -> Decided:
        known = await stored.pledge(unit, one.id)
        if known is None:
            return None
        there = await rooms.rooms_of(unit, [known.organisation])
        own = [
            room.id
            for room, lost in there
            if lost is None and room.purpose is Purpose.BRANCH and room.organisation == known.organisation
        ]
        owner = await stored.owner_of(unit, known)
        answer = rules.tell_room(
            known,
            await stored.last_note(unit, known.id),
            owner.name if owner is not None else None,
            own,
            today=day,
            waits=any([await stored.something_waits(unit, room) for room in own]),
        )
        if isinstance(answer, Refusal):
            return answer
        free_at = max(await quiet.free_for(unit, known.organisation, unit.now), unit.now)
        for room in own:
            if (too_much := await burden.refuse_live(unit, known.organisation, room, free_at)) is not None:
                return replace(too_much, field=None)
        return answer

    return _done(one, decide, "pledge_told")


@pages.post("/pledges/<id>/questions/<question>/answer")
@requires(Right.RECORD)
def answer(id: str, question: str) -> Answer:  # noqa: A002
    """Answer a question at the desk, where its owner does not; who asked is told in private."""
    one, text = _visible(id, Right.RECORD), request.form.get("answer", "")

    async def decide(unit: Reading) -> Decided:
        known, found = await stored.pledge(unit, one.id), await _question(unit, one, question)
        if known is None or found is None:
            return None
        asker = await _person(unit, found.member)
        free = (
            asker is not None
            and await mutes.muted_until(unit, asker) is None
            and await quiet.free_for_person(unit, asker) <= unit.now
        )
        return asked.answer(known, found, text, asker=asker, asker_free=free, now=unit.now)

    return _done(one, decide, "pledge_answered", question)


@pages.post("/pledges/<id>/questions/<question>/hide")
@requires(Right.MODERATE)
def hide(id: str, question: str) -> Answer:  # noqa: A002
    """Take an improper question off the pages with a reason, or put it back."""
    one, reason, hidden = _visible(id, Right.MODERATE), request.form.get("reason", ""), "back" not in request.form

    async def decide(unit: Reading) -> Decided:
        known, found = await stored.pledge(unit, one.id), await _question(unit, one, question)
        if known is None or found is None:
            return None
        owner, asker = await stored.owner_of(unit, known), await _person(unit, found.member)
        return asked.moderate(
            known,
            found,
            hidden=hidden,
            reason=reason,
            owner=owner.user if owner is not None else None,
            asker=asker,
            now=unit.now,
        )

    return _done(one, decide, "pledge_question_hidden" if hidden else "pledge_question_back", question)


@pages.get("/pledges/ledger.<any(xlsx, csv, docx, text):format>")
@requires(Right.READ_MEMBERS)
def export(format: str) -> Response:  # noqa: A002
    """Hand out the ledger (承诺台账) in the columns that offices expect."""
    roots = here().roots

    async def look(unit: Reading) -> Ledger:
        found, people = await _register(unit, roots, up_to(MOST_SHOWN * 10))
        ids = [one.id for one in found]
        return Ledger(
            found=found,
            people=people,
            history=await stored.history(unit, ids),
            questions=await pledge_questions.questions(unit, ids),
        )

    held = ask(look)
    people = held.people
    places = {node.id: node.name for node in here().nodes}
    ordered = sorted(held.found, key=lambda one: (places.get(one.organisation, ""), one.number))
    table = sheet(
        ordered,
        held.history,
        held.questions,
        party=lambda one: party_of(one, people),
        owner=lambda one: named(one.owner, people),
    )
    footer = t("pledges.footer", at=fully(now()), n=len(table.rows))
    return hand_out(table, format, "pledges", footer, back=link("pledges.show"))


def _done(one: Pledge, decide: object, done: str, question: str = "") -> Answer:
    outcome = settle(decide, actor=here().user)  # type: ignore[arg-type]
    if outcome.refusal is not None:
        fresh = ask(lambda unit: stored.pledge(unit, one.id)) or one
        return page_of(fresh, outcome.refusal, question), 422
    return onward(outcome, to=link("pledges.show_one", id=one.id), done=done)


async def _hands(unit: Reading, before: Pledge, after: Pledge) -> rules.Hands:
    next_one = await members.member(unit, after.owner) if after.owner is not None else None
    return rules.Hands(
        former=await _person(unit, before.owner),
        owner=await _person(unit, after.owner),
        name=next_one.name if next_one is not None else "",
    )


async def _person(unit: Reading, id: MemberId | None) -> UserId | None:  # noqa: A002
    """Return the account of somebody on the roster."""
    one = await members.member(unit, id) if id is not None else None
    return one.user if one is not None and one.left is None else None


async def _question(unit: Reading, one: Pledge, id: str) -> Question | None:  # noqa: A002
    found = await pledge_questions.question(unit, PledgeQuestionId(id[:32]))
    return found if found is not None and found.pledge == one.id else None


def _visible(id: str, right: Right = Right.READ) -> Pledge:  # noqa: A002
    roots = here().roots_for(right)
    found = ask(lambda unit: stored.visible(unit, roots, PledgeId(id)))
    if found is None:
        abort(404)
    return found


def _branches() -> tuple[Organisation, ...]:
    return tuple(node for node in here().within(Right.RECORD) if node.kind is Kind.BRANCH and node.closed is None)


async def _ids_at(unit: Reading, place: OrganisationId) -> frozenset[MemberId]:
    return frozenset(one.id for one in await members.roster(unit, [place]))


def _form(
    fields: Fields, one: Pledge | None, branches: tuple[Organisation, ...], refusal: Refusal | None = None
) -> Answer:
    place = next((node for node in branches if node.id == fields.organisation), branches[0])
    people = ask(lambda unit: members.roster(unit, [place.id]))
    # Who has left or moved stays in the form, so that it says what stands.
    kept = {one.owner, one.person} - {None, *(each.id for each in people)} if one is not None else set()
    gone = tuple(ask(lambda unit: people_of(unit, set(kept))).values()) if kept else ()
    refusals = [refusal] if refusal else []
    page = render_template(
        "pledges/form.html",
        fields=replace(fields, organisation=place.id),
        one=one,
        mark=rules.mark_of(one) if one is not None and refusal is None else request.form.get("mark", ""),
        branches=branches,
        groups=groups(place),
        people=(*people, *gone),
        gone=gone,
        place=place,
        longest={"matter": rules.LONGEST_MATTER, "measure": rules.LONGEST_MEASURE, "note": rules.LONGEST_NOTE},
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return (page, 422) if refusals else page
