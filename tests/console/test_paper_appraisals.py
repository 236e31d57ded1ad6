"""An appraisal that is held on paper in a meeting: prepared, counted twice apart, and summed up as any other."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from content.identifiers import MemberId, OrganisationId, PaperElectionId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.paper_elections import PaperElection, State
from storage import appraisals, paper_elections
from storage.appraisals import paper_grades
from storage.audit import audit
from storage.holdings import collect
from storage.outbox import outbox
from tests.console.console_house import Browser, House

MONITOR, COUNTER = UserId("@monitor:example.org"), UserId("@counter:example.org")
PEOPLE = ("丁一", "王二", "王二", "李四", "陈五")


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch of five who are graded, two of one name, two with the right to count, and one who is none."""
    node = house.seeded.organisations["three"]
    accounts = {0: MONITOR, 3: COUNTER}
    people = [(name, "正式党员", accounts.get(at)) for at, name in enumerate(PEOPLE)] + [("预备己", "预备党员", None)]
    enrolled = [
        MemberEnrolled(
            member=Member(
                id=MemberId(f"e{number}"),
                organisation=node,
                name=name,
                category=category,
                user=user,
                post="班长" if number == 1 else "司机" if number == 2 else "",
            )
        )
        for number, (name, category, user) in enumerate(people)
    ]
    duties = [DutyGranted(duty=Duty(user=user, organisation=node, role=Role.TELLER)) for user in accounts.values()]
    house.run(house.store.settle(notes=[*enrolled, *duties]))
    return node


def prepare(browser: Browser, place: OrganisationId, **more: str) -> tuple[str, TestResponse]:
    page = browser.get("/appraisals/paper").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    fields = {"id": id, "organisation": place, "title": "年度民主测评", "left_out": "", "held_on": "2027-03-01"}
    return id, browser.post("/appraisals/paper", {**browser.marks("/appraisals/paper"), **fields, **more})


def press(browser: Browser, id: str, verb: str, fields: dict[str, str]) -> TestResponse:
    return browser.post(f"/elections/{id}/{verb}", fields, form_at=f"/elections/{id}")


def paper(house: House, id: str) -> PaperElection:
    found = house.run(house.store.read(lambda unit: paper_elections.paper(unit, PaperElectionId(id))))
    assert found is not None
    return found


def figures(cells: str, returned: int = 5, void: int = 0) -> dict[str, str]:
    """Return a teller's form: ``4100`` for each who is graded, how often each of the four grades was ticked."""
    filled = {"returned": str(returned), "valid": str(returned - void), "void": str(void)}
    for place, row in enumerate(cells.split(), start=1):
        filled |= {f"g{grade}-c{place}": number for grade, number in enumerate(row, start=1)}
    return filled


@pytest.fixture
def counting(house: House, place: OrganisationId) -> tuple[str, Callable[[UserId], Browser]]:
    browser = house.browser()
    id, answer = prepare(browser, place)
    assert answer.status_code == 303
    assert press(browser, id, "fix", {"excused": ""}).status_code == 303
    met = {"present": "5", "issued": "5", "officers": "丁一\n李四"}
    assert press(browser, id, "meet", met).status_code == 303, "who counts may be graded too"
    return id, lambda user: house.browser(user)


EQUAL = "3200 4100 4000 0410 0203"


def text_of(answer: TestResponse) -> str:
    with zipfile.ZipFile(io.BytesIO(answer.data)) as parts:
        return re.sub("<[^>]+>", "|", parts.read("word/document.xml").decode())


def test_everyone_is_on_the_paper_by_strokes_and_who_shares_a_name_is_told_apart(
    house: House, place: OrganisationId
) -> None:
    browser = house.browser()
    id, _ = prepare(browser, place, left_out="陈五")
    names = [one.name for one in paper(house, id).candidates]
    assert names == ["丁一", "王二 班长", "王二 司机", "李四"]
    shown = browser.get("/appraisals").get_data(as_text=True)
    assert f"/appraisals/{id}" in shown
    assert id not in browser.get("/elections").get_data(as_text=True)
    press(browser, id, "fix", {"excused": ""})
    page = browser.get(f"/elections/{id}").get_data(as_text=True)
    assert set(re.findall(r"/(\w+)\.docx", page)) == {"ballot", "counting", "record"}
    for sheet, said in (
        ("ballot", ("民主测评表", "王二 司机", "意见建议")),
        ("counting", ("计票", "未评", "王二 班长")),
        ("record", ("被评议党员 4 名",)),
    ):
        text = text_of(browser.get(f"/elections/{id}/{sheet}.docx"))
        assert [one for one in said if one not in text] == [], sheet
    assert browser.get(f"/elections/{id}/certificate.docx").status_code == 404


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": ""}, "请写上"),
        ({"left_out": "没有此人"}, "没有“没有此人”"),
        ({"organisation": "unknown"}, "请选择谁来投"),
        ({"held_on": "3.1."}, "日期"),
    ],
)
def test_what_cannot_be_meant_comes_back_with_the_reason(
    browser: Browser, place: OrganisationId, change: dict[str, str], why: str
) -> None:
    _, answer = prepare(browser, place, **change)
    assert (answer.status_code, why in answer.get_data(as_text=True)) == (422, True)


def test_two_counts_apart_make_the_same_summary_as_a_secret_ballot_does(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    organiser, form = house.browser(), figures(EQUAL)
    assert press(as_user(MONITOR), id, "count", form).status_code == 303
    assert 'value="3"' not in as_user(COUNTER).get(f"/elections/{id}").get_data(as_text=True)
    assert press(as_user(COUNTER), id, "count", form).status_code == 303
    assert paper(house, id).state is State.COUNTED
    page = organiser.get(f"/elections/{id}").get_data(as_text=True)
    assert "丁一：优秀 3，合格 2，基本合格 0，不合格 0，未评 0" in page
    assert "测评票是评定时的参考" in page
    early = organiser.get(f"/appraisals/{id}").get_data(as_text=True)
    assert "评定意见等测评结果签认以后再填" in early
    assert press(organiser, id, "certify", {}).status_code == 303
    summary = f"/appraisals/{id}"
    rows = list(csv.reader(io.StringIO(organiser.get(f"{summary}/export.csv").get_data(as_text=True))))
    assert ",".join(rows[0][1:]) == "姓名,发出,收回,有效,优秀,合格,基本合格,不合格,支委会评定意见,本人签字"
    assert ",".join(rows[3]) == "3,王二 司机,5,5,5,4,0,0,0,,"
    assert "陈五" in text_of(organiser.get(f"/elections/{id}/record.docx"))
    finals = {"final-e0": "1", "final-e1": "1", "final-e3": "2", "own-e0": "2"}
    answer = organiser.post(f"{summary}/grades", {**organiser.marks(summary), **finals})
    assert answer.status_code == 303
    assert "评定为优秀的 2 人，多于三分之一" in organiser.get(summary).get_data(as_text=True)
    assert organiser.post(f"{summary}/tell", organiser.marks(summary)).status_code == 303
    told = house.run(house.store.read(lambda unit: appraisals.told(unit, id, on_paper=True)))
    assert told == {"e0": "1", "e3": "2"}
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    sent = [row for row in rows if row.words and row.words["key"] == "appraisal.outcome"]
    assert sorted(row.user_id for row in sent) == sorted([MONITOR, COUNTER])
    sections = house.run(house.store.read(lambda unit: collect(unit, MONITOR)))
    (held,) = [one.rows for one in sections if one.name == "paper_grades"]
    assert [row["final"].key for row in held] == ["appraisals.grade_1"]
    recorded = house.run(house.store.read(lambda unit: unit.rows(select(audit.c.thing, audit.c.action))))
    assert [row.action for row in recorded if row.thing == f"paper:{id}" and row.action.startswith("appraised")]
    kept = house.run(house.store.read(lambda unit: unit.rows(select(paper_grades))))
    assert {row.election_id for row in kept} == {id}


def test_grades_that_do_not_add_up_are_never_put_right(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    browser = as_user(MONITOR)
    answer = press(browser, id, "count", figures("3300 4100 4000 0410 0203"))
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "丁一的等次加起来是 6，多于有效票 5 张" in page) == (422, True)
    assert 'name="g1-c1" inputmode="numeric" maxlength="6" value="3"' in page, "what was typed stands"
    for odd in ({"void": "1"}, {"g1-c1": "x"}, {"g1-c1": ""}, {"g1-c1": "-1"}):
        assert press(browser, id, "count", figures(EQUAL) | odd).status_code == 422
    assert paper(house, id).entries == ()


def test_where_two_counts_of_grades_differ_the_third_is_made_together(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    press(as_user(MONITOR), id, "count", figures(EQUAL))
    press(as_user(COUNTER), id, "count", figures("3200 4100 4000 0401 0203"))
    page = house.browser().get(f"/elections/{id}").get_data(as_text=True)
    assert "<li>李四</li>" in page.split("不一样的地方")[1]
    press(as_user(COUNTER), id, "count", figures(EQUAL))
    shown = as_user(MONITOR).get(f"/elections/{id}").get_data(as_text=True)
    assert '<td class="number" data-label="优秀">3</td>' in shown
    assert press(as_user(MONITOR), id, "agree", {}).status_code == 303
    assert paper(house, id).state is State.COUNTED


def test_an_appraisal_is_never_opened_as_an_election(house: House, place: OrganisationId) -> None:
    browser = house.browser()
    id, _ = prepare(browser, place)
    assert browser.get(f"/elections/new?id={id}").status_code == 404
    assert browser.get(f"/elections/new?after={id}").status_code == 404
