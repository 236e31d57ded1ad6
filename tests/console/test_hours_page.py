"""Learning hours at the desk: entered and taken back by hand, the same in every form, and nobody ranked."""

from __future__ import annotations

import re
from datetime import timedelta

from content.hours import Line
from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from content.settings import SettingChosen
from storage import outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER, put
from tests.console.test_participation_page import from_csv, from_docx, from_xlsx, shown

ORGANISING = UserId("@zuzhi:example.org")
TRAINING = {
    "title": "党务培训班",
    "on": "2026-11-20",
    "form": "training",
    "amount": "1",
    "unit": "day",
    "reason": "结业证",
}


def enter(house: House, browser: Browser, *names: str, **changed: str) -> str:
    """Enter hours by hand, and return where that leads or what the page says."""
    fields = {**TRAINING, **changed, "member": [house.seeded.members[name] for name in names]}
    answer = browser.post("/participation/hours/record", fields)
    return answer.headers.get("Location") or answer.get_data(as_text=True)


def of_year(browser: Browser) -> dict[str, list[str]]:
    page = browser.get("/participation/hours").get_data(as_text=True)
    return {row[0]: row[1:] for row in shown(page, "2026 年学时")}


def test_a_lesson_that_was_learned_stands_there_as_learned_alone(browser: Browser) -> None:
    """STU-6."""
    rows = of_year(browser)
    assert rows["白云"][1:] == ["0", "0", "0.13", "0", "32"]
    assert rows["丁一"][1:] == ["0", "0", "0", "0", "32"], "who was on leave learned nothing"
    assert list(rows)[1:] == ["丁一", "方圆", "白云", "江流", "何川", "陈晨", "高山", "康宁"], "never by hours"


def test_hours_are_entered_for_several_and_taken_back_for_one(house: House, browser: Browser) -> None:
    assert "done=hours_recorded" in enter(house, browser, "白云", "陈晨")
    assert [of_year(browser)[name][1] for name in ("白云", "陈晨", "丁一")] == ["8", "8", "0"]
    assert "已经登记过了" in enter(house, browser, "白云")
    path = f"/participation/hours/members/{house.seeded.members['白云']}"
    page = browser.get(path).get_data(as_text=True)
    assert "计入 8 学时，达标线 32" in page
    assert f'结业证 <span class="faint">{SECRETARY} 登记' in page
    (back,) = re.findall(r'action="(/participation/hours/entries/[^"]+)"', page)
    far = house.browser(NEIGHBOUR)
    assert far.post(back, form_at="/participation/hours/record").status_code == 404
    assert browser.post(back, form_at=path).status_code == 303
    assert [of_year(browser)[name][1] for name in ("白云", "陈晨")] == ["0", "8"]
    assert browser.post(back, form_at=path).status_code == 409


def test_only_members_of_ones_own_part_of_the_tree_are_entered(house: House, browser: Browser) -> None:
    fields = {**TRAINING, "member": [house.seeded.members["安邻"]]}
    assert browser.post("/participation/hours/record", fields).status_code == 404
    assert "请选是谁参加了" in enter(house, browser)
    assert "请写依据" in enter(house, browser, "白云", reason=" ")
    assert house.browser(VIEWER).get("/participation/hours").status_code == 403


def test_what_counts_is_said_by_who_keeps_the_record_of_the_whole_audience(house: House, browser: Browser) -> None:
    """STU-6."""
    path = f"/check-ins/{house.seeded.occurrences['closed']}/hours"
    assert "现在算自学，0.13 学时" in browser.get(path).get_data(as_text=True)
    said = {"form": "together", "amount": "90", "unit": "minute"}
    assert browser.post(path, said).status_code == 303
    assert of_year(browser)["白云"][1:] == ["0", "1.50", "0", "1.50", "32"]
    one = Duty(user=ORGANISING, organisation=house.seeded.organisations["one"], role=Role.ORGANISING_MEMBER)
    house.run(put(house.store, "duty", DutyGranted(duty=one)))
    assert house.browser(ORGANISING).get(path).status_code == 404, "others were there too"
    assert browser.post(path, {**said, "form": "usual"}).status_code == 303
    assert of_year(browser)["白云"][3] == "0.13"


def test_the_sheet_has_the_columns_of_an_office_and_its_sums_in_every_form(house: House, browser: Browser) -> None:
    enter(house, browser, "白云")
    enter(house, browser, "白云", title="集体学习", form="together", amount="90", unit="minute", on="2026-11-21")
    at = "/participation/hours/export"
    rows = from_csv(browser.get(f"{at}.csv").data)
    assert rows[0] == ["序号", "姓名", "日期", "内容", "形式", "学时", "累计（集中）", "达标线", "备注"]
    mine = [row[1:] for row in rows if row[1] == "白云"]
    assert [row[1:] for row in mine] == [
        ["2026-11-16", "作业安全四步法", "自学", "0.13", "0", "32", ""],
        ["2026-11-20", "党务培训班", "集中培训", "8", "8", "32", "人工登记"],
        ["2026-11-21", "集体学习", "集体学习", "1.50", "9.50", "32", "人工登记"],
    ]
    (table,) = from_docx(browser.get(f"{at}.docx").data)
    assert table[0] == rows[0]
    assert [row[2:7] for row in table if row[1] == "白云"] == [row[1:6] for row in mine]
    assert from_xlsx(browser.get(f"{at}.xlsx").data, 9)[0] == rows[0]
    assert "学习学时台账" in browser.get("/record").get_data(as_text=True)


def test_who_needs_help_is_seen_by_the_secretary_alone_and_told_to_nobody(house: House, browser: Browser) -> None:
    """STU-8."""
    enter(house, browser, "白云")
    page = browser.get("/participation/hours/help").get_data(as_text=True)
    assert "需要帮助补学" in page
    assert "陈晨" in page
    assert "白云" not in page, "eight hours are not less than eight"
    duty = Duty(user=ORGANISING, organisation=house.seeded.organisations["general"], role=Role.ORGANISING_MEMBER)
    house.run(put(house.store, "duty", DutyGranted(duty=duty)))
    other = house.browser(ORGANISING)
    assert other.get("/participation/hours").status_code == 200
    assert other.get("/participation/hours/help").status_code == 403
    later = SettingChosen(organisation=house.seeded.organisations["general"], name=Line.HELP_FROM, value="12")
    house.run(put(house.store, "later", later))
    assert "现在没有需要特别帮助的同志" in browser.get("/participation/hours/help").get_data(as_text=True)
    house.clock.forward(timedelta(days=1))
    rows = house.run(house.store.read(lambda unit: unit.rows(outbox.outbox.select())))
    assert [row for row in rows if row.words and "hours." in str(row.words)] == []
