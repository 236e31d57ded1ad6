"""Taking in a roster: a sheet is looked at, its doubts are decided, it is confirmed, and it can be taken back."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from flask import Blueprint, abort, redirect, render_template, request
from msgspec import Struct
from msgspec.structs import replace
from werkzeug.wrappers import Response

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, done_once, see
from console.desk import ask, cause, desk, is_done, now, settle
from console.leaving_tables import leaves, up_to
from console.people import changes_of, refuse_letting_go, undone_by
from console.sheet_limits import SheetProblem
from console.sheets import Book, SheetFile, read_book
from console.tree import places
from console.undoing import Undo, way_back
from console.wording import today
from content import imports as rules
from content import roster
from content.decision import Words, refused, words
from content.grid import Grid
from content.identifiers import ImportId, MemberId, OrganisationId, UserId, derive
from content.imports import UNDO_WITHIN, Import, Undoing
from content.media import shown_name
from content.members import Member
from content.organisations import Kind, Organisation, Right, roots
from storage import imports, members, organisations
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("imports", __name__)

MOST_SHOWN = 200
"""Rows of one kind that a preview shows; the numbers above it count them all."""


class Upload(Struct, frozen=True, kw_only=True):
    """A file that waits for a person's yes, as it was read, without what is never kept."""

    file: SheetFile
    book: Book

    @property
    def answers(self) -> Mapping[int, roster.Answer]:
        """Return who the rows in doubt are, as the person has said so far."""
        return {
            int(row): roster.Verdict(said) if said in {*roster.Verdict} else MemberId(said)
            for row, said in self.file.answers.items()
        }


class Known(Struct, frozen=True, kw_only=True):
    """What a sheet is compared with; ``foreign`` are the accounts of members whom this person may not see.

    ``departed`` have left the roster; no sheet brings them back.
    """

    nodes: tuple[Organisation, ...]
    members: tuple[Member, ...]
    departed: tuple[Member, ...]
    foreign: frozenset[UserId]


class Plan(Struct, frozen=True, kw_only=True):
    """What taking a sheet in would do, and a mark by which a changed plan is known.

    ``founded`` are the groups that it would found, each as the names of its branch and of itself.
    """

    reading: roster.Reading
    preview: roster.Preview
    mark: str
    founded: tuple[tuple[str, str], ...]


# --- looking ----------------------------------------------------------------------------------------------------------


@pages.route("/members/import", methods=["GET", "POST"])
@requires(Right.IMPORT_ROSTER)
def take_sheet() -> Answer | Response:
    """Read an uploaded file and go on to what it would change."""
    if request.method == "GET":
        return _upload_page(None), 200
    file = request.files.get("file")
    if file is None or not file.filename:
        return _upload_page(words("imports.no_file")), 422
    data = file.read()
    book = read_book(data, file.filename)
    if isinstance(book, SheetProblem):
        return _upload_page(book.words), 422
    waiting = SheetFile(name=shown_name(file.filename), data=data, sheet=book.first(roster.find_header))
    return redirect(link("imports.look", key=_shelve(waiting)), code=303)


def _upload_page(refusal: Words | None) -> str:
    return render_template("imports/upload.html", refusal=refusal, columns=roster.COLUMNS, days=UNDO_WITHIN.days)


def _shelve(file: SheetFile) -> str:
    return desk().shelf.put(here().session.family, file, now=now())


@pages.get("/members/import/<key>")
@requires(Right.IMPORT_ROSTER)
def look(key: str) -> Answer:
    """Show what taking the sheet in would do; nothing is written."""
    upload = _shelved(key)
    if upload is None:
        return _gone()
    return _shown(key, upload, _planned(upload)[1])


@pages.post("/members/import/<key>/choices")
@requires(Right.IMPORT_ROSTER)
def choose(key: str) -> Answer:
    """Note which sheet, which columns and which persons are meant, and show the preview anew."""
    upload = _shelved(key)
    if upload is None:
        return _gone()
    file = upload.file
    sheet = request.form.get("sheet", file.sheet)
    if sheet not in upload.book.sheets:
        abort(400)
    if sheet != file.sheet:
        chosen = replace(file, sheet=sheet, columns={}, answers={})
    else:
        chosen = replace(file, columns=_chosen_columns(file), answers=_given_answers(file))
    return redirect(link("imports.look", key=_shelve(chosen)), code=303)


def _chosen_columns(file: SheetFile) -> dict[str, int]:
    found = dict(file.columns)
    for name, value in request.form.items():
        if name.startswith("column-") and value.isascii() and value.isdigit() and len(value) < 6:
            found[name.removeprefix("column-")] = int(value)
    return found


def _given_answers(file: SheetFile) -> dict[str, str]:
    found = dict(file.answers)
    for name, value in request.form.items():
        row = name.removeprefix("row-")
        if name != row and row.isascii() and row.isdigit() and len(row) < 8:
            found[row] = value[:32]
    return found


def _gone() -> Answer:
    return render_template("imports/gone.html"), 404


def _shown(key: str, upload: Upload, plan: Plan, refusal: Words | None = None) -> Answer:
    preview = plan.preview
    page = render_template(
        "imports/preview.html",
        key=key,
        upload=upload,
        sheets=list(upload.book.sheets),
        plan=plan,
        preview=preview,
        ignored=plan.reading.skipped + preview.left_out,
        verdicts=roster.Verdict,
        refusal=refusal,
        most=MOST_SHOWN,
    )
    return page, 422 if refusal or plan.reading.obstacles else 200


# --- taking in --------------------------------------------------------------------------------------------------------


@pages.post("/members/import/<key>")
@requires(Right.IMPORT_ROSTER)
def take_in(key: str) -> Answer:
    """Take the sheet in as it was shown."""
    if is_done():
        return see(link("imports.show"), "repeated")
    upload = _shelved(key)
    if upload is None:
        return _gone()
    at, by_form, mark = here(), cause(), request.form.get("mark", "")
    known, plan = _planned(upload)
    if not hmac.compare_digest(plan.mark.encode(), mark.encode()):
        return _shown(key, upload, plan, words("imports.changed_meanwhile"))

    # Made on this page's own thread, because a long sheet takes its time; the store's loop only looks whether it holds.
    decision = rules.take_in(
        plan.preview,
        members=known.members,
        nodes=known.nodes,
        cause=by_form,
        file=upload.file.name,
        ignored=plan.reading.skipped,
        by=at.user,
        now=now(),
    )

    async def decide(unit: Reading) -> Decided:
        if await _known(unit, at.roots) != known:
            return refused("imports.changed_meanwhile")
        return await refuse_letting_go(unit, changes_of(decision), by=at.user) or decision

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None:
        return _shown(key, upload, _planned(upload)[1], outcome.refusal.words)
    # What was not taken in can be looked at for a while, so that it can be put right in the sheet.
    left = key if plan.preview.errors or plan.preview.open_doubts else None
    if not outcome.repeated and left is None:
        desk().shelf.drop(at.session.family, key)
    to = link("imports.show_one", id=derive(by_form, "import"), left=left)
    return done_once(outcome, to, "roster_taken_in", lambda: _undo_of(ImportId(derive(by_form, "import"))))


def _shelved(key: str) -> Upload | None:
    found = desk().shelf.get(here().session.family, key)
    if not isinstance(found, SheetFile):
        return None
    book = read_book(found.data, found.name)
    if isinstance(book, SheetProblem):
        return None
    # What is never kept is let go of before anything is compared, and not only when the sheet is taken in.
    sheets = {
        name: roster.without_what_is_never_kept(grid) if isinstance(grid, Grid) else grid
        for name, grid in book.sheets.items()
    }
    return Upload(file=found, book=Book(sheets=sheets))


def _planned(upload: Upload) -> tuple[Known, Plan]:
    at = here().roots
    known = ask(lambda unit: _known(unit, at))
    return known, _plan(upload, known)


async def _known(unit: Reading, at: tuple[OrganisationId, ...]) -> Known:
    everything = await organisations.tree(unit)
    nodes = await organisations.tree(unit, at)
    own = await members.roster(unit, at)
    ids = {member.id for member in own}
    everyone = await members.roster(unit, [node.id for node in everything if node.parent is None])
    return Known(
        nodes=nodes,
        members=own,
        departed=await members.departed(unit, at),
        foreign=frozenset(member.user for member in everyone if member.user is not None and member.id not in ids),
    )


def _plan(upload: Upload, known: Known) -> Plan:
    """Compare a sheet with what is known; on a page's own thread, because a long sheet takes its time."""
    grid = upload.book.sheets[upload.file.sheet]
    if isinstance(grid, SheetProblem):
        return Plan(reading=roster.Reading(obstacles=(grid.words,)), preview=roster.Preview(), mark="", founded=())
    at = places(known.nodes)
    branches = [node.name for node in known.nodes if node.kind is Kind.BRANCH and node.closed is None]
    only = branches[0] if len(branches) == 1 else ""
    reading = roster.read(grid, today=today(), organisations=branches, organisation=only, choices=upload.file.columns)
    present = [
        roster.known(member, organisation=at[member.organisation][0], group=at[member.organisation][1])
        for member in known.members
    ]
    compared = roster.compare(present, reading, answers=upload.answers)
    preview = _without_foreign_accounts(compared, known.foreign)
    preview = _without_departed(preview, {(one.name, at[one.organisation][0]) for one in known.departed})
    names = {node.id: node.name for node in known.nodes}
    founded = rules.founded_by(preview, known.nodes)
    return Plan(
        reading=reading,
        preview=preview,
        mark=hashlib.sha256(repr((preview.new, preview.changed)).encode()).hexdigest()[:32],
        founded=tuple((names[group.parent] if group.parent else "", group.name) for group in founded),
    )


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


# --- the history, and taking back -------------------------------------------------------------------------------------


@pages.get("/members/imports")
@requires(Right.IMPORT_ROSTER)
@leaves("imports", names=True)
def show() -> str:
    """Show the imports that touched one's branches, newest first."""
    held, at = _held(), here().roots
    found = ask(lambda unit: imports.history(unit, held, at=at, limit=up_to(imports.MOST)))
    return render_template(
        "imports/show.html",
        found=found,
        names=_names(found),
        may_undo={one.id: rules.may_undo(one, now=now()) is None for one in found},
        lasts=UNDO_WITHIN,
        most=imports.MOST,
    )


@pages.get("/members/imports/<id>")
@requires(Right.IMPORT_ROSTER)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show one import, and what taking it back would do."""
    return _one_page(ImportId(id)), 200


def _one_page(id: ImportId, refusal: Words | None = None) -> str:  # noqa: A002
    held, left = _held(), request.args.get("left", "")
    found = ask(lambda unit: imports.one(unit, held, id))
    if found is None:
        abort(404)
    hindrance = rules.may_undo(found, now=now())
    undoing = None if hindrance else ask(lambda unit: _undoing(unit, id))
    return render_template(
        "imports/show_one.html",
        one=found,
        names=_names((found,)),
        hindrance=hindrance,
        undoing=undoing,
        mark=_mark_of(undoing) if undoing else "",
        places=places(here().nodes),
        changes=_changes(undoing) if undoing else (),
        left=left if left and _shelved(left) is not None else None,
        lasts=UNDO_WITHIN,
        refusal=refusal,
        most=MOST_SHOWN,
    )


@pages.post("/members/imports/<id>/undo")
@requires(Right.IMPORT_ROSTER)
def undo(id: str) -> Answer:  # noqa: A002
    """Take an import back as it was shown."""
    held, mark, key = _held(), request.form.get("mark", ""), ImportId(id)

    user = here().user

    async def decide(unit: Reading) -> Decided:
        found = await imports.one(unit, held, key)
        if found is None:
            return None
        undoing = await _undoing(unit, key)
        # Only a plan that still can be carried out is worth another look.
        if rules.may_undo(found, now=unit.now) is None and _mark_of(undoing) != mark:
            return refused("imports.changed_meanwhile")
        answer = rules.undo(found, undoing, by=user, now=unit.now)
        return await refuse_letting_go(unit, undone_by(undoing), by=user) or answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _one_page(key, outcome.refusal.words), 409
    return see(link("imports.show_one", id=id), "repeated" if outcome.repeated else "import_undone")


def _undo_of(id: ImportId) -> Undo:  # noqa: A002
    """Return the form that takes an import back."""
    return way_back("imports.undo", fields={"mark": _mark_of(ask(lambda unit: _undoing(unit, id)))}, id=id)


def _held() -> tuple[OrganisationId, ...]:
    """Return from where down the person may import, whatever place is chosen: an import is whole or not for them."""
    return roots(here().duties, Right.IMPORT_ROSTER)


async def _undoing(unit: Reading, id: ImportId) -> Undoing:  # noqa: A002
    entered, groups = await imports.entries(unit, id), await imports.founded(unit, id)
    return rules.plan_undoing(entered, groups, await imports.since(unit, entered, groups))


def _mark_of(undoing: Undoing) -> str:
    return hashlib.sha256(repr(undoing).encode()).hexdigest()[:32]


def _changes(undoing: Undoing) -> tuple[tuple[Member, tuple[roster.FieldChange, ...]], ...]:
    """Return for each member who gets an earlier entry back which fields change, as a roster writes them."""
    at = places(here().nodes)

    def entry(member: Member) -> roster.Entry:
        branch, group = at.get(member.organisation, ("", ""))
        return roster.known(member, organisation=branch, group=group).entry

    return tuple((now, roster.differences(entry(now), entry(then))) for now, then in undoing.restored)


def _names(found: tuple[Import, ...]) -> dict[UserId, str]:
    """Return what those who imported and undid are called in the roster; accounts of nobody's are not listed."""
    users = {user for one in found for user in (one.by, one.undone_by) if user is not None}

    async def look_up(unit: Reading) -> dict[UserId, str]:
        people = {user: await members.by_user(unit, user) for user in users}
        return {user: one.name for user, one in people.items() if one is not None}

    return ask(look_up)
