"""The working-day calendar at the desk: who operates the whole sets it, everyone else reads it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta

import pytest

from console.access import digest
from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from content.workdays import Source
from storage import workdays
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER, link_for, put
from tests.content.test_workdays import NOTICE_2026

PATH = "/calendar/workdays"
NOTICE_2027 = NOTICE_2026.replace("2026年", "2027年")


OPERATOR = UserId("@yunwei:example.org")


@pytest.fixture
def operator(house: House) -> Browser:
    """Give the browser of who operates the whole."""
    duty = Duty(user=OPERATOR, organisation=house.seeded.organisations["committee"], role=Role.OPERATOR)
    house.run(put(house.store, "operator", DutyGranted(duty=duty)))
    return house.browser(OPERATOR)


def kept(house: House) -> workdays.WorkCalendar:
    return house.run(house.store.read(workdays.calendar))


def test_a_year_is_shown_as_a_list_with_its_source(browser: Browser) -> None:
    page = browser.get(f"{PATH}?year=2026").get_data(as_text=True)
    for said in (
        "2月15日 周日 – 2月23日 周一",
        "春节",
        "上班",
        "2026 年的安排随程序附带",
        "目前知道到 2026 年12月31日",
    ):
        assert said in page
    unknown = browser.get(f"{PATH}?year=2050").get_data(as_text=True)
    assert "还没有 2050 年的安排" in unknown
    assert browser.get(f"{PATH}?year=1999").status_code == 400


def test_the_notice_is_pasted_as_it_was_published_and_can_be_dropped(house: House, operator: Browser) -> None:
    answer = operator.post(f"{PATH}/list", {"list": NOTICE_2027}, form_at=PATH)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{PATH}?year=2027")
    assert kept(house).source(2027) is Source.LISTED
    assert kept(house).works(date(2027, 2, 14))
    page = operator.get(f"{PATH}?year=2027").get_data(as_text=True)
    assert "是在这里录入的" in page
    assert operator.post(f"{PATH}/2027/forget", form_at=PATH).status_code == 303
    assert kept(house).source(2027) is Source.NONE


def test_a_sheet_is_taken_like_a_pasted_list(house: House, operator: Browser) -> None:
    rows = "日期,类型,名称\n2027-01-01,休,元旦\n2027-05-01,休,劳动节\n2027-10-01,休,国庆节\n2027-10-09,班,\n"
    marks = operator.marks(PATH)
    fields = marks | {"file": (io.BytesIO(rows.encode("gb18030")), "放假安排.csv")}
    assert operator.post(f"{PATH}/list", fields).status_code == 303
    assert kept(house).works(date(2027, 10, 9))


def test_what_cannot_be_read_is_said_and_what_was_typed_stays(house: House, operator: Browser) -> None:
    part = operator.post(f"{PATH}/list", {"list": "2027-02-17 休 春节"}, form_at=PATH)
    assert part.status_code == 422
    assert "这不像全年的安排" in part.get_data(as_text=True)
    bad = operator.post(f"{PATH}/list", {"list": "2027-02-31 休 春节"}, form_at=PATH).get_data(as_text=True)
    assert "第 1 条" in bad
    assert "2027-02-31 休 春节" in bad
    assert kept(house).source(2027) is Source.NONE


def test_one_day_is_set(house: House, operator: Browser) -> None:
    fields = {"date": "2026-12-19", "kind": "work", "name": "抢修"}
    assert operator.post(f"{PATH}/day", fields, form_at=PATH).status_code == 303
    assert kept(house).works(date(2026, 12, 19))
    assert "手工设置" in operator.get(f"{PATH}?year=2026").get_data(as_text=True)
    assert operator.post(f"{PATH}/day", fields | {"date": "x"}, form_at=PATH).status_code == 422
    assert operator.post(f"{PATH}/day", fields | {"kind": "x"}, form_at=PATH).status_code == 400


@pytest.mark.parametrize("user", [VIEWER, NEIGHBOUR, SECRETARY])
def test_who_does_not_operate_the_whole_only_reads(house: House, user: str) -> None:
    browser = house.browser(user)
    page = browser.get(PATH)
    assert page.status_code == 200
    assert "录入全年安排" not in page.get_data(as_text=True)
    assert browser.post(f"{PATH}/list", {"list": NOTICE_2027}, form_at="/").status_code in (403, 404)
    assert kept(house).source(2027) is Source.NONE


def test_the_first_page_asks_who_can_enter_it_for_next_years_list_in_december(house: House, operator: Browser) -> None:
    asked = "还没有 2027 年的放假安排"
    assert asked not in operator.get("/").get_data(as_text=True)
    december = datetime(2026, 12, 1, 1, tzinfo=UTC)
    lasts = december - house.clock.now + timedelta(minutes=5)
    shown = {}
    for user in (OPERATOR, SECRETARY):
        house.run(house.store.settle(notes=[link_for(user, user, digest(user), lasts=lasts)]))
        house.clock.now = december
        browser = house.browser(None)
        browser.sign_in(user)
        shown[user] = asked in browser.get("/").get_data(as_text=True)
    assert shown == {OPERATOR: True, SECRETARY: False}
