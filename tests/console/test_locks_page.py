"""Whoever moderates locks the rooms of their place and opens them; how each stands is seen before."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from content.identifiers import EventId, RoomId, UserId
from content.rooms import RoomKept
from storage import locks, rooms, sign_ups, sync
from storage.rooms import StateSeen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER
from tests.console.open_sign_up import begin_sign_up
from tests.console.test_long_lists import ROW, pages

AT = "/locks/!one"


def let_the_bot_rule(house: House, room: str = "!one", **levels: Any) -> None:
    """Let the bot have made the room."""
    me = house.run(house.store.read(sync.account)) or UserId("@bot:example.org")
    said = (("m.room.create", {"room_version": "12"}), ("m.room.power_levels", {"users": {}, **levels}))
    notes = [
        StateSeen(room=RoomId(room), type=kind, state_key="", sender=me, event_id=EventId(f"${kind}"), content=content)
        for kind, content in said
    ]
    house.run(house.store.settle(notes=notes))


def states(house: House) -> list[str]:
    rows = house.run(house.store.read(lambda unit: unit.rows(locks.room_locks.select().order_by("at", "id"))))
    return [row.state for row in rows]


def test_a_room_is_locked_for_a_while_and_opened_again(house: House, browser: Browser) -> None:
    let_the_bot_rule(house)
    assert "群里的人都能发言" in browser.get(AT).get_data(as_text=True)
    done = browser.post(f"{AT}/lock", {"part": "talk", "lasts": "30m"}, form_at=AT)
    assert "done=room_locked" in done.headers["Location"]
    assert states(house) == ["held"]
    assert "正在处理" in browser.get(AT).get_data(as_text=True)
    assert "<strong>发言</strong>" in browser.get("/locks").get_data(as_text=True)
    again = browser.post(f"{AT}/lock", {"part": "talk", "lasts": "2h"}, form_at="/cases/new")
    assert again.status_code == 409
    browser.post(f"{AT}/unlock", {}, form_at=AT)
    assert states(house) == ["over"]
    assert "done=room_unlocked" not in str(browser.post(f"{AT}/unlock", {}, form_at=AT).headers)


def test_what_cannot_be_locked_is_said_before_and_quiet_rooms_are_known(house: House, browser: Browser) -> None:
    let_the_bot_rule(house, events_default=50)
    assert "这个群本来就只有管理人员能发言" in browser.get(AT).get_data(as_text=True)
    refused = browser.post(f"{AT}/lock", {"part": "talk", "lasts": "2h"}, form_at=AT)
    assert refused.status_code == 409
    assert states(house) == []


def test_a_room_is_slowed_for_a_while_beside_its_lock_and_ended_alone(house: House, browser: Browser) -> None:
    let_the_bot_rule(house)
    done = browser.post(f"{AT}/lock", {"part": "slow", "lasts": "2h", "gap": "60"}, form_at=AT)
    assert "done=slow_begun" in done.headers["Location"]
    browser.post(f"{AT}/lock", {"part": "talk", "lasts": "30m"}, form_at=AT)
    assert "每人每 1 分钟 一条" in browser.get(AT).get_data(as_text=True)
    browser.post(f"{AT}/unlock", {}, form_at=AT)
    assert sorted(states(house)) == ["held", "over"]
    ended = browser.post(f"{AT}/unlock", {"part": "slow"}, form_at=AT)
    assert "done=slow_ended" in ended.headers["Location"]
    assert states(house) == ["over", "over"]
    assert browser.post(f"{AT}/lock", {"part": "slow", "lasts": "2h", "gap": "7"}, form_at=AT).status_code == 400


def test_slow_mode_that_a_place_has_set_is_said_on_the_page_of_its_room(house: House, browser: Browser) -> None:
    let_the_bot_rule(house)
    fields = {"guard": "slow", "value-slow": "hide", "value-slow.gap": "300"}
    browser.post("/guards/!one/set", fields, form_at="/guards/!one")
    assert "每人每 5 分钟 最多发一条" in browser.get(AT).get_data(as_text=True)
    assert "收回" in browser.get("/guards/!one").get_data(as_text=True)


def test_where_only_some_may_write_the_page_does_not_say_that_everybody_may(house: House, browser: Browser) -> None:
    let_the_bot_rule(house, events_default=25)
    page = browser.get(AT).get_data(as_text=True)
    assert "现在只有一部分人能发言（权限等级 25 以上）" in page
    assert "群里的人都能发言" not in page


def test_what_is_open_in_a_room_and_cannot_be_answered_while_it_is_locked_is_said_before(
    house: House, browser: Browser
) -> None:
    let_the_bot_rule(house)
    begin_sign_up(house)
    there = house.run(house.store.read(lambda unit: unit.rows(sign_ups.sign_ups.select())))[0].room_id
    let_the_bot_rule(house, room=there)
    assert "个接龙开着" in browser.get(f"/locks/{there}").get_data(as_text=True)


def test_only_who_moderates_sees_and_locks_rooms_and_only_those_of_their_place(house: House, browser: Browser) -> None:
    assert house.browser(VIEWER).get("/locks").status_code == 403
    assert browser.get("/locks/!far").status_code == 404
    fields = {"part": "talk", "lasts": "2h"} | browser.marks("/cases/new")
    assert browser.post("/locks/!far/lock", fields).status_code == 404
    assert states(house) == []


def test_rooms_come_a_page_at_a_time_and_those_with_a_lock_first(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = house.run(house.store.read(lambda unit: rooms.room(unit, RoomId("!one"))))
    assert kept is not None
    for name in ("!a", "!z"):
        house.run(house.store.settle(notes=[RoomKept(room=replace(kept, id=RoomId(name), name=name))]))
    let_the_bot_rule(house, room="!z")
    browser.post("/locks/!z/lock", {"part": "talk", "lasts": "30m"}, form_at="/locks/!z")
    (whole,) = pages(browser, "/locks")
    monkeypatch.setattr("console.pages.locks.ROOMS_SHOWN", 2)
    seen = pages(browser, "/locks")
    names = [name for page in seen for name in ROW.findall(page)]
    assert len(seen) > 1
    assert names == ROW.findall(whole)
    assert names[0] == "!z"
