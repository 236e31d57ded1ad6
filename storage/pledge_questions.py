"""What was asked about pledges and answered, sealed with who asked it, and who is still to be told of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    false,
    func,
    or_,
    select,
    update,
)

from content.identifiers import EventId, MemberId, OrganisationId, PledgeId, PledgeQuestionId, RoomId, UserId
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
from storage.cases import opened, seal
from storage.members import by_ids, members
from storage.organisations import within
from storage.pledges import pledge, pledges, sees_to_it
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing
from storage.vault import Vault

pledge_questions = Table(
    "pledge_questions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pledge_id", ForeignKey("pledges.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("asker", String(32), index=True),
    Column("event", String(255), index=True),
    Column("named", Boolean, nullable=False),
    Column("text", LargeBinary),
    Column("is_sealed", Boolean, nullable=False, server_default=false()),
    Column("asked_at", Instant, nullable=False),
    Column("stand", String(10), nullable=False),
    Column("answered_at", Instant),
    Column("settled_at", Instant),
    Column("owner_told", Instant),
    Column("asker_told", Instant),
)
"""``text`` is what was asked, answered and given as a reason for hiding it, and whose message it was: all of it sealed.

``asker`` and ``event`` find the questions of a member and the one of a message: marks made with the key, which name
nobody without it; where there is no key, what they stand for.
"""

_MEMBER, _EVENT = "asker of a question about a pledge", "message of a question about a pledge"


class Waiting(Struct, frozen=True, kw_only=True):
    """A question that the owner is still to be told of, or the asker of what became of it, by account."""

    pledge: Pledge
    question: Question
    user: UserId
    owner: bool


def _question(unit: Reading, row: AnyRow) -> Question:
    held = texts_of(unit.vault, row)
    return Question(
        id=row.id,
        pledge=row.pledge_id,
        number=row.number,
        text=held.get("text", ""),
        asked_at=row.asked_at,
        member=MemberId(held["member"]) if "member" in held else None,
        event=EventId(held["event"]) if "event" in held else None,
        room=RoomId(held["room"]) if "room" in held else None,
        named=row.named,
        stand=Stand(row.stand),
        answer=held.get("answer", ""),
        answered_at=row.answered_at,
        settled_at=row.settled_at,
        hidden_why=held.get("hidden_why", ""),
        owner_told=row.owner_told,
        asker_told=row.asker_told,
    )


def texts_of(vault: Vault, row: AnyRow) -> dict[str, str]:
    """Return what is sealed in a row by name, without what is empty. Raises Unreadable."""
    text = opened(vault, row, pledge_questions.name)
    found: dict[str, str] = json.loads(text) if text else {}
    return found


def _kept(vault: Vault, id: str, held: Mapping[str, str | None]) -> dict[str, Any]:  # noqa: A002
    """Return the columns in which that is kept, sealed where there is a key, and by which it is found."""
    said = {name: one for name, one in held.items() if one}
    text, sealed = (
        seal(vault, json.dumps(said, ensure_ascii=False), pledge_questions.name, id) if said else (None, False)
    )
    return {
        "text": text,
        "is_sealed": sealed,
        "asker": _mark(vault, _MEMBER, said.get("member")),
        "event": _mark(vault, _EVENT, said.get("event")),
    }


def _mark(vault: Vault, kind: str, value: str | None) -> str | None:
    return (vault.mark(value, kind) or value) if value else None


def asked_by(unit: Reading, ids: Iterable[MemberId]) -> Any:
    """Return the condition that a question is one that these members asked, as far as that is still known."""
    return pledge_questions.c.asker.in_([_mark(unit.vault, _MEMBER, id) for id in sorted(ids)])  # noqa: A001


async def questions(unit: Reading, ids: Collection[PledgeId]) -> tuple[Question, ...]:
    """Return what was asked about some pledges, by number."""
    own = pledge_questions.c
    query = select(pledge_questions).where(own.pledge_id.in_(list(ids))).order_by(own.pledge_id, own.number)
    return tuple(_question(unit, row) for row in await unit.rows(query))


async def question(unit: Reading, id: PledgeQuestionId) -> Question | None:  # noqa: A002
    """Return one question."""
    row = await unit.first(select(pledge_questions).where(pledge_questions.c.id == id))
    return _question(unit, row) if row else None


async def by_event(unit: Reading, event: EventId) -> Question | None:
    """Return the question that was asked by a message."""
    row = await unit.first(select(pledge_questions).where(pledge_questions.c.event == _mark(unit.vault, _EVENT, event)))
    return _question(unit, row) if row else None


async def last_open_of(unit: Reading, member: MemberId) -> Question | None:
    """Return what a member asked last and nobody has answered."""
    own = pledge_questions.c
    query = select(pledge_questions).where(asked_by(unit, [member]), own.stand == Stand.OPEN)
    row = await unit.first(query.order_by(own.asked_at.desc(), own.id).limit(1))
    return _question(unit, row) if row else None


async def waiting(unit: Reading) -> tuple[Waiting, ...]:
    """Return the questions of which somebody who can be told is still to be told, the oldest first."""
    own = pledge_questions.c
    to_owner = and_(own.stand == Stand.OPEN, own.owner_told.is_(None), pledges.c.state == State.OPEN, sees_to_it())
    query = (
        select(pledge_questions, members.c.user_id)
        .join(pledges, pledges.c.id == own.pledge_id)
        .join(members, members.c.id == pledges.c.owner_id)
        .where(to_owner, members.c.user_id.is_not(None), members.c.left_at.is_(None))
        .order_by(own.asked_at, own.id)
    )
    whom = [(_question(unit, row), UserId(row.user_id), True) for row in await unit.rows(query)]
    told_of = [Stand.ANSWERED, Stand.CLOSED, Stand.HIDDEN]
    to_asker = (own.stand.in_(told_of), own.asker_told.is_(None), own.asker.is_not(None))
    rows = await unit.rows(select(pledge_questions).where(*to_asker).order_by(own.asked_at, own.id))
    settled = [_question(unit, row) for row in rows]
    people = await by_ids(unit, {one.member for one in settled if one.member is not None})
    users = {one.id: one.user for one in people if one.left is None}
    for one in settled:
        user = users.get(one.member) if one.member is not None else None
        if user is not None:
            whom.append((one, user, False))
    found: list[Waiting] = []
    for one, user, is_owner in whom:
        about = await pledge(unit, one.pledge)
        if about is not None:
            found.append(Waiting(pledge=about, question=one, user=user, owner=is_owner))
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
    await unit.add_missing(pledge_questions, _row(unit, fact.question))
    own = (pledges.c.id == fact.pledge, pledges.c.asked < fact.question.number)
    await unit.execute(update(pledges).where(*own).values(asked=fact.question.number))


async def write_question(unit: Writing, fact: PledgeQuestionAnswered | PledgeQuestionModerated) -> None:
    """Keep what became of a question."""
    own = update(pledge_questions).where(pledge_questions.c.id == fact.question.id)
    await unit.execute(own.values(**_row(unit, fact.question)))


def _row(unit: Reading, one: Question) -> dict[str, Any]:
    held = {"text": one.text, "answer": one.answer, "hidden_why": one.hidden_why}
    return {
        "id": one.id,
        "pledge_id": one.pledge,
        "number": one.number,
        "named": one.named,
        "asked_at": one.asked_at,
        "stand": one.stand,
        "answered_at": one.answered_at,
        "settled_at": one.settled_at,
        "owner_told": one.owner_told,
        "asker_told": one.asker_told,
        **_kept(unit.vault, one.id, {**held, "member": one.member, "event": one.event, "room": one.room}),
    }


async def write_withdrawn(unit: Writing, fact: PledgeQuestionWithdrawn) -> None:
    """Keep that a question was taken back, and no word of it nor of its answer."""
    own = update(pledge_questions).where(pledge_questions.c.id == fact.question)
    gone = _kept(unit.vault, fact.question, {})
    await unit.execute(own.values(stand=Stand.WITHDRAWN, named=False, **gone))


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
    where = (own.named.is_(False), settled, own.asker.is_not(None))
    for row in await unit.rows(select(pledge_questions).where(*where)):
        held = texts_of(unit.vault, row)
        held = {name: one for name, one in held.items() if name not in ("member", "event", "room")}
        await _keep(unit, row.id, _kept(unit.vault, row.id, held))


async def seal_clear(unit: Writing) -> None:
    """Seal what lies in the clear, as it does from before there was a key."""
    own = pledge_questions.c
    for row in await unit.rows(select(pledge_questions).where(own.is_sealed.is_(False), own.text.is_not(None))):
        await _keep(unit, row.id, _kept(unit.vault, row.id, texts_of(unit.vault, row)))


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal everything under another master key, and find it by that; return how many questions there are."""
    rows = await unit.rows(select(pledge_questions).where(pledge_questions.c.is_sealed.is_(True)))
    for row in rows:
        await _keep(unit, row.id, _kept(new, row.id, texts_of(unit.vault, row)))
    return len(rows)


async def _keep(unit: Writing, id: str, values: Mapping[str, Any]) -> None:  # noqa: A002
    await unit.execute(update(pledge_questions).where(pledge_questions.c.id == id).values(**values))
