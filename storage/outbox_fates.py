"""What became of a row of the outbox: sent, heard back, put off, given up, tried again or taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update

from content.checkins import State as AnswerState
from content.decision import Secret, Words
from content.identifiers import CardId, UserId
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from storage.checkins import cards
from storage.outbox import (
    DISCREET,
    MESSAGES,
    Cancelled,
    Claimed,
    DiscreetRetried,
    Echoed,
    GivenUp,
    Hastened,
    Kind,
    Postponed,
    Retried,
    Sent,
    State,
    outbox,
)
from storage.outbox_items import failed_unlisted
from storage.outbox_queries import shown_at
from storage.phrases import load_words, save_words
from storage.polls import polls
from storage.prepared import Prepared
from storage.schedules import occurrences
from storage.seats import move_seats
from storage.unit import Writing
from storage.vault import Unreadable, Vault


def _held(claimed: Claimed) -> Any:
    return and_(outbox.c.id == claimed.id, outbox.c.claim_no == claimed.claim_no, outbox.c.state == State.LEASED)


def _day(at: datetime) -> datetime:
    """Return when a day began, which is all that is kept of when something discreet was said."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


_SENT = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.claim_no == bindparam("claim"), outbox.c.state == State.LEASED)
    .values(state=State.SENT, event_id=bindparam("event"), done_at=bindparam("at"), words=None, last_error=None)
)


_SENT_ON_A_DAY = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.claim_no == bindparam("claim"), outbox.c.state == State.LEASED)
    .values(
        state=State.SENT,
        event_id=bindparam("event"),
        words=None,
        last_error=None,
        lease_until=None,
        **{time: bindparam("at") for time in ("done_at", "made_at", "not_before", "first_try_at")},
    )
)
"""What stays of something discreet so that a reply finds its matter: the day, and no time of it."""

_DISCREETLY_SENT = Prepared(
    outbox.delete().where(
        outbox.c.id == bindparam("row"),
        outbox.c.claim_no == bindparam("claim"),
        outbox.c.state == State.LEASED,
        or_(outbox.c.matter_id.is_(None), outbox.c.kind != Kind.TELL),
    )
)
"""To whom something discreet was said, and when, is nowhere once it is said: a list of them would name voters.

What asks about a matter stays without its words, listed nowhere, so that a reply to it finds the matter.
"""


async def write_sent(unit: Writing, fact: Sent) -> None:
    """Mark a row as sent, unless another worker has taken it over; its words are no longer needed."""
    if fact.claimed.subject == DISCREET:
        await unit.change_later(_DISCREETLY_SENT, {"row": fact.claimed.id, "claim": fact.claimed.claim_no})
        if fact.claimed.kind is Kind.TELL:
            about = {"row": fact.claimed.id, "claim": fact.claimed.claim_no, "event": fact.event_id}
            await unit.change_later(_SENT_ON_A_DAY, {**about, "at": _day(fact.at)})
        return
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
    """End a row with its reason, and everything that was to follow it; a card that never came was not offered.

    Of what is discreet the day stays, and no time of it.
    """
    ended: dict[str, Any] = {"state": State.FAILED, "done_at": fact.at, "last_error": fact.error}
    after: dict[str, Any] = dict(ended)
    if fact.claimed.subject == DISCREET:
        day = _day(fact.at)
        ended |= {"lease_until": None} | dict.fromkeys(("done_at", "made_at", "not_before", "first_try_at"), day)
        after |= dict.fromkeys(("done_at", "made_at", "not_before"), day)
    changed = await unit.execute(update(outbox).where(_held(fact.claimed)).values(**ended))
    if changed:
        waiting = outbox.c.after_id == fact.claimed.id
        if fact.claimed.kind is Kind.FOLLOW:
            waiting |= and_(outbox.c.card_id == fact.claimed.card, outbox.c.kind == Kind.FOLLOW)
        if fact.claimed.subject == DISCREET:
            # What is asked about a picture waits for it in turn.
            behind = select(outbox.c.id).where(outbox.c.after_id == fact.claimed.id, outbox.c.kind == Kind.PICTURE)
            waiting |= outbox.c.after_id.in_(behind)
        await unit.execute(
            update(outbox).where(waiting, outbox.c.state == State.PENDING, outbox.c.poll_id.is_(None)).values(**after)
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

    A card or a poll whose time is over stays where it is: it would ask for answers that no longer count. A poll begins
    now, or when it was to begin where that is still to come.
    """
    row = await unit.first(select(outbox).where(outbox.c.id == fact.id))
    if row is None or (row.kind == Kind.POST and not await _asks(unit, row.card_id)):
        return
    which, begins = outbox.c.id == fact.id, fact.at
    if row.kind == Kind.POLL:
        poll = await unit.first(select(polls.c.state, polls.c.opened_at).where(polls.c.id == row.poll_id))
        if poll is None or poll.state != PollState.OPEN:
            return
        begins = max(poll.opened_at, fact.at)
        unshown = update(polls).where(polls.c.id == row.poll_id, polls.c.event_id.is_(None))
        await unit.execute(unshown.values(opened_at=begins))
    if row.kind in MESSAGES:
        which = and_(outbox.c.card_id == row.card_id, outbox.c.kind.in_(MESSAGES))
        if row.kind == Kind.FOLLOW and not await _asks(unit, row.card_id):
            which = and_(outbox.c.card_id == row.card_id, outbox.c.kind == Kind.FOLLOW)
            if await shown_at(unit, row.card_id) is None:
                return
    await unit.execute(
        update(outbox)
        .where(which, outbox.c.state.in_([State.FAILED, State.EXPIRED, State.CANCELLED]))
        .values(state=State.PENDING, not_before=begins, expires_at=None, failures=0, last_error=None, done_at=None)
    )
    if row.kind == Kind.POST:
        await offer_again(unit, row.card_id)


async def write_hastened(unit: Writing, fact: Hastened) -> None:
    """Let what quiet hours hold go now; a poll begins now too."""
    held = (outbox.c.id == fact.id, outbox.c.state == State.PENDING, outbox.c.not_before > fact.at)
    row = await unit.first(select(outbox.c.kind, outbox.c.poll_id).where(*held))
    if row is None:
        return
    await unit.execute(update(outbox).where(*held).values(not_before=fact.at, urgent=fact.reason))
    if row.kind == Kind.POLL:
        await unit.execute(update(polls).where(polls.c.id == row.poll_id).values(opened_at=fact.at))


async def write_discreet_retried(unit: Writing, fact: DiscreetRetried) -> None:
    """Put what is listed nowhere back into the queue; what leads nowhere any more, with its code, is let go."""
    columns = (outbox.c.number, outbox.c.cause, outbox.c.lane, outbox.c.words)
    rows = await unit.rows(select(*columns).where(failed_unlisted(fact.roots)).order_by(outbox.c.number))
    over = {(row.cause, row.lane) for row in rows if not row.words or _is_over(load_words(row.words), fact.at)}
    for state in (State.PENDING, State.CANCELLED):
        which = [row.number for row in rows if ((row.cause, row.lane) in over) is (state is State.CANCELLED)]
        change = update(outbox).where(outbox.c.number == bindparam("which"))
        values: dict[str, Any] = {"state": state}
        if state is State.PENDING:
            values |= {"not_before": fact.at, "expires_at": None, "failures": 0, "last_error": None, "done_at": None}
        if which:
            await unit.execute(change.values(**values), [{"which": number} for number in which])


def _is_over(said: Words, at: datetime) -> bool:
    """Tell whether the time that something names has passed."""
    return any(isinstance(value, datetime) and value <= at for value in said.parameters.values())


async def _asks(unit: Writing, card: CardId) -> bool:
    state = await unit.value(
        select(occurrences.c.state).join(cards, cards.c.occurrence_id == occurrences.c.id).where(cards.c.id == card)
    )
    return bool(state == OccurrenceState.OPEN)


async def drop_questions(unit: Writing, user: UserId) -> None:
    """Let go what a person was still to be asked with a picture: what comes next must not arrive before it."""
    await unit.settled()
    behind = or_(outbox.c.kind == Kind.PICTURE, and_(outbox.c.kind == Kind.TELL, outbox.c.after_id.is_not(None)))
    waiting = outbox.c.state.in_([State.PENDING, State.FAILED])
    mine = and_(outbox.c.lane == f"user:{user}", outbox.c.subject == DISCREET)
    await unit.execute(outbox.delete().where(mine, waiting, behind))


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


async def rewrap(unit: Writing, new: Vault) -> int:
    """Seal under another master key what is sealed in words that wait, or could not be said; return in how many rows.

    What was sealed under a key that is gone stays as it is: nobody opens it.
    """
    await unit.settled()
    number = 0
    columns = (outbox.c.number, outbox.c.id, outbox.c.user_id, outbox.c.words)
    for row in await unit.rows(select(*columns).where(outbox.c.words.is_not(None)).order_by(outbox.c.number)):
        if not row.words:
            continue
        where = (row.id, row.user_id or "")
        try:
            said = load_words(row.words, unit.vault, *where)
        except Unreadable:
            continue
        if _has_secret(said):
            number += 1
            words = save_words(said, new, *where)
            await unit.execute(update(outbox).where(outbox.c.number == row.number).values(words=words))
    return number


def _has_secret(said: Words) -> bool:
    return any(
        isinstance(one, Secret) or (isinstance(one, tuple) and any(_has_secret(line) for line in one))
        for one in said.parameters.values()
    )
