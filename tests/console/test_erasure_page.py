"""On the page that erases a person: what comes first, what goes and stays, two persons, and no byte left afterwards."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from content.duties import SETTLES
from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from storage import audit, members
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY
from tests.console.test_duties_page import grant

SECOND, THIRD, LATE = UserId("@zuzhi:example.org"), UserId("@third:example.org"), UserId("@late:example.org")
NAME, ACCOUNT = "何川", "@m6:example.org"


@pytest.fixture
def second(house: House) -> Browser:
    grant(house, SECOND, Role.ORGANISING_MEMBER)
    return house.browser(SECOND)


def person(house: House, name: str = NAME) -> str:
    return f"/members/{house.seeded.members[name]}"


def erasing(house: House, name: str = NAME) -> str:
    return f"{person(house, name)}/erase"


def leave(house: House, browser: Browser) -> None:
    where = f"{person(house)}/leave"
    assert browser.post(where, browser.marks(where) | {"reason": "工作调动"}).status_code == 303


def answer(house: House, browser: Browser, what: str = "", typed: str = NAME) -> tuple[int, str]:
    """Fill the form in, and return the status with where it leads or what it says."""
    sent = browser.post(f"{erasing(house)}{what}", browser.marks(erasing(house)) | {"typed": typed})
    return sent.status_code, sent.headers.get("Location", "") or sent.get_data(as_text=True)


def everything(house: House) -> bytes:
    """Return every byte of the folder in which the database lies."""
    folder = Path(house.store._engine.url.database or "").parent
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def test_what_comes_first_is_listed_with_what_to_do_and_nothing_is_offered_before(
    house: House, browser: Browser, second: Browser
) -> None:
    page = browser.get(erasing(house)).get_data(as_text=True)
    assert "请先移出名册" in page
    assert f"{person(house)}/leave" in page
    assert 'name="typed"' not in page
    assert answer(house, browser)[0] == 422
    on_rolls = browser.get(erasing(house, "白云")).get_data(as_text=True)
    assert "“年度先进推荐”还没有结束" in on_rolls
    assert "别处的一项无记名投票" in on_rolls
    assert "邻队" not in on_rolls


def test_two_persons_erase_somebody_and_no_byte_of_them_is_left(
    house: House, browser: Browser, second: Browser
) -> None:
    """R20, S23, S63: the page is of nobody, and the folder holds neither name nor account."""
    leave(house, browser)
    assert NAME.encode() in everything(house)
    wrong = answer(house, browser, typed="何三")
    assert (wrong[0], "请输入姓名“何川”" in wrong[1]) == (422, True)
    assert "删除个人信息" not in second.get("/").get_data(as_text=True)
    assert answer(house, browser)[0] == 303
    assert "有 1 件删除个人信息的申请等第二个人同意" in second.get("/").get_data(as_text=True)
    assert "删除个人信息" not in browser.get("/").get_data(as_text=True), "who asked waits for the other"
    assert "/erase/agree" not in browser.get(erasing(house)).get_data(as_text=True)
    assert answer(house, browser, "/agree")[0] == 422
    assert NAME in second.get("/members").get_data(as_text=True)
    assert answer(house, second, "/agree")[1].endswith("done=person_erased")
    left = everything(house)
    assert (NAME.encode() in left, ACCOUNT.encode() in left) == (False, False)
    assert "按要求删除了全部数据" in second.get(person(house)).get_data(as_text=True)
    assert NAME not in second.get("/members").get_data(as_text=True)
    actions = {line.action for line in house.run(house.store.read(audit.lines))}
    assert "proposal_decided, person_erased" in actions
    assert second.post(f"{person(house)}/return", second.marks("/members")).status_code == 409


def test_who_agrees_may_also_decline_and_who_proposed_may_take_it_back(
    house: House, browser: Browser, second: Browser
) -> None:
    leave(house, browser)
    for who in (second, browser):
        assert answer(house, browser)[0] == 303
        assert answer(house, who, "/decline")[1].endswith("done=proposal_declined")
    member = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members[NAME])))
    assert member is not None
    assert member.name == NAME


def test_who_was_just_given_a_duty_is_no_second_person_for_a_week(house: House, browser: Browser) -> None:
    """S23: neither by whom they got it nor they by them, nor two who got theirs from one hand."""
    leave(house, browser)
    at = house.clock.now - SETTLES + timedelta(minutes=2)
    for user in (SECOND, THIRD):
        given = Duty(user=user, organisation=house.seeded.organisations["general"], role=Role.ORGANISING_MEMBER)
        house.run(house.store.settle(notes=[DutyGranted(duty=given, by=SECRETARY, at=at)]))
    assert "现在没有别人可以同意" in browser.get(erasing(house)).get_data(as_text=True)
    assert answer(house, browser)[0] == 422
    second, third = house.browser(SECOND), house.browser(THIRD)
    assert answer(house, second)[0] == 422
    house.clock.forward(timedelta(minutes=2))
    assert answer(house, second)[0] == 303
    fresh = Duty(user=LATE, organisation=house.seeded.organisations["general"], role=Role.ORGANISING_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=fresh, by=SECOND, at=house.clock.now)]))
    status, said = answer(house, house.browser(LATE), "/agree")
    assert (status, "满 7 天后才能作为第二人" in said) == (422, True)
    assert answer(house, third, "/agree")[1].endswith("done=person_erased")


def test_alone_nobody_erases_anybody_and_the_page_says_what_old_backups_hold(house: House, browser: Browser) -> None:
    """S23."""
    leave(house, browser)
    page = browser.get(erasing(house)).get_data(as_text=True)
    assert "现在没有别人可以同意" in page
    assert "什么时候清完说不准" in page
    assert answer(house, browser)[0] == 422
