"""Model members on the real homeserver, from the call to the announcement, with a ballot cast in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from console.app import create_app
from console.server import serve
from console.settings import ConsoleSettings
from content import model_members as rules
from content.ballots import Candidate, State
from content.decision import Decision, Fact
from content.elections import Election
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member, MemberEnrolled
from content.model_members import Selection, Stage
from content.organisations import Kind, Organisation, OrganisationFounded
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from storage import ballots, model_members
from storage.store import Answer, Store
from storage.unit import Reading
from tests.bot.test_model_members import ID, act, call, decide_and_post, opening_step, stage
from tests.encrypted_member import EncryptedMember
from tests.sealed_ballots import ID as BALLOT
from tests.sealed_ballots import agree, confirm, draft, open_voting, paper, roll, stand, vote
from tests.small_branch import EAST, EAST_GROUP, LI, NOON, WANG, ZHANG, SmallBranch
from tests.storage.test_secrecy import forms, hits
from tests.synapse_fixture import free_port
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse

KEY = bytes(range(32))
TITLE = "党员先锋岗"


class Running:
    """A clock that goes on by itself and can be set, for a bot that works on in real time."""

    def __init__(self, now: datetime) -> None:
        self._ahead = now - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    @property
    def now(self) -> datetime:
        return self()

    @now.setter
    def now(self, at: datetime) -> None:
        self._ahead = at - datetime.now(UTC)


class Ears:
    """What one phone has heard, by room."""

    def __init__(self, phone: EncryptedMember) -> None:
        self.phone = phone
        self._heard: dict[str, list[str]] = defaultdict(list)

    async def until(self, room: str, piece: str) -> str:
        """Listen until something with this in it was said in a room, and return it."""
        while True:
            found = next((one for one in self._heard[room] if piece in one), None)
            if found is not None:
                return found
            response = await self.phone.sync(wait_ms=2_000)
            for id, joined in response.rooms.join.items():
                self._heard[id] += [one.body for one in joined.timeline.events if hasattr(one, "body")]


class World:
    """A branch at work: its bot, its console, its room and the private rooms of two members."""

    def __init__(self, branch: SmallBranch, clock: Running, bot: Bot, hall: str, private: dict[MemberId, str]) -> None:
        self.branch = branch
        self.clock = clock
        self.bot = bot
        self.hall = hall
        self.private = private

    async def until(self, done: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what follows from what was decided."""
        changed = asyncio.Event()
        self.branch.store.on_change(changed.set)
        while not await done():
            await changed.wait()
            changed.clear()


@contextlib.asynccontextmanager
async def at_work(
    synapse: Synapse, robot: Account, people: dict[MemberId, Account], folder: Path
) -> AsyncIterator[World]:
    """Give a branch at work in which two members have rooms of their own with the bot."""
    clock = Running(NOON)
    session = await log_in(synapse.url, robot.user_id, robot.password, folder / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}", clock)
    users = {member: one.user_id for member, one in people.items()}
    hall = await homeserver.create_room(invite=list(users.values()), name="支部群")
    private = {id: await homeserver.create_room(invite=[user], is_direct=True) for id, user in users.items()}
    await store.settle(notes=list(_founding(users, hall, private)))
    address = f"http://localhost:{free_port()}"
    speech = load_speech()
    settings = ConsoleSettings(address=address, secure_cookies=False, second_factor_required=False)
    app = create_app(store, asyncio.get_running_loop(), speech, settings)
    server = await asyncio.to_thread(serve, app, "localhost", int(address.rpartition(":")[2]))
    bot = Bot(store, homeserver, speech, console=address)
    work = asyncio.create_task(bot.run())
    try:
        yield World(SmallBranch(store, clock), clock, bot, hall, private)  # type: ignore[arg-type]
    finally:
        await asyncio.to_thread(server.stop)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await homeserver.close()
        await store.close()


def _founding(users: dict[MemberId, str], hall: str, private: dict[MemberId, str]) -> list[Fact]:
    names = {ZHANG: "张明", LI: "李强", WANG: "王丽"}
    nodes = [
        Organisation(id=EAST, parent=None, kind=Kind.BRANCH, name="支部"),
        Organisation(id=EAST_GROUP, parent=EAST, kind=Kind.GROUP, name="小组"),
    ]
    people = [
        Member(
            id=id,
            organisation=OrganisationId(EAST),
            name=name,
            user=UserId(users[id]) if id in users else None,
            category="正式党员",
        )
        for id, name in names.items()
    ]
    room = Room(id=RoomId(hall), organisation=EAST, purpose=Purpose.BRANCH, name="支部群", encrypted=True)
    return [
        *(OrganisationFounded(organisation=one) for one in nodes),
        *(MemberEnrolled(member=one) for one in people),
        RoomKept(room=room),
        *(DirectRoomKept(user=UserId(users[id]), room=RoomId(at), encrypted=True) for id, at in private.items()),
    ]


async def _review(world: World, account: Account) -> None:
    """Let the committee look at who agreed, once the time to nominate is over."""
    world.clock.now = NOON + timedelta(days=3)

    async def decide(one: Selection, unit: Reading) -> Answer:
        found, accounts = await model_members.nominees(unit, ID), {ZHANG: UserId(account.user_id)}
        return rules.review(one, found, deeds={ZHANG: "带班零违章"}, rejected={}, accounts=accounts, now=unit.now)

    assert isinstance(await act(world.branch, decide), Decision)


async def _begin_vote(world: World) -> None:
    """Open the secret ballot on who goes forward, for six others and one who is at a phone."""
    store = world.branch.store
    election = Election(candidates=("a",), seats=1, contested=False, eligible=frozenset())
    standing = (Candidate(id="a", member=ZHANG, name="张明"),)
    # Within a day, so that no reminder with a link of its own comes beside the one that is asked for.
    closes = world.clock.now + timedelta(hours=22)
    await draft(store, also=(LI,), candidates=standing, election=election, title=TITLE, closes_at=closes)
    one = await stand(store)

    async def link(selection: Selection, unit: Reading) -> Answer:
        fact = rules.link_ballot(selection, await model_members.nominees(unit, ID), one, before=None)
        assert isinstance(fact, rules.SelectionBallotLinked), fact
        return Decision(facts=(fact,))

    await act(world.branch, link)
    await open_voting(store)
    for place, elector in enumerate(roll()):
        await vote(store, elector.member, paper("a+" if place < 3 else ""))


async def _vote_in_browser(browser: Browser, link: str, code: str) -> str:
    """Cast a ballot as a member does on a phone, and return the receipt."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740})
    page = await context.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    await page.goto(link)
    await page.get_by_label("口令").fill(code)
    await page.get_by_role("button", name="打开选票").click()
    await expect(page.get_by_text("您是 李强。")).to_be_visible()
    await page.get_by_role("group", name="张明").get_by_label("赞成", exact=True).check()
    await page.get_by_role("button", name="看一遍再投").click()
    await expect(page.get_by_role("definition")).to_have_text(["赞成"])
    await page.get_by_role("button", name="投进票箱").click()
    await expect(page.get_by_role("heading", name="您的选票已放入票箱")).to_be_visible()
    receipt = await page.locator(".receipt").text_content()
    assert not any("m-a" in body for body in sent)
    await context.close()
    assert receipt
    return receipt


@pytest.mark.synapse
@pytest.mark.browser
async def test_model_members_go_from_the_call_to_the_announcement_with_a_ballot_cast_in_a_browser(
    synapse: Synapse,
    account: Callable[..., Awaitable[Account]],
    browser: Browser,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """L3, L7, L14 as well: in no byte that was kept, logged or sent does the choice stand before the opening."""
    caplog.set_level(logging.DEBUG)
    robot, li, zhang = await account("chooser"), await account("li"), await account("zhang")
    async with (
        at_work(synapse, robot, {LI: li, ZHANG: zhang}, tmp_path / "house") as world,
        EncryptedMember(synapse.url, li, tmp_path / "li") as first,
        EncryptedMember(synapse.url, zhang, tmp_path / "zhang") as second,
    ):
        store, branch, private = world.branch.store, world.branch, world.private
        for member, phone in ((LI, first), (ZHANG, second)):
            await phone.join(world.hall)
            await phone.join(private[member])
        mine, theirs = Ears(first), Ears(second)
        await world.bot.listening.wait()

        await call(branch)  # type: ignore[arg-type]
        await mine.until(world.hall, "【推荐】")
        await first.say(private[LI], "推荐 张明 带班零违章")
        await mine.until(private[LI], "已记下您对")
        await theirs.until(private[ZHANG], "有同志推荐您参加")
        await second.say(private[ZHANG], "同意")
        await theirs.until(private[ZHANG], "好的，已记下您同意")
        await _review(world, zhang)
        await theirs.until(private[ZHANG], "支委会审核后")

        await _begin_vote(world)
        await first.say(private[LI], "投票")
        (link,) = re.findall(r"http://localhost:\d+/ballot/enter/\S+", await mine.until(private[LI], "/ballot/enter/"))
        (code,) = re.findall(r"口令：(\d{6})", await mine.until(private[LI], "的口令："))
        receipt = await _vote_in_browser(browser, link, code)
        kept = [one for folder in (tmp_path, synapse.folder) for one in folder.rglob("*") if one.is_file()]
        assert hits([world.hall.encode()], kept) != [], "what is looked for can be found"
        assert hits(forms(paper("a+")), kept) == []
        assert hits([code.encode(), link.rpartition("/")[2].encode()], kept) == []
        assert paper("a+").decode() not in caplog.text

        world.clock.now += timedelta(days=1)
        await world.until(lambda: _is(store, State.CLOSED))
        await mine.until(world.hall, "已截止，7 人投票，应投 7 人")
        assert receipt in await store.read(lambda unit: ballots.published(unit, BALLOT))
        await agree(store)
        await store.settle([await opening_step(branch)])  # type: ignore[arg-type]
        await confirm(store)
        await decide_and_post(branch, world.clock)  # type: ignore[arg-type]
        (chosen,) = await store.read(lambda unit: model_members.nominees(unit, ID))
        assert (chosen.member, chosen.votes) == (ZHANG, 4)
        await mine.until(world.hall, "推荐票是参考，不是唯一依据")

        world.clock.now = NOON.replace(day=11)
        said = await mine.until(world.hall, "【树榜样】")
        assert said == f"【树榜样】“{TITLE}”评选结果：张明。向他们学习！"
        assert await stage(branch) is Stage.ANNOUNCED  # type: ignore[arg-type]


async def _is(store: Store, state: State) -> bool:
    return (await stand(store)).state is state
