"""One search over everything that whoever asks may see, and over nothing else."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest

from console.pages.search import KINDS
from content.identifiers import UserId
from content.organisations import RIGHTS, Duty, DutyGranted, Right, Role
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER
from tests.console.test_schedule_page import form, planned

WORDS = (
    "一",
    "邻",
    "白",
    "安",
    "党支部",
    "推荐",
    "群",
    "a",
    "队",
    "课",
    "定在",
    "白云",
    "xlsx",
    "调",
    "年度",
    "意见",
    "党",
)
RIGHTS_OF = {
    "members": Right.READ_MEMBERS,
    "rooms": Right.MANAGE_ROOMS,
    "edits": Right.IMPORT_ROSTER,
    "audit": Right.RECORD,
    "series": Right.SCHEDULE,
    "surveys": Right.SCHEDULE,
    "bank": Right.SCHEDULE,
}
"""What takes more than to read."""

ELSEWHERE = {
    "appraisals.show_one": "as the secret ballot, or the election on paper, that it is",
    "meetings.show_one": "as the check-in that its notice is, whose page leads to it",
    "policies.show_one": "in the list of policy rooms alone, which are no matter of who reads",
    "help_cases.show_one": "in the queue alone: what somebody needs help with is for who handles it",
    "cleanings.show_one": "in the list of cleanings alone, as cases are",
    "locks.show_one": "as the room that it is, and in the list of rooms to whoever moderates there",
    "cases.show_one": "in the list of cases alone: whom a case is about is for who moderates there",
    "complaints.show_one": "in the queue alone: about whom somebody complained is for who moderates there",
    "guards.show_one": "as the organisation or the room whose guards they are",
    "imports.show_one": "among the changes to the roster, by the sheet's name",
    "glossary.show_one": "in the list of entries, which more people may see than the form",
    "unheard.show_one": "has no name: what could not be heard is not kept in words",
}
"""Pages of one thing to which no search leads, and where the thing is found."""


def found(browser: Browser, word: str, place: str = "") -> set[tuple[str, str]]:
    """Return the kinds and addresses of what a search shows."""
    page = browser.get(f"/search?q={quote(word)}&org={place}")
    assert page.status_code == 200
    parts = re.split(r'aria-labelledby="found-(\w+)"', page.get_data(as_text=True))
    return {
        (noun, link.split("?")[0])
        for noun, part in zip(parts[1::2], parts[2::2], strict=True)
        for link in re.findall(r'<li><a href="([^"]+)"', part.split("</section>")[0])
    }


def test_a_word_of_two_characters_finds_everything_that_has_it_in_its_name(house: House) -> None:
    seeded, browser = house.seeded, house.browser()
    assert ("members", f"/members/{seeded.members['白云']}") in found(browser, "白云")
    assert ("lessons", f"/lessons/{seeded.lessons['law']}") in found(browser, "宪法")
    assert ("checkins", f"/check-ins/{seeded.occurrences['closed']}") in found(browser, "安全")
    assert ("ballots", f"/ballots/{seeded.ballots['fixed']}") in found(browser, "推荐")
    assert ("polls", f"/polls/{seeded.polls['open'].id}") in found(browser, "主题")
    assert ("structure", f"/organisation/{seeded.organisations['one']}") in found(browser, "第一党支部")
    assert ("elections", f"/elections/{seeded.elections['one']}") in found(browser, "委员会选举")
    assert ("surveys", f"/surveys/{seeded.surveys['one']}") in found(browser, "意见征求")
    assert ("selections", f"/model-members/{seeded.selections['public']}") in found(browser, "先锋岗")
    assert ("bank", f"/bank/{seeded.items['one']}") in found(browser, "根本宗旨")
    assert ("glossary", "/glossary") in found(browser, "三会一课")


def test_a_series_is_found_by_each_lesson_that_it_teaches(house: House) -> None:
    browser, lessons = house.browser(), house.seeded.lessons
    wanted = form(house, when="weekly", lessons=[lessons["law"], lessons["safety"]])
    assert browser.post("/schedule", wanted).status_code == 303
    id = planned(house)[0].schedule
    for word in ("宪法", "作业安全"):
        assert ("series", f"/calendar/series/{id}") in found(browser, word)
    assert "宪法第一课、作业安全四步法" in browser.get("/search?q=宪法").get_data(as_text=True)
    assert "series" not in {noun for noun, _ in found(house.browser(VIEWER), "宪法")}


def test_every_page_of_one_thing_is_found_or_says_where_it_is(house: House) -> None:
    """A kind of thing that is added cannot be forgotten."""
    pages = {rule.endpoint for rule in house.app.url_map.iter_rules() if rule.endpoint.endswith(".show_one")}
    assert pages == {kind.page for kind in KINDS if kind.page.endswith(".show_one")} | set(ELSEWHERE)


def test_what_is_found_leads_to_a_page_that_opens(house: House) -> None:
    browser, seen = house.browser(), set()
    for word in ("一", "年度", "白云", "意见", "根本"):
        page = browser.get(f"/search?q={quote(word)}").get_data(as_text=True)
        for address in re.findall(r'<li><a href="([^"]+)"', page.split("<main")[1]):
            seen.add(address.split("/")[1].split("?")[0])
            assert browser.get(html.unescape(address)).status_code == 200, address
    assert seen >= {"members", "lessons", "check-ins", "surveys", "bank", "glossary", "model-members", "organisation"}


def test_a_change_is_found_by_its_reason_and_the_record_by_a_whole_name(house: House) -> None:
    browser, member = house.browser(), house.seeded.members["白云"]
    browser.post(f"/members/{member}/leave", {"reason": "调往外地工作"})
    assert {noun for noun, _ in found(browser, "外地")} == {"edits"}
    assert "audit" in {noun for noun, _ in found(browser, "白云")}
    assert "audit" not in {noun for noun, _ in found(browser, "白")}
    neighbour = house.browser(NEIGHBOUR)
    assert found(neighbour, "外地") == set()
    assert found(neighbour, "白云") == set()


def test_what_has_no_match_and_what_is_a_pattern_find_nothing(house: House) -> None:
    browser = house.browser()
    for word in ("没有这样的", "%", "_", "'", "<b>"):
        assert found(browser, word) == set()
    page = browser.get("/search?q=%3Cb%3E").get_data(as_text=True)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize("role", [*Role])
def test_no_role_finds_what_lies_outside_its_place_or_its_rights(house: House, role: Role) -> None:
    """S18, S19: what a secretary finds at that place, less the kinds for which the role has no right."""
    place, user = house.seeded.organisations["one"], UserId(f"@{role.value}:example.org")
    house.run(house.store.settle(notes=[DutyGranted(duty=Duty(user=user, organisation=place, role=role))]))
    theirs, secretary = house.browser(user), house.browser()
    allowed = {kind.noun for kind in KINDS if RIGHTS_OF.get(kind.noun, Right.READ) in RIGHTS[role]}
    for word in WORDS:
        expected = {(noun, link) for noun, link in found(secretary, word, place) if noun in allowed}
        assert found(theirs, word) == expected, word
        assert not any("far" in link or str(house.seeded.members["安邻"]) in link for _, link in found(theirs, word))
