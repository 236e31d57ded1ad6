"""A roster is looked at before it is taken in, taken in once, and never beyond one's own organisations."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from typing import Any

import openpyxl
import pytest

from content.members import Member
from content.organisations import Organisation
from storage import members, organisations
from tests.console.console_house import Browser, House

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
    assert "新增 2 人，更改 1 人，不变 1 人，待核对 0 行，有误 3 行" in page
    assert "联系电话：— → 13800000001" in page
    assert "会新建 1 个党小组" in page
    assert f"<li>{ONE} · 第二党小组</li>" in page
    for row, why in ((6, "组织里没有这个党支部"), (7, "没有姓名"), (8, "另一位成员")):
        assert re.search(rf"第 {row} 行.*?{why}", page, re.DOTALL)
    assert everyone(house) == before


def test_confirming_writes_once_and_founds_the_group(house: House, browser: Browser) -> None:
    where = upload(browser, ROSTER).headers["Location"]
    marks = browser.marks(where)
    assert browser.post(where, marks).headers["Location"] == "/members?done=roster_taken_in"
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
    assert again.headers["Location"] == "/members?done=repeated"
    assert len(everyone(house)) == number
    assert "已过期" in browser.get(where).get_data(as_text=True)


def test_the_same_sheet_again_changes_nothing(house: House, browser: Browser) -> None:
    where = upload(browser, ROSTER).headers["Location"]
    browser.post(where)
    page = browser.get(upload(browser, ROSTER).headers["Location"]).get_data(as_text=True)
    assert "新增 0 人，更改 0 人" in page
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
    from datetime import timedelta

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
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "名册.xls", ".xls"),
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
    assert "新增 0 人" in page
    assert "组织里没有这个党支部" in page


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
    assert seen == sorted(name for name in everyone(house) if name != "安邻")


def test_a_long_preview_counts_all_rows_and_lists_some(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.members.MOST_SHOWN", 2)
    rows = [[f"新人{letter}", ONE, "", "正式党员", "", ""] for letter in "甲乙丙丁"]
    page = browser.get(upload(browser, sheet(*rows)).headers["Location"]).get_data(as_text=True)
    assert "新增 4 人" in page
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
