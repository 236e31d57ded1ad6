"""The console over a real store on SQLite, with a loop of its own as in the program."""

from __future__ import annotations

import asyncio
import copy
import pickle
import shutil
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from console.app import furnish
from console.settings import ConsoleSettings
from content.speech import Speech
from storage.store import Store
from tests.console.console_house import ADDRESS, Browser, House, laid_out
from tests.console.console_seeding import Clock, Seeded, seed
from tests.once import once
from zhibu.catalogue import load_speech

SETTINGS = ConsoleSettings(address=ADDRESS, secure_cookies=False, second_factor_required=False)


@pytest.fixture(scope="session")
def speech() -> Speech:
    return load_speech()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def seeded_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seeded]:
    """Seed once; every test gets a copy of its own, of the names of what was seeded too."""

    async def fill(file: Path) -> Seeded:
        clock = Clock()
        store = await Store.open(f"sqlite:///{file}", clock)
        seeded = await seed(store, clock)
        await store.close()
        return seeded

    def make(folder: Path) -> None:
        shutil.copyfile(sqlite_template, folder / "zhibu.db")
        (folder / "seeded").write_bytes(pickle.dumps(asyncio.run(fill(folder / "zhibu.db"))))

    folder = once(tmp_path_factory, "seeded", make)
    return folder / "zhibu.db", pickle.loads((folder / "seeded").read_bytes())


@pytest.fixture
def app() -> Iterator[Flask]:
    """Give the pages, and put back whatever a test exchanges among them."""
    app = laid_out(SETTINGS)
    views = dict(app.view_functions)
    yield app
    app.view_functions.clear()
    app.view_functions.update(views)


@pytest.fixture
def house(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, speech: Speech, seeded_file: tuple[Path, Seeded], app: Flask
) -> Iterator[House]:
    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    file, seeded = seeded_file[0], copy.deepcopy(seeded_file[1])
    own = tmp_path / "zhibu.db"
    for part in file.parent.glob(f"{file.name}*"):
        if part.suffix != ".lock":
            shutil.copy(part, tmp_path / part.name)
    clock = Clock()
    store = run(Store.open(f"sqlite:///{own}", clock))
    furnish(app, store, loop, speech, SETTINGS)
    yield House(app=app, store=store, clock=clock, seeded=seeded, run=run)
    run(store.close())


@pytest.fixture
def browser(house: House) -> Browser:
    return house.browser()
