"""Founds the sample branch: accounts and rooms on the homeserver, people, lessons and a plan in the store.

Every step may be done again: a second run finds what the first one made and goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.matrix.homeserver import Homeserver
from content import bank as bank_rules
from content import glossary as glossary_rules
from content import lessons as lesson_rules
from content.identifiers import Cause, LessonId, RoomId, ScheduleId, UserId, derive
from content.lessons import Kind as LessonKind
from content.lessons import Lesson
from content.media import MediumKept
from content.organisations import Kind
from content.recurrences import Recurrence
from content.rooms import FIRST, Purpose
from content.roster import Entry
from content.schedules import Schedule, schedule_lessons
from content.speech import Speech
from storage import organisations
from storage.store import Step, Store
from storage.unit import Reading
from storage.upkeep import survey
from zhibu.demo import sample
from zhibu.demo.affairs import Affairs
from zhibu.demo.chat import Chat
from zhibu.demo.sample import Person, SampleBranch
from zhibu.demo.synapse import Account, Synapse
from zhibu.founding import Plan, found, make_rooms
from zhibu.packs import SHIPPED, Pack, read_pack

TIMEZONE = "Asia/Shanghai"
ROOMS = (*FIRST, Purpose.COMMITTEE)


class Login(Struct, frozen=True, kw_only=True):
    """A sample person with their account."""

    person: Person
    branch: SampleBranch
    account: Account


class Notes(Struct, frozen=True, kw_only=True):
    """What the demo remembers of itself between runs, in a file that only its owner reads."""

    file: Path
    seed: str
    homeserver_port: int
    console_port: int
    bot_password: str
    people: dict[str, dict[str, str]]
    encrypted: bool

    @classmethod
    def read(cls, file: Path) -> Notes | None:
        """Return the notes of an earlier run."""
        try:
            return cls(file=file, **json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write(self) -> None:
        """Keep the notes; a kill in between leaves the old ones."""
        names = ("seed", "homeserver_port", "console_port", "bot_password", "people", "encrypted")
        fresh = self.file.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump({name: getattr(self, name) for name in names}, opened, ensure_ascii=False, indent=1)
        fresh.replace(self.file)


def people() -> Iterator[tuple[SampleBranch, Person]]:
    """Yield everyone of the sample, branch by branch."""
    for branch in sample.BRANCHES:
        for person in branch.people:
            yield branch, person


async def register(synapse: Synapse, notes: Notes) -> list[Login]:
    """Make the accounts of the bot and of everyone, or find them."""
    await _account(synapse, notes, "zhibu", sample.BOT_NAME, notes.bot_password)
    logins = []
    for branch, person in people():
        account = await _account(synapse, notes, person.account, person.name, secrets.token_urlsafe(9))
        logins.append(Login(person=person, branch=branch, account=account))
    notes.write()
    return logins


async def _account(synapse: Synapse, notes: Notes, localpart: str, name: str, password: str) -> Account:
    known = notes.people.get(localpart)
    if known is not None:
        return Account(**known)
    account = await synapse.register(localpart, password, displayname=name)
    notes.people[localpart] = {
        "user_id": account.user_id,
        "access_token": account.access_token,
        "device_id": account.device_id,
        "password": password,
    }
    return account


def plan(logins: list[Login]) -> Plan:
    """Return the sample organisation as a roster would give it."""
    organiser = next(login.account.user_id for login in logins if login.person.account == sample.ORGANISER)
    return Plan(
        name=sample.GENERAL_BRANCH,
        kind=Kind.GENERAL_BRANCH,
        timezone=TIMEZONE,
        language="zh_CN",
        secretary=UserId(organiser),
        entries=tuple(_entry(login) for login in logins),
        # Whoever tries it out in the evening, or on a Sunday, is to see what happens.
        quiet=False,
    )


def _entry(login: Login) -> Entry:
    person = login.person
    return Entry(
        name=person.name,
        organisation=login.branch.name,
        group=person.group,
        category=person.category,
        position=person.position,
        post=person.post,
        status=person.status,
        user=UserId(login.account.user_id),
    )


class Sample:
    """The sample branch in the making: what a real one does not have, beside what every one has."""

    def __init__(
        self, store: Store, homeserver: Homeserver, speech: Speech, url: str, notes: Notes, logins: list[Login]
    ) -> None:
        self._store = store
        self._speech = speech
        self._homeserver = homeserver
        self._url = url
        self._notes = notes
        self._logins = logins
        self._organiser = plan(logins).secretary
        self.rooms: dict[str, RoomId] = {}

    async def found(self, progress: Callable[[str], None]) -> None:
        """Enter tree and people, make the rooms, and let everyone accept the invitation."""
        await found(self._store, plan(self._logins), self._notes.seed)
        encrypted = self._notes.encrypted
        await make_rooms(self._store, self._homeserver, self._speech, encrypted=encrypted, purposes=ROOMS)
        tree = await self._store.read(organisations.tree)
        self.top = tree[0].id
        self.branches = {node.name: node.id for node in tree if node.kind is Kind.BRANCH}
        me = UserId(self._homeserver.user_id)
        known = await self._store.read(lambda unit: survey(unit, [self.top], me))
        for care in known.cares():
            await self._bring_in(care.room.id, tuple(one.user for one in care.people if one.user is not None))
            if care.room.purpose is not Purpose.SPACE:
                self.rooms[care.room.name] = care.room.id
                progress(care.room.name)

    async def live(self) -> None:
        """Enter what the first branch has behind it and under way."""
        name = sample.BRANCHES[0].name
        affairs = Affairs(
            self._store, self._notes.seed, self._organiser, self.top, self.branches[name], self.rooms[name], TIMEZONE
        )
        await affairs.begin()

    async def _bring_in(self, room: RoomId, people: tuple[UserId, ...]) -> None:
        async def join(login: Login) -> None:
            async with Chat(self._url, login.account) as chat:
                await chat.join(room)

        await asyncio.gather(*(join(login) for login in self._logins if login.account.user_id in people))

    def _id(self, *parts: str) -> str:
        return derive(self._notes.seed, *parts)

    async def write_lessons(self) -> list[LessonId]:
        """Keep the shipped lessons and an event to announce."""
        basics = read_pack(SHIPPED / "basics")
        author = self._organiser
        ids = []
        for one in basics.lessons:
            lesson = one.lesson(self._notes.seed, self.top, basics.about.title)
            await self._write(lesson, author, one.media, one.file)
            ids.append(lesson.id)
        await self._write_entries(basics, author)
        await self._write_questions(basics, author)
        event = Lesson(
            id=LessonId(self._id("lesson", "event")),
            owner=self.top,
            kind=LessonKind.EVENT,
            title=sample.EVENT_TITLE,
            body=sample.EVENT_BODY,
            minutes=90,
        )
        await self._write(event, author, (), "event")
        return [*ids, event.id]

    async def _write_entries(self, basics: Pack, author: UserId) -> None:
        """Keep the entries of the glossary that come with the lessons."""
        entries = basics.entries_for(self.top, self._notes.seed)

        async def decide(unit: Reading) -> Any:
            return glossary_rules.write_entries(self.top, entries, (), now=unit.now)

        await self._store.settle([Step(cause=Cause(f"demo:{self._notes.seed}:glossary"), decide=decide, actor=author)])

    async def _write_questions(self, basics: Pack, author: UserId) -> None:
        """Keep the questions that come with the lessons."""
        items = basics.questions_for(self.top, self._notes.seed)

        async def decide(unit: Reading) -> Any:
            return bank_rules.add_items(self.top, items, (), pictures=basics.pictures, now=unit.now)

        await self._store.settle([Step(cause=Cause(f"demo:{self._notes.seed}:bank"), decide=decide, actor=author)])

    async def _write(self, lesson: Lesson, author: UserId, media: tuple[MediumKept, ...], name: str) -> None:
        async def decide(_: Reading) -> Any:
            return lesson_rules.write_lesson(lesson, author=author, media=media)

        cause = Cause(f"demo:{self._notes.seed}:lesson:{name}")
        await self._store.settle([Step(cause=cause, decide=decide, actor=author)])

    async def schedule(self, lessons: list[LessonId]) -> None:
        """Schedule the first lesson for now, the others weekly, and the event for the next Friday afternoon."""
        now = self._store.now().astimezone(ZoneInfo(TIMEZONE)).replace(tzinfo=None, microsecond=0)
        tomorrow = now.date() + timedelta(days=1)
        friday = tomorrow + timedelta(days=(4 - tomorrow.weekday()) % 7)
        await self._schedule("first", lessons[:1], now, window=timedelta(days=3))
        weekly = datetime.combine(tomorrow, time(8, 30))
        await self._schedule(
            "weekly", lessons[1:8], weekly, window=timedelta(days=3), weekdays=frozenset({0, 3}), count=7
        )
        await self._schedule("event", lessons[8:], datetime.combine(friday, time(15, 0)), window=timedelta(hours=2))

    async def _schedule(
        self,
        name: str,
        lessons: list[LessonId],
        start: datetime,
        *,
        window: timedelta,
        weekdays: frozenset[int] = frozenset(),
        count: int = 1,
    ) -> None:
        author = self._organiser
        rule = Schedule(
            id=ScheduleId(self._id("schedule", name)),
            owner=self.top,
            audience=self.top,
            lessons=tuple(lessons),
            recurrence=Recurrence.WEEKLY if weekdays else Recurrence.ONCE,
            start=start.date(),
            at=start.time(),
            timezone=TIMEZONE,
            window=window,
            late=timedelta(hours=12),
            weekdays=weekdays,
            count=count,
        )

        async def decide(unit: Reading) -> Any:
            return schedule_lessons(rule, author=author, now=unit.now)

        await self._store.settle([Step(cause=Cause(f"demo:{self._notes.seed}:{name}"), decide=decide, actor=author)])
