"""Calendars to subscribe to: an address shown once, read without signing in, holding titles only, and revoked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from content.identifiers import LessonId, UserId
from content.lectures import Lecture, Session
from content.lessons import Kind, Lesson, LessonWritten
from content.organisations import Duty, DutyEnded, DutyGranted, Role
from content.schedules import LessonsScheduled, materialise
from storage import feeds
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY, put
from tests.schedules_once import once


def made(house: House, browser: Browser, **fields: str) -> str:
    """Make an address and return its path."""
    wanted = {"sort": "room", "place": house.seeded.organisations["one"]} | fields
    page = browser.post("/calendar/feeds", browser.marks("/calendar/feeds") | wanted).get_data(as_text=True)
    found = re.search(r'value="https?://[^/"]+(/feeds/[^"]+\.ics)"', page)
    assert found is not None
    return found[1]


def test_an_address_is_read_by_whoever_has_it_and_names_no_one(house: House, browser: Browser) -> None:
    path = made(house, browser)
    answer = house.browser(None).get(path)
    text = answer.get_data(as_text=True).replace("\r\n ", "")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert "SUMMARY:十一月主题党日" in text
    assert "SUMMARY:邻队的一课" not in text
    assert not any(name in text for name in house.seeded.members)
    assert path.rsplit("/", 1)[1] not in browser.get("/calendar/feeds").get_data(as_text=True)
    assert house.browser(None).get("/feeds/unknown.ics").status_code == 404


def test_one_s_own_calendar_follows_where_one_stands(house: House, browser: Browser) -> None:
    text = house.browser(None).get(made(house, browser, sort="person")).get_data(as_text=True)
    assert "十一月主题党日" in text.replace("\r\n ", "")


def test_a_revoked_address_and_one_of_somebody_who_left_lead_nowhere(house: House, browser: Browser) -> None:
    path = made(house, browser)
    (own,) = house.run(house.store.read(lambda unit: feeds.of_person(unit, SECRETARY)))
    other = UserId("@viewer:example.org")
    duty = Duty(user=other, organisation=house.seeded.organisations["one"], role=Role.VIEWER)
    house.run(put(house.store, "viewer", DutyGranted(duty=duty)))
    theirs = house.browser(other)
    assert theirs.post(f"/calendar/feeds/{own.hash}/revoke", theirs.marks("/")).status_code == 404
    second = made(house, theirs)
    assert house.browser(None).get(second).status_code == 200
    house.run(put(house.store, "no viewer", DutyEnded(duty=duty)))
    assert house.browser(None).get(second).status_code == 404
    gone = browser.post(f"/calendar/feeds/{own.hash}/revoke", browser.marks("/"))
    assert "done=feed_revoked" in gone.headers["Location"]
    assert house.browser(None).get(path).status_code == 404


def test_who_stands_only_below_reads_their_own_place_and_not_what_lies_beside_it(house: House) -> None:
    other, places = UserId("@viewer:example.org"), house.seeded.organisations
    high, low = (Duty(user=other, organisation=places[name], role=Role.VIEWER) for name in ("general", "two"))
    house.run(put(house.store, "two duties", DutyGranted(duty=high), DutyGranted(duty=low)))
    path = made(house, house.browser(other), place=places["general"])
    assert "十一月主题党日" in house.browser(None).get(path).get_data(as_text=True)
    house.run(put(house.store, "one duty", DutyEnded(duty=high)))
    answer = house.browser(None).get(path)
    assert answer.status_code == 200
    assert "十一月主题党日" not in answer.get_data(as_text=True)


def test_the_week_shows_its_seven_days_and_each_series_its_colour(house: House, browser: Browser) -> None:
    page = browser.get("/calendar?view=week&week=2026-11-26").get_data(as_text=True)
    shown = re.findall(r'data-date="([0-9-]+)"', page)
    assert shown == [f"2026-11-{day}" for day in range(23, 30)]
    assert re.search(r'class="entry series-[0-5] planned"', page)
    assert browser.get("/calendar?view=week&week=2026-02-31").status_code == 400


def test_a_lecture_is_at_its_own_hours_before_it_opens_and_a_session_says_which_it_is(
    house: House, browser: Browser
) -> None:
    place = house.seeded.organisations["one"]
    hours = [NOW + timedelta(days=2), NOW + timedelta(days=3)]
    lesson = Lesson(
        id=LessonId("to come"),
        owner=place,
        kind=Kind.LECTURE,
        title="读懂党章",
        body="- 总纲",
        minutes=90,
        lecture=Lecture(speaker="陈老师", sessions=tuple(Session(begins=at, place="二楼") for at in hours)),
    )
    rule, planned = once(lesson.id, place, NOW + timedelta(days=1))
    shift, _ = once(house.seeded.lessons["law"], place, NOW + timedelta(days=1))
    shift = replace(shift, sessions=(timedelta(hours=20),))
    house.run(
        put(
            house.store,
            "to come",
            LessonWritten(lesson=lesson, author=SECRETARY),
            LessonsScheduled(schedule=rule, planned=(planned,), author=SECRETARY),
            LessonsScheduled(schedule=shift, planned=materialise(shift), author=SECRETARY),
        )
    )
    text = house.browser(None).get(made(house, browser)).get_data(as_text=True).replace("\r\n ", "")
    said = re.findall("DTSTART:([^\r]*)\r\nDTEND:([^\r]*)\r\nSUMMARY:([^\r]*)", text)

    def stamp(at: datetime) -> str:
        return at.strftime("%Y%m%dT%H%M%SZ")

    for number, at in enumerate(hours, start=1):
        assert (stamp(at), stamp(at + timedelta(minutes=90)), f"读懂党章 · 第 {number} 场") in said
    assert [title for _, _, title in said if title.startswith("读懂党章")] == [
        "读懂党章 · 第 1 场",
        "读懂党章 · 第 2 场",
    ]
    assert {"宪法第一课 · 第 1 场", "宪法第一课 · 第 2 场"} <= {title for _, _, title in said}
    assert "陈老师" not in text
