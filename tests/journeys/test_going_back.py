"""An old copy of the database in the place of the newer one is noticed, and dealt with as what was restored."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.installation import Installation, finish
from tests.waiting import until
from zhibu.demo.synapse import Account, Synapse


def restores(installation: Installation) -> int:
    with closing(sqlite3.connect(installation.folder / "zhibu.db")) as opened:
        return int(opened.execute("SELECT count(*) FROM restores").fetchone()[0])


@pytest.mark.synapse
async def test_an_old_file_put_back_is_told_and_nothing_in_it_is_believed_unsent(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    """F33, and F32 in the same way: the note of how far it had come lies outside the database."""
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    installation.sign_in()
    old = shutil.copy2(tmp_path / "zhibu.db", tmp_path / "old.db")
    program = installation.start()
    until(lambda: (tmp_path / "keys" / "device" / "last-run").exists(), "the note", 120)
    assert program.interrupt() == 0, program.text
    assert restores(installation) == 0
    assert "had come to" not in doctor(installation)

    shutil.copy2(old, tmp_path / "zhibu.db")
    assert "had come to" in doctor(installation)
    program = installation.start()
    until(lambda: restores(installation) == 1, "the note in the database")
    assert program.interrupt() == 0, program.text
    assert "database is older than the last run" in program.text


def doctor(installation: Installation) -> str:
    code, said = finish("doctor", "--json", "-c", str(installation.config))
    assert code == 0, said
    return "\n".join(one["sentence"] for one in json.loads(said) if one["noun"] == "database")
