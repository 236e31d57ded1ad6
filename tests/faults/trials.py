"""What is done to the program to try its promises: kills at places and instants, absences, lost devices, controls."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.campaign import Campaign, Tally, pause
from tests.faults.homeserver import FakeServer
from tests.faults.oracle import judge
from tests.faults.scene import Scene, Server
from tests.installation import Program
from tests.waiting import until
from zhibu.demo.synapse import Synapse

FORM_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@asynccontextmanager
async def staged(server: Server, folder: Path, seed: int, database: str = "", **size: int) -> AsyncIterator[Campaign]:
    """Give a campaign on a scene that is founded."""
    scene = Scene(server, folder, database)
    await scene.found(**{"halls": 3, "members": 6, **size})  # type: ignore[arg-type]
    campaign = Campaign(scene, seed)
    try:
        yield campaign
    finally:
        campaign.end()
        await scene.close()


async def new_device(scene: Scene, server: FakeServer) -> None:
    """Lose the device, and a day later with it the homeserver's memory of what it sent."""
    shutil.rmtree(scene.folder / "keys" / "device", ignore_errors=True)
    server.lose_transactions()
    await scene.let_leases_end()


async def link_in(campaign: Campaign, room: str, program: Program, *, other_than: str = "") -> str:
    """Wait for a link that the bot says in a private room of the first member, other than one of before."""
    member = campaign.scene.members[0]
    while True:
        for event in reversed(await member.history(room)):
            found = re.search(r"http://\S+/sign-in/[\w-]+", str(event["content"].get("body", "")))
            if found and found[0] != other_than:
                return found[0]
        assert program.process.poll() is None, program.text
        await pause(0.2)


async def killed_at_any_time(
    folder: Path, seed: int, runs: int, database: str = "", server: Server | None = None
) -> Tally:
    """End lives at instants of the seed while members talk and lessons go out; rest and judge after every ten."""
    if server is None:
        async with FakeServer() as fake:
            return await killed_at_any_time(folder, seed, runs, database, fake)
    async with staged(server, folder, seed, database) as campaign:
        for number in range(runs):
            await campaign.scene.plan(2)
            await campaign.die_any_time()
            if number % 10 == 9:
                await campaign.rest()
        if runs % 10:
            await campaign.rest()
        return campaign.tally


async def away(folder: Path, seed: int, absences: Sequence[int], halls: int = 3) -> Tally:
    """Be away for so many events in every hall, time after time, with members' words at both ends of them (R2)."""
    async with FakeServer() as server, staged(server, folder, seed, halls=halls, members=halls) as campaign:
        scene, tally = campaign.scene, campaign.tally
        await scene.plan()
        await campaign.rest()
        for events in absences:
            for member in scene.members:
                await scene.act(member, "签到")
            for hall in scene.world.halls:
                for number in range(events):
                    await scene.reader.say(hall, f"闲聊 {number}")
            for member in scene.members:
                await scene.act(member, "请假 事假")
            tally.tried += events * halls
            await campaign.rest()
        return tally


async def device_lost(folder: Path, seed: int, runs: int, database: str = "") -> Tally:
    """End lives in the middle of a push, and go on with a new device that the homeserver remembers nothing of (R3)."""
    async with FakeServer() as server, staged(server, folder, seed, database, halls=6) as campaign:
        for _ in range(runs):
            await campaign.scene.plan(2)
            await campaign.die_at(f"outbox.sent_before_mark:{campaign.chance.randint(1, 10)}")
            await new_device(campaign.scene, server)
        await campaign.rest()
        return campaign.tally


async def answers_lost(folder: Path, seed: int, runs: int) -> Tally:
    """Let the homeserver take what is sent and never say so (F46)."""
    async with FakeServer() as server, staged(server, folder, seed) as campaign:
        for _ in range(runs):
            await campaign.scene.plan()
            server.lost_answers += campaign.chance.randint(1, 3)
            campaign.tally.tried += 1
            await campaign.rest()
        return campaign.tally


async def forgetful_control(folder: Path, seed: int) -> list[str]:
    """Do the same on a homeserver that remembers no transaction and shows no history: the judge must see doubles."""
    async with FakeServer() as server, staged(server, folder, seed) as campaign:
        server.forgetful = True
        server.hides_history = True
        await campaign.scene.plan(2)
        await campaign.die_at("outbox.sent_before_mark:2", busy=False)
        server.hides_history = False
        await campaign.rest()
        return await asyncio.to_thread(judge, campaign.scene.world)


async def homeserver_killed(folder: Path, seed: int, runs: int, server: Synapse) -> Tally:
    """Kill the real homeserver in the middle of pushes, under a program that lives on (R3, F42)."""
    async with staged(server, folder, seed) as campaign:
        scene, tally = campaign.scene, campaign.tally
        for _ in range(runs):
            await scene.plan(2)
            tally.tried += 1
            program = campaign.start()
            await asyncio.to_thread(until, lambda program=program: '"listening"' in program.text, "the program", 90)
            await pause(campaign.chance.uniform(0.0, 4.0))
            await asyncio.to_thread(server.kill)
            await server.start()
            await pause(1.0)
            await campaign.stop(program)
        await campaign.rest()
        return tally
