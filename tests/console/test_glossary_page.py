"""The glossary at the desk: written with source and date, found by any two signs, changed, withdrawn and taken away."""

from __future__ import annotations

import pytest

from content.identifiers import OrganisationId, UserId
from content.organisations import Duty, DutyGranted, Role
from tests.console.console_house import Browser, House
from tests.console.test_audit_page import main_of


@pytest.fixture
def place(house: House) -> OrganisationId:
    return house.seeded.organisations["one"]


def form(browser: Browser, place: OrganisationId, **more: str) -> dict[str, str]:
    usual = {"organisation": place, "term": "主题党日", "also": "党日", "text": "每月一天。", "source": "条例"}
    return {**browser.marks("/glossary/new"), **usual, "dated": "2026-07-01", **more}


def test_an_entry_is_written_found_changed_and_withdrawn(browser: Browser, place: OrganisationId) -> None:
    page = browser.post("/glossary/new", form(browser, place)).headers["Location"].split("?")[0]
    for wanted in ("党日", "每月", "月"):
        assert "主题党日" in main_of(browser, f"/glossary?q={wanted}")
    assert "没有这样的词条" in main_of(browser, "/glossary?q=奖金")
    assert browser.post(page, form(browser, place, text="每月相对固定一天。", revision="1")).status_code == 303
    assert browser.post(page, form(browser, place, revision="1")).status_code == 422
    assert "相对固定" in browser.get("/glossary/export.csv").get_data(as_text=True)
    assert browser.post(f"{page}/withdraw", browser.marks(page)).status_code == 303
    assert "主题党日" not in main_of(browser, "/glossary")
    assert browser.post(f"{page}/restore", browser.marks(page)).status_code == 303
    assert "主题党日" in main_of(browser, "/glossary")
    assert "写了百科词条" in main_of(browser, "/record")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"term": ""}, "词要有字"),
        ({"text": ""}, "解释要有字"),
        ({"source": ""}, "请写出处"),
        ({"dated": ""}, "请写日期"),
        ({"term": "「三会一课」"}, "已经有词条了"),
    ],
)
def test_an_entry_without_source_date_or_words_comes_back(
    browser: Browser, place: OrganisationId, change: dict[str, str], why: str
) -> None:
    answer = browser.post("/glossary/new", form(browser, place, **change))
    assert (answer.status_code, why in answer.get_data(as_text=True)) == (422, True)


def test_who_may_read_sees_entries_and_changes_none(house: House) -> None:
    viewer = UserId("@looker:example.org")
    duty = Duty(user=viewer, organisation=house.seeded.organisations["one"], role=Role.VIEWER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    browser = house.browser(viewer)
    assert "三会一课" in browser.get("/glossary").get_data(as_text=True)
    for path in ("/glossary/new", f"/glossary/{house.seeded.entries['one']}"):
        assert browser.get(path).status_code == 403
