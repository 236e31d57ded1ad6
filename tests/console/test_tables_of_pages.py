"""Record, outbox, duties and calendar leave in every form, with the rows of the screen and with no others."""

from __future__ import annotations

import pytest

from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER, put
from tests.console.test_audit_page import granted, main_of
from tests.console.test_exports_page import ask, fetch, make
from tests.console.test_exports_page import long as long
from tests.console.test_participation_page import from_csv, from_docx, from_xlsx, shown
from tests.console.test_reports_page import lines

PAGES = {
    "record": ("/record?person=白云", "/record/export.{}?person=白云", "记录", 4),
    "outbox": ("/outbox?tab=sent", "/outbox/export.{}?tab=sent", "已发", 2),
    "failed": ("/outbox?tab=failed", "/outbox/export.{}?tab=failed", "失败", 2),
    "duties": ("/duties", "/duties/export.{}", "现任", 1),
}
"""Where each stands: the screen, its file, the table's caption, and how many of its first columns are alike in both."""


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a table be as long as it may be elsewhere."""
    monkeypatch.setattr("console.tables.LONG", 2_000)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", PAGES)
def test_every_form_holds_the_rows_of_the_screen_in_their_order(browser: Browser, name: str) -> None:
    screen, file, caption, alike = PAGES[name]
    rows = shown(browser.get(screen).get_data(as_text=True), caption)[1:]
    assert rows
    written = from_csv(browser.get(file.format("csv")).data)
    assert len(written) == len(rows) + 1
    for seen, row in zip(rows, written[1:], strict=True):
        for cell, value in zip(seen[:alike], row[:alike], strict=True):
            assert " ".join(cell.split()).startswith(value.split(" · ")[0]), (cell, value)
    assert from_xlsx(browser.get(file.format("xlsx")).data, len(written[0]))[: len(written)] == written
    plain = [[cell.lstrip("'") or "—" for cell in row] for row in written]
    assert from_docx(browser.get(file.format("docx")).data) == [plain]
    text = browser.get(file.format("text")).get_data(as_text=True)
    assert all(row[0] in text for row in written[1:])


@pytest.mark.usefixtures("short")
def test_numbers_by_branch_and_by_occurrence_leave_with_their_base(house: House, browser: Browser) -> None:
    path = f"/check-ins/{house.seeded.occurrences['closed']}"
    screen = shown(browser.get(path).get_data(as_text=True), "按支部")
    written = from_csv(browser.get(f"{path}/branches.csv").data)
    assert [[row[0], f"{row[1]}/{row[2]}", *row[3:]] for row in written[1:]] == screen[1:]
    screen = shown(browser.get("/participation").get_data(as_text=True), "逐次")
    written = from_csv(browser.get("/participation/export/occurrences.csv").data)
    assert [[row[0], f"{row[2]}/{row[3]}" if row[3] else "—", row[-1]] for row in written[1:]] == [
        [row[0], row[2], row[3]] for row in screen[1:]
    ]


@pytest.mark.usefixtures("short")
def test_a_calendar_leaves_as_it_is_filtered(browser: Browser) -> None:
    written = from_csv(browser.get("/calendar/export.csv").data)
    page = main_of(browser, "/calendar")
    assert [row[2:] for row in written[1:]] == [
        ["宪法第一课", "运转车间党支部", "未发出"],
        ["宪法第一课", "检修党总支", "进行中"],
        ["十一月主题党日", "检修车间第一党支部", "已排期"],
        ["作业安全四步法", "检修车间第二党支部", "已取消"],
    ]
    assert page.count('class="entry ') == len(written) - 1
    planned = from_csv(browser.get("/calendar/export.csv?state=planned").data)
    assert [row[2] for row in planned[1:]] == ["十一月主题党日"]


@pytest.mark.usefixtures("short")
def test_nobody_takes_away_what_they_may_not_see(house: House, browser: Browser) -> None:
    """S19, S20."""
    seen = house.browser(VIEWER)
    assert seen.get("/record/export.csv").status_code == 403
    assert "@m1:" not in seen.get("/outbox/export.csv").data.decode("utf-8-sig")
    assert "@m1:" in browser.get("/outbox/export.csv").data.decode("utf-8-sig")
    far = Duty(user=UserId("@far:example.org"), organisation=house.seeded.organisations["far"], role=Role.VIEWER)
    house.run(house.store.settle(notes=[DutyGranted(duty=far)]))
    assert "@far:" not in browser.get("/duties/export.csv").data.decode("utf-8-sig")
    assert "@far:" in house.browser(NEIGHBOUR).get("/duties/export.csv").data.decode("utf-8-sig")


def test_a_long_record_is_made_in_the_background_row_by_row(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S62: the seal of the newest row stands below them."""
    monkeypatch.setattr("console.pages.audit.STRIDE", 3)
    house.store.take_key(bytes(32))
    house.run(put(house.store, "sealed", granted(house, "one")))
    ask(browser, "/record/export.docx?since=2020-01-01")
    assert make(house)
    data = fetch(house, browser).data
    (written,) = from_docx(data)
    numbers = [int(row[-1]) for row in written[1:] if row[-1] != "—"]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) > 9
    assert any(f"最新一行的封条：{numbers[0]}-" in line for line in lines(data))
