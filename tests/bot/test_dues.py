"""The clock speaks of unpaid dues twice in a run at most: in private to the member, and to who handles them."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from bot.dues import remind
from content.decision import Decision
from content.identifiers import OrganisationId, UserId
from content.members import MemberChanged
from content.organisations import Duty, DutyGranted, Role
from content.settings import QUIET_HOURS, SettingChosen
from storage import dues_notes, members
from storage.outbox import outbox
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)
from tests.storage.test_dues import entered, fixed

TREASURER = account(WANG)
EARLY = datetime(2025, 9, 30, tzinfo=UTC)


async def at(branch: SmallBranch, clock: HandClock, day: str, hour: int = 4) -> list[tuple[str, str]]:
    """Let the clock look on a day, twice and as if killed in between; return everything said so far."""
    clock.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
    for _ in range(2):
        await remind(branch.store, clock.now)
    return [one for one in await branch.told() if one[1].startswith("dues.")]


async def test_each_is_said_once_and_nothing_in_the_months_between(branch: SmallBranch, clock: HandClock) -> None:
    """DUE-17: paid up to January, a nudge in May, a note in July."""
    duty = Duty(user=TREASURER, organisation=EAST, role=Role.ORGANISING_MEMBER)
    await branch.store.settle(notes=[DutyGranted(duty=duty), fixed(since="2025-10", at=EARLY)])
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
    await branch.store.settle(notes=[fixed(since="2026-02", at=EARLY)])
    night = 15
    assert len(await at(branch, clock, "2026-05-01", night)) == 1
    (row,) = await branch.rows(outbox.c.user_id == account(ZHANG))
    assert row.not_before == datetime(2026, 5, 2, 0, tzinfo=UTC), "eight in the morning in Shanghai"


def lets(user: UserId, where: OrganisationId = EAST, role: Role = Role.ORGANISING_MEMBER) -> DutyGranted:
    return DutyGranted(duty=Duty(user=user, organisation=where, role=role))


async def test_a_note_that_nobody_can_hear_asks_those_above_once_and_waits_for_who_is_named(
    branch: SmallBranch, clock: HandClock
) -> None:
    """DUE-17, DUE-18: no name goes upwards; who handles dues is spoken to of others, and another of them."""
    await branch.store.settle(notes=[fixed(WANG, since="2026-02", at=EARLY), lets(TREASURER)])
    nudge, above = (TREASURER, "dues.nudge"), (SECRETARY, "dues.note_unhandled")
    assert await at(branch, clock, "2026-07-01") == [above], "the only one who handles them is whose they are"
    assert await at(branch, clock, "2026-07-09") == [above]
    assert await branch.store.read(lambda unit: dues_notes.number_unhandled(unit, [ROOF])) == 0
    await branch.store.settle(notes=[lets(account(ZHANG), role=Role.SECRETARY)])
    assert await at(branch, clock, "2026-08-03") == [above, (account(ZHANG), "dues.note_told")]
    assert await at(branch, clock, "2026-09-01") == [above, (account(ZHANG), "dues.note_told")]
    assert nudge not in await branch.told()


async def test_who_moved_to_a_branch_without_dues_is_looked_at_there(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[fixed(since="2026-02", at=EARLY)])

    async def move(unit: Reading) -> Decision:
        one = await members.member(unit, ZHANG)
        assert one is not None
        return Decision(facts=(MemberChanged(member=replace(one, organisation=WEST)),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=move)])
    assert await branch.store.read(lambda unit: dues_notes.number_unhandled(unit, [ROOF])) == 2
    await branch.store.settle(notes=[lets(TREASURER, WEST)])
    assert await branch.store.read(lambda unit: dues_notes.number_unhandled(unit, [ROOF])) == 1
    assert await branch.store.read(lambda unit: dues_notes.number_unhandled(unit, [WEST])) == 0
    assert await at(branch, clock, "2026-07-01") == [(TREASURER, "dues.note_told")]


async def test_what_is_fixed_backwards_is_counted_from_the_day_on_which_it_was(
    branch: SmallBranch, clock: HandClock
) -> None:
    """DUE-17: on 1 July somebody's dues are fixed from February on."""
    await branch.store.settle(notes=[lets(TREASURER), fixed(since="2026-02")])
    assert await at(branch, clock, "2026-07-01") == []
    assert await at(branch, clock, "2026-09-30") == []
    assert await at(branch, clock, "2026-10-01") == [(account(ZHANG), "dues.nudge")]


async def test_where_no_dues_are_fixed_nobody_is_spoken_to(branch: SmallBranch, clock: HandClock) -> None:
    assert await at(branch, clock, "2026-12-01") == []
