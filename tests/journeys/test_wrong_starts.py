"""Everything that a person can get wrong at the front door ends in one clear sentence and its own exit code."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.installation import finish as _zhibu
from tests.member import Member
from tests.synapse_fixture import free_port
from zhibu.demo.synapse import Account, Synapse

KEY_FILES = {"pickle.key", "session.json", "crypto.db"}
LANGUAGES = ("zh_CN.UTF-8", "en_US.UTF-8")


def _config(folder: Path, text: str) -> str:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


GOOD_BOT = '[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:test"\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD_BOT + '[consol]\nport = 1\n[storage]\ndatabse = "x"\n', ["[consol]", "console", "databse", "database"]),
        (GOOD_BOT + '[console]\nport = "8480"\n', ["[console] port"]),
        ('[bot]\nuser = "zhibu"\n', ["[bot] homeserver"]),
        ('[bot]\nhomeserver = "http://chat.example.org"\nuser = "zhibu"\n', ["http://chat.example.org", "zhibu"]),
        (GOOD_BOT + '[content]\ntimezone = "Asia/Shangai"\nlanguage = "fr"\n', ["Asia/Shangai", "language"]),
        (
            GOOD_BOT + "[console]\nport = 1e3\n[bot2]\n[content]\nlanguage = true\n",
            ["[console] port", "[content] language"],
        ),
        (GOOD_BOT + 'password = "hush hush"\n[console]\nsession_key = "hush hush"\n', ["password_file", "session_key"]),
        ("[bot\n", ["config.toml"]),
        ("[bot]\nuser = 1\nuser = 2\n", ["config.toml"]),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_in_the_settings_is_named_at_once(
    tmp_path: Path, text: str, named: list[str], language: str
) -> None:
    """F60, I095 to I098, I100, I102: also a secret written into the settings, which is not shown."""
    code, said = _zhibu("run", "-c", _config(tmp_path, text), language=language)
    assert code == 78
    for name in named:
        assert name in said
    assert "hush hush" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_missing_settings_say_how_to_make_them(tmp_path: Path, language: str) -> None:
    code, said = _zhibu("run", "-c", str(tmp_path / "nowhere.toml"), language=language)
    assert code == 78
    assert "zhibu init" in said


def test_settings_with_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    """I095."""
    file = tmp_path / "config.toml"
    settings = GOOD_BOT + "[console]\nport = 0\n"
    file.write_bytes(b"\xef\xbb\xbf" + settings.replace("\n", "\r\n").encode())
    code, said = _zhibu("run", "--no-wait", "-c", str(file))
    assert code == 78
    assert "bot-password" in said


def test_a_missing_password_file_and_one_that_others_can_read_are_refused(tmp_path: Path) -> None:
    """I098, F38."""
    config = _config(tmp_path, GOOD_BOT)
    code, said = _zhibu("run", "--no-wait", "-c", config)
    assert code == 78
    assert "bot-password" in said
    (tmp_path / "bot-password").write_text("secret words")
    (tmp_path / "bot-password").chmod(0o644)
    code, said = _zhibu("run", "--no-wait", "-c", config)
    assert code == 78
    assert "chmod go= " in said
    assert "secret words" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unreachable_homeserver_is_named(tmp_path: Path, language: str) -> None:
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    code, said = _zhibu("run", "--no-wait", "-c", str(installation.config), language=language)
    assert code == 69
    assert "http://127.0.0.1:" in said
    assert "secret words" not in said


@pytest.mark.synapse
async def test_a_wrong_password_is_refused_once_and_nothing_is_kept(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, "not the password")
    code, said = _zhibu("run", "--no-wait", "-c", str(installation.config))
    assert code == 77
    assert bot.user_id in said
    assert "not the password" not in said
    assert not (tmp_path / "keys" / "device" / "session.json").exists()


@pytest.mark.synapse
async def test_a_revoked_login_is_explained_and_mended_by_one_option(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in(signal.SIGTERM)
    session = json.loads((tmp_path / "keys" / "device" / "session.json").read_text())
    revoked = Account(
        user_id=bot.user_id, access_token=session["access_token"], device_id=session["device_id"], password=""
    )
    async with Member(synapse.url, revoked) as member:
        await member.ask("POST", "/v3/logout", {})
    code, said = _zhibu("run", "--no-wait", "-c", str(installation.config))
    assert code == 77
    assert "--new-login" in said
    assert session["access_token"] not in said


@pytest.mark.synapse
async def test_a_second_program_on_the_same_database_is_told_who_has_it(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    program = installation.start(listening=True)
    try:
        code, said = _zhibu("run", "-c", str(installation.config))
        assert code == 73
        assert str(program.process.pid) in said
    finally:
        assert program.interrupt() == 0, program.text
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.rglob("*") if file.is_file()}
    private = {name: mode for name, mode in modes.items() if name.startswith("zhibu.db") or name in KEY_FILES}
    assert set(private.values()) == {0o600}, private
    assert set(private) >= KEY_FILES


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """I104."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = _zhibu("run", "-c", _config(tmp_path, GOOD_BOT + f"[console]\nport = {port}\n"))
    assert code == 69
    assert str(port) in said


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "zhibu.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = file.read_bytes()
    code, _ = _zhibu("run", "--no-wait", "-c", _config(tmp_path, GOOD_BOT))
    assert code == 73
    with sqlite3.connect(file) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["recipes"]
    connection.close()
    assert len(before) == file.stat().st_size


def test_a_database_folder_that_is_not_there_and_a_file_that_is_none_are_named(tmp_path: Path) -> None:
    """I101."""
    away = GOOD_BOT + '[storage]\ndatabase = "sqlite:///away/zhibu.db"\n'
    code, said = _zhibu("run", "--no-wait", "-c", _config(tmp_path, away))
    assert code == 73
    assert "away" in said
    (tmp_path / "zhibu.db").write_bytes(b"this is not a database at all, just words" * 50)
    code, said = _zhibu("run", "--no-wait", "-c", _config(tmp_path, GOOD_BOT))
    assert code == 73
    assert "zhibu.db" in said


def test_an_unreachable_postgresql_is_named_without_its_password(tmp_path: Path) -> None:
    """I101."""
    text = GOOD_BOT + f'[storage]\ndatabase = "postgresql://zhibu:hidden@127.0.0.1:{free_port()}/zhibu"\n'
    code, said = _zhibu("run", "--no-wait", "-c", _config(tmp_path, text))
    assert code == 73
    assert "hidden" not in said


def test_an_export_before_the_first_start_says_so(tmp_path: Path) -> None:
    code, said = _zhibu("export", "participation", "-c", _config(tmp_path, GOOD_BOT))
    assert code == 73
    assert "zhibu run" in said


def test_a_demo_does_not_delete_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    code, said = _zhibu("demo", "--reset", "--data", str(tmp_path))
    assert code == 2
    assert str(tmp_path) in said
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "command", [[], ["run"], ["bot"], ["console"], ["demo"], ["export"], ["init"], ["doctor"], ["check"], ["upgrade"]]
)
def test_every_command_has_help_that_names_the_exit_codes(command: list[str]) -> None:
    code, said = _zhibu(*command, "--help")
    assert code == 0
    assert "78" in said
