"""Everything that must leave the house: rows that are claimed, sent once under a fixed transaction id, and marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)

from content.checkins import State as AnswerState
from content.decision import Fact, Words
from content.identifiers import CardId, EventId, OrganisationId, OutboxId, PollId, RoomId, UserId
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from storage.checkins import cards, move_seats
from storage.phrases import load_words
from storage.polls import polls
from storage.prepared import Prepared
from storage.restores import last_restore
from storage.schedules import occurrences
from storage.tables import Instant, metadata
from storage.tables import Sequence as CountedKey
from storage.unit import AnyRow, Query, Reading, Writing

EDIT_RHYTHM = timedelta(seconds=4)
"""A card is edited at most once in this time, however many answers come in."""


class Kind(StrEnum):
    """What a row does on the homeserver."""

    POST = "post"
    EDIT = "edit"
    TELL = "tell"
    DISCLOSURE = "disclosure"
    LESSON = "lesson"
    JOIN = "join"
    DECLINE = "decline"
    INVITE = "invite"
    POLL = "poll"
    POLL_END = "poll_end"
    RESULT = "result"
    MAKE = "make"
    MEND = "mend"
    REMOVE = "remove"
    SUCCEED = "succeed"
    AMEND = "amend"
    FOLLOW = "follow"
    REDACT = "redact"
    NOTICE = "notice"
    SAY = "say"


class State(StrEnum):
    """Where a row stands. ``expired`` was never sent because its time passed; ``cancelled`` was taken back."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


LOST_DEVICE = "before restore"
"""The device of rows that may have been sent by an installation that is gone; no real device is called so."""

ANSWER, BROADCAST, EDIT = 0, 1, 2
"""Priorities: answers to people go ahead of broadcasts, and the live numbers come last."""

outbox = Table(
    "outbox",
    metadata,
    Column("number", CountedKey, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("cause", String(300), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("lane", String(300), nullable=False),
    Column("room_id", String(255)),
    Column("user_id", String(255), index=True),
    Column("card_id", ForeignKey("cards.id"), index=True),
    Column("poll_id", String(32), index=True),
    Column("organisation_id", String(32), index=True),
    Column("subject", String(20)),
    Column("part", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("unasked", Boolean, nullable=False),
    Column("language", String(8)),
    Column("words", JSON),
    Column("after_id", String(32), index=True),
    Column("priority", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("lease_owner", String(64)),
    Column("lease_until", Instant),
    Column("claim_no", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("device_id", String(64)),
    Column("first_try_at", Instant),
    Column("event_id", String(255), index=True),
    Column("last_error", String(200)),
    Column("made_at", Instant, nullable=False),
    Column("done_at", Instant),
    UniqueConstraint("cause", "lane", "kind", "part", "revision"),
    Index("ix_outbox_state_not_before", "state", "not_before"),
    Index("ix_outbox_lane_state", "lane", "state"),
    Index("ix_outbox_state_number", "state", "number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a worker that drives a Matrix device can take on: so many rows, of some kinds only or of any."""

    worker: str
    device: str
    lease: timedelta
    limit: int
    kinds: Iterable[Kind] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that one worker holds for a while; ``claim_no`` is the fence that tells a worker it was overtaken.

    ``subject`` is the purpose of a room to be made, or what is to be mended in one.
    """

    id: OutboxId
    kind: Kind
    room: RoomId | None
    user: UserId | None
    card: CardId | None
    poll: PollId | None
    organisation: OrganisationId | None
    subject: str | None
    part: int
    quiet: bool
    unasked: bool
    language: str | None
    words: Words | None
    claim_no: int
    failures: int
    device: str
    first_try_at: datetime
    expires_at: datetime | None
    target: EventId | None

    @property
    def transaction(self) -> str:
        """Return the Matrix transaction id: never dependent on time, attempt or process."""
        return f"zhibu.{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Fact):
    """The homeserver accepted a row."""

    claimed: Claimed
    event_id: EventId | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed(Fact):
    """A row was heard back from its room under its mark, perhaps before its sender knew that it had arrived."""

    id: OutboxId
    event_id: EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed(Fact):
    """A row must be tried again later; ``counts`` tells whether that was a real failure."""

    claimed: Claimed
    not_before: datetime
    error: str
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp(Fact):
    """A row cannot be sent; the reason stays visible until someone retries or cancels it."""

    claimed: Claimed
    error: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(Fact):
    """An organiser has a failed or expired row tried again."""

    id: OutboxId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Fact):
    """An organiser took back a row that has not been sent."""

    id: OutboxId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetBack(Fact):
    """The wall clock was set back by so much; whatever waits for a time that was reckoned by it waits no longer."""

    by: timedelta
    at: datetime


MESSAGES = (Kind.POST, Kind.FOLLOW)
"""Kinds that are messages of a card, each with a part of its own."""

UNDER_WAY = (State.PENDING, State.LEASED, State.SENT)
"""States of a row that has reached its room, or still may."""


def _turn() -> Any:
    """Return the condition that the row which this one comes after, if any, was sent."""
    before = outbox.alias("before")
    sent = select(before.c.number).where(before.c.id == outbox.c.after_id, before.c.state == State.SENT)
    return outbox.c.after_id.is_(None) | sent.exists()


def _of_a_lost_life() -> Any:
    """Return the condition that a row may have been sent after the backup from which we come.

    An edit brings the newest numbers and is never looked for: the one that is found may show old ones.
    """
    return and_(outbox.c.made_at <= last_restore(), outbox.c.kind != Kind.EDIT)


def _next_rows(most: int, kinds: Iterable[Kind] | None = None) -> Query:
    """Return the query for the rows that may be taken at ``now``, at most ``most`` and one of each lane.

    How many stands in the statement as it is: SQLite plans a statement anew whenever a limit may have changed, which
    takes ten times as long as to answer it.
    """
    now = bindparam("now", type_=Instant)
    ready = and_(
        outbox.c.not_before <= now,
        or_(outbox.c.state == State.PENDING, and_(outbox.c.state == State.LEASED, outbox.c.lease_until < now)),
    )
    busy = outbox.alias("busy")
    free = (
        ~select(busy.c.number)
        .where(busy.c.lane == outbox.c.lane, busy.c.state == State.LEASED, busy.c.lease_until >= now)
        .exists()
    )
    order = (outbox.c.priority, outbox.c.not_before, outbox.c.number)
    place = func.row_number().over(partition_by=outbox.c.lane, order_by=order).label("place")
    wanted = select(outbox.c.number, *order[:2], place).where(ready, free, _turn())
    first = (wanted if kinds is None else wanted.where(outbox.c.kind.in_(list(kinds)))).subquery()
    taken = (
        select(first.c.number)
        .where(first.c.place == 1)
        .order_by(first.c.priority, first.c.not_before, first.c.number)
        .limit(literal_column(str(most)))
    )
    target = outbox.alias("target")
    return (
        select(outbox, target.c.event_id.label("target_event"), _of_a_lost_life().label("lost"))
        .outerjoin(target, target.c.id == outbox.c.after_id)
        .where(outbox.c.number.in_(taken))
        .order_by(*order)
    )


@cache
def _next_rows_of_any_kind(most: int) -> Prepared:
    return Prepared(_next_rows(most))


_TAKE = Prepared(
    update(outbox)
    .where(outbox.c.number == bindparam("row"))
    .values(
        state=State.LEASED,
        lease_owner=bindparam("worker"),
        lease_until=bindparam("until"),
        claim_no=bindparam("claim"),
        device_id=bindparam("device"),
        first_try_at=bindparam("first"),
    )
)


async def claim(unit: Writing, wish: Wish) -> Sequence[Claimed]:
    """Take the next rows, at most one of each lane: a room hears things in order.

    A row waits for the one it comes after. What was not sent before its time passed expires here instead. A row whose
    cause lies before a restore counts as tried then, by a device that is gone.
    """
    await unit.settled()
    await _expire(unit)
    # Few sizes, so that their statements stay prepared.
    most = 1 << (wish.limit - 1).bit_length()
    query = _next_rows_of_any_kind(most) if wish.kinds is None else _next_rows(most, wish.kinds)
    rows = (await unit.rows(query, {"now": unit.now}))[: wish.limit]
    claimed = [_taken(row, wish.device, unit.now) for row in rows]
    taken = [
        {
            "row": row.number,
            "worker": wish.worker,
            "until": unit.now + wish.lease,
            "claim": one.claim_no,
            "device": one.device,
            "first": one.first_try_at,
        }
        for row, one in zip(rows, claimed, strict=True)
    ]
    if taken:
        await unit.execute(_TAKE, taken)
    return claimed


def _taken(row: AnyRow, device: str, now: datetime) -> Claimed:
    """Return a row as the worker gets it: claimed once more, by the device and at the time of its first try."""
    by, at = (LOST_DEVICE, row.made_at) if row.lost else (device, now)
    return _claimed(row, row.claim_no + 1, row.device_id or by, row.first_try_at or at)


def _claimed(row: AnyRow, claim_no: int, device: str, first_try_at: datetime) -> Claimed:
    return Claimed(
        id=row.id,
        kind=Kind(row.kind),
        room=row.room_id,
        user=row.user_id,
        card=row.card_id,
        poll=row.poll_id,
        organisation=row.organisation_id,
        subject=row.subject,
        part=row.part,
        quiet=row.quiet,
        unasked=row.unasked,
        language=row.language,
        words=load_words(row.words) if row.words else None,
        claim_no=claim_no,
        failures=row.failures,
        device=device,
        first_try_at=first_try_at,
        expires_at=row.expires_at,
        target=row.target_event,
    )


async def in_doubt(unit: Reading, tries: int) -> bool:
    """Tell whether a card or a poll that may stand in its room already was looked for less than so many times."""
    shown = outbox.c.kind.in_([Kind.POST, Kind.POLL])
    waiting = outbox.c.state.in_([State.PENDING, State.LEASED])
    query = select(outbox.c.number).where(_of_a_lost_life(), shown, waiting, outbox.c.failures < tries)
    return await unit.first(query.where(outbox.c.not_before <= unit.now).limit(1)) is not None


_TOO_LATE = and_(
    outbox.c.state == State.PENDING,
    outbox.c.expires_at < bindparam("now", type_=Instant),
    # What may stand in its room already is looked for first, see bot/delivery.py.
    func.coalesce(~_of_a_lost_life(), true()),
)


def _late_cards() -> Query:
    begun = outbox.alias("begun")
    tried = select(begun.c.number).where(
        begun.c.card_id == outbox.c.card_id, begun.c.kind != Kind.LESSON, begun.c.first_try_at.is_not(None)
    )
    late = select(outbox.c.card_id).where(_TOO_LATE, outbox.c.card_id.is_not(None), ~tried.exists())
    return late.distinct()


_LATE_CARDS = Prepared(_late_cards())
_EXPIRE_POLLS = Prepared(
    update(outbox)
    .where(_TOO_LATE, outbox.c.kind == Kind.POLL, outbox.c.first_try_at.is_(None))
    .values(state=State.EXPIRED, done_at=bindparam("now", type_=Instant), last_error="too_late")
)


_SOMETHING_LATE = Prepared(
    select(outbox.c.number)
    .where(outbox.c.state == State.PENDING, outbox.c.expires_at < bindparam("now", type_=Instant))
    .limit(1)
)


async def _expire(unit: Writing) -> None:
    """End cards that can no longer go out in time, and say of their branches that nothing was offered there.

    A card of which a part was tried is finished late rather than left in pieces.
    """
    if await unit.first(_SOMETHING_LATE, {"now": unit.now}) is None:
        return
    late = await unit.rows(_LATE_CARDS, {"now": unit.now})
    await unit.execute(_EXPIRE_POLLS, {"now": unit.now})
    for row in late:
        await unit.execute(
            update(outbox)
            .where(outbox.c.card_id == row.card_id, outbox.c.kind != Kind.LESSON, outbox.c.state == State.PENDING)
            .values(state=State.EXPIRED, done_at=unit.now, last_error="too_late")
        )
        await _not_offered(unit, row.card_id)


async def _not_offered(unit: Writing, card: CardId) -> None:
    row = await unit.first(select(cards).where(cards.c.id == card))
    if row is not None:
        for before in (AnswerState.OPEN, AnswerState.UNANSWERED):
            await move_seats(unit, row.occurrence_id, row.branch_id, AnswerState.NOT_OFFERED, before=before)


def _held(claimed: Claimed) -> Any:
    return and_(outbox.c.id == claimed.id, outbox.c.claim_no == claimed.claim_no, outbox.c.state == State.LEASED)


_SENT = Prepared(
    update(outbox)
    .where(
        outbox.c.id == bindparam("row"),
        outbox.c.claim_no == bindparam("claim"),
        outbox.c.state == State.LEASED,
    )
    .values(state=State.SENT, event_id=bindparam("event"), done_at=bindparam("at"), words=None, last_error=None)
)


async def write_sent(unit: Writing, fact: Sent) -> None:
    """Mark a row as sent, unless another worker has taken it over; its words are no longer needed."""
    held = {"row": fact.claimed.id, "claim": fact.claimed.claim_no, "event": fact.event_id, "at": fact.at}
    if fact.claimed.kind is Kind.TELL:
        await unit.change_later(_SENT, held)
        return
    changed = await unit.execute(_SENT, held)
    if changed and fact.claimed.kind is Kind.POLL and fact.event_id is not None:
        shown = update(polls).where(polls.c.id == fact.claimed.poll, polls.c.event_id.is_(None))
        await unit.execute(shown.values(event_id=fact.event_id))


_ECHOED = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.event_id.is_(None))
    .values(event_id=bindparam("event"))
)


async def write_echoed(unit: Writing, fact: Echoed) -> None:
    """Know a message before its sender does, so that an answer finds its card; only the sender says that it is sent."""
    await unit.execute(_ECHOED, {"row": fact.id, "event": fact.event_id})


async def write_postponed(unit: Writing, fact: Postponed) -> None:
    """Hand a row back for later."""
    await unit.execute(
        update(outbox)
        .where(_held(fact.claimed))
        .values(
            state=State.PENDING,
            not_before=fact.not_before,
            failures=outbox.c.failures + int(fact.counts),
            last_error=fact.error,
            lease_until=None,
        )
    )


async def write_given_up(unit: Writing, fact: GivenUp) -> None:
    """End a row with its reason, and everything that was to follow it; a card that never came was not offered."""
    changed = await unit.execute(
        update(outbox).where(_held(fact.claimed)).values(state=State.FAILED, done_at=fact.at, last_error=fact.error)
    )
    if changed:
        waiting = outbox.c.after_id == fact.claimed.id
        if fact.claimed.kind is Kind.FOLLOW:
            waiting |= and_(outbox.c.card_id == fact.claimed.card, outbox.c.kind == Kind.FOLLOW)
        await unit.execute(
            update(outbox)
            .where(waiting, outbox.c.state == State.PENDING, outbox.c.poll_id.is_(None))
            .values(state=State.FAILED, done_at=fact.at, last_error=fact.error)
        )
    if changed and fact.claimed.kind is Kind.POST and fact.claimed.card is not None:
        await unit.execute(
            update(outbox)
            .where(outbox.c.card_id == fact.claimed.card, outbox.c.kind != Kind.LESSON, outbox.c.state == State.PENDING)
            .values(state=State.FAILED, done_at=fact.at, last_error=fact.error)
        )
        await _not_offered(unit, fact.claimed.card)


async def write_retried(unit: Writing, fact: Retried) -> None:
    """Put a row back into the queue; the parts of its card that failed with it come back too.

    A card or a poll whose time is over stays where it is: it would ask for answers that no longer count.
    """
    row = await unit.first(select(outbox).where(outbox.c.id == fact.id))
    if row is None or (row.kind == Kind.POST and not await _asks(unit, row.card_id)):
        return
    if row.kind == Kind.POLL:
        state = await unit.value(select(polls.c.state).where(polls.c.id == row.poll_id))
        if state != PollState.OPEN:
            return
    which = outbox.c.id == fact.id
    if row.kind in MESSAGES:
        which = and_(outbox.c.card_id == row.card_id, outbox.c.kind.in_(MESSAGES))
        if row.kind == Kind.FOLLOW and not await _asks(unit, row.card_id):
            which = and_(outbox.c.card_id == row.card_id, outbox.c.kind == Kind.FOLLOW)
            if await shown_at(unit, row.card_id) is None:
                return
    await unit.execute(
        update(outbox)
        .where(which, outbox.c.state.in_([State.FAILED, State.EXPIRED, State.CANCELLED]))
        .values(state=State.PENDING, not_before=fact.at, expires_at=None, failures=0, last_error=None, done_at=None)
    )
    if row.kind == Kind.POST:
        await offer_again(unit, row.card_id)


async def _asks(unit: Writing, card: CardId) -> bool:
    state = await unit.value(
        select(occurrences.c.state).join(cards, cards.c.occurrence_id == occurrences.c.id).where(cards.c.id == card)
    )
    return bool(state == OccurrenceState.OPEN)


async def offer_again(unit: Writing, card: CardId) -> None:
    """Ask the members of a card's branch after all."""
    row = await unit.first(select(cards).where(cards.c.id == card))
    if row is not None:
        await move_seats(unit, row.occurrence_id, row.branch_id, AnswerState.OPEN, before=AnswerState.NOT_OFFERED)


async def write_cancelled(unit: Writing, fact: Cancelled) -> None:
    """Take a row back; a card that is not shown was not offered."""
    row = await unit.first(select(outbox).where(outbox.c.id == fact.id))
    if row is None:
        return
    which = outbox.c.id == fact.id
    if row.kind == Kind.POST:
        which = and_(outbox.c.card_id == row.card_id, outbox.c.kind != Kind.LESSON)
    changed = await unit.execute(
        update(outbox)
        .where(which, outbox.c.state.in_([State.PENDING, State.FAILED, State.EXPIRED]))
        .values(state=State.CANCELLED, done_at=fact.at)
    )
    if changed and row.kind == Kind.POST:
        await _not_offered(unit, row.card_id)


_MOVE = Prepared(
    update(outbox)
    .where(outbox.c.number == bindparam("row"))
    .values(not_before=bindparam("ready"), lease_until=bindparam("until"))
)


async def write_clock_set_back(unit: Writing, fact: ClockSetBack) -> None:
    """Move what waits back with the clock, so that a pause lasts as long as it was meant to, and a lease too."""
    ahead = or_(
        and_(outbox.c.state == State.PENDING, outbox.c.not_before > fact.at),
        and_(outbox.c.state == State.LEASED, outbox.c.lease_until > fact.at),
    )
    columns = (outbox.c.number, outbox.c.not_before, outbox.c.lease_until)
    moved = [
        {
            "row": row.number,
            "ready": max(min(row.not_before, fact.at), row.not_before - fact.by),
            "until": row.lease_until and max(fact.at, row.lease_until - fact.by),
        }
        for row in await unit.rows(select(*columns).where(ahead))
    ]
    if moved:
        await unit.execute(_MOVE, moved)


async def free_leases(unit: Writing, worker: str) -> None:
    """Hand back what an earlier process of a worker had claimed; it drives one device, so nothing can be sent twice.

    What another device had claimed waits for the end of its lease: a process that was cut off may be sending it yet.
    """
    held = and_(outbox.c.state == State.LEASED, outbox.c.lease_owner == worker)
    await unit.execute(update(outbox).where(held).values(state=State.PENDING, lease_until=None))


_SHOWS_A_CARD = or_(*(outbox.c.kind == kind for kind in (*MESSAGES, Kind.EDIT, Kind.AMEND, Kind.LESSON)))
_CARD_OF_EVENT = Prepared(select(outbox.c.card_id).where(outbox.c.event_id == bindparam("event"), _SHOWS_A_CARD))


async def by_event(unit: Reading, event: EventId) -> CardId | None:
    """Return the card that an event of ours shows, in its room or again in private."""
    card: CardId | None = await unit.value(_CARD_OF_EVENT, {"event": event})
    return card


async def poll_of(unit: Reading, id: OutboxId) -> PollId | None:  # noqa: A002
    """Return the poll that a row puts into its room."""
    poll: PollId | None = await unit.value(
        select(outbox.c.poll_id).where(outbox.c.id == id, outbox.c.kind == Kind.POLL)
    )
    return poll


async def poll_is_lost(unit: Reading, poll: PollId) -> bool:
    """Tell whether a poll can no longer reach its room: it came too late, was refused or was taken back."""
    state = await unit.value(select(outbox.c.state).where(outbox.c.poll_id == poll, outbox.c.kind == Kind.POLL))
    return state in (State.FAILED, State.EXPIRED, State.CANCELLED)


async def unheard_ends(unit: Reading, before: datetime) -> tuple[tuple[PollId, datetime], ...]:
    """Return polls whose end was sent, or given up, before an instant and never heard back; each with when."""
    query = (
        select(outbox.c.poll_id, outbox.c.done_at)
        .join(polls, polls.c.id == outbox.c.poll_id)
        .where(
            outbox.c.kind == Kind.POLL_END,
            outbox.c.state.in_([State.SENT, State.FAILED, State.CANCELLED]),
            outbox.c.done_at < before,
            polls.c.state == PollState.CLOSING,
        )
    )
    return tuple((PollId(row.poll_id), row.done_at) for row in await unit.rows(query))


_SHOWN_AT = Prepared(
    select(func.min(outbox.c.done_at, type_=Instant).label("at")).where(
        outbox.c.card_id == bindparam("card"), outbox.c.kind == Kind.POST, outbox.c.state == State.SENT
    )
)


async def shown_at(unit: Reading, card: CardId) -> datetime | None:
    """Return when the first message of a card reached its room, ``None`` while none has."""
    return await unit.value(_SHOWN_AT, {"card": card})  # type: ignore[no-any-return]


_READY: Query = select(func.min(outbox.c.not_before, type_=Instant).label("next")).where(
    outbox.c.state == State.PENDING, _turn()
)
_NEXT_READY = Prepared(_READY)


async def next_ready(unit: Reading, kinds: Iterable[Kind] | None = None) -> datetime | None:
    """Return when the next pending row whose turn it is may go out, optionally of some kinds only."""
    if kinds is None:
        return await unit.value(_NEXT_READY)  # type: ignore[no-any-return]
    return await unit.value(_READY.where(outbox.c.kind.in_(list(kinds))))  # type: ignore[no-any-return]


_DUE = Prepared(
    select(func.min(outbox.c.not_before, type_=Instant).label("since")).where(
        outbox.c.not_before <= bindparam("now", type_=Instant), outbox.c.state == State.PENDING, _turn()
    )
)


async def oldest_due(unit: Reading) -> datetime | None:
    """Return since when the row that could have gone out first has been free to go, ``None`` where there is none."""
    return await unit.value(_DUE, {"now": unit.now})  # type: ignore[no-any-return]


async def stuck(unit: Reading, kinds: Iterable[Kind], *, since: datetime, failures: int) -> str | None:
    """Return the reason of a row of some kinds, made since, that was given up or has failed that often; if any."""
    bad = (outbox.c.state == State.FAILED) | ((outbox.c.state == State.PENDING) & (outbox.c.failures >= failures))
    query = select(outbox.c.last_error).where(outbox.c.kind.in_(list(kinds)), outbox.c.made_at >= since, bad)
    return await unit.value(query.order_by(outbox.c.number).limit(1))  # type: ignore[no-any-return]


async def upkeep_under_way(unit: Reading) -> tuple[Claimed, ...]:
    """Return what is still to be done in rooms: made, mended, people asked in or shown out."""
    kinds, states = [Kind.MAKE, Kind.MEND, Kind.INVITE, Kind.REMOVE], [State.PENDING, State.LEASED]
    none = null().label("target_event")
    rows = await unit.rows(select(outbox, none).where(outbox.c.kind.in_(kinds), outbox.c.state.in_(states)))
    return tuple(_claimed(row, row.claim_no, row.device_id, row.first_try_at) for row in rows)
