"""What is written out at the shell leaves a row of record, beside a running branch too, once however it is killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
from click.testing import CliRunner, Result

from storage.audit import audit
from storage.store import Store
from zhibu.cli import main
from zhibu.config import Config, load_config
from zhibu.noted import folder_of, note, take_in

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def running(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[tuple[Config, Store]]:
    """Give an installation whose branch runs."""
    file = tmp_path / "config.toml"
    file.write_text('[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:example.org"\n')
    (tmp_path / "zhibu.db").write_bytes(sqlite_template.read_bytes())
    config = load_config(file)
    store = await Store.open(config.database)
    yield config, store
    await store.close()


def export(config: Config) -> Result:
    with ThreadPoolExecutor(1) as threads:
        command = ["export", "members", "--format", "json", "-c", str(config.folder / "config.toml")]
        return threads.submit(lambda: CliRunner().invoke(main, command)).result()


async def recorded(store: Store) -> list[tuple[str, str | None]]:
    query = audit.select().where(audit.c.cause.like("shell:%")).order_by(audit.c.number)
    return [(row.action, row.thing) for row in await store.read(lambda unit: unit.rows(query))]


async def test_an_export_at_the_shell_beside_a_running_branch_leaves_one_row(running: tuple[Config, Store]) -> None:
    """S64."""
    config, store = running
    done = export(config)
    assert (done.exit_code, done.output.strip()) == (0, "[]")
    assert await recorded(store) == []
    (kept,) = folder_of(config).glob("*.note")
    assert kept.stat().st_mode & 0o777 == 0o600
    said = kept.read_bytes()
    assert await take_in(config, store) == 1
    assert await recorded(store) == [("exported", "table:shell-members")]
    # As if it had been killed before the note was taken away.
    kept.write_bytes(said)
    assert await take_in(config, store) == 1
    assert len(await recorded(store)) == 1
    assert list(folder_of(config).iterdir()) == []


async def test_what_cannot_be_noted_is_not_written_out(running: tuple[Config, Store]) -> None:
    config, _ = running
    folder_of(config).parent.mkdir(parents=True, exist_ok=True)
    folder_of(config).write_text("no folder")
    done = export(config)
    assert done.exit_code != 0
    assert "[]" not in done.output


async def test_what_is_no_note_of_ours_stays_and_holds_nothing_up(running: tuple[Config, Store]) -> None:
    config, store = running
    note(config, "members", 3, AT)
    for name, text in (("x.note", "{}"), ("0" * 32 + ".note", "[1]"), ("1" * 32 + ".note", "x" * 5000)):
        (folder_of(config) / name).write_text(text)
    assert await take_in(config, store) == 1
    assert await recorded(store) == [("exported", "table:shell-members")]
    row = await store.read(lambda unit: unit.first(audit.select()))
    assert row is not None
    assert row.at == AT
