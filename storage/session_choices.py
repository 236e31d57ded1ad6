"""Which session of a lecture members come to, as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, ForeignKey, Integer, String, Table, func, select

from content.identifiers import MemberId, OccurrenceId, OrganisationId, UserId
from content.lectures import Lecture, Session
from content.meeting_sessions import kept_choice
from content.session_choices import SessionChosen
from storage import lessons
from storage.checkins import expectations
from storage.members import members
from storage.organisations import within
from storage.schedules import entry
from storage.tables import Instant, metadata
from storage.unit import Reading, Writing

session_choices = Table(
    "session_choices",
    metadata,
    Column("occurrence_id", ForeignKey("occurrences.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    Column("session", Integer, nullable=False),
    Column("cause", String(300), nullable=False, index=True),
    Column("at", Instant, nullable=False),
)


class Choice(Struct, frozen=True, kw_only=True):
    """A member's choice, and by which cause it is theirs."""

    occurrence: OccurrenceId
    member: MemberId
    session: int


async def lecture(unit: Reading, occurrence: OccurrenceId) -> Lecture | None:
    """Return the lecture that an occurrence announces, as its card shows it; ``None`` for all else."""
    found = await entry(unit, occurrence)
    if found is None:
        return None
    lesson = await lessons.lesson(unit, found.occurrence.lesson, found.lesson_revision)
    return lesson.lecture if lesson is not None else None


async def chosen(unit: Reading, occurrence: OccurrenceId, member: MemberId) -> int | None:
    """Return which session a member has chosen."""
    number: int | None = await unit.value(
        select(session_choices.c.session).where(
            session_choices.c.occurrence_id == occurrence, session_choices.c.member_id == member
        )
    )
    return number


async def chosen_by(unit: Reading, cause: str) -> Choice | None:
    """Return the choice that stands by this cause."""
    row = await unit.first(select(session_choices).where(session_choices.c.cause == cause))
    if row is None:
        return None
    return Choice(occurrence=row.occurrence_id, member=row.member_id, session=row.session)


async def numbers(unit: Reading, occurrence: OccurrenceId, roots: Iterable[OrganisationId]) -> dict[int, int]:
    """Return how many members counted at or below the roots come to each session."""
    query = (
        select(session_choices.c.session, func.count().label("number"))
        .join(
            expectations,
            (expectations.c.occurrence_id == session_choices.c.occurrence_id)
            & (expectations.c.member_id == session_choices.c.member_id),
        )
        .where(session_choices.c.occurrence_id == occurrence, within(expectations.c.branch_id, roots))
        .group_by(session_choices.c.session)
    )
    return {row.session: row.number for row in await unit.rows(query)}


async def names(
    unit: Reading, occurrence: OccurrenceId, roots: Iterable[OrganisationId]
) -> tuple[tuple[int, str], ...]:
    """Return who comes to which session, for who may read the names of these branches."""
    query = (
        select(session_choices.c.session, members.c.name)
        .join(members, members.c.id == session_choices.c.member_id)
        .join(
            expectations,
            (expectations.c.occurrence_id == session_choices.c.occurrence_id)
            & (expectations.c.member_id == session_choices.c.member_id),
        )
        .where(session_choices.c.occurrence_id == occurrence, within(expectations.c.branch_id, roots))
        .order_by(session_choices.c.session, members.c.name, members.c.id)
    )
    return tuple((row.session, row.name) for row in await unit.rows(query))


async def accounts(unit: Reading, occurrence: OccurrenceId) -> tuple[tuple[UserId, int], ...]:
    """Return the accounts of those who have chosen a session, each with that."""
    query = (
        select(members.c.user_id, session_choices.c.session)
        .join(members, members.c.id == session_choices.c.member_id)
        .where(session_choices.c.occurrence_id == occurrence, members.c.user_id.is_not(None))
        .order_by(session_choices.c.session, members.c.id)
    )
    return tuple((UserId(row.user_id), row.session) for row in await unit.rows(query))


async def of_meeting(unit: Reading, occurrence: OccurrenceId) -> dict[MemberId, int]:
    """Return which session each member has named."""
    query = select(session_choices.c.member_id, session_choices.c.session)
    rows = await unit.rows(query.where(session_choices.c.occurrence_id == occurrence))
    return {MemberId(row.member_id): row.session for row in rows}


async def follow(unit: Writing, occurrence: OccurrenceId, before: Sequence[Session], after: Sequence[Session]) -> None:
    """Let the choices follow the sessions of a meeting that has changed, and forget those of sessions that are gone."""
    if tuple(before) == tuple(after):
        return
    for member, number in (await of_meeting(unit, occurrence)).items():
        own = (session_choices.c.occurrence_id == occurrence) & (session_choices.c.member_id == member)
        now_is = kept_choice(number, before, after)
        if now_is is None or len(after) < 2:
            await unit.execute(session_choices.delete().where(own))
        elif now_is != number:
            await unit.execute(session_choices.update().where(own).values(session=now_is))


async def drop_beyond(unit: Writing, occurrence: OccurrenceId, most: int) -> None:
    """Forget the choices of sessions that there are no more."""
    gone = (session_choices.c.occurrence_id == occurrence) & (session_choices.c.session > most)
    await unit.execute(session_choices.delete().where(gone))


async def forget_past(unit: Writing, before: datetime) -> None:
    """Forget who chose a session before a time."""
    await unit.execute(session_choices.delete().where(session_choices.c.at < before))


async def write_chosen(unit: Writing, fact: SessionChosen) -> None:
    """Keep a choice in place of the one before, or none."""
    if fact.session is None:
        own = (session_choices.c.occurrence_id == fact.occurrence) & (session_choices.c.member_id == fact.member)
        await unit.execute(session_choices.delete().where(own))
        return
    values = {
        "occurrence_id": fact.occurrence,
        "member_id": fact.member,
        "session": fact.session,
        "cause": fact.cause,
        "at": fact.at,
    }
    await unit.put(session_choices, values, key=["occurrence_id", "member_id"])
