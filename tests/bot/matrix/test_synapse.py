"""The sample homeserver keeps its folder, belongs to whoever started it, and says plainly why it cannot start."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.member import Member
from tests.synapse_fixture import Furnish, free_port
from zhibu.demo.synapse import Synapse, SynapseFailed

pytestmark = pytest.mark.synapse


async def test_a_second_start_continues_the_first_also_after_a_crash(tmp_path: Path) -> None:
    first = Synapse(tmp_path, free_port())
    await first.start()
    account = await first.register("secretary", "a long password", admin=True, displayname="支部书记")
    assert first.pid
    # A run that was killed leaves its server behind; the next one takes its place.
    second = Synapse(tmp_path, first.port)
    async with second:
        assert second.pid != first.pid
        async with Member(second.url, account) as member:
            name = await member.ask("GET", f"/v3/profile/{account.user_id}/displayname")
        assert name["displayname"] == "支部书记"
        await second.override_ratelimit(account.user_id, account.access_token)
        again = await second.register("secretary", "a long password", admin=True)
        assert again.user_id == account.user_id
        with pytest.raises(SynapseFailed):
            await second.register("secretary", "another password")
    assert second.pid is None
    first.kill()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SynapseFailed, match=f"port {port} is in use"):
            await Synapse(tmp_path, port).start()


async def test_a_process_with_a_reused_number_is_left_alone(furnished: Furnish, tmp_path: Path) -> None:
    furnished(tmp_path)
    (tmp_path / "synapse.pid").write_text(str(os.getpid()))
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        async with Synapse(tmp_path, free_port()):
            pass
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == []


async def test_a_broken_setting_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SynapseFailed, match=r"synapse\.log"):
        await Synapse(tmp_path, free_port(), settings={"database": {"name": "nonsense"}}).start()
