"""Meetings that were held without a notice, as they were entered by hand."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, String, Table, select

from content.identifiers import OrganisationId, UnannouncedId
from content.meetings import INNER
from content.notices import Form
from content.unannounced import Unannounced, UnannouncedRecorded, UnannouncedTakenBack
from content.year import Evidence, Pair, Source, Span, Standing
from storage.organisations import within
from storage.prepared import Prepared
from storage.spans import SINCE, UNTIL, asked, there
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

unannounced_meetings = Table(
    "unannounced_meetings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("form", String(12), nullable=False),
    Column("together", Boolean, nullable=False),
    Column("held_on", Date, nullable=False),
    Column("title", String(120), nullable=False),
    Column("why", String(200), nullable=False),
    Column("pair", String(10)),
    Column("due", Integer),
    Column("present", Integer),
    Column("recorded_by", String(255)),
    Column("recorded_at", Instant, nullable=False),
    Column("taken_back_at", Instant),
)

_STANDS = unannounced_meetings.c.taken_back_at.is_(None)


_EVIDENCE = Prepared(
    select(unannounced_meetings)
    .where(
        _STANDS,
        there(unannounced_meetings.c.organisation_id),
        unannounced_meetings.c.held_on >= SINCE,
        unannounced_meetings.c.held_on <= UNTIL,
    )
    .order_by(unannounced_meetings.c.held_on, unannounced_meetings.c.id)
)


async def evidence(unit: Reading, span: Span) -> tuple[Evidence, ...]:
    """Return them as evidence of a year."""
    found = [_meeting(row) for row in await unit.rows(_EVIDENCE, asked(span))]
    return tuple(
        Evidence(
            forms=one.forms,
            on=one.held_on,
            standing=Standing.HELD,
            source=Source.UNANNOUNCED,
            id=one.id,
            title=one.title,
            place=one.organisation,
            pairs=frozenset({one.pair}) if one.pair is not None else frozenset(),
        )
        for one in found
    )


async def visible(
    unit: Reading,
    id: str,  # noqa: A002
    roots: Iterable[OrganisationId],
    by_name: Iterable[OrganisationId],
) -> Unannounced | None:
    """Return one that stands at or below the roots; an inner one at or below where members are seen by name."""
    found = await all_visible(unit, [id], roots, by_name)
    return found[0] if found else None


async def all_visible(
    unit: Reading, ids: Iterable[str], roots: Iterable[OrganisationId], by_name: Iterable[OrganisationId]
) -> tuple[Unannounced, ...]:
    """Return those of them that are visible so, by their days."""
    own = unannounced_meetings.c
    inner = own.form.in_(sorted(INNER))
    query = select(unannounced_meetings).where(
        _STANDS,
        own.id.in_(list(ids)),
        within(own.organisation_id, roots),
        ~inner | within(own.organisation_id, by_name),
    )
    return tuple(_meeting(row) for row in await unit.rows(query.order_by(own.held_on, own.id)))


def _meeting(row: AnyRow) -> Unannounced:
    return Unannounced(
        id=UnannouncedId(row.id),
        organisation=OrganisationId(row.organisation_id),
        form=Form(row.form),
        held_on=row.held_on,
        title=row.title,
        why=row.why,
        together=row.together,
        pair=Pair(row.pair) if row.pair else None,
        due=row.due,
        present=row.present,
    )


async def write_recorded(unit: Writing, fact: UnannouncedRecorded) -> None:
    """Keep what was entered, and who did."""
    one = fact.meeting
    values = {
        "id": one.id,
        "organisation_id": one.organisation,
        "form": one.form,
        "together": one.together,
        "held_on": one.held_on,
        "title": one.title,
        "why": one.why,
        "pair": one.pair,
        "due": one.due,
        "present": one.present,
        "recorded_by": fact.by,
        "recorded_at": fact.at,
        "taken_back_at": None,
    }
    await unit.add(unannounced_meetings, values)


async def write_taken_back(unit: Writing, fact: UnannouncedTakenBack) -> None:
    """Keep since when it counts no more."""
    own = unannounced_meetings.update().where(unannounced_meetings.c.id == fact.meeting)
    await unit.execute(own.values(taken_back_at=fact.at))
