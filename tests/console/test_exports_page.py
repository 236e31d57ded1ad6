"""A long table is made in the background for who asked, waits sealed, is fetched once by them, and then is gone."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console import making, tables
from console.making import Maker
from console.pages import participation
from console.sheets import read_grid
from content.exports import LASTS, LEASE, TRIES, WAITS
from content.grid import Grid
from content.identifiers import UserId
from content.organisations import Duty, DutyEnded, Role
from content.structure import OrganisationMoved
from storage import exports, looks, outbox
from storage.audit import audit
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, SECRETARY
from tests.console.kept_dues import keep_dues
from tests.console.open_meeting import HELD, two_meetings
from tests.console.strict_house import code, enter, equip, grant, strict
from tests.machine import in_ci

PERIOD = "since=2026-01-01&until=2026-12-31"
ROWS = f"/participation/export/rows.xlsx?{PERIOD}"
"""The longest table there is."""


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three rows be a long table."""
    monkeypatch.setattr(tables, "LONG", 2)


def ask(browser: Browser, path: str = ROWS) -> Any:
    """Ask for a table as the page offers it."""
    offered = browser.get(path).get_data(as_text=True)
    assert "在后台生成" in offered
    kept = re.findall(r'name="path" value="([^"]+)"', offered)[0].replace("&amp;", "&")
    return browser.post("/exports", {"path": kept}, form_at=path)


def rows_of(house: House) -> list[Any]:
    """Return the files that there are, as they lie in the database."""
    return list(house.run(house.store.read(lambda unit: unit.rows(exports.exports.select()))))


def make(house: House) -> bool:
    return Maker(house.app).make_one()


def fetch(house: House, browser: Browser) -> Any:
    (row,) = rows_of(house)
    return browser.post(f"/exports/{row.id}/file", form_at="/exports")


def recorded(house: House) -> list[tuple[str | None, str, str | None]]:
    query = audit.select().where(audit.c.action.like("%export%")).order_by(audit.c.number)
    rows = house.run(house.store.read(lambda unit: unit.rows(query)))
    return [(row.actor, row.action, row.thing) for row in rows]


def told(house: House) -> list[tuple[str, str]]:
    query = outbox.outbox.select().where(outbox.outbox.c.user_id == SECRETARY)
    return [(row.words["key"], str(row.words)) for row in house.run(house.store.read(lambda unit: unit.rows(query)))]


def test_a_long_table_is_made_in_the_background_and_fetched_once(house: House, browser: Browser) -> None:
    direct = browser.get(ROWS.replace("xlsx", "csv"))
    assert direct.mimetype == "text/html"
    assert ask(browser).headers["Location"] == "/exports?done=export_asked"
    assert "排队中" in browser.get("/exports").get_data(as_text=True)
    assert make(house)
    assert not make(house)
    ((key, said),) = told(house)
    assert key == "exports.told_ready"
    assert "白云" not in said
    answer = fetch(house, browser)
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')
    grid = read_grid(answer.data, "rows.xlsx")
    assert isinstance(grid, Grid)
    assert any("白云" in row for row in grid.rows)
    assert rows_of(house) == []
    assert recorded(house) == [
        (SECRETARY, "export_asked", "table:participation-rows"),
        (None, "export_made", "table:participation-rows"),
        (SECRETARY, "exported", "table:participation-rows"),
    ]
    seen = house.run(house.store.read(lambda unit: unit.rows(looks.looks.select())))
    assert {row.what for row in seen} == {"participation_file"}


def test_the_form_of_a_repeated_press_asks_once(house: House, browser: Browser) -> None:
    marks = browser.marks(ROWS) | {"path": ROWS}
    for _ in range(2):
        assert browser.post("/exports", marks).status_code == 303
    assert len(rows_of(house)) == 1


def test_what_was_begun_before_a_kill_is_made_by_the_next_process_and_told_once(house: House, browser: Browser) -> None:
    ask(browser)
    at = house.clock.now
    house.run(house.store.settle(notes=[making.ExportTaken(worker="killed", at=at)]))
    house.run(house.store.settle(notes=[making.ExportTaken(worker="beside", at=at)]))
    assert [row.worker for row in rows_of(house)] == ["killed"]
    assert not make(house)
    house.clock.forward(LEASE)
    assert make(house)
    assert [key for key, _ in told(house)] == ["exports.told_ready"]
    assert fetch(house, browser).status_code == 200


def test_who_was_overtaken_keeps_nothing(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(browser)
    plain, others = participation.row_table, [Maker(house.app)]

    def slow(lines: Any) -> Any:
        if others:
            house.clock.forward(LEASE)
            assert others.pop().make_one()
        return plain(lines)

    monkeypatch.setattr(participation, "row_table", slow)
    assert make(house)
    assert [key for key, _ in told(house)] == ["exports.told_ready"]
    assert len(rows_of(house)) == 1


def test_what_ends_the_process_is_not_tried_for_ever(house: House, browser: Browser) -> None:
    ask(browser)
    for _ in range(TRIES):
        house.run(house.store.settle(notes=[making.ExportTaken(worker="killed", at=house.clock.now)]))
        house.clock.forward(LEASE)
    assert make(house)
    assert [key for key, _ in told(house)] == ["exports.told_failed"]


def test_a_file_lies_sealed_and_opens_in_no_other_row(house: House, browser: Browser) -> None:
    """S55."""
    for path in (ROWS.replace("xlsx", "csv"), ROWS.replace("xlsx", "text")):
        ask(browser, path)
    assert make(house)
    assert make(house)
    one, two = rows_of(house)
    for row in (one, two):
        for part in (row.asked, row.sealed, row.sealed_key):
            assert "白云".encode() not in part
            assert b"/participation" not in part
    swapped = exports.exports.update().where(exports.exports.c.id == one.id)

    async def swap(unit: Any) -> None:
        await unit.execute(swapped.values(sealed=two.sealed, sealed_key=two.sealed_key, asked=two.asked))

    house.run(house.store._write(swap, news=False))
    assert browser.post(f"/exports/{one.id}/file", form_at="/exports").status_code == 404
    assert browser.post(f"/exports/{two.id}/file", form_at="/exports").status_code == 200


def test_nobody_else_sees_or_fetches_it(house: House, browser: Browser) -> None:
    ask(browser)
    make(house)
    other = house.browser(NEIGHBOUR)
    assert fetch(house, other).status_code == 404
    assert "没有等待下载" in other.get("/exports").get_data(as_text=True)
    assert fetch(house, browser).status_code == 200


def test_after_a_quarter_of_an_hour_it_is_gone_with_its_bytes(house: House, browser: Browser) -> None:
    ask(browser)
    make(house)
    house.clock.forward(LASTS)
    assert "没有等待下载" in browser.get("/exports").get_data(as_text=True)
    assert fetch(house, browser).status_code == 404
    make(house)
    assert rows_of(house) == []


def test_what_cannot_be_made_in_time_is_forgotten(house: House, browser: Browser) -> None:
    ask(browser)
    house.clock.forward(WAITS)
    make(house)
    assert rows_of(house) == []
    assert told(house) == []


def lose(house: House) -> None:
    duty = Duty(user=SECRETARY, organisation=house.seeded.organisations["general"], role=Role.SECRETARY)
    house.run(house.store.settle(notes=[DutyEnded(duty=duty)]))
    grant(house, SECRETARY, Role.SECRETARY, "one")


def move(house: House) -> None:
    at = house.seeded.organisations
    moved = OrganisationMoved(organisation=at["two"], parent=at["sibling"])
    house.run(house.store.settle(notes=[moved]))


@pytest.mark.parametrize("change", [lose, move])
@pytest.mark.parametrize("ready", [False, True])
def test_who_may_not_see_all_of_it_any_more_does_not_get_it(
    house: House, browser: Browser, change: Any, ready: bool
) -> None:
    ask(browser)
    if ready:
        make(house)
    change(house)
    if not ready:
        assert make(house)
        assert [key for key, _ in told(house)] == ["exports.told_failed"]
        return
    assert fetch(house, browser).status_code == 409
    assert "exported" not in [action for _, action, _ in recorded(house)]


def test_what_goes_wrong_in_making_is_told_and_keeps_nothing(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(browser)

    def broken(_lines: Any) -> None:
        raise RuntimeError("白云")

    monkeypatch.setattr(participation, "row_table", broken)
    assert make(house)
    (row,) = rows_of(house)
    assert (row.state, row.asked, row.sealed_key) == ("failed", None, None)
    assert "没能生成" in browser.get("/exports").get_data(as_text=True)


def test_asking_and_fetching_ask_for_the_second_factor_anew(house: House) -> None:
    """S13."""
    house = strict(house)
    equip(house)
    browser = enter(house)
    path = f"/participation/export/places.csv?{PERIOD}"
    marks = browser.marks("/members") | {"path": ROWS}
    house.clock.forward(timedelta(minutes=6))
    assert "请确认是您本人" in browser.post("/exports", marks).get_data(as_text=True)
    assert rows_of(house) == []
    assert browser.post("/exports", marks | {"proof": code(house)}).status_code == 303
    assert make(house)
    house.clock.forward(timedelta(minutes=6))
    assert "请确认是您本人" in fetch(house, browser).get_data(as_text=True)
    assert len(rows_of(house)) == 1
    assert browser.get(path).status_code == 200


def test_nothing_else_is_made_in_the_background(house: House, browser: Browser) -> None:
    marks = browser.marks("/")
    for path in ("/members", "/outbox", "https://evil.example/", "//evil.example/members", "", "?"):
        assert browser.post("/exports", marks | {"path": path}).status_code == 404, path
    assert rows_of(house) == []


def test_a_table_that_one_may_not_see_cannot_be_asked_for(house: House) -> None:
    viewer = UserId("@v:example.org")
    grant(house, viewer, Role.VIEWER, "one")
    theirs = house.browser(viewer)
    assert theirs.post("/exports", theirs.marks("/") | {"path": ROWS}).status_code == 403
    sibling = house.seeded.organisations["sibling"]
    browser = house.browser()
    assert browser.post("/exports", browser.marks("/") | {"path": f"{ROWS}&org={sibling}"}).status_code == 404


def test_no_more_than_a_few_are_made_for_one_person(house: House, browser: Browser) -> None:
    """S70."""
    for _ in range(5):
        assert ask(browser).status_code == 303
    assert ask(browser).status_code == 409
    assert len(rows_of(house)) == 5


def test_a_table_that_is_too_long_for_any_file_is_refused_in_words(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S52."""
    monkeypatch.setattr(tables, "MOST_TO_READ", 2)
    answer = browser.get(ROWS.replace("xlsx", "docx"))
    assert answer.status_code == 409
    assert "这种格式最多 2 行" in answer.get_data(as_text=True)


def test_the_worker_makes_what_is_asked_and_stops(house: House, browser: Browser) -> None:
    maker = Maker(house.app)
    maker.start()
    ask(browser)
    for _ in range(200):
        if any(row.state == "ready" for row in rows_of(house)):
            break
        maker._thread.join(0.05)
    maker.stop()
    assert not maker._thread.is_alive()
    assert fetch(house, browser).status_code == 200


def every_table(house: House) -> list[str]:
    """Return the address of each table as a Word file."""
    found = []
    seeded = house.seeded
    own = {
        "minutes.export_roll": HELD,
        "polls.export": seeded.polls["open"].id,
        "checkins.export": seeded.occurrences["closed"],
        "checkins.export_branches": seeded.occurrences["closed"],
        "surveys.export": seeded.surveys["one"],
        "appraisals.export": seeded.appraisals["one"],
        "model_members.export": seeded.selections["public"],
    }
    for rule in house.app.url_map.iter_rules():
        if "format" not in rule.arguments:
            continue
        path = re.sub(r"<any\([^)]*\):format>", "docx", rule.rule)
        if "id" in rule.arguments:
            path = path.replace("<id>", str(own[rule.endpoint]))
        several = re.search(r"<any\(([^)]*)\):(?:layout|sheet)>", path)
        for one in several[1].split(",") if several else [""]:
            found.append(re.sub(r"<any\([^)]*\):(?:layout|sheet)>", one, path))
    return found


def test_every_table_opens_as_a_word_file_with_what_the_screen_shows(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tables, "LONG", 10_000)
    office = shutil.which("soffice")
    if office is None:
        (pytest.fail if in_ci() else pytest.skip)("needs LibreOffice")
    two_meetings(house)
    keep_dues(house)
    said: dict[str, list[str]] = {}
    for number, path in enumerate(every_table(house)):
        # Of one person, for the record itself grows with each file.
        given = browser.get(f"{path}?{PERIOD}&person=白云")
        assert given.status_code == 200, path
        (tmp_path / f"{number}.docx").write_bytes(given.data)
        grid = read_grid(browser.get(f"{path.replace('docx', 'xlsx')}?{PERIOD}&person=白云").data, "t.xlsx")
        assert isinstance(grid, Grid), path
        said[f"{number}.docx"] = [
            cell.lstrip("'") for row in grid.rows for cell in row if isinstance(cell, str) and cell
        ]
    assert len(said) >= 18
    own = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    order = [office, own, "--headless", "--convert-to", "txt:Text (encoded):UTF8", "--outdir", str(tmp_path)]
    subprocess.run([*order, *(str(tmp_path / name) for name in said)], check=True, capture_output=True)
    for name, cells in said.items():
        opened = (tmp_path / name.replace("docx", "txt")).read_text(encoding="utf-8-sig")
        for cell in cells:
            assert cell.replace("\n", "") in opened.replace("\n", ""), (name, cell)
