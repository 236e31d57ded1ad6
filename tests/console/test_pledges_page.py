"""Pledges at the desk: the register in neutral words, changes with reasons, questions, and the ledger that leaves."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from msgspec.structs import replace

from content.burden import Cap
from content.identifiers import EventId, PledgeId
from content.members import MemberChanged, MemberLeft
from content.pledge_questions import Question, Stand
from content.pledges import Pledge, State
from content.settings import SettingChosen
from storage import members, outbox, pledge_questions
from storage import pledges as stored
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, VIEWER, put
from tests.console.open_pledge import FIRST, OWN_PLEDGE, SECOND, put_pledge_down

PATH = f"/pledges/{OWN_PLEDGE}"


def form(house: House, **more: Any) -> dict[str, Any]:
    usual = {
        "organisation": house.seeded.organisations["one"],
        "party": "branch",
        "matter": "修好值班室的灯",
        "measure": "夜里亮着",
        "owner": house.seeded.members["白云"],
        "due": (NOW + timedelta(days=60)).date().isoformat(),
    }
    return {name: value for name, value in (usual | more).items() if value}


def one(house: House, id: str = OWN_PLEDGE) -> Pledge:
    found = house.run(house.store.read(lambda unit: stored.pledge(unit, PledgeId(id))))
    assert found is not None
    return found


def questions(house: House) -> tuple[Question, ...]:
    return house.run(house.store.read(lambda unit: pledge_questions.questions(unit, [OWN_PLEDGE])))


def rows(house: House, kind: str) -> list[Any]:
    query = outbox.outbox.select().where(outbox.outbox.c.kind == kind)
    return list(house.run(house.store.read(lambda unit: unit.rows(query))))


def page_of(browser: Browser, path: str = PATH) -> str:
    return browser.get(path).get_data(as_text=True)


def test_two_organisers_put_down_two_pledges_with_numbers_of_their_own(house: House, browser: Browser) -> None:
    made = [browser.post("/pledges/new", form(house, matter=matter)) for matter in ("一", "二")]
    ids = [re.search(r"/pledges/(\w+)", answer.headers["Location"])[1] for answer in made]  # type: ignore[index]
    assert [one(house, id).number for id in ids] == [1, 2]
    marks = browser.marks("/pledges/new")
    for _ in range(2):
        browser.post("/pledges/new", marks | form(house, matter="三"))
    found = house.run(house.store.read(lambda unit: stored.of_branch(unit, house.seeded.organisations["one"], limit=9)))
    assert len(found) == 3, "the same form twice is one pledge"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"matter": ""}, "请写承诺事项"),
        ({"due": "2020-01-01"}, "要在今天或以后"),
        ({"due": "someday"}, "请选一个日期"),
        ({"owner": "unknown"}, "请从名单里选"),
        ({"party": "person:unknown"}, "请从名单里选"),
        ({"party": "group:unknown"}, "请从名单里选"),
    ],
)
def test_what_cannot_be_kept_is_said_and_stays_in_the_form(
    house: House, browser: Browser, changed: dict[str, str], said: str
) -> None:
    answer = browser.post("/pledges/new", form(house, **changed))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert "夜里亮着" in page


def test_an_owner_of_another_branch_is_refused(house: House, browser: Browser) -> None:
    assert browser.post("/pledges/new", form(house, owner=house.seeded.members["安邻"])).status_code == 422
    far = form(house, organisation=house.seeded.organisations["far"])
    assert browser.post("/pledges/new", far).status_code == 404


def test_the_register_says_what_is_so_and_blames_nobody(house: House, browser: Browser) -> None:
    """AF-14."""
    put_pledge_down(house)
    browser.post("/pledges/new", form(house))
    listed = page_of(browser, "/pledges")
    assert "未更新 21 天" in listed
    assert listed.index("给站台加装扶手") < listed.index("修好值班室的灯"), "what is past its day comes first"
    assert not re.search("逾期|拖延|超期|落后", listed)


def test_a_viewer_reads_it_without_names(house: House) -> None:
    put_pledge_down(house)
    viewer = house.browser(VIEWER)
    for path in ("/pledges", PATH):
        page = page_of(viewer, path)
        assert "给站台加装扶手" in page
        assert "白云" not in page
        assert "陈晨" not in page
    assert viewer.get("/pledges/ledger.xlsx").status_code in (403, 404)


def test_a_change_needs_a_reason_and_sees_what_others_did_meanwhile(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    marks = browser.marks(f"{PATH}/change")
    mark = re.search(r'name="mark" value="(\w+)"', page_of(browser, f"{PATH}/change"))
    assert mark is not None
    changed = form(house, matter="给站台和楼梯加装扶手", mark=mark[1], due="2027-03-01")
    assert browser.post(f"{PATH}/change", changed).status_code == 422, "without a reason"
    done = browser.post(f"{PATH}/change", changed | {"reason": "楼梯也要"})
    assert "done=pledge_changed" in done.headers["Location"]
    assert "楼梯也要" in page_of(browser)
    late = browser.post(f"{PATH}/change", changed | {"reason": "再改", "matter": "别的"})
    assert "有人改过" in late.get_data(as_text=True)
    assert one(house).matter == "给站台和楼梯加装扶手"
    assert marks


def test_another_owner_and_the_one_before_are_told(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    mark = re.search(r'name="mark" value="(\w+)"', page_of(browser, f"{PATH}/change"))
    assert mark is not None
    own = {"matter": "给站台加装扶手", "measure": "四个站台都装上", "due": "2027-03-01", "reason": "换人"}
    browser.post(f"{PATH}/change", form(house, mark=mark[1], owner=house.seeded.members["陈晨"], **own))
    assert one(house).owner == house.seeded.members["陈晨"]
    keys = [row.words["key"] for row in rows(house, "tell")]
    assert {"pledge.owner_now", "pledge.owner_no_more"} <= set(keys)


def test_the_first_page_says_what_is_past_its_day_and_what_waits_for_an_answer(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    assert "1 条承诺过了原定日期" in page_of(browser, "/")
    house.run(put(house.store, "left", MemberLeft(member=house.seeded.members["白云"], at=NOW)))
    assert "2 个对承诺的提问在等答复" in page_of(browser, "/")
    assert "承诺过了原定日期" not in page_of(house.browser(VIEWER), "/"), "who may do nothing about it is asked nothing"


def test_progress_closing_and_the_review_are_typed(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    for percent in ("101", "-1", "六成"):
        assert browser.post(f"{PATH}/progress", {"percent": percent}, form_at=PATH).status_code == 422
    browser.post(f"{PATH}/progress", {"percent": "80", "note": "三个站台装好了"}, form_at=PATH)
    assert (one(house).percent, one(house).state) == (80, State.OPEN)
    assert browser.post(f"{PATH}/close", {"verdict": "done"}, form_at=PATH).status_code == 422
    browser.post(f"{PATH}/close", {"verdict": "done", "reason": "都装好了"}, form_at=PATH)
    assert one(house).state is State.DONE
    mark = re.search(r'name="mark" value="(\w+)"', page_of(browser))
    assert mark is not None
    browser.post(f"{PATH}/review", {"review": "群众满意", "mark": mark[1]}, form_at=PATH)
    page = page_of(browser)
    assert "群众满意" in page
    assert "都装好了" in page
    assert browser.post(f"{PATH}/progress", {"percent": "90"}, form_at=PATH).status_code == 422
    browser.post(f"{PATH}/close", {"verdict": "open", "reason": "又坏了一处"}, form_at=PATH)
    assert one(house).state is State.OPEN


def test_the_room_is_told_once_a_day_within_its_caps(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    assert "done=pledge_told" in browser.post(f"{PATH}/tell", form_at=PATH).headers["Location"]
    (said,) = rows(house, "say")
    assert said.words["parameters"]["note"] == "=扶手已到货"
    assert "今天已经发过" in browser.post(f"{PATH}/tell", form_at=PATH).get_data(as_text=True)
    other = browser.post("/pledges/new", form(house)).headers["Location"].partition("?")[0]
    waits = browser.post(f"{other}/tell", form_at=PATH)
    assert "等着发出" in waits.get_data(as_text=True)
    house.run(house.store.settle(notes=[outbox.Echoed(id=said.id, event_id=EventId("$said"))]))
    full = SettingChosen(organisation=house.seeded.organisations["one"], name=Cap.MONTH, value="1")
    house.run(put(house.store, "cap", full))
    refused = browser.post(f"{other}/tell", form_at=PATH)
    assert refused.status_code == 422
    assert re.search("群里.*条", refused.get_data(as_text=True))
    assert len(rows(house, "say")) == 1


def test_a_question_is_shown_without_who_asked_unless_they_wished_it(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    page = page_of(browser)
    assert "第1问" in page
    assert page.count("陈晨") == 1, "of the second alone, in its own line"
    first, second = re.findall(r'<p class="faint">(.*?· 待答复)</p>', page)
    assert "datetime" not in first, "of who asked without a name the day alone"
    assert "datetime" in second


def test_the_desk_answers_and_hides_what_is_improper(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    answer = browser.post(f"{PATH}/questions/{FIRST}/answer", {"answer": "下周"}, form_at=PATH)
    assert "done=pledge_answered" in answer.headers["Location"]
    assert questions(house)[0].answer == "下周"
    assert browser.post(f"{PATH}/questions/{SECOND}/answer", {"answer": " "}, form_at=PATH).status_code == 422
    assert browser.post(f"{PATH}/questions/unknown/answer", {"answer": "x"}, form_at=PATH).status_code == 404
    hide = f"{PATH}/questions/{SECOND}/hide"
    assert browser.post(hide, {"reason": ""}, form_at=PATH).status_code == 422
    browser.post(hide, {"reason": "点名骂人"}, form_at=PATH)
    assert questions(house)[1].stand is Stand.HIDDEN
    seen = page_of(house.browser(VIEWER))
    assert "第2问" not in seen
    assert "点名骂人" not in seen
    assert "有 1 个提问被隐去" in seen
    browser.post(hide, {"back": "yes"}, form_at=PATH)
    assert questions(house)[1].stand is Stand.OPEN


def test_the_desk_says_that_an_owner_is_missing(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    house.run(put(house.store, "left", MemberLeft(member=house.seeded.members["白云"], at=NOW)))
    for path in ("/pledges", PATH):
        assert "责任人已离开名册" in page_of(browser, path)
    assert "已离开" in page_of(browser, f"{PATH}/change")
    back = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members["白云"])))
    assert back is not None
    moved = MemberChanged(member=replace(back, left=None, organisation=house.seeded.organisations["far"]))
    house.run(put(house.store, "moved", moved))
    for path in ("/pledges", PATH):
        assert "责任人已转到别的组织" in page_of(browser, path)
    assert "已转走" in page_of(browser, f"{PATH}/change")


def test_the_ledger_leaves_in_its_columns_with_nothing_that_computes(house: House, browser: Browser) -> None:
    put_pledge_down(house)
    browser.post(f"{PATH}/questions/{FIRST}/answer", {"answer": "=1+1"}, form_at=PATH)
    browser.post(f"{PATH}/questions/{SECOND}/hide", {"reason": "不合适"}, form_at=PATH)
    data = browser.get("/pledges/ledger.xlsx").data
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    found = [list(row) for row in sheet.iter_rows(values_only=True)]
    head = "编号｜承诺主体｜承诺事项｜衡量标准｜责任人｜完成时限｜进展(日期/内容)｜完成率｜群众提问｜答复｜评诺结果"
    assert found[1] == head.split("｜")
    row = found[2]
    assert (row[0], row[2], row[4], row[7], row[10]) == (3, "给站台加装扶手", "白云", "60%", "（待补充）")
    assert row[6].endswith("60% =扶手已到货")
    assert (row[8], row[9]) == ("1. 第1问", "1. =1+1")
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)
