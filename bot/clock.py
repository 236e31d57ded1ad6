"""The clock that says "look now": opens what is due, closes what is over, and gives signs of life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import (
    away,
    complaints,
    digests,
    dues,
    help_cases,
    knocks,
    locks,
    meetings,
    pledges,
    policies,
    posting,
    sanctions,
    sign_ups,
    surveying,
    terms,
)
from bot.anchoring import tell_seal
from bot.balloting import Balloting
from bot.fresh_links import FreshLinks
from bot.model_members import announce_due
from content import polls as poll_rules
from content import series as series_rules
from content.decision import Decision, Fact, Refusal, Tell, words
from content.identifiers import Cause, OccurrenceId, PollId, derive
from content.occurrences import close_occurrence
from content.rooms import Decline
from content.schedules import Schedule
from content.series import SeriesContinued
from storage import (
    burden,
    checkins,
    falling_due,
    heartbeats,
    lessons,
    outbox,
    outbox_queries,
    polls,
    restores,
    retention,
    rooms,
    schedules,
    series,
    sync,
    workdays,
)
from storage.crashpoints import crashpoint
from storage.rooms import Unclaimed
from storage.store import Answer, Step, Store
from storage.unit import Reading

TICK = timedelta(seconds=2)
MOMENT = 0.25
"""Seconds between a decision and the look at what it may have made due."""
BREATH = 19.0
"""How many times as long as a look took it is waited for the next: while everybody answers, hardly anything is due."""
BEAT = timedelta(seconds=20)
SWEEP = timedelta(hours=1)
PLAN = timedelta(minutes=1)
"""How soon a digest is planned that an organisation has come to want."""
LOOK = 1.0
"""Seconds between two looks at whether the wall clock was set and whether we tick."""

STEP = timedelta(seconds=2)
"""The least by which the wall clock must have been set to count; a clock that is slewed moves far less in a second."""

OVERDUE = 3 * TICK
"""Without a tick for so long, the scheduler is set going again."""

STALLED = timedelta(seconds=30)
"""Without a tick that did its work for so long, the clock does not say of itself that it ticks."""

UNCLAIMED = timedelta(days=14)
"""How long the bot stays in a room that nobody takes over for the organisation."""
ECHO = timedelta(minutes=5)
"""How long the end of a poll may take to come back to us from its room, before we believe our own time of it."""

log = structlog.get_logger(__name__)


def _passed() -> float:
    """Return seconds that pass whatever the wall clock is set to, also while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def pause(took: float) -> float:
    """Return how many seconds after a decision to look, where the last look took so many: at the next tick at last."""
    return min(max(MOMENT, BREATH * took), TICK.total_seconds())


class Clock:
    """Ticks while the program runs; everything it knows lies in the store.

    APScheduler reckons by the wall clock: set back by two hours, it would not tick for two hours. So the clock looks at
    seconds that only ever pass, notices both a wall clock that was set and a tick that did not come, and says so.
    """

    def __init__(
        self,
        store: Store,
        *,
        caught_up: Callable[[], bool],
        hearing_state: Callable[[], str],
        set_back: Callable[[timedelta], None] = lambda _by: None,
        measured: Callable[[], Mapping[str, float]] = dict,
        version: str = "",
        console: str = "",
        fresh: FreshLinks | None = None,
        passed: Callable[[], float] = _passed,
    ) -> None:
        """``set_back`` is told by how much the wall clock went back, ``measured`` gives what the bot's signs carry.

        ``fresh`` knows to whom no reminder goes, since they were sent a link of late.
        """
        self._store = store
        self._console = console
        self._balloting = Balloting(store=store, origin=console, fresh=fresh or FreshLinks())
        self._caught_up = caught_up
        self._hearing_state = hearing_state
        self._set_back = set_back
        self._measured = measured
        self._version = version
        self._passed = passed
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._looking: asyncio.TimerHandle | None = None
        self._took = 0.0
        self._watching: asyncio.Task[None] | None = None
        self._began = self._done = passed()
        self._longest = 0.0
        self._planned = -PLAN.total_seconds()
        self._ticking = 0
        self._offset = self._reckon()

    def _reckon(self) -> float:
        """Return how far the wall clock is from the seconds that pass; it changes only when the clock is set."""
        return self._store.now().timestamp() - self._passed()

    async def start(self) -> None:
        """Begin to tick, with a first sign of life."""
        self._began = self._done = self._passed()
        self._offset = self._reckon()
        await self._look_back()
        await self._plan_ahead()
        await terms.remind(self._store, self._store.now(), self._console)
        await dues.remind(self._store, self._store.now())
        await self._beat()
        every = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self._tick, "interval", seconds=TICK.total_seconds(), id="tick", **every)
        self._scheduler.add_job(self._beat, "interval", seconds=BEAT.total_seconds(), id="beat", **every)
        self._scheduler.add_job(self._sweep, "interval", seconds=SWEEP.total_seconds(), id="sweep", **every)
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch(), name="clock")

    def beat_soon(self) -> None:
        """Give a sign of life as soon as the loop is free, because its state has changed."""
        if self._scheduler.running:
            self._scheduler.add_job(self._beat, "date", id="news", replace_existing=True, misfire_grace_time=None)

    def look_soon(self) -> None:
        """Look in a moment, because something was decided that may be due at once; once for all that is decided now."""
        if self._looking is None and self._scheduler.running:
            self._looking = asyncio.get_running_loop().call_later(pause(self._took), self._look)

    def _look(self) -> None:
        self._looking = None
        if self._scheduler.running:
            self._scheduler.add_job(self._tick, "date", id="decided", replace_existing=True, misfire_grace_time=None)

    def stop(self) -> None:
        """Stop ticking."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self._watching is not None:
            self._watching.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.watch()
            except Exception as error:
                log.error("look at the clock failed", kind=type(error).__name__)

    async def watch(self) -> None:
        """See whether the wall clock was set since the last look, and whether we still tick."""
        offset = self._reckon()
        step = timedelta(seconds=offset - self._offset)
        if abs(step) >= STEP:
            self._offset = offset
            self._rearm()
            await self._stepped(step)
        elif not self._ticking and self._passed() - self._began > OVERDUE.total_seconds():
            waited = self._passed() - self._began
            log.error("no tick", seconds=round(waited))
            self._longest = max(self._longest, waited)
            self._began = self._passed()
            self._rearm()

    async def _look_back(self) -> None:
        """See whether the clock stands before a sign of life of ours, and so was set back while we did not run."""
        known = await self._store.read(heartbeats.beats)
        latest = max((known[role][1] for role in ("bot", "clock") if role in known), default=self._store.now())
        behind = latest - self._store.now()
        if behind >= STEP:
            await self._stepped(-behind)

    async def _stepped(self, step: timedelta) -> None:
        """Say that the wall clock was set, and let nothing wait longer for a time that was reckoned by the old one."""
        seconds = round(step.total_seconds())
        log.warning("clock stepped", seconds=seconds)
        now = self._store.now()
        notes: list[Fact] = [
            heartbeats.Beat(role=heartbeats.TIME, state="stepped", at=now, measures={"seconds": seconds})
        ]
        if step < timedelta(0):
            self._set_back(-step)
            notes.append(outbox.ClockSetBack(by=-step, at=now))
        await self._store.settle(notes=notes)

    def _rearm(self) -> None:
        """Have every job run at once, and from then on in its rhythm."""
        if self._scheduler.running:
            for job in self._scheduler.get_jobs():
                if job.id in ("tick", "beat", "sweep"):
                    job.modify(next_run_time=datetime.now(UTC))

    async def _tick(self) -> None:
        began = self._passed()
        self._longest = max(self._longest, began - self._began)
        self._began = began
        self._ticking += 1
        try:
            await self.tick()
            self._done = self._passed()
            self._took = self._done - began
        except Exception as error:
            # A job that raises must not take the clock with it; the next tick finds the same rows.
            log.error("tick failed", kind=type(error).__name__)
        finally:
            self._ticking -= 1

    async def _beat(self) -> None:
        try:
            now, idle = self._store.now(), self._passed() - self._done
            state = "ticking" if idle < STALLED.total_seconds() else "stalled"
            ticks = {"longest_tick": round(self._longest, 3), "since_tick": round(idle, 3)}
            self._longest = 0.0
            clock = heartbeats.Beat(role="clock", state=state, at=now, measures=ticks, version=self._version)
            bot = heartbeats.Beat(
                role="bot", state=self._hearing_state(), at=now, measures=self._measured(), version=self._version
            )
            await self._store.settle(notes=[clock, bot])
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
        await self._plan_ahead()
        await terms.remind(self._store, now, self._console)
        await dues.remind(self._store, now)
        await away.ask_reports(self._store, now)
        await self._forget_deleted()
        me = await self._store.read(sync.account)
        waiting = await self._store.read(lambda unit: rooms.unclaimed(unit, me)) if me is not None else ()
        if me is not None:
            await knocks.answer_late(self._store, me)
        await tell_seal(self._store)
        old = [leaving(one) for one in waiting if one.at <= now - UNCLAIMED]
        if old:
            await self._store.settle(old)

    async def _plan_ahead(self) -> None:
        """Plan rules as far ahead as is planned at all."""
        known = await self._store.read(workdays.calendar)
        now = self._store.now()
        found = await self._store.read(series.unfinished)
        for one in found:
            answer = series_rules.continued(one, known=known, now=now)
            if answer is not None:
                # One after the other: what one rule plans takes its place before the next is weighed.
                facts = await self._store.read(partial(_weighed, one.schedule, answer.facts))
                await self._store.settle(notes=facts)

    async def tick(self) -> None:
        """Open what is due; close what is over, once everything said before has been heard."""
        now = self._store.now()
        due = await self._store.read(lambda unit: falling_due.due(unit, now))
        if due:
            restored = await self._store.read(restores.restored_at)
            await self._store.settle([opening(one, due_at, restored) for one, due_at in due])
            crashpoint("clock.opened")
        await sanctions.settle_due(self._store)
        await locks.settle_due(self._store)
        await meetings.keep(self._store, now)
        await self._keep_ballots(now)
        if self._caught_up():
            over = await self._store.read(lambda unit: falling_due.over(unit, now))
            if over:
                await self._store.settle([closing(one) for one in over])
                crashpoint("clock.closed")
            await announce_due(self._store, now)
            if await surveying.close(self._store, now):
                await self._forget_deleted()
            await self._end_polls(now)
            await sign_ups.close_due(self._store, now)
            await self._tell_digests(now)
        upcoming = await self._store.read(falling_due.next_due)
        if upcoming is not None and self._scheduler.running and now < upcoming < now + TICK:
            self._scheduler.add_job(
                self._tick, "date", run_date=upcoming, id="due", replace_existing=True, misfire_grace_time=None
            )

    async def _keep_ballots(self, now: datetime) -> None:
        """Keep the times of secret ballots by our own clock, to which nothing that is still to be heard can add."""
        if await self._balloting.close(now):
            await self._forget_deleted()
        await self._balloting.speak(now)
        await surveying.remind(self._store, now)

    async def _tell_digests(self, now: datetime) -> None:
        """Tell the digests that are due, and once a minute have planned what organisations want by now."""
        if self._passed() - self._planned >= PLAN.total_seconds():
            self._planned = self._passed()
            await digests.plan(self._store, now)
            await help_cases.tell_due(self._store, now, self._console)
            await pledges.keep(self._store)
            await self._take_up_measures()
        await digests.tell(self._store, now, self._console)

    async def _take_up_measures(self) -> None:
        """Try again what could not be done in a room, or not be undone there, since its levels have changed."""
        me = await self._store.read(sync.account)
        if me is not None:
            await sanctions.try_again(self._store, me)
            await complaints.take_up_again(self._store, self._store.now().date().isoformat())
            await locks.try_again(self._store, me)
            await posting.keep(self._store, me)
            await policies.hold_to(self._store, me)

    async def _forget_deleted(self) -> None:
        """Let the database's log forget what was deleted; where somebody reads from it, the next sweep tries again."""
        if not await self._store.forget_deleted():
            log.warning("deleted rows stay in the log of the database until nobody reads from it")

    async def _end_polls(self, now: datetime) -> None:
        over = await self._store.read(lambda unit: polls.over(unit, now))
        unheard = await self._store.read(lambda unit: outbox_queries.unheard_ends(unit, now - ECHO))
        steps = [stopping(one) for one in over] + [concluding(one, at) for one, at in unheard]
        if steps:
            await self._store.settle(steps)


async def _weighed(rule: Schedule, facts: Sequence[Fact], unit: Reading) -> list[Fact]:
    """Mark what would be too much for a room in what a rule plans by itself."""
    return [await burden.within_caps(unit, rule, one) if isinstance(one, SeriesContinued) else one for one in facts]


def opening(id: OccurrenceId, due_at: datetime, restored: datetime | None = None) -> Step:  # noqa: A002
    """Return the step that opens an occurrence; sent again after it was missed, it has a cause of its own.

    What fell due before the database was restored is opened as of then: it may stand in its rooms already.
    """

    async def decide(unit: Reading) -> Answer:
        entry = await schedules.entry(unit, id)
        lesson = await lessons.lesson(unit, entry.occurrence.lesson) if entry is not None else None
        return await meetings.open_due(unit, entry, lesson) if entry is not None and lesson is not None else None

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
            return poll_rules.withdraw(poll, now=unit.now) if await outbox_queries.poll_is_lost(unit, id) else None
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

    async def decide(unit: Reading) -> Decision | None:
        if await rooms.room(unit, room.room) is not None:
            # Somebody has taken it over since it was looked for.
            return None
        told = Tell(user=room.user, words=words("rooms.left_unclaimed", n=UNCLAIMED.days), quiet=True)
        return Decision(effects=(Decline(room=room.room), told))

    return Step(cause=Cause(f"room:{derive(room.room, room.at.isoformat())}:unclaimed"), decide=decide)
