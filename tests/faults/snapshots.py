"""Copies of a database that is written to all the while: each is whole, and holds what was acknowledged before it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from content.decision import Decision, Tell, words
from content.identifiers import Cause
from storage import snapshots
from storage.store import Step, Store
from storage.unit import Reading
from storage.verification import verify
from tests.faults.campaign import Tally, pause
from tests.small_branch import SECRETARY

KEY = bytes(range(32))
RHYTHM = 0.01
"""Seconds between two writings."""


class Writer:
    """Writes about a hundred times a second, and counts what was acknowledged."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.acknowledged = 0
        self.asked = 0

    async def write(self) -> None:
        """Write until cancelled."""
        while True:
            self.asked += 1

            async def decide(_unit: Reading) -> Decision:
                return Decision(effects=(Tell(user=SECRETARY, words=words("makeup.nothing")),))

            await self._store.settle([Step(cause=Cause(f"form:{self.asked}"), decide=decide, actor=SECRETARY)])
            self.acknowledged = self.asked
            await pause(RHYTHM)


async def snapshots_under_writes(founded: Path, folder: Path, runs: int) -> Tally:
    """Copy a database so many times while it is written to, and examine each copy (R9)."""
    file, tally = folder / "zhibu.db", Tally()
    await asyncio.to_thread(shutil.copyfile, founded, file)
    address = f"sqlite:///{file}"
    store = await Store.open(address, key=KEY)
    writer = Writer(store)
    work = asyncio.create_task(writer.write())
    try:
        for number in range(runs):
            copy, before = folder / f"{number}.db", writer.acknowledged
            await snapshots.take(address, copy)
            tally.tried += 1
            held = await asyncio.to_thread(_held, copy)
            if not before <= held <= writer.asked:
                tally.failures.append(f"copy {number} holds {held}, of {before} to {writer.asked}")
            tally.failures += [f"copy {number}: {found}" for found in await _broken(copy)]
            await asyncio.to_thread(copy.unlink)
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await store.close()
    return tally


def _held(copy: Path) -> int:
    with closing(sqlite3.connect(copy)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM outbox WHERE cause LIKE 'form:%'").fetchone()[0])


async def _broken(copy: Path) -> list[str]:
    """Return what is wrong with the record of a copy."""
    store = await Store.open(f"sqlite:///{copy}", exclusive=False)
    try:
        verdict = await store.read(lambda unit: verify(unit, KEY))
    finally:
        await store.close()
    return [] if verdict.whole else ["its record is not whole"]
