"""An evening on which everybody checks in within a minute: all of it is recorded and answered, once (R17)."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import founded
from bench.contestants import OURS
from bench.on_stub import people, say, start_bot, start_stub
from bench.stub import BOT
from storage.timings import LIMITS
from tests.faults.oracle import Tables
from tests.waiting import until

LONGEST_ANSWER, LONGEST_COMMIT, MOST_MEMORY = 5.0, 0.05, 300.0
"""Seconds until 95 of 100 have their answer and until 99 of 100 commits are on disk; megabytes of the process."""

COUNTED = {
    "members who count as present": "SELECT count(*) FROM expectations WHERE state = 'done'",
    "answers kept": "SELECT count(*) FROM answers",
    "causes of answers": "SELECT count(DISTINCT cause) FROM answers",
    "members told": "SELECT count(DISTINCT user_id) FROM outbox WHERE kind = 'tell' AND state = 'sent'",
}

UNTOLD = "SELECT count(*) FROM outbox WHERE kind = 'tell' AND state <> 'sent'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """What came of it: ``wrong`` is what is not recorded as it must be, the others are measured."""

    wrong: list[str]
    p95: float
    commit_p99: float
    memory: float

    @property
    def slow(self) -> list[str]:
        """Return what took longer, or more, than is promised."""
        measured = {
            f"p95 of answers {self.p95:.2f} s": self.p95 > LONGEST_ANSWER,
            f"p99 of commits {self.commit_p99} s": self.commit_p99 > LONGEST_COMMIT,
            f"{self.memory:.0f} MB": self.memory > MOST_MEMORY,
        }
        return [name for name, over in measured.items() if over]


async def rush(folder: Path, members: int, halls: int, seconds: float) -> Rush:
    """Let so many members check in, each once, evenly over some seconds, in their halls."""
    ours = folder / "ours"
    ours.mkdir(parents=True)
    await founded.found(ours, people(members, halls=halls), bot=BOT, position="s0")
    async with AsyncExitStack() as stack:
        stub, url = await start_stub(folder, rooms=members, halls=halls)
        stack.enter_context(stub)
        bot = stack.enter_context(start_bot(OURS, ours, url))
        said = await say(url, bot, total=members, per_second=members / seconds, halls=halls)
        tables = Tables(f"sqlite:///{ours / 'zhibu.db'}")
        await asyncio.to_thread(until, lambda: not tables.ask(UNTOLD)[0][0], "everybody to be told")
        commits = await asyncio.to_thread(until, lambda: _commits(tables), "a sign of life")
        memory = bot.memory()
    counted = {name: tables.ask(question)[0][0] for name, question in COUNTED.items()}
    latencies = sorted(said["latencies"])
    return Rush(
        wrong=[f"{name}: {number} of {members}" for name, number in counted.items() if number != members],
        p95=latencies[int(len(latencies) * 0.95)],
        commit_p99=commits,
        memory=memory,
    )


def _commits(tables: Tables) -> float:
    """Return the limit below which 99 of 100 writing transactions took, 0 without a sign of life that says so."""
    measured: dict[str, float] = {}
    for (found,) in tables.ask("SELECT measures FROM heartbeats WHERE measures IS NOT NULL"):
        measured |= json.loads(found)
    counts = [measured.get(f"written_{place}", 0.0) for place in range(len(LIMITS) + 1)]
    sums = itertools.accumulate(counts)
    limits = (*LIMITS, float("inf"))
    return next((limit for limit, below in zip(limits, sums, strict=True) if 0 < 0.99 * sum(counts) <= below), 0.0)
