"""Sets an installation up: proves every answer against the real thing, and only then puts its files in their place."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bot.matrix import account
from bot.matrix.faults import Fault, Kind
from bot.matrix.login import stored_session
from bot.matrix.trust import write_secret
from content.discreet import repr_without
from content.speech import Speech
from content.trouble import Exit, Trouble
from storage.engines import remove_database, sqlite_file
from storage.store import Store
from zhibu.branch import Branch
from zhibu.config import Config, make_config, render_config
from zhibu.master_key import make_master
from zhibu.ports import prove_port
from zhibu.record_key import make_key

CONFIG, PASSWORD, KEYS = "config.toml", "bot-password", "keys"

DAILY_BACKUP = "03:30"
"""When a new installation is backed up each day: when nobody learns and nobody answers."""

REFUSED = ("init.wrong_password", "init.wrong_secret")
"""Troubles that another answer mends."""

Again = Callable[[Trouble], str | None]


class Answers(Struct, frozen=True, kw_only=True):
    """What was asked. Either the bot's password, or the homeserver's registration secret by which to make the bot.

    ``password_file`` is where the password came from; a file that lies where ours will lie is not one in the way.
    """

    homeserver: str
    user: str
    password: str = ""
    registration_secret: str = ""
    password_file: Path | None = None
    database: str
    console_host: str
    console_port: int
    console_address: str
    language: str
    timezone: str

    def settings(self) -> dict[str, dict[str, Any]]:
        """Return the answers as the tables of a settings file."""
        return {
            "content": {"language": self.language, "timezone": self.timezone},
            "storage": {"database": self.database},
            "bot": {"homeserver": self.homeserver, "user": self.user, "password_file": PASSWORD},
            "console": {"host": self.console_host, "port": self.console_port, "address": self.console_address},
            "backup": {"daily_at": DAILY_BACKUP},
        }

    def __repr__(self) -> str:
        return repr_without(self, "password", "registration_secret")


def refuse_overwriting(folder: Path, password_file: Path | None = None) -> None:
    """Raise Trouble when a folder holds what set-up would write."""
    given = password_file.resolve() if password_file else None
    places = [folder / name for name in (CONFIG, PASSWORD, KEYS)]
    names = [place.name for place in places if place.exists() and place.resolve() != given]
    if names:
        raise Trouble(Exit.CONFIG, "init.already", folder=str(folder), files=", ".join(names))


async def prove_homeserver(address: str) -> str:
    """Return the newest version of Matrix that a homeserver speaks. Raises Trouble when there is none to hear."""
    try:
        return (await account.versions(address))[-1]
    except Fault as fault:
        if fault.kind in (Kind.GARBLED, Kind.MISSING, Kind.REFUSED):
            raise Trouble(Exit.UNAVAILABLE, "init.no_homeserver", address=address) from None
        raise Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address) from None


async def set_up(folder: Path, answers: Answers, speech: Speech, *, force: bool, again: Again) -> Config:
    """Prove the answers, sign the bot in and write the files; return the settings as they lie there.

    ``again`` is asked for another password or secret when one is refused, and may give up with ``None``. Raises
    Trouble with nothing left behind: no file, no table, no device; an account that was made keeps its password.
    """
    if not force:
        refuse_overwriting(folder, answers.password_file)
    config = make_config(answers.settings(), folder / CONFIG)
    await prove_homeserver(answers.homeserver)
    with _folder(folder):
        return await _Writing(config, answers, speech, again).run()


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make a folder that is not there, for as long as what is done in it succeeds."""
    try:
        made = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(Exit.CONFIG, "init.not_writable", folder=str(folder), why=error.strerror or "") from None
    try:
        yield
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


class _Writing:
    """One try: everything is made in a hidden folder beside its place, so that it appears at once or not at all."""

    def __init__(self, config: Config, answers: Answers, speech: Speech, again: Again) -> None:
        self._config = config
        self._answers = answers
        self._speech = speech
        self._again = again
        self._registered = False

    async def run(self) -> Config:
        folder = self._config.folder
        try:
            draft = Path(tempfile.mkdtemp(prefix=".init-", dir=folder))
        except OSError as error:
            raise Trouble(Exit.CONFIG, "init.not_writable", folder=str(folder), why=error.strerror or "") from None
        try:
            await self._prove_all(draft)
            self._put_in_place(draft)
        except BaseException as error:
            await self._end_login(draft)
            if self._registered and isinstance(error, Trouble):
                raise self._keep_account(draft, error) from None
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self._config

    async def _prove_all(self, draft: Path) -> None:
        """Prove the database first and the account last: what happens at the homeserver is the hardest to undo."""
        file = sqlite_file(self._config.database)
        new = file if file is not None and not file.exists() else None
        try:
            store = await Store.open(self._config.database)
        except Trouble as trouble:
            if trouble.words.key != "database.in_use":
                _remove_database(new)
            raise
        try:
            prove_port(self._config.console.host, self._config.console.port)
            await self._prove_account(draft, store)
        except BaseException:
            await store.close()
            _remove_database(new)
            raise
        await store.close()

    async def _prove_account(self, draft: Path, store: Store) -> None:
        password, secret = self._answers.password, self._answers.registration_secret
        while True:
            try:
                if secret and not self._registered:
                    password = await self._register(draft, secret)
                await self._sign_in(draft, store, password)
                return
            except Trouble as trouble:
                other = self._again(trouble) if trouble.words.key in REFUSED else None
                if other is None:
                    raise
                password, secret = (password, other) if secret else (other, "")

    async def _register(self, draft: Path, secret: str) -> str:
        """Make the bot's account; its password is on disk before the account exists."""
        bot, password = self._config.bot, secrets.token_urlsafe(32)
        write_secret(draft / PASSWORD, password)
        try:
            user = await account.register(bot.homeserver, bot.user, password, secret)
        except Fault as fault:
            raise _no_account(bot.homeserver, bot.user, fault) from None
        self._registered = True
        if user != bot.user:
            raise Trouble(Exit.CONFIG, "init.other_server", user=bot.user, made=user)
        return password

    async def _sign_in(self, draft: Path, store: Store, password: str) -> None:
        """Sign in as ``zhibu run`` does, on a device in the draft, or on the one that is there already."""
        bot = self._config.bot
        write_secret(draft / PASSWORD, password)
        keys = self._config.path(bot.keys)
        kept = keys.exists()
        bot = replace(bot, password_file=str(draft / PASSWORD), keys=str(keys if kept else draft / KEYS))
        branch = Branch(replace(self._config, bot=bot), self._speech, store)
        try:
            if kept and (keys / "device" / "session.json").exists():
                await account.prove_password(bot.homeserver, bot.user, password)
            await branch.connect_now()
            make_key(branch.config)
            make_master(branch.config)
        except Fault as fault:
            raise _no_login(bot.homeserver, bot.user, fault) from None
        except Trouble as trouble:
            if trouble.words.key == "start.wrong_password":
                raise _wrong_password(bot.homeserver, bot.user) from None
            raise
        finally:
            if branch.homeserver is not None:
                await branch.homeserver.close()

    def _put_in_place(self, draft: Path) -> None:
        """Move everything to its name, the settings last: where they are, everything is."""
        folder = self._config.folder
        write_secret(draft / CONFIG, render_config(self._answers.settings()))
        moved: list[str] = []
        try:
            for name in (KEYS, PASSWORD, CONFIG):
                if (draft / name).exists():
                    new = not (folder / name).exists()
                    (draft / name).replace(folder / name)
                    moved += [name] if new else []
        except OSError as error:
            for name in moved:
                (folder / name).replace(draft / name)
            raise Trouble(Exit.CONFIG, "init.not_writable", folder=str(folder), why=error.strerror or "") from None

    async def _end_login(self, draft: Path) -> None:
        device = draft / KEYS / "device"
        with contextlib.suppress(Fault):
            session = stored_session(device, self._config.bot.homeserver)
            if session is not None:
                await account.log_out(session)

    def _keep_account(self, draft: Path, trouble: Trouble) -> Trouble:
        """Leave the password of the account that was made, the one thing that cannot be made again."""
        file = self._config.path(PASSWORD)
        (draft / PASSWORD).replace(file)
        return Trouble(trouble.exit_code, "init.account_kept", file=str(file), why=(trouble.words,))


def _remove_database(file: Path | None) -> None:
    if file is not None:
        remove_database(file)


def _wrong_password(address: str, user: str) -> Trouble:
    return Trouble(Exit.NO_PERMISSION, "init.wrong_password", address=address, user=user)


def _no_login(address: str, user: str, fault: Fault) -> Trouble:
    if fault.kind is Kind.SIGN_IN:
        return _wrong_password(address, user)
    if fault.doubtful:
        return Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address)
    return Trouble(Exit.UNAVAILABLE, "start.homeserver_refused", address=address, why=str(fault))


def _no_account(address: str, user: str, fault: Fault) -> Trouble:
    if fault.kind is Kind.SIGN_IN:
        return Trouble(Exit.NO_PERMISSION, "init.wrong_secret", address=address)
    if fault.errcode == "M_USER_IN_USE":
        return Trouble(Exit.CONFIG, "init.account_taken", address=address, user=user)
    if fault.errcode in ("M_INVALID_USERNAME", "M_EXCLUSIVE"):
        return Trouble(Exit.CONFIG, "init.bad_name", address=address, user=user)
    if fault.doubtful:
        return Trouble(Exit.UNAVAILABLE, "start.homeserver_unreachable", address=address)
    return Trouble(Exit.CONFIG, "init.no_registration", address=address)
