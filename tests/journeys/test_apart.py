"""Bot and consoles as processes of their own on one PostgreSQL, as an organisation that has grown runs them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from content.identifiers import UserId
from content.organisations import Duty, DutyGranted, Role
from storage.store import Store
from tests.databases import Postgres
from tests.faults.branches import MARK, TOP, cards, found
from tests.installation import Installation, Program, finish
from tests.member import Member
from tests.waiting import until
from zhibu.demo.synapse import Account, Synapse
from zhibu.founding import sign_in_link

ROOMS = 12
TAKEN_PART = f"1/{ROOMS}"

pytestmark = [pytest.mark.synapse, pytest.mark.postgres]


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Give the address of a database on a server."""
    name = postgres.copy()
    yield postgres.address(name)
    postgres.drop(name)


class Organiser:
    """An organiser's browser, which a load balancer takes to whichever console it likes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, console: Installation, path: str) -> str:
        """Return a page of a console."""
        async with self._session.get(f"http://127.0.0.1:{console.port}{path}") as answer:
            assert answer.status == 200, (path, answer.status)
            return await answer.text()

    async def post(self, console: Installation, path: str, fields: dict[str, Any] | None = None) -> str:
        """Fill the last form of a page and return where that leads."""
        page = await self.get(console, path)
        marks = {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[-1] for name in ("csrf", "nonce")}
        url = f"http://127.0.0.1:{console.port}{path}"
        async with self._session.post(url, data=marks | (fields or {}), allow_redirects=False) as answer:
            assert answer.status == 303, (answer.status, await answer.text())
            return answer.headers["Location"]

    async def ready(self, console: Installation) -> dict[str, str]:
        """Return what a console says of itself and of the bot."""
        async with self._session.get(f"http://127.0.0.1:{console.port}/ready") as answer:
            return dict(await answer.json())


@asynccontextmanager
async def signed_in(database: str, user: str, console: Installation) -> AsyncIterator[Organiser]:
    """Give an organiser who has opened a one-time link at a console."""
    store = await Store.open_desk(database)
    link = await sign_in_link(store, UserId(user), "")
    await store.close()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        organiser = Organiser(session)
        await organiser.post(console, link)
        yield organiser


def start_bot(installation: Installation) -> Program:
    """Start the bot's half and wait until it has said that it runs."""
    program = Program(["bot", "-c", str(installation.config)], installation.folder)
    until(lambda: program.process.poll() is not None or "is running" in program.text, "the bot to run")
    assert program.process.poll() is None, program.text
    return program


async def test_what_is_scheduled_on_one_console_is_sent_once_through_kill_and_cut_and_its_answers_are_on_the_other(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path, database: str
) -> None:
    bot, reading = await account("bot"), await account("reader")
    installation = Installation(
        tmp_path / "bot", synapse.url, bot.user_id, bot.password, encrypted=False, database=database
    )
    first, second = installation.beside(tmp_path / "first"), installation.beside(tmp_path / "second")
    async with Member(synapse.url, bot) as maker, Member(synapse.url, reading) as reader:
        rooms = await _rooms(maker, reader)
        await _founded(database, rooms, reading.user_id)
        programs = [start_bot(installation), first.start("console"), second.start("console")]
        try:
            async with signed_in(database, reading.user_id, first) as organiser:
                assert (await organiser.ready(second))["bot"] in ("ok", "waiting")
                await _schedule(organiser, first)
                arrived = await _arrive(reader, 1)
                programs.append(await _kill_and_start(programs.pop(0), installation, organiser, second))
                await _arrive(reader, ROOMS, before=arrived)

                code, said = await asyncio.to_thread(finish, "bot", "-c", str(installation.config))
                assert code == 73
                assert f"process {programs[-1].process.pid} on" in said

                await asyncio.to_thread(_cut, database)
                shown = await cards(reader, rooms, bot.user_id)
                assert {room: len(events) for room, events in shown.items()} == dict.fromkeys(rooms, 1)
                await reader.react(rooms[0], shown[rooms[0]][0])
                while TAKEN_PART not in await organiser.get(second, "/check-ins"):
                    await reader.sync(timeout_ms=20_000)
        finally:
            codes = [program.interrupt() for program in programs]
            said = "".join(program.text for program in programs)
        assert codes == [0, 0, 0], said
        assert await cards(reader, rooms, bot.user_id) == shown


async def _rooms(maker: Member, reader: Member) -> list[str]:
    rooms = []
    for _ in range(ROOMS):
        room = await maker.create_room(reader.user_id)
        await reader.join(room)
        rooms.append(room)
    await reader.sync()
    return rooms


async def _founded(database: str, rooms: list[str], user: str) -> None:
    store = await Store.open(database)
    await found(store, rooms, user)
    duty = Duty(user=UserId(user), organisation=TOP, role=Role.SECRETARY)
    await store.settle(notes=[DutyGranted(duty=duty)])
    await store.close()


async def _schedule(organiser: Organiser, console: Installation) -> None:
    plan = {"lessons": "lesson", "audience": TOP, "when": "now", "window": "1440", "late": "720"}
    where = await organiser.post(console, "/schedule", plan)
    assert "done=going_out" in where


async def _arrive(reader: Member, wanted: int, *, before: int = 0) -> int:
    """Wait until at least so many cards have come to the reader's phone, and return how many."""
    arrived = before
    while arrived < wanted:
        body = await reader.sync(timeout_ms=20_000)
        for room in body.get("rooms", {}).get("join", {}).values():
            contents = [event["content"] for event in room["timeline"]["events"]]
            arrived += sum(MARK in content and "m.new_content" not in content for content in contents)
    return arrived


def _cut(database: str) -> None:
    """Cut every connection to the database, those that keep the places too, as a restart of its server does."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"{others} WHERE datname = current_database() AND pid <> pg_backend_pid()")


async def _kill_and_start(
    program: Program, installation: Installation, organiser: Organiser, console: Installation
) -> Program:
    """Cut the bot's power while cards are under way, see that the consoles go on, and start it again."""
    program.kill()
    assert (await organiser.ready(console))["database"] == "ok"
    assert "<h1" in await organiser.get(console, "/")
    return start_bot(installation)


async def test_on_a_file_the_second_process_is_refused_and_told_what_to_do(
    synapse: Synapse, account: Callable[..., Awaitable[Account]], tmp_path: Path
) -> None:
    bot = await account("bot")
    installation = Installation(tmp_path, synapse.url, bot.user_id, bot.password)
    for command in ("bot", "console", "run"):
        program = start_bot(installation) if command == "bot" else installation.start(command)
        for second in ("bot", "console", "run"):
            code, said = await asyncio.to_thread(finish, second, "-c", str(installation.config))
            assert code == 73
            assert f"process {program.process.pid} on" in said
            assert "PostgreSQL" in said
        assert program.interrupt() == 0, program.text
