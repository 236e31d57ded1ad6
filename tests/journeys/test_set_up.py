"""The first day: set-up proves every answer and leaves all or nothing; the doctor tells what stands and what to do."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import socket
import sqlite3
import threading
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from alembic.script import ScriptDirectory

from content.identifiers import OrganisationId, RoomId
from content.organisations import Kind, Organisation, OrganisationFounded
from content.rooms import Purpose, Room, RoomKept
from storage.migrate import alembic_config
from storage.store import Store
from tests.installation import Installation, finish
from tests.member import Member
from tests.synapse_fixture import free_port
from tests.terminal import Terminal
from zhibu.config import EXAMPLE, TABLES, load_config, render_config
from zhibu.demo.synapse import Account, Synapse

LANGUAGES = ("zh_CN.UTF-8", "en_US.UTF-8")
MakeAccount = Callable[..., Awaitable[Account]]

pytestmark = pytest.mark.synapse


def secret_file(folder: Path, text: str, name: str = "given") -> str:
    """Write a password into a file and return its path."""
    file = folder / name
    file.write_text(text + "\n")
    return str(file)


def answers(synapse: Synapse, user: str, *more: str) -> list[str]:
    """Return the options that answer everything but the password."""
    return ["--yes", "--homeserver", synapse.url, "--user", user, "--console-port", str(free_port()), *more]


async def devices(synapse: Synapse, account: Account) -> int:
    """Count an account's devices, the test's own among them."""
    async with Member(synapse.url, account) as member:
        return len((await member.ask("GET", "/v3/devices"))["devices"])


def login(folder: Path) -> Account:
    """Return the bot's own login."""
    session = json.loads((folder / "keys" / "device" / "session.json").read_text())
    return Account(
        user_id=session["user_id"], access_token=session["access_token"], device_id=session["device_id"], password=""
    )


def checked(config: Path) -> tuple[int, dict[str, str], str]:
    """Run zhibu doctor and return its exit code, how each thing stands (the worst of it), and what it says."""
    code, said = finish("doctor", "--json", "-c", str(config))
    found = json.loads(said)
    stands: dict[str, str] = {}
    for one in found:
        stands[one["noun"]] = max(one["grade"], stands.get(one["noun"], ""), key=["", "ok", "warning", "fault"].index)
    return code, stands, "\n".join(one["sentence"] for one in found)


async def test_set_up_signs_the_bot_in_and_everything_else_continues_there(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, folder = await account("bot"), tmp_path / "new" / "branch"
    given = secret_file(tmp_path, bot.password)
    code, said = finish("init", str(folder), *answers(synapse, bot.user_id, "--password-file", given))
    assert code == 0, said
    assert "zhibu found" in said
    assert bot.password not in said
    assert await devices(synapse, bot) == 2
    assert (folder / "bot-password").read_text() == bot.password
    names = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert names.keys() == {"config.toml", "bot-password", "keys", "zhibu.db", "zhibu.db.lock"}
    assert all(not mode & 0o077 for mode in names.values()), names

    installation = Installation.of(folder)
    program = installation.start(listening=True)
    try:
        code, stands, said = checked(folder / "config.toml")
        assert (code, stands.pop("organisation"), stands.pop("backup")) == (0, "warning", "warning"), said
        # How full and how quick this machine's disk is, is its own affair.
        assert {stands.pop("disk"), stands.pop("database")} <= {"ok", "warning"}, said
        assert set(stands.values()) == {"ok"}, said
        assert f"{installation.port}" in said
    finally:
        assert program.interrupt() == 0, program.text
    assert await devices(synapse, bot) == 2


async def test_the_settings_are_the_example_with_its_explanations_and_the_answers(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot = await account("bot")
    given = secret_file(tmp_path, bot.password)
    more = ["--password-file", given, "--console-address", "https://zhibu.example.org", "--language", "en"]
    code, said = finish("init", str(tmp_path / "a"), *answers(synapse, bot.user_id, *more, "--timezone", "Asia/Urumqi"))
    assert code == 0, said
    text = (tmp_path / "a" / "config.toml").read_text()
    explanations = [line for line in EXAMPLE.read_text().splitlines() if line.startswith("#")]
    assert [line for line in text.splitlines() if line.startswith("#")] == explanations
    assert tomllib.loads(text).keys() == TABLES.keys()
    config = load_config(tmp_path / "a" / "config.toml")
    assert (config.content.language, config.content.timezone) == ("en", "Asia/Urumqi")
    assert (config.bot.user, config.console_address) == (bot.user_id, "https://zhibu.example.org")


def test_a_value_with_marks_of_its_own_comes_back_as_it_was(tmp_path: Path) -> None:
    odd = 'sqlite:///"C:\\new"\x7f\n[bot] 支部.db'
    text = render_config({"storage": {"database": odd}})
    assert tomllib.loads(text)["storage"]["database"] == odd


async def test_set_up_makes_the_account_by_the_registration_secret(synapse: Synapse, tmp_path: Path) -> None:
    folder, secret = tmp_path / "a", str(synapse.folder / "registration.secret")
    user = f"@made-{free_port()}:zhibu.localhost"
    code, said = finish("init", str(folder), *answers(synapse, user, "--registration-secret-file", secret))
    assert code == 0, said
    assert Path(secret).read_text() not in said
    assert await devices(synapse, login(folder)) == 1
    password = (folder / "bot-password").read_text()
    assert (await synapse.log_in(user, password)).user_id == user
    code, stands, said = checked(folder / "config.toml")
    assert (code, stands["device"]) == (0, "ok"), said

    again = ["--registration-secret-file", secret]
    code, said = finish("init", str(tmp_path / "b"), *answers(synapse, user, *again))
    assert code == 78
    assert user in said
    assert not (tmp_path / "b").exists()


async def test_an_account_that_was_made_keeps_its_password_when_set_up_cannot_go_on(
    synapse: Synapse, tmp_path: Path
) -> None:
    folder, name = tmp_path / "a", f"made-{free_port()}"
    secret = ["--registration-secret-file", str(synapse.folder / "registration.secret")]
    code, said = finish("init", str(folder), *answers(synapse, f"@{name}:elsewhere.example", *secret))
    assert code == 78
    assert f"@{name}:zhibu.localhost" in said
    assert [file.name for file in folder.iterdir()] == ["bot-password"]
    assert (folder / "bot-password").stat().st_mode & 0o777 == 0o600
    kept = ["--password-file", str(folder / "bot-password")]
    code, said = finish("init", str(folder), *answers(synapse, f"@{name}:zhibu.localhost", *kept))
    assert code == 0, said


async def test_questions_are_asked_until_the_answer_can_be_used(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, folder, port = await account("bot"), tmp_path / "a", free_port()
    with Terminal("init", str(folder)) as terminal:
        terminal.answer("Address of the Matrix homeserver", f"http://127.0.0.1:{free_port()}")
        terminal.answer("cannot be reached", "http://chat.example.org")
        terminal.answer("is not encrypted", synapse.url)
        terminal.answer("The bot's account", "zhibu")
        terminal.answer("not a full account name", bot.user_id)
        terminal.answer("exist already?", "")
        terminal.answer("Its password", "not the password")
        terminal.answer("Database", "mysql://host/name")
        terminal.answer("not supported", "")
        terminal.answer("Where the console listens", "")
        terminal.answer("which port", "99999")
        terminal.answer("not a port", str(port))
        terminal.answer("address that people open", "")
        terminal.answer("Language", "fr")
        terminal.answer("not known", "en")
        terminal.answer("Zone", "Asia/Shangai")
        terminal.answer("no zone Asia/Shangai", "")
        terminal.answer("does not accept this password", bot.password)
        assert terminal.wait() == 0, terminal.text
        assert "is set up" in terminal.text
        assert "not the password" not in terminal.text
        assert bot.password not in terminal.text
    config = load_config(folder / "config.toml")
    assert (config.bot.user, config.console.port, config.content.language) == (bot.user_id, port, "en")
    assert config.content.timezone == "Asia/Shanghai"
    assert await devices(synapse, bot) == 2


def test_where_nobody_can_answer_nothing_is_written(tmp_path: Path) -> None:
    code, said = finish("init", str(tmp_path / "a"))
    assert code == 2
    assert "--yes" in said
    assert list(tmp_path.iterdir()) == []


async def test_a_second_set_up_is_refused_and_by_force_keeps_the_device(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, folder = await account("bot"), tmp_path / "a"
    options = answers(synapse, bot.user_id, "--password-file", secret_file(tmp_path, bot.password))
    assert finish("init", str(folder), *options)[0] == 0
    before = (folder / "config.toml").read_bytes(), login(folder)
    code, said = finish("init", str(folder), *options, "--language", "en")
    assert code == 78
    assert all(name in said for name in ("config.toml", "bot-password", "keys", "--force"))
    assert ((folder / "config.toml").read_bytes(), login(folder)) == before

    wrong = secret_file(tmp_path, "not the password", "wrong")
    code, said = finish("init", str(folder), *options[:-1], wrong, "--force", "--language", "en")
    assert code == 77
    assert ((folder / "config.toml").read_bytes(), login(folder)) == before
    assert (folder / "bot-password").read_text() == bot.password

    code, said = finish("init", str(folder), *options, "--force", "--language", "en")
    assert code == 0, said
    assert load_config(folder / "config.toml").content.language == "en"
    assert login(folder) == before[1]
    assert await devices(synapse, bot) == 2


async def test_files_that_cannot_be_put_in_place_leave_no_device_and_no_secret_behind(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, folder = await account("bot"), tmp_path / "a"
    (folder / "config.toml").mkdir(parents=True)
    given = ["--password-file", secret_file(tmp_path, bot.password), "--force"]
    code, said = finish("init", str(folder), *answers(synapse, bot.user_id, *given))
    assert code == 78, said
    assert str(folder) in said
    assert {file.name for file in folder.iterdir()} <= {"config.toml", "zhibu.db", "zhibu.db.lock"}
    assert await devices(synapse, bot) == 1


@contextlib.contextmanager
def stranger() -> Iterator[str]:
    """Give the address of a web server that is no homeserver."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        (["--homeserver", "{away}"], 69, "{away}"),
        (["--homeserver", "{stranger}"], 69, "{stranger}"),
        (["--homeserver", "http://chat.example.org"], 78, "chat.example.org"),
        (["--user", "zhibu"], 78, "[bot] user"),
        (["--password-file", "{wrong}"], 77, "{user}"),
        (["--password-file", "{folder}/nowhere"], 78, "nowhere"),
        (["--password-file", "{empty}"], 78, "empty"),
        (["--registration-secret-file", "{wrong}"], 2, "--registration-secret-file"),
        (["--database", "mysql://host/name"], 73, "mysql"),
        (["--database", "sqlite:////nowhere/at/all/zhibu.db"], 73, "/nowhere/at/all"),
        (["--database", "sqlite:///{foreign}"], 73, "Zhibu"),
        (["--database", "postgresql://zhibu:hidden@127.0.0.1:1/zhibu"], 73, "127.0.0.1"),
        (["--console-port", "{taken}"], 69, "{taken}"),
        (["--console-host", "192.0.2.1"], 69, "192.0.2.1"),
        (["--console-address", "zhibu.example.org"], 78, "[console] address"),
        (["--timezone", "Asia/Shangai"], 78, "Asia/Shangai"),
    ],
)
async def test_every_wrong_answer_is_one_sentence_and_leaves_nothing_behind(
    synapse: Synapse,
    account: MakeAccount,
    tmp_path: Path,
    options: list[str],
    code: int,
    named: str,
) -> None:
    bot = await account("bot")
    with contextlib.closing(sqlite3.connect(tmp_path / "songs.db")) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    songs = (tmp_path / "songs.db").read_bytes()
    with socket.socket() as other, stranger() as address:
        other.bind(("127.0.0.1", 0))
        other.listen()
        filled = {
            "away": f"http://127.0.0.1:{free_port()}",
            "stranger": address,
            "wrong": secret_file(tmp_path, "not the password", "wrong"),
            "empty": secret_file(tmp_path, "", "empty"),
            "folder": str(tmp_path),
            "foreign": str(tmp_path / "songs.db"),
            "taken": str(other.getsockname()[1]),
            "user": bot.user_id,
        }
        right = answers(synapse, bot.user_id, "--password-file", secret_file(tmp_path, bot.password))
        wrong = [option.format_map(filled) for option in options]
        before = sorted(file.name for file in tmp_path.iterdir())
        got, said = finish("init", str(tmp_path / "new"), *right, *wrong)
    assert got == code, said
    assert named.format_map(filled) in said
    assert not {"hidden", bot.password, "not the password"} & set(said.split())
    left = {"songs.db.lock"} if "{foreign}" in options[1] else set()
    assert {file.name for file in tmp_path.iterdir()} - left == set(before)
    assert (tmp_path / "songs.db").read_bytes()[100:] == songs[100:]
    assert await devices(synapse, bot) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_wrong_registration_secret_is_refused(synapse: Synapse, tmp_path: Path, language: str) -> None:
    wrong = ["--registration-secret-file", secret_file(tmp_path, "not the secret")]
    user = f"@never-{free_port()}:zhibu.localhost"
    code, said = finish("init", str(tmp_path / "a"), *answers(synapse, user, *wrong), language=language)
    assert code == 77
    assert "registration_shared_secret" in said
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_that_are_missing_are_all_named_at_once(tmp_path: Path, language: str) -> None:
    code, said = finish("init", str(tmp_path / "a"), "--yes", language=language)
    assert code == 2
    assert all(option in said for option in ("--homeserver", "--user", "--password-file"))
    assert list(tmp_path.iterdir()) == []


async def test_set_up_beside_a_running_program_is_refused_and_leaves_it_alone(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    program = installation.start(listening=True)
    try:
        given = ["--password-file", secret_file(tmp_path, bot.password)]
        code, said = finish("init", str(tmp_path), *answers(synapse, bot.user_id, *given), "--force")
        assert code == 73
        assert str(program.process.pid) in said
        assert checked(installation.config)[0] == 0
    finally:
        assert program.interrupt() == 0, program.text


# --- doctor -----------------------------------------------------------------------------------------------------------


def _break_settings(folder: Path) -> None:
    (folder / "config.toml").write_text("[bot\n")


def _lose_password(folder: Path) -> None:
    (folder / "bot-password").unlink()


def _open_password(folder: Path) -> None:
    (folder / "bot-password").chmod(0o644)


def _put_foreign_database(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "zhibu.db")) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    (folder / "zhibu.db").chmod(0o600)


def _put_no_database(folder: Path) -> None:
    (folder / "zhibu.db").write_text("this is not a database at all, just words " * 50)
    (folder / "zhibu.db").chmod(0o600)


def _change_nothing(folder: Path) -> None:
    """Leave the installation as it is: its homeserver is away."""


@pytest.mark.parametrize(
    ("spoil", "code", "noun"),
    [
        (_break_settings, 78, "settings"),
        (_lose_password, 78, "files"),
        (_open_password, 78, "files"),
        (_put_foreign_database, 73, "database"),
        (_put_no_database, 73, "database"),
        (_change_nothing, 69, "homeserver"),
    ],
)
def test_a_fault_is_named_and_gives_its_exit_code(
    tmp_path: Path, spoil: Callable[[Path], None], code: int, noun: str
) -> None:
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    spoil(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    got, stands, said = checked(installation.config)
    assert got == code, said
    assert stands[noun] == "fault"
    assert next(name for name in stands if stands[name] == "fault") == noun
    assert "secret words" not in said
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    for language, word in zip(LANGUAGES, ("故障", "fault"), strict=True):
        spoken = finish("doctor", "-c", str(installation.config), language=language)
        assert spoken[0] == code
        assert word in spoken[1]


def test_a_taken_console_port_is_a_fault_before_the_start(tmp_path: Path) -> None:
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        code, stands, said = checked(installation.config)
    assert (code, stands["port"]) == (69, "fault"), said


async def test_a_login_that_was_revoked_and_keys_that_others_read_are_found(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    (tmp_path / "keys" / "pickle.key").chmod(0o640)
    code, stands, said = checked(installation.config)
    assert (code, stands["files"]) == (78, "fault"), said
    assert "pickle.key" in said
    (tmp_path / "keys" / "pickle.key").chmod(0o600)

    (tmp_path / "keys" / "signing" / "master.pickle").unlink()
    code, stands, said = checked(installation.config)
    assert (code, stands["login"], stands["device"]) == (0, "ok", "warning"), said
    assert not (tmp_path / "keys" / "signing" / "master.pickle").exists()

    token = login(tmp_path).access_token
    async with Member(synapse.url, login(tmp_path)) as member:
        await member.ask("POST", "/v3/logout", {})
    code, stands, said = checked(installation.config)
    assert (code, stands["login"]) == (77, "fault"), said
    assert "--new-login" in said
    assert token not in said


async def test_keys_of_another_account_are_found(synapse: Synapse, account: MakeAccount, tmp_path: Path) -> None:
    bot, other = await account("bot"), await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    text = installation.config.read_text().replace(bot.user_id, other.user_id)
    installation.config.write_text(text)
    code, stands, said = checked(installation.config)
    assert (code, stands["login"]) == (78, "fault"), said
    assert bot.user_id in said


async def _keep(installation: Installation, *facts: Any) -> None:
    store = await Store.open(installation.database)
    await store.settle(notes=list(facts))
    await store.close()


async def test_rooms_that_are_missing_left_or_silent_are_named_with_what_to_do(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, leader = await account("bot"), await account("leader")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    names = {name: OrganisationId(name) for name in ("运转党支部", "货运党支部", "客运党支部")}
    for name, id in names.items():
        node = Organisation(id=id, parent=None, kind=Kind.BRANCH, name=name)
        await _keep(installation, OrganisationFounded(organisation=node))
    code, stands, said = checked(installation.config)
    assert (code, stands["organisation"], stands["rooms"]) == (0, "ok", "warning"), said
    assert all(name in said for name in names)

    async with Member(synapse.url, leader) as member, Member(synapse.url, login(tmp_path)) as robot:
        rooms = {}
        for name, id in names.items():
            rooms[name] = await member.create_room(bot.user_id)
            await robot.join(rooms[name])
            room = Room(
                id=RoomId(rooms[name]), organisation=id, purpose=Purpose.BRANCH, name=f"{name}群", encrypted=False
            )
            await _keep(installation, RoomKept(room=room))
        code, stands, said = checked(installation.config)
        assert (code, stands["rooms"]) == (0, "ok"), said

        await robot.leave(rooms["货运党支部"])
        where = f"/v3/rooms/{quote(rooms['客运党支部'])}/state/m.room.power_levels"
        levels = await member.ask("GET", where)
        await member.ask("PUT", where, levels | {"events_default": 10})
    code, said = finish("doctor", "-c", str(installation.config))
    assert code == 0
    away, silent = (line for line in said.splitlines() if line.split()[1] == "rooms")
    assert away.startswith("warning")
    assert "货运党支部群" in away
    assert "客运党支部群" in silent
    assert "运转党支部群" not in said


async def test_an_upgrade_has_nothing_to_do_after_set_up_and_refuses_a_running_program(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    code, said = finish("upgrade", "-c", str(installation.config))
    assert code == 73
    assert "zhibu run" in said
    program = installation.start(listening=True)
    try:
        assert finish("upgrade", "-c", str(installation.config))[0] == 73
    finally:
        assert program.interrupt() == 0, program.text
    for language in LANGUAGES:
        code, said = finish("upgrade", "-c", str(installation.config), language=language)
        assert code == 0, said
        assert ScriptDirectory.from_config(alembic_config()).get_current_head() in said


@pytest.fixture(scope="module")
def running(synapse: Synapse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Give one installation at work to all who only look at it."""
    bot = asyncio.run(synapse.register(f"looked-at-{free_port()}", "a long password"))
    installation = Installation(tmp_path_factory.mktemp("running"), synapse.url, bot.user_id, bot.password)
    program = installation.start(listening=True)
    yield installation
    assert program.interrupt() == 0, program.text


@pytest.mark.parametrize("what", ["members", "lessons", "outbox", "audit"])
def test_records_are_written_out_beside_a_running_program(running: Installation, tmp_path: Path, what: str) -> None:
    for form in ("json", "csv", "xlsx"):
        file = tmp_path / f"{what}.{form}"
        options = ["--format", form, "-o", str(file), "-c", str(running.config)]
        code, said = finish("export", what, *options)
        assert code == 0, said
        assert file.stat().st_size > 0
