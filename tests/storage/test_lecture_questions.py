"""Questions to lectures as the database holds them."""

from __future__ import annotations

from sqlalchemy import text

from storage import lecture_questions
from storage.retention import Swept
from storage.unit import AnyRow, Reading
from tests.bot.test_lectures import announced
from tests.small_branch import LI, ZHANG, HandClock, SmallBranch, account, message, private_room

SAME_TRANSACTION = text(
    "SELECT q.text FROM lecture_questions q JOIN causes c ON c.xmin::text = q.xmin::text WHERE q.member_id IS NULL"
).columns()


async def _told_by_transactions(unit: Reading) -> list[AnyRow]:
    return list(await unit.rows(SAME_TRANSACTION)) if unit.engine == "postgresql" else []


async def test_after_a_sweep_no_transaction_leads_from_a_question_without_a_name_to_its_message(
    branch: SmallBranch, clock: HandClock
) -> None:
    """On PostgreSQL each row says which transaction wrote it; on SQLite there is no such thing."""
    id, _ = await announced(branch)
    await branch.hear(message(account(LI), "提问 什么时候搬", room_id=private_room(LI)))
    for words in ("匿名提问 食堂能早点开吗", "匿名提问 澡堂几点关门"):
        await branch.hear(message(account(ZHANG), words, room_id=private_room(ZHANG)))
    before = await branch.store.read(lambda unit: lecture_questions.of_lecture(unit, id))
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await branch.store.read(lambda unit: lecture_questions.of_lecture(unit, id)) == before
    assert await branch.store.read(_told_by_transactions) == []
