"""Series on both engines: a rule is read as it was written, replanned in one go, and continued without an end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from msgspec.structs import replace

from content.identifiers import ScheduleId
from content.occurrences import OccurrenceHeld, OccurrenceRevived
from content.recurrences import OffDays, Recurrence
from content.reviews import Stage
from content.schedules import LessonsScheduled, Schedule, materialise
from content.series import Scope, Series, continued, decide, moved, replan
from content.settings import SECOND_PAIR, YES, SettingChosen
from content.structure import OrganisationMoved
from content.workdays import calendar
from storage import falling_due, schedules, series
from tests.small_branch import EAST, EAST_GROUP, LESSON, NOON, ROOF, SECRETARY, WEST, HandClock, SmallBranch

KNOWN = calendar()
RULE = Schedule(
    id=ScheduleId("series"),
    owner=ROOF,
    audience=ROOF,
    lessons=(LESSON,),
    recurrence=Recurrence.WEEKLY,
    start=date(2026, 7, 3),
    at=time(9),
    timezone="Asia/Shanghai",
    window=timedelta(hours=2),
    late=None,
    weekdays=frozenset({4, 5}),
    count=0,
    every=2,
    off_days=OffDays.NEXT,
    on_days=(1, 3),
)


async def read(branch: SmallBranch) -> Series:
    found = await branch.store.read(lambda unit: series.series(unit, RULE.id))
    assert found is not None
    return found


async def plan(branch: SmallBranch, rule: Schedule = RULE) -> Series:
    planned = materialise(rule, KNOWN, until=rule.start + timedelta(days=20))
    await branch.store.settle(notes=[LessonsScheduled(schedule=rule, planned=planned, author=SECRETARY)])
    return await read(branch)


async def test_a_rule_is_read_as_it_was_written_and_changed(branch: SmallBranch) -> None:
    found = await plan(branch)
    assert found.schedule == RULE
    assert [f"{one.planned.local_date:%m-%d}" for one in found.standing] == ["07-03", "07-06", "07-17", "07-20"]
    id = found.standing[1].planned.id
    changes = moved(
        found,
        id,
        scope=Scope.FOLLOWING,
        on=date(2026, 7, 17),
        at=time(10),
        window=RULE.window,
        late=timedelta(minutes=30),
        known=KNOWN,
    )
    assert changes is not None
    wanted = replan(found, changes, known=KNOWN, now=NOON)
    answer = decide(found, wanted, by=SECRETARY, now=NOON)
    await branch.store.settle(notes=answer.facts)  # type: ignore[union-attr]
    there = await read(branch)
    assert there.schedule.changes == changes
    assert there.former == ()
    assert not replan(there, changes, known=KNOWN, now=NOON).differences
    back = decide(there, replan(there, (), known=KNOWN, now=NOON), by=SECRETARY, now=NOON, back=True)
    await branch.store.settle(notes=back.facts)  # type: ignore[union-attr]
    again = await read(branch)
    assert (again.former, again.schedule) == (None, RULE)
    before = {one.planned for one in found.standing}
    assert before <= {one.planned for one in again.standing}


async def test_of_a_stretch_of_time_what_stands_in_it_is_read_and_no_more(branch: SmallBranch) -> None:
    found = await plan(branch)
    since, until = (datetime(2026, 7, day, tzinfo=UTC) for day in (6, 18))

    async def read_between(since: datetime, until: datetime) -> tuple[Series, ...]:
        return await branch.store.read(lambda unit: series.stretches(unit, [ROOF], since=since, until=until, limit=5))

    (part,) = await read_between(since, until)
    assert part == replace(found, standing=found.standing[1:3])
    assert await read_between(until + timedelta(days=30), until + timedelta(days=60)) == ()


async def test_a_rule_without_end_goes_on_and_an_ended_one_does_not(branch: SmallBranch, clock: HandClock) -> None:
    await plan(branch)
    clock.forward(days=30)
    (found,) = await branch.store.read(series.unfinished)
    answer = continued(found, known=KNOWN, now=clock.now)
    assert answer is not None
    for _ in range(2):  # Any number of processes may do it.
        await branch.store.settle(notes=answer.facts)
    there = await read(branch)
    assert len(there.standing) == len({one.planned.meant for one in there.standing}) > 8
    assert continued(there, known=KNOWN, now=clock.now) is None


async def test_of_a_series_that_is_due_twice_only_the_newest_goes_out(branch: SmallBranch, clock: HandClock) -> None:
    rule = replace(RULE, recurrence=Recurrence.WORKDAYS, every=1, late=timedelta(days=6))
    found = await plan(branch, rule)
    clock.now = found.standing[2].planned.due_at
    for one in found.standing[:3]:
        await branch.let_open(one.planned.id)
    roots = [ROOF]
    entries = (await branch.store.read(lambda unit: schedules.calendar(unit, roots)))[:3]
    assert [(entry.occurrence.state, entry.reason) for entry in entries] == [
        ("missed", "overtaken"),
        ("missed", "overtaken"),
        ("open", None),
    ]


async def test_of_what_quiet_hours_held_only_the_newest_goes_out(branch: SmallBranch, clock: HandClock) -> None:
    rule = replace(RULE, recurrence=Recurrence.WORKDAYS, every=1, late=timedelta(days=6))
    held = [one.planned.id for one in (await plan(branch, rule)).standing[:3]]
    until = (await read(branch)).standing[2].planned.due_at + timedelta(hours=1)
    await branch.store.settle(notes=[OccurrenceHeld(occurrence=id, until=until) for id in held])
    clock.now = until
    due = await branch.store.read(lambda unit: falling_due.due(unit, clock.now))
    assert [id for id, _ in due] == held
    for id in held:
        await branch.let_open(id)
    assert [(await branch.occurrence(id)).state for id in held] == ["missed", "missed", "open"]


async def test_of_what_was_sent_after_all_everything_goes_out(branch: SmallBranch, clock: HandClock) -> None:
    found = await plan(branch, replace(RULE, recurrence=Recurrence.WORKDAYS, every=1))
    sent = [one.planned.id for one in found.standing[:2]]
    clock.now = found.standing[1].planned.due_at + timedelta(days=1)
    for id in sent:
        await branch.let_open(id)
    await branch.store.settle(notes=[OccurrenceRevived(occurrence=id, at=clock.now) for id in sent])
    for id in sent:
        await branch.let_open(id)
    assert [(await branch.occurrence(id)).state for id in sent] == ["open", "open"]


async def test_what_does_not_go_out_itself_overtakes_nothing(branch: SmallBranch, clock: HandClock) -> None:
    for guessed, review, expected in (
        (True, Stage.APPROVED, ("open", None)),
        (False, Stage.WAITING, ("missed", "not_approved")),
    ):
        rule = replace(RULE, id=ScheduleId(f"guessed{guessed}"), late=timedelta(days=6))
        first, second = materialise(rule, KNOWN, until=rule.start + timedelta(days=3))
        planned = (first, replace(second, provisional=guessed))
        told = LessonsScheduled(schedule=rule, planned=planned, author=SECRETARY, review=review)
        await branch.store.settle(notes=[told])
        clock.now = second.due_at
        await branch.let_open(first.id)
        entry = await branch.store.read(partial(schedules.entry, id=first.id))
        assert entry is not None
        assert (entry.occurrence.state, entry.reason) == expected


async def test_a_rule_with_an_end_is_looked_at_until_all_of_it_is_planned(
    branch: SmallBranch, clock: HandClock
) -> None:
    await plan(branch, replace(RULE, count=5))
    for _ in range(2):
        clock.forward(days=14)
        for found in await branch.store.read(series.unfinished):
            answer = continued(found, known=KNOWN, now=clock.now)
            await branch.store.settle(notes=answer.facts if answer is not None else ())
    assert len((await read(branch)).standing) == 5
    assert await branch.store.read(series.unfinished) == ()


async def test_what_moves_below_a_node_that_wants_a_second_pair_waits_and_what_moves_away_goes_on(
    branch: SmallBranch,
) -> None:
    one = await branch.plan(audience=EAST_GROUP, due=NOON + timedelta(days=1))
    await branch.store.settle(notes=[SettingChosen(organisation=WEST, name=SECOND_PAIR, value=YES)])
    for parent, expected in ((EAST, True), (WEST, False), (EAST, True)):
        await branch.store.settle(notes=[OrganisationMoved(organisation=EAST_GROUP, parent=parent)])
        entry = await branch.store.read(partial(schedules.entry, id=one))
        assert entry is not None
        assert entry.occurrence.approved is expected
