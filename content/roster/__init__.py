"""The roster as a sheet: reads a 党员花名册 and says what importing it would change, without changing anything."""

from content.roster.comparing import Change, Doubt, FieldChange, KnownMember, Preview, altered, compare, enrolled, known
from content.roster.reading import (
    COLUMNS,
    CellProblem,
    Entry,
    Gravity,
    Header,
    Reading,
    RosterRow,
    find_header,
    normal_header,
    read,
)

__all__ = [
    "COLUMNS",
    "CellProblem",
    "Change",
    "Doubt",
    "Entry",
    "FieldChange",
    "Gravity",
    "Header",
    "KnownMember",
    "Preview",
    "Reading",
    "RosterRow",
    "altered",
    "compare",
    "enrolled",
    "find_header",
    "known",
    "normal_header",
    "read",
]
