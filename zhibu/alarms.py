"""Watches what no member would notice, while the bot works, and has whoever operates it told in private."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from content.alarms import LASTING, PATIENCE, Alarm, Seen, alarms, cause_of, tell_operators
from content.decision import Decision, Words
from content.safe_mode import Reason
from storage import audit, heartbeats, organisations, unheard
from storage.heartbeats import TIME, backup_failed
from storage.store import Decide, Step, Store
from storage.unit import Reading
from zhibu.config import Config
from zhibu.room_left import least_room

LOOK = 60.0
"""Seconds between two looks."""

log = structlog.get_logger(__name__)


class Alarms:
    """Looks now and then; what was told already stands in the store, so that a restart tells nothing again."""

    def __init__(
        self,
        store: Store,
        config: Config,
        *,
        console: str,
        last_backup: Callable[[], datetime],
        held_up_by: Reason | None = None,
        free: Callable[[Config], int] = lambda config: least_room(config)[0],
    ) -> None:
        """``last_backup`` gives when the newest was taken, or since when one is waited for."""
        self._store = store
        self._config = config
        self._console = console
        self._last_backup = last_backup
        self._held_up_by = held_up_by
        self._free = free
        self._since: dict[Alarm, datetime] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:
                log.error("look for alarms failed", kind=type(error).__name__)
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """See what is wrong, and have it told where it lasts and was not told today."""
        now = self._store.now()
        free = await asyncio.to_thread(self._free, self._config)
        seen = await self._store.read(lambda unit: self._seen(unit, free))
        found = self._lasting(alarms(seen, console=self._console, now=now), now)
        today = now.astimezone(ZoneInfo(self._config.content.timezone)).date()
        causes = {cause_of(alarm, today): said for alarm, said in found.items()}
        told = await self._store.read(lambda unit: audit.seen(unit, causes)) if causes else frozenset()
        steps = [Step(cause=cause, decide=self._telling(said)) for cause, said in causes.items() if cause not in told]
        if steps:
            await self._store.settle(steps)
        # That has happened once; the rest is seen anew each time.
        self._held_up_by = None

    async def _seen(self, unit: Reading, free: int) -> Seen:
        signs = await heartbeats.signs(unit)
        stepped = signs.get(TIME)
        return Seen(
            last_backup=self._last_backup() if self._config.backup.daily_at else None,
            backup_failed=backup_failed(signs),
            free=free,
            gaps=tuple(
                one.given_up_at
                for stretches in (await unheard.missing(unit)).values()
                for one in stretches
                if one.given_up_at is not None
            ),
            set_at=stepped.at if stepped else None,
            set_by=timedelta(seconds=stepped.measures.get("seconds", 0)) if stepped else timedelta(),
            held_up_by=self._held_up_by,
        )

    def _lasting(self, found: dict[Alarm, Words], now: datetime) -> dict[Alarm, Words]:
        """Leave out what has not lasted yet."""
        self._since = {alarm: self._since.get(alarm, now) for alarm in found}
        return {
            alarm: said for alarm, said in found.items() if alarm not in LASTING or now - self._since[alarm] >= PATIENCE
        }

    def _telling(self, said: Words) -> Decide:
        async def decide(unit: Reading) -> Decision | None:
            return tell_operators(said, await organisations.operators(unit), console=self._console)

        return decide
