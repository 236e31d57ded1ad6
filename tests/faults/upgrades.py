"""Upgrades that are killed at a statement, between two migrations or at an instant, and the next start.

The judge reads schema and rows with SQL of its own. What it must find: after the kill the database is as it was, or as
an upgrade leaves it that nobody disturbed, and nothing between; a copy that bears a copy's name is the old database;
and the next start makes of it what it would have been.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from storage.crashpoints import ARMED
from storage.engines import open_working_engine
from storage.migrate import FOLDER, migrate, revisions
from storage.moving import move
from tests.databases import Postgres
from tests.faults.campaign import Tally
from tests.faults.points import IN_UPGRADES
from tests.installation import Installation, finish

RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "databases").glob("*.sql"))
NOWHERE = "http://127.0.0.1:1"
LEFT, TOTAL = "ZHIBU_STATEMENTS_LEFT", "ZHIBU_STATEMENTS_TOTAL"

COUNTING = """
import atexit, os, signal
from sqlalchemy import event
from sqlalchemy.engine import Engine

left, done = int(os.environ.get("ZHIBU_STATEMENTS_LEFT", "0")), 0

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, *rest):
    global done
    done += 1
    if done == left:
        os.kill(os.getpid(), signal.SIGKILL)

if "ZHIBU_STATEMENTS_TOTAL" in os.environ:
    atexit.register(lambda: open(os.environ["ZHIBU_STATEMENTS_TOTAL"], "w").write(str(done)))
"""
"""Ends the program after so many statements, or counts them."""

HASTY = """
@event.listens_for(Engine, "after_cursor_execute")
def keep(connection, cursor, *rest):
    cursor.connection.commit()
"""
"""The known-bad variant: every statement is kept by itself, as where tables are not changed in one transaction."""

FRONT_DOOR = """
from zhibu.cli import main
main()
"""

STRUCTURE_OF_A_SERVER = (
    (
        "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    ),
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    (
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace"
    ),
    "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
)

Rows = dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A database as it lies: what its tables are made of, and all their rows."""

    structure: list[str]
    rows: Rows

    @property
    def revision(self) -> str:
        """Return which revision it says it is of."""
        return (self.rows.get("alembic_version") or [""])[0]


def content(address: str) -> Content:
    """Read a database. A file is opened as the next program would, so that what was cut off is put right first."""
    if not address.startswith("sqlite:///"):
        with psycopg.connect(address) as server:
            structure = [str(row) for question in STRUCTURE_OF_A_SERVER for row in server.execute(question)]  # type: ignore[arg-type]
            named = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return Content(structure=sorted(structure), rows={name: _texts(server, name) for (name,) in named})
    with contextlib.closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as file:
        damage = [str(row) for row in file.execute("PRAGMA integrity_check") if row != ("ok",)]
        damage += [f"stray {row}" for row in file.execute("PRAGMA foreign_key_check")]
        made = file.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        things = made.fetchall()
        tables = [name for kind, name, _, _ in things if kind == "table"]
        rows = {name: sorted(str(row) for row in file.execute(f'SELECT * FROM "{name}"')) for name in tables}
    rows["alembic_version"] = [one.strip("(',)") for one in rows.get("alembic_version", [])]
    return Content(structure=sorted(map(_sorted_lines, things)) + damage, rows=rows)


def _sorted_lines(thing: tuple[str | None, ...]) -> str:
    """Return how a thing was made; tables made anew may name their constraints in another order."""
    return str([*thing[:3], *sorted(line.strip(" \t,") for line in (thing[3] or "").splitlines())])


def _texts(server: psycopg.Connection[Any], table: str) -> list[str]:
    found = server.execute(f'SELECT t::text FROM "{table}" t').fetchall()  # type: ignore[call-overload]
    return sorted(str(text).strip("()") if table == "alembic_version" else str(text) for (text,) in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A database of an earlier revision, what it holds, and what an upgrade makes of it that nobody disturbs."""

    file: Path
    database: str
    """Its name on the server, empty for a file."""
    old: Content
    new: Content
    statements: int
    seconds: float


class Upgrades:
    """Kills upgrades of one engine; everything that is left to chance comes from ``seed``."""

    def __init__(self, folder: Path, seed: int, postgres: Postgres | None, *, hasty: bool = False) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._postgres = postgres
        self._piece = COUNTING + (HASTY if hasty else "")
        self._beginnings: dict[str, Beginning] = {}
        self._fresh: Content | None = None
        self.tally = Tally()
        self.copies = 0
        """How many copies were found to be whole after a kill."""

    async def kill(self, way: str, *, start: str = "") -> None:
        """Let one upgrade be killed in a way, from an earlier revision, and the next start go on."""
        revision = start or self._chance.choice(self._revisions())
        beginning = await self._beginning(revision)
        place = self._folder / f"life-{self.tally.tried}"
        installation, drop = self._laid_out(beginning, place)
        try:
            told = await asyncio.to_thread(self._end_a_life, installation, beginning, way)
            found = await asyncio.to_thread(self._judge, installation, beginning)
        finally:
            drop()
        self.tally.tried += 1
        self.tally.failures += [f"from {revision}, {told}: {one}" for one in found]

    def _revisions(self) -> list[str]:
        """Return the revisions from which an upgrade can begin: those of recordings, and all between them and ours."""
        oldest = RECORDED[0].stem.rpartition("-")[2]
        return [one for one in revisions() if oldest <= one < revisions()[-1]]

    async def _beginning(self, revision: str) -> Beginning:
        """Make the database of a revision, once."""
        if self._fresh is None:
            self._fresh = await asyncio.to_thread(self._content_of_a_fresh_one)
        if revision not in self._beginnings:
            file = self._folder / f"from-{revision}.db"
            await asyncio.to_thread(_record, file, revision)
            database = ""
            if self._postgres is not None:
                database = self._postgres.empty()
                await move(f"sqlite:///{file}", self._postgres.address(database))
            draft = Beginning(file=file, database=database, old=_NOTHING, new=_NOTHING, statements=0, seconds=0.0)
            self._beginnings[revision] = await asyncio.to_thread(self._undisturbed, draft)
        return self._beginnings[revision]

    def _content_of_a_fresh_one(self) -> Content:
        if self._postgres is not None:
            name = self._postgres.copy()
            found = content(self._postgres.address(name))
            self._postgres.drop(name)
            return found
        file = self._folder / "fresh.db"
        engine = open_working_engine(f"sqlite:///{file}")
        migrate(engine, file)
        engine.dispose()
        return content(f"sqlite:///{file}")

    def _undisturbed(self, draft: Beginning) -> Beginning:
        installation, drop = self._laid_out(draft, self._folder / f"undisturbed-{draft.file.stem}")
        total = installation.folder / "total"
        old, began = content(installation.database), time.monotonic()
        done = self._run(installation, COUNTING, {TOTAL: str(total)})
        assert done == 0, done
        seconds = time.monotonic() - began
        made = Beginning(
            file=draft.file,
            database=draft.database,
            old=old,
            new=content(installation.database),
            statements=int(total.read_text(encoding="utf-8")),
            seconds=seconds,
        )
        drop()
        return made

    def _laid_out(self, beginning: Beginning, place: Path) -> tuple[Installation, Any]:
        """Make an installation on a copy of the database; return it, and how to be rid of it."""
        server, name = self._postgres, ""
        if server is not None:
            name = f"life_{place.name.replace('-', '_')}".replace(".", "_").lower()
            server.run(f"CREATE DATABASE {name} TEMPLATE {beginning.database} STRATEGY FILE_COPY")
        made = Installation(place, NOWHERE, "@zhibu:test", "secret", database=server.address(name) if server else "")
        (place / "keys").mkdir()
        (place / "keys" / "pickle.key").write_bytes(bytes(32))
        if server is None:
            shutil.copyfile(beginning.file, place / "zhibu.db")

        def drop() -> None:
            if server is not None:
                server.drop(name)
            shutil.rmtree(place)

        return made, drop

    def _run(self, installation: Installation, piece: str, environment: dict[str, str], within: float = 60.0) -> int:
        """Run an upgrade; kill it after so many seconds."""
        process = subprocess.Popen(
            [sys.executable, "-c", piece + FRONT_DOOR, "upgrade", "-c", str(installation.config)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(timeout=20)

    def _end_a_life(self, installation: Installation, beginning: Beginning, way: str) -> str:
        """Let one upgrade end by SIGKILL; return where."""
        between = sum(one > beginning.old.revision for one in revisions())
        match way:
            case "statement":
                number = self._chance.randint(1, beginning.statements)
                told, given = f"statement {number}", {LEFT: str(number)}
                code = self._run(installation, self._piece, given)
            case "place":
                told = self._chance.choice([*IN_UPGRADES, "tables.before_commit"])
                told += f":{self._chance.randint(1, between)}" if "one_changed" in told else ""
                code = self._run(installation, self._piece, {ARMED: told})
            case _:
                wait = self._chance.uniform(0.1, 1.0) * beginning.seconds
                told = f"after {wait:.2f} s"
                code = self._run(installation, self._piece, {}, wait)
        if code != -signal.SIGKILL and way != "instant":
            self.tally.failures.append(f"from {beginning.old.revision}, {told}: ended by itself with {code}")
        return told

    def _judge(self, installation: Installation, beginning: Beginning) -> list[str]:
        return list(self._troubles(installation, beginning))

    def _troubles(self, installation: Installation, beginning: Beginning) -> Iterator[str]:
        """Yield what is wrong after the kill, with the copies, and after the next start."""
        found = content(installation.database)
        if found not in (beginning.old, beginning.new):
            yield f"it is neither as it was nor as it should be, and says it is of {found.revision}"
        for copy in installation.folder.glob("zhibu.db.before-upgrade-*"):
            self.copies += 1
            if content(f"sqlite:///{copy}") != beginning.old:
                yield f"{copy.name} is not the old database"
        begin_to_work = self._chance.random() < 0.3
        command = ("run", "--no-wait") if begin_to_work else ("upgrade",)
        code, said = finish(*command, "-c", str(installation.config))
        if code and not begin_to_work:
            yield f"the next one ended with {code}: {said[-300:]}"
        after = content(installation.database)
        if self._fresh is not None and after.structure != self._fresh.structure:
            yield "its tables are not those of a fresh one"
        wrong = [
            name for name, rows in beginning.new.rows.items() if _differ(rows, after.rows.get(name, []), begin_to_work)
        ]
        if wrong:
            yield f"rows of {wrong} are not those that they should be"


def _differ(expected: list[str], found: list[str], worked: bool) -> bool:
    """Tell whether rows are missing or others; a program that began to work may seal some and add its own."""
    return len(found) < len(expected) if worked else found != expected


_NOTHING = Content(structure=[], rows={})


def _record(file: Path, revision: str) -> None:
    """Make a file of a revision from the oldest recording, by our migrations up to there."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(RECORDED[0].read_text(encoding="utf-8"))
    until = file.with_suffix("")
    shutil.copytree(FOLDER, until, ignore=shutil.ignore_patterns("__pycache__"))
    for migration in (until / "versions").glob("[0-9]*_*.py"):
        if migration.name.partition("_")[0] > revision:
            migration.unlink()
    engine = open_working_engine(f"sqlite:///{file}")
    migrate(engine, file, folder=until)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


async def killed_in_upgrades(
    folder: Path, seed: int, runs: int, postgres: Postgres | None = None, *, hasty: bool = False
) -> Tally:
    """Kill so many upgrades, in every way in turn; a run in which no copy was found whole proves too little."""
    upgrades = Upgrades(folder, seed, postgres, hasty=hasty)
    for number in range(runs):
        await upgrades.kill(("statement", "instant", "place", "statement")[number % 4])
    if postgres is None and runs >= 4 and not upgrades.copies:
        upgrades.tally.failures.append("no life left a copy")
    return upgrades.tally
