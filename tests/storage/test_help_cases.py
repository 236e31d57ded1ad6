"""Help cases as the database holds them: which transaction wrote them, and what lies sealed while it waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from bot.help_cases import tell_due
from content.help_cases import HelpCaseHanded, Stage
from content.organisations import Duty, DutyEnded, DutyGranted, Right, Role
from storage import help_cases as stored
from storage import organisations
from storage.retention import Swept
from storage.unit import AnyRow, Reading
from tests.bot.commands.test_help_cases import ANSWERED, answer_it, cases, code_of, say
from tests.small_branch import EAST, LI, NOON, SECRETARY, ZHANG, ZHAO, HandClock, SmallBranch, account

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


async def test_beside_a_person_the_number_of_a_case_without_a_name_lies_sealed(
    branch: SmallBranch, clock: HandClock
) -> None:
    """What could not be delivered stays with its words: receipt, list, addition, and what its owner is told."""
    await say(branch, "匿名求助 食堂太贵")
    code = await code_of(branch)
    await answer_it(branch, stage=Stage.ACCEPTED)
    await branch.send_all()
    await say(branch, "匿名求助 另一件")
    for words in (f"进度 {code}", f"匿名求助 {code} 夜班也是", f"匿名求助 {code} 撤回", f"匿名求助 {code} 还有"):
        await say(branch, words)
    waiting = [row.words for row in await branch.rows() if row.words]
    assert {one["key"] for one in waiting} == {
        *(f"help_case.unnamed_{name}" for name in ("received", "lines", "added", "withdrawn")),
        *("help_case.over", "help_case.owner_more", "help_case.owner_gone"),
    }
    kept = repr(waiting)
    assert "B-00" not in kept
    assert ANSWERED not in kept
    assert "help_case.stage" not in kept
    (receipt,) = [row for row in await branch.claim() if row.user == account(ZHANG)]
    await branch.mark_sent(receipt)
    (shown,) = [row.words for row in await branch.claim() if row.user == account(ZHANG)]
    assert shown is not None
    assert [one.key for one in shown.parameters["list"]] == ["help_case.stands", "help_case.answer_line"]  # type: ignore[union-attr]


async def test_of_a_receipt_that_was_sent_the_day_is_kept_alone(branch: SmallBranch) -> None:
    """Numbers are given in order: the minutes of named ones would tell that of one between them."""
    await say(branch, "求助 家里老人住院")
    await branch.send_all()
    (row,) = await branch.rows()
    assert row.event_id is not None
    day = NOON.replace(hour=0)
    assert {row.made_at, row.not_before, row.first_try_at, row.done_at} == {day}
    assert row.lease_until is None


async def test_a_case_whose_owner_loses_the_duty_waits_for_somebody_again_and_is_not_forgotten(
    branch: SmallBranch, clock: HandClock
) -> None:
    duty = Duty(user=account(LI), organisation=EAST, role=Role.DISCIPLINE_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    await say(branch, "求助 家里老人住院")
    (row,) = await cases(branch)
    taken = HelpCaseHanded(case=row.id, organisation=EAST, owner=account(LI), stage=Stage.ACCEPTED, on=row.received_on)
    await branch.store.settle(notes=[taken])

    async def tick() -> list[Any]:
        await tell_due(branch.store, clock.now, "https://console.test")
        said = [(one.user_id, one.words["key"]) for one in await branch.rows() if one.words]
        await branch.send_all()
        return [one for one in said if "owner" in one[1]]

    assert await tick() == []
    await branch.store.settle(notes=[DutyEnded(duty=duty)])
    assert await tick() == [(SECRETARY, "help_case.owner_lost")]
    assert await branch.store.read(lambda unit: stored.number_waiting(unit, [EAST], SECRETARY)) == 1
    (row,) = await cases(branch)
    assert (row.owner, row.stage, row.told_on) == (None, Stage.ACCEPTED, None)
    clock.now = datetime(2026, 7, 3, 1, 0, tzinfo=NOON.tzinfo)
    assert await tick() == [(SECRETARY, "help_case.owner_due")]
    taken = HelpCaseHanded(case=row.id, organisation=EAST, owner=SECRETARY, stage=Stage.ACCEPTED, on=clock.now.date())
    await branch.store.settle(notes=[taken])
    assert await tick() == []
    clock.forward(days=1)
    assert await tick() == [(SECRETARY, "help_case.owner_late")]
    clock.forward(days=1)
    assert await tick() == []


async def test_the_nearest_who_hand_cases_out_are_found_by_how_far_above_they_stand(branch: SmallBranch) -> None:
    near = Duty(user=account(ZHAO), organisation=EAST, role=Role.SECRETARY)
    await branch.store.settle(notes=[DutyGranted(duty=near)])
    found = await branch.store.read(lambda unit: organisations.levels_of(unit, EAST, Right.HAND_OUT_HELP))
    assert found == ((0, account(ZHAO)), (1, SECRETARY))
