"""Who plans into quiet hours is told so before anything is planned, and until when it waits; then a press means it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from content.burden import Cap
from content.settings import QUIET_DAYS, QUIET_HOURS, SettingChosen
from storage import burden, organisations, schedules
from storage.unit import Reading
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, put
from tests.console.test_meetings_page import form as meeting
from tests.console.test_meetings_page import made
from tests.console.test_schedule_page import allow, form, planned
from tests.console.test_sign_ups_page import form as sign_up
from tests.console.test_taking_back import entry, take_back

MORNING = "11月30日（周一）08:00"


@pytest.fixture(autouse=True)
def quiet(house: House) -> None:
    general = house.seeded.organisations["general"]
    for name, value in ((QUIET_HOURS, "21-8"), (QUIET_DAYS, "rest")):
        house.run(put(house.store, name, SettingChosen(organisation=general, name=name, value=value)))
    allow(house, Cap.DAY, 9)


def told(page: str) -> str:
    """Return the mark with which a form says what its writer was told."""
    found = re.search('name="told" value="([^"]+)"', page)
    return found[1] if found is not None else ""


def twice(browser: Browser, path: str, fields: dict[str, Any]) -> tuple[Any, Any]:
    """Send a form, and once more with what it came back with."""
    first = browser.post(path, fields)
    return first, browser.post(path, fields | {"told": told(first.text)})


def test_a_schedule_is_planned_once_its_writer_knows_until_when_it_waits(house: House, browser: Browser) -> None:
    first, second = twice(browser, "/schedule", form(house, time="23:00"))
    assert first.status_code == 422
    assert 'id="time-error"' in first.text
    assert MORNING in first.text
    assert second.status_code == 303
    assert len(planned(house)) == 1
    assert browser.post("/schedule", form(house, date="2026-11-26")).status_code == 303, "by day nothing is asked"
    # Who has looked has been told already; another time is another matter.
    looked = browser.post("/schedule", form(house, date="2026-12-01", time="22:00", intent="look"))
    assert looked.status_code == 200
    known = {"told": told(looked.text), "again": "yes"}
    assert browser.post("/schedule", form(house, date="2026-12-02", time="22:00", **known)).status_code == 422
    assert browser.post("/schedule", form(house, date="2026-12-01", time="22:30", **known)).status_code == 303
    urgent = form(house, date="2026-12-03", time="22:00", urgent="防汛")
    assert browser.post("/schedule", urgent).status_code == 303, "what is urgent waits for nothing"


def test_no_day_of_rest_is_offered_as_free_but_for_what_is_urgent(house: House, browser: Browser) -> None:
    allow(house, Cap.DAY, 1)
    assert browser.post("/schedule", form(house)).status_code == 303
    branch = house.seeded.organisations["one"]
    for urgent, free in (("", "2026-11-30"), ("防汛", "2026-11-28")):
        lesson = form(house, time="16:00", again="yes", urgent=urgent)
        assert f"最近的空闲日是 {free}" in browser.post("/schedule", lesson).text
        notice = meeting(house, organisation=branch, notice_date="2026-11-27", notice_time="09:00", urgent=urgent)
        assert f"最近的空闲日是 {free}" in browser.post("/meetings/new", notice).text


def heard(house: House) -> list[str]:
    """Return the days of December on which the first branch hears something, as the caps count them."""

    async def look(unit: Reading) -> list[str]:
        day = date(2026, 12, 1)
        (room,) = await burden.rooms(unit, house.seeded.organisations["one"], since=day, until=day)
        return [one.on.isoformat() for one in room.asked if one.on >= day]

    return house.run(house.store.read(look))


def test_a_post_counts_on_the_day_on_which_the_room_hears_it(house: House, browser: Browser) -> None:
    allow(house, Cap.DAY, 2)
    _, night = twice(browser, "/schedule", form(house, date="2026-12-01", time="22:00"))
    assert night.status_code == 303
    assert browser.post("/schedule", form(house, date="2026-12-02", time="09:00")).status_code == 303
    assert heard(house) == ["2026-12-02", "2026-12-02"]
    # A third is refused on the second, whether planned for it or for the evening before; the first is free.
    branch = house.seeded.organisations["one"]
    notice = meeting(house, organisation=branch, date="2026-12-09", notice_date="2026-12-01", notice_time="21:00")
    for path, fields in (
        ("/schedule", form(house, date="2026-12-02", time="10:00")),
        ("/schedule", form(house, date="2026-12-01", time="22:30")),
        ("/meetings/new", notice),
    ):
        refused = browser.post(path, fields).text
        assert "2026-12-02 群里已满 2 条，这是每天的上限。最近的空闲日是 2026-12-03" in refused
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    moved = {"date": "2026-12-01", "time": "23:00"}
    known = browser.marks(path) | {"told": told(browser.post(path, moved, form_at=path).text)}
    assert "2026-12-02 群里已满" in browser.post(path, known | moved).text
    for hour in ("09:00", "10:00"):
        assert browser.post("/schedule", form(house, date="2026-12-01", time=hour)).status_code == 303
    # Nor is an evening refused because its day is full: the room hears it on the next.
    _, evening = twice(browser, "/schedule", form(house, date="2026-12-02", time="21:00"))
    assert evening.status_code == 303
    # The free day, pressed at the same hour, brings no other refusal than until when it waits.
    taken = form(house, date="2026-12-01", time="22:30", free_day="2026-12-03")
    first, second = twice(browser, "/schedule", taken)
    assert ("上限" in first.text, "12月4日（周五）08:00" in first.text) == (False, True)
    assert second.status_code == 303
    assert heard(house) == ["2026-12-01", "2026-12-01", "2026-12-02", "2026-12-02", "2026-12-03", "2026-12-04"]


def test_a_series_moved_into_the_evening_is_weighed_on_the_mornings_on_which_it_is_heard(
    house: House, browser: Browser
) -> None:
    allow(house, Cap.DAY, 1)
    assert browser.post("/schedule", form(house, date="2026-12-09", time="09:00")).status_code == 303
    weekly = form(house, date="2026-12-01", when="weekly", weekdays=["1"], count="2", again="yes")
    assert browser.post("/schedule", weekly).status_code == 303
    first = next(one.occurrence.id for one in planned(house) if one.local_date == date(2026, 12, 1))
    wanted = {"date": "2026-12-01", "time": "21:30", "window": "1440", "late": "720", "scope": "following"}
    assert "2026-12-09 群里已满 1 条" in browser.post(f"/calendar/{first}/move", wanted).text


def test_what_is_planned_into_the_last_evening_of_a_month_counts_in_the_next(house: House, browser: Browser) -> None:
    before = metered(house, 11), metered(house, 12)
    _, night = twice(browser, "/schedule", form(house, date="2026-11-30", time="22:00"))
    assert night.status_code == 303
    assert (metered(house, 11), metered(house, 12)) == (before[0], before[1] + 1)
    assert browser.post("/schedule", form(house, date="2026-11-30", time="22:30", urgent="防汛")).status_code == 303
    assert (metered(house, 11), metered(house, 12)) == (before[0] + 1, before[1] + 1), "what is urgent is heard at once"


def metered(house: House, month: int) -> int:
    """Return how many posts are planned for the first branch in a month, as the burden page counts them."""

    async def look(unit: Reading) -> int:
        general, one = (house.seeded.organisations[name] for name in ("general", "one"))
        nodes = await organisations.tree(unit, [general])
        first = date(2026, month, 1)
        found = await burden.meters(unit, nodes, since=first, until=first + timedelta(days=29))
        return found[one].planned

    return house.run(house.store.read(look))


def test_a_sign_up_that_waits_counts_from_the_start_on_the_day_on_which_it_is_heard(
    house: House, browser: Browser
) -> None:
    general, one = (house.seeded.organisations[name] for name in ("general", "one"))
    until_seven = SettingChosen(organisation=general, name=QUIET_HOURS, value="8-7")
    house.run(put(house.store, "until seven", until_seven))
    allow(house, Cap.DAY, 1)
    assert browser.post("/sign-ups/new", sign_up()).status_code == 303

    async def look(unit: Reading) -> list[str]:
        (room,) = await burden.rooms(unit, one, since=NOW.date(), until=NOW.date())
        return [each.on.isoformat() for each in room.asked]

    # What was planned for the 26th is heard on the next morning too.
    assert house.run(house.store.read(look))[-2:] == ["2026-11-25", "2026-11-27"]
    again = browser.post("/sign-ups/new", sign_up(title="周日登山")).text
    # Asked for on the 26th it would be heard on the 27th, and then comes a weekend: it is said when to try again.
    assert "2026-11-25 群里已满 1 条，这是每天的上限。2026-11-30 有空，请到那天再发起。" in again
    assert "2026-11-25 群里已满" in browser.post("/schedule", form(house, date="2026-11-25", time="07:30")).text


def test_a_rule_says_how_many_of_its_dates_wait(house: House, browser: Browser) -> None:
    weekly = form(house, when="weekly", weekdays=["4", "5", "6"], count="6")
    first, second = twice(browser, "/schedule", weekly)
    assert re.search("其中 4 次在安静时间里", first.text)
    assert second.status_code == 303


def test_a_meeting_is_called_once_it_is_known_when_its_notice_goes_out(house: House, browser: Browser) -> None:
    night = meeting(house, notice_date="2026-11-27", notice_time="22:00")
    looked = browser.post("/meetings/new", night | {"intent": "look"})
    assert looked.status_code == 200
    assert "等到<time" in looked.text
    assert MORNING in looked.text
    first, second = twice(browser, "/meetings/new", night)
    assert (first.status_code, 'id="notice_date-error"' in first.text) == (422, True)
    assert second.status_code == 303
    # Held until it has begun, it would be of no use, however often that is pressed; a reason lets it out.
    late = meeting(house, title="急会", date="2026-11-30", time="07:30", notice_date="2026-11-28", notice_time="09:00")
    for answer in (browser.post("/meetings/new", late | {"intent": "look"}), *twice(browser, "/meetings/new", late)):
        assert (answer.status_code, "那时会议已经开始" in answer.text) == (422, True)
    called = made(browser.post("/meetings/new", late | {"urgent": "防汛"}))
    notice = house.run(house.store.read(lambda unit: schedules.entry(unit, called)))
    assert notice is not None
    assert notice.occurrence.urgent
    path = f"/calendar/{made(second)}/move"
    moved = browser.post(path, {"date": "2026-12-01", "time": "07:00"}, form_at=path)
    assert moved.status_code == 422
    known = browser.marks(path) | {"date": "2026-12-01", "time": "07:00", "told": told(moved.text)}
    assert browser.post(path, known).status_code == 303, "it is told at eight, and held at three"


def test_what_is_moved_says_so_too_and_goes_back_without_a_question(house: House, browser: Browser) -> None:
    path, fields = f"/calendar/{house.seeded.occurrences['planned']}/move", {"date": "2026-12-01", "time": "22:00"}
    first = browser.post(path, fields)
    assert (first.status_code, 'id="time-error"' in first.text) == (422, True)
    assert "12月2日（周三）08:00" in first.text
    assert 'name="time" type="time" value="22:00"' in first.text, "what was typed stays"
    known = browser.marks(path) | {"told": told(first.text)}
    assert browser.post(path, known | fields).status_code == 303
    moved = browser.post(path, {"date": "2026-12-03", "time": "15:00"})
    take_back(browser, moved)
    assert entry(house).occurrence.due_at == datetime.fromisoformat("2026-12-01T22:00+08:00")


def test_what_lies_at_the_end_of_time_is_refused_as_too_far(house: House, browser: Browser) -> None:
    far = {"date": "9999-12-31", "time": "23:59"}
    notice = {"notice_date": "9999-12-31", "notice_time": "23:59"}
    second = {"date_2": "9999-12-31", "time_2": "23:59"}
    last_day = {"date": "9999-12-30", "time": "10:00"} | second
    for more in (notice, notice | {"title": ""}, notice | {"date": "x"}, notice | far, last_day):
        assert browser.post("/meetings/new", meeting(house, **more)).status_code == 422, more
    assert browser.post("/schedule", form(house, **far)).status_code == 422
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    assert browser.post(path, far).status_code == 409


def test_a_series_shows_what_would_wait_before_it_is_changed(house: House, browser: Browser) -> None:
    assert browser.post("/schedule", form(house, when="weekly", weekdays=["1"], count="2")).status_code == 303
    first = planned(house)[0].occurrence.id
    wanted = {"date": "2026-12-01", "time": "21:30", "window": "1440", "late": "720", "scope": "following"}
    page = browser.post(f"/calendar/{first}/move", wanted).text
    assert page.count("在安静时间里，等到") == 2


def test_what_may_be_late_until_its_day_ends_may_be_so_where_it_is_moved_to(house: House, browser: Browser) -> None:
    assert browser.post("/schedule", form(house, late="day")).status_code == 303
    (one,) = planned(house)
    path = f"/calendar/{one.occurrence.id}/move"
    assert '<option value="day" selected>' in browser.get(path).text
    assert browser.post(path, {"date": "2026-12-01", "time": "10:00"}).status_code == 303
    (one,) = planned(house)
    assert one.occurrence.late == timedelta(hours=14)
    # Nine hours that somebody has said stay nine, though they end with the day too.
    assert browser.post("/schedule", form(house, date="2026-12-02", late="540")).status_code == 303
    nine = planned(house)[-1]
    path = f"/calendar/{nine.occurrence.id}/move"
    assert '<option value="540" selected>' in browser.get(path).text
    assert browser.post(path, {"date": "2026-12-03", "time": "10:00"}).status_code == 303
    assert planned(house)[-1].occurrence.late == timedelta(hours=9)
