"""The list on every page leaves in each form, as the screen shows it to who asks, and with nothing that is to press."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from console import leaving_tables
from console.leaving_tables import FORMATS
from console.shown_tables import read_tables, together
from content.identifiers import EventId, RoomId, UserId, derive
from content.organisations import Role
from content.shifts import ShiftsSet
from storage.rooms import StateSeen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import NEIGHBOUR, VIEWER, put
from tests.console.open_activity import hold_activity
from tests.console.open_meeting import call_meeting
from tests.console.open_pledge import put_pledge_down
from tests.console.open_sign_up import OPEN_SIGN_UP, begin_sign_up
from tests.console.strict_house import enter, equip, grant, strict
from tests.console.test_audit_page import main_of
from tests.console.test_knocks_page import knock
from tests.console.test_participation_page import from_csv, from_docx, from_xlsx
from tests.console.test_schedule_page import form, planned
from tests.content.test_shifts import pattern

TEMPLATES = Path(__file__).parents[2] / "console" / "templates"

OTHERWISE = {
    "audit/rows.html": "the record's own files, filtered the same way",
    "audit/show_one.html": "one row of the record",
    "ballots/show_one.html": "the certificate",
    "bank/preview.html": "nothing is kept yet",
    "digests/show.html": "the numbers behind a picture, which participation has",
    "dues/counts.html": "counts that the ledger of each branch has, for who handles it",
    "dues/member.html": "one person's months and entries, in the ledger of the branch",
    "elections/print.html": "a paper of the election, as it is printed",
    "elections/show_one.html": "the papers of the election",
    "home/show.html": "the numbers behind a picture, which participation has",
    "hours/member.html": "one person's entries, in the ledger of everyone there",
    "imports/preview.html": "nothing is kept yet",
    "meetings/show_one.html": "the roll, which the page of its check-ins hands out",
    "members/show_one.html": "one person's facts, which the bot gives to them as 我的数据",
    "participation/member.html": "one person's lines, among the lines of everyone there",
    "records/show.html": "one person's answer, among the lines of everyone there",
    "roll_calls/look.html": "nothing is put down yet",
    "series/look.html": "nothing is changed yet",
}
"""Tables without files of their own, and where they leave instead."""

SPAMMER = "@spammer:elsewhere.example"
WHITE = UserId("@m1:example.org")


def lists(house: House) -> dict[str, str]:
    """Return the address of each page whose list leaves."""
    browser = house.browser()
    browser.post("/schedule", form(house, when="weekly", count="3"))
    own = {
        "series.show_one": f"/calendar/series/{planned(house)[0].schedule}",
        "policies.show_one": f"/policies/{derive('seed policy', 'one')}",
        "sign_ups.show_one": f"/sign-ups/{OPEN_SIGN_UP}",
    }
    found = {}
    for rule in house.app.url_map.iter_rules():
        view = house.app.view_functions[rule.endpoint]
        if "GET" in (rule.methods or ()) and hasattr(view, leaving_tables._WHAT):
            found[rule.endpoint] = own.get(rule.endpoint, rule.rule)
    return found


def name_in_a_list(house: House) -> None:
    """Let a list's rule mean somebody who is in a room."""
    said = (
        ("!bans-one", "m.policy.rule.user", "rule", {"entity": SPAMMER, "recommendation": "m.ban", "reason": "广告"}),
        ("!one", "m.room.member", SPAMMER, {"membership": "join"}),
    )
    notes = [
        StateSeen(
            room=RoomId(room),
            type=kind,
            state_key=key,
            sender=UserId(SPAMMER),
            event_id=EventId(f"${kind}"),
            content=content,
        )
        for room, kind, key, content in said
    ]
    house.run(house.store.settle(notes=notes))


def bare(text: str) -> str:
    return re.sub(r"[\s·]+", "", html.unescape(text))


def cell(written: str) -> str:
    """Return what a reader sees in a cell, with every instant in full."""
    written = re.sub(r'<time datetime="([\d-]+)(?:T([\d:]+)[^"]*)?"[^>]*>.*?</time>', r"\1\2", written, flags=re.DOTALL)
    written = re.sub(r'<a class="aside".*?</a>', "", written, flags=re.DOTALL)
    return bare(re.sub(r"<[^>]+>", "", written))


def screen(page: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Return each list of a page by its caption, as its rows stand there."""
    for table in re.findall(r'<table class="list".*?</table>', page, re.DOTALL):
        caption = html.unescape(re.search(r"<caption[^>]*>(.*?)</caption>", table, re.DOTALL)[1])  # type: ignore[index]
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        cells = [re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
        pressed = {
            place
            for row in cells
            for place, (attributes, written) in enumerate(row)
            if "actions" in attributes or "<input" in written
        }
        yield caption, [[cell(said) for place, (_, said) in enumerate(row) if place not in pressed] for row in cells]


def ways(page: str) -> list[str]:
    """Return where the files of a page are, four for each of its lists or for all of them together."""
    links = (html.unescape(link) for link in re.findall(r'href="([^"]*)"', page))
    return [link for link in links if re.search(r"[?&]as=\w", link)]


def test_every_list_leaves_as_the_screen_shows_it(house: House) -> None:
    seen = set()
    call_meeting(house, "listed")
    begin_sign_up(house)
    hold_activity(house)
    put_pledge_down(house)
    knock(house)
    name_in_a_list(house)
    grant(house, WHITE, Role.SECRETARY, "one")
    general = house.seeded.organisations["general"]
    house.run(put(house.store, "shifts", ShiftsSet(organisation=general, pattern=pattern("2026-11-01"))))
    for browser in (house.browser(), house.browser(NEIGHBOUR), house.browser(WHITE)):
        for endpoint, path in lists(house).items():
            page = browser.get(path)
            if page.status_code != 200:
                continue
            shown = dict(screen(page.get_data(as_text=True)))
            files = [way for way in ways(page.get_data(as_text=True)) if "as=csv" in way]
            assert bool(shown) == bool(files), path
            if not files:
                continue
            seen.add(endpoint)
            written = [from_csv(browser.get(way).data) for way in files]
            if len(files) < len(shown):
                ((head, *body),) = written
                assert body == [row for row in body if row[0] in shown]
                rows = [[cell.lstrip("'") for cell in row[1:]] for row in body]
                wanted = [row for table in shown.values() for row in table[1:]]
                wanted.insert(0, next(iter(shown.values()))[0])
                rows.insert(0, head[1:])
                written, shown = [rows], {"": wanted}
            for table, rows in zip(shown.values(), written, strict=True):
                assert [[bare(cell.lstrip("'")) or "—" for cell in row] for row in rows] == [
                    [cell or "—" for cell in row] for row in table
                ], path
    assert seen == set(lists(house))


@pytest.mark.parametrize("path", ["/ballots", "/organisation", "/calendar/missed"])
def test_every_form_says_the_same(browser: Browser, path: str) -> None:
    page = browser.get(path).get_data(as_text=True)
    found = {re.findall(r"[?&]as=(\w+)", way)[0]: browser.get(way) for way in ways(page)}
    assert tuple(found) == FORMATS
    rows = from_csv(found["csv"].data)
    assert len(rows) > 1
    assert from_xlsx(found["xlsx"].data, len(rows[0]))[: len(rows)] == rows
    assert from_docx(found["docx"].data) == [[[one.lstrip("'") or "—" for one in row] for row in rows]]
    text = found["text"].get_data(as_text=True)
    assert all(html.escape(row[0], quote=False) in text for row in rows[1:])
    assert f'href="{path}"' in text


def test_what_a_filter_leaves_out_does_not_leave_and_what_a_page_cuts_off_does(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way, *_) = (way for way in ways(browser.get("/lessons?q=宪法").get_data(as_text=True)) if "as=csv" in way)
    assert [row[0] for row in from_csv(browser.get(way).data)[1:]] == ["宪法第一课"]
    whole = from_csv(browser.get("/organisation?as=csv").data)
    monkeypatch.setattr("console.pages.structure.NODES_SHOWN", 2)
    (way,) = (
        way
        for way in ways(browser.get(f"/organisation?after={house.seeded.organisations['one']}").get_data(as_text=True))
        if "as=csv" in way
    )
    assert from_csv(browser.get(way).data) == whole
    assert len(whole) > 3


def test_a_list_leaves_a_row_of_record_and_nothing_leaves_that_is_not_there(browser: Browser) -> None:
    browser.get("/ballots?as=xlsx")
    assert "无记名投票清单" in main_of(browser, "/record")
    for path, status in (
        ("/ballots?as=pdf", 400),
        ("/check-ins?as=csv&table=nothing", 404),
        ("/check-ins?as=csv", 404),
        ("/looked?as=csv", 404),
        ("/bank?as=csv", 200),
    ):
        answer = browser.get(path)
        assert answer.status_code == status, path
        assert status != 200 or answer.mimetype == "text/html"


def test_who_may_not_see_a_page_gets_no_file_of_it(house: House) -> None:
    """S18, S19."""
    seen = house.browser(VIEWER)
    assert seen.get("/corrections?as=csv").status_code == 403
    assert "邻队" not in seen.get("/elections?as=csv").data.decode("utf-8-sig")
    assert "邻队" in house.browser(NEIGHBOUR).get("/elections?as=csv").data.decode("utf-8-sig")


def test_a_list_that_names_people_asks_for_the_second_factor_anew_and_is_noted(house: House) -> None:
    """S13, S64: the page itself does not ask."""
    house = strict(house)
    equip(house)
    browser = enter(house)
    assert "江流" in browser.get("/corrections?as=csv").data.decode("utf-8-sig")
    house.clock.forward(timedelta(minutes=6))
    assert "请确认是您本人" in browser.get("/corrections?as=csv").get_data(as_text=True)
    assert "请确认是您本人" not in browser.get("/corrections").get_data(as_text=True)
    assert browser.get("/ballots?as=csv").mimetype == "text/csv"


def test_every_table_has_its_files_or_says_why_not() -> None:
    """A table that is added cannot be forgotten."""
    bare = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if "<table" in (text := path.read_text(encoding="utf-8")) and "export" not in text
    }
    assert bare == set(OTHERWISE)


def test_what_is_read_of_a_table_is_what_one_reads_there() -> None:
    page = """<table class="other"><tr><td>not a list</td></tr></table>
    <table class="list"><caption class="hidden">A &amp; B</caption>
    <thead><tr><th>one</th><th>two</th><th>three</th><th>do</th></tr></thead>
    <tbody><tr><th scope="row"><a href="/x">a
      b</a><p class="help">below</p> <a class="aside" href="/y">why</a></th>
    <td class="number">12</td><td>since <time datetime="2026-11-24T09:30+08:00" title="t">today</time>, <b>yes</b></td>
    <td class="actions"><form><button>press</button></form></td></tr>
    <tr><th>=1+1<br>c</th><td class="number">12/13</td><td>—</td><td></td></tr></tbody></table>"""
    (table,) = read_tables(page, nothing="—")
    assert (table.caption, table.header) == ("A & B", ("one", "two", "three"))
    assert table.rows == (
        ("a b · below", 12, "since 2026-11-24 09:30, yes"),
        ("=1+1 · c", "12/13", None),
    )
    both = together((table, table), where="where")
    assert both is not None
    assert (both.header[0], [row[0] for row in both.rows]) == ("where", ["A & B"] * 4)
    assert together((), where="") is None
