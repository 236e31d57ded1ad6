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
FAN_OUT = json.loads(os.environ.get("BENCH_FAN_OUT", "[]"))
NUMBERS = itertools.count(1)


async def answer(session: aiohttp.ClientSession, room: str, body: str) -> None:
    """Send one message."""
    where = f"{BASE}/rooms/{quote(room)}/send/m.room.message/raw{os.getpid()}.{next(NUMBERS)}"
    async with session.put(where, json={"msgtype": "m.notice", "body": body}) as response:
        await response.read()


async def hear(session: aiohttp.ClientSession) -> None:
    """Sync for ever and echo what is a command."""
    query: dict[str, Any] = {"timeout": "0"}
    tasks = set()
    while True:
        async with session.get(f"{BASE}/sync", params=query) as response:
            batch = await response.json()
        first = "since" not in query
        query = {"timeout": "30000", "since": batch["next_batch"]}
        for room, part in batch.get("rooms", {}).get("join", {}).items():
            for event in [] if first else part["timeline"]["events"]:
                body = event["content"].get("body")
                if event["type"] == "m.room.message" and event["sender"] != ME and body in COMMANDS:
                    task = asyncio.create_task(answer(session, room, body))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)


async def main() -> None:
    """Run until ended; with rooms to fan out to, only send one message to each of them, 32 at a time."""
    headers = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        if not FAN_OUT:
            await hear(session)
        free = asyncio.Semaphore(32)

        async def send(room: str) -> None:
            async with free:
                await answer(session, room, os.environ["BENCH_BODY"])

        began = time.monotonic()
        await asyncio.gather(*map(send, FAN_OUT))
        print(json.dumps({"seconds": time.monotonic() - began}))


if __name__ == "__main__":
    asyncio.run(main())
