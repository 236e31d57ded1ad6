"""A PostgreSQL server that is stopped at once in the middle of acknowledged work, and what is there after it (F39)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from content.decision import Decision, Tell, words
from content.identifiers import Cause, LessonId
from content.lessons import LessonWritten
from storage.store import Step, Store
from tests.databases import Postgres
from tests.faults.oracle import Tables
from tests.small_branch import NOON, SECRETARY, ZHANG, HandClock, SmallBranch, account, lesson

AT_WORK = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "recovery_init_sync_method=syncfs")
"""The settings that the doctor asks for."""

FORGETFUL = (*AT_WORK, "synchronous_commit=off", "wal_writer_delay=10s")
"""The known-bad variant: the server says that it has kept what it only holds in memory."""

SIDE_BY_SIDE = 6
MOST = 60
"""Requests at once, and the most that are acknowledged before the server is stopped."""

TROUBLES = {
    "doubled": "SELECT cause FROM audit GROUP BY cause HAVING count(*) > 1",
    "halved": (
        "SELECT cause FROM audit WHERE cause LIKE 'form:cut%' AND"
        " ((SELECT count(*) FROM lessons WHERE lessons.id = audit.cause) <> 1"
        " OR (SELECT count(*) FROM outbox WHERE outbox.cause = audit.cause) <> 1)"
    ),
    "strayed": "SELECT id FROM lessons WHERE id LIKE 'form:cut%' AND id NOT IN (SELECT cause FROM audit)",
}
"""Questions whose answer must be empty: done twice, done by half, done without a record."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What came of cuts: how many, and which causes were lost, done twice or by half."""

    cuts: int = 0
    acknowledged: int = 0
    troubles: dict[str, list[str]] = field(default_factory=lambda: {"lost": [], **{name: [] for name in TROUBLES}})

    @property
    def clean(self) -> bool:
        """Tell whether nothing was found."""
        return not any(self.troubles.values())


async def try_server_cuts(server: Postgres, cuts: int, seed: int, settings: tuple[str, ...]) -> Found:
    """Stop the server so many times at instants of the seed, and read with our own SQL what it has kept each time.

    What was asked for and not acknowledged is asked for once more under its cause, and must then be there once.
    """
    chance, found, numbers = random.Random(seed), Found(), iter(range(10**9))
    name = server.copy()
    address = server.address(name)
    store = await Store.open(address, HandClock(NOON))
    await SmallBranch(store, HandClock(NOON)).found()
    await store.close()
    server.stop()
    server.start(*settings)
    try:
        for _ in range(cuts):
            found.cuts += 1
            asked, kept = await _work_until_cut(server, address, chance.randint(1, MOST), numbers)
            server.start(*settings)
            found.acknowledged += len(kept)
            _examine(found, address, kept)
            await _ask_again(address, asked - kept)
            _examine(found, address, asked)
    finally:
        server.drop(name)
    return found


def _step(cause: Cause) -> Step:
    """Make a step that leaves rows in several tables."""

    async def decide(_: object) -> Decision:
        written = LessonWritten(lesson=lesson(LessonId(cause)), author=SECRETARY)
        return Decision(facts=(written,), effects=(Tell(user=account(ZHANG), words=words("makeup.nothing")),))

    return Step(cause=cause, decide=decide, actor=SECRETARY)


async def _work_until_cut(
    server: Postgres, address: str, after: int, numbers: Iterator[int]
) -> tuple[set[str], set[str]]:
    """Ask side by side until the server is gone; return what was asked for, and what of it was acknowledged."""
    asked, kept = set[str](), set[str]()
    enough = asyncio.Event()
    store = await Store.open(address, HandClock(NOON))

    async def ask() -> None:
        while True:
            cause = Cause(f"form:cut{next(numbers)}")
            asked.add(cause)
            (outcome,) = await store.settle([_step(cause)])
            assert not outcome.failed
            kept.add(cause)
            if len(kept) >= after:
                enough.set()

    asking = [asyncio.create_task(ask()) for _ in range(SIDE_BY_SIDE)]
    await enough.wait()
    await asyncio.to_thread(server.stop_at_once)
    await asyncio.gather(*asking, return_exceptions=True)
    await store.close()
    return asked, kept


async def _ask_again(address: str, causes: set[str]) -> None:
    store = await Store.open(address, HandClock(NOON))
    await store.settle([_step(Cause(cause)) for cause in sorted(causes)])
    await store.close()


def _examine(found: Found, address: str, promised: set[str]) -> None:
    tables = Tables(address)
    there = {row[0] for row in tables.ask("SELECT cause FROM audit")}
    found.troubles["lost"] += sorted(promised - there)
    for trouble, question in TROUBLES.items():
        found.troubles[trouble] += [str(row[0]) for row in tables.ask(question)]
