"""The record as it is read at a desk: rows in somebody's part of the tree, and all that one of them brought about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import and_, false, func, or_, select, true

from content.identifiers import MemberId, OccurrenceId, OrganisationId, UserId
from storage.audit import DISCREET, audit
from storage.ballots import ballots
from storage.bank import bank_items
from storage.checkins import answers, cards
from storage.complaints import about_oneself
from storage.corrections import corrections
from storage.glossary import glossary_entries
from storage.help_cases import of_oneself
from storage.imports import imports
from storage.lessons import lessons
from storage.members import members
from storage.model_members import selections
from storage.organisations import organisations, within
from storage.outbox import outbox
from storage.outbox_items import is_listed
from storage.paper_elections import paper_elections
from storage.pledges import pledges
from storage.polls import polls
from storage.rooms import rooms
from storage.schedules import SHOWN_TITLE, occurrences
from storage.surveys import surveys
from storage.unit import AnyRow, Query, Reading

_actor, _subject, _account = (members.alias(name) for name in ("actor_member", "subject_member", "subject_account"))

MOST_EFFECTS = 100
"""Messages of one decision that its page names; a lesson goes to more rooms than anybody reads."""
MOST_NEAR = 20
"""Rows about the same thing that a row's page names before it, and after it."""
MOST_PEOPLE = 50
"""People of one name that are looked for."""


class Scope(Struct, frozen=True, kw_only=True):
    """For which nodes somebody looks; with ``everything`` also at rows that belong to none.

    A ``reader`` does not see what became of complaints about themself, not even that there are any, nor of help that
    they asked for as a member.
    """

    roots: tuple[OrganisationId, ...]
    everything: bool
    reader: UserId | None = None


class Filter(Struct, frozen=True, kw_only=True):
    """Which rows are wanted: each field narrows, and one that is empty does not."""

    person: str = ""
    thing: str = ""
    cause: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One row of record with the names of those in it; ``link`` is its seal in hexadecimal."""

    number: int
    at: datetime
    actor: str | None
    actor_name: str | None
    cause: str
    action: str
    outcome: str
    subject: str | None
    subject_name: str | None
    thing: str | None
    before: str | None
    after: str | None
    link: str | None
    authority: tuple[tuple[str, OrganisationId], ...] = ()
    """The roles by which it was done, and where they were held."""

    @property
    def is_discreet(self) -> bool:
        """Tell whether nobody is named for it, so that the day alone of when it was is to be shown."""
        return self.cause.startswith(DISCREET)


class Effect(Struct, frozen=True, kw_only=True):
    """A message or an act that a decision put into the outbox, and what became of it; a card is about its ``thing``."""

    kind: str
    room: str | None
    user: str | None
    state: str
    done_at: datetime | None
    thing: str | None


class Changed(Struct, frozen=True, kw_only=True):
    """An answer that a decision wrote down."""

    occurrence: OccurrenceId
    member: MemberId
    name: str
    state: str


class Why(Struct, frozen=True, kw_only=True):
    """One row with what led to it and all that it brought about; ``beside`` are the other rows of its cause."""

    entry: Entry
    beside: tuple[Entry, ...]
    earlier: tuple[Entry, ...]
    later: tuple[Entry, ...]
    effects: tuple[Effect, ...]
    changed: tuple[Changed, ...]


def _rows(scope: Scope) -> Query:
    """Return the query for the rows of a scope: by their place, their person, who acted, or their thing's place."""
    id_of = func.substr(audit.c.thing, len("occurrence:") + 1)
    place = func.coalesce(
        audit.c.place,
        _subject.c.organisation_id,
        _account.c.organisation_id,
        _actor.c.organisation_id,
        select(occurrences.c.audience_id).where(occurrences.c.id == id_of).scalar_subquery(),
        select(polls.c.organisation_id).where(polls.c.id == func.substr(audit.c.thing, 6)).scalar_subquery(),
        select(rooms.c.organisation_id).where(rooms.c.id == func.substr(audit.c.thing, 6)).scalar_subquery(),
        select(ballots.c.organisation_id).where(ballots.c.id == func.substr(audit.c.thing, 8)).scalar_subquery(),
        select(paper_elections.c.organisation_id)
        .where(paper_elections.c.id == func.substr(audit.c.thing, 7))
        .scalar_subquery(),
        select(surveys.c.organisation_id).where(surveys.c.id == func.substr(audit.c.thing, 8)).scalar_subquery(),
        select(glossary_entries.c.organisation_id)
        .where(glossary_entries.c.id == func.substr(audit.c.thing, 7))
        .scalar_subquery(),
        select(bank_items.c.organisation_id).where(bank_items.c.id == func.substr(audit.c.thing, 6)).scalar_subquery(),
        select(selections.c.organisation_id).where(selections.c.id == func.substr(audit.c.thing, 11)).scalar_subquery(),
    )
    seen = within(place, scope.roots)
    thing = func.coalesce(audit.c.thing, "")
    own = (
        or_(about_oneself(thing, scope.reader), of_oneself(thing, scope.reader))
        if scope.reader is not None
        else false()
    )
    return (
        select(
            audit,
            _actor.c.name.label("actor_name"),
            func.coalesce(_subject.c.name, _account.c.name).label("subject_name"),
        )
        .outerjoin(_actor, _actor.c.user_id == audit.c.actor)
        .outerjoin(_subject, _subject.c.id == audit.c.subject)
        .outerjoin(_account, _account.c.user_id == audit.c.subject)
        .where(or_(seen, place.is_(None)) if scope.everything else seen, ~own)
    )


def _entry(row: AnyRow) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        actor_name=row.actor_name,
        cause=row.cause,
        action=row.action,
        outcome=row.outcome,
        subject=row.subject,
        subject_name=row.subject_name,
        thing=row.thing,
        before=row.before,
        after=row.after,
        link=bytes(row.link).hex() if row.link is not None else None,
        authority=tuple((role, OrganisationId(at)) for role, _, at in _parted(row.authority)),
    )


def _parted(authority: str | None) -> list[tuple[str, str, str]]:
    return [one.partition("@") for one in (authority or "").split()]


async def entries(
    unit: Reading, scope: Scope, wanted: Filter, *, before: int | None = None, limit: int
) -> tuple[Entry, ...]:
    """Return rows, newest first; ``before`` is the number of the last row of the page before."""
    query = (await _wanted(unit, scope, wanted)).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.number < before)
    return tuple(_entry(row) for row in await unit.rows(query))


async def number_of_entries(unit: Reading, scope: Scope, wanted: Filter, *, most: int) -> int:
    """Return how many rows there are, counted up to ``most`` and no further."""
    found = (await _wanted(unit, scope, wanted)).with_only_columns(audit.c.number).limit(most)
    return int(await unit.value(select(func.count()).select_from(found.subquery())) or 0)


async def _wanted(unit: Reading, scope: Scope, wanted: Filter) -> Query:
    query = _rows(scope)
    if wanted.person:
        people = await _people(unit, scope, wanted.person)
        query = query.where(or_(audit.c.actor.in_(people), audit.c.subject.in_(people)))
    if wanted.thing:
        query = query.where(audit.c.thing == wanted.thing)
    if wanted.cause:
        query = query.where(audit.c.cause == wanted.cause)
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    return query


async def _people(unit: Reading, scope: Scope, wanted: str) -> list[str]:
    """Return the members and accounts that a name, a member or an account means."""
    named = or_(members.c.name == wanted, members.c.id == wanted, members.c.user_id == wanted)
    query = select(members.c.id, members.c.user_id).where(named, within(members.c.organisation_id, scope.roots))
    found = await unit.rows(query.limit(MOST_PEOPLE))
    return [wanted, *(one for row in found for one in (row.id, row.user_id) if one is not None)]


async def why(unit: Reading, scope: Scope, number: int) -> Why | None:
    """Return a row with its surroundings, ``None`` where there is none in the scope."""
    row = await unit.first(_rows(scope).where(audit.c.number == number))
    if row is None:
        return None
    entry = _entry(row)
    beside: tuple[Entry, ...] = ()
    if entry.cause:
        others = _rows(scope).where(audit.c.cause == entry.cause, audit.c.number != number)
        beside = tuple(_entry(one) for one in await unit.rows(others.order_by(audit.c.number).limit(MOST_NEAR)))
    earlier: list[Entry] = []
    later: list[Entry] = []
    # One thing at a time: only so are the nearest rows of one that has a million found by the index. What names nobody
    # has its day alone, and no place between the hours of other rows.
    for thing in await _things(unit, entry.thing) if entry.thing and not entry.is_discreet else ():
        near = _rows(scope).where(audit.c.thing == thing).limit(MOST_NEAR)
        before = near.where(audit.c.number < number).order_by(audit.c.number.desc())
        after = near.where(audit.c.number > number).order_by(audit.c.number)
        earlier += [one for one in map(_entry, await unit.rows(before)) if not one.is_discreet]
        later += [one for one in map(_entry, await unit.rows(after)) if not one.is_discreet]
    return Why(
        entry=entry,
        beside=beside,
        earlier=tuple(sorted(earlier, key=lambda one: -one.number)[:MOST_NEAR]),
        later=tuple(sorted(later, key=lambda one: one.number)[:MOST_NEAR]),
        effects=() if _LINKS in entry.action else await _effects(unit, scope, entry),
        changed=await _changed(unit, scope, entry.cause),
    )


async def _things(unit: Reading, thing: str) -> list[str]:
    """Return what belongs together in one story: an occurrence with its schedule, a schedule with its occurrences."""
    kind, _, id = thing.partition(":")  # noqa: A001
    if kind == "occurrence":
        found = await unit.value(select(occurrences.c.schedule_id).where(occurrences.c.id == id))
        return [thing, *([f"schedule:{found}"] if found else [])]
    if kind == "schedule":
        query = select(occurrences.c.id).where(occurrences.c.schedule_id == id).limit(MOST_NEAR)
        return [thing, *(f"occurrence:{row.id}" for row in await unit.rows(query))]
    return [thing]


_LINKS = "ballot_link_issued"
"""Whom links to a ballot went to is nobody's business: a reminder goes only to who has not voted."""


async def _effects(unit: Reading, scope: Scope, entry: Entry) -> tuple[Effect, ...]:
    """Return what a decision sent, but for what is discreet: into rooms of the scope, to its people, to who asked."""
    cause = entry.cause
    if not cause:
        return ()
    query = (
        select(
            outbox,
            cards.c.occurrence_id,
            rooms.c.name.label("room_name"),
            members.c.name.label("user_name"),
        )
        .outerjoin(cards, cards.c.id == outbox.c.card_id)
        .outerjoin(rooms, rooms.c.id == outbox.c.room_id)
        .outerjoin(members, members.c.user_id == outbox.c.user_id)
        .where(outbox.c.cause == cause, is_listed())
        .where(
            or_(
                true() if scope.everything else false(),
                within(rooms.c.organisation_id, scope.roots),
                within(members.c.organisation_id, scope.roots),
                and_(outbox.c.user_id.is_(None), within(outbox.c.organisation_id, scope.roots)),
                outbox.c.user_id == entry.actor,
            )
        )
        .order_by(outbox.c.number)
        .limit(MOST_EFFECTS)
    )
    return tuple(
        Effect(
            kind=row.kind,
            room=row.room_name or row.room_id,
            user=row.user_name or row.user_id,
            state=row.state,
            done_at=row.done_at,
            thing=_thing_of(row),
        )
        for row in await unit.rows(query)
    )


def _thing_of(row: AnyRow) -> str | None:
    if row.occurrence_id is not None:
        return f"occurrence:{row.occurrence_id}"
    return f"poll:{row.poll_id}" if row.poll_id is not None else None


async def _changed(unit: Reading, scope: Scope, cause: str) -> tuple[Changed, ...]:
    """Return which answers of the scope's people a decision wrote down."""
    query = (
        select(answers.c.occurrence_id, answers.c.state, members.c.id, members.c.name)
        .join(members, members.c.id == answers.c.member_id)
        .where(
            answers.c.cause == cause,
            or_(true() if scope.everything else false(), within(members.c.organisation_id, scope.roots)),
        )
        .order_by(answers.c.number)
        .limit(MOST_EFFECTS)
    )
    return tuple(
        Changed(occurrence=row.occurrence_id, member=row.id, name=row.name, state=row.state)
        for row in await unit.rows(query)
    )


async def titles(unit: Reading, things: Iterable[str]) -> Mapping[str, str]:
    """Return what things are called, as far as they still are."""
    wanted: dict[str, list[str]] = {}
    for thing in set(things):
        kind, _, id = thing.partition(":")  # noqa: A001
        wanted.setdefault(kind, []).append(id)
    found: dict[str, str] = {}
    for kind, ids in wanted.items():
        query = _titles(kind, ids)
        if query is not None:
            found |= {f"{kind}:{row.id}": row.title for row in await unit.rows(query)}
    return found


def _titles(kind: str, ids: Sequence[str]) -> Query | None:
    match kind:
        case "occurrence":
            query = select(occurrences.c.id, SHOWN_TITLE).join(lessons, lessons.c.id == occurrences.c.lesson_id)
            return query.where(occurrences.c.id.in_(ids))
        case "lesson":
            return select(lessons.c.id, lessons.c.title.label("title")).where(lessons.c.id.in_(ids))
        case "poll":
            return select(polls.c.id, polls.c.question.label("title")).where(polls.c.id.in_(ids))
        case "room":
            return select(rooms.c.id, rooms.c.name.label("title")).where(rooms.c.id.in_(ids))
        case "organisation":
            return select(organisations.c.id, organisations.c.name.label("title")).where(organisations.c.id.in_(ids))
        case "member":
            return select(members.c.id, members.c.name.label("title")).where(members.c.id.in_(ids))
        case "ballot":
            return select(ballots.c.id, ballots.c.title).where(ballots.c.id.in_(ids))
        case "paper":
            return select(paper_elections.c.id, paper_elections.c.title).where(paper_elections.c.id.in_(ids))
        case "survey":
            return select(surveys.c.id, surveys.c.title).where(surveys.c.id.in_(ids))
        case "entry":
            found = select(glossary_entries.c.id, glossary_entries.c.term.label("title"))
            return found.where(glossary_entries.c.id.in_(ids))
        case "item":
            return select(bank_items.c.id, bank_items.c.stem.label("title")).where(bank_items.c.id.in_(ids))
        case "pledge":
            return select(pledges.c.id, pledges.c.matter.label("title")).where(pledges.c.id.in_(ids))
        case "selection":
            return select(selections.c.id, selections.c.title).where(selections.c.id.in_(ids))
        case "schedule":
            first = func.min(SHOWN_TITLE).label("title")
            found = select(occurrences.c.schedule_id.label("id"), first)
            found = found.join(lessons, lessons.c.id == occurrences.c.lesson_id)
            return found.where(occurrences.c.schedule_id.in_(ids)).group_by(occurrences.c.schedule_id)
        case "import":
            return select(imports.c.id, imports.c.file.label("title")).where(imports.c.id.in_(ids))
        case "correction":
            found = select(corrections.c.id, members.c.name.label("title"))
            return found.join(members, members.c.id == corrections.c.member_id).where(corrections.c.id.in_(ids))
    return None
