"""Appraisals at the desk: drafted for a branch at once, votes beside decisions, and each told their own in private."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from sqlalchemy import select

from content.ballot_files import PublicKeys, write_keys
from content.ballots import Candidate, State
from content.elections import Election
from content.forms import Grade, grading
from content.identifiers import BallotId, MemberId, OrganisationId, UserId
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from storage import appraisals, ballots
from storage.audit import audit
from storage.envelopes import hold_ceremony
from storage.holdings import collect
from storage.outbox import outbox
from tests.console.console_house import Browser, House
from tests.console.open_ballot import come_in, form, in_the_box, link_to, open_ballot

NAMES = ("甲一", "甲二", "甲三", "甲四", "甲五")


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch of five full members and one who is none."""
    node = house.seeded.organisations["three"]
    people = [(name, "正式党员") for name in NAMES] + [("预备丁", "预备党员")]
    house.run(
        house.store.settle(
            notes=[
                MemberEnrolled(
                    member=Member(
                        id=MemberId(f"p{number}"),
                        organisation=node,
                        name=name,
                        category=category,
                        user=UserId(f"@p{number}:example.org"),
                    )
                )
                for number, (name, category) in enumerate(people)
            ]
        )
    )
    return node


def drafted(browser: Browser, place: OrganisationId, **more: str) -> tuple[str, Any]:
    """Fill and send the form; return the identifier and the answer."""
    page = browser.get("/appraisals/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    held = hold_ceremony(id, needed=2, among=3)
    keys = PublicKeys(ballot=id, needed=2, key=held.key, share_keys=held.share_keys)
    usual = {
        "id": id,
        "organisation": place,
        "title": "年度民主测评",
        "left_out": "",
        "tellers": "甲一\n甲二\n甲三",
        "keys": json.dumps(write_keys(keys)),
        "date": "2027-06-30",
        "time": "18:00",
    }
    return id, browser.post("/appraisals/new", {**browser.marks("/appraisals/new"), **usual, **more})


def ballot(house: House, id: str) -> Any:
    return house.run(house.store.read(lambda unit: ballots.ballot(unit, BallotId(id))))


def test_an_appraisal_is_drafted_for_everyone_on_the_roster_but_who_is_left_out(
    house: House, browser: Browser, place: OrganisationId
) -> None:
    """Part 6, in one form: full members by strokes, tellers among them, and a probationary member not graded."""
    id, answer = drafted(browser, place, left_out="甲四")
    assert answer.headers["Location"].startswith(f"/ballots/{id}")
    one = ballot(house, id)
    assert sorted(each.name for each in one.candidates) == ["甲一", "甲三", "甲二", "甲五"]
    assert [question.options for question in one.election.questions] == [tuple(Grade)] * 4
    assert one.state is State.DRAFT
    assert "被评议党员" in browser.get(f"/ballots/{id}").get_data(as_text=True)
    assert "年度民主测评" in browser.get("/appraisals").get_data(as_text=True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": ""}, "请写上投票的题目"),
        ({"left_out": "没有此人"}, "没有“没有此人”"),
        ({"left_out": "甲一\n甲二\n甲三\n甲四\n甲五"}, "没有可以评议的人"),
        ({"tellers": "甲一"}, "请写上 3 名"),
        ({"keys": "{}"}, "公开密钥不对"),
        ({"organisation": "unknown"}, "请选择谁来投"),
        ({"date": "2020-01-01"}, "太近或已经过了"),
        ({"date": "x"}, "时间"),
    ],
)
def test_an_appraisal_that_cannot_be_meant_comes_back_with_the_reason(
    browser: Browser, place: OrganisationId, change: dict[str, str], why: str
) -> None:
    """I090, I091: an empty list, an empty title, people who are not there."""
    _, answer = drafted(browser, place, **change)
    assert (answer.status_code, why in answer.get_data(as_text=True)) == (422, True)


def graded(house: House, browser: Browser, **finals: str) -> Any:
    """Write down what was decided of members of the seeded appraisal."""
    id = house.seeded.appraisals["one"]
    page = f"/appraisals/{id}"
    said = {f"final-{house.seeded.members[name]}": grade for name, grade in finals.items()}
    return browser.post(f"{page}/grades", {**browser.marks(page), **said})


def names(house: House) -> list[str]:
    return [one.name for one in ballot(house, house.seeded.appraisals["one"]).candidates]


def test_the_committee_decides_by_hand_with_the_votes_beside_it(house: House, browser: Browser) -> None:
    """More than a third excellent is a warning that names its rule, on the page and under the sheet, and no refusal."""
    id, people = house.seeded.appraisals["one"], names(house)
    page = browser.get(f"/appraisals/{id}").get_data(as_text=True)
    assert "CAD-15" not in page
    assert "测评票是评定时的参考，不是唯一依据" in page
    assert graded(house, browser, **dict.fromkeys(people[:2], "1"), **{people[2]: "2"}).status_code == 303
    page = browser.get(f"/appraisals/{id}").get_data(as_text=True)
    assert "评定为优秀的 2 人，多于三分之一。5 人中一般不超过 1 人" in page
    known = house.run(house.store.read(lambda unit: appraisals.grades(unit, id)))
    assert sorted(one.final for one in known.values() if one.final) == ["1", "1", "2"]
    text = browser.get(f"/appraisals/{id}/export.text").get_data(as_text=True)
    assert "CAD-15" in text
    rows = list(csv.reader(io.StringIO(browser.get(f"/appraisals/{id}/export.csv").get_data(as_text=True))))
    assert ",".join(rows[0][1:]) == "姓名,发出,收回,有效,优秀,合格,基本合格,不合格,支委会评定意见,本人签字"
    assert ",".join(rows[1]) == f"1,{people[0]},5,5,5,3,2,0,0,优秀,"
    for kind in ("xlsx", "docx"):
        assert browser.get(f"/appraisals/{id}/export.{kind}").status_code == 200


def test_a_paper_with_the_names_on_it_is_on_record_when_it_is_handed_out(house: House, browser: Browser) -> None:
    id = house.seeded.appraisals["one"]
    assert browser.get(f"/appraisals/{id}/paper.docx").status_code == 200
    query = audit.select().where(audit.c.action == "exported")
    rows = house.run(house.store.read(lambda unit: unit.rows(query)))
    assert [row.cause.split(":")[:3] for row in rows] == [["export", "appraisal", "paper"]]


def test_a_grade_that_does_not_exist_is_none(house: House, browser: Browser) -> None:
    """I028."""
    people = names(house)
    for said in ("0", "5", "-1", "优秀", "1 2"):
        assert graded(house, browser, **{people[0]: said}).status_code == 303
        assert house.run(house.store.read(lambda unit: appraisals.grades(unit, house.seeded.appraisals["one"]))) == {}


def sent(browser: Browser, id: str) -> dict[str, str]:
    """Return the form of the page as a browser sends it that has changed nothing."""
    return fields(browser.get(f"/appraisals/{id}").get_data(as_text=True))


def fields(page: str) -> dict[str, str]:
    said = dict(re.findall(r'<input type="hidden" name="(shown-[^"]+)" value="([^"]*)"', page))
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', page):
        chosen = re.findall(r'<option value="([^"]*)"\s+selected', options)
        said[name] = chosen[0] if chosen else ""
    return said


def finals(house: House) -> dict[str, str | None]:
    id = house.seeded.appraisals["one"]
    known = house.run(house.store.read(lambda unit: appraisals.grades(unit, id)))
    return {name: known[member].final for name, member in house.seeded.members.items() if member in known}


def save(browser: Browser, id: str, said: dict[str, str]) -> Any:
    return browser.post(f"/appraisals/{id}/grades", {**browser.marks(f"/appraisals/{id}"), **said})


def test_saving_writes_what_was_changed_and_nothing_over_what_a_colleague_wrote_meanwhile(
    house: House, browser: Browser
) -> None:
    """Two have the page open: what one merely saw does not take back what the other wrote; nor does a short form."""
    id, people = house.seeded.appraisals["one"], names(house)
    first, second, third = (f"final-{house.seeded.members[name]}" for name in people[:3])
    opened = sent(browser, id)
    assert graded(house, browser, **{people[0]: "1"}).status_code == 303
    assert save(browser, id, opened | {second: "2"}).status_code == 303
    assert finals(house) == {people[0]: "1", people[1]: "2"}
    assert save(browser, id, {third: "3"}).status_code == 303
    assert finals(house) == {people[0]: "1", people[1]: "2", people[2]: "3"}
    assert save(browser, id, sent(browser, id) | {first: ""}).status_code == 303
    assert finals(house) == {people[0]: None, people[1]: "2", people[2]: "3"}


def test_a_grade_that_somebody_else_changed_meanwhile_is_refused_and_what_was_typed_stays(
    house: House, browser: Browser
) -> None:
    """What comes back has the newest of all else, so that saving it again takes back nothing else."""
    id, people = house.seeded.appraisals["one"], names(house)
    first, second, third = (f"final-{house.seeded.members[name]}" for name in people[:3])
    opened = sent(browser, id)
    assert graded(house, browser, **{people[0]: "1", people[1]: "2"}).status_code == 303
    answer = save(browser, id, opened | {first: "3", third: "4"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "这期间有别人改过同一处" in page
    assert f"{people[0]}，支委会评定意见：优秀" in page
    assert finals(house) == {people[0]: "1", people[1]: "2"}
    again = fields(page)
    assert [again[one] for one in (first, second, third)] == ["3", "2", "4"]
    assert save(browser, id, again).status_code == 303
    assert finals(house) == {people[0]: "3", people[1]: "2", people[2]: "4"}


def test_an_outcome_that_was_told_is_changed_only_with_the_box_that_says_so(house: House, browser: Browser) -> None:
    id, people = house.seeded.appraisals["one"], names(house)
    bound = next(name for name in people if house.run(_user(house, house.seeded.members[name])) is not None)
    field = f"final-{house.seeded.members[bound]}"
    graded(house, browser, **{bound: "1"})
    assert 'name="anew"' not in browser.get(f"/appraisals/{id}").get_data(as_text=True)
    assert browser.post(f"/appraisals/{id}/tell", browser.marks(f"/appraisals/{id}")).status_code == 303
    answer = save(browser, id, sent(browser, id) | {field: "2"})
    assert (answer.status_code, f"已经告诉{bound}“优秀”" in answer.get_data(as_text=True)) == (409, True)
    assert finals(house) == {bound: "1"}
    again = fields(answer.get_data(as_text=True))
    assert again[field] == "2"
    assert save(browser, id, again | {"anew": "yes"}).status_code == 303
    assert finals(house) == {bound: "2"}
    assert "还有 1 " in browser.get(f"/appraisals/{id}").get_data(as_text=True)


def test_each_is_told_their_own_in_private_and_finds_it_in_their_data(house: House, browser: Browser) -> None:
    id, people = house.seeded.appraisals["one"], names(house)
    bound = [
        (name, user) for name in people if (user := house.run(_user(house, house.seeded.members[name]))) is not None
    ]
    name, user = bound[0]
    graded(house, browser, **{name: "2"})
    page = f"/appraisals/{id}"
    for code in (303, 409):
        answer = browser.post(f"{page}/tell", browser.marks(page))
        assert answer.status_code == code, "each is told once"
    rows = house.run(house.store.read(lambda unit: unit.rows(select(outbox).where(outbox.c.words.is_not(None)))))
    told = [row for row in rows if row.words and row.words["key"] == "appraisal.outcome"]
    assert [row.user_id for row in told] == [user]
    sections = house.run(house.store.read(lambda unit: collect(unit, user)))
    (held,) = [one.rows for one in sections if one.name == "appraisal_grades"]
    assert [row["final"].key for row in held] == ["appraisals.grade_2"]
    other = next(one for one in bound if one[1] != user)[1]
    sections = house.run(house.store.read(lambda unit: collect(unit, other)))
    assert [one.rows for one in sections if one.name == "appraisal_grades"] == [()]


async def _user(house: House, member: MemberId) -> UserId | None:
    from storage import members

    found = await house.store.read(lambda unit: members.member(unit, member))
    return found.user if found else None


def test_who_may_only_read_sees_no_grades_and_a_ballot_is_no_appraisal(house: House, browser: Browser) -> None:
    viewer = UserId("@viewer9:example.org")
    duty = Duty(user=viewer, organisation=house.seeded.organisations["one"], role=Role.VIEWER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    id = house.seeded.appraisals["one"]
    assert house.browser(viewer).get(f"/appraisals/{id}").status_code == 403
    assert browser.get(f"/appraisals/{house.seeded.ballots['fixed']}").status_code == 404
    assert browser.get(f"/ballots/{id}/certificate.docx").status_code == 404, "grades have a sheet of their own"
    shown = house.browser(viewer).get(f"/ballots/{id}").get_data(as_text=True)
    assert "<td" not in shown, "how the votes fell is for who leads"


def sheet() -> tuple[Election, tuple[Candidate, ...]]:
    people = (Candidate(id="c1", member=None, name="甲一"), Candidate(id="c2", member=None, name="甲二"))
    return grading(["c1", "c2"]), people


def test_a_voter_grades_everyone_without_scripts_where_the_server_may_seal(house: House) -> None:
    """The page reads the whole paper back; an empty row is no grade, and what does not exist is none."""
    election, people = sheet()
    open_ballot(house, election=election, candidates=people, server_seal=True)
    voter = house.browser(None)
    come_in(voter, link_to(house))
    page = voter.get("/ballot").get_data(as_text=True)
    assert [page.count(word) for word in ("甲一", "甲二", 'type="radio"')] == [1, 1, 10]
    said = {"q-c1": "1", "q-c2": "9"}
    review = voter.post("/ballot/review", {**form(voter), **said}).get_data(as_text=True)
    assert "优秀" in review
    assert voter.post("/ballot/cast", {**form(voter), **said}).status_code == 303
    assert in_the_box(house, length=election) == b'{"a":{"c1":["1"]},"v":1}'
