"""Whoever moderates locks the rooms of their place and opens them; how each stands is seen before."""

from __future__ import annotations

from typing import Any

from content.identifiers import EventId, RoomId, UserId
from storage import locks, sync
from storage.rooms import StateSeen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER

AT = "/locks/!one"


def let_the_bot_rule(house: House, **levels: Any) -> None:
    """Let the bot have made the room."""
    me = house.run(house.store.read(sync.account)) or UserId("@bot:example.org")
    said = (("m.room.create", {"room_version": "12"}), ("m.room.power_levels", {"users": {}, **levels}))
    notes = [
        StateSeen(
            room=RoomId("!one"), type=kind, state_key="", sender=me, event_id=EventId(f"${kind}"), content=content
        )
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


def test_only_who_moderates_sees_and_locks_rooms_and_only_those_of_their_place(house: House, browser: Browser) -> None:
    assert house.browser(VIEWER).get("/locks").status_code == 403
    assert browser.get("/locks/!far").status_code == 404
    fields = {"part": "talk", "lasts": "2h"} | browser.marks("/cases/new")
    assert browser.post("/locks/!far/lock", fields).status_code == 404
    assert states(house) == []
