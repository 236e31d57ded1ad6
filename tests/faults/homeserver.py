"""A homeserver on a port of its own for programs that are killed: rooms, transactions, gaps and faults as told."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from zhibu.demo.synapse import Account

SERVER = "fake.example"
LARGEST = 65_536
"""Bytes of one event that a homeserver takes."""

Body = dict[str, Any]
Handler = Callable[["Call"], Awaitable[Any]]


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, errcode: str, **more: Any) -> None:
        super().__init__(errcode)
        self.status = status
        self.body = {"errcode": errcode, "error": errcode, **more}


@dataclass(slots=True)
class Room:
    """What a room holds: its events in order, each with its place in the stream, and its state as it is."""

    id: str
    events: list[tuple[int, Body]] = field(default_factory=list)
    state: dict[tuple[str, str], Body] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    """Where in the stream each person came in last."""

    def membership(self, user: str) -> str | None:
        found = self.state.get(("m.room.member", user))
        return found["content"].get("membership") if found else None


@dataclass(frozen=True, slots=True)
class Call:
    """One request with who makes it."""

    parts: list[str]
    query: dict[str, str]
    body: Body
    user: str
    device: str
    raw: web.Request


class FakeServer:
    """Accounts, rooms and devices in memory. ``url`` is where it listens once it was entered."""

    def __init__(self) -> None:
        self.url = ""
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.requests = 0
        self.forgetful = False
        """Whether every repetition of a transaction is a new event, as on no homeserver."""
        self.hides_history = False
        """Whether nothing that was sent can be read back."""
        self.lost_answers = 0
        """How many of the next sends are carried out, and their answer never comes."""
        self.failing: list[Refused] = []
        """What the next sends are refused with."""
        self.burst: int | None = None
        """How many messages an account may send before it is told to wait for a minute."""
        self._sent: Counter[str] = Counter()
        self._stream = 0
        self._numbers = itertools.count(1)
        self._passwords: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, str]] = {}
        self._transactions: dict[tuple[str, str, str, str], str] = {}
        self._device_keys: dict[str, dict[str, Body]] = {}
        self._identities: dict[str, Body] = {}
        self._one_time: dict[tuple[str, str], Body] = {}
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeServer:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, port: int = 0) -> None:
        """Begin to listen; with the port of before it is the same server again."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]

    async def close(self) -> None:
        """Stop listening; everything is kept."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._wake()
            await runner.cleanup()

    async def restart(self) -> None:
        """Be away for a moment, and the same afterwards."""
        port = int(self.url.rpartition(":")[2])
        await self.close()
        await self.open(port)

    def lose_transactions(self) -> None:
        """Forget which transactions were seen, as happens after a day."""
        self._transactions.clear()

    async def register(self, name: str, password: str = "a long password") -> Account:
        """Make an account with a device that is signed in."""
        user = f"@{name}:{SERVER}"
        self._passwords[user] = password
        return self._sign_in(user, None)

    def count(self, room: str) -> int:
        """Return how many events a room has."""
        return len(self.rooms[room].events)

    # Answering

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        try:
            return web.json_response(await self._dispatch(request), dumps=_dumps)
        except Refused as refused:
            wait = refused.body.get("retry_after_ms")
            headers = {"Retry-After": str(-(-wait // 1000))} if wait else None
            return web.json_response(refused.body, status=refused.status, headers=headers)

    async def _dispatch(self, request: web.Request) -> Any:
        parts = [part for part in request.path.split("/") if part]
        raw = await request.read()
        body: Body = {}
        if raw and "upload" not in parts[-1:]:
            try:
                body = json.loads(raw)
            except ValueError:
                raise Refused(400, "M_NOT_JSON") from None
        elif raw and parts[:2] == ["_matrix", "client"]:
            body = json.loads(raw)
        if parts[-1:] == ["versions"]:
            return {"versions": ["v1.11"]}
        if parts[-1:] == ["login"]:
            return self._login(body)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            raise Refused(401, "M_UNKNOWN_TOKEN", soft_logout=False)
        user, device = self._tokens[token]
        call = Call(parts, dict(request.query), body, user, device, request)
        if parts[-1:] == ["logout"]:
            del self._tokens[token]
            return {}
        return await self._serve(call, request.method)

    async def _serve(self, call: Call, method: str) -> Any:
        match (method, *call.parts[3:]):
            case ("GET", "sync"):
                return await self._sync(call)
            case ("PUT", "rooms", room, "send", kind, transaction):
                return await self._send(call, room, kind, transaction)
            case ("PUT", "rooms", room, "redact", event, transaction):
                return await self._redact(call, room, event, transaction)
            case ("GET", "rooms", room, "messages"):
                return self._messages(call, self._joined(room, call.user))
            case ("GET", "rooms", room, "event", event):
                return self._event(self._joined(room, call.user), event)
            case ("GET", "rooms", room, "state"):
                return list(self._joined(room, call.user).state.values())
            case (_, "rooms", room, "state", kind, *rest):
                return self._state(call, method, room, kind, rest[0] if rest else "")
            case ("GET", "rooms", room, "members"):
                found = self._joined(room, call.user).state
                return {"chunk": [event for (kind, _), event in found.items() if kind == "m.room.member"]}
            case ("GET", "rooms", room, "joined_members"):
                there = self._joined(room, call.user)
                names = [key for kind, key in there.state if kind == "m.room.member"]
                return {"joined": {one: {} for one in names if there.membership(one) == "join"}}
            case ("POST", "rooms", room, "invite"):
                return self._move(self._joined(room, call.user), call.user, call.body["user_id"], "invite")
            case ("POST", "rooms", room, "kick"):
                return self._move(self._joined(room, call.user), call.user, call.body["user_id"], "leave")
            case ("POST", "rooms", room, "join") | ("POST", "join", room):
                return self._join(room, call.user)
            case ("POST", "rooms", room, "leave"):
                return self._move(self._known(room), call.user, call.user, "leave")
            case ("POST", "createRoom"):
                return self._create(call)
            case ("GET", "directory", "room", alias):
                if alias not in self.aliases:
                    raise Refused(404, "M_NOT_FOUND")
                return {"room_id": self.aliases[alias]}
            case ("GET", "joined_rooms"):
                joined = [one.id for one in self.rooms.values() if one.membership(call.user) == "join"]
                return {"joined_rooms": joined}
            case ("GET", "account", "whoami"):
                return {"user_id": call.user, "device_id": call.device}
            case (_, "keys", *_) | (_, "sendToDevice", *_):
                return self._keys(call)
            case ("POST", "upload"):
                return {"content_uri": f"mxc://{SERVER}/m{next(self._numbers)}"}
            case ("GET", "media", "config") | ("GET", "config"):
                return {"m.upload.size": 50 << 20}
            case ("PUT", "profile", *_) | ("POST", "user", _, "filter"):
                return {"filter_id": "1"}
            case _:
                raise Refused(404, "M_UNRECOGNIZED")

    # Who is here

    def _login(self, body: Body) -> Body:
        name = body["identifier"]["user"]
        user = name if name.startswith("@") else f"@{name}:{SERVER}"
        if self._passwords.get(user) != body.get("password"):
            raise Refused(403, "M_FORBIDDEN")
        account = self._sign_in(user, body.get("device_id"))
        return {"user_id": user, "device_id": account.device_id, "access_token": account.access_token}

    def _sign_in(self, user: str, device: str | None) -> Account:
        device = device or f"DEVICE{next(self._numbers)}"
        token = f"token{next(self._numbers)}"
        self._tokens[token] = (user, device)
        return Account(user_id=user, access_token=token, device_id=device, password=self._passwords[user])

    def _keys(self, call: Call) -> Body:
        keys, one_time = self._device_keys, self._one_time
        match call.parts[3:]:
            case ["keys", "upload"]:
                if "device_keys" in call.body:
                    keys.setdefault(call.user, {})[call.device] = call.body["device_keys"]
                one_time.setdefault((call.user, call.device), {}).update(call.body.get("one_time_keys", {}))
                return {"one_time_key_counts": self._left(call)}
            case ["keys", "query"]:
                asked = call.body.get("device_keys", {})
                found: Body = {"device_keys": {user: keys.get(user, {}) for user in asked}, "failures": {}}
                for user in asked:
                    for name, key in self._identities.get(user, {}).items():
                        found.setdefault(name, {})[user] = key
                return found
            case ["keys", "device_signing", "upload"]:
                ours = {f"{name}s": key for name, key in call.body.items() if name.endswith("_key")}
                self._identities.setdefault(call.user, {}).update(ours)
                return {}
            case ["keys", "signatures", "upload"]:
                for device, signed in call.body.get(call.user, {}).items():
                    mine = keys[call.user][device].setdefault("signatures", {}).setdefault(call.user, {})
                    mine.update(signed["signatures"][call.user])
                return {"failures": {}}
            case ["keys", "claim"]:
                return {"one_time_keys": {}, "failures": {}}
            case _:
                return {}

    def _left(self, call: Call) -> Body:
        return {"signed_curve25519": len(self._one_time.get((call.user, call.device), {}))}

    # Rooms

    def _known(self, room: str) -> Room:
        if room not in self.rooms:
            raise Refused(403, "M_FORBIDDEN")
        return self.rooms[room]

    def _joined(self, room: str, user: str) -> Room:
        found = self._known(room)
        if found.membership(user) != "join":
            raise Refused(403, "M_FORBIDDEN")
        return found

    def _create(self, call: Call) -> Body:
        body, me = call.body, call.user
        alias = f"#{body['room_alias_name']}:{SERVER}" if "room_alias_name" in body else None
        if alias in self.aliases:
            raise Refused(400, "M_ROOM_IN_USE")
        room = Room(f"!room{next(self._numbers)}:{SERVER}")
        self.rooms[room.id] = room
        if alias is not None:
            self.aliases[alias] = room.id
        created = {"room_version": body.get("room_version", "12"), **body.get("creation_content", {})}
        self._put(room, me, "m.room.create", created, "")
        self._put(room, me, "m.room.member", {"membership": "join"}, me)
        self._put(room, me, "m.room.power_levels", {"users": {}, **body.get("power_level_content_override", {})}, "")
        self._put(room, me, "m.room.join_rules", {"join_rule": "invite"}, "")
        for key in ("name", "topic"):
            if body.get(key):
                self._put(room, me, f"m.room.{key}", {key: body[key]}, "")
        for one in body.get("initial_state", []):
            self._put(room, me, one["type"], one["content"], one.get("state_key", ""))
        for user in body.get("invite", []):
            direct = {"is_direct": True} if body.get("is_direct") else {}
            self._put(room, me, "m.room.member", {"membership": "invite", **direct}, user)
        return {"room_id": room.id}

    def _join(self, room_id: str, user: str) -> Body:
        room = self._known(room_id)
        if room.membership(user) not in ("invite", "join"):
            raise Refused(403, "M_FORBIDDEN")
        if room.membership(user) != "join":
            self._put(room, user, "m.room.member", {"membership": "join"}, user)
        return {"room_id": room_id}

    def _move(self, room: Room, by: str, user: str, membership: str) -> Body:
        if membership == "invite" and room.membership(user) == "join":
            raise Refused(403, "M_FORBIDDEN")
        self._put(room, by, "m.room.member", {"membership": membership}, user)
        return {}

    def _state(self, call: Call, method: str, room_id: str, kind: str, key: str) -> Body:
        room = self._joined(room_id, call.user)
        if method == "PUT":
            now = room.state.get((kind, key))
            if now is not None and now["content"] == call.body:
                return {"event_id": now["event_id"]}
            return {"event_id": self._put(room, call.user, kind, call.body, key)}
        if (kind, key) not in room.state:
            raise Refused(404, "M_NOT_FOUND")
        content: Body = room.state[kind, key]["content"]
        return content

    # What is said

    async def _send(self, call: Call, room_id: str, kind: str, transaction: str) -> Body:
        room = self._joined(room_id, call.user)
        key = (room_id, call.user, call.device, transaction)
        known = None if self.forgetful else self._transactions.get(key)
        if known is not None:
            return {"event_id": known}
        if self.failing:
            raise self.failing.pop(0)
        self._sent[call.user] += 1
        if self.burst is not None and self._sent[call.user] > self.burst:
            raise Refused(429, "M_LIMIT_EXCEEDED", retry_after_ms=60_000)
        self._refuse_malformed(room, kind, call.body)
        if kind == "m.reaction" and any(_says_the_same(one, call) for _, one in room.events):
            raise Refused(400, "M_DUPLICATE_ANNOTATION")
        known = self._transactions[key] = self._put(room, call.user, kind, call.body, transaction=transaction)
        if self.lost_answers:
            self.lost_answers -= 1
            assert call.raw.transport is not None
            call.raw.transport.abort()
        return {"event_id": known}

    def _refuse_malformed(self, room: Room, kind: str, content: Body) -> None:
        try:
            size = len(json.dumps(content, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            raise Refused(500, "M_UNKNOWN") from None
        if size > LARGEST:
            raise Refused(413, "M_TOO_LARGE")
        if kind == "m.room.message" and not all(isinstance(content.get(one), str) for one in ("msgtype", "body")):
            raise Refused(400, "M_BAD_JSON")
        relation = content.get("m.relates_to")
        if kind == "m.reaction" and isinstance(relation, dict) and not self._has(room, relation.get("event_id")):
            raise Refused(400, "M_UNKNOWN")

    def _has(self, room: Room, event: object) -> bool:
        return any(one["event_id"] == event for _, one in room.events)

    async def _redact(self, call: Call, room_id: str, event: str, transaction: str) -> Body:
        room = self._joined(room_id, call.user)
        key = (room_id, call.user, call.device, transaction)
        if key not in self._transactions or self.forgetful:
            content = {**call.body, "redacts": event}
            self._transactions[key] = self._put(room, call.user, "m.room.redaction", content, redacts=event)
            for _, one in room.events:
                if one["event_id"] == event:
                    one["content"] = {}
        return {"event_id": self._transactions[key]}

    def _put(
        self,
        room: Room,
        sender: str,
        kind: str,
        content: Body,
        state_key: str | None = None,
        *,
        transaction: str | None = None,
        redacts: str | None = None,
    ) -> str:
        self._stream += 1
        event: Body = {
            "type": kind,
            "sender": sender,
            "content": content,
            "room_id": room.id,
            "event_id": f"$event{next(self._numbers)}",
            "origin_server_ts": int(time.time() * 1000),
            "unsigned": {},
        }
        if redacts is not None:
            event["redacts"] = redacts
        if transaction is not None:
            event["unsigned"] = {"transaction_id": transaction}
        if state_key is not None:
            event["state_key"] = state_key
            room.state[kind, state_key] = event
            if kind == "m.room.member" and content.get("membership") == "join":
                room.came[state_key] = self._stream
        room.events.append((self._stream, event))
        self._wake()
        return str(event["event_id"])

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # What is heard

    async def _sync(self, call: Call) -> Body:
        limit = _limit(call.query.get("filter"))
        since = call.query.get("since")
        end = time.monotonic() + int(call.query.get("timeout", "0")) / 1000
        while True:
            news = self._news
            joined, invited = self._since(call.user, _place(since) if since else None, limit)
            left = end - time.monotonic()
            if since is None or joined or invited or left <= 0 or self._runner is None:
                break
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                continue
        return {
            "next_batch": f"s{self._stream}",
            "rooms": {"join": joined, "invite": invited},
            "device_one_time_keys_count": self._left(call),
            "device_unused_fallback_key_types": ["signed_curve25519"],
        }

    def _since(self, user: str, since: int | None, limit: int) -> tuple[Body, Body]:
        joined: Body = {}
        invited: Body = {}
        for room in self.rooms.values():
            membership = room.membership(user)
            if membership == "invite":
                at = next(place for place, one in reversed(room.events) if one.get("state_key") == user)
                if since is None or at > since:
                    stripped = [
                        one for (kind, key), one in room.state.items() if kind != "m.room.member" or key == user
                    ]
                    invited[room.id] = {"invite_state": {"events": stripped}}
            elif membership == "join":
                part = self._part(room, user, since, limit)
                if part is not None:
                    joined[room.id] = part
        return joined, invited

    def _part(self, room: Room, user: str, since: int | None, limit: int) -> Body | None:
        fresh = since is None or room.came[user] > since
        after = 0 if fresh else since or 0
        news = [(place, event) for place, event in _newer(room.events, after)]
        if not news and not fresh:
            return None
        shown, missed = news[-limit:], news[:-limit]
        if fresh:
            begun = {event["event_id"] for _, event in shown}
            state = [one for one in room.state.values() if one["event_id"] not in begun]
        else:
            state = [event for _, event in missed if "state_key" in event]
        timeline = {
            "events": [event for _, event in shown],
            "limited": bool(missed) or fresh,
            "prev_batch": f"s{shown[0][0] - 1 if shown else after}",
        }
        return {"timeline": timeline, "state": {"events": state}}

    def _messages(self, call: Call, room: Room) -> Body:
        if self.hides_history:
            return {"chunk": [], "start": "s0"}
        start = _place(call.query["from"]) if "from" in call.query else self._stream
        stop = _place(call.query["to"]) if "to" in call.query else 0
        limit = int(call.query.get("limit", "10"))
        older = [(place, event) for place, event in room.events if stop < place <= start][::-1]
        chunk = [event for _, event in older[:limit]]
        answer: Body = {"chunk": chunk, "start": f"s{start}"}
        return answer | ({"end": f"s{older[limit][0]}"} if len(older) > limit else {})

    def _event(self, room: Room, event_id: str) -> Body:
        for _, event in room.events:
            if event["event_id"] == event_id:
                return event
        raise Refused(404, "M_NOT_FOUND")


def _newer(events: list[tuple[int, Body]], after: int) -> Iterator[tuple[int, Body]]:
    """Yield the events after a place, in order, without looking at all that came before."""
    first = len(events)
    while first and events[first - 1][0] > after:
        first -= 1
    yield from events[first:]


def _says_the_same(event: Body, call: Call) -> bool:
    relation = event["content"].get("m.relates_to")
    same = relation is not None and relation == call.body.get("m.relates_to")
    return same and event["type"] == "m.reaction" and event["sender"] == call.user


def _place(token: str) -> int:
    return int(token[1:])


def _limit(given: str | None) -> int:
    if given is None or not given.startswith("{"):
        return 10
    return int(json.loads(given).get("room", {}).get("timeline", {}).get("limit", 10))


def _dumps(body: Any) -> str:
    return json.dumps(body)
