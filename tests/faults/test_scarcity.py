"""A program that may open nothing more waits with what it has, says so without a flood, and goes on by itself."""

from __future__ import annotations

import asyncio
import resource
import socket
from pathlib import Path

from tests.faults.campaign import pause
from tests.faults.homeserver import FakeServer
from tests.faults.oracle import judge, waiting
from tests.faults.trials import staged

SEED = 20261127
NOTHING_MORE = 4
"""As many files may be open: fewer than are, so that none can be added."""

FEW = 60
"""Lines in a log that somebody still reads."""


async def test_without_free_descriptors_the_program_waits_without_a_spin_and_loses_nothing(tmp_path: Path) -> None:
    """F11, R8: the homeserver cuts every connection, somebody knocks at the console, and nothing can be opened."""
    async with FakeServer() as server, staged(server, tmp_path, SEED, halls=1, members=2) as campaign:
        scene = campaign.scene
        await scene.plan()
        program = campaign.start()
        while '"listening"' not in program.text or await asyncio.to_thread(waiting, scene.world):
            assert program.process.poll() is None, program.text
            await pause(0.1)
        await scene.look()
        process, allowed = program.process.pid, resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)
        lines = program.text.count("\n")
        resource.prlimit(process, resource.RLIMIT_NOFILE, (NOTHING_MORE, allowed[1]))
        with socket.create_connection(("127.0.0.1", scene.installation.port)):
            await server.restart()
            for member in scene.members:
                assert await scene.act(member, "签到")
            while program.text.count('"waiting"') == 0:
                assert program.process.poll() is None, program.text
                await pause(0.1)
            await pause(3.0)
        said = program.text.splitlines()[lines:]
        assert len(said) < FEW, said[:FEW]
        resource.prlimit(process, resource.RLIMIT_NOFILE, allowed)
        while await asyncio.to_thread(waiting, scene.world):
            assert program.process.poll() is None, program.text
            await pause(0.1)
        assert await asyncio.to_thread(program.interrupt) == 0, program.text
        assert await asyncio.to_thread(judge, scene.world) == []
