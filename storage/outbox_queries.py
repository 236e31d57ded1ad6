"""What others ask of the outbox: which card an event shows, since when, and whether a poll still gets to its room."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select

from content.identifiers import CardId, EventId, OutboxId, PollId, RoomId, SignUpId
from content.live_messages import Sort
from content.polls import State as PollState
from storage.outbox import MESSAGES, Kind, State, outbox
from storage.polls import polls
from storage.prepared import Prepared
from storage.tables import Instant
from storage.unit import Reading

_SHOWS_A_CARD = or_(*(outbox.c.kind == kind for kind in (*MESSAGES, Kind.EDIT, Kind.AMEND, Kind.LESSON)))

_CARD_OF_EVENT = Prepared(select(outbox.c.card_id).where(outbox.c.event_id == bindparam("event"), _SHOWS_A_CARD))


async def by_event(unit: Reading, event: EventId) -> CardId | None:
    """Return the card that an event of ours shows, in its room or again in private."""
    card: CardId | None = await unit.value(_CARD_OF_EVENT, {"event": event})
    return card


async def ours(unit: Reading, room: RoomId, events: Collection[EventId]) -> frozenset[EventId]:
    """Return which of some messages in a room the bot answers for: its own, and every poll, whoever began it."""
    if not events:
        return frozenset()
    found: set[EventId] = set()
    for own in (outbox.c, polls.c):
        query = select(own.event_id).where(own.event_id.in_(list(events)), own.room_id == room)
        found.update(EventId(row.event_id) for row in await unit.rows(query))
    return frozenset(found)


async def live_by_event(unit: Reading, room: RoomId, event: EventId) -> tuple[Sort, str] | None:
    """Return what the live message shows that stands in a room as this event, or as an edit of it."""
    query = select(outbox.c.subject, outbox.c.matter_id).where(
        outbox.c.event_id == event,
        outbox.c.room_id == room,
        or_(outbox.c.kind == Kind.LIVE, outbox.c.kind == Kind.LIVE_EDIT),
    )
    row = await unit.first(query)
    return (Sort(row.subject), str(row.matter_id)) if row is not None else None


async def poll_of(unit: Reading, id: OutboxId) -> PollId | None:  # noqa: A002
    """Return the poll that a row puts into its room."""
    poll: PollId | None = await unit.value(
        select(outbox.c.poll_id).where(outbox.c.id == id, outbox.c.kind == Kind.POLL)
    )
    return poll


async def held_row_of(unit: Reading, poll: PollId) -> OutboxId | None:
    """Return the row that waits for quiet hours to end before it puts a poll into its room."""
    query = select(outbox.c.id).where(
        outbox.c.poll_id == poll,
        outbox.c.kind == Kind.POLL,
        outbox.c.state == State.PENDING,
        outbox.c.not_before > unit.now,
    )
    id: OutboxId | None = await unit.value(query)  # noqa: A001
    return id


async def sign_ups_held(unit: Reading, sign_ups: Iterable[SignUpId]) -> dict[SignUpId, datetime]:
    """Return when those of some sign-ups reach their rooms that wait for quiet hours to end before they do."""
    query = select(outbox.c.matter_id, outbox.c.not_before).where(
        outbox.c.matter_id.in_(list(sign_ups)),
        outbox.c.subject == Sort.SIGN_UP,
        outbox.c.kind == Kind.LIVE,
        outbox.c.state == State.PENDING,
        outbox.c.not_before > unit.now,
    )
    return {SignUpId(row.matter_id): row.not_before for row in await unit.rows(query)}


async def poll_is_lost(unit: Reading, poll: PollId) -> bool:
    """Tell whether a poll can no longer reach its room: it came too late, was refused or was taken back."""
    state = await unit.value(select(outbox.c.state).where(outbox.c.poll_id == poll, outbox.c.kind == Kind.POLL))
    return state in (State.FAILED, State.EXPIRED, State.CANCELLED)


_UNHEARD_ENDS = Prepared(
    select(outbox.c.poll_id, outbox.c.done_at)
    .join(polls, polls.c.id == outbox.c.poll_id)
    .where(
        outbox.c.kind == Kind.POLL_END,
        or_(outbox.c.state == State.SENT, outbox.c.state == State.FAILED, outbox.c.state == State.CANCELLED),
        outbox.c.done_at < bindparam("before", type_=Instant),
        polls.c.state == PollState.CLOSING,
    )
)


async def unheard_ends(unit: Reading, before: datetime) -> tuple[tuple[PollId, datetime], ...]:
    """Return polls whose end was sent, or given up, before an instant and never heard back; each with when."""
    return tuple((PollId(row.poll_id), row.done_at) for row in await unit.rows(_UNHEARD_ENDS, {"before": before}))


_SHOWN_AT = Prepared(
    select(func.min(outbox.c.done_at, type_=Instant).label("at")).where(
        outbox.c.card_id == bindparam("card"), outbox.c.kind == Kind.POST, outbox.c.state == State.SENT
    )
)


async def shown_at(unit: Reading, card: CardId) -> datetime | None:
    """Return when the first message of a card reached its room, ``None`` while none has."""
    return await unit.value(_SHOWN_AT, {"card": card})  # type: ignore[no-any-return]


async def stuck(unit: Reading, kinds: Iterable[Kind], *, since: datetime, failures: int) -> str | None:
    """Return the reason of a row of some kinds, made since, that was given up or has failed that often; if any."""
    bad = (outbox.c.state == State.FAILED) | ((outbox.c.state == State.PENDING) & (outbox.c.failures >= failures))
    query = select(outbox.c.last_error).where(outbox.c.kind.in_(list(kinds)), outbox.c.made_at >= since, bad)
    return await unit.value(query.order_by(outbox.c.number).limit(1))  # type: ignore[no-any-return]
