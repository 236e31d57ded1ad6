"""A raid: strangers come into an open room and write and write; it stays usable, and commands are answered (R22)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bot.matrix.homeserver import Homeserver
from content.identifiers import OrganisationId, RoomId, UserId
from content.rooms import Purpose, Room, RoomKept, levels
from storage import locks, sanctions
from storage.store import Store
from tests.faults.campaign import pause
from tests.member import Member, Rejected
from zhibu.demo.synapse import Account

LONGEST_ANSWER, LONGEST_LOCK = 5.0, 10.0
"""Seconds until 95 of 100 commands are answered, and until a room that is asked to be locked is locked."""

BREATH = 3.0
"""Seconds between two things that who moderates asks and writes: the bot answers no faster than people talk."""

AT_ONCE = 20
"""Raiders who write at the same time; a homeserver takes no more from one machine anyway."""


THROUGH_THE_DOOR = 4
"""Raiders who come in at the same time: of more at once the homeserver forgets some for as long as it lasts."""

TRIES = 9
"""How often somebody comes in again whom the homeserver has forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is raided: a branch at work on a homeserver, who moderates its rooms, and a member who only talks there.

    ``restart`` has the bot start again.
    """

    homeserver: Homeserver
    store: Store
    url: str
    organisation: OrganisationId
    leader: Member
    innocent: Member
    restart: Callable[[], Awaitable[None]]
    _private: list[Asking] = field(default_factory=list)

    async def in_private(self) -> Asking:
        """Return who moderates in private with the bot, which keeps one such room with each person."""
        if not self._private:
            bot = str(self.homeserver.user_id)
            self._private.append(Asking(self.leader, await self.leader.create_room(bot, is_direct=True), bot))
        return self._private[0]


@dataclass(slots=True, kw_only=True)
class Raid:
    """What came of it: ``wrong`` is what is not as it must be, the others are measured, in seconds."""

    joined: int = 0
    written: int = 0
    took: float = 0.0
    answers: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    words: list[tuple[Member, str]] = field(default_factory=list)
    lock: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def p95(self) -> float:
        """Return until when 95 of 100 commands were answered."""
        return sorted(self.answers)[int(len(self.answers) * 0.95)] if self.answers else 0.0

    @property
    def slow(self) -> list[str]:
        """Return what took longer than is promised."""
        measured = {
            f"p95 of answers {self.p95:.2f} s": self.p95 > LONGEST_ANSWER,
            f"lock {self.lock:.2f} s": self.lock > LONGEST_LOCK,
        }
        return [name for name, over in measured.items() if over]

    @property
    def report(self) -> str:
        """Say what was measured, and what was looked at and found as it must be."""
        measured = (
            f"{self.joined} joins and {self.written} messages in {self.took:.0f} s",
            f"{len(self.answers)} commands, p95 {self.p95:.2f} s, slowest {max(self.answers, default=0):.2f} s",
            f"a moderator's own words in the room after {max(self.shown, default=0):.2f} s at most",
            f"locked {self.lock:.2f} s after the word of who moderates",
        )
        held = f"room restored exactly, {len(self.words)} messages of others and their places untouched"
        return "; ".join([*measured, *(self.wrong or [held])])


async def raid(target: Target, raiders: Sequence[Account], *, messages: int, seconds: float) -> Raid:
    """Let raiders come in and write within some seconds, while who moderates asks things, writes, and locks the room.

    The homeserver may be slower than is wanted of it; what came through, and in how long, is told.
    """
    found = Raid()
    room, asking = await open_room(target), await target.in_private()
    await asking.ask()
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(Member(target.url, one)) for one in raiders]
        began = time.monotonic()
        over = asyncio.Event()
        talk = asyncio.create_task(_keep_asking(asking, target.innocent, room, found, over))
        await _spread(people, messages, seconds, room, found)
        found.took = time.monotonic() - began
        over.set()
        await talk
        before = await _said_of(target, room)
        found.lock = await _lock(target, room, asking)
        found.wrong += await _is_closed(people, target.leader, room)
        await unlock(target, room)
        found.wrong += _differences(before, await _said_of(target, room))
        found.wrong += await _are_untouched(target, room, found)
    if found.joined != len(raiders) or found.written != messages:
        found.wrong.append(f"{found.joined} of {len(raiders)} came in and wrote {found.written} of {messages}")
    return found


async def open_room(target: Target) -> RoomId:
    """Make a room of the branch into which anybody may come, as a raid needs one."""
    made = await target.homeserver.create_room(
        name="开放的群",
        encrypted=False,
        invite=[target.leader.user_id, target.innocent.user_id],
        power_levels=levels(Purpose.BRANCH, [target.leader.user_id]),  # type: ignore[list-item]
    )
    await target.homeserver.set_state(made, "m.room.join_rules", {"join_rule": "public"})
    await target.leader.join(made)
    await target.innocent.join(made)
    room = Room(
        id=RoomId(made), organisation=target.organisation, purpose=Purpose.BRANCH, name="开放的群", encrypted=False
    )
    await target.store.settle(notes=[RoomKept(room=room)])
    return room.id


class Asking:
    """Who moderates, in private with the bot."""

    def __init__(self, leader: Member, private: str, bot: str) -> None:
        self.leader = leader
        self.room = private
        self._bot = bot
        self._heard: str | None = None

    async def ask(self, text: str = "帮助") -> tuple[float, dict[str, Any]]:
        """Ask something, and return how long the answer took, and the answer."""
        await self.mark()
        asked = time.monotonic()
        await self.leader.say(self.room, text)
        return await self.answer(asked)

    async def mark(self) -> None:
        """Know what was said last; not how much, for a long history is only read from its end."""
        self._heard = self._newest(await self._said())

    async def answer(self, asked: float) -> tuple[float, dict[str, Any]]:
        """Wait for the next thing that the bot says."""
        while True:
            said = await self._said()
            if self._newest(said) != self._heard:
                return time.monotonic() - asked, said[-1]
            await self.leader.sync(1000)

    async def confirm(self, event: str) -> None:
        """Say yes to what was asked."""
        await self.leader.react(self.room, event, "👍")

    @staticmethod
    def _newest(said: Sequence[dict[str, Any]]) -> str | None:
        return said[-1]["event_id"] if said else None

    async def _said(self) -> list[dict[str, Any]]:
        """Return what the bot has said of late; that a guard saw a wave of joins is no answer to anything."""
        history = await self.leader.history(self.room)
        said = [one for one in history if one["sender"] == self._bot and one["type"] == "m.room.message"]
        return [one for one in said if "不在花名册上" not in str(one["content"].get("body"))]


async def _keep_asking(asking: Asking, innocent: Member, room: RoomId, found: Raid, over: asyncio.Event) -> None:
    """Ask one thing after the other while the raid goes on, and write in the room, as another member does."""
    while not over.is_set():
        found.answers.append((await asking.ask())[0])
        began = time.monotonic()
        for member, words in ((asking.leader, "大家别理他们"), (innocent, "好的")):
            found.words.append((member, await member.say(room, words)))
        found.shown.append((time.monotonic() - began) / 2)
        await pause(BREATH)


async def _spread(people: Sequence[Member], messages: int, seconds: float, room: RoomId, found: Raid) -> None:
    """Come in one after the other, and write evenly over the time that is given."""
    began, turn, door = time.monotonic(), asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(THROUGH_THE_DOOR)
    each, spare = divmod(messages, len(people))

    async def one(number: int, member: Member) -> None:
        wanted = each + (number < spare)
        async with door:
            await member.join(room)
        found.joined += 1
        for count in range(wanted):
            due = began + seconds * (count * len(people) + number) / messages
            await pause(max(0.0, due - time.monotonic()))
            async with turn:
                await _write(member, room, f"买买买 {number}-{count}")
            found.written += 1

    await asyncio.gather(*(one(number, member) for number, member in enumerate(people)))


async def _write(member: Member, room: RoomId, text: str) -> None:
    """Write; of many who come in at once a homeserver may forget one, who then comes in again, more than once."""
    for _ in range(TRIES):
        try:
            await member.say(room, text)
        except Rejected:
            await pause(1.0)
            await member.join(room)
        else:
            return
    await member.say(room, text)


async def _lock(target: Target, room: RoomId, asking: Asking) -> float:
    """Lock the room by a word in it and a reaction, and return how long that took after the reaction."""
    await asking.mark()
    await target.leader.say(room, "锁定 30分钟")
    _, asked = await asking.answer(time.monotonic())
    began = time.monotonic()
    await asking.confirm(asked["event_id"])
    while True:
        held = (await target.store.read(lambda unit: locks.held(unit, [room]))).get(room, ())
        if any(one.place == "done" for one in held):
            return time.monotonic() - began
        await target.leader.sync(200)


async def _is_closed(people: Sequence[Member], leader: Member, room: RoomId) -> list[str]:
    """Return what is wrong with the locked room: strangers who still write, or a moderator who may not."""
    try:
        await people[0].say(room, "还能说吗")
        return ["a raider writes in a locked room"]
    except Rejected as rejected:
        wrong = [] if rejected.errcode == "M_FORBIDDEN" else [f"refused by {rejected.errcode}"]
    await leader.say(room, "现在安静了")
    return wrong


async def unlock(target: Target, room: RoomId) -> None:
    """Unlock the room by a word in it, and wait until all that was locked is as it was."""
    await target.leader.say(room, "解锁")
    while (await target.store.read(lambda unit: locks.held(unit, [room]))).get(room):
        await target.leader.sync(200)


async def _said_of(target: Target, room: RoomId) -> dict[str, Any]:
    """Return all that a room's state says but who is in it."""
    state = await target.leader.ask("GET", f"/v3/rooms/{quote(room)}/state")
    kept = (one for one in state if one["type"] != "m.room.member")
    return {f"{one['type']} {one['state_key']}": one["content"] for one in kept}


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    different = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return [f"not restored: {key}, {before.get(key)} and then {after.get(key)}" for key in different]


async def _are_untouched(target: Target, room: RoomId, found: Raid) -> list[str]:
    """Return what was done to who moderates, or to a member who only talked: taken back, shown out, or measured."""
    wrong = []
    for member, word in found.words:
        event = await member.ask("GET", f"/v3/rooms/{quote(room)}/event/{quote(word)}")
        if "redacted_because" in event.get("unsigned", {}):
            wrong.append(f"words of {member.user_id} were taken back")
    for member in (target.leader, target.innocent):
        await member.say(room, "可以说话了")
        user = UserId(member.user_id)
        if await target.store.read(lambda unit, user=user: sanctions.standing(unit, user)):  # type: ignore[misc]
            wrong.append(f"a measure against {user}")
    return wrong
