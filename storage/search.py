"""Finds what has a text in its name, at or below the nodes that a person may see, and when it was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, or_, select

from content.identifiers import OrganisationId
from content.recurrences import Recurrence
from storage.activities import activities
from storage.ballots import ballots
from storage.edits import edit_places, edits
from storage.imports import imports
from storage.lessons import lessons, titles
from storage.meetings import NOTICES
from storage.model_members import selections
from storage.organisations import FEW, breadth, within
from storage.paper_elections import paper_elections
from storage.pledges import pledges
from storage.polls import polls
from storage.rooms import rooms
from storage.schedules import SHOWN_TITLE, concerns, occurrences, schedules
from storage.sign_ups import sign_ups
from storage.surveys import surveys
from storage.unit import Reading


class Found(Struct, frozen=True, kw_only=True):
    """One thing that was found: what it is called, whose it is, and when it is or was, where it is of one time."""

    id: str
    name: str
    organisation: OrganisationId | None
    at: datetime | None = None


async def lessons_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return lessons with a text in their title, the newest first; the notice of a meeting is none."""
    where = lessons.c.id.not_in(NOTICES)
    return await _named(unit, roots, text, limit, lessons.c.title, lessons.c.owner_id, lessons.c.written_at, where)


async def polls_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return polls with a text in their question, the newest first."""
    return await _named(unit, roots, text, limit, polls.c.question, polls.c.organisation_id, polls.c.opened_at)


async def activities_named(
    unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int
) -> tuple[Found, ...]:
    """Return activities with a text in their name, the latest first."""
    table = activities
    return await _named(unit, roots, text, limit, table.c.title, table.c.organisation_id, table.c.begins_at)


async def pledges_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return pledges with a text in what is pledged, the latest due first."""
    return await _named(unit, roots, text, limit, pledges.c.matter, pledges.c.organisation_id, pledges.c.due)


async def sign_ups_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return sign-ups with a text in their title, the newest first."""
    return await _named(unit, roots, text, limit, sign_ups.c.title, sign_ups.c.organisation_id, sign_ups.c.opened_at)


async def ballots_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return ballots with a text in their title, the last to close first."""
    return await _named(unit, roots, text, limit, ballots.c.title, ballots.c.organisation_id, ballots.c.closes_at)


async def elections_named(
    unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int
) -> tuple[Found, ...]:
    """Return elections and appraisals on paper with a text in their title, the latest meeting first."""
    table = paper_elections.c
    return await _named(unit, roots, text, limit, table.title, table.organisation_id, table.held_on)


async def surveys_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return surveys that are asked in chat with a text in their title, the last to close first."""
    return await _named(unit, roots, text, limit, surveys.c.title, surveys.c.organisation_id, surveys.c.closes_at)


async def selections_named(
    unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int
) -> tuple[Found, ...]:
    """Return selections of model members with a text in their title, the latest call first."""
    table = selections.c
    return await _named(unit, roots, text, limit, table.title, table.organisation_id, table.nominate_until)


async def rooms_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return rooms with a text in their name, the newest first."""
    return await _named(unit, roots, text, limit, rooms.c.name, rooms.c.organisation_id, rooms.c.kept_at)


async def occurrences_named(
    unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int
) -> tuple[Found, ...]:
    """Return single times of lessons, by the title under which they were sent, the newest first."""
    roots = list(roots)
    shown = or_(
        occurrences.c.sent_title.icontains(text, autoescape=True),
        occurrences.c.sent_title.is_(None) & lessons.c.title.icontains(text, autoescape=True),
    )
    query = (
        select(occurrences.c.id, occurrences.c.audience_id, occurrences.c.due_at, SHOWN_TITLE)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(shown, concerns(roots, along=await breadth(unit, roots) > FEW))
        .order_by(occurrences.c.due_at.desc(), occurrences.c.id)
    )
    rows = await unit.rows(query.limit(limit))
    return tuple(
        Found(id=row.id, name=row.title, organisation=OrganisationId(row.audience_id), at=row.due_at) for row in rows
    )


async def series_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return rules that yield more than one time of a lesson with a text in its title, the newest first."""
    # Rule by rule until enough is found: a word that is in most titles would first gather most of what was ever held.
    teaching = (
        select(occurrences.c.id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(occurrences.c.schedule_id == schedules.c.id, lessons.c.title.icontains(text, autoescape=True))
        .correlate(schedules)
    )
    query = select(schedules.c.id, schedules.c.audience_id, schedules.c.lessons).where(
        schedules.c.recurrence != Recurrence.ONCE,
        teaching.exists(),
        within(schedules.c.audience_id, roots),
    )
    rows = await unit.rows(query.order_by(schedules.c.made_at.desc(), schedules.c.id).limit(limit))
    names = await titles(unit, {one for row in rows for one in row.lessons}) if rows else {}
    return tuple(
        Found(
            id=row.id,
            name="、".join(names[one] for one in row.lessons if one in names),
            organisation=OrganisationId(row.audience_id),
        )
        for row in rows
    )


async def edits_named(unit: Reading, roots: Iterable[OrganisationId], text: str, *, limit: int) -> tuple[Found, ...]:
    """Return changes to the roster by their reason, the other organisation or the sheet, the newest first."""
    said = (edits.c.reason, edits.c.other, imports.c.file)
    touched = select(edit_places.c.edit_id).where(within(edit_places.c.organisation_id, roots))
    query = (
        select(edits.c.id, edits.c.at, *said)
        .outerjoin(imports, imports.c.id == edits.c.id)
        .where(or_(*(one.icontains(text, autoescape=True) for one in said)), edits.c.id.in_(touched))
        .order_by(edits.c.at.desc(), edits.c.number.desc())
    )
    rows = await unit.rows(query.limit(limit))
    return tuple(
        Found(
            id=row.id,
            name=" · ".join(filter(None, (row.file, row.other, row.reason))),
            organisation=None,
            at=row.at,
        )
        for row in rows
    )


async def _named(
    unit: Reading,
    roots: Iterable[OrganisationId],
    text: str,
    limit: int,
    name: Column[str],
    owner: Column[str],
    at: Column[object],
    *further: ColumnElement[bool],
) -> tuple[Found, ...]:
    table = name.table
    query = select(table.c.id, name.label("name"), owner.label("owner")).where(
        within(owner, roots), name.icontains(text, autoescape=True), *further
    )
    rows = await unit.rows(query.order_by(at.desc(), table.c.id).limit(limit))
    return tuple(Found(id=row.id, name=row.name, organisation=OrganisationId(row.owner)) for row in rows)
