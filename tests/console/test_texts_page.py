"""The plain text of what was sent can be copied by who may see it, and what one person was told cannot."""

from __future__ import annotations

import re
from html import unescape

from content.identifiers import OccurrenceId, derive
from storage import shown
from tests.console.console_house import Browser, House


def copied(browser: Browser, path: str) -> str:
    """Return the text that a page offers to copy."""
    page = browser.get(path)
    assert page.status_code == 200
    (text,) = re.findall(r'<textarea id="text"[^>]*readonly>(.*?)</textarea>', page.get_data(as_text=True), re.DOTALL)
    return unescape(text)


def test_a_lesson_is_copied_without_marks_and_asks_nothing(house: House, browser: Browser) -> None:
    text = copied(browser, f"/lessons/{house.seeded.lessons['law']}/text")
    assert "宪法第一课" in text
    assert "【要点】" in text
    assert "**" not in text
    assert "✅" not in text


def test_a_card_is_copied_as_its_room_reads_it(house: House, browser: Browser) -> None:
    id = OccurrenceId(house.seeded.occurrences["open"])
    cards = house.run(house.store.read(lambda unit: shown.cards_in(unit, id, [house.seeded.organisations["general"]])))
    assert len(cards) == 2
    text = copied(browser, f"/check-ins/{id}/text?card={cards[0][0]}")
    assert "学完请点 ✅" in text
    assert re.search(r"11月\d+日（周.）\d\d:\d\d", text), "dates are absolute"
    assert browser.get(f"/check-ins/{id}/text?card=unknown").status_code == 404
    assert browser.get(f"/check-ins/{house.seeded.occurrences['planned']}/text").status_code == 404
    far = f"/check-ins/{house.seeded.occurrences['far']}/text"
    assert browser.get(far).status_code == 404


def test_of_what_was_withdrawn_only_the_line_that_says_so_is_left(house: House, browser: Browser) -> None:
    id = house.seeded.occurrences["open"]
    where = f"/check-ins/{id}/withdraw"
    browser.post(where, browser.marks(where) | {"reason": "发错了"})
    assert copied(browser, f"/check-ins/{id}/text") == "《宪法第一课》已撤回，不用再看，也不用回「学完」。"


def test_a_poll_is_copied_with_its_options(house: House, browser: Browser) -> None:
    text = copied(browser, f"/polls/{house.seeded.polls['open'].id}/text")
    assert "主题党日定在哪天" in text
    assert "1. 周五" in text
    assert "投票结果" not in text


def test_a_row_of_the_outbox_is_copied_but_never_a_private_answer(house: House, browser: Browser) -> None:
    row = derive("seed:open open", "post", "!two", 0, 0)
    assert "宪法第一课" in copied(browser, f"/outbox/{row}/text")
    page = browser.get("/outbox?tab=sent").get_data(as_text=True)
    assert f"/outbox/{row}/text" in page
    private = house.seeded.outbox["waiting"]
    assert browser.get(f"/outbox/{private}/text").status_code == 404
    assert f"{private}/text" not in browser.get("/outbox").get_data(as_text=True)
