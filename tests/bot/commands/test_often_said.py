"""What many people say at the same time costs little: it asks the database by nothing but prepared statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.sql import select

from bot.hearing import Hearing
from bot.matrix.events import Batch, RoomBatch
from storage.inquiries import inquiries
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import ZHANG, SmallBranch, account, message, private_room, reaction


@contextmanager
def unprepared() -> Iterator[list[str]]:
    """Gather what is asked of a database by a question that is put together anew."""
    asked: list[str] = []

    def note(_connection: Any, question: Any, *_: Any) -> None:
        asked.append(str(question))

    event.listen(Engine, "before_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_execute", note)


@pytest.mark.parametrize("said", ["签到", "请假 出差"])
async def test_an_answer_in_words_asks_by_prepared_statements_only(branch: SmallBranch, said: str) -> None:
    await branch.open()
    await branch.send_all()
    with unprepared() as asked:
        (outcome,) = await branch.hear(message(account(ZHANG), said, room_id=private_room(ZHANG)))
    assert outcome is not None
    assert asked == []


async def test_a_tap_asks_by_prepared_statements_only(branch: SmallBranch) -> None:
    id = await branch.open()
    await branch.send_all()
    tap = reaction(account(ZHANG), await branch.card_event(id), "✅")
    with unprepared() as asked:
        await branch.hear(tap)
    assert asked == []


async def test_a_private_chat_is_heard_by_prepared_statements_only(branch: SmallBranch) -> None:
    """Whether its rules have to be read is asked of a room that tells some, or lets somebody in."""
    hearing = Hearing(branch.store, FakeHomeserver(branch.clock), branch.settings)  # type: ignore[arg-type]
    await branch.open()
    await branch.send_all()

    async def hear(said: str) -> None:
        timeline = (message(account(ZHANG), said, room_id=private_room(ZHANG)),)
        chat = RoomBatch(room_id=private_room(ZHANG), membership="join", timeline=timeline)
        await hearing.commit(Batch(since="s1", next_batch="s2", rooms=(chat,), keys=()))

    await hear("签到")
    with unprepared() as asked:
        await hear("请假 出差")
    assert asked == []


async def test_a_question_that_is_put_together_is_seen(branch: SmallBranch) -> None:
    with unprepared() as asked:
        await branch.store.read(lambda unit: unit.rows(select(inquiries)))
    assert len(asked) == 1
