"""What was asked about pledges and answered, and who is still to be told of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, and_, func, or_, select, update

from content.identifiers import EventId, MemberId, OrganisationId, PledgeId, PledgeQuestionId, UserId
from content.pledge_questions import (
    ASKERS_KEPT,
    WAITS_AT_MOST,
    PledgeQuestionAnswered,
    PledgeQuestioned,
    PledgeQuestionModerated,
    PledgeQuestionTold,
    PledgeQuestionWithdrawn,
    Question,
    Stand,
)
from content.pledges import Pledge, PledgeChanged, PledgeClosed, State
from storage.members import members
from storage.organisations import within
from storage.pledges import pledge, pledges, sees_to_it
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

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
    Column("settled_at", Instant),
    Column("hidden_why", String(200), nullable=False),
    Column("owner_told", Instant),
    Column("asker_told", Instant),
)


class Waiting(Struct, frozen=True, kw_only=True):
    """A question that the owner is still to be told of, or the asker of what became of it, by account."""

    pledge: Pledge
    question: Question
    user: UserId
    owner: bool


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
        settled_at=row.settled_at,
        hidden_why=row.hidden_why,
        owner_told=row.owner_told,
        asker_told=row.asker_told,
    )


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


async def waiting(unit: Reading) -> tuple[Waiting, ...]:
    """Return the questions of which somebody who can be told is still to be told, the oldest first."""
    own = pledge_questions.c
    found: list[Waiting] = []
    to_owner = and_(own.stand == Stand.OPEN, own.owner_told.is_(None), pledges.c.state == State.OPEN, sees_to_it())
    told_of = [Stand.ANSWERED, Stand.CLOSED, Stand.HIDDEN]
    to_asker = and_(own.stand.in_(told_of), own.asker_told.is_(None))
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


async def number_late(unit: Reading, roots: Iterable[OrganisationId]) -> int:
    """Return how many questions at or below the roots have waited too long, or reach nobody who sees to the pledge."""
    own = pledge_questions.c
    owner = and_(members.c.id == pledges.c.owner_id, members.c.user_id.is_not(None), sees_to_it())
    late = or_(own.asked_at < unit.now - WAITS_AT_MOST, members.c.id.is_(None))
    where = (own.stand == Stand.OPEN, within(pledges.c.organisation_id, roots), late)
    query = select(func.count()).select_from(
        pledge_questions.join(pledges, pledges.c.id == own.pledge_id).outerjoin(members, owner)
    )
    return int(await unit.value(query.where(*where)) or 0)


async def write_owner(unit: Writing, fact: PledgeChanged) -> None:
    """Have whoever owns a pledge from now on told of what waits for an answer; asked before that is kept."""
    one = fact.pledge
    if one.owner != await unit.value(select(pledges.c.owner_id).where(pledges.c.id == one.id)):
        own = (pledge_questions.c.pledge_id == one.id, pledge_questions.c.stand == Stand.OPEN)
        await unit.execute(update(pledge_questions).where(*own).values(owner_told=None))


async def write_closed(unit: Writing, fact: PledgeClosed) -> None:
    """Close with a pledge what was asked and not answered; with one that is taken up again it waits again."""
    reopened = fact.pledge.state is State.OPEN
    before, after = (Stand.CLOSED, Stand.OPEN) if reopened else (Stand.OPEN, Stand.CLOSED)
    own = (pledge_questions.c.pledge_id == fact.pledge.id, pledge_questions.c.stand == before)
    settled_at = None if reopened else fact.entry.at
    values = {"stand": after, "settled_at": settled_at, "asker_told": None}
    await unit.execute(update(pledge_questions).where(*own).values(**values))


async def write_asked(unit: Writing, fact: PledgeQuestioned) -> None:
    """Keep a question, and that its number is given for good."""
    await unit.add_missing(pledge_questions, _row(fact.question))
    own = (pledges.c.id == fact.pledge, pledges.c.asked < fact.question.number)
    await unit.execute(update(pledges).where(*own).values(asked=fact.question.number))


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


async def forget_past(unit: Writing, now: datetime) -> None:
    """Forget who asked without their name what was answered, hidden or closed some time ago."""
    own, past = pledge_questions.c, now - ASKERS_KEPT
    settled = or_(
        and_(own.stand == Stand.ANSWERED, own.answered_at < past),
        and_(own.stand.in_([Stand.HIDDEN, Stand.CLOSED]), own.settled_at < past),
    )
    where = (own.named.is_(False), settled, own.member_id.is_not(None))
    await unit.execute(update(pledge_questions).where(*where).values(member_id=None, event_id=None))
