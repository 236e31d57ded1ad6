"""A branch of 24 at work on the real homeserver: its bot, its console in a browser, its room, its members' phones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, Page, expect

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from console.app import create_app
from console.server import serve
from console.settings import ConsoleSettings
from content.decision import Fact
from content.identifiers import MemberId, OrganisationId, RoomId, UserId
from content.members import Member as Person
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from storage import members
from storage.store import Store
from storage.unit import Reading
from tests.journeys.test_model_members import KEY, Running
from tests.member import Member
from tests.synapse_fixture import free_port
from zhibu.catalogue import load_speech
from zhibu.demo.synapse import Account, Synapse
from zhibu.founding import sign_in_link

BRANCH = OrganisationId("branch")
NAME = "机务段第一党支部"
SHANGHAI = ZoneInfo("Asia/Shanghai")
T = TypeVar("T")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return an instant of the July in which all this happens, by the clock of the branch."""
    return datetime(2026, 7, day, hour, minute, tzinfo=SHANGHAI)


class World:
    """The branch, and what one needs to live a month in it; ``phones`` are by name, the secretary's is the first."""

    def __init__(
        self,
        store: Store,
        clock: Running,
        bot: Bot,
        console: str,
        hall: str,
        phones: Mapping[str, Member],
        private: Mapping[str, str],
    ) -> None:
        self.store = store
        self.clock = clock
        self.bot = bot
        self.console = console
        self.hall = hall
        self.phones = phones
        self.private = private
        self.secretary = next(iter(phones))

    async def people(self) -> dict[str, Person]:
        """Return the roster by name."""
        return {one.name: one for one in await self.store.read(lambda unit: members.roster(unit, [BRANCH]))}

    async def names(self) -> dict[MemberId, str]:
        """Return what everyone of the roster is called."""
        return {one.id: one.name for one in (await self.people()).values()}

    async def until(self, look: Callable[[Reading], Awaitable[T]], done: Callable[[T], bool]) -> T:
        """Wait for what follows from what was said or decided, and return it."""
        changed = asyncio.Event()
        self.store.on_change(changed.set)
        while True:
            changed.clear()
            found = await self.store.read(look)
            if done(found):
                return found
            await changed.wait()

    async def said(self, piece: str) -> dict[str, Any]:
        """Wait until something of the bot with this in it stands in the room, and return its event."""
        phone = self.phones[self.secretary]
        while True:
            found = [one for one in await self.begun() if piece in str(one["content"])]
            if found:
                return found[0]
            await phone.sync(timeout_ms=1_000)

    async def begun(self) -> list[dict[str, Any]]:
        """Return what the bot has begun in the room, oldest first; an edit begins nothing."""
        history = await self.phones[self.secretary].history(self.hall, limit=900)
        kinds = ("m.room.message", "org.matrix.msc3381.poll.start")
        mine = [one for one in history if one["sender"] == self.bot.homeserver.user_id and one["type"] in kinds]
        return [one for one in mine if one["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"]

    async def heard(self, name: str, piece: str) -> str:
        """Wait until the bot has said something with this in it to somebody in private, and return it."""
        phone = self.phones[name]
        while True:
            for one in reversed(await phone.history(self.private[name])):
                body = str(one["content"].get("body", ""))
                if one["sender"] != phone.user_id and piece in body:
                    return body
            await phone.sync(timeout_ms=1_000)

    async def say(self, name: str, *texts: str, room: str = "") -> None:
        """Let somebody say things one after the other, in private where no room is named."""
        for text in texts:
            await self.phones[name].say(room or self.private[name], text)

    async def enter(self, page: Page) -> None:
        """Sign the secretary in at the console; days may have passed since the last time."""
        await page.context.clear_cookies()
        user = UserId(self.phones[self.secretary].user_id)
        await page.goto(await sign_in_link(self.store, user, self.console))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("今日")

    async def fill(self, page: Page, path: str, press: str, **fields: Any) -> None:
        """Fill the fields of a form as they are named, and press a button of it."""
        await page.goto(self.console + path)
        await self.fill_here(page, press, **fields)

    async def fill_here(self, page: Page, press: str, **fields: Any) -> None:
        """Do the same on the page that is open."""
        for name, value in fields.items():
            for closed in await page.locator(f'details:not([open]):has([name="{name}"]) > summary').all():
                await closed.click()
            spot = page.locator(f'[name="{name}"]')
            kind = await spot.first.evaluate("each => each.type")
            if kind in ("radio", "checkbox"):
                await page.locator(f'[name="{name}"][value="{value}"]').check()
            elif kind == "file":
                await spot.set_input_files(value)
            elif kind == "select-one":
                await spot.select_option(value)
            else:
                await spot.fill(value)
        await page.get_by_role("button", name=press, exact=True).first.click()
        await expect(page.locator(".refused")).to_have_text([])

    async def take(self, page: Page, path: str) -> bytes:
        """Take a file away from the console."""
        answer = await page.request.get(self.console + path)
        assert answer.status == 200, (path, answer.status, await answer.text())
        return await answer.body()


@contextlib.asynccontextmanager
async def at_work(
    synapse: Synapse, robot: Account, people: Mapping[str, Account], folder: Path, now: datetime
) -> AsyncIterator[World]:
    """Give the branch at work, with a room and a secretary, and with nobody on its roster."""
    clock = Running(now)
    session = await log_in(synapse.url, robot.user_id, robot.password, folder / "bot", KEY, "bot")
    homeserver = Homeserver(session, KEY)
    await homeserver.start()
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}", clock)
    users = {name: one.user_id for name, one in people.items()}
    hall = await homeserver.create_room(invite=list(users.values()), name="支部群", encrypted=False)
    private = {
        name: await homeserver.create_room(invite=[user], is_direct=True, encrypted=False)
        for name, user in users.items()
    }
    await store.settle(notes=_founding(users, hall, private))
    address = f"http://localhost:{free_port()}"
    speech = load_speech()
    settings = ConsoleSettings(address=address, secure_cookies=False, second_factor_required=False)
    app = create_app(store, asyncio.get_running_loop(), speech, settings)
    server = await asyncio.to_thread(serve, app, "localhost", int(address.rpartition(":")[2]))
    bot = Bot(store, homeserver, speech, console=address, encrypted=False)
    async with contextlib.AsyncExitStack() as stack:
        phones = {name: await stack.enter_async_context(Member(synapse.url, one)) for name, one in people.items()}
        for phone, room in zip(phones.values(), private.values(), strict=True):
            await asyncio.gather(phone.join(hall), phone.join(room))
        work = asyncio.create_task(bot.run())
        try:
            await bot.listening.wait()
            yield World(store, clock, bot, address, hall, phones, private)
        finally:
            await asyncio.to_thread(server.stop)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await homeserver.close()
            await store.close()


def _founding(users: Mapping[str, str], hall: str, private: Mapping[str, str]) -> list[Fact]:
    secretary = UserId(next(iter(users.values())))
    room = Room(id=RoomId(hall), organisation=BRANCH, purpose=Purpose.BRANCH, name="支部群", encrypted=False)
    return [
        OrganisationFounded(organisation=Organisation(id=BRANCH, parent=None, kind=Kind.BRANCH, name=NAME)),
        DutyGranted(duty=Duty(user=secretary, organisation=BRANCH, role=Role.SECRETARY)),
        RoomKept(room=room),
        *(
            DirectRoomKept(user=UserId(users[name]), room=RoomId(room), encrypted=False)
            for name, room in private.items()
        ),
    ]


@contextlib.asynccontextmanager
async def desk(browser: Browser) -> AsyncIterator[Page]:
    """Give a page as an organiser reads it."""
    context = await browser.new_context(locale="zh-CN")
    try:
        yield await context.new_page()
    finally:
        await context.close()
