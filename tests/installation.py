"""A real installation for tests: its folder, its settings, and the program as a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.nursery import Door, Life
from tests.synapse_fixture import free_port
from tests.waiting import until
from zhibu.config import load_config
from zhibu.master_key import make_master, master_file
from zhibu.record_key import key_file, make_key


class Program:
    """One run of the command line in the background."""

    def __init__(
        self,
        arguments: list[str],
        folder: Path,
        language: str = "en_US.UTF-8",
        *,
        environment: Mapping[str, str] | None = None,
        piece: str = "",
        fresh: bool = False,
    ) -> None:
        """Start it; ``piece`` is Python that opens the front door in another way than ``-m zhibu``.

        A ``fresh`` one is started from nothing also where a nursery would save it the loading.
        """
        self.log = folder / f"program-{len(list(folder.glob('program-*')))}.log"
        variables = {**os.environ, "LC_ALL": language, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.process: Life | subprocess.Popen[bytes]
        if Door.is_open and not piece and not fresh:
            self.process = Life(arguments, variables, self.log, self.log)
            return
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(["-c", piece] if piece else ["-m", "zhibu"]), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=variables,
            )

    @property
    def text(self) -> str:
        """Return everything it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def interrupt(self, number: int = signal.SIGINT, *, within: float = 20) -> int:
        """End it politely and return its exit code; fail when that takes longer than a person waits."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=within)


def finish(*arguments: str, language: str = "en_US.UTF-8") -> tuple[int, str]:
    """Run a command to its end, with nobody to ask; return its exit code and what it said, never a traceback."""
    code, said = end(*arguments, environment={"LC_ALL": language})
    assert "Traceback" not in said, said
    return code, said


def end(*arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command to its end, however it ends; return its exit code and what it said."""
    variables = {**os.environ, **environment}
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        if Door.is_open:
            code = Life(arguments, variables, out, err).wait(60)
        else:
            command = [sys.executable, "-m", "zhibu", *arguments]
            with out.open("wb") as told, err.open("wb") as warned:
                code = subprocess.call(
                    command, stdin=subprocess.DEVNULL, stdout=told, stderr=warned, env=variables, timeout=60
                )
        return code, (out.read_bytes() + err.read_bytes()).decode()


class Installation:
    """A folder with settings for a bot account that exists on a homeserver."""

    def __init__(
        self,
        folder: Path,
        homeserver: str,
        user: str,
        password: str,
        *,
        encrypted: bool = True,
        database: str = "",
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.config = folder / "config.toml"
        self.database = database or f"sqlite:///{folder / 'zhibu.db'}"
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f"""
[storage]
database = "{database or "sqlite:///zhibu.db"}"
[bot]
homeserver = "{homeserver}"
user = "{user}"
password_file = "bot-password"
encrypted = {str(encrypted).lower()}
[console]
port = {self.port}
second_factor = "offered"
""",
            encoding="utf-8",
        )
        file = folder / "bot-password"
        file.touch(0o600)
        file.write_text(password)

    @classmethod
    def of(cls, folder: Path) -> Installation:
        """Take up an installation that is there already."""
        config = load_config(folder / "config.toml")
        installation = cls.__new__(cls)
        installation.folder, installation.config = folder, folder / "config.toml"
        installation.port, installation.database = config.console.port, config.database
        return installation

    def beside(self, folder: Path) -> Installation:
        """Make the settings of another console on the same database, with no secrets but two keys."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self.config.read_text(encoding="utf-8")
        other = Installation.__new__(Installation)
        other.folder, other.config = folder, folder / "config.toml"
        other.port, other.database = free_port(), self.database
        other.config.write_text(text.replace(f"port = {self.port}", f"port = {other.port}"), encoding="utf-8")
        mine, theirs = load_config(self.config), load_config(other.config)
        key_file(theirs).parent.mkdir(mode=0o700)
        for key, copy in ((make_key(mine), key_file(theirs)), (make_master(mine), master_file(theirs))):
            copy.touch(0o600)
            copy.write_bytes(key)
        return other

    def start(self, command: str = "run", *, listening: bool = False) -> Program:
        """Run it, or one half of it, until its console answers; or until its bot has signed in and listens too."""
        program = Program([command, "-c", str(self.config)], self.folder)
        until(lambda: program.process.poll() is not None or self._answers(), "the console to answer")
        if listening:
            until(lambda: program.process.poll() is not None or '"listening"' in program.text, "the bot to listen")
        assert program.process.poll() is None, program.text
        return program

    def sign_in(self, number: int = signal.SIGINT) -> None:
        """Run it until its bot has signed in and listens, and stop it by a signal."""
        program = self.start(listening=True)
        assert program.interrupt(number) == 0, program.text

    def await_console(self) -> None:
        """Wait until the console of a program that was started answers."""
        until(self._answers, "the console to answer")

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Sample:
    """The sample branch, run for scripts; ``ready`` is what its ready file says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.arguments = arguments
        self.ready: dict[str, Any] = {}
        self.program: Program | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> dict[str, Any]:
        """Start it and return what its ready file says."""
        file = self.folder / "ready.json"
        file.unlink(missing_ok=True)
        arguments = ["demo", "--headless", "--ready-file", str(file), "--data", str(self.folder / "data")]
        ports = ["--console-port", "0", "--homeserver-port", "0"]
        program = self.program = Program([*arguments, *ports, *self.arguments], self.folder, fresh=True)
        until(lambda: program.process.poll() is not None or file.exists(), "the ready file", 120)
        assert program.process.poll() is None, program.text
        self.ready = json.loads(file.read_text(encoding="utf-8"))
        return self.ready

    def stop(self) -> int:
        """Stop it with Ctrl-C and return its exit code."""
        assert self.program is not None
        return self.program.interrupt()

    def member(self, name: str) -> dict[str, str]:
        """Return the login of a member by name."""
        return next(one for one in self.ready["members"] if one["name"] == name)
