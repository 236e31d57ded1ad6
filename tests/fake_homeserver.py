"""A homeserver in memory for delivery and hearing: it keeps transactions as Synapse does, and fails when told to."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from bot.matrix import border
from bot.matrix.crypto import MARK
from bot.matrix.events import Event, Gap, Poison, Unreadable
from bot.matrix.faults import Fault, Kind
from bot.matrix.history import Written
from bot.matrix.rooms import HIDES
from content.server_reports import ServerReport
from tests.small_branch import ME


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An event that the homeserver has."""

    event_id: str
    type: str
    content: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The next call to fail, before anything happened or only after it was carried out."""

    fault: Fault
    accepted: bool


class FakeHomeserver:
    """One account on one device. The same transaction in a room gives the same event, whatever its content."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.user_id: str = ME
        self.device_id = "DEVICE"
        self.rooms: dict[str, list[Accepted]] = {}
        self.closed = False
        self.keys: set[tuple[str, str]] = set()
        self.aliases: dict[str, str] = {}
        self.invited: list[str] = []
        self.joined: list[str] = []
        self.left: list[str] = []
        self.kicked: list[tuple[str, str, str]] = []
        self.banned: list[tuple[str, str, str]] = []
        self.unbanned: list[tuple[str, str]] = []
        self.hidden: list[tuple[str, str]] = []
        self.written: dict[str, list[tuple[str, Written]]] = {}
        self.states: dict[str, dict[tuple[str, str], Event]] = {}
        self.forgotten: list[str] = []
        self.uploads: list[bytes] = []
        self.redacted: list[str] = []
        self.redacted_at: dict[str, datetime] = {}
        self.hides_by_ban = False
        """Whether it knows MSC4293, and keeps in a ban that it hides what its person wrote."""
        self.said: dict[str, tuple[Event | Unreadable | Poison, ...] | Fault] = {}
        self.encrypted_rooms: set[str] = set()
        self.readable: dict[str, Event | Unreadable | Poison] = {}
        self.referring: dict[str, tuple[tuple[Event | Unreadable | Poison, ...], bool] | Fault] = {}
        self.redactions: dict[str, Event] = {}
        self.surroundings: dict[str, tuple[Event | Unreadable | Poison, ...]] = {}
        self.reports: list[ServerReport] | None = []
        self.history: dict[str, tuple[tuple[Event, ...], Gap | None] | Fault] = {}
        self.calls = 0
        self.looks = 0
        self.under_way: set[str] = set()
        self.most_under_way = 0
        self.gate: asyncio.Event | None = None
        self._now = now
        self._transactions: dict[tuple[str, str, str], str] = {}
        self._failures: deque[Failure] = deque()
        self._numbers = itertools.count(1)

    def fail(self, kind: Kind, *, accepted: bool = False, times: int = 1, **how: Any) -> None:
        """Let the next sends fail; ``accepted`` ones are carried out and only their answer is lost."""
        self._failures.extend([Failure(fault=Fault(kind, **how), accepted=accepted)] * times)

    def lose_transactions(self) -> None:
        """Forget which transactions were seen, as happens after a day."""
        self._transactions.clear()

    def texts(self, room: str) -> list[str]:
        """Return what a room shows, oldest first."""
        return [event.content["body"] for event in self.rooms.get(room, []) if event.type == "m.room.message"]

    def encrypted(self, room_id: str) -> bool | None:
        return room_id in self.encrypted_rooms

    async def send(self, room_id: str, event_type: str, content: dict[str, Any], transaction: str) -> str:
        assert event_type == "m.room.message" or event_type.startswith("org.matrix.msc3381.poll.")
        self.calls += 1
        assert room_id not in self.under_way, "two messages of one room are under way"
        self.under_way.add(room_id)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            if self.gate is not None:
                await self.gate.wait()
            failure = self._failures.popleft() if self._failures else None
            if failure is not None and not failure.accepted:
                raise failure.fault
            event_id = self._accept(room_id, event_type, content, transaction)
            if failure is not None:
                raise failure.fault
            return event_id
        finally:
            self.under_way.discard(room_id)

    def _accept(self, room_id: str, event_type: str, content: dict[str, Any], transaction: str) -> str:
        key = (room_id, self.device_id, transaction)
        if key not in self._transactions:
            event_id = f"$sent{next(self._numbers)}"
            self._transactions[key] = event_id
            accepted = Accepted(event_id=event_id, type=event_type, content=content, at=self._now())
            self.rooms.setdefault(room_id, []).append(accepted)
        return self._transactions[key]

    async def redact(self, room_id: str, event_id: str, transaction: str, reason: str | None = None) -> str:
        assert room_id not in self.under_way, "two messages of one room are under way"
        failure = self._failures.popleft() if self._failures else None
        if failure is not None and not failure.accepted:
            raise failure.fault
        self.redacted.append(event_id)
        self.redacted_at[event_id] = self._now()
        if failure is not None:
            raise failure.fault
        return f"$redaction-{event_id}"

    def standing(self, room: str) -> list[str]:
        """Return what a room shows now, oldest first: edited in place, without what was taken back."""
        shown: dict[str, str] = {}
        for event in self.rooms.get(room, []):
            relation = event.content.get("m.relates_to", {})
            if event.event_id in self.redacted or event.type != "m.room.message":
                continue
            if relation.get("rel_type") == "m.replace":
                if relation["event_id"] in shown:
                    shown[relation["event_id"]] = event.content["m.new_content"]["body"]
            else:
                shown[event.event_id] = event.content["body"]
        return list(shown.values())

    async def find_sent(
        self, room_id: str, mark: str, not_before: datetime, transaction: str | None = None
    ) -> str | None:
        self.looks += 1
        for event in self.rooms.get(room_id, []):
            if event.content.get(MARK) == mark and event.at >= not_before:
                return event.event_id
        return None

    async def create_room(
        self,
        *,
        alias: str,
        encrypted: bool,
        invite: Iterable[str] = (),
        is_direct: bool = False,
        power_levels: Mapping[str, Any] | None = None,
        name: str | None = None,
        topic: str | None = None,
        space: bool = False,
        parent: str | None = None,
        history: str = "shared",
    ) -> str:
        self.closed = power_levels == {"invite": 100}
        self.calls += 1
        self._fail_if_told()
        fresh = alias not in self.aliases
        room = self.aliases.setdefault(alias, f"!made{len(self.aliases) + 1}:test")
        if fresh:
            self._begin(room, power_levels, space=space, name=name, topic=topic, history=history, encrypted=encrypted)
            if parent is not None:
                self._set(room, "m.space.parent", {"via": ["test"], "canonical": True}, parent)
        if encrypted:
            self.encrypted_rooms.add(room)
        for user in invite:
            self._set(room, "m.room.member", {"membership": "invite"}, user)
        self.invited += invite
        return room

    def _begin(
        self,
        room: str,
        power_levels: Mapping[str, Any] | None,
        *,
        space: bool,
        name: str | None,
        topic: str | None,
        history: str,
        encrypted: bool,
    ) -> None:
        create = {"room_version": "12", "m.federate": False} | ({"type": "m.space"} if space else {})
        self._set(room, "m.room.create", create)
        self._set(room, "m.room.member", {"membership": "join"}, self.user_id)
        self._set(room, "m.room.power_levels", dict(power_levels or {}))
        self._set(room, "m.room.join_rules", {"join_rule": "invite"})
        self._set(room, "m.room.history_visibility", {"history_visibility": str(history)})
        if name is not None:
            self._set(room, "m.room.name", {"name": name})
        if topic is not None:
            self._set(room, "m.room.topic", {"topic": topic})
        if encrypted:
            self._set(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})

    def _set(self, room: str, kind: str, content: dict[str, Any], key: str = "", sender: str | None = None) -> None:
        event = Event(
            room_id=room,
            event_id=f"$state{next(self._numbers)}",
            sender=sender or self.user_id,
            type=kind,
            content=content,
            state_key=key,
            sent_at=self._now(),
        )
        self.states.setdefault(room, {})[kind, key] = event

    def _fail_if_told(self) -> None:
        if self._failures:
            raise self._failures.popleft().fault

    def take_place(self, room: str, user: str, membership: str = "join") -> None:
        """Let a person be in a room, or no more."""
        self._set(room, "m.room.member", {"membership": membership}, user, sender=user)

    async def state(self, room_id: str) -> list[Event]:
        self._fail_if_told()
        return list(self.states.get(room_id, {}).values())

    async def state_event(self, room_id: str, event_type: str, state_key: str = "") -> dict[str, Any]:
        try:
            return dict(self.states[room_id][event_type, state_key].content)
        except KeyError:
            raise Fault(Kind.MISSING, status=404, errcode="M_NOT_FOUND", permanent=True) from None

    async def set_state(self, room_id: str, event_type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        self._fail_if_told()
        self._set(room_id, event_type, dict(content), state_key)
        return self.states[room_id][event_type, state_key].event_id

    async def hang(self, space: str, room_id: str, order: str, *, names_it: bool = False) -> None:
        self._fail_if_told()
        self._set(space, "m.space.child", {"via": ["test"], "order": order, "suggested": True}, room_id)
        if not names_it:
            self._set(room_id, "m.space.parent", {"via": ["test"], "canonical": True}, space)

    async def invite(self, room_id: str, user_id: str) -> None:
        self._fail_if_told()
        there = self.states.setdefault(room_id, {}).get(("m.room.member", user_id))
        if there is None or there.content["membership"] not in ("join", "invite"):
            self._set(room_id, "m.room.member", {"membership": "invite"}, user_id)
            self.invited.append(user_id)

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        self._fail_if_told()
        self.kicked.append((room_id, user_id, reason))
        self._set(room_id, "m.room.member", {"membership": "leave"}, user_id)

    async def ban(self, room_id: str, user_id: str, reason: str, *, redact: bool = False) -> None:
        self._fail_if_told()
        self.banned.append((room_id, user_id, reason))
        said = {"membership": "ban", "reason": reason}
        if redact:
            self.hidden.append((room_id, user_id))
            said |= dict.fromkeys(HIDES, True) if self.hides_by_ban else {}
        self._set(room_id, "m.room.member", said, user_id)

    async def written_by(
        self, room_id: str, user_id: str, token: str | None, limit: int
    ) -> tuple[tuple[Written, ...], str | None, datetime | None]:
        """Return a page of what a person wrote, as Synapse pages it: what was taken back is among it."""
        theirs = [one for sender, one in reversed(self.written.get(room_id, [])) if sender == user_id]
        begin = int(token or 0)
        page, end = theirs[begin : begin + limit], begin + limit
        known = tuple(replace(one, taken_back_at=self.redacted_at.get(one.event_id)) for one in page)
        return known, str(end) if end < len(theirs) else None, max((one.sent_at for one in page), default=None)

    async def unban(self, room_id: str, user_id: str) -> None:
        self._fail_if_told()
        self.unbanned.append((room_id, user_id))
        self._set(room_id, "m.room.member", {"membership": "leave"}, user_id)

    async def join(self, room_id: str) -> None:
        self.joined.append(room_id)

    async def enter(self, address: str) -> str:
        self._fail_if_told()
        self.joined.append(address)
        return self.aliases.get(address, address)

    async def leave(self, room_id: str) -> None:
        self.left.append(room_id)

    def forget(self, room_id: str) -> None:
        self.forgotten.append(room_id)

    async def upload(
        self, data: AsyncIterable[bytes], mimetype: str, filename: str, *, size: int, encrypted: bool
    ) -> dict[str, Any]:
        taken = b"".join([piece async for piece in data])
        assert len(taken) == size
        self.uploads.append(taken)
        address = f"mxc://test/{len(self.uploads)}"
        return {"file": {"url": address, "key": {}}} if encrypted else {"url": address}

    def holds_key(self, room_id: str, session_id: str) -> bool:
        return (room_id, session_id) in self.keys

    async def read_again(self, room_id: str, event_id: str) -> Event | Unreadable | Poison | None:
        self._fail_if_told()
        return self.readable.get(event_id)

    async def read_kept(self, room_id: str, raw: bytes) -> Event | Unreadable | Poison:
        return border.read_event(room_id, border.read_json(raw))

    async def around(self, room_id: str, event_id: str, many: int) -> tuple[Event | Unreadable | Poison, ...]:
        self._fail_if_told()
        if event_id not in self.surroundings:
            raise Fault(Kind.MISSING, status=404, errcode="M_NOT_FOUND", permanent=True)
        return self.surroundings[event_id]

    async def event_reports(self, after: int | None) -> tuple[ServerReport, ...] | None:
        self._fail_if_told()
        if self.reports is None:
            return None
        return tuple(one for one in self.reports if after is None or one.number > after)

    async def lately(
        self, room_id: str, since: datetime, most: int
    ) -> tuple[tuple[Event | Unreadable | Poison, ...], bool]:
        found = self.said.get(room_id, ())
        if isinstance(found, Fault):
            raise found
        return found[-most:], len(found) <= most

    async def related(self, room_id: str, event_id: str) -> tuple[tuple[Event | Unreadable | Poison, ...], bool]:
        kept = self.referring.get(event_id, ((), True))
        if isinstance(kept, Fault):
            raise kept
        return kept

    async def taken_back(self, room_id: str, event_id: str) -> Event | None:
        return self.redactions.get(event_id)

    async def fill(self, room_id: str, gap: Gap) -> tuple[tuple[Event | Unreadable | Poison, ...], Gap | None]:
        if room_id not in self.history:
            raise Fault(Kind.REFUSED, status=403, errcode="M_FORBIDDEN", permanent=True)
        kept = self.history[room_id]
        if isinstance(kept, Fault):
            raise kept
        return kept
