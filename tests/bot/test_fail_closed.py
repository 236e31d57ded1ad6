"""When what a right rests on cannot be read, or is not there, nothing is done, and it is kept that it was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event as database_event
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.commands.vocabulary import WORDS, Verb
from content.checkins import State
from storage import sync
from storage.prepared import Driver
from storage.store import Store
from tests.small_branch import ROLL, SECRETARY, ZHANG, SmallBranch, account, message, private_room

RESTS_ON = ("members", "duties", "rooms", "direct_rooms", "room_state")
"""The tables from which it is read who somebody is, what they may do, and where they speak."""

ALONE = {"room_id": private_room(ZHANG)}
OFFICE = {"room_id": "!with-secretary:test"}
ASKED = {
    Verb.CHECK_IN: [(account(ZHANG), "签到", {}), (account(ZHANG), "签到", ALONE)],
    Verb.LEAVE: [(account(ZHANG), "请假 倒班", ALONE)],
    Verb.VOTE: [(SECRETARY, "投票 几点; 早; 晚", {"mention": True}), (account(ZHANG), "投票 1", ALONE)],
    Verb.CORRECT: [(account(ZHANG), "更正 我到了", ALONE)],
    Verb.MUTE: [(account(ZHANG), "静音 7天", ALONE)],
    Verb.BIND: [(account(ZHANG), "绑定 ABCDEFGH", ALONE)],
    Verb.CONSOLE: [(SECRETARY, "控制台", OFFICE)],
}
"""What is said where more than the first word of a verb makes sense."""

CASES = [case for verb in Verb for case in ASKED.get(verb, [(account(ZHANG), WORDS[verb][0], ALONE)])]


@contextmanager
def unreadable(store: Store, table: str, error: Exception) -> Iterator[list[str]]:
    """Let every question to a table fail for a while; give the questions that did."""
    failed: list[str] = []
    run = Driver._run

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if re.search(rf"\b(?:FROM|JOIN)\s+{table}\b", statement):
            failed.append(statement)
            raise error

    def run_prepared(driver: Driver, execute: Any, statement: str, *parameters: Any) -> None:
        fail(None, None, statement)
        run(driver, execute, statement, *parameters)

    database_event.listen(store._engine, "before_cursor_execute", fail)
    Driver._run = run_prepared  # type: ignore[method-assign]
    try:
        yield failed
    finally:
        Driver._run = run  # type: ignore[method-assign]
        database_event.remove(store._engine, "before_cursor_execute", fail)


@pytest.mark.parametrize("error", [OSError("disk I/O error"), PoolTimeout("no answer")], ids=["error", "timeout"])
@pytest.mark.parametrize("table", RESTS_ON)
async def test_a_command_whose_right_cannot_be_read_does_nothing_and_waits_at_the_desk(
    branch: SmallBranch, table: str, error: Exception
) -> None:
    """R15: every command of the registry; what does not ask the table at all is none of these."""
    await branch.open(ROLL)
    await branch.send_all()
    held = 0
    before, rows = await branch.size(), await branch.rows()
    for sender, said, where in CASES:
        with unreadable(branch.store, table, error) as failed:
            (outcome,) = await branch.hear(message(sender, said, **where))
        if not failed:
            before, rows = await branch.size(), await branch.rows()
            continue
        held += 1
        assert outcome is not None
        assert outcome.failed, said
        after = await branch.size()
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
            "dead_letters": 1
        }, said
        assert await branch.rows() == rows, said
        before = after
    letters = await branch.store.read(sync.buried)
    assert [one.reason.partition(" ")[0] for one in letters] == [type(error).__name__] * held
    assert held >= {"duties": 2, "room_state": 1}.get(table, len(CASES) - 4), held


@pytest.mark.parametrize("table", ["duties", "members"])
async def test_where_what_a_right_rests_on_is_gone_nobody_has_it_and_that_is_said(
    branch: SmallBranch, table: str
) -> None:
    """R15, empty: the same commands of people who had the right a moment before."""
    id = await branch.open(ROLL)
    await branch.send_all()
    with branch.store._engine.begin() as connection:
        if table == "members":
            connection.execute(text("UPDATE members SET user_id = NULL"))
        else:
            connection.execute(text("DELETE FROM duties"))
    asked = [(SECRETARY, "投票 几点; 早; 晚", {"mention": True}), (SECRETARY, "控制台", OFFICE)]
    if table == "members":
        asked = [(account(ZHANG), said, ALONE) for said in ("签到", "请假 倒班", "学习", "我的", "更正 我到了")]
    before = await branch.size()
    for sender, said, where in asked:
        await branch.hear(message(sender, said, **where))
    after = await branch.size()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"audit", "causes", "outbox"}, changed
    assert len(await branch.told()) == len(asked)
    assert not any("link" in key or "mine" in key for _, key in await branch.told())
    assert await branch.state(id, ZHANG) is State.OPEN
