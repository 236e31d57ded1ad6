"""The calendar and the pages beside it show a meeting when it is held, and its notice as what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.clock import opening
from console.access import digest
from content.identifiers import OccurrenceId, OrganisationId
from content.occurrences import Occurrence, State
from storage import digests, organisations, schedules
from storage.unit import Reading
from tests.console.announced_lecture import announce_lecture
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY, link_for
from tests.console.open_meeting import call_meeting

TITLE = "支部党员大会（far meeting）"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def entry_of(page: str, title: str) -> str:
    """Return what the calendar says of a title, with the day above it."""
    days = page.split('<section class="agenda"')[1:]
    (day,) = (day for day in days if title in day)
    heading = text_of(day.partition("</h2>")[0].partition("<h2")[2].partition(">")[2])
    (entry,) = (one for one in day.split("<li>") if title in one)
    return f"{heading} | {text_of(entry)}"


def listed(house: House, id: OccurrenceId) -> Occurrence:
    entry = house.run(house.store.read(lambda unit: schedules.entry(unit, id)))
    assert entry is not None
    return entry.occurrence


def section(page: str, id: str) -> str:
    return text_of(page.partition(f'id="{id}"')[2].partition("</section>")[0])


@pytest.fixture
def meeting(house: House) -> OccurrenceId:
    """Call a meeting in six days whose notice has gone out."""
    return call_meeting(house, "far meeting", ahead=timedelta(days=6))


def test_a_meeting_of_which_people_were_told_stands_where_it_is_held(
    house: House, browser: Browser, meeting: OccurrenceId
) -> None:
    assert listed(house, meeting).state is State.OPEN
    held = listed(house, meeting).begins_at
    assert held is not None
    page = browser.get("/calendar").get_data(as_text=True)
    local = held + timedelta(hours=8)
    said = entry_of(page, TITLE)
    assert said.startswith(f"{local.month}月{local.day}日"), said
    assert f"{local:%H:%M} {TITLE}" in said
    assert "已通知" in said
    assert "进行中" not in said
    home = browser.get("/").get_data(as_text=True)
    assert TITLE in section(home, "coming")
    assert TITLE not in section(home, "open"), "it has not begun"
    assert "已通知" in text_of(browser.get("/check-ins").get_data(as_text=True))
    one = text_of(browser.get(f"/check-ins/{meeting}").get_data(as_text=True))
    assert "已通知" in one
    house.run(house.store.settle(notes=[link_for(SECRETARY, "later", digest("later"), lasts=timedelta(days=8))]))
    house.clock.forward(timedelta(days=6))
    browser = house.browser(None)
    browser.sign_in("later")
    home = browser.get("/").get_data(as_text=True)
    assert TITLE in section(home, "open")
    assert TITLE not in section(home, "coming")
    assert "进行中" in entry_of(browser.get("/calendar").get_data(as_text=True), TITLE)


def test_a_meeting_is_found_by_the_week_in_which_it_is_held_and_leaves_with_that_time(
    browser: Browser, meeting: OccurrenceId
) -> None:
    noticed, held = (f"/calendar?view=week&week={NOW + timedelta(days=days):%Y-%m-%d}" for days in (0, 6))
    assert TITLE in browser.get(held).get_data(as_text=True)
    assert TITLE not in browser.get(noticed).get_data(as_text=True)
    rows = browser.get("/calendar/export.csv").get_data(as_text=True).splitlines()
    (row,) = (row for row in rows if TITLE in row)
    assert row.startswith('"2026-11-30","09:00"'), row
    assert "已通知" in row


def test_before_the_notice_goes_out_the_meeting_stands_with_the_time_of_its_notice(
    house: House, browser: Browser
) -> None:
    answer = browser.post(
        "/meetings/new",
        browser.marks("/meetings/new")
        | {
            "organisation": house.seeded.organisations["one"],
            "form": "assembly",
            "title": TITLE,
            "agenda": "讨论",
            "date": "2026-12-10",
            "time": "15:00",
            "length": "90",
            "place": "二楼会议室",
            "notice_date": "2026-12-03",
            "notice_time": "09:30",
            "intent": "call",
        },
    )
    found = re.search(r"/meetings/(\w+)\?", answer.headers["Location"])
    assert found is not None, text_of(answer.get_data(as_text=True))
    page = browser.get("/calendar").get_data(as_text=True)
    said = entry_of(page, TITLE)
    assert said.startswith("12月10日"), said
    assert f"15:00 {TITLE}" in said
    assert "09:30发通知" in said
    entry = next(one for one in page.split("<a ") if TITLE in one)
    assert "data-move" not in entry, "dragged, its notice would move and not the meeting"
    path = f"/calendar/{found[1]}/move"
    refused = browser.post(path, browser.marks(path) | {"date": "2026-12-10", "time": "15:30"}, follow=True)
    assert "12月10日" in text_of(refused.get_data(as_text=True))
    assert listed(house, OccurrenceId(found[1])).due_at.isoformat() == "2026-12-03T01:30:00+00:00"


def test_a_lecture_has_no_way_to_a_meeting_that_is_none(house: House, browser: Browser) -> None:
    lecture = house.run(announce_lecture(house.store, house.seeded))
    house.run(house.store.settle([opening(lecture, NOW)]))
    page = browser.get(f"/check-ins/{lecture}").get_data(as_text=True)
    assert f'href="/meetings/{lecture}"' not in page
    assert f'href="/lectures/{lecture}"' in page


@pytest.mark.parametrize("sort", list(digests.Sort))
def test_the_digest_tells_of_a_meeting_when_it_is_held(house: House, meeting: OccurrenceId, sort: digests.Sort) -> None:
    def told(place: OrganisationId) -> Callable[[Reading], object]:
        async def look(unit: Reading) -> object:
            node = await organisations.organisation(unit, place)
            assert node is not None
            return (await digests.digest(unit, node, sort, NOW.date())).planned

        return look

    planned = house.run(house.store.read(told(house.seeded.organisations["one"])))
    assert (listed(house, meeting).begins_at, TITLE) in planned


def days_of(page: str, title: str) -> list[str]:
    """Return each day on which the list has a title, with what stands before and after it there."""
    found = []
    for day in page.split('<section class="agenda"')[1:]:
        heading = text_of(day.partition("</h2>")[0].partition("<h2")[2].partition(">")[2]).partition(" ")[0]
        found += [f"{heading} {text_of(entry)}" for entry in day.split("<li>") if title in entry]
    return found


def test_each_session_of_a_meeting_stands_on_its_own_day_also_where_the_first_is_over(
    house: House, browser: Browser
) -> None:
    call_meeting(house, "far meeting", ahead=timedelta(days=4), later=timedelta(days=3))
    first, second = days_of(browser.get("/calendar").get_data(as_text=True), TITLE)
    assert first.startswith("11月28日")
    assert "第 1 场" in first
    assert second.startswith("12月1日")
    assert "第 2 场" in second
    week = browser.get("/calendar?week=2026-12-01&view=week").get_data(as_text=True)
    assert week.count(TITLE) == 1, "the first was in the week before"
    assert "第 2 场" in week
    rows = browser.get("/calendar/export.csv?month=2026-12").get_data(as_text=True).splitlines()
    assert [row for row in rows if TITLE in row] == [
        f'"2026-12-01","09:00","{TITLE} · 第 2 场","检修车间第一党支部","已通知"'
    ]


def test_a_lecture_that_was_announced_stands_at_both_of_its_hours(house: House, browser: Browser) -> None:
    lecture = house.run(announce_lecture(house.store, house.seeded))
    house.run(house.store.settle([opening(lecture, NOW)]))
    said = days_of(browser.get("/calendar").get_data(as_text=True), "读懂党章")
    assert [one.partition(" ")[0] for one in said] == ["11月26日", "11月27日"]
    assert ["第 1 场" in said[0], "第 2 场" in said[1]] == [True, True]
