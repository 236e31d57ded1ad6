"""The chat side as one thing that can be started and stopped: hearing, delivery and the clock around one store."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping

import structlog

from bot import missed
from bot.clock import Clock
from bot.commands.asking import Settings
from bot.delivery import Delivery
from bot.fresh_links import FreshLinks
from bot.hearing import Hearing
from bot.hearing_again import HearingAgain
from bot.matrix.homeserver import Homeserver
from bot.matrix.listening import Health, State, listen
from bot.polls import Counting
from bot.server_reports import ServerReports
from bot.undelivered import tell_owners
from content.identifiers import UserId
from content.speech import Speech
from storage import outbox_claims, restores, rooms, sync
from storage.media import UploadLimitSeen
from storage.store import Store

GAP_PAUSE = 60.0
"""Seconds between two tries to read back what is missing of a room's history."""
REPORTS_PAUSE = 60.0
"""Seconds between two looks at what was reported to the homeserver."""
NO_REPORTS_PAUSE = 3600.0
"""Seconds until it is tried again where the login may not read that."""
REPLAY_PAUSE = 1.0
"""Seconds between two looks for what somebody wants heard again, however much is decided meanwhile."""
COUNT_PAUSE = 10.0
"""Seconds until the homeserver is asked again for what refers to a poll that has ended."""
LIMIT_PAUSE = 3600.0
"""Seconds between two questions for the homeserver's upload limit."""

ANSWERING = 1.0
"""Seconds for which the next batch waits for what is being sent, at most."""

LOOK_TRIES = 5
"""How often a card is looked for after a restore before what was said since is heard without it."""

log = structlog.get_logger(__name__)


async def learn_limit(store: Store, homeserver: Homeserver) -> None:
    """Ask the homeserver how many bytes it takes in one upload, and keep its answer."""
    limit = await homeserver.upload_limit(anew=True)
    await store.settle(notes=[UploadLimitSeen(user=homeserver.user_id, bytes=limit, at=store.now())])


def jitter(wait: float) -> float:
    """Return a wait somewhere between its half and itself, so that many bots do not knock at once."""
    return wait * (0.5 + secrets.randbelow(1000) / 2000)


class Bot:
    """One Matrix account at work."""

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        speech: Speech,
        *,
        console: str,
        encrypted: bool = True,
        measured: Callable[[], Mapping[str, float]] = dict,
        version: str = "",
    ) -> None:
        """``measured`` gives what the process knows of itself; signs of life carry it, with the version."""
        self.store = store
        self.homeserver = homeserver
        self.state = State(health=Health.WAITING)
        self._console = console
        self.listening = asyncio.Event()
        """Set once the first batch has been heard and stored."""
        fresh = FreshLinks()
        settings = Settings(
            console=console,
            secret=lambda: secrets.token_urlsafe(32),
            me=UserId(homeserver.user_id),
            encrypted=encrypted,
            fresh=fresh,
        )
        self._hearing = Hearing(store, homeserver, settings)
        self._again = HearingAgain(store, homeserver, self._hearing)
        self._counting = Counting(store, homeserver, self._hearing)
        self._decided, self._ended = asyncio.Event(), asyncio.Event()
        self._delivery = Delivery(store, homeserver, speech, encrypted=encrypted, console=console, jitter=jitter)
        self._reports = ServerReports(store, homeserver, console=console)
        self._clock = Clock(
            store,
            caught_up=lambda: self._hearing.caught_up and self.state.health is Health.LISTENING,
            hearing_state=lambda: self.state.health.value,
            set_back=self._delivery.clock_set_back,
            measured=lambda: {**measured(), **self._delivery.tally.measures(), **self._may_read()},
            version=version,
            console=console,
            fresh=fresh,
        )
        store.on_change(self._delivery.wake)
        store.on_decision(self._clock.look_soon)
        store.on_decision(self._decided.set)
        store.on_decision(self._ended.set)

    async def run(self) -> None:
        """Work until cancelled. A homeserver that is away is waited for; a revoked login leaves the clock running."""
        self.homeserver.seed(await self.store.read(rooms.known))
        position = await self.store.read(lambda unit: sync.checkpoint(unit, UserId(self.homeserver.user_id)))
        restored = await self.store.read(restores.restored_at)
        behind = restored is not None and (position is None or position[1] <= restored)
        await self.store.take_up(self.homeserver.device_id)
        await self._clock.start()
        tasks = [
            asyncio.create_task(self._delivery.run(), name="delivery"),
            asyncio.create_task(self._listen(position[0] if position else None, behind=behind), name="listening"),
            asyncio.create_task(self._fill_gaps(), name="gaps"),
            asyncio.create_task(self._replay(), name="replay"),
            asyncio.create_task(self._count_polls(), name="polls"),
            asyncio.create_task(self._ask_limit(), name="limit"),
            asyncio.create_task(self._read_reports(), name="reports"),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._clock.stop()
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _fill_gaps(self) -> None:
        """Try again, now and then, what a batch could not bring whole."""
        while True:
            await asyncio.sleep(jitter(GAP_PAUSE))
            try:
                await tell_owners(self.store, self._console)
                await missed.tell_owners(self.store, self._console)
                await self._again.tell_senders()
                await self._again.fill_gaps()
            except Exception as error:
                log.warning("a gap stays open", kind=type(error).__name__)

    async def _replay(self) -> None:
        """Hear again what somebody at the desk asks for, soon after they did, and what was asked before a start."""
        while True:
            self._decided.clear()
            try:
                await self._again.replay()
            except Exception as error:
                log.warning("a letter stays asked for", kind=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._decided.wait(), jitter(GAP_PAUSE))
            await asyncio.sleep(REPLAY_PAUSE)

    async def _count_polls(self) -> None:
        """Count polls soon after they have ended, and what had ended before a start."""
        while True:
            self._ended.clear()
            waits = True
            try:
                waits = await self._counting.count()
            except Exception as error:
                log.warning("a poll stays uncounted", kind=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), COUNT_PAUSE if waits else jitter(GAP_PAUSE))
            await asyncio.sleep(COUNT_PAUSE if waits else REPLAY_PAUSE)

    async def _ask_limit(self) -> None:
        """Learn now and every hour how much the homeserver takes in one upload, so that the desk can say so first."""
        while True:
            try:
                await learn_limit(self.store, self.homeserver)
                pause = LIMIT_PAUSE
            except Exception as error:
                log.warning("the upload limit is not known", kind=type(error).__name__)
                pause = GAP_PAUSE
            await asyncio.sleep(jitter(pause))

    def _may_read(self) -> dict[str, float]:
        """Say in the signs of life whether reports to the homeserver can be read, once that is known."""
        may = self._reports.may_read
        return {} if may is None else {"reports": float(may)}

    async def _read_reports(self) -> None:
        """Take up, every minute, what members report by their clients; seldom tried where that is closed."""
        while True:
            try:
                await self._reports.read()
            except Exception as error:
                log.warning("reports to the homeserver are not read", kind=type(error).__name__)
            await asyncio.sleep(jitter(NO_REPORTS_PAUSE if self._reports.may_read is False else REPORTS_PAUSE))

    async def _listen(self, since: str | None, *, behind: bool) -> None:
        if behind:
            await self._find_again()
        await listen(
            self.homeserver,
            since,
            self._hearing.commit,
            self._report,
            jitter=jitter,
            answered=lambda: self._delivery.idle(ANSWERING),
        )

    async def _find_again(self) -> None:
        """After a restore, know the cards that stand in their rooms by now before answers to them are heard."""
        changed = asyncio.Event()
        self.store.on_change(changed.set)
        await self._clock.tick()
        while await self.store.read(lambda unit: outbox_claims.in_doubt(unit, LOOK_TRIES)):
            await changed.wait()
            changed.clear()

    def _report(self, state: State) -> None:
        changed = state.health is not self.state.health
        self.state = state
        if state.health is Health.LISTENING:
            self.listening.set()
        if changed:
            log.info("listening", state=state.health.value, kind=type(state.error).__name__ if state.error else None)
            self._clock.beat_soon()
