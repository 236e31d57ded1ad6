"""Activities, the sorts that organisations have added, and their albums: photos in two sizes, and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import asdict
from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text, func, select, update

from content.activities import (
    Activity,
    ActivityChanged,
    ActivityPlanned,
    Category,
    CategoryAdded,
    CategoryDropped,
    Kind,
    Note,
    NoteGiven,
    NoteTakenBack,
    Photo,
    PhotoGiven,
    PhotoKept,
    PhotoTakenBack,
    State,
)
from content.decision import Words, words
from content.identifiers import ActivityId, EventId, MemberId, OrganisationId, RoomId
from content.notices import Form
from content.year import Evidence, Source, Span, Standing
from storage.organisations import organisation_closure, within
from storage.prepared import Prepared
from storage.spans import FIRST, LAST, asked, there
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

activity_categories = Table(
    "activity_categories",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("name", String(12), nullable=False),
    Column("dropped", Boolean, nullable=False),
)

activities = Table(
    "activities",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("room_id", String(255)),
    Column("category", String(32), nullable=False),
    Column("title", String(60), nullable=False),
    Column("place", String(100), nullable=False),
    Column("begins_at", Instant, nullable=False, index=True),
    Column("minutes", Integer, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("about", String(500), nullable=False),
    Column("gathers", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("people", Integer),
    Column("account", Text, nullable=False),
    Column("outcome", String(500), nullable=False),
    Column("partners", String(100), nullable=False),
    Column("author", String(255), nullable=False),
    Column("made_at", Instant, nullable=False),
)

activity_photos = Table(
    "activity_photos",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("activity_id", ForeignKey("activities.id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("event_id", String(255), nullable=False, index=True),
    Column("room_id", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("caption", String(500), nullable=False),
    Column("data", LargeBinary),
    Column("small", LargeBinary),
    Column("width", Integer),
    Column("height", Integer),
)

activity_notes = Table(
    "activity_notes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("activity_id", ForeignKey("activities.id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("event_id", String(255), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("text", String(500), nullable=False),
)

_PHOTO = [column for column in activity_photos.c if column.name not in ("data", "small")]


def _activity(row: AnyRow) -> Activity:
    return Activity(
        id=row.id,
        organisation=row.organisation_id,
        category=row.category,
        title=row.title,
        place=row.place,
        begins_at=row.begins_at,
        minutes=row.minutes,
        timezone=row.timezone,
        about=row.about,
        room=row.room_id,
        gathers=row.gathers,
        state=State(row.state),
        people=row.people,
        account=row.account,
        outcome=row.outcome,
        partners=row.partners,
    )


def _photo(row: AnyRow) -> Photo:
    return Photo(
        id=row.id,
        activity=row.activity_id,
        member=row.member_id,
        event=row.event_id,
        room=row.room_id,
        at=row.at,
        caption=row.caption,
        kept=row.width is not None,
    )


def _note(row: AnyRow) -> Note:
    return Note(id=row.id, activity=row.activity_id, member=row.member_id, event=row.event_id, at=row.at, text=row.text)


async def activity(unit: Reading, id: ActivityId) -> Activity | None:  # noqa: A002
    """Return an activity."""
    row = await unit.first(select(activities).where(activities.c.id == id))
    return _activity(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: ActivityId) -> Activity | None:  # noqa: A002
    """Return an activity, if it is at or below the roots."""
    query = select(activities).where(activities.c.id == id, within(activities.c.organisation_id, roots))
    row = await unit.first(query)
    return _activity(row) if row else None


async def of_roots(
    unit: Reading, roots: Iterable[OrganisationId], *, since: datetime, until: datetime, limit: int
) -> tuple[Activity, ...]:
    """Return the activities at or below the roots that begin in a stretch of time, the latest first."""
    query = select(activities).where(
        within(activities.c.organisation_id, roots), activities.c.begins_at >= since, activities.c.begins_at < until
    )
    rows = await unit.rows(query.order_by(activities.c.begins_at.desc(), activities.c.id).limit(limit))
    return tuple(_activity(row) for row in rows)


async def in_room(unit: Reading, room: RoomId, *, since: datetime) -> tuple[Activity, ...]:
    """Return the activities whose card stands in a room and that began since then or will, by when they begin."""
    query = select(activities).where(activities.c.room_id == room, activities.c.begins_at >= since)
    rows = await unit.rows(query.order_by(activities.c.begins_at, activities.c.id))
    return tuple(_activity(row) for row in rows)


_OWN = activities.c
_EVIDENCE = Prepared(
    select(_OWN.id, _OWN.organisation_id, _OWN.title, _OWN.state, _OWN.begins_at, _OWN.timezone)
    .where(
        there(_OWN.organisation_id),
        _OWN.state.in_([State.PLANNED, State.HELD]),
        _OWN.category == Kind.THEME_DAY,
        _OWN.begins_at >= FIRST,
        _OWN.begins_at < LAST,
    )
    .order_by(_OWN.begins_at, _OWN.id)
)


async def evidence(unit: Reading, span: Span) -> tuple[Evidence, ...]:
    """Return the theme days (主题党日) of a span: held, as somebody has put down, or announced."""
    return tuple(
        Evidence(
            forms=(Form.PARTY_DAY,),
            on=on,
            standing=Standing.HELD if row.state == State.HELD else Standing.PLANNED,
            source=Source.ACTIVITY,
            id=row.id,
            title=row.title,
            place=OrganisationId(row.organisation_id),
        )
        for row in await unit.rows(_EVIDENCE, asked(span))
        if span.since <= (on := _day(row)) <= span.until
    )


def _day(row: AnyRow) -> date:
    return row.begins_at.astimezone(ZoneInfo(row.timezone)).date()  # type: ignore[no-any-return]


async def categories(unit: Reading, node: OrganisationId, *, dropped: bool = False) -> tuple[Category, ...]:
    """Return the sorts that an organisation and those above it have added, with those that were dropped if wanted."""
    above = select(organisation_closure.c.ancestor_id).where(organisation_closure.c.descendant_id == node)
    query = select(activity_categories).where(activity_categories.c.organisation_id.in_(above))
    if not dropped:
        query = query.where(activity_categories.c.dropped.is_(False))
    rows = await unit.rows(query.order_by(activity_categories.c.name, activity_categories.c.id))
    return tuple(Category(id=row.id, organisation=row.organisation_id, name=row.name) for row in rows)


async def categories_below(unit: Reading, roots: Iterable[OrganisationId]) -> tuple[Category, ...]:
    """Return the sorts that organisations at or below the roots have added and offer."""
    query = select(activity_categories).where(
        within(activity_categories.c.organisation_id, roots), activity_categories.c.dropped.is_(False)
    )
    rows = await unit.rows(query.order_by(activity_categories.c.name, activity_categories.c.id))
    return tuple(Category(id=row.id, organisation=row.organisation_id, name=row.name) for row in rows)


async def names(unit: Reading) -> Mapping[str, str]:
    """Return what the sorts are called that organisations have added, those they have dropped too."""
    rows = await unit.rows(select(activity_categories.c.id, activity_categories.c.name))
    return {str(row.id): str(row.name) for row in rows}


def called(category: str, names: Mapping[str, str]) -> Words:
    """Return what a sort of activity is called."""
    if category in names:
        return words("activity.category_own", name=names[category])
    return words(f"activity.category_{Kind(category)}")


async def photos(unit: Reading, activity: ActivityId) -> tuple[Photo, ...]:
    """Return the photos of an album, those that are still fetched too, in the order in which they came."""
    query = select(*_PHOTO).where(activity_photos.c.activity_id == activity)
    return tuple(_photo(row) for row in await unit.rows(query.order_by(activity_photos.c.at, activity_photos.c.id)))


async def photo(unit: Reading, id: str) -> Photo | None:  # noqa: A002
    """Return a photo without its bytes."""
    row = await unit.first(select(*_PHOTO).where(activity_photos.c.id == id))
    return _photo(row) if row else None


async def photo_by_event(unit: Reading, event: EventId) -> Photo | None:
    """Return the photo that came as a message."""
    row = await unit.first(select(*_PHOTO).where(activity_photos.c.event_id == event))
    return _photo(row) if row else None


async def bytes_of(unit: Reading, photo: Photo, *, small: bool) -> bytes | None:
    """Return a photo's bytes, a JPEG, in the size for a grid or for itself."""
    column = activity_photos.c.small if small else activity_photos.c.data
    found = await unit.value(select(column).where(activity_photos.c.id == photo.id))
    return bytes(found) if found is not None else None


async def counted(unit: Reading, ids: Iterable[ActivityId]) -> dict[ActivityId, int]:
    """Return how many photos each album has."""
    query = (
        select(activity_photos.c.activity_id, func.count().label("n"))
        .where(activity_photos.c.activity_id.in_(list(ids)), activity_photos.c.width.is_not(None))
        .group_by(activity_photos.c.activity_id)
    )
    return {ActivityId(row.activity_id): int(row.n) for row in await unit.rows(query)}


async def notes(unit: Reading, activity: ActivityId) -> tuple[Note, ...]:
    """Return what members wrote about an activity, in the order in which it came."""
    query = select(activity_notes).where(activity_notes.c.activity_id == activity)
    return tuple(_note(row) for row in await unit.rows(query.order_by(activity_notes.c.at, activity_notes.c.id)))


async def note_by_event(unit: Reading, event: EventId) -> Note | None:
    """Return what came as a message."""
    row = await unit.first(select(activity_notes).where(activity_notes.c.event_id == event))
    return _note(row) if row else None


async def last_of(unit: Reading, member: MemberId) -> tuple[Photo | Note, datetime] | None:
    """Return what a member gave last to any album, a photo or a note, and when."""
    photo = await unit.first(
        select(*_PHOTO).where(activity_photos.c.member_id == member).order_by(activity_photos.c.at.desc()).limit(1)
    )
    note = await unit.first(
        select(activity_notes).where(activity_notes.c.member_id == member).order_by(activity_notes.c.at.desc()).limit(1)
    )
    found: list[Photo | Note] = [*([_photo(photo)] if photo else []), *([_note(note)] if note else [])]
    last = max(found, key=lambda one: one.at, default=None)
    return (last, last.at) if last is not None else None


async def write_category(unit: Writing, fact: CategoryAdded) -> None:
    """Keep a sort of activity."""
    one = fact.category
    row = {"id": one.id, "organisation_id": one.organisation, "name": one.name, "dropped": False}
    await unit.add_missing(activity_categories, row)


async def write_category_dropped(unit: Writing, fact: CategoryDropped) -> None:
    """Offer a sort no more."""
    own = activity_categories.c.id == fact.category
    await unit.execute(update(activity_categories).where(own).values(dropped=True))


def _values(one: Activity) -> dict[str, Any]:
    values = asdict(one)
    return {"organisation_id": values.pop("organisation"), "room_id": values.pop("room"), **values}


async def write_planned(unit: Writing, fact: ActivityPlanned) -> None:
    """Keep an activity."""
    row = {**_values(fact.activity), "author": fact.author, "made_at": fact.at}
    await unit.add_missing(activities, row)


async def write_changed(unit: Writing, fact: ActivityChanged) -> None:
    """Keep how an activity stands."""
    await unit.execute(update(activities).where(activities.c.id == fact.activity.id).values(**_values(fact.activity)))


async def write_photo(unit: Writing, fact: PhotoGiven) -> None:
    """Keep that a photo is to be fetched."""
    one = fact.photo
    row = {
        "id": one.id,
        "activity_id": one.activity,
        "member_id": one.member,
        "event_id": one.event,
        "room_id": one.room,
        "at": one.at,
        "caption": one.caption,
    }
    await unit.add_missing(activity_photos, row)


async def write_photo_kept(unit: Writing, fact: PhotoKept) -> None:
    """Keep the bytes of a photo; one that was taken back meanwhile stays gone."""
    values = {"data": fact.data, "small": fact.small, "width": fact.width, "height": fact.height}
    await unit.execute(update(activity_photos).where(activity_photos.c.id == fact.photo).values(**values))


async def write_photo_gone(unit: Writing, fact: PhotoTakenBack) -> None:
    """Forget a photo with its bytes."""
    await unit.execute(activity_photos.delete().where(activity_photos.c.id == fact.photo))


async def write_note(unit: Writing, fact: NoteGiven) -> None:
    """Keep what somebody wrote."""
    one = fact.note
    row = {
        "id": one.id,
        "activity_id": one.activity,
        "member_id": one.member,
        "event_id": one.event,
        "at": one.at,
        "text": one.text,
    }
    await unit.add_missing(activity_notes, row)


async def write_note_gone(unit: Writing, fact: NoteTakenBack) -> None:
    """Forget what somebody wrote."""
    await unit.execute(activity_notes.delete().where(activity_notes.c.id == fact.note))
