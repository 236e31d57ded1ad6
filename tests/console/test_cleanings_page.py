"""Whoever moderates has counted what somebody wrote, and begins, stops and goes on with taking it back."""

from __future__ import annotations

from content.identifiers import UserId
from storage import cleanings, outbox
from tests.console.console_house import Browser, House
from tests.console.console_seeding import VIEWER
from tests.console.test_locks_page import let_the_bot_rule

WHITE = UserId("@m1:example.org")


def fields(house: House, **more: str) -> dict[str, str]:
    usual = {"user": "江流", "where": "!one", "span": "1h", "reason": "flood", "said": ""}
    return {**usual, **more}


def kinds(house: House) -> list[str]:
    query = outbox.outbox.select().where(outbox.outbox.c.lane == "cleaning").order_by(outbox.outbox.c.number)
    return [row.kind for row in house.run(house.store.read(lambda unit: unit.rows(query)))]


def test_what_somebody_wrote_is_counted_at_a_press_and_nothing_more(house: House, browser: Browser) -> None:
    let_the_bot_rule(house)
    done = browser.post("/cleanings/new", fields(house), form_at="/cleanings/new")
    assert done.status_code == 303, done.get_data(as_text=True)[-2000:]
    assert "正在数" in browser.get(done.headers["Location"]).get_data(as_text=True)
    assert kinds(house) == ["count"]
    missing = browser.post("/cleanings/new", fields(house, user="没有这人"), form_at="/cleanings/new")
    assert missing.status_code == 422
    bare = browser.post("/cleanings/new", fields(house, reason="other"), form_at="/cleanings/new")
    assert bare.status_code == 422


def test_it_is_stopped_and_gone_on_with_and_its_progress_is_seen(house: House, browser: Browser) -> None:
    id = next(
        row.id
        for row in house.run(house.store.read(lambda unit: unit.rows(cleanings.cleanings.select())))
        if row.user_id == WHITE
    )
    at = f"/cleanings/{id}"
    page = browser.get(at).get_data(as_text=True)
    assert "<progress" in page
    assert "data-reload" in page
    browser.post(f"{at}/stop", {}, form_at=at)
    assert "已停下" in browser.get(at).get_data(as_text=True)
    browser.post(f"{at}/on", {}, form_at=at)
    assert kinds(house) == ["clean"]
    assert browser.post(f"{at}/begin", {}, form_at=at).status_code == 409


def test_only_who_moderates_sees_cleanings_and_nobody_one_of_their_own_words(house: House, browser: Browser) -> None:
    assert house.browser(VIEWER).get("/cleanings").status_code == 403
    assert "白云" in browser.get("/cleanings").get_data(as_text=True)
    assert "安邻" not in browser.get("/cleanings").get_data(as_text=True)
