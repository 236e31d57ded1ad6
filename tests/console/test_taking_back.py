"""Whatever can be taken back offers it at once, in the notice that says what was done; and it is taken back by it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from console.keys import ACTIONS, RAIL, section_of
from console.people import mark_of
from content.burden import Cap
from content.checkins import State as Answer
from content.identifiers import UserId
from content.occurrences import State
from content.organisations import RIGHTS, Duty, DutyGranted, Right, Role
from content.workdays import Entered
from storage import organisations, schedules, workdays
from storage.schedules import Entry
from tests.console.console_house import Browser, House
from tests.console.console_seeding import SECRETARY, put
from tests.console.forms_on_pages import forms_of
from tests.console.test_corrections_page import standing, told
from tests.console.test_schedule_page import allow, form, planned
from tests.console.test_workdays_page import NOTICE_2027


def entry(house: House, short: str = "planned") -> Entry:
    found: Entry = house.run(house.store.read(lambda unit: schedules.entry(unit, house.seeded.occurrences[short])))
    return found


def take_back(browser: Browser, answer: Any) -> Any:
    """Press the button of the notice on the page that an answer leads to."""
    assert answer.status_code == 303, answer.get_data(as_text=True)
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    notice = page[page.index("data-said") : page.index("data-dismiss")]
    assert "撤销" in notice
    (undo,) = forms_of(notice)
    return browser.client.post(undo.action, data=dict(undo.sent()), headers=browser.headers)


def test_what_was_called_off_is_planned_again_and_called_off_again(house: House, browser: Browser) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/cancel"
    answer = browser.post(path, browser.marks("/"))
    assert entry(house).occurrence.state is State.CANCELLED
    again = take_back(browser, answer)
    assert entry(house).occurrence.state is State.PLANNED
    take_back(browser, again)
    assert entry(house).occurrence.state is State.CANCELLED


def test_what_was_moved_goes_back_to_its_time(house: House, browser: Browser) -> None:
    before = entry(house).occurrence.due_at
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    answer = browser.post(path, {"date": "2026-12-01", "time": "09:30"})
    assert entry(house).occurrence.due_at == datetime.fromisoformat("2026-12-01T09:30+08:00")
    take_back(browser, answer)
    assert entry(house).occurrence.due_at == before


def test_a_move_from_a_page_that_is_out_of_date_puts_nothing_back(house: House, browser: Browser) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    old = browser.marks(path)
    moved = browser.post(path, {"date": "2026-12-01", "time": "09:30"})
    late = browser.post(path, old | {"date": "2026-12-02", "time": "09:30"})
    assert late.status_code == 409
    page = late.get_data(as_text=True)
    assert "有人先改了" in page
    assert entry(house).occurrence.due_at == datetime.fromisoformat("2026-12-01T09:30+08:00")
    told = {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[-1] for name in ("csrf", "nonce", "mark")}
    again = browser.post(path, told | {"date": "2026-12-03", "time": "10:00"})
    assert again.status_code == 303, "who was told how it stands may move it all the same"
    take_back(browser, moved)
    assert entry(house).occurrence.due_at == datetime.fromisoformat("2026-12-03T10:00+08:00")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"date": "2020-01-01", "time": "09:00"}, "已经过去"),
        ({"date": "0001-01-01", "time": "09:00"}, "日期"),
        ({"date": "2026-12-01", "time": "25:00"}, "时间"),
    ],
)
def test_a_move_that_cannot_be_meant_comes_back_as_it_was_typed(
    house: House, browser: Browser, fields: dict[str, str], said: str
) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    answer = browser.post(path, fields)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert said in page
    assert f'value="{fields["date"]}"' in page
    assert f'value="{fields["time"]}"' in page
    assert 'aria-invalid="true"' in page


def test_a_form_that_was_refused_is_sent_again_from_the_page_gone_back_to_and_then_once(
    house: House, browser: Browser
) -> None:
    path = f"/calendar/{house.seeded.occurrences['planned']}/move"
    marks = browser.marks(path)
    refused = browser.post(path, marks | {"date": "2026-11-01", "time": "09:00"})
    assert refused.status_code in (409, 422)
    before = entry(house).occurrence.due_at
    better = marks | {"date": "2026-12-03", "time": "09:00"}
    moved = browser.post(path, better)
    assert "done=occurrence_moved" in moved.headers["Location"], moved.get_data(as_text=True)
    after = entry(house).occurrence.due_at
    assert after != before
    again = browser.post(path, better | {"date": "2026-12-04"})
    assert "done=repeated" in again.headers["Location"]
    assert entry(house).occurrence.due_at == after


def test_nothing_is_moved_beside_itself_or_to_where_rooms_have_heard_enough(house: House, browser: Browser) -> None:
    assert browser.post("/schedule", form(house)).status_code == 303
    (other,) = planned(house)
    browser.post("/schedule", form(house, date="2026-12-04"))
    path = f"/calendar/{other.occurrence.id}/move"
    beside = browser.post(path, {"date": "2026-12-04", "time": "15:02"})
    assert "已有一次发给同样的人" in beside.get_data(as_text=True)
    allow(house, Cap.DAY, 1)
    full = browser.post(path, {"date": "2026-12-04", "time": "18:00"})
    assert (full.status_code, "上限" in full.get_data(as_text=True)) == (409, True)
    # On its own day it stands in its own way no more than in that of others.
    assert browser.post(path, {"date": "2026-11-27", "time": "16:00"}).status_code == 303


def test_a_change_to_the_roster_is_taken_back_from_its_notice(house: House, browser: Browser) -> None:
    path = f"/members/{house.seeded.members['白云']}"
    fields = next(one for one in forms_of(browser.get(f"{path}/edit").get_data(as_text=True)) if len(one.fields) > 9)
    data = dict(fields.sent()) | {"post": "值班员"}
    look = browser.client.post(f"{path}/edit", data=data, headers=browser.headers).get_data(as_text=True)
    shown = next(one for one in forms_of(look) if one.action.split("?")[0] == f"{path}/edit")
    answer = browser.client.post(shown.action, data=dict(shown.sent()) | {"yes": "yes"}, headers=browser.headers)
    assert "值班员" in browser.get(path).get_data(as_text=True)
    back = take_back(browser, answer)
    assert "已撤销" in browser.get(back.headers["Location"]).get_data(as_text=True)


@pytest.mark.parametrize(
    ("verb", "fields"),
    [("rename", {"name": "新的名字"}), ("settings", {"name": "window", "value": "120"}), ("close", {})],
)
def test_a_change_to_the_tree_is_taken_back_from_its_notice(
    house: House, browser: Browser, verb: str, fields: dict[str, str]
) -> None:
    path = f"/organisation/{house.seeded.organisations['three']}"
    before = browser.get(path).get_data(as_text=True)
    answer = browser.post(f"{path}/{verb}", fields, form_at="/organisation")
    take_back(browser, answer)
    strip = lambda page: re.sub('value="[^"]{20,}"', "", page)  # noqa: E731 - the marks of forms differ each time
    assert strip(browser.get(path).get_data(as_text=True)) == strip(before)


def duties(house: House, user: str) -> set[Role]:
    return {one.role for one in house.run(house.store.read(lambda unit: organisations.duties_of(unit, UserId(user))))}


def test_a_duty_is_taken_back_from_its_notice_whether_given_or_ended(house: House, browser: Browser) -> None:
    user, place = "@m1:example.org", house.seeded.organisations["two"]
    duty = {"user": user, "role": "viewer", "place": place}
    given = browser.post("/duties", duty)
    assert duties(house, user) == {Role.VIEWER}
    ended = take_back(browser, given)
    assert duties(house, user) == set()
    take_back(browser, ended)
    assert duties(house, user) == {Role.VIEWER}
    page = browser.get(f"/members/{house.seeded.members['白云']}").get_data(as_text=True)
    told = re.findall(r"(担任职责|免去职责) · 查看人 · 检修车间第二党支部", page)
    assert sorted(told) == ["免去职责", "担任职责", "担任职责"], "each stands on the timeline of its person"


def test_a_proposed_change_of_secretary_is_taken_back_from_its_notice(house: House, browser: Browser) -> None:
    at = house.seeded.organisations["general"]
    second = Duty(user=UserId("@m2:example.org"), organisation=at, role=Role.SECRETARY)
    house.run(put(house.store, "second", DutyGranted(duty=second)))
    asked = browser.post("/duties", {"user": "@m1:example.org", "role": "secretary", "place": at})
    assert "done=duty_proposed" in asked.headers["Location"]
    back = take_back(browser, asked)
    assert "done=proposal_declined" in back.headers["Location"]
    assert "已撤回" in browser.get("/duties").get_data(as_text=True)


def entered(house: House) -> tuple[Entered, ...]:
    found: tuple[Entered, ...] = house.run(house.store.read(lambda unit: workdays.entered(unit, [2026, 2027])))
    return found


def test_working_days_are_put_back_as_they_were_from_the_notice_of_each_change(house: House) -> None:
    operator, path = UserId("@yunwei:example.org"), "/calendar/workdays"
    duty = Duty(user=operator, organisation=house.seeded.organisations["committee"], role=Role.OPERATOR)
    house.run(put(house.store, "operator", DutyGranted(duty=duty)))
    browser = house.browser(operator)
    nothing = entered(house)
    listed = browser.post(f"{path}/list", {"list": NOTICE_2027}, form_at=path)
    whole = entered(house)
    # A day of the list itself, so that taking it back has to bring the list's own word again.
    one = browser.post(f"{path}/day", {"date": "2027-01-01", "kind": "work", "name": "值班"}, form_at=path)
    late = take_back(browser, listed)
    assert late.status_code == 409, "the list is not taken from under what came after it"
    assert "后来又改过" in late.get_data(as_text=True)
    take_back(browser, one)
    assert entered(house) == whole
    take_back(browser, browser.post(f"{path}/2027/forget", form_at=path))
    assert entered(house) == whole
    take_back(browser, browser.post(f"{path}/list", {"list": NOTICE_2027.replace("调休", "")}, form_at=path))
    assert entered(house) == whole != nothing


@pytest.mark.parametrize(
    "before",
    [
        "x",
        '[{"year":1999}]',
        '[{"year":2027,"listed":[{"date":"2026-01-01","works":false}]}]',
        '[{"year":2027,"alone":[{"date":"2027-01-01","works":false,"name":"' + "长" * 41 + '"}]}]',
        '[{"year":2027,"alone":[{"date":"2027-01-01","works":false},{"date":"2027-01-01","works":true}]}]',
    ],
)
def test_what_could_never_have_been_entered_is_not_put_back(house: House, before: str) -> None:
    operator, path = UserId("@yunwei:example.org"), "/calendar/workdays"
    duty = Duty(user=operator, organisation=house.seeded.organisations["committee"], role=Role.OPERATOR)
    house.run(put(house.store, "operator", DutyGranted(duty=duty)))
    browser, nothing = house.browser(operator), entered(house)
    fields = {"before": before, "mark": mark_of((Entered(year=2027),))}
    assert browser.post(f"{path}/put-back", fields, form_at=path).status_code in (400, 409)
    assert entered(house) == nothing


def test_a_record_set_by_hand_is_taken_back_and_what_stood_before_stands_again(house: House, browser: Browser) -> None:
    path = f"/check-ins/{house.seeded.occurrences['closed']}/members/{house.seeded.members['白云']}"
    before = standing(house)["白云"]
    answer = browser.post(path, {"mark": "leave", "explanation": "签错了人"})
    assert standing(house)["白云"] == (Answer.EXCUSED, True)
    back = take_back(browser, answer)
    assert "done=record_back" in back.headers["Location"]
    assert standing(house)["白云"] == before == (Answer.DONE, False)
    assert [said["key"] for said in told(house, "@m1:example.org")][-2:] == [
        "correction.set_leave",
        "correction.back_attended",
    ]
    assert take_back(browser, answer).status_code == 409, "once it is taken back there is nothing left to take"


def test_of_two_changes_by_hand_only_the_later_is_taken_back(house: House, browser: Browser) -> None:
    path = f"/check-ins/{house.seeded.occurrences['open']}/members/{house.seeded.members['江流']}"
    before = standing(house, "open")["江流"]
    first = browser.post(path, {"mark": "leave", "explanation": "值班"})
    second = browser.post(path, {"mark": "attended", "explanation": "到了"})
    stale = take_back(browser, first)
    assert (stale.status_code, "后来又改过" in stale.get_data(as_text=True)) == (409, True)
    take_back(browser, second)
    assert standing(house, "open")["江流"] == (Answer.EXCUSED, True)
    take_back(browser, first)
    assert standing(house, "open")["江流"] == before == (Answer.OPEN, False)


def test_a_committee_that_was_recorded_is_taken_back_with_the_positions_that_it_gave(
    house: House, browser: Browser
) -> None:
    path = f"/organisation/{house.seeded.organisations['one']}"
    fields = {"elected_on": "2024-02-29", "years": "3", "post-0": "白云"}
    first = browser.post(f"{path}/committee", fields, form_at="/organisation")
    assert "2027-02-28" in browser.get(path).get_data(as_text=True)
    second = browser.post(f"{path}/committee", fields | {"elected_on": "2026-02-28", "post-0": "陈晨"}, form_at=path)
    right = browser.post(f"{path}/committee", fields | {"elected_on": "2026-02-28", "post-0": "丁一"}, form_at=path)
    assert "undo=" not in right.headers["Location"], "what stood before was not kept"
    assert take_back(browser, first).status_code == 409, "there is a newer term"
    back = browser.post(f"{path}/committee/back", {"term": "unknown"}, form_at=path)
    assert back.status_code == 409
    take_back(browser, second)
    assert "2027-02-28" in browser.get(path).get_data(as_text=True)
    take_back(browser, first)
    page = browser.get(path).get_data(as_text=True)
    assert "还没有登记" in page
    member = browser.get(f"/members/{house.seeded.members['白云']}").get_data(as_text=True)
    assert "书记" not in member.partition('id="facts"')[2].partition("</section>")[0]


def test_a_new_node_and_a_new_view_are_taken_back_from_their_notices(house: House, browser: Browser) -> None:
    at = house.seeded.organisations["general"]
    added = browser.post(f"/organisation/{at}/add", {"name": "新支部", "kind": "branch"}, form_at="/organisation")
    closed = take_back(browser, added)
    assert "已撤销建制" in browser.get(closed.headers["Location"]).get_data(as_text=True)
    saved = browser.post(
        "/members/views", {"name": "没有账号的", "account": "unbound"}, form_at="/members?account=unbound"
    )
    assert "没有账号的" in browser.get("/members").get_data(as_text=True)
    take_back(browser, saved)
    assert "没有账号的" not in browser.get("/members").get_data(as_text=True)
    browser.post("/members/views", {"name": "没有账号的", "account": "unbound"}, form_at="/members?account=unbound")
    again = browser.post("/members/views", {"name": "没有账号的", "account": "bound"}, form_at="/members?account=bound")
    assert "undo=" not in again.headers["Location"], "letting go of it would not bring back what it meant"


def test_what_is_taken_back_is_this_sessions_own_page_saying_so(house: House, browser: Browser) -> None:
    answer = browser.post(f"/calendar/{house.seeded.occurrences['planned']}/cancel", browser.marks("/"))
    offer = parse_qs(urlsplit(answer.headers["Location"]).query)["undo"][0]
    other = house.browser()
    for written in (offer, offer[:-3] + "AAA", "AAAA", "%", ""):
        page = other.get(f"/?done=cancelled&undo={written}").get_data(as_text=True)
        assert "data-said" in page
        assert "data-undo" not in page


def test_a_form_that_came_twice_offers_nothing_to_take_back(house: House, browser: Browser) -> None:
    marks = browser.marks("/")
    path = f"/calendar/{house.seeded.occurrences['planned']}/cancel"
    assert "undo=" in browser.post(path, marks).headers["Location"]
    assert "undo=" not in browser.post(path, marks).headers["Location"]


# --- keys and help ----------------------------------------------------------------------------------------------------


def test_the_rail_the_dialog_of_keys_and_the_page_of_help_say_the_same_keys(house: House, browser: Browser) -> None:
    page = browser.get("/help").get_data(as_text=True)
    listed = re.findall(r"<dt>(.*?)</dt>", page.split('class="keys"')[1])
    assert page.count('class="keys"') == 2
    wanted = [keys for keys, _ in ACTIONS] + [keys for _, _, keys, _ in RAIL]
    assert [" ".join(re.findall("<kbd>(.*?)</kbd>", one)) for one in listed] == wanted
    assert set(re.findall('data-keys="(.*?)"', page)) == {keys for _, _, keys, _ in RAIL}


ON_NO_RAIL = {
    **dict.fromkeys(("credentials", "exports", "guide", "looks", "preferences", "search", "static"), "of oneself"),
    **dict.fromkeys(("safe_mode", "sign_in", "surveying", "voting"), "for who is not signed in"),
    "metrics": "for machines",
    "proving": "asked on the way to another page",
}
"""Rooms of the console that are under no page of the rail, and why."""


def test_every_page_shows_on_the_rail_where_one_is(house: House) -> None:
    rooms = {rule.endpoint.split(".")[0] for rule in house.app.url_map.iter_rules()}
    places = {name: section_of(f"{name}.show") for name in rooms - ON_NO_RAIL.keys()}
    assert {name: place for name, place in places.items() if place not in {name for _, name, _, _ in RAIL}} == {}
    assert {name for name in ON_NO_RAIL if section_of(f"{name}.show") != name} == set()


def test_no_key_means_two_things() -> None:
    keys = [key for shown, _ in ACTIONS for key in shown.split()] + [keys for _, _, keys, _ in RAIL]
    assert len(keys) == len(set(keys))
    assert "g" not in keys


def test_keys_are_turned_off_for_one_browser_on_the_page_of_the_account(house: House, browser: Browser) -> None:
    """Single keys can be turned off by whoever dictates."""
    assert "data-keys=off" not in browser.get("/account").get_data(as_text=True)
    assert browser.post("/preferences", {"keys": "off", "back": "/account"}, form_at="/account").status_code == 303
    assert "data-keys=off" in browser.get("/calendar").get_data(as_text=True)
    browser.post("/preferences", {"keys": "on"}, form_at="/account")
    assert "data-keys=off" not in browser.get("/calendar").get_data(as_text=True)


def test_help_speaks_of_what_a_role_may_do_and_of_nothing_else(house: House) -> None:
    at = house.seeded.organisations["one"]
    for role in Role:
        user = UserId(f"@{role}:example.org")
        duty = Duty(user=user, organisation=at, role=role)
        house.run(put(house.store, f"duty {role}", DutyGranted(duty=duty)))
        page = house.browser(user).get("/help").get_data(as_text=True)
        for right, said in (
            (Right.SCHEDULE, "发一次学习"),
            (Right.IMPORT_ROSTER, "管名册"),
            (Right.OPERATE, "每晚自动备份"),
        ):
            assert (said in page) is (right in RIGHTS[role]), (role, right)
        assert SECRETARY in page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_illustrated_guide_is_read_here_with_its_pictures_and_told_of_where_it_belongs(
    house: House, language: str
) -> None:
    browser = house.browser(language=language)
    page = browser.get("/help/guide").get_data(as_text=True)
    chapters = dict(re.findall(r'<h2 id="(c\d+)">([^<]+)</h2>', page))
    assert len(chapters) > 8
    assert re.findall(r'href="#(c\d+)">([^<]+)<', page) == list(chapters.items())
    pictures = re.findall(r'<img src="(/static/guide/pictures/[a-z-]+\.webp)" alt="[^"]+"', page)
    assert len(pictures) == page.count("<img ") > 8
    assert {browser.get(one).status_code for one in pictures} == {200}
    told = re.findall(r'<h2 id="part-\w+"><a[^>]*>([^<]+)</a></h2>.*?</section>', browser.get("/help").text, re.DOTALL)
    links = re.findall(r'href="/help/guide#(c\d+)">', browser.get("/help").text)
    assert [chapters[one] for one in links] == [title for title in told if title in chapters.values()]
    assert len(links) > 6
