"""A life that is a process of its own, tells what it means and what is done, and is ended by SIGKILL."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

Told = tuple[str, str, str]

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.voting", "tests.faults.ledger_kills"])


def _hear(told: Connection, *, most: int | None = None) -> list[Told]:
    """Return what a life tells, up to so much or to its end."""
    heard: list[Told] = []
    try:
        while most is None or len(heard) < most:
            heard.append(told.recv())
        return heard
    except (EOFError, OSError):
        return heard


def live(target: Callable[..., None], *given: object, after: float | None) -> tuple[list[Told], bool]:
    """Let a life begin, end it so many seconds after it is ready, and return what it told and whether it was ended."""
    ours, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(target=target, args=(*given, theirs), daemon=True)
    process.start()
    theirs.close()
    # A life that ends at a named place may do so before it is ready.
    heard = _hear(ours, most=1)
    if after is not None:
        process.join(after)
        process.kill()
    heard += _hear(ours)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), "a life has ended by itself"
    return heard, process.exitcode != 0
