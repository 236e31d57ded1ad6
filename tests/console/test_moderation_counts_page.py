"""A year of moderation in numbers: by room, in every form, without a name of anybody."""

from __future__ import annotations

import io
import zipfile

import pytest

from content.moderation_counts import Counts
from content.organisations import Role
from storage import moderation_counts
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NOW, SECRETARY, VIEWER
from tests.console.strict_house import grant
from tests.console.test_complaints_page import WHITE, at
from tests.console.test_participation_page import from_csv


def test_the_year_is_counted_by_room_and_once_in_the_sum(house: House, browser: Browser) -> None:
    browser.post(f"{at(house)}/answer", {"outcome": "noted", "note": "谈过"}, form_at=at(house))
    page = browser.get("/cases/year").get_data(as_text=True)
    assert "举报 1 件，已答复 1 件：没有问题 0 件，记下 1 件，建案 0 件。" in page
    assert "新建案件 1 件。采取措施 1 次：警告 1 次" in page
    lines = from_csv(browser.get("/cases/year?as=csv").get_data())
    assert ["one", "检修车间第一党支部", "1", "2", "1", "0", "1", "0", "0", "0", "0", "0", "0"] in lines
    assert ["不在群里", "检修车间第一党支部", *"00000010000"] in [[*line[:2], *"".join(line[2:])] for line in lines]
    assert "没有举报，也没有采取过措施" in browser.get("/cases/year?year=2025").get_data(as_text=True)
    assert browser.get("/cases/year?year=1").status_code == 400
    assert house.browser(VIEWER).get("/cases/year").status_code == 403


@pytest.mark.parametrize("form", ["", "?as=xlsx", "?as=docx", "?as=text", ".docx"])
def test_no_form_of_it_names_anybody(house: House, browser: Browser, form: str) -> None:
    """Neither who was complained about nor who moderates: it is no ranking."""
    data = browser.get(f"/cases/year{form}").get_data()
    if data[:2] == b"PK":
        archive = zipfile.ZipFile(io.BytesIO(data))
        data = b"".join(archive.read(name) for name in archive.namelist())
    assert "检修车间第一党支部".encode() in data
    for name in ("白云", "陈晨", "江流", WHITE):
        assert name.encode() not in data, name
    shown = data.partition(b"<main")[2] or data
    assert SECRETARY.encode() not in shown


def test_who_is_complained_about_does_not_learn_of_it_by_the_numbers(house: House) -> None:
    grant(house, WHITE, Role.SECRETARY, "one")
    place, since = house.seeded.organisations["one"], NOW.replace(month=1, day=1)
    year = house.run(
        house.store.read(lambda unit: moderation_counts.year(unit, [place], since=since, until=NOW, reader=WHITE))
    )
    assert (year.total, year.cases) == (Counts(warning=1), 0)
