"""Rows of a first roster that share a name within a branch: kept, left out or renamed, as whoever founds says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec.structs import replace

from content import roster
from content.roster import Entry, Reading, RosterRow
from content.roster.cells import LONGEST_NAME
from content.trouble import Exit, Trouble


class Doubtful(StrEnum):
    """What becomes of rows in doubt where nobody is asked about each."""

    KEEP = "keep"
    SKIP = "skip"
    STOP = "stop"


Ask = Callable[[RosterRow, Callable[[str], bool]], "str | Doubtful"]
"""Asks about one row, given what tells whether a name is free in its branch: keep, skip, or another name."""


def in_doubt(reading: Reading) -> tuple[RosterRow, ...]:
    """Return the rows that cannot be told from another person's by name, branch and account, in their order."""
    return tuple(doubt.row for doubt in roster.compare((), reading).doubts)


def entries(reading: Reading, how: Doubtful | Ask) -> tuple[Entry, ...]:
    """Return whom the roster enters, once it is said what becomes of those in doubt.

    Raises Trouble where founding is to stop because there are any.
    """
    doubtful = in_doubt(reading)
    if how is Doubtful.STOP and doubtful:
        rows = ", ".join(str(row.number) for row in doubtful)
        raise Trouble(Exit.DATA, "found.doubtful_stop", n=len(doubtful), rows=rows)
    kept = {row.number: row.entry for row in reading.rows}
    for row in doubtful:
        others = [entry for number, entry in kept.items() if number != row.number]
        said = how if isinstance(how, Doubtful) else how(row, _is_free(others, row))
        if said is Doubtful.SKIP:
            del kept[row.number]
        elif said is not Doubtful.KEEP:
            kept[row.number] = replace(row.entry, name=said)
    return tuple(kept.values())


def _is_free(taken: Sequence[Entry], row: RosterRow) -> Callable[[str], bool]:
    there = {one.name for one in taken if one.organisation == row.entry.organisation}
    return lambda name: bool(name) and len(name) <= LONGEST_NAME and name not in there
