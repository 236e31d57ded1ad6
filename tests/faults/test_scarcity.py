"""A program that lacks descriptors, memory or a processor waits with what it has, floods no log and loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tests.faults.campaign import pause
from tests.faults.homeserver import FakeServer
from tests.faults.oracle import judge, waiting
from tests.faults.scene import Scene
from tests.faults.trials import staged
from tests.installation import Program

SEED = 20261127
NOTHING_MORE = 4
"""As many files may be open: fewer than are, so that none can be added."""

FEW = 60
"""Lines in a log that somebody still reads."""


@contextlib.contextmanager
def short_of(process: int, what: int, limit: int) -> Iterator[None]:
    """Give a process less of something than it has."""
    allowed = resource.prlimit(process, what)
    resource.prlimit(process, what, (limit, allowed[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process, what, allowed)


async def all_say(scene: Scene, words: str) -> None:
    """Let every member say something."""
    for member in scene.members:
        assert await scene.act(member, words)


async def quiet(scene: Scene, program: Program) -> None:
    """Wait until nothing waits any more."""
    while await asyncio.to_thread(waiting, scene.world):
        assert program.process.poll() is None, program.text
        await pause(0.1)


@contextlib.asynccontextmanager
async def starved(process: int) -> AsyncIterator[None]:
    """Let a process have a processor for a small part of the time only."""

    async def starve() -> None:
        while True:
            os.kill(process, signal.SIGSTOP)
            await pause(0.09)
            os.kill(process, signal.SIGCONT)
            await pause(0.03)

    work = asyncio.create_task(starve())
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


async def test_without_a_processor_descriptors_or_memory_the_program_waits_without_a_spin_and_loses_nothing(
    tmp_path: Path,
) -> None:
    """F14, F11, F10, R1, R8: one after the other, while members talk.

    Without descriptors the homeserver cuts every connection, and somebody knocks at the console. Only for want of
    memory may the program end, and is then started again.
    """
    async with FakeServer() as server, staged(server, tmp_path, SEED, halls=1, members=2) as campaign:
        scene = campaign.scene
        await scene.plan()
        program = campaign.start()
        while '"listening"' not in program.text:
            assert program.process.poll() is None, program.text
            await pause(0.1)
        await quiet(scene, program)
        await scene.look()
        process = program.process.pid
        async with starved(process):
            await all_say(scene, "签到")
            await quiet(scene, program)
        lines = program.text.count("\n")
        with short_of(process, resource.RLIMIT_NOFILE, NOTHING_MORE):
            with socket.create_connection(("127.0.0.1", scene.installation.port)):
                await server.restart()
                await all_say(scene, "请假 事假")
                while program.text.count('"waiting"') == 0:
                    assert program.process.poll() is None, program.text
                    await pause(0.1)
                await pause(3.0)
            said = program.text.splitlines()[lines:]
            assert len(said) < FEW, said[:FEW]
        await quiet(scene, program)
        held = int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
        with short_of(process, resource.RLIMIT_AS, held):
            await all_say(scene, "签到")
            await pause(2.0)
        if program.process.poll() is None:
            await quiet(scene, program)
            assert await asyncio.to_thread(program.interrupt) == 0, program.text
        else:
            await campaign.rest()
        assert campaign.tally.failures == []
        assert await asyncio.to_thread(judge, scene.world) == []
