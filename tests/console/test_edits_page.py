"""The roster by hand at the desk: a form shows what would change, does it once, and it can be taken back."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.sheets import read_grid
from console.written_sheets import FORMULA_STARTERS, write_csv
from content.ballots import Candidate
from content.elections import Election
from content.grid import Grid
from content.identifiers import EventId, MemberId, OrganisationId, PaperElectionId, RoomId, UserId
from content.members import Member, MemberChanged
from content.organisations import Duty, DutyGranted, Role
from content.paper_elections import ElectionPrepared, PaperElection
from content.roster import COLUMNS
from content.roster.layouts import LAYOUTS, SYSTEM_COLUMNS, Line
from content.settings import SETTINGS
from content.views import EVERYONE
from storage import members, organisations, outbox
from storage.rooms import StateSeen
from tests.console.console_house import Browser, House
from tests.console.console_seeding import BRANCHES, NEIGHBOUR, NOW, OUTSIDER, SECRETARY, VIEWER, put


def person(house: House, name: str) -> Member:
    found = house.run(house.store.read(lambda unit: members.member(unit, house.seeded.members[name])))
    assert isinstance(found, Member)
    return found


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of the last form of a page that does something once."""
    form = [form for form in re.findall(r"<form.*?</form>", page, re.S) if 'name="nonce"' in form][-1]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def entry(one: Member, **more: str) -> dict[str, str]:
    return {"name": one.name, "organisation": one.organisation, "category": one.category, **more}


def last_form(browser: Browser, path: str) -> dict[str, str]:
    page = browser.get(path).get_data(as_text=True)
    forms = [form for form in re.findall(r"<form.*?</form>", page, re.S) if 'name="nonce"' in form and "undo" in form]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', forms[-1]))


def sent_to(house: House, user: str) -> set[tuple[str, str]]:
    """Return what the bot will do about a person, and in which rooms."""
    query = outbox.outbox.select().where(outbox.outbox.c.user_id == user)
    rows = house.run(house.store.read(lambda unit: unit.rows(query)))
    return {(row.kind, row.room_id) for row in rows}


def test_an_entry_is_shown_first_then_changed_and_taken_back(house: House, browser: Browser) -> None:
    before = person(house, "白云")
    path = f"/members/{before.id}/edit"
    looked = browser.post(path, entry(before, phone="138 0000 0001", floating="yes"))
    page = looked.get_data(as_text=True)
    assert "13800000001" in page
    assert person(house, "白云") == before
    done = browser.post(path, hidden(page) | {"yes": "1"})
    assert f"/members/{before.id}?done=entry_changed&undo=" in done.headers["Location"]
    after = person(house, "白云")
    assert (after.phone, after.floating, after.user) == ("13800000001", True, before.user)
    page = browser.get(f"/members/{before.id}").get_data(as_text=True)
    assert "手工修改" in page
    edit = re.search(r"/members/edits/([a-z0-9]+)", page)
    assert edit is not None
    undone = browser.post(f"{edit[0]}/undo", last_form(browser, edit[0]))
    assert "done=edit_undone" in undone.headers["Location"]
    assert person(house, "白云") == before


def test_a_form_that_cannot_be_meant_says_so_beside_each_field(house: House, browser: Browser) -> None:
    before = person(house, "白云")
    answer = browser.post(f"/members/{before.id}/edit", entry(before, name="", phone="abc", joined="2030-01-01"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for field in ("name", "phone", "joined"):
        assert f'id="{field}-error"' in page
    assert 'value="abc"' in page


def test_an_entry_that_changed_meanwhile_is_looked_at_again(house: House, browser: Browser) -> None:
    before = person(house, "白云")
    path = f"/members/{before.id}/edit"
    stale = hidden(browser.post(path, entry(before, phone="13800000001")).get_data(as_text=True))
    browser.post(path, hidden(browser.post(path, entry(before, note="新")).get_data(as_text=True)) | {"yes": "1"})
    answer = browser.post(path, stale | {"yes": "1"})
    assert answer.status_code == 409
    assert person(house, "白云").phone == ""


def test_a_person_is_added_by_hand_after_a_look_at_who_is_there(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["two"]
    fields = {"name": "白云", "organisation": place, "category": "预备党员", "other": "市政支部", "on": "2026-11-01"}
    page = browser.post("/members/new", fields).get_data(as_text=True)
    assert "名册里有姓名或电话相同的人" in page
    done = browser.post("/members/new", hidden(page) | {"yes": "1"})
    where = done.headers["Location"].partition("?")[0]
    page = browser.get(where).get_data(as_text=True)
    for told in ("白云", "组织关系转入", "市政支部", "预备党员没有表决权"):
        assert told in page


def test_several_are_changed_together_and_taken_back_together(house: House, browser: Browser) -> None:
    chosen = [house.seeded.members[name] for name in ("白云", "陈晨", "丁一")]
    group = house.seeded.organisations["group"]
    address = "/members/together?" + "&".join(f"member={id}" for id in chosen) + f"&do=place:{group}"
    page = browser.get(address).get_data(as_text=True)
    assert "会改 3 人" in page
    form = hidden(page)
    ticked = {"member": chosen}
    done = browser.post("/members/together", form | ticked)
    assert "done=entries_changed" in done.headers["Location"]
    assert {person(house, name).organisation for name in ("白云", "陈晨", "丁一")} == {group}
    where = done.headers["Location"].partition("?")[0]
    browser.post(f"{where}/undo", last_form(browser, where))
    assert {person(house, name).organisation for name in ("白云", "陈晨", "丁一")} == {
        house.seeded.organisations["one"]
    }


def test_all_that_a_filter_lets_through_are_changed(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["two"]
    page = browser.get(f"/members/together?all=1&place={place}&do=category:预备党员").get_data(as_text=True)
    browser.post("/members/together", hidden(page))
    roots = [house.seeded.organisations["general"]]
    found = house.run(house.store.read(lambda unit: members.roster(unit, roots, wanted=EVERYONE)))
    assert {one.name for one in found if one.category == "预备党员"} == {"江流", "康宁"}


def test_several_are_noted_as_away_or_as_not_away(house: House, browser: Browser) -> None:
    chosen = [house.seeded.members[name] for name in ("白云", "陈晨")]
    address = "/members/together?" + "&".join(f"member={id}" for id in chosen)
    for value, after in (("yes", True), ("no", False)):
        page = browser.get(f"{address}&do=floating:{value}").get_data(as_text=True)
        browser.post("/members/together", hidden(page) | {"member": chosen})
        assert [person(house, name).floating for name in ("白云", "陈晨", "丁一")] == [after, after, None]
    assert "没有要改的" in browser.get(f"{address}&do=floating:maybe").get_data(as_text=True)


def test_a_neighbours_member_is_in_no_selection(house: House, browser: Browser) -> None:
    far = house.seeded.members["安邻"]
    for address in (f"/members/together?member={far}", f"/members/together?member={far}&do=category:预备党员"):
        assert browser.get(address).status_code == 404


def test_two_entries_of_one_person_are_merged(house: House, browser: Browser) -> None:
    kept, other = house.seeded.members["白云"], house.seeded.members["康宁"]
    path = f"/members/{kept}/merge/{other}"
    page = browser.get(path).get_data(as_text=True)
    assert "检修车间第二党支部" in page
    answer = browser.post(path, hidden(page) | {"take-organisation": "other", "take-user": "kept"})
    assert "done=entries_merged" in answer.headers["Location"]
    assert person(house, "白云").organisation == house.seeded.organisations["two"]
    page = browser.get(f"/members/{kept}").get_data(as_text=True)
    assert "同一个人的另一条记录：康宁" in page
    assert "作业安全四步法" in page
    gone = browser.get(f"/members/{other}").get_data(as_text=True)
    assert "已合并到" in gone
    assert "leave" not in gone


def test_an_account_is_bound_only_after_a_close_look(house: House, browser: Browser) -> None:
    """X03, X04."""
    id = house.seeded.members["丁一"]
    path = f"/members/{id}/account"
    page = browser.post(path, {"user": "@ml:elsewhere.org"}).get_data(as_text=True)
    for told in ("不在我们的服务器", "看起来很像别人的账号 @m1:example.org", "<strong>elsewhere.org</strong>"):
        assert told in page
    refused = browser.post(path, hidden(page) | {"yes": "1"})
    assert refused.status_code == 422
    assert person(house, "丁一").user is None
    done = browser.post(path, hidden(refused.get_data(as_text=True)) | {"yes": "1", "sure": "1"})
    assert "done=account_bound" in done.headers["Location"]
    assert person(house, "丁一").user == "@ml:elsewhere.org"
    asked = house.run(
        house.store.read(lambda unit: unit.rows(outbox.outbox.select().where(outbox.outbox.c.kind == "invite")))
    )
    assert {(row.room_id, row.user_id) for row in asked} == {("!one", "@ml:elsewhere.org")}
    browser.post(f"{path}/unbind", browser.marks(f"/members/{id}"))
    assert person(house, "丁一").user is None


def test_accounts_in_the_rooms_of_a_member_that_are_nobodys_are_offered_to_be_looked_at(
    house: House, browser: Browser
) -> None:
    path = f"/members/{house.seeded.members['丁一']}/account"
    said = {"membership": "join", "displayname": "丁一 <b>检修</b>"}
    seen = StateSeen(
        room=RoomId("!one"),
        type="m.room.member",
        state_key=OUTSIDER,
        sender=OUTSIDER,
        event_id=EventId("$n"),
        content=said,
    )
    house.run(house.store.settle(notes=[seen]))
    page = browser.get(path).get_data(as_text=True)
    offered = re.findall(r'name="user" value="(@[^"]+)"', page)
    assert offered == [OUTSIDER], "neither the bot, nor who is bound, nor who is only asked in, nor of another room"
    assert "丁一 &lt;b&gt;检修&lt;/b&gt;" in page
    assert "昵称里有这个姓名" in page
    looked = browser.post(path, {"user": OUTSIDER}).get_data(as_text=True)
    assert person(house, "丁一").user is None
    browser.post(path, hidden(looked) | {"yes": "1", "sure": "1"})
    assert person(house, "丁一").user == OUTSIDER


def test_a_member_is_transferred_within_the_tree_and_out_of_it(house: House, browser: Browser) -> None:
    one = person(house, "白云")
    path, two = f"/members/{one.id}/transfer", house.seeded.organisations["two"]
    browser.post(path, {"to": two, "on": "2026-11-20", "room": ["!one"]})
    assert person(house, "白云").organisation == two
    rows = house.run(
        house.store.read(lambda unit: unit.rows(outbox.outbox.select().where(outbox.outbox.c.user_id == one.user)))
    )
    assert {("remove", "!one"), ("invite", "!two")} <= {(row.kind, row.room_id) for row in rows}
    assert browser.post(path, {"to": "", "other": "", "on": "2026-11-20"}).status_code == 422
    assert browser.post(path, {"to": "", "other": "市政支部", "on": "2027-01-01"}).status_code == 422
    browser.post(path, {"to": "", "other": "市政支部", "on": "2026-11-21"})
    assert person(house, "白云").left == NOW
    page = browser.get(f"/members/{one.id}").get_data(as_text=True)
    assert "组织关系转出 · 市政支部 · 2026-11-21" in page
    assert "作业安全四步法" in page


HOSTILE = st.tuples(st.sampled_from(["", *sorted(FORMULA_STARTERS)]), st.text(max_size=12)).map("".join)


@given(texts=st.lists(HOSTILE, min_size=8, max_size=8), layout=st.sampled_from(sorted(LAYOUTS)))
def test_s46_no_cell_of_an_exported_roster_is_a_formula(texts: list[str], layout: str) -> None:
    """S46, IMP26: whatever is written into an entry, no program takes a cell of the sheet for a formula."""
    named = dict(
        zip(("name", "post", "position", "status", "note", "phone", "degree", "destination"), texts, strict=True)
    )
    one = Member(id=MemberId("m"), organisation=OrganisationId("o"), **named)
    sheet = LAYOUTS[layout]
    row = sheet.row(Line(number=1, member=one, branch=texts[0], group=texts[1]))
    written = write_csv(sheet.columns, [row]).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row]
    assert all(cell[:1] not in FORMULA_STARTERS for cell in cells if cell)
    assert len(cells) == 2 * len(sheet.columns)


def test_the_roster_is_handed_out_as_the_screen_shows_it(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["one"]
    given = browser.get(f"/members/export/filed.csv?place={place}").get_data().decode("utf-8-sig")
    header, *rows = list(csv.reader(io.StringIO(given, newline="")))
    assert tuple(header) == COLUMNS
    assert [row[1] for row in rows] == ["丁一", "方圆", "白云", "陈晨", "高山", "何川"]
    assert [(row[0], row[8], row[9]) for row in rows][-1] == ("6", "检修车间第一党支部", "第一党小组")
    as_sheet = read_grid(browser.get("/members/export/system.xlsx").get_data(), "r.xlsx")
    assert isinstance(as_sheet, Grid)
    assert as_sheet.rows[1] == SYSTEM_COLUMNS
    assert len([row for row in as_sheet.rows[2:] if isinstance(row[0], int)]) == 8
    roll = browser.get("/members/export/roll.csv").get_data().decode("utf-8-sig")
    assert [row[5] for row in csv.reader(io.StringIO(roll, newline=""))] == ["有无表决权", *["有"] * 8]
    simple = browser.get("/members/export/simple.csv").get_data().decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(simple, newline=""))) == list(LAYOUTS["simple"].columns)


def test_what_may_tell_of_discipline_is_for_who_keeps_the_roster_who_watches_over_it_and_oneself(
    house: House, browser: Browser
) -> None:
    """S20: on the page, in every sheet, and in why somebody may not vote."""
    one = person(house, "白云")
    told = {"status": "留党察看", "note": "受过处分", "phone": "13800000001"}
    house.run(house.store.settle(notes=[MemberChanged(member=replace(one, **told))]))
    at, path = house.seeded.organisations["one"], f"/members/{one.id}"
    held = {
        "@jilv:example.org": Duty(user=UserId("@jilv:example.org"), organisation=at, role=Role.DISCIPLINE_MEMBER),
        "@zuzhang:example.org": Duty(user=UserId("@zuzhang:example.org"), organisation=at, role=Role.GROUP_LEADER),
        one.user: Duty(user=UserId(one.user or ""), organisation=at, role=Role.GROUP_LEADER),
    }
    house.run(put(house.store, "held", *(DutyGranted(duty=duty) for duty in held.values())))
    draft = PaperElection(
        id=PaperElectionId("draft"),
        organisation=at,
        title="选举",
        election=Election(candidates=("c1", "c2"), seats=1),
        candidates=tuple(Candidate(id=id, member=None, name=id) for id in ("c1", "c2")),
        held_on=NOW.date(),
    )
    house.run(put(house.store, "draft", ElectionPrepared(paper=draft, author=SECRETARY)))

    def seen(user: str | None) -> tuple[bool, bool, bool, bool]:
        who = browser if user is None else house.browser(UserId(user))
        page = who.get(path).get_data(as_text=True)
        roll = who.get("/members/export/roll.csv").get_data().decode("utf-8-sig")
        filed = who.get("/members/export/filed.csv").get_data().decode("utf-8-sig")
        assert "没有表决权" in page
        on_the_roll = who.get("/elections/draft").get_data(as_text=True)
        assert ("留党察看" in on_the_roll, "原因不公开" in on_the_roll) in ((True, False), (False, True))
        assert ("留党察看" in on_the_roll) is ("留党察看" in roll)
        assert '"白云","检修车间第一党支部","","正式党员","无"' in roll
        return "留党察看期间" in page, "留党察看" in roll, "受过处分" in page + filed, "13800000001" in page + filed

    assert seen(None) == (True, True, True, True)
    assert seen("@jilv:example.org") == (True, True, True, False)
    assert seen("@zuzhang:example.org") == (False, False, False, False)
    assert seen(one.user) == (True, False, False, False)


def test_the_roster_is_copied_as_text_and_sorted_by_strokes(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """ORG-10: the screen, a page at a time, and the text for another chat tool."""
    page = browser.get("/members/text").get_data(as_text=True)
    assert (
        "检修车间第一党支部（5 人）：丁一、方圆、白云、陈晨、高山\n检修车间第一党支部·第一党小组（1 人）：何川" in page
    )
    monkeypatch.setattr("console.pages.members.PAGE_SIZE", 3)
    seen, path = [], "/members?order=strokes"
    while path:
        page = browser.get(path).get_data(as_text=True)
        seen += re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(more[1]) if more else ""
    assert seen == ["丁一", "方圆", "白云", "江流", "何川", "陈晨", "高山", "康宁"]


def test_each_condition_of_the_address_stands_as_a_chip_that_drops_it(house: House, browser: Browser) -> None:
    place = house.seeded.organisations["one"]
    page = browser.get(f"/members?q=云&place={place}&account=bound&order=strokes").get_data(as_text=True)
    chips = re.findall(r'<a href="([^"]+)" aria-label="[^"]+去掉这个条件">([^<]+) ×</a>', page)
    assert [said for _, said in chips] == ["“云”", "检修车间第一党支部", "已绑定", "按姓氏笔画"]
    without = html.unescape(chips[0][0])
    assert "q=" not in without
    assert all(kept in without for kept in (f"place={place}", "account=bound", "order=strokes"))
    assert "高山" in browser.get(without).get_data(as_text=True)
    assert 'aria-label="现在的条件"' not in browser.get("/members").get_data(as_text=True)


def test_a_part_of_the_roster_is_kept_under_a_name_for_oneself(house: House, browser: Browser) -> None:
    kept = browser.post(
        "/members/views", {"name": "没有账号", "account": "unbound"}, form_at="/members?account=unbound"
    )
    assert "account=unbound&done=view_saved" in kept.headers["Location"]
    assert "没有账号" in browser.get("/members").get_data(as_text=True)
    assert "没有账号" not in house.browser(VIEWER).get("/").get_data(as_text=True)
    page = browser.get("/members?account=unbound").get_data(as_text=True)
    forget = re.search(r"/members/views/[a-z0-9]+/forget", page)
    assert forget is not None
    assert house.browser(NEIGHBOUR).post(forget[0], form_at="/members?q=x").status_code == 404
    browser.post(forget[0], form_at="/members?account=unbound")
    assert "没有账号" not in browser.get("/members").get_data(as_text=True)


# --- the organisation -------------------------------------------------------------------------------------------------


def change(browser: Browser, house: House, short: str, what: str, **fields: Any) -> Any:
    at = f"/organisation/{house.seeded.organisations[short]}"
    return browser.post(f"{at}/{what}", fields, form_at=at)


def test_a_branch_is_added_after_founding_and_an_empty_one_is_closed(house: House, browser: Browser) -> None:
    change(browser, house, "general", "add", name="机关党支部", kind="branch")
    page = browser.get("/organisation").get_data(as_text=True)
    assert "机关党支部" in page
    assert "机关党支部" in browser.get("/members/new").get_data(as_text=True)
    refused = change(browser, house, "one", "close")
    assert (refused.status_code, "还有 1 个下级组织" in refused.get_data(as_text=True)) == (409, True)
    assert change(browser, house, "three", "close").status_code == 303
    choice = browser.get("/members/new").get_data(as_text=True).partition('id="organisation"')[2]
    assert "运转车间党支部" not in choice.partition("</select>")[0]
    assert "已撤销建制" in browser.get("/organisation").get_data(as_text=True)
    assert change(browser, house, "three", "reopen").status_code == 303


def test_branches_stand_in_the_order_that_was_chosen_wherever_the_tree_is(house: House, browser: Browser) -> None:
    at = house.seeded.organisations

    def shown(path: str) -> list[str]:
        page = browser.get(path).get_data(as_text=True).partition("<main")[2]
        return sorted((name for name in BRANCHES if f">{name}<" in page), key=lambda name: page.find(f">{name}<"))

    assert shown("/organisation") == list(BRANCHES)
    moved = change(browser, house, "general", "order", earlier=at["three"])
    assert "done=nodes_ordered" in moved.headers["Location"]
    wanted = [BRANCHES[0], BRANCHES[2], BRANCHES[1]]
    for path in ("/organisation", f"/organisation/{at['general']}", "/participation", "/rooms"):
        assert shown(path) == wanted, path
    choice = (
        browser.get("/members/new").get_data(as_text=True).partition('id="organisation"')[2].partition("</select>")[0]
    )
    assert sorted(wanted, key=choice.find) == wanted
    for child, way in (("one", "earlier"), ("two", "later"), ("far", "earlier"), ("group", "later")):
        assert change(browser, house, "general", "order", **{way: at[child]}).status_code == 409
    own = house.browser(VIEWER)
    assert change(own, house, "general", "order", earlier=at["three"]).status_code == 403


def test_a_setting_says_where_it_comes_from(house: House, browser: Browser) -> None:
    change(browser, house, "general", "settings", name="window", value="720")
    page = browser.get(f"/organisation/{house.seeded.organisations['group']}").get_data(as_text=True)
    assert "12 小时 · 来自检修党总支" in page
    sources = re.findall(r"<p>[^<]+ · (来自[^<]+|这里单独设的|默认)[^<]*</p>", page)
    assert len(sources) == len(SETTINGS)
    planned = browser.get(f"/schedule?org={house.seeded.organisations['one']}").get_data(as_text=True)
    assert re.search(r'<option value="720" selected', planned)
    assert change(browser, house, "one", "settings", name="timezone", value="Mars/Base").status_code == 409


def test_a_committee_is_recorded_by_name_with_its_next_election(house: House, browser: Browser) -> None:
    fields = {"elected_on": "2024-02-29", "years": "3", "post-0": "白云", "post-2": "陈晨、丁一"}
    assert change(browser, house, "one", "committee", **fields).status_code == 303
    page = browser.get(f"/organisation/{house.seeded.organisations['one']}").get_data(as_text=True)
    for told in ("2027-02-28", "2026-08-28", "2028-02-28"):
        assert told in page
    assert (person(house, "白云").position, person(house, "丁一").position) == ("书记", "组织委员")
    assert "半年内到期" in browser.get("/organisation").get_data(as_text=True)
    refused = change(browser, house, "one", "committee", **fields | {"post-0": "安邻"})
    assert (refused.status_code, "名册上没有安邻" in refused.get_data(as_text=True)) == (409, True)


def test_who_may_only_look_sees_numbers_and_changes_nothing(house: House) -> None:
    browser = house.browser(VIEWER)
    page = browser.get(f"/organisation/{house.seeded.organisations['one']}").get_data(as_text=True)
    assert "调整隶属" not in page
    assert change(browser, house, "one", "rename", name="新").status_code == 403
    found = house.run(
        house.store.read(lambda unit: organisations.organisation(unit, house.seeded.organisations["one"]))
    )
    assert found.name == "检修车间第一党支部"
