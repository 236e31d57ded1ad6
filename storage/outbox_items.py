"""The outbox as the organiser's desk and the operator's export show it: rows with what they are about and where."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, exists, func, select, union

from content.identifiers import CardId, OrganisationId, OutboxId, PollId, RoomId, UserId
from content.occurrences import State as OccurrenceState
from content.polls import State as PollState
from storage.audit import audit
from storage.checkins import cards
from storage.lessons import lessons
from storage.members import members
from storage.organisations import FEW, breadth, each_within, organisations, within
from storage.outbox import DISCREET, HELD, Kind, State, outbox
from storage.polls import polls
from storage.schedules import SHOWN_TITLE, occurrences
from storage.unit import AnyRow, Query, Reading


class Item(Struct, frozen=True, kw_only=True):
    """A row of the outbox as the organiser's desk shows it."""

    id: OutboxId
    cause: str
    traced: bool
    """Whether the record names this cause: that of what somebody did without a name leads to their own message."""
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
    urgent: str | None
    """Why it went out in quiet hours all the same."""

    def held_at(self, now: datetime) -> bool:
        """Tell whether quiet hours hold it, and nothing that went wrong."""
        return self.state is State.PENDING and self.kind in HELD and self.not_before > now and self.error is None


def is_listed() -> Any:
    """Return the condition on what may be listed: all but what is discreet, of which there is a number alone.

    Not its id either, which anybody can work out who knows to whom it may have gone.
    """
    return func.coalesce(outbox.c.subject, "") != DISCREET


async def _scope(unit: Reading, roots: Iterable[str], private: Iterable[str] | None = None) -> Any:
    """Return the condition on what is the subtrees', and on private answers to members of ``private``.

    ``private`` are by default the same subtrees. Answers to people who are nobody's members are shown to none. Of few
    organisations the rows are found from what is theirs, of many by walking the outbox until enough is found.
    """
    top = [OrganisationId(root) for root in roots]
    people = top if private is None else [OrganisationId(root) for root in private]
    own = select(cards.c.id).where(within(cards.c.branch_id, top))
    asked = select(polls.c.id).where(within(polls.c.organisation_id, top))
    known = select(members.c.user_id).where(within(members.c.organisation_id, people))
    if await breadth(unit, top) <= FEW:
        rows = select(outbox.c.number)
        theirs = (
            rows.where(outbox.c.card_id.in_(own)),
            rows.where(outbox.c.poll_id.in_(asked)),
            rows.where(within(outbox.c.organisation_id, top)),
            rows.where(outbox.c.user_id.in_(known.where(members.c.user_id.is_not(None)))),
        )
        return outbox.c.number.in_(union(*theirs))
    return (
        own.where(cards.c.id == outbox.c.card_id).exists()
        | asked.where(polls.c.id == outbox.c.poll_id).exists()
        | each_within(outbox.c.organisation_id, top)
        | known.where(members.c.user_id == outbox.c.user_id).exists()
    )


def _items() -> Query:
    return (
        select(
            outbox,
            func.coalesce(SHOWN_TITLE.element, polls.c.question).label("title"),
            organisations.c.name.label("branch_name"),
            occurrences.c.state.label("occurrence_state"),
            polls.c.state.label("poll_state"),
            exists().where(audit.c.cause == outbox.c.cause).label("traced"),
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
        cause=row.cause,
        traced=bool(row.traced),
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
        urgent=row.urgent,
    )


async def items(
    unit: Reading,
    roots: Iterable[str],
    *,
    states: Iterable[State],
    private: Iterable[str] | None = None,
    before: OutboxId | None = None,
    limit: int = 100,
) -> tuple[Item, ...]:
    """Return rows of the subtrees in these states, newest first, those older than the row ``before`` where it is given.

    Of private answers only those to members of the subtrees ``private``, where not all members may be seen by name.
    """
    shown = await _scope(unit, roots, private)
    found = select(outbox.c.number).where(shown, is_listed(), outbox.c.state.in_(list(states)))
    if before is not None:
        last = select(outbox.c.number).where(outbox.c.id == before).scalar_subquery()
        found = found.where(outbox.c.number < last)
    numbers = [row.number for row in await unit.rows(found.order_by(outbox.c.number.desc()).limit(limit))]
    if not numbers:
        return ()
    rows = await unit.rows(_items().where(outbox.c.number.in_(numbers)).order_by(outbox.c.number.desc()))
    return tuple(_item(row) for row in rows)


async def every_item(unit: Reading) -> tuple[Item, ...]:
    """Return all rows that may be listed, oldest first; for the operator, whose scope is the whole installation."""
    return tuple(_item(row) for row in await unit.rows(_items().where(is_listed()).order_by(outbox.c.number)))


async def item(unit: Reading, roots: Iterable[str], id: OutboxId) -> Item | None:  # noqa: A002
    """Return one row, if it belongs to the subtrees."""
    row = await unit.first(_items().where(outbox.c.id == id, is_listed(), await _scope(unit, roots)))
    return _item(row) if row else None


async def number(
    unit: Reading,
    roots: Iterable[str],
    *,
    states: Iterable[State],
    private: Iterable[str] | None = None,
    most: int,
) -> int:
    """Return how many rows items would find in these states without a limit, counted up to ``most`` and no further."""
    shown = await _scope(unit, roots, private)
    found = select(outbox.c.number).where(shown, is_listed(), outbox.c.state.in_(list(states)))
    return int(await unit.value(select(func.count()).select_from(found.limit(most).subquery())) or 0)


def failed_unlisted(roots: Iterable[str]) -> Any:
    """Return the condition on what is listed nowhere and could not be sent to the subtrees' members."""
    top = [OrganisationId(root) for root in roots]
    known = select(members.c.user_id).where(within(members.c.organisation_id, top), members.c.user_id.is_not(None))
    failed = outbox.c.state.in_([State.FAILED, State.EXPIRED])
    return and_(failed, outbox.c.subject == DISCREET, outbox.c.user_id.in_(known))


async def unlisted_failures(unit: Reading, roots: Iterable[str]) -> int:
    """Return how many there are of these."""
    found = select(outbox.c.number).where(failed_unlisted(roots))
    return int(await unit.value(select(func.count()).select_from(found.subquery())) or 0)
