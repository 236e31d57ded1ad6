"""The meter counts what was really sent and what is planned, beside the caps; and leaves with the screen's numbers."""

from __future__ import annotations

import re

from content.burden import Cap
from content.settings import SettingChosen
from storage import lessons
from tests.console.console_house import Browser, House
from tests.console.console_seeding import put
from tests.console.test_participation_page import from_csv, from_docx, shown


def test_the_meter_counts_what_was_sent_and_what_is_planned(house: House, browser: Browser) -> None:
    table = {row[0]: row[1:] for row in shown(browser.get("/participation/burden").get_data(as_text=True), "减负")}
    # Sent: a lesson and a poll in the first branch, where another lesson failed; two lessons in the second. The first
    # is asked by a survey too.
    assert table["检修车间第一党支部"] == ["2", "10", "1", "0", "3", "8", "240", "0", "0"]
    assert table["检修车间第二党支部"] == ["2", "10", "0", "0", "2", "16", "240", "1", "0"]
    assert table["运转车间党支部"][:3] == ["0", "10", "0"]
    chosen = SettingChosen(organisation=house.seeded.organisations["general"], name=Cap.MONTH, value="4")
    house.run(put(house.store, "cap", chosen))
    page = browser.get("/participation/burden").get_data(as_text=True)
    assert "本月群内已发 2 条，另排了 1 条，接近或达到上限 4 条" in page


def test_the_meter_leaves_with_the_numbers_of_the_screen_and_a_form_saved_is_counted_once(browser: Browser) -> None:
    screen = shown(browser.get("/participation/burden").get_data(as_text=True), "减负")
    assert from_csv(browser.get("/participation/burden.csv").data) == screen
    assert from_docx(browser.get("/participation/burden.docx").data) == [screen]
    assert "生成表格、报告 0 份" in browser.get("/participation/burden").get_data(as_text=True)
    for format in ("csv", "xlsx"):
        browser.get(f"/participation/export/weeks.{format}")
    assert "生成表格、报告 1 份" in browser.get("/participation/burden").get_data(as_text=True)
    assert "生成表格、报告 0 份" in browser.get("/participation/burden?month=2026-10").get_data(as_text=True)


def test_the_chart_says_the_numbers_of_the_table_behind_it(browser: Browser) -> None:
    page = browser.get("/participation/burden").get_data(as_text=True)
    assert '<svg class="bars wide"' in page
    assert "检修车间第一党支部 · 已发 2 条，另排了 1 条，上限 10 条" in page
    assert 'aria-describedby="chart-table"' in page
    assert 'id="chart-table"' in page


def test_a_month_that_is_none_is_refused(browser: Browser) -> None:
    assert browser.get("/participation/burden?month=2026-13").status_code == 400


def test_the_months_to_come_are_offered_as_far_as_anything_is_planned(house: House, browser: Browser) -> None:
    page = browser.get("/participation/burden").get_data(as_text=True)
    assert re.findall(r'<option value="(\d{4}-\d\d)"', page)[:2] == ["2026-12", "2026-11"]
    branch = house.seeded.organisations["one"]
    lesson = house.run(house.store.read(lambda unit: lessons.library(unit, [branch])))[0].id
    far = {"lessons": [lesson], "audience": branch, "when": "at", "date": "2027-02-03", "time": "09:00"}
    answer = browser.post("/schedule", far | {"window": "1440", "late": "120"}, form_at="/schedule")
    assert answer.status_code == 303
    page = browser.get("/participation/burden").get_data(as_text=True)
    assert re.findall(r'<option value="(\d{4}-\d\d)"', page)[:4] == ["2027-02", "2027-01", "2026-12", "2026-11"]
    table = {row[0]: row[1:] for row in shown(browser.get("/participation/burden?month=2027-02").text, "减负")}
    assert table["检修车间第一党支部"][:3] == ["0", "10", "1"]
