"""The clock that says "look now": opens what is due, closes what is over, and gives signs of life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from content import cards
from content import polls as poll_rules
from content.decision import Decision, Refusal, Tell, words
from content.identifiers import Cause, OccurrenceId, PollId, derive
from content.occurrences import close_occurrence, open_occurrence
from content.rooms import Decline
from storage import checkins, heartbeats, lessons, outbox, polls, restores, retention, rooms, schedules, sync
from storage.crashpoints import crashpoint
from storage.rooms import Unclaimed
from storage.store import Step, Store
from storage.unit import Reading

TICK = timedelta(seconds=2)
BEAT = timedelta(seconds=20)
SWEEP = timedelta(hours=1)
UNCLAIMED = timedelta(days=14)
"""How long the bot stays in a room that nobody takes over for the organisation."""
ECHO = timedelta(minutes=5)
"""How long the end of a poll may take to come back to us from its room, before we believe our own time of it."""

log = structlog.get_logger(__name__)


class Clock:
    """Ticks while the program runs; everything it knows lies in the store."""

    def __init__(self, store: Store, *, caught_up: Callable[[], bool], hearing_state: Callable[[], str]) -> None:
        self._store = store
        self._caught_up = caught_up
        self._hearing_state = hearing_state
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    async def start(self) -> None:
        """Begin to tick, with a first sign of life."""
        await self._beat()
        every = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self._tick, "interval", seconds=TICK.total_seconds(), id="tick", **every)
        self._scheduler.add_job(self._beat, "interval", seconds=BEAT.total_seconds(), id="beat", **every)
        self._scheduler.add_job(self._sweep, "interval", seconds=SWEEP.total_seconds(), id="sweep", **every)
        self._scheduler.start()

    def beat_soon(self) -> None:
        """Give a sign of life as soon as the loop is free, because its state has changed."""
        if self._scheduler.running:
            self._scheduler.add_job(self._beat, "date", id="news", replace_existing=True, misfire_grace_time=None)

    def look_soon(self) -> None:
        """Look as soon as the loop is free, because something was decided that may be due at once."""
        if self._scheduler.running:
            self._scheduler.add_job(self._tick, "date", id="decided", replace_existing=True, misfire_grace_time=None)

    def stop(self) -> None:
        """Stop ticking."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _tick(self) -> None:
        try:
            await self.tick()
        except Exception as error:
            # A job that raises must not take the clock with it; the next tick finds the same rows.
            log.error("tick failed", kind=type(error).__name__)

    async def _beat(self) -> None:
        try:
            now = self._store.now()
            await self._store.settle(
                notes=[
                    heartbeats.Beat(role="clock", state="ticking", at=now),
                    heartbeats.Beat(role="bot", state=self._hearing_state(), at=now),
                ]
            )
        except Exception as error:
            log.error("beat failed", kind=type(error).__name__)

    async def _sweep(self) -> None:
        try:
            await self.sweep()
        except Exception as error:
            log.error("sweep failed", kind=type(error).__name__)

    async def sweep(self) -> None:
        """Forget what is past its use, and leave rooms that nobody wanted to have."""
        now = self._store.now()
        await self._store.settle(notes=[retention.Swept(at=now)])
        me = await self._store.read(sync.account)
        waiting = await self._store.read(lambda unit: rooms.unclaimed(unit, me)) if me is not None else ()
        old = [leaving(one) for one in waiting if one.at <= now - UNCLAIMED]
        if old:
            await self._store.settle(old)

    async def tick(self) -> None:
        """Open what is due; close what is over, once everything said before has been heard."""
        now = self._store.now()
        due = await self._store.read(lambda unit: schedules.due(unit, now))
        if due:
            restored = await self._store.read(restores.restored_at)
            await self._store.settle([opening(one, due_at, restored) for one, due_at in due])
            crashpoint("clock.opened")
        if self._caught_up():
            over = await self._store.read(lambda unit: schedules.over(unit, now))
            if over:
                await self._store.settle([closing(one) for one in over])
                crashpoint("clock.closed")
            await self._end_polls(now)
        upcoming = await self._store.read(schedules.next_due)
        if upcoming is not None and self._scheduler.running and now < upcoming < now + TICK:
            self._scheduler.add_job(
                self._tick, "date", run_date=upcoming, id="due", replace_existing=True, misfire_grace_time=None
            )

    async def _end_polls(self, now: datetime) -> None:
        over = await self._store.read(lambda unit: polls.over(unit, now))
        unheard = await self._store.read(lambda unit: outbox.unheard_ends(unit, now - ECHO))
        steps = [stopping(one) for one in over] + [concluding(one, at) for one, at in unheard]
        if steps:
            await self._store.settle(steps)


def opening(id: OccurrenceId, due_at: datetime, restored: datetime | None = None) -> Step:  # noqa: A002
    """Return the step that opens an occurrence; sent again after it was missed, it has a cause of its own.

    What fell due before the database was restored is opened as of then: it may stand in its rooms already.
    """

    async def decide(unit: Reading) -> Decision | None:
        entry = await schedules.entry(unit, id)
        if entry is None:
            return None
        lesson = await lessons.lesson(unit, entry.occurrence.lesson)
        if lesson is None:
            return None
        audience = entry.occurrence.audience
        return open_occurrence(
            entry.occurrence,
            seats=await schedules.seats(unit, audience),
            stages=await schedules.stages(unit, audience),
            parts=cards.parts(lesson),
            now=unit.now,
        )

    at = due_at if restored is not None and due_at <= restored else None
    return Step(cause=Cause(f"occurrence:{id}:open:{due_at.isoformat()}"), decide=decide, at=at)


def closing(id: OccurrenceId) -> Step:  # noqa: A002
    """Return the step that closes an occurrence."""

    async def decide(unit: Reading) -> Decision | None:
        entry = await schedules.entry(unit, id)
        if entry is None:
            return None
        return close_occurrence(entry.occurrence, cards=await checkins.cards_of(unit, id), now=unit.now)

    return Step(cause=Cause(f"occurrence:{id}:close"), decide=decide)


def stopping(id: PollId) -> Step:  # noqa: A002
    """Return the step that ends a poll whose time is over, or forgets one that never reached its room."""

    async def decide(unit: Reading) -> Decision | Refusal | None:
        poll = await polls.poll(unit, id)
        if poll is None:
            return None
        if poll.event is None:
            return poll_rules.withdraw(poll, now=unit.now) if await outbox.poll_is_lost(unit, id) else None
        return poll_rules.stop_voting(poll, now=unit.now)

    return Step(cause=Cause(f"poll:{id}:stop"), decide=decide)


def concluding(id: PollId, ended_at: datetime) -> Step:  # noqa: A002
    """Return the step that publishes a result although the end event was not heard back."""

    async def decide(unit: Reading) -> Decision | None:
        poll = await polls.poll(unit, id)
        if poll is None:
            return None
        return poll_rules.end(poll, await polls.box(unit, poll), ended_at=ended_at, now=unit.now)

    return Step(cause=Cause(f"poll:{id}:end"), decide=decide)


def leaving(room: Unclaimed) -> Step:
    """Return the step that leaves a room nobody has taken over, with a word to who brought the bot there."""

    async def decide(unit: Reading) -> Decision:
        told = Tell(user=room.user, words=words("rooms.left_unclaimed", n=UNCLAIMED.days), quiet=True)
        return Decision(effects=(Decline(room=room.room), told))

    return Step(cause=Cause(f"room:{derive(room.room, room.at.isoformat())}:unclaimed"), decide=decide)
