"""Elections and admissions on paper: prepare one, take the figures of the meeting, count twice, and keep the record."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable

from flask import Blueprint, Response, abort, render_template, request
from msgspec.structs import replace

from console import election_papers
from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward, see
from console.desk import ask, desk, settle
from console.election_drafts import (
    Fields,
    counted_of,
    drafted,
    excuse,
    fields_from,
    fields_of,
    number,
    officers_of,
)
from console.election_views import look
from console.exporting import note_export
from console.fresh import fresh
from console.leaving_tables import leaves, up_to
from console.word import CONTENT_TYPE, Document
from console.wording import today
from content import paper_counts as counting
from content import paper_elections as rules
from content.counts import describe
from content.decision import Refusal, Words
from content.election_advice import advice
from content.electronic_elections import is_running, refuse_while_voting
from content.electronic_votes import became
from content.forms import Grade
from content.franchise import roll_of
from content.identifiers import PaperElectionId, derive
from content.organisations import Organisation, Right
from content.paper_elections import Decider, PaperElection, State
from content.rule_packs import quorum_needs
from storage import electronic_elections, members, organisations
from storage import paper_elections as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("elections", __name__)

MOST_SHOWN = 100
_ID = re.compile("[a-z2-7]{24}")


@pages.get("/elections")
@requires(Right.READ)
@leaves("elections")
def show() -> str:
    """Show the elections on paper, the latest meeting first."""
    roots = here().roots
    every = ask(lambda unit: stored.of_roots(unit, roots, limit=up_to(MOST_SHOWN)))
    found = [one for one in every if not one.election.questions]
    return render_template("elections/show.html", found=found, most=MOST_SHOWN)


@pages.route("/elections/new", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def start() -> Answer:
    """Write an election down, or anew what is not fixed yet."""
    nodes = here().within(Right.IMPORT_ROSTER)
    if request.method == "GET":
        return _form(_asked_for(nodes), nodes)
    fields = fields_from()
    if not _ID.fullmatch(fields.id):
        abort(400)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        paper = await drafted(unit, fields, nodes)
        if isinstance(paper, Refusal):
            return paper
        return rules.prepare(paper, known=await stored.paper(unit, paper.id), author=user)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, outcome.refusal)
    return see(link("elections.show_one", id=fields.id), "repeated" if outcome.repeated else "election_prepared")


@pages.get("/elections/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show where an election stands; until two counts stand nobody sees what another has counted."""
    return page_of(_visible(id))


@pages.post("/elections/<id>/fix")
@requires(Right.IMPORT_ROSTER)
@fresh
def fix(id: str) -> Answer:  # noqa: A002
    """Fix what is voted on and who may vote."""
    day, excused = today(), request.form.get("excused", "")

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        people = await members.roster(unit, [paper.organisation])
        roll = excuse(roll_of(people, paper.held_on), people, excused)
        if isinstance(roll, Refusal):
            return roll
        return rules.fix(paper, roll, names={one.id: one.name for one in people}, today=day)

    return act_on(id, decide, done="election_fixed")


@pages.post("/elections/<id>/meet")
@requires(Right.IMPORT_ROSTER)
@fresh
def meet(id: str) -> Answer:  # noqa: A002
    """Take the figures of the meeting, and who counts."""
    present, issued, typed = number("present"), number("issued"), request.form.get("officers", "")
    user = here().user

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        people = await members.roster(unit, [paper.organisation])
        officers = officers_of(typed, people)
        if isinstance(officers, Refusal):
            return officers
        ids = {one.id for one in people}
        one_hand = await organisations.same_hand_at(unit, paper.organisation, Right.IMPORT_ROSTER, user)
        alone = await stored.excused_by(unit, paper.id) in one_hand
        voted_on = await _voting(unit, paper)
        return voted_on or rules.meet(
            paper, present=present, issued=issued, officers=officers, people=ids, excused_alone=alone
        )

    return act_on(id, decide, done="election_met")


@pages.post("/elections/<id>/count")
@requires(Right.COUNT_BALLOTS)
@fresh
def count(id: str) -> Answer:  # noqa: A002
    """Take what a teller has counted, from their own account."""
    counted, user = counted_of(_visible(id)), here().user
    if isinstance(counted, Refusal):
        return page_of(_visible(id), counted), 422

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        return counting.enter(paper, user, counted)

    return act_on(id, decide, done="count_entered")


@pages.post("/elections/<id>/agree")
@requires(Right.COUNT_BALLOTS)
@fresh
def agree(id: str) -> Answer:  # noqa: A002
    """Agree to the count that was made together."""
    user = here().user

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        return counting.agree(paper, user)

    return act_on(id, decide, done="count_agreed")


@pages.post("/elections/<id>/certify")
@requires(Right.IMPORT_ROSTER)
@fresh
def certify(id: str) -> Answer:  # noqa: A002
    """Let a result stand as it was announced."""
    day = today()

    async def decide(paper: PaperElection, _: Reading) -> Decided:
        return rules.certify(paper, on=day)

    return act_on(id, decide, done="election_certified")


@pages.post("/elections/<id>/note")
@requires(Right.IMPORT_ROSTER)
def note(id: str) -> Answer:  # noqa: A002
    """Note that a result was reported to those above, or what they answered."""
    day, reference = today(), request.form.get("reference", "")

    async def decide(paper: PaperElection, _: Reading) -> Decided:
        verb = rules.report if paper.state is State.CERTIFIED else rules.approve
        return verb(paper, on=day, reference=reference)

    return act_on(id, decide, done="election_noted")


@pages.post("/elections/<id>/void")
@requires(Right.IMPORT_ROSTER)
@fresh
def void(id: str) -> Answer:  # noqa: A002
    """Let an election come to nothing."""
    why = request.form.get("reference", "")

    async def decide(paper: PaperElection, unit: Reading) -> Decided:
        return await _voting(unit, paper) or rules.void(paper, why=why)

    return act_on(id, decide, done="election_voided")


@pages.get("/elections/<id>/<sheet>.docx")
@requires(Right.READ_MEMBERS)
@fresh
def download(id: str, sheet: str) -> Response:  # noqa: A002
    """Give out a paper to print: the ballot, the sheet for counting, the certificate, or the whole record."""
    paper, document = _written(id, sheet)
    response = Response(document.written(), content_type=CONTENT_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="zhibu-{sheet}-{paper.id}.docx"'
    return response


@pages.get("/elections/<id>/<sheet>/print")
@requires(Right.READ_MEMBERS)
@fresh
def print_sheet(id: str, sheet: str) -> str:  # noqa: A002
    """Show a paper as it is printed, or saved as a PDF; of the ballot as many as may vote, two on a page."""
    paper, document = _written(id, sheet)
    ballots = sheet == "ballot"
    lines = election_papers.lines_of(paper)
    return render_template(
        "elections/print.html",
        document=document,
        copies=max(1, paper.expected) if ballots else 1,
        half=ballots and lines <= election_papers.HALF_A_PAGE and not paper.election.questions,
        edge=ballots and lines <= election_papers.ONE_PAGE,
        back=link("elections.show_one", id=paper.id),
    )


def _written(id: str, sheet: str) -> tuple[PaperElection, Document]:  # noqa: A002
    """Return a paper of an election as it stands, and leave a row of record that it was taken away."""
    paper = _visible(id)
    write = election_papers.SHEETS.get(sheet)
    if write is None or (paper.election.questions and sheet not in election_papers.OF_GRADES):
        abort(404)
    seen = look(paper)
    node = here().node(paper.organisation)
    known = election_papers.Known(
        paper=paper,
        organisation=node.name if node else "",
        roll=seen.roll,
        names=seen.names,
        result=seen.result,
        votes=seen.votes,
        term=seen.around.term,
    )
    document = write(known, desk().speech)
    if document is None:
        abort(404)
    note_export(f"election:{sheet}", len(seen.roll))
    return paper, document


async def _voting(unit: Reading, paper: PaperElection) -> Refusal | None:
    """Tell that an election is voted on electronically just now."""
    known = await electronic_elections.of_election(unit, paper.id)
    return refuse_while_voting(await electronic_elections.ballot_of(unit, known))


def page_of(paper: PaperElection, refusal: Refusal | None = None) -> str:
    """Show an election as it stands, with what was refused."""
    seen = look(paper)
    stands = paper.entries[-1].counted if seen.result is not None else None
    lines: tuple[Words, ...] = ()
    if seen.result is not None and stands is not None:
        figures = counting.attendance(paper, stands)
        lines = tuple(
            describe(paper.title, paper.election.pack, figures, seen.result, paper.names, paper.election.questions)
        )
    two = paper.entries[:2]
    differ = counting.differences(two[0].counted, two[1].counted) if len(two) > 1 and len(paper.entries) < 4 else ()
    refusals = [refusal] if refusal else []
    return render_template(
        "elections/show_one.html",
        paper=paper,
        seen=seen,
        lines=lines,
        differ=differ,
        stands=stands,
        my_turn=counting.may_enter(paper, here().user),
        agrees=counting.may_agree(paper, here().user),
        needs=quorum_needs(paper.expected or sum(one.may_vote for one in seen.roll)),
        electronic=is_running(seen.sealed),
        became=became,
        advice=advice(paper, seen.around),
        deciders=tuple(Decider),
        decided_on=min(paper.held_on, today()).isoformat(),
        next=rules.follows(paper, seen.result) if seen.result else None,
        sheets=[
            name
            for name in election_papers.SHEETS
            if name in election_papers.READY[paper.state]
            and not (paper.election.questions and name not in election_papers.OF_GRADES)
        ],
        grades=tuple(Grade),
        grades_in=counting.grades_in,
        typed=request.form,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


def _visible(id: str) -> PaperElection:  # noqa: A002
    roots = here().roots
    found = ask(lambda unit: stored.visible(unit, roots, PaperElectionId(id)))
    if found is None:
        abort(404)
    return found


def act_on(id: str, verb: Callable[[PaperElection, Reading], Awaitable[Decided]], *, done: str) -> Answer:  # noqa: A002
    """Do something to an election that this person may see, and answer with its page; a refusal stands on it."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        paper = await stored.visible(unit, roots, PaperElectionId(id))
        return None if paper is None else await verb(paper, unit)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return page_of(_visible(id), outcome.refusal), 422
    return onward(outcome, to=link("elections.show_one", id=id), done=done)


def _asked_for(nodes: tuple[Organisation, ...]) -> Fields:
    """Return the form as it opens: empty, that of a draft, or that of what follows an election without a result."""
    new = derive(secrets.token_urlsafe(24), "paper")
    day = today().isoformat()
    wanted, after = request.args.get("id", ""), request.args.get("after", "")
    if not wanted and not after:
        return Fields(id=new, organisation=nodes[0].id if nodes else "", held_on=day)
    paper = _visible(wanted or after)
    if paper.election.questions:
        abort(404)
    lines = {one.id: f"{one.name}：{one.introduction}" if one.introduction else one.name for one in paper.candidates}
    if wanted:
        return fields_of(paper, paper.election, lines, id=paper.id)
    seen = look(paper)
    following = rules.follows(paper, seen.result) if seen.result is not None else None
    if following is None:
        abort(404)
    return replace(fields_of(paper, following, lines, id=new), parent=paper.id, held_on=day)


def _form(fields: Fields, nodes: tuple[Organisation, ...], refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "elections/start.html",
        fields=fields,
        nodes=nodes,
        packs=rules.OFFERED,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
