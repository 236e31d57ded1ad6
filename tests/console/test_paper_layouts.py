"""The layout of official documents (公文格式) beside that of branches' own papers, as LibreOffice reads it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from console.word import Block, Grid, Heading, Layout, Paragraph, write_docx
from tests.console.console_house import Browser, House
from tests.console.open_activity import HELD_ACTIVITY, hold_activity
from tests.console.test_meetings_page import form, made
from tests.machine import in_ci

BLOCKS: tuple[Block, ...] = (
    Heading(text="一、时间和地点"),
    Paragraph(text="（一）时间：2026年7月24日15:00"),
    Paragraph(text="请准时参加。"),
    Grid(header=("项目", "内容"), rows=(("主持人", "张明"),)),
    Paragraph(text="第一党支部", right=True),
)


def document(data: bytes, part: str = "word/document.xml") -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(part).decode()


def millimetres(text: str, name: str) -> float:
    """Return a measure as an office writes it, in the unit of its own place."""
    found = re.search(rf'{name}="([0-9.]+)(cm|in|mm|pt)"', text)
    assert found is not None
    return float(found[1]) * {"cm": 10, "in": 25.4, "mm": 1, "pt": 25.4 / 72}[found[2]]


def test_each_paper_leaves_in_either_layout(house: House, browser: Browser) -> None:
    """GB/T 9704: 37 mm above, 35 below, 28 left and 26 right; in twips, to a tenth of a millimetre."""
    hold_activity(house)
    id = made(browser.post("/meetings/new", form(house)))
    for path in (f"/meetings/{id}/notice.docx", f"/activities/{HELD_ACTIVITY}/brief.docx"):
        own, official = (document(browser.get(f"{path}?layout={layout}").data) for layout in Layout)
        assert document(browser.get(path).data) == own
        assert 'w:top="1440" w:bottom="1440" w:left="1800" w:right="1800"' in own
        assert 'w:top="2098" w:bottom="1984" w:left="1587" w:right="1474"' in official
        assert browser.get(f"{path}?layout=free").status_code == 400
    notice = re.sub(r"<[^>]+>", "", document(browser.get(f"/meetings/{id}/notice.docx").data))
    for said in ("关于召开第四次支部党员大会的通知", "二楼会议室", "讨论预备党员转正"):
        assert said in notice


def test_an_office_reads_margins_lines_and_fonts_of_an_official_paper(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        (pytest.fail if in_ci() else pytest.skip)("needs LibreOffice")
    data = write_docx("关于召开党员大会的通知", BLOCKS, layout=Layout.OFFICIAL)
    (tmp_path / "a.docx").write_bytes(data)
    fonts = document(data, "word/fontTable.xml")
    for font, instead in (("方正小标宋简体", "SimSun"), ("仿宋_GB2312", "FangSong"), ("楷体_GB2312", "KaiTi")):
        assert f'<w:font w:name="{font}"><w:altName w:val="{instead}"/>' in fonts
    own = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    order = [office, own, "--headless", "--convert-to", "fodt", "--outdir", str(tmp_path), str(tmp_path / "a.docx")]
    subprocess.run(order, check=True, capture_output=True)
    opened = (tmp_path / "a.fodt").read_text(encoding="utf-8")
    (page,) = re.findall(r"<style:page-layout-properties [^>]*fo:page-width=[^>]*>", opened)
    sides = {side: millimetres(page, f"fo:margin-{side}") for side in ("top", "left", "right")}
    assert sides == pytest.approx({"top": 37, "left": 28, "right": 26}, abs=0.1)
    written = re.findall(r'fo:line-height="[0-9.]+[a-z]+"', opened)
    lines = {round(millimetres(one, "fo:line-height"), 1) for one in written}
    assert round(28 * 25.4 / 72, 1) in lines
    for font in ("方正小标宋简体", "黑体", "仿宋_GB2312", "楷体_GB2312"):
        assert f'style:font-name-asian="{font}' in opened
    assert "text:page-number" in opened
    assert "请准时参加。" in opened
