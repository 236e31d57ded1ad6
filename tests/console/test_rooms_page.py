"""Rooms are made, filled, mended, taken over and cleared from the desk, by who may, and never beyond their subtree."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from content.identifiers import EventId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import members, organisations, outbox, rooms
from tests.console.console_house import Browser, House
from tests.console.console_seeding import (
    BOT,
    CLUB,
    NEIGHBOUR,
    NOW,
    OUTSIDER,
    SECRETARY,
    VIEWER,
    put,
    put_room,
)

OPERATOR = UserId("@yunwei:example.org")
WHITE = UserId("@m1:example.org")


def waiting(house: House, kind: str) -> list[tuple[str | None, ...]]:
    """Return what is to be done of a kind: (organisation, room, person, subject)."""
    table = outbox.outbox.c
    query = select(table.organisation_id, table.room_id, table.user_id, table.subject).where(table.kind == kind)
    rows = house.run(house.store.read(lambda unit: unit.rows(query.order_by(table.number))))
    return [tuple(row) for row in rows]


def press(browser: Browser, path: str, **fields: str) -> Any:
    return browser.post(path, browser.marks("/rooms") | fields)


def test_the_page_tells_who_is_in_and_what_is_wrong(browser: Browser) -> None:
    page = browser.get("/rooms").get_data(as_text=True)
    assert "应到 7 人，已在群里 2 人" in page
    assert "已邀请、还没进来 1 人" in page
    assert "没有绑定账号 1 人" in page
    assert "不在名册的 1 人" in page
    assert "没有加密" in page
    assert "还没看到状态" in page
    one = browser.get("/rooms/!one").get_data(as_text=True)
    assert "高山" in one
    assert str(OUTSIDER) in one
    assert "开启加密" in one


def test_a_nodes_own_page_tells_its_rooms_their_health_and_what_could_be_made(house: House, browser: Browser) -> None:
    page = browser.get(f"/organisation/{house.seeded.organisations['one']}").get_data(as_text=True)
    assert 'href="/rooms/!one"' in page
    assert "没有加密" in page
    assert 'name="purpose" value="committee"' in page
    seen = house.browser(VIEWER).get(f"/organisation/{house.seeded.organisations['one']}").get_data(as_text=True)
    assert "/rooms/" not in seen


def test_a_room_is_made_with_the_spaces_it_stands_in_once(house: House, browser: Browser) -> None:
    at = house.seeded.organisations
    marks = browser.marks("/rooms") | {"node": at["two"], "purpose": "committee"}
    assert browser.post("/rooms/make", marks).headers["Location"] == "/rooms?done=room_coming"
    assert browser.post("/rooms/make", marks).headers["Location"] == "/rooms?done=repeated"
    expected = [(at["general"], "space"), (at["two"], "space"), (at["two"], "committee")]
    assert [(row[0], row[3]) for row in waiting(house, "make")] == expected
    assert "正在建" in browser.get("/rooms").get_data(as_text=True)
    assert press(browser, "/rooms/make", node=at["two"], purpose="committee").status_code == 409
    assert press(browser, "/rooms/make", node=at["two"], purpose="branch").status_code == 409
    assert press(browser, "/rooms/make", node=at["two"], purpose="palace").status_code == 400


@pytest.mark.parametrize("short", ["sibling", "far", "committee"])
def test_no_room_is_made_outside_of_ones_subtree(house: House, browser: Browser, short: str) -> None:
    node = house.seeded.organisations[short]
    assert press(browser, "/rooms/make", node=node, purpose="staff").status_code == 404
    assert waiting(house, "make") == []


def test_everyone_who_is_missing_is_asked_in_and_nobody_else(house: House, browser: Browser) -> None:
    assert press(browser, "/rooms/!one/invite").status_code == 303
    asked = {row[2] for row in waiting(house, "invite")}
    assert asked == {"@m5:example.org", "@m6:example.org", SECRETARY}
    assert press(browser, "/rooms/!one/invite").status_code == 409


def test_the_bot_is_sent_to_mend_what_it_can(house: House, browser: Browser) -> None:
    assert press(browser, "/rooms/!one/mend", flaw="clear").status_code == 303
    assert waiting(house, "mend") == [(house.seeded.organisations["one"], "!one", None, "clear")]
    assert "正在处理" in browser.get("/rooms/!one").get_data(as_text=True)
    assert press(browser, "/rooms/!one/mend", flaw="open").status_code == 409
    assert press(browser, "/rooms/!one/mend", flaw="nonsense").status_code == 404


def test_only_who_does_not_belong_is_shown_out(house: House, browser: Browser) -> None:
    for user in ("@m1:example.org", str(BOT), str(SECRETARY), "@nobody:example.org"):
        assert press(browser, "/rooms/!one/remove", user=user).status_code == 409, user
    assert press(browser, "/rooms/!one/remove", user=OUTSIDER).status_code == 303
    assert waiting(house, "remove") == [(house.seeded.organisations["one"], "!one", OUTSIDER, None)]


def test_who_knocks_and_who_was_banned_is_shown_and_a_stranger_is_turned_down(house: House, browser: Browser) -> None:
    """N28: who is let in is for people to decide, by the roster."""
    stranger, mine, out = UserId("@who:example.org"), UserId("@m5:example.org"), UserId("@m6:example.org")
    for user, how in ((stranger, "knock"), (mine, "knock"), (out, "ban")):
        said = {"membership": how, "displayname": "书记"}
        seen = rooms.StateSeen(
            room=RoomId("!one"),
            type="m.room.member",
            state_key=user,
            sender=user,
            event_id=EventId(f"${user}"),
            content=said,
        )
        house.run(house.store.settle(notes=[seen]))
    assert "想进群的 2 人" in browser.get("/rooms").get_data(as_text=True)
    page = browser.get("/rooms/!one").get_data(as_text=True)
    assert "被禁止进群 1 人" in page
    assert "有 2 人从群外申请进来" in page
    assert page.count("确认婉拒") == 1
    assert press(browser, "/rooms/!one/remove", user=mine).status_code == 409
    assert press(browser, "/rooms/!one/remove", user=stranger).status_code == 303
    assert "正在请出" in browser.get("/rooms/!one").get_data(as_text=True)
    assert press(browser, "/rooms/!one/invite").status_code == 303
    asked = {row[2] for row in waiting(house, "invite")}
    assert mine in asked
    assert not {out, stranger} & asked


def test_names_are_for_those_who_may_see_members(house: House) -> None:
    duty = Duty(user=OPERATOR, organisation=house.seeded.organisations["general"], role=Role.OPERATOR)
    house.run(put(house.store, "operator", DutyGranted(duty=duty)))
    browser = house.browser(OPERATOR)
    page = browser.get("/rooms/!one").get_data(as_text=True)
    assert "有 1 人在群里" in page
    for secret in ("高山", str(OUTSIDER), "@m4:"):
        assert secret not in page
    assert press(browser, "/rooms/!one/remove", user=OUTSIDER).status_code == 403
    assert press(browser, "/rooms/!one/mend", flaw="clear").status_code == 303
    assert house.browser(VIEWER).get("/rooms").status_code == 403


def test_a_room_is_taken_over_by_who_governs_it(house: House, browser: Browser) -> None:
    at = house.seeded.organisations
    assert "检修群" in browser.get("/rooms").get_data(as_text=True)
    page = browser.get(f"/rooms/offered/{CLUB}").get_data(as_text=True)
    assert "没有加密" in page
    assert "还缺这些权限" in page
    assert press(browser, f"/rooms/offered/{CLUB}", place="").status_code == 400
    for taken in (f"{at['far']}:staff", "unknown:staff"):
        assert press(browser, f"/rooms/offered/{CLUB}", place=taken).status_code == 404
    assert press(browser, f"/rooms/offered/{CLUB}", place=f"{at['one']}:branch").status_code == 409
    assert press(browser, f"/rooms/offered/{CLUB}", place=f"{at['one']}:staff").status_code == 303
    kept = house.run(house.store.read(lambda unit: rooms.room(unit, CLUB)))
    assert (kept.organisation, kept.purpose, kept.name, kept.encrypted) == (at["one"], "staff", "检修群", False)
    assert "等认领的群" not in browser.get("/rooms").get_data(as_text=True)
    assert press(browser, f"/rooms/offered/{CLUB}", place=f"{at['two']}:staff").status_code == 409


def test_who_does_not_govern_a_room_cannot_take_it_over_and_who_is_not_in_it_never_hears_of_it(house: House) -> None:
    neighbour, at = house.browser(NEIGHBOUR), house.seeded.organisations
    assert "检修群" not in neighbour.get("/rooms").get_data(as_text=True)
    assert neighbour.get(f"/rooms/offered/{CLUB}").status_code == 404
    people = {BOT: "join", SECRETARY: "join", NEIGHBOUR: "join"}
    house.run(put_room(house.store, CLUB, SECRETARY, people, users={SECRETARY: 100}, version="10"))
    assert press(neighbour, f"/rooms/offered/{CLUB}", place=f"{at['far']}:staff").status_code == 409
    assert house.run(house.store.read(lambda unit: rooms.room(unit, CLUB))) is None


def leave(house: House, browser: Browser, name: str, **fields: Any) -> Any:
    path = f"/members/{house.seeded.members[name]}/leave"
    return browser.post(path, browser.marks(path) | fields)


def test_leaving_names_the_rooms_and_what_it_brings_before_anything_happens(house: House, browser: Browser) -> None:
    page = browser.get(f"/members/{house.seeded.members['白云']}/leave").get_data(as_text=True)
    assert "现在在 1 个群里" in page
    assert 'value="!one" checked' in page
    assert "@m1:example.org 不再对应这个人" in page
    assert waiting(house, "remove") == []


def test_a_member_leaves_and_goes_out_of_the_ticked_rooms_only(house: House, browser: Browser) -> None:
    id = house.seeded.members["白云"]
    assert leave(house, browser, "白云", room=["!one", "!far", "!nowhere"]).status_code == 303
    assert waiting(house, "remove") == [(house.seeded.organisations["one"], "!one", WHITE, None)]
    gone = house.run(house.store.read(lambda unit: members.member(unit, id)))
    assert (gone.left, gone.user) == (NOW, None)
    assert leave(house, browser, "白云").status_code == 409
    assert "移出了名册" in browser.get(f"/participation/members/{id}").get_data(as_text=True)
    roster = browser.get("/members").get_data(as_text=True)
    assert "已移出名册的 1 人" in roster
    back = browser.post(f"/members/{id}/return", browser.marks("/members"))
    assert back.status_code == 303
    assert "已移出名册" not in browser.get("/members").get_data(as_text=True)


def test_who_is_not_ticked_out_is_shown_as_not_belonging_afterwards(house: House, browser: Browser) -> None:
    assert leave(house, browser, "白云").status_code == 303
    assert waiting(house, "remove") == []
    assert "不在名册的 2 人" in browser.get("/rooms").get_data(as_text=True)


def test_with_the_roster_the_console_is_left_too_but_nobody_takes_off_themselves_or_those_above(house: House) -> None:
    at = house.seeded.organisations
    held = [
        Duty(user=WHITE, organisation=at["one"], role=Role.ORGANISING_MEMBER),
        Duty(user=UserId("@m2:example.org"), organisation=at["committee"], role=Role.SECRETARY),
    ]
    house.run(put(house.store, "held", *(DutyGranted(duty=duty) for duty in held)))
    browser, white = house.browser(), house.browser(WHITE)
    assert white.get("/rooms").status_code == 200
    assert leave(house, white, "白云").status_code == 409
    assert leave(house, browser, "陈晨").status_code == 409
    assert "职责同时收回" in browser.get(f"/members/{house.seeded.members['白云']}/leave").get_data(as_text=True)
    assert leave(house, browser, "白云").status_code == 303
    assert white.get("/rooms").status_code == 403
    assert house.run(house.store.read(lambda unit: organisations.duties_of(unit, WHITE))) == ()


def test_an_import_takes_nobody_off_and_does_not_bring_back_who_left(house: House, browser: Browser) -> None:
    leave(house, browser, "白云")
    sheet = "姓名,所在党支部,人员类别\n白云,检修车间第一党支部,正式党员\n".encode()
    answer = browser.post("/members/import", {"file": (io.BytesIO(sheet), "名册.csv")})
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert "<dt>新增</dt><dd>0</dd>" in page
    assert "已移出名册" in page
