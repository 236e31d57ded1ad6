"""The outbox as the organiser's desk and the operator's export show it: rows with what they are about and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from content.identifiers import CardId, OutboxId, PollId, RoomId, UserId
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from storage.checkins import cards
from storage.lessons import lessons
from storage.members import members
from storage.organisations import organisations, within
from storage.outbox import Kind, State, outbox
from storage.polls import polls
from storage.schedules import SHOWN_TITLE, occurrences
from storage.unit import AnyRow, Query, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of the outbox as the organiser's desk shows it."""

    id: OutboxId
    kind: Kind
    state: State
    room: RoomId | None
    user: UserId | None
    card: CardId | None
    poll: PollId | None
    part: int
    title: str | None
    branch_name: str | None
    not_before: datetime
    made_at: datetime
    done_at: datetime | None
    failures: int
    error: str | None
    over: bool
    """Whether it is a card or a poll whose time is over, so that sending it would ask for what no longer counts."""


def _scoped(query: Query, roots: Iterable[str], private: Iterable[str] | None = None) -> Query:
    """Keep cards and polls of the subtrees, and private answers to members of ``private``, by default the same ones.

    Answers to people who are nobody's members are shown to none.
    """
    roots = list(roots)
    return query.where(
        within(cards.c.branch_id, roots)  # type: ignore[arg-type]
        | within(polls.c.organisation_id, roots)  # type: ignore[arg-type]
        | within(outbox.c.organisation_id, roots)  # type: ignore[arg-type]
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
        .outerjoin(
            organisations,
            organisations.c.id == func.coalesce(cards.c.branch_id, polls.c.organisation_id, outbox.c.organisation_id),
        )
        .outerjoin(members, members.c.user_id == outbox.c.user_id)
    )


def _item(row: AnyRow) -> Item:
    return Item(
        id=row.id,
        kind=Kind(row.kind),
        state=State(row.state),
        room=row.room_id,
        user=row.user_id,
        card=row.card_id,
        poll=row.poll_id,
        part=row.part,
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
