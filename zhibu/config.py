"""The settings of an installation: one table for each room, checked as a whole before anything starts."""

from __future__ import annotations

import difflib
import ipaddress
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import NODEFAULT, Struct, field
from msgspec.structs import fields

from content.backups import wall_time
from content.decision import Words, words
from content.speech import LANGUAGES
from content.trouble import Exit, Trouble


class Content(Struct, frozen=True, kw_only=True):
    """How things are said where nothing else is set: the language, and the zone of wall times."""

    language: str = "zh_CN"
    timezone: str = "Asia/Shanghai"


class Storage(Struct, frozen=True, kw_only=True):
    """Where everything is remembered."""

    database: str = "sqlite:///zhibu.db"


class Bot(Struct, frozen=True, kw_only=True):
    """The chat account, and the folder with its device and keys; these belong together and move together."""

    homeserver: str
    user: str
    password_file: str = ""
    keys: str = "keys"
    encrypted: bool = True


class Console(Struct, frozen=True, kw_only=True):
    """Where the console listens, and the address under which people reach it."""

    host: str = "127.0.0.1"
    port: int = 8480
    address: str = ""
    metrics_token_file: str = ""
    second_factor: str = "required"
    proxies: int = 0
    proxy_address: str = ""


class Backup(Struct, frozen=True, kw_only=True):
    """Where backups go, under which key, when and how many stay; without a time of day none is made by itself."""

    folder: str = "backups"
    key: str = "backup.key"
    daily_at: str = ""
    keep: int = 14


class Config(Struct, frozen=True, kw_only=True):
    """All settings; relative paths are meant from the folder of the file, which is called ``name`` there."""

    bot: Bot
    content: Content = field(default_factory=Content)
    storage: Storage = field(default_factory=Storage)
    console: Console = field(default_factory=Console)
    backup: Backup = field(default_factory=Backup)
    folder: Path
    name: str = "config.toml"

    def path(self, name: str) -> Path:
        """Return a path of the settings, seen from the file they stand in."""
        return self.folder / name

    def metrics_token(self) -> str:
        """Return the token with which another machine may ask for metrics, empty where none may.

        Raises Trouble for a file that cannot be read, that others can read, or whose token could be guessed.
        """
        if not self.console.metrics_token_file:
            return ""
        file = self.path(self.console.metrics_token_file)
        try:
            open_to_others = file.stat().st_mode & 0o077
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise Trouble(Exit.CONFIG, "config.no_token", file=str(file)) from None
        if open_to_others:
            raise Trouble(Exit.CONFIG, "config.open_token", file=str(file))
        if len(token) < SHORTEST_TOKEN:
            raise Trouble(Exit.CONFIG, "config.short_token", file=str(file), n=SHORTEST_TOKEN)
        return token

    @property
    def database(self) -> str:
        """Return the database's address with its file seen from the settings' folder."""
        prefix = "sqlite:///"
        if self.storage.database.startswith(prefix):
            return prefix + str(self.path(self.storage.database.removeprefix(prefix)).absolute())
        return self.storage.database

    @property
    def console_address(self) -> str:
        """Return the address people open, without a slash at its end."""
        return (self.console.address or f"http://{self.console.host}:{self.console.port}").rstrip("/")


SHORTEST_TOKEN = 32
"""Characters of a token that nobody guesses."""

MOST_PROXIES = 5
"""So many proxies stand before a console at most."""

SECOND_FACTOR = ("required", "offered")
"""Whether people whose duties allow more than to look must set up a second factor, or may."""

EXAMPLE = Path(__file__).with_name("config.example.toml")
"""Every setting with its explanation: for people to read, and the form in which settings are written."""

TABLES: dict[str, type[Any]] = {
    "content": Content,
    "storage": Storage,
    "bot": Bot,
    "console": Console,
    "backup": Backup,
}


def load_config(file: Path) -> Config:
    """Read and check a file of settings. Raises Trouble that names every mistake at once."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise Trouble(Exit.CONFIG, "config.missing", file=str(file)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(Exit.CONFIG, "config.unreadable", file=str(file), why=str(error)) from None
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Trouble(Exit.CONFIG, "config.not_toml", file=str(file), why=str(error)) from None
    return make_config(given, file)


def make_config(given: Mapping[str, Any], file: Path) -> Config:
    """Make the settings that a file holds or will hold. Raises Trouble that names every mistake at once."""
    problems = find_problems(given)
    if problems:
        raise Trouble(Exit.CONFIG, "config.problems", file=str(file), n=len(problems), list=tuple(problems))
    tables = {name: kind(**given.get(name, {})) for name, kind in TABLES.items()}
    return Config(folder=file.absolute().parent, name=file.name, **tables)


def render_config(given: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a settings file: the example with its explanations, and these values in their places."""
    lines, table = [], ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        key = line.partition(" = ")[0]
        if line.startswith("["):
            table = line.strip("[]")
        elif not line.startswith("#") and key in given.get(table, {}):
            # JSON's texts, whole numbers and truths are TOML's too, but for one control character.
            value = json.dumps(given[table][key], ensure_ascii=False).replace("\x7f", "\\u007f")
            line = f"{key} = {value}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def change_setting(text: str, table: str, key: str, value: str) -> str:
    """Return the text of a settings file with one value changed or added, and every other line as it was."""
    line, head = f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f"), f"[{table}]"
    lines, place, here = text.splitlines(), None, False
    for number, old in enumerate(lines):
        plain = old.strip()
        if plain.startswith("["):
            here = plain.partition("#")[0].strip() == head
            place = number if here else place
        elif here and plain.partition("=")[0].strip() == key:
            lines[number] = line
            return "\n".join(lines) + "\n"
    if place is None:
        lines += ["", head]
        place = len(lines) - 1
    lines.insert(place + 1, line)
    return "\n".join(lines) + "\n"


def find_problems(given: Mapping[str, Any]) -> list[Words]:
    """Return what is wrong with settings, each mistake as a line of a list."""
    problems = []
    for name, table in given.items():
        if name not in TABLES:
            problems.append(_unknown(name, f"[{name}]", TABLES))
        elif not isinstance(table, dict):
            problems.append(words("config.not_a_table", place=name))
    for name, kind in TABLES.items():
        table = given.get(name, {})
        if isinstance(table, dict):
            problems += _check_table(name, kind, table)
    return problems or _check_values(given)


def _check_table(name: str, kind: type[Any], table: Mapping[str, Any]) -> list[Words]:
    known = {one.name: one for one in fields(kind)}
    problems = [_unknown(key, f"[{name}] {key}", known) for key in table if key not in known]
    for key, one in known.items():
        place = f"[{name}] {key}"
        if key in table:
            wanted = one.type
            if type(table[key]) is not wanted:
                problems.append(words(f"config.not_{wanted.__name__}", place=place))
        elif one.default is NODEFAULT:
            problems.append(words("config.required", place=place))
    return problems


def _unknown(name: str, place: str, known: Mapping[str, object]) -> Words:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if near:
        return words("config.unknown_near", place=place, near=near[0])
    return words("config.unknown", place=place, known=", ".join(known))


def _check_values(given: Mapping[str, Any]) -> list[Words]:
    """Check what the types allow and the program cannot use."""
    problems = []
    content, console, bot = given.get("content", {}), given.get("console", {}), given.get("bot", {})
    if content.get("language", "zh_CN") not in LANGUAGES:
        problems.append(words("config.bad_language", known=", ".join(LANGUAGES)))
    try:
        ZoneInfo(content.get("timezone", "Asia/Shanghai"))
    except (KeyError, ValueError, OSError):
        problems.append(words("config.bad_timezone", value=content["timezone"]))
    if not 0 <= console.get("port", 8480) <= 65535:
        problems.append(words("config.bad_port", value=console["port"]))
    if not 0 <= console.get("proxies", 0) <= MOST_PROXIES:
        problems.append(words("config.bad_proxies", most=MOST_PROXIES))
    problems += _check_proxy(console)
    if console.get("second_factor", "required") not in SECOND_FACTOR:
        problems.append(words("config.bad_second_factor", known=", ".join(SECOND_FACTOR)))
    backup = given.get("backup", {})
    if backup.get("daily_at") and wall_time(backup["daily_at"]) is None:
        problems.append(words("config.bad_time", value=backup["daily_at"]))
    if backup.get("keep", 1) < 1:
        problems.append(words("config.bad_keep", value=backup["keep"]))
    problems += _check_url("[bot] homeserver", bot["homeserver"])
    if console.get("address"):
        problems += _check_url("[console] address", console["address"])
    user = bot["user"]
    if not (user.startswith("@") and ":" in user):
        problems.append(words("config.bad_user", value=user))
    return problems


def _check_proxy(console: Mapping[str, Any]) -> list[Words]:
    """See that only a proxy of ours can say from where a request comes."""
    address = console.get("proxy_address", "")
    if address:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return [words("config.bad_proxy_address", value=address)]
    elif console.get("proxies", 0) and not _is_loopback(console.get("host", "127.0.0.1")):
        return [words("config.proxy_unknown", host=console["host"])]
    return []


def _check_url(place: str, address: str) -> list[Words]:
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    if host is None or url.scheme not in ("http", "https"):
        return [words("config.bad_url", place=place, value=address)]
    if url.scheme == "http" and not _is_loopback(host):
        return [words("config.plain_http", place=place, value=address)]
    return []


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
