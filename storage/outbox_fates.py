"""What became of a row of the outbox: sent, heard back, put off, given up, tried again or taken back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, select, update

from content.checkins import State as AnswerState
from content.identifiers import CardId
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from storage.checkins import cards, move_seats
from storage.outbox import MESSAGES, Cancelled, Claimed, Echoed, GivenUp, Kind, Postponed, Retried, Sent, State, outbox
from storage.outbox_queries import shown_at
from storage.polls import polls
from storage.prepared import Prepared
from storage.schedules import occurrences
from storage.unit import Writing


def _held(claimed: Claimed) -> Any:
    return and_(outbox.c.id == claimed.id, outbox.c.claim_no == claimed.claim_no, outbox.c.state == State.LEASED)


_SENT = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.claim_no == bindparam("claim"), outbox.c.state == State.LEASED)
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
        await not_offered(unit, fact.claimed.card)


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
        await not_offered(unit, row.card_id)


async def not_offered(unit: Writing, card: CardId) -> None:
    row = await unit.first(select(cards).where(cards.c.id == card))
    if row is not None:
        for before in (AnswerState.OPEN, AnswerState.UNANSWERED):
            await move_seats(unit, row.occurrence_id, row.branch_id, AnswerState.NOT_OFFERED, before=before)


async def offer_again(unit: Writing, card: CardId) -> None:
    """Ask the members of a card's branch after all."""
    row = await unit.first(select(cards).where(cards.c.id == card))
    if row is not None:
        await move_seats(unit, row.occurrence_id, row.branch_id, AnswerState.OPEN, before=AnswerState.NOT_OFFERED)
