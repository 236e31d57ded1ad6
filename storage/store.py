"""The store: one door to write, ``settle``; one door to read, ``read``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog
from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from content.decision import Decision, Effect, Fact, Observed, Refusal
from content.identifiers import Cause, EventId, RoomId, UserId
from storage import audit, facts, outbox, outbox_claims
from storage.chain import Chain
from storage.claims import Claim, Place, claim
from storage.crashpoints import crashpoint
from storage.effects import enqueue
from storage.engines import WRITE, may_pass, open_working_engine, sqlite_file
from storage.erasure import forget_deleted
from storage.migrate import migrate, require_current, require_file
from storage.sealing import seal_anew, seal_everything
from storage.sync import Buried, write_buried
from storage.timings import Timings
from storage.unit import Reading, Undone, Writing, finish
from storage.vault import Vault
from storage.verification import begin

Answer = Decision | Refusal | None
Decide = Callable[[Reading], Awaitable[Answer]]
Clock = Callable[[], datetime]
T = TypeVar("T")

READERS = 4
"""How many questions of the loop are answered side by side; each costs a thread and a connection with its cache."""

GROUP = 64
"""How many requests share one transaction at most."""

PATIENCE = 0.005
"""Seconds that a request which is in no hurry waits for others with which to share a transaction."""


log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


class Step(Struct, frozen=True, kw_only=True):
    """One request: what caused it, who is behind it, and how to decide it.

    ``decide`` reads and answers; ``None`` means that this is nobody's business and leaves no trace. ``tell`` turns a
    refusal into what is said to the person. ``at`` is the instant for which to decide, now where it is left out.
    ``room`` and ``event`` are where it was said, so that it can be heard again if a rule breaks.
    """

    cause: Cause
    decide: Decide
    actor: UserId | None = None
    at: datetime | None = None
    tell: Callable[[Refusal], tuple[Effect, ...]] | None = None
    room: RoomId | None = None
    event: EventId | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a step; ``repeated`` when its cause had had its effect before, ``failed`` when a rule broke."""

    answer: Answer = None
    repeated: bool = False
    failed: bool = False

    @property
    def refusal(self) -> Refusal | None:
        """Return the refusal, if that was the answer."""
        return self.answer if isinstance(self.answer, Refusal) else None


class Worker(Protocol):
    """Who takes rows of the outbox to where they go."""

    def wish(self) -> outbox_claims.Wish | None:
        """Return what can be taken on now, ``None`` for nothing. Called by the writing thread beside the loop."""

    async def look_up(self, unit: Reading, claimed: Sequence[outbox.Claimed]) -> Any:
        """Read what is needed to deliver these rows, in the transaction that claims them."""

    def take_on(self, claimed: Sequence[outbox.Claimed], known: Any) -> None:
        """Begin to deliver rows, with what was looked up for them. Called in the loop after the commit."""


class _Request(Struct, frozen=True, kw_only=True):
    """Something that waits for the writer's place; ``news`` when it may have put something into the outbox.

    ``offers`` when the worker is to be given what is ready, news or not.
    """

    work: Callable[[Writing], Awaitable[Any]]
    done: asyncio.Future[Any]
    news: bool
    offers: bool


class _Ended(Struct, frozen=True, kw_only=True):
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

    def __init__(self, engine: Engine, clock: Clock, *, key: bytes | None = None, master: bytes | None = None) -> None:
        """``key`` is the one under which the record is sealed, ``master`` the one for what of people is."""
        self._vault = Vault(master)
        self._engine = engine
        self._clock = clock
        self._chain = Chain(key, shared=engine.dialect.name != "sqlite")
        self._claim: Claim | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="zhibu-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="zhibu-reader")
        self._waiting: list[_Request] = []
        self._writing: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._followers: list[Callable[[], None]] = []
        self._worker: Worker | None = None
        self._hurry: asyncio.TimerHandle | None = None
        self.timings = Timings()
        """How long the writing transactions of this process took, with the wait for the disk."""
        self._refused_since: float | None = None

    @classmethod
    async def open(
        cls,
        address: str,
        clock: Clock = utc_now,
        *,
        exclusive: bool = True,
        new: bool = True,
        key: bytes | None = None,
        master: bytes | None = None,
    ) -> Store:
        """Open the database at an address as the process that drives the bot, and bring its tables up to date.

        ``exclusive=False`` opens it beside a running program, to read; ``new=False`` makes no tables where there are
        none. Without the ``key`` of the record its rows are not sealed, without the ``master`` key nothing new of
        people is. Raises Trouble with advice.
        """
        return await cls._open(address, clock, Place.DRIVER if exclusive else None, key, master, new=new)

    @classmethod
    async def open_desk(
        cls, address: str, clock: Clock = utc_now, *, key: bytes | None = None, master: bytes | None = None
    ) -> Store:
        """Open the database at an address to write beside the process that drives the bot, or without one.

        Tables are never changed from here. Raises Trouble with advice, on a file also when any process has it.
        """
        return await cls._open(address, clock, Place.DESK, key, master)

    @classmethod
    async def _open(
        cls,
        address: str,
        clock: Clock,
        place: Place | None,
        key: bytes | None,
        master: bytes | None,
        *,
        new: bool = True,
    ) -> Store:
        engine, file = open_working_engine(address), sqlite_file(address)
        store = cls(engine, clock, key=key, master=master)
        try:
            if place is Place.DESK:
                require_file(file)
            if place is not None:
                store._claim = await claim(engine.url, file, place)
            await asyncio.to_thread(migrate, engine, file, change=place is Place.DRIVER, new=new)
            if place is not None and key is not None:
                await store.seal(anew=False)
            if place is not None and master is not None:
                await store._write(seal_everything, news=False)
        except BaseException:
            await store.close()
            raise
        return store

    async def seal_anew(self, master: bytes) -> int:
        """Put another master key in the place of ours; return how many seals were made anew."""
        new = Vault(master)
        number = await self._write(partial(seal_anew, new=new), news=False)
        self._vault = new
        return number

    def take_key(self, key: bytes) -> None:
        """Seal what comes under another key; only before a new chain is begun with it."""
        self._chain.key = key

    async def seal(self, *, anew: bool = True) -> None:
        """Begin to seal the record, or begin a new chain after all that stands there; otherwise see that ours fits.

        Raises Trouble where the record is sealed under another key.
        """
        await self._write(lambda unit: begin(unit, anew=anew), news=False)

    async def close(self) -> None:
        """Finish what is under way and with the database, and give the writer's place back."""
        self._begin()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        if self._claim is not None:
            with contextlib.suppress(DBAPIError):
                await self._claim.close()
            self._claim = None
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

    async def forget_deleted(self) -> bool:
        """Let the database's log forget what was deleted; tell whether it has, and nothing of it is left there."""
        crashpoint("store.before_forgetting")
        return await asyncio.to_thread(forget_deleted, self._engine.url)

    async def watch(self) -> None:
        """Keep the process's place until cancelled, and pass on what other processes have committed.

        Raises Trouble when the place was lost to another process, or the tables were changed meanwhile.
        """
        assert self._claim is not None

        same_tables = partial(asyncio.to_thread, require_current, self._engine)
        await self._claim.watch(lambda: self._tell(decided=True), same_tables)

    def _tell(self, *, decided: bool) -> None:
        for listener in (*self._listeners, *(self._followers if decided else ())):
            listener()

    async def read(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.look, question)

    def look(self, question: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer a question from one consistent view in this thread, which must not be the loop's."""
        with self._engine.connect() as connection, connection.begin():
            return finish(question(Reading(connection, self._clock(), vault=self._vault)))

    async def settle(
        self, steps: Sequence[Step] = (), *, notes: Sequence[Fact] = (), patient: bool = False
    ) -> tuple[Outcome, ...]:
        """Record the notes, then decide every step and record what follows, all in one transaction.

        A cause that was seen before has no second effect. A rule that raises is undone on its own, kept as a dead
        letter, and the others go on. Raises the database's error, with nothing recorded, when the commit fails.
        ``patient`` is for what nobody waits for: it may share the next transaction of somebody else.
        """
        return await self._write(lambda unit: self._settle(unit, steps, notes), news=True, patient=patient)

    def employ(self, worker: Worker) -> None:
        """Have a worker given rows of the outbox as they come, claimed in the transaction that made them."""
        self._worker = worker

    def dismiss(self) -> None:
        """Give the worker no more rows."""
        self._worker = None

    async def offer(self) -> None:
        """Give the worker what has become ready by time alone."""

        async def nothing(_: Writing) -> None:
            return None

        await self._write(nothing, news=False, offers=True)

    async def claim(
        self, *, worker: str, device: str, lease: timedelta, limit: int, kinds: Iterable[outbox.Kind] | None = None
    ) -> Sequence[outbox.Claimed]:
        """Take rows of the outbox, optionally of some kinds only, for a worker that drives this Matrix device."""
        wish = outbox_claims.Wish(worker=worker, device=device, lease=lease, limit=limit, kinds=kinds)
        return await self._write(lambda unit: outbox_claims.claim(unit, wish), news=False)

    async def take_up(self, worker: str) -> None:
        """Hand back the rows that an earlier process of a worker had claimed; only before it works again."""
        await self._write(lambda unit: outbox_claims.free_leases(unit, worker), news=False)

    async def _write(
        self, work: Callable[[Writing], Awaitable[T]], *, news: bool, offers: bool = False, patient: bool = False
    ) -> T:
        """Carry a request out in the next transaction; whoever is cancelled meanwhile may find it done or not."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Request(work=work, done=done, news=news, offers=news or offers))
        if not patient:
            self._begin()
        elif self._hurry is None and self._writing is None:
            self._hurry = loop.call_later(PATIENCE, self._begin)
        return await done

    def _begin(self) -> None:
        """Carry out what waits, unless that is being done."""
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
        if self._waiting and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

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
                works = [one.work for one in group]
                worker = self._worker if any(one.offers for one in group) else None
                if worker is not None:
                    works.append(partial(_give, worker=worker))
                began = time.perf_counter()
                try:
                    ended = await loop.run_in_executor(self._writer, self._transact, works)
                    self._refused_since = None
                except Exception as error:
                    ended = [_Ended(error=error)] * len(works)
                    self._refused_since = self._refused_since or began
                self.timings.add(time.perf_counter() - began)
                self._answer(group, ended[: len(group)])
                if worker is not None:
                    self._hand_over(worker, ended[-1])
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

    def _hand_over(self, worker: Worker, end: _Ended) -> None:
        """Give a worker its rows; those of one that has left meanwhile wait for its next start."""
        if end.error is not None:
            log.error("no rows were claimed", kind=type(end.error).__name__)
        elif end.value is not None and worker is self._worker:
            worker.take_on(*end.value)

    def _transact(self, works: Sequence[Callable[[Writing], Awaitable[Any]]]) -> list[_Ended]:
        """Carry requests out in one transaction, each undone alone where it fails; raises when the commit does.

        Nearly always none fails, so that no savepoints are made at first; where one does, all is done again with them.
        """
        try:
            return self._transact_once(works, careful=False)
        except Undone:
            return self._transact_once(works, careful=True)

    def _transact_once(self, works: Sequence[Callable[[Writing], Awaitable[Any]]], *, careful: bool) -> list[_Ended]:
        try:
            return self._transact_in(works, careful=careful)
        except BaseException:
            # Whether or not it was committed: the newest row of record is asked for before the next one is added.
            self._chain.head = None
            raise

    def _transact_in(self, works: Sequence[Callable[[Writing], Awaitable[Any]]], *, careful: bool) -> list[_Ended]:
        with self._engine.connect() as connection:
            connection.execution_options(**WRITE)
            with connection.begin():
                unit = Writing(connection, self._clock(), careful=careful, chain=self._chain, vault=self._vault)
                if self._claim is not None:
                    finish(self._claim.guard(unit))
                ended = [self._carry_out(unit, work) for work in works]
                self._write_gathered(unit)
                if self._claim is not None and any(end.decided for end in ended):
                    finish(self._claim.announce(unit))
                crashpoint("store.before_commit")
            crashpoint("store.after_commit")
            return ended

    def _carry_out(self, unit: Writing, work: Callable[[Writing], Awaitable[Any]]) -> _Ended:
        inner, savepoint = unit.part()
        try:
            value = finish(work(inner))
        except Exception as error:
            if _is_gone(error):
                raise
            savepoint.rollback()
            return _Ended(error=error)
        savepoint.commit()
        return _Ended(value=value, decided=_decided(value))

    def _write_gathered(self, unit: Writing) -> None:
        """Write what the requests have left for the end; with care nothing is left."""
        try:
            finish(unit.settled())
            finish(audit.seal(unit))
        except Exception as error:
            if _is_gone(error):
                raise
            raise Undone from error

    async def _settle(self, unit: Writing, steps: Sequence[Step], notes: Sequence[Fact]) -> tuple[Outcome, ...]:
        await self._note(unit, notes)
        if not steps:
            return ()
        # Others who share the transaction may have had the same causes.
        await unit.settled()
        seen = await audit.seen(unit, [step.cause for step in steps])
        outcomes = []
        for step in steps:
            if step.cause in seen:
                outcomes.append(Outcome(repeated=True))
                continue
            outcome = await self._settle_one(unit, step)
            if outcome.answer is not None:
                seen[step.cause] = audit.DONE
            outcomes.append(outcome)
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
            if _is_gone(error) or may_pass(error):
                raise
            savepoint.rollback()
            return False
        savepoint.commit()
        return True

    async def _bury_observed(self, unit: Writing, note: Observed) -> None:
        cause = f"event:{note.event_id}"[:300]
        reason = f"{type(note).__name__} cannot be kept"
        room: RoomId | None = getattr(note, "room", None)
        letter = Buried(
            cause=cause, room=room, sender=None, reason=reason, raw=None, at=unit.now, event_id=note.event_id
        )
        await write_buried(unit, letter)

    async def _settle_one(self, unit: Writing, step: Step) -> Outcome:
        inner, savepoint = unit.part()
        try:
            view = inner.at(step.at or unit.now)
            answer = finish(step.decide(view))
            if answer is not None:
                await self._apply(view, step, answer)
            savepoint.commit()
        except Exception as error:
            if _is_gone(error) or may_pass(error):
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
        await enqueue(unit, step.cause, effects)

    async def _bury(self, unit: Writing, step: Step, error: Exception) -> Outcome:
        """Keep what broke under its cause: where, and of what kind; never what was said."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
        reason = f"{type(error).__name__} in {place}"
        letter = Buried(
            cause=step.cause,
            room=step.room,
            sender=step.actor,
            reason=reason,
            raw=None,
            at=unit.now,
            event_id=step.event,
        )
        await write_buried(unit, letter)
        return Outcome(failed=True)


async def _give(unit: Writing, worker: Worker) -> tuple[Sequence[outbox.Claimed], Any] | None:
    """Claim for a worker what it can take on."""
    wish = worker.wish()
    claimed = await outbox_claims.claim(unit, wish) if wish is not None else ()
    return (claimed, await worker.look_up(unit, claimed)) if claimed else None


def _is_gone(error: Exception) -> bool:
    """Tell whether the connection is lost, so that nothing can be done in this transaction any more."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _decided(value: object) -> bool:
    """Tell whether a request yielded outcomes of which one is a decision."""
    return isinstance(value, tuple) and any(
        isinstance(one, Outcome) and isinstance(one.answer, Decision) for one in value
    )
