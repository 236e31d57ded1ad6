"""A roster is looked at before it is taken in, taken in once, and never beyond one's own organisations."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from msgspec.structs import replace

from content.members import Member, MemberChanged
from content.organisations import Duty, DutyGranted, Organisation, Role
from content.views import Filter
from storage import members, organisations
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER

HEADER = ["姓名", "所在党支部", "党小组", "人员类别", "联系电话", "群账号"]
ONE, TWO = "检修车间第一党支部", "检修车间第二党支部"


def sheet(*rows: list[str], header: list[str] | None = None) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header or HEADER, *rows])
    return out.getvalue().encode("utf-8-sig")


def upload(browser: Browser, data: bytes, name: str = "名册.csv") -> Any:
    return browser.post("/members/import", {"file": (io.BytesIO(data), name)})


def everyone(house: House) -> dict[str, Member]:
    root = [house.seeded.organisations["committee"]]
    found = house.run(house.store.read(lambda unit: members.roster(unit, root)))
    return {member.name: member for member in found}


def counts(page: str) -> dict[str, int]:
    """Return the numbers above a preview."""
    return {name: int(n) for name, n in re.findall(r"<div><dt>([^<]+)</dt><dd>(\d+)</dd></div>", page)}


def places(house: House) -> dict[str, Organisation]:
    return {node.name: node for node in house.run(house.store.read(organisations.tree))}


ROSTER = sheet(
    ["白云", ONE, "", "预备党员", "13800000001", "@m1:example.org"],
    ["陈晨", ONE, "", "正式党员", "", ""],
    ["黎明", ONE, "第二党小组", "正式党员", "", "@liming:example.org"],
    ["林海", TWO, "", "正式党员", "", ""],
    ["路远", "不存在的支部", "", "正式党员", "", ""],
    ["", ONE, "", "正式党员", "", ""],
    ["冒名", ONE, "", "正式党员", "", "@m9:example.org"],
)


def test_the_preview_tells_what_would_change_and_writes_nothing(house: House, browser: Browser) -> None:
    before = everyone(house)
    answer = upload(browser, ROSTER)
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert counts(page) == {"新增": 2, "更新": 1, "不变": 1, "待确认": 0, "出错": 3, "忽略": 0}
    assert "还没有写入" in page
    assert "联系电话：— → 13800000001" in page
    assert "会新建 1 个党小组" in page
    assert f"<li>{ONE} · 第二党小组</li>" in page
    for row, why, code in (
        (6, "组织里没有这个党支部", "unknown_organisation"),
        (7, "没有姓名", "no_name"),
        (8, "另一位成员", "account_of_other"),
    ):
        assert re.search(rf"第 {row} 行.*?{why}.*?{code}", page, re.DOTALL)
    assert everyone(house) == before


def test_confirming_writes_once_and_founds_the_group(house: House, browser: Browser) -> None:
    where = upload(browser, ROSTER).headers["Location"]
    marks = browser.marks(where)
    taken = browser.post(where, marks).headers["Location"]
    assert re.fullmatch(r"/members/imports/[a-z2-7]{24}\?left=[\w-]+&done=roster_taken_in&undo=[\w-]+", taken)
    page = browser.get(taken).get_data(as_text=True)
    assert "名册已导入" in page
    assert "有 3 行没有录入" in page
    (look,) = re.findall(r'href="(/members/import/[^"#]+)#errors"', page)
    assert "没有姓名" in browser.get(look).get_data(as_text=True), "which cells they are can still be seen"
    people = everyone(house)
    assert people["白云"].phone == "13800000001"
    assert people["白云"].id == house.seeded.members["白云"]
    assert people["黎明"].user == "@liming:example.org"
    assert people["黎明"].organisation == places(house)["第二党小组"].id
    assert places(house)["第二党小组"].parent == house.seeded.organisations["one"]
    assert people["林海"].organisation == house.seeded.organisations["two"]
    assert "路远" not in people
    assert "冒名" not in people
    assert people["安邻"].user == "@m9:example.org"
    number = len(people)
    again = browser.post(where, marks)
    assert again.headers["Location"] == "/members/imports?done=repeated"
    assert len(everyone(house)) == number
    house.clock.forward(timedelta(minutes=16))
    assert "已过期" in browser.get(where).get_data(as_text=True)
    assert "没有录入" not in browser.get(taken).get_data(as_text=True)


def test_a_sheet_of_which_everything_was_taken_in_is_let_go_of_at_once(browser: Browser) -> None:
    where = upload(browser, sheet(["新人", ONE, "", "正式党员", "", ""])).headers["Location"]
    taken = browser.post(where).headers["Location"]
    assert "left=" not in taken
    assert "没有录入" not in browser.get(taken).get_data(as_text=True)
    assert "已过期" in browser.get(where).get_data(as_text=True)


def test_the_same_sheet_again_changes_nothing(house: House, browser: Browser) -> None:
    where = upload(browser, ROSTER).headers["Location"]
    browser.post(where)
    page = browser.get(upload(browser, ROSTER).headers["Location"]).get_data(as_text=True)
    assert counts(page) == {"新增": 0, "更新": 0, "不变": 4, "待确认": 0, "出错": 3, "忽略": 0}
    assert "会新建" not in page
    assert "确认导入" not in page


def test_a_roster_that_changed_meanwhile_is_shown_again_first(house: House, browser: Browser) -> None:
    first, second = (upload(browser, ROSTER).headers["Location"] for _ in range(2))
    stale = browser.marks(second)
    browser.post(first)
    answer = browser.post(second, stale)
    assert answer.status_code == 422
    assert "名册有了变动" in answer.get_data(as_text=True)


def test_an_upload_is_nobody_elses_and_gone_after_a_quarter_of_an_hour(house: House, browser: Browser) -> None:
    where = upload(browser, ROSTER).headers["Location"]
    assert house.browser().get(where).status_code == 404
    house.clock.forward(timedelta(minutes=16))
    gone = browser.get(where)
    assert gone.status_code == 404
    assert "重新选择文件" in gone.get_data(as_text=True)


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "空.csv", "文件是空的"),
        (b"%PDF-1.7", "名册.xlsx", "不是 .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "名册.xls", "已损坏"),
        (b"PK\x03\x04broken", "名册.xlsx", "已损坏"),
    ],
)
def test_a_file_of_the_wrong_kind_is_refused_in_words(
    house: House, browser: Browser, data: bytes, name: str, said: str
) -> None:
    answer = upload(browser, data, name)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_a_sheet_without_the_header_is_refused_in_words(browser: Browser) -> None:
    where = upload(browser, sheet(["1", "2"], header=["甲", "乙"])).headers["Location"]
    answer = browser.get(where)
    assert answer.status_code == 422
    assert "表头" in answer.get_data(as_text=True)


def test_a_row_for_a_siblings_branch_is_an_error(house: House, browser: Browser) -> None:
    where = upload(browser, sheet(["新人", "乘务一队党支部", "", "正式党员", "", ""])).headers["Location"]
    page = browser.get(where).get_data(as_text=True)
    assert counts(page)["新增"] == 0
    assert "组织里没有这个党支部" in page


def test_a_long_preview_counts_all_rows_and_lists_some(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.imports.MOST_SHOWN", 2)
    rows = [[f"新人{letter}", ONE, "", "正式党员", "", ""] for letter in "甲乙丙丁"]
    page = browser.get(upload(browser, sheet(*rows)).headers["Location"]).get_data(as_text=True)
    assert counts(page)["新增"] == 4
    assert "新人乙" in page
    assert "新人丙" not in page
    assert "还有 2 行没有列出" in page


def test_a_workbook_is_read_like_a_text_file(house: House, browser: Browser) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append(["黎明", ONE, "第一党小组", "正式党员", 13800000002, None])
    out = io.BytesIO()
    book.save(out)
    where = upload(browser, out.getvalue(), "党员花名册.xlsx").headers["Location"]
    browser.post(where)
    assert everyone(house)["黎明"].phone == "13800000002"
    assert everyone(house)["黎明"].organisation == house.seeded.organisations["group"]


# --- choices ----------------------------------------------------------------------------------------------------------


def previewed(browser: Browser, *rows: list[str], header: list[str] | None = None) -> str:
    return str(upload(browser, sheet(*rows, header=header)).headers["Location"])


def choose(browser: Browser, where: str, **fields: str) -> str:
    return str(browser.post(f"{where}/choices", fields, form_at=where).headers["Location"])


def test_who_is_meant_in_a_doubtful_row_is_decided_in_the_preview_and_written_on_confirmation(
    house: House, browser: Browser
) -> None:
    rows = (
        ["白云", ONE, "", "正式党员", "13800000001", ""],
        ["白云", ONE, "", "正式党员", "13800000002", ""],
        ["白云", ONE, "", "正式党员", "13800000003", ""],
    )
    where = previewed(browser, *rows)
    page = browser.get(where).get_data(as_text=True)
    assert counts(page) == {"新增": 0, "更新": 0, "不变": 0, "待确认": 3, "出错": 0, "忽略": 0}
    assert "重名，请确认" in page
    assert "就是名册里的 白云" in page
    known = house.seeded.members["白云"]
    where = choose(browser, where, **{"row-2": known, "row-3": "new", "row-4": "left_out"})
    page = browser.get(where).get_data(as_text=True)
    assert counts(page) == {"新增": 1, "更新": 1, "不变": 0, "待确认": 0, "出错": 0, "忽略": 1}
    assert re.search(rf'name="row-2" value="{known}" checked', page)
    assert not everyone(house)["白云"].phone
    browser.post(where)
    root = [house.seeded.organisations["one"]]
    found = house.run(house.store.read(lambda unit: members.roster(unit, root, wanted=Filter(text="白云"))))
    assert {member.phone: member.id == known for member in found} == {"13800000001": True, "13800000002": False}
    again = browser.get(previewed(browser, *rows[:2])).get_data(as_text=True)
    assert counts(again) == {"新增": 0, "更新": 0, "不变": 2, "待确认": 0, "出错": 0, "忽略": 0}


def test_an_answer_about_someone_who_is_no_candidate_is_not_taken(house: House, browser: Browser) -> None:
    where = previewed(browser, ["白云", ONE, "", "", "1380000000", ""], ["白云", ONE, "", "", "13800000002", ""])
    for wrong in (house.seeded.members["安邻"], house.seeded.members["陈晨"], "nonsense"):
        page = browser.get(choose(browser, where, **{"row-2": wrong})).get_data(as_text=True)
        assert counts(page)["待确认"] == 2


def test_rows_without_an_answer_are_left_out_and_the_page_says_so(house: House, browser: Browser) -> None:
    where = previewed(
        browser,
        ["白云", ONE, "", "", "13800000001", ""],
        ["白云", ONE, "", "", "13800000002", ""],
        ["黎明", ONE, "", "", "", ""],
    )
    assert "还有 2 行没有确认是谁，这次不会导入" in browser.get(where).get_data(as_text=True)
    browser.post(where)
    assert "黎明" in everyone(house)
    assert not everyone(house)["白云"].phone


def workbook(**sheets: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_imp27_the_sheet_with_a_roster_is_read_and_another_can_be_chosen(house: House, browser: Browser) -> None:
    one, two = [HEADER, ["黎明", ONE, "", "", "", ""]], [HEADER, ["林海", TWO, "", "", "", ""]]
    data = workbook(填表说明=[["请按要求填写"]], 一支部=one, 二支部=two)
    where = upload(browser, data, "花名册.xlsx").headers["Location"]
    page = browser.get(where).get_data(as_text=True)
    assert "读的是工作表“一支部”" in page
    assert "黎明" in page
    assert "林海" in browser.get(choose(browser, where, sheet="二支部")).get_data(as_text=True)
    answer = browser.get(choose(browser, where, sheet="填表说明"))
    assert answer.status_code == 422
    assert "没有找到表头" in answer.get_data(as_text=True)
    assert "读这一张" in answer.get_data(as_text=True)
    assert browser.post(f"{where}/choices", {"sheet": "没有这张"}, form_at=where).status_code == 400


def test_two_columns_of_one_meaning_are_asked_about_until_one_is_chosen(house: House, browser: Browser) -> None:
    header = ["姓名", "所在党支部", "手机", "电话"]
    where = previewed(browser, ["黎明", ONE, "13800000001", "0571-88888888"], header=header)
    answer = browser.get(where)
    assert answer.status_code == 422
    assert "哪一列是“联系电话”" in answer.get_data(as_text=True)
    assert "D 列：电话（如 0571-88888888）" in answer.get_data(as_text=True)
    where = choose(browser, where, **{"column-联系电话": "3"})
    browser.post(where)
    assert everyone(house)["黎明"].phone == "0571-88888888"


def test_who_is_not_in_the_sheet_is_named_and_stays(house: House, browser: Browser) -> None:
    before = everyone(house)
    where = previewed(browser, ["黎明", ONE, "", "", "", ""])
    page = browser.get(where).get_data(as_text=True)
    assert f"名册里另有 {len(before) - 2} 人不在这张表中。导入不会删除任何人" in page
    assert "安邻" not in page
    browser.post(where)
    assert everyone(house).items() >= before.items()


def test_priv_1_identity_numbers_and_addresses_are_shown_nowhere_and_kept_by_nobody(
    house: House, browser: Browser
) -> None:
    header = ["姓名", "所在党支部", "身份证号", "家庭住址", "联系电话"]
    where = previewed(browser, ["黎明", ONE, "110101199001011234", "某街 1 号", "13800000001"], header=header)
    page = browser.get(where).get_data(as_text=True)
    assert "公民身份号码、家庭住址不保存，已略过" in page
    assert "13800000001" in page
    browser.post(where, form_at=where)
    assert "黎明" in everyone(house)
    for secret in ("110101199001011234", "某街"):
        assert secret not in page
        assert secret not in repr(everyone(house))


# --- the history, and taking back -------------------------------------------------------------------------------------


def taken_in(browser: Browser, data: bytes = ROSTER) -> str:
    """Take a sheet in and return the page of that import."""
    where = upload(browser, data).headers["Location"]
    return str(browser.post(where).headers["Location"]).partition("?")[0]


def test_undoing_an_import_restores_the_state_before(house: House, browser: Browser) -> None:
    before, tree = everyone(house), places(house)
    page = taken_in(browser)
    assert everyone(house) != before
    shown = browser.get(page).get_data(as_text=True)
    assert "从名册移出这次新增的 2 人" in shown
    assert "联系电话：13800000001 → —" in shown
    assert f"<li>{ONE} · 第二党小组</li>" in shown
    marks = browser.marks(page)
    assert browser.post(f"{page}/undo", marks).headers["Location"] == f"{page}?done=import_undone"
    assert everyone(house) == before
    assert places(house) == tree
    assert "已于" in browser.get("/members/imports").get_data(as_text=True)
    assert browser.post(f"{page}/undo", marks).headers["Location"] == f"{page}?done=repeated"
    again = browser.post(f"{page}/undo", {"mark": "x"}, form_at="/members")
    assert again.status_code == 409
    assert "已经撤销过" in again.get_data(as_text=True)
    assert everyone(house) == before


def test_a_plan_that_changed_meanwhile_is_shown_again_first(house: House, browser: Browser) -> None:
    page = taken_in(browser)
    marks = browser.marks(page)
    house.run(house.store.settle(notes=[MemberChanged(member=replace(everyone(house)["黎明"], note="后来写的"))]))
    answer = browser.post(f"{page}/undo", marks)
    assert answer.status_code == 409
    assert "黎明：导入后又改过" in answer.get_data(as_text=True)
    assert "黎明" in everyone(house)


def test_the_history_says_who_imported_what_and_when_and_only_the_latest_can_be_undone(
    house: House, browser: Browser
) -> None:
    first = taken_in(browser)
    second = taken_in(browser, sheet(["黎明", ONE, "", "", "13800000009", ""]))
    page = browser.get("/members/imports").get_data(as_text=True)
    assert page.index(second.rsplit("/", 1)[1]) < page.index(first.rsplit("/", 1)[1])
    assert "新增 2，更新 1，不变 1，待确认 0，出错 3，忽略 0" in page
    assert page.count("可以撤销</td>") == 1
    assert "@shuji:example.org" in page
    assert "只能撤销最近的一次" in browser.get(first).get_data(as_text=True)
    answer = browser.post(f"{first}/undo", browser.marks(second))
    assert answer.status_code == 409
    assert everyone(house)["黎明"].phone == "13800000009"


def test_an_import_is_seen_and_undone_only_where_one_may_import(house: House, browser: Browser) -> None:
    page = taken_in(browser)
    neighbour, viewer = house.browser(NEIGHBOUR), house.browser(VIEWER)
    assert neighbour.get(page).status_code == 404
    assert neighbour.post(f"{page}/undo", form_at="/members").status_code == 404
    assert page not in neighbour.get("/members/imports").get_data(as_text=True)
    assert viewer.get("/members/imports").status_code == 403
    grant = DutyGranted(
        duty=Duty(user=NEIGHBOUR, organisation=house.seeded.organisations["two"], role=Role.ORGANISING_MEMBER)
    )
    house.run(house.store.settle(notes=[grant]))
    shown = neighbour.get(page).get_data(as_text=True)
    assert "新增 1，更新 0" in shown
    assert "请上级党组织的同志撤销" in shown
    assert "林海" not in shown
    assert neighbour.post(f"{page}/undo", form_at="/members").status_code == 409
    assert "黎明" in everyone(house)
