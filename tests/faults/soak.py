"""A branch that is at work for hours with a fault now and then: nothing is lost, and nothing grows that should not."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.faults.campaign import Campaign, Tally, pause
from tests.faults.homeserver import FakeServer, Refused
from tests.faults.trials import new_device, staged
from tests.installation import finish

BETWEEN = 600.0
"""Seconds from one fault to the next; less in a short run, so that it has six."""

SAMPLED = 10.0
GROWTH = 1.05
"""How much more memory one life may hold at its end than after its first third."""

SPARE = 8
"""Descriptors by which lives may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the process holds at a moment: seconds since the beginning, bytes, descriptors, bytes of the database."""

    at: float
    life: int
    memory: int
    descriptors: int
    database: int


class Soak:
    """One long run."""

    def __init__(self, campaign: Campaign, server: FakeServer, minutes: float) -> None:
        self.campaign = campaign
        self.server = server
        self.began = time.monotonic()
        self.end = self.began + 60 * minutes
        self.between = min(BETWEEN, 10 * minutes)
        self.samples: list[Sample] = []
        self.life = 0

    async def run(self) -> Tally:
        """Live on until the time is over; return what was violated."""
        tally = self.campaign.tally
        while time.monotonic() < self.end:
            self.life += 1
            await self.campaign.scene.plan(3)
            await self._live()
            tally.tried += 1
            if self.life % 3 == 0:
                await self.campaign.rest()
                await asyncio.to_thread(self._back_up)
        await self.campaign.rest()
        tally.failures += grown(self.samples)
        return tally

    async def _live(self) -> None:
        """Be at work until the next fault, and meet it."""
        campaign, scene = self.campaign, self.campaign.scene
        program = campaign.start()
        until = min(time.monotonic() + self.between, self.end)
        sampled = 0.0
        while time.monotonic() < until:
            await scene.look()
            await scene.act_in_turn()
            await pause(campaign.chance.uniform(0.5, 1.5))
            if program.process.poll() is not None:
                campaign.tally.failures.append(f"ended by itself: {program.text[-500:]}")
                return
            if time.monotonic() - sampled > SAMPLED:
                sampled = time.monotonic()
                self._sample(program.process.pid)
        fault = campaign.chance.choice(("kill", "cut", "lost answers", "errors", "sleep", "new device", "stop"))
        print(f"soak: {time.monotonic() - self.began:.0f} s, {fault}", flush=True)
        match fault:
            case "cut":
                await self.server.restart()
            case "lost answers":
                self.server.lost_answers += 3
            case "errors":
                self.server.failing += [Refused(502, "M_UNKNOWN")] * 5
            case "sleep":
                program.process.send_signal(signal.SIGSTOP)
                await pause(min(30.0, self.between / 4))
                program.process.send_signal(signal.SIGCONT)
        if fault in ("kill", "new device"):
            program.kill()
        else:
            await pause(2.0)
            if await asyncio.to_thread(program.interrupt) != 0:
                campaign.tally.failures.append(f"after {fault}: {program.text[-500:]}")
        if fault == "new device":
            await new_device(scene, self.server)

    def _sample(self, process: int) -> None:
        held = Path(f"/proc/{process}")
        pages = int((held / "statm").read_text().split()[1])
        files = self.campaign.scene.folder.glob("zhibu.db*")
        sample = Sample(
            at=time.monotonic() - self.began,
            life=self.life,
            memory=pages * 4096,
            descriptors=len(list((held / "fd").iterdir())),
            database=sum(file.stat().st_size for file in files),
        )
        self.samples.append(sample)
        print(
            f"soak: {sample.at:.0f} s, life {sample.life}, {sample.memory >> 20} MB,"
            f" {sample.descriptors} descriptors, database {sample.database >> 10} kB",
            flush=True,
        )

    def _back_up(self) -> None:
        """Make a backup and prove it, as is done every night."""
        config = str(self.campaign.scene.installation.config)
        code, said = finish("backup", "-c", config, "--keep", "2")
        newest = max((self.campaign.scene.folder / "backups").glob("zhibu-*"), default=None)
        if code == 0 and newest is not None:
            code, said = finish("backup", "-c", config, "--check", str(newest))
        if code != 0:
            self.campaign.tally.failures.append(f"backup: {said}")


def grown(samples: list[Sample]) -> list[str]:
    """Return what has grown from the first third of a life to its end, or from life to life."""
    found = []
    lives: dict[int, list[Sample]] = {}
    for one in samples:
        lives.setdefault(one.life, []).append(one)
    for life, held in lives.items():
        settled, last = held[len(held) // 3 :], held[-1]
        if len(held) >= 12 and last.memory > GROWTH * min(one.memory for one in settled):
            found.append(f"life {life}: memory grew from {min(one.memory for one in settled)} to {last.memory}")
    descriptors = [max(one.descriptors for one in held) for held in lives.values()]
    if descriptors and max(descriptors) > descriptors[0] + SPARE:
        found.append(f"descriptors by life: {descriptors}")
    return found


async def soak(folder: Path, seed: int, minutes: float) -> Tally:
    """Run for so many minutes (R18)."""
    async with FakeServer() as server, staged(server, folder, seed, halls=5, members=20) as campaign:
        return await Soak(campaign, server, minutes).run()


WHOLE = timedelta(hours=72) / timedelta(minutes=1)
"""Minutes of the full run."""
