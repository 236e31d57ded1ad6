"""Minutes of a meeting at the desk: written version by version, and its papers as they are filed."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console import office
from console.making import Maker
from console.sheets import read_grid
from content.checkins import Note
from content.identifiers import OccurrenceId
from content.minutes import Part
from content.roll_calls import Mark
from storage import minutes
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER
from tests.console.open_meeting import begin_meeting, call_meeting, say_coming
from tests.machine import in_ci


def held(house: House, browser: Browser, name: str = "recorded") -> OccurrenceId:
    """Have a meeting to which two came, one online, and one is on leave; its roll is not closed."""
    id = call_meeting(house, name, ahead=timedelta(minutes=30))
    say_coming(house, id, "白云")
    say_coming(house, id, "陈晨", Note.ONLINE)
    house.clock.forward(timedelta(minutes=30))
    begin_meeting(house, id)
    browser.post(f"/meetings/{id}/roll", {"intent": "coming"}, form_at=f"/meetings/{id}")
    marks = {f"mark-{house.seeded.members['丁一']}": Mark.ABSENT, "intent": "save"}
    browser.post(f"/meetings/{id}/roll", marks, form_at=f"/meetings/{id}")
    return id


def text_of(docx: bytes) -> str:
    """Return what a Word file says, cells and paragraphs on lines of their own."""
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        body = archive.read("word/document.xml").decode()
    return re.sub(r"<[^>]+>", "", re.sub(r"</w:p>|<w:br/>", "\n", body))


def cells(docx: bytes) -> dict[str, str]:
    """Return the table of a record, its second column by its first."""
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        body = archive.read("word/document.xml").decode()
    rows = re.findall(r"<w:tr>(.*?)</w:tr>", body, re.DOTALL)
    found = [
        [re.sub(r"<[^>]+>", "", one.replace("<w:br/>", "\n")) for one in re.findall(r"<w:tc>(.*?)</w:tc>", row)]
        for row in rows
    ]
    return {row[0]: row[1] for row in found if len(row) == 2}


def written(house: House, id: OccurrenceId) -> tuple[Any, ...]:
    return house.run(house.store.read(lambda unit: minutes.versions(unit, id)))


def test_minutes_are_kept_version_by_version_and_nothing_typed_is_lost(house: House, browser: Browser) -> None:
    id = held(house, browser)
    page = f"/meetings/{id}/minutes"
    first = {"seen": "0", Part.CONTENTS: "一、年度计划：通过了。", "ended": "20:00", "intent": "draft"}
    assert "done=minutes_kept" in browser.post(page, first).headers["Location"]
    stale = browser.post(page, first | {Part.CONTENTS: "另一个人写的"})
    assert stale.status_code == 422
    assert "有人存了新的一版" in stale.get_data(as_text=True)
    assert "另一个人写的" in stale.get_data(as_text=True)
    unended = browser.post(page, first | {Part.CONTENTS: "另一个人写的", "ended": ""}).get_data(as_text=True)
    assert 'name="ended" type="time" value="20:00"' in unended, "the end that another wrote is not lost"
    assert "<h3>几点结束</h3><p>" in unended
    same = browser.post(page, first | {"seen": "1"})
    assert "和上一版一样" in same.get_data(as_text=True)
    done = browser.post(page, first | {"seen": "1", "intent": "done"})
    assert "done=minutes_done" in done.headers["Location"]
    assert [(one.number, one.done) for one in written(house, id)] == [(2, True), (1, False)]
    shown = browser.get(page).get_data(as_text=True)
    assert "第 1 版" in shown
    assert "第 2 版" in shown
    early = browser.post(page, {"seen": "2", Part.CONTENTS: "x", "ended": "03:00"})
    assert "结束时间要在开始以后" in early.get_data(as_text=True)
    long = browser.post(page, {"seen": "2", Part.REASONS: "长" * 501})
    assert 'id="reasons-error"' in long.get_data(as_text=True)


def test_who_may_not_record_reads_the_minutes_and_takes_nothing_away(house: House, browser: Browser) -> None:
    viewer, far = house.browser(VIEWER), house.browser(NEIGHBOUR)
    id = held(house, browser)
    page = f"/meetings/{id}/minutes"
    browser.post(page, {"seen": "0", Part.CONTENTS: "谈了三件事", "intent": "done"})
    papers = (f"{page}/record.docx", f"{page}/print", f"/meetings/{id}/roll.xlsx", f"/meetings/{id}/summary")
    assert [viewer.get(path).status_code for path in (page, *papers)] == [403] * 5
    assert [far.get(path).status_code for path in (page, *papers)] == [404] * 5
    early = call_meeting(house, "to come")
    assert browser.get(f"/meetings/{early}/minutes").status_code == 404, "nobody can tell of what was not held"


def test_the_record_holds_what_happened_and_says_where_nobody_has_said_anything(house: House, browser: Browser) -> None:
    """AF-11, CAD-16."""
    id = held(house, browser)
    browser.post(f"/meetings/{id}/resolutions", {"text": "同意年度计划"}, form_at=f"/meetings/{id}")
    task = {"owner": "白云", "task": "联系扶手厂家", "due_on": "2026-12-01"}
    browser.post(f"/meetings/{id}/tasks", task, form_at=f"/meetings/{id}")
    given = browser.get(f"/meetings/{id}/minutes/record.docx")
    found = cells(given.data)
    assert found["会议名称"] == "支部党员大会（recorded）"
    assert found["会议类型"] == "党员大会"
    assert found["地点"] == "二楼会议室"
    assert (found["主持人"], found["记录人"]) == ("白云", "陈晨")
    assert found["实到人数"] == "2（其中线上 1）"
    assert found["请假人员及事由"] == "（待补充）", "until the roll is closed nobody knows"
    assert found["缺席人员及原因"].startswith("缺席：丁一；未回：")
    assert found["议题"] == "1. 讨论年度计划\n2. 其他"
    assert found["时间"].endswith("–（待补充）")
    said = text_of(given.data)
    empty = "一、会议内容\n（待补充）\n二、讨论发言要点\n（待补充）\n三、表决情况\n（待补充）\n"
    assert f"{empty}四、形成决议\n1. 同意年度计划" in said
    assert "联系扶手厂家" in said
    assert "2026年12月1日" in said
    assert said.rstrip().endswith("主持人签名：\n记录人签名：")
    browser.post(
        f"/meetings/{id}/minutes", {"seen": "0", Part.CONTENTS: "逐项说了", "ended": "20:00", "intent": "done"}
    )
    browser.post(f"/meetings/{id}/roll", {"intent": "close"}, form_at=f"/meetings/{id}")
    later = browser.get(f"/meetings/{id}/minutes/record.docx").data
    assert cells(later)["请假人员及事由"] == "无"
    assert "一、会议内容\n逐项说了\n" in text_of(later)
    assert cells(later)["时间"].endswith("20:00")
    summary = browser.get(f"/meetings/{id}/summary").get_data(as_text=True)
    assert "【会议结果】支部党员大会（recorded）：应到" in summary
    assert "1. 同意年度计划" in summary
    assert "白云：联系扶手厂家（2026-12-01前）" in summary
    assert "更正 …" in summary


def test_every_run_of_a_record_names_its_font_for_chinese_letters_too(house: House, browser: Browser) -> None:
    id = held(house, browser)
    docx = browser.get(f"/meetings/{id}/minutes/record.docx").data
    with zipfile.ZipFile(io.BytesIO(docx)) as archive:
        body = archive.read("word/document.xml").decode()
        assert not any("font" in name.lower() and name.endswith(("ttf", "odttf")) for name in archive.namelist())
    assert body.count("<w:r>") == len(re.findall(r"w:ascii=\"([^\"]+)\"[^>]*w:eastAsia=\"\1\"", body))


def test_the_sheet_of_the_roll_has_its_head_its_columns_and_the_order_of_strokes(
    house: House, browser: Browser
) -> None:
    """ORG-10."""
    id = held(house, browser)
    grid = read_grid(browser.get(f"/meetings/{id}/roll.xlsx").data, "roll.xlsx")
    rows = [[cell for cell in row if cell is not None] for row in grid.rows]  # type: ignore[union-attr]
    assert rows[1][0].startswith("会议名称：支部党员大会（recorded）")
    assert "缺席：1" in rows[1][0]
    assert rows[2] == ["序号", "姓名", "党小组", "人员类别", "到会情况", "签到时间", "签名", "请假事由", "备注"]
    stand = {row[1]: row for row in grid.rows[3:-1]}  # type: ignore[union-attr]
    assert [stand[name][4] for name in ("丁一", "白云", "陈晨")] == ["缺席", "到会", "线上"]
    assert list(stand).index("丁一") < list(stand).index("白云") < list(stand).index("陈晨")
    assert not stand["白云"][5], "what the recorder wrote is no time at which somebody signed in"


def test_the_papers_open_in_an_office_without_repair_and_become_a_pdf(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    program = shutil.which("soffice")
    if program is None:
        (pytest.fail if in_ci() else pytest.skip)("needs LibreOffice")
    id = held(house, browser)
    browser.post(f"/meetings/{id}/minutes", {"seen": "0", Part.CONTENTS: "逐项说了", "intent": "done"})
    (tmp_path / "record.docx").write_bytes(browser.get(f"/meetings/{id}/minutes/record.docx").data)
    (tmp_path / "roll.xlsx").write_bytes(browser.get(f"/meetings/{id}/roll.xlsx").data)
    own = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    order = [program, own, "--headless", "--convert-to"]
    for kind, name in (
        ("txt:Text (encoded):UTF8", "record.docx"),
        ("csv:Text - txt - csv (StarCalc):44,34,76", "roll.xlsx"),
    ):
        subprocess.run([*order, kind, "--outdir", str(tmp_path), str(tmp_path / name)], check=True, capture_output=True)
    opened = (tmp_path / "record.txt").read_text(encoding="utf-8-sig")
    for said in ("检修车间第一党支部党员大会记录表", "逐项说了", "（待补充）", "主持人签名："):
        assert said in opened
    assert "序号,姓名,党小组,人员类别,到会情况" in (tmp_path / "roll.csv").read_text(encoding="utf-8-sig").replace(
        '"', ""
    )
    asked = browser.get(f"/meetings/{id}/minutes/record.pdf").get_data(as_text=True)
    path = re.search(r'name="path" value="([^"]+)"', asked)
    assert path is not None
    browser.post("/exports", {"path": path[1].replace("&amp;", "&")}, form_at=f"/meetings/{id}/minutes/record.pdf")
    assert Maker(house.app).make_one()
    page = browser.get("/exports").get_data(as_text=True)
    fetch = re.search(r'action="(/exports/[^"]+/file)', page)
    assert fetch is not None
    made = browser.post(fetch[1], form_at="/exports")
    assert made.data.startswith(b"%PDF-")


def test_without_an_office_there_is_the_page_to_print_and_no_way_to_a_pdf(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    id = held(house, browser)
    assert "record.pdf" not in browser.get(f"/meetings/{id}/minutes").get_data(as_text=True)
    assert browser.get(f"/meetings/{id}/minutes/record.pdf").status_code == 404
    assert "主持人签名：" in browser.get(f"/meetings/{id}/minutes/print").get_data(as_text=True)
    assert office.to_pdf(b"anything") is None
