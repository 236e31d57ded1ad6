"""simplematrixbotlib as its documentation shows it: a listener for messages that answers."""

from __future__ import annotations

import json
import os

import simplematrixbotlib as botlib
from nio import MatrixRoom, RoomMessageText

COMMANDS = set(json.loads(os.environ["BENCH_COMMANDS"]))

creds = botlib.Creds(
    os.environ["BENCH_URL"],
    os.environ["BENCH_USER"],
    access_token=os.environ["BENCH_TOKEN"],
    session_stored_file="",
)
bot = botlib.Bot(creds)


@bot.listener.on_message_event  # type: ignore[untyped-decorator, unused-ignore]
async def echo(room: MatrixRoom, message: RoomMessageText) -> None:
    """Answer a command."""
    if botlib.MessageMatch(room, message, bot).is_not_from_this_bot() and message.body in COMMANDS:
        await bot.api.send_text_message(room.room_id, message.body, msgtype="m.notice")


if __name__ == "__main__":
    bot.run()
