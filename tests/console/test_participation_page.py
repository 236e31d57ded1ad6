"""The screen's numbers have their base, are nobody's rank, and stand in every export just the same."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from html import unescape
from xml.etree import ElementTree

import openpyxl
import pytest

from tests.console.console_house import Browser, House
from tests.console.console_seeding import LEAVE_REASON, VIEWER


def shown(page: str, caption: str) -> list[list[str]]:
    """Return the cells of the table with this caption, header first."""
    table = re.search(rf"<table[^>]*><caption[^>]*>{caption}</caption>(.*?)</table>", page, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [
        [
            unescape(re.sub(r"<[^>]+>", "", cell)).strip()
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def from_csv(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def from_docx(data: bytes) -> list[list[list[str]]]:
    """Return the cells of every table of a Word file."""
    body = ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml"))
    return [
        [["".join(cell.itertext()) for cell in row.iter(f"{W}tc")] for row in table.iter(f"{W}tr")]
        for table in body.iter(f"{W}tbl")
    ]


def from_xlsx(data: bytes, columns: int) -> list[list[str]]:
    rows = openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(min_row=2, values_only=True)
    return [["" if cell is None else str(cell) for cell in row[:columns]] for row in rows]


EXPORTS = [
    ("/participation", "按组织", "places"),
    ("/participation", "支部每周情况", "weeks"),
    ("/participation/members", "参与情况：按成员", "members"),
    ("/participation/times", "星期和时段", "times"),
]


@pytest.mark.parametrize(("path", "caption", "name"), EXPORTS)
@pytest.mark.parametrize("query", ["", "?since=2026-11-20&until=2026-11-30"])
def test_exports_hold_exactly_the_numbers_of_the_screen(
    browser: Browser, path: str, caption: str, name: str, query: str
) -> None:
    screen = shown(browser.get(path + query).get_data(as_text=True), caption)
    exported = from_csv(browser.get(f"/participation/export/{name}.csv{query}").data)
    printed = from_xlsx(browser.get(f"/participation/export/{name}.xlsx{query}").data, len(exported[0]))
    word = from_docx(browser.get(f"/participation/export/{name}.docx{query}").data)
    assert word == [[[cell or "—" for cell in row] for row in exported]]
    text = browser.get(f"/participation/export/{name}.text{query}").get_data(as_text=True)
    for row in exported[1:]:
        said = [f"{column} {cell or '—'}" for column, cell in zip(exported[0][1:], row[1:], strict=True)]
        assert f"{row[0]}：{'，'.join(said)}" in text
    if name == "weeks":
        assert [row[0] for row in exported] == [row[0] for row in screen]
        assert [row[1:] for row in exported[1:]] == [row[1:] for row in screen[1:]]
    else:
        assert [[cell or "—" for cell in row] for row in exported] == screen
    assert printed[: len(exported)] == exported
    assert len(screen) > 1


def test_a_share_stands_with_its_base_and_no_data_is_no_zero(browser: Browser) -> None:
    page = browser.get("/participation?since=2026-11-01&until=2026-11-20").get_data(as_text=True)
    assert "参加 3 人次，应到 8 人次（38%），另有请假" in page
    table = {row[0]: row[1:] for row in shown(page, "按组织")}
    assert table["检修车间第一党支部"][:3] == ["2", "6", "33%"]
    assert table["运转车间党支部"] == ["—"] * 7


def test_what_could_not_be_sent_counts_against_nobody(house: House, browser: Browser) -> None:
    page = browser.get(f"/check-ins/{house.seeded.occurrences['open']}").get_data(as_text=True)
    table = {row[0]: row[1:] for row in shown(page, "按支部")}
    assert table["检修车间第二党支部"][0] == "1/2"


def test_why_someone_is_on_leave_is_shown_to_the_recorder_only(house: House, browser: Browser) -> None:
    page = f"/check-ins/{house.seeded.occurrences['closed']}"
    assert LEAVE_REASON in browser.get(page).get_data(as_text=True)
    assert LEAVE_REASON not in house.browser(VIEWER).get(page).get_data(as_text=True)
    exports = ["places", "weeks", "members", "rows"]
    written = [browser.get(f"/participation/export/{name}.csv").data.decode("utf-8-sig") for name in exports]
    assert not any(LEAVE_REASON in text for text in written)


def test_a_place_is_open_until_its_time_is_over_and_unanswered_after_it_everywhere(
    house: House, browser: Browser
) -> None:
    lists = browser.get("/check-ins").get_data(as_text=True)
    assert shown(lists, "正在进行")[0][-1] == "待答复"
    assert [row[-1] for row in shown(lists, "近期") if row[0] == "作业安全四步法"] == ["4"]
    assert shown(lists, "近期")[0][-1] == "未回"
    for short, word, other in (("open", "待答复", "未回"), ("closed", "未回", "待答复")):
        page = browser.get(f"/check-ins/{house.seeded.occurrences[short]}").get_data(as_text=True)
        assert shown(page, "按支部")[0][-3:] == ["待答复", "未回", "缺席"]
        states = {row[2].split(" ")[0] for row in shown(page, "按成员")[1:]}
        assert word in states
        assert other not in states
    header = from_csv(browser.get("/participation/export/members.csv").data)[0]
    assert header[-2:] == ["未回", "待答复"]


def test_sums_are_told_in_plain_english(house: House) -> None:
    page = house.browser(language="en").get("/participation?since=2026-11-01&until=2026-11-20").get_data(as_text=True)
    assert "Took part: 3 of 8 (38%); on leave: 1." in page


def test_members_stand_by_name_and_never_by_number(browser: Browser) -> None:
    names = [
        row[0] for row in shown(browser.get("/participation/members").get_data(as_text=True), "参与情况：按成员")[1:]
    ]
    assert names == sorted(names)
    assert len(names) == 8


def test_one_goes_down_from_organisation_to_member_to_occurrence(house: House, browser: Browser) -> None:
    one = house.seeded.organisations["one"]
    page = browser.get(f"/participation?org={one}").get_data(as_text=True)
    assert [row[0] for row in shown(page, "按组织")[1:]] == ["检修车间第一党支部"]
    assert f"/participation/members?org={one}" in page.replace("&amp;", "&") or "org=" + one in page
    people = browser.get(f"/participation/members?org={one}").get_data(as_text=True)
    assert "康宁" not in people
    member = browser.get(f"/participation/members/{house.seeded.members['丁一']}?org={one}").get_data(as_text=True)
    assert "请假" in member
    assert f"/check-ins/{house.seeded.occurrences['closed']}" in member
    assert browser.get(f"/participation/members/{house.seeded.members['康宁']}?org={one}").status_code == 404


def test_the_flat_rows_have_the_columns_of_the_command_line(browser: Browser) -> None:
    rows = from_csv(browser.get("/participation/export/rows.csv").data)
    assert rows[0] == ["organisation", "name", "user_id", "lesson", "occurrence", "due_at", "state"]
    assert {row[6] for row in rows[1:]} <= {
        "open", "done", "late", "excused", "made_up", "unanswered", "not_offered",
    }  # fmt: skip
    assert rows[1][5] == "2026-11-16T01:00:00Z"
    answer = browser.get("/participation/export/rows.xlsx")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_name_that_looks_like_a_formula_is_text_in_every_export(house: House, browser: Browser) -> None:
    from msgspec.structs import replace

    from content.members import MemberChanged
    from storage import members
    from tests.console.console_seeding import put

    evil = '=HYPERLINK("http://evil.example","x")'
    member = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members["白云"])))
    house.run(put(house.store, "formula", MemberChanged(member=replace(member, name=evil))))
    for name in ("members", "rows"):
        data = from_csv(browser.get(f"/participation/export/{name}.csv").data)
        assert any(cell == f"'{evil}" for row in data for cell in row)
        assert not any(cell.startswith("=") for row in data for cell in row)
        book = openpyxl.load_workbook(io.BytesIO(browser.get(f"/participation/export/{name}.xlsx").data))
        assert all(cell.data_type != "f" for row in book.active.iter_rows() for cell in row)


def test_many_names_are_shown_a_branch_at_a_time(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("participation", "checkins"):
        monkeypatch.setattr(f"console.pages.{module}.MOST_NAMES", 6)
    page = browser.get("/participation/members").get_data(as_text=True)
    assert "请选一个支部" in page
    assert "白云" not in page
    one = house.seeded.organisations["one"]
    assert "白云" in browser.get(f"/participation/members?org={one}").get_data(as_text=True)
    closed = f"/check-ins/{house.seeded.occurrences['closed']}"
    assert "白云" not in browser.get(closed).get_data(as_text=True)
    assert "白云" in browser.get(f"{closed}?org={one}").get_data(as_text=True)


def test_a_stretch_is_compared_with_nothing_but_the_one_right_before_it(browser: Browser) -> None:
    page = browser.get("/participation?since=2026-11-18&until=2026-11-24").get_data(as_text=True)
    assert "之前同样长的一段（11月11日至11月17日）：参加 3 人次，应到 8 人次（38%）" in re.sub("<[^>]+>", "", page)
    assert "之前同样长的一段" not in browser.get("/participation?since=2026-11-18").get_data(as_text=True)


def test_hours_stand_under_the_weekday_on_which_things_began(browser: Browser) -> None:
    table = shown(browser.get("/participation/times").get_data(as_text=True), "星期和时段")
    assert table[0] == ["时段", "周一", "周二", "周三", "周四", "周五", "周六", "周日"]
    assert table[1:] == [["07:00", "—", "1/2", *["—"] * 5], ["09:00", "3/8", *["—"] * 6]]
