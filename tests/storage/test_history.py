"""History that was there before a migration is counted as if it had been counted all along, on both engines."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

from alembic import command
from sqlalchemy import Connection, text

from bot.clock import opening
from content.checkins import State
from content.decision import Decision
from content.identifiers import EventId, OccurrenceId, OrganisationId
from content.occurrences import OccurrenceRevived
from content.participation import share
from storage import outbox_queries, participation
from storage.engines import WRITE, open_engine
from storage.migrate import alembic_config
from storage.outbox import Kind
from storage.participation import Period
from storage.retention import DELIVERED, Swept
from storage.store import Step, Store
from tests.small_branch import EAST, NOON, ZHANG, HandClock, SmallBranch, fresh_cause

FIRST_DAY = date(2024, 1, 17)
BRANCHES, MEMBERS, HELD = 3, 4, 40


def fill(connection: Connection) -> None:
    """Make tables as they were at revision 0002, with two years of answers in them."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
    dice = random.Random(5)

    def put(table: str, **values: object) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)

    at = "2024-01-01 00:00:00"
    for branch in range(BRANCHES):
        name = f"b{branch}"
        put("organisations", id=name, kind="branch", name=name, timezone="UTC", language="en", place=branch)
        put("organisation_closure", ancestor_id=name, descendant_id=name, depth=0)
        for member in range(MEMBERS):
            empty = dict.fromkeys(("gender", "joined", "full_since", "phone", "post", "position", "status", "note"), "")
            put("members", id=f"{name}m{member}", organisation_id=name, name="张明", category="", **empty)
    put("lessons", id="l", owner_id="b0", kind="lesson", title="一", pack="", revision=1, author="a", written_at=at)
    rule = {"start": "2024-01-01", "at": "08:00:00", "timezone": "UTC", "weekdays": "[]", "count": 1, "author": "a"}
    times = {"window_minutes": 60, "late_minutes": 10}
    put(
        "schedules",
        id="s",
        owner_id="b0",
        audience_id="b0",
        lessons="[]",
        recurrence="once",
        made_at=at,
        **rule,
        **times,
    )
    for number in range(HELD):
        day = str(FIRST_DAY + timedelta(days=17 * number))
        place = {"schedule_id": "s", "audience_id": "b0", "lesson_id": "l", "slot": 0}
        put("occurrences", id=f"o{number}", local_date=day, due_at=f"{day} 00:00:00", state="closed", **place, **times)
        for branch in range(BRANCHES):
            counts: dict[str, int] = {}
            for member in range(MEMBERS):
                state = dice.choice(list(State)).value
                counts[state] = counts.get(state, 0) + 1
                seat = {"occurrence_id": f"o{number}", "branch_id": f"b{branch}", "state": state}
                put("expectations", member_id=f"b{branch}m{member}", **seat)
            for state, found in {**counts, "open": counts.get("open", 0)}.items():
                put("tallies", occurrence_id=f"o{number}", branch_id=f"b{branch}", state=state, number=found)


async def test_what_was_there_before_is_dated_and_counted_by_month(empty_address: str, clock: HandClock) -> None:
    engine = open_engine(empty_address)
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITE)
        async with connection.begin():
            await connection.run_sync(fill)
    await engine.dispose()
    branch = SmallBranch(await Store.open(empty_address, clock), clock)
    assert await branch.tallied() == await branch.counted()
    assert await branch.summed() == await branch.recounted()
    assert len({month for _, month, _ in await branch.summed()}) > 20
    roots = [OrganisationId(f"b{number}") for number in range(BRANCHES)]
    for since, until in ((None, None), (date(2024, 2, 1), date(2025, 1, 31)), (date(2024, 2, 3), date(2025, 3, 9))):
        period = Period(since=since, until=until)
        export = await branch.store.read(lambda unit, period=period: participation.lines(unit, roots, period))
        for root in roots:
            counted: dict[State, int] = {}
            for line in export:
                if line.organisation == root:
                    counted[line.state] = counted.get(line.state, 0) + 1
            seen = await branch.store.read(lambda unit, period=period: participation.by_branch(unit, roots, period))
            assert seen[root] == share(counted)
    await branch.store.close()


async def test_that_an_answer_was_sent_is_forgotten_in_time_and_the_card_with_its_edits_is_not(
    branch: SmallBranch, clock: HandClock
) -> None:
    id = await branch.open()
    await branch.send_all()
    await branch.answer(id, ZHANG)
    await branch.send_all()
    clock.forward(seconds=10)
    await branch.send_all()
    card = await branch.card(id)
    kinds = [row.kind for row in await branch.rows()]
    assert {Kind.POST, Kind.TELL, Kind.EDIT} == set(kinds)
    clock.forward(seconds=(DELIVERED - timedelta(days=1)).total_seconds())
    await branch.store.settle(notes=[Swept(at=clock.now)])
    assert [row.kind for row in await branch.rows()] == kinds
    clock.forward(days=2)
    await branch.store.settle(notes=[Swept(at=clock.now)])
    left = await branch.rows()
    assert {row.kind for row in left} == {Kind.POST, Kind.EDIT}
    event = EventId(next(row.event_id for row in left if row.card_id == card))
    assert await branch.store.read(lambda unit: outbox_queries.by_event(unit, event)) == card
    assert clock.now > NOON


async def test_what_is_revived_in_a_batch_leaves_no_counts_behind(branch: SmallBranch, clock: HandClock) -> None:
    due = clock.now
    ids = [await branch.plan(due=due), await branch.plan(due=due, audience=EAST)]
    clock.forward(hours=3)
    await branch.store.settle([opening(id, due) for id in ids])
    assert await branch.tallied() == await branch.counted() != Counter()

    def reviving(id: OccurrenceId) -> Step:
        async def decide(_unit: object) -> Decision:
            return Decision(facts=(OccurrenceRevived(occurrence=id, at=clock.now),))

        return Step(cause=fresh_cause(), decide=decide)

    await branch.store.settle([reviving(id) for id in ids])
    assert await branch.tallied() == await branch.counted() == Counter()
    assert await branch.summed() == await branch.recounted() == Counter()
