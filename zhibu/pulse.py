"""Takes the pulse of the loop: when it last turned, and how late it was, for whoever looks from another thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PAUSE = 1.0
"""Seconds between two beats; a loop that is free beats on time."""


class Pulse:
    """The loop writes here, threads read."""

    def __init__(self, passed: Callable[[], float] = time.monotonic) -> None:
        """``passed`` gives seconds that only ever pass."""
        self._passed = passed
        self._turned = passed()
        self._latest = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(PAUSE)

    def beat(self) -> None:
        """Note that the loop turns."""
        now = self._passed()
        self._latest = max(self._latest, now - self._turned - PAUSE)
        self._turned = now

    def still(self) -> float:
        """Return for how many seconds the loop has not turned."""
        return self._passed() - self._turned

    def latest(self) -> float:
        """Return by how many seconds the loop was late at most since this was last asked."""
        found, self._latest = max(self._latest, 0.0), 0.0
        return found
