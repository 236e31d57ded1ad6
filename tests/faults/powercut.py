"""A disk that remembers every write and sync, and the files as they might lie on it after the power went out (F29).

Directory operations are taken as durable, sectors of 512 bytes as whole; of what was written since a file's last sync
a half arrived, in any order, and some of it torn.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import sqlite3
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import Engine, create_engine, event, text

from bot.clock import closing
from content.checkins import State
from content.identifiers import LessonId
from content.lessons import LessonWritten
from storage.engines import _prepare
from storage.store import Store
from tests.faults import apsw_driver
from tests.small_branch import LI, NOON, SECRETARY, WANG, ZHANG, HandClock, SmallBranch, lesson

SECTOR = 512
_names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to a file, or an acknowledgement: ``what`` is write, truncate, sync, delete or ack."""

    what: str
    file: str
    at: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Disk:
    """The record of a disk."""

    steps: list[Step] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, file: str, at: int = 0, data: bytes = b"") -> None:
        """Keep one step."""
        with self.lock:
            self.steps.append(Step(what, Path(file).name, at, data))


class RecordedFile(apsw.VFSFile):
    """A file whose changes are kept."""

    def __init__(self, disk: Disk, base: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__(base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        if self._name:
            self._disk.add("write", self._name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        if self._name:
            self._disk.add("truncate", self._name, size)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self._name:
            self._disk.add("sync", self._name)


class RecordedDisk(apsw.VFS):
    """The ordinary disk with a record beside it."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.name = f"recorded{next(_names)}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:
        return RecordedFile(self._disk, "", name, flags)

    def xDelete(self, name: str, sync_directory: bool) -> None:
        super().xDelete(name, sync_directory)
        self._disk.add("delete", name)


def open_recorded(file: Path, pragmas: tuple[str, ...]) -> Engine:
    """Return the store's own engine on the recorded disk, with what a case changes of its settings."""
    engine = create_engine(f"sqlite+pysqlite:///{file}", module=apsw_driver, hide_parameters=True, pool_size=12)
    _prepare(engine)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    return engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a run has left: the file before it, and every step since."""

    before: bytes
    steps: list[Step]


async def record(founded: Path, folder: Path, pragmas: tuple[str, ...], units: int) -> Recording:
    """Do real work on the recorded disk: lessons go out, members answer, rows are claimed, sent and closed."""
    file = folder / "branch.db"
    shutil.copyfile(founded, file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    before = file.read_bytes()
    disk, clock = Disk(), HandClock(NOON)
    vfs = RecordedDisk(disk)
    apsw_driver.VFS["name"] = vfs.name
    store = Store(open_recorded(file, pragmas), clock)
    branch = SmallBranch(store, clock)

    async def acknowledged(unit: Any) -> None:
        await unit
        cause = (await store.read(_newest))[-1]
        disk.add("ack", cause)

    try:
        mode = await store.read(lambda unit: unit.value(text("PRAGMA journal_mode")))
        assert (mode == "wal") is ("journal_mode=DELETE" not in pragmas), mode
        for number in range(units):
            clock.forward(seconds=5)
            taught = LessonId(f"lesson{number}")
            await store.settle(notes=[LessonWritten(lesson=lesson(taught), author=SECRETARY)])
            id = await branch.open(taught)
            disk.add("ack", (await store.read(_newest))[-1])
            for member in (ZHANG, LI, WANG):
                await acknowledged(branch.answer(id, member))
            await acknowledged(branch.answer(id, LI, leave="事假"))
            await branch.send_all()
            assert await branch.state(id, LI) is State.EXCUSED
            if number % 4 == 3:
                clock.forward(hours=3)
                await acknowledged(store.settle([closing(id)]))
    finally:
        await store.close()
        apsw_driver.VFS["name"] = None
    return Recording(before=before, steps=disk.steps)


async def _newest(unit: Any) -> list[str]:
    from sqlalchemy import select

    from storage.audit import audit

    rows = await unit.rows(select(audit.c.cause).order_by(audit.c.number.desc()).limit(1))
    return [str(rows[0].cause)]


def cut(recording: Recording, after: int, chance: random.Random) -> dict[str, bytearray]:
    """Return the files as a disk might hold them when the power goes out after so many steps."""
    files: dict[str, bytearray] = {"branch.db": bytearray(recording.before)}
    since: dict[str, list[Step]] = defaultdict(list)
    for step in recording.steps[:after]:
        if step.what == "delete":
            files.pop(step.file, None)
            since.pop(step.file, None)
        elif step.what == "sync":
            for done in since.pop(step.file, []):
                _apply(files, done)
        elif step.what != "ack":
            files.setdefault(step.file, bytearray())
            since[step.file].append(step)
    for steps in since.values():
        for done in steps:
            if chance.random() < 0.5:
                torn = done.what == "write" and chance.random() < 0.2
                _apply(files, _torn(done, chance) if torn else done)
    return files


def _apply(files: dict[str, bytearray], step: Step) -> None:
    content = files.setdefault(step.file, bytearray())
    if step.what == "truncate":
        del content[step.at :]
        return
    if len(content) < step.at:
        content.extend(bytes(step.at - len(content)))
    content[step.at : step.at + len(step.data)] = step.data


def _torn(step: Step, chance: random.Random) -> Step:
    sectors = max(1, len(step.data) // SECTOR)
    return Step(step.what, step.file, step.at, step.data[: chance.randrange(sectors) * SECTOR])


def acknowledged(recording: Recording, after: int) -> set[str]:
    """Return the causes that were acknowledged by then."""
    return {step.file for step in recording.steps[:after] if step.what == "ack"}


def examine(files: dict[str, bytearray], promised: set[str], folder: Path) -> str | None:
    """Open what is left with a SQLite of its own; return ``corrupt``, ``lost`` or nothing."""
    for old in folder.glob("branch.db*"):
        old.unlink()
    for name, content in files.items():
        if not name.endswith("-shm"):
            (folder / name).write_bytes(content)
    try:
        with contextlib.closing(sqlite3.connect(folder / "branch.db")) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return "corrupt"
            if connection.execute("PRAGMA foreign_key_check").fetchall():
                return "corrupt"
            kept = {row[0] for row in connection.execute("SELECT cause FROM audit")}
            counted = connection.execute(
                "SELECT occurrence_id, branch_id, state, count(*) FROM expectations GROUP BY 1, 2, 3"
            ).fetchall()
            tallied = connection.execute(f"SELECT occurrence_id, branch_id, {', '.join(State)} FROM tallies").fetchall()
    except sqlite3.DatabaseError:
        return "corrupt"
    by_state = {
        (occurrence, branch, state.value, number)
        for occurrence, branch, *numbers in tallied
        for state, number in zip(State, numbers, strict=True)
        if number
    }
    if set(counted) != by_state:
        return "corrupt"
    return None if promised <= kept else "lost"


CASES = {
    "WAL + FULL": ("wal_autocheckpoint=60",),
    "DELETE + EXTRA": ("journal_mode=DELETE", "synchronous=EXTRA"),
    "WAL + NORMAL": ("wal_autocheckpoint=60", "synchronous=NORMAL"),
    "WAL + OFF": ("wal_autocheckpoint=60", "synchronous=OFF"),
}
"""The two settings we run with, as the store makes them, and two that must be caught."""


async def try_cuts(founded: Path, folder: Path, case: str, cuts: int, seed: int, units: int = 8) -> dict[str, int]:
    """Record one run and cut it so many times; return how often something was lost and how often corrupt."""
    recording = await record(founded, folder, CASES[case], units)
    chance = random.Random(seed)
    place = folder / "after"
    place.mkdir(exist_ok=True)
    found = {"lost": 0, "corrupt": 0}
    for _ in range(cuts):
        after = chance.randrange(1, len(recording.steps) + 1)
        verdict = examine(cut(recording, after, chance), acknowledged(recording, after), place)
        if verdict is not None:
            found[verdict] += 1
    return found
