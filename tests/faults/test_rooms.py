"""A room in which the bot may not write ends in a reason on the organiser's desk, and does not hold up the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from content.checkins import State
from content.decision import Decision
from content.identifiers import Cause
from storage import outbox, outbox_items, participation
from storage.store import Step, Store
from storage.unit import Reading
from tests.faults.branches import TOP, cards, found, schedule_now
from tests.installation import Installation
from tests.member import Member
from zhibu.demo.synapse import Account, Synapse


@pytest.mark.synapse
async def test_a_room_without_the_right_to_write_is_told_and_can_be_retried(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """F56."""
    bot, owning = await account("bot"), await account("owner")
    async with Member(synapse.url, bot) as robot, Member(synapse.url, owning) as owner:
        rooms = []
        for muted in (False, True, False):
            powers = {"events_default": 50 if muted else 0}
            room = await owner.create_room(bot.user_id, power_level_content_override=powers)
            await robot.join(room)
            rooms.append(room)
        await owner.sync()
        installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password, encrypted=False)
        store = await Store.open(installation.database)
        await found(store, rooms, owning.user_id)
        await schedule_now(store)
        await store.close()

        program = installation.start()
        while sum(map(len, (await cards(owner, rooms, bot.user_id)).values())) < 2:
            await owner.sync(timeout_ms=20_000)
        assert program.interrupt() == 0, program.text
        assert [len(events) for events in (await cards(owner, rooms, bot.user_id)).values()] == [1, 0, 1]

        store = await Store.open(installation.database)
        (failed,) = await store.read(lambda unit: outbox_items.items(unit, [TOP], states=[outbox.State.FAILED]))
        assert failed.error == "refused M_FORBIDDEN"
        lines = await store.read(participation.lines)
        assert [line.state for line in lines] == [State.OPEN, State.NOT_OFFERED, State.OPEN]

        async def retry(_: Reading) -> Decision:
            return Decision(facts=(outbox.Retried(id=failed.id, at=store.now()),))

        await store.settle([Step(cause=Cause("form:retry"), decide=retry)])
        await store.close()
        await owner.ask("PUT", f"/v3/rooms/{rooms[1]}/state/m.room.power_levels", {"events_default": 0})

        program = installation.start()
        try:
            while not (await cards(owner, rooms, bot.user_id))[rooms[1]]:
                await owner.sync(timeout_ms=20_000)
        finally:
            assert program.interrupt() == 0, program.text
        assert [len(events) for events in (await cards(owner, rooms, bot.user_id)).values()] == [1, 1, 1]
        store = await Store.open(installation.database)
        lines = await store.read(participation.lines)
        await store.close()
        assert [line.state for line in lines] == [State.OPEN] * 3
