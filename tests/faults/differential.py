"""The same commands to a branch on SQLite and one on PostgreSQL: same answers, same refusals, same rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from bot.clock import closing, opening
from bot.commands.understanding import understand
from bot.matrix import border
from bot.matrix.events import Event
from content.identifiers import EventId, LessonId, PledgeId, ScheduleId
from content.lessons import Kind, LessonWritten
from content.pledges import Party, Pledge, PledgeMade
from content.recurrences import Recurrence
from content.schedules import LessonsScheduled, Schedule, materialise
from storage import falling_due
from storage.outbox import Claimed, Postponed, Sent, outbox
from storage.phrases import load_words
from storage.store import Outcome, Step, Store
from storage.tables import metadata
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    ME,
    NOON,
    ROOF,
    SECRETARY,
    WANG,
    WEST_ROOM,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    lesson,
    private_room,
)

WORDS = (
    "签到",
    "请假 事假",
    "请假",
    "学完",
    "取消",
    "撤回",
    "补学",
    "补学 1",
    "我的",
    "帮助",
    "静音",
    "思想汇报 一切都好",
    "完",
    "help",
    "求助 家里老人住院",
    "求助",
    "没事了",
    "进度",
    "撤回 B-001",
    "投票",
    "！签到　１",
    "签到 2",
    "签到\x00",
    "签到\ud800",
    "请假 𠮷𡈽𪚥",
    "请假 " + "长" * 199,
    "请假 " + "长" * 5_000,
    "请假 9223372036854775808",
    "签到 99999999999999999999",
    "签到 ²",
    "签到 ١",
    "请假 '; DROP TABLE members; --",
    "请假 %_{0.__class__}${jndi:x}",
    "请假 \u202e倒\u200b看",
    "承诺",
    "问承诺 1 何时装好",
    "问承诺 12号能装好吗",
    "进展 1 60% 到货",
    "答承诺 1 下周",
    "NaN",
    "\u2060",
    "",
)
PLEDGE = Pledge(
    id=PledgeId("pledge"),
    organisation=EAST,
    number=1,
    party=Party.BRANCH,
    matter="给站台加装扶手",
    measure="",
    due=date(2026, 7, 31),
    due_set=date(2026, 7, 1),
    updated=date(2026, 7, 1),
    owner=ZHANG,
)
PEOPLE = (ZHANG, LI, WANG, ZHAO)
UNORDERED = {"number"}
"""Columns that count up by themselves, with gaps that differ between engines; rows are compared in their order."""


class Twin:
    """One of the two branches."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.branch = SmallBranch(store, clock)
        self.store = store
        self.claimed: list[Claimed] = []

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that is kept, in an order that does not depend on the engine."""

        async def dump(unit: Any) -> dict[str, list[tuple[Any, ...]]]:
            found = {}
            for table in metadata.sorted_tables:
                counted = "number" in table.c and table.c["number"].primary_key
                query = select(*[one for one in table.c if not (counted and one.name in UNORDERED)])
                if counted:
                    rows = await unit.rows(query.order_by(table.c["number"]))
                    found[table.name] = [_opened(row, unit) if table is outbox else tuple(row) for row in rows]
                else:
                    found[table.name] = sorted((tuple(row) for row in await unit.rows(query)), key=repr)
            return found

        return await self.store.read(dump)


def _opened(row: Any, unit: Any) -> tuple[Any, ...]:
    """Return a row of the outbox with its words opened: what is sealed twice is never the same twice."""
    words = load_words(row.words, unit.vault, row.id, row.user_id or "") if row.words is not None else None
    return (*(value for name, value in row._mapping.items() if name != "words"), words)


class Pair:
    """Both of them, on one clock."""

    def __init__(self, stores: Sequence[Store], clock: HandClock, seed: int) -> None:
        self.clock = clock
        self.twins = [Twin(store, clock) for store in stores]
        self.chance = random.Random(seed)
        self._number = 0
        self._cards: list[tuple[str, str]] = []
        self._tapped: list[str] = []

    async def found(self) -> None:
        """Found both branches."""
        for twin in self.twins:
            await twin.branch.found()
            await twin.store.settle(notes=[PledgeMade(pledge=PLEDGE, by=SECRETARY, at=self.clock.now)])

    async def sequence(self, length: int) -> list[str]:
        """Do one sequence of commands to both and return in what they differ."""
        differences = []
        for _ in range(length):
            done = self.chance.choices(
                [self._talk, self._plan, self._open_or_close, self._claim, self._finish, self._wait],
                weights=[12, 1, 2, 3, 3, 1],
            )[0]
            first, second = await done()
            if first != second:
                differences.append(f"{done.__name__}: {first} is not {second}")
        first_rows, second_rows = [await twin.rows() for twin in self.twins]
        differences += [
            f"{name}: {one} is not {other}"
            for name in first_rows
            for one, other in zip(first_rows[name], second_rows[name], strict=False)
            if one != other
        ]
        differences += [name for name in first_rows if len(first_rows[name]) != len(second_rows[name])]
        return differences

    def _raw(self) -> tuple[str, dict[str, Any]]:
        self._number += 1
        who = self.chance.choice(PEOPLE)
        room = self.chance.choice((EAST_ROOM, WEST_ROOM, private_room(who)))
        raw: dict[str, Any] = {
            "event_id": f"$e{self._number:06}:test",
            "sender": str(account(who)),
            "origin_server_ts": int(self.clock.now.timestamp() * 1000),
            "type": "m.room.message",
        }
        what = self.chance.random()
        if what < 0.25 and self._cards:
            room, card = self.chance.choice(self._cards)
            key = self.chance.choice(("✅", "🙏", "👍", "✔️"))
            relation = {"rel_type": "m.annotation", "event_id": card, "key": key}
            self._tapped.append(raw["event_id"])
            return room, raw | {"type": "m.reaction", "content": {"m.relates_to": relation}}
        if what < 0.35 and self._tapped:
            target = self.chance.choice(self._tapped)
            return room, raw | {"type": "m.room.redaction", "redacts": target, "content": {"redacts": target}}
        content: dict[str, Any] = {"msgtype": "m.text", "body": self.chance.choice(WORDS)}
        if what < 0.65 and self._cards:
            room, card = self.chance.choice(self._cards)
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": card}}
        return room, raw | {"content": content}

    async def _talk(self) -> list[Any]:
        raws = [self._raw() for _ in range(self.chance.randint(1, 6))]
        events = [border.read_event(room, raw) for room, raw in raws]
        results = []
        for twin in self.twins:
            steps = [understand(one, ME, twin.branch.settings) for one in events if isinstance(one, Event)]
            settled = await twin.store.settle([step for step in steps if step is not None])
            results.append([_seen(one) for one in settled])
        return results

    async def _plan(self) -> list[Any]:
        self._number += 1
        kind = self.chance.choice((Kind.LESSON, Kind.EVENT))
        taught = lesson(LessonId(f"lesson{self._number}"), kind, title=self.chance.choice(("一课", "课'\"𠮷", "a%_b")))
        rule = Schedule(
            id=ScheduleId(f"plan{self._number}"),
            owner=ROOF,
            audience=ROOF,
            lessons=(taught.id,),
            recurrence=Recurrence.ONCE,
            start=self.clock.now.date(),
            at=self.clock.now.time(),
            timezone="UTC",
            window=timedelta(minutes=self.chance.choice((0, 10, 120))),
            late=timedelta(minutes=10),
        )
        facts = [
            LessonWritten(lesson=taught, author=SECRETARY),
            LessonsScheduled(schedule=rule, planned=materialise(rule), author=SECRETARY),
        ]
        return [await twin.store.settle(notes=facts) for twin in self.twins]

    async def _open_or_close(self) -> list[Any]:
        results = []
        for twin in self.twins:
            now = self.clock.now
            due = await twin.store.read(lambda unit, now=now: falling_due.due(unit, now))  # type: ignore[misc]
            over = await twin.store.read(lambda unit, now=now: falling_due.over(unit, now))  # type: ignore[misc]
            steps: list[Step] = [opening(one, at) for one, at in due] + [closing(one) for one in over]
            results.append([due, over, [_seen(one) for one in await twin.store.settle(steps)]])
        return results

    async def _claim(self) -> list[Any]:
        limit = self.chance.randint(1, 8)
        results = []
        for twin in self.twins:
            lease = timedelta(seconds=60)
            rows = await twin.store.claim(worker="worker", device="DEVICE", lease=lease, limit=limit)
            twin.claimed += rows
            results.append(list(rows))
        return results

    async def _finish(self) -> list[Any]:
        if not self.twins[0].claimed:
            return [None, None]
        place = self.chance.randrange(len(self.twins[0].claimed))
        fails = self.chance.random() < 0.2
        results = []
        for twin in self.twins:
            row, now = twin.claimed.pop(place), self.clock.now
            later = now + timedelta(seconds=1)
            fact = (
                Postponed(claimed=row, not_before=later, error="slow", counts=True)
                if fails
                else Sent(claimed=row, event_id=EventId(f"$sent-{row.id}"), at=now)
            )
            results.append(await twin.store.settle(notes=[fact]))
        if not fails and row.room is not None and row.card is not None:
            self._cards.append((row.room, f"$sent-{row.id}"))
        return results

    async def _wait(self) -> list[Any]:
        self.clock.forward(seconds=self.chance.choice((1, 5, 70, 700, 7_000)))
        return [None, None]


def _seen(outcome: Outcome) -> tuple[Any, ...]:
    """Return what can be seen of an outcome from outside."""
    refusal = outcome.refusal.words if outcome.refusal is not None else None
    return outcome.repeated, outcome.failed, type(outcome.answer).__name__, refusal


async def compare(addresses: Sequence[str], seed: int, sequences: int, length: int = 12) -> list[str]:
    """Run so many sequences on two databases without rows; return in what they differ."""
    clock = HandClock(NOON)
    stores = [await Store.open(address, clock) for address in addresses]
    try:
        pair = Pair(stores, clock, seed)
        await pair.found()
        differences: list[str] = []
        for _ in range(sequences):
            differences += await pair.sequence(length)
            if differences:
                break
        return differences
    finally:
        for store in stores:
            await store.close()
