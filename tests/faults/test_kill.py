"""A power cut in the middle of a delivery loses nothing and doubles nothing; the rooms themselves are the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.faults.branches import MARK, cards, found, schedule_now
from tests.installation import Installation
from tests.member import Member
from zhibu.demo.synapse import Account, Synapse

ROOMS = 14


@pytest.mark.synapse
async def test_kills_during_a_delivery_to_many_rooms_lose_and_double_nothing(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """R1, R3, F01: killed after the first card, and again after the ninth."""
    bot, reading = await account("bot"), await account("reader")
    async with Member(synapse.url, bot) as maker, Member(synapse.url, reading) as reader:
        rooms: list[str] = []
        for _ in range(ROOMS):
            room = await maker.create_room(reading.user_id)
            await reader.join(room)
            rooms.append(room)
        await reader.sync()
        installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password, encrypted=False)
        store = await Store.open(installation.database)
        await found(store, rooms, reading.user_id)
        await schedule_now(store)
        await store.close()

        arrived = 0
        for killed_after in (1, 9):
            program = installation.start()
            while arrived < killed_after:
                body = await reader.sync(timeout_ms=20_000)
                arrived += _count_marks(body)
            program.kill()

        program = installation.start()
        try:
            while arrived < ROOMS:
                body = await reader.sync(timeout_ms=20_000)
                arrived += _count_marks(body)
            shown = await cards(reader, rooms, bot.user_id)
            assert {room: len(events) for room, events in shown.items()} == dict.fromkeys(rooms, 1)
            await reader.react(rooms[0], shown[rooms[0]][0])
            while "1" not in await _live_line(reader, rooms[0]):
                await reader.sync(timeout_ms=20_000)
        finally:
            assert program.interrupt() == 0, program.text
        again = await cards(reader, rooms, bot.user_id)
    assert again == shown


def _count_marks(body: dict[str, Any]) -> int:
    joined = body.get("rooms", {}).get("join", {}).values()
    return sum(
        1
        for room in joined
        for event in room["timeline"]["events"]
        if MARK in event["content"] and "m.new_content" not in event["content"]
    )


async def _live_line(reader: Member, room: str) -> str:
    """Return the last line of the newest edit of a card."""
    edits = [event for event in await reader.history(room) if "m.new_content" in event["content"]]
    return str(edits[-1]["content"]["m.new_content"]["body"]).splitlines()[-1] if edits else ""


@pytest.mark.synapse
async def test_what_a_member_answered_while_the_bot_was_down_counts(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """F43, R2."""
    bot, reading = await account("bot"), await account("reader")
    async with Member(synapse.url, bot) as maker, Member(synapse.url, reading) as reader:
        room = await maker.create_room(reading.user_id)
        await reader.join(room)
        await reader.sync()
        installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password, encrypted=False)
        store = await Store.open(installation.database)
        await found(store, [room], reading.user_id)
        await schedule_now(store)
        await store.close()
        program = installation.start()
        while not (card := (await cards(reader, [room], bot.user_id))[room]):
            await reader.sync(timeout_ms=20_000)
        program.kill()

        for number in range(30):
            await reader.say(room, f"闲聊 {number}")
        await reader.react(room, card[0])
        for number in range(30):
            await reader.say(room, f"闲聊 {number}")
        program = installation.start()
        try:
            while "已学完 1 人，应学 1 人" not in await _live_line(reader, room):
                await reader.sync(timeout_ms=20_000)
        finally:
            assert program.interrupt() == 0, program.text
        assert len((await cards(reader, [room], bot.user_id))[room]) == 1
    await asyncio.to_thread(_nothing_of_free_talk, installation.folder)


def _nothing_of_free_talk(folder: Path) -> None:
    for file in folder.glob("zhibu.db*"):
        assert "闲聊".encode() not in file.read_bytes(), file
