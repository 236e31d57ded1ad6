"""The quarter report holds what was recorded, says what was not, and is the same on the screen and as a Word file."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import pytest

from console.word import Grid, Heading, Paragraph, write_docx
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NAMES
from tests.console.test_participation_page import W, from_docx, shown


def lines(data: bytes) -> list[str]:
    """Return the paragraphs of a Word file that stand in no table."""
    body = ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml"))[0]
    return ["".join(one.itertext()) for one in body if one.tag == f"{W}p"]


@pytest.mark.parametrize("place", ["", "one"])
def test_the_word_file_holds_what_the_screen_shows(house: House, browser: Browser, place: str) -> None:
    query = f"?org={house.seeded.organisations[place]}" if place else ""
    page = browser.get(f"/participation/quarter{query}").get_data(as_text=True)
    data = browser.get(f"/participation/quarter.docx{query}").data
    said = [line for line in lines(data) if line]
    assert len(said) > 10
    assert all(line in page for line in said)
    captions = ("本季度的学习和活动", "各月参与情况")
    assert from_docx(data) == [shown(page, caption) for caption in captions]


def test_what_was_not_recorded_is_left_to_fill_in_and_nothing_is_made_up(house: House, browser: Browser) -> None:
    one = house.seeded.organisations["one"]
    said = lines(browser.get(f"/participation/quarter.docx?org={one}").data)
    assert said[said.index("六、存在的问题") + 1] == "（待补充）"
    assert any("本季度学习 1 次，活动 0 次" in line for line in said)
    assert any("参加 2 人次，应到 6 人次（33%），请假 1 人次" in line for line in said)
    assert any("收到更正 2 条，已答复 0 条" in line for line in said)
    empty = lines(browser.get(f"/participation/quarter.docx?org={one}&quarter=2025-1").data)
    assert empty.count("（待补充）") == 6


def test_a_report_names_nobody(house: House, browser: Browser) -> None:
    text = "".join(
        ElementTree.fromstring(
            zipfile.ZipFile(io.BytesIO(browser.get("/participation/quarter.docx").data)).read("word/document.xml")
        ).itertext()
    )
    assert not [name for name in NAMES if name in text]


def test_a_quarter_that_is_none_is_refused(browser: Browser) -> None:
    assert browser.get("/participation/quarter?quarter=2026-5").status_code == 400


def test_every_run_names_its_font_for_chinese_and_latin_alike_and_parts_are_well_formed() -> None:
    evil = "a\x00b<&\u0001\ud83d\nzwei"
    grid = Grid(header=("甲", "乙"), rows=((evil, ""),), caption="表")
    data = write_docx(evil, [Heading(text="一、"), Paragraph(text=evil), grid, Paragraph(text="落款", right=True)])
    archive = zipfile.ZipFile(io.BytesIO(data))
    parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}
    runs = list(parts["word/document.xml"].iter(f"{W}r"))
    assert runs
    for run in runs:
        fonts = run.find(f"{W}rPr/{W}rFonts")
        assert fonts is not None
        assert fonts.get(f"{W}ascii") == fonts.get(f"{W}eastAsia")
    assert "ab<&" in "".join(parts["word/document.xml"].itertext())
    types = {part.get("PartName") for part in parts["[Content_Types].xml"]}
    assert all(f"/{name}" in types for name in parts if name.startswith("word/") and not name.endswith(".rels"))
    assert write_docx("同", []) == write_docx("同", [])
