"""What became of an occurrence after it was sent: corrected to a newer revision, or withdrawn, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct, to_builtins
from sqlalchemy import bindparam, select, update

from content.amendments import SENT, OccurrenceCorrected, OccurrenceWithdrawn, Sent
from content.checkins import State as Answer
from content.identifiers import LessonId, OccurrenceId, OrganisationId
from content.layouts import Layout, Place, first_layout
from content.lessons import Lesson
from content.occurrences import State
from storage import session_choices
from storage.checkins import cards, cards_of
from storage.lessons import lesson as lesson_of
from storage.organisations import organisations, within
from storage.outbox import UNDER_WAY, Kind, outbox
from storage.prepared import Prepared
from storage.rooms import rooms
from storage.schedules import entry, occurrences
from storage.seats import move_day, move_seats
from storage.unit import Reading, Writing


class Note(Struct, frozen=True, kw_only=True):
    """When and why an occurrence was corrected or withdrawn; ``None`` for what has not happened."""

    corrected_at: datetime | None
    correction: str | None
    withdrawn_at: datetime | None
    withdrawal: str | None


def _layout(held: dict[str, Any]) -> Layout:
    places = tuple(Place(**place) for place in held["places"])
    return Layout(live=held["live"], following=held["following"], places=places)


_LAYOUT = Prepared(select(occurrences.c.layout).where(occurrences.c.id == bindparam("id")))
_NOTE = Prepared(
    select(
        occurrences.c.corrected_at, occurrences.c.correction, occurrences.c.withdrawn_at, occurrences.c.withdrawal
    ).where(occurrences.c.id == bindparam("id"))
)


async def layout(unit: Reading, id: OccurrenceId, shown: Lesson) -> Layout:  # noqa: A002
    """Return how the cards of an occurrence are laid out that show this revision of its lesson."""
    held = await unit.value(_LAYOUT, {"id": id})
    return _layout(held) if held else first_layout(shown)


async def note(unit: Reading, id: OccurrenceId) -> Note:  # noqa: A002
    """Return what became of an occurrence after it was sent."""
    row = await unit.first(_NOTE, {"id": id})
    if row is None:
        return Note(corrected_at=None, correction=None, withdrawn_at=None, withdrawal=None)
    return Note(
        corrected_at=row.corrected_at,
        correction=row.correction or None,
        withdrawn_at=row.withdrawn_at,
        withdrawal=row.withdrawal,
    )


async def sent(unit: Reading, id: OccurrenceId) -> Sent | None:  # noqa: A002
    """Return an occurrence as it stands in its rooms, ``None`` for one that never opened."""
    found = await entry(unit, id)
    if found is None or found.lesson_revision is None:
        return None
    shown = await lesson_of(unit, found.occurrence.lesson, found.lesson_revision)
    if shown is None:
        return None
    return Sent(
        occurrence=found.occurrence,
        timezone=found.timezone,
        title=found.title,
        revision=found.lesson_revision,
        layout=await layout(unit, id, shown),
        cards=await cards_of(unit, id),
        lecture=shown.lecture,
        chosen=await session_choices.accounts(unit, id) if shown.lecture is not None else (),
    )


async def outdated(
    unit: Reading, of: LessonId, revision: int, audiences: Iterable[OrganisationId]
) -> tuple[OccurrenceId, ...]:
    """Return the occurrences of a lesson that show an older revision than this one, newest first.

    Only those whose whole audience lies at or below ``audiences``.
    """
    query = (
        select(occurrences.c.id)
        .where(
            occurrences.c.lesson_id == of,
            occurrences.c.state.in_(list(SENT)),
            occurrences.c.lesson_revision < revision,
            within(occurrences.c.audience_id, audiences),
        )
        .order_by(occurrences.c.due_at.desc(), occurrences.c.id)
    )
    return tuple(OccurrenceId(row.id) for row in await unit.rows(query))


async def room_names(unit: Reading, id: OccurrenceId) -> tuple[str, ...]:  # noqa: A002
    """Return the names of the rooms in which an occurrence stands, or is about to; not of those that refused it."""
    under_way = select(outbox.c.number).where(
        outbox.c.card_id == cards.c.id, outbox.c.kind == Kind.POST, outbox.c.state.in_(UNDER_WAY)
    )
    query = (
        select(rooms.c.name)
        .join(cards, cards.c.room_id == rooms.c.id)
        .join(organisations, organisations.c.id == cards.c.branch_id)
        .where(cards.c.occurrence_id == id, under_way.exists())
        .order_by(organisations.c.place, organisations.c.name, rooms.c.id)
    )
    return tuple(row.name for row in await unit.rows(query))


async def write_corrected(unit: Writing, fact: OccurrenceCorrected) -> None:
    """Bind an occurrence to a newer revision; a lecture put off is open until it is over and counts on its day."""
    times = {"begins_at": fact.begins_at, "closes_at": fact.closes_at} if fact.closes_at is not None else {}
    await unit.execute(
        update(occurrences)
        .where(occurrences.c.id == fact.occurrence)
        .values(
            lesson_revision=fact.revision,
            sent_title=fact.title,
            layout=to_builtins(fact.layout),
            corrected_at=fact.at,
            correction=fact.reason,
            **times,
        )
    )
    if fact.on is not None:
        await move_day(unit, fact.occurrence, fact.on)
    if fact.sessions is not None:
        await session_choices.drop_beyond(unit, fact.occurrence, fact.sessions)


async def write_withdrawn(unit: Writing, fact: OccurrenceWithdrawn) -> None:
    """Take an occurrence back; who took part keeps that, and everyone else counts as never asked."""
    await unit.execute(
        update(occurrences)
        .where(occurrences.c.id == fact.occurrence)
        .values(state=State.WITHDRAWN, withdrawn_at=fact.at, withdrawal=fact.reason)
    )
    for before in (Answer.OPEN, Answer.UNANSWERED, Answer.EXCUSED):
        await move_seats(unit, fact.occurrence, None, Answer.NOT_OFFERED, before=before)
