"""The tables of a file are looked at in memory, and are the same that one finds who asks the file for each."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table

from storage import fingerprints
from storage.engines import open_working_engine
from tests.storage.test_old_releases import RECORDED


def described(tables: list[Table]) -> list[object]:
    """Return everything that is copied, compared or sorted by."""
    return [
        (
            table.name,
            [(one.name, repr(one.type), one.nullable, one.primary_key) for one in table.columns],
            sorted((key.parent.name, key.target_fullname) for key in table.foreign_keys),
        )
        for table in tables
    ]


def looked_at(file: Path) -> tuple[list[object], list[object]]:
    """Return the tables of a file as we find them, and as they are found by asking it for each."""
    engine = open_working_engine(f"sqlite:///{file}")

    def both(connection: Connection) -> tuple[list[object], list[object]]:
        return described(fingerprints.tables_of(connection)), described(fingerprints._reflected(connection))

    with engine.connect() as connection:
        found = both(connection)
    engine.dispose()
    return found


def test_the_tables_of_today_and_of_the_oldest_release_are_found_as_they_are(
    sqlite_template: Path, tmp_path: Path
) -> None:
    import sqlite3

    oldest = tmp_path / "oldest.db"
    with contextlib.closing(sqlite3.connect(oldest)) as connection:
        connection.executescript(RECORDED[0].read_text(encoding="utf-8"))
    for file in (sqlite_template, oldest):
        found, asked = looked_at(file)
        assert found == asked != []


@pytest.mark.parametrize("more", ["CREATE VIRTUAL TABLE words USING fts5 (word)", "CREATE TABLE other (id INTEGER)"])
def test_a_file_with_something_else_in_it_is_found_as_it_is_too(tmp_path: Path, more: str) -> None:
    import sqlite3

    file = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(more)
        connection.execute("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    found, asked = looked_at(file)
    assert found == asked != []
