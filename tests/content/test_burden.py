"""The caps on what a room is asked: never exceeded by what was accepted, and the day offered is the next free."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from content.burden import (
    LOOKED_AHEAD,
    Asked,
    Cap,
    Caps,
    Document,
    Meter,
    Near,
    Offer,
    Room,
    exceeded,
    is_near,
    is_quiet,
    line,
    near,
    next_free,
    refuse_too_much,
    saved,
)
from content.quiet import Hush, Quiet, QuietDays
from content.workdays import calendar

CALM = Hush(quiet=Quiet(timezone="Asia/Shanghai", since=21, until=8, days=QuietDays.REST), known=calendar())
FIRST = date(2026, 7, 20)
days = st.integers(0, 45).map(lambda ahead: FIRST + timedelta(days=ahead))
posts = st.builds(Asked, on=days, minutes=st.integers(0, 120))
caps = st.builds(Caps, day=st.integers(1, 3), month=st.integers(1, 8), minutes=st.integers(1, 300))
some_rooms = st.lists(st.builds(Room, caps=caps, asked=st.lists(posts, max_size=12).map(tuple)), min_size=1, max_size=4)


@given(some_rooms, posts)
def test_the_day_offered_is_free_in_every_room_and_no_earlier_one_is(rooms: list[Room], wanted: Asked) -> None:
    found = next_free(rooms, wanted)
    last = found or wanted.on + timedelta(days=LOOKED_AHEAD + 1)
    for ahead in range(1, (last - wanted.on).days):
        moved = Asked(on=wanted.on + timedelta(days=ahead), minutes=wanted.minutes)
        assert any(exceeded(room.asked, moved, room.caps) for room in rooms)
    if found is not None:
        assert refuse_too_much(rooms, [Asked(on=found, minutes=wanted.minutes)]) is None


@given(caps, st.lists(posts, max_size=20))
def test_what_is_accepted_one_by_one_never_exceeds_a_cap(caps: Caps, wanted: list[Asked]) -> None:
    asked: tuple[Asked, ...] = ()
    for one in wanted:
        if refuse_too_much([Room(caps=caps, asked=asked)], [one]) is None:
            asked = (*asked, one)
    for month in {(one.on.year, one.on.month) for one in asked}:
        inside = [one for one in asked if (one.on.year, one.on.month) == month]
        assert len(inside) <= caps.month
        assert len(inside) == 1 or sum(one.minutes for one in inside) <= caps.minutes
    assert all(sum(one.on == day for one in asked) <= caps.day for day in {one.on for one in asked})


@given(some_rooms, st.lists(posts, min_size=1, max_size=6))
def test_a_rule_is_refused_exactly_when_one_of_its_dates_would_be(rooms: list[Room], wanted: list[Asked]) -> None:
    together = refuse_too_much(rooms, wanted)
    at, refused_at = rooms, False
    for one in wanted:
        refused_at = refused_at or refuse_too_much(at, [one]) is not None
        at = [Room(caps=room.caps, asked=(*room.asked, one)) for room in at]
    assert (together is not None) == refused_at


def test_the_third_post_of_a_day_is_refused_with_the_next_day() -> None:
    friday = date(2026, 7, 24)
    room = Room(caps=Caps(day=2, month=10, minutes=240), asked=(Asked(on=friday), Asked(on=friday)))
    refusal = refuse_too_much([room], [Asked(on=friday)])
    assert refusal is not None
    assert refusal.words.key == f"burden.over_{Cap.DAY}"
    assert refusal.words.parameters == {"day": "2026-07-24", "most": 2, "free": "2026-07-25"}


def evening(day: int, month: int = 12) -> datetime:
    """Return ten in the evening of a day in Shanghai."""
    return datetime(2026, month, day, 14, tzinfo=UTC)


def offered(on: date, *, begins: datetime | None = None, again: bool = False) -> tuple[str, object]:
    """Return what is said, and which day is offered, where a day is full for what falls due at ten the evening before.

    The second of December is full as well.
    """
    asked = (Asked(on=on), Asked(on=date(2026, 12, 2)))
    room = Room(caps=Caps(day=1, month=10, minutes=240), asked=asked)
    offer = Offer(hush=CALM, at=evening(30, 11), begins=begins, again=again)
    refusal = refuse_too_much([room], [Asked(on=on)], offer=offer)
    assert refusal is not None
    return refusal.words.key, refusal.words.parameters.get("free")


def test_the_day_offered_is_free_itself_and_when_the_room_hears_what_is_put_there_at_night() -> None:
    full = date(2026, 11, 30)
    # The first is free, but what is put on its evening is heard on the second.
    assert offered(full) == ("burden.over_posts_day", "2026-12-03")
    assert offered(full, again=True) == ("burden.again_posts_day", "2026-12-03")
    # On the third it is heard at eight on the fourth, a Friday: of use before nine, and none before eight.
    at_nine = datetime(2026, 12, 4, 1, tzinfo=UTC)
    assert offered(full, begins=at_nine) == ("burden.over_posts_day", "2026-12-03")
    assert offered(full, begins=at_nine - timedelta(hours=1)) == ("burden.before_posts_day", None)
    # Friday evening is heard on Monday; what is free is a working day too.
    assert offered(date(2026, 12, 3)) == ("burden.over_posts_day", "2026-12-04")
    assert offered(date(2026, 12, 4)) == ("burden.over_posts_day", "2026-12-07")


def test_of_a_year_without_a_list_it_is_said_that_the_free_day_may_be_one_of_rest() -> None:
    for again, said in ((False, "burden.unlisted_posts_day"), (True, "burden.perhaps_posts_day")):
        assert offered(date(2026, 12, 31), again=again) == (said, "2027-01-01")
    room = Room(caps=Caps(day=1, month=1, minutes=240), asked=(Asked(on=date(2026, 12, 31)),))
    none = Hush(quiet=Quiet(timezone="Asia/Shanghai", since=21, until=8), known=calendar())
    for hush, keys in ((CALM, {"day", "most", "free", "year"}), (none, {"day", "most", "free"})):
        refusal = refuse_too_much([room], [Asked(on=date(2026, 12, 31))], offer=Offer(hush=hush, at=evening(30)))
        assert refusal is not None
        assert set(refusal.words.parameters) == keys, "where no day is quiet none can turn out to be"


def test_one_is_told_from_two_below_the_cap_on() -> None:
    caps = Caps(day=2, month=10, minutes=240)
    assert not is_near(Meter(posts=7), caps)
    assert is_near(Meter(posts=7, planned=1), caps)


def test_nine_in_the_evening_is_quiet_and_eight_in_the_morning_is_not() -> None:
    at = [datetime(2026, 7, 24, hour, 59) for hour in (20, 21, 7, 8)]  # noqa: DTZ001 - local by meaning
    assert [is_quiet(one) for one in at] == [False, True, True, False]


def test_what_is_planned_is_said_to_be_near_the_cap_from_two_below_it_on() -> None:
    caps = Caps(day=2, month=4, minutes=240)
    room = Room(caps=caps, asked=(Asked(on=FIRST),))
    assert near([room], []) is None
    assert near([room], [Asked(on=FIRST + timedelta(days=1))]) == Near(number=2, most=4, month=date(2026, 7, 1))
    assert near([room], [Asked(on=date(2026, 8, 3))]) is None


def test_a_form_is_saved_once_for_its_place_and_day_whatever_it_was_taken_as_and_a_log_is_none() -> None:
    one = Document(what="quarter", place="east", on=FIRST)
    taken = [
        one,
        one,
        Document(what="quarter", place="west", on=FIRST),
        Document(what="record", place="east", on=FIRST),
    ]
    assert saved(taken) == 2
    assert saved([*taken, Document(what="roster_filed", place="east", on=FIRST)]) == 3
    assert saved([Document(what="burden", place="east", on=FIRST)]) == 0


def test_a_month_in_one_line_has_the_meter_s_own_numbers() -> None:
    meter = Meter(posts=8, asks=5, minutes=40, at_night=1)
    said = line(meter, Caps(day=2, month=10, minutes=240), 3)
    assert said.parameters == {"posts": 8, "most": 10, "asks": 5, "minutes": 40, "at_night": 1, "forms": 3}
