"""The doctor looks at what is to run here, and tells from its signs of life whether a bot is at work anywhere."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from storage.heartbeats import Beat, life
from storage.store import Store
from tests.small_branch import NOON
from tests.synapse_fixture import free_port
from zhibu.doctor.examination import examine
from zhibu.doctor.findings import Finding, Form, Grade, Noun, outcome


async def prepared(template: Path, folder: Path, state: str | None = None) -> Path:
    """Make settings and tables without any secret, with a sign of life of a bot in some state."""
    file = folder / "config.toml"
    file.write_text(
        f'[bot]\nhomeserver = "http://127.0.0.1:{free_port()}"\nuser = "@zhibu:test"\n[console]\nport = 0\n'
    )
    shutil.copy(template, folder / "zhibu.db")
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}")
    if state is not None:
        await store.settle(notes=[Beat(role="bot", state=state, at=store.now())])
    await store.close()
    return file


async def looked(file: Path, form: Form) -> dict[Noun, Finding]:
    """Return the last finding of each kind."""
    return {one.noun: one async for one in examine(file, form)}


async def test_a_console_needs_no_password_no_keys_and_no_homeserver(sqlite_template: Path, tmp_path: Path) -> None:
    file = await prepared(sqlite_template, tmp_path, "listening")
    found = await looked(file, Form.CONSOLE)
    assert outcome(list(found.values())) == 0
    assert found.keys().isdisjoint({Noun.HOMESERVER, Noun.LOGIN, Noun.DEVICE})
    assert found[Noun.FILES].grade is Grade.OK


async def test_a_bot_needs_them_and_no_port(sqlite_template: Path, tmp_path: Path) -> None:
    found = await looked(await prepared(sqlite_template, tmp_path), Form.BOT)
    assert (found[Noun.FILES].grade, found[Noun.HOMESERVER].grade) == (Grade.FAULT, Grade.FAULT)
    assert Noun.PORT not in found
    assert Noun.PORT in await looked(tmp_path / "config.toml", Form.RUN)


@pytest.mark.parametrize(
    ("state", "form", "said", "grade"),
    [
        ("listening", Form.CONSOLE, "doctor.bot_ok", Grade.OK),
        ("waiting", Form.CONSOLE, "doctor.bot_waiting", Grade.WARNING),
        ("sign_in_needed", Form.CONSOLE, "doctor.bot_sign_in_needed", Grade.WARNING),
        (None, Form.CONSOLE, "doctor.bot_missing", Grade.WARNING),
        (None, Form.RUN, "doctor.bot_away", Grade.OK),
        (None, Form.BOT, "doctor.bot_away", Grade.OK),
    ],
)
async def test_whether_a_bot_is_at_work_is_told_and_matters_to_a_console(
    sqlite_template: Path, tmp_path: Path, state: str | None, form: Form, said: str, grade: Grade
) -> None:
    one = (await looked(await prepared(sqlite_template, tmp_path, state), form))[Noun.BOT]
    assert (one.words.key, one.grade) == (said, grade)


def test_a_part_is_silent_after_four_missed_beats() -> None:
    beats = {"bot": ("listening", NOON), "clock": ("ticking", NOON)}
    assert life("bot", beats, now=NOON + timedelta(seconds=89)) == "ok"
    assert life("bot", beats, now=NOON + timedelta(seconds=90)) == "silent"
    assert life("delivery", beats, now=NOON) == "never"
