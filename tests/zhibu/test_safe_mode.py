"""Safe mode without a homeserver: what is waited for, how long, what the page without a database says."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from markupsafe import escape

from console.plain import create_plain_app
from console.server import Server
from content.decision import words
from content.safe_mode import Reason
from content.speech import Reader
from content.trouble import Exit, Trouble
from storage import heartbeats, restores
from storage.heartbeats import Beat, life
from storage.store import Store
from tests.small_branch import HandClock
from tests.synapse_fixture import free_port
from zhibu import branch as branch_module
from zhibu import last_run, safe_mode
from zhibu.branch import Branch, clock_behind
from zhibu.catalogue import load_speech
from zhibu.config import Config, load_config
from zhibu.pages import console_settings
from zhibu.record_key import make_key

SPEECH = load_speech()
NEWER = Trouble(Exit.DATABASE, "database.newer")
AWAY = Trouble(Exit.DATABASE, "database.unusable", where="nowhere", why="gone")
TAKEN = Trouble(Exit.DATABASE, "database.in_use", file="zhibu.db", holder="process 1")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for the pauses between two tries."""
    monkeypatch.setattr(safe_mode, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(safe_mode, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(branch_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(branch_module, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(branch_module, "LOOK", 0.01)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[bot]\nhomeserver = "http://127.0.0.1:{free_port()}"\nuser = "@zhibu:test"\n[console]\nport = {free_port()}\n'
    )
    return load_config(file)


def ask(config: Config, path: str, language: str = "en") -> tuple[int, str, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", config.console.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept-Language": language})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


class Opening:
    """Opens a branch after some troubles, and sees what the page said between two tries."""

    def __init__(self, config: Config, *troubles: Trouble) -> None:
        self.config = config
        self.left = list(troubles)
        self.pages: list[str] = []

    async def __call__(self, server: Server | None) -> Branch:
        if server is not None:
            self.pages.append((await asyncio.to_thread(ask, self.config, "/"))[1])
        if self.left:
            raise self.left.pop(0)
        return await Branch.open(self.config, SPEECH, server=server)


async def patiently(config: Config, opening: Opening) -> tuple[Branch | None, list[str]]:
    told: list[str] = []
    stop = asyncio.Event()
    found = await safe_mode.open_patiently(config, SPEECH, opening, stop, lambda one: told.append(one.words.key))
    return found, told


async def test_a_database_is_waited_for_and_each_trouble_is_told_once(config: Config) -> None:
    """F41, F39: the page names the trouble of the moment, and the console follows at the same address."""
    opening = Opening(config, NEWER, NEWER, AWAY)
    found, told = await patiently(config, opening)
    assert found is not None
    try:
        assert told == ["database.newer", "database.unusable"]
        assert ["newer Zhibu" in page for page in opening.pages] == [True, True, False]
        assert "cannot be opened" in opening.pages[-1]
        assert (await asyncio.to_thread(ask, config, "/sign-in"))[0] == 200
    finally:
        await found.close()


async def test_a_console_with_old_tables_waits_until_the_bot_has_been_there(config: Config) -> None:
    """It never changes tables itself; a page says what to do, and the console follows."""
    file = config.folder / "zhibu.db"
    await (await Store.open(config.database, key=make_key(config))).close()
    with closing(sqlite3.connect(file)) as old, old:
        (head,) = old.execute("SELECT version_num FROM alembic_version").fetchone()
        old.execute("UPDATE alembic_version SET version_num = '0001'")
    pages: list[str] = []

    async def opening(server: Server | None) -> Branch:
        if server is not None:
            pages.append((await asyncio.to_thread(ask, config, "/"))[1])
            with closing(sqlite3.connect(file)) as old, old:
                old.execute("UPDATE alembic_version SET version_num = ?", [head])
        return await Branch.open_desk(config, SPEECH, server)

    told: list[str] = []
    found = await safe_mode.open_patiently(
        config, SPEECH, opening, asyncio.Event(), lambda one: told.append(one.words.key)
    )
    assert found is not None
    try:
        assert told == ["database.outdated"]
        assert "of another version" in pages[0]
        assert (await asyncio.to_thread(ask, config, "/sign-in"))[0] == 200
    finally:
        await found.close()


async def test_what_waiting_cannot_mend_ends_at_once_and_leaves_the_port_free(config: Config) -> None:
    """I104: another process on the database is named, and the page goes."""
    with pytest.raises(Trouble) as raised:
        await patiently(config, Opening(config, AWAY, TAKEN))
    assert raised.value is TAKEN
    with pytest.raises(ConnectionError):
        ask(config, "/")


async def test_whoever_stops_it_meanwhile_is_obeyed(config: Config) -> None:
    stop, tried = asyncio.Event(), asyncio.Event()

    async def never(_server: Server | None) -> Branch:
        tried.set()
        await asyncio.Event().wait()
        raise AssertionError

    work = asyncio.create_task(safe_mode.open_patiently(config, SPEECH, never, stop, lambda _: None))
    await tried.wait()
    stop.set()
    assert await work is None


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.startswith("database_")])
@pytest.mark.parametrize(("language", "lang"), [("zh-CN", "zh-CN"), ("en", "en")])
def test_without_a_database_every_address_says_why(config: Config, reason: Reason, language: str, lang: str) -> None:
    client = create_plain_app(SPEECH, console_settings(config), reason).test_client()
    for path in ("/", "/members", "/sign-in/secret"):
        for ask_by in (client.get, client.post):
            answer = ask_by(path, headers={"Accept-Language": language})
            text = answer.get_data(as_text=True)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
            assert f'lang="{lang}"' in text
            reader = Reader(language="en" if language == "en" else "zh_CN")
            for key in (f"safe_mode.why_{reason}", f"safe_mode.do_{reason}"):
                assert str(escape(SPEECH.say(words(key), reader))) in text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"
    ready = client.get("/ready")
    assert (ready.status_code, ready.get_json()["reasons"]) == (503, [reason])
    assert client.get("/health").status_code == 200
    assert client.get("/static/style.css", buffered=True).status_code == 200


async def test_a_bot_that_is_held_up_says_so_to_every_console_and_begins_when_it_is_mended(config: Config) -> None:
    """The reason travels in its sign of life; each change of the reason is tried and said anew."""
    branch = await Branch.open(config, SPEECH, console=False)
    stop = asyncio.Event()
    try:
        with pytest.raises(Trouble, match=r"start\.no_password"):
            await branch.connect()
        running = asyncio.create_task(branch.run(stop))
        await _until_life(branch.store, Reason.LOGIN_MISSING)
        file = config.folder / "bot-password"
        file.touch(0o644)
        file.write_text("secret words")
        await _until_life(branch.store, Reason.SECRETS_OPEN)
        file.chmod(0o600)
        await _until_life(branch.store, Reason.WAITING)
        stop.set()
        await running
    finally:
        await branch.close()


async def _until_life(store: Store, wanted: str) -> None:
    beaten = asyncio.Event()
    store.on_change(beaten.set)
    while life("bot", await store.read(heartbeats.beats), now=store.now()) != wanted:
        await beaten.wait()
        beaten.clear()


async def test_a_clock_from_1970_keeps_the_bot_from_beginning(config: Config, tmp_path: Path) -> None:
    """F18: nothing that is due may be sent at a time that is long over; the console can be read."""
    clock = HandClock(datetime(2026, 7, 1, tzinfo=UTC))
    store = await Store.open(config.database, clock)
    branch = Branch(config, SPEECH, store)
    try:
        await store.settle(notes=[Beat(role="clock", state="ticking", at=clock())])
        clock.now = datetime(1970, 1, 1, tzinfo=UTC)
        with pytest.raises(Trouble, match=r"start\.clock_behind"):
            await branch.connect()
        assert branch.held_up is Reason.CLOCK_BEHIND
    finally:
        await branch.close()
    newest = datetime(2026, 7, 1, tzinfo=UTC)
    assert clock_behind(newest - timedelta(days=1), newest) is None
    assert clock_behind(newest - timedelta(days=1, seconds=1), newest) is not None
    assert clock_behind(newest, None) is None


async def test_a_database_that_went_back_is_taken_for_a_restored_one_before_anything_is_written(config: Config) -> None:
    """F33, F32: also when the bot cannot begin yet, and once."""
    then = datetime(2026, 7, 1, tzinfo=UTC)
    clock = HandClock(then)
    (config.path(config.bot.keys) / "device").mkdir(parents=True, mode=0o700)
    store = await Store.open(config.database, clock)
    branch = Branch(config, SPEECH, store)
    try:
        await store.settle(notes=[Beat(role="clock", state="ticking", at=clock())])
        last_run.remember(config, then)
        assert last_run.gone_back(config, then) is None
        assert last_run.gone_back(config, None) == then
        last_run.remember(config, then + timedelta(minutes=5))
        restored = []
        for minutes in (10, 20):
            clock.now = then + timedelta(minutes=minutes)
            with pytest.raises(Trouble):
                await branch.connect()
            restored.append(await store.read(restores.restored_at))
        assert restored == [then + timedelta(minutes=10)] * 2
    finally:
        await branch.close()
