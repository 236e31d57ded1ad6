"""An organisation of any size with years of branch life, loaded in bulk, the same for the same seed on both engines."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from bench.seeding_care import seed_away, seed_dues, seed_help_cases, seed_pledges
from bench.seeding_meetings import seed_meetings, seed_moderation, seed_sign_ups
from content.checkins import State
from content.identifiers import OrganisationId, UserId, derive
from content.lessons import Kind as LessonKind
from content.occurrences import State as Stand
from content.organisations import Kind, Role
from content.rooms import Purpose
from storage.audit import audit, causes
from storage.checkins import cards, expectations
from storage.engines import sqlite_file
from storage.lessons import lesson_revisions, lessons
from storage.members import members
from storage.organisations import duties, organisation_closure, organisations
from storage.outbox import ANSWER, BROADCAST, EDIT, outbox
from storage.outbox import Kind as Row
from storage.outbox import State as Place
from storage.retention import DELIVERED
from storage.rooms import direct_rooms, rooms
from storage.schedules import occurrences, schedules
from storage.sqlite_library import use_bundled
from storage.store import Store
from storage.tallies import branch_months, tallies

use_bundled()

import sqlite3  # noqa: E402  (only after the better library is in its place)

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
"""A Tuesday, nine in the morning in Shanghai: the moment at which the history ends."""

SECRETARY = UserId("@shuji:example.org")
ROOT = OrganisationId(derive("seed", "root"))
_TOLD_FOR = DELIVERED
"""How far back answers to persons, and edits, are still in the outbox."""
_ANSWERS = {
    State.DONE: 70,
    State.LATE: 5,
    State.MADE_UP: 3,
    State.EXCUSED: 7,
    State.UNANSWERED: 13,
    State.NOT_OFFERED: 2,
}
_SURNAMES, _GIVEN = "张李王赵孙周吴郑冯陈褚卫蒋沈韩杨朱秦许何", "明强丽敏伟芳军静磊洋勇艳杰娟涛超霞平刚桂"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an organisation is, and how many answers its history holds."""

    branches: int = 300
    members: int = 10_000
    answers: int = 1_000_000
    seed: int = 1


@dataclass(slots=True)
class Seeded:
    """What was loaded, by the names that measurements need; ``rooms``, ``members`` are parallel to ``branches``."""

    branches: list[str] = field(default_factory=list)
    general: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    members: list[list[tuple[str, str]]] = field(default_factory=list)
    open: str = ""
    meeting: str = ""
    case: str = ""
    sign_up: str = ""
    help_case: str = ""
    pledge: str = ""
    lessons: list[str] = field(default_factory=list)


class Loader:
    """Puts rows into tables faster than any of the program's own ways, which are not what seeding measures."""

    def __init__(self, address: str) -> None:
        self._file = sqlite_file(address)
        if self._file is not None:
            self._sqlite = sqlite3.connect(str(self._file), isolation_level=None)
            self._sqlite.execute("PRAGMA synchronous=OFF")
            self._sqlite.execute("PRAGMA cache_size=-400000")
            self._sqlite.execute("BEGIN")
        else:
            url = make_url(address)
            self._server = psycopg.connect(host=str(url.query["host"]), user=url.username, dbname=url.database)

    def load(self, table: Any, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows; ``columns`` are names, with spaces between."""
        names = columns.split()
        listed = ", ".join(f'"{name}"' for name in names)
        if self._file is not None:
            marks = ", ".join("?" * len(names))
            self._sqlite.executemany(
                f"INSERT INTO {table.name} ({listed}) VALUES ({marks})",
                ([_text(value) for value in row] for row in rows),
            )
            return
        with self._server.cursor().copy(f"COPY {table.name} ({listed}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([json.dumps(value) if isinstance(value, list) else value for value in row])

    def run(self, statement: str) -> None:
        """Run one statement that means the same on both engines."""
        (self._sqlite if self._file is not None else self._server).execute(statement)

    def close(self) -> None:
        """Commit, and let the engine look at what it has."""
        if self._file is not None:
            self._sqlite.execute("COMMIT")
            self._sqlite.close()
            return
        self._server.commit()
        self._server.autocommit = True
        self._server.execute("VACUUM ANALYZE")
        self._server.close()


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M:%S.%f")
    return json.dumps(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One occurrence to load: for the whole organisation where ``branch`` is ``None``."""

    key: str
    branch: int | None
    due: datetime
    state: Stand


class _Life:
    """Makes up the rows, in the order in which the tables refer to each other."""

    def __init__(self, size: Size, load: Callable[[Any, str, Iterable[Sequence[Any]]], None]) -> None:
        self._size = size
        self._load = load
        self._dice = random.Random(size.seed)
        self.seeded = Seeded()
        self._held: list[_Held] = []
        self._answered: list[tuple[str, datetime, str]] = []

    def found(self) -> None:
        """Make the tree, a room for each branch, the people, and the secretary of the whole."""
        tree: list[tuple[Any, ...]] = [(ROOT, None, Kind.PARTY_COMMITTEE, "云岭党委")]
        above: dict[str, list[str]] = {ROOT: [ROOT]}

        def add(key: str, parent: str, kind: Kind, name: str) -> str:
            tree.append((key, parent, kind, name))
            above[key] = [key, *above[parent]]
            return key

        for number in range(self._size.branches):
            if number % 10 == 0:
                general = derive("seed", "general", number)
                self.seeded.general.append(add(general, ROOT, Kind.GENERAL_BRANCH, f"第{number // 10 + 1}党总支"))
            branch = add(
                derive("seed", "branch", number), self.seeded.general[-1], Kind.BRANCH, f"第{number + 1}党支部"
            )
            self.seeded.branches.append(branch)
            for group in (1, 2):
                add(derive("seed", "group", number, group), branch, Kind.GROUP, f"第{group}党小组")
        self._load(
            organisations,
            "id parent_id kind name timezone language place",
            [(*node, "Asia/Shanghai", "zh_CN", place) for place, node in enumerate(tree)],
        )
        paths = ((up, key, depth) for key, ups in above.items() for depth, up in enumerate(ups))
        self._load(organisation_closure, "ancestor_id descendant_id depth", paths)
        # Dues are seen by name by who handles them in the branch itself.
        held = [(SECRETARY, ROOT, Role.SECRETARY), (SECRETARY, self.seeded.branches[:8][-1], Role.ORGANISING_MEMBER)]
        self._load(duties, "user_id organisation_id role", held)
        self.seeded.rooms = [f"!room{number}:example.org" for number in range(self._size.branches)]
        self._load(
            rooms,
            "id organisation_id purpose name encrypted kept_at",
            [
                (room, branch, Purpose.BRANCH, "支部群", False, NOW - timedelta(days=2000))
                for room, branch in zip(self.seeded.rooms, self.seeded.branches, strict=True)
            ],
        )
        self._people()

    def _people(self) -> None:
        dice, size = self._dice, self._size
        self.seeded.members = [[] for _ in range(size.branches)]
        rows, talks = [], []
        for number in range(size.members):
            place = number % size.branches
            key, user = derive("seed", "member", number), f"@m{number}:example.org"
            self.seeded.members[place].append((key, user))
            name = dice.choice(_SURNAMES) + dice.choice(_GIVEN) + dice.choice(_GIVEN)
            at = self.seeded.branches[place]
            if number % 3:
                at = derive("seed", "group", place, number % 3)
            rows.append((key, at, name, "正式党员", user, "", "", "", "", "", "", "正常", ""))
            talks.append((user, f"!with{number}:example.org", False))
        self._load(
            members,
            "id organisation_id name category user_id gender joined full_since phone post position status note",
            rows,
        )
        self._load(direct_rooms, "user_id room_id encrypted", talks)

    def plan(self) -> None:
        """Make lessons, and what was held of them: every second week for all, every month in each branch."""
        size = self._size
        self.seeded.lessons = [derive("seed", "lesson", number) for number in range(60)]
        written = NOW - timedelta(days=2000)
        names = [(key, f"第{number}课") for number, key in enumerate(self.seeded.lessons, start=1)]
        self._load(
            lessons,
            "id owner_id kind title pack revision author written_at",
            [(key, ROOT, LessonKind.LESSON, name, "", 1, SECRETARY, written) for key, name in names],
        )
        self._load(
            lesson_revisions,
            "lesson_id revision title body source dated minutes media author written_at",
            [(key, 1, name, "第一段。\n\n第二段。", "", None, 8, [], SECRETARY, written) for key, name in names],
        )
        left, week = size.answers, 0
        today = datetime.combine(NOW.date(), time(0, 30), UTC)
        while left > 0:
            due = today - timedelta(weeks=2 * week)
            self._hold(due, None, Stand.OPEN if week == 0 else Stand.CLOSED)
            left -= size.members
            if week % 2 == 0:
                for branch in range(size.branches):
                    if left <= 0:
                        break
                    self._hold(due - timedelta(days=3 + branch % 7, hours=branch % 5), branch, Stand.CLOSED)
                    left -= len(self.seeded.members[branch])
            week += 1
        for ahead in range(1, 5):
            self._hold(today + timedelta(weeks=2 * ahead), None, Stand.PLANNED)
        for branch in range(size.branches):
            self._hold(today + timedelta(days=1 + branch % 28, hours=10), branch, Stand.PLANNED)
        for branch in range(0, size.branches, 60):
            self._hold(today - timedelta(days=2), branch, Stand.MISSED)
        self._held.sort(key=lambda held: held.due)
        self._write_plan()

    def _hold(self, due: datetime, branch: int | None, state: Stand) -> None:
        key = derive("seed", "occurrence", due.isoformat(), -1 if branch is None else branch)
        self._held.append(_Held(key=key, branch=branch, due=due, state=state))
        if state is Stand.OPEN:
            self.seeded.open = key

    def _write_plan(self) -> None:
        plans: list[tuple[Any, ...]] = []
        held: list[tuple[Any, ...]] = []
        for number, one in enumerate(self._held):
            audience = ROOT if one.branch is None else self.seeded.branches[one.branch]
            lesson = self.seeded.lessons[number % len(self.seeded.lessons)]
            plan, day = derive(one.key, "schedule"), _day(one.due)
            plans.append(
                (
                    plan,
                    audience,
                    audience,
                    [lesson],
                    "once",
                    day,
                    time(8, 30),
                    "Asia/Shanghai",
                    [],
                    1,
                    1440,
                    10,
                    SECRETARY,
                    NOW,
                )
            )
            sent = one.state in (Stand.OPEN, Stand.CLOSED)
            end = one.due + timedelta(days=1)
            held.append(
                (one.key, plan, audience, lesson, 1 if sent else None, None, day, 0, one.due, 1440, 10, one.state)
                + ("too_late" if one.state is Stand.MISSED else None,)
                + ((one.due, end, end if one.state is Stand.CLOSED else None) if sent else (None, None, None))
            )
        columns = "id owner_id audience_id lessons recurrence start at timezone weekdays count window_minutes"
        self._load(schedules, f"{columns} late_minutes author made_at", plans)
        columns = "id schedule_id audience_id lesson_id lesson_revision sent_title local_date slot due_at"
        self._load(
            occurrences, f"{columns} window_minutes late_minutes state reason opened_at closes_at closed_at", held
        )

    def live(self) -> None:
        """Make the cards, every member's place, the counts, and what was sent."""
        counts: Counter[tuple[str, str, State, date]] = Counter()
        self._load(cards, "id occurrence_id room_id branch_id", self._cards())
        columns = "occurrence_id member_id branch_id local_date state decided_at decided_by reason"
        self._load(expectations, columns, self._places(counts))
        places: dict[tuple[str, str, date], Counter[State]] = {}
        months: dict[tuple[str, date], Counter[State]] = {}
        for (held, branch, state, day), number in counts.items():
            places.setdefault((held, branch, day), Counter())[state] += number
            months.setdefault((branch, day.replace(day=1)), Counter())[state] += number
        for table, key, counted in (
            (tallies, ("occurrence_id", "branch_id", "local_date"), places),
            (branch_months, ("branch_id", "month"), months),
        ):
            rows = ((*place, *(numbers[state] for state in State)) for place, numbers in sorted(counted.items()))
            self._load(table, " ".join((*key, *State)), rows)

    def meet(self) -> None:
        """Make what a branch held for itself its meetings, and cases, complaints and sign-ups beside."""
        held = [
            (one.key, one.branch, self.seeded.lessons[number % len(self.seeded.lessons)], one.due)
            for number, one in enumerate(self._held)
            if one.branch is not None and one.state is Stand.CLOSED
        ]
        seeded, load = self.seeded, self._load
        seeded.meeting = seed_meetings(load, held, seeded.branches, seeded.members)
        seeded.case = seed_moderation(load, seeded.branches, seeded.members, NOW)
        seeded.sign_up = seed_sign_ups(load, seeded.branches, seeded.rooms, SECRETARY, NOW)

    def care(self) -> None:
        """Make years of dues, and help cases, pledges and members who are away."""
        seeded, load = self.seeded, self._load
        seed_dues(load, seeded.branches, seeded.members, SECRETARY, NOW)
        seeded.help_case = seed_help_cases(load, seeded.branches, seeded.members, SECRETARY, NOW)
        seeded.pledge = seed_pledges(load, seeded.branches, seeded.members, SECRETARY, NOW)
        seed_away(load, seeded.members, SECRETARY, NOW)

    def _cards(self) -> Iterator[tuple[Any, ...]]:
        for one in self._held:
            if one.state in (Stand.OPEN, Stand.CLOSED):
                for branch in range(self._size.branches) if one.branch is None else [one.branch]:
                    room = self.seeded.rooms[branch]
                    yield derive(one.key, "card", room), one.key, room, self.seeded.branches[branch]

    def _places(self, counts: Counter[tuple[str, str, State, date]]) -> Iterator[tuple[Any, ...]]:
        dice = self._dice
        states, weights = list(_ANSWERS), list(_ANSWERS.values())
        for one in self._held:
            if one.state is Stand.PLANNED:
                continue
            day = _day(one.due)
            for branch in range(self._size.branches) if one.branch is None else [one.branch]:
                people = self.seeded.members[branch]
                where = self.seeded.branches[branch]
                if one.state is Stand.MISSED:
                    found = [State.NOT_OFFERED] * len(people)
                elif one.state is Stand.OPEN:
                    found = dice.choices([State.OPEN, State.DONE, State.EXCUSED], [60, 36, 4], k=len(people))
                else:
                    found = dice.choices(states, weights, k=len(people))
                for (member, user), state in zip(people, found, strict=True):
                    counts[one.key, where, state, day] += 1
                    if state in (State.OPEN, State.UNANSWERED, State.NOT_OFFERED):
                        yield one.key, member, where, day, state, None, None, None
                        continue
                    at = one.due + timedelta(minutes=dice.randrange(1, 30 if one.state is Stand.OPEN else 1400))
                    cause = f"tap:{self._event()}"
                    self._answered.append((user, at, cause))
                    yield one.key, member, where, day, state, at, cause, None

    def _event(self) -> str:
        return "$" + base64.urlsafe_b64encode(self._dice.randbytes(32)).decode().rstrip("=")

    def record(self) -> None:
        """Make the causes and the record of every answer, and what was sent of late."""
        answered = self._answered
        self._load(causes, "cause outcome at", ((cause, "done", at) for _, at, cause in answered))
        self._load(
            audit,
            "at actor cause action outcome",
            ((at, user, cause, "answered", "done") for user, at, cause in answered),
        )
        columns = "id cause kind lane room_id user_id card_id part revision quiet priority state not_before"
        self._load(outbox, f"{columns} claim_no failures made_at done_at event_id last_error", self._sent())

    def _sent(self) -> Iterator[tuple[Any, ...]]:
        """Yield each card with three edits, the answers to persons of the last month, and a few that failed or wait."""
        due = {one.key: one.due for one in self._held}
        for card, held, room, _ in self._cards():
            at = due[held]
            post = (Row.POST, room, room, None, card, 0, 0, False, BROADCAST, Place.SENT)
            key = derive(card, "post")
            yield key, f"occurrence:{held}:open:{at.isoformat()}", *post, at, 1, 0, at, at, f"$p{key}", None
            for number in range(1, 4) if at > NOW - _TOLD_FOR else ():
                key, at = derive(card, "edit", number), at + timedelta(hours=1)
                edit = (Row.EDIT, room, room, None, card, 0, number, False, EDIT, Place.SENT)
                yield key, f"edit:{key}", *edit, at, 1, 0, at, at, f"$e{key}", None
        told = [one for one in self._answered if one[1] > NOW - _TOLD_FOR]
        for user, at, cause in told:
            key = derive(cause, "tell")
            tell = (Row.TELL, f"user:{user}", None, user, None, 0, 0, False, ANSWER, Place.SENT)
            yield key, cause, *tell, at, 1, 0, at, at, f"$t{key}", None
        for number, (user, _, _) in enumerate(told[:25]):
            key, failed = derive("seed", "late", number), number < 20
            late = (Row.TELL, f"user:{user}", None, user, None, 0, 0, False, ANSWER)
            how = (Place.FAILED, NOW, 1, 0, NOW, NOW, None, "refused") if failed else (Place.PENDING, NOW, 0, 0, NOW)
            yield key, f"late:{key}", *late, *how, *(() if failed else (None, None, None))


def _day(due: datetime) -> date:
    return (due + timedelta(hours=8)).date()


def seed(address: str, size: Size) -> Seeded:
    """Make the tables at an address and fill them; returns what is in them."""

    async def open_once() -> None:
        await (await Store.open(address)).close()

    asyncio.run(open_once())
    loader = Loader(address)
    life = _Life(size, loader.load)
    life.found()
    life.plan()
    life.live()
    life.record()
    life.meet()
    life.care()
    loader.close()
    return life.seeded
