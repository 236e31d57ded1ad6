"""How the program keeps its memory: one heap for all threads, and a collector that does not walk it all the time."""

from __future__ import annotations

import ctypes
import gc

_ARENA_MAX = -8
"""The parameter's number in glibc's ``malloc.h``."""

_YOUNG = 50_000
"""So many new objects are looked through for cycles at once; Python's own 700 cost a tenth of the start."""


def collect_seldom() -> None:
    """Look for cycles of objects less often: hardly any are made here, and most of what is loaded stays."""
    gc.set_threshold(_YOUNG, 10, 10)


def share_one_heap() -> None:
    """Have memory that is asked for from now on come from one heap; a C library other than glibc is left as it is.

    Our threads mostly wait for each other anyway, so they lose no time by it, and a tenth of the program's memory is
    what a dozen heaps would hold ready for nobody.
    """
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError):
        return


def leave_no_image() -> None:
    """Have no image of the memory written to disk where the program breaks: a key of a ballot may be in it."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
