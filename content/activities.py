"""Activities (主题党日, 志愿服务 …): a card, an album of what members reply to it, and what came of them.

What goes into the album is given: the card says so, and who gave something takes it back when they like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Effect, Fact, Refusal, Tell, Words, refused, words
from content.identifiers import (
    ActivityId,
    Cause,
    EventId,
    MemberId,
    OrganisationId,
    RoomId,
    SignUpId,
    UserId,
    derive,
)
from content.live_messages import PutUp, Renew, Sort
from content.photos import LARGEST, Written
from content.sign_up_sheets import Sheet, SignUp, SignUpOpened
from content.sign_ups import asks_of, list_of, troubles_of

LONGEST_TITLE = 60
LONGEST_PLACE = 100
LONGEST_ABOUT = 500
LONGEST_ACCOUNT = 2000
"""Of what was done, as an organiser writes it down."""
LONGEST_OUTCOME = 500
LONGEST_PARTNERS = 100
LONGEST_NOTE = 500
LONGEST_CATEGORY = 12
MOST_CATEGORIES = 20
MOST_PEOPLE = 9999
MOST_PHOTOS = 200
"""In one album."""
MOST_OF_ONE = 30
"""Photos that one person gives to one album."""
MOST_AT_ONCE = 10
"""Photos that an organiser puts into an album by one form."""
GATHERED = timedelta(days=30)
"""How long after an activity photos and notes are still taken."""
FARTHEST = timedelta(days=366)
"""How far from today an activity lies at most, either way."""


class Kind(StrEnum):
    """What sort of activity everybody has; an organisation adds its own."""

    THEME_DAY = "theme_day"
    STUDY = "study"
    SERVICE = "service"
    VISIT = "visit"
    HERITAGE = "heritage"
    SPORT = "sport"
    TOGETHER = "together"
    SAFETY = "safety"
    TECHNIQUE = "technique"


class State(StrEnum):
    """Where an activity stands: it is announced, was held as somebody has put down, or was called off."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class Category(Struct, frozen=True, kw_only=True):
    """A sort of activity that an organisation has added for itself and for those below it."""

    id: str
    organisation: OrganisationId
    name: str


class Activity(Struct, frozen=True, kw_only=True):
    """An activity. ``category`` is one of ``Kind``, or the identifier of an organisation's own.

    ``room`` is where its card stands, ``None`` where it has none. What came of it is empty until it was ``HELD``;
    ``people`` is ``None`` where nobody has counted.
    """

    id: ActivityId
    organisation: OrganisationId
    category: str
    title: str
    place: str
    begins_at: datetime
    minutes: int
    timezone: str
    about: str = ""
    room: RoomId | None = None
    gathers: bool = True
    state: State = State.PLANNED
    people: int | None = None
    account: str = ""
    outcome: str = ""
    partners: str = ""

    @property
    def day(self) -> date:
        """Return the day on which it is, by the clock of its place."""
        return self.begins_at.astimezone(ZoneInfo(self.timezone)).date()


class Photo(Struct, frozen=True, kw_only=True):
    """A photo in an album: who gave it, by which message, and what it shows in words, where they said so."""

    id: str
    activity: ActivityId
    member: MemberId | None
    event: EventId
    room: RoomId
    at: datetime
    caption: str = ""
    kept: bool = False
    """Whether its bytes are here; until then it is being fetched."""


class Note(Struct, frozen=True, kw_only=True):
    """What a member wrote about an activity for its album."""

    id: str
    activity: ActivityId
    member: MemberId
    event: EventId
    at: datetime
    text: str


class FetchPhoto(Effect, frozen=True, kw_only=True):
    """Get a photo from the homeserver, write it anew, and put it into its album."""

    photo: str
    organisation: OrganisationId
    room: RoomId


class CategoryAdded(Fact, frozen=True, kw_only=True):
    """An organisation has a sort of activity of its own."""

    category: Category
    organisation: OrganisationId
    at: datetime


class CategoryDropped(Fact, frozen=True, kw_only=True):
    """An organisation offers a sort of its own no more; what was held under it keeps its name."""

    category: str
    organisation: OrganisationId


class ActivityPlanned(Fact, frozen=True, kw_only=True):
    """An activity was announced, or put down after it was held."""

    activity: Activity
    author: UserId
    at: datetime


class ActivityChanged(Fact, frozen=True, kw_only=True):
    """An activity was changed, called off, or what came of it was put down."""

    activity: Activity
    at: datetime


class PhotoGiven(Fact, frozen=True, kw_only=True):
    """A member gave a photo to an album, or an organiser put it there; its bytes are still to come."""

    photo: Photo
    activity: ActivityId
    member: MemberId | None


class PhotoKept(Fact, frozen=True, kw_only=True):
    """A photo is in its album, written anew in two sizes."""

    photo: str
    activity: ActivityId
    data: bytes
    small: bytes
    width: int
    height: int


class PhotoTakenBack(Fact, frozen=True, kw_only=True):
    """A photo is in its album no more, and its bytes are gone."""

    photo: str
    activity: ActivityId


class NoteGiven(Fact, frozen=True, kw_only=True):
    """A member wrote something about an activity for its album."""

    note: Note
    activity: ActivityId
    member: MemberId


class NoteTakenBack(Fact, frozen=True, kw_only=True):
    """What somebody wrote about an activity is gone."""

    note: str
    activity: ActivityId


def trouble_with(one: Activity, known: Iterable[str], now: datetime) -> Refusal | None:
    """Return why an activity cannot be meant; ``known`` are the sorts that its place has."""
    return next(troubles_with(one, known, now), None)


def troubles_with(one: Activity, known: Iterable[str], now: datetime) -> Iterator[Refusal]:
    """Yield all for which an activity cannot be meant."""
    if not one.title or len(one.title) > LONGEST_TITLE:
        yield refused("activity.bad_title", field="title", most=LONGEST_TITLE)
    if one.category not in {*Kind, *known}:
        yield refused("activity.bad_category", field="category")
    for name, most in (("place", LONGEST_PLACE), ("about", LONGEST_ABOUT)):
        if len(getattr(one, name)) > most:
            yield refused("activity.long", field=name, most=most)
    if not 1 <= one.minutes <= 7 * 24 * 60:
        yield refused("activity.bad_length", field="length")
    if abs(one.begins_at - now) > FARTHEST:
        yield refused("activity.too_far", field="date")


def hindrances(one: Activity, sign_up: SignUp | None, known: Iterable[str], now: datetime) -> Iterator[Refusal]:
    """Yield all for which an activity, and the sign-up for it, cannot be planned."""
    yield from troubles_with(one, known, now)
    if one.room is not None and one.begins_at <= now:
        yield refused("activity.begun", field="date")
    if sign_up is None:
        return
    for trouble in troubles_of(sign_up, now):
        yield replace(trouble, field="closes_date") if trouble.field == "date" else trouble
    if sign_up.closes_at > one.begins_at:
        yield refused("activity.closes_after", field="closes_date")


def plan(
    one: Activity,
    sign_up: SignUp | None,
    *,
    known: Iterable[str],
    author: UserId,
    now: datetime,
    free_at: datetime | None = None,
) -> Decision | Refusal:
    """Announce an activity in its room, with a sign-up where one is wanted; one without a room is put down only."""
    trouble = next(hindrances(one, sign_up, known, now), None)
    if trouble is not None:
        return trouble
    planned = ActivityPlanned(activity=one, author=author, at=now)
    if one.room is None:
        return Decision(facts=(planned,))
    held = free_at if free_at is not None and free_at > now else None
    put_up = PutUp(
        sort=Sort.ACTIVITY,
        id=one.id,
        room=one.room,
        organisation=one.organisation,
        not_before=held,
        expires_at=one.begins_at + timedelta(minutes=one.minutes),
    )
    opened = (SignUpOpened(sign_up=sign_up, author=author, at=now),) if sign_up is not None else ()
    return Decision(facts=(planned, *opened), effects=(put_up,))


def mark_of(one: Activity) -> str:
    """Return a mark of what is put down of an activity, by which a later writer shows what they have seen."""
    told = (str(one.people), one.account, one.outcome, one.partners)
    return derive("put down", *told) if one.state is State.HELD else ""


def put_down(
    one: Activity, *, people: int | None, account: str, outcome: str, partners: str, seen: str, now: datetime
) -> Decision | Refusal:
    """Put down that an activity was held, and what came of it; nothing has to be filled in.

    ``seen`` is the mark of what stood there when it was written, so that nobody overwrites what they have not read.
    """
    if one.state is State.CANCELLED:
        return refused("activity.is_cancelled")
    if one.begins_at > now:
        return refused("activity.to_come")
    if seen != mark_of(one):
        return refused("activity.changed_since", field="account")
    if people is not None and not 0 <= people <= MOST_PEOPLE:
        return refused("activity.bad_people", field="people", most=MOST_PEOPLE)
    held = replace(one, state=State.HELD, people=people, account=account, outcome=outcome, partners=partners)
    for name, most in (("account", LONGEST_ACCOUNT), ("outcome", LONGEST_OUTCOME), ("partners", LONGEST_PARTNERS)):
        if len(getattr(held, name)) > most:
            return refused("activity.long", field=name, most=most)
    if held == one:
        return refused("activity.same", field="people")
    return Decision(facts=(ActivityChanged(activity=held, at=now),), effects=renewed(one))


def renewed(one: Activity) -> tuple[Effect, ...]:
    """Return what shows an activity anew, where it has a message."""
    return (Renew(sort=Sort.ACTIVITY, id=one.id),) if one.room is not None else ()


def add_category(
    name: str,
    own: Sequence[Category],
    taken: Iterable[str],
    *,
    at: OrganisationId,
    id: str,  # noqa: A002
    now: datetime,
) -> Decision | Refusal:
    """Add a sort of activity; ``taken`` are the names that are in use there already."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_CATEGORY:
        return refused("activity.bad_name", field="name", most=LONGEST_CATEGORY)
    if name.casefold() in {one.casefold() for one in taken}:
        return refused("activity.known_name", field="name", name=name)
    if len(own) >= MOST_CATEGORIES:
        return refused("activity.enough_names", field="name", most=MOST_CATEGORIES)
    category = Category(id=id, organisation=at, name=name)
    return Decision(facts=(CategoryAdded(category=category, organisation=at, at=now),))


def drop_category(category: Category) -> Decision:
    """Offer a sort of one's own no more."""
    return Decision(facts=(CategoryDropped(category=category.id, organisation=category.organisation),))


def may_gather(one: Activity, now: datetime) -> bool:
    """Tell whether photos and notes are taken for an activity now."""
    ends = one.begins_at + timedelta(minutes=one.minutes) + GATHERED
    return one.gathers and one.state is not State.CANCELLED and now <= ends


def give_photo(
    one: Activity,
    held: Sequence[Photo],
    *,
    member: MemberId,
    event: EventId,
    room: RoomId,
    caption: str,
    size: int,
    now: datetime,
) -> Decision | Refusal:
    """Take a photo that a member sent in answer to the card; that they answered it is their word that it is kept."""
    if not may_gather(one, now):
        return refused("activity.gathers_no_more", title=one.title)
    if size > LARGEST:
        return refused("activity.photo_too_large", most=LARGEST // 1024 // 1024)
    if len(held) >= MOST_PHOTOS or sum(photo.member == member for photo in held) >= MOST_OF_ONE:
        return refused("activity.enough_photos", title=one.title, most=MOST_OF_ONE)
    id = derive(one.id, "photo", event)  # noqa: A001
    caption = " ".join(caption.split())[:LONGEST_NOTE]
    photo = Photo(id=id, activity=one.id, member=member, event=event, room=room, at=now, caption=caption)
    fetch = FetchPhoto(photo=id, organisation=one.organisation, room=room)
    return Decision(facts=(PhotoGiven(photo=photo, activity=one.id, member=member),), effects=(fetch,))


def kept_photo(photo: Photo, *, data: bytes, small: bytes, width: int, height: int) -> Decision:
    """Put a photo that was fetched into its album; the card counts it."""
    kept = PhotoKept(photo=photo.id, activity=photo.activity, data=data, small=small, width=width, height=height)
    return Decision(facts=(kept,), effects=(Renew(sort=Sort.ACTIVITY, id=photo.activity),))


def put_photos(
    one: Activity,
    held: Sequence[Photo],
    written: Sequence[Written],
    *,
    member: MemberId | None,
    caption: str,
    agreed: bool,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Put photos into an album by hand; who does it says that everybody who can be known on them has ``agreed``.

    ``member`` is who did it, where they are on the roster: they may take them out again like any that they gave.
    """
    if not one.gathers or one.state is State.CANCELLED:
        return refused("activity.has_no_album", title=one.title)
    if not written:
        return refused("activity.no_files", field="photos")
    if len(written) > MOST_AT_ONCE:
        return refused("activity.too_many_files", field="photos", most=MOST_AT_ONCE)
    if not agreed:
        return refused("activity.not_agreed", field="agreed")
    if len(caption) > LONGEST_NOTE:
        return refused("activity.long", field="caption", most=LONGEST_NOTE)
    if len(held) + len(written) > MOST_PHOTOS:
        return refused("activity.full_album", field="photos", most=MOST_PHOTOS)
    facts: list[Fact] = []
    for number, each in enumerate(written):
        id = derive(one.id, "photo", cause, number)  # noqa: A001
        room = one.room or RoomId("")
        event = EventId(f"form:{id}")
        photo = Photo(id=id, activity=one.id, member=member, event=event, room=room, at=now, caption=caption)
        facts.append(PhotoGiven(photo=photo, activity=one.id, member=member))
        facts.append(
            PhotoKept(
                photo=id,
                activity=one.id,
                data=each.data,
                small=each.small,
                width=each.width,
                height=each.height,
            )
        )
    return Decision(facts=tuple(facts), effects=renewed(one))


def unreadable_photo(photo: Photo, user: UserId | None) -> Decision:
    """Let go of a photo that is none, and tell who gave it."""
    told = (Tell(user=user, words=words("activity.photo_unreadable")),) if user is not None else ()
    return Decision(facts=(PhotoTakenBack(photo=photo.id, activity=photo.activity),), effects=told)


def take_back_photo(photo: Photo) -> Decision:
    """Take a photo out of its album: its own giver, whoever removed its message, or an organiser."""
    gone = PhotoTakenBack(photo=photo.id, activity=photo.activity)
    return Decision(facts=(gone,), effects=(Renew(sort=Sort.ACTIVITY, id=photo.activity),))


def _of_note(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def give_note(one: Activity, text: str, *, member: MemberId, event: EventId, now: datetime) -> Decision | Refusal:
    """Take what a member wrote about an activity in answer to its card."""
    said = _of_note(text)
    if not may_gather(one, now):
        return refused("activity.gathers_no_more", title=one.title)
    if not said:
        return refused("activity.how_to_note")
    if len(said) > LONGEST_NOTE:
        return refused("activity.long", most=LONGEST_NOTE)
    note = Note(id=derive(one.id, "note", event), activity=one.id, member=member, event=event, at=now, text=said)
    return Decision(facts=(NoteGiven(note=note, activity=one.id, member=member),))


def change_note(one: Activity, note: Note, text: str, *, by: UserId, now: datetime) -> Decision | Refusal:
    """Let what a member wrote say what its message was changed to; once nothing is taken any more it stands."""
    given = give_note(one, text, member=note.member, event=note.event, now=now)
    if isinstance(given, Refusal):
        return refused("activity.note_stands") if not may_gather(one, now) or not text.strip() else given
    told = Tell(user=by, words=words("activity.note_changed", title=one.title))
    fresh = NoteGiven(note=replace(note, text=_of_note(text)), activity=one.id, member=note.member)
    return Decision(facts=(NoteTakenBack(note=note.id, activity=one.id), fresh), effects=(told,))


def take_back_note(note: Note) -> Decision:
    """Take what somebody wrote out of the album."""
    return Decision(facts=(NoteTakenBack(note=note.id, activity=note.activity),))


def message_of(
    one: Activity, category: Words, sheet: Sheet | None, names: Mapping[UserId, str], photos: int
) -> tuple[Words, ...]:
    """Return what the card of an activity says, line by line."""
    lines = [words("activity.head", category=(category,), title=one.title)]
    if one.state is State.CANCELLED:
        return (*lines, words("activity.cancelled"))
    lines.append(words("activity.when", begins=one.begins_at, minutes=one.minutes))
    if one.place:
        lines.append(words("activity.where", place=one.place))
    if one.about:
        lines.append(words("activity.about", text=one.about))
    if sheet is not None:
        lines += [words("sign_up.head", title=one.title), *asks_of(sheet.sign_up), *list_of(sheet, names)]
    if one.state is State.HELD:
        lines.append(words("activity.held"))
    if one.gathers:
        lines.append(words("activity.gathers"))
        lines.append(words("activity.photos", n=photos))
    return tuple(lines)


def sign_up_for(one: Activity, *, id: SignUpId, closes_at: datetime, places: int | None) -> SignUp | None:  # noqa: A002
    """Return the sign-up of an activity, shown in its card."""
    if one.room is None:
        return None
    return SignUp(
        id=id,
        organisation=one.organisation,
        room=one.room,
        title=one.title,
        closes_at=closes_at,
        places=places,
        activity=one.id,
    )


class Sum(Struct, frozen=True, kw_only=True):
    """What was held of one sort in a year: how often, how many came as far as they were counted, how many photos."""

    category: str
    times: int
    people: int
    photos: int


def summed(held: Iterable[Activity], photos: Mapping[ActivityId, int]) -> tuple[Sum, ...]:
    """Return the sums of a year by sort, in the order of the sorts; photos may be none, and nothing follows from it."""
    found = [one for one in held if one.state is State.HELD]
    times = Counter(one.category for one in found)
    order = {kind: place for place, kind in enumerate(Kind)}
    return tuple(
        Sum(
            category=category,
            times=times[category],
            people=sum(one.people or 0 for one in found if one.category == category),
            photos=sum(photos.get(one.id, 0) for one in found if one.category == category),
        )
        for category in sorted(times, key=lambda one: (order.get(one, len(order)), one))  # type: ignore[call-overload]
    )
