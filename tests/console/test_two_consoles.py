"""Two consoles over one database are one desk: what begins at one of them goes on at the other."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any

import pytest
from msgspec.structs import replace

from console.app import create_app
from content.trouble import Exit, Trouble
from storage import shelf
from tests.console.console_house import Browser, House
from tests.console.test_imports_page import ONE, everyone, sheet, upload
from tests.console.test_lessons_page import fields, kept, library, picture


@pytest.fixture
def second(house: House, loop: asyncio.AbstractEventLoop) -> House:
    """Give a console of its own over the same store, with nothing in its memory."""
    desk = house.app.extensions["zhibu"]
    return replace(house, app=create_app(house.store, loop, desk.speech, desk.settings))


def go_on_at(house: House, browser: Browser) -> Browser:
    """Give the same browser, whose next request a load balancer takes to another console."""
    client = house.app.test_client()
    client._cookies = browser.client._cookies
    return Browser(client, browser.headers["Accept-Language"])


def stored(house: House) -> bytes:
    """Return everything that lies on the shelf."""
    rows = house.run(house.store.read(lambda unit: unit.rows(shelf.shelf.select())))
    return b"".join(row.sealed for row in rows)


def test_a_session_of_one_console_is_good_at_the_other_until_it_is_ended(
    house: House, second: House, browser: Browser
) -> None:
    there = go_on_at(second, browser)
    assert there.get("/lessons").status_code == 200
    there.post("/sign-out", form_at="/lessons")
    assert browser.get("/lessons").status_code == 303


def test_a_form_that_reaches_both_consoles_has_one_effect(house: House, second: House, browser: Browser) -> None:
    there = go_on_at(second, browser)
    form = browser.marks("/lessons/new") | fields(house, title="只写一次")
    assert browser.post("/lessons/new", dict(form)).status_code == 303
    assert "done=repeated" in there.post("/lessons/new", dict(form)).headers["Location"]
    assert [lesson.title for lesson in library(house)].count("只写一次") == 1


def test_a_roster_that_was_uploaded_to_one_console_is_looked_at_and_taken_in_at_the_other(
    house: House, second: House, browser: Browser
) -> None:
    there = go_on_at(second, browser)
    answer = upload(browser, sheet(["王丽", ONE, "", "正式党员", "13900000009", ""]))
    where = answer.headers["Location"]
    page = there.get(where).get_data(as_text=True)
    assert "王丽" in page
    assert there.post(where, form_at=where).status_code == 303
    assert "王丽" in everyone(house)
    assert stored(house) == b""


def test_a_picture_that_was_uploaded_to_one_console_is_shown_and_kept_by_the_other(
    house: House, second: House, browser: Browser
) -> None:
    there = go_on_at(second, browser)
    sent: dict[str, Any] = fields(house, title="", media=(io.BytesIO(picture()), "a.jpg"))
    page = browser.post("/lessons/new", sent).get_data(as_text=True)
    (key,) = re.findall(r'name="medium" value="([^"]+)"', page)
    shown = there.get(f"/lessons/shelved/{key}")
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    answer = there.post("/lessons/new", fields(house, medium=key))
    lesson = kept(house, answer.headers["Location"].split("/")[-1].split("?")[0])
    assert [one.name for one in lesson.media] == ["a.jpg"]


def test_the_database_holds_an_uploaded_roster_under_seal_only(house: House, browser: Browser) -> None:
    number = "110101199001011237"
    where = upload(browser, sheet(["王丽", ONE, "", "", number, ""])).headers["Location"]
    held = stored(house)
    assert len(held) > 100
    assert number.encode() not in held
    assert "王丽".encode() not in held
    key = where.split("/")[-1].split("?")[0]
    rows = house.run(house.store.read(lambda unit: unit.rows(shelf.shelf.select())))
    assert key not in str([tuple(row) for row in rows])


def test_what_waits_is_shown_to_the_person_who_uploaded_it_and_to_nobody_else(house: House, browser: Browser) -> None:
    where = upload(browser, sheet(["王丽", ONE, "", "", "", ""])).headers["Location"]
    assert browser.get(where).status_code == 200
    assert house.browser().get(where).status_code == 404


def test_a_console_that_was_cut_off_from_its_database_asks_for_a_moment(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_all: object, **_named: object) -> None:
        raise Trouble(Exit.DATABASE, "database.place_lost", where="postgresql://…")

    marks = browser.marks("/lessons/new")
    monkeypatch.setattr(house.store, "settle", lost)
    answer = browser.post("/lessons/new", marks | fields(house))
    assert answer.status_code == 503
    assert "稍后" in answer.get_data(as_text=True)
