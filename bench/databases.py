"""Databases to measure on: a SQLite file, or a PostgreSQL server of our own that is as durable as at work."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "effective_cache_size": "8GB",
    "max_connections": "60",
}
"""What an operator would set on such a machine; everything on which durability rests stays as it comes."""


@contextlib.contextmanager
def database(engine: str, where: Path | None = None) -> Iterator[str]:
    """Give the address of an empty database on ``sqlite`` or ``postgresql``, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="zhibu-bench-", dir=where))
    try:
        if engine == "sqlite":
            yield f"sqlite:///{folder / 'zhibu.db'}"
        else:
            yield from _postgresql(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql(folder: Path) -> Iterator[str]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        raise SystemExit("no PostgreSQL server found; install one: apt-get install postgresql")
    owner = None
    if os.geteuid() == 0:
        # The server refuses root.
        owner = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
        shutil.chown(folder, owner)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, *arguments], user=owner, cwd="/", stdout=subprocess.DEVNULL, check=True)

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "zhibu", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    options += f" -c unix_socket_directories={folder}"
    run("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        run("createdb", "-h", str(folder), "-U", "zhibu", "zhibu")
        yield f"postgresql://zhibu@/zhibu?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
