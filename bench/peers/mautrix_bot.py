"""mautrix-python as a client: a handler for messages that answers."""

from __future__ import annotations

import asyncio
import json
import os

from mautrix.client import Client
from mautrix.types import EventType, MessageEvent, MessageType, UserID

ME = UserID(os.environ["BENCH_USER"])
COMMANDS = set(json.loads(os.environ["BENCH_COMMANDS"]))


async def main() -> None:
    """Run until ended."""
    client = Client(mxid=ME, base_url=os.environ["BENCH_URL"], token=os.environ["BENCH_TOKEN"])
    client.ignore_initial_sync = True
    client.ignore_first_sync = True

    @client.on(EventType.ROOM_MESSAGE)  # type: ignore[untyped-decorator, unused-ignore]
    async def hear(event: MessageEvent) -> None:
        if event.sender != ME and event.content.body in COMMANDS:
            await client.send_text(event.room_id, event.content.body, msgtype=MessageType.NOTICE)

    await client.start(None)


if __name__ == "__main__":
    asyncio.run(main())
