"""The store: one door to write, ``settle``; one door to read, ``read``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from content.decision import Decision, Effect, Fact, Observed, Refusal
from content.identifiers import Cause, UserId
from storage import audit, facts, outbox
from storage.claims import Claim, Place, claim
from storage.engines import WRITE, open_engine, open_working_engine, sqlite_file
from storage.migrate import migrate, require_current, require_file
from storage.sync import Buried, write_buried
from storage.unit import Gathered, Reading, Writing, finish

Answer = Decision | Refusal | None
Decide = Callable[[Reading], Awaitable[Answer]]
Clock = Callable[[], datetime]
T = TypeVar("T")

READERS = 8
"""How many questions of the loop are answered side by side."""


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request: what caused it, who is behind it, and how to decide it.

    ``decide`` reads and answers; ``None`` means that this is nobody's business and leaves no trace. ``tell`` turns a
    refusal into what is said to the person. ``at`` is the instant for which to decide, now where it is left out.
    """

    cause: Cause
    decide: Decide
    actor: UserId | None = None
    at: datetime | None = None
    tell: Callable[[Refusal], tuple[Effect, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a step; ``repeated`` when its cause had had its effect before, ``failed`` when a rule broke."""

    answer: Answer = None
    repeated: bool = False
    failed: bool = False

    @property
    def refusal(self) -> Refusal | None:
        """Return the refusal, if that was the answer."""
        return self.answer if isinstance(self.answer, Refusal) else None


def _decided(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome.answer, Decision) for outcome in outcomes)


class _Broken(Exception):
    """A rule of a batch broke, or a row of it cannot be kept."""


class Store:
    """All that is known, on one engine.

    What is written is written by one thread, in the order in which it was asked for; what is read is read by others
    beside it. So the loop is never held up by the database, nor a transaction by the loop.
    """

    def __init__(self, engine: Engine, preparing: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._preparing = preparing
        self._clock = clock
        self._claim: Claim | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="zhibu-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="zhibu-reader")
        self._listeners: list[Callable[[], None]] = []
        self._followers: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, address: str, clock: Clock = utc_now, *, exclusive: bool = True) -> Store:
        """Open the database at an address as the process that drives the bot, and bring its tables up to date.

        ``exclusive=False`` opens it beside a running program, to read. Raises Trouble with advice.
        """
        return await cls._open(address, clock, Place.DRIVER if exclusive else None)

    @classmethod
    async def open_desk(cls, address: str, clock: Clock = utc_now) -> Store:
        """Open the database at an address to write beside the process that drives the bot, or without one.

        Tables are never changed from here. Raises Trouble with advice, on a file also when any process has it.
        """
        return await cls._open(address, clock, Place.DESK)

    @classmethod
    async def _open(cls, address: str, clock: Clock, place: Place | None) -> Store:
        preparing, file = open_engine(address), sqlite_file(address)
        store = cls(open_working_engine(address), preparing, clock)
        try:
            if place is Place.DESK:
                require_file(file)
            if place is not None:
                store._claim = await claim(preparing, file, place)
            await migrate(preparing, file, change=place is Place.DRIVER)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish with the database and give the writer's place back."""
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        if self._claim is not None:
            with contextlib.suppress(DBAPIError):
                await self._claim.close()
            self._claim = None
        await self._preparing.dispose()
        self._engine.dispose()

    def now(self) -> datetime:
        """Return the present instant by the store's clock."""
        return self._clock()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have a listener called after every commit that may have put something into the outbox."""
        self._listeners.append(listener)

    def on_decision(self, listener: Callable[[], None]) -> None:
        """Have a listener called after every commit with which something was decided."""
        self._followers.append(listener)

    async def watch(self) -> None:
        """Keep the process's place until cancelled, and pass on what other processes have committed.

        Raises Trouble when the place was lost to another process, or the tables were changed meanwhile.
        """
        assert self._claim is not None

        await self._claim.watch(lambda: self._tell(decided=True), lambda: require_current(self._preparing))

    def _tell(self, *, decided: bool) -> None:
        for listener in (*self._listeners, *(self._followers if decided else ())):
            listener()

    async def read(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.look, question)

    def look(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view in this thread, which must not be the loop's."""
        with self._engine.connect() as connection:
            return finish(question(Reading(connection, self._clock())))

    async def settle(self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Record the notes, then decide every step and record what follows, all in one transaction.

        A cause that was seen before has no second effect. A rule that raises is undone on its own, kept as a dead
        letter, and the others go on. Raises the database's error, with nothing recorded, when the commit fails.
        """
        outcomes = await self._settle(steps, notes)
        self._tell(decided=_decided(outcomes))
        return outcomes

    async def _settle(self, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
        """Settle a batch in one go, its rows written together; step by step, each undone alone, when a rule breaks."""
        if len(steps) > 1:
            with contextlib.suppress(_Broken):
                return await self._write(lambda unit: self._at_once(unit, steps, notes))
        return await self._write(lambda unit: self._one_by_one(unit, steps, notes))

    async def _at_once(self, unit: Writing, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
        await self._note(unit, notes)
        seen = await audit.seen(unit, [step.cause for step in steps])
        unit.gathered = Gathered()
        outcomes = []
        try:
            for step in steps:
                if step.cause in seen:
                    outcomes.append(Outcome(repeated=True))
                    continue
                outcome = await self._decide(unit.at(step.at or unit.now), step)
                if outcome.answer is not None:
                    seen[step.cause] = audit.DONE
                outcomes.append(outcome)
            await unit.settled()
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            raise _Broken from error
        return await self._announce(unit, outcomes)

    async def _one_by_one(self, unit: Writing, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
        await self._note(unit, notes)
        seen = await audit.seen(unit, [step.cause for step in steps]) if steps else {}
        outcomes = []
        for step in steps:
            if step.cause in seen:
                outcomes.append(Outcome(repeated=True))
                continue
            outcome = await self._settle_one(unit, step)
            if outcome.answer is not None:
                seen[step.cause] = audit.DONE
            outcomes.append(outcome)
        return await self._announce(unit, outcomes)

    async def _announce(self, unit: Writing, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        if _decided(outcomes) and self._claim is not None:
            await self._claim.announce(unit)
        return tuple(outcomes)

    async def claim(self, *, worker: str, device: str, lease: timedelta, limit: int) -> Sequence[outbox.Claimed]:
        """Take rows of the outbox for a worker that drives this Matrix device."""
        return await self._write(
            lambda unit: outbox.claim(unit, worker=worker, device=device, lease=lease, limit=limit)
        )

    async def take_up(self, worker: str) -> None:
        """Hand back the rows that an earlier process of a worker had claimed; only before it works again."""
        await self._write(lambda unit: outbox.free_leases(unit, worker))

    async def _write(self, doing: Callable[[Writing], Awaitable[T]]) -> T:
        """Hold the writer's place for one transaction; whoever is cancelled meanwhile may find it done."""

        def write() -> T:
            with self._engine.connect() as plain:
                connection = plain.execution_options(**WRITE)
                with connection.begin():
                    unit = Writing(connection, self._clock())
                    if self._claim is not None:
                        finish(self._claim.guard(unit))
                    return finish(doing(unit))

        return await asyncio.get_running_loop().run_in_executor(self._writer, write)

    async def _note(self, unit: Writing, notes: Sequence[Fact]) -> None:
        """Write the notes down; what was only observed must not keep the rest from being known."""
        observed = [note for note in notes if isinstance(note, Observed)]
        if observed and not await self._attempt(unit, observed):
            for one in observed:
                if not await self._attempt(unit, [one]):
                    await self._bury_observed(unit, one)
        for note in notes:
            if not isinstance(note, Observed):
                await facts.write(unit, note)

    async def _attempt(self, unit: Writing, notes: Sequence[Fact]) -> bool:
        savepoint = await unit.savepoint()
        try:
            for note in notes:
                await facts.write(unit, note)
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            savepoint.rollback()
            return False
        savepoint.commit()
        return True

    async def _bury_observed(self, unit: Writing, note: Observed) -> None:
        cause = f"event:{note.event_id}"[:300]
        reason = f"{type(note).__name__} cannot be kept"
        await write_buried(unit, Buried(cause=cause, room=None, sender=None, reason=reason, raw=None, at=unit.now))

    async def _settle_one(self, unit: Writing, step: Step) -> Outcome:
        savepoint = await unit.savepoint()
        try:
            outcome = await self._decide(unit.at(step.at or unit.now), step)
            savepoint.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            savepoint.rollback()
            return await self._bury(unit, step, error)
        except Exception as error:
            savepoint.rollback()
            return await self._bury(unit, step, error)
        return outcome

    async def _decide(self, unit: Writing, step: Step) -> Outcome:
        answer = await step.decide(unit)
        if answer is not None:
            await self._apply(unit, step, answer)
        return Outcome(answer=answer)

    async def _apply(self, unit: Writing, step: Step, answer: Decision | Refusal) -> None:
        await audit.record(unit, step.cause, answer, actor=step.actor, at=unit.now)
        effects = answer.effects if isinstance(answer, Decision) else step.tell(answer) if step.tell else ()
        if isinstance(answer, Decision):
            for fact in answer.facts:
                await facts.write(unit, fact)
        await outbox.enqueue(unit, step.cause, effects)

    async def _bury(self, unit: Writing, step: Step, error: Exception) -> Outcome:
        """Keep what broke under its cause: where, and of what kind; never what was said."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
        reason = f"{type(error).__name__} in {place}"
        letter = Buried(cause=step.cause, room=None, sender=step.actor, reason=reason, raw=None, at=unit.now)
        await write_buried(unit, letter)
        return Outcome(failed=True)
