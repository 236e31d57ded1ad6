"""A wall clock that is set back by two hours keeps nothing waiting for two hours, on both engines."""

from __future__ import annotations

from datetime import timedelta

from storage.outbox import EDIT_RHYTHM, ClockSetBack, Kind, Postponed, outbox
from tests.small_branch import LI, ZHANG, HandClock, SmallBranch

TWO_HOURS = timedelta(hours=2)


async def set_back(branch: SmallBranch, clock: HandClock) -> None:
    clock.now -= TWO_HOURS
    await branch.store.settle(notes=[ClockSetBack(by=TWO_HOURS, at=clock.now)])


async def test_what_was_ready_is_ready_still(branch: SmallBranch, clock: HandClock) -> None:
    """R12, F17: a row that was made a moment before does not wait for its own past."""
    await branch.open()
    clock.now -= TWO_HOURS
    assert await branch.claim() == []
    clock.now += TWO_HOURS
    await set_back(branch, clock)
    assert len(await branch.claim()) == 2


async def test_a_pause_lasts_as_long_as_it_was_meant_to(branch: SmallBranch, clock: HandClock) -> None:
    """R12, R13: what the homeserver asked us to wait is waited, no shorter and no longer."""
    await branch.open()
    first, _ = await branch.claim(lease=60)
    pause = timedelta(minutes=5)
    await branch.store.settle(
        notes=[Postponed(claimed=first, not_before=clock.now + pause, error="limited", counts=False)]
    )
    await set_back(branch, clock)
    clock.now += pause - timedelta(seconds=1)
    assert first.id not in {row.id for row in await branch.claim()}
    clock.now += timedelta(seconds=1)
    assert first.id in {row.id for row in await branch.claim()}


async def test_a_lease_ends_when_it_was_meant_to(branch: SmallBranch, clock: HandClock) -> None:
    """R12: a row whose worker is gone is taken by the next one after a minute, not after two hours."""
    await branch.open()
    held = {row.id for row in await branch.claim(lease=60)}
    await set_back(branch, clock)
    assert await branch.claim(worker="other") == []
    clock.now += timedelta(seconds=61)
    assert {row.id for row in await branch.claim(worker="other")} == held


async def test_a_card_is_edited_in_its_rhythm_although_its_last_edit_lies_in_the_future(
    branch: SmallBranch, clock: HandClock
) -> None:
    """R12: the rhythm of edits is a pause, not an appointment."""
    id = await branch.open()
    await branch.send_all()
    await branch.answer(id, ZHANG)
    clock.now += EDIT_RHYTHM
    await branch.send_all()
    await set_back(branch, clock)
    await branch.answer(id, LI)
    edit = (await branch.rows(outbox.c.kind == Kind.EDIT))[-1]
    assert edit.not_before <= clock.now + EDIT_RHYTHM
    assert len(await branch.rows(outbox.c.kind == Kind.EDIT)) == 2
