"""Takes cards and polls from one room to another: what was not shown goes there, what is open is shown there anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select, update

from content.activities import State as Planned
from content.decision import Fact
from content.identifiers import CardId, OutboxId, RoomId
from content.occurrences import State as OccurrenceState
from content.rooms import Purpose, Room
from content.sign_up_sheets import State as Gathering
from storage.activities import activities
from storage.checkins import cards
from storage.outbox import Kind, State, outbox
from storage.outbox_fates import offer_again
from storage.outbox_items import Item
from storage.polls import polls
from storage.rooms import as_room, rooms
from storage.schedules import occurrences
from storage.sign_ups import sign_ups
from storage.unit import Reading, Writing

GIVEN_UP = (State.FAILED, State.EXPIRED, State.CANCELLED)
"""States of what reached no room and waits for none."""

_MESSAGES = (Kind.POST, Kind.FOLLOW)
_ASKING = (OccurrenceState.PLANNED, OccurrenceState.OPEN)


class Moved(Fact, frozen=True, kw_only=True):
    """An organiser has a card or a poll that reached its room not shown in another one of the same node."""

    id: OutboxId
    room: RoomId


def _anew(unit: Writing, room: RoomId) -> dict[str, Any]:
    """Return a row's values for a room in which nothing of it was ever tried; whoever holds the row is overtaken."""
    return {
        "room_id": room,
        "lane": room,
        "state": State.PENDING,
        "not_before": unit.now,
        "claim_no": outbox.c.claim_no + 1,
        "lease_until": None,
        "failures": 0,
        "device_id": None,
        "first_try_at": None,
        "event_id": None,
        "last_error": None,
        "done_at": None,
    }


async def move_card(unit: Writing, card: CardId, room: RoomId) -> None:
    """Show a card in another room, from its first message on; its edits wait for it there."""
    await unit.execute(update(cards).where(cards.c.id == card).values(room_id=room))
    messages = (outbox.c.card_id == card) & outbox.c.kind.in_(_MESSAGES)
    await unit.execute(update(outbox).where(messages).values(**_anew(unit, room)))
    waiting = (outbox.c.card_id == card) & (outbox.c.kind == Kind.EDIT) & (outbox.c.state == State.PENDING)
    await unit.execute(update(outbox).where(waiting).values(room_id=room, lane=room))


async def move_poll(unit: Writing, id: str, room: RoomId) -> None:  # noqa: A002
    """Ask a poll in another room that was asked in none yet."""
    await unit.execute(update(polls).where(polls.c.id == id, polls.c.event_id.is_(None)).values(room_id=room))
    rows = (outbox.c.poll_id == id) & (outbox.c.kind == Kind.POLL)
    await unit.execute(update(outbox).where(rows).values(**_anew(unit, room)))


async def move_live(unit: Writing, old: RoomId, new: RoomId) -> None:
    """Show in the successor of a room the sign-ups that are open in it, and the activities to come."""
    ids: list[str] = []
    for table, stands in ((sign_ups, Gathering.OPEN), (activities, Planned.PLANNED)):
        there = (table.c.room_id == old, table.c.state == stands)
        ids += [row.id for row in await unit.rows(select(table.c.id).where(*there))]
        await unit.execute(update(table).where(*there).values(room_id=new))
    if not ids:
        return
    shown = (outbox.c.kind == Kind.LIVE) & outbox.c.matter_id.in_(ids)
    await unit.execute(update(outbox).where(shown).values(**_anew(unit, new)))


async def move_everything(unit: Writing, old: RoomId, new: RoomId) -> None:
    """Take the cards that still ask for answers and the polls that were not shown from one room to its successor."""
    open_cards = (
        select(cards.c.id)
        .join(occurrences, occurrences.c.id == cards.c.occurrence_id)
        .where(cards.c.room_id == old, occurrences.c.state.in_(_ASKING))
        .order_by(cards.c.id)
    )
    for row in await unit.rows(open_cards):
        await move_card(unit, CardId(row.id), new)
    await move_live(unit, old, new)
    unshown = select(polls.c.id).where(polls.c.room_id == old, polls.c.event_id.is_(None)).order_by(polls.c.id)
    for row in await unit.rows(unshown):
        await move_poll(unit, row.id, new)


async def choices(unit: Reading, items: Iterable[Item]) -> dict[OutboxId, tuple[Room, ...]]:
    """Return for each card or poll that reached no room the other rooms of its node that work."""
    wanted = [item.id for item in items if item.kind in (Kind.POST, Kind.POLL) and item.state in GIVEN_UP]
    if not wanted:
        return {}
    node = func.coalesce(cards.c.branch_id, polls.c.organisation_id)
    query = (
        select(outbox.c.id.label("row_id"), rooms)
        .outerjoin(cards, cards.c.id == outbox.c.card_id)
        .outerjoin(polls, polls.c.id == outbox.c.poll_id)
        .join(rooms, rooms.c.organisation_id == node)
        .where(
            outbox.c.id.in_(wanted),
            rooms.c.lost.is_(None),
            rooms.c.purpose != Purpose.SPACE,
            rooms.c.id != outbox.c.room_id,
        )
        .order_by(rooms.c.kept_at, rooms.c.id)
    )
    found: dict[OutboxId, tuple[Room, ...]] = {}
    for row in await unit.rows(query):
        found[OutboxId(row.row_id)] = (*found.get(OutboxId(row.row_id), ()), as_room(row))
    return found


async def write_moved(unit: Writing, fact: Moved) -> None:
    """Show in another room what reached its own not; a card that is there already, or is over, stays where it is."""
    row = await unit.first(select(outbox).where(outbox.c.id == fact.id))
    if row is None or row.state not in GIVEN_UP:
        return
    if row.kind == Kind.POLL:
        await move_poll(unit, row.poll_id, fact.room)
        began = update(polls).where(polls.c.id == row.poll_id, polls.c.event_id.is_(None))
        await unit.execute(began.values(opened_at=unit.now))
        return
    card = await unit.first(
        select(cards.c.id, cards.c.occurrence_id)
        .join(occurrences, occurrences.c.id == cards.c.occurrence_id)
        .where(cards.c.id == row.card_id, occurrences.c.state == OccurrenceState.OPEN)
    )
    if card is None:
        return
    there = select(cards.c.id).where(cards.c.occurrence_id == card.occurrence_id, cards.c.room_id == fact.room)
    if await unit.first(there) is None:
        await move_card(unit, CardId(card.id), fact.room)
        await offer_again(unit, CardId(card.id))
