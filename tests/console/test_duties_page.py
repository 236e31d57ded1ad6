"""On the page of duties: who holds what, giving and ending, and what waits for a second person."""

from __future__ import annotations

import re

import pytest

from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from storage import audit, organisations
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY, VIEWER

DEPUTY = UserId("@fu:example.org")
NEW = UserId("@m1:example.org")
"""The account of 白云."""


def grant(house: House, user: UserId, role: Role, place: str = "general") -> None:
    duty = Duty(user=user, organisation=house.seeded.organisations[place], role=role)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))


def held(house: House, user: UserId) -> set[tuple[str, Role]]:
    names = {id: short for short, id in house.seeded.organisations.items()}
    duties = house.run(house.store.read(lambda unit: organisations.duties_of(unit, user)))
    return {(names[duty.organisation], duty.role) for duty in duties}


def form(house: House, user: str, role: Role, place: str = "general") -> dict[str, str]:
    return {"user": user, "role": role.value, "place": house.seeded.organisations[place]}


def give(house: House, browser: Browser, *what: str | Role) -> str:
    answer = browser.post("/duties", browser.marks("/duties") | form(house, *what))  # type: ignore[arg-type]
    return answer.headers.get("Location", "") or answer.get_data(as_text=True)


def end(house: House, browser: Browser, *what: str | Role) -> str:
    answer = browser.post("/duties/end", browser.marks("/duties") | form(house, *what))  # type: ignore[arg-type]
    return answer.headers.get("Location", "") or answer.get_data(as_text=True)


def test_a_duty_is_given_by_account_or_by_name_and_holds_at_once(house: House, browser: Browser) -> None:
    assert "done=duty_granted" in give(house, browser, "@new:example.org", Role.VIEWER, "two")
    assert "done=duty_granted" in give(house, browser, "白云", Role.ORGANISING_MEMBER, "one")
    assert held(house, UserId("@new:example.org")) == {("two", Role.VIEWER)}
    assert held(house, NEW) == {("one", Role.ORGANISING_MEMBER)}
    assert house.browser(NEW).get("/members").status_code == 200
    page = browser.get("/duties").get_data(as_text=True)
    assert re.search(r"检修车间第一党支部</th>.*?白云.*?组织委员.*?@shuji:example.org", page, re.DOTALL)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("丁一", "还没有绑定"),
        ("查无此人", "没有“查无此人”"),
        ("@half", "不像一个聊天账号"),
        ("", "没有“”"),
        ("安邻", "没有“安邻”"),
    ],
)
def test_who_cannot_be_meant_is_said_beside_the_field(house: House, browser: Browser, who: str, why: str) -> None:
    page = give(house, browser, who, Role.VIEWER)
    assert why in page
    assert f'value="{who}"' in page
    assert 'id="user-error"' in page


def test_a_duty_that_ends_narrows_the_very_next_request(house: House, browser: Browser) -> None:
    """S6."""
    grant(house, NEW, Role.ORGANISING_MEMBER)
    theirs = house.browser(NEW)
    assert theirs.get("/members").status_code == 200
    assert "done=duty_ended" in end(house, browser, NEW, Role.ORGANISING_MEMBER)
    assert theirs.get("/members").status_code == 403


def test_who_may_not_give_is_offered_nothing_and_refused(house: House) -> None:
    grant(house, NEW, Role.ORGANISING_MEMBER)
    theirs = house.browser(NEW)
    page = theirs.get("/duties").get_data(as_text=True)
    assert 'name="user" value="' not in page.replace(f'name="user" value="{NEW}"', "")
    assert theirs.post("/duties", theirs.marks("/") | form(house, "@x:example.org", Role.VIEWER)).status_code == 403
    assert "不由您" in end(house, theirs, VIEWER, Role.VIEWER)
    assert house.browser(VIEWER).get("/duties").status_code == 403


def test_a_place_outside_ones_own_is_not_found(house: House, browser: Browser) -> None:
    """S19."""
    for where in ("sibling", "far", "committee"):
        marks = browser.marks("/duties")
        assert browser.post("/duties", marks | form(house, "@x:example.org", Role.VIEWER, where)).status_code == 404
        marks = browser.marks("/duties")
        assert browser.post("/duties/end", marks | form(house, NEIGHBOUR, Role.SECRETARY, where)).status_code == 404
    assert held(house, NEIGHBOUR) == {("sibling", Role.SECRETARY)}


def test_a_second_person_agrees_to_a_change_of_secretary(house: House, browser: Browser) -> None:
    """S23."""
    grant(house, DEPUTY, Role.SECRETARY)
    assert "done=duty_proposed" in give(house, browser, "白云", Role.SECRETARY, "one")
    assert held(house, NEW) == set()
    (address,) = re.findall(r"/duties/proposals/\w+/decline", browser.get("/duties").get_data(as_text=True))
    agree = address.replace("decline", "approve")
    assert "要由另一个人同意" in browser.post(agree, browser.marks("/duties")).get_data(as_text=True)
    second = house.browser(DEPUTY)
    assert "有 1 件事等您同意" in second.get("/").get_data(as_text=True)
    assert "等您同意" not in browser.get("/").get_data(as_text=True)
    assert "请白云担任检修车间第一党支部书记" in second.get("/duties").get_data(as_text=True)
    assert "done=proposal_approved" in second.post(agree, second.marks("/duties")).headers["Location"]
    assert held(house, NEW) == {("one", Role.SECRETARY)}
    lines = house.run(house.store.read(audit.lines))
    assert [(line.actor, line.action) for line in lines if "propos" in line.action] == [
        (SECRETARY, "proposed"),
        (DEPUTY, "proposal_decided, duty_granted"),
    ]


def test_a_proposal_of_another_tree_is_not_found(house: House, browser: Browser) -> None:
    grant(house, DEPUTY, Role.SECRETARY)
    give(house, browser, "白云", Role.SECRETARY, "one")
    (address,) = re.findall(r"/duties/proposals/\w+/decline", browser.get("/duties").get_data(as_text=True))
    other = house.browser(NEIGHBOUR)
    assert other.post(address, other.marks("/duties")).status_code == 404
    assert "done=proposal_declined" in browser.post(address, browser.marks("/duties")).headers["Location"]
