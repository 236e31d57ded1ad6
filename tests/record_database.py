"""Records a small database of this release as SQL, for every later release to upgrade: run it once before a release.

``python -m tests.record_database`` writes ``tests/fixtures/databases/<version>-<revision>.sql``.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from importlib.metadata import version
from pathlib import Path

from storage.migrate import alembic_config
from storage.store import Store
from tests.small_branch import EAST, LI, NOON, ROOF, WANG, ZHANG, HandClock, SmallBranch

FOLDER = Path(__file__).with_name("fixtures") / "databases"


async def live(address: str) -> None:
    """Let a small branch live for a while: cards shown, answered and closed, one under way, one still to come."""
    clock = HandClock(NOON)
    branch = SmallBranch(await Store.open(address, clock), clock)
    await branch.found()
    first = await branch.open(audience=ROOF)
    await branch.send_all()
    await branch.answer(first, ZHANG)
    await branch.answer(first, LI, leave="值班")
    clock.forward(days=1)
    await branch.let_close(first)
    second = await branch.open(audience=EAST)
    await branch.answer(second, WANG)
    await branch.store.close()


def record(file: Path) -> str:
    """Return the database of such a branch as SQL."""
    # Not at the top: whoever imports it first decides which library all of us get, see storage/sqlite_library.py.
    import sqlite3

    asyncio.run(live(f"sqlite:///{file}"))
    with contextlib.closing(sqlite3.connect(file)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        things = made.fetchall()
        lines = [f"{sql};" for _, _, sql in things]
        for table in [name for kind, name, _ in things if kind == "table"]:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = " || ', ' || ".join(f'quote("{column}")' for column in columns)
            rows = connection.execute(f"SELECT {values} FROM {table} ORDER BY rowid")
            lines += [f"INSERT INTO {table} VALUES ({row[0]});" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the recording of the release that is about to be."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    with tempfile.TemporaryDirectory() as folder:
        text = record(Path(folder) / "zhibu.db")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{version('zhibu')}-{head}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
