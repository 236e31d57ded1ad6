"""Help cases as the database holds them: which transaction wrote them, and what lies sealed while it waits."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from storage.retention import Swept
from storage.unit import AnyRow, Reading
from tests.bot.commands.test_help_cases import code_of, say
from tests.small_branch import ZHANG, HandClock, SmallBranch

BY_THE_SAME = [
    text(f"SELECT c.cause FROM {table} q JOIN causes c ON c.xmin::text = q.xmin::text WHERE {unnamed}").columns()
    for table, unnamed in (
        ("help_cases", "q.member_id IS NULL"),
        ("help_case_words", "q.member_id IS NULL"),
        ("help_case_numbers", "true"),
    )
]


async def told_by_transactions(unit: Reading) -> list[AnyRow]:
    """Return the messages to which the transaction leads by which rows of cases without a name were written."""
    if unit.engine != "postgresql":
        return []
    return [row for query in BY_THE_SAME for row in await unit.rows(query)]


async def test_after_a_sweep_no_transaction_leads_from_a_case_without_a_name_to_its_message(
    branch: SmallBranch, clock: HandClock
) -> None:
    """On PostgreSQL each row says which transaction wrote it: of a case, of its words, and of the last number."""
    await say(branch, "匿名求助 食堂太贵", ZHANG)
    code = await code_of(branch)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert await branch.store.read(told_by_transactions) == []
    clock.forward(days=20)
    await say(branch, f"匿名求助 {code} 撤回", ZHANG)
    await branch.store.settle(notes=[Swept(at=clock.now + timedelta(hours=1))])
    assert await branch.store.read(told_by_transactions) == []
