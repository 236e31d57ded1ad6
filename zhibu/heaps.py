"""Lets all threads share one heap of the C library: in one of its own, each would keep what it once needed."""

from __future__ import annotations

import ctypes

_ARENA_MAX = -8
"""The parameter's number in glibc's ``malloc.h``."""


def share_one_heap() -> None:
    """Have memory that is asked for from now on come from one heap; a C library other than glibc is left as it is.

    Our threads mostly wait for each other anyway, so they lose no time by it, and a tenth of the program's memory is
    what a dozen heaps would hold ready for nobody.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError):
        return
