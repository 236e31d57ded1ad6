"""Who has a place in what is open: frozen when it opens, moved between states and days, given up and forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, update

from content.checkins import State
from content.identifiers import MemberId, OccurrenceId, OrganisationId
from content.occurrences import (
    Card,
    OccurrenceClosed,
    OccurrenceMissed,
    OccurrenceOpened,
    OccurrenceRevived,
    Seat,
    SeatGivenUp,
    SeatTaken,
    SessionLeftOut,
)
from content.occurrences import State as OccurrenceState
from content.schedules import OccurrenceRestored
from content.series import SeriesResumed
from storage.checkins import answers, cards, expectations
from storage.schedules import occurrences, sessions_beside, write_day
from storage.tallies import count, count_no_more, count_on, tallies
from storage.unit import AnyRow, Writing

_PORTION = 500
"""How many members one question names."""


async def write_opened(unit: Writing, fact: OccurrenceOpened) -> None:
    """Freeze the audience and place the cards."""
    await unit.add(cards, [_card_row(fact.occurrence, card) for card in fact.cards])
    await _give_up_elsewhere(unit, fact.occurrence, [seat.member for seat in (*fact.seats, *fact.unreached)])
    seats = [(seat.member, seat.branch) for seat in fact.seats]
    await _seat(unit, fact.occurrence, seats, State.OPEN)
    unreached = [(seat.member, seat.branch) for seat in fact.unreached]
    await _seat(unit, fact.occurrence, unreached, State.NOT_OFFERED)


async def write_missed(unit: Writing, fact: OccurrenceMissed | SessionLeftOut) -> None:
    """Record that nobody was offered it, or that those are left out who had no other session."""
    await _give_up_elsewhere(unit, fact.occurrence, [seat.member for seat in fact.seats])
    seats = [(seat.member, seat.branch) for seat in fact.seats]
    await _seat(unit, fact.occurrence, seats, State.NOT_OFFERED)


async def write_seat_taken(unit: Writing, fact: SeatTaken) -> None:
    """Give a place in an open session to who came to it instead of theirs."""
    await _give_up_elsewhere(unit, fact.occurrence, [fact.member])
    await _seat(unit, fact.occurrence, [(fact.member, fact.branch)], State.OPEN)


async def write_seat_given_up(unit: Writing, fact: SeatGivenUp) -> None:
    """Take away the place of who answers nothing any more where they had only come, and ask them in their own session.

    What they had answered and taken back goes with it: without a place nobody would ever forget it.
    """
    await unit.settled()
    here = (expectations.c.occurrence_id == fact.occurrence, expectations.c.member_id == fact.member)
    open_here = (*here, expectations.c.state == State.OPEN)
    place = await unit.first(select(expectations.c.branch_id, expectations.c.local_date).where(*open_here))
    if place is None:
        return
    await unit.execute(
        answers.delete().where(answers.c.member_id == fact.member, answers.c.occurrence_id == fact.occurrence)
    )
    await unit.execute(expectations.delete().where(*open_here))
    await count(unit, {(fact.occurrence, place.branch_id, place.local_date, State.OPEN): -1})
    if fact.instead is not None:
        await _seat(unit, fact.instead, [(fact.member, fact.branch)], State.OPEN)


async def _give_up_elsewhere(unit: Writing, occurrence: OccurrenceId, people: Sequence[MemberId]) -> None:
    """Let people give up the places in other sessions of a lesson in which nothing was offered to them."""
    beside = [one.id for one in await sessions_beside(unit, occurrence)]
    if not beside:
        return
    await unit.settled()
    changes: Counter[tuple[str, str, date, State]] = Counter()
    for start in range(0, len(people), _PORTION):
        here = (
            expectations.c.occurrence_id.in_(beside),
            expectations.c.state == State.NOT_OFFERED,
            expectations.c.member_id.in_(people[start : start + _PORTION]),
        )
        place = (expectations.c.occurrence_id, expectations.c.branch_id, expectations.c.local_date)
        for row in await unit.rows(select(*place).where(*here)):
            changes[row.occurrence_id, row.branch_id, row.local_date, State.NOT_OFFERED] -= 1
        await unit.execute(expectations.delete().where(*here))
    await count(unit, changes)


async def write_revived(unit: Writing, fact: OccurrenceRevived | OccurrenceRestored) -> None:
    """Forget the audience to which nothing was offered; it is frozen anew when the occurrence opens."""
    await _forget_places(unit, fact.occurrence)


async def _forget_places(unit: Writing, occurrence: OccurrenceId) -> None:
    await count_no_more(unit, occurrence)
    await unit.execute(expectations.delete().where(expectations.c.occurrence_id == occurrence))


async def write_resumed(unit: Writing, fact: SeriesResumed) -> None:
    """Forget the same of each session that is planned again."""
    planned = select(occurrences.c.id).where(
        occurrences.c.schedule_id == fact.schedule, occurrences.c.state == OccurrenceState.PLANNED
    )
    for row in await unit.rows(select(tallies.c.occurrence_id).where(tallies.c.occurrence_id.in_(planned)).distinct()):
        await _forget_places(unit, row.occurrence_id)


async def _seat(
    unit: Writing, occurrence: OccurrenceId, seats: list[tuple[MemberId, OrganisationId]], state: State
) -> None:
    day = await unit.value(select(occurrences.c.local_date).where(occurrences.c.id == occurrence))
    await unit.add(
        expectations,
        [
            {
                "occurrence_id": occurrence,
                "member_id": member,
                "branch_id": branch,
                "local_date": day,
                "state": state,
            }
            for member, branch in seats
        ],
    )
    number_of = Counter(branch for _, branch in seats)
    await count(unit, {(occurrence, branch, day, state): number for branch, number in sorted(number_of.items())})


def _card_row(occurrence: OccurrenceId, card: Card) -> dict[str, str]:
    return {"id": card.id, "occurrence_id": occurrence, "room_id": card.room, "branch_id": card.branch}


async def write_closed(unit: Writing, fact: OccurrenceClosed) -> None:
    """Turn what is still open into unanswered."""
    await move_seats(unit, fact.occurrence, None, State.UNANSWERED)


async def move_seats(
    unit: Writing,
    occurrence: OccurrenceId,
    branch: OrganisationId | None,
    after: State,
    *,
    before: State = State.OPEN,
) -> None:
    """Move everyone who is in one state, of one branch or of all, to another."""
    where = [expectations.c.occurrence_id == occurrence, expectations.c.state == before]
    held = tallies.c[before.value]
    which = [tallies.c.occurrence_id == occurrence, held > 0]
    if branch is not None:
        where.append(expectations.c.branch_id == branch)
        which.append(tallies.c.branch_id == branch)
    await unit.execute(update(expectations).where(*where).values(state=after))
    await unit.settled()
    changes: dict[tuple[str, str, date, State], int] = {}
    counted = select(tallies.c.branch_id, tallies.c.local_date, held.label("number"))
    for row in await unit.rows(counted.where(*which)):
        place = (occurrence, row.branch_id, row.local_date)
        changes[*place, before], changes[*place, after] = -row.number, row.number
    await count(unit, changes)


async def move_day(unit: Writing, occurrence: OccurrenceId, on: date) -> None:
    """Let what was opened count on another local date, and in the month of that."""
    await count_on(unit, occurrence, on)
    await unit.execute(update(expectations).where(expectations.c.occurrence_id == occurrence).values(local_date=on))
    await write_day(unit, occurrence, on)


async def seat_more(unit: Writing, occurrence: OccurrenceId, joined: Sequence[Seat], gone: Sequence[MemberId]) -> None:
    """Seat who has come since an audience was frozen, and ask nothing more of who has left and had not answered."""
    seated = select(expectations).where(
        expectations.c.occurrence_id == occurrence, expectations.c.member_id.in_([seat.member for seat in joined])
    )
    there = {row.member_id: row for row in await unit.rows(seated)} if joined else {}
    for row in there.values():
        if row.state == State.NOT_OFFERED:
            await _reseat(unit, row, State.NOT_OFFERED, State.OPEN)
    new = [(seat.member, seat.branch) for seat in joined if seat.member not in there]
    await _seat(unit, occurrence, new, State.OPEN)
    left = select(expectations).where(
        expectations.c.occurrence_id == occurrence,
        expectations.c.member_id.in_(list(gone)),
        expectations.c.state == State.OPEN,
    )
    for row in await unit.rows(left) if gone else ():
        await _reseat(unit, row, State.OPEN, State.NOT_OFFERED)


async def _reseat(unit: Writing, row: AnyRow, before: State, after: State) -> None:
    own = (expectations.c.occurrence_id == row.occurrence_id) & (expectations.c.member_id == row.member_id)
    await unit.execute(update(expectations).where(own).values(state=after, note=None))
    place = (row.occurrence_id, row.branch_id, row.local_date)
    await count(unit, {(*place, before): -1, (*place, after): +1})
