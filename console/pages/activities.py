"""Activities (主题党日, 志愿服务 …): announce one, put down what came of it, its album, and a year by sorts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, render_template, request
from msgspec import Struct, field

from console.access import here, requires
from console.activity_briefs import brief_of, text_of
from console.addresses import link
from console.answering import Answer, add_troubles, first_by_field, onward, see
from console.desk import ask, cause, is_done, now, settle
from console.leaving_tables import leaves, up_to
from console.pages.sign_ups import places_to_answer
from console.paper_layouts import layout
from console.tables import hand_over, show_text
from console.word import CONTENT_TYPE, Document
from console.wording import reader, say, today
from content import activities as rules
from content import activity_changes
from content.activities import Activity, Category, Kind, Note, Photo, State, Sum
from content.decision import Refusal, refused, words
from content.identifiers import ActivityId, MemberId, OrganisationId, SignUpId, derive
from content.organisations import Right
from content.rooms import Room
from content.schedules import instant
from content.sign_up_sheets import Sheet, SignUp
from storage import activities as stored
from storage import burden, members, quiet, sign_ups
from storage.store import Answer as Decided
from storage.unit import Reading

pages = Blueprint("activities", __name__)

MOST_SHOWN = 300


class Fields(Struct, frozen=True, kw_only=True):
    """What stands in the form, whether or not it can be meant."""

    room: str = ""
    category: str = Kind.THEME_DAY
    title: str = ""
    place: str = ""
    about: str = ""
    date: str = ""
    time: str = ""
    length: str = "90"
    announces: bool = True
    gathers: bool = True
    signs: bool = False
    places: str = ""
    closes_date: str = ""
    closes_time: str = ""


class Year(Struct, frozen=True, kw_only=True):
    """What was done in a year: every activity, the sums by sort, and how many photos each album has."""

    found: tuple[Activity, ...]
    sums: tuple[Sum, ...]
    photos: dict[ActivityId, int]
    names: dict[str, str]


class Seen(Struct, frozen=True, kw_only=True):
    """What the page of an activity shows beside it."""

    category: str
    photos: tuple[Photo, ...] = ()
    notes: tuple[Note, ...] = ()
    names: dict[MemberId, str] = field(default_factory=dict)
    sheet: Sheet | None = None
    coming: tuple[str, ...] = ()


@pages.get("/activities")
@requires(Right.READ)
@leaves("activities")
def show() -> str:
    """Show the activities of a year, and what they come to by sort."""
    year, roots = _year(), here().roots
    seen = ask(lambda unit: _of_year(unit, roots, year))
    return render_template(
        "activities/show.html",
        seen=seen,
        year=year,
        this_year=today().year,
        called=lambda one: say(stored.called(one, seen.names)),
        most=MOST_SHOWN,
    )


def _year() -> int:
    wanted = request.args.get("year", "")
    if not wanted:
        return today().year
    if not re.fullmatch("20[0-9]{2}", wanted):
        abort(400)
    return int(wanted)


async def _of_year(unit: Reading, roots: tuple[OrganisationId, ...], year: int) -> Year:
    first, last = (datetime.combine(date(each, 1, 1), time(), UTC) for each in (year, year + 1))
    day = timedelta(days=1)
    near = await stored.of_roots(unit, roots, since=first - day, until=last + day, limit=up_to(MOST_SHOWN))
    found = tuple(one for one in near if one.day.year == year)
    photos = await stored.counted(unit, [one.id for one in found])
    return Year(found=found, sums=rules.summed(found, photos), photos=photos, names=dict(await stored.names(unit)))


@pages.route("/activities/new", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def plan() -> Answer:
    """Announce an activity, or put one down that was held."""
    places = places_to_answer()
    if request.method == "GET":
        return _form(_fresh(places), places)
    fields = _fields()
    room = next((place for place in places if place.id == fields.room), None)
    troubles: list[Refusal] = []
    one = _drafted(fields, room, troubles)
    sign_up = _signed(fields, one, troubles)
    own = ask(lambda unit: stored.categories(unit, one.organisation)) if room is not None else ()
    # Without a room it is not known whose sorts there are.
    sorts = [each.id for each in own] if room is not None else [one.category]
    add_troubles(troubles, rules.hindrances(one, sign_up, sorts, now()))
    if troubles and not is_done():
        return _form(fields, places, troubles)
    user = here().user

    async def decide(unit: Reading) -> Decided:
        known = [each.id for each in await stored.categories(unit, one.organisation)]
        free_at = await quiet.free_for(unit, one.organisation, unit.now)
        answer = rules.plan(one, sign_up, known=known, author=user, now=unit.now, free_at=free_at)
        if isinstance(answer, Refusal) or one.room is None:
            return answer
        return await burden.refuse_live(unit, one.organisation, one.room, max(free_at, unit.now)) or answer

    outcome = settle(decide, actor=user)
    if outcome.refusal is not None:
        return _form(fields, places, [outcome.refusal])
    if outcome.repeated:
        return see(link("activities.show"), "repeated")
    return see(link("activities.show_one", id=one.id), "activity_planned")


@pages.get("/activities/<id>")
@requires(Right.READ)
def show_one(id: str) -> str:  # noqa: A002
    """Show an activity with its album; who gave what only to whom members are shown by name."""
    return _page(visible_activity(id))


@pages.post("/activities/<id>/cancel")
@requires(Right.SCHEDULE)
def cancel(id: str) -> Answer:  # noqa: A002
    """Call an activity off; its card says so, and who had signed up is told."""
    one = visible_activity(id, Right.SCHEDULE)

    async def decide(unit: Reading) -> Decided:
        known = await stored.activity(unit, one.id)
        if known is None:
            return None
        list_of = await sign_ups.of_activity(unit, one.id)
        sheet = await sign_ups.sheet(unit, list_of) if list_of is not None else None
        return activity_changes.cancel(known, sheet, now=unit.now)

    return onward(settle(decide, actor=here().user), to=link("activities.show_one", id=id), done="activity_cancelled")


@pages.post("/activities/<id>/held")
@requires(Right.RECORD)
def put_down(id: str) -> Answer:  # noqa: A002
    """Put down that an activity was held, and what came of it."""
    one, form = visible_activity(id, Right.RECORD), request.form
    people = form.get("people", "").strip()
    if people and not re.fullmatch("[0-9]{1,5}", people):
        return _page(one, refused("activity.bad_people", field="people", most=rules.MOST_PEOPLE)), 422
    account, outcome_of = _lines("account"), _lines("outcome")
    partners = " ".join(form.get("partners", "").split())

    async def decide(unit: Reading) -> Decided:
        known = await stored.activity(unit, one.id)
        if known is None:
            return None
        return rules.put_down(
            known,
            people=int(people) if people else None,
            account=account,
            outcome=outcome_of,
            partners=partners,
            seen=form.get("mark", ""),
            now=unit.now,
        )

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _page(one, outcome.refusal), 422
    return onward(outcome, to=link("activities.show_one", id=id), done="activity_held")


def _lines(name: str) -> str:
    lines = request.form.get(name, "").replace("\r\n", "\n").split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())


@pages.get("/activities/<id>/photos/<hash>")
@requires(Right.READ_MEMBERS)
def photo(id: str, hash: str) -> Response:  # noqa: A002
    """Return a photo of an album, to whom members are shown by name."""
    return _served(id, hash, small=False)


@pages.get("/activities/<id>/photos/<hash>/small")
@requires(Right.READ_MEMBERS)
def small_photo(id: str, hash: str) -> Response:  # noqa: A002
    """Return the same in the size for a grid."""
    return _served(id, hash, small=True)


def _served(id: str, key: str, *, small: bool) -> Response:  # noqa: A002
    one = visible_activity(id, Right.READ_MEMBERS)

    async def look(unit: Reading) -> bytes | None:
        found = await stored.photo(unit, key[:64])
        return await stored.bytes_of(unit, found, small=small) if found and found.activity == one.id else None

    data = ask(look)
    if data is None:
        abort(404)
    response = make_response(data)
    response.headers["Content-Type"] = "image/jpeg"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.post("/activities/<id>/photos/<hash>/take-back")
@requires(Right.RECORD)
def take_back(id: str, hash: str) -> Answer:  # noqa: A002
    """Take a photo out of an album."""
    one = visible_activity(id, Right.RECORD)

    async def decide(unit: Reading) -> Decided:
        found = await stored.photo(unit, hash[:64])
        return rules.take_back_photo(found) if found is not None and found.activity == one.id else None

    return onward(settle(decide, actor=here().user), to=link("activities.show_one", id=id), done="photo_taken_back")


@pages.get("/activities/<id>/brief.docx")
@requires(Right.READ)
def brief_file(id: str) -> Response:  # noqa: A002
    """Hand out one page on an activity, of nothing but what was put down; nobody is named."""
    one = visible_activity(id)
    name = f"zhibu-activity-{one.day.isoformat()}.docx"
    return hand_over(_brief(one).written(layout()), CONTENT_TYPE, "activity", 1, file=name)


@pages.get("/activities/<id>/brief")
@requires(Right.READ)
def brief(id: str) -> Response:  # noqa: A002
    """Show the same as text to copy."""
    document = _brief(visible_activity(id))
    return show_text(document.title, text_of(document), "activity", 1, back=link("activities.show_one", id=id))


def _brief(one: Activity) -> Document:
    place = here().node(one.organisation)

    async def look(unit: Reading) -> tuple[str, int]:
        called = say(stored.called(one.category, await stored.names(unit)))
        return called, (await stored.counted(unit, [one.id])).get(one.id, 0)

    category, photos = ask(look)
    return brief_of(one, category=category, photos=photos, place=place.name if place else "")


@pages.route("/activities/sorts", methods=["GET", "POST"])
@requires(Right.SCHEDULE)
def sorts() -> Answer:
    """Show the sorts that organisations have added, and add one."""
    nodes = here().within(Right.SCHEDULE)
    if request.method == "GET":
        return _sorts()
    name, at = request.form.get("name", ""), request.form.get("organisation", "")
    place = next((node for node in nodes if node.id == at), None)
    if place is None:
        abort(404)
    taken = [say(words(f"activity.category_{kind}")) for kind in Kind]
    id = derive(cause(), "category")  # noqa: A001

    async def decide(unit: Reading) -> Decided:
        there = await stored.categories(unit, place.id)
        own = [one for one in there if one.organisation == place.id]
        known = [*taken, *(one.name for one in there)]
        return rules.add_category(name, own, known, at=place.id, id=id, now=unit.now)

    outcome = settle(decide, actor=here().user)
    if outcome.refusal is not None:
        return _sorts(outcome.refusal), 422
    return onward(outcome, to=link("activities.sorts"), done="sort_added")


@pages.post("/activities/sorts/<key>/drop")
@requires(Right.SCHEDULE)
def drop_sort(key: str) -> Answer:
    """Offer a sort no more."""
    roots = here().roots_for(Right.SCHEDULE)

    async def decide(unit: Reading) -> Decided:
        found = next((one for one in await _own_sorts(unit, roots) if one.id == key), None)
        return rules.drop_category(found) if found is not None else None

    return onward(settle(decide, actor=here().user), to=link("activities.sorts"), done="sort_dropped")


async def _own_sorts(unit: Reading, roots: tuple[OrganisationId, ...]) -> tuple[Category, ...]:
    return await stored.categories_below(unit, roots)


def _sorts(refusal: Refusal | None = None) -> str:
    at = here()
    roots = at.roots_for(Right.SCHEDULE)
    refusals = [refusal] if refusal else []
    return render_template(
        "activities/sorts.html",
        found=ask(lambda unit: _own_sorts(unit, roots)),
        kinds=tuple(Kind),
        places=at.offer(at.within(Right.SCHEDULE), request.form.get("organisation", "")),
        longest=rules.LONGEST_CATEGORY,
        typed=request.form if refusal is not None else {},
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


def visible_activity(id: str, right: Right = Right.READ) -> Activity:  # noqa: A002
    """Return an activity of where the person holds a right; anything else is not found."""
    roots = here().roots_for(right)
    found = ask(lambda unit: stored.visible(unit, roots, ActivityId(id)))
    if found is None:
        abort(404)
    return found


def _page(one: Activity, refusal: Refusal | None = None) -> str:
    at = here()
    rights = at.rights_at(one.organisation)
    by_name = Right.READ_MEMBERS in rights
    seen = ask(lambda unit: _look(unit, one, by_name=by_name))
    refusals = [refusal] if refusal else []
    return render_template(
        "activities/show_one.html",
        one=one,
        seen=seen,
        place=at.node(one.organisation),
        by_name=by_name,
        may_add=Right.RECORD in rights and one.gathers and one.state is not State.CANCELLED,
        may_cancel=Right.SCHEDULE in rights and one.state is State.PLANNED and one.begins_at > now(),
        may_put_down=Right.RECORD in rights and one.state is not State.CANCELLED and one.begins_at <= now(),
        may_take_back=Right.RECORD in rights,
        typed=request.form if refusal is not None else None,
        mark=rules.mark_of(one),
        longest={
            "account": rules.LONGEST_ACCOUNT,
            "outcome": rules.LONGEST_OUTCOME,
            "partners": rules.LONGEST_PARTNERS,
        },
        refusals=refusals,
        by_field=first_by_field(refusals),
    )


async def _look(unit: Reading, one: Activity, *, by_name: bool) -> Seen:
    called = say(stored.called(one.category, await stored.names(unit)))
    list_of = await sign_ups.of_activity(unit, one.id)
    sheet = await sign_ups.sheet(unit, list_of) if list_of is not None else None
    if not by_name:
        return Seen(category=called, sheet=sheet)
    photos = tuple(photo for photo in await stored.photos(unit, one.id) if photo.kept)
    notes = await stored.notes(unit, one.id)
    given = {photo.member for photo in photos if photo.member is not None} | {note.member for note in notes}
    names = {each.id: each.name for each in await members.by_ids(unit, given)}
    return Seen(category=called, photos=photos, notes=notes, names=names, sheet=sheet)


def _fresh(places: tuple[Room, ...]) -> Fields:
    """Propose a week from today, in the afternoon."""
    node = here().node(places[0].organisation) if places else None
    local = now().astimezone(ZoneInfo(node.timezone)) if node else now()
    day = local.date() + timedelta(days=7)
    return Fields(
        room=places[0].id if places else "",
        date=day.isoformat(),
        time="15:00",
        closes_date=(day - timedelta(days=1)).isoformat(),
        closes_time="18:00",
    )


def _fields() -> Fields:
    form = request.form

    def text(name: str) -> str:
        return " ".join(form.get(name, "").split())

    return Fields(
        **{name: text(name) for name in ("room", "category", "title", "place", "date", "time", "length", "places")},
        about=_lines("about"),
        closes_date=text("closes_date"),
        closes_time=text("closes_time"),
        announces=form.get("announces") == "yes",
        gathers=form.get("gathers") == "yes",
        signs=form.get("signs") == "yes",
    )


def _drafted(fields: Fields, room: Room | None, troubles: list[Refusal]) -> Activity:
    """Turn the fields into an activity; what cannot be read goes to the troubles, with something else in its place."""
    node = here().node(room.organisation) if room else None
    if room is None or node is None:
        troubles.append(refused("sign_up.no_room", field="room"))
    zone = node.timezone if node is not None else reader().timezone
    begins_at = _instant(fields.date, fields.time, zone, field="date")
    if isinstance(begins_at, Refusal):
        troubles.append(begins_at)
    return Activity(
        id=ActivityId(derive(cause(), "activity")),
        organisation=room.organisation if room is not None else OrganisationId(""),
        category=fields.category,
        title=fields.title,
        place=fields.place,
        begins_at=now() + rules.FARTHEST / 2 if isinstance(begins_at, Refusal) else begins_at,
        minutes=int(fields.length) if re.fullmatch("[0-9]{1,5}", fields.length) else 0,
        timezone=zone,
        about=fields.about,
        room=room.id if fields.announces and room is not None else None,
        gathers=fields.gathers,
    )


def _signed(fields: Fields, one: Activity, troubles: list[Refusal]) -> SignUp | None:
    """Return the sign-up that an activity is to have, ``None`` where it has none."""
    if not fields.signs or one.room is None:
        return None
    closes_at = _instant(fields.closes_date, fields.closes_time, one.timezone, field="closes_date")
    if isinstance(closes_at, Refusal):
        troubles.append(closes_at)
        closes_at = one.begins_at
    is_number = not fields.places or re.fullmatch("[0-9]{1,5}", fields.places) is not None
    if not is_number:
        troubles.append(refused("activity.bad_places", field="places"))
    places = int(fields.places) if fields.places and is_number else None
    return rules.sign_up_for(one, id=SignUpId(derive(one.id, "sign_up")), closes_at=closes_at, places=places)


def _instant(day: str, at: str, timezone: str, *, field: str) -> datetime | Refusal:
    try:
        return instant(date.fromisoformat(day), time.fromisoformat(at).replace(tzinfo=None), timezone)
    except (ValueError, OverflowError):
        return refused("sign_up.bad_date", field=field)


def _form(fields: Fields, places: tuple[Room, ...], refusals: list[Refusal] | None = None) -> Answer:
    nodes = {place.organisation for place in places}

    async def look(unit: Reading) -> dict[str, str]:
        return {one.id: one.name for node in sorted(nodes) for one in await stored.categories(unit, node)}

    refusals = refusals or []
    page = render_template(
        "activities/plan.html",
        fields=fields,
        places=places,
        kinds=tuple(Kind),
        own=ask(look),
        longest={"title": rules.LONGEST_TITLE, "place": rules.LONGEST_PLACE, "about": rules.LONGEST_ABOUT},
        refusals=refusals,
        by_field=first_by_field(refusals),
    )
    return page, 422 if refusals else 200
