"""At the desk: who presides, written opinions, a letter for another day, and seats that stay empty by decision."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from content.identifiers import MemberId, OrganisationId, UserId
from content.members import Member, MemberEnrolled, MemberLeft
from content.paper_elections import Decider
from tests.console.console_house import Browser, House
from tests.console.test_elections_page import COUNTER, MONITOR, fields, figures, paper, place, press

__all__ = ("place",)


def words_of(browser: Browser, id: str, sheet: str) -> str:
    with zipfile.ZipFile(io.BytesIO(browser.get(f"/elections/{id}/{sheet}.docx").data)) as parts:
        return re.sub("<[^>]+>", "|", parts.read("word/document.xml").decode())


def day_offered(browser: Browser, id: str) -> str:
    (day,) = re.findall(
        r'name="on" type="date" value="([^"]+)"', browser.get(f"/elections/{id}").get_data(as_text=True)
    )
    return str(day)


def prepared(browser: Browser, place: OrganisationId, **more: str) -> str:
    filled = fields(browser, place, **more)
    assert browser.post("/elections/new", filled).status_code == 303
    return filled["id"]


@pytest.fixture
def unfilled(house: House, place: OrganisationId) -> str:
    """Give an election of two in which one alone got enough votes."""
    browser = house.browser()
    id = prepared(browser, place)
    assert press(browser, id, "fix", {"excused": ""}).status_code == 303
    met = {"present": "10", "issued": "10", "officers": "选举人一\n选举人二"}
    assert press(browser, id, "meet", met).status_code == 303
    for user in (MONITOR, COUNTER):
        assert press(house.browser(user), id, "count", figures((9, 3, 2))).status_code == 303
    return id


def test_who_presides_and_by_which_letter_the_day_is_another_stand_in_the_record(
    house: House, place: OrganisationId
) -> None:
    """R03, R10."""
    browser = house.browser()
    id = prepared(browser, place, off_term="矿委〔2027〕2号")
    page = browser.get(f"/elections/{id}").get_data(as_text=True)
    assert "还没有写由谁主持" in page
    assert 'value="矿委〔2027〕2号"' in browser.get(f"/elections/new?id={id}").get_data(as_text=True)
    unknown = press(browser, id, "meeting", {"chair": "没有此人"})
    assert (unknown.status_code, "请写名册上的一个人名" in unknown.get_data(as_text=True)) == (422, True)
    assert press(browser, id, "meeting", {"chair": "选举人 八"}).status_code == 303
    assert press(browser, id, "fix", {"excused": ""}).status_code == 303
    assert paper(house, id).chair == "e7"
    record = words_of(browser, id, "record")
    for said in ("主持人：选举人八", "提前或延期换届的批复：矿委〔2027〕2号"):
        assert said in record
    assert press(browser, id, "meeting", {"chair": ""}).status_code == 303
    assert paper(house, id).chair is None


def test_of_two_of_one_name_the_account_tells_who_presides_and_who_is_noted_stays(
    house: House, place: OrganisationId
) -> None:
    """R10: also where they have left since."""
    browser = house.browser()
    id = prepared(browser, place)
    assert press(browser, id, "meeting", {"chair": "选举人八"}).status_code == 303
    account = UserId("@eighth:example.org")
    twin = Member(id=MemberId("twin"), organisation=place, name="选举人八", category="正式党员", user=account)
    house.run(house.store.settle(notes=[MemberEnrolled(member=twin)]))
    assert press(browser, id, "meeting", {"chair": "选举人八"}).status_code == 303
    assert paper(house, id).chair == "e7"
    assert press(browser, id, "meeting", {"chair": ""}).status_code == 303
    either = press(browser, id, "meeting", {"chair": "选举人八"})
    assert (either.status_code, "有几位同名的同志" in either.get_data(as_text=True)) == (422, True)
    assert press(browser, id, "meeting", {"chair": account}).status_code == 303
    house.run(house.store.settle(notes=[MemberLeft(member=twin.id, at=house.clock.now)]))
    assert press(browser, id, "meeting", {"chair": "选举人八"}).status_code == 303
    assert paper(house, id).chair == twin.id


def test_the_letter_for_another_day_can_be_written_once_the_roll_is_fixed(house: House, place: OrganisationId) -> None:
    """R03: it changes no vote, and the page goes on asking for it."""
    browser = house.browser()
    id = prepared(browser, place)
    assert 'name="off_term"' not in browser.get(f"/elections/{id}").get_data(as_text=True)
    assert press(browser, id, "fix", {"excused": ""}).status_code == 303
    assert 'name="off_term"' in browser.get(f"/elections/{id}").get_data(as_text=True)
    assert press(browser, id, "meeting", {"chair": "", "off_term": "字" * 201}).status_code == 422
    assert press(browser, id, "meeting", {"chair": "", "off_term": "矿委〔2027〕2号"}).status_code == 303
    assert press(browser, id, "meeting", {"chair": "选举人八"}).status_code == 303
    assert paper(house, id).off_term == "矿委〔2027〕2号"
    assert "提前或延期换届的批复：矿委〔2027〕2号" in words_of(browser, id, "record")


def test_what_the_absent_wrote_is_in_the_record_and_in_no_figure(house: House, place: OrganisationId) -> None:
    """R26."""
    browser = house.browser()
    id = prepared(browser, place, pack="admission", candidates="预备甲", seats="1", contested="")
    assert press(browser, id, "fix", {"excused": ""}).status_code == 303
    off = press(browser, id, "meeting", {"chair": "", "opinions": "x"})
    assert (off.status_code, "请写收到几份" in off.get_data(as_text=True)) == (422, True)
    assert press(browser, id, "meeting", {"chair": "", "opinions": "2"}).status_code == 303
    held = paper(house, id)
    assert (held.opinions, held.expected, held.present) == (2, 10, None)
    assert "书面意见 2 份；只作记录，没有计入票数" in words_of(browser, id, "record")


@pytest.mark.parametrize("by", list(Decider))
def test_a_decision_for_fewer_takes_the_place_of_a_separate_election(house: House, unfilled: str, by: Decider) -> None:
    """R20."""
    browser = house.browser()
    assert f"/elections/new?after={unfilled}" in browser.get(f"/elections/{unfilled}").get_data(as_text=True)
    on = day_offered(browser, unfilled)
    few = press(browser, unfilled, "empty", {"by": "meeting", "agreed": "5", "decision": "会议记录第3页", "on": on})
    assert (few.status_code, "6 到 10 人" in few.get_data(as_text=True)) == (422, True)
    assert press(browser, unfilled, "empty", {"by": "nobody", "decision": "8号"}).status_code == 422
    decided = {"by": by, "agreed": "6", "decision": "会议记录第3页", "on": on}
    never = press(browser, unfilled, "empty", {**decided, "on": "9999-01-01"})
    assert (never.status_code, "请写决定的日期" in never.get_data(as_text=True)) == (422, True)
    assert press(browser, unfilled, "empty", decided).status_code == 303
    page = browser.get(f"/elections/{unfilled}").get_data(as_text=True)
    assert f"/elections/new?after={unfilled}" not in page
    assert "少选 1 名" in page
    record = words_of(browser, unfilled, "record")
    assert re.search("少选 1 名：[^|]*会议记录第3页", record)
    assert ("6 人同意" in record) is (by is Decider.MEETING)


def test_a_seat_is_either_left_empty_or_voted_on_again(house: House, unfilled: str, place: OrganisationId) -> None:
    """R20: as long as a separate election is prepared no decision is taken for fewer, and after it none is prepared."""
    browser = house.browser()
    decided = {"by": "above", "decision": "8号", "on": day_offered(browser, unfilled)}
    again = {"parent": unfilled, "kind": "byelection", "title": "另行选举", "seats": "1"}
    child = prepared(browser, place, **again)
    held = press(browser, unfilled, "empty", decided)
    assert (held.status_code, "另行选举" in held.get_data(as_text=True)) == (422, True)
    assert press(browser, child, "void", {"reference": "不再另选"}).status_code == 303
    assert press(browser, unfilled, "empty", decided).status_code == 303
    assert browser.post("/elections/new", fields(browser, place, **again)).status_code == 422
