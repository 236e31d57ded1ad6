"""What could not be heard is shown with where, when and why, heard again or put aside by who may, and never told on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from content.decision import Fact
from content.identifiers import EventId, RoomId, UserId
from content.unheard import Letter
from storage import sync, unheard
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, NOW, SECRETARY, VIEWER

SECRET = "不该给人看的话"
WHITE = UserId("@m1:example.org")
ONE, PRIVATE = RoomId("!one"), RoomId("!private:example.org")


def letter(name: str, room: RoomId | None, reason: str = "too_deep") -> sync.Buried:
    return sync.Buried(
        cause=f"event:${name}" if room else f"form:{name}",
        room=room,
        sender=WHITE,
        reason=reason,
        raw=f'{{"body": "{SECRET}", "bold": "<b>"}}'.encode() if room else None,
        at=NOW - timedelta(hours=1),
        event_id=EventId(f"${name}") if room else None,
    )


def bury(house: House, *facts: Fact) -> None:
    house.run(house.store.settle(notes=list(facts)))


def letters(house: House, *, aside: bool = False) -> list[Letter]:
    roots = [house.seeded.organisations["general"]]
    found = house.run(house.store.read(lambda unit: unheard.letters(unit, roots, everything=True, aside=aside)))
    return [one.what for one in found]


def test_a_letter_is_shown_with_its_reason_and_without_what_was_said(house: House, browser: Browser) -> None:
    bury(house, letter("near", ONE), letter("private", PRIVATE, "ZeroDivisionError in decide:3"))
    page = browser.get("/unheard").get_data(as_text=True)
    assert "格式不对的消息" in page
    assert "程序出错的一条" in page
    assert "私聊，或不属于组织的群" in page
    assert SECRET not in page
    assert WHITE not in page
    assert "没能听清的" in browser.get("/").get_data(as_text=True)


def test_what_came_is_shown_escaped_to_who_sees_the_rooms_members_and_of_a_private_chat_to_nobody(
    house: House, browser: Browser
) -> None:
    bury(house, letter("near", ONE), letter("private", PRIVATE))
    pages = {one.event: browser.get(f"/unheard/{one.id}").get_data(as_text=True) for one in letters(house)}
    assert "&lt;b&gt;" in pages[EventId("$near")]
    assert WHITE in pages[EventId("$near")]
    assert "&lt;b&gt;" not in pages[EventId("$private")]
    assert WHITE not in pages[EventId("$private")]


def test_a_letter_is_asked_for_again_once_and_put_aside(house: House, browser: Browser) -> None:
    bury(house, letter("near", ONE))
    (before,) = letters(house)
    browser.post(f"/unheard/{before.id}/again", browser.marks("/unheard"))
    (asked,) = letters(house)
    assert asked.asked_at is not None
    assert browser.post(f"/unheard/{before.id}/again", browser.marks("/unheard")).status_code == 409
    browser.post(f"/unheard/{before.id}/aside", browser.marks("/unheard"))
    assert letters(house) == []
    (kept,) = letters(house, aside=True)
    assert kept.asked_at is None
    assert "程序没能处理" not in browser.get("/").get_data(as_text=True)


def test_a_form_is_filled_in_again_by_hand(house: House, browser: Browser) -> None:
    bury(house, letter("form", None, "KeyError in decide:9"))
    (one,) = letters(house)
    assert "请重新做一遍" in browser.get("/unheard").get_data(as_text=True)
    assert browser.post(f"/unheard/{one.id}/again", browser.marks("/unheard")).status_code == 409


def test_missing_history_is_shown_with_room_and_time_and_given_up_stretches_can_be_read_once_more(
    house: House, browser: Browser
) -> None:
    """F53: what could not be filled is shown on the desk and on the rooms page."""
    bury(house, sync.GapFound(room=ONE, from_token="a", to_token="b", at=NOW - timedelta(hours=2)))
    assert "正在补读" in browser.get("/rooms").get_data(as_text=True)
    ((gap,),) = (house.run(house.store.read(unheard.missing))).values()
    assert browser.post(f"/unheard/history/{gap.id}/again", browser.marks("/unheard")).status_code == 409
    bury(house, unheard.StretchGivenUp(id=gap.id, reason="refused M_FORBIDDEN", at=NOW))
    assert "缺一段聊天记录（" in browser.get("/rooms").get_data(as_text=True)
    assert "缺一段聊天记录（" in browser.get(f"/rooms/{ONE}").get_data(as_text=True)
    assert "M_FORBIDDEN" in browser.get("/unheard").get_data(as_text=True)
    browser.post(f"/unheard/history/{gap.id}/again", browser.marks("/unheard"))
    assert len(house.run(house.store.read(sync.open_gaps))) == 1
    bury(house, unheard.StretchGivenUp(id=gap.id, reason="refused M_FORBIDDEN", at=NOW))
    browser.post(f"/unheard/history/{gap.id}/aside", browser.marks("/unheard"))
    assert house.run(house.store.read(unheard.missing)) == {}


@pytest.mark.parametrize("user", [VIEWER, None])
def test_who_does_not_operate_has_no_desk(house: House, user: UserId | None) -> None:
    bury(house, letter("near", ONE))
    (one,) = letters(house)
    browser = house.browser(user)
    for path in ("/unheard", f"/unheard/{one.id}"):
        answer = browser.get(path)
        assert answer.status_code in (302, 303, 403)
        assert "too_deep" not in answer.get_data(as_text=True)


def test_a_neighbour_sees_neither_letters_of_others_nor_of_private_chats(house: House, browser: Browser) -> None:
    bury(house, letter("near", ONE), letter("private", PRIVATE))
    neighbour = house.browser(NEIGHBOUR)
    assert "too_deep" not in neighbour.get("/unheard").get_data(as_text=True)
    for one in letters(house):
        assert neighbour.get(f"/unheard/{one.id}").status_code == 404
        assert neighbour.post(f"/unheard/{one.id}/again", neighbour.marks("/unheard")).status_code == 404


def test_the_desk_reads_in_english_too(house: House) -> None:
    bury(house, letter("near", ONE, "replay"))
    page = house.browser(SECRETARY, language="en").get("/unheard").get_data(as_text=True)
    assert "An old message sent again under a new number" in page
