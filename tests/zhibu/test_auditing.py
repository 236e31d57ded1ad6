"""The record is read through beside a running branch and after a restore, and what is wrong has a number."""

from __future__ import annotations

import ast
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from content.trouble import Trouble
from storage import audit
from storage.store import Store
from tests.small_branch import NOON, HandClock, SmallBranch
from tests.storage.test_record import granting
from tests.zhibu.test_backups import backed_up, install
from zhibu.cli import main
from zhibu.config import Config, load_config
from zhibu.doctor.findings import Form, Grade, Known
from zhibu.doctor.record import look_at_record
from zhibu.record_key import key_file, make_key, note_head, noted_heads, read_key, said_head, understood_head
from zhibu.restores import restore


@pytest.fixture
async def config(sqlite_template: Path, tmp_path: Path, clock: HandClock) -> Config:
    """Give an installation with a key and six rows of record."""
    made = install(tmp_path / "first", "sqlite:///zhibu.db")
    shutil.copyfile(sqlite_template, made.folder / "zhibu.db")
    store = await Store.open(made.database, clock, key=make_key(made))
    await SmallBranch(store, clock).found()
    await store.settle([granting(number) for number in range(5)])
    await store.close()
    return made


def zhibu(config: Config, *words: str) -> tuple[int, str]:
    """Run a command as people type it."""
    done = CliRunner().invoke(main, ["audit", *words, "-c", str(config.path("config.toml"))])
    return done.exit_code, done.output


def verified(config: Config, *words: str) -> tuple[int, dict[str, Any]]:
    code, said = zhibu(config, "verify", "--json", *words)
    return code, json.loads(said)


def by_hand(config: Config, statement: str) -> None:
    with closing(sqlite3.connect(config.path("zhibu.db"))) as database, database:
        database.execute("DROP TRIGGER IF EXISTS audit_not_changed")
        database.execute("DROP TRIGGER IF EXISTS audit_not_deleted")
        database.execute(statement)


def run_later(work: Any) -> Any:
    """Run a command where no loop runs: it brings its own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


async def test_a_whole_record_is_said_to_be_whole_beside_a_running_branch(config: Config, clock: HandClock) -> None:
    store = await Store.open(config.database, clock, key=read_key(config))
    code, said = run_later(lambda: verified(config))
    assert (code, said["whole"], said["rows"], said["sealed"], said["first_bad"]) == (0, True, 6, 6, None)
    assert said["head"] == said_head(await store.read(audit.head))
    await store.close()
    code, words = run_later(lambda: zhibu(config, "verify"))
    assert code == 0
    assert said["head"] in words


async def test_the_first_bad_row_is_named_with_an_exit_code(config: Config) -> None:
    by_hand(config, "UPDATE audit SET actor = '@other:test' WHERE number >= 3")
    code, said = run_later(lambda: verified(config))
    assert (code, said["whole"], said["first_bad"], said["wrong"]) == (65, False, 3, "words")
    code, words = run_later(lambda: zhibu(config, "verify"))
    assert (code, "3" in words) == (65, True)


async def test_an_end_that_was_cut_off_shows_by_what_was_noted_elsewhere(config: Config, clock: HandClock) -> None:
    """R16: the tail, which no chain can know of by itself."""
    store = await Store.open(config.database, clock, exclusive=False)
    head = await store.read(audit.head)
    await store.close()
    by_hand(config, "DELETE FROM audit WHERE number > 4")
    assert run_later(lambda: verified(config))[0] == 0
    code, said = run_later(lambda: verified(config, "--anchor", said_head(head)))
    assert (code, said["first_bad"], said["wrong"]) == (65, 6, "short")
    note_head(config, head, NOON)
    assert run_later(lambda: verified(config))[1]["first_bad"] == 6
    (finding,) = await look_at_record(Known(config=config, form=Form.RUN, current=True))
    assert finding.grade is Grade.FAULT
    assert run_later(lambda: zhibu(config, "verify", "--anchor", "nonsense"))[0] == 2


async def test_a_restored_backup_is_verified_where_it_was_restored(config: Config, tmp_path: Path) -> None:
    made = await backed_up(config)
    await restore(made.file, config.path("backup.key"), tmp_path / "second", None)
    restored = load_config(tmp_path / "second" / "config.toml")
    assert run_later(lambda: verified(restored))[0] == 0
    by_hand(restored, "DELETE FROM audit WHERE number = 2")
    assert run_later(lambda: verified(restored))[1]["wrong"] == "missing"


async def test_the_key_is_made_once_for_its_owner_only_and_its_loss_is_a_sentence(config: Config) -> None:
    file = key_file(config)
    assert file.stat().st_mode & 0o777 == 0o600
    assert make_key(config) == read_key(config) == file.read_bytes()
    file.unlink()
    code, said = run_later(lambda: zhibu(config, "verify"))
    assert (code, str(file) in said) == (78, True)
    with pytest.raises(Trouble) as caught:
        await Store.open(config.database, key=make_key(config))
    assert caught.value.words.key == "database.record_other_key"
    assert run_later(lambda: zhibu(config, "begin", "--yes"))[0] == 0
    code, found = run_later(lambda: verified(config))
    assert (code, found["began"], found["rows"]) == (0, 7, 7)


async def test_the_doctor_says_when_the_record_was_last_read_through(config: Config, clock: HandClock) -> None:
    known = Known(config=config, form=Form.RUN, current=True)
    (finding,) = await look_at_record(known)
    assert (finding.grade, finding.words.key) == (Grade.WARNING, "doctor.record_never_verified")
    run_later(lambda: verified(config))
    (finding,) = await look_at_record(known)
    assert (finding.grade, finding.words.key) == (Grade.OK, "doctor.record")


def test_what_people_pass_on_is_understood_and_nothing_else_is(config: Config) -> None:
    head = audit.Head(number=1234, link=bytes(range(32)))
    noted = understood_head(f" {said_head(head).upper()}\n")
    assert noted is not None
    assert noted.fits(head)
    for text in ("", "1234", "-00112233445566", "12-0011", "x-001122334455", "12-00112233445g"):
        assert understood_head(text) is None
    for day in range(3):
        note_head(config, audit.Head(number=day + 1, link=bytes(32)), NOON + timedelta(days=day))
    assert [one.number for one in noted_heads(config)] == [1, 2, 3]


WITHOUT_ROWS = {"init.py", "restores.py", "auditing.py"}
"""These make tables, note a restore, or bring their key later; none of them decides anything without one."""


def test_whatever_decides_in_the_program_opens_the_store_with_its_keys() -> None:
    bare = set()
    for file in (Path(__file__).parents[2] / "zhibu").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
            named = {keyword.arg for keyword in call.keywords}
            opens = ast.unparse(call.func) in ("Store.open", "Store.open_desk")
            if opens and "exclusive" not in named and not {"key", "master"} <= named:
                bare.add(file.name)
    assert bare == WITHOUT_ROWS
