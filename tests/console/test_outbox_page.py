"""The outbox names what failed and why; a row is sent again or taken back once, by who may."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select, update

from content.identifiers import OutboxId, RoomId
from content.pace import FEWEST
from content.rooms import Purpose, Room, RoomKept
from storage import outbox_items, pace
from storage.checkins import cards
from storage.outbox import DISCREET, Kind, State, outbox
from storage.unit import Writing
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, VIEWER


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


def test_the_way_to_the_record_is_offered_only_where_it_leads_to_something(house: House, browser: Browser) -> None:
    """Of what somebody asked without a name the record keeps no cause: it would lead to their own message."""
    assert "cause=" in browser.get("/outbox?tab=failed").get_data(as_text=True)
    unnamed = update(outbox).where(outbox.c.id == house.seeded.outbox["failed"]).values(cause="event:$asked")
    house.run(house.store._write(lambda unit: unit.execute(unnamed), news=False))
    page = browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert "M_FORBIDDEN" in page
    assert "asked" not in page


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


def test_of_who_was_reminded_of_a_vote_the_page_shows_only_how_many_it_did_not_reach(
    house: House, browser: Browser
) -> None:
    mark = update(outbox).where(outbox.c.id == house.seeded.outbox["waiting"]).values(subject=DISCREET)
    failed = update(outbox).where(outbox.c.id == house.seeded.outbox["waiting"]).values(state=State.FAILED)
    assert "@m1:example.org" in browser.get("/outbox").get_data(as_text=True)
    for change in (mark, failed):
        house.run(house.store._write(lambda unit, change=change: unit.execute(change), news=False))
        for tab in ("waiting", "sent", "failed"):
            page = browser.get(f"/outbox?tab={tab}").get_data(as_text=True)
            assert "@m1:example.org" not in page
            assert ("有 1 条关于投票" in page) is (change is failed and tab == "failed")
    answer = browser.post(f"/outbox/{house.seeded.outbox['waiting']}/retry", browser.marks("/outbox"))
    assert answer.status_code == 404, "by its id one could find out whose it is"
    assert "都再发一次" not in house.browser(VIEWER).get("/outbox?tab=failed").get_data(as_text=True)
    marks = browser.marks("/outbox?tab=failed")
    assert browser.post("/outbox/unlisted/retry", marks).status_code == 303
    assert "有 1 条关于投票" not in browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert browser.post("/outbox/unlisted/retry", browser.marks("/outbox")).status_code == 409, "there is nothing more"


def test_a_viewer_has_no_hand_in_it(house: House) -> None:
    browser = house.browser(VIEWER)
    page = browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert "再发一次" not in page
    answer = browser.post(f"/outbox/{house.seeded.outbox['failed']}/retry", browser.marks("/outbox"))
    assert answer.status_code == 403
    assert state(house, "failed") is State.FAILED


def test_a_card_that_failed_is_moved_to_another_room_of_its_branch_and_nowhere_else(
    house: House, browser: Browser
) -> None:
    at, failed = house.seeded.organisations, house.seeded.outbox["failed"]
    query = select(outbox.c.card_id).where(outbox.c.id == failed)
    card = house.run(house.store.read(lambda unit: unit.value(query)))
    branch = house.run(house.store.read(lambda unit: unit.value(select(cards.c.branch_id).where(cards.c.id == card))))
    room = Room(id=RoomId("!new"), organisation=branch, purpose=Purpose.GROUP, name="新群", encrypted=False)
    other = Room(id=RoomId("!other"), organisation=at["far"], purpose=Purpose.GROUP, name="别处", encrypted=False)
    house.run(house.store.settle(notes=[RoomKept(room=room), RoomKept(room=other)]))
    page = browser.get("/outbox?tab=failed").get_data(as_text=True)
    assert "换个群发" in page
    assert "新群" in page
    assert "别处" not in page
    marks = browser.marks("/outbox?tab=failed")
    assert browser.post(f"/outbox/{failed}/move", marks | {"room": "!other"}).status_code == 409
    browser.post(f"/outbox/{failed}/move", browser.marks("/outbox?tab=failed") | {"room": "!new"})
    assert state(house, "failed") is State.PENDING
    where = select(outbox.c.room_id).where(outbox.c.id == failed)
    assert house.run(house.store.read(lambda unit: unit.value(where))) == "!new"


def test_the_end_of_a_broadcast_is_expected_by_the_measured_pace(house: House, browser: Browser) -> None:
    """F44, N41: how long it takes is said before anybody asks."""
    cards_waiting = update(outbox).where(outbox.c.kind == Kind.POST, outbox.c.id == house.seeded.outbox["failed"])

    async def measure(unit: Writing) -> None:
        await unit.execute(cards_waiting.values(state=State.PENDING, last_error=None))
        sent = await unit.rows(select(outbox.c.id).where(outbox.c.state == State.SENT).order_by(outbox.c.number))
        for place, row in enumerate(sent):
            at = NOW - timedelta(seconds=6 * place)
            await unit.execute(update(outbox).where(outbox.c.id == row.id).values(done_at=at, event_id=f"$e{place}"))

    house.run(house.store._write(measure, news=False))
    sent = house.run(house.store.read(pace.sent_lately))
    page = browser.get("/outbox").get_data(as_text=True)
    assert "正在往各个群里发" in page
    assert ("照现在的速度" if len(sent) > FEWEST else "还不知道要多久") in page
