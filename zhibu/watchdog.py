"""Watches over the loop from a thread: names what holds it up, and ends a process that will not come back."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType

import structlog

from content.trouble import Exit
from zhibu.pulse import Pulse
from zhibu.supervisor import notify

LOOK = 1.0
"""Seconds between two looks of the thread."""

ASK = 10.0
"""Seconds between two questions to the database."""

BLOCKED = 10.0
"""After so many seconds without a turn, what holds the loop up is written down and the supervisor is fed no more."""

HUNG = 60.0
"""After so many the process ends, so that its supervisor starts another; also how long the database may take."""

DEEPEST = 40
"""Calls that are named of a loop that is held up, the innermost last."""

log = structlog.get_logger(__name__)


class Watchdog:
    """Feeds the supervisor while the loop turns and questions to the database come back.

    A question that fails has come back: who asked knows, says so and tries again by itself. One that hangs does not.
    """

    def __init__(
        self,
        pulse: Pulse,
        question: Callable[[], Awaitable[object]],
        *,
        feed: Callable[[], None] = lambda: notify("WATCHDOG=1"),
        end: Callable[[int], None] = os._exit,
        passed: Callable[[], float] = time.monotonic,
        blocked: float = BLOCKED,
        hung: float = HUNG,
    ) -> None:
        """``question`` asks the database for anything; ``end`` ends the process at once."""
        self._pulse = pulse
        self._question = question
        self._feed = feed
        self._end = end
        self._passed = passed
        self._blocked = blocked
        self._hung = hung
        self._asked: float | None = None
        self._named = False
        self._loop = threading.get_ident()
        self._stopped = threading.Event()

    async def run(self) -> None:
        """Watch until cancelled, from a thread beside the loop in which this is called."""
        self._loop = threading.get_ident()
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                await self.ask()
                await asyncio.sleep(ASK)
        finally:
            self._stopped.set()

    async def ask(self) -> None:
        """Put one question to the database; whether it is answered or fails, it has come back."""
        self._asked = self._passed()
        try:
            await self._question()
        except Exception as error:
            log.warning("database does not answer", kind=type(error).__name__)
        finally:
            self._asked = None

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK):
            self.look()

    def look(self) -> None:
        """Look once."""
        still = self._pulse.still()
        if still > self._hung:
            log.critical("loop hung", seconds=round(still), exit_code=int(Exit.HUNG))
            self._end(Exit.HUNG)
        elif still > self._blocked:
            if not self._named:
                log.error("loop blocked", seconds=round(still), calls=calls(sys._current_frames().get(self._loop)))
            self._named = True
        else:
            self._named = False
            asked = self._asked
            if asked is None or self._passed() - asked < self._hung:
                self._feed()


def calls(frame: FrameType | None) -> list[str]:
    """Name the calls that led to a place in the program, the innermost last: no line of text, no value of anything."""
    found: list[str] = []
    while frame is not None and len(found) < DEEPEST:
        code = frame.f_code
        found.append(f"{'/'.join(code.co_filename.split('/')[-2:])}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return found[::-1]
