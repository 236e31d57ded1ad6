"""Puts the rooms together: one store with a bot, a console or both on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bot.bot import Bot, jitter
from bot.matrix import account
from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Homeserver
from bot.matrix.login import log_in, retire
from bot.matrix.looking import time_of
from console.server import Server
from content.safe_mode import Reason, why_no_bot
from content.speech import Speech
from content.trouble import Exit, Trouble
from storage import anchors, heartbeats
from storage.engines import sqlite_file
from storage.heartbeats import Beat
from storage.restores import Restored
from storage.store import Store
from zhibu import last_run
from zhibu.alarms import Alarms
from zhibu.config import Config
from zhibu.daily import DailyBackup
from zhibu.master_key import make_master, open_desk, take_up_next
from zhibu.measures import measures, version
from zhibu.noted import take_in
from zhibu.pages import Pages
from zhibu.pulse import Pulse
from zhibu.record_key import make_key, note_head
from zhibu.secret_files import open_files
from zhibu.watchdog import Watchdog

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries to begin, doubling from the first to the longest."""

REFUSED_PAUSE = 900.0
"""Between two tries with a password that was refused, unless another lies in its file: a homeserver counts them."""

LOOK = 5.0
"""Seconds between two looks at whether a person has mended something meanwhile."""

BACKWARDS = timedelta(days=1)
"""How far before its newest entry a database may be opened; further back, the machine has lost its clock."""

REMEMBER = 20.0
"""Seconds between two notes of how far the database has come."""

AGREED = timedelta(minutes=10)
"""Two clocks this near to each other are right."""

log = structlog.get_logger(__name__)


class Branch:
    """A running installation. ``open`` takes the database and the port, ``connect`` the chat account, ``run`` works."""

    def __init__(self, config: Config, speech: Speech, store: Store, *, drives: bool = True) -> None:
        self.config = config
        self.speech = speech
        self.store = store
        self.pages: Pages | None = None
        self._made: asyncio.Task[None] | None = None
        self.homeserver: Homeserver | None = None
        self.listening = asyncio.Event()
        """Set once the bot hears what is said."""
        self._begun = asyncio.Event()
        """Set once the bot hears, or is known to be held up."""
        self.held_up: Reason | None = None
        """Why the bot could not begin yet."""
        self._drives = drives
        self._daily = DailyBackup(store, config)
        self._pulse = Pulse()
        watchdog = Watchdog(self._pulse, lambda: store.read(heartbeats.beats))
        # From the first moment on: pages are open before the bot is signed in.
        self._watching = [asyncio.create_task(self._pulse.run()), asyncio.create_task(watchdog.run())]

    @classmethod
    async def open(
        cls, config: Config, speech: Speech, *, console: bool = True, server: Server | None = None
    ) -> Branch:
        """Open the database to drive the bot, and the console, at a server that is up already if there is one.

        Raises Trouble when either cannot be had, and leaves that server up.
        """
        refuse_lost(config)
        await take_up_next(config)
        store = await Store.open(
            config.database, new=not has_signed_in(config), key=make_key(config), master=make_master(config)
        )
        branch = cls(config, speech, store)
        if console:
            pages = await branch._take_port(server)
            branch._made = asyncio.create_task(pages.show_after(branch._begun, store, speech, branch._pulse.still))
        return branch

    @classmethod
    async def open_desk(cls, config: Config, speech: Speech, server: Server | None = None) -> Branch:
        """Open the database for a console alone, and the console. Raises Trouble when either cannot be had."""
        branch = cls(config, speech, await open_desk(config), drives=False)
        pages = await branch._take_port(server)
        try:
            await pages.show(branch.store, speech, branch._pulse.still)
        except BaseException:
            await branch.close()
            raise
        return branch

    async def _take_port(self, server: Server | None) -> Pages:
        try:
            self.pages = Pages(self.config, server)
        except BaseException:
            await self.close()
            raise
        return self.pages

    def _measured(self) -> Mapping[str, float]:
        return measures(late=self._pulse.latest(), timings=self.store.timings, backup=self._daily.newest)

    @property
    def address(self) -> str:
        """Return the console's address; where a free port was asked for, with the one it got."""
        return self.config.console_address if self.pages is None else self.pages.address

    async def connect(self, *, new_login: bool = False) -> bool:
        """Sign the bot in, or take up the login it has; ``False`` when the homeserver is away and can be waited for.

        ``new_login`` puts a login that is no longer valid aside; the new device has the same identity.
        Raises Trouble for what a person must mend.
        """
        try:
            connected = await self._connect(new_login=new_login)
        except Trouble as trouble:
            self.held_up = why_no_bot(trouble.words.key)
            self._begun.set()
            raise
        self.held_up = None if connected else Reason.WAITING
        if not connected:
            self._begun.set()
        return connected

    async def _connect(self, *, new_login: bool) -> bool:
        config = self.config
        keys = config.path(config.bot.keys)
        newest = await self.store.read(heartbeats.newest)
        await self._look_back(newest)
        behind = clock_behind(self.store.now(), newest)
        if behind is not None and not agree(self.store.now(), await time_of(config.bot.homeserver)):
            raise behind
        signed_in = False
        try:
            if left_open := open_files(config):
                raise Trouble(Exit.CONFIG, "start.open_secrets", files=" ".join(str(file) for file in left_open))
            device = keys / "device"
            if new_login:
                retire(device)
            signed_in = (device / "session.json").exists()
            password = "" if signed_in else _password(config)
            pickle_key = _pickle_key(keys)
            session = await log_in(config.bot.homeserver, config.bot.user, password, device, pickle_key)
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

    async def run(self, stop: asyncio.Event, began: Callable[[], None] = lambda: None) -> None:
        """Work until told to stop. What keeps the bot from beginning is waited for, with the console open.

        ``began`` is called when a bot that was held up at first begins after all. Raises Trouble when the place at the
        database was lost to another process.
        """
        work = [asyncio.create_task(self.store.watch())]
        if self._made is not None:
            work.append(asyncio.create_task(self._show(self._made)))
        told = asyncio.create_task(stop.wait())
        beside: list[asyncio.Task[Any]] = [told]
        if self._drives:
            work.append(asyncio.create_task(self._work(began)))
            beside.append(asyncio.create_task(self._daily.run()))
            beside.append(asyncio.create_task(self._take_in()))
        try:
            done, _ = await asyncio.wait({*work, told}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in (*work, *beside):
                task.cancel()
            await asyncio.gather(*work, *beside, return_exceptions=True)

    @staticmethod
    async def _show(made: asyncio.Task[None]) -> None:
        """Stay after the pages are made; a console that cannot be made ends the program."""
        await made
        await asyncio.Event().wait()

    async def _work(self, began: Callable[[], None]) -> None:
        await self._begin(began)
        assert self.homeserver is not None
        alarms = Alarms(
            self.store,
            self.config,
            console=self.address,
            last_backup=lambda: self._daily.last,
            held_up_by=await self._was_held_up(),
        )
        bot = Bot(
            self.store,
            self.homeserver,
            self.speech,
            console=self.address,
            encrypted=self.config.bot.encrypted,
            measured=self._measured,
            version=version(),
        )
        beside = [asyncio.create_task(self._announce(bot)), asyncio.create_task(self._remember())]
        beside.append(asyncio.create_task(alarms.run()))
        try:
            await bot.run()
        finally:
            for task in beside:
                task.cancel()

    async def _was_held_up(self) -> Reason | None:
        """Return what kept the bot from beginning until now, here or before this start, by its last sign of life."""
        state, _ = (await self.store.read(heartbeats.beats)).get("bot", ("", None))
        return Reason(state) if state in frozenset(Reason) else None

    async def _look_back(self, newest: datetime | None) -> None:
        """Take a database that is older than the last run for one that was restored, so that nothing is sent twice.

        Before the first sign of life of this run, after which it could no longer be told.
        """
        once = last_run.gone_back(self.config, newest)
        if once is not None:
            log.warning("database is older than the last run", database=str(newest), last_run=str(once))
            await self.store.settle(notes=[Restored(taken_at=newest or once, at=self.store.now())])
            await asyncio.to_thread(last_run.forget, self.config)

    async def _take_in(self) -> None:
        """Make rows of record of what was written out at the shell, now and whenever more is noted."""
        while True:
            try:
                await take_in(self.config, self.store)
            except Exception as error:
                log.warning("what was written out at the shell is not recorded yet", kind=type(error).__name__)
            await asyncio.sleep(REMEMBER)

    async def _remember(self) -> None:
        """Keep outside the database how far it has come; where that fails, it is tried again."""
        while True:
            await asyncio.sleep(REMEMBER)
            try:
                newest = await self.store.read(heartbeats.newest)
                if newest is not None:
                    await asyncio.to_thread(last_run.remember, self.config, newest)
                told = await self.store.read(anchors.newest)
                if told is not None:
                    await asyncio.to_thread(note_head, self.config, told, self.store.now())
            except Exception as error:
                log.warning("how far the database has come is not noted", kind=type(error).__name__)

    async def _begin(self, began: Callable[[], None]) -> None:
        """Connect, however long that takes, as long as somebody may mend what is in the way."""
        pause, waited = FIRST_PAUSE, False
        while self.homeserver is None:
            if self.held_up is not None:
                await self._wait(self.held_up, pause)
                pause, waited = min(pause * 2, LONGEST_PAUSE), True
            before = self.held_up
            try:
                await self.connect()
            except Trouble:
                if self.held_up is None:
                    raise
            if self.held_up is not before:
                pause = FIRST_PAUSE
                log.info("beginning", held_up=self.held_up)
        if waited:
            began()

    async def _wait(self, reason: Reason, pause: float) -> None:
        """Wait until it makes sense to try again, and leave signs of life meanwhile that say why nothing happens."""
        mended = self._by_hand()
        left = {Reason.LOGIN_REFUSED: REFUSED_PAUSE, Reason.SIGN_IN_NEEDED: LONGEST_PAUSE}.get(reason, jitter(pause))
        while left > 0 and self._by_hand() == mended:
            await self._say(reason)
            await asyncio.sleep(min(left, LOOK))
            left -= LOOK

    def _by_hand(self) -> tuple[object, ...]:
        """Return what of the files would be different if a person had mended something."""
        config = self.config
        keys = config.path(config.bot.keys)
        password = config.path(config.bot.password_file or "bot-password")
        return tuple(_stamp(file) for file in (password, keys, keys / "pickle.key", keys / "device" / "session.json"))

    async def _say(self, reason: Reason) -> None:
        try:
            measured, at = self._measured(), self.store.now()
            await self.store.settle(notes=[Beat(role="bot", state=reason, at=at, measures=measured, version=version())])
        except Exception as error:
            # The database may be away as well; the watch over our place sees to that.
            log.error("beat failed", kind=type(error).__name__)

    async def _announce(self, bot: Bot) -> None:
        await bot.listening.wait()
        self.listening.set()
        self._begun.set()

    async def close(self) -> None:
        """Stop listening and put everything away; the bot stays signed in."""
        beside = [*self._watching, *filter(None, [self._made])]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        if self.pages is not None:
            await self.pages.close()
        if self.homeserver is not None:
            with contextlib.suppress(Fault):
                await self.homeserver.close()
        await self.store.close()


def agree(ours: datetime, theirs: datetime | None) -> bool:
    """Tell whether the homeserver's clock says the same as ours, which then did not stop but once ran ahead."""
    return theirs is not None and abs(ours - theirs) < AGREED


def clock_behind(now: datetime, newest: datetime | None) -> Trouble | None:
    """Return the trouble of a machine that has lost its clock: at such a time nothing that is due may be sent."""
    if newest is None or now >= newest - BACKWARDS:
        return None
    said = {name: f"{at:%Y-%m-%d %H:%M}" for name, at in (("now", now), ("newest", newest))}
    return Trouble(Exit.CONFIG, "start.clock_behind", **said)


def has_signed_in(config: Config) -> bool:
    """Tell whether the bot has worked here before: then an empty database would pass for a new branch."""
    return (config.path(config.bot.keys) / "device" / "session.json").exists()


def refuse_lost(config: Config) -> None:
    """Raise Trouble where the bot has worked before and its file is gone."""
    file = sqlite_file(config.database)
    if file is None or not file.parent.exists() or not has_signed_in(config):
        return
    if not file.exists() or file.stat().st_size == 0:
        raise Trouble(Exit.CONFIG, "database.lost", file=str(file), keys=str(config.path(config.bot.keys)))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_mode


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
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        raise Trouble(Exit.CONFIG, "start.no_password", file=str(file)) from None
