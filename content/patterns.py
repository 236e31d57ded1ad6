"""Patterns that people write, in the language of RE2: its time grows with the text and with nothing else.

It has neither back-references nor looks around, so that no pattern can keep the bot busy; a limit of time, which comes
to another answer on a slow day, is not needed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from content.decision import Refusal, refused
from content.traditional import SIMPLIFIED

LONGEST = 200
MEMORY = 1 << 20
"""Bytes that one pattern may take; one that would take more is refused."""


def refusal(pattern: str) -> Refusal | None:
    """Say what is wrong with a pattern."""
    if len(pattern) > LONGEST:
        return refused("guards.pattern_too_long", field="entries", most=LONGEST)
    found = _compiled(pattern)
    if found is None:
        return refused("guards.pattern_bad", field="entries", pattern=pattern)
    if found.search("") is not None:
        return refused("guards.pattern_finds_all", field="entries", pattern=pattern)
    return None


def finds(pattern: str, plain: str) -> bool:
    """Tell whether a pattern is found in a text, whatever the case of its letters; one that is wrong finds nothing."""
    found = _compiled(pattern)
    return found is not None and found.search(plain) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    # Most branches have no patterns, and start without the library.
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MEMORY
    try:
        return re2.compile(pattern.translate(SIMPLIFIED), options)
    except re2.error:
        return None
