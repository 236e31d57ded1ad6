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
    """Give a duty, with the second look where a name was written."""
    answer = browser.post("/duties", browser.marks("/duties") | form(house, *what))  # type: ignore[arg-type]
    page = answer.get_data(as_text=True)
    if "不是名字" in page:
        answer = browser.post("/duties", dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)))
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


def test_whose_account_a_name_means_is_shown_before_it_is_trusted(house: House, browser: Browser) -> None:
    fields = browser.marks("/duties") | form(house, UserId("白云"), Role.ORGANISING_MEMBER, "one")
    page = browser.post("/duties", fields).get_data(as_text=True)
    assert re.search(rf"<strong>白云</strong>.*<strong>{NEW}</strong>.*组织委员.*检修车间第一党支部", page, re.DOTALL)
    assert held(house, NEW) == set()
    other = browser.marks("/duties") | form(house, UserId("白云"), Role.VIEWER, "far")
    assert browser.post("/duties", other).status_code == 404


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


def test_leaving_letting_go_and_taking_back_are_no_way_round_the_rules_of_duties(house: House) -> None:
    """S23: an organising member ends no leader's duty by the roster, and nobody leaves a secretary without an entry."""
    grant(house, DEPUTY, Role.ORGANISING_MEMBER)
    theirs, bai = house.browser(DEPUTY), house.seeded.members["白云"]
    page, entry = f"/members/{bai}", f"/members/{bai}/leave"
    grant(house, NEW, Role.GROUP_LEADER, "group")
    kept = {("group", Role.GROUP_LEADER)}
    assert "还担任职责" in theirs.post(entry, theirs.marks(entry)).get_data(as_text=True)
    assert "还担任职责" in theirs.post(f"{page}/account/unbind", theirs.marks(page)).get_data(as_text=True)
    assert held(house, NEW) == kept
    secretary = house.browser()
    assert "还担任职责" in secretary.post(f"{page}/account/unbind", secretary.marks(page)).get_data(as_text=True)
    assert "done=member_left" in secretary.post(entry, secretary.marks(entry)).headers["Location"]
    assert held(house, NEW) == set()


def test_a_move_that_changes_who_is_secretary_waits_for_a_second_person(house: House, browser: Browser) -> None:
    """S23: who leads above both ends moves nothing alone where somebody loses it by that."""
    grant(house, SECRETARY, Role.SECRETARY, "committee")
    grant(house, DEPUTY, Role.SECRETARY)
    one, to = (house.seeded.organisations[name] for name in ("one", "sibling"))
    page = f"/organisation/{one}"
    asked = browser.post(f"{page}/move", browser.marks(page) | {"parent": to})
    assert "done=move_proposed" in asked.headers["Location"]

    def parent() -> str | None:
        node = house.run(house.store.read(lambda unit: organisations.organisation(unit, one)))
        return str(node.parent)

    assert parent() != to
    second = house.browser(DEPUTY)
    text = second.get("/duties").get_data(as_text=True)
    assert "把检修车间第一党支部移到乘务党总支之下" in text
    (address,) = re.findall(r"/duties/proposals/\w+/approve", text)
    neighbour = house.browser(NEIGHBOUR)
    assert neighbour.post(address, neighbour.marks("/duties")).status_code == 404
    assert "done=proposal_approved" in second.post(address, second.marks("/duties")).headers["Location"]
    assert parent() == to
