"""Where the bot has worked before, a database without tables is not filled as if it were a new branch."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from content.trouble import Exit, Trouble
from tests.databases import Postgres
from tests.faults.oracle import Tables
from zhibu.branch import Branch
from zhibu.catalogue import load_speech
from zhibu.config import Config, load_config
from zhibu.doctor.database import look_at_database
from zhibu.doctor.findings import Form, Known

TABLES = {
    "sqlite": "SELECT count(*) FROM sqlite_master",
    "postgresql": "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'",
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def emptied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Config, str]]:
    """Give an installation whose bot has signed in, on a database that is there and has no tables; and its engine."""
    address = f"sqlite:///{tmp_path / 'zhibu.db'}"
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            with contextlib.closing(sqlite3.connect(tmp_path / "zhibu.db")) as file:
                file.execute("PRAGMA user_version = 1")
            assert (tmp_path / "zhibu.db").stat().st_size > 0
        else:
            postgres: Postgres = request.getfixturevalue("postgres")
            name = postgres.empty()
            stack.callback(postgres.drop, name)
            address = postgres.address(name)
        (tmp_path / "config.toml").write_text(
            f'[storage]\ndatabase = "{address}"\n[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:test"\n'
        )
        (tmp_path / "keys" / "device").mkdir(parents=True, mode=0o700)
        (tmp_path / "keys" / "device" / "session.json").touch(0o600)
        yield load_config(tmp_path / "config.toml"), str(request.param)


async def test_a_database_that_was_emptied_is_not_taken_for_a_new_branch(emptied: tuple[Config, str]) -> None:
    """F34: the start ends with a sentence and code 78, and makes nothing."""
    config, engine = emptied
    with pytest.raises(Trouble) as caught:
        await Branch.open(config, load_speech(), console=False)
    assert (caught.value.words.key, caught.value.exit_code) == ("database.emptied", Exit.CONFIG)
    assert Tables(config.database).ask(TABLES[engine]) == [(0,)]


async def test_the_doctor_finds_that_a_database_was_emptied(emptied: tuple[Config, str]) -> None:
    """F34."""
    config, _ = emptied
    with pytest.raises(Trouble) as caught:
        await look_at_database(Known(config=config, form=Form.RUN))
    assert caught.value.words.key == "database.emptied"


async def test_a_bot_that_never_signed_in_makes_its_tables(emptied: tuple[Config, str]) -> None:
    """Control: what is refused above is a first start where the login is missing."""
    config, engine = emptied
    (config.path(config.bot.keys) / "device" / "session.json").unlink()
    branch = await Branch.open(config, load_speech(), console=False)
    await branch.close()
    assert Tables(config.database).ask(TABLES[engine])[0][0] > 10
