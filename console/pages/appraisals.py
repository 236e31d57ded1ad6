"""Appraisals of members (民主评议): drafted for a whole branch at once, the secret votes beside what is decided."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, not_done, onward, see
from console.ballot_drafts import Sealing, draft_sealed, lines, people_of, refuse_tellers_of, sealing, sealing_from
from console.desk import ask, now, settle
from console.exporting import note_export
from console.fresh import fresh
from console.keeping import filled
from console.tables import Table, download, hand_out
from console.word import CONTENT_TYPE, Grid, Paragraph, write_docx
from console.wording import fully, t, today
from content import appraisals as rules
from content import ballots as drafting
from content.appraisals import PARTS, Appraised, Change
from content.ballots import Ballot, Candidate, State
from content.decision import Refusal, refused
from content.forms import Grade, grading
from content.franchise import FULL
from content.identifiers import BallotId, MemberId, derive
from content.members import Member
from content.organisations import Organisation, Right
from content.rule_packs import APPRAISAL
from content.strokes import by_strokes
from storage import appraisals as stored
from storage import ballots, members
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("appraisals", __name__)

MOST_SHOWN = 100
_ID = re.compile(r"[a-z2-7]{24}")


class Line(Struct, frozen=True, kw_only=True):
    """One member in the summary: what is written down of them, and how often each grade was given, and none."""

    member: MemberId | None
    name: str
    written: Appraised | None
    votes: tuple[int, ...]


class Seen(Struct, frozen=True, kw_only=True):
    """What the summary shows; ``void`` and ``valid`` are unknown until the votes are counted."""

    lines: tuple[Line, ...]
    valid: int | None
    excess: int
    waiting: int
    told: bool


@pages.get("/appraisals")
@requires(Right.IMPORT_ROSTER)
def show() -> str:
    """Show the appraisals, the last to close first."""
    roots = here().roots
    every = ask(lambda unit: ballots.of_roots(unit, roots, limit=MOST_SHOWN))
    found = [one for one in every if one.election.pack is APPRAISAL]
    return render_template("appraisals/show.html", found=found, most=MOST_SHOWN)


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
        people = await _graded(unit, fields, nodes, left_out)
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
        ballot = await ballots.visible(unit, roots, BallotId(id))
        if ballot is None or ballot.election.pack is not APPRAISAL:
            return None
        changes = [change for one in ballot.candidates if one.member for change in _changes(one.member, said)]
        known, told = await stored.grades(unit, ballot.id), await stored.told(unit, ballot.id)
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
        ballot = await ballots.visible(unit, roots, BallotId(id))
        if ballot is None or ballot.election.pack is not APPRAISAL:
            return None
        known = await stored.grades(unit, ballot.id)
        people = await members.by_ids(unit, sorted(known))
        users = {one.id: one.user for one in people if one.user is not None and one.left is None}
        result = await ballots.result(unit, ballot.id)
        votes = rules.votes_of(ballot, (result or {}).get("answers", {}), (result or {}).get("valid", 0))
        return rules.tell_outcomes(ballot, known, votes, users, await stored.told(unit, ballot.id))

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
    grades = [t(f"appraisals.grade_{grade}") for grade in Grade]
    header = (t("appraisals.number"), t("appraisals.appraised"), *grades, t("appraisals.remarks"))
    rows = tuple((str(n), one.name, *[""] * 5) for n, one in enumerate(ballot.candidates, start=1))
    blocks = (Grid(header=header, rows=rows), Paragraph(text=t("appraisals.paper_help")))
    data = write_docx(t("appraisals.paper_title"), blocks)
    note_export("appraisal:paper", len(rows))
    return download(data, CONTENT_TYPE, f"zhibu-appraisal-paper-{today().isoformat()}.docx")


def _visible(id: str) -> Ballot:  # noqa: A002
    roots = here().roots
    found = ask(lambda unit: ballots.visible(unit, roots, BallotId(id)))
    if found is None or found.election.pack is not APPRAISAL:
        abort(404)
    return found


def _seen(ballot: Ballot) -> Seen:
    async def read(unit: Reading) -> Seen:
        known, told = await stored.grades(unit, ballot.id), await stored.told(unit, ballot.id)
        result = await ballots.result(unit, ballot.id)
        stands = ballot.state in (State.CERTIFIED, State.ARCHIVED)
        votes = (
            rules.votes_of(ballot, (result or {}).get("answers", {}), (result or {}).get("valid", 0)) if stands else {}
        )
        return Seen(
            lines=tuple(
                Line(
                    member=one.member,
                    name=one.name,
                    written=known.get(one.member) if one.member else None,
                    votes=votes.get(one.member, ()) if one.member else (),
                )
                for one in ballot.candidates
            ),
            valid=result["valid"] if result and stands else None,
            excess=rules.too_many_excellent(
                [known[one.member].final if one.member in known else None for one in ballot.candidates]
            ),
            waiting=sum(one.final is not None and told.get(one.member) is not one.final for one in known.values()),
            told=bool(told),
        )

    return ask(read)


def _table(ballot: Ballot, seen: Seen) -> Table:
    grades = [t(f"appraisals.grade_{grade}") for grade in Grade]
    names = ("number", "name", "issued", "returned", "valid")
    header = (*(t(f"appraisals.{one}") for one in names), *grades, t("appraisals.final"), t("appraisals.signed"))
    rows = []
    for n, one in enumerate(seen.lines, start=1):
        counted = [*one.votes[:4], *[None] * 4][:4]
        final = one.written.final if one.written else None
        said = t(f"appraisals.grade_{final}") if final else ""
        rows.append((n, one.name, ballot.issued, ballot.turnout, seen.valid, *counted, said, ""))
    return Table(title=t("appraisals.sheet", title=ballot.title), header=header, rows=tuple(rows))


def _footer(ballot: Ballot, seen: Seen) -> str:
    said = [t("appraisals.rule"), t("appraisals.reference")]
    if seen.excess:
        said.insert(0, _warning(seen))
    return " ".join([*said, t("appraisals.footer", at=fully(now()), state=t(f"ballots.state_{ballot.state}"))])


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


def _page(ballot: Ballot, seen: Seen) -> str:
    warning = _warning(seen) if seen.excess else ""
    return render_template("appraisals/show_one.html", ballot=ballot, seen=seen, warning=warning, grades=tuple(Grade))


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
    unit: Reading, fields: Sealing, nodes: tuple[Organisation, ...], left_out: str
) -> list[Member] | Refusal:
    """Return who is graded: everyone who is a full member by the roster, but for who is left out by name."""
    if fields.organisation not in {one.id for one in nodes}:
        return refused("ballot.no_place", field="organisation")
    people = await members.roster(unit, [fields.organisation])  # type: ignore[list-item]
    graded = {one.id: one for one in people if one.category == FULL}
    for typed in lines(left_out):
        found = people_of(people, typed)
        if len(found) != 1:
            return refused("appraisal.unknown_person", field="left_out", name=typed)
        graded.pop(found[0].id, None)
    return sorted(graded.values(), key=lambda one: by_strokes(one.name))


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
