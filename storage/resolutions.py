"""What meetings decided, with every earlier wording, and who does what by when."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table, select, update

from content.identifiers import MemberId, OccurrenceId, OrganisationId, ResolutionId, TaskId
from content.meetings import INNER
from content.resolutions import Floor, Resolution, ResolutionRecorded, Show, Task, TaskAssigned, TaskDone
from storage.meetings import meetings
from storage.members import members
from storage.organisations import within
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

resolutions = Table(
    "resolutions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("occurrence_id", ForeignKey("meetings.occurrence_id"), nullable=False, index=True),
    Column("text", String(500), nullable=False),
    Column("at", Instant, nullable=False),
    Column("replaces_id", ForeignKey("resolutions.id")),
    Column("yes", Integer),
    Column("no", Integer),
    Column("abstained", Integer),
    Column("expected", Integer),
    Column("present", Integer),
    Column("online", Integer),
)

meeting_tasks = Table(
    "meeting_tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("occurrence_id", ForeignKey("meetings.occurrence_id"), nullable=False, index=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("text", String(200), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("done_on", Date),
)


async def of_meeting(unit: Reading, id: OccurrenceId) -> tuple[Resolution, ...]:  # noqa: A002
    """Return everything that was written down of what a meeting decided, oldest first."""
    query = select(resolutions).where(resolutions.c.occurrence_id == id).order_by(resolutions.c.at, resolutions.c.id)
    return tuple(_resolution(row) for row in await unit.rows(query))


def _resolution(row: AnyRow) -> Resolution:
    voted = row.yes is not None
    return Resolution(
        id=ResolutionId(row.id),
        text=row.text,
        at=row.at,
        show=Show(yes=row.yes, no=row.no, abstained=row.abstained) if voted else None,
        floor=Floor(expected=row.expected, present=row.present, online=row.online) if voted else None,
        replaces=row.replaces_id,
    )


async def tasks_of_meeting(unit: Reading, id: OccurrenceId) -> tuple[Task, ...]:  # noqa: A002
    """Return who does what because of a meeting, what is due first first."""
    query = select(meeting_tasks).where(meeting_tasks.c.occurrence_id == id)
    return tuple(_task(row) for row in await unit.rows(query.order_by(meeting_tasks.c.due_on, meeting_tasks.c.id)))


async def task(unit: Reading, id: TaskId) -> Task | None:  # noqa: A002
    """Return one of them."""
    row = await unit.first(select(meeting_tasks).where(meeting_tasks.c.id == id))
    return _task(row) if row else None


async def open_tasks_of(unit: Reading, member: MemberId) -> tuple[Task, ...]:
    """Return what a person still has to do."""
    query = select(meeting_tasks).where(meeting_tasks.c.member_id == member, meeting_tasks.c.done_on.is_(None))
    return tuple(_task(row) for row in await unit.rows(query.order_by(meeting_tasks.c.due_on, meeting_tasks.c.id)))


async def open_tasks_at(unit: Reading, organisation: OrganisationId, *, most: int) -> tuple[tuple[str, Task], ...]:
    """Return what is still to be done of an organisation's meetings, with the names of those who do it.

    What an inner meeting asked for is no matter of everyone's.
    """
    query = (
        select(meeting_tasks, members.c.name)
        .join(meetings, meetings.c.occurrence_id == meeting_tasks.c.occurrence_id)
        .join(members, members.c.id == meeting_tasks.c.member_id)
        .where(
            meetings.c.organisation_id == organisation,
            meetings.c.form.not_in(sorted(INNER)),
            meeting_tasks.c.done_on.is_(None),
        )
        .order_by(meeting_tasks.c.due_on, meeting_tasks.c.id)
        .limit(most)
    )
    return tuple((row.name, _task(row)) for row in await unit.rows(query))


async def meeting_at(unit: Reading, id: TaskId, roots: Iterable[OrganisationId]) -> OccurrenceId | None:  # noqa: A002
    """Return the meeting of a task that was held at or below the roots."""
    query = (
        select(meeting_tasks.c.occurrence_id)
        .join(meetings, meetings.c.occurrence_id == meeting_tasks.c.occurrence_id)
        .where(meeting_tasks.c.id == id, within(meetings.c.organisation_id, roots))
    )
    row = await unit.first(query)
    return OccurrenceId(row.occurrence_id) if row else None


def _task(row: AnyRow) -> Task:
    return Task(
        id=TaskId(row.id),
        occurrence=OccurrenceId(row.occurrence_id),
        member=MemberId(row.member_id),
        text=row.text,
        due_on=row.due_on,
        done_on=row.done_on,
    )


async def write_recorded(unit: Writing, fact: ResolutionRecorded) -> None:
    """Keep what was decided, beside what stood before."""
    one = fact.resolution
    show, floor = one.show, one.floor
    await unit.add(
        resolutions,
        {
            "id": one.id,
            "occurrence_id": fact.occurrence,
            "text": one.text,
            "at": one.at,
            "replaces_id": one.replaces,
            "yes": show.yes if show else None,
            "no": show.no if show else None,
            "abstained": show.abstained if show else None,
            "expected": floor.expected if floor else None,
            "present": floor.present if floor else None,
            "online": floor.online if floor else None,
        },
    )


async def write_assigned(unit: Writing, fact: TaskAssigned) -> None:
    """Keep who does what by when."""
    one = fact.task
    values = {"id": one.id, "occurrence_id": one.occurrence, "member_id": one.member}
    await unit.add(meeting_tasks, values | {"text": one.text, "due_on": one.due_on, "done_on": None})


async def write_done(unit: Writing, fact: TaskDone) -> None:
    """Keep since when it is done."""
    await unit.execute(update(meeting_tasks).where(meeting_tasks.c.id == fact.task).values(done_on=fact.on))
