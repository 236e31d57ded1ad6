"""A wave of strangers into an open room: a guard that acts shuts the door, and afterwards it is as it was (R22)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from content.guards import Guard, GuardSet, Level
from content.identifiers import RoomId
from storage import locks
from tests.faults.raid import Target, open_room, unlock
from tests.member import Member, Rejected
from zhibu.demo.synapse import Account

LONGEST_SHUT = 10.0
"""Seconds from the first stranger until nobody comes in any more."""


@dataclass(slots=True, kw_only=True)
class Wave:
    """What came of it: ``wrong`` is what is not as it must be; ``shut`` is in seconds from the first who came in."""

    joined: int = 0
    kept_out: int = 0
    shut: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def slow(self) -> list[str]:
        """Return what took longer than is promised."""
        return [f"door shut after {self.shut:.2f} s"] if self.shut > LONGEST_SHUT else []

    @property
    def report(self) -> str:
        """Say what was measured, and what was found as it must be."""
        door = f"door shut after {self.shut:.2f} s" if self.shut else "door not shut"
        measured = f"{self.joined} strangers came in and {self.kept_out} did not; {door}"
        return "; ".join([measured, *(self.wrong or ["door restored exactly"])])


async def wave(target: Target, strangers: Sequence[Account], *, most: int, at_once: int, guarded: bool = True) -> Wave:
    """Let strangers come in, so many at once, and see that the door is shut; ``guarded`` is false to see that it stays.

    The last of them comes late: while it is shut, and again when it was opened.
    """
    found = Wave()
    room, asking = await open_room(target), await target.in_private()
    await asking.ask()
    wanted = {Guard.JOINS: Level.ACT if guarded else Level.OFF, f"{Guard.JOINS}.most": str(most)}
    at = target.organisation
    notes = [GuardSet(organisation=at, room=room, name=str(name), value=str(value)) for name, value in wanted.items()]
    await target.store.settle(notes=notes)
    # What is set is read within a minute, and at once by a bot that starts.
    await target.restart()
    rule = await _rule(target, room)
    async with AsyncExitStack() as stack:
        *people, late = [await stack.enter_async_context(Member(target.url, one)) for one in strangers]
        began, turn, over = time.monotonic(), asyncio.Semaphore(at_once), asyncio.Event()
        watching = asyncio.create_task(_shut(target, room, began, over))

        async def come(member: Member) -> None:
            async with turn:
                if await _comes_in(member, room):
                    found.joined += 1
                else:
                    found.kept_out += 1

        await asyncio.gather(*(come(one) for one in people))
        # An answer: whoever came in before it was asked has been heard of.
        await asking.ask()
        over.set()
        found.shut = await watching or 0.0
        if not found.shut:
            found.wrong.append(f"the door stayed open to {found.joined} strangers")
            return found
        if await _comes_in(late, room):
            found.wrong.append("a stranger comes in by a door that is shut")
        await unlock(target, room)
        if await _rule(target, room) != rule:
            found.wrong.append(f"not restored: {await _rule(target, room)} in place of {rule}")
        if not await _comes_in(late, room):
            found.wrong.append("nobody comes in by a door that is open again")
    return found


async def _shut(target: Target, room: RoomId, began: float, over: asyncio.Event) -> float | None:
    """Return how long it took until the door was shut, or ``None`` if it is open when all is over."""
    while True:
        last = over.is_set()
        held = (await target.store.read(lambda unit: locks.held(unit, [room]))).get(room, ())
        if any(one.place == "done" for one in held):
            return time.monotonic() - began
        if last and not held:
            return None
        await target.innocent.sync(100)


async def _comes_in(member: Member, room: RoomId) -> bool:
    try:
        await member.join(room)
    except Rejected as rejected:
        if rejected.errcode != "M_FORBIDDEN":
            raise
        return False
    return True


async def _rule(target: Target, room: RoomId) -> object:
    return await target.leader.ask("GET", f"/v3/rooms/{room}/state/m.room.join_rules")
