"""Lives of the real program that end by SIGKILL, at a named place or at any moment, and the rest after them."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field

from storage.crashpoints import ARMED
from tests.faults.oracle import judge, waiting
from tests.faults.scene import Scene
from tests.installation import Program

PATIENCE = 90.0
"""Seconds after a start in which everything must be caught up with."""

WORDS_OF_A_LIFE = 6
"""How much is said in one life; a program that is killed all the time would never have answered more."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of a promise: how often it was tried, what failed of it, and what was left out."""

    tried: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    slowest_start: float = 0.0
    slowest_quiet: float = 0.0


async def pause(seconds: float) -> None:
    """Let a moment pass in which the program works; what is awaited is its death or an instant of the seed."""
    never = asyncio.get_running_loop().create_future()
    await asyncio.wait([never], timeout=seconds)
    never.cancel()


class Campaign:
    """Many lives of one installation. Everything that is left to chance comes from ``seed``."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self.chance = random.Random(seed)
        self.tally = Tally()
        self._words = 0
        self._program: Program | None = None

    def start(self, crash: str = "", *, piece: str = "") -> Program:
        """Start the program, armed to end at a place, or as a piece of Python starts it."""
        arguments = ["run", "-c", str(self.scene.installation.config)]
        armed = {ARMED: crash} if crash else {}
        self._program = Program(arguments, self.scene.folder, environment=armed, piece=piece)
        return self._program

    def end(self) -> None:
        """Leave no program behind."""
        if self._program is not None and self._program.process.poll() is None:
            self._program.kill()

    async def die_at(self, name: str, *, busy: bool = True, within: float = 90.0) -> None:
        """Let one life end at a named place; that it never comes there is a failure."""
        self.tally.tried += 1
        program = self.start(name)
        self._words = WORDS_OF_A_LIFE
        end = time.monotonic() + within
        while program.process.poll() is None and time.monotonic() < end:
            await self._be_busy(busy)
        if program.process.poll() != -signal.SIGKILL:
            self.tally.failures.append(f"{name} was not passed: {program.process.poll()} {program.text[-500:]}")
            if program.process.poll() is None:
                program.kill()

    async def die_any_time(self, longest: float = 4.0) -> None:
        """Let one life end at an instant of the seed."""
        self.tally.tried += 1
        program = self.start()
        self._words = WORDS_OF_A_LIFE
        end = time.monotonic() + self.chance.uniform(0.3, longest)
        while time.monotonic() < end and program.process.poll() is None:
            await self._be_busy(True)
        if program.process.poll() is not None:
            self.tally.failures.append(f"ended by itself: {program.process.poll()} {program.text[-500:]}")
        else:
            program.kill()

    async def _be_busy(self, busy: bool) -> None:
        if busy:
            await self.scene.look()
            if self._words:
                self._words -= await self.scene.act_in_turn()
        await pause(self.chance.uniform(0.05, 0.25))

    async def rest(self) -> None:
        """Start once more, wait until nothing waits, stop politely, and judge."""
        began = time.monotonic()
        program = self.start()
        left: list[str] = ["not asked yet"]
        while left and time.monotonic() - began < PATIENCE:
            await self.scene.look()
            await pause(0.2)
            if program.process.poll() is not None:
                break
            if '"listening"' in program.text:
                left = await asyncio.to_thread(waiting, self.scene.world)
        self.tally.slowest_quiet = max(self.tally.slowest_quiet, time.monotonic() - began)
        if left:
            self.tally.failures += [f"not quiet: {one}" for one in left[:5]] + [program.text[-800:]]
        code = await asyncio.to_thread(program.interrupt)
        if code != 0:
            self.tally.failures.append(f"ended with {code}: {program.text[-500:]}")
        self.tally.failures += await asyncio.to_thread(judge, self.scene.world)
