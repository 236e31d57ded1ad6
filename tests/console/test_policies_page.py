"""A policy room is looked at on the console; only who moderates there sees it, and one person alone holds to none."""

from __future__ import annotations

from content.identifiers import derive
from content.organisations import Role
from storage import policies
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER
from tests.console.forms_on_pages import forms_of
from tests.console.strict_house import grant
from tests.console.test_cases_page import OTHER


def state(house: House) -> str:
    rows = house.run(house.store.read(lambda unit: unit.rows(policies.policy_lists.select())))
    return next(row.state for row in rows if row.id == derive("seed policy", "one"))


def test_a_list_is_added_by_its_address_and_looked_at(house: House, browser: Browser) -> None:
    fields = {"address": "#bans:example.org", "place": house.seeded.organisations["one"]}
    done = browser.post("/policies", fields, form_at="/policies")
    assert "机器人正在进那个群" in browser.get(done.headers["Location"]).get_data(as_text=True)
    wrong = browser.post("/policies", {**fields, "address": "bans"}, form_at="/policies")
    assert wrong.status_code == 422
    again = browser.post("/policies", fields, form_at="/policies")
    assert again.status_code == 422


def test_a_form_that_is_refused_keeps_the_address_and_the_place(house: House, browser: Browser) -> None:
    (form,) = [one for one in forms_of(browser.get("/policies").get_data(as_text=True)) if one.filled]
    place = next(one for one in form.fields if one.name == "place").choices[-1]
    fields = {"address": "bans<b>", "place": place}
    said = browser.post("/policies", fields, form_at="/policies").get_data(as_text=True)
    (again,) = [one for one in forms_of(said) if one.filled]
    assert {one.name: one.value for one in again.filled} == fields


def test_it_takes_a_second_person_to_hold_to_a_list(house: House, browser: Browser) -> None:
    at = f"/policies/{derive('seed policy', 'one')}"
    grant(house, OTHER, Role.DISCIPLINE_MEMBER, "one")
    browser.post(f"{at}/apply", {}, form_at=at)
    assert state(house) == "wanted"
    assert browser.post(f"{at}/apply", {}, form_at=at).status_code == 409
    house.browser(OTHER).post(f"{at}/apply", {}, form_at=at)
    assert state(house) == "applied"
    browser.post(f"{at}/end", {}, form_at=at)
    assert state(house) == "ended"


def test_only_who_moderates_there_sees_a_list(house: House, browser: Browser) -> None:
    assert house.browser(VIEWER).get("/policies").status_code == 403
    assert browser.get(f"/policies/{derive('seed policy', 'far')}").status_code == 404
