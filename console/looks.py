"""Notes every look at one person's page and every file about many, before the page or the file is handed out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Flask, g, request
from werkzeug.wrappers import Response

from console.access import here, signed_in
from console.desk import desk
from content.decision import Decision
from content.identifiers import Cause, MemberId, OrganisationId, UserId, derive
from content.looks import SPAN, Looked, look
from content.members import Member
from storage import looks, members
from storage.store import Decide, Step
from storage.unit import Reading

PAGES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "participation.show_member": (("id",), "participation"),
    "hours.show_member": (("id",), "participation"),
    "dues_members.show": (("id",), "dues"),
    "records.show": (("member",), "record"),
    "members.show_one": (("id",), "member"),
    "edits.edit_one": (("id",), "member"),
    "edits.merge": (("id", "member"), "member"),
    "accounts.bind": (("id",), "member"),
    "leaving.ask_first": (("id",), "member"),
    "erasure.show": (("id",), "member"),
    "leaving.transfer": (("id",), "member"),
    "away.show_one": (("id",), "member"),
}
"""Pages about one person: which parts of the address name who is in them, and what kind of page it is."""

FILES: Mapping[str, str] = {
    "participation.export_members": "participation",
    "participation.export_rows": "participation",
    "checkins.export": "participation",
    "hours.export": "participation",
    "dues_handovers.export": "dues",
    "minutes.export_pdf": "participation",
    "minutes.export_record": "participation",
    "minutes.export_roll": "participation",
    "appraisals.export": "member",
    "model_members.export": "member",
    "members.export": "member",
    "away.show": "member",
    "away.export": "member",
    "thought_reports.show": "member",
    "members.text": "member",
    "audit.export": "record",
    "outbox.export": "outbox",
    "corrections.show": "record",
    "cases.show": "record",
    "complaints.show": "record",
    "cleanings.show": "record",
    "policies.show_one": "record",
    "knocks.show": "record",
}
"""Files about everyone in a place."""


def install(app: Flask) -> None:
    """Have each answer pass through here; what cannot be noted is not handed out."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    endpoint = request.endpoint or ""
    if response.status_code != 200 or signed_in() is None or request.method not in ("GET", "POST"):
        return response
    if endpoint in PAGES and request.view_args is not None:
        parts, what = PAGES[endpoint]
        for part in parts:
            _note_page(what, MemberId(str(request.view_args[part])))
    if found := g.get("looked_at"):
        _note_page(*found)
    if listed := g.get("looked_at_all"):
        _note_file(*listed)
    if unnamed := g.get("looked_at_unnamed"):
        _note_unnamed(*unnamed)
    table, roots = g.get("taken_away", ("", ()))
    if table in FILES:
        for place in roots:
            _note_file(FILES[table], place)
    return response


def _note_page(what: str, id: MemberId, thing: str = "", day: date | None = None) -> None:  # noqa: A002
    """Note a look at a member, unless it is their own; where they have several such things, at each by itself."""
    user = here().user

    async def decide(unit: Reading) -> Decision | None:
        member = await members.member(unit, id)
        if member is None or member.user == user:
            return None
        looked = Looked(user=user, what=what, member=member.id, place=None, number=1, at=unit.now, day=day)
        return await _decided(unit, looked, member.organisation)

    _settle(user, what, f"{id}:{thing}" if thing else id, decide)


def _note_unnamed(what: str, thing: str) -> None:
    """Note a look at what somebody left without a name: of whom is known to nobody, so it is told to nobody."""
    user = here().user

    async def decide(unit: Reading) -> Decision:
        return Decision(facts=(Looked(user=user, what=what, member=None, place=None, number=1, at=unit.now),))

    _settle(user, what, thing, decide)


def _note_file(what: str, place: OrganisationId) -> None:
    user = here().user

    async def decide(unit: Reading) -> Decision | None:
        number, _ = await members.count(unit, (place,))
        if not number:
            return None
        looked = Looked(user=user, what=f"{what}_file", member=None, place=place, number=number, at=unit.now)
        return await _decided(unit, looked, place)

    _settle(user, f"{what}_file", place, decide)


async def _decided(unit: Reading, looked: Looked, place: OrganisationId) -> Decision:
    own: Member | None = await members.by_user(unit, looked.user)
    seen, path = await looks.seen_lately(unit, looked.user), await looks.leading(unit, place)
    return look(looked, seen=seen, path=path, name=own.name if own else looked.user)


def _settle(user: UserId, what: str, whom: str, decide: Decide) -> None:
    """Have a look noted once within its hour."""
    hour = int(desk().store.now().timestamp() // SPAN.total_seconds())
    cause = Cause(f"look:{derive(user, what, whom, hour)}")
    (outcome,) = desk().bridge(desk().store.settle([Step(cause=cause, decide=decide, actor=user)]))
    if outcome.failed:
        raise RuntimeError("a look could not be noted")
