"""Who is away is registered and exported; a report is opened by the secretary and the contact only, and noted."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
from sqlalchemy import select

from content.away import Away, AwayNoted
from content.identifiers import MemberId, ThoughtReportId, UserId, derive
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.thought_reports import ThoughtReport, ThoughtReportBegun, ThoughtReportHandedIn
from storage import away, looks
from storage.away import away as away_table
from storage.outbox import outbox
from storage.thought_reports import thought_reports
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, NOW, SECRETARY, THOUGHTS, VIEWER

ONE, FAR = (f"/thought-reports/{derive('seed thought report', short)}" for short in ("one", "far"))


def put(browser: Browser, path: str, fields: dict[str, str], at: str) -> Any:
    return browser.post(path, {**browser.marks(at), **fields})


def text(browser: Browser, path: str) -> str:
    return browser.get(path).get_data(as_text=True)


def rows(house: House, table: Any) -> list[Any]:
    return list(house.run(house.store.read(lambda unit: unit.rows(select(table)))))


def granted(house: House, name: str, role: Role) -> Browser:
    user = UserId(f"@m{list(house.seeded.members).index(name) + 1}:example.org")
    duty = Duty(user=user, organisation=house.seeded.organisations["one"], role=role)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    return house.browser(user)


def test_the_secretary_opens_reports_and_each_is_noted_by_its_day(house: House, browser: Browser) -> None:
    assert "已交" in text(browser, "/thought-reports")
    assert THOUGHTS not in text(browser, "/thought-reports")
    assert THOUGHTS in text(browser, ONE)
    member = house.seeded.members["白云"]
    report = ThoughtReport(id=ThoughtReportId("second"), member=member, user=UserId("@m1:example.org"), begun_at=NOW)
    handed = ThoughtReportHandedIn(
        report=report.id, member=member, organisation=house.seeded.organisations["one"], at=NOW - timedelta(hours=4)
    )
    house.run(house.store.settle(notes=[ThoughtReportBegun(report=report), handed]))
    for path in (ONE, "/thought-reports/second", "/thought-reports/second"):
        assert browser.get(path).status_code == 200
    found = [(row.user_id, row.member_id, row.day) for row in rows(house, looks.looks) if row.what == "thought_report"]
    assert found == [(SECRETARY, member, date(2026, 11, 22)), (SECRETARY, member, date(2026, 11, 24))]
    own = granted(house, "白云", Role.VIEWER)
    assert '打开了思想汇报 <time datetime="2026-11-22">' in text(own, "/looked")


def test_others_see_the_day_alone_and_another_branch_nothing(house: House) -> None:
    organiser = granted(house, "陈晨", Role.ORGANISING_MEMBER)
    assert "白云" in text(organiser, "/thought-reports")
    assert ONE not in text(organiser, "/thought-reports")
    assert organiser.get(ONE).status_code == 404
    assert (
        put(organiser, f"{ONE}/reply", {"reply": "越权"}, f"/members/{house.seeded.members['白云']}/away").status_code
        == 404
    )
    assert house.browser(NEIGHBOUR).get(ONE).status_code == 404
    assert house.browser(VIEWER).get(ONE).status_code == 404
    assert "白云" not in text(house.browser(VIEWER), "/thought-reports")
    assert "白云" not in text(house.browser(NEIGHBOUR), "/away")
    assert [row.what for row in rows(house, looks.looks) if row.what == "thought_report"] == []


def test_a_contact_opens_the_reports_of_their_person_and_of_nobody_else(house: House, browser: Browser) -> None:
    contact = granted(house, "陈晨", Role.VIEWER)
    assert contact.get(ONE).status_code == 404
    member = house.seeded.members["白云"]
    fields = {"since": "2026-01-10", "reason": "work", "place": "四川成都", "contact": "陈晨", "card": "=1+1"}
    assert put(browser, f"/members/{member}/away", fields, f"/members/{member}/away").status_code == 303
    assert THOUGHTS in text(contact, ONE)
    assert contact.get(FAR).status_code == 404


def test_a_reply_reaches_the_author_once_and_sealed(house: House, browser: Browser) -> None:
    assert put(browser, f"{ONE}/reply", {"reply": "  "}, ONE).status_code == 422
    assert put(browser, f"{ONE}/reply", {"reply": "看到了，保重"}, ONE).status_code == 303
    assert (
        put(browser, f"{ONE}/reply", {"reply": "再来一次"}, f"/members/{house.seeded.members['白云']}/away").status_code
        == 409
    )
    told = [row for row in rows(house, outbox) if row.words and row.words["key"] == "thought_report.replied"]
    assert len(told) == 1
    assert "保重" not in str(told[0].words)
    assert "看到了，保重" in text(browser, ONE)
    assert len([row for row in rows(house, thought_reports) if row.replied_at]) == 1


def test_the_register_says_what_is_due_and_leaves_in_the_columns_of_an_office(house: House, browser: Browser) -> None:
    member = house.seeded.members["白云"]
    fields = {"since": "2026-01-10", "reason": "work", "place": "四川成都", "contact": "陈晨", "card": "=1+1"}
    put(browser, f"/members/{member}/away", fields, f"/members/{member}/away")
    page = text(browser, "/away")
    assert "四川成都" in page
    assert "拟登记流动" in page
    assert (
        put(browser, f"/members/{member}/away/contacts", {"on": "2026-11-01"}, f"/members/{member}/away").status_code
        == 303
    )
    assert (
        put(browser, f"/members/{member}/away/contacts", {"on": "2026-11-01"}, f"/members/{member}/away").status_code
        == 422
    )
    sheet = openpyxl.load_workbook(io.BytesIO(browser.get("/away/export.xlsx").data)).active
    assert sheet is not None
    found = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
    header = next(row for row in found if row[0] == "序号")
    columns = "序号｜姓名｜流向｜外出原因｜外出时间｜预计返回｜联系方式｜活动证号｜联系人｜联系记录(日期)"
    assert header[:12] == [*columns.split("｜"), "思想汇报(日期)", "流入地党组织"]
    (row,) = [row for row in found if row[1] == "白云"]
    assert (row[2], row[8], row[9], row[10]) == ("四川成都", "陈晨", "2026-11-01", "2026-11-22")
    assert THOUGHTS not in str(found)
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_what_is_known_stays_known_and_days_are_those_of_the_branch(house: House, browser: Browser) -> None:
    """A contact of another branch, and one called like somebody else, stays when who does not see them changes more."""
    member, place = house.seeded.members["白云"], house.seeded.organisations["one"]
    double = Member(id=MemberId("double"), organisation=place, name="陈晨", user=None)
    contact = house.seeded.members["安邻"]
    noted = Away(member=member, since=date(2026, 1, 10), returns=date(2026, 6, 1), abroad=True, contact=contact)
    report = ThoughtReport(id=ThoughtReportId("late"), member=member, user=UserId("@m1:example.org"), begun_at=NOW)
    at = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    handed = ThoughtReportHandedIn(report=report.id, member=member, organisation=place, at=at)
    noting = AwayNoted(member=member, organisation=place, away=noted, by=SECRETARY, at=NOW)
    house.run(
        house.store.settle(notes=[MemberEnrolled(member=double), noting, ThoughtReportBegun(report=report), handed])
    )
    page = f"/members/{member}/away"
    assert put(browser, page, {"since": "2026-01-11", "reason": "work", "contact": "安邻"}, page).status_code == 303
    assert house.run(house.store.read(lambda unit: away.of(unit, member))).contact == contact
    assert put(browser, page, {"since": "2026-01-11", "reason": "work", "contact": "邻双"}, page).status_code == 422
    assert put(browser, page, {"since": "2026-01-11", "reason": "work", "contact": "陈晨"}, page).status_code == 422
    given = browser.get("/away/export.csv").get_data(as_text=True)
    assert "2026-01-01、2026-11-22" in given
    house.run(house.store.settle(notes=[noting]))
    reader = granted(house, "陈晨", Role.GROUP_LEADER)
    for path in ("/away", page):
        shown = text(reader, path)
        assert '原定<time datetime="2026-06-01">6月1日</time>返回' in shown
        assert '待联系，<time datetime="2026-07-10">7月10日</time>起' in shown
    assert "务工经商" in shown


def test_a_form_that_cannot_be_keeps_what_was_typed_and_the_end_forgets(house: House, browser: Browser) -> None:
    member = house.seeded.members["白云"]
    wrong = {"since": "2026-01-10", "reason": "work", "place": "成都市某街5号", "host": "某社区党委"}
    answer = put(browser, f"/members/{member}/away", wrong, f"/members/{member}/away")
    assert answer.status_code == 422
    assert "某社区党委" in answer.get_data(as_text=True)
    assert put(browser, f"/members/{member}/away/end", {}, f"/members/{member}/away").status_code == 303
    assert member not in [row.member_id for row in rows(house, away_table)]
    assert house.run(house.store.read(lambda unit: away.of(unit, member))) is None
