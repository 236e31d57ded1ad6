"""Who moderates sets what is looked for at their places, edits the lists, and tries it on samples that are not kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from content.guards import Guard, Level
from content.identifiers import EventId, RehearsalId, derive
from content.rehearsals import Hit, Outcome, RehearsalRead
from storage.guards import guard_entries, guard_settings
from storage.rooms import rooms
from storage.tables import metadata
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER

BAD = "兼职刷单 https://evil.xyz/领"


def rows(house: House, table: Any) -> list[Any]:
    return list(house.run(house.store.read(lambda unit: unit.rows(select(table)))))


def room_of(house: House, organisation: str) -> str:
    return next(row.id for row in rows(house, rooms) if row.organisation_id == organisation and row.purpose != "space")


def test_only_who_moderates_sees_guards_and_only_those_of_their_places(house: House, browser: Browser) -> None:
    node, far = house.seeded.organisations["two"], house.seeded.organisations["far"]
    assert f"/guards/{node}" in browser.get("/guards").get_data(as_text=True)
    assert browser.get(f"/guards/{node}").status_code == 200
    assert browser.get(f"/guards/{far}").status_code == 404
    assert browser.get("/guards/!nowhere:test").status_code == 404
    for verb in ("set", "add", "drop", "try", "rehearse"):
        assert browser.post(f"/guards/{far}/{verb}", form_at="/guards").status_code == 404, verb
    assert browser.get(f"/guards/rehearsals/{derive('seed rehearsal', 'far')}").status_code == 404
    neighbour = house.browser(NEIGHBOUR)
    assert neighbour.get(f"/guards/{node}").status_code == 404
    assert neighbour.get(f"/guards/{far}").status_code == 200
    assert neighbour.get(f"/guards/rehearsals/{derive('seed rehearsal', 'far')}").status_code == 200
    assert house.browser(VIEWER).get("/guards").status_code == 403


def test_what_is_set_above_is_shown_with_where_it_is_from_and_can_be_taken_back(house: House, browser: Browser) -> None:
    node = house.seeded.organisations["two"]
    at = f"/guards/{node}"
    done = browser.post(f"{at}/set", {"guard": "flood", "value-flood": "hide", "value-flood.most": "6"}, form_at=at)
    assert "undo=" in done.headers["Location"]
    room = room_of(house, node)
    page = browser.get(f"/guards/{room}").get_data(as_text=True)
    assert "隐藏并标记 · 来自" in page
    browser.post(f"/guards/{room}/set", {"guard": "flood", "value-flood": "off", "value-flood.most": ""}, form_at=at)
    assert {(row.place, row.name, row.value) for row in rows(house, guard_settings)} == {
        (node, "flood", "hide"),
        (node, "flood.most", "6"),
        (room, "flood", "off"),
    }
    browser.post(f"{at}/set", {"guard": "flood", "value-flood": "", "value-flood.most": ""}, form_at=at)
    assert [row.place for row in rows(house, guard_settings)] == [room]


def test_what_is_not_possible_is_not_set(house: House, browser: Browser) -> None:
    at = f"/guards/{house.seeded.organisations['two']}"
    assert browser.post(f"{at}/set", {"guard": "flood", "value-flood": "ban"}, form_at=at).status_code == 409
    assert browser.post(f"{at}/set", {"guard": "flood", "value-flood": ""}, form_at=at).status_code == 409
    assert browser.post(f"{at}/set", {"guard": "nothing"}, form_at=at).status_code == 400
    assert browser.post(f"{at}/add", {"sort": "nothing", "entries": "x"}, form_at=at).status_code == 400
    assert rows(house, guard_settings) == []


def test_a_list_is_pasted_and_an_entry_taken_off_it(house: House, browser: Browser) -> None:
    at = f"/guards/{house.seeded.organisations['two']}"
    browser.post(f"{at}/add", {"sort": "hosts", "entries": "https://www.example.cn/x\nexample.org\n"}, form_at=at)
    assert sorted(row.entry for row in rows(house, guard_entries)) == ["example.org", "www.example.cn"]
    wrong = browser.post(f"{at}/add", {"sort": "patterns", "entries": "好的\n("}, form_at=at)
    assert wrong.status_code == 409
    assert "不是能用的式样" in wrong.get_data(as_text=True)
    browser.post(f"{at}/drop", {"sort": "hosts", "entry": "example.org"}, form_at=at)
    assert [row.entry for row in rows(house, guard_entries)] == ["www.example.cn"]
    assert browser.post(f"{at}/drop", {"sort": "hosts", "entry": "example.org"}, form_at=at).status_code == 404


def test_samples_are_tried_and_not_kept(house: House, browser: Browser) -> None:
    at = f"/guards/{house.seeded.organisations['two']}"
    page = browser.post(f"{at}/try", {"samples": f"收到\n{BAD}\n", "by": "each"}, form_at=at).get_data(as_text=True)
    assert "2 条里命中 1 条" in page
    assert "词语 (兼职刷单)" in page
    assert "链接 (evil.xyz)" in page
    assert "不命中" in page
    flood = "\n".join(f"第{number}条" for number in range(12))
    assert "命中 2 条" in browser.post(f"{at}/try", {"samples": flood, "by": "one"}, form_at=at).get_data(as_text=True)
    assert "命中 0 条" in browser.post(f"{at}/try", {"samples": flood, "by": "each"}, form_at=at).get_data(as_text=True)
    assert not any("evil.xyz" in repr(row) for table in metadata.sorted_tables for row in rows(house, table))


def test_the_last_week_of_a_room_is_asked_for_and_shown_without_a_word_of_it(house: House, browser: Browser) -> None:
    room = room_of(house, house.seeded.organisations["two"])
    asked = browser.post(f"/guards/{room}/rehearse", form_at=f"/guards/{room}")
    at = asked.headers["Location"].partition("?")[0]
    assert "正在读" in browser.get(at).get_data(as_text=True)
    hit = Hit(event=EventId("$bad"), guard=Guard.LINKS, level=Level.HIDE, at=house.clock.now)
    read = RehearsalRead(
        id=RehearsalId(at.rpartition("/")[2]), outcome=Outcome.CUT, looked=70, unread=2, struck=1, hits=(hit,)
    )
    house.run(house.store.settle(notes=[read]))
    page = browser.get(at).get_data(as_text=True)
    assert "看了 70 条消息，会命中 1 条" in page
    assert "链接：隐藏并标记" in page
    assert house.browser(NEIGHBOUR).get(at).status_code == 404
    node = house.seeded.organisations["two"]
    assert browser.post(f"/guards/{node}/rehearse", form_at=f"/guards/{node}").status_code == 404
