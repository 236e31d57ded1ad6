"""What people say is wrong in the record, and how that was answered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ForeignKey, Index, String, Table, case, func, select, update

from content.corrections import KEPT, Correction, CorrectionAnswered, CorrectionAsked, CorrectionWithdrawn, State
from content.identifiers import CorrectionId, OrganisationId, UserId
from content.organisations import RIGHTS, Right, Role
from storage.lessons import lessons
from storage.members import members
from storage.organisations import ROOTS, duties, organisation_closure, organisations, within
from storage.prepared import Prepared
from storage.schedules import SHOWN_TITLE, occurrences
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Query, Reading, Writing

corrections = Table(
    "corrections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("user_id", String(255), nullable=False),
    Column("occurrence_id", ForeignKey("occurrences.id")),
    Column("text", String(500)),
    Column("asked_at", Instant, nullable=False),
    Column("state", String(10), nullable=False),
    Column("answer", String(500)),
    Column("answered_by", String(255)),
    Column("answered_at", Instant),
    Index("ix_corrections_organisation_state", "organisation_id", "state"),
)


class Line(Struct, frozen=True, kw_only=True):
    """A correction as the desk shows it: with who asked, where they belong, and the title of what they said it of."""

    correction: Correction
    name: str
    organisation: str
    title: str | None
    due_at: datetime | None


def _correction(row: AnyRow) -> Correction:
    return Correction(
        id=row.id,
        organisation=row.organisation_id,
        member=row.member_id,
        user=row.user_id,
        occurrence=row.occurrence_id,
        text=row.text,
        asked_at=row.asked_at,
        state=State(row.state),
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )


def _lines() -> Query:
    query: Any = (
        select(
            corrections,
            members.c.name,
            organisations.c.name.label("organisation_name"),
            case((corrections.c.occurrence_id.is_not(None), SHOWN_TITLE.element)).label("title"),
            occurrences.c.due_at,
        )
        .join(members, members.c.id == corrections.c.member_id)
        .join(organisations, organisations.c.id == corrections.c.organisation_id)
        .outerjoin(occurrences, occurrences.c.id == corrections.c.occurrence_id)
        .outerjoin(lessons, lessons.c.id == occurrences.c.lesson_id)
    )
    return query  # type: ignore[no-any-return]


async def lines(unit: Reading, roots: Iterable[OrganisationId], *, waiting: bool, limit: int = 100) -> tuple[Line, ...]:
    """Return corrections at or below the roots: those that wait, oldest first, or the others, newest answer first."""
    query = _lines().where(within(corrections.c.organisation_id, roots))
    if waiting:
        query = query.where(corrections.c.state == State.WAITING).order_by(corrections.c.asked_at, corrections.c.id)
    else:
        query = query.where(corrections.c.state.in_([State.SETTLED, State.UNCHANGED]))
        query = query.order_by(corrections.c.answered_at.desc(), corrections.c.id)
    return tuple(
        Line(
            correction=_correction(row),
            name=row.name,
            organisation=row.organisation_name,
            title=row.title,
            due_at=row.due_at,
        )
        for row in await unit.rows(query.limit(limit))
    )


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: CorrectionId) -> Correction | None:  # noqa: A002
    """Return a correction, if it belongs at or below the roots."""
    query = select(corrections).where(corrections.c.id == id, within(corrections.c.organisation_id, roots))
    row = await unit.first(query)
    return _correction(row) if row else None


_NUMBER_WAITING = Prepared(
    select(func.count().label("number"))
    .select_from(corrections)
    .where(corrections.c.state == State.WAITING, within(corrections.c.organisation_id, ROOTS))
)


async def number_waiting(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how many at or below the roots wait for an answer."""
    return int(await unit.value(_NUMBER_WAITING, {"roots": list(roots)}))


async def waiting_of(unit: Reading, user: UserId) -> tuple[Correction, ...]:
    """Return what a person asked for and nobody has answered, oldest first."""
    query = select(corrections).where(corrections.c.user_id == user, corrections.c.state == State.WAITING)
    rows = await unit.rows(query.order_by(corrections.c.asked_at, corrections.c.id))
    return tuple(_correction(row) for row in rows)


async def answerer(unit: Reading, organisation: OrganisationId) -> str | None:
    """Return the name of who keeps the record of an organisation, nearest to it first; ``None`` if it is not known."""
    recording = [role for role in Role if Right.RECORD in RIGHTS[role]]
    query = (
        select(members.c.name)
        .join(duties, duties.c.user_id == members.c.user_id)
        .join(organisation_closure, organisation_closure.c.ancestor_id == duties.c.organisation_id)
        .where(organisation_closure.c.descendant_id == organisation, duties.c.role.in_(recording))
        .order_by(organisation_closure.c.depth, members.c.name)
        .limit(1)
    )
    name: str | None = await unit.value(query)
    return name


async def write_asked(unit: Writing, fact: CorrectionAsked) -> None:
    """Keep a correction."""
    one = fact.correction
    await unit.add(
        corrections,
        {
            "id": one.id,
            "organisation_id": one.organisation,
            "member_id": one.member,
            "user_id": one.user,
            "occurrence_id": one.occurrence,
            "text": one.text,
            "asked_at": one.asked_at,
            "state": one.state,
        },
    )


async def write_answered(unit: Writing, fact: CorrectionAnswered) -> None:
    """Keep the answer."""
    await unit.execute(
        update(corrections)
        .where(corrections.c.id == fact.id)
        .values(state=fact.state, answer=fact.answer, answered_by=fact.by, answered_at=fact.at)
    )


async def write_withdrawn(unit: Writing, fact: CorrectionWithdrawn) -> None:
    """Forget the words of what was taken back."""
    await unit.execute(
        update(corrections)
        .where(corrections.c.id == fact.id)
        .values(state=State.WITHDRAWN, answered_at=fact.at, text=None)
    )


async def forget_words(unit: Writing, now: datetime) -> None:
    """Forget what was said, and answered, some time after the matter was closed; that it was asked stays."""
    old = corrections.c.answered_at < now - KEPT
    await unit.execute(update(corrections).where(old, corrections.c.text.is_not(None)).values(text=None, answer=None))
