"""Dues at the desk: entered together, put right by reversal, handed over, and seen by who handles them alone."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from openpyxl import load_workbook

from content.dues import Assessment, Category, DuesAssessed, Kind
from content.identifiers import AssessmentId, UserId
from content.members import MemberChanged
from content.organisations import Role
from storage import dues, looks, members, outbox
from storage.audit import audit
from storage.tables import metadata
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, NOW, SECRETARY, VIEWER
from tests.console.kept_dues import PAYERS, handle, keep_dues
from tests.console.test_participation_page import from_csv, from_docx, from_xlsx

HANDLER, BOSS, LEADER = (UserId(f"@{name}:example.org") for name in ("zuzhi", "zongzhi", "zuzhang"))
HOW = {"on": "2026-11-20", "method": "transfer", "payee": "何川", "payer": ""}


@pytest.fixture
def desk(house: House) -> Browser:
    """Give the console of who handles the dues of the first branch, and nothing else."""
    keep_dues(house)
    handle(house, HANDLER)
    return house.browser(HANDLER)


def who(house: House, name: str) -> str:
    return str(house.seeded.members[name])


def rows(house: House) -> list[tuple[str, str | None, int]]:
    at = house.seeded.organisations["one"]
    found = house.run(house.store.read(lambda unit: dues.entries(unit, branch=at)))
    return [(one.sort, one.month, one.fen) for one in found]


def pay(house: House, browser: Browser, sums: dict[str, str], **changed: Any) -> Any:
    fields: dict[str, Any] = {**HOW, "month": "2026-11", "member": [who(house, name) for name in sums]}
    fields |= {f"sum-{who(house, name)}": text for name, text in sums.items()}
    return browser.post("/dues/pay", {**fields, **changed}, form_at="/dues")


def test_many_payments_are_entered_at_once_or_none_and_what_was_typed_stays(house: House, desk: Browser) -> None:
    before = rows(house)
    wrong = pay(house, desk, {"白云": "25.00", "丁一": "七十五"})
    assert wrong.status_code == 409
    page = wrong.get_data(as_text=True)
    assert "没看懂这个数额" in page
    assert "七十五" in page, "what was typed is not lost"
    assert rows(house) == before
    assert pay(house, desk, {"白云": "25", "丁一": "75.00"}).status_code == 303
    assert rows(house) == [*before, ("payment", "2026-11", 2500), ("payment", "2026-11", 7500)]
    assert "已交 2 人，应交 3 人" in desk.get("/dues").get_data(as_text=True)
    first = desk.post("/dues/pay", {**HOW, "on": "0001-01-01", "member": [who(house, "丁一")]}, form_at="/dues")
    assert first.status_code in (409, 422), "a day of the first year is a day that cannot be meant"
    again = pay(house, desk, {"丁一": "75.00"})
    assert again.status_code == 409, "another organiser has entered it meanwhile"
    assert "丁一 这个月已经交齐" in again.get_data(as_text=True)


def test_a_form_that_comes_twice_or_whose_answer_is_lost_or_that_two_send_at_once_is_one_entry(
    house: House, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6: each form is done once by its mark, and of two forms the later one finds what the first has entered."""
    path = f"/dues/members/{who(house, '白云')}"
    payment = {**HOW, "month": "2026-11", "member": [who(house, "丁一")], f"sum-{who(house, '丁一')}": "75"}
    both = [(desk, desk.marks("/dues")), (other := house.browser(SECRETARY), other.marks("/dues"))]
    before = len(rows(house))
    with ThreadPoolExecutor(2) as hands:
        sent = list(hands.map(lambda one: one[0].post("/dues/pay", {**payment, **one[1]}).status_code, both))
    assert sorted(sent) == [303, 409]
    assert len(rows(house)) == before + 1
    forms = {
        "/dues/pay": {**payment, "member": [who(house, "陈晨")], f"sum-{who(house, '陈晨')}": "40"},
        f"{path}/extra": {**HOW, "sum": "20", "receipt": ""},
        f"{path}/refund": {**HOW, "month": "2026-10", "sum": "10", "note": "多交"},
        "/dues/entries/more/back": {"reason": "记错"},
    }
    settle = house.store.settle

    async def lost(*given: Any, **more: Any) -> Any:
        await settle(*given, **more)
        raise ConnectionError("the answer is lost")

    for number, (at, form) in enumerate(forms.items(), start=2):
        fields = desk.marks("/dues") | form
        with monkeypatch.context() as killed:
            killed.setattr(house.store, "settle", lost)
            assert desk.post(at, fields).status_code == 500
        for _ in range(2):
            assert desk.post(at, fields).status_code == 303
        assert len(rows(house)) == before + number, at


def test_names_and_sums_are_seen_by_who_handles_them_in_the_branch_and_by_nobody_else(
    house: House, desk: Browser
) -> None:
    """DUE-18, DUE-19, S20: those above see counts, others nothing."""
    handle(house, BOSS, "general", Role.SECRETARY)
    handle(house, LEADER, "group", Role.GROUP_LEADER)
    member = f"/dues/members/{who(house, '白云')}"
    sheets = [f"/dues/export/{sheet}.csv" for sheet in ("assessments", "year", "month", "handovers")]
    assert {desk.get(path).status_code for path in ("/dues", member, "/dues/handovers", *sheets)} == {200}
    above = house.browser(BOSS)
    page = above.get("/dues").get_data(as_text=True)
    assert re.search(r"检修车间第一党支部</th>\D+3</td>\D+0</td>", page), page
    assert not any(name in page for name in PAYERS)
    assert "75.00" not in page
    one = house.seeded.organisations["one"]
    for path in (member, "/dues/handovers", *sheets):
        assert above.get(path).status_code == 404, path
        assert above.get(f"{path}?org={one}").status_code == 404, path
    assert pay(house, above, {"丁一": "75"}).status_code == 404
    for user in (VIEWER, LEADER):
        assert house.browser(user).get("/dues").status_code == 403
    handle(house, NEIGHBOUR, "far")
    beside = house.browser(NEIGHBOUR)
    assert beside.get(member).status_code == 404
    assert beside.post("/dues/entries/more/back", {"reason": "x"}, form_at="/dues").status_code == 404
    assert beside.post("/dues/questions/asked", {"answer-asked": "x"}, form_at="/dues").status_code == 404
    assert pay(house, beside, {"丁一": "75"}).status_code == 409, "nobody of another branch is entered"


def test_a_look_at_dues_is_noted_and_told_to_whom_it_was_at(house: House, desk: Browser) -> None:
    """PRIV-12."""
    desk.get("/dues")
    desk.get(f"/dues/members/{who(house, '白云')}")
    desk.get("/dues/export/year.csv")
    found = house.run(house.store.read(lambda unit: unit.rows(looks.looks.select().order_by("number"))))
    assert [(row.user_id, row.what, bool(row.member_id)) for row in found] == [
        (HANDLER, "dues_file", False),
        (HANDLER, "dues", True),
    ], "the sheet within the hour is the same look"


def test_dues_are_fixed_with_a_base_that_is_kept_nowhere(house: House, desk: Browser) -> None:
    """DUE-21, DUE-12."""
    path = f"/dues/members/{who(house, '丁一')}"
    fields = {"kind": "full", "category": "employed", "base": "6789.37", "since": "2026-11", "note": ""}
    refused = desk.post(f"{path}/assess", fields, form_at=path)
    assert "要改请写原因" in refused.get_data(as_text=True)
    assert desk.post(f"{path}/assess", {**fields, "note": "岗位调整"}, form_at=path).status_code == 303
    page = desk.get(path).get_data(as_text=True)
    assert re.findall(r"month=(20\d\d-\d\d)", page)[-1] == "2026-01", "no month from before anything was fixed"
    assert "101.84" in page
    assert "岗位调整" in page

    async def dump(unit: Any) -> str:
        found = [await unit.rows(table.select()) for table in metadata.sorted_tables]
        return "\n".join(repr(tuple(row)) for rows in found for row in rows)

    everything = house.run(house.store.read(dump))
    # As a number of its own: among so many digests and tokens some happen to hold any few digits.
    kept = [number for number in ("10184", "6789", "6789.37", "678937") if re.search(rf"\b{number}\b", everything)]
    assert kept == ["10184"]


def test_an_entry_is_reversed_with_a_reason_and_what_was_handed_over_is_not(house: House, desk: Browser) -> None:
    """I092."""
    path = f"/dues/members/{who(house, '白云')}"
    page = desk.get(path).get_data(as_text=True)
    assert re.findall(r'action="/dues/entries/(\w+)/back', page) == ["more"], "October was handed over"
    closed = desk.post("/dues/entries/paid/back", {"reason": "记错"}, form_at=path)
    assert closed.status_code == 409
    assert "已经上缴" in closed.get_data(as_text=True)
    assert desk.post("/dues/entries/more/back", {"reason": "记错"}, form_at=path).status_code == 303
    assert rows(house)[-1] == ("reversal", "2026-11", -5000)
    assert desk.post("/dues/entries/more/back", {"reason": "记错"}, form_at=path).status_code == 409
    refund = {**HOW, "month": "2026-10", "sum": "75.01", "note": "多交"}
    assert "不能超过本支部这个月收的 75.00 元" in desk.post(f"{path}/refund", refund, form_at=path).get_data(
        as_text=True
    )
    assert desk.post(f"{path}/refund", {**refund, "sum": "10"}, form_at=path).status_code == 303
    assert rows(house)[-1] == ("refund", "2026-10", -1000)
    extra = {**HOW, "sum": "1000", "receipt": "1"}
    assert desk.post(f"{path}/extra", extra, form_at=path).status_code == 303
    assert "全额上缴中央" in desk.get(path).get_data(as_text=True)


def test_dues_are_handed_over_and_the_newest_is_taken_back(house: House, desk: Browser) -> None:
    """DUE-14."""
    path = "/dues/handovers"
    assert "手上有 50.00 元，已经 22 天没有上缴" in desk.get(path).get_data(as_text=True)
    fields = {"through": "2026-11-20", "on": "2026-11-24", "sum": "60", "receiver": "党总支", "receipt": "1"}
    assert "手上只有 50.00 元" in desk.post(f"{path}/new", fields, form_at=path).get_data(as_text=True)
    assert desk.post(f"{path}/new", {**fields, "sum": "50"}, form_at=path).status_code == 303
    page = desk.get(path).get_data(as_text=True)
    assert "手上没有待上缴的党费" in page
    assert re.search(r"2026-11-09</span> – <span[^>]*>2026-11-20<", page)
    (newest,) = re.findall(r'action="(/dues/handovers/\w+/back)', page)
    assert pay(house, desk, {"丁一": "75"}).status_code == 303, "what comes later that day belongs to the next"
    assert "手上有 75.00 元。" in desk.get(path).get_data(as_text=True), "and nothing of no days"
    assert desk.post(newest, {"reason": "写错"}, form_at=path).status_code == 303
    assert desk.post(f"{path}/new", {**fields, "sum": "60"}, form_at=path).status_code == 303
    assert desk.post(f"{path}/new", {**fields, "sum": "65"}, form_at=path).status_code == 303, "what is left, alone"
    found = from_csv(desk.get("/dues/export/handovers.csv").data)
    assert [row[2:7] for row in found[1:-1]] == [
        ["3", "1", "225.00", "75.00", "75.00"],
        ["3", "2", "225.00", "125.00", "60.00"],
        ["", "0", "", "0.00", "65.00"],
    ], "a month is due once, however often it is handed over"


def test_the_room_is_told_a_count_within_its_caps(house: House, desk: Browser) -> None:
    """DUE-18, CALM-2."""

    def told() -> list[Any]:
        query = outbox.outbox.select().where(outbox.outbox.c.kind == outbox.Kind.SAY)
        return [row.words for row in house.run(house.store.read(lambda unit: unit.rows(query)))]

    before = len(told())
    assert pay(house, desk, {"白云": "25"}).status_code == 303
    answer = desk.post("/dues/tell", {"month": "2026-11"}, form_at="/dues")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    (said,) = told()[before:]
    assert said["key"] == "dues.counted"
    assert (said["parameters"]["paid"], said["parameters"]["due"]) == (1, 3)
    assert not any(name in repr(said) for name in PAYERS)
    assert desk.post("/dues/tell", {"month": "2027-01"}, form_at="/dues").status_code == 409


def test_the_record_says_that_something_was_entered_and_never_of_whom_or_how_much(house: House, desk: Browser) -> None:
    """DUE-19: whom a row names has paid, and whom none names has not."""
    pay(house, desk, {"丁一": "12.34"})
    found = house.run(house.store.read(lambda unit: unit.rows(audit.select())))
    mine = [row for row in found if row.action and "dues" in row.action]
    assert {row.action for row in mine} >= {"dues_entered"}
    assert {row.subject for row in mine} == {None}
    assert re.search(r"\b(?:1234|12\.34)\b", repr(mine)) is None


def test_who_asked_is_answered_in_private_and_the_question_is_gone(house: House, desk: Browser) -> None:
    assert "去年退休了" in desk.get("/dues").get_data(as_text=True)
    empty = desk.post("/dues/questions/asked", {"answer-asked": " "}, form_at="/dues")
    assert "请写回复" in empty.get_data(as_text=True)
    answer = desk.post("/dues/questions/asked", {"answer-asked": "已按离退休重新核定"}, form_at="/dues")
    assert answer.status_code == 303
    assert "去年退休了" not in desk.get("/dues").get_data(as_text=True)
    assert desk.post("/dues/way", {"way": "每月 5 日前找何川"}, form_at="/dues").status_code == 303


def test_who_moved_is_seen_by_each_branch_for_what_it_took_and_may_give_back(house: House, desk: Browser) -> None:
    """The old branch puts its own entries right and sees nothing of the new one; none gives back what another took."""
    handle(house, NEIGHBOUR, "far")
    beside = house.browser(NEIGHBOUR)
    known = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members["白云"])))
    moved = replace(known, organisation=house.seeded.organisations["far"])
    house.run(house.store.settle(notes=[MemberChanged(member=moved)]))
    path = f"/dues/members/{who(house, '白云')}"
    flat = {"kind": "full", "category": "flat", "base": "88.88", "since": "2026-11", "note": "转入"}
    assert desk.post(f"{path}/assess", flat, form_at="/dues").status_code == 404
    assert beside.post(f"{path}/assess", flat, form_at=path).status_code == 303
    page = desk.get(path).get_data(as_text=True)
    assert "已转到别的支部" in page
    assert "88.88" not in page
    assert "/assess" not in page
    assert re.findall(r'action="/dues/entries/(\w+)/back', page) == ["more"]
    assert re.findall(r'action="/dues/entries/(\w+)/back', beside.get(path).get_data(as_text=True)) == []
    refund = {**HOW, "month": "2026-10", "sum": "10", "note": "多交"}
    refused = beside.post(f"{path}/refund", refund, form_at=path)
    assert "不能超过本支部这个月收的 0.00 元" in refused.get_data(as_text=True)
    assert beside.post("/dues/entries/more/back", {"reason": "记错"}, form_at=path).status_code == 404
    assert desk.post("/dues/entries/more/back", {"reason": "记错"}, form_at=path).status_code == 303
    assert desk.post(f"{path}/refund", refund, form_at=path).status_code == 303
    month = desk.get("/dues?month=2026-10").get_data(as_text=True)
    assert "已转出" in month
    assert "已交 0 人，应交 2 人" in month

    def line(browser: Browser, sheet: str) -> list[str]:
        found = from_csv(browser.get(f"/dues/export/{sheet}.csv?month=2026-10").data)
        return next(row for row in found if row[1] == "白云")

    year = line(desk, "year")
    assert (year[3], year[4], year[14:16], year[17:]) == (
        "1.5%",
        "75.00",
        ["65.00", ""],
        ["65.00", "65.00", "陈晨代交，已转出"],
    )
    assert line(desk, "month")[3:5] == ["65.00", "75.00"]
    year = line(beside, "year")
    assert (year[14:16], year[17:]) == (["", ""], ["862.76", "0.00", ""])
    assert line(beside, "month")[3:] == ["10.00", *[""] * 8]


def test_a_sheet_says_nothing_of_other_years_and_no_nought_where_nothing_is_fixed(house: House, desk: Browser) -> None:
    """What is empty is empty: no remark from another year, no 0.00 for whom nothing is fixed; days are of the place."""
    at, member = house.seeded.organisations["one"], house.seeded.members["陈晨"]
    reduced = Assessment(
        id=AssessmentId("reduced"),
        member=member,
        organisation=at,
        kind=Kind.REDUCED,
        category=Category.FLAT,
        fen=2000,
        since="2025-01",
        note="困难",
        by=SECRETARY,
        at=NOW,
    )
    evening = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    again = replace(reduced, id=AssessmentId("again"), kind=Kind.FULL, fen=7500, since="2026-01", note="", at=evening)
    house.run(house.store.settle(notes=[DuesAssessed(member=member, assessment=one) for one in (reduced, again)]))

    def line(sheet: str, month: str, name: str) -> list[str]:
        found = from_csv(desk.get(f"/dues/export/{sheet}.csv?month={month}").data)
        return next(row for row in found if row[1] == name)

    assert line("year", "2026-10", "陈晨")[-1] == ""
    assert line("year", "2025-10", "陈晨")[4:] == ["20.00", *[""] * 12, "240.00", "0.00", "少交"]
    assert line("assessments", "2026-10", "陈晨")[6] == "2026-11-24", "half past midnight in Shanghai"
    assert line("year", "2026-10", "方圆")[2:] == [""] * 18
    assert line("month", "2026-10", "方圆")[3:] == [*[""] * 8, "还没有核定"]
    assert line("assessments", "2026-10", "方圆")[3:] == ["", "", "", "", "还没有核定"]
    data = desk.get("/dues/export/year.xlsx?month=2026-10").data
    sheet = load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    (paid,) = [row for row in rows if row[1] == "白云"]
    assert paid[14:16] == (75, 50), "sums are numbers"
    assert not any(row[5] for row in rows if row[1] in ("白云", "方圆"))
    assert "".join(str(rows[-1][0]).split()) == "收款人：组织委员：制表日期：2026-11-24"
    assert (sheet.row_dimensions[len(rows)].height or 0) > 20, "there is room to sign"
    widths = {cell.value: sheet.column_dimensions[cell.column_letter].width for cell in sheet[2]}
    assert widths["月工资收入(计算基数)"] < 16, "an empty column takes no more room than its name in two lines"


HEADERS = {
    "assessments": "序号｜姓名｜人员类别｜计算基数(元)｜执行比例｜月应交(元)｜核定日期｜备注",
    "year": "序号｜党员姓名｜月工资收入(计算基数)｜执行标准｜月应缴党费｜"
    + "｜".join(f"{n}月" for n in range(1, 13))
    + "｜全年应缴｜全年实缴｜备注(补缴/代缴/减免)",
    "month": "序号｜姓名｜所属月份｜应交｜实交｜交纳日期｜交纳方式｜收款人｜是否代交｜代交人｜收据号｜备注",
    "handovers": "上缴时间｜所属期｜应缴人数｜实缴人数｜应缴金额｜实缴金额｜上缴金额｜收款单位｜票据号｜经办人",
}


@pytest.mark.parametrize("sheet", HEADERS)
def test_each_sheet_has_the_columns_of_an_office_in_every_form(house: House, desk: Browser, sheet: str) -> None:
    at = f"/dues/export/{sheet}"
    header = HEADERS[sheet].split("｜")
    found = from_csv(desk.get(f"{at}.csv?month=2026-10").data)
    assert found[0] == header
    assert from_xlsx(desk.get(f"{at}.xlsx?month=2026-10").data, len(header))[0] == header
    (table,) = from_docx(desk.get(f"{at}.docx?month=2026-10").data)
    assert table[0] == header
    assert "制表日期：2026-11-24" in desk.get(f"{at}.text?month=2026-10").get_data(as_text=True)
    if sheet == "assessments":
        assert next(row for row in found if row[1] == "白云")[3:6] == ["", "1.5%", "75.00"]
    if sheet == "year":
        row, total = next(row for row in found if row[1] == "白云"), found[-1]
        assert (row[2], row[14], row[15], row[18], row[19]) == ("", "75.00", "50.00", "125.00", "陈晨代交")
        assert (total[1], total[17], total[18]) == ("合计", "2700.00", "125.00")
    if sheet == "month":
        row = next(row for row in found if row[1] == "白云")
        assert row[3:11] == ["75.00", "75.00", "2026-10-08", "现金", "", "是", "陈晨", "0012"]


def test_a_payer_that_looks_like_a_formula_leaves_as_text(house: House, desk: Browser) -> None:
    assert pay(house, desk, {"丁一": "75"}, payer='=HYPERLINK("x")').status_code == 303
    assert "'=HYPERLINK" in desk.get("/dues/export/month.csv?month=2026-11").data.decode()
