"""No failure of the homeserver, or of a proxy before it, passes for a success, and none is final by accident."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import content
from bot.matrix.events import Poison
from bot.matrix.faults import Fault, Kind, TokenRevoked, fault_of, must
from bot.matrix.homeserver import Homeserver
from bot.matrix.wire import Wire
from tests.broken_proxy import BAD_GATEWAY, BROKEN, ODD, PORTAL, BrokenProxy, Lie
from tests.pieces import pieces

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Bots, People

Call = Callable[[Homeserver], Awaitable[object]]
NOTICE = {"msgtype": "m.notice", "body": "课程"}
CALLS: dict[str, Call] = {
    "sync": lambda bot: bot.sync(None, 0),
    "send": lambda bot: bot.send("!room", "m.room.message", NOTICE, "t"),
    "redact": lambda bot: bot.redact("!room", "$event", "t"),
    "find_sent": lambda bot: bot.find_sent("!room", "mark", datetime.now(UTC)),
    "read_again": lambda bot: bot.read_again("!room", "$event"),
    "state": lambda bot: bot.state("!room"),
    "state_event": lambda bot: bot.state_event("!room", "m.room.name"),
    "set_state": lambda bot: bot.set_state("!room", "m.room.name", {"name": "x"}),
    "create_room": lambda bot: bot.create_room(alias="x"),
    "resolve": lambda bot: bot.resolve("x"),
    "invite": lambda bot: bot.invite("!room", "@a:b"),
    "join": lambda bot: bot.join("!room"),
    "leave": lambda bot: bot.leave("!room"),
    "members": lambda bot: bot.members("!room"),
    "set_display_name": lambda bot: bot.set_display_name("x"),
    "upload": lambda bot: bot.upload(pieces(b"x"), "image/png", "x.png", size=1, encrypted=False),
    "upload_limit": lambda bot: bot.upload_limit(),
}


@pytest.mark.synapse
async def test_no_call_takes_a_proxys_page_for_a_success(bots: Bots, proxy: BrokenProxy) -> None:
    """N33, F45."""
    bot = await bots.start(url=proxy.url)
    for lie in (BAD_GATEWAY, PORTAL, BROKEN, ODD):
        proxy.lie("/", lie)
        for name, call in CALLS.items():
            with pytest.raises(Fault) as fault:
                await call(bot)
            assert not fault.value.permanent, (name, lie)
            assert not isinstance(fault.value, TokenRevoked), (name, lie)


@pytest.mark.synapse
@pytest.mark.parametrize("endpoint", ["sendToDevice", "keys/claim", "keys/query", "/members"])
@pytest.mark.parametrize("lie", [BAD_GATEWAY, PORTAL], ids=["502", "portal"])
async def test_a_message_nobody_could_read_is_not_sent_and_the_next_one_is_read_by_all(
    bots: Bots, people: People, proxy: BrokenProxy, endpoint: str, lie: Lie
) -> None:
    """N45."""
    bot = await bots.start(url=proxy.url)
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    proxy.lie(endpoint, lie)
    with pytest.raises(Fault) as fault:
        await bot.send(room_id, "m.room.message", NOTICE, "t1")
    assert fault.value.kind is Kind.KEYS
    assert not fault.value.permanent
    assert not fault.value.doubtful
    proxy.heal()
    await bot.send(room_id, "m.room.message", NOTICE, "t1")
    await bot.send(room_id, "m.room.message", NOTICE, "t2")
    assert await member.read(room_id) == ["课程", "课程"]


@pytest.mark.synapse
async def test_a_limit_on_the_key_exchange_is_a_limit(bots: Bots, people: People, proxy: BrokenProxy) -> None:
    bot = await bots.start(url=proxy.url)
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    limited = Lie(429, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}', "application/json")
    proxy.lie("keys/claim", limited, times=1)
    with pytest.raises(Fault) as fault:
        await bot.send(room_id, "m.room.message", NOTICE, "t1")
    assert (fault.value.kind, fault.value.retry_after) == (Kind.LIMITED, 1.5)
    await bot.send(room_id, "m.room.message", NOTICE, "t1")
    assert await member.read(room_id) == ["课程"]


@pytest.mark.synapse
async def test_a_send_cut_off_at_any_call_leaves_the_room_usable(
    bots: Bots, people: People, proxy: BrokenProxy
) -> None:
    """N44."""
    bot = await bots.start(url=proxy.url)
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    for endpoint in ("/members", "keys/query", "keys/claim", "sendToDevice", "/send/"):
        proxy.hold(endpoint)
        sending = asyncio.create_task(bot.send(room_id, "m.room.message", NOTICE, f"t-{endpoint}"))
        await proxy.reached.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        proxy.heal()
        await bot.send(room_id, "m.room.message", NOTICE, f"after-{endpoint}")
    heard = await member.read(room_id)
    assert heard.count("课程") >= 5
    assert "?" not in heard


@pytest.mark.synapse
async def test_an_answer_lost_on_the_way_back_is_doubtful_and_the_same_transaction_settles_it(
    bots: Bots, people: People, proxy: BrokenProxy
) -> None:
    """F46."""
    bot = await bots.start(url=proxy.url)
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    proxy.after = True
    proxy.lie("/send/", BAD_GATEWAY, times=1)
    with pytest.raises(Fault) as fault:
        await bot.send(room_id, "m.room.message", NOTICE, "t1")
    assert fault.value.doubtful
    await bot.send(room_id, "m.room.message", NOTICE, "t1")
    said = [event for event in await member.history(room_id) if event["type"] == "m.room.message"]
    assert len(said) == 1


@pytest.mark.synapse
async def test_many_sends_at_once_keep_their_order_and_all_arrive(bot: Homeserver, people: People) -> None:
    """N36, N47."""
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    wanted = [f"part {number}" for number in range(120)]  # past the rotation at 100 messages
    await asyncio.gather(
        *[
            bot.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": text}, f"p{number}")
            for number, text in enumerate(wanted)
        ]
    )
    response = await member.sync()
    room = response.rooms.join[room_id]
    page = await member.client.room_messages(room_id, start=response.next_batch, limit=130)
    heard = [event.body for event in reversed(page.chunk) if hasattr(event, "body")]
    assert heard == wanted
    assert room.timeline.limited


@pytest.mark.synapse
async def test_a_gap_that_cannot_be_filled_holds_its_batch_back_but_not_for_ever_and_can_be_filled_later(
    bots: Bots, people: People, proxy: BrokenProxy
) -> None:
    """F53."""
    bot = await bots.start(url=proxy.url, timeline_limit=2)
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    for number in range(6):
        await member.say(room_id, str(number))
    proxy.lie("/messages", BAD_GATEWAY)
    for _ in range(2):
        with pytest.raises(Fault):
            await bot.sync(first.next_batch, 0)
    batch = await bot.sync(first.next_batch, 0)
    [room] = batch.rooms
    assert [event.content["body"] for event in room.timeline] == ["4", "5"]  # type: ignore[union-attr]
    assert room.gap
    with pytest.raises(Fault):
        await bot.fill(room_id, room.gap)
    proxy.heal()
    missed, rest = await bot.fill(room_id, room.gap)
    assert [event.content["body"] for event in missed] == ["0", "1", "2", "3"]  # type: ignore[union-attr]
    assert rest is None


@pytest.mark.synapse
async def test_a_gap_that_fails_once_is_filled_at_the_next_try(bots: Bots, people: People, proxy: BrokenProxy) -> None:
    """F53."""
    bot = await bots.start(url=proxy.url, timeline_limit=2)
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    for number in range(6):
        await member.say(room_id, str(number))
    proxy.lie("/messages", BAD_GATEWAY, times=1)
    with pytest.raises(Fault):
        await bot.sync(first.next_batch, 0)
    [room] = (await bot.sync(first.next_batch, 0)).rooms
    assert [event.content["body"] for event in room.timeline] == list("012345")  # type: ignore[union-attr]
    assert room.gap is None


@pytest.mark.synapse
@pytest.mark.parametrize("start", [None, 5, "", "x" * 5000])
async def test_a_gap_whose_beginning_is_not_named_is_filled_from_the_newest_event_back(
    bots: Bots, people: People, proxy: BrokenProxy, start: object
) -> None:
    """F53: a limited timeline whose ``prev_batch`` is missing or no token loses nothing."""
    bot = await bots.start(url=proxy.url)
    member = await people.plain()
    room_id = await bot.create_room(encrypted=False, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    for number in range(6):
        await member.say(room_id, str(number))
    timeline = {"limited": True, "events": []} | ({} if start is None else {"prev_batch": start})
    body = {"next_batch": "s2", "rooms": {"join": {room_id: {"timeline": timeline}}}}
    proxy.lie("/sync", Lie(200, json.dumps(body).encode(), "application/json"))
    [room] = (await bot.sync(first.next_batch, 0)).rooms
    assert [event.content["body"] for event in room.timeline] == list("012345")  # type: ignore[union-attr]
    assert room.gap is None


@pytest.mark.synapse
async def test_one_bad_room_never_stops_the_start(
    bots: Bots, proxy: BrokenProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14, N12: a room on which our own code breaks, or with a name that none may have, is one letter; others go on."""
    bot = await bots.start(url=proxy.url)
    real = Homeserver._learn_room

    def breaks(self: Homeserver, room_id: str, *args: Any, **more: Any) -> None:
        if room_id == "!bad":
            raise ZeroDivisionError
        real(self, room_id, *args, **more)

    monkeypatch.setattr(Homeserver, "_learn_room", breaks)
    joined = {name: {"timeline": {"events": [GOOD_EVENT]}} for name in ("!bad", "!" + "x" * 300, "", "!good")}
    body = {"next_batch": "s2", "rooms": {"join": joined}}
    proxy.lie("/sync", Lie(200, json.dumps(body).encode(), "application/json"))
    batch = await bot.sync(None, 0)
    assert [room.room_id for room in batch.rooms] == ["!bad", "!good"]
    [poison] = batch.rooms[0].timeline
    assert isinstance(poison, Poison)
    assert poison.reason == "room ZeroDivisionError"
    assert [event.event_id for event in batch.rooms[1].timeline] == ["$good"]


@pytest.mark.synapse
async def test_a_kill_between_making_and_uploading_keys_does_not_make_the_bot_deaf(
    bots: Bots, people: People, proxy: BrokenProxy
) -> None:
    """N51."""
    proxy.after = True
    proxy.lie("keys/upload", BAD_GATEWAY, times=1)  # the homeserver has the keys, the bot never hears so
    localpart = (await bots.synapse.register("halfway", "a long password")).user_id[1:].partition(":")[0]
    with pytest.raises(Fault):
        await bots.start(localpart=localpart, url=proxy.url)
    bot = await bots.start(localpart=localpart, url=proxy.url)
    member = await people.encrypting()
    room_id = await bot.create_room(encrypted=True, invite=[member.user_id])
    await member.join(room_id)
    first = await bot.sync(None, 0)
    await bot.settle_keys()
    await member.sync()
    await member.say(room_id, "签到")
    batch = await bot.sync(first.next_batch, 0)
    assert [event.content["body"] for room in batch.rooms for event in room.timeline] == ["签到"]  # type: ignore[union-attr]


GOOD_EVENT = {
    "type": "m.room.message",
    "event_id": "$good",
    "sender": "@member:x",
    "origin_server_ts": 1_790_000_000_000,
    "content": {"body": "学完"},
}
WRONG: list[Any] = [
    None,
    True,
    5,
    -1.5,
    "x",
    [],
    [[]],
    [None],
    {},
    {"x": None},
    {"events": {}},
    {"events": [5, None, {}]},
]
PLACES = [
    ("rooms",),
    ("rooms", "join"),
    ("rooms", "join", "!bad"),
    ("rooms", "join", "!bad", "timeline"),
    ("rooms", "join", "!bad", "timeline", "events"),
    ("rooms", "join", "!bad", "timeline", "limited"),
    ("rooms", "join", "!bad", "timeline", "prev_batch"),
    ("rooms", "join", "!bad", "state"),
    ("rooms", "join", "!bad", "state", "events"),
    ("rooms", "leave"),
    ("rooms", "leave", "!gone"),
    ("rooms", "leave", "!gone", "timeline"),
    ("rooms", "invite"),
    ("rooms", "invite", "!new"),
    ("rooms", "invite", "!new", "invite_state"),
    ("rooms", "knock"),
    ("rooms", "knock", "!door"),
    ("to_device",),
    ("to_device", "events"),
    ("device_lists",),
    ("device_lists", "changed"),
    ("device_one_time_keys_count",),
    ("device_one_time_keys_count", "signed_curve25519"),
    ("device_unused_fallback_key_types",),
    ("presence",),
    ("account_data",),
]


def body_with(place: tuple[str, ...], wrong: Any) -> bytes:
    """Make a sync body with one good room, and a wrong value at one place."""
    body: dict[str, Any] = {
        "next_batch": "s2",
        "rooms": {"join": {"!good": {"timeline": {"events": [GOOD_EVENT]}}}, "leave": {}, "invite": {}, "knock": {}},
    }
    at = body
    for name in place[:-1]:
        at = at.setdefault(name, {})
    at[place[-1]] = wrong
    return json.dumps(body).encode()


@pytest.mark.synapse
async def test_a_wrong_type_anywhere_in_a_sync_leaves_the_other_rooms_alone(bots: Bots, proxy: BrokenProxy) -> None:
    """N12, N19, F48."""
    bot = await bots.start(url=proxy.url)
    bot.seed([("!good", False), ("!bad", False)])
    for place in PLACES:
        for wrong in WRONG:
            proxy.lie("/sync", Lie(200, body_with(place, wrong), "application/json"))
            batch = await bot.sync("s1", 0)
            assert batch.next_batch == "s2"
            if place not in {("rooms",), ("rooms", "join")}:
                [good] = [room for room in batch.rooms if room.room_id == "!good"]
                assert [event.event_id for event in good.timeline] == ["$good"], (place, wrong)
    for wrong in (None, 5, "", []):
        proxy.lie("/sync", Lie(200, body_with(("next_batch",), wrong), "application/json"))
        with pytest.raises(Fault):
            await bot.sync("s1", 0)


def test_an_answer_is_good_only_with_status_200_and_json_of_the_expected_shape() -> None:
    """N33, F45."""
    assert must(200, "application/json", {}, {"a": 1}, dict) == {"a": 1}
    bad: list[tuple[int, str, object]] = [
        (200, "text/html", {"a": 1}),
        (200, "application/json", None),
        (200, "application/json", []),
        (204, "application/json", {}),
        (500, "application/json", {"a": 1}),
    ]
    for status, kind, body in bad:
        with pytest.raises(Fault) as fault:
            must(status, kind, {}, body, dict)
        assert not fault.value.permanent


def test_a_limit_tells_how_long_to_wait_by_body_and_by_header() -> None:
    """N35, F44."""
    assert fault_of(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, {}).retry_after == 1.5
    assert fault_of(429, {}, {"Retry-After": "7"}).retry_after == 7
    assert fault_of(429, {"retry_after_ms": 1000}, {"Retry-After": "7"}).retry_after == 7
    assert fault_of(429, {"retry_after_ms": "soon"}, {"Retry-After": "Wed, 21 Oct"}).retry_after is None
    assert not fault_of(429, {}, {}).permanent


def test_a_limit_may_be_huge_or_a_date_and_is_believed_for_a_day() -> None:
    """F44, N35: header and body are both read, and the longer of them is kept."""
    hour = {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 7_200_000}
    assert fault_of(429, hour, {}).retry_after == 7200
    assert fault_of(429, hour, {"Retry-After": "9000"}).retry_after == 9000
    assert fault_of(429, {"retry_after_ms": 10**15}, {}).retry_after == 86_400
    dated = {"Date": "Wed, 01 Jul 2026 04:00:00 GMT", "Retry-After": "Wed, 01 Jul 2026 04:10:00 GMT"}
    assert fault_of(429, {}, dated).retry_after == 600
    for nonsense in ("soon", "-5", "1e9", "Wed, 99 Jul 2026 99:00:00 GMT"):
        assert fault_of(429, {}, {"Retry-After": nonsense}).retry_after is None
    assert fault_of(429, {"retry_after_ms": -1}, {}).retry_after is None


def test_only_the_homeservers_own_word_makes_a_fault_permanent_or_a_login_revoked() -> None:
    """F55."""
    assert isinstance(fault_of(401, {"errcode": "M_UNKNOWN_TOKEN"}, {}), TokenRevoked)
    assert not isinstance(fault_of(401, {}, {}), TokenRevoked)
    assert not fault_of(403, {}, {}).permanent
    assert fault_of(403, {"errcode": "M_FORBIDDEN"}, {}).permanent
    assert fault_of(413, {"errcode": "M_TOO_LARGE"}, {}).kind is Kind.TOO_LARGE
    assert not fault_of(503, {"errcode": "M_UNKNOWN"}, {}).permanent
    assert fault_of(404, {"errcode": "M_NOT_FOUND"}, {}).kind is Kind.MISSING


async def test_a_homeserver_that_is_not_there_is_unreachable_and_one_that_is_silent_is_slow() -> None:
    """N11, F47."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = Wire(f"http://127.0.0.1:{port}", deadline=0.1)
    with pytest.raises(Fault) as fault:
        await wire.ask("GET", "/")
    assert fault.value.kind is Kind.SLOW
    server.close()
    await server.wait_closed()
    with pytest.raises(Fault) as fault:
        await wire.ask("GET", "/")
    assert fault.value.kind is Kind.UNREACHABLE
    await wire.close()


def test_every_kind_of_fault_has_its_sentence_in_both_languages() -> None:
    parts = Path(content.__file__).parent / "locale" / "parts"
    for language in ("zh_CN", "en"):
        text = (parts / f"fault.{language}.po").read_text()
        assert {kind for kind in Kind if f'msgid "{Fault(kind).key}"' not in text} == set()
