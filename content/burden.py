"""The burden meter: what is asked of members in their rooms, the caps on it, and the next day that is free."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.decision import Refusal, Words, refused, words
from content.quiet import Hush

QUIET_FROM, QUIET_UNTIL = 21, 8
"""Between these hours a room should hear nothing: nine in the evening is quiet, eight in the morning is not."""

LOOKED_AHEAD = 92
"""How many days are looked through for one that is free."""

NEAR = 2
"""So many posts below the cap of a month one is told that it is near."""


class Cap(StrEnum):
    """What is capped, for each room: posts a day and a month, and minutes that they ask of a member in a month."""

    DAY = "posts_day"
    MONTH = "posts_month"
    MINUTES = "minutes_month"


class Caps(Struct, frozen=True, kw_only=True):
    """The most that an organisation wants of each; nothing that was sent is ever taken back for them."""

    day: int
    month: int
    minutes: int

    def of(self, cap: Cap) -> int:
        """Return one of them."""
        return {Cap.DAY: self.day, Cap.MONTH: self.month, Cap.MINUTES: self.minutes}[cap]


class Asked(Struct, frozen=True, kw_only=True, order=True):
    """One post in a room, sent or planned: on which local day it is heard, and how many minutes it asks for."""

    on: date
    minutes: int = 0


class Room(Struct, frozen=True, kw_only=True):
    """What a room has been and is to be asked, and the caps there; rooms that are alike in both are one."""

    caps: Caps
    asked: tuple[Asked, ...] = ()

    def after(self, more: Asked) -> Room:
        """Return the room as it is once it was asked for more."""
        return Room(caps=self.caps, asked=(*self.asked, more))


class Offer(Struct, frozen=True, kw_only=True):
    """Which other days may be offered for what would be too much: ``at`` is the instant whose hour it keeps.

    What announces something is of no use once that ``begins``. Nothing is offered for a day of rest. Where it can only
    be asked for ``again``, because no day can be chosen for it, that is said.
    """

    hush: Hush
    at: datetime
    begins: datetime | None = None
    again: bool = False

    def heard_on(self, day: date) -> date | None:
        """Return on which day something is heard that is put on a day, ``None`` where it cannot be put there."""
        zone = ZoneInfo(self.hush.quiet.timezone)
        at = datetime.combine(day, self.at.astimezone(zone).time(), zone).astimezone(UTC)
        if self.hush.rests(day) or (self.begins is not None and self.hush.free(at) >= self.begins):
            return None
        return self.hush.heard_on(at)


def exceeded(asked: Collection[Asked], wanted: Asked, caps: Caps) -> Cap | None:
    """Return the cap that one more post would exceed, the narrowest first; a post alone may ask for any minutes."""
    same_month = [one for one in asked if _month(one.on) == _month(wanted.on)]
    if sum(one.on == wanted.on for one in asked) >= caps.day:
        return Cap.DAY
    if len(same_month) >= caps.month:
        return Cap.MONTH
    if same_month and sum(one.minutes for one in same_month) + wanted.minutes > caps.minutes:
        return Cap.MINUTES
    return None


def next_free(rooms: Collection[Room], wanted: Asked, *, offer: Offer | None = None) -> date | None:
    """Return the first later day on which no room would be asked too much, ``None`` where there is none soon.

    It is free itself, and so is that on which the room hears what is put there at the same hour.
    """

    def is_free(day: date) -> bool:
        heard = offer.heard_on(day) if offer is not None else day
        moved = [] if heard is None else [Asked(on=on, minutes=wanted.minutes) for on in {day, heard}]
        return bool(moved) and not any(exceeded(room.asked, one, room.caps) for room in rooms for one in moved)

    return next(filter(is_free, (wanted.on + timedelta(days=ahead) for ahead in range(1, LOOKED_AHEAD + 1))), None)


def near(rooms: Iterable[Room], planned: Sequence[Asked]) -> Near | None:
    """Return the first month in which what is planned comes near to a room's cap, where it is not above it."""
    for room in rooms:
        for month in sorted({_month(one.on) for one in planned}):
            number = sum(_month(one.on) == month for one in (*room.asked, *planned))
            if number >= room.caps.month - NEAR:
                return Near(number=number, most=room.caps.month, month=date(*month, 1))
    return None


def refuse_too_much(
    rooms: Iterable[Room],
    planned: Iterable[Asked],
    *,
    field: str = "date",
    offer: Offer | None = None,
) -> Refusal | None:
    """Refuse to plan above a cap of any room that would be reached, and say which later day is free.

    What is planned counts too: each is judged after those before it.
    """
    rooms = list(rooms)
    for wanted in planned:
        for room in rooms:
            cap = exceeded(room.asked, wanted, room.caps)
            if cap is not None:
                return _refusal(cap, room, wanted, next_free(rooms, wanted, offer=offer), field, offer)
        rooms = [room.after(wanted) for room in rooms]
    return None


def above(rooms: Iterable[Room], planned: Iterable[Asked]) -> tuple[bool, ...]:
    """Tell of each of what is planned whether it is above a cap of any room; what is takes no place from the others."""
    rooms, found = list(rooms), list[bool]()
    for wanted in planned:
        found.append(any(exceeded(room.asked, wanted, room.caps) for room in rooms))
        rooms = rooms if found[-1] else [room.after(wanted) for room in rooms]
    return tuple(found)


def _refusal(cap: Cap, room: Room, wanted: Asked, free: date | None, field: str, offer: Offer | None) -> Refusal:
    if free is None:
        said = f"burden.before_{cap}" if offer is not None and offer.begins is not None else f"burden.full_{cap}"
    elif offer is not None and offer.hush.guesses(offer.heard_on(free) or free):
        said = f"burden.perhaps_{cap}" if offer.again else f"burden.unlisted_{cap}"
    else:
        said = f"burden.again_{cap}" if offer is not None and offer.again else f"burden.over_{cap}"
    values: dict[str, str | int] = {"day": wanted.on.isoformat(), "most": room.caps.of(cap)}
    if free is not None:
        values["free"] = free.isoformat()
    if said.startswith(("burden.unlisted_", "burden.perhaps_")) and offer is not None and free is not None:
        values["year"] = str((offer.heard_on(free) or free).year)
    return refused(said, field=field, **values)


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


class Near(Struct, frozen=True, kw_only=True):
    """So many posts a month's room would have, close to the most that its organisation wants."""

    number: int
    most: int
    month: date


class Meter(Struct, frozen=True, kw_only=True):
    """What one room was asked in a month, and what more is planned in it.

    ``posts`` are all that the bot began there: cards, polls, results and news; ``asks`` those that want something of a
    member. ``mentions`` of the whole room are none, because nothing here makes any; ``at_night`` are posts in the quiet
    hours.
    """

    posts: int = 0
    planned: int = 0
    asks: int = 0
    minutes: int = 0
    at_night: int = 0
    mentions: int = 0


SAVED = (
    *("appraisal", "attendance", "ballot", "branches", "calendar", "dues", "duties", "election", "hours", "minutes"),
    *("participation", "pledges", "poll", "quarter", "roll", "roster", "selection", "survey", "year"),
)
"""What somebody would else have filled in by hand: how the names of such tables and documents begin.

The logs, the outbox, the bank of questions and the meter itself are none.
"""


class Document(Struct, frozen=True, kw_only=True, order=True):
    """A table or a document that was made from the records: of which sort, for which place, on which local day."""

    what: str
    place: str
    on: date


def saved(documents: Iterable[Document]) -> int:
    """Return how many forms nobody had to fill in: the same for the same place and day is one, in any format."""
    return len({one for one in documents if one.what.startswith(SAVED)})


def line(meter: Meter, caps: Caps, forms: int) -> Words:
    """Return a month in one line, for a digest; ``forms`` are those that nobody had to fill in."""
    return words(
        "burden.line",
        posts=meter.posts,
        most=caps.month,
        asks=meter.asks,
        minutes=meter.minutes,
        at_night=meter.at_night,
        forms=forms,
    )


def is_near(meter: Meter, caps: Caps) -> bool:
    """Tell whether a month's posts, sent and planned, come near to the cap."""
    return meter.posts + meter.planned >= caps.month - NEAR


def is_quiet(local: datetime) -> bool:
    """Tell whether a local time lies in the quiet hours."""
    return local.hour >= QUIET_FROM or local.hour < QUIET_UNTIL


def caps_from(values: Mapping[str, str]) -> Caps:
    """Read caps from what holds at an organisation."""
    return Caps(day=int(values[Cap.DAY]), month=int(values[Cap.MONTH]), minutes=int(values[Cap.MINUTES]))
