"""Open polls, every response that was heard, and the figures that were published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import to_builtins
from msgspec.structs import asdict
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    func,
    or_,
    select,
    update,
)

from content.identifiers import EventId, OrganisationId, PollId, RoomId, UserId
from content.members import Member
from content.polls import (
    KEPT,
    Answer,
    Box,
    Count,
    Poll,
    PollEditedLate,
    PollEnded,
    PollEndHeard,
    PollOpened,
    PollRecounted,
    PollReworded,
    PollShown,
    PollWithdrawn,
    Response,
    Sheet,
    Side,
    Standing,
    State,
    Voted,
    VoteRemoved,
    VotingStopped,
    count,
)
from storage import sync
from storage.members import count as count_members
from storage.members import members
from storage.organisations import organisation_closure, within
from storage.prepared import Prepared
from storage.tables import Instant, metadata
from storage.unit import AnyRow, Reading, Writing

polls = Table(
    "polls",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True),
    Column("room_id", String(255), nullable=False),
    Column("event_id", String(255), index=True),
    Column("starter", String(255)),
    Column("author", String(255), nullable=False),
    Column("question", String(400), nullable=False),
    Column("answers", JSON, nullable=False),
    Column("most", Integer, nullable=False),
    Column("disclosed", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closes_at", Instant),
    Column("stopped_at", Instant),
    Column("ended_at", Instant),
    Column("closed_at", Instant),
    Column("edited_late", Boolean, nullable=False),
    Column("odd_limit", Boolean, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Index("ix_polls_room_state", "room_id", "state"),
    Index("ix_polls_state_closes_at", "state", "closes_at"),
)

poll_responses = Table(
    "poll_responses",
    metadata,
    Column("event_id", String(255), primary_key=True),
    Column("poll_id", ForeignKey("polls.id"), nullable=False, index=True),
    Column("sender", String(255), nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("chosen", JSON(none_as_null=True)),
    Column("abstains", Boolean, nullable=False),
    Column("by_text", Boolean, nullable=False),
    Column("tapped", Boolean, nullable=False),
    Column("removed_by", String(255)),
)


def _poll(row: AnyRow) -> Poll:
    return Poll(
        id=row.id,
        organisation=row.organisation_id,
        room=row.room_id,
        sheet=Sheet(
            question=row.question,
            answers=tuple(Answer(id=answer["id"], text=answer["text"]) for answer in row.answers),
            most=row.most,
            disclosed=row.disclosed,
        ),
        state=State(row.state),
        starter=row.starter,
        event=row.event_id,
        opened_at=row.opened_at,
        closes_at=row.closes_at,
        stopped_at=row.stopped_at,
        ended_at=row.ended_at,
        closed_at=row.closed_at,
        edited_late=row.edited_late,
        odd_limit=row.odd_limit,
        result=_count(row.result) if row.result else None,
    )


def _count(saved: dict[str, Any]) -> Count:
    return Count(**{**saved, "everyone": Side(**saved["everyone"]), "members": Side(**saved["members"])})


async def poll(unit: Reading, id: PollId) -> Poll | None:  # noqa: A002
    """Return a poll."""
    row = await unit.first(select(polls).where(polls.c.id == id))
    return _poll(row) if row else None


async def by_event(unit: Reading, room: RoomId, event: EventId) -> Poll | None:
    """Return the poll that stands in a room as this event."""
    row = await unit.first(select(polls).where(polls.c.event_id == event, polls.c.room_id == room))
    return _poll(row) if row else None


async def by_response(unit: Reading, room: RoomId, event: EventId) -> Poll | None:
    """Return the poll of a room to which a response belongs."""
    query = select(polls).join(poll_responses, poll_responses.c.poll_id == polls.c.id)
    row = await unit.first(query.where(poll_responses.c.event_id == event, polls.c.room_id == room))
    return _poll(row) if row else None


async def open_for(unit: Reading, member: Member, *, room: RoomId | None = None) -> tuple[Poll, ...]:
    """Return the open polls that ask a member, in one room or in all, oldest first."""
    above = select(organisation_closure.c.ancestor_id).where(
        organisation_closure.c.descendant_id == member.organisation
    )
    query = select(polls).where(
        polls.c.state == State.OPEN, polls.c.event_id.is_not(None), polls.c.organisation_id.in_(above)
    )
    if room is not None:
        query = query.where(polls.c.room_id == room)
    return tuple(_poll(row) for row in await unit.rows(query.order_by(polls.c.opened_at, polls.c.id)))


async def asks(unit: Reading, poll: Poll, member: Member) -> bool:
    """Tell whether a member is among those whom a poll asks."""
    path = select(organisation_closure.c.depth).where(
        organisation_closure.c.ancestor_id == poll.organisation,
        organisation_closure.c.descendant_id == member.organisation,
    )
    return await unit.first(path) is not None


async def of_roots(unit: Reading, roots: Iterable[OrganisationId], *, limit: int | None = None) -> tuple[Poll, ...]:
    """Return the polls at or below the roots, newest first, all of them without a limit."""
    query = select(polls).where(within(polls.c.organisation_id, roots))
    rows = await unit.rows(query.order_by(polls.c.opened_at.desc(), polls.c.id).limit(limit))
    return tuple(_poll(row) for row in rows)


async def visible(unit: Reading, roots: Iterable[OrganisationId], id: PollId) -> Poll | None:  # noqa: A002
    """Return a poll, if it stands at or below the roots."""
    row = await unit.first(select(polls).where(polls.c.id == id, within(polls.c.organisation_id, roots)))
    return _poll(row) if row else None


async def box(unit: Reading, poll: Poll) -> Box:
    """Return everything that a count of this poll is made of."""
    query = select(poll_responses).where(poll_responses.c.poll_id == poll.id)
    rows = await unit.rows(query.order_by(poll_responses.c.sent_at, poll_responses.c.event_id))
    accounts = await unit.rows(
        select(members.c.user_id).where(
            members.c.user_id.is_not(None), within(members.c.organisation_id, [poll.organisation])
        )
    )
    asked, _ = await count_members(unit, [poll.organisation])
    return Box(
        responses=tuple(_response(row) for row in rows),
        members=frozenset(UserId(row.user_id) for row in accounts),
        asked=asked,
        unreadable=await sync.unreadable_about(unit, poll.room, poll.event) if poll.event else 0,
    )


def _response(row: AnyRow) -> Response:
    return Response(
        event=row.event_id,
        sender=row.sender,
        sent_at=row.sent_at,
        chosen=tuple(row.chosen) if row.chosen is not None else None,
        abstains=row.abstains,
        by_text=row.by_text,
        tapped=row.tapped,
        removed_by=row.removed_by,
    )


async def standing(unit: Reading, poll: Poll) -> Standing:
    """Return how a poll stands: the published figure of one that has ended, a fresh count of any other."""
    return Standing(poll=poll, count=poll.result or count(poll, await box(unit, poll)))


async def any_responses(unit: Reading, poll: PollId) -> bool:
    """Tell whether anyone has voted, or tried to."""
    query = select(func.count()).select_from(poll_responses).where(poll_responses.c.poll_id == poll)
    return bool(await unit.value(query))


async def held_like(unit: Reading, poll: Poll, author: UserId) -> Poll | None:
    """Return the poll of the same person and question that quiet hours hold for the same room."""
    query = select(polls).where(
        polls.c.room_id == poll.room,
        polls.c.author == author,
        polls.c.question == poll.sheet.question,
        polls.c.state == State.OPEN,
        polls.c.event_id.is_(None),
        polls.c.opened_at > unit.now,
    )
    row = await unit.first(query.order_by(polls.c.opened_at, polls.c.id).limit(1))
    return _poll(row) if row else None


_OVER = Prepared(
    select(polls.c.id)
    .where(polls.c.state == State.OPEN, polls.c.closes_at <= bindparam("now", type_=Instant))
    .order_by(polls.c.closes_at, polls.c.id)
)


async def over(unit: Reading, now: datetime) -> tuple[PollId, ...]:
    """Return the open polls whose time is over."""
    return tuple(PollId(row.id) for row in await unit.rows(_OVER, {"now": now}))


async def uncounted(unit: Reading) -> tuple[Poll, ...]:
    """Return the polls that have ended and are not counted yet, the first to end first."""
    query = select(polls).where(polls.c.state == State.COUNTING)
    return tuple(_poll(row) for row in await unit.rows(query.order_by(polls.c.ended_at, polls.c.id)))


async def write_opened(unit: Writing, fact: PollOpened) -> None:
    """Keep a poll."""
    poll = fact.poll
    await unit.add_missing(
        polls,
        {
            "id": poll.id,
            "organisation_id": poll.organisation,
            "room_id": poll.room,
            "event_id": poll.event,
            "starter": poll.starter,
            "author": fact.author,
            "state": poll.state,
            "opened_at": fact.begins or fact.at,
            "closes_at": poll.closes_at,
            "edited_late": poll.edited_late,
            "odd_limit": poll.odd_limit,
            **_sheet(poll.sheet),
        },
    )


def _sheet(sheet: Sheet) -> dict[str, Any]:
    return {
        "question": sheet.question,
        "answers": [asdict(answer) for answer in sheet.answers],
        "most": sheet.most,
        "disclosed": sheet.disclosed,
    }


async def write_shown(unit: Writing, fact: PollShown) -> None:
    """Remember as which event a poll stands in its room; the first is the one that counts."""
    await _change(unit, fact.poll, polls.c.event_id.is_(None), event_id=fact.event)


async def write_reworded(unit: Writing, fact: PollReworded) -> None:
    """Take over an edited question."""
    await _change(unit, fact.poll, odd_limit=fact.odd_limit, **_sheet(fact.sheet))


async def write_edited_late(unit: Writing, fact: PollEditedLate) -> None:
    """Remember that the question was edited after votes had come."""
    await _change(unit, fact.poll, edited_late=True)


async def write_voted(unit: Writing, fact: Voted) -> None:
    """Keep a response, once for its event."""
    response = fact.response
    await unit.add_missing(
        poll_responses,
        {
            "event_id": response.event,
            "poll_id": fact.poll,
            "sender": response.sender,
            "sent_at": response.sent_at,
            "chosen": list(response.chosen) if response.chosen is not None else None,
            "abstains": response.abstains,
            "by_text": response.by_text,
            "tapped": response.tapped,
            "removed_by": response.removed_by,
        },
    )


async def write_removed(unit: Writing, fact: VoteRemoved) -> None:
    """Remember that a response was redacted, and by whom."""
    change = update(poll_responses).where(poll_responses.c.event_id == fact.event)
    await unit.execute(change.values(removed_by=fact.by))


async def write_stopped(unit: Writing, fact: VotingStopped) -> None:
    """Let a poll wait for its end event."""
    await _change(unit, fact.poll, state=State.CLOSING, stopped_at=fact.at)


async def write_end_heard(unit: Writing, fact: PollEndHeard) -> None:
    """Let a poll that has ended wait to be counted."""
    await _change(unit, fact.poll, state=State.COUNTING, stopped_at=fact.at, ended_at=fact.ended_at)


async def write_ended(unit: Writing, fact: PollEnded) -> None:
    """Close a poll with the figure that was published."""
    await _change(
        unit,
        fact.poll,
        state=State.CLOSED,
        ended_at=fact.ended_at,
        closed_at=fact.at,
        result=to_builtins(fact.result),
    )


async def write_recounted(unit: Writing, fact: PollRecounted) -> None:
    """Replace the published figure by the corrected one."""
    await _change(unit, fact.poll, ended_at=fact.ended_at, result=to_builtins(fact.result))


async def write_withdrawn(unit: Writing, fact: PollWithdrawn) -> None:
    """End a poll that never counted."""
    await _change(unit, fact.poll, state=State.WITHDRAWN, closed_at=fact.at)


async def _change(unit: Writing, poll: PollId, *conditions: Any, **values: Any) -> None:
    await unit.execute(update(polls).where(polls.c.id == poll, *conditions).values(**values))


async def forget_votes(unit: Writing, now: datetime) -> None:
    """Forget who chose what in polls that ended long ago; their totals stay."""
    old = select(polls.c.id).where(
        or_(polls.c.state == State.CLOSED, polls.c.state == State.WITHDRAWN), polls.c.closed_at < now - KEPT
    )
    await unit.execute(poll_responses.delete().where(poll_responses.c.poll_id.in_(old)))
