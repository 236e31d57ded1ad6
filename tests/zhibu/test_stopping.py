"""Whoever tells the program to stop need not wait for a homeserver that takes its time."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from tests.installation import Installation, Program
from zhibu.stopping import unless_stopped


async def test_what_is_done_in_time_is_handed_on_and_what_fails_fails() -> None:
    async def answered() -> str:
        return "done"

    async def refused() -> None:
        raise OSError("refused")

    assert await unless_stopped(answered(), asyncio.Event()) == "done"
    with pytest.raises(OSError, match="refused"):
        await unless_stopped(refused(), asyncio.Event())


async def test_what_would_take_for_ever_is_given_up_when_told_to_stop_and_may_put_its_things_away() -> None:
    stop, put_away = asyncio.Event(), []

    async def wait_for_ever() -> None:
        try:
            stop.set()
            await asyncio.get_running_loop().create_future()
        finally:
            put_away.append("all")

    assert await unless_stopped(wait_for_ever(), stop) is None
    assert put_away == ["all"]


def test_a_program_whose_homeserver_never_answers_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """F46: no call's limit is waited out, of which each is half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation = Installation(
            tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", "@zhibu:test", "a password"
        )
        program = Program(["bot", "-c", str(installation.config)], tmp_path)
        silent.settimeout(60)
        asked, _ = silent.accept()
        with asked:
            assert program.interrupt(signal.SIGTERM) == 0, program.text
    assert program.text == "Stopped.\n"
