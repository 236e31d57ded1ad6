"""The roster: who stands in it, one-time codes for accounts, and sheets that are looked at before they are taken in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import date

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, onward, see
from console.desk import ask, cause, desk, is_done, now, settle
from console.pictures import shown_name
from console.sheets import SheetFile, SheetProblem, read_grid
from console.wording import today
from content import roster
from content.decision import Decision, Fact, Words, refused, words
from content.grid import Grid
from content.identifiers import Cause, MemberId, OrganisationId, UserId, derive
from content.members import CODE_LASTS, Member, MemberChanged, MemberEnrolled, issue_code
from content.organisations import Kind, Organisation, OrganisationFounded, Right
from storage import members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("members", __name__)

PAGE_SIZE = 50
MOST_SHOWN = 200
"""Rows of one kind that a preview shows; the numbers above it count them all."""

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits and letters that cannot be taken for each other."""

CODE_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """An uploaded sheet that waits for a person's yes."""

    name: str
    grid: Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a sheet is compared with; ``foreign`` are the accounts of members whom this person may not see.

    ``departed`` have left the roster; no sheet brings them back.
    """

    nodes: tuple[Organisation, ...]
    members: tuple[Member, ...]
    departed: tuple[Member, ...]
    foreign: frozenset[UserId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What taking a sheet in would do, and a mark by which a changed plan is known.

    ``founded`` are the groups that it would found, each as the names of its branch and of itself.
    """

    reading: roster.Reading
    preview: roster.Preview
    mark: str
    founded: tuple[tuple[str, str], ...]


@pages.get("/members")
@requires(Right.READ_MEMBERS)
def show() -> str:
    """Show the roster by name, a page at a time."""
    name = request.args.get("q", "").strip()[:80]
    after = (request.args.get("after", "")[:120], request.args.get("after_id", "")[:32])
    roots = here().roots
    found = ask(
        lambda unit: members.roster(unit, roots, name=name, after=after if after[1] else None, limit=PAGE_SIZE + 1)
    )
    total, bound = ask(lambda unit: members.count(unit, roots))
    return render_template(
        "members/show.html",
        members=found[:PAGE_SIZE],
        more=found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None,
        total=total,
        bound=bound,
        wanted=name,
        first_page=not after[1],
        places=_places(here().nodes),
        may_import=here().may(Right.IMPORT_ROSTER),
        departed=ask(lambda unit: members.departed(unit, roots)) if not name and not after[1] else (),
    )


@pages.post("/members/<id>/code")
@requires(Right.IMPORT_ROSTER)
def make_code(id: str) -> Answer:  # noqa: A002
    """Make a one-time code for a member; it is shown now and never again."""
    roots = here().roots
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    known: list[Member] = []

    async def decide(unit: Reading) -> Decided:
        member = await members.member(unit, MemberId(id))
        if member is None or member.organisation not in {node.id for node in await organisations.tree(unit, roots)}:
            return None
        known.append(member)
        return issue_code(member, code_hash=hashlib.sha256(code.encode()).hexdigest(), now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=link("members.show"), done="code_made")
    return render_template("members/code.html", code=grouped(code), member=known[0], until=now() + CODE_LASTS)


def grouped(code: str) -> str:
    """Return a code in two groups, as it is easier to read out; the hyphen is no part of it."""
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"


@pages.route("/members/import", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def take_sheet() -> Answer | Response:
    """Read an uploaded sheet and go on to what it would change."""
    if request.method == "GET":
        return render_template("members/import.html", refusal=None, columns=roster.COLUMNS)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _import_again(words("members.no_file"))
    data, wanted = file.read(), request.form.get("sheet", "")
    grid = read_grid(data, file.filename, sheet=wanted or None)
    if isinstance(grid, SheetProblem):
        return _import_again(grid.words)
    sheet = SheetFile(name=shown_name(file.filename), sheet=wanted, data=data)
    key = desk().shelf.put(here().session.id_hash, sheet, now=now())
    return redirect(link("members.look", key=key), code=303)


def _import_again(refusal: Words) -> Answer:
    return render_template("members/import.html", refusal=refusal, columns=roster.COLUMNS), 422


@pages.get("/members/import/<key>")
@requires(Right.IMPORT_ROSTER)
def look(key: str) -> Answer:
    """Show what taking the sheet in would do; nothing is written."""
    sheet = _shelved(key)
    if sheet is None:
        return render_template("members/gone.html"), 404
    return _shown(key, sheet, _planned(sheet)[1])


def _shown(key: str, sheet: Sheet, plan: Plan, refusal: Words | None = None) -> Answer:
    page = render_template(
        "members/preview.html", key=key, sheet=sheet, plan=plan, preview=plan.preview, refusal=refusal, most=MOST_SHOWN
    )
    return page, 422 if refusal or plan.reading.obstacles else 200


@pages.post("/members/import/<key>")
@requires(Right.IMPORT_ROSTER)
def take_in(key: str) -> Answer:
    """Take the sheet in as it was shown."""
    if is_done():
        return see(link("members.show"), "repeated")
    sheet = _shelved(key)
    if sheet is None:
        return render_template("members/gone.html"), 404
    at, by_form, mark = here(), cause(), request.form.get("mark", "")
    known, plan = _planned(sheet)
    if not hmac.compare_digest(plan.mark.encode(), mark.encode()):
        return _shown(key, sheet, plan, words("members.changed_meanwhile"))
    facts = _facts(plan.preview, known, by_form)

    async def decide(unit: Reading) -> Decided:
        if await _known(unit, at.roots) != known:
            return refused("members.changed_meanwhile")
        return Decision(facts=facts) if facts else refused("members.nothing_to_do")

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _shown(key, sheet, _planned(sheet)[1], outcome.refusal.words)
    if not outcome.repeated:
        desk().shelf.drop(at.session.id_hash, key)
    return see(link("members.show"), "repeated" if outcome.repeated else "roster_taken_in")


def _shelved(key: str) -> Sheet | None:
    found = desk().shelf.get(here().session.id_hash, key)
    if not isinstance(found, SheetFile):
        return None
    grid = read_grid(found.data, found.name, sheet=found.sheet or None)
    return Sheet(name=found.name, grid=grid) if isinstance(grid, Grid) else None


def _planned(sheet: Sheet) -> tuple[Known, Plan]:
    roots = here().roots
    known = ask(lambda unit: _known(unit, roots))
    return known, _plan(sheet, known, today())


# --- what a sheet would do --------------------------------------------------------------------------------------------


async def _known(unit: Reading, roots: tuple[OrganisationId, ...]) -> Known:
    everything = await organisations.tree(unit)
    nodes = await organisations.tree(unit, roots)
    own = await members.roster(unit, roots)
    ids = {member.id for member in own}
    everyone = await members.roster(unit, [node.id for node in everything if node.parent is None])
    return Known(
        nodes=nodes,
        members=own,
        departed=await members.departed(unit, roots),
        foreign=frozenset(member.user for member in everyone if member.user is not None and member.id not in ids),
    )


def _plan(sheet: Sheet, known: Known, day: date) -> Plan:
    """Compare a sheet with what is known; on a page's own thread, because a long sheet takes its time."""
    places = _places(known.nodes)
    branches = [node.name for node in known.nodes if node.kind is Kind.BRANCH]
    only = branches[0] if len(branches) == 1 else ""
    reading = roster.read(sheet.grid, today=day, organisations=branches, organisation=only)
    present = [
        roster.known(member, organisation=places[member.organisation][0], group=places[member.organisation][1])
        for member in known.members
    ]
    preview = _without_foreign_accounts(roster.compare(present, reading), known.foreign)
    preview = _without_departed(preview, {(one.name, places[one.organisation][0]) for one in known.departed})
    return Plan(reading=reading, preview=preview, mark=_mark(preview), founded=_founded(preview, known))


def _places(nodes: tuple[Organisation, ...]) -> dict[OrganisationId, tuple[str, str]]:
    """Return for each organisation the name of its branch, and of its group where it is one."""
    names = {node.id: node for node in nodes}
    places = {}
    for node in nodes:
        above = names.get(node.parent) if node.parent is not None else None
        is_group = node.kind is Kind.GROUP and above is not None
        places[node.id] = (above.name, node.name) if is_group and above is not None else (node.name, "")
    return places


def _without_foreign_accounts(preview: roster.Preview, foreign: frozenset[UserId]) -> roster.Preview:
    """Leave out rows whose account belongs to a member elsewhere in the organisation, and say so."""
    problems = [
        roster.CellProblem(
            row=row.number,
            column="群账号",
            value=row.entry.user,
            code="account_of_other",
            words=words("roster.account_of_other"),
            gravity=roster.Gravity.ROW,
        )
        for row in (*preview.new, *(change.row for change in preview.changed))
        if row.entry.user is not None and row.entry.user in foreign
    ]
    left_out = {problem.row for problem in problems}
    return replace(
        preview,
        new=tuple(row for row in preview.new if row.number not in left_out),
        changed=tuple(change for change in preview.changed if change.row.number not in left_out),
        errors=(*preview.errors, *problems),
    )


def _without_departed(preview: roster.Preview, departed: set[tuple[str, str]]) -> roster.Preview:
    """Leave out rows that would enter somebody anew who has left: they come back on their own page, with their record.

    ``departed`` are names with the branch where they stood.
    """
    back = [row for row in preview.new if (row.entry.name, row.entry.organisation) in departed]
    problems = [
        roster.CellProblem(
            row=row.number,
            column="姓名",
            value=row.entry.name,
            code="has_left",
            words=words("leaving.not_by_sheet", name=row.entry.name),
            gravity=roster.Gravity.ROW,
        )
        for row in back
    ]
    new = tuple(row for row in preview.new if row not in back)
    return replace(preview, new=new, errors=(*preview.errors, *problems))


def _mark(preview: roster.Preview) -> str:
    return hashlib.sha256(repr((preview.new, preview.changed)).encode()).hexdigest()[:32]


def _founded(preview: roster.Preview, known: Known) -> tuple[tuple[str, str], ...]:
    names = {node.id: node.name for node in known.nodes}
    groups = [
        fact.organisation for fact in _facts(preview, known, Cause("preview")) if isinstance(fact, OrganisationFounded)
    ]
    return tuple((names[group.parent] if group.parent else "", group.name) for group in groups)


def _facts(preview: roster.Preview, known: Known, by_form: Cause) -> tuple[Fact, ...]:
    """Return what follows from a preview: groups that are new, members that are new, members that changed."""
    places = _Places(known.nodes, by_form)
    present = {member.id: member for member in known.members}
    people: list[Fact] = []
    for row in preview.new:
        id = MemberId(derive(by_form, "member", row.number))  # noqa: A001
        at = places.find(row.entry.organisation, row.entry.group)
        people.append(MemberEnrolled(member=roster.enrolled(row.entry, id=id, organisation=at)))
    for change in preview.changed:
        entry = change.row.entry
        moved = any(item.field in ("organisation", "group") for item in change.fields)
        to = places.find(entry.organisation, entry.group) if moved else None
        people.append(MemberChanged(member=roster.altered(present[change.member.id], change, organisation=to)))
    return (*places.founded, *people)


class _Places:
    """Finds the organisation that a row names; a group that its branch does not have yet is founded."""

    def __init__(self, nodes: tuple[Organisation, ...], by_form: Cause) -> None:
        self._branches = {node.name: node for node in nodes if node.kind is Kind.BRANCH}
        self._groups = {(node.parent, node.name): node.id for node in nodes if node.kind is Kind.GROUP}
        self._cause = by_form
        self.founded: list[OrganisationFounded] = []

    def find(self, branch: str, group: str) -> OrganisationId:
        above = self._branches[branch]
        if not group:
            return above.id
        known = self._groups.get((above.id, group))
        if known is not None:
            return known
        node = Organisation(
            id=OrganisationId(derive(self._cause, "group", above.id, group)),
            parent=above.id,
            kind=Kind.GROUP,
            name=group,
            timezone=above.timezone,
            language=above.language,
        )
        self._groups[above.id, group] = node.id
        self.founded.append(OrganisationFounded(organisation=node))
        return node.id
