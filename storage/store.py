"""The store: one door to write, ``settle``; one door to read, ``read``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from content.decision import Decision, Effect, Fact, Observed, Refusal
from content.identifiers import Cause, UserId
from storage import audit, facts, outbox
from storage.claims import Claim, Place, claim
from storage.engines import WRITE, open_engine, sqlite_file
from storage.migrate import migrate, require_current, require_file
from storage.sync import Buried, write_buried
from storage.unit import Reading, Writing

Answer = Decision | Refusal | None
Decide = Callable[[Reading], Awaitable[Answer]]
Clock = Callable[[], datetime]
T = TypeVar("T")


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


class Store:
    """All that is known, on one engine."""

    def __init__(self, engine: AsyncEngine, clock: Clock = utc_now, claim: Claim | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._claim = claim
        self._writer = asyncio.Lock()
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
        engine = open_engine(address)
        file = sqlite_file(address)
        store = cls(engine, clock)
        try:
            if place is Place.DESK:
                require_file(file)
            if place is not None:
                store._claim = await claim(engine, file, place)
            await migrate(engine, file, change=place is Place.DRIVER)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish with the database and give the writer's place back."""
        if self._claim is not None:
            with contextlib.suppress(DBAPIError):
                await self._claim.close()
            self._claim = None
        await self._engine.dispose()

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

        await self._claim.watch(lambda: self._tell(decided=True), lambda: require_current(self._engine))

    def _tell(self, *, decided: bool) -> None:
        for listener in (*self._listeners, *(self._followers if decided else ())):
            listener()

    async def read(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view."""
        async with self._engine.connect() as connection:
            return await question(Reading(connection, self._clock()))

    async def settle(self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Record the notes, then decide every step and record what follows, all in one transaction.

        A cause that was seen before has no second effect. A rule that raises is undone on its own, kept as a dead
        letter, and the others go on. Raises the database's error, with nothing recorded, when the commit fails.
        """
        async with self.writing() as unit:
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
            decided = any(isinstance(outcome.answer, Decision) for outcome in outcomes)
            if decided and self._claim is not None:
                await self._claim.announce(unit)
        self._tell(decided=decided)
        return tuple(outcomes)

    async def claim(
        self, *, worker: str, device: str, lease: timedelta, limit: int, kinds: Iterable[outbox.Kind] | None = None
    ) -> Sequence[outbox.Claimed]:
        """Take rows of the outbox, optionally of some kinds only, for a worker that drives this Matrix device."""
        async with self.writing() as unit:
            return await outbox.claim(unit, worker=worker, device=device, lease=lease, limit=limit, kinds=kinds)

    async def take_up(self, worker: str) -> None:
        """Hand back the rows that an earlier process of a worker had claimed; only before it works again."""
        async with self.writing() as unit:
            await outbox.free_leases(unit, worker)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """Hold the writer's place for one transaction; for storage's own use."""
        async with self._writer, self._engine.connect() as plain:
            connection = await plain.execution_options(**WRITE)
            async with connection.begin():
                unit = Writing(connection, self._clock())
                if self._claim is not None:
                    await self._claim.guard(unit)
                yield unit

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
            await savepoint.rollback()
            return False
        await savepoint.commit()
        return True

    async def _bury_observed(self, unit: Writing, note: Observed) -> None:
        cause = f"event:{note.event_id}"[:300]
        reason = f"{type(note).__name__} cannot be kept"
        await write_buried(unit, Buried(cause=cause, room=None, sender=None, reason=reason, raw=None, at=unit.now))

    async def _settle_one(self, unit: Writing, step: Step) -> Outcome:
        now = step.at or unit.now
        savepoint = await unit.savepoint()
        try:
            view = unit.at(now)
            answer = await step.decide(view)
            if answer is not None:
                await self._apply(view, step, answer)
            await savepoint.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            await savepoint.rollback()
            return await self._bury(unit, step, error)
        except Exception as error:
            await savepoint.rollback()
            return await self._bury(unit, step, error)
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
