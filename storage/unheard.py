"""What could not be heard, as its desk shows it, and what becomes of it there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import BindParameter, func, or_, select, update

from content.decision import Fact
from content.identifiers import OrganisationId, RoomId, UserId
from content.unheard import (
    PATIENCE,
    HearingAgainAsked,
    Letter,
    LetterPutAside,
    Sealed,
    SenderTold,
    Stretch,
    StretchAskedAgain,
    StretchPutAside,
)
from storage.members import members
from storage.organisations import ROOTS, organisations, within
from storage.prepared import Prepared
from storage.rooms import direct_rooms, rooms
from storage.sync import dead_letters, gaps, unreadable
from storage.unit import AnyRow, Query, Reading, Writing


class Placed(Struct, frozen=True, kw_only=True):
    """A letter or a stretch with the name of its room, ``None`` for a private chat, and the node it belongs to."""

    what: Letter | Stretch
    room_name: str | None
    organisation: OrganisationId | None
    organisation_name: str | None


class LetterRead(Fact, frozen=True, kw_only=True):
    """A letter was processed after all."""

    id: str


class LetterFailedAgain(Fact, frozen=True, kw_only=True):
    """A letter was tried again and could not be processed again."""

    id: str
    reason: str
    at: datetime


class StretchGivenUp(Fact, frozen=True, kw_only=True):
    """A stretch of a room's history cannot be read back, and trying again would not help."""

    id: str
    reason: str
    at: datetime


def _placed(table: Any, roots: Iterable[OrganisationId] | BindParameter[Any], *, everything: bool) -> Query:
    """Return the question for what belongs to rooms and people at or below the roots.

    What was said in private belongs where its person does; with ``everything`` also what belongs to nobody is found.
    """
    node = func.coalesce(rooms.c.organisation_id, members.c.organisation_id)
    who = func.coalesce(direct_rooms.c.user_id, table.c.sender) if "sender" in table.c else direct_rooms.c.user_id
    theirs = within(node, roots)
    return (
        select(
            table,
            rooms.c.name.label("room_name"),
            organisations.c.id.label("organisation_id"),
            organisations.c.name.label("organisation_name"),
        )
        .outerjoin(rooms, rooms.c.id == table.c.room_id)
        .outerjoin(direct_rooms, direct_rooms.c.room_id == table.c.room_id)
        .outerjoin(members, members.c.user_id == who)
        .outerjoin(organisations, organisations.c.id == node)
        .where(or_(theirs, organisations.c.id.is_(None)) if everything else theirs)
    )


def _letter(row: AnyRow) -> Letter:
    return Letter(
        id=row.id,
        cause=row.cause,
        room=row.room_id,
        sender=row.sender,
        event=row.event_id,
        reason=row.reason,
        at=row.at,
        has_raw=row.raw is not None,
        asked_at=row.asked_at,
        tried_at=row.tried_at,
        aside_at=row.aside_at,
    )


def _stretch(row: AnyRow) -> Stretch:
    return Stretch(id=row.id, room=row.room_id, found_at=row.found_at, given_up_at=row.given_up_at, reason=row.reason)


def _with_place(row: AnyRow, what: Letter | Stretch) -> Placed:
    return Placed(
        what=what,
        room_name=row.room_name,
        organisation=row.organisation_id,
        organisation_name=row.organisation_name,
    )


async def letters(
    unit: Reading, roots: Iterable[OrganisationId], *, everything: bool, aside: bool = False, limit: int = 100
) -> tuple[Placed, ...]:
    """Return the letters of these nodes, newest first: those that wait, or those put aside."""
    put = dead_letters.c.aside_at.is_not(None) if aside else dead_letters.c.aside_at.is_(None)
    query = _placed(dead_letters, roots, everything=everything).where(put)
    rows = await unit.rows(query.order_by(dead_letters.c.at.desc(), dead_letters.c.id).limit(limit))
    return tuple(_with_place(row, _letter(row)) for row in rows)


async def number_waiting(unit: Reading, roots: Iterable[OrganisationId], *, everything: bool) -> int:
    """Return how many letters of these nodes nobody has put aside."""
    return int(await unit.value(_number_waiting(everything=everything), {"roots": list(roots)}))


@cache
def _number_waiting(*, everything: bool) -> Prepared:
    query = _placed(dead_letters, ROOTS, everything=everything).where(dead_letters.c.aside_at.is_(None))
    return Prepared(select(func.count().label("number")).select_from(query.subquery()))


async def letter(unit: Reading, roots: Iterable[OrganisationId], id: str, *, everything: bool) -> Placed | None:  # noqa: A002
    """Return one letter, if it belongs to these nodes."""
    query = _placed(dead_letters, roots, everything=everything).where(dead_letters.c.id == id)
    row = await unit.first(query)
    return _with_place(row, _letter(row)) if row else None


async def raw(unit: Reading, id: str) -> bytes | None:  # noqa: A002
    """Return what came, as it came, where it is kept."""
    return await unit.value(select(dead_letters.c.raw).where(dead_letters.c.id == id))  # type: ignore[no-any-return]


async def asked(unit: Reading) -> tuple[Letter, ...]:
    """Return the letters that somebody wants processed once more, in the order in which they came."""
    query = select(dead_letters).where(dead_letters.c.asked_at.is_not(None))
    rows = await unit.rows(query.order_by(dead_letters.c.at, dead_letters.c.id))
    return tuple(_letter(row) for row in rows)


async def stretches(unit: Reading, roots: Iterable[OrganisationId], *, everything: bool) -> tuple[Placed, ...]:
    """Return the stretches of history that are missing in the rooms of these nodes, oldest first."""
    query = _placed(gaps, roots, everything=everything).order_by(gaps.c.found_at, gaps.c.id)
    return tuple(_with_place(row, _stretch(row)) for row in await unit.rows(query))


async def stretch(unit: Reading, roots: Iterable[OrganisationId], id: str, *, everything: bool) -> Stretch | None:  # noqa: A002
    """Return one stretch, if its room belongs to these nodes."""
    row = await unit.first(_placed(gaps, roots, everything=everything).where(gaps.c.id == id))
    return _stretch(row) if row else None


async def missing(unit: Reading) -> dict[RoomId, tuple[Stretch, ...]]:
    """Return what is missing of the history of every room, oldest first."""
    found: dict[RoomId, tuple[Stretch, ...]] = {}
    for row in await unit.rows(select(gaps).order_by(gaps.c.found_at, gaps.c.id)):
        found[row.room_id] = (*found.get(row.room_id, ()), _stretch(row))
    return found


async def sealed(unit: Reading, roots: Iterable[OrganisationId], *, everything: bool) -> tuple[int, int]:
    """Return how many encrypted messages cannot be read in the rooms of these nodes, and of how many senders."""
    of = _placed(unreadable, roots, everything=everything).subquery()
    row = await unit.first(select(func.count(), func.count(of.c.sender.distinct())).select_from(of))
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def untold(unit: Reading, *, limit: int = 50) -> tuple[Sealed, ...]:
    """Return the sessions in rooms of ours whose key has not come in time and whose sender knows nothing of it yet."""
    query = (
        select(unreadable.c.room_id, unreadable.c.session_id, unreadable.c.sender, rooms.c.name)
        .outerjoin(rooms, rooms.c.id == unreadable.c.room_id)
        .outerjoin(direct_rooms, direct_rooms.c.room_id == unreadable.c.room_id)
        .where(or_(rooms.c.id.is_not(None), direct_rooms.c.user_id == unreadable.c.sender))
        .group_by(unreadable.c.room_id, unreadable.c.session_id, unreadable.c.sender, rooms.c.name)
        .having(func.max(unreadable.c.told_at).is_(None), func.min(unreadable.c.at) <= unit.now - PATIENCE)
        .order_by(func.min(unreadable.c.at), unreadable.c.session_id)
        .limit(limit)
    )
    return tuple(
        Sealed(room=row.room_id, room_name=row.name, session_id=row.session_id, sender=row.sender)
        for row in await unit.rows(query)
    )


async def still_sealed(unit: Reading, sealed: Sealed) -> bool:
    """Tell whether a session's messages are still waiting for their key."""
    query = select(unreadable.c.event_id).where(
        unreadable.c.room_id == sealed.room,
        unreadable.c.session_id == sealed.session_id,
        unreadable.c.sender == sealed.sender,
    )
    return await unit.first(query.limit(1)) is not None


async def told_today(unit: Reading, user: UserId) -> int:
    """Return of how many sessions a person was told within a day."""
    query = select(func.count(unreadable.c.session_id.distinct())).where(
        unreadable.c.sender == user, unreadable.c.told_at > unit.now - timedelta(days=1)
    )
    return int(await unit.value(query))


async def write_told(unit: Writing, fact: SenderTold) -> None:
    """Remember that a sender was told."""
    theirs = (
        (unreadable.c.room_id == fact.room)
        & (unreadable.c.session_id == fact.session_id)
        & (unreadable.c.sender == fact.sender)
    )
    await unit.execute(update(unreadable).where(theirs).values(told_at=fact.at))


async def write_asked(unit: Writing, fact: HearingAgainAsked) -> None:
    """Have a letter wait for its next try."""
    await unit.execute(update(dead_letters).where(dead_letters.c.id == fact.id).values(asked_at=fact.at, aside_at=None))


async def write_read(unit: Writing, fact: LetterRead) -> None:
    """Forget a letter that was processed after all."""
    await unit.execute(dead_letters.delete().where(dead_letters.c.id == fact.id))


async def write_failed_again(unit: Writing, fact: LetterFailedAgain) -> None:
    """Keep a letter that failed once more, with the newest reason."""
    changed = {"asked_at": None, "tried_at": fact.at, "reason": fact.reason[:300]}
    await unit.execute(update(dead_letters).where(dead_letters.c.id == fact.id).values(**changed))


async def write_put_aside(unit: Writing, fact: LetterPutAside) -> None:
    """Count a letter no more."""
    await unit.execute(update(dead_letters).where(dead_letters.c.id == fact.id).values(aside_at=fact.at, asked_at=None))


async def write_given_up(unit: Writing, fact: StretchGivenUp) -> None:
    """Stop reading a stretch that cannot be read."""
    changed = {"given_up_at": fact.at, "reason": fact.reason[:60]}
    await unit.execute(update(gaps).where(gaps.c.id == fact.id).values(**changed))


async def write_asked_again(unit: Writing, fact: StretchAskedAgain) -> None:
    """Read a stretch once more after all."""
    await unit.execute(update(gaps).where(gaps.c.id == fact.id).values(given_up_at=None, reason=None))


async def write_stretch_aside(unit: Writing, fact: StretchPutAside) -> None:
    """Forget a stretch that somebody knows to be lost."""
    await unit.execute(gaps.delete().where(gaps.c.id == fact.id, gaps.c.given_up_at.is_not(None)))
