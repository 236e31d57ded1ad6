"""A lesson on the real homeserver: written and read by two in a browser, learned by a member on an encrypted phone."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from PIL import Image
from playwright.async_api import Browser, Page, expect

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from console.app import create_app
from console.server import serve
from console.settings import ConsoleSettings
from content.bank import Item, ItemsAdded
from content.bank import Kind as ItemKind
from content.checkins import State as Answer
from content.decision import Fact
from content.glossary import EntriesWritten, Entry
from content.identifiers import (
    EntryId,
    ItemId,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    RoomId,
    ScheduleId,
    UserId,
)
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, LessonWritten
from content.members import Member, MemberChanged, MemberEnrolled
from content.occurrences import State
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.recurrences import Recurrence
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from content.settings import SECOND_PAIR, YES, SettingChosen
from content.shifts import Group, Pattern, ShiftsSet, Turn
from storage import checkins, members, schedules
from storage.store import Store
from tests.encrypted_member import EncryptedMember
from tests.journeys.test_model_members import KEY, Running
from tests.small_branch import NOON
from tests.synapse_fixture import free_port
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse
from zhibu.founding import sign_in_link

BRANCH = OrganisationId("branch")
AUTHOR, REVIEWER = UserId("@author:localhost"), UserId("@reviewer:localhost")
TITLE = "防汛一课"
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Phone:
    """What a member's phone has shown, by room and in order."""

    def __init__(self, phone: EncryptedMember) -> None:
        self.phone = phone
        self.heard: dict[str, list[str]] = defaultdict(list)

    async def until(self, room: str, piece: str, times: int = 1) -> str:
        """Listen until something with this in it was said so often in a room, and return the last of it."""
        while True:
            found = [one for one in self.heard[room] if piece in one]
            if len(found) >= times:
                return found[-1]
            response = await self.phone.sync(wait_ms=2_000)
            for id, joined in response.rooms.join.items():
                self.heard[id] += [one.body for one in joined.timeline.events if hasattr(one, "body")]


class World:
    """A branch at work: its clock, its store, its console, its bot, its room and a member's private room."""

    def __init__(self, clock: Running, store: Store, bot: Bot, console: str, hall: str, private: str) -> None:
        self.clock = clock
        self.store = store
        self.bot = bot
        self.console = console
        self.hall = hall
        self.private = private


@contextlib.asynccontextmanager
async def at_work(synapse: Synapse, robot: Account, member: Account, folder: Path) -> AsyncIterator[World]:
    """Give a branch at work."""
    clock = Running(NOON)
    session = await log_in(synapse.url, robot.user_id, robot.password, folder / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}", clock)
    hall = await homeserver.create_room(invite=[member.user_id], name="支部群")
    private = await homeserver.create_room(invite=[member.user_id], is_direct=True)
    await store.settle(notes=list(_founding(UserId(member.user_id), hall, private)))
    address = f"http://localhost:{free_port()}"
    speech = load_speech()
    settings = ConsoleSettings(address=address, secure_cookies=False, second_factor_required=False)
    app = create_app(store, asyncio.get_running_loop(), speech, settings)
    server = await asyncio.to_thread(serve, app, "localhost", int(address.rpartition(":")[2]))
    bot = Bot(store, homeserver, speech, console=address)
    work = asyncio.create_task(bot.run())
    try:
        yield World(clock, store, bot, address, hall, private)
    finally:
        await asyncio.to_thread(server.stop)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await homeserver.close()
        await store.close()


def _founding(user: UserId, hall: str, private: str) -> list[Fact]:
    """Found the branch with two questions, an entry, and a lesson that is open for an hour from now."""
    missed = Lesson(id=LessonId("missed"), owner=BRANCH, kind=LessonKind.LESSON, title="错过的一课", body="正文")
    local = NOON.astimezone(SHANGHAI)
    rule = Schedule(
        id=ScheduleId("missed"),
        owner=BRANCH,
        audience=BRANCH,
        lessons=(missed.id,),
        recurrence=Recurrence.ONCE,
        start=local.date(),
        at=local.time(),
        timezone="Asia/Shanghai",
        window=timedelta(hours=1),
        late=timedelta(hours=1),
    )
    asked = tuple(
        Item(id=ItemId(stem), organisation=BRANCH, kind=ItemKind.TRUE_FALSE, stem=stem, answer=("1",), tags=(TITLE,))
        for stem in ("汛期要巡查", "水涨要上报")
    )
    term = Entry(
        id=EntryId("term"),
        organisation=BRANCH,
        term="警戒水位",
        text="可能出险的水位。",
        source="防洪常识",
        dated=NOON.date(),
    )
    return [
        OrganisationFounded(organisation=Organisation(id=BRANCH, parent=None, kind=Kind.BRANCH, name="支部")),
        DutyGranted(duty=Duty(user=AUTHOR, organisation=BRANCH, role=Role.PUBLICITY_MEMBER)),
        DutyGranted(duty=Duty(user=REVIEWER, organisation=BRANCH, role=Role.REVIEWER)),
        MemberEnrolled(member=Member(id=MemberId("one"), organisation=BRANCH, name="张明", user=user)),
        RoomKept(
            room=Room(id=RoomId(hall), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
        ),
        DirectRoomKept(user=user, room=RoomId(private), encrypted=True),
        LessonWritten(lesson=missed, author=AUTHOR),
        LessonsScheduled(schedule=rule, planned=materialise(rule), author=AUTHOR),
        ItemsAdded(organisation=BRANCH, items=asked, at=NOON),
        EntriesWritten(organisation=BRANCH, entries=(term,), at=NOON),
    ]


async def _enter(browser: Browser, world: World, user: UserId) -> Page:
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    await page.goto(await sign_in_link(world.store, user, world.console))
    await page.get_by_role("button").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("今日")
    return page


async def _write(page: Page, world: World) -> None:
    """Write a lesson, a question about it that shows a picture, and plan the lesson for in ten minutes."""
    await page.goto(f"{world.console}/lessons/new")
    await page.locator("#title").fill(TITLE)
    await page.locator("#source").fill("支部自编")
    await page.locator("#dated").fill("2026-06-01")
    await page.locator("#minutes").fill("60")
    await page.locator("#body").fill("先看水位，再看预案。")
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)

    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "#884422").save(drawn, "PNG")
    await page.goto(f"{world.console}/bank/new")
    await page.locator("#kind").select_option("true_false")
    await page.locator("#stem").fill("图上到了警戒水位")
    await page.locator("#picture").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": drawn.getvalue()}
    )
    await page.locator("#alternative").fill("一根水尺")
    await page.locator("#answer").fill("对")
    await page.locator("#tags").fill(TITLE)
    await page.get_by_role("button", name="保存").click()
    await expect(page.get_by_role("img", name="一根水尺")).to_be_visible()

    due = (world.clock.now + timedelta(minutes=10)).astimezone(SHANGHAI)
    await page.goto(f"{world.console}/schedule")
    await page.get_by_label(TITLE).check()
    await page.locator("input[name=when][value=at]").check()
    await page.locator("#date").fill(due.date().isoformat())
    await page.locator("#time").fill(f"{due:%H:%M}")
    await page.get_by_role("button", name="送审").click()
    await expect(page.get_by_role("main")).to_contain_text(TITLE)


async def _approve(page: Page, world: World) -> None:
    await page.goto(f"{world.console}/calendar/reviews")
    await expect(page.get_by_role("main")).to_contain_text(TITLE)
    await page.get_by_role("button", name="可以发").click()
    await expect(page.get_by_role("main")).not_to_contain_text("先看水位")


@pytest.mark.synapse
@pytest.mark.browser
async def test_a_lesson_goes_from_its_author_by_a_second_pair_of_eyes_to_a_member_who_learns_it(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], browser: Browser, tmp_path: Path
) -> None:
    robot, member = await account("teacher"), await account("pupil")
    async with (
        at_work(synapse, robot, member, tmp_path / "house") as world,
        EncryptedMember(synapse.url, member, tmp_path / "phone") as encrypted,
    ):
        await encrypted.join(world.hall)
        await encrypted.join(world.private)
        phone = Phone(encrypted)
        await world.bot.listening.wait()
        await phone.until(world.hall, "错过的一课")
        # From here on: what stood before would wait for a second pair too.
        await world.store.settle(notes=[SettingChosen(organisation=BRANCH, name=SECOND_PAIR, value=YES)])
        await _write(await _enter(browser, world, AUTHOR), world)
        await _approve(await _enter(browser, world, REVIEWER), world)
        assert not any(TITLE in one for one in phone.heard[world.hall])

        world.clock.now = NOON + timedelta(hours=1, minutes=5)
        assert "原定" in await phone.until(world.hall, f"】{TITLE}")
        await phone.until(world.hall, "本次学习已结束")
        await encrypted.say(world.hall, "学完")
        await phone.until(world.private, "发「练习」有三道小题")
        await encrypted.say(world.private, "练习")
        for number in (1, 2, 3):
            await phone.until(world.private, "回「对」或「错」", number)
            await encrypted.say(world.private, "对")
            await phone.until(world.private, "答对了", number)
        await phone.until(world.private, "这几道做完了")
        said = phone.heard[world.private]
        shown = said.index("一根水尺")
        assert said[shown + 1].startswith("图上到了警戒水位"), "the picture stands right before what is asked about it"

        for asked, answered in (("百科 警戒水位", "可能出险的水位"), ("学时", TITLE), ("补学", "错过的一课")):
            await encrypted.say(world.private, asked)
            await phone.until(world.private, answered)
        await _learn_in_shift(world, phone)


async def _learn_in_shift(world: World, phone: Phone) -> None:
    """Let a lesson go out in two sessions, of which the member hears the second, at work; and let them learn it."""
    first = world.clock.now + timedelta(hours=1)
    begins = (first + timedelta(hours=2)).astimezone(SHANGHAI).time().replace(second=0, microsecond=0)
    turn = Turn(name="夜", begins=begins, ends=(datetime.combine(date.min, begins) + timedelta(hours=6)).time())
    pattern = Pattern(since=NOON.date(), turns=(turn,), groups=(Group(name="甲", cycle=("夜",)),))
    local = first.astimezone(SHANGHAI)
    lesson = Lesson(id=LessonId("shifts"), owner=BRANCH, kind=LessonKind.LESSON, title="两场的一课", body="正文")
    rule = Schedule(
        id=ScheduleId("shifts"),
        owner=BRANCH,
        audience=BRANCH,
        lessons=(lesson.id,),
        recurrence=Recurrence.ONCE,
        start=local.date(),
        at=local.time().replace(microsecond=0),
        timezone="Asia/Shanghai",
        window=timedelta(hours=1),
        late=timedelta(hours=1),
        sessions=(timedelta(hours=3),),
    )
    (early, later), who = materialise(rule), MemberId("one")
    person = await world.store.read(lambda unit: members.member(unit, who))
    assert person is not None
    await world.store.settle(
        notes=[
            ShiftsSet(organisation=BRANCH, pattern=pattern),
            MemberChanged(member=replace(person, shift="甲")),
            LessonWritten(lesson=lesson, author=AUTHOR),
            LessonsScheduled(schedule=rule, planned=(early, later), author=AUTHOR),
        ]
    )
    world.clock.now = early.due_at + timedelta(seconds=30)
    while await _state(world, early.id) is State.PLANNED:
        await phone.phone.sync(wait_ms=500)
    assert await world.store.read(lambda unit: checkins.expectation(unit, early.id, who)) is None
    world.clock.now = later.due_at + timedelta(seconds=30)
    await phone.until(world.hall, f"】{lesson.title}")
    await phone.phone.say(world.hall, "学完")
    while await _answer(world, later.id, who) is not Answer.DONE:
        await phone.phone.sync(wait_ms=500)


async def _state(world: World, id: OccurrenceId) -> State | None:
    entry = await world.store.read(lambda unit: schedules.entry(unit, id))
    return entry.occurrence.state if entry is not None else None


async def _answer(world: World, id: OccurrenceId, who: MemberId) -> Answer | None:
    place = await world.store.read(lambda unit: checkins.expectation(unit, id, who))
    return place.state if place is not None else None
