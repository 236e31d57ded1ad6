"""The limits within which uploaded sheets are read, and how a file that oversteps them is refused."""

from __future__ import annotations

from msgspec import Struct

from content.decision import Words, words

LARGEST_FILE_BYTES = 10 * 1024 * 1024
LARGEST_OLD_FILE_BYTES = 4 * 1024 * 1024
"""Of an .xls, in which two bytes may be a cell; an .xlsx of ten times the cells is judged by its own limits."""
LARGEST_UNPACKED_BYTES = 50 * 1024 * 1024
LARGEST_RATIO = 100
MOST_ENTRIES = 2_000
MOST_SHEETS = 12
"""Sheets of a file that are looked into, the first ones."""
MOST_ROWS = 20_000
MOST_COLUMNS = 256
MOST_CELLS = 1_000_000
"""Cells that the sheets of a file mention, empty ones included: each costs time to look at."""
MOST_CHARACTERS = 20_000_000
"""Text in all cells of a file: it holds a text once, and its cells may repeat it without end."""
LONGEST_CELL = 32_767
"""What a cell of an .xlsx can hold, in characters."""


class SheetProblem(Struct, frozen=True, kw_only=True):
    """Why a file was not read, in words for the person who uploaded it."""

    words: Words


class NotReadable(Exception):
    """A file or one of its sheets will not be read; ``problem`` says why."""

    def __init__(self, key: str, **parameters: str | int) -> None:
        super().__init__(key)
        self.problem = SheetProblem(words=words(key, **parameters))


class Ration:
    """What the sheets of one file may still cost together. Raises NotReadable where it is used up."""

    def __init__(self) -> None:
        self._cells = 0
        self._characters = 0

    def cells(self, number: int) -> None:
        """Take cells from the ration."""
        self._cells += number
        if self._cells > MOST_CELLS:
            raise NotReadable("sheets.too_many_cells", limit=MOST_CELLS)

    def characters(self, number: int) -> None:
        """Take characters from the ration, of one text or of many."""
        self._characters += number
        if self._characters > MOST_CHARACTERS:
            raise NotReadable("sheets.too_much_text", limit=MOST_CHARACTERS // 1_000_000)
