"""Whatever is decided, claimed, sent, cut off and heard, in any order: a message stands once, and a word counts."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot.delivery import Delivery
from bot.hearing import Hearing
from bot.matrix.crypto import MARK
from bot.matrix.events import Batch, Event, RoomBatch
from bot.matrix.faults import Kind
from content.checkins import State
from content.decision import Fact
from content.identifiers import MemberId, OccurrenceId
from storage import checkins, outbox
from storage.outbox import Claimed
from storage.store import Outcome, Step, Store
from tests.fake_homeserver import FakeHomeserver
from tests.small_branch import (
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROLL,
    WANG,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    event,
    message,
    reaction,
)
from zhibu.catalogue import load_speech

WORDS = {"✅": State.DONE, "签到": State.DONE, "请假 事假": State.EXCUSED}
LEASE = 60.0
EXAMPLES = int(os.environ.get("ZHIBU_EXAMPLES", "25"))


class Killed(BaseException):
    """The process is no more."""


class Fate(Enum):
    """How a delivery ends."""

    WELL = "well"
    REFUSED = "refused"
    ANSWER_LOST = "answer lost"
    KILLED_BEFORE_MARK = "killed before mark"
    KILLED_AFTER_MARK = "killed after mark"


class Mortal(Store):
    """A store whose process can be let end just before or just after a commit."""

    before = False
    after = False

    async def settle(self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Settle, or die of it."""
        if self.before:
            raise Killed
        settled = await super().settle(steps, notes=notes)
        if self.after:
            raise Killed
        return settled


class Life(RuleBasedStateMachine):
    """One bot on one homeserver, to which things happen."""

    founded: Path
    folder: Path
    _count: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        Life._count += 1
        file = self.folder / f"life-{Life._count}.db"
        shutil.copyfile(self.founded, file)
        self.runner = asyncio.Runner()
        self.clock = HandClock(NOON)
        self.store: Mortal = self.run(Mortal.open(f"sqlite:///{file}", self.clock))
        self.branch = SmallBranch(self.store, self.clock)
        self.homeserver = FakeHomeserver(self.clock)
        self.held: list[Claimed] = []
        self.said: dict[tuple[OccurrenceId, MemberId], State] = {}
        self.unheard: list[Event] = []
        self.echoed = 0
        self.tokens = 0
        self._begin()
        self.a_lesson_goes_out()

    def _begin(self) -> None:
        self.delivery = Delivery(self.store, self.homeserver, load_speech(), encrypted=False)  # type: ignore[arg-type]
        self.hearing = Hearing(self.store, self.homeserver, self.branch.settings)  # type: ignore[arg-type]

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    def _live(self, doing: Any) -> bool:
        """Do something that may be the end of this life; tell whether it was not."""
        try:
            self.run(doing)
        except Killed:
            self._rise()
            return False
        return True

    def _rise(self) -> None:
        """Begin another life: what was held is known no more."""
        self.store.before = self.store.after = False
        self.held = []
        self._begin()
        self.run(self.store.take_up(self.homeserver.device_id))

    def teardown(self) -> None:
        self.store.before = self.store.after = False
        try:
            self._drain()
        finally:
            self.run(self.store.close())
            self.runner.close()

    # What happens

    @rule()
    def a_lesson_goes_out(self) -> None:
        self.run(self.branch.open(ROLL))

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        lease = timedelta(seconds=LEASE)
        worker = self.homeserver.device_id
        self.held += self.run(self.store.claim(worker=worker, device=worker, lease=lease, limit=limit))

    @rule(place=st.integers(0, 5), fate=st.sampled_from(Fate))
    def deliver(self, place: int, fate: Fate) -> None:
        if not self.held:
            self.claim(limit=4)
        if not self.held:
            return
        if fate in (Fate.REFUSED, Fate.ANSWER_LOST):
            self.homeserver.fail(Kind.SLOW, accepted=fate is Fate.ANSWER_LOST)
        self.store.before, self.store.after = fate is Fate.KILLED_BEFORE_MARK, fate is Fate.KILLED_AFTER_MARK
        self._live(self.delivery.deliver(self.held.pop(place % len(self.held))))

    @rule(seconds=st.sampled_from([1, 5, 61, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)

    @rule()
    def a_day_passes_and_the_device_is_another_one(self) -> None:
        self.clock.forward(hours=24)
        self.homeserver.lose_transactions()
        self.homeserver.device_id = f"DEVICE{self.tokens}"
        self.held = []
        self._begin()

    @rule(member=st.sampled_from([ZHANG, WANG, LI]), words=st.sampled_from(sorted(WORDS)), place=st.integers(0, 9))
    def a_member_says(self, member: MemberId, words: str, place: int) -> None:
        """Speak of any card that stands in the room, whether or not the bot knows yet that it does."""
        shown = [one for one in self.homeserver.rooms.get(EAST_ROOM, []) if "m.new_content" not in one.content]
        if not shown:
            return
        card = shown[place % len(shown)]
        more = {"sent_at": self.clock.now}
        if words == "✅":
            one = reaction(account(member), card.event_id, words, **more)
        else:
            one = message(account(member), words, reply=card.event_id, **more)
        self.unheard.append(one)
        occurrence = self.run(self.store.read(lambda unit: unit.value(_occurrence_of(card.content[MARK]))))
        self.said[occurrence, member] = WORDS[words]

    @rule(again=st.booleans(), killed=st.sampled_from([None, "before", "after"]))
    def hear(self, again: bool, killed: str | None = None) -> None:
        """Hear what is new, our own messages first; the same batch comes twice, or once more after a kill."""
        self.store.before, self.store.after = killed == "before", killed == "after"
        sent = self.homeserver.rooms.get(EAST_ROOM, [])
        own = [event(ME, one.type, dict(one.content), event_id=one.event_id) for one in sent[self.echoed :]]
        self.tokens += 1
        room = RoomBatch(room_id=EAST_ROOM, membership="join", timeline=(*own, *self.unheard))
        batch = Batch(since="s", next_batch=f"s{self.tokens}", rooms=(room,), keys=())
        if not self._live(self.hearing.commit(batch)) or again:
            self.run(self.hearing.commit(batch))
        self.echoed, self.unheard = len(sent), []

    # What is so

    @invariant()
    def nothing_stands_twice(self) -> None:
        for room, events in self.homeserver.rooms.items():
            marks = Counter(one.content[MARK] for one in events)
            assert max(marks.values(), default=0) <= 1, (room, marks)

    def _drain(self) -> None:
        """Let time pass until nothing waits: then nothing is missing, and every word counts."""
        self.hear(again=False)
        for _ in range(200):
            self.clock.forward(seconds=LEASE + 1)
            self.held = []
            self.claim(limit=8)
            for row in self.held:
                self.run(self.delivery.deliver(row))
            waiting = self.run(self.branch.rows(outbox.outbox.c.state.in_(["pending", "leased"])))
            if not waiting:
                break
        self.nothing_stands_twice()
        rows = self.run(self.branch.rows())
        # A day may have passed over a card that was never tried.
        ended = {outbox.State.SENT, outbox.State.EXPIRED}
        assert {row.state for row in rows} <= ended, Counter(row.state for row in rows)
        standing = {one.content[MARK] for events in self.homeserver.rooms.values() for one in events}
        assert {row.id for row in rows if row.event_id is not None} == standing
        for (occurrence, member), state in self.said.items():
            assert self.run(self.branch.state(occurrence, member)) is state
        assert self.run(self.branch.counted()) == self.run(self.branch.tallied())


def _occurrence_of(mark: str) -> Any:
    from sqlalchemy import select

    card = select(outbox.outbox.c.card_id).where(outbox.outbox.c.id == mark).scalar_subquery()
    return select(checkins.cards.c.occurrence_id).where(checkins.cards.c.id == card)


def test_whatever_happens_each_message_stands_once_and_each_word_counts(founded_file: Path, tmp_path: Path) -> None:
    """R1, R3, F02, F03, F46, F51: a kill before or after any commit is one of the things that happen."""
    Life.founded, Life.folder = founded_file, tmp_path
    how = settings(max_examples=EXAMPLES, stateful_step_count=20, phases=[Phase.generate])
    run_state_machine_as_test(Life, settings=how)
