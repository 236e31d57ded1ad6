"""The clock speaks of unpaid dues twice in a run at most: in private to the member, and to who handles them."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.dues import remind
from content.organisations import Duty, DutyGranted, Role
from content.settings import QUIET_HOURS, SettingChosen
from storage.outbox import outbox
from tests.small_branch import EAST, ROOF, WANG, ZHANG, HandClock, SmallBranch, account
from tests.storage.test_dues import entered, fixed

TREASURER = account(WANG)


async def at(branch: SmallBranch, clock: HandClock, day: str, hour: int = 4) -> list[tuple[str, str]]:
    """Let the clock look on a day, twice and as if killed in between; return everything said so far."""
    clock.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
    for _ in range(2):
        await remind(branch.store, clock.now)
    return [one for one in await branch.told() if one[1].startswith("dues.")]


async def test_each_is_said_once_and_nothing_in_the_months_between(branch: SmallBranch, clock: HandClock) -> None:
    """DUE-17: paid up to January, a nudge in May, a note in July."""
    duty = Duty(user=TREASURER, organisation=EAST, role=Role.ORGANISING_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty), fixed(since="2025-10")])
    paid = [entered(month=month) for month in ("2025-10", "2025-11", "2025-12", "2026-01")]
    await branch.store.settle(notes=paid)
    nudge, note = (account(ZHANG), "dues.nudge"), (TREASURER, "dues.note_told")
    assert await at(branch, clock, "2026-04-30") == []
    assert await at(branch, clock, "2026-05-01") == [nudge]
    assert await at(branch, clock, "2026-05-31") == [nudge]
    assert await at(branch, clock, "2026-06-15") == [nudge]
    assert await at(branch, clock, "2026-07-01") == [nudge, note]
    assert await at(branch, clock, "2026-08-01") == [nudge, note]
    await branch.store.settle(notes=[entered(month=f"2026-0{n}") for n in (2, 3, 4, 5, 6, 7)])
    assert await at(branch, clock, "2026-10-01") == [nudge, note]
    assert await at(branch, clock, "2026-11-01") == [nudge, note, nudge], "another run is spoken of anew"


async def test_what_the_clock_says_waits_for_the_end_of_quiet_hours(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=QUIET_HOURS, value="21-8")])
    await branch.store.settle(notes=[fixed(since="2026-02")])
    night = 15
    assert len(await at(branch, clock, "2026-05-01", night)) == 1
    (row,) = await branch.rows(outbox.c.user_id == account(ZHANG))
    assert row.not_before == datetime(2026, 5, 2, 0, tzinfo=UTC), "eight in the morning in Shanghai"


async def test_where_no_dues_are_fixed_nobody_is_spoken_to(branch: SmallBranch, clock: HandClock) -> None:
    assert await at(branch, clock, "2026-12-01") == []
