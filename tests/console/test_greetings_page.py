"""What whoever comes in is told is set place by place, by who moderates there."""

from __future__ import annotations

from storage import greetings
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER


def ways(house: House) -> list[tuple[str, str]]:
    rows = house.run(house.store.read(lambda unit: unit.rows(greetings.greetings.select())))
    return [(row.organisation_id, row.way) for row in rows]


def test_a_place_says_a_word_of_welcome_and_with_empty_fields_nothing(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["one"]
    fields = {"place": place, "text": "欢迎", "rules": "不刷屏\n不转广告", "way": "room"}
    browser.post("/greetings", fields, form_at="/greetings")
    assert ways(house) == [(place, "room")]
    assert "不转广告" in browser.get(f"/greetings?place={place}").get_data(as_text=True)
    browser.post("/greetings", {**fields, "text": "", "rules": ""}, form_at="/greetings")
    assert ways(house) == []


def test_only_who_moderates_there_sets_it(house: House, browser: Browser) -> None:
    fields = {"place": house.seeded.organisations["far"], "text": "x", "rules": "", "way": "room"}
    assert browser.post("/greetings", fields, form_at="/greetings").status_code == 404
    assert house.browser(VIEWER).get("/greetings").status_code == 403
