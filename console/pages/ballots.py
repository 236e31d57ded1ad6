"""Secret ballots for those who hold them: draft, fix, let the tellers prove their shares, open, send links, count."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import asdict, replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.ballot_certificate import Certified, write_certificate
from console.ballot_drafts import (
    Sealing,
    draft_sealed,
    keys_of,
    lines,
    people_of,
    refuse_tellers_of,
    sealing,
    sealing_from,
    written,
)
from console.desk import ask, cause, desk, now, settle
from console.exporting import note_export
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.pages.voting import programs
from console.people import mark_of, veiled
from console.tables import download
from console.word import CONTENT_TYPE
from console.wording import today
from console.written_names import may_be_written_in
from content import approvals as rule_of_two
from content import ballot_news
from content import ballots as rules
from content import electronic_elections as electronic
from content.approvals import Act, Proposal, Proposed
from content.ballot_approvals import ACTS, Closing, waiting_for, want
from content.ballot_links import Invited, invited, lasts_until, send_all
from content.ballot_papers import canonical
from content.ballot_times import is_peace
from content.ballots import Admitted, Ballot, BallotClosed, BallotOpened, Candidate, Elector, State, Teller, WriteIn
from content.decision import Decision, Refusal, Words, refused
from content.duties import SETTLES
from content.elections import Election
from content.electronic_elections import Electronic, Way
from content.franchise import FULL, why_not
from content.identifiers import (
    BallotId,
    MemberId,
    OrganisationId,
    PaperElectionId,
    ProposalId,
    SelectionId,
    UserId,
    derive,
)
from content.members import Member
from content.model_members import Selection, Standing, link_ballot
from content.organisations import RIGHTS, Organisation, Right
from content.rule_packs import RECOMMENDATION
from content.strokes import by_strokes
from content.tellers import teller_of
from content.write_ins import Written
from storage import (
    approvals,
    duties,
    electronic_elections,
    electronic_votes,
    members,
    model_members,
    organisations,
    paper_elections,
    write_ins,
)
from storage import ballots as stored
from storage.envelopes import empty_envelopes, new_slots
from storage.store import Answer as Decided
from storage.store import Decide
from storage.unit import Reading

pages = Blueprint("ballots", __name__)

MOST_SHOWN = 100
_ID = re.compile(r"[a-z2-7]{24}")
_SAID = re.compile(r"：|(?<=\s):|:(?=\s)|(?<=[^\x00-\x7f]):")
"""What stands between a name and what is said of them; the colon inside an account is none."""
_DONE = {
    Act.OPEN_BALLOT: "ballot_open_now",
    Act.CLOSE_BALLOT: "ballot_closed_early",
    Act.CANCEL_BALLOT: "ballot_cancelled",
}


class Fields(Sealing, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    candidates: str = ""
    seats: str = "1"
    write_in: str = WriteIn.NONE
    selection: str = ""


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of a ballot shows; ``mine`` is the teller whose page it is, ``wishes`` wait for a second one.

    ``written`` are the texts that wait for the tellers to say whom they mean, ``people`` whom they may mean.
    ``held_for`` is the election that is voted on by it, ``present`` who is in the room where it takes that,
    ``headcount`` how many are missing.
    """

    roll: tuple[Elector, ...]
    names: Mapping[str, str]
    result: Mapping[str, Any] | None
    mine: Teller | None
    wishes: Mapping[str, Proposal]
    by: Mapping[str, str]
    written: tuple[Written, ...]
    people: tuple[tuple[str, str], ...]
    held_for: PaperElectionId | None
    present: frozenset[MemberId] | None
    headcount: Words | None

    @property
    def undecided(self) -> int:
        """Return of how many texts that were written in two tellers have not said the same."""
        return sum(one.agreed is None for one in self.written)


@pages.get("/ballots")
@requires(Right.READ)
@leaves("ballots")
def show() -> str:
    """Show the ballots, the last to close first."""
    roots = here().roots
    found = ask(lambda unit: stored.of_roots(unit, roots, limit=up_to(MOST_SHOWN)))
    return render_template("ballots/show.html", found=found, most=MOST_SHOWN)


@pages.route("/ballots/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def start() -> Answer:
    """Draft a ballot."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        return _form(_for_selection(_fresh(nodes)), nodes)
    fields = _fields()
    if not _ID.fullmatch(fields.id):
        abort(400)
    keys = keys_of(fields.id, fields.keys)
    if isinstance(keys, Refusal):
        return _form(fields, nodes, keys)
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await _draft(unit, fields, nodes)
        if isinstance(ballot, Refusal):
            return ballot
        drafted = await refuse_tellers_of(unit, ballot) or rules.draft(ballot, author=user, now=unit.now)
        if not isinstance(drafted, Decision) or not fields.selection:
            return drafted
        one = await model_members.visible(unit, roots, SelectionId(fields.selection))
        # For who may not call one there is none.
        if one is None or not await organisations.may(unit, user, Right.IMPORT_ROSTER, one.organisation):
            return drafted
        return await _link(unit, one, ballot, drafted)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, outcome.refusal)
    return see(link("ballots.show_one", id=fields.id), "repeated" if outcome.repeated else "ballot_drafted")


@pages.get("/ballots/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show where a ballot stands; while it is open nobody sees how many have voted."""
    ballot = visible_ballot(id)

    user = here().user

    async def read(unit: Reading) -> Seen:
        drafted = ballot.state is State.DRAFT
        roll = await _roll_of(unit, ballot) if drafted else await stored.roll(unit, ballot.id)
        known = [*(one.member for one in ballot.tellers), *(one.member for one in roll)]
        standing = {one.id: one.name for one in ballot.candidates}
        me = await members.by_user(unit, user)
        waiting = await approvals.waiting(unit, [ballot.organisation], acts=ACTS)
        wishes = {one.act.value: one for one in waiting if one.subject == ballot.id}
        written = await write_ins.written(unit, ballot.id)
        return Seen(
            written=written,
            held_for=await electronic_votes.election_of(unit, ballot.id),
            present=await _present(unit, await electronic_elections.of_ballot(unit, ballot.id)),
            headcount=await _headcount(unit, ballot),
            people=await may_be_written_in(unit, ballot) if written else (),
            roll=roll,
            names=standing | {one.id: one.name for one in await members.by_ids(unit, known)},
            result=await stored.result(unit, ballot.id),
            mine=teller_of(ballot, me.id if me else None),
            wishes=wishes,
            by=await duties.names_of(unit, [one.by for one in wishes.values()]),
        )

    seen = ask(read)
    seen = replace(seen, roll=veiled(seen.roll, ballot.organisation))
    mark = _mark_of(seen.present)
    return render_template("ballots/show_one.html", ballot=ballot, seen=seen, mark=mark, programs=programs())


@pages.post("/ballots/<id>/freeze")
@requires(Right.SCHEDULE)
@fresh
def freeze(id: str) -> Answer:  # noqa: A002
    """Fix a ballot and its roll."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        refusal = await refuse_tellers_of(unit, ballot)
        if refusal is not None:
            return refusal
        roll = await _roll_of(unit, ballot)
        number = sum(one.may_vote for one in roll)
        boxes = empty_envelopes(number, ballot.key, ballot.length)
        return rules.freeze(ballot, roll, slots=new_slots(number), boxes=boxes, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("ballots.show_one", id=id), done="ballot_frozen")


@pages.post("/ballots/<id>/open")
@requires(Right.SCHEDULE)
@fresh
def open_voting(id: str) -> Answer:  # noqa: A002
    """Want a ballot open, or agree to it as the second of two."""
    return _want(Act.OPEN_BALLOT, id)


@pages.post("/ballots/<id>/invite")
@requires(Right.SCHEDULE)
@fresh
def send_links(id: str) -> Answer:  # noqa: A002
    """Send a link to everyone who has not voted, without anyone seeing who they are.

    Within an hour after the last time only who was sent none yet is sent one.
    """
    roots, origin = here().roots, desk().settings.origin

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        peace = is_peace(ballot.told_at, now=unit.now)
        due = await (stored.without_link if peace else stored.silent)(unit, ballot.id)
        waiting = [one for one in await members.by_ids(unit, due) if one.user is not None and one.left is None]
        until = lasts_until(ballot, unit.now)
        return send_all(ballot, tuple(_invited(one, origin, until) for one in waiting), peace=peace, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("ballots.show_one", id=id), done="ballot_links_sent")


@pages.post("/ballots/<id>/close")
@requires(Right.SCHEDULE)
@fresh
def close_early(id: str) -> Answer:  # noqa: A002
    """Want a ballot closed before its time, for a reason that the room is told, or agree to it as the second of two."""
    answer = _want(Act.CLOSE_BALLOT, id)
    if visible_ballot(id).state is State.VOID:
        desk().bridge(desk().store.forget_deleted())
    return answer


@pages.post("/ballots/<id>/cancel")
@requires(Right.SCHEDULE)
@fresh
def cancel(id: str) -> Answer:  # noqa: A002
    """Want a ballot to come to nothing, or agree to it as the second of two."""
    answer = _want(Act.CANCEL_BALLOT, id)
    if visible_ballot(id).state is State.VOID:
        desk().bridge(desk().store.forget_deleted())
    return answer


@pages.post("/ballots/<id>/wishes/<proposal>/decline")
@requires(Right.SCHEDULE)
def decline(id: str, proposal: str) -> Answer:  # noqa: A002
    """Decline what another organiser wants, or take one's own wish back."""
    roots, user = here().roots, here().user

    async def decide(unit: Reading) -> Decided:
        found = await approvals.proposal(unit, ProposalId(proposal), roots)
        if found is None or found.act not in ACTS or found.subject != id:
            return None
        may = await _organisers(unit, found.organisation)
        return rule_of_two.decline(found, by=user, may=may, now=unit.now)

    return onward(settle(decide, actor=user), to=link("ballots.show_one", id=id), done="proposal_declined")


@pages.get("/ballots/<id>/manifest.json")
@requires(Right.READ)
def show_manifest(id: str) -> Response:  # noqa: A002
    """Give out everything that is fixed of a ballot, whose hash was told to the room."""
    ballot = visible_ballot(id)
    if ballot.state is State.DRAFT:
        abort(404)
    return Response(canonical(rules.manifest(ballot)), content_type="application/json; charset=utf-8")


@pages.get("/ballots/<id>/certificate.docx")
@requires(Right.READ_MEMBERS)
@fresh
def certificate(id: str) -> Answer:  # noqa: A002
    """Give out the certificate of a ballot that is certified; appraisals and surveys have sheets of their own."""
    ballot = visible_ballot(id)
    if ballot.election.questions:
        abort(404)
    node = here().node(ballot.organisation)

    async def read(unit: Reading) -> Certified | None:
        result = await stored.judged(unit, ballot) if ballot.decided_on is not None else None
        if result is None:
            return None
        people = await members.by_ids(unit, [one.member for one in ballot.tellers])
        return Certified(
            ballot=ballot,
            organisation=node.name if node else "",
            result=result,
            names=await read_names(unit, ballot),
            tellers={one.id: one.name for one in people},
            opened_hash=await stored.opened_hash(unit, ballot.id),
            receipts=len(await stored.published(unit, ballot.id)),
            rulings=await write_ins.ruled(unit, ballot.id),
        )

    known = ask(read)
    if known is None:
        back = link("ballots.show_one", id=id)
        return render_template("frame/refused.html", refusal=rules.not_now(ballot), back=back), 409
    note_export("ballot:certificate", len(known.names))
    return download(write_certificate(known, desk().speech), CONTENT_TYPE, f"zhibu-certificate-{ballot.id}.docx")


@pages.post("/ballots/<id>/archive")
@requires(Right.SCHEDULE)
@fresh
def archive(id: str) -> Answer:  # noqa: A002
    """Destroy the envelopes of a ballot that is over for good."""
    roots, day = here().roots, today()

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        return rules.archive(ballot, today=day, leaned_on=await model_members.leans_on(unit, ballot.id))

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is None:
        desk().bridge(desk().store.forget_deleted())
    return onward(outcome, to=link("ballots.show_one", id=id), done="ballot_archived")


def _want(act: Act, id: str) -> Answer:  # noqa: A002
    roots, user, proposal = here().roots, here().user, ProposalId(derive(cause(), "proposal"))
    mark = request.form.get("mark", "")
    reason = (request.form.get("reason") or mark) if act is Act.CLOSE_BALLOT else ""

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        if ballot is None:
            return None
        waiting = await approvals.waiting(unit, [ballot.organisation], acts=ACTS)
        may, before = await _organisers(unit, ballot.organisation), waiting_for(act, ballot, waiting)
        asks = before.by if before is not None else user
        newly = await organisations.same_hand_at(unit, ballot.organisation, Right.SCHEDULE, asks) - {asks}
        if user in newly:
            return refused("approvals.too_new", days=SETTLES.days)
        may -= newly
        admitted = await _admitted(unit, ballot) if act is Act.OPEN_BALLOT else None
        if before is not None and before.by != user and before.detail != reason:
            return refused("ballot.reason_changed")
        closing = await _closing(unit, ballot, reason) if act is Act.CLOSE_BALLOT else None
        answer = want(
            act,
            ballot,
            by=user,
            may=may,
            waiting=waiting,
            id=proposal,
            now=unit.now,
            admitted=admitted,
            closing=closing,
        )
        if isinstance(answer, Refusal):
            return answer
        if act is Act.OPEN_BALLOT:
            known = await electronic_elections.of_ballot(unit, ballot.id)
            if _mark_of(await _present(unit, known)) != mark:
                return refused("electronic.presence_changed")
        rooms = await stored.voters_rooms(unit, ballot)
        for fact in answer.facts:
            if isinstance(fact, BallotOpened):
                return replace(answer, effects=ballot_news.opened(ballot, rooms))
            if isinstance(fact, BallotClosed):
                told = ballot_news.closed(ballot, fact.turnout, fact.set_hash, rooms)
                return replace(answer, effects=(*ballot_news.closed_early(ballot, reason, rooms), *told))
        return answer

    outcome = settle(decide, actor=user)
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    done = "ballot_wanted" if any(isinstance(fact, Proposed) for fact in facts) else _DONE[act]
    return onward(outcome, to=link("ballots.show_one", id=id), done=done)


async def _admitted(unit: Reading, ballot: Ballot) -> Admitted | Refusal | None:
    """Return whom the vote of an election is open to, ``None`` where a ballot is of none."""
    known = await electronic_elections.of_ballot(unit, ballot.id)
    paper = await paper_elections.paper(unit, known.paper) if known is not None else None
    if known is None or paper is None:
        return None
    other_day = electronic.refuse_other_day(paper, known, ballot, unit.now)
    if other_day is not None:
        return other_day
    present = await electronic_elections.present(unit, paper.id)
    return electronic.admit(
        paper,
        known,
        present=present,
        reached=await electronic_elections.reached(unit, paper.id),
        beyond_reach=await electronic_elections.beyond_reach(unit, paper.id),
    )


async def _headcount(unit: Reading, ballot: Ballot) -> Words | None:
    """Say how many are there or can be reached, and how many are missing, ``None`` where a ballot is of no election."""
    known = await electronic_elections.of_ballot(unit, ballot.id)
    paper = await paper_elections.paper(unit, known.paper) if known is not None else None
    if known is None or paper is None:
        return None
    present = await _present(unit, known)
    there = await electronic_elections.reached(unit, paper.id) if present is None else len(present)
    return electronic.headcount(paper, known, there)


async def _present(unit: Reading, known: Electronic | None) -> frozenset[MemberId] | None:
    """Return who is marked as being in the room, ``None`` where nobody has to be."""
    if known is None or known.consent.way is not Way.ROOM:
        return None
    return await electronic_elections.present(unit, known.paper)


def _mark_of(present: frozenset[MemberId] | None) -> str:
    """Return a mark of who is in the room, so that a vote is opened for those alone whom the page showed."""
    return "" if present is None else mark_of(sorted(present))


async def _closing(unit: Reading, ballot: Ballot, reason: str) -> Closing:
    """Return what stands in the box of a ballot that is closed now."""
    return Closing(
        reason=reason,
        listed=await stored.listed(unit, ballot.id),
        turnout=await stored.turnout(unit, ballot.id),
        issued=await stored.issued(unit, ballot.id),
    )


async def _organisers(unit: Reading, organisation: OrganisationId) -> frozenset[UserId]:
    over = await organisations.duties_over(unit, organisation)
    return frozenset(one.user for one in over if Right.SCHEDULE in RIGHTS[one.role])


def visible_ballot(id: str) -> Ballot:  # noqa: A002
    """Return a ballot that this person may see, or answer that there is none."""
    roots = here().roots
    found = ask(lambda unit: stored.visible(unit, roots, BallotId(id)))
    if found is None:
        abort(404)
    return found


async def read_names(unit: Reading, ballot: Ballot) -> dict[str, str]:
    """Return what everyone is called who may be chosen: those who stand, and those who may be written in.

    In an election they keep the names that they had when its vote was prepared.
    """
    people = await members.by_ids(unit, [MemberId(one) for one in sorted(ballot.election.eligible or ())])
    held_for = await electronic_elections.of_ballot(unit, ballot.id)
    kept = held_for.names if held_for is not None else {}
    called: dict[str, str] = {one.id: kept.get(one.id, one.name) for one in people}
    return called | {one.id: one.name for one in ballot.candidates}


def names_on(ballot: Ballot) -> dict[str, str]:
    """Return the same for a page."""
    return ask(lambda unit: read_names(unit, ballot))


def on_ballot(id: str, verb: Callable[[Ballot, Reading], Decided]) -> Decide:  # noqa: A002
    """Return how something is decided for a ballot that this person may see."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await stored.visible(unit, roots, BallotId(id))
        return None if ballot is None else verb(ballot, unit)

    return decide


async def _roll_of(unit: Reading, ballot: Ballot) -> tuple[Elector, ...]:
    """Return whoever is on the roll of a draft; that of an election is the one that was fixed for it."""
    known = await electronic_elections.of_ballot(unit, ballot.id)
    if known is not None:
        return await paper_elections.roll(unit, known.paper)
    return await _roll(unit, ballot.organisation)


async def _roll(unit: Reading, organisation: OrganisationId) -> tuple[Elector, ...]:
    """Return everyone of an organisation as on its roll; who may not vote by the rules stands with the reason."""
    node = await organisations.organisation(unit, organisation)
    day = unit.now.astimezone(ZoneInfo(node.timezone if node else "UTC")).date()
    return tuple(_elector(one, day) for one in await members.roster(unit, [organisation]))


def _elector(member: Member, day: date) -> Elector:
    barred = bool(why_not(member, on=day))
    said = member.category if member.category != FULL else member.status or member.full_since or member.joined
    return Elector(member=member.id, may_vote=not barred, reason=said if barred else "")


def _invited(member: Member, origin: str, until: datetime) -> Invited:
    assert member.user is not None
    token, noise = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    return invited(member.id, member.user, origin=origin, token=token, noise=noise, until=until)


async def _draft(unit: Reading, fields: Fields, nodes: tuple[Organisation, ...]) -> Ballot | Refusal:
    """Turn the fields into a ballot; what it says is judged by its own rule."""
    standing = await _candidates(unit, fields, nodes)
    if isinstance(standing, Refusal):
        return standing
    election = Election(
        candidates=tuple(one.id for one in standing),
        seats=int(fields.seats) if re.fullmatch("[0-9]{1,3}", fields.seats) else 0,
        pack=RECOMMENDATION,
        contested=False,
        eligible=frozenset() if fields.write_in == WriteIn.NONE else None,
    )
    ballot = await draft_sealed(unit, fields, nodes, election=election, candidates=standing)
    if isinstance(ballot, Refusal):
        return ballot
    return replace(ballot, write_in=WriteIn(fields.write_in))


async def _candidates(
    unit: Reading, fields: Fields, nodes: tuple[Organisation, ...]
) -> tuple[Candidate, ...] | Refusal:
    """Return who stands, one on each line: a member of the branch where the name is theirs, or just a name."""
    if fields.organisation not in {one.id for one in nodes}:
        return refused("ballot.no_place", field="organisation")
    people = await members.roster(unit, [OrganisationId(fields.organisation)])
    standing = []
    for place, line in enumerate(lines(fields.candidates), start=1):
        typed, _, introduction = (part.strip() for part in _SAID.sub("：", line, count=1).partition("："))
        found = people_of(people, typed)
        if len(found) > 1:
            return refused("ballot.several_of_the_name", field="candidates", name=typed)
        member, name = (found[0].id, found[0].name) if found else (None, typed)
        standing.append(Candidate(id=f"c{place}", member=member, name=name, introduction=introduction))
    return tuple(standing)


def _for_selection(fields: Fields) -> Fields:
    """Fill the form in for the vote of recommendation of a selection, as far as it is for this person."""
    wanted, roots, user = SelectionId(request.args.get("selection", "")), here().roots, here().user

    async def read(unit: Reading) -> Fields:
        one = await model_members.visible(unit, roots, wanted)
        if one is None or not await organisations.may(unit, user, Right.IMPORT_ROSTER, one.organisation):
            return fields
        going = {
            each.member: each.deeds
            for each in await model_members.nominees(unit, one.id)
            if each.standing is Standing.REVIEWED
        }
        people = sorted(await members.by_ids(unit, going), key=lambda each: by_strokes(each.name))
        alike = Counter(each.name for each in await members.roster(unit, [one.organisation]))
        called = {each.id: each.user or each.name if alike[each.name] > 1 else each.name for each in people}
        lines = [f"{called[each.id]}：{going[each.id]}" if going[each.id] else called[each.id] for each in people]
        return replace(
            fields,
            selection=one.id,
            organisation=one.organisation,
            title=one.title,
            seats=str(min(one.places, len(lines))),
            candidates="\n".join(lines),
        )

    return ask(read) if wanted else fields


async def _link(unit: Reading, one: Selection, ballot: Ballot, drafted: Decision) -> Decided:
    """Let a ballot that is drafted be the vote of recommendation of a selection."""
    before = await stored.ballot(unit, one.ballot) if one.ballot else None
    linked = link_ballot(one, await model_members.nominees(unit, one.id), ballot, before=before)
    return linked if isinstance(linked, Refusal) else replace(drafted, facts=(*drafted.facts, linked))


def _fresh(nodes: tuple[Organisation, ...]) -> Fields:
    return Fields(**asdict(sealing(derive(secrets.token_urlsafe(24), "ballot"), nodes, "", now() + timedelta(days=7))))


def _fields() -> Fields:
    return Fields(
        **asdict(sealing_from(request.form)),
        candidates=written(request.form, "candidates"),
        seats=written(request.form, "seats"),
        selection=written(request.form, "selection"),
        write_in=wanted if (wanted := written(request.form, "write_in")) in list(WriteIn) else WriteIn.NONE,
    )


def _form(fields: Fields, nodes: tuple[Organisation, ...], refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "ballots/start.html", fields=fields, nodes=nodes, refusals=refusals, by_field=first_by_field(refusals)
    )
    return page, 422 if refusals else 200
