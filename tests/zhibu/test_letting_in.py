"""From the machine, a secretary who lost everything is let in again, with a code that a link alone cannot go round."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.access import digest
from console.passwords import hash_code
from content.credentials import Factor, FactorAdded, Kind, plain_code
from content.identifiers import FactorId
from content.trouble import Exit
from storage import credentials, sessions
from storage.store import Store
from tests.small_branch import NOON, SECRETARY, facts_of_founding
from zhibu.cli import main


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Path:
    shutil.copyfile(sqlite_template, tmp_path / "zhibu.db")

    async def fill() -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'zhibu.db'}")
        factor = Factor(id=FactorId("app"), user=SECRETARY, kind=Kind.TOTP, name="手机", secret=b"secret", made_at=NOON)
        await store.settle(notes=[*facts_of_founding(), FactorAdded(factor=factor)])
        await store.close()

    asyncio.run(fill())
    file = tmp_path / "config.toml"
    file.write_text('[bot]\nhomeserver = "http://127.0.0.1:1"\nuser = "@zhibu:test"\n')
    return file


def test_a_person_with_duties_gets_a_link_and_a_code_to_begin_anew(settings: Path) -> None:
    """S14."""
    done = CliRunner().invoke(main, ["let-in", SECRETARY, "-c", str(settings)], env={"LC_ALL": "en_US.UTF-8"})
    assert done.exit_code == 0, done.output
    (token,) = re.findall(r"/sign-in/(\S+)", done.output)
    (code,) = re.findall(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){6}", done.output)

    async def look() -> None:
        store = await Store.open(f"sqlite:///{settings.parent / 'zhibu.db'}")
        assert await store.read(lambda unit: sessions.link(unit, digest(token))) is not None
        assert not await store.read(lambda unit: credentials.has_factor(unit, SECRETARY))
        (kept,) = await store.read(lambda unit: credentials.codes_of(unit, SECRETARY))
        assert kept.until is not None
        assert kept.hash == hash_code(plain_code(code), kept.salt)
        await store.close()

    asyncio.run(look())


def test_nobody_is_let_in_who_holds_no_duty(settings: Path) -> None:
    done = CliRunner().invoke(main, ["let-in", "@nobody:test", "-c", str(settings)], env={"LC_ALL": "en_US.UTF-8"})
    assert done.exit_code == int(Exit.DATA)
    assert "holds no duty" in done.output
