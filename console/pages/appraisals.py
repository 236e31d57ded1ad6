"""Appraisals of members (民主评议): drafted for a whole branch at once, the secret votes beside what is decided."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, not_done, onward, see
from console.appraisal_papers import grading_paper
from console.ballot_drafts import Sealing, draft_sealed, lines, people_of, refuse_tellers_of, sealing, sealing_from
from console.desk import ask, desk, now, settle
from console.exporting import note_export
from console.fresh import fresh
from console.keeping import filled
from console.leaving_tables import leaves, up_to
from console.tables import Table, download, hand_out
from console.word import CONTENT_TYPE
from console.wording import fully, t, today
from content import appraisals as rules
from content import ballots as drafting
from content import paper_elections as preparing
from content.appraisals import PARTS, Appraisal, Appraised, Change
from content.ballots import Ballot, Candidate
from content.decision import Refusal, refused
from content.forms import Grade, grading
from content.franchise import FULL
from content.identifiers import BallotId, MemberId, OrganisationId, PaperElectionId, derive
from content.members import Member
from content.organisations import Organisation, Right
from content.paper_elections import PaperElection
from content.strokes import by_strokes
from storage import appraisals as stored
from storage import ballots, members, paper_elections
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("appraisals", __name__)

MOST_SHOWN = 100
_ID = re.compile(r"[a-z2-7]{24}")
_ON_PAPER = ("id", "organisation", "title", "left_out", "held_on")


class Line(Struct, frozen=True, kw_only=True):
    """One member in the summary: what is written down of them, and how often each grade was given, and none."""

    member: MemberId | None
    name: str
    written: Appraised | None
    votes: tuple[int, ...]


class Seen(Struct, frozen=True, kw_only=True):
    """What the summary shows; how many papers are valid is unknown until the votes are counted."""

    lines: tuple[Line, ...]
    issued: int | None
    returned: int | None
    valid: int | None
    excess: int
    waiting: int
    told: bool


@pages.get("/appraisals")
@requires(Right.IMPORT_ROSTER)
@leaves("appraisals")
def show() -> str:
    """Show the appraisals, the last to close first."""
    roots = here().roots

    async def read(unit: Reading) -> tuple[list[Ballot], list[PaperElection]]:
        secret = await ballots.of_roots(unit, roots, limit=up_to(MOST_SHOWN))
        papers = await paper_elections.of_roots(unit, roots, limit=up_to(MOST_SHOWN))
        return [one for one in secret if rules.is_appraisal(one)], [one for one in papers if rules.is_appraisal(one)]

    found, papers = ask(read)
    return render_template("appraisals/show.html", found=found, papers=papers, most=MOST_SHOWN)


@pages.route("/appraisals/new", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def start() -> Answer:
    """Draft an appraisal of everyone on a branch's roster."""
    nodes = here().within(Right.IMPORT_ROSTER)
    if request.method == "GET":
        at = now()
        title = t("appraisals.usual_title", year=at.year)
        fields = sealing(derive(secrets.token_urlsafe(24), "ballot"), nodes, title, at + timedelta(days=7))
        return _form(fields, nodes, "")
    fields, left_out = sealing_from(request.form), request.form.get("left_out", "")
    if not _ID.fullmatch(fields.id):
        abort(400)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        people = await _graded(unit, fields.organisation, nodes, left_out)
        if isinstance(people, Refusal):
            return people
        standing = tuple(Candidate(id=f"c{n}", member=one.id, name=one.name) for n, one in enumerate(people, start=1))
        form = grading(one.id for one in standing)
        ballot = await draft_sealed(unit, fields, nodes, election=form, candidates=standing)
        if isinstance(ballot, Refusal):
            return ballot
        return await refuse_tellers_of(unit, ballot) or drafting.draft(ballot, author=user, now=unit.now)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, nodes, left_out, outcome.refusal)
    return see(link("ballots.show_one", id=fields.id), "repeated" if outcome.repeated else "ballot_drafted")


@pages.route("/appraisals/paper", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def start_on_paper() -> Answer:
    """Prepare an appraisal in which everyone on a branch's roster is graded on paper, in a meeting."""
    nodes, user = here().within(Right.IMPORT_ROSTER), here().user
    if request.method == "GET":
        empty = dict.fromkeys(_ON_PAPER, "")
        empty |= {"id": derive(secrets.token_urlsafe(24), "paper"), "held_on": today().isoformat()}
        return _form_on_paper(empty | {"title": t("appraisals.usual_title", year=now().year)}, nodes)
    said = {name: request.form.get(name, "").replace("\r\n", "\n").strip() for name in _ON_PAPER}
    if not _ID.fullmatch(said["id"]):
        abort(400)

    async def decide(unit: Reading) -> Decided:
        people = await _graded(unit, said["organisation"], nodes, said["left_out"])
        if isinstance(people, Refusal):
            return people
        try:
            held_on = date.fromisoformat(said["held_on"])
        except ValueError:
            return refused("paper.bad_day", field="held_on")
        known = await paper_elections.paper(unit, PaperElectionId(said["id"]))
        return preparing.prepare(_on_paper(said, people, held_on), known=known, author=user)

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form_on_paper(said, nodes, outcome.refusal)
    return see(link("elections.show_one", id=said["id"]), "repeated" if outcome.repeated else "appraisal_prepared")


@pages.get("/appraisals/<id>")
@requires(Right.IMPORT_ROSTER)
def show_one(id: str) -> str:  # noqa: A002
    """Show what was said, voted and decided of each member."""
    ballot = _visible(id)
    return _page(ballot, _seen(ballot))


@pages.post("/appraisals/<id>/grades")
@requires(Right.IMPORT_ROSTER)
@fresh
def write(id: str) -> Answer:  # noqa: A002
    """Write down the grades that were changed; one that another changed meanwhile comes back with what was typed."""
    roots, said = here().roots, request.form.to_dict()

    async def decide(unit: Reading) -> Decided:
        ballot = await _find(unit, roots, id)
        if ballot is None:
            return None
        changes = [change for one in ballot.candidates if one.member for change in _changes(one.member, said)]
        known, told = await _written(unit, ballot)
        return rules.appraise(ballot, changes, known, told, anew=said.get("anew") == "yes")

    outcome, to = settle(decide, actor=here().user), link("appraisals.show_one", id=id)
    if outcome.refusal is not None:
        return _refused(id, said, outcome.refusal, to=to)
    return onward(outcome, to=to, done="grades_written")


@pages.post("/appraisals/<id>/tell")
@requires(Right.IMPORT_ROSTER)
@fresh
def tell(id: str) -> Answer:  # noqa: A002
    """Tell each member their own outcome in private."""
    roots = here().roots

    async def decide(unit: Reading) -> Decided:
        ballot = await _find(unit, roots, id)
        if ballot is None:
            return None
        known, told = await _written(unit, ballot)
        people = await members.by_ids(unit, sorted(known))
        users = {one.id: one.user for one in people if one.user is not None and one.left is None}
        answers, valid = await _counted(unit, ballot)
        return rules.tell_outcomes(ballot, known, rules.votes_of(ballot, answers, valid), users, told)

    return onward(settle(decide, actor=here().user), to=link("appraisals.show_one", id=id), done="outcomes_told")


@pages.get("/appraisals/<id>/export.<any(xlsx, csv, docx, text):format>")
@requires(Right.IMPORT_ROSTER)
@fresh
def export(id: str, format: str) -> Response:  # noqa: A002
    """Hand out 民主测评汇总表, with a line under it where more are excellent than is usual."""
    ballot = _visible(id)
    seen = _seen(ballot)
    return hand_out(
        _table(ballot, seen), format, "appraisal", _footer(ballot, seen), back=link("appraisals.show_one", id=id)
    )


@pages.get("/appraisals/<id>/paper.docx")
@requires(Right.IMPORT_ROSTER)
@fresh
def print_paper(id: str) -> Response:  # noqa: A002
    """Hand out 民主测评表, for who grades on paper: no name, no number."""
    ballot = _visible(id)
    data = grading_paper([one.name for one in ballot.candidates], desk().speech).written()
    note_export("appraisal:paper", len(ballot.candidates))
    return download(data, CONTENT_TYPE, f"zhibu-appraisal-paper-{today().isoformat()}.docx")


def _visible(id: str) -> Appraisal:  # noqa: A002
    roots = here().roots
    found = ask(lambda unit: _find(unit, roots, id))
    if found is None:
        abort(404)
    return found


async def _find(unit: Reading, roots: Collection[OrganisationId], id: str) -> Appraisal | None:  # noqa: A002
    """Return the appraisal of this identifier, whether it is a secret ballot or held on paper."""
    found = await ballots.visible(unit, roots, BallotId(id))
    one = found or await paper_elections.visible(unit, roots, PaperElectionId(id))
    return one if one is not None and rules.is_appraisal(one) else None


async def _written(unit: Reading, one: Appraisal) -> tuple[dict[MemberId, Appraised], Mapping[MemberId, Grade]]:
    """Return what was written down of each member, and what each was told."""
    paper = isinstance(one, PaperElection)
    return await stored.grades(unit, one.id, on_paper=paper), await stored.told(unit, one.id, on_paper=paper)


async def _counted(unit: Reading, one: Appraisal) -> tuple[Mapping[str, Any], int]:
    """Return what was counted, and in how many valid papers."""
    if isinstance(one, PaperElection):
        result = paper_elections.result(one)
        return (result.answers or {}, result.valid or 0) if result is not None else ({}, 0)
    kept = await ballots.result(unit, one.id) or {}
    return kept.get("answers", {}), kept.get("valid", 0)


def _seen(ballot: Appraisal) -> Seen:
    async def read(unit: Reading) -> Seen:
        known, told = await _written(unit, ballot)
        stands = rules.may_be_decided(ballot)
        answers, valid = await _counted(unit, ballot)
        votes = rules.votes_of(ballot, answers, valid) if stands else {}
        paper = ballot.entries[-1].counted if isinstance(ballot, PaperElection) and ballot.entries and stands else None
        return Seen(
            issued=ballot.issued,
            returned=ballot.turnout if isinstance(ballot, Ballot) else paper.returned if paper else None,
            lines=tuple(
                Line(
                    member=one.member,
                    name=one.name,
                    written=known.get(one.member) if one.member else None,
                    votes=votes.get(one.member, ()) if one.member else (),
                )
                for one in ballot.candidates
            ),
            valid=valid if stands else None,
            excess=rules.too_many_excellent(
                [known[one.member].final if one.member in known else None for one in ballot.candidates]
            ),
            waiting=sum(one.final is not None and told.get(one.member) is not one.final for one in known.values()),
            told=bool(told),
        )

    return ask(read)


def _table(ballot: Appraisal, seen: Seen) -> Table:
    grades = [t(f"appraisals.grade_{grade}") for grade in Grade]
    names = ("number", "name", "issued", "returned", "valid")
    header = (*(t(f"appraisals.{one}") for one in names), *grades, t("appraisals.final"), t("appraisals.signed"))
    rows = []
    for n, one in enumerate(seen.lines, start=1):
        counted = [*one.votes[:4], *[None] * 4][:4]
        final = one.written.final if one.written else None
        said = t(f"appraisals.grade_{final}") if final else ""
        rows.append((n, one.name, seen.issued, seen.returned, seen.valid, *counted, said, ""))
    return Table(title=t("appraisals.sheet", title=ballot.title), header=header, rows=tuple(rows))


def _footer(ballot: Appraisal, seen: Seen) -> str:
    said = [t("appraisals.rule"), t("appraisals.reference")]
    if seen.excess:
        said.insert(0, _warning(seen))
    return " ".join([*said, t("appraisals.footer", at=fully(now()), state=_state(ballot))])


def _state(one: Appraisal) -> str:
    return t(f"{'elections' if isinstance(one, PaperElection) else 'ballots'}.state_{one.state}")


def _warning(seen: Seen) -> str:
    everyone = len(seen.lines)
    most = rules.most_excellent(everyone)
    return t("appraisals.too_many", n=most + seen.excess, most=most, everyone=everyone)


def _changes(member: MemberId, said: Mapping[str, str]) -> list[Change]:
    """Return which grades of a member a form changes; one that it does not have, or that does not exist, stays."""
    found = []
    for part in PARTS:
        wanted, shown = said.get(f"{part}-{member}"), said.get(f"shown-{part}-{member}", "")
        if wanted in ("", *Grade) and shown in ("", *Grade) and wanted != shown:
            found.append(Change(member=member, part=part, shown=_grade(shown), wanted=_grade(wanted)))
    return found


def _grade(said: str | None) -> Grade | None:
    return Grade(said) if said else None


def _page(ballot: Appraisal, seen: Seen) -> str:
    return render_template(
        "appraisals/show_one.html",
        ballot=ballot,
        seen=seen,
        warning=_warning(seen) if seen.excess else "",
        grades=tuple(Grade),
        state=_state(ballot),
        steps=link("elections.show_one" if isinstance(ballot, PaperElection) else "ballots.show_one", id=ballot.id),
        writable=rules.may_be_written(ballot),
        decidable=rules.may_be_decided(ballot),
    )


def _refused(id: str, said: Mapping[str, str], refusal: Refusal, *, to: str) -> Answer:  # noqa: A002
    """Show the grades as they are now, over them what this form changed and nothing that it merely showed."""
    ballot = _visible(id)
    seen = _seen(ballot)
    typed = {name: [value] for name, value in said.items() if name == "anew"}
    for one in seen.lines:
        if one.member is None:
            continue
        typed |= {f"{part}-{one.member}": [getattr(one.written, part, None) or ""] for part in PARTS}
        typed |= {rules.field_of(change): [change.wanted or ""] for change in _changes(one.member, said)}
    page = filled(_page(ballot, seen), request.path, typed, refusal)
    return (page, 409) if page else not_done(refusal, to=to)


async def _graded(
    unit: Reading, organisation: str, nodes: tuple[Organisation, ...], left_out: str
) -> list[Member] | Refusal:
    """Return who is graded: everyone who is a full member by the roster, but for who is left out by name."""
    if organisation not in {one.id for one in nodes}:
        return refused("ballot.no_place", field="organisation")
    people = await members.roster(unit, [organisation])  # type: ignore[list-item]
    graded = {one.id: one for one in people if one.category == FULL}
    for typed in lines(left_out):
        found = people_of(people, typed)
        if len(found) != 1:
            return refused("appraisal.unknown_person", field="left_out", name=typed)
        graded.pop(found[0].id, None)
    return sorted(graded.values(), key=lambda one: by_strokes(one.name))


def _on_paper(said: Mapping[str, str], people: Sequence[Member], held_on: date) -> PaperElection:
    """Return an appraisal on paper; those who share a name are told apart by their post, or else by their account."""
    names: Counter[str] = Counter(one.name for one in people)
    called = {one.id: f"{one.name} {one.post or one.user or ''}".strip() for one in people if names[one.name] > 1}
    standing = tuple(
        Candidate(id=f"c{n}", member=one.id, name=called.get(one.id, one.name)) for n, one in enumerate(people, start=1)
    )
    return PaperElection(
        id=PaperElectionId(said["id"]),
        organisation=OrganisationId(said["organisation"]),
        title=said["title"],
        election=grading(one.id for one in standing),
        candidates=standing,
        held_on=held_on,
    )


def _form_on_paper(
    fields: Mapping[str, str], nodes: tuple[Organisation, ...], refusal: Refusal | None = None
) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "appraisals/start_on_paper.html",
        fields=fields,
        nodes=nodes,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200


def _form(fields: Sealing, nodes: tuple[Organisation, ...], left_out: str, refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "appraisals/start.html",
        fields=fields,
        nodes=nodes,
        left_out=left_out,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
