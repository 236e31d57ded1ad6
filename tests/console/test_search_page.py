"""One search over everything that whoever asks may see, and over nothing else."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from content.identifiers import UserId
from content.organisations import RIGHTS, Duty, DutyGranted, Right, Role
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR

NOUNS = ("members", "lessons", "checkins", "polls", "ballots", "structure", "rooms", "edits", "audit")
WORDS = ("一", "邻", "白", "安", "党支部", "推荐", "群", "a", "队", "课", "定在", "白云", "xlsx", "调")


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
    rights = {
        "members": Right.READ_MEMBERS,
        "rooms": Right.MANAGE_ROOMS,
        "edits": Right.IMPORT_ROSTER,
        "audit": Right.RECORD,
    }
    allowed = {noun for noun in NOUNS if rights.get(noun, Right.READ) in RIGHTS[role]}
    for word in WORDS:
        expected = {(noun, link) for noun, link in found(secretary, word, place) if noun in allowed}
        assert found(theirs, word) == expected, word
        assert not any("far" in link or str(house.seeded.members["安邻"]) in link for _, link in found(theirs, word))
