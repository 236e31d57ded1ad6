"""The one way out: takes rows of the outbox to the homeserver, in order within a room, side by side across rooms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from bot.matrix.faults import Fault, Kind, TokenRevoked
from bot.matrix.homeserver import Homeserver
from bot.sending import Listener, RoomRefused, Sender, TooLate
from bot.tally import Tally
from content.decision import Fact
from content.identifiers import UserId
from content.speech import Speech
from storage import outbox, outbox_claims, outbox_queries, pace
from storage.crashpoints import crashpoint
from storage.outbox import Claimed, GivenUp, Postponed
from storage.store import Store
from storage.unit import Reading

LEASE = timedelta(seconds=120)

MOST_FAILURES = 30
MOST_BREAKS = 4
"""How often a row may break the sender itself before it is given up."""

UPKEEP = frozenset({outbox.Kind.MAKE, outbox.Kind.MEND, outbox.Kind.INVITE, outbox.Kind.REMOVE, outbox.Kind.SUCCEED})
"""Kinds by which rooms are kept in order."""

MODERATION = frozenset(
    {
        *(outbox.Kind.IMPOSE, outbox.Kind.LIFT, outbox.Kind.EVIDENCE, outbox.Kind.LOCK, outbox.Kind.UNLOCK),
        *(outbox.Kind.TRACE, outbox.Kind.COMPLAINT, outbox.Kind.CONTEXT, outbox.Kind.HIDE, outbox.Kind.REHEARSAL),
        *(outbox.Kind.ENTER, outbox.Kind.KEEP_OUT, outbox.Kind.LET_IN),
    }
)
"""Kinds by which measures are carried out and undone in rooms, and by which is looked into them."""

PATIENT = frozenset(
    {
        *(outbox.Kind.UNLOCK, outbox.Kind.LIFT, outbox.Kind.LET_IN),
        *(outbox.Kind.LOCK, outbox.Kind.IMPOSE, outbox.Kind.KEEP_OUT),
        *(outbox.Kind.COUNT, outbox.Kind.CLEAN),
    }
)
"""Kinds that look, just before, whether they are still meant; so they wait for a homeserver however long it is away.

What is to be undone would else stay for good, and what was decided would be carried out never.
"""

CLEANING = frozenset({outbox.Kind.COUNT, outbox.Kind.CLEAN})
"""Kinds by which what a person wrote is counted and taken back."""

COMING_AND_GOING = frozenset({outbox.Kind.JOIN, outbox.Kind.DECLINE}) | UPKEEP | MODERATION | CLEANING
"""Kinds that send no message; that they are limited is nobody else's limit."""

LONGEST_PAUSE = 300.0
SHORTEST_SLEEP, LONGEST_SLEEP = 0.2, 5.0
"""Seconds between two looks at what the outbox holds for later."""

log = structlog.get_logger(__name__)


class Delivery:
    """A worker that drives one Matrix device."""

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        speech: Speech,
        *,
        encrypted: bool = True,
        console: str = "",
        width: int = 32,
        jitter: Callable[[float], float] = lambda wait: wait,
    ) -> None:
        self._store = store
        self._homeserver = homeserver
        self._width = width
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._closed_until: datetime | None = None
        self._upkeep_closed_until: datetime | None = None
        self._sender = Sender(store, homeserver, speech, encrypted=encrypted, console=console)
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.tally = Tally()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def idle(self, longest: float) -> None:
        """Wait until nothing is being sent, for some seconds at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), longest)

    def clock_set_back(self, by: timedelta) -> None:
        """Let a limit of the homeserver last as long as it was meant to, whatever the wall clock says by now."""
        if self._closed_until is not None:
            self._closed_until -= by
        if self._upkeep_closed_until is not None:
            self._upkeep_closed_until -= by
        self.wake()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then finished first."""
        # A limit that was named to an earlier process holds for this one too.
        self._closed_until = await self._store.read(pace.closed_until)
        self._store.employ(self)
        try:
            while True:
                self._wake.clear()
                try:
                    await self._store.offer()
                    await self._sleep()
                except Exception as error:
                    # The database may be busy or full; rows stay where they are and are looked at again.
                    log.error("delivery round failed", kind=type(error).__name__)
                    await asyncio.sleep(1)
        finally:
            self._store.dismiss()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=8)

    def wish(self) -> outbox_claims.Wish | None:
        """Return what can be taken on now: one row for each free place, while the homeserver lets us."""
        return self._wish(self._width - self._sending, None)

    async def look_up(self, unit: Reading, claimed: Sequence[Claimed]) -> dict[UserId, Listener]:
        """Look up whom rows speak to."""
        users = {row.user for row in claimed if row.kind is outbox.Kind.TELL and row.user is not None}
        return await self._sender.listeners(unit, users)

    def take_on(self, claimed: Sequence[Claimed], known: Mapping[UserId, Listener]) -> None:
        """Begin to deliver rows."""
        self._sending += len(claimed)
        self._idle.clear()
        for row in claimed:
            task = asyncio.create_task(self._carry(row, known.get(row.user) if row.user else None))
            self._under_way.add(task)
            task.add_done_callback(self._finished)

    async def work_off(self, kinds: Collection[outbox.Kind], *, patience: int) -> str | None:
        """Deliver rows of some kinds until none is left that waits; everything else stays where it is.

        Returns the reason when a row is given up, or has failed ``patience`` times; it goes on waiting then.
        """
        began = self._store.now()
        while (ready := await self._store.read(lambda unit: outbox_claims.next_ready(unit, kinds))) is not None:
            rows = await self._take(self._width, kinds)
            await asyncio.gather(*(self.deliver(row) for row in rows))
            why = await self._store.read(lambda unit: outbox_queries.stuck(unit, kinds, since=began, failures=patience))
            if why is not None:
                return why
            if not rows:
                ready = max(ready, self._upkeep_closed_until or ready)
                await asyncio.sleep(min(5.0, max(0.05, (ready - self._store.now()).total_seconds())))
        return None

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery failed", kind=type(task.exception()).__name__)

    async def _take(self, free: int, kinds: Collection[outbox.Kind] | None = None) -> list[Claimed]:
        wish = self._wish(free, kinds)
        if wish is None:
            return []
        device, lease = wish.device, wish.lease
        claimed = await self._store.claim(worker=device, device=device, lease=lease, limit=free, kinds=wish.kinds)
        return list(claimed)

    def _wish(self, free: int, kinds: Collection[outbox.Kind] | None) -> outbox_claims.Wish | None:
        now = self._store.now()
        if free <= 0 or (self._closed_until is not None and now < self._closed_until):
            return None
        device = self._homeserver.device_id
        return outbox_claims.Wish(worker=device, device=device, lease=LEASE, limit=free, kinds=self._open_kinds(kinds))

    def _open_kinds(self, kinds: Collection[outbox.Kind] | None) -> Collection[outbox.Kind] | None:
        """Leave rooms alone for as long as the homeserver asks for: knocking with the next invitation is no help."""
        until = self._upkeep_closed_until
        if until is None or self._store.now() >= until:
            return kinds
        return frozenset(kinds or outbox.Kind) - UPKEEP

    async def _sleep(self) -> None:
        """Wait until the time of the next row comes, or there is news that may change when that is.

        What can go at once is given to us in the transaction that brings it, or that ends what it waits for.
        """
        now = self._store.now()
        open_kinds = self._open_kinds(None)
        next_ready = await self._store.read(lambda unit: outbox_claims.next_ready(unit, open_kinds))
        if open_kinds is not None and self._upkeep_closed_until is not None:
            next_ready = min(next_ready or self._upkeep_closed_until, self._upkeep_closed_until)
        waits = [LONGEST_SLEEP]
        if next_ready is not None:
            waits.append(max((next_ready - now).total_seconds(), SHORTEST_SLEEP))
        if self._closed_until is not None and now < self._closed_until:
            waits = [LONGEST_SLEEP, (self._closed_until - now).total_seconds()]
        try:
            await asyncio.wait_for(self._wake.wait(), min(waits))
        except TimeoutError:
            return
        await asyncio.sleep(SHORTEST_SLEEP)

    async def deliver(self, row: Claimed) -> None:
        """Send one row and record how that went."""
        facts = await self._try(row)
        await self._store.settle(notes=facts)
        self.tally.note(facts)

    async def _carry(self, row: Claimed, listener: Listener | None) -> None:
        """Send one row that was taken on; its place is free for another one before it is marked."""
        crashpoint("outbox.claimed_before_send")
        try:
            facts = await self._try(row, listener)
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()
        crashpoint("outbox.sent_before_mark")
        await self._store.settle(notes=facts, patient=True)
        crashpoint("outbox.marked")
        self.tally.note(facts)

    async def _try(self, row: Claimed, listener: Listener | None = None) -> list[Fact]:
        """Send one row and return what is to be recorded; ``listener`` is whom it speaks to, if that is known."""
        try:
            return await self._sender.send(row, listener)
        except Fault as fault:
            return [self._failed(row, fault)]
        except TooLate:
            return [GivenUp(claimed=row, error="too_late", at=self._store.now())]
        except Exception as error:
            # A row that breaks the sender must not hold up its room for ever.
            log.error("row failed", kind=type(error).__name__)
            return [self._broken(row, type(error).__name__)]

    def _broken(self, row: Claimed, error: str) -> Fact:
        now = self._store.now()
        if row.failures >= MOST_BREAKS:
            return GivenUp(claimed=row, error=error, at=now)
        return Postponed(claimed=row, not_before=now + timedelta(seconds=30), error=error, counts=True)

    def _failed(self, row: Claimed, fault: Fault) -> Fact:
        now = self._store.now()
        error = f"{fault.kind}{f' {fault.errcode}' if fault.errcode else ''}"
        if fault.kind is Kind.LIMITED:
            until = now + timedelta(seconds=max(fault.retry_after or 1.0, 0.5) + self._jitter(1.0))
            if row.kind in UPKEEP:
                self._upkeep_closed_until = max(until, self._upkeep_closed_until or until)
            if row.kind not in COMING_AND_GOING and not isinstance(fault, RoomRefused):
                self._closed_until = max(until, self._closed_until or until)
            return Postponed(claimed=row, not_before=until, error=error, counts=False)
        if isinstance(fault, TokenRevoked):
            return Postponed(claimed=row, not_before=now + timedelta(seconds=60), error=error, counts=False)
        worn = row.failures >= MOST_FAILURES
        if (fault.permanent and not fault.doubtful) or (worn and row.kind not in PATIENT):
            return GivenUp(claimed=row, error=error, at=now)
        pause = self._jitter(min(2.0 ** min(row.failures, 10), LONGEST_PAUSE))
        return Postponed(claimed=row, not_before=now + timedelta(seconds=pause), error=error, counts=not worn)
