"""The store: one door to write, ``settle``; one door to read, ``read``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

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
from storage.timings import Timings
from storage.unit import Reading, Undone, Writing, finish

Answer = Decision | Refusal | None
Decide = Callable[[Reading], Awaitable[Answer]]
Clock = Callable[[], datetime]
T = TypeVar("T")

READERS = 8
"""How many questions of the loop are answered side by side."""

GROUP = 64
"""How many requests share one transaction at most."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Something that waits for the writer's place; ``news`` when it may have put something into the outbox."""

    work: Callable[[Writing], Awaitable[Any]]
    done: asyncio.Future[Any]
    news: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What became of a request: what it yields, or why it failed; ``decided`` when a step of it was decided."""

    value: Any = None
    error: Exception | None = None
    decided: bool = False


class Store:
    """All that is known, on one engine.

    What is written is written by one thread, in the order in which it was asked for; what is read is read by others
    beside it, each transaction from its first statement to its last. So the loop is never held up by the database, nor
    a transaction by the loop. Requests that came while the writer was busy share the next transaction, and so the one
    moment at which the disk is waited for; each of them is undone alone if it fails.
    """

    def __init__(self, engine: Engine, preparing: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._preparing = preparing
        self._clock = clock
        self._claim: Claim | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="zhibu-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="zhibu-reader")
        self._waiting: list[_Request] = []
        self._writing: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._followers: list[Callable[[], None]] = []
        self.timings = Timings()
        """How long the writing transactions of this process took, with the wait for the disk."""
        self._refused_since: float | None = None

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
        """Finish what is under way and with the database, and give the writer's place back."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
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

    def refused_for(self) -> float:
        """Return for how many seconds nothing could be written, 0 where the last try did not fail."""
        since = self._refused_since
        return 0.0 if since is None else time.perf_counter() - since

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
        with self._engine.connect() as connection, connection.begin():
            return finish(question(Reading(connection, self._clock())))

    async def settle(self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Record the notes, then decide every step and record what follows, all in one transaction.

        A cause that was seen before has no second effect. A rule that raises is undone on its own, kept as a dead
        letter, and the others go on. Raises the database's error, with nothing recorded, when the commit fails.
        """
        return await self._write(lambda unit: self._settle(unit, steps, notes), news=True)

    async def claim(
        self, *, worker: str, device: str, lease: timedelta, limit: int, kinds: Iterable[outbox.Kind] | None = None
    ) -> Sequence[outbox.Claimed]:
        """Take rows of the outbox, optionally of some kinds only, for a worker that drives this Matrix device."""
        return await self._write(
            lambda unit: outbox.claim(unit, worker=worker, device=device, lease=lease, limit=limit, kinds=kinds),
            news=False,
        )

    async def take_up(self, worker: str) -> None:
        """Hand back the rows that an earlier process of a worker had claimed; only before it works again."""
        await self._write(lambda unit: outbox.free_leases(unit, worker), news=False)

    async def _write(self, work: Callable[[Writing], Awaitable[T]], *, news: bool) -> T:
        """Carry a request out in the next transaction; whoever is cancelled meanwhile may find it done or not."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Request(work=work, done=done, news=news))
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return await done

    async def _write_all(self) -> None:
        """Carry out what waits, group by group, until nothing does; whatever happens, nobody is left waiting."""
        loop = asyncio.get_running_loop()
        group: list[_Request] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                group = [request for request in group if not request.done.cancelled()]
                if not group:
                    continue
                began = time.perf_counter()
                try:
                    ended = await loop.run_in_executor(self._writer, self._transact, [one.work for one in group])
                    self._refused_since = None
                except Exception as error:
                    ended = [_Ended(error=error)] * len(group)
                    self._refused_since = self._refused_since or began
                self.timings.add(time.perf_counter() - began)
                self._answer(group, ended)
        finally:
            self._writing = None
            left, self._waiting = [*group, *self._waiting], []
            for request in left:
                request.done.cancel()

    def _answer(self, group: Sequence[_Request], ended: Sequence[_Ended]) -> None:
        """Tell those who asked what became of it, and the listeners that there is something new."""
        for request, end in zip(group, ended, strict=True):
            if request.done.done():
                continue
            if end.error is None:
                request.done.set_result(end.value)
            else:
                request.done.set_exception(end.error)
        if any(request.news and end.error is None for request, end in zip(group, ended, strict=True)):
            self._tell(decided=any(end.decided for end in ended))

    def _transact(self, works: Sequence[Callable[[Writing], Awaitable[Any]]]) -> list[_Ended]:
        """Carry requests out in one transaction, each undone alone where it fails; raises when the commit does.

        Nearly always none fails, so that no savepoints are made at first; where one does, all is done again with them.
        """
        try:
            return self._transact_once(works, careful=False)
        except Undone:
            return self._transact_once(works, careful=True)

    def _transact_once(self, works: Sequence[Callable[[Writing], Awaitable[Any]]], *, careful: bool) -> list[_Ended]:
        with self._engine.connect() as connection:
            connection.execution_options(**WRITE)
            with connection.begin():
                unit = Writing(connection, self._clock(), careful=careful)
                if self._claim is not None:
                    finish(self._claim.guard(unit))
                ended = [self._carry_out(unit, work) for work in works]
                if self._claim is not None and any(end.decided for end in ended):
                    finish(self._claim.announce(unit))
                return ended

    def _carry_out(self, unit: Writing, work: Callable[[Writing], Awaitable[Any]]) -> _Ended:
        inner, savepoint = unit.part()
        try:
            value = finish(work(inner))
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            savepoint.rollback()
            return _Ended(error=error)
        savepoint.commit()
        return _Ended(value=value, decided=_decided(value))

    async def _settle(self, unit: Writing, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
        await self._note(unit, notes)
        seen = await audit.seen(unit, [step.cause for step in steps]) if steps else {}
        batch = unit.gathering() if len(steps) > 1 else unit
        outcomes = []
        for step in steps:
            if step.cause in seen:
                outcomes.append(Outcome(repeated=True))
                continue
            outcome = await self._settle_one(batch, step)
            if outcome.answer is not None:
                seen[step.cause] = audit.DONE
            outcomes.append(outcome)
        await batch.settled()
        return tuple(outcomes)

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
        inner, savepoint = unit.part()
        try:
            for note in notes:
                await facts.write(inner, note)
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
        inner, savepoint = unit.part()
        try:
            view = inner.at(step.at or unit.now)
            answer = finish(step.decide(view))
            if answer is not None:
                await self._apply(view, step, answer)
            savepoint.commit()
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            savepoint.rollback()
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


def _decided(value: object) -> bool:
    """Tell whether a request yielded outcomes of which one is a decision."""
    return isinstance(value, tuple) and any(
        isinstance(one, Outcome) and isinstance(one.answer, Decision) for one in value
    )
