"""Secret ballots for those who hold them: draft, fix, let the tellers prove their shares, open, send links, count."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.ballot_certificate import Certified, write_certificate
from console.ballot_drafts import keys_of, refuse_tellers_of
from console.desk import ask, desk, settle
from console.exporting import note_export
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.pages.voting import programs
from console.people import mark_of, veiled
from console.recommendation_drafts import Fields, drafted, empty, fields_from_form, for_selection, linked_to
from console.tables import download
from console.word import CONTENT_TYPE
from console.wording import today
from console.written_names import may_be_written_in
from content import ballots as rules
from content import electronic_elections as electronic
from content.approvals import Proposal
from content.ballot_approvals import ACTS
from content.ballot_links import Invited, invited, lasts_until, send_all
from content.ballot_papers import canonical
from content.ballot_times import is_peace
from content.ballots import Admitted, Ballot, Elector, State, Teller
from content.decision import Decision, Refusal, Words
from content.electronic_elections import Electronic, Way
from content.franchise import FULL, why_not
from content.identifiers import (
    BallotId,
    MemberId,
    OrganisationId,
    PaperElectionId,
    SelectionId,
)
from content.members import Member
from content.organisations import Organisation, Right
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
from storage.unit import Reading

pages = Blueprint("ballots", __name__)

MOST_SHOWN = 100
_ID = re.compile(r"[a-z2-7]{24}")


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
        return _form(for_selection(empty(nodes)), nodes)
    fields = fields_from_form()
    if not _ID.fullmatch(fields.id):
        abort(400)
    keys = keys_of(fields.id, fields.keys)
    if isinstance(keys, Refusal):
        return _form(fields, nodes, keys)
    user, roots = here().user, here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await drafted(unit, fields, nodes)
        if isinstance(ballot, Refusal):
            return ballot
        answer = await refuse_tellers_of(unit, ballot) or rules.draft(ballot, author=user, now=unit.now)
        if not isinstance(answer, Decision) or not fields.selection:
            return answer
        one = await model_members.visible(unit, roots, SelectionId(fields.selection))
        # For who may not call one there is none.
        if one is None or not await organisations.may(unit, user, Right.IMPORT_ROSTER, one.organisation):
            return answer
        return await linked_to(unit, one, ballot, answer)

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
            present=await presence_of(unit, await electronic_elections.of_ballot(unit, ballot.id)),
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
    mark = mark_of_presence(seen.present)
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


async def _headcount(unit: Reading, ballot: Ballot) -> Words | None:
    """Say how many are there or can be reached, and how many are missing, ``None`` where a ballot is of no election."""
    known = await electronic_elections.of_ballot(unit, ballot.id)
    paper = await paper_elections.paper(unit, known.paper) if known is not None else None
    if known is None or paper is None:
        return None
    present = await presence_of(unit, known)
    there = await electronic_elections.reached(unit, paper.id) if present is None else len(present)
    return electronic.headcount(paper, known, there)


async def admitted_to(unit: Reading, ballot: Ballot) -> Admitted | Refusal | None:
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


async def presence_of(unit: Reading, known: Electronic | None) -> frozenset[MemberId] | None:
    """Return who is marked as being in the room, ``None`` where nobody has to be."""
    if known is None or known.consent.way is not Way.ROOM:
        return None
    return await electronic_elections.present(unit, known.paper)


def mark_of_presence(present: frozenset[MemberId] | None) -> str:
    """Return a mark of who is in the room, so that a vote is opened for those alone whom the page showed."""
    return "" if present is None else mark_of(sorted(present))


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


def _form(fields: Fields, nodes: tuple[Organisation, ...], refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "ballots/start.html", fields=fields, nodes=nodes, refusals=refusals, by_field=first_by_field(refusals)
    )
    return page, 422 if refusals else 200
