"""流动党员: who is away and where to, who keeps contact, what is due, and the register that offices file."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from msgspec import Struct
from msgspec.structs import replace

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, first_by_field, onward
from console.desk import ask, cause, now, settle
from console.fresh import fresh
from console.leaving_tables import leaves
from console.people import branches, visible
from console.tables import Table, hand_out
from console.wording import fully, t, today
from content import away as rules
from content import edits
from content.away import Away, Reason
from content.decision import Decision, Refusal, refused
from content.identifiers import Cause, ContactId, OrganisationId, UserId
from content.members import Member
from content.organisations import Right
from storage import away as stored
from storage import members
from storage.away import Line
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("away", __name__)

COLUMNS = "number name where reason since returns phone card contact contacts reports host".split()  # noqa: SIM905
_FIELDS = ("since", "place", "returns", "card", "host", "contact")


class Typed(Struct, frozen=True, kw_only=True):
    """What stands in the form."""

    since: str = ""
    place: str = ""
    returns: str = ""
    card: str = ""
    host: str = ""
    contact: str = ""
    reason: str = Reason.WORK
    abroad: bool = False
    registered: bool = False


@pages.get("/away")
@requires(Right.READ_MEMBERS)
@leaves("away", names=True)
def show() -> str:
    """Show who is away, with what is due."""
    roots, day = here().roots, today()
    lines = ask(lambda unit: stored.register(unit, roots, today=day))
    return render_template("away/show.html", lines=lines, today=day)


@pages.get("/away/export.<any(xlsx,csv,docx,text):format>")
@requires(Right.READ_MEMBERS)
@fresh
def export(format: str) -> Response:  # noqa: A002
    """Hand out the register (流动党员台账) in the columns of an office; of thought reports only the days."""
    roots, day = here().roots, today()
    lines = ask(lambda unit: stored.register(unit, roots, today=day))
    rows = tuple(_row(number, line) for number, line in enumerate(lines, start=1))
    header = tuple(t(f"away.column_{name}") for name in COLUMNS)
    table = Table(title=t("away.export"), header=header, rows=rows)
    return hand_out(table, format, "away", t("away.footer", at=fully(now())), back=link("away.show"))


def _row(number: int, line: Line) -> tuple[str | int | date, ...]:
    one, away = line.member, line.away
    return (
        number,
        one.name,
        one.destination,
        t(f"away.reason_{away.reason}") if away else "",
        away.since if away else "",
        away.returns if away and away.returns else "",
        _phone(one),
        away.card if away else "",
        line.contact.name if line.contact else "",
        "、".join(each.on.isoformat() for each in line.contacts),
        "、".join(each.isoformat() for each in line.reports),
        away.host if away else "",
    )


def _phone(one: Member) -> str:
    """Return a number as the roster's own sheets hand it out: whole only to who may change the roster there."""
    whole = Right.IMPORT_ROSTER in here().rights_at(one.organisation)
    return one.phone if whole or not one.phone else f"…{one.phone[-4:]}"


@pages.get("/members/<id>/away")
@requires(Right.READ_MEMBERS)
def show_one(id: str) -> Answer:  # noqa: A002
    """Show what is noted of one person, and the form to change it."""
    line = _line(id)
    return _page(line, _typed(line))


@pages.post("/members/<id>/away")
@requires(Right.IMPORT_ROSTER)
def change(id: str) -> Answer:  # noqa: A002
    """Keep what is known of one who is away; where to, and whether they are registered, is kept in the roster."""
    line, at, by_form, day = _line(id), here(), cause(), today()
    seen = at.roots_for(Right.READ_MEMBERS)
    typed = Typed(
        **{name: request.form.get(name, "").strip()[:200] for name in _FIELDS},
        reason=request.form.get("reason", ""),
        abroad="abroad" in request.form,
        registered="registered" in request.form,
    )
    if typed.reason not in set(Reason):
        abort(400)
    try:
        since = date.fromisoformat(typed.since)
        returns = date.fromisoformat(typed.returns) if typed.returns else None
    except ValueError:
        wrong = "returns" if _is_day(typed.since) else "since"
        return _page(line, typed, refused("away.bad_day", field=wrong))

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        known = line.contact if line.contact and line.contact.left is None else None
        contact = known if known and known.name == typed.contact else await _contact(unit, typed.contact, seen)
        if isinstance(contact, Refusal):
            return contact
        away = Away(
            member=member.id,
            since=since,
            abroad=typed.abroad,
            reason=Reason(typed.reason),
            returns=returns,
            card=typed.card,
            host=typed.host,
            contact=contact.id if contact else None,
        )
        noted = rules.note(away, member, place=typed.place, contact=contact, today=day, by=at.user, now=unit.now)
        if isinstance(noted, Refusal):
            return noted
        floating = True if typed.registered else (False if member.floating else member.floating)
        after = replace(member, floating=floating, destination=typed.place)
        return await _with_roster(unit, noted, member, after, by=at.user, by_form=by_form)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None and outcome.refusal.field is not None:
        return _page(line, typed, outcome.refusal)
    return onward(outcome, to=link("away.show_one", id=id), done="away_noted")


@pages.post("/members/<id>/away/end")
@requires(Right.IMPORT_ROSTER)
def end(id: str) -> Answer:  # noqa: A002
    """Forget what was noted of one who is back; the roster says so too."""
    _line(id)
    at, by_form = here(), cause()

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        away = await stored.of(unit, member.id) if member is not None else None
        if member is None or (away is None and not member.floating):
            return None
        ended = rules.end(away, member) if away is not None else Decision()
        after = replace(member, floating=False, destination="")
        return await _with_roster(unit, ended, member, after, by=at.user, by_form=by_form)

    return onward(settle(decide, actor=at.user), to=link("away.show"), done="away_ended")


@pages.post("/members/<id>/away/contacts")
@requires(Right.RECORD)
def note_contact(id: str) -> Answer:  # noqa: A002
    """Note a day on which there was contact."""
    line, at, by_form, day = _line(id), here(), cause(), today()
    try:
        on = date.fromisoformat(request.form.get("on", ""))
    except ValueError:
        return _page(line, _typed(line), refused("away.bad_day", field="on"))

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        if member is None:
            return None
        away, known = await stored.of(unit, member.id), await stored.contacts_of(unit, member.id)
        if away is None:
            return refused("away.not_away", field="on")
        return rules.note_contact(away, member, on, known=known, by=at.user, today=day, cause=by_form, now=unit.now)

    outcome = settle(decide, actor=at.user)
    if outcome.refusal is not None and outcome.refusal.field is not None:
        return _page(line, _typed(line), outcome.refusal)
    return onward(outcome, to=link("away.show_one", id=id), done="contact_noted")


@pages.post("/members/<id>/away/contacts/<contact>/back")
@requires(Right.RECORD)
def take_back(id: str, contact: str) -> Answer:  # noqa: A002
    """Take back a contact that was noted by mistake."""
    _line(id)
    at = here()

    async def decide(unit: Reading) -> Decided:
        member = await visible(unit, id, at.roots)
        known = await stored.contacts_of(unit, member.id) if member is not None else ()
        found = next((one for one in known if one.id == ContactId(contact)), None)
        return rules.take_back_contact(found, member) if found is not None and member is not None else None

    return onward(settle(decide, actor=at.user), to=link("away.show_one", id=id), done="contact_taken_back")


async def _with_roster(
    unit: Reading, decided: Decision, before: Member, after: Member, *, by: UserId, by_form: Cause
) -> Decision | Refusal:
    """Have the roster say the same, written down as any other change of it."""
    if before == after:
        return decided
    places = await branches(unit)
    edited = edits.edit([(before, after)], sort=edits.Sort.EDITED, places=places, cause=by_form, by=by, now=unit.now)
    return edited if isinstance(edited, Refusal) else Decision(facts=(*decided.facts, *edited.facts))


async def _contact(unit: Reading, name: str, roots: Collection[OrganisationId]) -> Member | Refusal | None:
    """Find who keeps contact by name, within the part of the tree that the person sees; ``None`` for no name."""
    if not name:
        return None
    found = await members.named(unit, name, roots)
    if not found:
        return refused("away.no_such_contact", field="contact")
    return found[0] if len(found) == 1 else refused("away.which_contact", field="contact")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _line(id: str) -> Line:  # noqa: A002
    roots, day = here().roots, today()

    async def look(unit: Reading) -> Line | None:
        member = await visible(unit, id, roots)
        return await stored.line(unit, member, today=day) if member is not None and member.left is None else None

    found = ask(look)
    if found is None:
        abort(404)
    return found


def _typed(line: Line) -> Typed:
    away = line.away
    return Typed(
        since=away.since.isoformat() if away else "",
        place=line.member.destination,
        returns=away.returns.isoformat() if away and away.returns else "",
        card=away.card if away else "",
        host=away.host if away else "",
        contact=line.contact.name if line.contact else "",
        reason=away.reason if away else Reason.WORK,
        abroad=away.abroad if away else False,
        registered=line.member.floating is True,
    )


def _page(line: Line, typed: Typed, refusal: Refusal | None = None) -> Answer:
    refusals = [refusal] if refusal else []
    page = render_template(
        "away/one.html",
        line=line,
        typed=typed,
        reasons=tuple(Reason),
        refusals=refusals,
        by_field=first_by_field(refusals),
        rules=rules,
        today=today(),
    )
    return (page, 422) if refusals else page
