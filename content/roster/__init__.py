"""The roster as a sheet: reads a 党员花名册 and says what importing it would change, without changing anything."""

from content.roster.cells import said
from content.roster.comparing import (
    Answer,
    Change,
    Doubt,
    FieldChange,
    KnownMember,
    Preview,
    Verdict,
    altered,
    compare,
    differences,
    enrolled,
    known,
)
from content.roster.headers import (
    COLUMNS,
    Column,
    Header,
    Question,
    find_header,
    normal_header,
    without_what_is_never_kept,
)
from content.roster.reading import CellProblem, Entry, Gravity, Reading, RosterRow, read

__all__ = [
    "COLUMNS",
    "Answer",
    "CellProblem",
    "Change",
    "Column",
    "Doubt",
    "Entry",
    "FieldChange",
    "Gravity",
    "Header",
    "KnownMember",
    "Preview",
    "Question",
    "Reading",
    "RosterRow",
    "Verdict",
    "altered",
    "compare",
    "differences",
    "enrolled",
    "find_header",
    "known",
    "normal_header",
    "read",
    "said",
    "without_what_is_never_kept",
]
