"""Sign-ups at the desk: begun in a room, changed by hand with a reason and a way back, ended, and taken away."""

from __future__ import annotations

import re
from typing import Any

import pytest

from content.identifiers import MemberId, SignUpId, derive
from content.members import Member, MemberEnrolled
from content.sign_up_sheets import Sheet, State
from storage import outbox
from storage import sign_ups as stored
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, VIEWER
from tests.console.open_sign_up import OPEN_SIGN_UP, begin_sign_up

PATH = f"/sign-ups/{OPEN_SIGN_UP}"


def form(**more: Any) -> dict[str, Any]:
    return {"room": "!one", "title": "周六登山", "date": "2026-12-01", "time": "18:00", "places": "20"} | more


def sheet(house: House, id: SignUpId = OPEN_SIGN_UP) -> Sheet:
    async def look(unit: Any) -> Sheet:
        one = await stored.sign_up(unit, id)
        assert one is not None
        return await stored.sheet(unit, one)

    return house.run(house.store.read(look))  # type: ignore[no-any-return]


def standing(house: House) -> list[tuple[str, int, bool]]:
    return [(one.name, one.brings, one.by_hand) for one in sheet(house).standing]


def back(answer: Any, browser: Browser) -> Any:
    """Press what takes back what was just done."""
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    found = re.search(r'<form method="post" action="([^"]+)"[^>]*>((?:(?!</form>).)*撤销.*?)</form>', page, re.DOTALL)
    assert found is not None
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', found[2]))
    return browser.post(found[1], fields)


def test_all_that_is_wrong_is_named_at_once(browser: Browser) -> None:
    page = browser.post("/sign-ups/new", form(room="!none", title="", date="2026-02-30", places="x")).text
    assert sorted(re.findall(r'<p class="error" id="(\w+)-error">', page)) == ["date", "places", "room", "title"]
    assert "还差 4 处" in page


def test_one_is_begun_in_a_room_and_goes_out_once(house: House, browser: Browser) -> None:
    answer = browser.post("/sign-ups/new", form())
    assert "done=sign_up_begun" in answer.headers["Location"]
    page = browser.get("/sign-ups").get_data(as_text=True)
    assert "周六登山" in page
    rows = house.run(
        house.store.read(lambda unit: unit.rows(outbox.outbox.select().where(outbox.outbox.c.kind == "live")))
    )
    assert [(row.room_id, row.subject) for row in rows] == [("!one", "sign_up")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": ""}, "请写清接龙的题目"),
        ({"title": "七月党费"}, "群里不收党费"),
        ({"date": "gestern"}, "请写截止的日期和时间"),
        ({"date": NOW.date().isoformat(), "time": "00:00"}, "太近了"),
        ({"places": "viele"}, "名额是 1 到"),
        ({"room": "!nowhere"}, "还没有能发接龙的群"),
    ],
)
def test_what_cannot_be_meant_is_said_over_the_form(
    house: House, browser: Browser, changed: dict[str, str], said: str
) -> None:
    answer = browser.post("/sign-ups/new", form(**changed))
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_the_list_says_who_comes_who_waits_and_who_named_whom(house: House, browser: Browser) -> None:
    begin_sign_up(house)
    page = browser.get(PATH).get_data(as_text=True)
    rows = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr><td data-label.*?</tr>", page, re.DOTALL)
    ]
    assert [row[1:6] for row in rows] == [
        ["白云", "0", "—", "报上名", "本人"],
        ["陈晨", "0", "晚到", "报上名", "白云代报"],
        ["白云家小宝", "0", "—", "候补 · 花名册上没有，或有重名", "白云代报"],
    ]
    assert "\n2. 陈晨 晚到（白云代报）\n候补：\n3. 白云家小宝（白云代报）\n" in page


def test_a_change_by_hand_has_a_reason_and_is_taken_back_at_one_press(house: House, browser: Browser) -> None:
    begin_sign_up(house)
    before = standing(house)
    assert browser.post(f"{PATH}/rule", {"name": "李四", "brings": "1", "why": ""}, form_at=PATH).status_code == 422
    done = browser.post(f"{PATH}/rule", {"name": "李四", "brings": "1", "why": "电话里说来"}, form_at=PATH)
    assert standing(house)[-1] == ("李四", 1, True)
    assert "手工改过：电话里说来" in browser.get(PATH).get_data(as_text=True)
    back(done, browser)
    assert [one[:2] for one in standing(house)] == [one[:2] for one in before]
    off = browser.post(f"{PATH}/rule", {"name": "白云", "off": "yes", "why": "出差"}, form_at=PATH)
    assert "白云" not in [one[0] for one in standing(house)]
    back(off, browser)
    assert "白云" in [one[0] for one in standing(house)]


def test_of_two_who_are_called_so_it_is_asked_which_and_the_way_back_means_the_same(
    house: House, browser: Browser
) -> None:
    begin_sign_up(house)
    second = MemberId(derive("seed namesake"))
    node = house.seeded.organisations["one"]
    twin = Member(id=second, organisation=node, name="陈晨", position="巡检员")
    house.run(house.store.settle(notes=[MemberEnrolled(member=twin)]))
    page = browser.post(f"{PATH}/rule", {"name": "陈晨", "why": "电话"}, form_at=PATH)
    assert page.status_code == 422
    text = page.get_data(as_text=True)
    assert "叫 陈晨 的有 2 位" in text
    assert "巡检员 · 不在名单上" in text
    who = derive(OPEN_SIGN_UP, "member", second)
    assert f'value="{who}"' in text
    done = browser.post(f"{PATH}/rule", {"name": "陈晨", "why": "电话", "who": who}, form_at=PATH)
    assert [one.member for one in sheet(house).standing][-1] == second
    back(done, browser)
    assert second not in [one.member for one in sheet(house).standing]


def test_it_is_ended_by_hand_once(house: House, browser: Browser) -> None:
    begin_sign_up(house)
    assert "done=sign_up_closed" in browser.post(f"{PATH}/close", form_at=PATH).headers["Location"]
    assert sheet(house).sign_up.state is State.CLOSED
    assert browser.post(f"{PATH}/close", form_at=PATH).status_code == 409


def test_who_may_not_see_members_by_name_sees_how_many_and_nobody(house: House) -> None:
    begin_sign_up(house)
    page = house.browser(VIEWER).get(PATH).get_data(as_text=True)
    assert "名单只给能看姓名的同志" in page
    assert "白云" not in page
    assert (
        house.browser(VIEWER).post(f"{PATH}/rule", {"name": "李四", "why": "x"}, form_at="/sign-ups").status_code == 403
    )
