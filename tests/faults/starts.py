"""Starts on a branch with years behind it: killed at an instant, started anew, and how long until it serves."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from urllib.request import urlopen

from bench.seeding import Size, seed
from storage.store import Store
from tests.faults.campaign import Tally, pause
from tests.faults.homeserver import FakeServer
from tests.installation import Installation, Program
from zhibu.config import load_config
from zhibu.master_key import make_master
from zhibu.record_key import make_key

LONGEST = 10.0
"""Seconds in which 99 of 100 starts must be ready."""
PATIENCE = 120.0


async def starts(folder: Path, chosen: int, runs: int, size: Size, *, timed: bool = True) -> Tally:
    """Start so many times on a history of a size, each time after a kill, until the bot listens and pages are served.

    ``chosen`` is the seed of the instants. Without ``timed`` it is only seen that it starts.
    """
    chance, tally, took, worked = random.Random(chosen), Tally(), list[float](), list[float]()
    async with FakeServer() as server:
        bot = await server.register("bot", "a long password")
        here = Installation(folder / "branch", server.url, bot.user_id, bot.password, encrypted=False)
        await asyncio.to_thread(seed, here.database, size)
        config = load_config(here.config)
        # The seeded record has no seal yet; a branch that has lived has one.
        await (await Store.open(here.database, key=make_key(config), master=make_master(config))).close()
        for number in range(runs):
            began = time.monotonic()
            program = Program(["run", "-c", str(here.config)], here.folder, fresh=True)
            while time.monotonic() - began < PATIENCE and program.process.poll() is None:
                if '"listening"' in program.text and await asyncio.to_thread(_serves, here.port):
                    worked.append(_processor_seconds(program.process.pid))
                    break
                await pause(0.05)
            took.append(time.monotonic() - began)
            tally.tried += 1
            if program.process.poll() is not None or took[-1] >= PATIENCE:
                tally.failures.append(f"start {number}: {program.process.poll()} {program.text[-300:]}")
            # What it was doing when it was ready is cut off, so that the next one has a log to read back.
            await pause(chance.uniform(0.0, 2.0))
            if program.process.poll() is None:
                program.kill()
    # The first makes the device and its keys.
    took = sorted(took[1:] or took)
    tally.slowest_start = took[-1]
    if timed:
        work = f"{max(worked[1:], default=0.0):.2f} s of a processor"
        print(f"  starts: p50 {took[len(took) // 2]:.2f} s, slowest {took[-1]:.2f} s, {work}", flush=True)
        if took[int(0.99 * (len(took) - 1))] > LONGEST:
            tally.failures.append(f"99 of 100 starts took up to {took[int(0.99 * (len(took) - 1))]:.1f} s")
    return tally


def _processor_seconds(pid: int) -> float:
    """Return how long a processor has worked for a process, which a crowded machine does not change."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serves(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
