"""The outbox names what failed and why; a row is sent again or taken back once, by who may."""

from __future__ import annotations

import re

from content.identifiers import OutboxId
from storage import outbox_items
from storage.outbox import State
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER


def state(house: House, short: str) -> State:
    roots = [house.seeded.organisations["committee"]]
    id = OutboxId(house.seeded.outbox[short])
    item = house.run(house.store.read(lambda unit: outbox_items.item(unit, roots, id)))
    found: State = item.state
    return found


def test_a_failure_is_told_in_words(browser: Browser) -> None:
    page = browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert "聊天服务器不允许这样做" in page
    assert "M_FORBIDDEN" in page


def test_a_failed_row_is_tried_again(house: House, browser: Browser) -> None:
    browser.post(f"/outbox/{house.seeded.outbox['failed']}/retry", browser.marks("/outbox"))
    assert state(house, "failed") is State.PENDING
    again = browser.post(f"/outbox/{house.seeded.outbox['failed']}/retry", browser.marks("/outbox"))
    assert again.status_code == 409
    assert state(house, "failed") is State.PENDING


def test_a_waiting_row_is_taken_back(house: House, browser: Browser) -> None:
    assert "@m1:example.org" in browser.get("/outbox").get_data(as_text=True)
    browser.post(f"/outbox/{house.seeded.outbox['waiting']}/cancel", browser.marks("/outbox"))
    assert state(house, "waiting") is State.CANCELLED
    assert "由管理人员撤下" in browser.get("/outbox?tab=failed").get_data(as_text=True)


def test_a_viewer_sees_no_private_answers_and_a_count_without_them(house: House, browser: Browser) -> None:
    def waiting(page: str) -> int:
        (number,) = re.findall(r"tab=waiting[^<]*<span class=\"number\">(\d+)</span>", page)
        return int(number)

    named = browser.get("/outbox").get_data(as_text=True)
    seen = house.browser(VIEWER).get("/outbox").get_data(as_text=True)
    assert "@m1:example.org" in named
    assert "@m1:example.org" not in seen
    assert waiting(seen) == waiting(named) - 1


def test_a_viewer_has_no_hand_in_it(house: House) -> None:
    browser = house.browser(VIEWER)
    page = browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert "再发一次" not in page
    answer = browser.post(f"/outbox/{house.seeded.outbox['failed']}/retry", browser.marks("/outbox"))
    assert answer.status_code == 403
    assert state(house, "failed") is State.FAILED
