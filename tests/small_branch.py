"""A small branch to try things on: two branches under one roof, five people, and hands to move time and messages."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, TextClause, select, text

from bot.clock import closing, opening
from bot.commands.asking import Settings
from bot.commands.understanding import understand
from bot.matrix.events import Event
from content.checkins import Expectation, State, Way, ask_leave, check_in
from content.decision import Decision, Fact, Refusal
from content.identifiers import (
    CardId,
    Cause,
    EventId,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    RoomId,
    ScheduleId,
    UserId,
)
from content.lessons import Kind, Lesson, LessonWritten
from content.media import MediumKept
from content.members import Member, MemberEnrolled
from content.occurrences import Occurrence, cancel_occurrence
from content.organisations import Duty, DutyGranted, Organisation, OrganisationFounded, Role
from content.organisations import Kind as Level
from content.recurrences import Recurrence
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from storage import checkins, outbox, schedules
from storage.checkins import expectations
from storage.outbox import Claimed, Sent
from storage.rooms import StateSeen
from storage.store import Outcome, Step, Store
from storage.tables import metadata
from storage.tallies import branch_months, by_state, tallies

NOON = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
"""A Wednesday, twelve o'clock in Shanghai."""

ME = UserId("@zhibu:test")
ROOF, EAST, EAST_GROUP, WEST = (OrganisationId(name) for name in ("roof", "east", "east-group", "west"))
ZHANG, LI, WANG, ZHAO, SUN = (MemberId(name) for name in ("zhang", "li", "wang", "zhao", "sun"))
PEOPLE: Mapping[MemberId, tuple[OrganisationId, str]] = {
    ZHANG: (EAST, "张明"),
    LI: (EAST_GROUP, "李强"),
    WANG: (EAST, "王丽"),
    ZHAO: (WEST, "赵敏"),
    SUN: (WEST, "孙伟"),
}
WITHOUT_ACCOUNT = SUN
SECRETARY = UserId("@secretary:test")
EAST_ROOM, WEST_ROOM = RoomId("!east:test"), RoomId("!west:test")
LESSON, ROLL = LessonId("lesson"), LessonId("roll")
TOKEN = "secret-token"

_numbers = itertools.count(1)


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_far: float) -> datetime:
        """Let time pass, and return what time it is then."""
        self.now += timedelta(**how_far)
        return self.now


def account(member: MemberId) -> UserId:
    """Return a member's chat account."""
    return UserId(f"@{member}:test")


def private_room(member: MemberId) -> RoomId:
    """Return the room in which the bot and a member talk."""
    return RoomId(f"!with-{member}:test")


def lesson(id: LessonId = LESSON, kind: Kind = Kind.LESSON, **more: Any) -> Lesson:
    """Make a lesson, or an event."""
    words = {"title": "安全生产" if kind is Kind.LESSON else "主题党日", "body": "第一段。\n\n第二段。"}
    return Lesson(id=id, owner=ROOF, kind=kind, **{**words, **more})


PICTURE = MediumKept(hash="ab" * 32, name="map.png", mimetype="image/png", data=b"picture", width=3, height=2)
SHOWN_PICTURE = PICTURE.described("地图")


def facts_of_founding() -> Iterable[Fact]:
    """Yield everything the small branch starts with."""
    tree = [
        (ROOF, None, Level.GENERAL_BRANCH),
        (EAST, ROOF, Level.BRANCH),
        (EAST_GROUP, EAST, Level.GROUP),
        (WEST, ROOF, Level.BRANCH),
    ]
    for id, parent, level in tree:
        yield OrganisationFounded(organisation=Organisation(id=id, parent=parent, kind=level, name=f"{id}支部"))
    for id, (organisation, name) in PEOPLE.items():
        user = None if id == WITHOUT_ACCOUNT else account(id)
        yield MemberEnrolled(member=Member(id=id, organisation=organisation, name=name, user=user, category="正式党员"))
        if user is not None:
            yield DirectRoomKept(user=user, room=private_room(id), encrypted=False)
    yield DutyGranted(duty=Duty(user=SECRETARY, organisation=ROOF, role=Role.SECRETARY))
    yield DirectRoomKept(user=SECRETARY, room=RoomId("!with-secretary:test"), encrypted=False)
    for id, organisation in ((EAST_ROOM, EAST), (WEST_ROOM, WEST)):
        room = Room(id=id, organisation=organisation, purpose=Purpose.BRANCH, name="支部群", encrypted=False)
        yield RoomKept(room=room)
    yield LessonWritten(lesson=lesson(), author=SECRETARY)
    yield LessonWritten(lesson=lesson(ROLL, Kind.EVENT), author=SECRETARY)


def event(sender: UserId, type: str, content: dict[str, Any], **more: Any) -> Event:
    """Make an event as the border hands it on; a later one has the greater id, which counts where times are equal."""
    usual = {"room_id": EAST_ROOM, "event_id": f"$event{next(_numbers):09}:test", "sent_at": NOON}
    return Event(sender=sender, type=type, content=content, **{**usual, **more})


def message(sender: UserId, body: str, *, reply: str | None = None, mention: bool = False, **more: Any) -> Event:
    """Make a message, optionally a reply to an event, optionally mentioning the bot."""
    content: dict[str, Any] = {"msgtype": "m.text", "body": body}
    if reply is not None:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply}}
    if mention:
        content["m.mentions"] = {"user_ids": [ME]}
    return event(sender, "m.room.message", content, **more)


def edit(sender: UserId, target: str, body: str, **more: Any) -> Event:
    """Make an edit of a message."""
    fresh = {"msgtype": "m.text", "body": body}
    relation = {"rel_type": "m.replace", "event_id": target}
    content = {"msgtype": "m.text", "body": f"* {body}", "m.new_content": fresh, "m.relates_to": relation}
    return event(sender, "m.room.message", content, **more)


def reaction(sender: UserId, target: str, key: str, **more: Any) -> Event:
    """Make a reaction to an event."""
    relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
    return event(sender, "m.reaction", {"m.relates_to": relation}, **more)


def redaction(sender: UserId, target: str, **more: Any) -> Event:
    """Make the removal of an event."""
    return event(sender, "m.room.redaction", {"redacts": target}, redacts=target, **more)


async def powers(branch: SmallBranch, room: RoomId = EAST_ROOM, **users: int) -> None:
    """Say who has how much power in a room."""
    version = {"room_version": "11"}
    levels = {"users": {f"@{name}:test": level for name, level in users.items()}}
    for type, content in (("m.room.create", version), ("m.room.power_levels", levels)):
        seen = StateSeen(room=room, type=type, state_key="", sender=ME, event_id="$state", content=content)
        await branch.store.settle(notes=[seen])


@cache
def _counts() -> TextClause:
    counts = (f"SELECT '{table.name}', count(*) FROM {table.name}" for table in metadata.sorted_tables)
    return text(" UNION ALL ".join(counts))


@cache
def _all_rows() -> list[Select[Any]]:
    return [select(table) for table in metadata.sorted_tables]


@cache
def _with_rows() -> TextClause:
    """Ask which tables have rows, by their number: most have none, and to ask each of them takes longest."""
    numbered = enumerate(metadata.sorted_tables)
    return text(" UNION ALL ".join(f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {table.name})" for n, table in numbered))


class SmallBranch:
    """The small branch in a store, with time in hand."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.store = store
        self.clock = clock
        self.settings = Settings(console="https://console.test", secret=lambda: TOKEN, me=ME, encrypted=False)

    async def found(self) -> None:
        """Write down what the branch starts with."""
        await self.store.settle(notes=list(facts_of_founding()))

    async def plan(
        self,
        taught: LessonId = LESSON,
        *,
        due: datetime | None = None,
        window: timedelta = timedelta(hours=2),
        late: timedelta = timedelta(minutes=10),
        audience: OrganisationId = ROOF,
    ) -> OccurrenceId:
        """Plan one occurrence, now where no time is given."""
        due = due or self.clock.now
        schedule = Schedule(
            id=ScheduleId(f"schedule{next(_numbers)}"),
            owner=ROOF,
            audience=audience,
            lessons=(taught,),
            recurrence=Recurrence.ONCE,
            start=due.date(),
            at=due.time(),
            timezone="UTC",
            window=window,
            late=late,
        )
        planned = materialise(schedule)
        await self.store.settle(notes=[LessonsScheduled(schedule=schedule, planned=planned, author=SECRETARY)])
        return planned[0].id

    async def open(self, taught: LessonId = LESSON, **how: Any) -> OccurrenceId:
        """Plan an occurrence that is due, and open it."""
        id = await self.plan(taught, **how)
        await self.let_open(id)
        return id

    async def let_open(self, id: OccurrenceId) -> Outcome:
        """Open an occurrence, if it is due."""
        found = await self.occurrence(id)
        (outcome,) = await self.store.settle([opening(id, found.due_at)])
        return outcome

    async def let_close(self, id: OccurrenceId) -> Outcome:
        """Close an occurrence, if its window is over."""
        (outcome,) = await self.store.settle([closing(id)])
        return outcome

    async def cancel(self, id: OccurrenceId) -> Outcome:
        """Call an occurrence off."""
        found = await self.occurrence(id)

        async def decide(_unit: object) -> Decision | Refusal:
            return cancel_occurrence(found, by=SECRETARY)

        (outcome,) = await self.store.settle([Step(cause=fresh_cause(), decide=decide)])
        return outcome

    async def occurrence(self, id: OccurrenceId) -> Occurrence:
        """Return an occurrence."""
        entry = await self.store.read(lambda unit: schedules.entry(unit, id))
        assert entry is not None
        return entry.occurrence

    async def place(self, id: OccurrenceId, member: MemberId) -> Expectation:
        """Return a member's place in an occurrence."""
        found = await self.store.read(lambda unit: checkins.expectation(unit, id, member))
        assert found is not None
        return found

    async def state(self, id: OccurrenceId, member: MemberId) -> State:
        """Return how a member stands in an occurrence."""
        return (await self.place(id, member)).state

    async def answer(self, id: OccurrenceId, member: MemberId, *, leave: str | None = None) -> Outcome:
        """Check a member in, or give them leave, as if they had said so in private."""
        cause = fresh_cause()

        async def decide(unit: Any) -> Decision | Refusal | None:
            found = await checkins.expectation(unit, id, member)
            if found is None:
                return None
            if leave is not None:
                return ask_leave(found, leave, way=Way.PRIVATE, cause=cause, now=unit.now)
            return check_in(found, way=Way.PRIVATE, cause=cause, now=unit.now)

        (outcome,) = await self.store.settle([Step(cause=cause, decide=decide, actor=account(member))])
        return outcome

    async def hear(self, *events: Event) -> tuple[Outcome | None, ...]:
        """Let the bot understand events, each on its own; ``None`` for what is not addressed to it."""
        outcomes: list[Outcome | None] = []
        for one in events:
            step = understand(one, ME, self.settings)
            settled = () if step is None else await self.store.settle([step])
            self.settings.fresh.note(settled, self.store.now())
            outcomes.append(settled[0] if settled else None)
        return tuple(outcomes)

    async def claim(self, *, limit: int = 16, worker: str = "worker", lease: float = 60) -> list[Claimed]:
        """Take rows of the outbox."""
        claimed = await self.store.claim(worker=worker, device="DEVICE", lease=timedelta(seconds=lease), limit=limit)
        return list(claimed)

    async def mark_sent(self, *rows: Claimed) -> None:
        """Record that rows were accepted; their event is named after them."""
        for row in rows:
            sent = Sent(claimed=row, event_id=EventId(f"$sent-{row.id}"), at=self.clock.now)
            await self.store.settle(notes=[sent])

    async def send_all(self) -> list[Claimed]:
        """Send everything that may go out now."""
        sent: list[Claimed] = []
        while rows := await self.claim():
            await self.mark_sent(*rows)
            sent += rows
        return sent

    async def rows(self, *conditions: Any) -> list[Any]:
        """Return rows of the outbox, oldest first."""
        query = select(outbox.outbox).where(*conditions).order_by(outbox.outbox.c.number)
        return list(await self.store.read(lambda unit: unit.rows(query)))

    async def told(self) -> list[tuple[str, str]]:
        """Return what is waiting to be said to people: (account, key of the sentence)."""
        rows = await self.rows(outbox.outbox.c.kind == outbox.Kind.TELL, outbox.outbox.c.words.is_not(None))
        return [(row.user_id, row.words["key"]) for row in rows if row.words]

    async def card_event(self, id: OccurrenceId, room: RoomId = EAST_ROOM) -> str:
        """Return the event that shows an occurrence's card in a room."""
        rows = await self.rows(outbox.outbox.c.kind == outbox.Kind.POST, outbox.outbox.c.room_id == room)
        cards = await self.store.read(lambda unit: checkins.cards_of(unit, id))
        return str(next(row.event_id for row in reversed(rows) if row.card_id in cards))

    async def card(self, id: OccurrenceId, room: RoomId = EAST_ROOM) -> CardId:
        """Return the card of an occurrence in a room."""
        query = select(checkins.cards.c.id).where(checkins.cards.c.occurrence_id == id)
        query = query.where(checkins.cards.c.room_id == room)
        return CardId(await self.store.read(lambda unit: unit.value(query)))

    async def size(self) -> dict[str, int]:
        """Return how many rows each table has."""

        async def count(unit: Any) -> dict[str, int]:
            return {row[0]: row[1] for row in await unit.rows(_counts())}

        return await self.store.read(count)

    async def everything(self) -> str:
        """Return all values of all tables in one text, to search for what must not be there."""

        async def dump(unit: Any) -> str:
            filled = [_all_rows()[number] for (number,) in await unit.rows(_with_rows())]
            return "\n".join([repr(tuple(row)) for question in filled for row in await unit.rows(question)])

        return await self.store.read(dump)

    async def counted(self) -> Counter[tuple[str, str, str]]:
        """Count the places themselves: (occurrence, branch, state)."""
        columns = (expectations.c.occurrence_id, expectations.c.branch_id, expectations.c.state)
        rows = await self.store.read(lambda unit: unit.rows(select(*columns)))
        return Counter((row[0], row[1], row[2]) for row in rows)

    async def tallied(self) -> Counter[tuple[str, str, str]]:
        """Return the running counts in the same form, zeros left out."""
        found: Counter[tuple[str, str, str]] = Counter()
        for row in await self.store.read(lambda unit: unit.rows(select(tallies))):
            found.update({(row.occurrence_id, row.branch_id, state): n for state, n in by_state(row).items()})
        return found

    async def recounted(self) -> Counter[tuple[str, date, str]]:
        """Count the places by branch, month of their occurrence, and state."""
        columns = (expectations.c.branch_id, schedules.occurrences.c.local_date, expectations.c.state)
        query = select(*columns).join(schedules.occurrences, schedules.occurrences.c.id == expectations.c.occurrence_id)
        rows = await self.store.read(lambda unit: unit.rows(query))
        return Counter((row[0], row[1].replace(day=1), row[2]) for row in rows)

    async def summed(self) -> Counter[tuple[str, date, str]]:
        """Return the sums by month in the same form, zeros left out."""
        found: Counter[tuple[str, date, str]] = Counter()
        for row in await self.store.read(lambda unit: unit.rows(select(branch_months))):
            found.update({(row.branch_id, row.month, state): n for state, n in by_state(row).items()})
        return found


def fresh_cause() -> Cause:
    """Return a cause nobody has used."""
    return Cause(f"form:test{next(_numbers)}")
