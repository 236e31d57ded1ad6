"""Waits for a thing, not for a time: asks again until it is so, or the deadline says that it never will be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_pulse = threading.Event()


def until(found: Callable[[], T | None], what: str, deadline: float = 60) -> T:
    """Return what ``found`` returns once that is true; fail after ``deadline`` seconds, naming what was awaited."""
    end = time.monotonic() + deadline
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline:.0f} s in vain for {what}")
        _pulse.wait(0.1)
