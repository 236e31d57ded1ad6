"""Where the database is cut off between the homeserver's yes and our mark, the card itself tells that it stands."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from bot.bot import Bot
from bot.matrix.homeserver import Homeserver
from storage.checkins import answers
from storage.outbox import Kind, Sent
from storage.store import Store
from storage.unit import Reading
from tests.bot.matrix.conftest import People
from tests.faults.branches import cards, found, schedule_now
from tests.small_branch import HandClock
from zhibu.catalogue import load_speech

pytestmark = pytest.mark.synapse


async def test_a_tap_counts_on_a_card_whose_mark_was_lost_with_the_database(
    bot: Homeserver, people: People, sqlite_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1, F03: the clock stands still, so that no lease ends; nothing but the card coming back can tell of it."""
    member = await people.plain()
    room = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room)
    store = await Store.open(sqlite_address, HandClock(datetime.now(UTC)))
    await found(store, [room], member.user_id)
    await schedule_now(store)
    lost = _lose_the_first_mark(store, monkeypatch)
    task = asyncio.create_task(Bot(store, bot, load_speech(), console="http://console.test", encrypted=False).run())
    try:
        async with asyncio.timeout(60):
            await lost.wait()
            (card,) = (await cards(member, [room], bot.user_id))[room]
            await member.react(room, card)
            while not await store.read(_answered):
                assert not task.done(), task.result()
                await member.sync(timeout_ms=1000)
            assert (await cards(member, [room], bot.user_id))[room] == [card]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def _answered(unit: Reading) -> bool:
    return bool(await unit.rows(sa.select(answers.c.number)))


def _lose_the_first_mark(store: Store, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let the database be away just when the first card that a room has got is to be marked; tell when it was."""
    lost = asyncio.Event()
    settle = store.settle

    async def cut_once(*steps: Any, notes: Any = (), patient: bool = False) -> Any:
        if not lost.is_set() and any(isinstance(note, Sent) and note.claimed.kind is Kind.POST for note in notes):
            lost.set()
            raise sa.exc.OperationalError("", None, ConnectionError())
        return await settle(*steps, notes=notes, patient=patient)

    monkeypatch.setattr(store, "settle", cut_once)
    return lost
