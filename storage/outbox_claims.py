"""Which rows of the outbox may go out now: claimed one of each lane, by one worker, or expired when it is too late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, bindparam, func, literal_column, null, or_, select, true, update

from content.decision import Words
from storage.outbox import DISCREET, LOST_DEVICE, Claimed, ClockSetBack, Kind, State, outbox
from storage.outbox_fates import not_offered
from storage.phrases import load_words
from storage.prepared import Prepared, room_for
from storage.restores import last_restore
from storage.tables import Instant
from storage.unit import AnyRow, Query, Reading, Writing
from storage.vault import Unreadable, Vault


class Wish(Struct, frozen=True, kw_only=True):
    """What a worker that drives a Matrix device can take on: so many rows, of some kinds only or of any."""

    worker: str
    device: str
    lease: timedelta
    limit: int
    kinds: Iterable[Kind] | None = None


def _turn() -> Any:
    """Return the condition that the row which this one comes after, if any, was sent; a discreet one that is gone was.

    Of what is discreet next to nothing is kept once it is sent, while others may be gone that were given up.
    """
    before = outbox.alias("before")
    known = select(before.c.number).where(before.c.id == outbox.c.after_id)
    sent, unsent = known.where(before.c.state == State.SENT), known.where(before.c.state != State.SENT)
    discreet = and_(outbox.c.subject == DISCREET, ~unsent.exists())
    return or_(outbox.c.after_id.is_(None), discreet, sent.exists())


def _of_a_lost_life() -> Any:
    """Return the condition that a row may have been sent after the backup from which we come.

    An edit brings the newest numbers and is never looked for: the one that is found may show old ones.
    """
    return and_(outbox.c.made_at <= last_restore(), outbox.c.kind != Kind.EDIT, outbox.c.kind != Kind.LIVE_EDIT)


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
    most = room_for(wish.limit)
    query = _next_rows_of_any_kind(most) if wish.kinds is None else _next_rows(most, wish.kinds)
    rows = (await unit.rows(query, {"now": unit.now}))[: wish.limit]
    claimed = [_taken(unit, row, wish.device) for row in rows]
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


def _taken(unit: Writing, row: AnyRow, device: str) -> Claimed:
    """Return a row as the worker gets it: claimed once more, by the device and at the time of its first try."""
    by, at = (LOST_DEVICE, row.made_at) if row.lost else (device, unit.now)
    said = _said(row, unit.vault)
    return _claimed(row, said, row.claim_no + 1, row.device_id or by, row.first_try_at or at)


def _said(row: AnyRow, vault: Vault) -> Words | None:
    """Return a row's words with what was sealed in them; nothing where that cannot be opened any more."""
    try:
        return load_words(row.words, vault, row.id, row.user_id or "") if row.words else None
    except Unreadable:
        return None


def _claimed(row: AnyRow, said: Words | None, claim_no: int, device: str, first_try_at: datetime) -> Claimed:
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
        words=said,
        claim_no=claim_no,
        failures=row.failures,
        device=device,
        first_try_at=first_try_at,
        expires_at=row.expires_at,
        target=row.event_id if row.kind == Kind.TRACE else row.target_event,
        lesson=row.lesson_id,
        matter=row.matter_id,
        picture=row.picture,
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
    # What may stand in its room already is looked for first, see bot/sending.py.
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


def _alone() -> Any:
    """Return the condition that a row is a message of its own, of which nobody's place depends."""
    return or_(*(outbox.c.kind == kind for kind in (Kind.POLL, Kind.SAY, Kind.FIGURE, Kind.LIVE)))


_EXPIRE_ALONE = Prepared(
    update(outbox)
    .where(_TOO_LATE, _alone(), outbox.c.first_try_at.is_(None))
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
    await unit.execute(_EXPIRE_ALONE, {"now": unit.now})
    for row in late:
        await unit.execute(
            update(outbox)
            .where(outbox.c.card_id == row.card_id, outbox.c.kind != Kind.LESSON, outbox.c.state == State.PENDING)
            .values(state=State.EXPIRED, done_at=unit.now, last_error="too_late")
        )
        await not_offered(unit, row.card_id)


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


async def upkeep_under_way(unit: Reading) -> tuple[Claimed, ...]:
    """Return what is still to be done in rooms: made, mended, people asked in or shown out."""
    kinds, states = [Kind.MAKE, Kind.MEND, Kind.INVITE, Kind.REMOVE], [State.PENDING, State.LEASED]
    none = null().label("target_event")
    rows = await unit.rows(select(outbox, none).where(outbox.c.kind.in_(kinds), outbox.c.state.in_(states)))
    return tuple(_claimed(row, None, row.claim_no, row.device_id, row.first_try_at) for row in rows)
