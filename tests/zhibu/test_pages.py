"""The console beside a bot: its port is taken at once, its pages come after, and nobody who asks is sent away."""

from __future__ import annotations

import asyncio
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from console import app as app_module
from console.server import Waiting, serve
from content.trouble import Trouble
from tests.synapse_fixture import free_port
from zhibu import pages
from zhibu.branch import Branch
from zhibu.catalogue import load_speech
from zhibu.config import Config, load_config

SPEECH = load_speech()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[bot]\nhomeserver = "http://127.0.0.1:{free_port()}"\nuser = "@zhibu:test"\n[console]\nport = {free_port()}\n'
    )
    return load_config(file)


def ask(port: int, path: str = "/sign-in") -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class Knocks(Waiting):
    """Tells when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.knocked = threading.Event()

    def __call__(self, *arguments):  # type: ignore[no-untyped-def]
        self.knocked.set()
        return super().__call__(*arguments)


async def test_who_asks_for_a_page_that_is_not_made_yet_waits_for_it() -> None:
    waiting = Knocks()
    server = serve(waiting, "127.0.0.1", 0)
    try:
        asked = asyncio.create_task(asyncio.to_thread(ask, server.port))
        await asyncio.to_thread(waiting.knocked.wait)
        assert not asked.done()
        made = Flask("made")
        made.add_url_rule("/sign-in", view_func=lambda: "here")
        waiting.show(made)
        assert await asked == 200
    finally:
        await asyncio.to_thread(server.stop)


async def test_who_still_waits_when_the_program_stops_is_told_to_come_again() -> None:
    waiting = Knocks()
    server = serve(waiting, "127.0.0.1", 0)
    asked = asyncio.create_task(asyncio.to_thread(ask, server.port))
    await asyncio.to_thread(waiting.knocked.wait)
    waiting.give_up()
    assert await asked == 503
    await asyncio.to_thread(server.stop)


async def test_pages_are_made_as_soon_as_the_bot_is_known_to_be_held_up(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LATEST", 3600)
    branch = await Branch.open(config, SPEECH)
    try:
        with pytest.raises(Trouble):
            await branch.connect()
        assert await asyncio.to_thread(ask, config.console.port) == 200
    finally:
        await branch.close()


async def test_pages_are_made_after_a_moment_whatever_the_bot_does(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LATEST", 0.01)
    branch = await Branch.open(config, SPEECH)
    try:
        assert await asyncio.to_thread(ask, config.console.port) == 200
    finally:
        await branch.close()


async def test_pages_that_cannot_be_made_end_the_program(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Flask:
        raise LookupError("a page is missing")

    monkeypatch.setattr(app_module, "create_app", broken)
    monkeypatch.setattr(pages, "LATEST", 0.01)
    branch = await Branch.open(config, SPEECH)
    try:
        with pytest.raises(LookupError):
            await branch.run(asyncio.Event())
    finally:
        await branch.close()
