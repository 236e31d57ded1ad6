"""A nursery of programs: a process that has loaded all of ours once, and forks whenever a life of it is to begin.

To load a thousand modules is most of what a start costs, and the suite starts the program some hundreds of times. A
life from here begins where the interpreter would call ``main``; that a program comes so far from nothing is seen by the
sample branch, by every piece of Python that opens the front door, and by ``make faults``, which knows no nursery. These
make the tables of a new file by all migrations too, which a life from here is spared.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOMS = ("content", "storage", "bot", "console", "zhibu")
APART = ("zhibu.__main__", "zhibu.demo", "storage.migrations")
"""What is a program or a script itself, or is never part of one that is at work."""


class Nursery:
    """One process that forks for a test run; it is asked line by line, and ends when nobody can ask any more."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[1],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._line = ours.makefile("rw", encoding="utf-8")
        self._turn = threading.Lock()

    def ask(self, **order: Any) -> Any:
        """Have something done there, and return the answer."""
        with self._turn:
            self._line.write(json.dumps(order) + "\n")
            self._line.flush()
            return json.loads(self._line.readline())

    def close(self) -> None:
        """Let it end."""
        self._line.close()
        self._process.wait()


class Door:
    """Whether programs may be born in the nursery at all: in the suite, and nowhere else."""

    is_open = False


@cache
def nursery() -> Nursery:
    """Return the nursery of this process, started when it is first asked for."""
    found = Nursery()
    atexit.register(found.close)
    return found


class Life:
    """A program that was born in the nursery, to be waited for and ended as if it were a child of our own."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
        """Let ``zhibu`` begin with these arguments; what it says goes into files, or both into one."""
        self.returncode: int | None = None
        self._pulse = threading.Event()
        for file in (out, err):
            # Whoever looks before the life has opened it finds it empty, as it would be.
            file.touch(0o644)
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": os.getcwd()}
        self.pid = int(nursery().ask(**order, out=str(out), err=str(err)))

    def poll(self) -> int | None:
        """Return how it ended, ``None`` while it lives."""
        if self.returncode is None:
            self.returncode = nursery().ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how. Raises TimeoutExpired."""
        left = float("inf") if timeout is None else timeout
        while (code := self.poll()) is None:
            if left <= 0:
                raise subprocess.TimeoutExpired("zhibu", timeout or 0)
            self._pulse.wait(0.05)
            left -= 0.05
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def load_everything() -> None:
    """Load every module of every room, and what a program loads only when it needs it."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not found.name.startswith(APART):
                importlib.import_module(found.name)
    for library in ("alembic.command", "psycopg", "sqlalchemy.ext.asyncio"):
        importlib.import_module(library)


def make_tables(folder: str) -> list[str]:
    """Run all migrations once, and return the statements by which the same tables are made without their history."""
    from sqlalchemy import text

    from storage.engines import open_working_engine
    from storage.migrate import migrate, standing

    engine = open_working_engine(f"sqlite:///{folder}/tables.db")
    migrate(engine)
    made = text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type != 'table', rowid")
    with engine.connect() as connection:
        statements = [str(row.sql) for row in connection.execute(made)]
        statements.append(f"INSERT INTO alembic_version VALUES ('{standing(connection).head}')")
    engine.dispose()
    return statements


def make_new_files_at_one_stroke(tables: list[str]) -> None:
    """Let a file without tables be given them as they stand today.

    Whatever has tables is changed step by step, and so is everything in a life that is to end at some place.
    """
    from alembic import command
    from sqlalchemy import inspect

    from storage.crashpoints import ARMED

    step_by_step = command.upgrade

    def upgrade(config: Any, revision: str) -> None:
        connection = config.attributes["connection"]
        if os.environ.get(ARMED) or connection.dialect.name != "sqlite" or inspect(connection).get_table_names():
            step_by_step(config, revision)
            return
        for statement in tables:
            connection.exec_driver_sql(statement)

    command.upgrade = upgrade  # type: ignore[assignment]


def serve(line: socket.socket) -> dict[str, Any] | None:
    """Answer until nobody asks any more; in a life that begins, return what it is to do."""
    living = set[int]()
    with line, line.makefile("rw", encoding="utf-8") as asked:
        for request in asked:
            order = json.loads(request)
            if "ended" in order:
                answer = _ended(order["ended"], living)
            else:
                answer = os.fork()
                if not answer:
                    return dict(order)
                living.add(answer)
            asked.write(json.dumps(answer) + "\n")
            asked.flush()
    return None


def _ended(pid: int, living: set[int]) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found:
        return None
    living.remove(pid)
    return os.waitstatus_to_exitcode(status)


def live(order: dict[str, Any]) -> None:
    """Be the program, as if the interpreter had been started for it."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.chdir(order["folder"])
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    same = order["err"] == order["out"]
    err = out if same else os.open(order["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    _arm()
    sys.argv = ["zhibu", *order["arguments"]]
    runpy.run_module("zhibu", run_name="__main__")


def _arm() -> None:
    """Let the place at which this life is to end be known everywhere, as if it had been when that was loaded."""
    from storage import crashpoints

    unarmed, armed = crashpoints.crashpoint, crashpoints._armed(os.environ.get(crashpoints.ARMED, ""))
    for module in list(sys.modules.values()):
        if getattr(module, "crashpoint", None) is unarmed:
            module.crashpoint = armed  # type: ignore[attr-defined]


if __name__ == "__main__":
    # Ctrl-C is for the lives, and one that comes before a life has begun waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    load_everything()
    with tempfile.TemporaryDirectory() as place:
        make_new_files_at_one_stroke(make_tables(place))
    gc.freeze()
    born = serve(socket.socket(fileno=int(sys.argv[1])))
    if born is not None:
        live(born)
