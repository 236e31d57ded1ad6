"""A loop that hangs is named without a word of what it works on, and the process ends so that another can begin."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from zhibu.measures import measures, resident
from zhibu.pulse import Pulse
from zhibu.supervisor import notify
from zhibu.watchdog import Watchdog

ROOT = Path(__file__).parents[2]

HANGING = """
import asyncio, threading
from zhibu.logs import configure_logs
from zhibu.pulse import Pulse
from zhibu.watchdog import Watchdog

async def asked():
    return None

def held_up(words):
    kept = words + " and a secret of the frame"
    threading.Event().wait()

async def work():
    pulse = Pulse()
    asyncio.create_task(pulse.run())
    asyncio.create_task(Watchdog(pulse, asked, blocked=0.05, hung=3, end=__import__("os")._exit).run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    held_up("a secret of the argument")

configure_logs()
asyncio.run(work())
"""


class Hand:
    """Seconds that pass by hand, and everything that a watchdog does."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fed = 0
        self.ended: list[int] = []
        self.pulse = Pulse(lambda: self.now)
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[None] | None = None
        self.dog = Watchdog(self.pulse, self.question, feed=self.feed, end=self.ended.append, passed=lambda: self.now)

    def feed(self) -> None:
        self.fed += 1

    async def question(self) -> None:
        self.asked.set()
        if self.answer is not None:
            await self.answer

    def look(self, after: float = 0.0) -> int:
        """Let time pass, look, and return how often the supervisor was fed by that."""
        self.now += after
        before = self.fed
        self.dog.look()
        return self.fed - before


@pytest.fixture
def hand() -> Hand:
    return Hand()


async def test_the_supervisor_is_fed_while_the_loop_turns(hand: Hand) -> None:
    for _ in range(3):
        hand.pulse.beat()
        assert hand.look(1) == 1
    assert hand.ended == []


async def test_a_blocked_loop_is_named_once_and_feeds_nobody(hand: Hand) -> None:
    """F12: the stack is written down above ten seconds, once; the process ends above sixty."""
    with capture_logs() as logs:
        assert hand.look(10) == 1
        assert [hand.look(0.5), hand.look(20)] == [0, 0]
        assert hand.ended == []
        assert [line["event"] for line in logs] == ["loop blocked"]
        assert any("test_watchdog.py" in call for call in logs[0]["calls"])
        hand.pulse.beat()
        assert hand.look(1) == 1
        hand.look(15)
        assert [line["event"] for line in logs] == ["loop blocked", "loop blocked"]
        hand.look(46)
    assert hand.ended == [70]


async def test_a_database_that_hangs_feeds_nobody_and_one_that_fails_has_answered(hand: Hand) -> None:
    """F27: what a restart can mend is a question that never comes back; an error comes back and is tried again."""
    hand.answer = asyncio.get_running_loop().create_future()
    asking = asyncio.create_task(hand.dog.ask())
    await hand.asked.wait()
    for after, fed in ((59, 1), (1, 0), (30, 0)):
        hand.pulse._turned = hand.now + after
        assert hand.look(after) == fed
    hand.answer.set_exception(OSError("gone"))
    await asking
    hand.pulse.beat()
    assert hand.look(1) == 1
    assert hand.ended == []


def test_the_pulse_says_how_late_the_loop_was_at_most_since_it_was_asked() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    for at in (1.0, 2.5, 3.5):
        now[0] = at
        pulse.beat()
    assert pulse.latest() == 0.5
    assert pulse.latest() == 0.0
    now[0] = 7.5
    assert pulse.still() == 4.0


def test_a_process_whose_loop_hangs_ends_with_its_own_code_and_quotes_nothing() -> None:
    """F12: the whole way, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 70, ran.stderr
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["loop blocked", "loop hung"]
    assert any(call.endswith(" held_up") for call in lines[0]["calls"])
    assert "secret" not in ran.stderr


@pytest.mark.parametrize("abstract", [False, True], ids=["a file", "a name without a file"])
def test_systemd_is_told_where_it_listens(tmp_path: Path, abstract: bool) -> None:
    name = f"\0{tmp_path}/notify" if abstract else f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        notify("READY=1", {"NOTIFY_SOCKET": name.replace("\0", "@")})
        systemd.settimeout(5)
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "nowhere", "/nowhere/notify", "@nobody"])
def test_without_a_supervisor_nothing_happens(address: str) -> None:
    notify("READY=1", {"NOTIFY_SOCKET": address})
    notify("READY=1", {})


def test_a_process_knows_its_memory_where_the_system_says_it(tmp_path: Path) -> None:
    assert resident() > 1_000_000
    assert resident(tmp_path / "none") == 0


def test_measures_are_numbers_alone() -> None:
    from storage.timings import LIMITS, Timings

    timings = Timings()
    for seconds in (0.0005, 0.001, 0.002, 100.0):
        timings.add(seconds)
    found = measures(late=0.0123456, timings=timings, backup=None)
    assert all(isinstance(value, int | float) for value in found.values())
    assert (found["written_0"], found["written_1"], found[f"written_{len(LIMITS)}"]) == (2, 1, 1)
    assert found["late"] == 0.012
