"""A digest as it would read now has the numbers of the pages, in words, in the picture and in the table behind it."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.charts import draw_shares
from content.digests import SETTING, Digest, Sort, bars_of, chart
from content.settings import SettingChosen
from storage import digests, organisations
from storage.unit import Reading
from tests.console.console_house import House
from tests.console.console_seeding import NOW, VIEWER, put
from tests.console.test_participation_page import shown


def test_its_numbers_are_those_of_the_pages(house: House) -> None:
    house.clock.forward(timedelta(days=2))
    browser = house.browser()
    page = browser.get("/participation/digests").get_data(as_text=True)
    said = re.search(r'<p class="quoted">(.*?)</p>', page, re.DOTALL)
    assert said is not None
    took_part, asked, percent = re.findall(r"参加 (\d+) 人次，应参加 (\d+) 人次（(\d+)%）", said[1])[0]
    screen = browser.get("/participation?since=2026-11-19&until=2026-11-25").get_data(as_text=True)
    rows = {row[0]: row[1:] for row in shown(screen, "按组织")}
    assert rows["检修党总支"][:3] == [took_part, asked, f"{percent}%"]
    assert "现在不发" in page
    general = house.seeded.organisations["general"]
    weeks = [row for row in shown(page, "每周参加的比例")[1:] if row[1] != "—"]
    for label, done, of, _ in weeks:
        month, day = label.split("-")
        until = f"2026-{month}-{int(day) + 6:02}"
        one = browser.get(f"/participation?org={general}&since=2026-{label}&until={until}").get_data(as_text=True)
        assert {row[0]: row[1:3] for row in shown(one, "按组织")}["检修党总支"] == [done, of], (label, day)
    assert weeks


def test_the_picture_is_drawn_from_the_words_beside_it(house: House) -> None:
    node = house.seeded.organisations["one"]

    async def look(unit: Reading) -> Digest:
        place = await organisations.organisation(unit, node)
        assert place is not None
        return await digests.digest(unit, place, Sort.MONTHLY, NOW.date())

    seen = house.run(house.store.read(look))
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
