"""Lives of the real program that end by SIGKILL, at a named place or at any moment, and the rest after them."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from storage.crashpoints import ARMED
from tests.faults.oracle import judge, waiting
from tests.faults.scene import Scene
from tests.installation import Program

PATIENCE = 90.0
"""Seconds after a start in which everything must be caught up with."""

WORDS_OF_A_LIFE = 6
"""How much is said in one life; a program that is killed all the time would never have answered more."""

RECORD = "ZHIBU_PLACES_PASSED"
RECORDING = """
import os
from storage import crashpoints

end, passed = crashpoints.crashpoint, set()
record = os.open(os.environ["ZHIBU_PLACES_PASSED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

def pass_by(here):
    if here not in passed:
        passed.add(here)
        os.write(record, f"{here}\\n".encode())
    end(here)

crashpoints.crashpoint = pass_by
from zhibu.cli import main
main()
"""
"""The front door as it is, with a record of the places that are passed."""


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
        self.record: Path | None = None
        """Where lives write down which named places they pass, one each line."""
        self._words = 0
        self._program: Program | None = None

    def start(self, crash: str = "", *, piece: str = "") -> Program:
        """Start the program, armed to end at a place, or as a piece of Python starts it."""
        arguments = ["run", "-c", str(self.scene.installation.config)]
        environment = {ARMED: crash} if crash else {}
        if self.record is not None:
            environment[RECORD] = str(self.record)
            piece = RECORDING
        self._program = Program(arguments, self.scene.folder, environment=environment, piece=piece)
        return self._program

    def end(self) -> None:
        """Leave no program behind."""
        if self._program is not None and self._program.process.poll() is None:
            self._program.kill()

    async def stop(self, program: Program) -> None:
        """Stop a life politely; that it does not end so is a failure, and no reason to lose count of the others."""
        try:
            code = await asyncio.to_thread(program.interrupt)
        except subprocess.TimeoutExpired:
            program.kill()
            self.tally.failures.append(f"did not end when it was asked to: {program.text[-500:]}")
            return
        if code != 0:
            self.tally.failures.append(f"ended with {code}: {program.text[-500:]}")

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

    def missed(self, places: Iterable[str]) -> list[str]:
        """Return which of these named places no recorded life has passed."""
        passed = set(self.record.read_text(encoding="utf-8").split()) if self.record is not None else set()
        return [name for name in places if name not in passed]

    async def rest(self, during: Callable[[Program], Awaitable[None]] | None = None) -> None:
        """Start once more, do something meanwhile, wait until nothing waits, stop politely, and judge."""
        began = time.monotonic()
        program = self.start()
        if during is not None:
            await during(program)
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
        await self.stop(program)
        self.tally.failures += await asyncio.to_thread(judge, self.scene.world)
