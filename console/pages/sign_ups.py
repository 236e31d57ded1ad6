"""Sign-ups (接龙): begin one in a room, see who comes, put somebody on or off by hand, end it, take the list away."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from msgspec import Struct

from console.access import here, requires
from console.addresses import link
from console.answering import Answer, add_troubles, first_by_field, onward, see
from console.desk import ask, cause, is_done, now, settle
from console.leaving_tables import leaves, up_to
from console.undoing import Undo, way_back
from console.wording import reader, say_in
from content import sign_ups as rules
from content.chains import LONGEST_NAME, LONGEST_NOTE, MOST_BROUGHT, Line, folded
from content.decision import Decision, Refusal, refused
from content.identifiers import OrganisationId, RoomId, SignUpEntryId, SignUpId, derive
from content.members import Member
from content.organisations import Kind, Right
from content.rooms import Purpose, Room
from content.schedules import instant
from content.sign_up_sheets import Entry, Sheet, SignUp, SignUpOpened, State
from storage import burden, members, outbox_queries, quiet, rooms
from storage import sign_ups as stored
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("sign_ups", __name__)

MOST_SHOWN = 100


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    room: str = ""
    title: str = ""
    date: str = ""
    time: str = ""
    places: str = ""


class Seen(Struct, frozen=True, kw_only=True):
    """A sign-up as the list shows it: with how many come."""

    one: SignUp
    people: int
    held: datetime | None
    """When it reaches its room, where quiet hours hold it."""


@pages.get("/sign-ups")
@requires(Right.READ)
@leaves("sign_ups")
def show() -> str:
    """Show the sign-ups, newest first."""
    roots = here().roots
    found = ask(lambda unit: _all(unit, roots))
    return render_template("sign_ups/show.html", found=found, most=MOST_SHOWN)


async def _all(unit: Reading, roots: tuple[OrganisationId, ...]) -> tuple[Seen, ...]:
    found, ones = [], await stored.of_roots(unit, roots, limit=up_to(MOST_SHOWN))
    held = await outbox_queries.sign_ups_held(unit, [one.id for one in ones if one.state is State.OPEN])
    for one in ones:
        people = one.people
        if people is None:
            people = (await stored.sheet(unit, one)).people
        found.append(Seen(one=one, people=people, held=held.get(one.id)))
    return tuple(found)


@pages.route("/sign-ups/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def begin() -> Answer:
    """Begin a sign-up."""
    places = places_to_answer()
    if request.method == "GET":
        return _form(_fresh(places), places)
    fields = _fields()
    troubles: list[Refusal] = []
    one = _drafted(fields, places, troubles)
    if troubles and not is_done():
        return _form(fields, places, troubles)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        free_at = await quiet.free_for(unit, one.organisation, unit.now)
        answer = rules.begin(one, author=user, now=unit.now, free_at=free_at)
        if isinstance(answer, Refusal):
            return answer
        too_much = await burden.refuse_live(unit, one.organisation, one.room, max(free_at, unit.now))
        return too_much or answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, places, [outcome.refusal])
    if outcome.repeated:
        return see(link("sign_ups.show"), "repeated")
    facts = outcome.answer.facts if isinstance(outcome.answer, Decision) else ()
    made = next(fact.sign_up.id for fact in facts if isinstance(fact, SignUpOpened))
    held = made in ask(lambda unit: outbox_queries.sign_ups_held(unit, [made]))
    return see(link("sign_ups.show_one", id=made), "sign_up_held" if held else "sign_up_begun")


@pages.get("/sign-ups/<id>")
@requires(Right.READ)
@leaves("sign_up", names=True)
def show_one(id: str) -> str:  # noqa: A002
    """Show a sign-up; who is on it only to whom members are shown by name."""
    return _page(_visible(id))


@pages.post("/sign-ups/<id>/rule")
@requires(Right.RECORD)
def rule(id: str) -> Answer:  # noqa: A002
    """Put somebody on, change what stands of them, or take them off; why stands beside it."""
    one, user, form = _visible(id, Right.RECORD), here().user, request.form
    name = " ".join(form.get("name", "").split())
    brings = form.get("brings", "").strip() or "0"
    if len(name) > LONGEST_NAME:
        return _page(one, refused("sign_up.long_name", field="name", most=LONGEST_NAME)), 422
    if not re.fullmatch("[0-9]{1,2}", brings) or int(brings) > MOST_BROUGHT:
        return _page(one, refused("sign_up.bad_brings", field="brings", most=MOST_BROUGHT)), 422
    note = " ".join(form.get("note", "").split())[:LONGEST_NOTE]
    line, off = Line(name=name, note=note, brings=int(brings)), form.get("off") == "yes"
    why, undone = form.get("why", ""), form.get("undone") == "yes"
    meant = SignUpEntryId(form.get("who", "")[:32])
    before: list[Entry | None] = []
    ruled = meant

    async def decide(unit: Reading) -> Decided:
        known = await stored.known(unit, one, rules.named([line]))
        fresh = await stored.sign_up(unit, one.id)
        if fresh is None:
            return None
        sheet = await stored.sheet(unit, fresh)
        answer = rules.rule(
            sheet, line, known=known, off=off, why=why, by=user, now=unit.now, undone=undone, meant=meant
        )
        changed = next((fact.entries[0] for fact in answer.facts), None) if isinstance(answer, Decision) else None  # type: ignore[attr-defined]
        before[:] = [sheet.entries.get(changed.id) if changed is not None else None]
        nonlocal ruled
        ruled = changed.id if changed is not None else meant
        return answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        which = name if outcome.refusal.words.key == "sign_up.which_person" else ""
        return _page(one, outcome.refusal, which=which, off=off), 422
    to = link("sign_ups.show_one", id=id)
    fields = {"name": name, "who": ruled, "why": why}
    return onward(outcome, to=to, done="sign_up_ruled", back=lambda: _back(id, fields, before[0]))


def _back(id: str, fields: dict[str, str], before: Entry | None) -> Undo:  # noqa: A002
    """Return the form that lets somebody stand as they did before."""
    if before is None or before.withdrawn:
        return way_back("sign_ups.rule", id=id, fields={**fields, "off": "yes"})
    fields = {**fields, "off": "", "undone": "yes", "note": before.note, "brings": str(before.brings)}
    return way_back("sign_ups.rule", id=id, fields=fields)


@pages.post("/sign-ups/<id>/close")
@requires(Right.SCHEDULE)
def close(id: str) -> Answer:  # noqa: A002
    """End a sign-up now."""
    one = _visible(id, Right.SCHEDULE)

    async def decide(unit: Reading) -> Decided:
        fresh = await stored.sign_up(unit, one.id)
        if fresh is None:
            return None
        answer = rules.close(await stored.sheet(unit, fresh), now=unit.now, by_hand=True)
        return answer or refused("sign_up.over", title=fresh.title)

    return onward(settle(decide, actor=here().user), to=link("sign_ups.show_one", id=id), done="sign_up_closed")


def _visible(id: str, right: Right = Right.READ) -> SignUp:  # noqa: A002
    roots = here().roots_for(right)
    found = ask(lambda unit: stored.visible(unit, roots, SignUpId(id)))
    if found is None:
        abort(404)
    return found


class Candidate(Struct, frozen=True, kw_only=True):
    """One of several who are called so: where they stand on the roster, ``""`` for a name that was only typed.

    ``number`` is their place on the list, ``None`` for who is not on it.
    """

    id: str
    place: str
    number: int | None


async def _candidates(unit: Reading, sheet: Sheet, name: str, *, off: bool) -> tuple[Candidate, ...]:
    known = await stored.known(unit, sheet.sign_up, [folded(name)])
    found = rules.called_so(sheet, name, known, off=off)
    people = {one.id: one for one in await members.by_ids(unit, [one for one in found.values() if one is not None])}
    numbers = {one.id: number for number, one in enumerate(sheet.standing, start=1)}
    return tuple(
        Candidate(id=id, place=_place_of(people[member]) if member in people else "", number=numbers.get(id))
        for id, member in found.items()  # noqa: A001
    )


def _place_of(member: Member) -> str:
    at = here()
    node = at.node(member.organisation)
    above = at.node(node.parent) if node is not None and node.parent is not None and node.kind is Kind.GROUP else None
    return " · ".join(
        [*(one.name for one in (above, node) if one is not None), *([member.position] if member.position else [])]
    )


def _page(one: SignUp, refusal: Refusal | None = None, *, which: str = "", off: bool = False) -> str:
    at = here()
    rights, node = at.rights_at(one.organisation), at.node(one.organisation)

    async def look(unit: Reading) -> tuple[Sheet, dict[str, str], tuple[Candidate, ...], datetime | None]:
        sheet = await stored.sheet(unit, one)
        names = {str(user): name for user, name in (await stored.names_of(unit, sheet)).items()}
        held = (await outbox_queries.sign_ups_held(unit, [one.id])).get(one.id) if one.state is State.OPEN else None
        return sheet, names, await _candidates(unit, sheet, which, off=off) if which else (), held

    sheet, names, candidates, held = ask(look)
    lines = rules.message_of(sheet, names) if node is not None else ()  # type: ignore[arg-type]
    by_name = Right.READ_MEMBERS in rights
    refusals = [refusal] if refusal else []
    return render_template(
        "sign_ups/show_one.html",
        one=one,
        sheet=sheet,
        names=names,
        place=node,
        held=held,
        by_name=by_name,
        text="\n".join(say_in(node, line) for line in lines) if node is not None and by_name else "",
        waiting={entry.id for entry in sheet.waiting},
        off=sorted((entry for entry in sheet.entries.values() if entry.withdrawn), key=lambda entry: entry.number),
        may_rule=Right.RECORD in rights and by_name,
        may_close=Right.SCHEDULE in rights and one.state is State.OPEN,
        typed=request.form if refusal is not None else {},
        candidates=candidates,
        longest={"name": LONGEST_NAME, "note": LONGEST_NOTE, "why": rules.LONGEST_WHY},
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


def places_to_answer() -> tuple[Room, ...]:
    """Return the rooms in which people can answer, of those for which one may plan."""
    roots = here().roots_for(Right.SCHEDULE)
    found = ask(lambda unit: rooms.rooms_of(unit, roots))
    return tuple(room for room, lost in found if lost is None and _can_answer(room))


def _can_answer(room: Room) -> bool:
    silent = room.purpose is Purpose.ANNOUNCEMENT and room.encrypted
    return room.purpose is not Purpose.SPACE and not silent


def _fresh(places: tuple[Room, ...]) -> Fields:
    """Propose the day after tomorrow in the evening."""
    node = here().node(places[0].organisation) if places else None
    local = now().astimezone(ZoneInfo(node.timezone)) if node else now()
    day = local.date() + timedelta(days=2)
    return Fields(room=places[0].id if places else "", date=day.isoformat(), time="18:00")


def _fields() -> Fields:
    form = request.form
    return Fields(
        room=form.get("room", ""),
        title=" ".join(form.get("title", "").split()),
        date=form.get("date", "").strip(),
        time=form.get("time", "").strip(),
        places=form.get("places", "").strip(),
    )


def _drafted(fields: Fields, places: tuple[Room, ...], troubles: list[Refusal]) -> SignUp:
    """Turn the fields into a sign-up; all that it cannot be goes to the troubles, with something else in its place."""
    room = next((place for place in places if place.id == fields.room), None)
    node = here().node(room.organisation) if room else None
    if room is None or node is None:
        troubles.append(refused("sign_up.no_room", field="room"))
    closes_at = _instant(fields, node.timezone if node is not None else reader().timezone)
    if isinstance(closes_at, Refusal):
        troubles.append(closes_at)
    is_number = not fields.places or re.fullmatch("[0-9]{1,5}", fields.places) is not None
    if not is_number:
        troubles.append(refused("sign_up.bad_places", field="places", most=rules.MOST_PLACES))
    one = SignUp(
        id=SignUpId(derive(cause(), "sign_up")),
        organisation=room.organisation if room is not None else OrganisationId(""),
        room=room.id if room is not None else RoomId(""),
        title=fields.title,
        closes_at=now() + rules.USUAL if isinstance(closes_at, Refusal) else closes_at,
        places=int(fields.places) if fields.places and is_number else None,
    )
    add_troubles(troubles, rules.troubles_of(one, now()))
    return one


def _instant(fields: Fields, timezone: str) -> datetime | Refusal:
    try:
        day, at = date.fromisoformat(fields.date), time.fromisoformat(fields.time).replace(tzinfo=None)
        return instant(day, at, timezone)
    except (ValueError, OverflowError):
        return refused("sign_up.bad_date", field="date")


def _form(fields: Fields, places: tuple[Room, ...], refusals: list[Refusal] | None = None) -> Answer:
    refusals = refusals or []
    room = next((place for place in places if place.id == fields.room), None)
    free_at = ask(lambda unit: quiet.free_for(unit, room.organisation, unit.now)) if room is not None else now()
    page = render_template(
        "sign_ups/begin.html",
        fields=fields,
        places=places,
        longest=rules.LONGEST_TITLE,
        held=free_at if free_at > now() else None,
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
