"""matrix-nio as its documentation shows it: a callback for messages that answers, with encryption where it is asked."""

from __future__ import annotations

import asyncio
import json
import os

from nio import AsyncClient, AsyncClientConfig, MatrixRoom, RoomMessageText

ME = os.environ["BENCH_USER"]
COMMANDS = set(json.loads(os.environ["BENCH_COMMANDS"]))
SEALED = os.environ.get("BENCH_SEALED") == "1"


async def main() -> None:
    """Run until ended."""
    config = AsyncClientConfig(encryption_enabled=SEALED, pickle_key="bench")
    client = AsyncClient(os.environ["BENCH_URL"], ME, os.environ["BENCH_DEVICE"], os.environ["BENCH_FOLDER"], config)
    client.restore_login(ME, os.environ["BENCH_DEVICE"], os.environ["BENCH_TOKEN"])

    async def hear(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != ME and event.body in COMMANDS:
            content = {"msgtype": "m.notice", "body": event.body}
            await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    await client.sync(timeout=0, full_state=True)
    client.add_event_callback(hear, RoomMessageText)
    await client.sync_forever(timeout=30000)


if __name__ == "__main__":
    asyncio.run(main())
