"""The commands of keeping as people type them: each ends in sentences and an exit code, in both languages."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installation import finish
from tests.zhibu.test_backups import install, left
from zhibu.config import load_config


@pytest.fixture
def settings(sqlite_template: Path, tmp_path: Path) -> Path:
    """Give the settings file of an installation on SQLite, its database without rows."""
    folder = tmp_path / "first"
    install(folder, "sqlite:///zhibu.db")
    shutil.copyfile(sqlite_template, folder / "zhibu.db")
    return folder / "config.toml"


@pytest.mark.parametrize("language", ["en_US.UTF-8", "zh_CN.UTF-8"])
def test_a_backup_is_made_proved_and_restored_by_three_commands(settings: Path, tmp_path: Path, language: str) -> None:
    key = settings.parent / "backup.key"
    code, said = finish("backup", "-c", str(settings), "--to", str(tmp_path / "b"), language=language)
    assert code == 0, said
    assert str(key) in said
    (name,) = left(tmp_path / "b")
    file = tmp_path / "b" / name
    code, said = finish("backup", "--check", str(file), "--key", str(key), language=language)
    assert code == 0, said
    assert "0.1.0" in said
    place = tmp_path / "second"
    options = ["--into", str(place), "--key", str(key)]
    code, said = finish("restore", str(file), *options, language=language)
    assert code == 0, said
    assert f"zhibu run -c {place / 'config.toml'}" in said
    code, said = finish("restore", str(file), *options, language=language)
    assert (code, str(place) in said) == (65, True)
    file.write_bytes(file.read_bytes()[:-1])
    code, said = finish("backup", "--check", str(file), "-c", str(settings), language=language)
    assert (code, str(file) in said) == (65, True)


def test_a_disk_that_is_full_is_one_sentence_and_leaves_nothing_half_written(settings: Path) -> None:
    assert finish("backup", "-c", str(settings))[0] == 0
    before, here = left(settings.parent / "backups"), left(settings.parent)

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-m", "zhibu", "backup", "-c", str(settings)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=narrow,
        env={**os.environ, "LC_ALL": "en_US.UTF-8"},
    )
    assert done.returncode == 73, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert left(settings.parent / "backups") == before
    assert left(settings.parent) == here


def test_the_database_is_moved_and_named_in_the_settings(settings: Path) -> None:
    before = settings.read_text()
    code, said = finish("port", "--to", "sqlite:///other.db", "-c", str(settings))
    assert code == 0, said
    assert settings.read_text() == before
    code, said = finish("port", "--to", "sqlite:///other.db", "-c", str(settings))
    assert (code, str(settings.parent / "other.db") in said) == (73, True)
    code, said = finish("port", "--to", "sqlite:///third.db", "--write-config", "-c", str(settings))
    assert code == 0, said
    assert load_config(settings).database == f"sqlite:///{settings.parent / 'third.db'}"
    assert settings.read_text().splitlines()[2:] == before.splitlines()[2:]
