"""A homeserver that costs almost nothing: it hands out prepared commands and notes when the answer comes."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from bench.sealing import Members

SERVER = "stub.example"
BOT = f"@zhibu:{SERVER}"
DEVICE = "BENCHDEVICE"
TOKEN = "bench-token"
COMMANDS = ("签到", "请假 事假")
"""Two words that undo each other's effect, so that every one of them is a new fact for who keeps a record."""

MADE_AT = 1_700_000_000_000
NOT_FOUND = (404, {"errcode": "M_NOT_FOUND", "error": "not here"})


def member(number: int) -> str:
    """Return the account of a member."""
    return f"@member{number}:{SERVER}"


def private_room(number: int) -> str:
    """Return the room in which the bot and a member talk."""
    return f"!private{number}:{SERVER}"


def hall(number: int) -> str:
    """Return the room of a branch."""
    return f"!hall{number}:{SERVER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Commands to be said: ``total`` of them over the private rooms, ``in_flight`` at a time or ``per_second``.

    ``halls`` lets members speak in their branch's room, of which there are so many; answers come in private.
    """

    total: int
    in_flight: int = 16
    per_second: float = 0.0
    halls: int = 0


@dataclass(slots=True)
class Saying:
    """A load under way."""

    load: Load
    said: int = 0
    answered: int = 0
    waiting: dict[str, deque[float]] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Stub:
    """Rooms, one bot, and members who say one thing each time they are answered."""

    def __init__(self, rooms: int, *, halls: int = 0, sealed: bool = False) -> None:
        self.rooms = rooms
        self.halls = halls
        self.members = Members([member(number) for number in range(rooms)], BOT, DEVICE) if sealed else None
        self.sent = 0
        """Events that the bot has sent."""
        self._saying: Saying | None = None
        self._loading: asyncio.Task[None] | None = None
        self._turns: Counter[int] = Counter()
        self._there = asyncio.Event()
        self._numbers = itertools.count(1)
        self._batches = itertools.count(1)
        self._news: dict[str, list[str]] = {}
        self._mail: list[dict[str, Any]] = []
        self._listening: Callable[[int, bytes], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[str, str] = {}
        self._devices_of_bot: dict[str, Any] = {}
        self._identity: dict[str, Any] = {}

    # What is said

    async def say_all(self, load: Load) -> dict[str, Any]:
        """Say every command, once the bot is there to hear it; return how long the answers took, in seconds."""
        await self._there.wait()
        self._saying = saying = Saying(load=load)
        pacing = None
        if load.per_second:
            pacing = asyncio.create_task(self._pace(saying))
        else:
            for number in range(min(load.in_flight, load.total)):
                self._say(saying, number)
            self._flush()
        await saying.done.wait()
        if pacing is not None:
            await pacing
        self._saying = None
        return {"latencies": saying.latencies, "seconds": time.monotonic() - saying.began, "sent": self.sent}

    async def _pace(self, saying: Saying) -> None:
        """Say so many a second whatever is answered, as people do who all see the same card."""
        while saying.said < saying.load.total:
            due = int((time.monotonic() - saying.began) * saying.load.per_second) + 1
            while saying.said < min(due, saying.load.total):
                self._say(saying, saying.said)
            self._flush()
            await asyncio.sleep(0.02)

    def _say(self, saying: Saying, place: int) -> None:
        number = place % self.rooms
        text = COMMANDS[self._turns[number] % len(COMMANDS)]
        self._turns[number] += 1
        saying.said += 1
        saying.waiting.setdefault(private_room(number), deque()).append(time.monotonic())
        room = hall(number % saying.load.halls) if saying.load.halls else private_room(number)
        self._put(room, self._message(room, number, text))

    def _message(self, room: str, number: int, text: str) -> str:
        content = {"msgtype": "m.text", "body": text}
        kind = "m.room.message"
        if self.members is not None:
            mail, content = self.members.seal(member(number), room, content)
            self._mail += mail
            kind = "m.room.encrypted"
        return self._event(member(number), kind, content)

    def _event(self, sender: str, kind: str, content: Any, **more: Any) -> str:
        event = {
            "type": kind,
            "sender": sender,
            "content": content,
            "event_id": f"$event{next(self._numbers)}",
            "origin_server_ts": int(time.time() * 1000),
            "unsigned": {"age": 1},
            **more,
        }
        return json.dumps(event)

    def _put(self, room: str, event: str) -> None:
        self._news.setdefault(room, []).append(event)

    def _flush(self) -> None:
        """Answer the sync that waits, if there is one and something to say."""
        if self._listening is None or not (self._news or self._mail):
            return
        listening, self._listening = self._listening, None
        if self._timer is not None:
            self._timer.cancel()
        listening(200, self._batch())

    def _batch(self) -> bytes:
        news, self._news = self._news, {}
        mail, self._mail = self._mail, []
        rooms = ",".join(
            f'{json.dumps(room)}:{{"timeline":{{"events":[{",".join(events)}],"limited":false,"prev_batch":"p"}},'
            f'"state":{{"events":[]}},"ephemeral":{{"events":[]}},"account_data":{{"events":[]}}}}'
            for room, events in news.items()
        )
        return (
            f'{{"next_batch":"s{next(self._batches)}","to_device":{{"events":{json.dumps(mail)}}},'
            f'"device_one_time_keys_count":{{"signed_curve25519":{self._keys_left()}}},'
            '"device_unused_fallback_key_types":["signed_curve25519"],"device_lists":{"changed":[],"left":[]},'
            f'"presence":{{"events":[]}},"account_data":{{"events":[]}},"rooms":{{"join":{{{rooms}}}}}}}'
        ).encode()

    # What the bot asks

    def answer(self, method: str, path: str, query: str, body: bytes, reply: Callable[[int, bytes], None]) -> None:
        """Answer one request; a sync that has nothing to tell is answered later."""
        parts = [unquote(part) for part in path.split("/") if part]
        if parts[:1] == ["bench"]:
            self._loading = asyncio.create_task(self._control(body, reply))
        elif parts[-1:] == ["sync"]:
            self._sync(parse_qs(query), reply)
        elif len(parts) == 8 and parts[5] == "send":
            reply(200, self._sent(parts[4], parts[6], parts[7], body))
        else:
            status, found = self._other(method, parts, json.loads(body) if body else {})
            reply(status, json.dumps(found).encode())

    async def _control(self, body: bytes, reply: Callable[[int, bytes], None]) -> None:
        try:
            reply(200, json.dumps(await self.say_all(Load(**json.loads(body)))).encode())
        except Exception as error:
            reply(500, json.dumps({"error": repr(error)}).encode())
            raise

    def _sync(self, query: dict[str, list[str]], reply: Callable[[int, bytes], None]) -> None:
        if "since" not in query:
            reply(200, self._first_batch())
            return
        if self.members is None or self.members.reachable:
            self._there.set()
        if self._news or self._mail or query.get("timeout", ["0"])[0] == "0":
            reply(200, self._batch())
            return
        self._listening = reply
        wait = int(query["timeout"][0]) / 1000
        self._timer = asyncio.get_running_loop().call_later(wait, self._nothing_new)

    def _nothing_new(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening(200, self._batch())

    def hang_up(self, reply: Callable[[int, bytes], None]) -> None:
        """Know that a connection is gone: nothing is told to it, and nothing said before a bot is there again."""
        if self._listening == reply:
            self._listening = None
            self._there.clear()

    def _first_batch(self) -> bytes:
        join = {
            room: {"timeline": {"events": [], "limited": False}, "state": {"events": self._state(room)}}
            for room in self._all_rooms()
        }
        return json.dumps(
            {
                "next_batch": "s0",
                "rooms": {"join": join},
                "device_one_time_keys_count": {"signed_curve25519": self._keys_left()},
                "device_unused_fallback_key_types": ["signed_curve25519"],
                "device_lists": {"changed": [], "left": []},
                "to_device": {"events": []},
                "presence": {"events": []},
                "account_data": {"events": []},
            }
        ).encode()

    def _keys_left(self) -> int:
        return 50 if self.members is None else self.members.keys_left

    def _all_rooms(self) -> list[str]:
        return [*map(private_room, range(self.rooms)), *map(hall, range(self.halls))]

    def _people(self, room: str) -> list[str]:
        if room.startswith("!hall"):
            number = int(room[5:].partition(":")[0])
            return [BOT, *(member(one) for one in range(number, self.rooms, max(self.halls, 1)))]
        return [BOT, member(int(room[8:].partition(":")[0]))]

    def _state(self, room: str) -> list[dict[str, Any]]:
        def state(kind: str, content: dict[str, Any], key: str = "", sender: str = BOT) -> dict[str, Any]:
            return {
                "type": kind,
                "state_key": key,
                "content": content,
                "sender": sender,
                "event_id": f"$state{next(self._numbers)}",
                "origin_server_ts": MADE_AT,
            }

        found = [
            state("m.room.create", {"room_version": "11", "creator": BOT}),
            state("m.room.join_rules", {"join_rule": "invite"}),
            state("m.room.history_visibility", {"history_visibility": "shared"}),
            state("m.room.power_levels", {"users": {BOT: 100}, "users_default": 0}),
            *(state("m.room.member", {"membership": "join"}, one, one) for one in self._people(room)),
        ]
        if self.members is not None and not room.startswith("!hall"):
            found.append(state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
        return found

    def _sent(self, room: str, kind: str, transaction: str, body: bytes) -> bytes:
        known = self._seen.get(transaction)
        if known is None:
            known = self._seen[transaction] = f"$sent{next(self._numbers)}"
            self.sent += 1
            unsigned = {"transaction_id": transaction}
            self._put(room, self._event(BOT, kind, json.loads(body), event_id=known, unsigned=unsigned))
            self._heard(room)
        return b'{"event_id":"%s"}' % known.encode()

    def _heard(self, room: str) -> None:
        """Note an answer, and say the next thing; the bot hears its own words with it, as on any homeserver."""
        saying = self._saying
        asked = saying.waiting.get(room) if saying is not None else None
        if saying is None or not asked:
            return
        saying.latencies.append(time.monotonic() - asked.popleft())
        saying.answered += 1
        if saying.answered == saying.load.total:
            saying.done.set()
        elif not saying.load.per_second and saying.said < saying.load.total:
            self._say(saying, saying.said)
            self._flush()

    def _other(self, method: str, parts: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        """Answer what bots ask at their start."""
        match parts:
            case [*_, "versions"]:
                return 200, {"versions": ["v1.11"]}
            case [*_, "login"] | [*_, "whoami"]:
                return 200, {"user_id": BOT, "device_id": DEVICE, "access_token": TOKEN, "is_guest": False}
            case [*_, "filter"]:
                return 200, {"filter_id": "1"}
            case [*_, "filter", _]:
                return 200, {}
            case [*_, "joined_rooms"]:
                return 200, {"joined_rooms": self._all_rooms()}
            case [*_, "keys", "upload"]:
                self._take_keys(body)
                return 200, {"one_time_key_counts": {"signed_curve25519": self._keys_left()}}
            case [*_, "keys", "query"]:
                return 200, self._devices(body.get("device_keys", {}))
            case [*_, "keys", "claim"]:
                claimed = self.members.claim(body.get("one_time_keys", {})) if self.members else {}
                return 200, {"one_time_keys": claimed, "failures": {}}
            case [*_, "device_signing", "upload"]:
                self._identity = {f"{name}s": {BOT: key} for name, key in body.items() if name.endswith("_key")}
                return 200, {}
            case [*_, "signatures", "upload"]:
                for device, signed in body.get(BOT, {}).items():
                    self._devices_of_bot[device]["signatures"][BOT] |= signed["signatures"][BOT]
                return 200, {"failures": {}}
            case [*_, "rooms", room, "members"]:
                return 200, {"chunk": [one for one in self._state(room) if one["type"] == "m.room.member"]}
            case [*_, "rooms", room, "joined_members"]:
                return 200, {"joined": {one: {"display_name": one} for one in self._people(room)}}
            case [*_, "rooms", room, "state"]:
                return 200, self._state(room)
            case [*_, "rooms", room, "state", kind] | [*_, "rooms", room, "state", kind, _]:
                found = [one["content"] for one in self._state(room) if one["type"] == kind]
                return (200, found[0]) if found else NOT_FOUND
            case [*_, "account_data", _] if method == "GET":
                return NOT_FOUND
            case _:
                return 200, {}

    def _take_keys(self, body: dict[str, Any]) -> None:
        if "device_keys" in body:
            self._devices_of_bot[DEVICE] = body["device_keys"]
        if self.members is not None:
            self.members.take_upload(body)

    def _devices(self, users: dict[str, Any]) -> dict[str, Any]:
        found = self.members.devices(users) if self.members is not None else {}
        if BOT in users and self._devices_of_bot:
            found[BOT] = self._devices_of_bot
        return {"device_keys": found, "failures": {}, **(self._identity if BOT in users else {})}


class Connection(asyncio.Protocol):
    """One connection: just enough HTTP for clients that behave."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Let the stub know."""
        self._stub.hang_up(self._reply)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _length(head)
            if length < 0:
                body, rest = _chunked(self._buffer[end + 4 :])
                if body is None:
                    return
                self._buffer = rest
            elif len(self._buffer) < end + 4 + length:
                return
            else:
                body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            method, target, _ = head[: head.index(b"\r\n")].decode().split(" ", 2)
            path, _, query = target.partition("?")
            self._stub.answer(method, path, query, body, self._reply)

    def _reply(self, status: int, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
                + body
            )


def _length(head: bytes) -> int:
    """Return the length of a body, -1 where it comes in pieces."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-length":
            return int(value)
        if name == b"transfer-encoding" and value.strip().lower() == b"chunked":
            return -1
    return 0


def _chunked(data: bytes) -> tuple[bytes | None, bytes]:
    """Return a body that came in pieces and what follows it; ``None`` while it is not complete."""
    body = b""
    while (end := data.find(b"\r\n")) >= 0:
        size = int(data[:end], 16)
        if len(data) < end + 2 + size + 2:
            return None, b""
        body += data[end + 2 : end + 2 + size]
        data = data[end + 4 + size :]
        if size == 0:
            return body, data
    return None, b""


async def serve(stub: Stub) -> tuple[asyncio.Server, str]:
    """Listen on a free port of the loopback address and return the server with its URL."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _run(stub: Stub, ready: Path) -> None:
    server, url = await serve(stub)
    ready.with_suffix(".new").write_text(url)
    ready.with_suffix(".new").replace(ready)
    await server.serve_forever()


def main() -> None:
    """Serve until ended; the address is written into the file that ``--ready`` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, required=True)
    parser.add_argument("--halls", type=int, default=0)
    parser.add_argument("--sealed", action="store_true")
    parser.add_argument("--core", type=int)
    parser.add_argument("--ready", type=Path, required=True)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    asyncio.run(_run(Stub(given.rooms, halls=given.halls, sealed=given.sealed), given.ready))


if __name__ == "__main__":
    main()
