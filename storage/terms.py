"""Committees and their terms."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table, delete, select, update

from content.identifiers import MemberId, OrganisationId, TermId
from content.terms import CommitteeElected, CommitteeTakenBack, Seat, Term, TermReminded
from storage.organisations import organisations, within
from storage.tables import metadata
from storage.unit import Query, Reading, Writing

terms = Table(
    "terms",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("elected_on", Date, nullable=False),
    Column("years", Integer, nullable=False),
    Column("reminded_of", Date),
)

term_seats = Table(
    "term_seats",
    metadata,
    Column("term_id", ForeignKey("terms.id"), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True, index=True),
    Column("post", String(40), nullable=False),
    Column("place", Integer, nullable=False),
)

_NEWEST_FIRST = (terms.c.elected_on.desc(), terms.c.id)


async def of_node(unit: Reading, node: OrganisationId) -> tuple[Term, ...]:
    """Return the terms of an organisation, the newest first."""
    return await _terms(unit, select(terms).where(terms.c.organisation_id == node))


async def at_or_below(unit: Reading, roots: Iterable[OrganisationId]) -> dict[OrganisationId, Term]:
    """Return the term that runs in each organisation at or below the roots that has one."""
    query = select(terms).join(organisations, organisations.c.id == terms.c.organisation_id)
    found: dict[OrganisationId, Term] = {}
    for term in await _terms(unit, query.where(within(terms.c.organisation_id, roots))):
        found.setdefault(term.organisation, term)
    return found


async def beside(unit: Reading, ids: Iterable[TermId]) -> dict[OrganisationId, tuple[Term, ...]]:
    """Return all terms of the organisations of which these are terms, the newest of each first."""
    places = select(terms.c.organisation_id).where(terms.c.id.in_(list(ids)))
    found: dict[OrganisationId, tuple[Term, ...]] = {}
    for term in await _terms(unit, select(terms).where(terms.c.organisation_id.in_(places))):
        found[term.organisation] = (*found.get(term.organisation, ()), term)
    return found


async def seats_of(unit: Reading, member: MemberId) -> tuple[tuple[Term, str], ...]:
    """Return on which committees a person sits or sat, and in which post."""
    held = select(term_seats.c.term_id, term_seats.c.post).where(term_seats.c.member_id == member)
    posts = {row.term_id: row.post for row in await unit.rows(held)}
    found = await _terms(unit, select(terms).where(terms.c.id.in_(list(posts))))
    return tuple((term, posts[term.id]) for term in found)


async def running(unit: Reading) -> tuple[tuple[Term, date | None], ...]:
    """Return the term that runs in each organisation in use, with the end of which its committee was told."""
    newest: dict[OrganisationId, tuple[Term, date | None]] = {}
    known = select(terms.c.id, terms.c.reminded_of).where(terms.c.reminded_of.is_not(None))
    reminded = {row.id: row.reminded_of for row in await unit.rows(known)}
    query = select(terms).join(organisations, organisations.c.id == terms.c.organisation_id)
    for term in await _terms(unit, query.where(organisations.c.closed_at.is_(None))):
        newest.setdefault(term.organisation, (term, reminded.get(term.id)))
    return tuple(newest.values())


async def _terms(unit: Reading, query: Query) -> tuple[Term, ...]:
    rows = await unit.rows(query.order_by(*_NEWEST_FIRST))
    if not rows:
        return ()
    seats: dict[TermId, list[Seat]] = {}
    sitting = select(term_seats).where(term_seats.c.term_id.in_([row.id for row in rows])).order_by(term_seats.c.place)
    for row in await unit.rows(sitting):
        seats.setdefault(row.term_id, []).append(Seat(member=row.member_id, post=row.post))
    return tuple(
        Term(
            id=row.id,
            organisation=row.organisation_id,
            elected_on=row.elected_on,
            years=row.years,
            seats=tuple(seats.get(row.id, ())),
        )
        for row in rows
    )


async def write_elected(unit: Writing, fact: CommitteeElected) -> None:
    """Keep a term with its seats; one that is there already is written anew."""
    term = fact.term
    values = {
        "id": term.id,
        "organisation_id": term.organisation,
        "elected_on": term.elected_on,
        "years": term.years,
    }
    await unit.put(terms, values, key=["id"])
    await unit.execute(delete(term_seats).where(term_seats.c.term_id == term.id))
    await unit.add(
        term_seats,
        [
            {"term_id": term.id, "member_id": seat.member, "post": seat.post, "place": place}
            for place, seat in enumerate(term.seats)
        ],
    )


async def write_reminded(unit: Writing, fact: TermReminded) -> None:
    """Keep of which end a committee was told."""
    await unit.execute(update(terms).where(terms.c.id == fact.term).values(reminded_of=fact.ends_on))


async def write_taken_back(unit: Writing, fact: CommitteeTakenBack) -> None:
    """Forget a term with its seats."""
    await unit.execute(delete(term_seats).where(term_seats.c.term_id == fact.term))
    await unit.execute(delete(terms).where(terms.c.id == fact.term))
