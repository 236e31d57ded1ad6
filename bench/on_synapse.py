"""Cases on a real Synapse, which is the limit there: what a bot adds to it, and how fast it fans out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bench import founded
from bench.contestants import BOT_SDK, DEAF, KEPT, MAUBOT, OURS, RAW, Running, absent, command, settings
from bench.contestants import Account as Login
from bench.measuring import Case, Figures, How, Row, percentile, tell
from bench.on_stub import free_port
from bench.stub import COMMANDS as WORDS
from zhibu.demo.synapse import Account, Synapse

SPEAKERS = 16
PATIENCE = 180.0
CARD = "主题党日\n" + "带好党徽，准时到会。" * 40


class Talker:
    """One account that talks to the homeserver directly."""

    def __init__(self, session: aiohttp.ClientSession, url: str, account: Account) -> None:
        self._session, self._url = session, url + "/_matrix/client/v3"
        self._headers = {"Authorization": f"Bearer {account.access_token}"}
        self.user = account.user_id
        self.room = ""
        self._since = ""
        self._turn = 0

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Make a call that must succeed."""
        async with self._session.request(
            method, self._url + path, json=body, params=query, headers=self._headers
        ) as response:
            answer = dict(await response.json())
            if response.status != 200:
                raise RuntimeError(f"{method} {path}: {answer}")
            return answer

    async def begin(self) -> None:
        """Stand at the end of the stream, at the first of the words."""
        self._since = (await self.ask("GET", "/sync", timeout="0", filter=_FILTER))["next_batch"]
        self._turn = 0

    async def say(self, bot: str) -> float:
        """Say the next word and return how many seconds the bot's answer took to be seen.

        Only what stands behind the word is an answer to it: Synapse gives the same first sync for two minutes, and with
        it what was said to the bot before.
        """
        began = time.monotonic()
        word = WORDS[self._turn % len(WORDS)]
        self._turn += 1
        where = f"/rooms/{quote(self.room)}/send/m.room.message/{time.monotonic_ns()}"
        said = (await self.ask("PUT", where, {"msgtype": "m.text", "body": word}))["event_id"]
        behind = False
        while True:
            batch = await self.ask("GET", "/sync", since=self._since, timeout="30000", filter=_FILTER)
            self._since = batch["next_batch"]
            heard = batch.get("rooms", {}).get("join", {}).get(self.room, {}).get("timeline", {}).get("events", [])
            for event in heard:
                if behind and event["sender"] == bot:
                    return time.monotonic() - began
                behind = behind or event["event_id"] == said


_NOTHING: dict[str, Any] = {"types": []}
_FILTER = json.dumps(
    {
        "presence": _NOTHING,
        "account_data": _NOTHING,
        "room": {"account_data": _NOTHING, "ephemeral": _NOTHING, "timeline": {"types": ["m.room.message"]}},
    }
)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A running Synapse with the bot's account, its members and its rooms."""

    folder: Path
    synapse: Synapse
    bot: Account
    speakers: list[Talker] = field(default_factory=list)
    halls: list[str] = field(default_factory=list)
    size: float = 1.0
    runs: int = 0
    ears: Talker | None = None

    def fresh(self, name: str) -> Path:
        """Return a folder for one run."""
        self.runs += 1
        folder = self.folder / f"{self.runs}-{name.replace(' ', '-')}"
        folder.mkdir(parents=True)
        return folder

    async def position(self) -> str:
        """Return where the bot's stream ends now, asked in another way each time: the same way has an old answer."""
        assert self.ears is not None
        found = await self.ears.ask("GET", "/sync", timeout=str(self.runs), filter=_FILTER)
        return str(found["next_batch"])


@asynccontextmanager
async def _homeserver(size: float, speakers: int, halls: int) -> AsyncIterator[Stage]:
    KEPT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="synapse-", dir=KEPT))
    synapse = Synapse(folder / "homeserver", free_port())
    try:
        async with synapse, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
            bot = await synapse.register("zhibu", founded.PASSWORD)
            stage = Stage(folder=folder, synapse=synapse, bot=bot, size=size)
            maker = stage.ears = Talker(session, synapse.url, bot)
            for number in range(speakers):
                account = await synapse.register(f"member{number}", founded.PASSWORD)
                speaker = Talker(session, synapse.url, account)
                stage.speakers.append(speaker)
                body = {"preset": "private_chat", "invite": [account.user_id], "is_direct": True}
                speaker.room = (await maker.ask("POST", "/createRoom", body))["room_id"]
                await speaker.ask("POST", f"/rooms/{quote(speaker.room)}/join", {})
            tell(f"{halls} rooms are being made")
            for number in range(halls):
                room = await maker.ask("POST", "/createRoom", {"preset": "private_chat", "name": f"第{number + 1}支部"})
                stage.halls.append(room["room_id"])
            yield stage
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def speaking(size: float) -> AsyncIterator[Stage]:
    """Give a homeserver with a private room for each of some members."""
    async with _homeserver(size, SPEAKERS, 0) as stage:
        yield stage


@asynccontextmanager
async def fanning(size: float) -> AsyncIterator[Stage]:
    """Give a homeserver with the rooms of many branches."""
    async with _homeserver(size, 1, int(300 * size)) as stage:
        yield stage


def _start(stage: Stage, name: str, folder: Path) -> Running:
    bot = stage.bot
    login = Login(url=stage.synapse.url, user=bot.user_id, device=bot.device_id, token=bot.access_token)
    if name == OURS:
        file = founded.write_settings(folder, url=login.url, user=login.user, port=free_port(), encrypted=False)
        arguments = [sys.executable, "-m", "zhibu", "run", "-c", str(file)]
    else:
        arguments = command(name, folder, login)
    return Running(arguments, folder, more=settings(login, folder))


async def answer_commands(stage: Stage, name: str) -> Figures:
    """Let each member say the next thing when they have seen the answer to the last."""
    folder = stage.fresh(name)
    bot_user = stage.bot.user_id
    if name == OURS:
        private = {one.user: one.room for one in stage.speakers}
        # Ours answers whatever was said while it was away; what other bots were asked here is not for it.
        now = await stage.position()
        await founded.found(folder, founded.People(private=private, halls=()), bot=bot_user, position=now)
    rounds = max(2, int(12 * stage.size))
    await asyncio.gather(*[one.begin() for one in stage.speakers])
    with _start(stage, name, folder) as bot:
        async with asyncio.timeout(PATIENCE):
            # What is said before a bot's first look is not heard by all kinds of them.
            await asyncio.sleep(6)
            await asyncio.gather(*[one.say(bot_user) for one in stage.speakers])
            began, before = time.monotonic(), bot.cpu()

            async def talk(speaker: Talker) -> list[float]:
                return [await speaker.say(bot_user) for _ in range(rounds)]

            taken = [one for said in await asyncio.gather(*map(talk, stage.speakers)) for one in said]
            seconds = time.monotonic() - began
        return {
            "rate": len(taken) / seconds,
            "p50": percentile(taken, 0.5) * 1000,
            "p99": percentile(taken, 0.99) * 1000,
            "cpu": (bot.cpu() - before) * 1000 / len(taken),
        }


async def fan_out(stage: Stage, name: str) -> Figures:
    """Measure how long one message to every room takes, for ours from the decision to the last mark of it."""
    folder = stage.fresh(name)
    if name != OURS:
        os.environ["BENCH_FAN_OUT"], os.environ["BENCH_BODY"] = json.dumps(stage.halls), CARD
        os.environ["BENCH_DEAF"] = str(int(name == DEAF))
        try:
            with _start(stage, name, folder) as bot:
                await asyncio.to_thread(bot.process.wait, PATIENCE)
                seconds = json.loads(bot.said.splitlines()[-1])["seconds"]
        finally:
            del os.environ["BENCH_FAN_OUT"], os.environ["BENCH_BODY"], os.environ["BENCH_DEAF"]
        return {"rate": len(stage.halls) / seconds}
    private = {f"@someone{number}:zhibu.localhost": f"!nowhere{number}" for number in range(len(stage.halls))}
    people = founded.People(private=private, halls=tuple(stage.halls))
    await founded.found(folder, people, bot=stage.bot.user_id, position=None, due_in=12)
    with _start(stage, name, folder):
        async with asyncio.timeout(PATIENCE):
            while (seconds := _shown(folder / "zhibu.db", len(stage.halls))) is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)
    return {"rate": len(stage.halls) / seconds}


def _shown(database: Path, rooms: int) -> float | None:
    """Return the seconds from the decision until every card was marked as sent, ``None`` while some are not."""
    seconds = "(julianday(max(done_at)) - julianday(min(made_at))) * 86400.0"
    question = f"SELECT count(done_at), {seconds} FROM outbox WHERE kind = 'post'"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        sent, taken = connection.execute(question).fetchone()
    return float(taken) if sent == rooms else None


COMMANDS = Case(
    name="commands on Synapse",
    ours=OURS,
    measure=RAW,
    contestants=(RAW, OURS, "matrix-nio", MAUBOT, BOT_SDK),
    rows=(
        Row(label="replies per second ÷ raw", figure="rate", how=How.RATIO, least=0.97),
        Row(label="p99 − raw, ms", figure="p99", how=How.DIFFERENCE, most=10, digits=0),
        Row(label="replies per second", figure="rate", digits=1),
        Row(label="p50, ms", figure="p50", digits=0),
        Row(label="p99, ms", figure="p99", digits=0),
    ),
    stage=speaking,
    run=answer_commands,
    absent=absent,
)

FAN_OUT = Case(
    name="one message to 300 rooms on Synapse",
    ours=OURS,
    measure=RAW,
    contestants=(RAW, OURS, DEAF),
    rows=(
        Row(label="messages per second ÷ raw", figure="rate", how=How.RATIO, least=0.97),
        Row(label="messages per second", figure="rate", digits=1),
    ),
    stage=fanning,
    run=fan_out,
)
