"""What stops a command of the front door: one sentence of what, where and what to do, and an exit code."""

from __future__ import annotations

from enum import IntEnum

from content.decision import Parameter, words


class Exit(IntEnum):
    """How a command ended, for scripts; numbers as in sysexits(3)."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DATA = 65
    UNAVAILABLE = 69
    HUNG = 70
    DATABASE = 73
    NO_PERMISSION = 77
    CONFIG = 78


class Trouble(Exception):
    """Raised with the key of a sentence and what fills its gaps; it is said to the person, not logged."""

    def __init__(self, exit_code: Exit, key: str, **parameters: Parameter) -> None:
        super().__init__(key)
        self.exit_code = exit_code
        self.words = words(key, **parameters)
