"""The daily backup is made once its time has come, tried again an hour after it failed, and remembered."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from content.backups import name_of
from storage import heartbeats
from storage.engines import sqlite_file
from storage.heartbeats import failed_at
from storage.store import Store
from tests.small_branch import HandClock
from tests.zhibu.test_backups import install
from zhibu.config import Config
from zhibu.daily import DailyBackup, newest_backup

CAME = datetime(2026, 7, 1, 19, 30, tzinfo=UTC)
"""Half past three in Shanghai."""


class Maker:
    """Makes a backup, or fails with the code that it was given."""

    def __init__(self, config: Config, clock: HandClock) -> None:
        self.code, self.made = 0, 0
        self._config, self._clock = config, clock

    async def __call__(self) -> int:
        self.made += 1
        if not self.code:
            folder = self._config.path(self._config.backup.folder)
            folder.mkdir(exist_ok=True)
            (folder / name_of(self._clock())).touch()
        return self.code


@pytest.fixture
def config(sqlite_address: str, tmp_path: Path) -> Config:
    """Give settings with a daily backup."""
    found = install(tmp_path / "a", sqlite_address)
    return replace(found, backup=replace(found.backup, daily_at="03:30"))


async def test_a_backup_is_made_each_day_and_no_more(config: Config, clock: HandClock) -> None:
    store = await Store.open(config.database, clock)
    maker = Maker(config, clock)
    daily = DailyBackup(store, config, maker)
    for now, made in (
        (CAME - timedelta(seconds=1), 0),
        (CAME, 1),
        (CAME + timedelta(seconds=20), 1),
        (CAME + timedelta(hours=20), 1),
        (CAME + timedelta(days=1, minutes=1), 2),
    ):
        clock.now = now
        await daily.look()
        assert maker.made == made, now
    assert newest_backup(config) == CAME + timedelta(days=1, minutes=1)
    assert failed_at(await store.read(heartbeats.beats)) is None
    await store.close()


async def test_a_backup_that_failed_is_remembered_and_tried_again(config: Config, clock: HandClock) -> None:
    store = await Store.open(config.database, clock)
    maker = Maker(config, clock)
    daily = DailyBackup(store, config, maker)
    maker.code = 65
    for now, made in ((CAME, 1), (CAME + timedelta(minutes=59), 1), (CAME + timedelta(hours=1), 2)):
        clock.now = now
        await daily.look()
        assert maker.made == made, now
    assert failed_at(await store.read(heartbeats.beats)) == CAME + timedelta(hours=1)
    maker.code = 0
    clock.forward(hours=1)
    await daily.look()
    assert failed_at(await store.read(heartbeats.beats)) is None
    assert maker.made == 3
    await store.close()


async def test_after_a_night_with_the_machine_off_it_is_made_at_the_start(config: Config, clock: HandClock) -> None:
    config.path("backups").mkdir()
    (config.path("backups") / name_of(CAME - timedelta(days=2))).touch()
    clock.now = CAME + timedelta(hours=5)
    store = await Store.open(config.database, clock)
    maker = Maker(config, clock)
    await DailyBackup(store, config, maker).look()
    assert maker.made == 1
    await store.close()


async def test_the_command_itself_makes_the_backup_in_a_process_of_its_own(config: Config, clock: HandClock) -> None:
    settings = config.path("config.toml")
    settings.write_text(settings.read_text() + '[backup]\ndaily_at = "03:30"\n')
    store = await Store.open(config.database, clock)
    daily = DailyBackup(store, config)
    clock.now = CAME
    await daily.look()
    assert newest_backup(config) is not None
    assert (await store.read(heartbeats.beats))["backup"] == ("good", CAME)
    await store.close()


async def test_a_copy_of_before_an_upgrade_goes_after_thirty_days(config: Config, clock: HandClock) -> None:
    """R20: it remembers what was erased since."""
    file = sqlite_file(config.database)
    assert file is not None
    young, old = (file.with_name(f"{file.name}.before-upgrade-{number}") for number in ("0002", "0001"))
    for copy, days in ((young, 29), (old, 31)):
        copy.touch()
        then = (clock.now - timedelta(days=days)).timestamp()
        os.utime(copy, (then, then))
    store = await Store.open(config.database, clock)
    await DailyBackup(store, config, Maker(config, clock)).look()
    await store.close()
    assert (young.exists(), old.exists(), file.exists()) == (True, False, True)
