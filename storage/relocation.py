"""Takes cards and polls from one room to another: what was not shown goes there, what is open is shown there anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from content.identifiers import CardId, RoomId
from content.occurrences import State as OccurrenceState
from storage.checkins import cards
from storage.outbox import Kind, State, outbox
from storage.polls import polls
from storage.schedules import occurrences
from storage.unit import Writing

_MESSAGES = (Kind.POST, Kind.FOLLOW)
_ASKING = (OccurrenceState.PLANNED, OccurrenceState.OPEN)


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
    unshown = select(polls.c.id).where(polls.c.room_id == old, polls.c.event_id.is_(None)).order_by(polls.c.id)
    for row in await unit.rows(unshown):
        await move_poll(unit, row.id, new)
