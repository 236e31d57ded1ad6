"""Surveys at the desk: one form for both kinds, sums at the end and no cell more, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from sqlalchemy import select

from content.ballot_files import PublicKeys, write_keys
from content.forms import asking, read_questions
from content.identifiers import BallotId, MemberId, OrganisationId, SurveyId, UserId
from content.members import Member, MemberEnrolled
from content.questions import publish
from content.rule_packs import SURVEY
from content.surveys import State, Survey, SurveyClosed, SurveyDrafted, SurveyOpened
from storage import ballots
from storage import surveys as stored
from storage.envelopes import hold_ceremony
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.open_ballot import come_in, form, in_the_box, link_to, open_ballot

TEXT = "部门\n- 甲\n- 乙\n\n# 常用\n- 一\n- 二\n\n% 满意吗\n\n建议"
FORM = asking(read_questions(TEXT))


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch of six, four of whom have an account."""
    node = house.seeded.organisations["three"]
    enrolled = [
        MemberEnrolled(
            member=Member(
                id=MemberId(f"s{number}"),
                organisation=node,
                name=f"问卷{number}",
                category="正式党员",
                user=UserId(f"@s{number}:example.org") if number < 4 else None,
            )
        )
        for number in range(6)
    ]
    house.run(house.store.settle(notes=enrolled))
    return node


def drafted(browser: Browser, place: OrganisationId, **more: str) -> tuple[str, Any]:
    page = browser.get("/surveys/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    held = hold_ceremony(id, needed=2, among=3)
    keys = PublicKeys(ballot=id, needed=2, key=held.key, share_keys=held.share_keys)
    usual = {
        "id": id,
        "organisation": place,
        "title": "意见征求",
        "questions": TEXT,
        "by": "1",
        "tellers": "问卷0\n问卷1\n问卷2",
        "keys": json.dumps(write_keys(keys)),
        "date": "2027-06-30",
        "time": "18:00",
    }
    return id, browser.post("/surveys/new", {**browser.marks("/surveys/new"), **usual, **more})


def test_a_survey_is_anonymous_where_nothing_else_is_chosen(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    """Part 8: the same envelope, the same tellers, the same steps as a secret ballot."""
    id, answer = drafted(browser, place)
    assert answer.headers["Location"].startswith(f"/ballots/{id}")
    one = house.run(house.store.read(lambda unit: ballots.ballot(unit, BallotId(id))))
    assert one is not None
    assert (one.election.pack, one.election.by, len(one.election.questions)) == (SURVEY, "q1", 4)
    assert "匿名（网页）" in browser.get("/surveys").get_data(as_text=True)
    assert "截止以后才有结果" in browser.get(f"/surveys/{id}").get_data(as_text=True)


def test_one_with_names_needs_no_keys_and_says_to_each_that_it_has_names(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    """The word 匿名 stands only where the envelope is."""
    id, answer = drafted(browser, place, way="named", keys="", tellers="")
    assert answer.headers["Location"].startswith(f"/surveys/{id}")
    page = f"/surveys/{id}"
    for code in (303, 409):
        assert browser.post(f"{page}/open", browser.marks(page)).status_code == code, "it is asked once"
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    assert len([row for row in rows if row.words and row.words["key"] == "survey.asked"]) == 4
    running = browser.get(page).get_data(as_text=True)
    assert "收回" not in running, "while it is open nobody sees how many have answered"
    assert browser.get(f"{page}/export.csv").status_code == 404
    assert browser.post(f"{page}/cancel", browser.marks(page)).status_code == 303
    one = house.run(house.store.read(lambda unit: stored.survey(unit, SurveyId(id))))
    assert one is not None
    assert one.state is State.CANCELLED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": ""}, "请写上投票的题目"),
        ({"questions": ""}, "请写 1 到 30 道题"),
        ({"questions": "题\n- 甲"}, "要有 2 到 12 个选项"),
        ({"questions": "题\n- 甲\n- 甲"}, "两个选项一样"),
        ({"questions": "题\n" + "\n".join(f"- {n}" for n in range(500))}, "要有 2 到 12 个选项"),
        ({"by": "2"}, "一道单选题"),
        ({"by": "x"}, "一道单选题"),
        ({"organisation": "unknown"}, "请选择谁来投"),
        ({"date": "2020-01-01"}, "太近或已经过了"),
    ],
)
@pytest.mark.parametrize("way", ["sealed", "named"])
def test_a_survey_that_cannot_be_meant_comes_back_with_the_reason(
    browser: Browser, place: OrganisationId, way: str, change: dict[str, str], why: str
) -> None:
    """I090: one option, the same twice, five hundred, an empty title."""
    _, answer = drafted(browser, place, way=way, **change)
    assert (answer.status_code, why in answer.get_data(as_text=True)) == (422, True)


def test_of_fewer_than_five_on_the_roster_nothing_is_asked(house: House, browser: Browser) -> None:
    """I091, L9."""
    node = house.seeded.organisations["three"]
    id, _ = drafted(browser, node, way="named")
    page = f"/surveys/{id}"
    answer = browser.post(f"{page}/open", browser.marks(page))
    assert (answer.status_code, "不足 5 人" in answer.get_data(as_text=True)) == (409, True)


def test_results_are_told_alike_on_the_page_and_in_every_file(house: House, browser: Browser) -> None:
    """BAL-5: of ten, five in each group; exports hold no cell that the page does not."""
    id = house.seeded.surveys["one"]
    page = browser.get(f"/surveys/{id}").get_data(as_text=True)
    assert "收回 10 份，应答 10 人，回收率 100%" in page
    assert "不显示" in page
    rows = list(csv.reader(io.StringIO(browser.get(f"/surveys/{id}/export.csv").get_data(as_text=True))))
    assert ["1", "部门", "一线", "5", "", ""] in rows
    assert ["2", "常用", "通知", "不显示", "不显示", "不显示"] in rows, "all said so, and all but none"
    assert ["3", "满意吗", "答了这题的人数", "10", "", ""] in rows
    assert {cell for row in rows[1:] for cell in row[3:]} & {"0", "1", "2", "3", "4"} == set()
    text = browser.get(f"/surveys/{id}/export.text").get_data(as_text=True)
    assert "少于 5 人的格子不显示" in text
    for kind in ("xlsx", "docx"):
        assert browser.get(f"/surveys/{id}/export.{kind}").status_code == 200


@pytest.fixture
def voter(house: House) -> Browser:
    """Give a browser that has come in by its link, to a survey that the server may seal."""
    open_ballot(house, election=FORM, candidates=(), server_seal=True)
    browser = house.browser(None)
    assert come_in(browser, link_to(house)).status_code == 303
    return browser


def test_every_question_may_be_left_out_and_the_page_left(house: House, voter: Browser) -> None:
    """跳过 and 退出: nothing is sent, and the browser is nobody's any more."""
    page = voter.get("/ballot").get_data(as_text=True)
    assert page.count("跳过") >= 3
    assert "文风可能让人认出您" in page, "said before, not after"
    assert voter.post("/ballot/leave", form(voter)).status_code == 200
    assert voter.get("/ballot").status_code == 409
    assert in_the_box(house, length=FORM) is None


def test_answers_without_scripts_are_read_back_and_sealed_by_the_server(house: House, voter: Browser) -> None:
    """I028, I004: options that do not exist are none, two of a single choice are one, unseen signs are gone."""
    said: dict[str, Any] = {
        "q-q1": ["2", "1"],
        "q-q2": ["1", "2", "7"],
        "q-q3": "9",
        "q-q4": " 写一\u202e句\r\n第二行 ",
    }
    marks = form(voter)
    review = voter.client.post("/ballot/review", data={**marks, **said}, headers=voter.headers).get_data(as_text=True)
    assert "写一句" in review
    cast = voter.client.post("/ballot/cast", data={**form(voter), **said}, headers=voter.headers)
    assert cast.status_code == 303
    plain = in_the_box(house, length=FORM)
    assert plain is not None
    assert json.loads(plain) == {"v": 1, "a": {"q1": ["1"], "q2": ["1", "2"], "q4": ["写一句\n第二行"]}}


def test_an_answer_that_is_too_long_is_refused_before_it_is_sealed(house: House, voter: Browser) -> None:
    """I008: never cut off in silence."""
    for page in ("review", "cast"):
        answer = voter.post(f"/ballot/{page}", {**form(voter), "q-q4": "长" * 301})
        assert (answer.status_code, "太长了" in answer.get_data(as_text=True)) == (409, True)
    assert in_the_box(house, length=FORM) is None


@pytest.mark.parametrize(("fives", "mean"), [(6, "1.5"), (7, "1.6"), (8, None)])
def test_the_mean_of_a_scale_is_told_where_all_its_steps_are_and_in_the_export_too(
    house: House, browser: Browser, place: OrganisationId, fives: int, mean: str | None
) -> None:
    """Rounded to a tenth in whole numbers; with a step that fewer than five took there is none."""
    questions = read_questions("% 满意吗\n- 4\n- 5")
    one = Survey(
        id=SurveyId("mean"),
        organisation=place,
        title="满意度",
        questions=questions,
        by="",
        closes_at=house.store.now(),
        timezone="Asia/Shanghai",
    )
    said = [{"q1": ("2",)}] * fives + [{"q1": ("1",)}] * (12 - fives)
    people = tuple(MemberId(f"s{number}") for number in range(6))
    closed = SurveyClosed(survey=one.id, answered=12, result=publish(questions, "", said, least=5))
    begun = (SurveyDrafted(survey=one, author=UserId("@a:test")), SurveyOpened(survey=one.id, people=people))
    house.run(house.store.settle(notes=[*begun, closed]))
    page = browser.get("/surveys/mean").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(browser.get("/surveys/mean/export.csv").get_data(as_text=True))))
    assert re.findall(r"平均 ([0-9.]+)", page) == ([mean] if mean else [])
    assert [row[3] for row in rows if row[2] == "平均"] == ([mean] if mean else [])
