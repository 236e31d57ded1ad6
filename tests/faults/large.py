"""A database that reaches beyond SQLite's lock page, and beyond 32 signed bits: backed up, restored, and whole."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.media import CHUNK
from tests.faults.campaign import Tally
from tests.zhibu.test_backups import backed_up, install
from zhibu.backups import check_backup
from zhibu.restores import restore

GIB = 1024**3
SIZES = (GIB + GIB // 16, 2 * GIB + GIB // 16)


async def large_databases(founded: Path, folder: Path, sizes: tuple[int, ...]) -> Tally:
    """Fill a database to each size, back it up, restore it elsewhere, and compare every row (F35)."""
    tally = Tally()
    for size in sizes:
        here, place = folder / f"{size}", folder / f"{size}-restored"
        config = install(here, "sqlite:///zhibu.db")
        await asyncio.to_thread(_fill, founded, here / "zhibu.db", size)
        made = await backed_up(config)
        key = config.path("backup.key")
        checked = await check_backup(made.file, key)
        put = await restore(made.file, key, place, None)
        tally.tried += 1
        tables = made.manifest.held.tables
        if not (tables == checked.held.tables == put.manifest.held.tables):
            tally.failures.append(f"{size}: what was restored is not what was there")
        tally.failures += await asyncio.to_thread(_damage, place / "zhibu.db", size)
        for one in (here, place):
            await asyncio.to_thread(shutil.rmtree, one)
    return tally


def _fill(founded: Path, file: Path, size: int) -> None:
    """Copy a branch and give it media until its file is as large."""
    shutil.copyfile(founded, file)
    piece = bytes(range(256)) * (CHUNK // 256)
    with closing(sqlite3.connect(file)) as connection, connection:
        values = ("large", "video", "large.mp4", "video/mp4", 1, 1, 1, None, size)
        connection.execute("INSERT INTO media VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        rows = (("large", place, piece) for place in range(size // CHUNK + 1))
        connection.executemany("INSERT INTO media_chunks VALUES (?, ?, ?)", rows)


def _damage(file: Path, size: int) -> list[str]:
    """Return what is wrong with a restored file."""
    found = [] if file.stat().st_size > size else [f"{size}: the restored file is smaller"]
    with closing(sqlite3.connect(file)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        return found + ([] if verdict == "ok" else [f"{size}: {verdict}"])
