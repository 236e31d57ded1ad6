"""Pledges: what was promised and by whom, their history, and what was asked about them and answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    update,
)

from content.identifiers import EventId, MemberId, OrganisationId, PledgeId, PledgeQuestionId, RoomId, UserId
from content.pledge_questions import (
    ASKERS_KEPT,
    PledgeQuestionAnswered,
    PledgeQuestioned,
    PledgeQuestionModerated,
    PledgeQuestionTold,
    PledgeQuestionWithdrawn,
    Question,
    Stand,
)
from content.pledges import (
    REMINDED_BEFORE,
    Entry,
    Party,
    Pledge,
    PledgeChanged,
    PledgeClosed,
    PledgeMade,
    PledgeProgressed,
    PledgeReminded,
    PledgeTold,
    Sort,
    State,
)
from storage.members import members
from storage.organisations import within
from storage.outbox import Kind, outbox
from storage.outbox import State as Pending
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

pledges = Table(
    "pledges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("party", String(10), nullable=False),
    Column("group_id", ForeignKey("organisations.id")),
    Column("person_id", ForeignKey("members.id")),
    Column("owner_id", ForeignKey("members.id"), index=True),
    Column("matter", String(100), nullable=False),
    Column("measure", String(300), nullable=False),
    Column("due", Date, nullable=False),
    Column("due_set", Date, nullable=False),
    Column("updated", Date, nullable=False),
    Column("state", String(10), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("reminded", Integer, nullable=False),
    Column("told_on", Date),
    Column("review", String(300), nullable=False),
    Column("author", String(255), nullable=False),
    Column("made_at", Instant, nullable=False),
    UniqueConstraint("organisation_id", "number", name="uq_pledges_organisation_id_number"),
    Index("ix_pledges_state_due", "state", "due"),
)

pledge_entries = Table(
    "pledge_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pledge_id", ForeignKey("pledges.id"), nullable=False, index=True),
    Column("sort", String(10), nullable=False),
    Column("on", Date, nullable=False),
    Column("at", Instant, nullable=False),
    Column("note", String(200), nullable=False),
    Column("percent", Integer),
    Column("by_user", String(255)),
)

pledge_questions = Table(
    "pledge_questions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pledge_id", ForeignKey("pledges.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("member_id", ForeignKey("members.id"), index=True),
    Column("event_id", String(255), index=True),
    Column("named", Boolean, nullable=False),
    Column("text", String(300), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("stand", String(10), nullable=False),
    Column("answer", String(500), nullable=False),
    Column("answered_at", Instant),
    Column("hidden_why", String(200), nullable=False),
    Column("owner_told", Instant),
    Column("asker_told", Instant),
)


class Owned(Struct, frozen=True, kw_only=True):
    """A pledge with the account of its owner, who is on the roster."""

    pledge: Pledge
    owner: UserId


class Waiting(Struct, frozen=True, kw_only=True):
    """A question that somebody is still to be told of, or whose answer is: the owner, else the asker, by account."""

    pledge: Pledge
    question: Question
    user: UserId
    owner: bool


def _pledge(row: AnyRow) -> Pledge:
    return Pledge(
        id=row.id,
        organisation=row.organisation_id,
        number=row.number,
        party=Party(row.party),
        group=row.group_id,
        person=row.person_id,
        owner=row.owner_id,
        matter=row.matter,
        measure=row.measure,
        due=row.due,
        due_set=row.due_set,
        updated=row.updated,
        state=State(row.state),
        percent=row.percent,
        reminded=row.reminded,
        told_on=row.told_on,
        review=row.review,
    )


def _question(row: AnyRow) -> Question:
    return Question(
        id=row.id,
        pledge=row.pledge_id,
        number=row.number,
        text=row.text,
        asked_at=row.asked_at,
        member=row.member_id,
        event=row.event_id,
        named=row.named,
        stand=Stand(row.stand),
        answer=row.answer,
        answered_at=row.answered_at,
        hidden_why=row.hidden_why,
        owner_told=row.owner_told,
        asker_told=row.asker_told,
    )


async def pledge(unit: Reading, id: PledgeId) -> Pledge | None:  # noqa: A002
    """Return a pledge."""
    row = await unit.first(select(pledges).where(pledges.c.id == id))
    return _pledge(row) if row else None


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: PledgeId) -> Pledge | None:  # noqa: A002
    """Return a pledge, if it is at or below the roots."""
    row = await unit.first(select(pledges).where(pledges.c.id == id, within(pledges.c.organisation_id, roots)))
    return _pledge(row) if row else None


async def numbered(unit: Reading, organisation: OrganisationId, number: int) -> Pledge | None:
    """Return the pledge that its branch knows by a number."""
    own = pledges.c
    row = await unit.first(select(pledges).where(own.organisation_id == organisation, own.number == number))
    return _pledge(row) if row else None


async def of_branch(unit: Reading, organisation: OrganisationId, *, limit: int) -> tuple[Pledge, ...]:
    """Return the open pledges of one branch, the earliest due first."""
    own = pledges.c
    query = select(pledges).where(own.organisation_id == organisation, own.state == State.OPEN)
    return tuple(_pledge(row) for row in await unit.rows(query.order_by(own.due, own.number).limit(limit)))


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int) -> tuple[Pledge, ...]:
    """Return the pledges at or below the roots, open ones first and the earliest due first, then the last closed."""
    own, where = pledges.c, within(pledges.c.organisation_id, roots)
    open_ = select(pledges).where(where, own.state == State.OPEN).order_by(own.due, own.number, own.id)
    found = [_pledge(row) for row in await unit.rows(open_.limit(limit))]
    rest = limit - len(found)
    if rest > 0:
        over = select(pledges).where(where, own.state != State.OPEN).order_by(own.due.desc(), own.number, own.id)
        found += [_pledge(row) for row in await unit.rows(over.limit(rest))]
    return tuple(found)


async def next_number(unit: Reading, organisation: OrganisationId) -> int:
    """Return the number that the next pledge of a branch has; numbers are never given twice."""
    query = select(func.max(pledges.c.number)).where(pledges.c.organisation_id == organisation)
    return int(await unit.value(query) or 0) + 1


async def number_overdue(unit: Reading, roots: Iterable[OrganisationId], today: Any) -> int:
    """Return how many open pledges at or below the roots are past their day."""
    where = (within(pledges.c.organisation_id, roots), pledges.c.state == State.OPEN, pledges.c.due < today)
    return int(await unit.value(select(func.count()).select_from(pledges).where(*where)) or 0)


async def history(unit: Reading, ids: Collection[PledgeId]) -> tuple[Entry, ...]:
    """Return the lines of the history of some pledges, the oldest first."""
    query = select(pledge_entries).where(pledge_entries.c.pledge_id.in_(list(ids)))
    return tuple(
        Entry(
            id=row.id,
            pledge=row.pledge_id,
            sort=Sort(row.sort),
            on=row.on,
            at=row.at,
            note=row.note,
            percent=row.percent,
            by=row.by_user,
        )
        for row in await unit.rows(query.order_by(pledge_entries.c.at, pledge_entries.c.id))
    )


async def last_note(unit: Reading, id: PledgeId) -> str:  # noqa: A002
    """Return what was said last of how far a pledge is, nothing where no words were."""
    own = pledge_entries.c
    query = select(own.note).where(own.pledge_id == id, own.sort == Sort.PROGRESS).order_by(own.at.desc(), own.id)
    return str(await unit.value(query.limit(1)) or "")


async def questions(unit: Reading, ids: Collection[PledgeId]) -> tuple[Question, ...]:
    """Return what was asked about some pledges, by number."""
    own = pledge_questions.c
    query = select(pledge_questions).where(own.pledge_id.in_(list(ids))).order_by(own.pledge_id, own.number)
    return tuple(_question(row) for row in await unit.rows(query))


async def question(unit: Reading, id: PledgeQuestionId) -> Question | None:  # noqa: A002
    """Return one question."""
    row = await unit.first(select(pledge_questions).where(pledge_questions.c.id == id))
    return _question(row) if row else None


async def by_event(unit: Reading, event: EventId) -> Question | None:
    """Return the question that was asked by a message."""
    row = await unit.first(select(pledge_questions).where(pledge_questions.c.event_id == event))
    return _question(row) if row else None


async def last_open_of(unit: Reading, member: MemberId) -> Question | None:
    """Return what a member asked last and nobody has answered."""
    own = pledge_questions.c
    query = select(pledge_questions).where(own.member_id == member, own.stand == Stand.OPEN)
    row = await unit.first(query.order_by(own.asked_at.desc(), own.id).limit(1))
    return _question(row) if row else None


async def to_remind(unit: Reading) -> tuple[Owned, ...]:
    """Return the open pledges that are due soon and not done, whose owner can be told and is still to be reminded."""
    day, own = unit.now.date(), pledges.c
    ahead = timedelta(days=max(REMINDED_BEFORE) + 1)
    query = (
        select(pledges, members.c.user_id)
        .join(members, members.c.id == own.owner_id)
        .where(
            own.state == State.OPEN,
            own.percent < 100,
            own.reminded < len(REMINDED_BEFORE),
            own.due.between(day - timedelta(days=1), day + ahead),
            members.c.user_id.is_not(None),
            members.c.left_at.is_(None),
        )
        .order_by(own.id)
    )
    return tuple(Owned(pledge=_pledge(row), owner=row.user_id) for row in await unit.rows(query))


async def waiting(unit: Reading) -> tuple[Waiting, ...]:
    """Return the questions of which somebody who can be told is still to be told, the oldest first."""
    own = pledge_questions.c
    found: list[Waiting] = []
    to_owner = and_(own.stand == Stand.OPEN, own.owner_told.is_(None), pledges.c.state == State.OPEN)
    to_asker = and_(own.stand == Stand.ANSWERED, own.asker_told.is_(None))
    for who, where, is_owner in ((pledges.c.owner_id, to_owner, True), (own.member_id, to_asker, False)):
        query = (
            select(pledge_questions, members.c.user_id)
            .join(pledges, pledges.c.id == own.pledge_id)
            .join(members, members.c.id == who)
            .where(where, members.c.user_id.is_not(None), members.c.left_at.is_(None))
            .order_by(own.asked_at, own.id)
        )
        for row in await unit.rows(query):
            about = await pledge(unit, row.pledge_id)
            if about is not None:
                found.append(Waiting(pledge=about, question=_question(row), user=row.user_id, owner=is_owner))
    return tuple(found)


async def something_waits(unit: Reading, room: RoomId) -> bool:
    """Tell whether something is still to be said in a room: it counts on its burden only once it was."""
    waiting = (
        outbox.c.room_id == room,
        outbox.c.kind == Kind.SAY,
        outbox.c.state.in_([Pending.PENDING, Pending.LEASED]),
    )
    return await unit.value(select(outbox.c.id).where(*waiting).limit(1)) is not None


def _values(one: Pledge) -> dict[str, Any]:
    values = asdict(one)
    for name in ("organisation", "group", "person", "owner"):
        values[f"{name}_id"] = values.pop(name)
    return values


async def write_made(unit: Writing, fact: PledgeMade) -> None:
    """Keep a pledge."""
    await unit.add_missing(pledges, {**_values(fact.pledge), "author": fact.by, "made_at": fact.at})


async def write_stands(
    unit: Writing, fact: PledgeChanged | PledgeProgressed | PledgeClosed | PledgeTold | PledgeReminded
) -> None:
    """Keep how a pledge stands, and a line of its history; who owns it now is told of what waits for an answer."""
    one = fact.pledge
    owner = await unit.value(select(pledges.c.owner_id).where(pledges.c.id == one.id))
    await unit.execute(update(pledges).where(pledges.c.id == one.id).values(**_values(one)))
    if one.owner != owner:
        own = (pledge_questions.c.pledge_id == one.id, pledge_questions.c.stand == Stand.OPEN)
        await unit.execute(update(pledge_questions).where(*own).values(owner_told=None))
    entry = getattr(fact, "entry", None)
    if isinstance(entry, Entry):
        values = asdict(entry)
        row = {"pledge_id": values.pop("pledge"), "by_user": values.pop("by"), **values}
        await unit.add_missing(pledge_entries, row)


async def write_asked(unit: Writing, fact: PledgeQuestioned) -> None:
    """Keep a question."""
    await unit.add_missing(pledge_questions, _row(fact.question))


async def write_question(unit: Writing, fact: PledgeQuestionAnswered | PledgeQuestionModerated) -> None:
    """Keep what became of a question."""
    own = update(pledge_questions).where(pledge_questions.c.id == fact.question.id)
    await unit.execute(own.values(**_row(fact.question)))


def _row(one: Question) -> dict[str, Any]:
    values = asdict(one)
    for name in ("pledge", "member", "event"):
        values[f"{name}_id"] = values.pop(name)
    return values


async def write_withdrawn(unit: Writing, fact: PledgeQuestionWithdrawn) -> None:
    """Keep that a question was taken back, and no word of it nor of its answer."""
    own = update(pledge_questions).where(pledge_questions.c.id == fact.question)
    gone = {"text": "", "answer": "", "hidden_why": "", "named": False, "member_id": None, "event_id": None}
    await unit.execute(own.values(stand=Stand.WITHDRAWN, **gone))


async def write_told(unit: Writing, fact: PledgeQuestionTold) -> None:
    """Remember that somebody was told of a question, or of its answer."""
    own = update(pledge_questions).where(pledge_questions.c.id == fact.question)
    await unit.execute(own.values(**{"owner_told" if fact.owner else "asker_told": fact.at}))


async def forget_people(unit: Writing, ids: Collection[MemberId]) -> None:
    """Let a pledge be the organisation's without the person who made it or saw to it."""
    for column in (pledges.c.owner_id, pledges.c.person_id):
        await unit.execute(update(pledges).where(column.in_(list(ids))).values(**{column.name: None}))


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who asked without their name what was settled some time ago, or about a pledge closed since."""
    own = pledge_questions.c
    settled = or_(
        own.answered_at < now - ASKERS_KEPT, and_(own.stand == Stand.HIDDEN, own.asked_at < now - ASKERS_KEPT)
    )
    where = (own.named.is_(False), own.stand != Stand.OPEN, settled, own.member_id.is_not(None))
    await unit.execute(update(pledge_questions).where(*where).values(member_id=None, event_id=None))
