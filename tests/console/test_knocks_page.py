"""Who knocks stands at one desk with the roster beside it, and is let in or turned down there."""

from __future__ import annotations

from content.identifiers import EventId, RoomId, UserId
from content.organisations import Duty, DutyGranted, Role
from storage import members, outbox, rooms, sync
from storage.rooms import StateSeen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER

STRANGER = "@knocker:example.org"


def knock(house: House, room: str = "!one", who: str = STRANGER) -> None:
    """Let the bot rule the room, and somebody knock at it."""
    me = house.run(house.store.read(sync.account)) or UserId("@bot:example.org")
    said = (
        ("m.room.create", "", me, {"room_version": "12"}),
        ("m.room.power_levels", "", me, {"users": {}}),
        ("m.room.member", who, UserId(who), {"membership": "knock"}),
    )
    notes = [
        StateSeen(room=RoomId(room), type=kind, state_key=key, sender=by, event_id=EventId(f"${kind}"), content=content)
        for kind, key, by, content in said
    ]
    house.run(house.store.settle(notes=notes))


def test_who_knocks_stands_at_the_desk_and_a_stranger_is_only_turned_down(house: House, browser: Browser) -> None:
    knock(house)
    page = browser.get("/knocks").get_data(as_text=True)
    assert STRANGER in page
    assert "不在花名册上" in page
    fields = {"room": "!one", "user": STRANGER}
    refused = browser.post("/knocks", {**fields, "verdict": "let_in"}, form_at="/knocks")
    assert refused.status_code == 409
    done = browser.post("/knocks", {**fields, "verdict": "turn_down"}, form_at="/knocks")
    assert "done=knock_turn_down" in done.headers["Location"]
    query = outbox.outbox.select().where(outbox.outbox.c.kind == outbox.Kind.REMOVE)
    rows = house.run(house.store.read(lambda unit: unit.rows(query)))
    assert [(row.room_id, row.user_id) for row in rows] == [("!one", STRANGER)]


def test_only_who_manages_the_rooms_there_sees_who_knocks(house: House, browser: Browser) -> None:
    knock(house, "!far")
    assert STRANGER not in browser.get("/knocks").get_data(as_text=True)
    fields = {"room": "!far", "user": STRANGER, "verdict": "turn_down"} | browser.marks("/cases/new")
    assert browser.post("/knocks", fields).status_code == 404
    assert house.browser(VIEWER).get("/knocks").status_code == 403


def test_a_knock_is_answered_only_by_who_manages_the_rooms_of_that_very_branch(house: House) -> None:
    knock(house)
    room = house.run(house.store.read(lambda unit: rooms.room(unit, RoomId("!one"))))
    assert room is not None
    duty = Duty(user=NEIGHBOUR, organisation=room.organisation, role=Role.DISCIPLINE_MEMBER)
    house.run(house.store.settle(notes=[DutyGranted(duty=duty)]))
    there = house.browser(NEIGHBOUR)
    assert STRANGER not in there.get("/knocks").get_data(as_text=True)
    fields = {"room": "!one", "user": STRANGER, "verdict": "turn_down"} | there.marks("/knocks")
    assert there.post("/knocks", fields).status_code == 404


def test_a_member_who_knocks_stands_there_by_name_and_is_let_in_once(house: House, browser: Browser) -> None:
    room = house.run(house.store.read(lambda unit: rooms.room(unit, RoomId("!one"))))
    assert room is not None
    there = house.run(house.store.read(lambda unit: members.roster(unit, [room.organisation])))
    member = next(one for one in there if one.user is not None)
    knock(house, who=str(member.user))
    assert member.name in browser.get("/knocks").get_data(as_text=True)
    fields = {"room": "!one", "user": str(member.user), "verdict": "let_in"}
    done = browser.post("/knocks", fields, form_at="/knocks")
    assert "done=knock_let_in" in done.headers["Location"]
    there_by_now = StateSeen(
        room=room.id,
        type="m.room.member",
        state_key=str(member.user),
        sender=UserId(str(member.user)),
        event_id=EventId("$in"),
        content={"membership": "join"},
    )
    house.run(house.store.settle(notes=[there_by_now]))
    again = browser.post("/knocks", fields, form_at="/cases/new")
    assert again.status_code == 409
