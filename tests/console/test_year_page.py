"""The year at the desk: a grid with evidence, what lacks in words, what is entered by hand, and the year in numbers."""

from __future__ import annotations

import re
from typing import Any

from content.cadence import OFF
from content.settings import SettingChosen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER, put
from tests.console.open_meeting import two_meetings
from tests.console.test_participation_page import from_csv, from_docx, from_xlsx, shown

GRID, NUMBERS, HELD, BRANCHES = "全年一览", "年度统计：到会、决议和任务", "年度统计：开了几次", "各支部"


def at(house: House, short: str = "one", year: int = 2026) -> str:
    return f"/meetings/year?org={house.seeded.organisations[short]}&year={year}"


def form(house: House, **more: Any) -> dict[str, Any]:
    usual = {
        "organisation": house.seeded.organisations["one"],
        "form": "assembly",
        "held_on": "2026-03-05",
        "title": "第一次支部党员大会",
        "why": "启用以前开的，有纸质记录",
        "due": "6",
        "present": "5",
    }
    return usual | more


def enter(house: House, browser: Browser, **more: Any) -> Any:
    return browser.post("/meetings/year/held", form(house, **more), form_at=at(house))


def test_the_grid_has_twelve_months_by_eight_forms_with_the_evidence_behind_each_cell(
    house: House, browser: Browser
) -> None:
    """Issue 8, part 1."""
    two_meetings(house)
    page = browser.get(at(house)).get_data(as_text=True)
    rows = shown(page, GRID)
    assert rows[0] == [
        "月份",
        "党员大会",
        "支委会",
        "党小组会",
        "党课",
        "主题党日",
        "组织生活会",
        "民主评议",
        "谈心谈话",
    ]
    assert [row[0] for row in rows[1:]] == [f"{month}月" for month in range(1, 13)]
    november, december = rows[11], rows[12]
    assert november[1].startswith("已完成")
    assert "支部党员大会（held meeting）" in november[1]
    assert december[1].startswith("已排期")
    assert rows[3][1] == "缺"
    assert november[2] == "不适用", "with six members there is no committee"
    assert rows[10][3] == "缺（第一党小组）"
    assert rows[12][3] == "未到"
    assert re.search(r'<a href="/meetings/\w+\?org=\w+">支部党员大会（planned meeting）</a>', page)
    for colour in ("traffic", "🔴", "🟢", "得分", "排名第"):
        assert colour not in page


def test_what_lacks_and_what_may_be_held_is_said_in_words(house: House, browser: Browser) -> None:
    page = browser.get(at(house)).get_data(as_text=True)
    assert "党课（第一季度、第二季度、第三季度、第四季度）" in page
    assert "<li>本季度党课未排，12月25日前可补一次</li>" in page
    assert "<li>本月主题党日未排，24 日前可补一次</li>" in page
    assert "本季度：党员大会 0/1，党小组会（第一党小组） 0/3" in page
    assert "可以安排" not in browser.get(at(house, year=2025)).get_data(as_text=True), "what is over is not suggested"


def test_each_line_says_its_label_and_who_has_set_it(house: House, browser: Browser) -> None:
    """CAD-12."""
    general = house.seeded.organisations["general"]
    chosen = SettingChosen(organisation=general, name="cadence_lecture", value="2-year")
    house.run(put(house.store, "two lectures", chosen))
    page = re.sub(r"\s+", " ", browser.get(at(house)).get_data(as_text=True))
    assert "每季度 1 次（条例） · 默认" in page
    assert "每年 2 次（地方） · 来自检修党总支" in page
    assert "第十一条" in page
    browser.post(
        f"/organisation/{house.seeded.organisations['one']}/settings",
        {"name": "cadence_lecture", "value": OFF},
        form_at=f"/organisation/{house.seeded.organisations['one']}",
    )
    page = re.sub(r"\s+", " ", browser.get(at(house)).get_data(as_text=True))
    assert "不定次数 · 这里单独设的" in page
    assert "起；此前：每季度 1 次（习惯）" in page, "the months before still count by it"


def test_what_was_before_a_branch_was_founded_is_not_missing(house: House, browser: Browser) -> None:
    node = f"/organisation/{house.seeded.organisations['one']}"
    done = browser.post(f"{node}/founded", {"founded": "2026-06-01"}, form_at=node)
    assert "done=node_dated" in done.headers["Location"]
    assert "2026" in browser.get(node).get_data(as_text=True)
    page = re.sub(r"\s+", " ", browser.get(at(house)).get_data(as_text=True))
    assert page.count("<span>尚未成立</span>") == 5 * 8
    again = browser.post(f"{node}/founded", {"founded": "2099-01-01"}, form_at=node)
    assert again.status_code == 409
    assert "也不能在今天以后" in again.get_data(as_text=True)


def test_attendance_is_told_against_a_line_only_where_one_is_set(house: House, browser: Browser) -> None:
    """CAD-11."""
    enter(house, browser)
    assert "参考线" not in browser.get(at(house)).get_data(as_text=True)
    chosen = SettingChosen(organisation=house.seeded.organisations["one"], name="attendance_line", value="80")
    house.run(put(house.store, "a line", chosen))
    page = browser.get(at(house)).get_data(as_text=True)
    assert "到会率（参考线 80%（地方））：党员大会 83%。" in page


def test_an_appraisal_is_evidence_and_leads_to_its_page(house: House, browser: Browser) -> None:
    page = browser.get(at(house, year=2025)).get_data(as_text=True)
    assert f'href="/appraisals/{house.seeded.appraisals["one"]}?' in page
    assert "年度民主测评" in shown(page, GRID)[10][7]


def test_one_that_had_no_notice_is_entered_once_with_its_reason_and_can_be_taken_back(
    house: House, browser: Browser
) -> None:
    fields = browser.marks(at(house)) | form(house)
    answer = browser.post("/meetings/year/held", fields)
    assert "done=unannounced_recorded" in answer.headers["Location"]
    assert "done=repeated" in browser.post("/meetings/year/held", fields).headers["Location"]
    page = browser.get(at(house)).get_data(as_text=True)
    assert shown(page, GRID)[3][1].startswith("已完成")
    assert "有纸质记录" in page
    assert "到会 5 人，应到 6 人" in page
    assert [row[1:4] for row in shown(page, NUMBERS) if row[0] == "党员大会"] == [["1", "6", "5"]]
    (back,) = set(re.findall(r'action="(/meetings/year/held/\w+/back)[?"]', page))
    assert house.browser(VIEWER).post(back, {}, form_at="/meetings").status_code == 403
    assert house.browser(NEIGHBOUR).post(back, {}, form_at="/meetings").status_code == 404
    assert "done=unannounced_taken_back" in browser.post(back, {}, form_at=at(house)).headers["Location"]
    assert "第一次支部党员大会" not in browser.get(at(house)).get_data(as_text=True)
    assert browser.post(back, {}, form_at=at(house)).status_code == 404


def test_what_cannot_have_been_comes_back_with_what_was_typed(house: House, browser: Browser) -> None:
    for field, value, said in (
        ("held_on", "2026-12-31", "今天或以前"),
        ("held_on", "x", "今天或以前"),
        ("why", " ", "原因或依据"),
        ("present", "7", "多于应到"),
        ("due", "很多", "请写数字"),
        ("form", "talk", "是谁和谁谈的"),
    ):
        answer = enter(house, browser, **{field: value})
        page = answer.get_data(as_text=True)
        assert (answer.status_code, said in page) == (409, True), field
        assert "第一次支部党员大会" in page
    far = enter(house, browser, organisation=house.seeded.organisations["far"])
    assert far.status_code == 404


def test_who_may_not_see_members_reads_of_a_talk_only_that_it_was(house: House, browser: Browser) -> None:
    enter(house, browser, form="talk", pair="members", title="核实某事", why="当面谈的某话")
    own = browser.get(at(house)).get_data(as_text=True)
    assert "核实某事" in own
    page = house.browser(VIEWER).get(at(house)).get_data(as_text=True)
    assert "某事" not in page
    assert "某话" not in page
    assert "谈心谈话" in shown(page, GRID)[3][8]
    assert [row[1:3] for row in shown(page, NUMBERS) if row[0] == "谈心谈话"] == [["1", "—"]]
    assert "补记一次" not in page


def test_above_branches_each_is_told_in_words_in_the_order_of_the_tree(house: House, browser: Browser) -> None:
    """Issue 8, part 1: no ranking of groups of people (AF-2)."""
    enter(house, browser)
    page = browser.get(at(house, "general")).get_data(as_text=True)
    rows = shown(page, BRANCHES)
    assert [row[0] for row in rows[1:]] == ["检修车间第一党支部", "检修车间第二党支部", "运转车间党支部"]
    assert all(int(row[1]) > 0 and "党课（第一季度" in row[2] for row in rows[1:])
    assert shown(page, HELD)[13][:2] == ["全年", "1"]
    assert house.browser(NEIGHBOUR).get(at(house)).status_code == 404


def test_a_year_leaves_as_a_sheet_and_as_a_document(house: House, browser: Browser) -> None:
    """Issue 8, part 6: yearly statistics."""
    enter(house, browser)
    page = browser.get(at(house)).get_data(as_text=True)
    for table in (NUMBERS, HELD, GRID):
        wanted, at_table = shown(page, table), f"{at(house)}&table={table}"
        assert from_csv(browser.get(f"{at_table}&as=csv").data)[0] == wanted[0]
        (drawn,) = from_docx(browser.get(f"{at_table}&as=docx").data)
        assert [row[0] for row in drawn] == [row[0] for row in wanted]
        sheet = from_xlsx(browser.get(f"{at_table}&as=xlsx").data, len(wanted[0]))
        assert [row[0] for row in sheet[: len(wanted)]] == [row[0] for row in wanted]


def test_what_may_be_held_waits_on_the_first_page_of_who_plans_for_one_branch(house: House, browser: Browser) -> None:
    one = house.seeded.organisations["one"]
    page = browser.get(f"/?org={one}").get_data(as_text=True)
    assert "项组织生活可以安排" in page
    assert f'href="/meetings/year?org={one}"' in page
    assert "组织生活可以安排" not in house.browser(VIEWER).get(f"/?org={one}").get_data(as_text=True)


def test_a_year_that_cannot_be_is_no_page(house: House, browser: Browser) -> None:
    for year in ("1999", "2028", "x", "20261"):
        assert browser.get(f"/meetings/year?year={year}").status_code == 400, year
