"""Words that are found nowhere else, one for each secret and each kind of personal word, and a search for them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import aiohttp

from tests.faults.campaign import Campaign, pause
from tests.faults.homeserver import FakeServer
from tests.faults.oracle import waiting
from tests.faults.scene import Scene
from tests.faults.trials import FORM_FIELD, link_in

DATABASE = ("zhibu.db", "zhibu.db-wal", "zhibu.db-journal")

LOUD = """
import logging, sys, structlog
import zhibu.running
from zhibu.logs import configure_logs

def loud(*_):
    configure_logs(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)

zhibu.running.configure_logs = loud
from zhibu.cli import main
main()
"""
"""The front door with every level of its logs let through, by the same handlers as at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A word that must not get out; ``home`` are the only files in which it may stand."""

    name: str
    word: str
    home: tuple[str, ...] = ()

    def shapes(self) -> Iterator[bytes]:
        """Yield the word as logs, addresses and tables may spell it."""
        yield self.word.encode()
        yield self.word.encode("utf-16-le")
        yield json.dumps(self.word)[1:-1].encode()
        yield quote(self.word, safe="").encode()


def leaks(folder: Path, canaries: list[Canary]) -> list[str]:
    """Return where a canary stands that should not."""
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        found += [
            f"{one.name} in {file.relative_to(folder)}"
            for one in canaries
            if file.name not in one.home and any(shape in content for shape in one.shapes())
        ]
    return found


class Flight:
    """One day of a branch in which each canary is let fly, with the logs as loud as they get."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canaries: list[Canary] = []

    def _canary(self, name: str, word: str, *home: str) -> str:
        self.canaries.append(Canary(name=name, word=word, home=home))
        return word

    async def fly(self) -> None:
        """Let people say and do everything once; leave logs, answers and a backup in the folder."""
        async with FakeServer() as server:
            scene = Scene(server, self.folder)
            name = self._canary("name", "丝雀甲名", *DATABASE)
            scene.name_of = (name + "{}").format
            await scene.found(halls=1, members=2)
            campaign = Campaign(scene, seed=1)
            try:
                await self._day(campaign)
            finally:
                campaign.end()
                await scene.close()

    async def _day(self, campaign: Campaign) -> None:
        scene = campaign.scene
        await scene.plan()
        await campaign.rest()
        first, second = scene.members
        await scene.look()
        assert await scene.act(first, "请假 " + self._canary("leave reason", "丝雀乙由", *DATABASE))
        hall = scene.world.halls[0]
        await second.say(hall, self._canary("free talk", "丝雀丙话"))
        await second.say(scene.world.private[second.user_id], self._canary("private word", "丝雀丁语"))
        await first.say(scene.world.private[first.user_id], "控制台")
        program = campaign.start(piece=LOUD)
        link = await asyncio.wait_for(link_in(campaign, scene.world.private[first.user_id], program), 180)
        self._canary("sign-in link", link.rpartition("/")[2])
        await self._sign_in(link)
        while await asyncio.to_thread(waiting, scene.world):
            await pause(0.2)
        await asyncio.to_thread(self._ask_openly, scene.installation.port)
        backup = [sys.executable, "-m", "zhibu", "backup", "-c", str(scene.installation.config)]
        done = await asyncio.to_thread(subprocess.run, backup, capture_output=True, check=True)
        (self.folder / "backup-said.log").write_bytes(done.stdout + done.stderr)
        program.kill()
        program = campaign.start(piece=LOUD)
        await asyncio.to_thread(scene.installation.await_console)
        assert await asyncio.to_thread(program.interrupt) == 0, program.text
        session = json.loads((self.folder / "keys" / "device" / "session.json").read_text())
        self._canary("access token", session["access_token"], "session.json")
        self._canary("password", (self.folder / "bot-password").read_text(), "bot-password")

    async def _sign_in(self, link: str) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            async with browser.get(link) as page:
                fields = dict(FORM_FIELD.findall(await page.text()))
            headers = {"Origin": link.partition("/sign-in")[0]}
            async with browser.post(link, data=fields, headers=headers) as page:
                assert page.status == 200, page.status
            cookie = next(one for one in browser.cookie_jar if not one.key.endswith("-visit"))
            self._canary("session cookie", cookie.value)
            async with browser.get(f"{headers['Origin']}/no-such-page?q={quote('丝雀丙话')}") as page:
                assert page.status == 404

    def _ask_openly(self, port: int) -> None:
        """Keep what anybody gets who asks without signing in."""
        for place in ("health", "ready", "metrics"):
            try:
                with urlopen(f"http://127.0.0.1:{port}/{place}", timeout=10) as answer:
                    (self.folder / f"answer-{place}.txt").write_bytes(answer.read())
            except OSError:
                continue
