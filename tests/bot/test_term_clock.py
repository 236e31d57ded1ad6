"""A committee hears once that its term ends, in its own room, however long the bot was away."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot import terms
from content.identifiers import RoomId, TermId
from content.rooms import Purpose, Room, RoomKept
from content.terms import CommitteeElected, Seat, Term
from storage import outbox
from storage.phrases import load_words
from tests.small_branch import EAST, ZHANG, HandClock, SmallBranch

COMMITTEE = RoomId("!committee:test")
TERM = Term(
    id=TermId("term"),
    organisation=EAST,
    elected_on=date(2023, 12, 20),
    years=3,
    seats=(Seat(member=ZHANG, post="书记"),),
)
DAY = datetime(2026, 6, 20, 1, tzinfo=UTC)
"""Nine o'clock in Shanghai, half a year before the term ends."""


async def elect(branch: SmallBranch, years: int = 3) -> None:
    term = Term(id=TERM.id, organisation=EAST, elected_on=TERM.elected_on, years=years, seats=TERM.seats)
    await branch.store.settle(notes=[CommitteeElected(term=term)])


async def make_room(branch: SmallBranch) -> None:
    room = Room(id=COMMITTEE, organisation=EAST, purpose=Purpose.COMMITTEE, name="支委会", encrypted=False)
    await branch.store.settle(notes=[RoomKept(room=room)])


async def look(branch: SmallBranch, now: datetime) -> list[tuple[str, str]]:
    """Look as the clock does, and return everything that rooms were told so far: where, and of which end."""
    branch.clock.now = now
    await terms.remind(branch.store, now, "https://console.test")
    rows = await branch.rows(outbox.outbox.c.kind == outbox.Kind.SAY)
    lines = [load_words(row.words).parameters["lines"][0] for row in rows]  # type: ignore[index]
    return [(row.room_id, str(line.parameters["day"])) for row, line in zip(rows, lines, strict=True)]  # type: ignore[union-attr]


@pytest.fixture
async def ending(branch: SmallBranch) -> SmallBranch:
    """Give the small branch a committee with a room, whose term ends on 20 December 2026."""
    await elect(branch)
    await make_room(branch)
    return branch


async def test_it_is_told_once_in_the_committees_room_and_nowhere_else(ending: SmallBranch, clock: HandClock) -> None:
    """ORG-8."""
    assert await look(ending, DAY - timedelta(minutes=1)) == []
    for later in (timedelta(0), timedelta(hours=1), timedelta(days=100), timedelta(days=400)):
        assert await look(ending, DAY + later) == [(COMMITTEE, "2026-12-20")]
    assert await ending.told() == [], "nobody is told in private"


async def test_what_fell_due_while_the_bot_was_away_is_told_when_it_is_back(ending: SmallBranch) -> None:
    assert await look(ending, DAY + timedelta(days=60)) == [(COMMITTEE, "2026-12-20")]


async def test_a_term_that_is_put_right_is_reckoned_anew(ending: SmallBranch) -> None:
    await look(ending, DAY)
    await elect(ending, years=5)
    told = [(COMMITTEE, "2026-12-20")]
    assert await look(ending, DAY + timedelta(days=1)) == told, "its end is years away by now"
    again = datetime(2028, 6, 20, 1, tzinfo=UTC)
    assert await look(ending, again) == [*told, (COMMITTEE, "2028-12-20")]


async def test_a_committee_whose_room_is_made_later_hears_it_then(branch: SmallBranch) -> None:
    await elect(branch)
    assert await look(branch, DAY) == []
    await make_room(branch)
    assert await look(branch, DAY + timedelta(days=3)) == [(COMMITTEE, "2026-12-20")]
