"""The commands of set-up: init asks and writes, upgrade brings tables up to date."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from content.decision import Words, words
from content.speech import LANGUAGES
from content.trouble import Exit, Trouble
from zhibu.config import Console, Content, Storage, find_problems, load_config
from zhibu.front import CONFIG, EPILOG, Front
from zhibu.logs import configure_logs

if TYPE_CHECKING:
    from zhibu.init import Answers

PLACE = click.Path(path_type=Path)

_SETTINGS: tuple[tuple[str, str, str | int, tuple[str, str]], ...] = (
    ("console_host", "init.ask_console_host", Console().host, ("console", "host")),
    ("console_port", "init.ask_console_port", Console().port, ("console", "port")),
    ("console_address", "init.ask_console_address", Console().address, ("console", "address")),
    ("language", "init.ask_language", Content().language, ("content", "language")),
    ("timezone", "init.ask_timezone", Content().timezone, ("content", "timezone")),
)
"""Questions that are answered by a setting's value: name, question, default, and the setting's place."""


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--homeserver", metavar="ADDRESS", help="The homeserver's address.")
@click.option("--user", metavar="@USER:SERVER", help="The bot's account.")
@click.option("--password-file", type=PLACE, help="A file with the password of the bot's account.")
@click.option(
    "--registration-secret-file",
    type=PLACE,
    help="A file with Synapse's registration_shared_secret instead: the account is made.",
)
@click.option("--database", metavar="ADDRESS", help="sqlite:///FILE or postgresql://user@host/database.")
@click.option("--console-host", metavar="HOST", help="Where the console listens.")
@click.option("--console-port", type=click.IntRange(0, 65535), help="And on which port.")
@click.option("--console-address", metavar="ADDRESS", help="The address that people open, if it differs.")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language where nothing else is set.")
@click.option("--timezone", metavar="ZONE", help="The zone of wall times, as an IANA name.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given has its default.")
@click.option("--force", is_flag=True, help="Replace settings and password that are there; keys are always kept.")
def init(
    folder: Path,
    password_file: Path | None,
    registration_secret_file: Path | None,
    yes: bool,
    force: bool,
    **given: Any,
) -> None:
    """Set an installation up in FOLDER: ask, prove each answer, sign the bot in, write settings and secrets."""
    front = Front()
    front.run(
        _init(front, folder.absolute(), given, (password_file, registration_secret_file), ask=not yes, force=force)
    )


async def _init(
    front: Front,
    folder: Path,
    given: dict[str, Any],
    secret_files: tuple[Path | None, Path | None],
    *,
    ask: bool,
    force: bool,
) -> int:
    configure_logs(logging.ERROR)
    from storage.engines import sqlite_file
    from zhibu.init import refuse_overwriting, set_up

    if all(secret_files):
        raise Trouble(Exit.USAGE, "init.two_secrets")
    if not force:
        refuse_overwriting(folder, secret_files[0])
    questions = _Questions(front, given, secret_files)
    try:
        answers = await questions.answer() if ask else questions.take_as_given()
        config = await set_up(
            folder, answers, front.speech, force=force, again=questions.again if ask else lambda _: None
        )
    except click.Abort:
        click.echo()
        raise Trouble(Exit.USAGE, "init.broken_off") from None
    click.echo(front.say("init.done", user=config.bot.user, config=str(config.folder / "config.toml")))
    if sqlite_file(config.database) is None:
        click.echo(front.say("init.apart"))
    return int(Exit.DONE)


class _Questions:
    """The questions of set-up, as far as the command line does not answer them."""

    def __init__(self, front: Front, given: dict[str, Any], secret_files: tuple[Path | None, Path | None]) -> None:
        self._front = front
        self._given = {name: value for name, value in given.items() if value is not None}
        self._password_file, self._registration_file = secret_files

    def take_as_given(self) -> Answers:
        """Return what the command line says, with defaults. Raises Trouble for what has none."""
        missing = [f"--{name}" for name in ("homeserver", "user") if name not in self._given]
        if self._password_file is None and self._registration_file is None:
            missing.append("--password-file")
        if missing:
            raise Trouble(Exit.USAGE, "init.missing", options=" ".join(missing))
        return self._answers(self._given)

    async def answer(self) -> Answers:
        """Ask what is not given, in order, each until the answer can be used."""
        found = dict(self._given)
        if "homeserver" not in found:
            found["homeserver"] = await self._ask_homeserver()
        if "user" not in found:
            host = urlsplit(found["homeserver"]).hostname or "localhost"
            found["user"] = self._ask("init.ask_user", f"@zhibu:{host}", "bot", "user")
        secrets = self._ask_secret()
        if "database" not in found:
            found["database"] = self._ask_database()
        for name, question, default, (table, key) in _SETTINGS:
            if name not in found:
                found[name] = self._ask(question, default, table, key)
        return self._answers(found, **secrets)

    def again(self, trouble: Trouble) -> str | None:
        """Say what was refused and ask for another."""
        click.echo(self._front.speech.say(trouble.words, self._front.reader), err=True)
        return self._ask_hidden("init.ask_secret" if trouble.words.key == "init.wrong_secret" else "init.ask_password")

    def _answers(self, found: dict[str, Any], *, password: str = "", registration_secret: str = "") -> Answers:
        from zhibu.init import Answers

        defaults = {"database": Storage().database} | {name: default for name, _, default, _ in _SETTINGS}
        return Answers(
            **(defaults | found),
            password=password or _read_secret(self._password_file),
            registration_secret=registration_secret or _read_secret(self._registration_file),
            password_file=self._password_file,
        )

    async def _ask_homeserver(self) -> str:
        from zhibu.init import prove_homeserver

        while True:
            address = str(self._ask("init.ask_homeserver", "http://127.0.0.1:8008", "bot", "homeserver"))
            try:
                await prove_homeserver(address)
            except Trouble as trouble:
                self._complain(trouble.words)
            else:
                return address

    def _ask_database(self) -> str:
        from storage.engines import open_engine

        while True:
            address = str(self._prompt("init.ask_database", Storage().database))
            try:
                open_engine(address)
            except Trouble as trouble:
                self._complain(trouble.words)
            else:
                return address

    def _ask_secret(self) -> dict[str, str]:
        if self._password_file is not None or self._registration_file is not None:
            return {}
        if click.confirm(self._front.say("init.ask_account_exists"), default=True):
            return {"password": self._ask_hidden("init.ask_password")}
        return {"registration_secret": self._ask_hidden("init.ask_secret")}

    def _ask_hidden(self, key: str) -> str:
        return str(click.prompt(self._front.say(key), hide_input=True)).strip()

    def _ask(self, key: str, default: str | int, table: str, name: str) -> str | int:
        """Ask until the answer would be accepted as this setting."""
        while True:
            answer = self._prompt(key, default)
            tables: dict[str, dict[str, Any]] = {"bot": {"homeserver": "http://127.0.0.1", "user": "@a:b"}}
            tables.setdefault(table, {})[name] = answer
            problems = find_problems(tables)
            if not problems:
                return answer
            for problem in problems:
                self._complain(problem)

    def _prompt(self, key: str, default: str | int) -> str | int:
        answer = click.prompt(self._front.say(key), default=str(default), show_default=default != "")
        answer = str(answer).strip()
        return int(answer) if isinstance(default, int) and answer.isascii() and answer.isdigit() else answer

    def _complain(self, problem: Words) -> None:
        click.echo(self._front.speech.say(problem, self._front.reader), err=True)


def _read_secret(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Trouble(Exit.CONFIG, "init.no_secret_file", file=str(file), why=why) from None
    if not secret:
        raise Trouble(Exit.CONFIG, "init.empty_secret_file", file=str(file))
    return secret


@click.command(epilog=EPILOG)
@CONFIG
def upgrade(file: Path) -> None:
    """Bring the database's tables up to date without starting; a SQLite file is copied beside itself first."""
    front = Front()
    front.run(_upgrade(front, file))


async def _upgrade(front: Front, file: Path) -> int:
    configure_logs(logging.ERROR)
    config = load_config(file)
    from storage.upgrade import upgrade as bring_up_to_date

    done = await bring_up_to_date(config.database)
    lines = [words("upgrade.done", before=done.before or "-", after=done.after)]
    if done.before == done.after:
        lines = [words("upgrade.nothing", after=done.after)]
    if done.copy is not None:
        lines.append(words("upgrade.copied", file=str(done.copy)))
    for line in lines:
        click.echo(front.speech.say(line, front.reader))
    return int(Exit.DONE)
