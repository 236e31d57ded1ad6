"""Sample members at work: some read and tap, some reply, one asks for leave; all through the client-server API."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count
from pathlib import Path

from bot.matrix.crypto import MARK
from bot.matrix.events import Batch, Event
from bot.matrix.faults import Fault
from bot.matrix.homeserver import Homeserver
from bot.matrix.listening import listen
from bot.matrix.login import log_in
from zhibu.demo.chat import Chat, ChatFailed
from zhibu.demo.founding import Login

PICKLE_KEY = b"sample members have no secrets!!"
"""Their keys lie beside a demo's passwords; nobody real uses this client."""

PAUSE = 1.5
"""Seconds between two people's answers, so that one can watch the numbers move."""

SILENT_EVERY = 4
"""Every fourth person does not answer at once: a branch where everybody does would not be a real one."""


class Voice:
    """A member with an encrypting client: reads the room, replies to cards, and talks to the bot in private."""

    def __init__(self, url: str, login: Login, room: str, bot: str, folder: Path) -> None:
        self._url = url
        self._login = login
        self._room = room
        self._bot = bot
        self._folder = folder / login.person.account
        self._homeserver: Homeserver | None = None
        self._transactions = count(1)
        self.cards: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Listen until cancelled."""
        session = await log_in(
            self._url, self._login.account.user_id, self._login.account.password, self._folder, PICKLE_KEY, "Sample"
        )
        self._homeserver = Homeserver(session, PICKLE_KEY)
        await self._homeserver.start()
        try:
            await listen(self._homeserver, None, self._hear, lambda _: None)
        finally:
            await self._homeserver.close()

    async def _hear(self, batch: Batch) -> None:
        for room in batch.rooms:
            if room.membership == "invite" and self._homeserver is not None:
                await self._homeserver.join(room.room_id)
            if room.room_id != self._room:
                continue
            for event in room.timeline:
                if isinstance(event, Event) and _is_card(event, self._bot):
                    self.cards.put_nowait(event.event_id)

    async def reply(self, card: str, text: str) -> None:
        """Reply to a card in the room."""
        await self._say(self._room, {"body": text, "m.relates_to": {"m.in_reply_to": {"event_id": card}}})

    async def whisper(self, text: str) -> None:
        """Say something to the bot in private."""
        if self._homeserver is None:
            return
        name = f"sample-{self._login.person.account}"
        room = await self._homeserver.create_room(alias=name, invite=[self._bot], is_direct=True)
        while self._bot not in await self._homeserver.members(room):  # noqa: ASYNC110 - another process joins
            await asyncio.sleep(0.5)
        await self._say(room, {"body": text})

    async def _say(self, room: str, content: dict[str, object]) -> None:
        if self._homeserver is not None:
            transaction = f"sample-{next(self._transactions)}-{id(self)}"
            await self._homeserver.send(room, "m.room.message", {"msgtype": "m.text", **content}, transaction)


def _is_card(event: Event, bot: str) -> bool:
    edit = "m.new_content" in event.content
    return event.sender == bot and MARK in event.content and not edit and "✅" in str(event.content.get("body"))


async def act(url: str, logins: list[Login], room: str, bot: str, folder: Path) -> None:
    """Let the members of one branch live: one reader sees each card come, and the others answer it."""
    voices = [Voice(url, login, room, bot, folder) for login in logins[:2]]
    answered = folder / f"answered-{logins[0].person.account}.txt"
    async with asyncio.TaskGroup() as group:
        for voice in voices:
            group.create_task(voice.run())
        group.create_task(_answer_cards(url, voices, logins[2:], room, answered))


def _remembered(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.exists() else set()


def _remember(file: Path, done: set[str], card: str) -> None:
    """Keep what was answered, so that nobody answers an old card again after a restart."""
    done.add(card)
    file.write_text("\n".join(sorted(done)))


async def _answer_cards(url: str, voices: list[Voice], others: list[Login], room: str, answered: Path) -> None:
    done = _remembered(answered)
    first = not done
    while True:
        card = await voices[0].cards.get()
        if card in done:
            continue
        _remember(answered, done, card)
        await voices[0].reply(card, "学完")
        for number, login in enumerate(others, start=1):
            await asyncio.sleep(PAUSE)
            if number % SILENT_EVERY == 0:
                continue
            with contextlib.suppress(ChatFailed):
                async with Chat(url, login.account) as chat:
                    await chat.read(room, card)
                    await chat.tap(room, card, "🙏" if number % 9 == 0 else "✅")
            if number == 2:
                await voices[1].reply(card, "请假 倒班")
            if number == 3 and first:
                with contextlib.suppress(Fault):
                    await voices[0].whisper("我的")
        first = False
