"""Every page shows what was seeded, in both languages, and nothing that a person wrote ever becomes markup."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from console.app import create_app
from console.settings import ConsoleSettings
from content.identifiers import LessonId, OrganisationId
from content.lessons import Kind, Lesson, LessonWritten
from content.members import MemberChanged
from content.organisations import Duty, DutyGranted, Organisation, OrganisationFounded, Role
from content.organisations import Kind as Node
from content.speech import Speech
from storage import heartbeats, members
from storage.store import Store
from tests.console.console_house import ADDRESS, Browser, House
from tests.console.console_seeding import SECRETARY, Clock, Seeded, put

EVIL = '"><svg onload=alert(1)>{{77777*99999}}'


def paths(house: House) -> list[str]:
    seeded = house.seeded
    near = [id for short, id in seeded.occurrences.items() if short != "far"]
    return [
        "/",
        "/calendar",
        "/calendar?view=month&month=2026-11",
        "/calendar?state=missed",
        "/lessons",
        "/lessons?q=宪法",
        f"/lessons/{seeded.lessons['safety']}",
        f"/lessons/{seeded.lessons['safety']}/edit",
        "/lessons/new",
        "/lessons/import",
        "/schedule",
        f"/schedule?lesson={seeded.lessons['law']}",
        "/check-ins",
        *(f"/check-ins/{id}" for id in near),
        "/participation",
        "/participation?since=2026-01-01",
        f"/participation?org={seeded.organisations['one']}",
        "/participation/quarter",
        "/participation/burden",
        "/participation/times",
        "/participation/members",
        f"/participation/members/{seeded.members['白云']}",
        "/members",
        "/members?q=云",
        "/members/import",
        "/outbox",
        "/outbox?tab=sent",
        "/outbox?tab=failed",
    ]


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "今日"), ("en", "Today")])
def test_every_page_is_shown_in_either_language(house: House, language: str, word: str) -> None:
    browser = house.browser(language=language)
    for path in paths(house):
        answer = browser.get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200, path
        assert f">{word}</a>" in page, path
        assert f'<html lang="{language}"' in page
        assert page.count("<h1>") == 1, path


@pytest.mark.parametrize(
    "path",
    [
        "/calendar?month=2026-13",
        "/calendar?view=year",
        "/calendar?state=sleeping",
        "/outbox?tab=all",
        "/participation?since=yesterday",
    ],
)
def test_an_address_that_means_nothing_is_refused(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 400


def test_today_shows_what_needs_the_organiser(house: House, browser: Browser) -> None:
    page = browser.get("/").get_data(as_text=True)
    assert "没发成：宪法第一课" in page
    assert "没有按时发出：宪法第一课" in page
    assert "十一月主题党日" in page
    assert "已参加" in page
    one = browser.get(f"/?org={house.seeded.organisations['one']}").get_data(as_text=True)
    assert "这里没有发到，没有数据" in one
    assert "应到 0 人" not in one
    house.clock.forward(timedelta(minutes=3))
    assert "机器人没有动静" in browser.get("/").get_data(as_text=True)


def test_a_bot_that_waits_for_the_chat_server_says_what_to_do(house: House, browser: Browser) -> None:
    house.run(house.store.settle(notes=[heartbeats.Beat(role="bot", state="waiting", at=house.clock.now)]))
    page = browser.get("/").get_data(as_text=True)
    assert "机器人正在等聊天服务器恢复" in page
    assert "检查聊天服务器是否在运行" in page
    assert "已排期的内容都还在" in page


def test_an_empty_branch_gets_a_sentence_on_each_page(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, speech: Speech
) -> None:
    clock = Clock()

    def run(coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    store = run(Store.open(f"sqlite:///{tmp_path / 'empty.db'}", clock))
    root = OrganisationId("root")
    node = Organisation(id=root, parent=None, kind=Node.BRANCH, name="新支部")
    duty = Duty(user=SECRETARY, organisation=root, role=Role.SECRETARY)
    run(put(store, "root", OrganisationFounded(organisation=node), DutyGranted(duty=duty)))
    app = create_app(
        store, loop, speech, ConsoleSettings(address=ADDRESS, secure_cookies=False, second_factor_required=False)
    )
    house = House(app=app, store=store, clock=clock, seeded=Seeded(), run=run)
    browser = house.browser()
    for path in ("/", "/calendar", "/lessons", "/schedule", "/check-ins", "/participation", "/members", "/outbox"):
        page = browser.get(path).get_data(as_text=True)
        assert 'class="empty"' in page, path
    run(store.close())


def test_what_people_wrote_is_never_markup(house: House, browser: Browser) -> None:
    async def poison() -> None:
        lesson = Lesson(
            id=LessonId("evil"),
            owner=house.seeded.organisations["general"],
            kind=Kind.LESSON,
            title=EVIL,
            body=EVIL,
            source=EVIL,
        )
        member = await house.store.read(lambda unit: members.member(unit, house.seeded.members["白云"]))
        assert member is not None
        from msgspec.structs import replace

        changed = MemberChanged(member=replace(member, name=EVIL, category=EVIL[:20], note=EVIL))
        await put(house.store, "evil", LessonWritten(lesson=lesson, author=SECRETARY), changed)

    house.run(poison())
    shown = 0
    for path in [*paths(house), "/lessons/evil", "/lessons/evil/edit", f"/lessons?q={EVIL}", f"/members?q={EVIL}"]:
        page = browser.get(path).get_data(as_text=True)
        assert "<svg onload" not in page, path
        assert "7777622223" not in page, path
        shown += "&lt;svg onload" in page
    assert shown >= 8


def test_the_form_of_a_repeated_press_has_one_effect(house: House, browser: Browser) -> None:
    path = f"/outbox/{house.seeded.outbox['failed']}/retry"
    marks = browser.marks("/outbox?tab=failed")
    first, second = browser.post(path, marks), browser.post(path, marks)
    assert first.headers["Location"].endswith("done=retried")
    assert second.headers["Location"].endswith("done=repeated")
    page = browser.get(second.headers["Location"]).get_data(as_text=True)
    assert "没有重复办理" in page


def test_a_form_without_its_mark_is_refused(house: House, browser: Browser) -> None:
    path = f"/outbox/{house.seeded.outbox['failed']}/retry"
    for nonce in ("", "short", "x" * 25, "汉" * 24):
        assert browser.post(path, browser.marks("/") | {"nonce": nonce}).status_code == 400
