"""Long lists come a page at a time, and all pages together hold what the export holds, each line once."""

from __future__ import annotations

import csv
import html
import re

import pytest
from sqlalchemy import event

from content.decision import Fact
from content.identifiers import MemberId, OrganisationId
from content.members import Member, MemberEnrolled
from content.organisations import Kind, Organisation, OrganisationFounded
from storage import members as stored
from tests.console.console_house import Browser, House
from tests.console.console_seeding import put

NEXT = re.compile(r'rel="next" href="([^"]+)"')
ROW = re.compile(r'<tr>\s*<th scope="row"[^>]*><a href="[^"]*">([^<]+)</a></th>')


def pages(browser: Browser, path: str) -> list[str]:
    """Turn the pages of a list from the first to the last."""
    found: list[str] = []
    wanted: str | None = path
    while wanted:
        answer = browser.get(wanted)
        assert answer.status_code == 200
        found.append(answer.get_data(as_text=True))
        following = [link for link in NEXT.findall(found[-1]) if "after" in link or "before" in link]
        wanted = html.unescape(following[0]) if following else None
        assert len(found) < 100
    return found


def column(browser: Browser, path: str) -> list[str]:
    """Return the first column of an export, without its header."""
    text = browser.get(path).get_data().decode("utf-8-sig")
    return [row[0] for row in csv.reader(text.splitlines())][1:]


def table(page: str, place: int) -> str:
    """Return one of the tables of a page."""
    return re.findall(r"<table.*?</table>", page, re.DOTALL)[place]


@pytest.mark.parametrize("period", ["", "?since=2000-01-01", "?since=2026-11-10&until=2026-11-20"])
def test_places_are_shown_a_page_at_a_time_with_their_weeks(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, period: str
) -> None:
    whole = browser.get(f"/participation{period}").get_data(as_text=True)
    monkeypatch.setattr("console.pages.participation.PLACES_SHOWN", 2)
    seen = pages(browser, f"/participation{period}")
    assert len(seen) > 1
    names = [html.unescape(name) for page in seen for name in ROW.findall(table(page, 0))]
    assert names == column(browser, f"/participation/export/places.csv{period}")
    body = re.compile(r"<tbody>(.*)</tbody>", re.DOTALL)
    cells = re.compile(r'<td class="(?:none|shade-\d)">([^<]*)</td>')
    weeks = [cells.findall(table(page, 1)) for page in [whole, *seen] if 'class="heat"' in page]
    assert any(weeks[0])
    assert weeks[0] == [cell for part in weeks[1:] for cell in part]
    assert body.search(table(whole, 0))
    lead = re.compile(r'<p class="lead">[^<]*</p>')
    assert {lead.findall(page)[0] for page in seen} == {lead.findall(whole)[0]}


def test_the_branches_of_an_occurrence_are_shown_a_page_at_a_time(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/check-ins/{house.seeded.occurrences['closed']}"
    whole = ROW.findall(table(browser.get(path).get_data(as_text=True), 0))
    monkeypatch.setattr("console.pages.checkins.BRANCHES_SHOWN", 1)
    seen = pages(browser, path)
    assert [name for page in seen for name in ROW.findall(table(page, 0))] == whole
    assert len(seen) == len(whole) > 1
    total = re.compile("已参加 [^。]*。")
    assert len({total.search(page)[0] for page in seen}) == 1  # type: ignore[index]


def test_members_numbers_are_shown_a_page_at_a_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.pages.participation.NAMES_SHOWN", 2)
    seen = pages(browser, "/participation/members")
    assert len(seen) > 1
    names = [html.unescape(name) for page in seen for name in ROW.findall(page)]
    assert names == column(browser, "/participation/export/members.csv")
    assert all(len(ROW.findall(page)) <= 2 for page in seen)


def test_the_roster_asks_and_reads_the_same_however_many_stand_on_it(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements and members read for the first page, before and after there are sixty people and nodes more."""
    asked: list[str] = []
    event.listen(house.store._engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    read: list[object] = []
    made = stored._member
    monkeypatch.setattr(stored, "_member", lambda *row: read.append(row) or made(*row))
    monkeypatch.setattr("console.pages.members.PAGE_SIZE", 5)

    def cost() -> tuple[int, int]:
        asked.clear()
        read.clear()
        assert browser.get("/members").status_code == 200
        return len(asked), len(read)

    cost()
    before = cost()
    at = house.seeded.organisations["general"]
    nodes = [
        Organisation(id=OrganisationId(f"n{number}"), parent=at, kind=Kind.BRANCH, name=f"支部{number}")
        for number in range(60)
    ]
    people = [
        Member(id=MemberId(f"p{number}"), organisation=node.id, name=f"丁{number}", category="正式党员")
        for number, node in enumerate(nodes)
    ]
    facts: list[Fact] = [OrganisationFounded(organisation=node) for node in nodes]
    house.run(put(house.store, "sixty", *facts, *(MemberEnrolled(member=one) for one in people)))
    assert cost() == before


@pytest.mark.parametrize("tab", ["waiting", "sent", "failed"])
def test_trays_are_shown_a_page_at_a_time_and_counted_so_far_as_anyone_reads(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    whole = browser.get(f"/outbox?tab={tab}").get_data(as_text=True)
    rows = re.compile(r'<th scope="row">(.*?)</th>\s*<td[^>]*>([^<]*)</td>', re.DOTALL)
    everything = rows.findall(whole)
    assert everything
    monkeypatch.setattr("console.pages.outbox.PAGE_SIZE", 1)
    seen = pages(browser, f"/outbox?tab={tab}")
    assert [row for page in seen for row in rows.findall(page)] == everything
    assert len(seen) == max(1, len(everything))
    monkeypatch.setattr("console.pages.outbox.MOST_COUNTED", 1)
    numbers = re.findall(r'<span class="number">([^<]*)</span>', browser.get("/outbox").get_data(as_text=True))
    assert set(numbers) <= {"0", "超过 0"}


def test_the_lines_of_one_member_say_when_they_are_only_the_newest(
    browser: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.get("/participation/members?since=2000-01-01").get_data(as_text=True)
    links = [html.unescape(link) for link in re.findall(r'href="(/participation/members/[^"]+)"', page)]
    whole = max((browser.get(link).get_data(as_text=True) for link in links), key=lambda one: len(ROW.findall(one)))
    link = next(link for link in links if browser.get(link).get_data(as_text=True).count("<tr>") == whole.count("<tr>"))
    assert len(ROW.findall(whole)) > 1
    monkeypatch.setattr("console.pages.participation.MOST_LINES", 1)
    short = browser.get(link).get_data(as_text=True)
    assert ROW.findall(short) == ROW.findall(whole)[:1]
    assert "只显示最新的 1 条" in short
    assert "只显示最新的" not in whole
    lead = re.compile(r'<p class="lead">[^<]*</p>')
    assert lead.findall(short) == lead.findall(whole)


def test_rooms_are_shown_a_page_of_places_at_a_time(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    place = re.compile(r'<section aria-labelledby="(at-[^"]+)"')
    whole = place.findall(browser.get("/rooms").get_data(as_text=True))
    monkeypatch.setattr("console.pages.rooms.PLACES_SHOWN", 2)
    seen = [place.findall(page) for page in pages(browser, "/rooms")]
    assert len(seen) > 1
    assert max(map(len, seen)) == 2
    assert [one for page in seen for one in page] == whole


def test_the_head_of_a_page_opens_a_large_tree_level_by_level(house: House, browser: Browser) -> None:
    """A thousand organisations on each page would be too heavy, and too long to look through."""
    at, odd = house.seeded.organisations["general"], OrganisationId("n0")
    founded: list[Fact] = [
        OrganisationFounded(
            organisation=Organisation(
                id=OrganisationId(f"n{number}"),
                parent=odd if number > 30 else at,
                kind=Kind.GROUP if number > 30 else Kind.BRANCH,
                name=f"多的{number}",
            )
        )
        for number in range(60)
    ]
    house.run(put(house.store, "sixty", *founded))

    def offered(chosen: str = "") -> list[str]:
        page = browser.get(f"/?org={chosen}").get_data(as_text=True)
        head = page.partition('<select id="org"')[2].partition("</select>")[0]
        return re.findall(r"<option[^>]*>　*([^<]*)</option>", head)[1:]

    first = offered()
    assert (first[0], len(first)) == ("检修党总支", 35)
    assert {"多的0 …", "多的30"} <= set(first)
    assert sum(name.endswith("…") for name in first) == 2
    opened = offered(odd)
    assert {"检修党总支", "多的0", "多的31", "多的59"} <= set(opened)
    assert "第一党小组" not in opened, "beside the way nothing is opened"
