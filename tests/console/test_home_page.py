"""The first page: what waits, by the rights of who looks, and what a branch needs until it lives."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from console.access import digest
from console.app import create_app
from console.settings import ConsoleSettings
from content.ballots import BallotClosed
from content.burden import Cap
from content.identifiers import EventId, LessonId, OrganisationId, RoomId, UserId
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, LessonWritten
from content.organisations import Duty, DutyEnded, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import RoomLost
from content.settings import SettingChosen
from content.speech import Speech
from content.tellers import PossessionProven
from storage import heartbeats, rooms
from storage.store import Store
from tests.console.console_house import ADDRESS, Browser, House
from tests.console.console_seeding import MEASURED, NOW, SECRETARY, VIEWER, Clock, Seeded, link_for, put
from tests.console.kept_dues import keep_dues
from tests.console.test_participation_page import shown


def test_each_thing_that_waits_stands_on_one_line_with_one_way_to_it(house: House, browser: Browser) -> None:
    ballot = house.seeded.ballots["fixed"]
    page = browser.get("/").get_data(as_text=True)
    assert "“年度先进推荐”还有 3 位监票人、计票人没有验证钥匙份额" in page
    assert "有 1 个支部还没有群" in page
    assert "名册里有 1 人还没有绑定账号" in page
    assert "/members?account=unbound" in page
    needs = page.partition('id="needs"')[2].partition("</ul>")[0]
    assert all(line.count("<button") + line.count('class="button') <= 1 for line in needs.split("<li>")[1:])
    proven = [PossessionProven(ballot=ballot, index=index) for index in (1, 2, 3)]
    closed = BallotClosed(ballot=ballot, turnout=3, issued=5, set_hash="00" * 32, listed=())
    lost = [RoomLost(room=room, reason="kicked") for room in ("!one",)]
    house.run(put(house.store, "later", *proven, closed, *lost))
    page = browser.get("/").get_data(as_text=True)
    assert "“年度先进推荐”已截止，等待开票" in page
    assert "机器人已不在 1 个群里" in page
    assert "“年度党员先锋岗”推荐提名已截止，等支委会审核" in page
    assert "到会人数" not in page
    house.run(house.store.settle(notes=[link_for(SECRETARY, "later", digest("later"), lasts=timedelta(days=8))]))
    house.clock.forward(timedelta(days=7))
    browser = house.browser(None)
    browser.sign_in("later")
    page = browser.get("/").get_data(as_text=True)
    assert "“支部委员会选举”的会议日期已到" in page


def test_a_room_whose_rights_are_gone_and_one_near_its_cap_are_named(house: House, browser: Browser) -> None:
    """X05: and what the rooms were asked this month stands in words, with the numbers of the meter."""
    page = browser.get("/").get_data(as_text=True)
    assert "有 1 个群的设置不妥" in page, "it is not encrypted"
    assert "本月 3 个群里共发了 4 条，最多的一个群 2 条，最多占用每人约 16 分钟" in page
    one = house.seeded.organisations["one"]
    alone = browser.get(f"/?org={one}").get_data(as_text=True)
    assert "本月群里发了 2 条（上限 10 条），大约占用每人 8 分钟（上限 240 分钟）" in alone

    def say(kind: str, **content: Any) -> rooms.StateSeen:
        event = EventId(f"${kind} {len(content)}")
        sender = UserId("@zhibu:example.org")
        return rooms.StateSeen(
            room=RoomId("!one"), type=kind, state_key="", sender=sender, event_id=event, content=content
        )

    house.run(house.store.settle(notes=[say("m.room.encryption", algorithm="m.megolm.v1.aes-sha2")]))
    assert "个群的设置不妥" not in browser.get("/").get_data(as_text=True)
    create = {"room_version": "10", "m.federate": False}
    state = [say("m.room.create", **create), say("m.room.power_levels", users={}, state_default=100)]
    cap = SettingChosen(organisation=one, name=Cap.MONTH, value="4")
    house.run(house.store.settle(notes=[*state, cap]))
    page = browser.get("/").get_data(as_text=True)
    assert "有 1 个群的设置不妥" in page
    assert "有 1 个群本月的消息接近或达到上限" in page
    theirs = house.browser(VIEWER).get("/").get_data(as_text=True)
    assert "个群的设置不妥" not in theirs
    assert "接近或达到上限" not in theirs


def test_a_branch_whose_dues_nobody_handles_is_named_to_who_grants_duties(house: House, browser: Browser) -> None:
    """DUE-17: what is to be asked about in person there reaches nobody."""
    keep_dues(house)
    said = "1 个支部有党费，没有人管"
    assert said not in browser.get("/").get_data(as_text=True)
    role, one = Role.ORGANISING_MEMBER, house.seeded.organisations["one"]
    house.run(house.store.settle(notes=[DutyEnded(duty=Duty(user=SECRETARY, organisation=one, role=role))]))
    assert said in browser.get("/").get_data(as_text=True)
    assert said not in house.browser(VIEWER).get("/").get_data(as_text=True)


def test_who_only_looks_is_asked_for_nothing_that_they_cannot_do(house: House) -> None:
    page = house.browser(VIEWER).get("/").get_data(as_text=True)
    for said in ("还没有绑定账号", "没有验证钥匙份额", "还没有群", 'id="steps"', "更正", "推荐提名已截止"):
        assert said not in page, said
    assert "十一月主题党日" in page


def test_a_backup_that_was_left_out_is_named_to_who_operates(house: House, browser: Browser) -> None:
    assert "最近一次备份做于" not in browser.get("/").get_data(as_text=True)
    measures = MEASURED | {"backup_at": (NOW - timedelta(days=3)).timestamp()}
    house.run(house.store.settle(notes=[heartbeats.Beat(role="bot", state="listening", at=NOW, measures=measures)]))
    assert "最近一次备份做于" in browser.get("/").get_data(as_text=True)


def test_what_comes_within_a_week_stands_in_its_order(browser: Browser) -> None:
    page = browser.get("/").get_data(as_text=True).partition('id="coming"')[2].partition("</section>")[0]
    assert page.index("十一月主题党日") < page.index("年度先进推荐")
    assert "无记名投票截止" in page
    for said in ("选举会议", "公示最后一天"):
        assert said in page, said
    assert "邻队" not in page


def test_the_picture_stands_with_its_numbers_as_a_table(browser: Browser) -> None:
    page = browser.get("/").get_data(as_text=True)
    table = shown(page, "近八周参加的比例")
    assert table[0] == ["周（从周一起）", "参加", "应到", "比例"]
    assert table[-2:] == [["11/16", "3", "8", "38%"], ["11/23 （还没过完）", "1", "2", "50%"]]
    assert table[1] == ["10/5", "—", "—", "—"]
    picture = page.partition('<svg class="bars"')[2].partition("</svg>")[0]
    assert picture.count('class="bar light"') == 1, "the week that runs is not drawn like those that are over"
    assert [row[3] for row in table[1:]] == [part.rpartition(">")[2] for part in picture.split("</text>")[:-1:2]]


def test_a_new_branch_is_led_to_life_by_what_is_there(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, speech: Speech
) -> None:
    def run(coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    store = run(Store.open(f"sqlite:///{tmp_path / 'new.db'}", Clock()))
    node = Organisation(id=OrganisationId("root"), parent=None, kind=Kind.BRANCH, name="新支部")
    duty = Duty(user=SECRETARY, organisation=node.id, role=Role.SECRETARY)
    run(put(store, "root", OrganisationFounded(organisation=node), DutyGranted(duty=duty)))
    settings = ConsoleSettings(address=ADDRESS, secure_cookies=False, second_factor_required=False)
    app = create_app(store, loop, speech, settings)
    browser = House(app=app, store=store, clock=Clock(), seeded=Seeded(), run=run).browser()

    def steps() -> tuple[int, int]:
        part = browser.get("/").get_data(as_text=True).partition('id="steps"')[2].partition("</section>")[0]
        return part.count("已完成"), part.count("还没有</span>")

    assert steps() == (0, 7)
    first = browser.get("/").text.partition('id="steps"')[2].partition("</section>")[0]
    assert "还没有课：先写一篇" in first
    assert '<a class="button quiet" href="/lessons">打开学习</a>' in first
    lesson = Lesson(
        id=LessonId("one"),
        owner=node.id,
        kind=LessonKind.LESSON,
        title="第一课",
        source="自编",
        dated=NOW.date(),
        body="要点",
    )
    run(put(store, "lesson", LessonWritten(lesson=lesson, author=SECRETARY)))
    first = browser.get("/").text.partition('id="steps"')[2].partition("</section>")[0]
    assert "选一篇现成的课" in first
    assert 'href="/schedule">去排期</a>' in first
    other = Duty(user=VIEWER, organisation=node.id, role=Role.ORGANISING_MEMBER)
    run(put(store, "second", DutyGranted(duty=other)))
    run(store.settle(notes=[heartbeats.Beat(role="bot", state="listening", at=NOW)]))
    assert steps() == (2, 5)
    run(store.close())
