"""Files that were asked for: how far each has come, and fetching one, once and by who asked for it."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, g, render_template, request, url_for

from console.access import here, requires, stand, standing_mark
from console.answering import Answer, onward
from console.desk import ask as look
from console.desk import cause, now, settle
from console.exporting import ASKED, only, target
from console.fresh import fresh
from console.tables import download
from console.wording import reader
from content import exports as rules
from content.exports import WAITS, Export, State
from content.identifiers import ExportId, derive
from content.organisations import Right
from storage import exports
from storage.store import Answer as Decided
from storage.unit import Reading
from storage.vault import Unreadable

pages = Blueprint("exports", __name__)

LONGEST_PATH = 2_000


@pages.get("/exports")
@requires(Right.READ)
def show() -> str:
    """Show one's own files, the newest first."""
    user = here().user
    found = look(lambda unit: exports.exports_of(unit, user))
    return render_template("exports/show.html", found=found, asked=State.ASKED, ready=State.READY)


@pages.post("/exports")
@requires(Right.READ)
@fresh
def ask() -> Answer:
    """Ask for a table that takes long."""
    path = request.form.get("path", "")[:LONGEST_PATH]
    wanted = target(path)
    if wanted is None:
        abort(404)
    stand(wanted.right, wanted.place)
    at = now()
    export = Export(
        id=ExportId(derive(cause(), "export")),
        user=here().user,
        what=wanted.what,
        standing=standing_mark(g.duties, g.nodes),
        language=reader().language,
        asked_at=at,
        until=at + WAITS,
    )

    async def decide(unit: Reading) -> Decided:
        return rules.ask(export, path, own=await exports.exports_of(unit, export.user))

    outcome = settle(decide, actor=export.user)
    current_app.extensions[ASKED].set()
    return onward(outcome, to=url_for("exports.show"), done="export_asked")


@pages.post("/exports/<id>/file")
@requires(Right.READ)
@fresh
def fetch(id: str) -> Answer:  # noqa: A002
    """Hand a file out; then it is gone from here."""
    user, mark = here().user, standing_mark(g.duties, g.nodes)

    async def read(unit: Reading) -> tuple[Export, str, bytes] | None:
        found = await exports.export(unit, ExportId(id), user)
        if found is None or found.state is not State.READY:
            return None
        return found, await exports.path_of(unit, found), await exports.data_of(unit, found)

    try:
        known = look(read)
    except Unreadable:
        known = None
    wanted = target(known[1]) if known is not None else None
    if known is None or wanted is None:
        abort(404)
    export, _, data = known
    # Whoever may not see any of it by now is told so by the rule.
    roots = stand(wanted.right, wanted.place).roots if export.standing == mark else ()

    async def decide(unit: Reading) -> Decided:
        found = await exports.export(unit, export.id, user)
        return rules.fetch(found, standing=mark, place=only(roots)) if found is not None else None

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None or outcome.repeated:
        return onward(outcome, to=url_for("exports.show"), done="repeated")
    g.taken_away = (wanted.endpoint, roots)
    return download(data, export.kind, export.file)
