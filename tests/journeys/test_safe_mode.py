"""A start that a person can mend keeps the console open, says why at once, and goes on by itself when it is mended."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.installation import Installation, Program, finish
from tests.member import Member
from tests.synapse_fixture import free_port
from tests.waiting import until
from zhibu.demo.synapse import Account, Synapse

MakeAccount = Callable[..., Awaitable[Account]]


def page(installation: Installation, path: str = "/safe-mode", language: str = "en") -> tuple[int, str]:
    """Return the status and the text of a page; 0 as long as nothing answers."""
    request = Request(f"http://127.0.0.1:{installation.port}{path}", headers={"Accept-Language": language})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def state(installation: Installation) -> str:
    """Return what the console says of the bot."""
    status, said = page(installation, "/ready")
    return str(json.loads(said)["bot"]) if status else ""


def begin(installation: Installation, said: str, *options: str) -> Program:
    """Start the program and wait until it has said something at the terminal and its console answers."""
    program = Program(["run", *options, "-c", str(installation.config)], installation.folder)
    until(lambda: program.process.poll() is not None or said in program.text, said)
    until(lambda: program.process.poll() is not None or page(installation)[0] != 0, "the console")
    assert program.process.poll() is None, program.text
    return program


@pytest.mark.parametrize(("language", "says"), [("en", "cannot be reached"), ("zh-CN", "连不上聊天服务器")])
def test_a_first_start_without_a_homeserver_opens_the_console_and_says_so_everywhere(
    tmp_path: Path, language: str, says: str
) -> None:
    """F16."""
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    program = begin(installation, "Safe mode")
    try:
        assert "cannot be reached" in program.text
        until(lambda: state(installation) == "waiting", "the reason")
        for path in ("/safe-mode", "/sign-in"):
            status, said = page(installation, path, language)
            assert (status, says in said) == (200, True), said
            assert "secret words" not in said
    finally:
        assert program.interrupt() == 0, program.text
    assert "Stopped" in program.text


def test_a_password_file_that_is_put_there_is_taken_up_without_a_new_start(tmp_path: Path) -> None:
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    password = (tmp_path / "bot-password").rename(tmp_path / "aside")
    program = begin(installation, "Safe mode")
    try:
        assert "bot-password" in program.text
        until(lambda: state(installation) == "login_missing", "the reason")
        assert "not there" in page(installation)[1]
        password.rename(tmp_path / "bot-password")
        until(lambda: state(installation) == "waiting", "the next reason")
    finally:
        assert program.interrupt() == 0, program.text


def test_secrets_that_others_can_read_are_not_used_until_they_are_closed(tmp_path: Path) -> None:
    """F38: the start is refused, the command stands at the terminal, and the doctor does it too."""
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "keys" / "pickle.key").write_bytes(b"k" * 32)
    code, said = finish("run", "--no-wait", "-c", str(installation.config))
    assert code == 78
    assert "chmod go=" in said
    program = begin(installation, "chmod go=")
    try:
        until(lambda: state(installation) == "secrets_open", "the reason")
        finish("doctor", "--fix", "-c", str(installation.config))
        until(lambda: state(installation) == "waiting", "the next reason")
    finally:
        assert program.interrupt() == 0, program.text
    modes = {file.stat().st_mode & 0o77 for file in (tmp_path / "keys", tmp_path / "keys" / "pickle.key")}
    assert modes == {0}


def test_a_newer_database_is_left_alone_and_the_console_says_so_without_it(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """F41: nothing is written, every page is the same one, and the right file is taken up when it is there."""
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    file = tmp_path / "zhibu.db"
    shutil.copyfile(sqlite_template, file)
    file.chmod(0o600)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    code, said = finish("run", "--no-wait", "-c", str(installation.config))
    assert (code, "newer" in said) == (73, True)
    program = begin(installation, "Safe mode")
    try:
        assert "newer" in program.text
        for path in ("/", "/safe-mode", "/members", "/sign-in/abc"):
            status, said = page(installation, path)
            assert (status, "newer Zhibu" in said) == (503, True), (path, said)
        assert "更新的版本" in page(installation, "/", "zh-CN")[1]
        assert json.loads(page(installation, "/health")[1])["status"] == "ok"
        assert json.loads(page(installation, "/ready")[1])["reasons"] == ["database_newer"]
        assert file.read_bytes() == before
        shutil.copyfile(sqlite_template, tmp_path / "right.db")
        (tmp_path / "right.db").chmod(0o600)
        (tmp_path / "right.db").rename(file)
        until(lambda: page(installation, "/sign-in")[0] == 200, "the console with its database", 90)
    finally:
        assert program.interrupt() == 0, program.text


def test_a_database_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """F34: where the bot has signed in before, an empty database would pass for a new branch."""
    installation = Installation(tmp_path, f"http://127.0.0.1:{free_port()}", "@zhibu:test", "secret words")
    (tmp_path / "keys" / "device").mkdir(parents=True, mode=0o700)
    (tmp_path / "keys").chmod(0o700)
    (tmp_path / "keys" / "device" / "session.json").touch(0o600)
    for _ in ("missing", "empty"):
        code, said = finish("run", "--no-wait", "-c", str(installation.config))
        assert code == 78
        assert "zhibu.db" in said
        code, said = finish("doctor", "-c", str(installation.config))
        assert "zhibu.db" in said
        assert code == 78
        (tmp_path / "zhibu.db").touch(0o600)
    assert (tmp_path / "zhibu.db").stat().st_size == 0
    program = begin(installation, "Safe mode")
    try:
        assert page(installation, "/")[0] == 503
        assert "restore a backup" in page(installation, "/")[1]
    finally:
        assert program.interrupt() == 0, program.text


@pytest.mark.synapse
async def test_a_wrong_password_is_tried_once_and_the_right_one_as_soon_as_it_is_there(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, "not the password")
    program = begin(installation, "Safe mode")
    try:
        until(lambda: state(installation) == "login_refused", "the reason")
        assert "does not accept" in page(installation)[1]
        assert "not the password" not in program.text
        (tmp_path / "bot-password").write_text(bot.password)
        until(lambda: state(installation) == "ok", "the bot")
        assert "is running" in program.text
        assert "holds the bot up" in page(installation)[1]
    finally:
        assert program.interrupt() == 0, program.text


@pytest.mark.synapse
async def test_a_revoked_login_waits_with_the_console_open_and_a_new_login_goes_on(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    """F55: the console says why, the token is nowhere, and the new device is vouched for by the same identity."""
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    session = json.loads((tmp_path / "keys" / "device" / "session.json").read_text())
    login = Account(
        user_id=bot.user_id, access_token=session["access_token"], device_id=session["device_id"], password=""
    )
    async with Member(synapse.url, login) as member:
        await member.ask("POST", "/v3/logout", {})
    program = begin(installation, "--new-login")
    try:
        until(lambda: state(installation) == "sign_in_needed", "the reason")
        assert "no longer valid" in page(installation)[1]
        assert session["access_token"] not in program.text
    finally:
        assert program.interrupt() == 0, program.text
    program = begin(installation, "is running", "--new-login")
    try:
        until(lambda: state(installation) == "ok", "the bot")
        found = json.loads(finish("doctor", "--json", "-c", str(installation.config))[1])
        stands = {one["noun"]: one["grade"] for one in found}
        assert (stands["keys"], stands["login"], stands["device"]) == ("ok", "ok", "ok"), found
    finally:
        assert program.interrupt() == 0, program.text


@pytest.mark.synapse
async def test_the_doctor_lifts_the_limit_with_an_administrators_token_and_keeps_it_nowhere(
    synapse: Synapse, account: MakeAccount, tmp_path: Path
) -> None:
    bot, administrator = await account("bot"), await account("admin", admin=True)
    installation = Installation(tmp_path / "branch", synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(administrator.access_token + "\n")

    def limit(*options: str) -> list[dict[str, str]]:
        code, said = finish("doctor", "--json", *options, "-c", str(installation.config))
        assert code == 0, said
        assert administrator.access_token not in said
        return [one for one in json.loads(said) if one["noun"] == "limit"]

    (unseen,) = limit()
    assert (unseen["grade"], "cannot see" in unseen["sentence"]) == ("ok", True)
    (seen,) = limit("--admin-token-file", str(token))
    assert (seen["grade"], seen["fix"]) == ("warning", "offered")
    done, lifted = limit("--fix", "--admin-token-file", str(token))
    assert (done["fix"], lifted["grade"]) == ("done", "ok")
    (again,) = limit("--fix", "--admin-token-file", str(token))
    assert "fix" not in again
    token.write_text(bot.access_token)
    (refused,) = limit("--fix", "--admin-token-file", str(token))
    assert (refused["grade"], "fix" in refused) == ("warning", False)
    kept = [file for file in installation.folder.rglob("*") if file.is_file()]
    assert not [file for file in kept if administrator.access_token.encode() in file.read_bytes()]
    token.chmod(0o644)
    assert finish("doctor", "--admin-token-file", str(token), "-c", str(installation.config))[0] == 78
