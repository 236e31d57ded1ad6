"""党费 in private: one's own sum, how to pay, what was entered; in a room no sum is said, and nobody else hears one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from content.decision import Words
from content.dues import DuesWaySet, Kind
from content.dues_ledger import DuesTold
from content.members import MemberChanged
from content.organisations import Duty, DutyGranted, Role
from content.speech import Reader
from storage import dues_questions, members
from storage.audit import audit
from storage.holdings import collect
from storage.outbox import Kind as Row
from storage.outbox import outbox
from storage.phrases import load_words
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    WANG,
    ZHANG,
    SmallBranch,
    account,
    message,
    private_room,
    redaction,
)
from tests.storage.test_dues import entered, fixed
from zhibu.catalogue import load_speech

TREASURER = account(WANG)


async def keep(branch: SmallBranch) -> None:
    """Fix two members' dues, of whom one has paid until May; a third handles them."""
    duty = Duty(user=TREASURER, organisation=EAST, role=Role.ORGANISING_MEMBER)
    paid = [entered(month=f"2026-0{n}") for n in range(1, 6)]
    await branch.store.settle(notes=[DutyGranted(duty=duty), fixed(), fixed(LI, 4321), *paid])


async def said(branch: SmallBranch, text: str, *, room: bool = False) -> Words:
    where = EAST_ROOM if room else private_room(ZHANG)
    await branch.hear(message(account(ZHANG), text, room_id=where))
    rows = await branch.rows(outbox.c.user_id == account(ZHANG))
    return load_words(rows[-1].words)


def spoken(words: Words) -> str:
    return load_speech().say(words, Reader())


@pytest.mark.parametrize("text", ["党费", "黨費", "交党费", "党费。", "dues"])
async def test_one_is_told_what_one_owes_up_to_when_it_is_paid_and_how_to_pay(branch: SmallBranch, text: str) -> None:
    await keep(branch)
    found = spoken(await said(branch, text)).splitlines()
    assert found[:2] == ["您的月党费 75.00 元（1 月起）。", "已交至 5 月。"]
    assert found[2:4] == ["6 月待交 75.00 元。", "7 月待交 75.00 元。"]
    assert "找组织委员王丽" in found[4]
    await branch.store.settle(notes=[DuesWaySet(organisation=EAST, text="每月 5 日前转账", by=TREASURER, at=NOON)])
    assert "交法：每月 5 日前转账" in spoken(await said(branch, text))


async def test_who_has_paid_ahead_is_told_up_to_when_and_a_secretary_is_called_one(branch: SmallBranch) -> None:
    duty = Duty(user=TREASURER, organisation=EAST, role=Role.SECRETARY)
    paid = [entered(month=f"2026-{n:02}") for n in range(1, 10)]
    await branch.store.settle(notes=[DutyGranted(duty=duty), fixed(), *paid])
    found = spoken(await said(branch, "党费")).splitlines()
    assert found[1] == "已交至 9 月。"
    assert found[2] == "交法：每月 1 日起找书记王丽。有困难也请直接说。", "nothing of what lies ahead is owed"


async def test_what_was_entered_is_listed_and_who_is_exempt_or_not_fixed_is_told_so(branch: SmallBranch) -> None:
    assert spoken(await said(branch, "党费")).startswith("您的党费还没有核定。")
    assert (await said(branch, "党费明细")).key == "dues.nothing_entered"
    await keep(branch)
    assert "2026-07-01 交党费（1 月）75.00 元" in spoken(await said(branch, "党费 明细"))
    await branch.store.settle(notes=[fixed(since="2026-07", kind=Kind.EXEMPT, fen=0)])
    assert spoken(await said(branch, "党费")).startswith("您现在免交党费。")


async def test_in_a_room_the_answer_is_private_and_the_room_hears_nothing(branch: SmallBranch) -> None:
    """DUE-18."""
    await keep(branch)
    assert (await said(branch, "党费", room=True)).key == "dues.message"
    assert await branch.rows(outbox.c.room_id == EAST_ROOM) == []


@pytest.mark.parametrize("text", ["#接龙\n党费接龙\n1. 张明 75", "#接龙\n收款接龙\n1. 张明 75"])
async def test_no_money_is_collected_in_a_room(branch: SmallBranch, text: str) -> None:
    """DUE-20."""
    assert spoken(await said(branch, text, room=True)) == "群里不收党费，个人数额会被看到。请私聊我发「党费」看交法。"


async def test_that_something_is_wrong_reaches_who_handles_dues_once_and_sealed_from_others(
    branch: SmallBranch,
) -> None:
    await keep(branch)
    event = message(account(ZHANG), "党费 基数有误 去年退休金丝雀", room_id=private_room(ZHANG))
    for _ in range(2):
        await branch.hear(event)
    await branch.hear(redaction(account(ZHANG), event.event_id, room_id=private_room(ZHANG)))
    ((question, member),) = await branch.store.read(lambda unit: dues_questions.questions(unit, EAST))
    assert (question.text, member.id) == ("去年退休金丝雀", ZHANG)
    told = [one for one in await branch.told() if one[0] == TREASURER]
    assert told == [(TREASURER, "dues.asked_you")]
    rows = await branch.rows(outbox.c.kind == Row.TELL)
    assert {row.subject for row in rows} == {"discreet"}, "nobody sees in the outbox to whom it was said"
    assert "金丝雀" not in repr([row.words for row in rows])
    assert "金丝雀" not in repr(await branch.store.read(lambda unit: unit.rows(select(audit))))
    await branch.hear(*(message(account(ZHANG), "党费有误", room_id=private_room(ZHANG)) for _ in range(3)))
    assert len(await branch.store.read(lambda unit: dues_questions.questions(unit, EAST))) == 3


async def test_a_sum_is_in_nobody_elses_file_and_no_log_and_no_room(
    branch: SmallBranch, caplog: pytest.LogCaptureFixture
) -> None:
    """DUE-18: the canary is the sum of another."""
    await keep(branch)
    with caplog.at_level("DEBUG"):
        await branch.hear(message(account(LI), "党费", room_id=private_room(LI)))
        await branch.store.settle(notes=[DuesTold(organisation=EAST, month="2026-06")])
    canaries = ("43.21", "4321")
    rows = await branch.rows(outbox.c.user_id.is_distinct_from(account(LI)))
    others = [await branch.store.read(lambda unit, one=one: collect(unit, account(one))) for one in (ZHANG, WANG)]  # type: ignore[misc]
    record = await branch.store.read(lambda unit: unit.rows(select(audit)))
    for place in (repr([tuple(row) for row in rows]), repr(others), repr(record), caplog.text):
        assert not any(canary in place for canary in canaries)
    mine = repr(await branch.store.read(lambda unit: collect(unit, account(LI))))
    assert "43.21" in mine, "what is looked for can be found"


async def test_who_pays_no_dues_is_told_so(branch: SmallBranch) -> None:
    known = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert known is not None
    await branch.store.settle(notes=[MemberChanged(member=replace(known, category="入党积极分子"))])
    assert (await said(branch, "党费")).key == "dues.not_payer"
