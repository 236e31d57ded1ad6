"""Whatever is planned, moved, called off, corrected, cut off and slept through: what stands in a room is what is so."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot.clock import Clock
from bot.delivery import Delivery
from bot.matrix.crypto import MARK
from bot.matrix.faults import Kind
from content import amendments as amendment_rules
from content import missed as missed_rules
from content.decision import Decision, Refusal
from content.identifiers import OccurrenceId, ScheduleId
from content.lessons import LessonRevised
from content.missed import Do
from content.occurrences import PUNCTUAL, State, cancel_occurrence, move_occurrence, restore_occurrence
from content.recurrences import Recurrence
from content.schedules import LessonsScheduled, Schedule, materialise
from content.workdays import calendar
from storage import amendments, falling_due, lessons, outbox, schedules
from storage.outbox import ClockSetBack
from storage.schedules import Entry
from storage.store import Step
from storage.unit import Reading
from tests.fake_homeserver import FakeHomeserver
from tests.faults.test_outbox_machine import Killed, Mortal
from tests.small_branch import EAST_ROOM, LESSON, NOON, ROOF, SECRETARY, HandClock, SmallBranch, fresh_cause, lesson
from zhibu.catalogue import load_speech

EXAMPLES = int(os.environ.get("ZHIBU_EXAMPLES", "10"))
OVER = (State.CLOSED, State.MISSED, State.SKIPPED, State.CANCELLED, State.WITHDRAWN)
SHOWN = (State.OPEN, State.CLOSED, State.WITHDRAWN)
KNOWN = calendar()

Act = Callable[[Reading, Entry], Any]


class Fate(Enum):
    """How a delivery ends."""

    WELL = "well"
    LIMITED = "limited"
    SLOW = "slow"
    ANSWER_LOST = "answer lost"
    KILLED_BEFORE_MARK = "killed before mark"
    KILLED_AFTER_MARK = "killed after mark"


class Season(RuleBasedStateMachine):
    """A calendar with a bot that is not always there, and a homeserver that does not always take what it is given."""

    founded: Path
    folder: Path
    _count: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        Season._count += 1
        file = self.folder / f"season-{Season._count}.db"
        shutil.copyfile(self.founded, file)
        self.runner = asyncio.Runner()
        self.clock = HandClock(NOON)
        self.store: Mortal = self.run(Mortal.open(f"sqlite:///{file}", self.clock))
        self.branch = SmallBranch(self.store, self.clock)
        self.homeserver = FakeHomeserver(self.clock)
        self.rules, self.revision = 0, 1
        self._begin()
        self._revise()
        self.something_is_planned(minutes=1, zone="Asia/Shanghai", late=600)
        self.the_next_one_falls_due(killed=None)
        self.deliver(times=1, fate=Fate.WELL)

    def _begin(self) -> None:
        self.delivery = Delivery(self.store, self.homeserver, load_speech(), encrypted=False)  # type: ignore[arg-type]
        self.ticking = Clock(self.store, caught_up=lambda: True, hearing_state=lambda: "listening")

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    def _live(self, doing: Any, killed: str | None = None) -> None:
        """Do something that may be the end of this life, and begin another one then."""
        self.store.before, self.store.after = killed == "before", killed == "after"
        try:
            self.run(doing)
        except Killed:
            self._rise()
        self.store.before = self.store.after = False

    def _rise(self) -> None:
        self.store.before = self.store.after = False
        self._begin()
        self.run(self.store.take_up(self.homeserver.device_id))

    def teardown(self) -> None:
        try:
            self._drain()
        finally:
            self.run(self.store.close())
            self.runner.close()

    def _entries(self, *states: State) -> list[Entry]:
        found = self.run(self.store.read(lambda unit: schedules.calendar(unit, [ROOF])))
        return [one for one in found if not states or one.occurrence.state in states]

    def _act(self, place: int, states: tuple[State, ...], act: Act, killed: str | None) -> None:
        """Have somebody at the desk do something about one occurrence that stands so."""
        found = self._entries(*states)
        if not found:
            return
        id = found[place % len(found)].occurrence.id

        async def decide(unit: Reading) -> Decision | Refusal | None:
            entry = await schedules.entry(unit, id)
            assert entry is not None
            answer = act(unit, entry)
            return await answer if asyncio.iscoroutine(answer) else answer

        self._live(self.store.settle([Step(cause=fresh_cause(), decide=decide)]), killed)

    # What happens

    @rule(
        minutes=st.integers(1, 20),
        zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
        late=st.sampled_from([0, 600, 86_400]),
    )
    def something_is_planned(self, minutes: int, zone: str, late: int) -> None:
        """Plan three days in a row, at a whole minute of the clock on the wall."""
        self.rules += 1
        local = (self.clock.now + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone))
        taught = Schedule(
            id=ScheduleId(f"rule{self.rules}"),
            owner=ROOF,
            audience=ROOF,
            lessons=(LESSON,),
            recurrence=Recurrence.WEEKLY,
            weekdays=frozenset(range(7)),
            count=3,
            start=local.date(),
            at=local.time().replace(second=0, microsecond=0),
            timezone=zone,
            window=timedelta(hours=2),
            late=timedelta(seconds=late),
        )
        planned = materialise(taught, KNOWN)
        self.run(self.store.settle(notes=[LessonsScheduled(schedule=taught, planned=planned, author=SECRETARY)]))

    @rule(killed=st.sampled_from([None, None, None, "before", "after"]))
    def the_next_one_falls_due(self, killed: str | None) -> None:
        """Go on to when something is next due, and look at the clock then."""
        due = self.run(self.store.read(falling_due.next_due))
        if due is not None:
            self.clock.now = max(self.clock.now, due)
        self._live(self.ticking.tick(), killed)

    @rule(times=st.integers(1, 4), fate=st.sampled_from(Fate))
    def deliver(self, times: int, fate: Fate) -> None:
        """Send what may go now; the last of it ends as it is fated to."""
        device = self.homeserver.device_id
        lease = timedelta(seconds=60)
        for row in self.run(self.store.claim(worker=device, device=device, lease=lease, limit=times)):
            killed = {Fate.KILLED_BEFORE_MARK: "before", Fate.KILLED_AFTER_MARK: "after"}.get(fate)
            if fate is Fate.LIMITED:
                self.homeserver.fail(Kind.LIMITED, status=429, errcode="M_LIMIT_EXCEEDED", retry_after=30.0)
            elif fate in (Fate.SLOW, Fate.ANSWER_LOST):
                self.homeserver.fail(Kind.SLOW, accepted=fate is Fate.ANSWER_LOST)
            self._live(self.delivery.deliver(row), killed)
            if killed:
                break
        self.homeserver._failures.clear()

    @rule(seconds=st.sampled_from([20, 61, 400, 8_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)
        self._live(self.ticking.tick())

    @rule(hours=st.sampled_from([1, 20, 30]))
    def the_bot_is_away(self, hours: int) -> None:
        self.clock.forward(hours=hours)
        self._rise()

    @rule(seconds=st.sampled_from([5, 300, 7_200]))
    def the_wall_clock_is_set_back(self, seconds: int) -> None:
        self.clock.forward(seconds=-seconds)
        back = ClockSetBack(by=timedelta(seconds=seconds), at=self.clock.now)
        self.run(self.store.settle(notes=[back]))

    @rule(
        place=st.integers(0, 9),
        how=st.sampled_from(["called off", "planned again", "moved"]),
        minutes=st.integers(1, 3_000),
        killed=st.sampled_from([None, None, "before", "after"]),
    )
    def what_is_to_come_is_changed(self, place: int, how: str, minutes: int, killed: str | None) -> None:
        when = self.clock.now + timedelta(minutes=minutes)

        def act(unit: Reading, entry: Entry) -> Decision | Refusal:
            match how:
                case "called off":
                    return cancel_occurrence(entry.occurrence, by=SECRETARY)
                case "planned again":
                    return restore_occurrence(entry.occurrence, by=SECRETARY, now=unit.now)
            at = when.time().replace(second=0, microsecond=0)
            return move_occurrence(entry.occurrence, on=when.date(), at=at, timezone="UTC", by=SECRETARY, now=unit.now)

        self._act(place, (State.CANCELLED,) if how == "planned again" else (State.PLANNED,), act, killed)

    @rule(place=st.integers(0, 9), do=st.sampled_from(Do), killed=st.sampled_from([None, None, "after"]))
    def what_was_missed_is_dealt_with(self, place: int, do: Do, killed: str | None) -> None:
        def act(unit: Reading, entry: Entry) -> Decision | Refusal:
            one = [(entry.occurrence, "Asia/Shanghai")]
            return missed_rules.settle(one, do, reason="来不及了", known=KNOWN, by=SECRETARY, now=unit.now)

        self._act(place, (State.MISSED,), act, killed)

    def _revise(self) -> None:
        self.revision += 1
        body = f"第{self.revision}版"
        revised = LessonRevised(lesson=lesson(body=body, revision=self.revision), author=SECRETARY)
        self.run(self.store.settle(notes=[revised]))

    @rule(place=st.integers(0, 9), killed=st.sampled_from([None, None, "before", "after"]))
    def what_was_sent_is_corrected(self, place: int, killed: str | None) -> None:
        """Write a newer text, and bring one that was sent, or may have been, to it."""
        self._revise()

        async def act(unit: Reading, entry: Entry) -> Decision | Refusal | None:
            sent, newest = await amendments.sent(unit, entry.occurrence.id), await lessons.lesson(unit, LESSON)
            assert newest is not None
            return None if sent is None else amendment_rules.correct([sent], newest, reason="", now=unit.now)

        self._act(place, (State.OPEN, State.CLOSED), act, killed)

    @rule(place=st.integers(0, 9), killed=st.sampled_from([None, None, "before", "after"]))
    def what_was_sent_is_withdrawn(self, place: int, killed: str | None) -> None:
        async def act(unit: Reading, entry: Entry) -> Decision | Refusal | None:
            sent = await amendments.sent(unit, entry.occurrence.id)
            return None if sent is None else amendment_rules.withdraw(sent, reason="发错了", now=unit.now)

        self._act(place, (State.OPEN, State.CLOSED), act, killed)

    # What is so

    @invariant()
    def nothing_stands_twice(self) -> None:
        for room, events in self.homeserver.rooms.items():
            marks = Counter(one.content[MARK] for one in events)
            assert max(marks.values(), default=0) <= 1, (room, marks)

    @invariant()
    def only_what_was_opened_in_time_has_cards(self) -> None:
        entries = {one.occurrence.id: one.occurrence for one in self._entries()}
        for row in self.run(self.branch.rows(outbox.outbox.c.kind == outbox.Kind.POST)):
            occurrence = entries[self._occurrence_of(row.card_id)]
            assert occurrence.state in SHOWN, occurrence.state
            assert occurrence.opened_at is not None
            waited = occurrence.opened_at - occurrence.due_at
            assert timedelta(0) <= waited <= max(occurrence.late, PUNCTUAL), waited

    def _occurrence_of(self, card: str) -> OccurrenceId:
        from sqlalchemy import select

        from storage.checkins import cards

        query = select(cards.c.occurrence_id).where(cards.c.id == card)
        return OccurrenceId(self.run(self.store.read(lambda unit: unit.value(query))))

    def _drain(self) -> None:
        """Let time pass until nothing is to come: then every time has come to its end, and rooms show what is so."""
        self.store.before = self.store.after = False
        self._rise()
        device = self.homeserver.device_id
        for _ in range(40):
            self.run(self.ticking.tick())
            for _ in range(30):
                lease = timedelta(seconds=60)
                rows = self.run(self.store.claim(worker=device, device=device, lease=lease, limit=16))
                for row in rows:
                    self.run(self.delivery.deliver(row))
                waiting = self.run(self.branch.rows(outbox.outbox.c.state.in_(["pending", "leased"])))
                if not waiting:
                    break
                self.clock.forward(seconds=61)
            if not self._entries(State.PLANNED, State.OPEN):
                break
            self.clock.forward(hours=7)
        assert {one.occurrence.state for one in self._entries()} <= set(OVER)
        self.nothing_stands_twice()
        self.only_what_was_opened_in_time_has_cards()
        sent = {
            self._occurrence_of(row.card_id)
            for row in self.run(self.branch.rows(outbox.outbox.c.kind == outbox.Kind.POST))
            if row.event_id is not None and row.room_id == EAST_ROOM
        }
        expected = Counter(
            f"第{entry.lesson_revision}版" for entry in self._entries(State.CLOSED) if entry.occurrence.id in sent
        )
        standing = re.findall("第[0-9]+版", "\n".join(self.homeserver.standing(EAST_ROOM)))
        assert Counter(standing) == expected
        assert self.run(self.branch.counted()) == self.run(self.branch.tallied())


def test_whatever_becomes_of_a_calendar_its_rooms_show_what_is_so(founded_file: Path, tmp_path: Path) -> None:
    """R1, R4, F17, F46: crash, 429, edit, call-off, clocks set back and nights without a bot, in any order."""
    Season.founded, Season.folder = founded_file, tmp_path
    how = settings(max_examples=EXAMPLES, stateful_step_count=20, phases=[Phase.generate])
    run_state_machine_as_test(Season, settings=how)
