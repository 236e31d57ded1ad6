"""The clock opens what is due, misses what is too late, and closes only what has been heard to its end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bot.clock import MOMENT, TICK, Clock, leaving, pause
from content.burden import Cap
from content.checkins import State
from content.identifiers import EventId, RoomId
from content.occurrences import OccurrenceRevived
from content.occurrences import State as Stand
from content.rooms import InvitationTaken, Purpose, Room, RoomKept
from content.settings import SettingChosen
from storage import burden, heartbeats, schedules
from storage.rooms import StateSeen, Unclaimed
from storage.sync import Heard
from tests.small_branch import ME, NOON, ROLL, ROOF, SECRETARY, WEST, ZHANG, HandClock, SmallBranch
from tests.storage.test_series import RULE, plan

MINUTE = timedelta(minutes=1)


class Ticking:
    """A clock with a say in whether everything was heard, and with seconds that pass by hand."""

    def __init__(self, branch: SmallBranch) -> None:
        self.caught_up = True
        self.passed = 1000.0
        self.set_back: list[timedelta] = []
        self.clock = Clock(
            branch.store,
            caught_up=lambda: self.caught_up,
            hearing_state=lambda: "listening",
            set_back=self.set_back.append,
            measured=lambda: {"sent": 3},
            version="0.1.0",
            passed=lambda: self.passed,
        )

    async def signs(self, branch: SmallBranch) -> dict[str, heartbeats.Sign]:
        """Give a sign of life and return what is kept of all."""
        await self.clock._beat()
        return await branch.store.read(heartbeats.signs)

    async def tick(self) -> None:
        await self.clock.tick()


@pytest.fixture
def ticking(branch: SmallBranch) -> Ticking:
    return Ticking(branch)


async def test_it_opens_what_is_due_once(branch: SmallBranch, clock: HandClock, ticking: Ticking) -> None:
    id = await branch.plan(due=NOON + MINUTE)
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.PLANNED
    clock.forward(minutes=1)
    await asyncio.gather(ticking.tick(), ticking.tick())
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN
    assert len(await branch.rows()) == 2


@pytest.mark.parametrize(
    ("away", "state"),
    [(0, Stand.OPEN), (5, Stand.OPEN), (9, Stand.OPEN), (11, Stand.MISSED), (600, Stand.MISSED)],
)
async def test_after_being_away_it_does_exactly_what_the_rule_says(
    branch: SmallBranch, clock: HandClock, ticking: Ticking, away: int, state: Stand
) -> None:
    id = await branch.plan(late=10 * MINUTE, window=timedelta(days=1))
    clock.forward(minutes=away)
    await ticking.tick()
    assert (await branch.occurrence(id)).state is state


async def test_it_closes_what_is_over(branch: SmallBranch, clock: HandClock, ticking: Ticking) -> None:
    id = await branch.open(ROLL)
    clock.forward(hours=1, minutes=59)
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN
    clock.forward(minutes=1)
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.CLOSED
    assert await branch.state(id, ZHANG) is State.UNANSWERED


async def test_it_closes_nothing_before_everything_said_was_heard(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    id = await branch.open(ROLL)
    clock.forward(hours=5)
    ticking.caught_up = False
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN
    ticking.caught_up = True
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.CLOSED


async def test_it_opens_on_time_even_while_nothing_can_be_heard(branch: SmallBranch, ticking: Ticking) -> None:
    id = await branch.plan()
    ticking.caught_up = False
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN


async def test_what_was_missed_is_sent_when_an_organiser_says_so(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    id = await branch.plan()
    clock.forward(hours=5)
    await ticking.tick()
    await branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=clock.now)])
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN
    clock.forward(hours=5)
    await ticking.tick()
    assert (await branch.occurrence(id)).state is Stand.CLOSED


async def test_a_clock_that_steps_back_repeats_nothing(branch: SmallBranch, clock: HandClock, ticking: Ticking) -> None:
    id = await branch.plan()
    await ticking.tick()
    before = await branch.everything()
    clock.forward(hours=-3)
    await ticking.tick()
    clock.forward(hours=3)
    await ticking.tick()
    assert await branch.everything() == before
    assert id


async def test_an_error_in_a_tick_does_not_stop_the_clock(
    branch: SmallBranch, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_all: object) -> None:
        raise OSError("disk full")

    id = await branch.plan()
    monkeypatch.setattr(branch.store, "read", broken)
    await ticking.clock._tick()
    monkeypatch.undo()
    await ticking.clock._tick()
    assert (await branch.occurrence(id)).state is Stand.OPEN


async def test_it_gives_signs_of_life(branch: SmallBranch, ticking: Ticking) -> None:
    await ticking.clock._beat()
    assert await branch.store.read(heartbeats.beats) == {"clock": ("ticking", NOON), "bot": ("listening", NOON)}


async def test_a_room_that_nobody_took_over_is_left_after_a_fortnight_with_a_word(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    club, adopted = RoomId("!club:test"), RoomId("!adopted:test")
    for room in (club, adopted):
        taken = InvitationTaken(room=room, user=SECRETARY, direct=False, at=NOON)
        there = StateSeen(
            room=room,
            type="m.room.member",
            state_key=ME,
            sender=ME,
            content={"membership": "join"},
            event_id=EventId("$s"),
        )
        await branch.store.settle(notes=[taken, there, Heard(account=ME, since="s", at=NOON)])
    kept = Room(id=adopted, organisation=WEST, purpose=Purpose.STAFF, name="老群", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=kept)])
    clock.forward(days=13)
    await ticking.clock.sweep()
    assert await branch.rows() == []
    clock.forward(days=1)
    for _ in range(2):
        await ticking.clock.sweep()
    assert [(row.kind, row.room_id) for row in await branch.rows()] == [("decline", club), ("tell", None)]
    assert await branch.told() == [(SECRETARY, "rooms.left_unclaimed")]


async def test_signs_of_life_carry_the_longest_wait_for_a_tick(branch: SmallBranch, ticking: Ticking) -> None:
    """The heartbeat measures the real tick: what was waited for it, not what was meant to be."""
    for wait in (2.0, 7.25, 2.0):
        ticking.passed += wait
        await ticking.clock._tick()
    ticking.passed += 1.5
    signs = await ticking.signs(branch)
    assert signs["clock"].measures == {"longest_tick": 7.25, "since_tick": 1.5}
    assert (signs["clock"].state, signs["clock"].version) == ("ticking", "0.1.0")
    assert signs["bot"].measures == {"sent": 3}
    ticking.passed += 2.0
    await ticking.clock._tick()
    assert (await ticking.signs(branch))["clock"].measures["longest_tick"] == 3.5


async def test_a_clock_whose_ticks_fail_does_not_say_that_it_ticks(
    branch: SmallBranch, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13: what raises again and again does not stop the clock, and is not called healthy."""

    async def broken() -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ticking.clock, "tick", broken)
    for state in ("ticking", "stalled"):
        ticking.passed += 29
        await ticking.clock._tick()
        assert (await ticking.signs(branch))["clock"].state == state
    monkeypatch.undo()
    await ticking.clock._tick()
    assert (await ticking.signs(branch))["clock"].state == "ticking"


async def test_a_wall_clock_that_is_set_is_noticed_once_and_kept(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    """F17, R12: two hours back, and an hour forward; a clock that goes with the seconds that pass is none of it."""
    clock.forward(seconds=1.0)
    ticking.passed += 1.0
    await ticking.clock.watch()
    assert heartbeats.TIME not in await branch.store.read(heartbeats.signs)
    for step in (-7200, 3600):
        clock.forward(seconds=1.0 + step)
        ticking.passed += 1.0
        await ticking.clock.watch()
        sign = (await branch.store.read(heartbeats.signs))[heartbeats.TIME]
        assert (sign.state, sign.at, sign.measures) == ("stepped", clock.now, {"seconds": step})
        await ticking.clock.watch()
    assert ticking.set_back == [timedelta(hours=2)]


async def test_a_start_before_its_own_last_sign_of_life_finds_that_the_clock_was_set_back(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    """F18: a machine that comes up with a dead battery says so, and runs nothing that lies ahead."""
    id = await branch.plan(due=NOON + MINUTE)
    await ticking.clock._beat()
    clock.forward(days=-365)
    other = Ticking(branch)
    await other.clock.start()
    other.clock.stop()
    signs = await branch.store.read(heartbeats.signs)
    assert signs[heartbeats.TIME].measures == {"seconds": -365 * 86_400}
    assert other.set_back == [timedelta(days=365)]
    await other.tick()
    assert (await branch.occurrence(id)).state is Stand.PLANNED


async def test_the_scheduler_ticks_on_at_once_when_the_wall_clock_was_set_back(
    branch: SmallBranch, clock: HandClock, ticking: Ticking
) -> None:
    """F17: APScheduler reckons by the wall clock, and would not tick until it has caught up."""
    await ticking.clock.start()
    ticking.clock._scheduler.pause()
    try:
        jobs = {job.id: job for job in ticking.clock._scheduler.get_jobs()}
        ahead = datetime.now(UTC) + timedelta(hours=2)
        for id in ("tick", "beat"):
            jobs[id].modify(next_run_time=ahead)
        clock.forward(hours=-2)
        await ticking.clock.watch()
        assert all(jobs[id].next_run_time < ahead - timedelta(hours=1) for id in ("tick", "beat"))
        jobs["tick"].modify(next_run_time=ahead)
        ticking.passed += 6.5
        clock.forward(seconds=6.5)
        await ticking.clock.watch()
        assert jobs["tick"].next_run_time < ahead - timedelta(hours=1)
    finally:
        ticking.clock.stop()


async def test_a_room_that_was_taken_over_since_it_was_looked_for_is_not_left(branch: SmallBranch) -> None:
    """R15: what cannot be undone is decided by what holds at that moment."""
    club = RoomId("!club:test")
    kept = Room(id=club, organisation=WEST, purpose=Purpose.STAFF, name="老群", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=kept)])
    await branch.store.settle([leaving(Unclaimed(room=club, user=SECRETARY, at=NOON))])
    assert await branch.rows() == []


@pytest.mark.parametrize("freed", [False, True])
async def test_what_a_rule_plans_above_a_cap_goes_out_only_where_there_is_room_again(
    branch: SmallBranch, clock: HandClock, ticking: Ticking, freed: bool
) -> None:
    """F43: nothing floods, and nothing is dropped in silence."""
    rule = replace(RULE, weekdays=frozenset({4}), every=1)
    await branch.store.settle(notes=[SettingChosen(organisation=ROOF, name=Cap.DAY, value="1")])
    await plan(branch, rule)
    full = NOON + timedelta(days=65)  # A Friday of the rule that is not planned yet.
    other = await branch.plan(ROLL, due=full.replace(hour=8))
    clock.forward(days=40)
    await ticking.clock.sweep()
    waiting = await branch.store.read(lambda unit: schedules.above_caps(unit, [ROOF], limit=9))
    assert [entry.local_date for entry in waiting] == [full.date()]
    (entry,) = waiting
    refusal = await branch.store.read(lambda unit: burden.still_above(unit, entry))
    assert refusal is not None
    assert refusal.words.parameters["free"] == (full.date() + timedelta(days=1)).isoformat()
    if freed:
        await branch.cancel(other)
    clock.now = entry.occurrence.due_at
    await branch.let_open(entry.occurrence.id)
    found = await branch.store.read(lambda unit: schedules.entry(unit, entry.occurrence.id))
    assert found is not None
    assert (found.occurrence.state, found.reason) == ((Stand.OPEN, None) if freed else (Stand.MISSED, "over_cap"))


def test_the_longer_a_look_takes_the_longer_it_is_waited_for_the_next_but_never_longer_than_a_tick() -> None:
    assert [pause(took) for took in (0.0, 0.01, 0.05, 3.0)] == [
        MOMENT,
        MOMENT,
        pytest.approx(0.95),
        TICK.total_seconds(),
    ]
