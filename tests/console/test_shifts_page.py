"""Shifts at the desk: who arranges a place sets how its groups take turns, and everybody below reads it."""

from __future__ import annotations

from datetime import date

from content.shifts import Plan
from storage import members, shifts
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER

PATH = "/calendar/shifts"
PATTERN = {
    "since": "2026-11-23",
    "turns": "白 08:00-20:00\n夜 20:00-08:00",
    "groups": "甲 白 夜 休 休\n乙 休 休 白 夜",
}


def plan(house: House, short: str) -> Plan:
    return house.run(house.store.read(lambda unit: shifts.plan_at(unit, house.seeded.organisations[short])))


def test_a_pattern_is_set_shown_inherited_and_taken_back(house: House, browser: Browser) -> None:
    general, one = house.seeded.organisations["general"], house.seeded.organisations["one"]
    assert "还没有人倒班" in browser.get(f"{PATH}?org={general}").get_data(as_text=True)
    assert "/calendar/shifts" not in browser.get("/calendar").get_data(as_text=True)
    answer = browser.post(f"{PATH}/{general}", PATTERN, form_at=f"{PATH}?org={general}")
    assert answer.status_code == 303
    assert [found.since for found in plan(house, "one").patterns] == [date(2026, 11, 23)]
    assert "/calendar/shifts" in browser.get("/calendar").get_data(as_text=True)
    below = browser.get(f"{PATH}?org={one}").get_data(as_text=True)
    assert "按检修党总支的来" in below
    assert "08:00–20:00" in below
    assert 'value="2026-11-23"' in below, (
        "what holds is shown with its own first day, so that saving it changes nothing"
    )
    bare = browser.post(f"{PATH}/{general}/drop", {"since": "2026-11-23"}, form_at=f"{PATH}?org={general}")
    assert "done=shifts_dropped" in bare.headers["Location"]
    assert plan(house, "one").patterns == ()


def test_what_cannot_be_read_stays_in_the_form_and_a_viewer_only_reads(house: House, browser: Browser) -> None:
    general = house.seeded.organisations["general"]
    answer = browser.post(f"{PATH}/{general}", PATTERN | {"groups": "甲 白 晚"}, form_at=f"{PATH}?org={general}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "第 1 行看不懂：“甲 白 晚”" in page
    assert "白 08:00-20:00" in page
    viewer = house.browser(VIEWER)
    assert viewer.post(f"{PATH}/{general}", PATTERN, form_at="/").status_code in (403, 404)
    assert plan(house, "general").patterns == ()


def test_a_shift_is_in_the_entry_and_in_the_sheet_that_is_filed(house: House, browser: Browser) -> None:
    roots = [house.seeded.organisations["one"]]
    found = house.run(house.store.read(lambda unit: members.roster(unit, roots)))
    before = browser.get("/members/export/simple.csv").get_data(as_text=True)
    assert "倒班" not in before
    path = f"/members/{found[0].id}/edit"
    look = browser.post(path, {"name": found[0].name, "organisation": found[0].organisation, "shift": " 甲 "})
    assert "甲" in look.get_data(as_text=True)
    fields = {"name": found[0].name, "organisation": found[0].organisation, "shift": "甲", "yes": "yes"}
    assert browser.post(path, browser.marks(path) | fields | _mark(look.get_data(as_text=True))).status_code == 303
    known = house.run(house.store.read(lambda unit: members.member(unit, found[0].id)))
    assert known is not None
    assert known.shift == "甲"
    head, *rows = browser.get("/members/export/simple.csv").get_data(as_text=True).splitlines()
    assert head.endswith('"倒班"')
    assert [row for row in rows if row.endswith('"甲"')] == [row for row in rows if f'"{found[0].name}"' in row]


def _mark(page: str) -> dict[str, str]:
    return {"mark": page.split('name="mark" value="', 1)[1].split('"', 1)[0]}
