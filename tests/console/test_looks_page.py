"""Each look of another person at one's record is noted once an hour, told to whom it was about, and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from console.fresh import is_marked
from console.looks import FILES, PAGES
from content.identifiers import MemberId, UserId
from content.looks import MANY
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from storage import holdings, looks, outbox
from storage.retention import Swept
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY
from tests.console.strict_house import enter, equip, strict
from tests.console.test_audit_page import main_of

WHITE, BOSS = UserId("@m1:example.org"), UserId("@boss:example.org")

COUNTS = {
    *("participation.export_places", "participation.export_weeks", "participation.export_times", "polls.export"),
    *("polls.picture", "burden.export", "reports.export", "surveys.export", "calendar.export", "duties.export"),
    *("bank.export", "bank.export_gift", "bank.export_zip", "glossary.export"),
    *("checkins.export_branches", "participation.export_occurrences"),
    *("looks.show", "imports.show", "moderation_counts.export", "help_cases.show", "help_cases.ledger"),
    *("pledges.show", "pledges.export"),
}
"""Files in which nobody is named but who holds a duty, or sees openly to a pledge."""


def seen(house: House) -> list[tuple[Any, ...]]:
    """Return every look, in order."""
    rows = house.run(house.store.read(lambda unit: unit.rows(looks.looks.select().order_by("number"))))
    return [(row.user_id, row.member_id, row.what, row.people) for row in rows]


def lead(house: House, user: UserId, where: str) -> None:
    """Give somebody a part of the tree to lead."""
    duty = Duty(user=user, organisation=house.seeded.organisations[where], role=Role.SECRETARY)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))


def told(house: House, user: UserId) -> list[str]:
    """Return what somebody is told in private."""
    query = outbox.outbox.select().where(outbox.outbox.c.user_id == user)
    return [row.words["key"] for row in house.run(house.store.read(lambda unit: unit.rows(query)))]


def white(house: House) -> MemberId:
    return MemberId(house.seeded.members["白云"])


def test_a_page_about_one_person_is_one_look_an_hour(house: House, browser: Browser) -> None:
    """S64."""
    path = f"/participation/members/{white(house)}"
    for _ in range(3):
        assert browser.get(path).status_code == 200
    assert seen(house) == [(SECRETARY, white(house), "participation", 1)]
    browser.get(f"/check-ins/{house.seeded.occurrences['closed']}/members/{white(house)}")
    for _ in range(2):
        house.clock.forward(timedelta(minutes=35))
        browser.get(path)
    assert [look[2] for look in seen(house)] == ["participation", "record", "participation"]
    assert "查看了个人资料" in main_of(browser, "/record")


def test_what_was_not_shown_is_no_look(house: House) -> None:
    far = house.browser(NEIGHBOUR)
    assert far.get(f"/participation/members/{white(house)}").status_code == 404
    assert far.get("/participation/members").status_code == 200
    assert seen(house) == []


def test_nobody_is_told_of_their_own_look_and_each_of_the_others(house: House, browser: Browser) -> None:
    lead(house, WHITE, "one")
    own = house.browser(WHITE)
    assert own.get(f"/participation/members/{white(house)}").status_code == 200
    assert seen(house) == []
    assert "近一年没有别人看过" in main_of(own, "/looked")
    browser.get(f"/participation/members/{white(house)}")
    browser.get("/participation/export/members.csv")
    page = main_of(own, "/looked")
    assert page.count(SECRETARY) == 2
    assert "参与情况的导出表" in page
    assert "不在花名册上" in main_of(browser, "/looked")


def test_ones_own_data_says_who_looked_alone_or_in_a_file_of_all(house: House, browser: Browser) -> None:
    browser.get(f"/participation/members/{white(house)}")
    browser.get("/participation/export/rows.csv")
    sections = house.run(house.store.read(lambda unit: holdings.collect(unit, WHITE)))
    (held,) = [section for section in sections if section.name == "looks"]
    assert [row["user_id"] for row in held.rows] == [SECRETARY, SECRETARY]
    other = house.run(house.store.read(lambda unit: holdings.collect(unit, NEIGHBOUR)))
    assert [len(section.rows) for section in other if section.name == "looks"] == [0]


def test_more_than_fifty_people_within_an_hour_are_told_of_above(house: House, browser: Browser) -> None:
    at = house.seeded.organisations["one"]
    people = [Member(id=MemberId(f"m{n}"), organisation=at, name=f"众{n}", category="正式党员") for n in range(MANY)]
    crowd = [MemberEnrolled(member=one) for one in people]
    house.run(house.store.settle(notes=crowd))
    lead(house, BOSS, "general")
    browser.get("/participation/export/members.csv")
    assert told(house, BOSS) == ["looks.many"]
    browser.get(f"/participation/members/{white(house)}")
    assert told(house, BOSS) == ["looks.many"]


def test_looks_are_forgotten_after_a_year(house: House, browser: Browser) -> None:
    browser.get(f"/participation/members/{white(house)}")
    house.clock.forward(timedelta(days=367))
    house.run(house.store.settle(notes=[Swept(at=house.clock.now)]))
    assert seen(house) == []


def test_what_cannot_be_noted_is_not_shown(house: House, browser: Browser, monkeypatch: Any) -> None:
    """Who looked must be known, or nobody looks."""

    async def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(looks, "leading", broken)
    assert browser.get(f"/participation/members/{white(house)}").status_code == 500
    assert seen(house) == []


def test_every_page_that_names_one_person_is_noted(house: House) -> None:
    """A page that is added cannot be forgotten."""
    found = {
        rule.endpoint: rule.arguments
        for rule in house.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and ("/members/<id>" in rule.rule or "<member>" in rule.rule)
    }
    assert set(PAGES) == set(found)
    for endpoint, (parts, _) in PAGES.items():
        assert set(parts) <= found[endpoint], endpoint
    files = {
        rule.endpoint
        for rule in house.app.url_map.iter_rules()
        if rule.endpoint.partition(".")[2].startswith("export") or rule.endpoint == "members.text"
    }
    # Lists that name people ask for the second factor anew where they leave.
    files |= {name for name, view in house.app.view_functions.items() if is_marked(view) and name.endswith(".show")}
    files.add("policies.show_one")
    files -= {"credentials.show", "proving.show"}
    assert set(FILES) == files - COUNTS


def test_a_page_that_asks_for_a_proof_first_is_no_look(house: House) -> None:
    house = strict(house)
    equip(house)
    browser = enter(house)
    house.clock.forward(timedelta(minutes=6))
    assert "请确认是您本人" in browser.get("/members/text").get_data(as_text=True)
    assert seen(house) == []
