"""A policy room is looked at on the console; only who moderates there sees it, and one person alone holds to none."""

from __future__ import annotations

from content.identifiers import EventId, RoomId, UserId, derive
from content.organisations import Role
from storage import policies
from storage.rooms import StateSeen
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


def test_a_list_says_how_many_rules_are_passed_over_and_who_says_a_rule_that_means_somebody(
    house: House, browser: Browser
) -> None:
    room, spam, keeper = RoomId("!one"), UserId("@spam:bad.example"), UserId("@keeper:lists.example")
    said = [
        ("m.policy.rule.user", "1", {"entity": spam, "recommendation": "m.ban", "reason": "广告"}),
        ("m.policy.rule.user", "2", {"entity": spam, "recommendation": "org.example.warn"}),
        ("m.policy.rule.user", "3", {}),
        ("m.policy.rule.user", "4", {"entity": "*", "recommendation": "m.ban"}),
    ]
    seen = [
        StateSeen(room=where, type=kind, state_key=key, sender=by, event_id=EventId(f"$r{key}"), content=content)
        for where, by, kind, key, content in (
            *((RoomId("!bans-one"), keeper, *rule) for rule in said),
            (room, spam, "m.room.member", spam, {"membership": "join"}),
        )
    ]
    house.run(house.store.settle(notes=seen))
    page = browser.get(f"/policies/{derive('seed policy', 'one')}").get_data(as_text=True)
    assert "由 @keeper:lists.example 列入" in page
    assert "另有 2 条没有照办" in page
    assert "广告" in page
