"""A stream is found in a compound file, and no chain of sectors is followed further than the file is long."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from console.compound_files import Damaged, find_stream

DATA = (Path(__file__).parent / "files" / "roster-97.xls").read_bytes()
WORKBOOK = {"workbook", "book"}
BEGINNING_OF_FILE = b"\x09\x08"


def at(offset: int) -> int:
    """Return a number of the header."""
    return int(struct.unpack_from("<I", DATA, offset)[0])


def sector(number: int) -> int:
    """Return where a sector begins."""
    return (number + 1) * 512


def patched(offset: int, *numbers: int, file: bytes = DATA) -> bytes:
    data = bytearray(file)
    struct.pack_into(f"<{len(numbers)}I", data, offset, *numbers)
    return bytes(data)


def entry(name: str) -> int:
    """Return where the directory speaks of a stream."""
    return DATA.rindex(name.encode("utf-16-le") + b"\0\0")


def test_a_small_stream_is_found_by_its_name() -> None:
    found = find_stream(DATA, WORKBOOK)
    assert found is not None
    assert found.startswith(BEGINNING_OF_FILE)
    assert find_stream(DATA, {"worddocument"}) is None


def test_a_large_stream_is_found_by_its_name() -> None:
    # The stream in which the small ones lie is a large one itself: let the workbook be that.
    start, size = struct.unpack_from("<II", DATA, entry("Root Entry") + 116)
    file = patched(entry("Workbook") + 116, start, size, file=patched(56, size))
    assert find_stream(file, WORKBOOK) == DATA[sector(start) : sector(start) + size]


def test_what_is_missing_at_the_very_end_of_the_file_is_no_damage() -> None:
    assert find_stream(DATA.rstrip(b"\0"), {"workbook"}) == find_stream(DATA, {"workbook"})


LOOPS: dict[str, Callable[[], bytes]] = {
    "every short sector leads to itself": lambda: patched(sector(at(60)), *range(128)),
    "every sector leads to the first": lambda: patched(sector(at(76)), *[0] * 128),
    "two sectors lead to each other": lambda: patched(sector(at(76)), *[number ^ 1 for number in range(128)]),
    "the table goes on in itself": lambda: patched(sector(0) + 508, 0, file=patched(68, 0, 1)),
    "the directory lies beyond the end": lambda: patched(48, 9_999),
    "the table lies beyond the end": lambda: patched(76, 9_999),
    "sectors of an impossible size": lambda: patched(30, 0x00060063),
    "nothing but a header": lambda: DATA[:600],
    "half a header": lambda: DATA[:40],
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_file_whose_tables_lead_nowhere_is_damaged_and_not_followed(name: str) -> None:
    with pytest.raises(Damaged):
        find_stream(LOOPS[name](), WORKBOOK)
