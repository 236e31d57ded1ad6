"""A founded branch for the bench: the folder of a real installation, with people, rooms and an open check-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.clock import opening
from content.decision import Fact
from content.identifiers import LessonId, MemberId, OrganisationId, RoomId, ScheduleId, UserId, derive
from content.lessons import Kind, Lesson, LessonWritten
from content.members import Member, MemberEnrolled
from content.organisations import Duty, DutyGranted, Organisation, OrganisationFounded, Role
from content.organisations import Kind as Level
from content.recurrences import Recurrence
from content.rooms import DirectRoomKept, Purpose, Room, RoomKept
from content.schedules import LessonsScheduled, Schedule, materialise
from storage import sync
from storage.store import Store

TOP, LESSON = OrganisationId(derive("bench", "top")), LessonId(derive("bench", "lesson"))
NAMES = ("张明", "李强", "王丽")
PASSWORD = "bench password"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who belongs where: the private room of each account, and the branch rooms among which they are spread."""

    private: Mapping[str, str]
    halls: tuple[str, ...]
    encrypted: bool = False


def write_settings(folder: Path, *, url: str, user: str, port: int, encrypted: bool) -> Path:
    """Write the settings file of an installation and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    password = folder / "bot-password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    file = folder / "config.toml"
    file.write_text(
        f'[storage]\ndatabase = "sqlite:///zhibu.db"\n[bot]\nhomeserver = "{url}"\nuser = "{user}"\n'
        f'password_file = "bot-password"\nencrypted = {str(encrypted).lower()}\n[console]\nport = {port}\n'
    )
    return file


async def found(folder: Path, people: People, *, bot: str, position: str | None, due_in: float = -60.0) -> None:
    """Write the branch into a new database: one event whose check-in is open, or opens ``due_in`` seconds from now.

    ``position`` is where in the homeserver's stream the bot stands already, ``None`` for one that has heard nothing.
    """
    store = await Store.open(f"sqlite:///{folder / 'zhibu.db'}")
    try:
        facts = list(_facts(people))
        if position is not None:
            facts.append(sync.Heard(account=UserId(bot), since=position, at=store.now()))
        await store.settle(notes=facts)
        due = (store.now() + timedelta(seconds=due_in)).replace(microsecond=0)
        schedule = Schedule(
            id=ScheduleId(derive("bench", "schedule")),
            owner=TOP,
            audience=TOP,
            lessons=(LESSON,),
            recurrence=Recurrence.ONCE,
            start=due.date(),
            at=due.time(),
            timezone="UTC",
            window=timedelta(hours=6),
            late=timedelta(minutes=10),
        )
        planned = materialise(schedule)
        author = UserId(next(iter(people.private)))
        await store.settle(notes=[LessonsScheduled(schedule=schedule, planned=planned, author=author)])
        if due_in < 0:
            await store.settle([opening(planned[0].id, due)])
    finally:
        await store.close()


def _facts(people: People) -> Iterator[Fact]:
    yield OrganisationFounded(organisation=Organisation(id=TOP, parent=None, kind=Level.GENERAL_BRANCH, name="总支"))
    branches = [OrganisationId(derive("bench", "branch", number)) for number in range(max(1, len(people.halls)))]
    for number, branch in enumerate(branches, start=1):
        node = Organisation(id=branch, parent=TOP, kind=Level.BRANCH, name=f"第{number}支部")
        yield OrganisationFounded(organisation=node)
    for hall, branch in zip(people.halls, branches, strict=False):
        room = Room(id=RoomId(hall), organisation=branch, purpose=Purpose.BRANCH, name="支部群", encrypted=False)
        yield RoomKept(room=room)
    for number, (account, room_id) in enumerate(people.private.items()):
        user, branch = UserId(account), branches[number % len(branches)]
        name = NAMES[number % len(NAMES)]
        id = MemberId(derive("bench", "member", number))  # noqa: A001
        yield MemberEnrolled(member=Member(id=id, organisation=branch, name=name, user=user, category="正式党员"))
        yield DirectRoomKept(user=user, room=RoomId(room_id), encrypted=people.encrypted)
    first = UserId(next(iter(people.private)))
    yield DutyGranted(duty=Duty(user=first, organisation=TOP, role=Role.SECRETARY))
    lesson = Lesson(id=LESSON, owner=TOP, kind=Kind.EVENT, title="主题党日", body="带好党徽，准时到会。")
    yield LessonWritten(lesson=lesson, author=first)
