"""Keeps a library from loading others only because they happen to be installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let imports within find none of these libraries; those that are loaded already stay, and later ones find them.

    Some libraries load at once whatever they could be used together with, and hold it for as long as the program runs.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is Python's mark of what is not to be had
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
