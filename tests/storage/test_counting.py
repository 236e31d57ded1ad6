"""Whatever happens in whatever order: running counts equal the places, screens equal exports, both engines agree."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from msgspec import Struct

from bot.commands.understanding import understand
from content.amendments import withdraw
from content.checkins import State, Way, check_in
from content.corrections import Mark, record_by_hand
from content.decision import Decision, Refusal
from content.identifiers import MemberId, OccurrenceId, OrganisationId, OutboxId
from content.occurrences import OccurrenceRevived
from content.occurrences import State as Stand
from content.participation import add, share
from storage import amendments, checkins, falling_due, outbox, participation
from storage.outbox import Cancelled, GivenUp, Kind, Postponed, Retried
from storage.participation import Period
from storage.store import Decide, Step, Store
from storage.unit import Reading
from tests.databases import Postgres
from tests.small_branch import (
    EAST,
    EAST_GROUP,
    EAST_ROOM,
    LESSON,
    LI,
    ME,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
    message,
    private_room,
    reaction,
    redaction,
)

MEMBERS = (ZHANG, LI, WANG, ZHAO)
AUDIENCES = (ROOF, EAST, EAST_GROUP, WEST)


async def take_back(branch: SmallBranch, id: OccurrenceId, *answering: MemberId) -> None:
    """Take an occurrence back, in one batch with the answers of members before and after."""

    def step(decide: Decide) -> Step:
        return Step(cause=fresh_cause(), decide=decide)

    async def withdrawing(unit: Reading) -> Decision | Refusal | None:
        found = await amendments.sent(unit, id)
        return withdraw(found, reason="发错了", now=unit.now) if found else None

    def checking_in(member: MemberId) -> Decide:
        async def decide(unit: Reading) -> Decision | Refusal | None:
            found = await checkins.expectation(unit, id, member)
            return check_in(found, way=Way.PRIVATE, cause=fresh_cause(), now=unit.now) if found else None

        return decide

    before, after = ([step(checking_in(member)) for member in answering] for _ in range(2))
    outcomes = await branch.store.settle([*before, step(withdrawing), *after])
    assert not any(outcome.failed for outcome in outcomes)


class OneView(Struct):
    """Answers questions from a view that is open already: many small ones cost less in one than each in its own."""

    unit: Reading

    async def read(self, question: Callable[[Reading], Awaitable[Any]]) -> Any:
        return await question(self.unit)


async def check(branch: SmallBranch) -> None:
    """Check everything that must hold at any time."""
    await branch.store.read(lambda unit: _check(SmallBranch(OneView(unit), branch.clock)))  # type: ignore[arg-type]


async def _check(branch: SmallBranch) -> None:
    counted = await branch.counted()
    assert await branch.tallied() == counted
    assert await branch.summed() == await branch.recounted()
    negative = [row for row in await branch.rows() if row.failures < 0 or row.claim_no < 0]
    assert negative == []
    waiting = Counter(
        row.card_id
        for row in await branch.rows()
        if row.kind == Kind.EDIT and row.state == outbox.State.PENDING and row.first_try_at is None
    )
    assert not waiting or max(waiting.values()) == 1
    for occurrence in {OccurrenceId(key[0]) for key in counted}:
        stand = (await branch.occurrence(occurrence)).state
        states = {State(key[2]) for key in counted if key[0] == occurrence}
        if stand is Stand.CLOSED:
            assert State.OPEN not in states
        if stand is Stand.OPEN:
            assert State.UNANSWERED not in states
        if stand is Stand.MISSED:
            assert states == {State.NOT_OFFERED}
    await screen_equals_export(branch)


async def screen_equals_export(branch: SmallBranch) -> None:
    """Compare the numbers of every screen with the rows of the export."""
    for root in (ROOF, EAST, WEST):
        await _screen_equals_export(branch, root)


async def _screen_equals_export(branch: SmallBranch, root: OrganisationId) -> None:
    roots, period = [root], Period()
    export = await branch.store.read(lambda unit: participation.lines(unit, roots))
    total = Counter(line.state for line in export)
    for line in await branch.store.read(lambda unit: participation.by_occurrence(unit, roots, period)):
        assert +line.numbers == Counter(one.state for one in export if one.occurrence == line.id)
    days = [one for _, _, one in await branch.store.read(lambda unit: participation.by_day(unit, roots, period))]
    dates = [one for _, one in await branch.store.read(lambda unit: participation.by_date(unit, roots, period))]
    branches = await branch.store.read(lambda unit: participation.by_branch(unit, roots, period))
    whole = await branch.store.read(lambda unit: participation.total(unit, roots, period))
    people: Counter[State] = Counter()
    for person in await branch.store.read(lambda unit: participation.by_member(unit, roots, period)):
        people += person.numbers
    assert people == total
    shown = share(total)
    assert add(days) == add(dates) == add(branches.values()) == whole == shown
    assert shown.took_part + shown.excused + shown.waiting + shown.unanswered == shown.asked


class Life(RuleBasedStateMachine):
    """A branch to which things happen."""

    occurrences = Bundle("occurrences")
    taps = Bundle("taps")
    template: Path
    folder: Path
    _count = 0

    def __init__(self) -> None:
        super().__init__()
        Life._count += 1
        file = self.folder / f"life-{Life._count}.db"
        shutil.copyfile(self.template, file)
        self.runner = asyncio.Runner()
        self.clock = HandClock(NOON)
        self.branch = SmallBranch(self.run(Store.open(f"sqlite:///{file}", self.clock)), self.clock)
        self.run(self.branch.found())

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    def teardown(self) -> None:
        self.run(self.branch.store.close())
        self.runner.close()

    @rule(
        target=occurrences,
        taught=st.sampled_from([LESSON, ROLL]),
        audience=st.sampled_from(AUDIENCES),
        ahead=st.sampled_from([0, 0, 0, 20]),
    )
    def plan(self, taught: Any, audience: Any, ahead: int) -> OccurrenceId:
        due = self.clock.now + timedelta(minutes=ahead)
        id: OccurrenceId = self.run(self.branch.plan(taught, audience=audience, due=due))
        self.run(self.branch.let_open(id))
        return id

    @rule(minutes=st.sampled_from([1, 8, 15, 130]))
    def time_passes(self, minutes: int) -> None:
        self.clock.forward(minutes=minutes)
        for id, _ in self.run(self.branch.store.read(lambda unit: falling_due.due(unit, self.clock.now))):
            self.run(self.branch.let_open(id))
        for id in self.run(self.branch.store.read(lambda unit: falling_due.over(unit, self.clock.now))):
            self.run(self.branch.let_close(id))

    @rule(id=occurrences, member=st.sampled_from(MEMBERS))
    def check_in(self, id: OccurrenceId, member: MemberId) -> None:
        self.run(self.branch.answer(id, member))

    @rule(id=occurrences, member=st.sampled_from(MEMBERS), why=st.sampled_from(["", "倒班"]))
    def leave(self, id: OccurrenceId, member: MemberId, why: str) -> None:
        self.run(self.branch.answer(id, member, leave=why))

    @rule(target=taps, id=occurrences, member=st.sampled_from(MEMBERS[:3]), key=st.sampled_from(["✅", "🙏", "👍"]))
    def tap(self, id: OccurrenceId, member: MemberId, key: str) -> tuple[MemberId, str]:
        rows = self.run(self.branch.rows(outbox.outbox.c.room_id == EAST_ROOM, outbox.outbox.c.event_id.is_not(None)))
        cards = self.run(self.branch.store.read(lambda unit: checkins.cards_of(unit, id)))
        target = next((row.event_id for row in rows if row.card_id in cards), "$nothing")
        event = reaction(account(member), target, key)
        self.run(self.branch.hear(event))
        return member, event.event_id

    @rule(tapped=consumes(taps))
    def untap(self, tapped: tuple[MemberId, str]) -> None:
        member, event_id = tapped
        self.run(self.branch.hear(redaction(account(member), event_id)))

    @rule(id=occurrences, member=st.sampled_from(MEMBERS), mark=st.sampled_from(list(Mark)))
    def set_by_hand(self, id: OccurrenceId, member: MemberId, mark: Mark) -> None:
        cause = fresh_cause()

        async def decide(unit: Any) -> Any:
            place = await checkins.expectation(unit, id, member)
            return record_by_hand(place, mark, "说明", by=SECRETARY, cause=cause, now=unit.now) if place else None

        (outcome,) = self.run(self.branch.store.settle([Step(cause=cause, decide=decide, actor=SECRETARY)]))
        assert not outcome.failed

    @rule(member=st.sampled_from(MEMBERS), text=st.sampled_from(["取消", "取消 1", "撤回"]))
    def take_back_in_words(self, member: MemberId, text: str) -> None:
        heard = message(account(member), text, room_id=private_room(member), sent_at=self.clock.now)
        (outcome,) = self.run(self.branch.hear(heard))
        assert outcome is not None
        assert not outcome.failed

    @rule(id=occurrences)
    def cancel_or_send_again(self, id: OccurrenceId) -> None:
        found = self.run(self.branch.occurrence(id))
        if found.state is Stand.MISSED:
            self.run(self.branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=self.clock.now)]))
        else:
            self.run(self.branch.cancel(id))

    @rule(id=occurrences, members=st.lists(st.sampled_from(MEMBERS), max_size=2, unique=True))
    def withdraw(self, id: OccurrenceId, members: list[MemberId]) -> None:
        self.run(take_back(self.branch, id, *members))

    @rule(how=st.sampled_from(["sent", "sent", "sent", "limited", "doubtful", "refused", "killed"]))
    def deliver(self, how: str) -> None:
        rows = self.run(self.branch.claim(limit=2))
        now = self.clock.now
        for row in rows:
            if how == "sent":
                self.run(self.branch.mark_sent(row))
            elif how == "refused":
                self.run(self.branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=now)]))
            elif how != "killed":
                counts = how == "doubtful"
                self.run(
                    self.branch.store.settle(notes=[Postponed(claimed=row, not_before=now, error=how, counts=counts)])
                )

    @rule(place=st.integers(0, 30), retry=st.booleans())
    def desk(self, place: int, retry: bool) -> None:
        rows = self.run(self.branch.rows())
        if rows:
            id = OutboxId(rows[place % len(rows)].id)
            at = self.clock.now
            self.run(self.branch.store.settle(notes=[Retried(id=id, at=at) if retry else Cancelled(id=id, at=at)]))

    @invariant()
    def holds(self) -> None:
        self.run(check(self.branch))


def test_counts_equal_places_whatever_happens(sqlite_template: Path, tmp_path: Path) -> None:
    Life.template, Life.folder = sqlite_template, tmp_path
    run_state_machine_as_test(Life, settings=settings(max_examples=15, stateful_step_count=20))


async def test_answers_in_one_batch_with_a_withdrawal_are_counted(branch: SmallBranch) -> None:
    id = await branch.open()
    await take_back(branch, id, ZHANG, LI)
    await check(branch)
    assert (await branch.counted())[id, EAST, State.DONE] == 2


async def test_a_tap_and_its_removal_in_one_batch_leave_the_place_open(branch: SmallBranch) -> None:
    id = await branch.open()
    (sent,) = [row for row in await branch.send_all() if row.room == EAST_ROOM]
    (card,) = await branch.rows(outbox.outbox.c.id == sent.id)
    tap = reaction(account(ZHANG), card.event_id, "✅")
    steps = [understand(event, ME, branch.settings) for event in (tap, redaction(account(ZHANG), tap.event_id))]
    outcomes = await branch.store.settle([step for step in steps if step is not None])
    assert [type(outcome.answer) for outcome in outcomes] == [Decision, Decision]
    assert await branch.state(id, ZHANG) is State.OPEN
    (line,) = await branch.store.read(lambda unit: checkins.history(unit, id, ZHANG))
    assert line.taken_back_at is not None
    await check(branch)


async def live(branch: SmallBranch, clock: HandClock, seed: int, steps: int) -> list[object]:
    """Do a random sequence of things, the same for the same seed, and return what it comes to."""
    dice = random.Random(seed)
    seen: list[object] = []
    planned: list[OccurrenceId] = []
    for _ in range(steps):
        match dice.choice(["plan", "answer", "answer", "leave", "time", "send", "refuse", "cancel", "withdraw"]):
            case "plan":
                planned.append(await branch.open(dice.choice([LESSON, ROLL]), audience=dice.choice(AUDIENCES)))
            case "answer" | "leave" as what if planned:
                leave = "倒班𠮷" if what == "leave" else None
                outcome = await branch.answer(dice.choice(planned), dice.choice(MEMBERS), leave=leave)
                seen.append(outcome.refusal.words.key if outcome.refusal else type(outcome.answer).__name__)
            case "time":
                clock.forward(minutes=dice.choice([1, 15, 130]))
                for id in await branch.store.read(lambda unit: falling_due.over(unit, clock.now)):
                    await branch.let_close(id)
            case "send":
                # Cards have other identifiers in each run, and with them another order among themselves.
                seen.append(sorted((row.kind, row.room or "", row.part) for row in await branch.send_all()))
            case "refuse":
                for row in await branch.claim(limit=1):
                    await branch.store.settle(notes=[GivenUp(claimed=row, error="refused", at=clock.now)])
            case "cancel" if planned:
                rows = await branch.rows()
                await branch.store.settle(notes=[Cancelled(id=OutboxId(dice.choice(rows).id), at=clock.now)])
            case "withdraw" if planned and dice.random() < 0.3:
                await take_back(branch, dice.choice(planned), dice.choice(MEMBERS))
        seen.append(
            sorted((planned.index(OccurrenceId(key[0])), *key[1:], n) for key, n in (await branch.counted()).items())
        )
        assert await branch.counted() == await branch.tallied()
        assert await branch.summed() == await branch.recounted()
    await screen_equals_export(branch)
    return seen


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [1, 2])
def test_both_engines_come_to_the_same(sqlite_address: str, postgres: Postgres, seed: int) -> None:
    async def on(address: str) -> list[object]:
        clock = HandClock(NOON)
        store = await Store.open(address, clock)
        branch = SmallBranch(store, clock)
        await branch.found()
        try:
            return await live(branch, clock, seed, 40)
        finally:
            await store.close()

    name = postgres.copy()
    try:
        assert asyncio.run(on(sqlite_address)) == asyncio.run(on(postgres.address(name)))
    finally:
        postgres.drop(name)
