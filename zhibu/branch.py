"""Puts the rooms together: one store with a bot, a console or both on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from bot.bot import Bot, jitter
from bot.matrix import account
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Homeserver
from console.app import create_app
from console.server import Server, ServerTrouble, serve
from console.settings import ConsoleSettings
from content.speech import Speech
from content.trouble import Exit, Trouble
from storage import heartbeats
from storage.heartbeats import Beat
from storage.store import Store
from zhibu.config import Config
from zhibu.daily import DailyBackup
from zhibu.measures import measures, version
from zhibu.pulse import Pulse
from zhibu.watchdog import Watchdog

log = structlog.get_logger(__name__)


class Branch:
    """A running installation. ``open`` takes the database and the port, ``connect`` the chat account, ``run`` works."""

    def __init__(self, config: Config, speech: Speech, store: Store, *, drives: bool = True) -> None:
        self.config = config
        self.speech = speech
        self.store = store
        self.server: Server | None = None
        self.homeserver: Homeserver | None = None
        self.listening = asyncio.Event()
        """Set once the bot hears what is said."""
        self._drives = drives
        self._daily = DailyBackup(store, config)
        self._pulse = Pulse()
        watchdog = Watchdog(self._pulse, lambda: store.read(heartbeats.beats))
        # From the first moment on: pages are open before the bot is signed in.
        self._watching = [asyncio.create_task(self._pulse.run()), asyncio.create_task(watchdog.run())]

    @classmethod
    async def open(cls, config: Config, speech: Speech, *, console: bool = True) -> Branch:
        """Open the database to drive the bot, and the console. Raises Trouble when either cannot be had."""
        branch = cls(config, speech, await Store.open(config.database))
        if console:
            await branch._open_console()
        return branch

    @classmethod
    async def open_desk(cls, config: Config, speech: Speech) -> Branch:
        """Open the database for a console alone, and the console. Raises Trouble when either cannot be had."""
        branch = cls(config, speech, await Store.open_desk(config.database), drives=False)
        await branch._open_console()
        return branch

    async def _open_console(self) -> None:
        try:
            self.server = self._serve()
        except BaseException:
            await self.close()
            raise

    def _serve(self) -> Server:
        console = self.config.console
        settings = ConsoleSettings(
            address=self.config.console_address,
            secure_cookies=self.config.console_address.startswith("https://"),
            language=self.config.content.language,
            timezone=self.config.content.timezone,
            encrypted=self.config.bot.encrypted,
            version=version(),
            metrics_token=self.config.metrics_token(),
        )
        app = create_app(self.store, asyncio.get_running_loop(), self.speech, settings, still=self._pulse.still)
        try:
            return serve(app, console.host, console.port)
        except ServerTrouble:
            raise Trouble(Exit.UNAVAILABLE, "start.port_taken", host=console.host, port=console.port) from None

    @property
    def address(self) -> str:
        """Return the console's address; where a free port was asked for, with the one it got."""
        address = self.config.console_address
        if self.config.console.address or self.server is None:
            return address
        host = urlsplit(address).hostname
        return f"http://{host}:{self.server.port}"

    async def connect(self, *, new_login: bool = False) -> bool:
        """Sign the bot in, or take up the login it has; ``False`` when the homeserver is away and can be waited for.

        ``new_login`` puts a login that is no longer valid aside; the new device has the same identity.
        Raises Trouble for what a person must mend.
        """
        config = self.config
        keys = config.path(config.bot.keys)
        try:
            device = keys / "device"
            if new_login:
                Homeserver.retire(device)
            signed_in = (device / "session.json").exists()
            password = "" if signed_in else _password(config)
            pickle_key = _pickle_key(keys)
            session = await Homeserver.log_in(config.bot.homeserver, config.bot.user, password, device, pickle_key)
            homeserver = Homeserver(session, pickle_key, secrets=keys / "signing")
            await homeserver.start()
            await account.end_retired(device, config.bot.homeserver)
        except OSError as error:
            raise Trouble(Exit.CONFIG, "start.keys_trouble", keys=str(keys), why=error.strerror or "") from None
        except Fault as fault:
            if fault.doubtful and signed_in:
                return False
            raise self.trouble_of(fault) from None
        self.homeserver = homeserver
        return True

    async def connect_now(self) -> None:
        """Do the same where waiting makes no sense. Raises Trouble when the homeserver is away."""
        if not await self.connect():
            address = self.config.bot.homeserver
            raise Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address)

    def trouble_of(self, fault: Fault) -> Trouble:
        """Return what a person must know and do about a fault at the start."""
        bot = self.config.bot
        if fault.kind is Kind.SIGN_IN:
            file = str(self.config.path(bot.password_file))
            key = "start.wrong_password"
            return Trouble(Exit.NO_PERMISSION, key, address=bot.homeserver, user=bot.user, file=file)
        if isinstance(fault, TokenRevoked):
            return Trouble(Exit.NO_PERMISSION, "start.revoked", address=bot.homeserver)
        if fault.doubtful:
            return Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=bot.homeserver)
        if fault.kind in (Kind.STORE, Kind.IDENTITY):
            keys = str(self.config.path(bot.keys))
            return Trouble(Exit.CONFIG, "start.keys_trouble", keys=keys, why=fault.detail)
        return Trouble(Exit.UNAVAILABLE, "start.homeserver_refused", address=bot.homeserver, why=str(fault))

    async def run(self, stop: asyncio.Event, waiting: Callable[[], None] = lambda: None) -> None:
        """Work until told to stop; a homeserver that is away is waited for with the console open.

        Raises Trouble when the place at the database was lost to another process.
        """
        work = [asyncio.create_task(self.store.watch())]
        told = asyncio.create_task(stop.wait())
        beside: list[asyncio.Task[Any]] = [told]
        if self._drives:
            work.append(asyncio.create_task(self._work(waiting)))
            beside.append(asyncio.create_task(self._daily.run()))
        try:
            done, _ = await asyncio.wait({*work, told}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in (*work, *beside):
                task.cancel()
            await asyncio.gather(*work, *beside, return_exceptions=True)

    async def _work(self, waiting: Callable[[], None]) -> None:
        pause = 1.0
        while self.homeserver is None and not await self.connect():
            waiting()
            await self._say_waiting()
            await asyncio.sleep(jitter(pause))
            pause = min(pause * 2, 60.0)
        assert self.homeserver is not None
        bot = Bot(
            self.store,
            self.homeserver,
            self.speech,
            console=self.address,
            encrypted=self.config.bot.encrypted,
            measured=self._measured,
            version=version(),
        )
        announcing = asyncio.create_task(self._announce(bot))
        try:
            await bot.run()
        finally:
            announcing.cancel()

    def _measured(self) -> Mapping[str, float]:
        return measures(late=self._pulse.latest(), timings=self.store.timings, backup=self._daily.newest)

    async def _say_waiting(self) -> None:
        now, measured = self.store.now(), self._measured()
        try:
            await self.store.settle(
                notes=[Beat(role="bot", state="waiting", at=now, measures=measured, version=version())]
            )
        except Exception as error:
            # The database may be away as well; the watch over our place sees to that.
            log.error("beat failed", kind=type(error).__name__)

    async def _announce(self, bot: Bot) -> None:
        await bot.listening.wait()
        self.listening.set()

    async def close(self) -> None:
        """Stop listening and put everything away; the bot stays signed in."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        if self.server is not None:
            await asyncio.to_thread(self.server.stop)
        if self.homeserver is not None:
            with contextlib.suppress(Fault):
                await self.homeserver.close()
        await self.store.close()


def _pickle_key(keys: Path) -> bytes:
    """Return the key under which the bot's encryption keys lie, making it the first time."""
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = keys / "pickle.key"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_bytes()
    key = secrets.token_bytes(32)
    with os.fdopen(handle, "wb") as opened:
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
    return key


def _password(config: Config) -> str:
    file = config.path(config.bot.password_file or "bot-password")
    try:
        mode = file.stat().st_mode
        password = file.read_text(encoding="utf-8").strip()
    except OSError:
        raise Trouble(Exit.CONFIG, "start.no_password", file=str(file)) from None
    if mode & 0o077:
        raise Trouble(Exit.CONFIG, "start.open_password", file=str(file))
    return password
