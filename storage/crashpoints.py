"""Named places between two durable steps at which a test may let the process end; otherwise nothing happens there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

ARMED = "ZHIBU_CRASHPOINT"
"""The environment variable that arms one place at the start: its name, and after a colon at which pass, by default 1.

It lets the process end as a power cut would, which whoever may set the environment can do anyway.
"""


def _armed(wanted: str) -> Callable[[str], None]:
    """Return what to do at every place: nothing, or at the wanted one end this process without a word."""
    name, _, passes = wanted.partition(":")
    left = int(passes or 1)

    def end(here: str) -> None:
        nonlocal left
        if here == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return end if name else _nothing


def _nothing(here: str) -> None:
    """Go on."""


crashpoint = _armed(os.environ.get(ARMED, ""))
"""Pass a place of this name, written out where it is passed so that a test can list them all."""
