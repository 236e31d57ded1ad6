"""A digest as it would read now has the numbers of the pages, in words, in the picture and in the table behind it."""

from __future__ import annotations

import re
from datetime import date, timedelta

from bot.charts import draw_shares
from content.digests import SETTING, Digest, Sort, bars_of, chart, compose
from content.settings import SettingChosen
from storage import digests, organisations
from storage.unit import Reading
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, VIEWER, put
from tests.console.test_participation_page import shown


def digest_of(house: House, short: str, sort: Sort, on: date) -> Digest:
    async def look(unit: Reading) -> Digest:
        place = await organisations.organisation(unit, house.seeded.organisations[short])
        assert place is not None
        return await digests.digest(unit, place, sort, on)

    found: Digest = house.run(house.store.read(look))
    return found


def numbers(browser: Browser, org: str, since: date, until: date) -> list[str]:
    page = browser.get(f"/participation?org={org}&since={since}&until={until}").get_data(as_text=True)
    return {row[0]: row[1:] for row in shown(page, "按组织")}["检修党总支"]


def test_its_numbers_are_those_of_the_pages(house: House, browser: Browser) -> None:
    general = house.seeded.organisations["general"]
    told = digest_of(house, "general", Sort.WEEKLY, date(2026, 11, 23))
    lines = {one.key: one.parameters for one in compose(told).parameters["lines"]}  # type: ignore[union-attr]
    said = [str(lines["digest.took_part"][name]) for name in ("took_part", "asked", "percent")]
    took_part, asked, percent, *_ = numbers(browser, general, told.since, told.until)
    assert [took_part, asked, percent] == [said[0], said[1], f"{said[2]}%"]
    page = browser.get("/participation/digests").get_data(as_text=True)
    weeks = [row for row in shown(page, "每周参加的比例")[1:] if row[2] != "—"]
    assert weeks
    for label, *counted in weeks:
        first = date.fromisoformat(f"2026-{label}")
        assert numbers(browser, general, first, first + timedelta(days=6))[:3] == counted


def test_the_picture_is_drawn_from_the_words_beside_it(house: House) -> None:
    seen = digest_of(house, "one", Sort.WEEKLY, NOW.date())
    shares = bars_of(chart(seen))
    assert [share for _, share in shares] == [bar.share.percent for bar in seen.bars]
    drawn = draw_shares(shares)
    assert drawn == draw_shares(shares)
    assert (drawn.data[:4], drawn.name) == (b"\x89PNG", "digest.png")


def test_it_says_when_the_next_is_told_and_names_nobody(house: House) -> None:
    one = house.seeded.organisations["one"]
    house.run(put(house.store, "monthly", SettingChosen(organisation=one, name=SETTING[Sort.MONTHLY], value="1-9")))
    page = house.browser(VIEWER).get(f"/participation/digests?org={one}").get_data(as_text=True)
    assert "下一次：12月1日（周二）09:00" in re.sub(r"<[^>]+>", "", page)
    assert "减负：群里发了" in page
    assert not [name for name in house.seeded.members if name in page.split("<main")[1]]
