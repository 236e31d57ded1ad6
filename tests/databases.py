"""Databases for tests: migrated once, then copied, on SQLite and on a PostgreSQL of the session's own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from storage.store import Store
from tests.once import once

ADVICE = "no PostgreSQL server found; install one: apt-get install postgresql"

QUICK = ("fsync=off", "full_page_writes=off", "max_wal_size=64MB")
"""Settings for databases of which nobody needs anything after the tests."""

MEMORY, ENOUGH = Path("/dev/shm"), 2 * 1024**3
"""Where files are never written to a disk, and how many bytes a cluster of the tests wants to find there."""

_numbers = itertools.count(1)


async def _migrated(address: str) -> None:
    await (await Store.open(address)).close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with all tables and no rows."""

    def migrated(folder: Path) -> None:
        asyncio.run(_migrated(f"sqlite:///{folder / 'template.db'}"))

    return once(tmp_path_factory, "sqlite", migrated) / "template.db"


def sqlite_copy(template: Path, folder: Path) -> str:
    """Copy the template into a folder and return the copy's address."""
    file = folder / f"zhibu-{next(_numbers)}.db"
    shutil.copyfile(template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def sqlite_address(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the address of a migrated SQLite file without rows."""
    return sqlite_copy(sqlite_template, tmp_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A throw-away cluster that listens on a socket in its own folder only."""

    folder: Path
    programs: Path
    owner: str | None

    def start(self, *settings: str) -> None:
        """Start the server: as quick as it gets, or with settings as they are wanted at work."""
        options = [*(settings or QUICK), "max_connections=60", "shared_buffers=32MB", "autovacuum=off"]
        places = f"-c listen_addresses='' -c unix_socket_directories={self.folder} "
        self._control("-l", str(self.folder / "log"), "-o", places + " ".join(f"-c {one}" for one in options), "start")

    def stop_at_once(self) -> None:
        """Stop the server as if it had been killed: nothing that it still holds in memory is written."""
        self._control("-m", "immediate", "stop")

    def stop(self) -> None:
        """Stop the server properly, whoever is connected."""
        self._control("-m", "fast", "stop")

    def _control(self, *arguments: str) -> None:
        _run(self.programs, self.owner, "pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def address(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://zhibu@/{name}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(host=str(self.folder), user="zhibu", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def empty(self) -> str:
        """Make a database without tables and return its name."""
        name = f"empty_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return name

    def copy(self, template: str = "template_zhibu") -> str:
        """Make a database with all tables, and the rows of a template that has some; return its name."""
        name = f"copy_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


def newest_server(root: Path = Path("/usr/lib/postgresql")) -> Path | None:
    """Return the folder with the programs of the newest PostgreSQL, if there is one."""
    found = [initdb.parent for initdb in root.glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if not found and on_path is not None:
        return Path(on_path).resolve().parent
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


def _owner() -> str | None:
    """Return as whom to run the server: it refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(programs: Path, owner: str | None, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [programs / program, *arguments],
        user=owner,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a cluster of this session's own, with a migrated template to copy."""
    if newest_server() is None:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    with cluster(_quick_place()) as running:
        yield running


def pytest_configure() -> None:
    """Have the tests' own folders in memory too: nothing in them outlives a run, and no disk need be waited for."""
    if place := _quick_place():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))


def _quick_place() -> Path | None:
    """Return where files are only in memory, ``None`` where there is no such place or not enough of it."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH else None


@contextlib.contextmanager
def cluster(place: Path | None = None) -> Iterator[Postgres]:
    """Run a cluster with a migrated template for a while. Raises RuntimeError where there is no server."""
    programs = newest_server()
    if programs is None:
        raise RuntimeError(ADVICE)
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="zhibu-pg-", dir=place))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        data = folder / "data"
        _run(programs, owner, "initdb", "-D", str(data), "-U", "zhibu", "-A", "trust", "-E", "UTF8", "--no-sync")
        running = Postgres(folder=folder, programs=programs, owner=owner)
        running.start()
        try:
            running.run("CREATE DATABASE template_zhibu")
            asyncio.run(_migrated(running.address("template_zhibu")))
            yield running
        finally:
            running.stop_at_once()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
