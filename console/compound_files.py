"""Takes one stream out of an OLE compound file, in as many steps as the file has sectors and no more.

The layout is that of [MS-CFB]: a header of 512 bytes, sectors chained by an allocation table (FAT), and small streams
in short sectors of one common stream, chained by a table of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

_LAST_SECTOR_NUMBER = 0xFFFFFFFA
_STREAM, _ROOT = 2, 5
_ENTRY_BYTES = 128


class Damaged(Exception):
    """The file does not hold what its own tables say."""


def find_stream(data: bytes, names: Collection[str]) -> bytes | None:
    """Return the first stream of one of these names (in small letters), None where there is none. Raises Damaged."""
    try:
        return _Compound(data).find(names)
    except (struct.error, IndexError) as error:
        raise Damaged from error


class _Compound:
    def __init__(self, data: bytes) -> None:
        self._data = data
        shift, short_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or short_shift != 6:
            raise Damaged
        self._sector, self._short_sector = 1 << shift, 1 << short_shift
        self._table = self._numbers(self._sectors_of_the_table())
        directory = self._joined(struct.unpack_from("<I", data, 48)[0])
        self._entries = [directory[at : at + _ENTRY_BYTES] for at in range(0, len(directory), _ENTRY_BYTES)]

    def find(self, names: Collection[str]) -> bytes | None:
        for entry in self._entries:
            length, kind = struct.unpack_from("<HB", entry, 64)
            if kind == _STREAM and entry[: max(0, length - 2)].decode("utf-16-le", "replace").lower() in names:
                start, size = struct.unpack_from("<II", entry, 116)
                return self._stream(start, size)
        return None

    def _stream(self, start: int, size: int) -> bytes:
        (smallest,) = struct.unpack_from("<I", self._data, 56)
        found = self._joined(start) if size >= smallest else self._short(start)
        if len(found) < size:
            raise Damaged
        return found[:size]

    def _short(self, start: int) -> bytes:
        (first,) = struct.unpack_from("<I", self._data, 60)
        root = next((entry for entry in self._entries if entry[66:67] == bytes([_ROOT])), None)
        if root is None:
            raise Damaged
        table = self._numbers(_chain(self._table, first))
        common = self._joined(struct.unpack_from("<I", root, 116)[0])
        size = self._short_sector
        return b"".join(common[at * size : (at + 1) * size] for at in _chain(table, start))

    def _sectors_of_the_table(self) -> list[int]:
        """Return the sectors that hold the table: 109 are named in the header, more in a chain of their own."""
        found = list(struct.unpack_from("<109I", self._data, 76))
        (following,) = struct.unpack_from("<I", self._data, 68)
        left = len(self._data) // self._sector
        while following < _LAST_SECTOR_NUMBER:
            left -= 1
            if left < 0:
                raise Damaged
            *more, following = self._numbers([following])
            found += more
        return [sector for sector in found if sector < _LAST_SECTOR_NUMBER]

    def _numbers(self, sectors: list[int]) -> list[int]:
        packed = b"".join(self._at(sector) for sector in sectors)
        return list(struct.unpack(f"<{len(packed) // 4}I", packed))

    def _joined(self, start: int) -> bytes:
        return b"".join(self._at(sector) for sector in _chain(self._table, start))

    def _at(self, sector: int) -> bytes:
        start = (sector + 1) * self._sector
        found = self._data[start : start + self._sector]
        if not found:
            raise Damaged
        # Writers leave the end of the last sector away.
        return found.ljust(self._sector, b"\0")


def _chain(table: list[int], start: int) -> list[int]:
    found: list[int] = []
    while start < _LAST_SECTOR_NUMBER:
        if len(found) >= len(table):
            raise Damaged
        found.append(start)
        start = table[start]
    return found
