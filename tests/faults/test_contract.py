"""The homeserver that is told to fail behaves as the real one does, in everything that the campaigns rest on.

Each case runs on both. What they say of Synapse was measured on it, and is measured again with every run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from tests.faults.homeserver import FakeServer
from tests.member import Member, Rejected
from tests.synapse_fixture import Furnish, free_port
from zhibu.demo.synapse import Account, Synapse

PASSWORD = "a long password"
_numbers = itertools.count(1)


class House:
    """Either of them, with one person's client and a room."""

    def __init__(self, server: FakeServer | Synapse) -> None:
        self.server = server

    async def enter(self) -> None:
        """Make an account and a room."""
        self.name = f"contract{next(_numbers)}"
        self.account = await self.server.register(self.name, PASSWORD)
        self.member = await Member(self.server.url, self.account).__aenter__()
        self.room = await self.member.create_room()

    async def other(self) -> Member:
        """Let another person into the room."""
        account = await self.server.register(f"contract{next(_numbers)}", PASSWORD)
        other = await Member(self.server.url, account).__aenter__()
        await self.member.ask("POST", f"/v3/rooms/{quote(self.room)}/invite", {"user_id": account.user_id})
        await other.join(self.room)
        return other

    async def leave(self) -> None:
        """Go."""
        await self.member.__aexit__()

    async def put(self, transaction: str, body: Any, kind: str = "m.room.message", **query: str) -> str:
        """Send an event under a transaction."""
        content = {"msgtype": "m.text", "body": body} if kind == "m.room.message" and isinstance(body, str) else body
        where = f"/v3/rooms/{quote(self.room)}/send/{kind}/{transaction}"
        return str((await self.member.ask("PUT", where, content, **query))["event_id"])

    async def sign_in_again(self, device: str | None) -> None:
        """Take up the account on a device."""
        body: dict[str, Any] = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.name},
            "password": PASSWORD,
        }
        answer = await self.member.ask("POST", "/v3/login", body | ({"device_id": device} if device else {}))
        await self.member.__aexit__()
        account = Account(
            user_id=answer["user_id"],
            access_token=answer["access_token"],
            device_id=answer["device_id"],
            password=PASSWORD,
        )
        self.member = await Member(self.server.url, account).__aenter__()

    async def restart(self) -> None:
        """Stop the server and start it again."""
        if isinstance(self.server, FakeServer):
            await self.server.restart()
        else:
            await self.server.stop()
            await self.server.start()

    async def lose_transactions(self) -> None:
        """Let a day pass over what is known of transactions."""
        if isinstance(self.server, FakeServer):
            self.server.lose_transactions()
            return
        await self.server.stop()
        await asyncio.to_thread(_empty_transactions, self.server.folder / "homeserver.db")
        await self.server.start()

    async def sync(self, since: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """Ask for news at once, optionally for more than the server would show by itself."""
        query = {"timeout": "0"} | ({"since": since} if since else {})
        if limit is not None:
            query["filter"] = json.dumps({"room": {"timeline": {"limit": limit}}})
        answer: dict[str, Any] = await self.member.ask("GET", "/v3/sync", **query)
        return answer

    def timeline(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return what a sync says of the room's events."""
        part: dict[str, Any] = answer["rooms"]["join"][self.room]["timeline"]
        return part


def _empty_transactions(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM event_txn_id_device_id")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.synapse)])
def synapse_or_none(request: pytest.FixtureRequest) -> Synapse | None:
    """Give the real server to the second run of each case."""
    return request.getfixturevalue("synapse") if request.param == "real" else None


@pytest_asyncio.fixture
async def house(synapse_or_none: Synapse | None) -> AsyncIterator[House]:
    """Give each of them in turn; the real one is shared by all cases."""
    async with AsyncExitStack() as stack:
        made = House(synapse_or_none or await stack.enter_async_context(FakeServer()))
        await made.enter()
        yield made
        await made.leave()


@pytest_asyncio.fixture(params=["fake", pytest.param("real", marks=pytest.mark.synapse)])
async def own_house(request: pytest.FixtureRequest, furnished: Furnish, tmp_path: Path) -> AsyncIterator[House]:
    """Give each of them in turn, to be stopped and started."""
    fake = request.param == "fake"
    server = FakeServer() if fake else Synapse(furnished(tmp_path), free_port(), cached_sync=False)
    async with server:
        made = House(server)
        await made.enter()
        yield made
        await made.leave()


async def refused(work: Any) -> tuple[int, str | None]:
    """Return with what a request is refused."""
    with pytest.raises(Rejected) as caught:
        await work
    return caught.value.status, caught.value.errcode


async def test_a_transaction_is_one_event_also_with_another_body_and_on_the_same_device_again(house: House) -> None:
    first = await house.put("t1", "a")
    assert await house.put("t1", "a") == first
    assert await house.put("t1", "b") == first
    await house.sign_in_again(house.account.device_id)
    assert await house.put("t1", "a") == first


async def test_the_same_transaction_of_a_new_device_is_a_second_copy(house: House) -> None:
    """F57."""
    first = await house.put("t1", "a")
    await house.sign_in_again(None)
    assert await house.put("t1", "a") != first


async def test_the_same_reaction_under_another_transaction_is_refused_and_under_its_own_is_the_same(
    house: House,
) -> None:
    """N39: so who repeats a reaction under a new transaction is refused although it stands; the bot sends none."""
    target = await house.put("t1", "a")
    relation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": "✅"}}
    first = await house.put("t2", relation, "m.reaction")
    assert await house.put("t2", relation, "m.reaction") == first
    with pytest.raises(Rejected) as refused:
        await house.put("t3", relation, "m.reaction")
    assert (refused.value.status, refused.value.errcode) == (400, "M_DUPLICATE_ANNOTATION")


async def test_a_transaction_outlives_a_restart_and_not_the_day(own_house: House) -> None:
    """F42."""
    first = await own_house.put("t1", "a")
    await own_house.restart()
    assert await own_house.put("t1", "a") == first
    await own_house.lose_transactions()
    assert await own_house.put("t1", "a") != first


async def test_the_same_place_in_the_stream_gives_the_same_events(house: House) -> None:
    """F51."""
    since = (await house.sync())["next_batch"]
    sent = [await house.put(f"t{number}", "a") for number in range(3)]
    for _ in range(2):
        shown = house.timeline(await house.sync(since))
        assert [event["event_id"] for event in shown["events"]] == sent
        assert shown["limited"] is False


@pytest.mark.parametrize("missing", [5, 15])
async def test_a_long_absence_is_limited_and_what_is_missing_can_be_read_back(house: House, missing: int) -> None:
    """F53: ten events are shown; the rest lies between ``prev_batch`` and the place before."""
    since = (await house.sync())["next_batch"]
    sent = [await house.put(f"t{number}", "a") for number in range(10 + missing)]
    shown = house.timeline(await house.sync(since))
    assert (len(shown["events"]), shown["limited"]) == (10, True)
    found: list[str] = []
    token = shown["prev_batch"]
    where = f"/v3/rooms/{quote(house.room)}/messages"
    while True:
        page = await house.member.ask("GET", where, dir="b", to=since, limit="4", **{"from": token})
        found += [event["event_id"] for event in page["chunk"]]
        if not page["chunk"] or "end" not in page:
            break
        token = page["end"]
    assert found[::-1] == sent[:missing]


async def test_a_filter_shows_as_much_as_it_asks_for(house: House) -> None:
    since = (await house.sync())["next_batch"]
    sent = [await house.put(f"t{number}", "a") for number in range(15)]
    shown = house.timeline(await house.sync(since, limit=1000))
    assert [event["event_id"] for event in shown["events"]] == sent
    assert shown["limited"] is False


async def test_bodies_are_taken_up_to_a_size(house: House) -> None:
    """I007."""
    assert await house.put("t1", "a" * 60_000)
    assert await refused(house.put("t2", "a" * 70_000)) == (413, "M_TOO_LARGE")


async def test_what_is_no_message_is_refused_and_odd_ones_are_taken(house: House) -> None:
    """I005, I011: a relation that is a text, and NUL."""
    assert (await refused(house.put("t1", {"msgtype": "m.text", "body": 5})))[0] == 400
    assert await house.put("t2", {"msgtype": "m.text", "body": "a", "m.relates_to": "b"})
    assert await house.put("t3", "签到\x00")


async def test_half_a_character_is_an_error_of_the_server(house: House) -> None:
    """I006."""
    where = f"{house.server.url}/_matrix/client/v3/rooms/{quote(house.room)}/send/m.room.message/t1"
    body = '{"msgtype": "m.text", "body": "\\ud800"}'
    headers = {"Authorization": f"Bearer {house.member.account.access_token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.put(where, data=body, headers=headers) as answer:
        assert answer.status == 500


async def test_a_reaction_to_nothing_is_refused(house: House) -> None:
    """I029."""
    relation = {"rel_type": "m.annotation", "event_id": "$nothing", "key": "✅"}
    assert (await refused(house.put("t1", {"m.relates_to": relation}, "m.reaction")))[0] == 400


async def test_an_edit_of_anothers_message_is_taken(house: House) -> None:
    """I025: only we can tell that it is none."""
    first = await house.put("t1", "a")
    other = await house.other()
    relation = {"rel_type": "m.replace", "event_id": first}
    content = {"msgtype": "m.text", "body": "* b", "m.new_content": {"body": "b"}, "m.relates_to": relation}
    assert await other.send(house.room, "m.room.message", content)
    await other.__aexit__()


async def test_a_name_may_turn_the_text_around(house: House) -> None:
    """I004."""
    where = f"/v3/profile/{quote(house.member.user_id)}/displayname"
    await house.member.ask("PUT", where, {"displayname": "a\u202eb"})


async def test_nobody_but_a_bridge_says_when_it_was(house: House) -> None:
    """F21."""
    sent = await house.put("t1", "a", ts="1000")
    where = f"/v3/rooms/{quote(house.room)}/event/{quote(sent)}"
    assert (await house.member.ask("GET", where))["origin_server_ts"] > 10**12


async def test_rooms_are_of_version_twelve_unless_another_is_asked_for(house: House) -> None:
    where = f"/v3/rooms/{quote(house.room)}/state/m.room.create/"
    assert (await house.member.ask("GET", where))["room_version"] == "12"


async def test_whoever_was_not_let_in_reads_and_writes_nothing(house: House) -> None:
    account = await house.server.register(f"contract{next(_numbers)}", PASSWORD)
    async with Member(house.server.url, account) as stranger:
        assert (await refused(stranger.say(house.room, "a")))[0] == 403
        assert (await refused(stranger.history(house.room)))[0] == 403
        assert (await refused(stranger.join(house.room)))[0] == 403


async def test_a_token_that_is_no_more_is_unknown(house: House) -> None:
    """F55."""
    await house.member.ask("POST", "/v3/logout", {})
    assert await refused(house.member.sync()) == (401, "M_UNKNOWN_TOKEN")


@pytest_asyncio.fixture(params=["fake", pytest.param("real", marks=pytest.mark.synapse)])
async def strict_house(request: pytest.FixtureRequest, furnished: Furnish, tmp_path: Path) -> AsyncIterator[House]:
    """Give each of them with a limit of three messages."""
    if request.param == "fake":
        server: FakeServer | Synapse = FakeServer()
        server.burst = 3  # type: ignore[union-attr]
    else:
        slow = {"rc_message": {"per_second": 0.001, "burst_count": 3}}
        server = Synapse(furnished(tmp_path), free_port(), cached_sync=False, settings=slow)
    async with server:
        made = House(server)
        await made.enter()
        yield made
        await made.leave()


async def test_who_is_too_fast_is_told_how_long_to_wait(strict_house: House) -> None:
    """F44, R13: what was refused for this can be sent under the same transaction later."""
    answers: list[int] = []
    room = f"{strict_house.server.url}/_matrix/client/v3/rooms/{quote(strict_house.room)}"
    for number in range(8):
        where = f"{room}/send/m.room.message/t{number}"
        headers = {"Authorization": f"Bearer {strict_house.member.account.access_token}"}
        body = {"msgtype": "m.text", "body": "a"}
        async with aiohttp.ClientSession() as session, session.put(where, json=body, headers=headers) as answer:
            answers.append(answer.status)
            told = await answer.json()
            if answer.status == 429:
                assert told["errcode"] == "M_LIMIT_EXCEEDED"
                assert told["retry_after_ms"] > 0
                assert int(answer.headers["Retry-After"]) > 0
    assert answers[0] == 200
    assert answers[-1] == 429
