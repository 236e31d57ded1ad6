"""A living branch in one command: a real homeserver, the bot, the console, and sample members."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import words
from content.identifiers import UserId
from content.speech import Speech
from content.trouble import Exit, Trouble
from zhibu.branch import Branch
from zhibu.config import load_config
from zhibu.demo import sample
from zhibu.demo.actors import act
from zhibu.demo.founding import Login, Notes, Sample, register
from zhibu.demo.synapse import Synapse, SynapseFailed
from zhibu.founding import sign_in_link

SERVER_NAME = "zhibu.localhost"
CONSOLE_PORT, HOMESERVER_PORT = 8480, 8448


class Options(Struct, frozen=True, kw_only=True):
    """What the command line asks for; a port of 0 picks a free one, ``None`` the one of the last run or the default."""

    data: Path
    reset: bool = False
    actors: bool = True
    encrypted: bool = True
    console_port: int | None = None
    homeserver_port: int | None = None
    ready_file: Path | None = None


Say = Callable[..., None]


class Demo:
    """One run of the sample branch."""

    def __init__(self, options: Options, speech: Speech, say: Say) -> None:
        self._options = options
        self._speech = speech
        self._say = say

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, say where it is, work until told to stop, and stop everything again."""
        with _own(self._options.data):
            await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> None:
        options = self._options
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
        if importlib.util.find_spec("synapse") is None:
            raise Trouble(Exit.UNAVAILABLE, "demo.no_synapse")
        fresh = not (options.data / "demo.json").exists() or options.reset
        notes = self._prepare()
        synapse = Synapse(
            options.data / "homeserver", notes.homeserver_port, SERVER_NAME, encrypted_by_default=notes.encrypted
        )
        self._say("demo.homeserver")
        try:
            await synapse.start()
        except SynapseFailed as failed:
            raise Trouble(Exit.UNAVAILABLE, "demo.homeserver_failed", why=str(failed)) from None
        try:
            await self._with_homeserver(synapse, notes, stop, fresh=fresh)
        finally:
            await synapse.stop()
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)

    def _prepare(self) -> Notes:
        data = self._options.data
        file = data / "demo.json"
        if self._options.reset and data.exists():
            if any(data.iterdir()) and not file.exists():
                raise Trouble(Exit.USAGE, "demo.not_ours", folder=str(data))
            shutil.rmtree(data)
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        notes = Notes.read(file)
        kept = notes is not None
        if notes is None:
            notes = Notes(
                file=file,
                seed=secrets.token_urlsafe(24),
                homeserver_port=HOMESERVER_PORT,
                console_port=CONSOLE_PORT,
                bot_password=secrets.token_urlsafe(18),
                people={},
                encrypted=self._options.encrypted,
            )
        notes = replace(
            notes,
            homeserver_port=_port(self._options.homeserver_port, notes.homeserver_port, kept),
            console_port=_port(self._options.console_port, notes.console_port, kept),
        )
        notes.write()
        _write_config(data, notes)
        return notes

    async def _with_homeserver(self, synapse: Synapse, notes: Notes, stop: asyncio.Event, *, fresh: bool) -> None:
        self._say("demo.accounts")
        logins = await register(synapse, notes)
        try:
            branch = await Branch.open(load_config(self._options.data / "config.toml"), self._speech)
        except Trouble as trouble:
            if trouble.words.key == "start.port_taken":
                raise Trouble(Exit.UNAVAILABLE, "demo.port_taken", port=notes.console_port) from None
            raise
        try:
            await branch.connect()
            assert branch.homeserver is not None
            await branch.homeserver.set_display_name(sample.BOT_NAME)
            made = Sample(branch.store, branch.homeserver, self._speech, synapse.url, notes, logins)
            self._say("demo.people", n=len(logins))
            await made.found(lambda name: self._say("demo.room", name=name))
            self._say("demo.lessons")
            await made.schedule(await made.write_lessons())
            if self._options.actors:
                await made.live()
            organiser = UserId(notes.people[sample.ORGANISER]["user_id"])
            link = await sign_in_link(branch.store, organiser, branch.address)
            working = asyncio.create_task(branch.run(stop))
            acting = [
                asyncio.create_task(
                    act(
                        synapse.url,
                        [login for login in logins if login.branch.name == name],
                        room,
                        branch.homeserver.user_id,
                        self._options.data / "members",
                    )
                )
                for name, room in made.rooms.items()
                if self._options.actors and any(login.branch.name == name for login in logins)
            ]
            try:
                await _first(branch.listening.wait(), working)
                if not working.done():
                    self._announce(branch, synapse, notes, made, logins, link, fresh=fresh)
                await working
            finally:
                for task in acting:
                    task.cancel()
                await asyncio.gather(*acting, return_exceptions=True)
        finally:
            await branch.close()

    def _announce(
        self,
        branch: Branch,
        synapse: Synapse,
        notes: Notes,
        made: Sample,
        logins: list[Login],
        link: str,
        *,
        fresh: bool,
    ) -> None:
        """Say where everything is, to a person and to a script."""
        organiser = notes.people[sample.ORGANISER]
        member = next(login for login in logins if login.person.account == sample.SHOWN_MEMBER)
        if self._options.ready_file is not None:
            ready: dict[str, Any] = {
                "homeserver": synapse.url,
                "console": branch.address,
                "database": branch.config.database,
                "config": str((self._options.data / "config.toml").absolute()),
                "bot_user_id": notes.people["zhibu"]["user_id"],
                "organiser": {
                    "user_id": organiser["user_id"],
                    "password": organiser["password"],
                    "sign_in_url": link,
                },
                "members": [
                    {
                        "name": login.person.name,
                        "user_id": login.account.user_id,
                        "password": login.account.password,
                        "access_token": login.account.access_token,
                        "organisation": login.branch.name,
                    }
                    for login in logins
                ],
                "rooms": made.rooms,
                "pids": {"zhibu": os.getpid(), "synapse": synapse.pid},
            }
            _write_whole(self._options.ready_file, json.dumps(ready, ensure_ascii=False, indent=2) + "\n")
        self._say(
            "demo.ready",
            link=link,
            console=branch.address,
            homeserver=synapse.url,
            organiser=organiser["user_id"],
            organiser_password=organiser["password"],
            member=member.account.user_id,
            member_password=member.account.password,
            folder=str(self._options.data),
            news=(words("demo.first_lesson" if fresh else "demo.continues"),),
            n=len(logins),
        )


async def _first(event: Coroutine[Any, Any, bool], work: asyncio.Task[None]) -> None:
    """Wait for an event, or for the work that would bring it to end."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _port(asked: int | None, known: int, kept: bool) -> int:
    """Return the port to use: 0 means a free one, and afterwards the same one as long as nobody else has it."""
    if asked is None or (asked == 0 and kept and _is_free(known)):
        return known
    return asked or _free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextlib.contextmanager
def _own(data: Path) -> Iterator[None]:
    """Hold a sample branch's folder for this process, before anything in it or beside it is touched."""
    file = data.absolute().with_name(f".{data.name.lstrip('.')}.lock")
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Trouble(Exit.USAGE, "demo.no_folder", folder=str(data), why=error.strerror or "") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(handle, 20, 0).decode()
        os.close(handle)
        raise Trouble(Exit.DATABASE, "demo.running", folder=str(data), holder=holder) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    try:
        yield
    finally:
        os.close(handle)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_config(data: Path, notes: Notes) -> None:
    (data / "config.toml").write_text(
        f"""# The sample branch's settings; zhibu run -c with this file works while its homeserver runs.
[content]
language = "zh_CN"
timezone = "Asia/Shanghai"

[storage]
database = "sqlite:///zhibu.db"

[bot]
homeserver = "http://127.0.0.1:{notes.homeserver_port}"
user = "@zhibu:{SERVER_NAME}"
password_file = "bot-password"
keys = "keys"
encrypted = {str(notes.encrypted).lower()}

[console]
port = {notes.console_port}
# Only for trying Zhibu out: a link from the bot is enough to come in.
second_factor = "offered"
""",
        encoding="utf-8",
    )
    password = data / "bot-password"
    password.touch(0o600)
    password.write_text(notes.bot_password)


def _write_whole(file: Path, text: str) -> None:
    """Let the file appear with all of its text or not at all; it holds passwords."""
    fresh = file.with_name(file.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    fresh.replace(file)
