"""The scene of a campaign: halls, members and lessons on a homeserver, and an installation founded for them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from content.decision import Decision, Effect, Fact
from content.identifiers import Cause, LessonId, MemberId, OrganisationId, RoomId, ScheduleId, UserId
from content.lessons import Kind as LessonKind
from content.lessons import Lesson, LessonWritten
from content.media import MediumKept
from content.members import Member as Enrolled
from content.members import MemberEnrolled
from content.organisations import Duty, DutyGranted, Kind, Organisation, OrganisationFounded, Role
from content.recurrences import Recurrence
from content.rooms import DirectRoomKept, MakeRoom, Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from storage.engines import WRITE, open_working_engine
from storage.store import Step, Store
from tests.faults.oracle import Said, World
from tests.installation import Installation
from tests.member import Member
from zhibu.demo.synapse import Account

TOP = OrganisationId("top")
AUTHOR = UserId("@author:nowhere")
ENCRYPTED = {"initial_state": [{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]}
PICTURE = MediumKept(hash="ab" * 32, name="map.png", mimetype="image/png", data=b"picture", width=3, height=2)


class Server(Protocol):
    """A homeserver on which accounts can be made, real or not."""

    url: str

    async def register(self, name: str, password: str) -> Account:
        """Make an account, or sign in to it."""


class Scene:
    """One homeserver with people on it, one installation, and the list of what was said."""

    def __init__(self, server: Server, folder: Path, database: str = "") -> None:
        self.server = server
        self.folder = folder
        self.database = database
        self.members: list[Member] = []
        self.late: list[Member] = []
        """Members who have no private room with the bot yet."""
        self.world = World(url="", bot="", database="", token="", halls=[])
        self.hall_of: dict[str, str] = {}
        self.cards: dict[tuple[str, str], str] = {}
        """The event of each card that members have seen: by hall and title."""
        self.name_of: Callable[[int], str] = "张{}".format
        self.asked_for_links = 0
        """How often somebody has asked for a link to the console."""
        self._tapped: set[tuple[str, str]] = set()
        self._numbers = itertools.count(1)
        self._turns = itertools.count()

    async def found(self, *, halls: int, members: int, late: int = 0, sealed: bool = False) -> None:
        """Make the rooms and people, and write the branch into a new database."""
        bot = await self.server.register("bot", "a long password")
        reading = await self.server.register("reader", "a long password")
        self.reader = await Member(self.server.url, reading).__aenter__()
        self.installation = Installation(
            self.folder, self.server.url, bot.user_id, bot.password, encrypted=False, database=self.database
        )
        self.world = World(
            url=self.server.url,
            bot=bot.user_id,
            database=self.installation.database,
            token=reading.access_token,
            halls=[],
        )
        facts: list[Fact] = [
            OrganisationFounded(organisation=Organisation(id=TOP, parent=None, kind=Kind.GENERAL_BRANCH, name="总支"))
        ]
        async with Member(self.server.url, bot) as robot:
            for number in range(halls + sealed):
                encrypted = number == halls
                hall = await self.reader.create_room(bot.user_id, **(ENCRYPTED if encrypted else {}))
                await robot.join(hall)
                self.world.halls.append(hall)
                if encrypted:
                    self.world.sealed.append(hall)
                facts += self._branch(number, hall, encrypted=encrypted)
            for number in range(members + late):
                facts += await self._person(number, robot, private=number < members)
        facts.append(
            DutyGranted(duty=Duty(user=UserId(self.members[0].user_id), organisation=TOP, role=Role.SECRETARY))
        )
        await self.write(*facts)

    def _branch(self, number: int, hall: str, *, encrypted: bool) -> list[Fact]:
        branch = OrganisationId(f"branch{number}")
        node = Organisation(id=branch, parent=TOP, kind=Kind.BRANCH, name=f"第{number + 1}支部")
        kept = Room(id=RoomId(hall), organisation=branch, purpose=Purpose.BRANCH, name=node.name, encrypted=encrypted)
        return [OrganisationFounded(organisation=node), RoomKept(room=kept)]

    async def _person(self, number: int, robot: Member, *, private: bool) -> list[Fact]:
        account = await self.server.register(f"member{number}", "a long password")
        member = await Member(self.server.url, account).__aenter__()
        place = number % (len(self.world.halls) - len(self.world.sealed))
        hall = self.world.halls[place]
        await self.reader.ask("POST", f"/v3/rooms/{hall}/invite", {"user_id": account.user_id})
        await member.join(hall)
        self.hall_of[account.user_id] = hall
        person = Enrolled(
            id=MemberId(f"member{number}"),
            organisation=OrganisationId(f"branch{place}"),
            name=self.name_of(number),
            user=UserId(account.user_id),
        )
        facts: list[Fact] = [MemberEnrolled(member=person)]
        if private:
            room = await member.create_room(robot.user_id)
            await robot.join(room)
            self.world.private[account.user_id] = room
            self.world.tokens[account.user_id] = account.access_token
            facts.append(DirectRoomKept(user=person.user, room=RoomId(room), encrypted=False))  # type: ignore[arg-type]
        (self.members if private else self.late).append(member)
        return facts

    async def close(self) -> None:
        """Let everybody go home."""
        for member in (self.reader, *self.members, *self.late):
            await member.__aexit__()

    # What is decided, between two lives of the program

    async def in_store(self, work: Callable[[Store], Awaitable[None]]) -> None:
        """Do something with the store while no program runs."""
        store = await Store.open(self.installation.database)
        try:
            await work(store)
        finally:
            await store.close()

    async def write(self, *facts: Fact, effects: tuple[Effect, ...] = ()) -> None:
        """Let something be so."""

        async def decide(_: object) -> Decision:
            return Decision(facts=facts, effects=effects)

        async def settle(store: Store) -> None:
            step = Step(cause=Cause(f"test:{next(self._numbers)}"), decide=decide)
            (outcome,) = await store.settle([step])
            assert not outcome.failed

        await self.in_store(settle)

    async def plan(self, times: int = 1, *, window: timedelta = timedelta(hours=6), picture: bool = False) -> None:
        """Plan lessons that are due now, one second after the other."""
        now = datetime.now().astimezone().replace(microsecond=0, tzinfo=None)
        facts: list[Fact] = [PICTURE] if picture else []
        for after in range(times):
            title = f"课{next(self._numbers):04}"
            lesson = Lesson(
                id=LessonId(title),
                owner=TOP,
                kind=LessonKind.EVENT,
                title=title,
                body="正文",
                media=(PICTURE.described("地图"),) if picture else (),
            )
            at = now + timedelta(seconds=after)
            rule = Schedule(
                id=ScheduleId(f"plan{title}"),
                owner=TOP,
                audience=TOP,
                lessons=(lesson.id,),
                recurrence=Recurrence.ONCE,
                start=at.date(),
                at=at.time(),
                timezone="UTC",
                window=window,
                late=timedelta(hours=2),
            )
            facts += [LessonWritten(lesson=lesson, author=AUTHOR)]
            facts += [LessonsScheduled(schedule=rule, planned=materialise(rule), author=AUTHOR)]
            self.world.lessons.append(title)
            self.world.messages += 2 if picture else 1
        await self.write(*facts)

    async def let_leases_end(self) -> None:
        """Let so much time have passed that no worker of before can be at its work still."""
        engine = open_working_engine(self.installation.database).execution_options(**WRITE)
        with engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET lease_until = first_try_at WHERE state = 'leased'"))
        engine.dispose()

    async def ask_for_a_room(self) -> None:
        """Have the bot make a space for the organisation."""
        await self.write(effects=(MakeRoom(organisation=TOP, purpose=Purpose.SPACE),))

    # What members do

    async def look(self) -> None:
        """Let a member's client see which cards are there."""
        body = await self.reader.sync()
        for hall, part in body.get("rooms", {}).get("join", {}).items():
            events = part["timeline"]["events"]
            if part["timeline"].get("limited"):
                events = await self.reader.history(hall, 1000)
            for event in events:
                text = str(event["content"].get("body", ""))
                if event["sender"] == self.world.bot and "m.new_content" not in event["content"]:
                    for title in self.world.lessons:
                        if title in text:
                            self.cards.setdefault((hall, title), event["event_id"])

    async def act(self, member: Member, words: str) -> bool:
        """Let a member say something of the newest card they see; tell whether there was anything to say."""
        hall = self.hall_of[member.user_id]
        seen = [event for (where, _), event in self.cards.items() if where == hall]
        if not seen:
            return False
        card = seen[-1]
        if words == "✅":
            if (member.user_id, card) in self._tapped:
                return False
            self._tapped.add((member.user_id, card))
            event = await member.react(hall, card)
        else:
            relation = {"m.in_reply_to": {"event_id": card}}
            content = {"msgtype": "m.text", "body": words, "m.relates_to": relation}
            event = await member.send(hall, "m.room.message", content)
        self.world.said.append(Said(event=event, room=hall, sender=member.user_id, card=card, words=words))
        return True

    async def act_in_turn(self) -> bool:
        """Let the next member say the next thing; tell whether there was anything to speak of."""
        turn = next(self._turns)
        member = self.members[turn % len(self.members)]
        words = ("签到", "请假 事假", "✅")[turn // len(self.members) % 3]
        return await self.act(member, words)

    async def chat(self, times: int) -> None:
        """Let a hall talk of other things, so that what matters is far back in its timeline."""
        for number in range(times):
            await self.reader.say(self.world.halls[0], f"闲聊 {number}")
