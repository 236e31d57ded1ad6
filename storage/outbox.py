"""Everything that must leave the house: rows that are claimed, sent once under a fixed transaction id, and marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
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
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from content.checkins import State as AnswerState
from content.decision import Effect, Fact, Post, Refresh, Tell, Words
from content.identifiers import CardId, Cause, EventId, OutboxId, PollId, RoomId, UserId, derive
from content.occurrences import State as OccurrenceState
from content.polls import Announce, EndPoll, SendPoll
from content.polls import State as PollState
from content.rooms import Decline, Invite, Join
from storage.checkins import cards, move_seats
from storage.lessons import lessons
from storage.members import members
from storage.organisations import organisations, within
from storage.phrases import load_words, save_words
from storage.polls import polls
from storage.restores import last_restore
from storage.schedules import SHOWN_TITLE, occurrences
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
    JOIN = "join"
    DECLINE = "decline"
    INVITE = "invite"
    POLL = "poll"
    POLL_END = "poll_end"
    RESULT = "result"


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
    Column("user_id", String(255)),
    Column("card_id", ForeignKey("cards.id"), index=True),
    Column("poll_id", String(32), index=True),
    Column("part", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("quiet", Boolean, nullable=False),
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that one worker holds for a while; ``claim_no`` is the fence that tells a worker it was overtaken."""

    id: OutboxId
    kind: Kind
    room: RoomId | None
    user: UserId | None
    card: CardId | None
    poll: PollId | None
    part: int
    quiet: bool
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
class Item:
    """A row of the outbox as the organiser's desk shows it."""

    id: OutboxId
    kind: Kind
    state: State
    room: RoomId | None
    user: UserId | None
    title: str | None
    branch_name: str | None
    not_before: datetime
    made_at: datetime
    done_at: datetime | None
    failures: int
    error: str | None
    over: bool
    """Whether it is a card or a poll whose time is over, so that sending it would ask for what no longer counts."""


async def enqueue(unit: Writing, cause: Cause, effects: Iterable[Effect]) -> None:
    """Turn effects into rows; a row that the same cause made before is left as it is."""
    for place, effect in enumerate(effects):
        match effect:
            case Post():
                await _enqueue_post(unit, cause, effect)
            case Refresh():
                await _enqueue_refresh(unit, cause, effect.card)
            case Tell():
                await _enqueue_tell(unit, cause, place, effect)
            case SendPoll() | EndPoll() | Announce():
                await _enqueue_poll(unit, cause, place, effect)
            case Join() | Decline():
                kind = Kind.JOIN if isinstance(effect, Join) else Kind.DECLINE
                await _insert(unit, cause, kind, lane=effect.room, part=place, room_id=effect.room, priority=ANSWER)
            case Invite():
                room, user = effect.room, effect.user
                lane = f"invite:{room}"
                await _insert(
                    unit, cause, Kind.INVITE, lane=lane, part=place, room_id=room, user_id=user, priority=ANSWER
                )
            case _:
                raise TypeError(f"no way out for {type(effect).__name__}")


async def _enqueue_poll(unit: Writing, cause: Cause, place: int, effect: SendPoll | EndPoll | Announce) -> None:
    """Let a room hear of its poll in order: the poll, its end, its result."""
    values: dict[str, Any] = {"room_id": effect.room, "poll_id": effect.poll, "priority": BROADCAST}
    match effect:
        case SendPoll():
            kind = Kind.POLL
            values["expires_at"] = effect.expires_at
        case EndPoll():
            kind = Kind.POLL_END
            sent = select(outbox.c.id).where(outbox.c.poll_id == effect.poll, outbox.c.kind == Kind.POLL)
            values["after_id"] = await unit.value(sent)
        case Announce():
            kind = Kind.RESULT
            values["words"] = save_words(effect.words)
    await _insert(unit, cause, kind, lane=effect.room, part=place, **values)


async def _insert(unit: Writing, cause: str, kind: Kind, *, lane: str, part: int, **values: Any) -> str:
    id = derive(cause, kind, lane, part, values.get("revision", 0))  # noqa: A001
    row = {
        "id": id,
        "cause": cause,
        "kind": kind,
        "lane": lane,
        "part": part,
        "revision": 0,
        "quiet": False,
        "state": State.PENDING,
        "not_before": unit.now,
        "claim_no": 0,
        "failures": 0,
        "made_at": unit.now,
        **values,
    }
    await unit.add_missing(outbox, row)
    return id


async def _enqueue_post(unit: Writing, cause: Cause, post: Post) -> None:
    room = await unit.value(select(cards.c.room_id).where(cards.c.id == post.card))
    before: str | None = None
    for part in range(post.parts):
        before = await _insert(
            unit,
            cause,
            Kind.POST,
            lane=room,
            part=part,
            room_id=room,
            card_id=post.card,
            priority=BROADCAST,
            not_before=post.not_before,
            expires_at=post.expires_at,
            after_id=before,
        )


async def _enqueue_refresh(unit: Writing, cause: Cause, card: CardId) -> None:
    """Make one pending edit of a card, however many answers ask for it before it goes out."""
    edits = select(outbox).where(outbox.c.card_id == card, outbox.c.kind == Kind.EDIT)
    # An edit that was tried may have arrived with the numbers it had then; its transaction cannot bring newer ones.
    if await unit.first(edits.where(outbox.c.state == State.PENDING, outbox.c.first_try_at.is_(None))):
        return
    post = await unit.first(
        select(outbox)
        .where(outbox.c.card_id == card, outbox.c.kind == Kind.POST)
        .order_by(outbox.c.part.desc())
        .limit(1)
    )
    if post is None or post.state not in (State.PENDING, State.LEASED, State.SENT):
        return
    last = await unit.first(edits.order_by(outbox.c.number.desc()).limit(1))
    not_before = unit.now if last is None else max(unit.now, (last.done_at or last.not_before) + EDIT_RHYTHM)
    await _insert(
        unit,
        cause,
        Kind.EDIT,
        lane=post.room_id,
        part=0,
        revision=1 if last is None else last.revision + 1,
        room_id=post.room_id,
        card_id=card,
        priority=EDIT,
        not_before=not_before,
        after_id=post.id,
    )


async def _enqueue_tell(unit: Writing, cause: Cause, place: int, tell: Tell) -> None:
    await _insert(
        unit,
        cause,
        Kind.TELL,
        lane=f"user:{tell.user}",
        part=place,
        user_id=tell.user,
        words=save_words(tell.words),
        priority=ANSWER,
        quiet=tell.quiet,
        language=tell.language,
    )


def _turn() -> Any:
    """Return the condition that the row which this one comes after, if any, was sent."""
    before = outbox.alias("before")
    sent = select(before.c.number).where(before.c.id == outbox.c.after_id, before.c.state == State.SENT)
    return outbox.c.after_id.is_(None) | sent.exists()


def _ready(now: datetime) -> Any:
    return and_(
        outbox.c.not_before <= now,
        or_(outbox.c.state == State.PENDING, and_(outbox.c.state == State.LEASED, outbox.c.lease_until < now)),
    )


async def claim(unit: Writing, *, worker: str, device: str, lease: timedelta, limit: int) -> Sequence[Claimed]:
    """Take the next rows, at most one of each lane, so that a room hears things in order.

    A row waits for the one it comes after. What was not sent before its time passed expires here instead. A row whose
    cause lies before a restore counts as tried then, by a device that is gone.
    """
    await _expire(unit)
    busy = outbox.alias("busy")
    free = (
        ~select(busy.c.number)
        .where(busy.c.lane == outbox.c.lane, busy.c.state == State.LEASED, busy.c.lease_until >= unit.now)
        .exists()
    )
    order = (outbox.c.priority, outbox.c.not_before, outbox.c.number)
    first = func.row_number().over(partition_by=outbox.c.lane, order_by=order).label("place")
    ready = select(outbox.c.number, *order[:2], first).where(_ready(unit.now), free, _turn()).subquery()
    query = (
        select(ready.c.number)
        .where(ready.c.place == 1)
        .order_by(ready.c.priority, ready.c.not_before, ready.c.number)
        .limit(limit)
    )
    numbers = [row.number for row in await unit.rows(query)]
    if not numbers:
        return ()
    lost, now = _of_a_lost_life(), literal(unit.now, Instant)
    await unit.execute(
        update(outbox)
        .where(outbox.c.number.in_(numbers))
        .values(
            state=State.LEASED,
            lease_owner=worker,
            lease_until=unit.now + lease,
            claim_no=outbox.c.claim_no + 1,
            device_id=func.coalesce(outbox.c.device_id, case((lost, LOST_DEVICE), else_=device)),
            first_try_at=func.coalesce(outbox.c.first_try_at, case((lost, outbox.c.made_at), else_=now), type_=Instant),
        )
    )
    target = outbox.alias("target")
    rows = await unit.rows(
        select(outbox, target.c.event_id.label("target_event"))
        .outerjoin(target, target.c.id == outbox.c.after_id)
        .where(outbox.c.number.in_(numbers))
        .order_by(outbox.c.priority, outbox.c.not_before, outbox.c.number)
    )
    return [_claimed(row) for row in rows]


def _claimed(row: AnyRow) -> Claimed:
    return Claimed(
        id=row.id,
        kind=Kind(row.kind),
        room=row.room_id,
        user=row.user_id,
        card=row.card_id,
        poll=row.poll_id,
        part=row.part,
        quiet=row.quiet,
        language=row.language,
        words=load_words(row.words) if row.words else None,
        claim_no=row.claim_no,
        failures=row.failures,
        device=row.device_id,
        first_try_at=row.first_try_at,
        expires_at=row.expires_at,
        target=row.target_event,
    )


def _of_a_lost_life() -> Any:
    """Return the condition that a row may have been sent after the backup from which we come.

    An edit brings the newest numbers and is never looked for: the one that is found may show old ones.
    """
    return and_(outbox.c.made_at <= last_restore(), outbox.c.kind != Kind.EDIT)


async def in_doubt(unit: Reading, tries: int) -> bool:
    """Tell whether a card or a poll that may stand in its room already was looked for less than so many times."""
    shown = outbox.c.kind.in_([Kind.POST, Kind.POLL])
    waiting = outbox.c.state.in_([State.PENDING, State.LEASED])
    query = select(outbox.c.number).where(_of_a_lost_life(), shown, waiting, outbox.c.failures < tries)
    return await unit.first(query.where(outbox.c.not_before <= unit.now).limit(1)) is not None


async def _expire(unit: Writing) -> None:
    """End cards that can no longer go out in time, and say of their branches that nothing was offered there.

    A card of which a part was tried is finished late rather than left in pieces.
    """
    begun = outbox.alias("begun")
    tried = select(begun.c.number).where(begun.c.card_id == outbox.c.card_id, begun.c.first_try_at.is_not(None))
    # What may stand in its room already is looked for first, see bot/delivery.py.
    known = func.coalesce(~_of_a_lost_life(), true())
    pending = and_(outbox.c.state == State.PENDING, outbox.c.expires_at < unit.now, known)
    late = await unit.rows(
        select(outbox.c.card_id).where(pending, outbox.c.card_id.is_not(None), ~tried.exists()).distinct()
    )
    await unit.execute(
        update(outbox)
        .where(pending, outbox.c.kind == Kind.POLL, outbox.c.first_try_at.is_(None))
        .values(state=State.EXPIRED, done_at=unit.now, last_error="too_late")
    )
    for row in late:
        await unit.execute(
            update(outbox)
            .where(outbox.c.card_id == row.card_id, outbox.c.state == State.PENDING)
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


async def write_sent(unit: Writing, fact: Sent) -> None:
    """Mark a row as sent, unless another worker has taken it over; its words are no longer needed."""
    changed = await unit.execute(
        update(outbox)
        .where(_held(fact.claimed))
        .values(state=State.SENT, event_id=fact.event_id, done_at=fact.at, words=None, last_error=None)
    )
    if changed and fact.claimed.kind is Kind.POLL and fact.event_id is not None:
        shown = update(polls).where(polls.c.id == fact.claimed.poll, polls.c.event_id.is_(None))
        await unit.execute(shown.values(event_id=fact.event_id))


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
    if changed and fact.claimed.kind is Kind.POST and fact.claimed.card is not None:
        await unit.execute(
            update(outbox)
            .where(outbox.c.card_id == fact.claimed.card, outbox.c.state == State.PENDING)
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
    if row.kind == Kind.POST:
        which = and_(outbox.c.card_id == row.card_id, outbox.c.kind == Kind.POST)
    await unit.execute(
        update(outbox)
        .where(which, outbox.c.state.in_([State.FAILED, State.EXPIRED, State.CANCELLED]))
        .values(state=State.PENDING, not_before=fact.at, expires_at=None, failures=0, last_error=None, done_at=None)
    )
    if row.kind == Kind.POST:
        await _offer_again(unit, row.card_id)


async def _asks(unit: Writing, card: CardId) -> bool:
    state = await unit.value(
        select(occurrences.c.state).join(cards, cards.c.occurrence_id == occurrences.c.id).where(cards.c.id == card)
    )
    return bool(state == OccurrenceState.OPEN)


async def _offer_again(unit: Writing, card: CardId) -> None:
    row = await unit.first(select(cards).where(cards.c.id == card))
    if row is not None:
        await move_seats(unit, row.occurrence_id, row.branch_id, AnswerState.OPEN, before=AnswerState.NOT_OFFERED)


async def write_cancelled(unit: Writing, fact: Cancelled) -> None:
    """Take a row back; a card that is not shown was not offered."""
    row = await unit.first(select(outbox).where(outbox.c.id == fact.id))
    if row is None:
        return
    which = outbox.c.id == fact.id if row.kind != Kind.POST else outbox.c.card_id == row.card_id
    changed = await unit.execute(
        update(outbox)
        .where(which, outbox.c.state.in_([State.PENDING, State.FAILED, State.EXPIRED]))
        .values(state=State.CANCELLED, done_at=fact.at)
    )
    if changed and row.kind == Kind.POST:
        await _not_offered(unit, row.card_id)


async def free_leases(unit: Writing) -> None:
    """Hand back what a process that is no longer there had claimed; only for the one process that may be running."""
    await unit.execute(
        update(outbox).where(outbox.c.state == State.LEASED).values(state=State.PENDING, lease_until=None)
    )


async def by_event(unit: Reading, event: EventId) -> CardId | None:
    """Return the card that an event of ours shows."""
    card: CardId | None = await unit.value(
        select(outbox.c.card_id).where(outbox.c.event_id == event, outbox.c.kind.in_([Kind.POST, Kind.EDIT]))
    )
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


async def shown_at(unit: Reading, card: CardId) -> datetime | None:
    """Return when the first message of a card reached its room, ``None`` while none has."""
    value: datetime | None = await unit.value(
        select(func.min(outbox.c.done_at, type_=Instant)).where(
            outbox.c.card_id == card, outbox.c.kind == Kind.POST, outbox.c.state == State.SENT
        )
    )
    return value


async def next_ready(unit: Reading) -> datetime | None:
    """Return when the next pending row whose turn it is may go out."""
    value: datetime | None = await unit.value(
        select(func.min(outbox.c.not_before, type_=Instant)).where(outbox.c.state == State.PENDING, _turn())
    )
    return value


def _scoped(query: Query, roots: Iterable[str], private: Iterable[str] | None = None) -> Query:
    """Keep cards and polls of the subtrees, and private answers to members of ``private``, by default the same ones.

    Answers to people who are nobody's members are shown to none.
    """
    roots = list(roots)
    return query.where(
        within(cards.c.branch_id, roots)  # type: ignore[arg-type]
        | within(polls.c.organisation_id, roots)  # type: ignore[arg-type]
        | within(members.c.organisation_id, roots if private is None else list(private))  # type: ignore[arg-type]
    )


def _items() -> Query:
    return (
        select(
            outbox,
            func.coalesce(SHOWN_TITLE.element, polls.c.question).label("title"),
            organisations.c.name.label("branch_name"),
            occurrences.c.state.label("occurrence_state"),
            polls.c.state.label("poll_state"),
        )
        .outerjoin(cards, cards.c.id == outbox.c.card_id)
        .outerjoin(polls, polls.c.id == outbox.c.poll_id)
        .outerjoin(occurrences, occurrences.c.id == cards.c.occurrence_id)
        .outerjoin(lessons, lessons.c.id == occurrences.c.lesson_id)
        .outerjoin(organisations, organisations.c.id == func.coalesce(cards.c.branch_id, polls.c.organisation_id))
        .outerjoin(members, members.c.user_id == outbox.c.user_id)
    )


def _item(row: AnyRow) -> Item:
    return Item(
        id=row.id,
        kind=Kind(row.kind),
        state=State(row.state),
        room=row.room_id,
        user=row.user_id,
        title=row.title,
        branch_name=row.branch_name,
        not_before=row.not_before,
        made_at=row.made_at,
        done_at=row.done_at,
        failures=row.failures,
        error=row.last_error,
        over=(row.kind == Kind.POST and row.occurrence_state != OccurrenceState.OPEN)
        or (row.kind == Kind.POLL and row.poll_state != PollState.OPEN),
    )


async def items(
    unit: Reading,
    roots: Iterable[str],
    *,
    states: Iterable[State],
    private: Iterable[str] | None = None,
    limit: int = 100,
) -> tuple[Item, ...]:
    """Return rows of the subtrees in these states, newest first.

    Of private answers only those to members of the subtrees ``private``, where not all members may be seen by name.
    """
    query = _scoped(_items(), roots, private).where(outbox.c.state.in_(list(states)))
    rows = await unit.rows(query.order_by(outbox.c.number.desc()).limit(limit))
    return tuple(_item(row) for row in rows)


async def every_item(unit: Reading) -> tuple[Item, ...]:
    """Return all rows, oldest first; for the operator, whose scope is the whole installation."""
    return tuple(_item(row) for row in await unit.rows(_items().order_by(outbox.c.number)))


async def item(unit: Reading, roots: Iterable[str], id: OutboxId) -> Item | None:  # noqa: A002
    """Return one row, if it belongs to the subtrees."""
    row = await unit.first(_scoped(_items(), roots).where(outbox.c.id == id))
    return _item(row) if row else None


async def numbers(unit: Reading, roots: Iterable[str], *, private: Iterable[str] | None = None) -> dict[State, int]:
    """Return how many of the rows that items would return are in each state."""
    query = _scoped(
        select(outbox.c.state, func.count().label("number"))
        .outerjoin(cards, cards.c.id == outbox.c.card_id)
        .outerjoin(polls, polls.c.id == outbox.c.poll_id)
        .outerjoin(members, members.c.user_id == outbox.c.user_id),
        roots,
        private,
    ).group_by(outbox.c.state)
    return {State(row.state): row.number for row in await unit.rows(query)}
