"""A started bot on the real homeserver, members beside it, and a homeserver that lies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in
from tests.broken_proxy import BrokenProxy
from tests.encrypted_member import EncryptedMember
from tests.member import Member
from zhibu.demo.synapse import Account, Synapse

# The same examples every time, however slow the machine is.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

PICKLE_KEY = bytes(range(32))
MakeAccount = Callable[..., Awaitable[Account]]


class Bots:
    """Starts bots, and closes them when the test is over."""

    def __init__(self, synapse: Synapse, account: MakeAccount, folder: Path) -> None:
        self.synapse = synapse
        self._account = account
        self.folder = folder
        self._open: list[Homeserver] = []

    async def start(self, *, localpart: str | None = None, timeline_limit: int = 500, url: str = "") -> Homeserver:
        """Start a new bot, or one that has run before when its localpart is given."""
        if localpart is None:
            localpart = (await self._account("bot")).user_id[1:].partition(":")[0]
        store = self.folder / localpart
        session = await log_in(url or self.synapse.url, localpart, "a long password", store, PICKLE_KEY, "test bot")
        bot = Homeserver(session, PICKLE_KEY, timeline_limit=timeline_limit, deadline=20)
        self._open.append(bot)
        await bot.start()
        return bot

    async def restart(self, bot: Homeserver, *, timeline_limit: int = 500, url: str = "") -> Homeserver:
        """Close a bot and start it again from its folder, with nothing in memory."""
        await bot.close()
        localpart = bot.user_id[1:].partition(":")[0]
        return await self.start(localpart=localpart, timeline_limit=timeline_limit, url=url)

    async def close(self) -> None:
        """Close all that are open."""
        for bot in self._open:
            await bot.close()


@pytest_asyncio.fixture
async def bots(synapse: Synapse, account: MakeAccount, tmp_path: Path) -> AsyncIterator[Bots]:
    """Give the starter of bots."""
    bots = Bots(synapse, account, tmp_path / "bots")
    yield bots
    await bots.close()


@pytest_asyncio.fixture
async def bot(bots: Bots) -> Homeserver:
    """Give a bot that has started for the first time."""
    return await bots.start()


@pytest_asyncio.fixture
async def people(synapse: Synapse, account: MakeAccount, tmp_path: Path) -> AsyncIterator[People]:
    """Give the maker of members."""
    async with AsyncExitStack() as stack:
        yield People(synapse, account, tmp_path / "members", stack)


class People:
    """Makes members with plain or with encrypting clients."""

    def __init__(self, synapse: Synapse, account: MakeAccount, folder: Path, stack: AsyncExitStack) -> None:
        self._synapse = synapse
        self._account = account
        self._folder = folder
        self._stack = stack

    async def plain(self) -> Member:
        """Make a member whose client does not encrypt."""
        return await self._stack.enter_async_context(Member(self._synapse.url, await self._account()))

    async def encrypting(self, account: Account | None = None) -> EncryptedMember:
        """Make a member whose client encrypts, or another device of one."""
        account = account or await self._account("reader")
        member = EncryptedMember(self._synapse.url, account, self._folder / account.device_id)
        return await self._stack.enter_async_context(member)


@pytest.fixture
def pickle_key() -> bytes:
    """Give the key that the bots of these tests seal their stores with."""
    return PICKLE_KEY


@pytest_asyncio.fixture
async def proxy(synapse: Synapse) -> AsyncIterator[BrokenProxy]:
    """Give a proxy before the homeserver that passes everything on until told to lie."""
    async with BrokenProxy(synapse.url) as broken:
        yield broken
