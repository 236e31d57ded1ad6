"""我的 tells who plans for their branch what of its year may be held, and nobody else."""

from __future__ import annotations

from content.organisations import Duty, DutyGranted, Role
from storage import outbox
from storage.phrases import load_words
from tests.small_branch import EAST, LI, ZHANG, SmallBranch, account, message, private_room


async def test_who_plans_for_their_branch_reads_in_mine_what_may_be_held(branch: SmallBranch) -> None:
    """Issue 8, part 1."""
    duty = Duty(user=account(ZHANG), organisation=EAST, role=Role.ORGANISING_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty)])
    for member in (ZHANG, LI):
        await branch.hear(message(account(member), "我的", room_id=private_room(member)))
    rows = await branch.rows(outbox.outbox.c.kind == outbox.Kind.TELL)
    told = {row.user_id: str(load_words(row.words)) for row in rows}
    assert "cadence.suggest_nothing_one" in told[account(ZHANG)]
    assert "cadence.suggest" not in told[account(LI)]
