"""A plugin for maubot that echoes; maubot itself runs it, in its mode for one bot."""

from __future__ import annotations

import json
import os

from maubot import MessageEvent, Plugin
from maubot.handlers import event
from mautrix.types import EventType, MessageType, TextMessageEventContent

COMMANDS = set(json.loads(os.environ["BENCH_COMMANDS"]))


class Echo(Plugin):  # type: ignore[misc, unused-ignore]
    """Answers a command."""

    @event.on(EventType.ROOM_MESSAGE)  # type: ignore[untyped-decorator, unused-ignore]
    async def hear(self, heard: MessageEvent) -> None:
        """Answer in the room in which it was said."""
        if heard.sender != self.client.mxid and heard.content.body in COMMANDS:
            content = TextMessageEventContent(msgtype=MessageType.NOTICE, body=heard.content.body)
            await self.client.send_message(heard.room_id, content)
