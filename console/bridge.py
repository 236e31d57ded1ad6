"""Leads from the console's threads to the one event loop in which the store lives."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from storage.crashpoints import crashpoint

T = TypeVar("T")

LONGEST_SECONDS = 30.0


class Busy(Exception):
    """The loop did not answer in time."""


class Bridge:
    """Calls into one loop from any other thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._loop = loop
        self._longest = longest_seconds

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and return its result; raises Busy when that takes too long."""
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise Busy from None
        try:
            result = future.result(self._longest)
        except TimeoutError:
            future.cancel()
            raise Busy from None
        crashpoint("form.settled_before_page")
        return result
