"""The measure of all others: a bare loop on aiohttp that echoes, without any library for Matrix."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from typing import Any
from urllib.parse import quote

import aiohttp

ME = os.environ["BENCH_USER"]
COMMANDS = set(json.loads(os.environ["BENCH_COMMANDS"]))
BASE = os.environ["BENCH_URL"] + "/_matrix/client/v3"
DEAF = os.environ.get("BENCH_DEAF") == "1"
FAN_OUT = json.loads(os.environ.get("BENCH_FAN_OUT", "[]"))
NUMBERS = itertools.count(1)


async def answer(session: aiohttp.ClientSession, room: str, body: str) -> None:
    """Send one message."""
    where = f"{BASE}/rooms/{quote(room)}/send/m.room.message/raw{os.getpid()}.{next(NUMBERS)}"
    async with session.put(where, json={"msgtype": "m.notice", "body": body}) as response:
        await response.read()


async def sync(session: aiohttp.ClientSession, **query: str) -> Any:
    """Ask for what is new."""
    async with session.get(f"{BASE}/sync", params=query) as response:
        return await response.json()


async def hear(session: aiohttp.ClientSession, since: str) -> None:
    """Sync for ever and echo what is a command."""
    tasks = set()
    while True:
        batch = await sync(session, timeout="30000", since=since)
        since = batch["next_batch"]
        for room, part in batch.get("rooms", {}).get("join", {}).items():
            for event in part["timeline"]["events"]:
                body = event["content"].get("body")
                if event["type"] == "m.room.message" and event["sender"] != ME and body in COMMANDS:
                    task = asyncio.create_task(answer(session, room, body))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)


async def main() -> None:
    """Run until ended; with rooms to fan out to, only until each has a message, 32 at a time.

    It goes on listening meanwhile, as every bot must, unless it is told to be deaf.
    """
    headers = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        since = (await sync(session, timeout="0"))["next_batch"]
        if not FAN_OUT:
            await hear(session, since)
        free = asyncio.Semaphore(32)
        hearing = None if DEAF else asyncio.create_task(hear(session, since))

        async def send(room: str) -> None:
            async with free:
                await answer(session, room, os.environ["BENCH_BODY"])

        began = time.monotonic()
        await asyncio.gather(*map(send, FAN_OUT))
        print(json.dumps({"seconds": time.monotonic() - began}))
        if hearing is not None:
            hearing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
