"""What is on its way to many rooms, how fast messages went out lately, and until when nothing is let in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import case, func, select

from content.identifiers import OrganisationId
from content.pace import LOOKED_AT, Broadcast
from storage.checkins import cards
from storage.lessons import lessons
from storage.organisations import within
from storage.outbox import BROADCAST, Kind, State, outbox
from storage.polls import polls
from storage.schedules import SHOWN_TITLE, occurrences
from storage.tables import Instant
from storage.unit import Query, Reading

NEWEST = 400
"""How many of the newest messages the pace is measured by."""

_WAITING = (State.PENDING, State.LEASED)
_SENDING_NOTHING = (Kind.JOIN, Kind.DECLINE, Kind.INVITE, Kind.MAKE, Kind.MEND, Kind.REMOVE, Kind.SUCCEED)


async def sent_lately(unit: Reading) -> tuple[datetime, ...]:
    """Return when messages went out lately."""
    newest = (
        select(outbox.c.done_at)
        .where(outbox.c.state == State.SENT, outbox.c.event_id.is_not(None))
        .order_by(outbox.c.number.desc())
        .limit(NEWEST)
    )
    rows = await unit.rows(newest)
    return tuple(row.done_at for row in rows if row.done_at is not None and row.done_at > unit.now - LOOKED_AT)


async def closed_until(unit: Reading) -> datetime | None:
    """Return until when the homeserver asked us to send nothing, as far as that lies ahead."""
    query = select(func.max(outbox.c.not_before, type_=Instant)).where(
        outbox.c.state == State.PENDING,
        outbox.c.not_before > unit.now,
        outbox.c.last_error.like("limited%"),
        outbox.c.kind.not_in(_SENDING_NOTHING),
    )
    return await unit.value(query)  # type: ignore[no-any-return]


async def broadcasts(unit: Reading, roots: Iterable[str], *, limit: int = 20) -> tuple[Broadcast, ...]:
    """Return what has not reached all its rooms yet in the subtrees, what goes out first at the beginning."""
    top = [OrganisationId(root) for root in roots]
    left = func.sum(case((outbox.c.state.in_(_WAITING), 1), else_=0))
    last = func.max(case((outbox.c.state.in_(_WAITING), outbox.c.number), else_=0))
    begun = outbox.c.not_before <= unit.now
    counted = (left.label("left"), last.label("last"), func.count().label("total"))
    of_cards = (
        select(occurrences.c.id, SHOWN_TITLE, *counted)
        .select_from(outbox)
        .join(cards, cards.c.id == outbox.c.card_id)
        .join(occurrences, occurrences.c.id == cards.c.occurrence_id)
        .join(lessons, lessons.c.id == occurrences.c.lesson_id)
        .where(outbox.c.kind == Kind.POST, within(cards.c.branch_id, top), cards.c.occurrence_id.in_(_on_the_way()))
        .group_by(occurrences.c.id, occurrences.c.sent_title, lessons.c.title)
    )
    of_polls = (
        select(polls.c.id, polls.c.question.label("title"), *counted)
        .select_from(outbox)
        .join(polls, polls.c.id == outbox.c.poll_id)
        .where(outbox.c.kind == Kind.POLL, outbox.c.state.in_(_WAITING), within(polls.c.organisation_id, top))
        .group_by(polls.c.id, polls.c.question)
    )
    found = [row for query in (of_cards, of_polls) for row in await unit.rows(query) if row.left]
    lines = []
    for row in sorted(found, key=lambda one: (one.last, one.id))[:limit]:
        before = (
            select(func.count())
            .select_from(outbox)
            .where(
                outbox.c.state.in_(_WAITING),
                outbox.c.priority <= BROADCAST,
                outbox.c.number <= row.last,
                outbox.c.kind.not_in(_SENDING_NOTHING),
                begun | outbox.c.last_error.like("limited%"),
            )
        )
        ahead = int(await unit.value(before))
        lines.append(Broadcast(id=row.id, title=row.title, total=row.total, left=row.left, ahead=max(ahead, row.left)))
    return tuple(lines)


def _on_the_way() -> Query:
    waiting = (
        select(cards.c.occurrence_id)
        .join(outbox, outbox.c.card_id == cards.c.id)
        .where(outbox.c.state.in_(_WAITING), outbox.c.kind == Kind.POST)
    )
    return waiting.distinct()
