"""Cases on the stub homeserver: what a bot itself costs when nothing else is in its way."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench import founded
from bench.contestants import BOT_SDK, KEPT, MAUBOT, OURS, RAW, SCRIPTS, Account, Running, absent, command, settings
from bench.measuring import Case, Figures, How, Row, percentile
from bench.stub import BOT, DEVICE, TOKEN, hall, member, private_room

BOT_CORE, STUB_CORE = 0, 1
ROOMS = 64
PATIENCE = 120.0
"""Seconds after which a bot that does not answer is left out."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """A folder for everything a case leaves behind, and how much is to be done."""

    folder: Path
    size: float
    runs: int = 0

    def fresh(self, name: str) -> Path:
        """Return a folder for one run."""
        self.runs += 1
        folder = self.folder / f"{self.runs}-{name.replace(' ', '-')}"
        folder.mkdir(parents=True)
        return folder


@asynccontextmanager
async def stage(size: float) -> AsyncIterator[Stage]:
    """Give a folder that goes away with the case."""
    KEPT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=KEPT))
    try:
        yield Stage(folder=folder, size=size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start_stub(folder: Path, *, rooms: int, halls: int = 0, sealed: bool = False) -> tuple[Running, str]:
    """Start the stub on a core of its own and return it with its URL."""
    ready = folder / "stub.url"
    more = ["--sealed"] if sealed else []
    arguments = [sys.executable, "-m", "bench.stub", "--rooms", str(rooms), "--halls", str(halls), *more]
    stub = Running([*arguments, "--core", str(STUB_CORE), "--ready", str(ready)], folder / "stub")
    while not ready.exists():
        if stub.process.poll() is not None:
            raise RuntimeError(stub.said)
        await asyncio.sleep(0.02)
    return stub, ready.read_text()


async def say(url: str, bot: Running | None = None, **load: Any) -> dict[str, Any]:
    """Have commands said, and wait until each has its answer."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
        request = asyncio.create_task(_post(session, url, load))
        try:
            while not request.done():
                await asyncio.wait([request], timeout=0.5)
                if bot is not None and bot.process.poll() is not None:
                    raise RuntimeError(f"it ended: {bot.said}")
            return request.result()
        finally:
            request.cancel()


async def _post(session: aiohttp.ClientSession, url: str, load: dict[str, Any]) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with session.post(f"{url}/bench/load", json=load, timeout=timeout) as response:
        found = dict(await response.json())
        if response.status != 200:
            raise RuntimeError(found["error"])
        return found


def start_bot(name: str, folder: Path, url: str, *, sealed: bool = False, port: int = 0) -> Running:
    """Start a contestant on its core; ours from the folder that was founded before."""
    account = Account(url=url, user=BOT, device=DEVICE, token=TOKEN)
    if name == OURS:
        file = founded.write_settings(folder, url=url, user=BOT, port=port or free_port(), encrypted=sealed)
        arguments = [sys.executable, "-m", "zhibu", "run", "-c", str(file)]
    else:
        arguments = command(name, folder, account)
    return Running(arguments, folder, more=settings(account, folder, sealed=sealed), core=BOT_CORE)


async def see_page(port: int) -> None:
    """Wait for a page of ours; they are made once the bot hears, which is no part of what a command costs."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/sign-in") as response:
        await response.read()


def people(rooms: int, *, halls: int = 1, sealed: bool = False) -> founded.People:
    """Return who belongs where on the stub."""
    private = {member(number): private_room(number) for number in range(rooms)}
    return founded.People(private=private, halls=tuple(map(hall, range(halls))), encrypted=sealed)


async def _answer_commands(stage: Stage, name: str, *, sealed: bool) -> Figures:
    """Let a bot answer commands with 16 of them in flight."""
    folder = stage.fresh(name)
    if name == OURS:
        await founded.found(folder, people(ROOMS, sealed=sealed), bot=BOT, position=None)
    total = int((1500 if sealed else 3000) * stage.size)
    async with AsyncExitStack() as stack:
        stub, url = await start_stub(folder, rooms=ROOMS, halls=1, sealed=sealed)
        stack.enter_context(stub)
        port = free_port()
        bot = stack.enter_context(start_bot(name, folder, url, sealed=sealed, port=port))
        await say(url, bot, total=4 * ROOMS)
        if name == OURS:
            await see_page(port)
        await asyncio.sleep(0.5)
        before = bot.cpu()
        said = await say(url, bot, total=total)
        # What a bot still writes down after its last answer belongs to it.
        await asyncio.sleep(0.5)
        latencies = said["latencies"]
        return {
            "cpu": (bot.cpu() - before) * 1000 / total,
            "rate": total / said["seconds"],
            "p50": percentile(latencies, 0.5) * 1000,
            "p99": percentile(latencies, 0.99) * 1000,
            "memory": bot.memory(),
        }


async def answer_commands(stage: Stage, name: str) -> Figures:
    """Measure a bot in rooms that are not encrypted."""
    return await _answer_commands(stage, name, sealed=False)


async def answer_sealed_commands(stage: Stage, name: str) -> Figures:
    """Measure a bot in encrypted rooms; the measure itself works in clear ones."""
    return await _answer_commands(stage, name, sealed=name != RAW)


async def rest(stage: Stage, _: str) -> Figures:
    """Measure a start with many rooms known, from the process to its first answer, and the memory after some work."""
    rooms = 300
    folder = stage.fresh(OURS)
    await founded.found(folder, people(rooms, halls=rooms), bot=BOT, position=None)
    async with AsyncExitStack() as stack:
        stub, url = await start_stub(folder, rooms=rooms, halls=rooms)
        stack.enter_context(stub)
        with start_bot(OURS, folder, url) as first:
            await say(url, first, total=rooms)
        port = free_port()
        began = time.monotonic()
        bot = stack.enter_context(start_bot(OURS, folder, url, port=port))
        await say(url, bot, total=1)
        start, start_cpu = time.monotonic() - began, bot.cpu()
        await see_page(port)
        first_page = time.monotonic() - began
        await say(url, bot, total=2 * rooms)
        async with aiohttp.ClientSession() as session:
            for page in ["health", "sign-in", "static/style.css"] * 10:
                async with session.get(f"http://127.0.0.1:{port}/{page}") as response:
                    await response.read()
        return {"start": start, "start_cpu": start_cpu, "page": first_page, "memory": bot.memory()}


async def rush(stage: Stage, _: str) -> Figures:
    """Measure how soon everyone is answered when ten thousand check in within a minute, in two hundred rooms."""
    members, halls, seconds = int(10_000 * stage.size), 200, 60 * stage.size
    folder = stage.fresh(OURS)
    await founded.found(folder, people(members, halls=halls), bot=BOT, position="s0")
    async with AsyncExitStack() as stack:
        stub, url = await start_stub(folder, rooms=members, halls=halls)
        stack.enter_context(stub)
        bot = stack.enter_context(start_bot(OURS, folder, url))
        await asyncio.sleep(3)
        said = await say(url, bot, total=members, per_second=members / seconds, halls=halls)
        latencies = said["latencies"]
        return {"answered": len(latencies), "p50": percentile(latencies, 0.5), "p99": percentile(latencies, 0.99)}


_SPEED = (
    Row(label="commands per second", figure="rate", digits=0),
    Row(label="p50, ms", figure="p50", digits=1),
    Row(label="p99, ms", figure="p99", digits=1),
    Row(label="memory, MB", figure="memory", digits=0),
)

COMMANDS = Case(
    name="commands on the stub",
    ours=OURS,
    measure=RAW,
    contestants=(RAW, OURS, *(name for name in SCRIPTS if name != RAW), MAUBOT, BOT_SDK),
    rows=(
        Row(label="CPU per command ÷ raw", figure="cpu", how=How.RATIO, most=2.5),
        Row(label="CPU per command, ms", figure="cpu"),
        *_SPEED,
    ),
    stage=stage,
    run=answer_commands,
    absent=absent,
)

SEALED_COMMANDS = Case(
    name="commands on the stub, encrypted rooms",
    ours=OURS,
    measure=RAW,
    contestants=(RAW, OURS, "matrix-nio"),
    rows=(
        Row(label="CPU per command ÷ raw in clear rooms", figure="cpu", how=How.RATIO, most=4),
        Row(label="CPU per command, ms", figure="cpu"),
        *_SPEED,
    ),
    stage=stage,
    run=answer_sealed_commands,
    absent=absent,
)

AT_REST = Case(
    name="300 rooms known",
    ours=OURS,
    contestants=(OURS,),
    rows=(
        Row(label="bot and console, MB", figure="memory", most=110, digits=0),
        Row(label="start until the first answer, s", figure="start", most=2),
        Row(label="CPU of that start, s", figure="start_cpu"),
        Row(label="start until the first page, s", figure="page"),
    ),
    stage=stage,
    run=rest,
)

RUSH = Case(
    name="10,000 check-ins in 60 s, 200 rooms, on the stub",
    ours=OURS,
    contestants=(OURS,),
    rows=(
        Row(label="answered", figure="answered", digits=0),
        Row(label="p50, s", figure="p50"),
        Row(label="p99, s", figure="p99", most=5),
    ),
    stage=stage,
    run=rush,
)
