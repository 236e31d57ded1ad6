"""The store: one door to write, ``settle``; one door to read, ``read``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from content.decision import Decision, Effect, Fact, Observed, Refusal
from content.identifiers import Cause, UserId
from storage import audit, facts, outbox
from storage.engines import WRITE, Claim, claim, open_engine, sqlite_file
from storage.migrate import migrate
from storage.sync import Buried, write_buried
from storage.unit import Reading, Undone, Writing

Answer = Decision | Refusal | None
Decide = Callable[[Reading], Awaitable[Answer]]
Clock = Callable[[], datetime]
T = TypeVar("T")

READERS = 6
"""Threads that answer questions side by side."""

GROUP = 64
"""Requests that share one transaction at most."""


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


@dataclass(slots=True, kw_only=True)
class _Request:
    """Something that waits for the writer's place; ``news`` when it may have put something into the outbox."""

    work: Callable[[Writing], Awaitable[Any]]
    done: asyncio.Future[Any]
    news: bool


class Store:
    """All that is known, on one engine.

    Questions are answered, and requests carried out, on threads of the store's own, each from its first statement to
    its last without going back to the loop. One thread writes. Requests that came while it was busy share the next
    transaction, and so the one moment at which the disk is waited for; each of them is undone alone if it fails.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now, claim: Claim | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._claim = claim
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._writer = ThreadPoolExecutor(1, "writer")
        self._waiting: list[_Request] = []
        self._writing: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, address: str, clock: Clock = utc_now, *, exclusive: bool = True) -> Store:
        """Open the database at an address, bring its tables up to date, and take the one writer's place.

        ``exclusive=False`` opens it beside a running program, to read. Raises Trouble with advice.
        """
        store = cls(open_engine(address), clock)
        try:
            await asyncio.to_thread(store._prepare, sqlite_file(address), exclusive)
            if exclusive:
                await store._write(outbox.free_leases, news=False)
        except BaseException:
            await store.close()
            raise
        return store

    def _prepare(self, file: Path | None, exclusive: bool) -> None:
        if exclusive:
            self._claim = claim(self._engine, file)
        migrate(self._engine, file, change=exclusive)

    async def close(self) -> None:
        """Finish what is under way and with the database, and give the writer's place back."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        if self._claim is not None:
            with contextlib.suppress(DBAPIError):
                self._claim.close()
            self._claim = None
        self._engine.dispose()

    def now(self) -> datetime:
        """Return the present instant by the store's clock."""
        return self._clock()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have a listener called after every commit that may have put something into the outbox."""
        self._listeners.append(listener)

    async def read(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.look, question)

    def look(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view in this thread, which must not be the loop's."""
        with self._engine.connect() as connection, connection.begin():
            return _finish(question(Reading(connection, self._clock())))

    async def settle(self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = ()) -> tuple[Outcome, ...]:
        """Record the notes, then decide every step and record what follows, all in one transaction.

        A cause that was seen before has no second effect. A rule that raises is undone on its own, kept as a dead
        letter, and the others go on. Raises the database's error, with nothing recorded, when the commit fails.
        """
        return await self._write(lambda unit: self._settle(unit, steps, notes), news=True)

    async def claim(self, *, worker: str, device: str, lease: timedelta, limit: int) -> Sequence[outbox.Claimed]:
        """Take rows of the outbox for a worker that drives this Matrix device."""
        return await self._write(
            lambda unit: outbox.claim(unit, worker=worker, device=device, lease=lease, limit=limit), news=False
        )

    async def _write(self, work: Callable[[Writing], Awaitable[T]], *, news: bool) -> T:
        """Carry a request out in the next transaction; whoever is cancelled meanwhile may find it done or not."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Request(work=work, done=done, news=news))
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return await done

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                group = [request for request in group if not request.done.cancelled()]
                try:
                    ended = await loop.run_in_executor(self._writer, self._transact, [one.work for one in group])
                except Exception as error:
                    ended = [(None, error)] * len(group)
                for request, (value, trouble) in zip(group, ended, strict=True):
                    self._end(request, value, trouble)
                if any(one.news for one, (_, trouble) in zip(group, ended, strict=True) if trouble is None):
                    for listener in self._listeners:
                        listener()
        finally:
            self._writing = None

    def _end(self, request: _Request, value: object, trouble: Exception | None) -> None:
        if request.done.done():
            return
        if trouble is None:
            request.done.set_result(value)
        else:
            request.done.set_exception(trouble)

    def _transact(self, works: Sequence[Callable[[Writing], Awaitable[Any]]]) -> list[tuple[Any, Exception | None]]:
        """Carry requests out in one transaction, each undone alone where it fails; raises when the commit does.

        Nearly always none fails, so that no savepoints are made at first; where one does, all is done again with them.
        """
        try:
            return self._transact_once(works, careful=False)
        except Undone:
            return self._transact_once(works, careful=True)

    def _transact_once(
        self, works: Sequence[Callable[[Writing], Awaitable[Any]]], *, careful: bool
    ) -> list[tuple[Any, Exception | None]]:
        with self._engine.connect() as connection:
            connection.execution_options(**WRITE)
            with connection.begin():
                unit = Writing(connection, self._clock(), careful=careful)
                return [self._carry_out(unit, work) for work in works]

    def _carry_out(self, unit: Writing, work: Callable[[Writing], Awaitable[Any]]) -> tuple[Any, Exception | None]:
        inner, savepoint = unit.part()
        try:
            value = _finish(work(inner))
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            savepoint.rollback()
            return None, error
        savepoint.commit()
        return value, None

    async def _settle(self, unit: Writing, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
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
        await unit.settled()
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
        now = step.at or unit.now
        inner, savepoint = unit.part()
        try:
            view = inner.at(now)
            answer = await step.decide(view)
            if answer is not None:
                await self._apply(view, step, answer)
            savepoint.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            savepoint.rollback()
            return await self._bury(unit, step, error)
        except Exception as error:
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


def _finish(answering: Awaitable[T]) -> T:
    """Carry a question or a request out on this thread: what it waits for is the database, which is asked at once."""
    running = cast(Coroutine[Any, Any, T], answering)
    try:
        running.send(None)
    except StopIteration as end:
        return cast(T, end.value)
    running.close()
    raise RuntimeError("whoever decides may wait for the database only")
