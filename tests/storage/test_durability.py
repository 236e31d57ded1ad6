"""What is said of durability is what a connection of ours works under, measured on the disk that holds the database."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.durability import checkpoint, commit_speed, in_force, is_sound, journal_bytes
from storage.engines import sqlite_file


def test_the_settings_in_force_are_those_of_a_connection_that_writes(address: str) -> None:
    """R7: a file survives a power cut; the tests' own server is told not to, and that is seen."""
    found = in_force(address)
    if sqlite_file(address) is not None:
        assert found.durable
        assert str(found) in ("journal_mode=wal, synchronous=2", "journal_mode=delete, synchronous=3")
        assert found.checksums is None
    else:
        assert not found.durable
        assert str(found) == "fsync=off, synchronous_commit=on, full_page_writes=off"
        assert found.checksums is False


def test_commits_are_counted_by_the_clock_and_leave_nothing_behind(address: str) -> None:
    file = sqlite_file(address)
    before = sorted(file.parent.iterdir()) if file else []
    seconds = itertools.count(0, 1)
    # One look at the clock begins, and each commit takes one more, the second of which is too late.
    assert commit_speed(address, lambda: next(seconds) / 10) == 9 / 1.1
    assert (sorted(file.parent.iterdir()) if file else []) == before


def test_a_file_with_a_broken_page_is_not_sound_and_one_that_is_no_database_neither(sqlite_address: str) -> None:
    """F31, F30: bytes that a disk has changed are found by reading the file through."""
    file = sqlite_file(sqlite_address)
    assert file is not None
    assert is_sound(file)
    pages = bytearray(file.read_bytes())
    # The count of free pages in the header: everything can be read, and yet it does not hang together.
    file.write_bytes(bytes(pages[:36]) + b"\x00\x00\x00\x05" + bytes(pages[40:]))
    assert not is_sound(file)
    for place in range(4096, len(pages), 4096):
        pages[place : place + 64] = b"\xff" * 64
    file.write_bytes(pages)
    assert not is_sound(file)
    file.write_bytes(b"just words " * 500)
    assert not is_sound(file)


def test_the_log_is_folded_in_and_doing_it_again_changes_nothing(sqlite_address: str, tmp_path: Path) -> None:
    file = sqlite_file(sqlite_address)
    assert file is not None
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE more (n INTEGER)")
        other.commit()
        assert journal_bytes(file) > 0
        assert checkpoint(sqlite_address)
        assert checkpoint(sqlite_address)
        assert journal_bytes(file) == 0
        other.execute("INSERT INTO more VALUES (1)")
        other.commit()
        assert [row[0] for row in other.execute("SELECT n FROM more")] == [1]
