"""Migrating equals creating, and a database that is not ours, newer, or in use is left alone with a sentence."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from content.trouble import Exit, Trouble
from storage.engines import WRITE, open_engine, open_working_engine
from storage.migrate import alembic_config, migrate
from storage.migrate import revisions as by_name
from storage.sqlite_library import may_use_wal
from storage.store import Store
from storage.tables import metadata
from tests.small_branch import EAST, HandClock, SmallBranch

OPENING = """
import asyncio, sys
from storage.store import Store
from content.trouble import Trouble

async def main():
    try:
        store = await Store.open(sys.argv[1])
    except Trouble as trouble:
        print(trouble.words.key, trouble.words.parameters.get("holder"))
        return
    print("opened")
    await store.close()

asyncio.run(main())
"""


TAKEN = ("database.in_use", "database.bot_at_work")


async def execute(address: str, *statements: str) -> None:
    """Run statements behind the program's back."""
    engine = open_engine(address)
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITE)
        async with connection.begin():
            for statement in statements:
                await connection.execute(text(statement))
    await engine.dispose()


async def tables(address: str) -> set[str]:
    """Return what tables there are."""
    engine = open_engine(address)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    await engine.dispose()
    return found


async def refusal(address: str, *, exclusive: bool = True) -> Trouble:
    """Return the trouble that opening makes."""
    with pytest.raises(Trouble) as caught:
        await Store.open(address, exclusive=exclusive)
    assert caught.value.exit_code is Exit.DATABASE
    return caught.value


def test_migrating_equals_what_the_tables_say(empty_address: str) -> None:
    engine = open_working_engine(empty_address)
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert list(compare_metadata(context, metadata)) == []
    engine.dispose()


async def test_a_missing_column_would_be_found(address: str) -> None:
    await execute(address, "ALTER TABLE heartbeats DROP COLUMN state")
    engine = open_engine(address)

    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as connection:
        assert len(await connection.run_sync(compare)) == 1
    await engine.dispose()


def test_migrations_are_one_line_numbered_and_captioned() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    revisions = list(script.walk_revisions())[::-1]
    numbers = [f"{number:04}" for number in range(1, len(revisions) + 1)]
    assert [revision.revision for revision in revisions] == numbers == by_name()
    assert len(script.get_heads()) == 1
    for revision in revisions:
        assert revision.doc
        assert revision.doc.endswith(".")


async def test_a_database_that_is_up_to_date_is_opened_as_it_is(address: str) -> None:
    before = await tables(address)
    for _ in range(2):
        await (await Store.open(address)).close()
    assert await tables(address) == before


async def test_a_database_of_somebody_else_is_refused_and_left_as_it_is(empty_address: str) -> None:
    await execute(empty_address, "CREATE TABLE songs (title TEXT)")
    assert (await refusal(empty_address)).words.key == "database.foreign"
    assert await tables(empty_address) == {"songs"}


async def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(address: str) -> None:
    await execute(address, "UPDATE alembic_version SET version_num = '9999'")
    assert (await refusal(address)).words.key == "database.newer"


async def test_reading_beside_a_running_program_changes_nothing(empty_address: str) -> None:
    await execute(empty_address)
    assert (await refusal(empty_address, exclusive=False)).words.key in ("database.outdated", "database.missing")
    assert await tables(empty_address) == set()


async def test_a_reader_opens_beside_the_writer(address: str, clock: HandClock) -> None:
    writer = SmallBranch(await Store.open(address, clock), clock)
    await writer.found()
    reader = SmallBranch(await Store.open(address, clock, exclusive=False), clock)
    assert {entry[1] for entry in await reader.counted()} == set()
    id = await writer.open(audience=EAST)
    assert {entry[0] for entry in await reader.counted()} == {id}
    await reader.store.close()
    await writer.store.close()


async def test_a_second_process_is_refused_and_told_who_was_first(address: str) -> None:
    store = await Store.open(address)
    command = [sys.executable, "-c", OPENING, address]
    root = Path(__file__).parents[2]

    def second() -> str:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout

    said = await asyncio.to_thread(second)
    ours = f"process {os.getpid()} on "
    assert said.startswith(
        f"database.in_use {ours}" if address.startswith("sqlite") else f"database.bot_at_work zhibu {ours}"
    )
    await store.close()
    assert await asyncio.to_thread(second) == "opened\n"


async def test_a_process_that_was_refused_leaves_the_first_in_its_place(address: str, clock: HandClock) -> None:
    first = SmallBranch(await Store.open(address, clock), clock)
    assert (await refusal(address)).words.key in TAKEN
    await first.found()
    assert (await refusal(address)).words.key in TAKEN
    await first.store.close()


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("mysql://root@host/db", "database.unsupported"),
        ("not an address", "database.no_address"),
        ("sqlite://", "database.no_file"),
        ("sqlite:///:memory:", "database.no_file"),
        ("sqlite:////nowhere/at/all/zhibu.db", "database.not_writable"),
        ("postgresql://zhibu:pass-word@127.0.0.1:1/zhibu", "database.unusable"),
    ],
)
async def test_an_address_that_leads_nowhere_is_said_in_a_sentence_without_its_password(address: str, key: str) -> None:
    trouble = await refusal(address)
    assert trouble.words.key == key
    assert "pass-word" not in str(dict(trouble.words.parameters))


def connections_left() -> list[threading.Thread]:
    """Return the threads of connections to a file that nobody closed, after a moment for those that are ending."""
    threads = [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]
    for thread in threads:
        thread.join(5)
    return [thread for thread in threads if thread.is_alive()]


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert (await refusal(f"sqlite:///{tmp_path}")).words.key == "database.unusable"
    assert (await refusal(f"sqlite:///{tmp_path}", exclusive=False)).words.key == "database.missing"
    assert connections_left() == []


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear comrades, this is a letter and no database at all. " * 40)
    before = file.read_bytes()
    assert (await refusal(f"sqlite:///{file}")).words.key == "database.unusable"
    assert connections_left() == []
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "free"),
    [
        ((3, 7, 0), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), False),
        ((3, 53, 4), True),
    ],
)
def test_wal_is_used_only_where_its_bug_is_mended(version: tuple[int, ...], free: bool) -> None:
    assert may_use_wal(version) is free


async def test_a_file_survives_a_power_cut_by_its_settings(sqlite_address: str) -> None:
    engine = open_engine(sqlite_address)
    async with engine.connect() as connection:
        journal = (await connection.execute(text("PRAGMA journal_mode"))).scalar()
        synchronous = (await connection.execute(text("PRAGMA synchronous"))).scalar()
        foreign_keys = (await connection.execute(text("PRAGMA foreign_keys"))).scalar()
    await engine.dispose()
    assert (journal, synchronous) in (("wal", 2), ("delete", 3))
    assert foreign_keys == 1


def test_a_vote_is_not_said_to_rest_on_a_letter_that_was_recorded_after_it() -> None:
    """Before 0050 another letter took the place of the one under which a vote had been prepared."""
    module = ScriptDirectory.from_config(alembic_config()).get_revision("0050").module
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE electronic_elections (election_id, ballot_id, way, reference, dated)"))
        connection.execute(text("CREATE TABLE audit (number, action, thing, outcome)"))
        for id in ("kept", "replaced", "none"):
            ballot = "NULL" if id == "none" else f"'vote-{id}'"
            connection.execute(text(f"INSERT INTO electronic_elections VALUES ('{id}', {ballot}, 'room', 'A', 'x')"))
        for row in (
            "(1, 'consent_recorded', 'paper:kept', 'done')",
            "(2, 'consent_recorded', 'paper:replaced', 'done')",
            "(3, 'ballot_drafted, electronic_vote_prepared', 'ballot:vote-kept', 'done')",
            "(4, 'electronic_vote_prepared', 'paper:replaced', 'done')",
            "(5, 'consent_recorded', 'paper:replaced', 'done')",
        ):
            connection.execute(text(f"INSERT INTO audit VALUES {row}"))
        assert [row[0] for row in connection.execute(module.known())] == ["kept"]
    engine.dispose()


def test_reasons_of_leaves_that_were_taken_back_are_gone_and_the_others_are_found_by_their_message() -> None:
    """Before 0092 a reason stayed in its row for ever."""
    module = ScriptDirectory.from_config(alembic_config()).get_revision("0092").module
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE members (id, user_id)"))
        connection.execute(
            text(
                "CREATE TABLE answers (cause, member_id, occurrence_id, state, at, reason, recorded_by, taken_back_at)"
            )
        )
        connection.execute(text("INSERT INTO members VALUES ('zhang', '@zhang:test'), ('sun', NULL)"))
        for row in (
            "('event:$kept', 'zhang', 'roll', 'excused', '2026-07-01', '倒班', NULL, NULL)",
            "('event:$back', 'zhang', 'roll', 'excused', '2026-07-01', '发烧', NULL, '2026-07-02')",
            "('megolm:session:1', 'zhang', 'other', 'excused', '2026-07-01', '倒班', NULL, NULL)",
            "('event:$none', 'zhang', 'third', 'excused', '2026-07-01', NULL, NULL, NULL)",
            "('event:$gone', 'sun', 'roll', 'excused', '2026-07-01', '倒班', NULL, NULL)",
        ):
            connection.execute(text(f"INSERT INTO answers VALUES {row}"))
        with Operations.context(MigrationContext.configure(connection)):
            module.upgrade()
        assert [tuple(row) for row in connection.execute(text("SELECT cause, reason FROM answers ORDER BY cause"))] == [
            ("event:$back", None),
            ("event:$gone", "倒班"),
            ("event:$kept", "倒班"),
            ("event:$none", None),
            ("megolm:session:1", "倒班"),
        ]
        known = connection.execute(text("SELECT event_id, room_id, user_id, sort, about, cause FROM counted_messages"))
        assert [tuple(row) for row in known] == [("$kept", "", "@zhang:test", "leave", "roll", "event:$kept")]
    engine.dispose()
