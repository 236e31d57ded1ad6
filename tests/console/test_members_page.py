"""The roster is shown by name a page at a time, and a code for a chat account is shown once."""

from __future__ import annotations

import hashlib
import re

import pytest

from storage import members
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NAMES


def test_a_code_is_shown_once_and_only_its_hash_is_kept(house: House, browser: Browser) -> None:
    id = house.seeded.members["丁一"]
    marks = browser.marks("/members")
    page = browser.post(f"/members/{id}/code", marks).get_data(as_text=True)
    ((first, last),) = re.findall(r"绑定 ([0-9A-Z]{5})-([0-9A-Z]{5})<", page)
    code = first + last
    assert not set(code) & set("01IO")
    hash = hashlib.sha256(code.encode()).hexdigest()
    known = house.run(house.store.read(lambda unit: members.invitation(unit, hash)))
    assert known.member == id
    again = browser.post(f"/members/{id}/code", marks)
    assert "done=repeated" in again.headers["Location"]
    assert f"{first}-{last}" not in browser.get("/members").get_data(as_text=True)


def test_who_has_an_account_gets_no_code(house: House, browser: Browser) -> None:
    answer = browser.post(f"/members/{house.seeded.members['白云']}/code", browser.marks("/members"))
    assert answer.status_code == 409


def test_the_roster_is_paged_by_name_without_gaps_or_repeats(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.members.PAGE_SIZE", 3)
    path, seen = "/members", []
    for _ in range(5):
        page = browser.get(path).get_data(as_text=True)
        seen += re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        path = following[1].replace("&amp;", "&")
    assert seen == sorted(NAMES)
