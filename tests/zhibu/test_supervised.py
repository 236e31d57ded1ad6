"""A console as a supervisor runs it: ready when it serves, fed while it lives, and told when it stops."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.installation import Installation, Program, finish
from tests.waiting import until

TOKEN = "0123456789abcdef0123456789abcdef"


class Supervisor:
    """Hears what a program says of itself, as systemd does."""

    def __init__(self, address: Path) -> None:
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while said := self._socket.recv(200):
            self.heard.append(said.decode())

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()


@pytest.fixture
def installation(sqlite_template: Path, tmp_path: Path) -> Installation:
    """Give an installation with tables, and a token for metrics."""
    found = Installation(tmp_path / "a", "http://127.0.0.1:9", "@zhibu:test", "none")
    shutil.copyfile(sqlite_template, found.folder / "zhibu.db")
    with found.config.open("a") as settings:
        settings.write('metrics_token_file = "token"\n')
    token = found.folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    return found


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    found = Supervisor(address)
    yield found
    found.close()


def ask(installation: Installation, path: str, **headers: str) -> tuple[int, str]:
    """Ask a console; return the status and the body, whatever the status."""
    try:
        with urlopen(Request(f"http://127.0.0.1:{installation.port}{path}", headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_a_supervisor_hears_that_it_is_ready_lives_and_stops(
    installation: Installation, supervisor: Supervisor
) -> None:
    program = Program(["console", "-c", str(installation.config)], installation.folder)
    try:
        until(lambda: "READY=1" in supervisor.heard or program.process.poll() is not None, "the console to be ready")
        assert program.process.poll() is None, program.text
        assert ask(installation, "/health") == (200, '{"program":"zhibu","status":"ok"}\n')
        until(lambda: supervisor.heard.count("WATCHDOG=1") > 1, "the watchdog to be fed")

        status, body = ask(installation, "/ready")
        assert (status, json.loads(body)["reasons"]) == (503, ["bot_never", "clock_never"])
        assert ask(installation, "/metrics")[0] == 200
        assert ask(installation, "/metrics", Via="proxy")[0] == 404
        assert ask(installation, "/metrics", Via="proxy", Authorization=f"Bearer {TOKEN}")[0] == 200
    finally:
        code = program.interrupt()
    assert code == 0, program.text
    assert supervisor.heard[-1] == "STOPPING=1"


@pytest.mark.parametrize(
    ("mode", "text", "says"),
    [(0o644, TOKEN, "can be read by others"), (0o600, "short", "too short"), (None, "", "cannot be read")],
    ids=["open to others", "short", "missing"],
)
def test_a_token_that_keeps_nobody_out_is_refused_at_the_start(
    installation: Installation, mode: int | None, text: str, says: str
) -> None:
    """I098: a secret is in a file of its owner's alone, and is none that could be guessed."""
    token = installation.folder / "token"
    token.unlink()
    if mode is not None:
        token.write_text(text)
        token.chmod(mode)
    code, said = finish("console", "-c", str(installation.config))
    assert code == 78
    assert says in said
    assert TOKEN not in said
