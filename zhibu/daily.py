"""Makes the daily backup while the program runs, in a process of its own, and remembers how that went."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from content.backups import is_due, newest, wall_time
from storage import heartbeats
from storage.copies import KEPT, let_copies_go
from storage.engines import sqlite_file
from storage.heartbeats import BACKUP, FAILED, GOOD, failed_at
from storage.store import Store
from zhibu.config import Config

LOOK = 20.0
"""Seconds between two looks at the clock."""

log = structlog.get_logger(__name__)


class DailyBackup:
    """Looks at the clock now and then; what it knows lies in the folder of backups and in the store.

    It also lets copies of before an upgrade go that are old enough.
    """

    def __init__(self, store: Store, config: Config, make: Callable[[], Awaitable[int]] | None = None) -> None:
        """``make`` makes one backup and returns the exit code; by default by the command that people use too."""
        self._store = store
        self._config = config
        self._make = make or self._in_a_process
        self._since = store.now()
        self.newest: datetime | None = None
        """When the newest backup in the folder was taken, as of the last look."""

    @property
    def last(self) -> datetime:
        """Return when the newest backup was taken, or since when one is waited for."""
        return self.newest or self._since

    async def run(self) -> None:
        """Look until cancelled; without a time of day only at what is there."""
        while True:
            try:
                await self.look()
            except Exception as error:
                log.error("daily backup failed", kind=type(error).__name__)
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """See what is there, and make a backup if it is time for one."""
        at, now = wall_time(self._config.backup.daily_at), self._store.now()
        file = sqlite_file(self._config.database)
        if file is not None:
            await asyncio.to_thread(let_copies_go, file, taken_before=now - KEPT)
        self.newest = await asyncio.to_thread(newest_backup, self._config)
        if at is None:
            return
        failed = failed_at(await self._store.read(heartbeats.beats))
        if not is_due(at, self._config.content.timezone, last=self.last, failed=failed, now=now):
            return
        code = await self._make()
        if code:
            log.error("daily backup failed", code=code)
        else:
            self.newest = await asyncio.to_thread(newest_backup, self._config)
        state = f"{FAILED} {code}" if code else GOOD
        await self._store.settle(notes=[heartbeats.Beat(role=BACKUP, state=state, at=self._store.now())])

    async def _in_a_process(self) -> int:
        """Hashing and compressing would keep the loop waiting; another process does not."""
        settings = str(self._config.path(self._config.name))
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "zhibu", "backup", "-c", settings), stdin=nowhere, stdout=nowhere, stderr=nowhere
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


def newest_backup(config: Config) -> datetime | None:
    """Return when the newest backup in the folder was taken, ``None`` where there is none to see."""
    try:
        return newest(os.listdir(config.path(config.backup.folder)))
    except OSError:
        return None
