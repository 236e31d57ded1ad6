"""What a life from the nursery is spared has the same end: its new file has the tables that the migrations make."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from storage.engines import open_working_engine
from storage.migrate import migrate
from tests.nursery import make_new_files_at_one_stroke, make_tables


def all_of(address: str) -> list[tuple[object, ...]]:
    """Return everything that a file is made of, the rows of every table too."""
    engine = open_working_engine(address)
    with engine.connect() as connection:
        made = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all()
        rows = [
            (one.name, *row)
            for one in made
            if one.type == "table"
            for row in connection.execute(text(f'SELECT * FROM "{one.name}"'))
        ]
    engine.dispose()
    return sorted([(one.type, one.name, one.tbl_name, *lines_of(one.sql)) for one in made] + rows, key=repr)


def lines_of(statement: str | None) -> list[str]:
    """Return what a statement says, in whatever order: that of a table's constraints is left to chance."""
    return sorted(line.strip(" \t,") for line in (statement or "").splitlines())


def test_tables_made_at_one_stroke_are_those_that_all_migrations_make(
    sqlite_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"sqlite:///{tmp_path / 'new.db'}"
    engine = open_working_engine(address)
    monkeypatch.setattr(command, "upgrade", command.upgrade)
    make_new_files_at_one_stroke(make_tables(str(tmp_path)))
    migrate(engine)
    engine.dispose()
    assert all_of(address) == all_of(sqlite_address)
    assert len(all_of(address)) > 100
