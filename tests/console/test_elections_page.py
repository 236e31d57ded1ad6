"""Holding an election on paper at the desk, from the candidates to the answer of those above."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from content.elections import Outcome
from content.identifiers import MemberId, OrganisationId, PaperElectionId, UserId
from content.members import AccountBound, Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Role
from content.paper_elections import PaperElection, State
from storage import paper_elections
from tests.console.console_house import Browser, House

ORGANISER = UserId("@organiser:example.org")
MONITOR, COUNTER = UserId("@monitor:example.org"), UserId("@counter:example.org")
PEOPLE = [f"选举人{number}" for number in "一二三四五六七八九十"]


@pytest.fixture
def place(house: House) -> OrganisationId:
    """Give a branch of ten who may vote, two of them with the right to count, and one who may not vote."""
    node = house.seeded.organisations["three"]
    accounts = {0: MONITOR, 1: COUNTER}
    people = [(name, "正式党员", accounts.get(at)) for at, name in enumerate(PEOPLE)] + [("预备甲", "预备党员", None)]
    enrolled = [
        MemberEnrolled(
            member=Member(id=MemberId(f"e{number}"), organisation=node, name=name, category=category, user=user)
        )
        for number, (name, category, user) in enumerate(people)
    ]
    duties = [DutyGranted(duty=Duty(user=user, organisation=node, role=Role.TELLER)) for user in accounts.values()]
    house.run(house.store.settle(notes=[*enrolled, *duties]))
    return node


def fields(browser: Browser, place: OrganisationId, **more: str) -> dict[str, str]:
    page = browser.get("/elections/new").get_data(as_text=True)
    (id,) = re.findall(r'name="id" value="([^"]+)"', page)
    filled = {"id": id, "organisation": place, "title": "支部委员会选举", "pack": "2020", "kind": "formal"}
    filled |= {"candidates": "选举人三\n选举人四\n选举人五", "seats": "2", "contested": "yes"}
    return {**filled, "held_on": "2027-03-01", "consent": "矿委〔2027〕3号", **more}


def press(browser: Browser, id: str, verb: str, fields: dict[str, str]) -> TestResponse:
    return browser.post(f"/elections/{id}/{verb}", fields, form_at=f"/elections/{id}")


def paper(house: House, id: str) -> PaperElection:
    found = house.run(house.store.read(lambda unit: paper_elections.paper(unit, PaperElectionId(id))))
    assert found is not None
    return found


def figures(yes: tuple[int, int, int], returned: int = 10, void: int = 0, **more: str) -> dict[str, str]:
    """Return a teller's form: so many say Yes to each candidate, and the rest says No."""
    valid = returned - void
    filled = {"returned": str(returned), "valid": str(valid), "void": str(void), **more}
    for place, number in enumerate(yes, start=1):
        filled |= {f"yes-c{place}": str(number), f"no-c{place}": str(valid - number), f"none-c{place}": "0"}
    return filled


@pytest.fixture
def counting(house: House, place: OrganisationId) -> tuple[str, Callable[[UserId], Browser]]:
    """Give an election whose meeting has begun, and how its tellers sign in."""
    browser = house.browser()
    filled = fields(browser, place)
    assert browser.post("/elections/new", filled).status_code == 303
    assert press(browser, filled["id"], "fix", {"excused": ""}).status_code == 303
    met = {"present": "10", "issued": "10", "officers": "选举人一\n选举人二"}
    assert press(browser, filled["id"], "meet", met).status_code == 303
    return filled["id"], lambda user: house.browser(user)


def test_an_election_goes_from_its_candidates_to_the_answer_of_those_above(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    assert paper(house, id).expected == 10
    assert press(as_user(MONITOR), id, "count", figures((9, 6, 4))).status_code == 303
    assert press(as_user(COUNTER), id, "count", figures((9, 6, 4))).status_code == 303
    browser = house.browser()
    page = browser.get(f"/elections/{id}").get_data(as_text=True)
    assert "选举人三：赞成 9" in page or "选举人三" in page
    counted = paper(house, id)
    result = paper_elections.result(counted)
    assert counted.state is State.COUNTED
    assert result is not None
    assert (result.outcome, result.elected, result.need) == (Outcome.ELECTED, ("c1", "c2"), 6)
    assert press(browser, id, "certify", {}).status_code == 303
    assert press(browser, id, "note", {"reference": "支部报〔2027〕1号"}).status_code == 303
    assert press(browser, id, "note", {"reference": "矿委复〔2027〕9号"}).status_code == 303
    ended = paper(house, id)
    assert (ended.state, ended.report, ended.approval) == (State.APPROVED, "支部报〔2027〕1号", "矿委复〔2027〕9号")


@pytest.mark.parametrize(
    ("pack", "order"), [("2020", ["丁二", "张乙", "张甲"]), ("committee", ["张乙", "张甲", "丁二"])]
)
def test_candidates_stand_by_strokes_but_a_secretary_in_the_order_that_was_approved(
    house: House, place: OrganisationId, pack: str, order: list[str]
) -> None:
    """R13; those of one surname stand as they were written."""
    browser = house.browser()
    filled = fields(browser, place, candidates="张乙：班长\n张甲\n丁二", pack=pack, seats="2")
    assert browser.post("/elections/new", filled).status_code == 303
    assert [one.name for one in paper(house, filled["id"]).candidates] == order


def test_nobody_sees_the_first_count_before_their_own_stands(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    press(as_user(MONITOR), id, "count", figures((9, 6, 4), write_ins="选举人九 1"))
    for browser in (house.browser(), as_user(COUNTER), as_user(MONITOR)):
        page = browser.get(f"/elections/{id}").get_data(as_text=True)
        assert 'value="9"' not in page
        assert "选举人九 1" not in page


def test_one_person_cannot_enter_both_counts(house: House, counting: tuple[str, Callable[[UserId], Browser]]) -> None:
    id, as_user = counting
    press(as_user(MONITOR), id, "count", figures((9, 6, 4)))
    again = press(as_user(MONITOR), id, "count", figures((9, 6, 4)))
    assert again.status_code == 422
    assert paper(house, id).state is State.COUNTING


def test_who_was_not_charged_with_it_counts_nothing(
    house: House, counting: tuple[str, Callable[[UserId], Browser]], place: OrganisationId
) -> None:
    id, as_user = counting
    stranger = UserId("@third:example.org")
    duty = DutyGranted(duty=Duty(user=stranger, organisation=place, role=Role.TELLER))
    house.run(house.store.settle(notes=[duty]))
    assert press(as_user(stranger), id, "count", figures((9, 6, 4))).status_code == 422
    assert paper(house, id).entries == ()


def test_where_two_counts_differ_the_third_is_made_together(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    press(as_user(MONITOR), id, "count", figures((9, 6, 4)))
    press(as_user(COUNTER), id, "count", figures((9, 7, 4)))
    page = house.browser().get(f"/elections/{id}").get_data(as_text=True)
    assert "<li>选举人四</li>" in page.split("不一样的地方")[1]
    press(as_user(COUNTER), id, "count", figures((9, 6, 4)))
    assert paper(house, id).state is State.COUNTING
    assert press(as_user(COUNTER), id, "agree", {}).status_code == 422
    assert press(as_user(MONITOR), id, "agree", {}).status_code == 303
    ended = paper(house, id)
    assert (ended.state, len(ended.entries), ended.entries[-1].agreed) == (State.COUNTED, 3, "e0")


def test_figures_that_do_not_add_up_are_never_put_right(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    browser = as_user(MONITOR)
    off = figures((9, 6, 4)) | {"no-c1": "2"}
    answer = press(browser, id, "count", off)
    assert (answer.status_code, "加起来是 11" in answer.get_data(as_text=True)) == (422, True)
    assert 'value="9"' in answer.get_data(as_text=True), "what was typed stands"
    papers = press(browser, id, "count", figures((9, 6, 4)) | {"void": "1"})
    assert papers.status_code == 422
    assert paper(house, id).entries == ()


def test_too_few_present_hold_no_election(house: House, place: OrganisationId) -> None:
    browser = house.browser()
    filled = fields(browser, place)
    browser.post("/elections/new", filled)
    press(browser, filled["id"], "fix", {"excused": "选举人十：矿委〔2027〕5号"})
    assert paper(house, filled["id"]).expected == 9
    met = {"present": "7", "issued": "7", "officers": "选举人一\n选举人二"}
    answer = press(organiser(house, place), filled["id"], "meet", met)
    assert (answer.status_code, "还差 1 人" in answer.get_data(as_text=True)) == (422, True)
    assert paper(house, filled["id"]).state is State.FIXED


def organiser(house: House, place: OrganisationId) -> Browser:
    """Return the browser of somebody else who may hold an election."""
    duty = Duty(user=ORGANISER, organisation=place, role=Role.ORGANISING_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    return house.browser(ORGANISER)


def test_where_somebody_is_excused_another_begins_the_meeting(house: House, place: OrganisationId) -> None:
    browser = house.browser()
    filled = fields(browser, place)
    browser.post("/elections/new", filled)
    press(browser, filled["id"], "fix", {"excused": "选举人十：矿委〔2027〕5号"})
    met = {"present": "9", "issued": "9", "officers": "选举人一\n选举人二"}
    answer = press(browser, filled["id"], "meet", met)
    assert (answer.status_code, "请由另一位同志来" in answer.get_data(as_text=True)) == (422, True)
    assert paper(house, filled["id"]).state is State.FIXED
    assert press(organiser(house, place), filled["id"], "meet", met).status_code == 303
    assert paper(house, filled["id"]).state is State.COUNTING


def test_a_tie_offers_a_vote_among_the_tied_alone(
    house: House, counting: tuple[str, Callable[[UserId], Browser]]
) -> None:
    id, as_user = counting
    for user in (MONITOR, COUNTER):
        press(as_user(user), id, "count", figures((8, 6, 6)))
    browser = house.browser()
    assert f"/elections/new?after={id}" in browser.get(f"/elections/{id}").get_data(as_text=True)
    page = browser.get(f"/elections/new?after={id}").get_data(as_text=True)
    assert 'name="kind" value="runoff"' in page
    assert "选举人四\n选举人五</textarea>" in page


@pytest.mark.parametrize("sheet", ["certificate", "record"])
def test_the_papers_say_what_was_counted_and_are_the_same_every_time(
    house: House, counting: tuple[str, Callable[[UserId], Browser]], sheet: str
) -> None:
    id, as_user = counting
    for user in (MONITOR, COUNTER):
        press(as_user(user), id, "count", figures((9, 6, 4)))
    browser = house.browser()
    first = browser.get(f"/elections/{id}/{sheet}.docx")
    assert first.status_code == 200
    with zipfile.ZipFile(io.BytesIO(first.data)) as parts:
        text = re.sub("<[^>]+>", "|", parts.read("word/document.xml").decode())
    for said in ("应到会有选举权人数", "监票人：选举人一", "|9|", "当选", "100.0%"):
        assert said in text, said
    assert browser.get(f"/elections/{id}/{sheet}.docx").data == first.data


def test_whose_an_account_becomes_after_the_meeting_began_changes_nothing(
    house: House, counting: tuple[str, Callable[[UserId], Browser]], place: OrganisationId
) -> None:
    id, as_user = counting
    second = UserId("@second:example.org")
    duty = DutyGranted(duty=Duty(user=second, organisation=place, role=Role.TELLER))
    bound = AccountBound(member=MemberId("e1"), user=second, code_hash=None, at=house.store.now())
    house.run(house.store.settle(notes=[duty, bound]))
    press(as_user(MONITOR), id, "count", figures((9, 6, 4)))
    assert press(as_user(second), id, "count", figures((9, 6, 4))).status_code == 422
    assert len(paper(house, id).entries) == 1
