"""Everything that a card or a poll says, read at one moment: for who sends it, and for who copies it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import select

from content.cards import Message as CardMessage
from content.cards import Say, Standing
from content.identifiers import CardId, OccurrenceId, OrganisationId, PollId
from content.layouts import Layout, messages
from content.lessons import Lesson
from content.occurrences import State
from content.polls import Box, Poll
from content.speech import Reader
from storage import (
    amendments,
    checkins,
    lessons,
    meetings,
    organisations,
    outbox_queries,
    polls,
    schedules,
    session_choices,
    tallies,
)
from storage.unit import Reading


class Card(Struct, frozen=True, kw_only=True):
    """A card with all that it says, for the reader of its room."""

    occurrence: OccurrenceId
    branch: OrganisationId
    lesson: Lesson
    layout: Layout
    standing: Standing
    reader: Reader

    def messages(self, say: Say) -> dict[int, CardMessage]:
        """Return its messages by their number."""
        return messages(self.layout, self.lesson, self.standing, say)


async def card(unit: Reading, id: CardId) -> Card | None:  # noqa: A002
    """Return a card as it stands now."""
    place = await checkins.card(unit, id)
    if place is None:
        return None
    entry = await schedules.entry(unit, place.occurrence)
    branch = await organisations.organisation(unit, place.branch)
    if entry is None or branch is None:
        return None
    lesson = await lessons.lesson(unit, entry.occurrence.lesson, entry.lesson_revision)
    if lesson is None:
        return None
    occurrence = entry.occurrence
    lesson = await meetings.in_full(unit, occurrence, lesson)
    note = await amendments.note(unit, occurrence.id)
    standing = Standing(
        due_at=occurrence.due_at,
        shown_at=await outbox_queries.shown_at(unit, id) or unit.now,
        closes_at=occurrence.closes_at or occurrence.due_at + occurrence.window,
        state=State(occurrence.state),
        numbers=await tallies.numbers(unit, occurrence.id, place.branch),
        corrected_at=note.corrected_at,
        correction=note.correction or "",
        chosen=await session_choices.numbers(unit, occurrence.id, [place.branch]) if lesson.lecture else {},
        meeting=await meetings.shown(unit, occurrence, place.branch),
    )
    return Card(
        occurrence=occurrence.id,
        branch=place.branch,
        lesson=lesson,
        layout=await amendments.layout(unit, occurrence.id, lesson),
        standing=standing,
        reader=Reader(language=branch.language, timezone=branch.timezone),
    )


async def cards_in(
    unit: Reading, occurrence: OccurrenceId, roots: Iterable[OrganisationId]
) -> tuple[tuple[CardId, str], ...]:
    """Return the cards of an occurrence in branches at or below the roots, each with its branch's name."""
    table = checkins.cards
    node = organisations.organisations
    query = (
        select(table.c.id, node.c.name)
        .join(node, node.c.id == table.c.branch_id)
        .where(table.c.occurrence_id == occurrence, organisations.within(table.c.branch_id, roots))
        .order_by(node.c.place, node.c.name, table.c.id)
    )
    return tuple((CardId(row.id), row.name) for row in await unit.rows(query))


async def poll(unit: Reading, id: PollId) -> tuple[Poll, Box, Reader] | None:  # noqa: A002
    """Return a poll with what lies in its box, for the reader of its room."""
    found = await polls.poll(unit, id)
    node = await organisations.organisation(unit, found.organisation) if found else None
    if found is None or node is None:
        return None
    return found, await polls.box(unit, found), Reader(language=node.language, timezone=node.timezone)
