"""The year of a branch as the database knows it, on both engines: evidence from every source, norms, and numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bot.meetings import beginning
from content import unannounced as rules
from content.cadence import OFF, Label
from content.identifiers import LessonId, OrganisationId, TaskId, TermId, UnannouncedId
from content.lectures import Lecture, Session
from content.lessons import Kind, Lesson, LessonWritten
from content.notices import Form
from content.resolutions import Resolution, ResolutionRecorded, Task, TaskAssigned, TaskDone
from content.roll_calls import Mark
from content.schedules import LessonsScheduled
from content.settings import SettingChosen
from content.structure import OrganisationDated
from content.terms import CommitteeElected, Seat, Term
from content.unannounced import Unannounced, UnannouncedRecorded
from content.year import Pair, Source, Standing
from content.year import State as Stretch
from storage import cadence, organisations, unannounced, year_totals
from storage.cadence import Held, Seen
from tests.schedules_once import once
from tests.small_branch import EAST, EAST_GROUP, LI, NOON, ROOF, SECRETARY, WANG, WEST, ZHANG, SmallBranch
from tests.storage.test_meetings import BEGINS, call, meeting

TODAY = date(2026, 7, 1)


async def year(branch: SmallBranch, node: OrganisationId = EAST, today: date = TODAY) -> Seen:
    async def look(unit: Any) -> Seen:
        found = await organisations.organisation(unit, node)
        assert found is not None
        (seen,) = await cadence.years(unit, [found], year=2026, today=today)
        return seen

    return await branch.store.read(look)


async def held_of(branch: SmallBranch, node: OrganisationId) -> dict[Form, Held]:
    async def look(unit: Any) -> dict[Form, Held]:
        found = await organisations.organisation(unit, node)
        assert found is not None
        return (await cadence.table(unit, [found]))[node]

    return await branch.store.read(look)


def by_hand(**more: Any) -> Unannounced:
    usual: dict[str, Any] = {
        "id": UnannouncedId("hand"),
        "organisation": EAST,
        "form": Form.ASSEMBLY,
        "held_on": date(2026, 3, 5),
        "title": "第一次支部党员大会",
        "why": "有纸质记录",
        "due": 3,
        "present": 2,
    }
    return Unannounced(**(usual | more))


async def enter(branch: SmallBranch, one: Unannounced) -> None:
    fact = UnannouncedRecorded(organisation=one.organisation, meeting=one, by=SECRETARY, at=NOON)
    await branch.store.settle(notes=[fact])


async def test_a_line_holds_as_the_nearest_organisation_above_has_set_it(branch: SmallBranch) -> None:
    """CAD-12: inherited, with who has set it."""
    roof = [("cadence_assembly", "2-quarter"), ("cadence_lecture", "2-year")]
    chosen = [SettingChosen(organisation=ROOF, name=name, value=value) for name, value in roof]
    await branch.store.settle(notes=[*chosen, SettingChosen(organisation=EAST, name="cadence_lecture", value=OFF)])
    east, west = await held_of(branch, EAST), await held_of(branch, WEST)
    assert (east[Form.LECTURE].norm, east[Form.LECTURE].source) == (None, EAST)
    norm = west[Form.LECTURE].norm
    assert norm is not None
    assert (norm.count, norm.label, west[Form.LECTURE].source) == (2, Label.LOCAL, ROOF)
    assembly, talk = east[Form.ASSEMBLY], east[Form.TALK]
    assert assembly.norm is not None
    assert (assembly.norm.label, assembly.source, talk.source) == (Label.OWN, ROOF, None)


async def test_what_held_before_a_line_was_changed_is_known_where_it_was_changed_and_below(branch: SmallBranch) -> None:
    def choose(place: OrganisationId, value: str | None) -> SettingChosen:
        return SettingChosen(organisation=place, name="cadence_committee", value=value)

    async def former(place: OrganisationId) -> list[tuple[date, str | None]]:
        line = (await held_of(branch, place))[Form.COMMITTEE]
        return [(one.until, one.norm and f"{one.norm.count}-{one.norm.every}") for one in line.former]

    await branch.store.settle(notes=[choose(ROOF, "2-month")])
    day = branch.clock.now.date()
    assert await former(EAST) == [(day, "1-month")]
    branch.clock.forward(hours=24 * 10)
    await branch.store.settle(notes=[choose(EAST, "1-quarter")])
    later = branch.clock.now.date()
    assert await former(EAST) == [(day, "1-month"), (later, "2-month")]
    assert await former(WEST) == [(day, "1-month")]
    await branch.store.settle(notes=[choose(EAST, None)])
    assert await former(EAST) == [(day, "1-month")], "what was undone on the same day was nothing"
    branch.clock.forward(hours=24)
    await branch.store.settle(notes=[choose(ROOF, None)])
    assert await former(WEST) == [(day, "1-month"), (branch.clock.now.date(), "2-month")]


async def test_the_founding_day_of_a_branch_and_of_its_groups_is_known_to_its_year(branch: SmallBranch) -> None:
    await branch.store.settle(
        notes=[
            OrganisationDated(organisation=EAST, founded=date(2026, 3, 1)),
            OrganisationDated(organisation=EAST_GROUP, founded=date(2026, 5, 1)),
        ]
    )
    place = (await year(branch)).place
    assert (place.founded, place.closed, place.groups_founded) == (
        date(2026, 3, 1),
        None,
        {EAST_GROUP: date(2026, 5, 1)},
    )


async def test_a_meeting_is_evidence_from_its_notice_until_it_is_called_off(branch: SmallBranch) -> None:
    called = await call(branch, meeting())
    column = (await year(branch)).columns[0]
    (found,) = column.cells[6].evidence
    assert (found.source, found.id, found.on, found.standing) == (
        Source.MEETING,
        called.id,
        date(2026, 7, 4),
        Standing.PLANNED,
    )
    assert column.stretches[2].state is Stretch.SCHEDULED
    branch.clock.now = BEGINS
    await branch.store.settle([beginning(called.id)])
    held = (await year(branch, today=date(2026, 7, 5))).columns[0]
    assert held.stretches[2].state is Stretch.DONE
    assert (await year(branch, WEST)).columns[0].cells[6].evidence == ()


async def test_a_talk_counts_by_the_committee_that_is_recorded(branch: SmallBranch) -> None:
    """CAD-9."""
    seats = (Seat(member=ZHANG, post="书记"), Seat(member=LI, post="委员"))
    term = Term(id=TermId("term"), organisation=EAST, elected_on=date(2025, 1, 1), years=3, seats=seats)
    await branch.store.settle(notes=[CommitteeElected(term=term)])
    await call(branch, meeting(Form.TALK, named=(WANG,), chair=ZHANG))
    columns = {column.form: column for column in (await year(branch)).columns}
    assert columns[Form.TALK].cells[6].evidence[0].pairs == {Pair.MIXED}
    assert [tally.planned for tally in columns[Form.TALK].stretches[0].tallies] == [0, 1, 0]
    assert not columns[Form.COMMITTEE].asked, "two who sit are no committee of three"


async def test_a_party_lecture_that_is_announced_above_counts_in_each_branch(branch: SmallBranch) -> None:
    begins = NOON + timedelta(days=40)
    lecture = Lecture(speaker="陈老师", sessions=(Session(begins=begins, place="礼堂"),), party=True)
    lesson = Lesson(id=LessonId("talk"), owner=ROOF, kind=Kind.LECTURE, title="读懂党章", body="", lecture=lecture)
    rule, planned = once(lesson.id, ROOF, NOON)
    notes = [
        LessonWritten(lesson=lesson, author=SECRETARY),
        LessonsScheduled(schedule=rule, planned=(planned,), author=SECRETARY),
    ]
    await branch.store.settle(notes=notes)
    for node in (EAST, WEST):
        (found,) = (await year(branch, node)).columns[3].cells[7].evidence
        assert (found.source, found.id, found.on) == (Source.LECTURE, planned.id, date(2026, 8, 10))
    await branch.let_open(planned.id)
    branch.clock.now = begins
    (found,) = (await year(branch, today=date(2026, 8, 10))).columns[3].cells[7].evidence
    assert found.standing is Standing.HELD


async def test_what_is_entered_by_hand_counts_until_it_is_taken_back(branch: SmallBranch) -> None:
    await enter(branch, by_hand())
    await enter(branch, by_hand(id=UnannouncedId("group"), form=Form.GROUP, organisation=EAST_GROUP))
    seen = await year(branch)
    assert [one.id for one in seen.columns[0].cells[2].evidence] == ["hand"]
    assert [one.place for one in seen.columns[2].cells[2].evidence] == [EAST_GROUP]
    found = await branch.store.read(lambda unit: unannounced.visible(unit, "hand", [ROOF], []))
    assert found == by_hand()
    assert await branch.store.read(lambda unit: unannounced.visible(unit, "hand", [WEST], [])) is None
    taken = rules.take_back(found, now=NOON)
    await branch.store.settle(notes=list(taken.facts))  # type: ignore[union-attr]
    assert (await year(branch)).columns[0].cells[2].evidence == ()


async def test_what_is_said_of_a_talk_is_for_who_sees_members_by_name(branch: SmallBranch) -> None:
    await enter(branch, by_hand(form=Form.TALK, pair=Pair.MIXED))
    assert await branch.store.read(lambda unit: unannounced.visible(unit, "hand", [ROOF], [])) is None
    assert await branch.store.read(lambda unit: unannounced.visible(unit, "hand", [ROOF], [EAST])) is not None


async def test_the_year_in_numbers_counts_places_decisions_and_tasks(branch: SmallBranch) -> None:
    """Of one entered by hand people count only where both were written: due without present is no empty room."""
    called = await call(branch, meeting())
    branch.clock.now = BEGINS
    await branch.store.settle([beginning(called.id)])
    await branch.answer(called.id, ZHANG)
    await branch.answer(called.id, LI, leave="倒班")
    first, second = (Resolution(id=name, text=name, at=BEGINS) for name in ("first", "second"))  # type: ignore[arg-type]
    corrected = Resolution(id="third", text="third", at=BEGINS, replaces=first.id)  # type: ignore[arg-type]
    recorded = [
        ResolutionRecorded(occurrence=called.id, resolution=one, by=SECRETARY) for one in (first, second, corrected)
    ]
    tasks = [
        Task(id=TaskId(name), occurrence=called.id, member=WANG, text=name, due_on=date(2026, 8, 1))
        for name in ("one", "two")
    ]
    asked = [TaskAssigned(task=task, by=SECRETARY) for task in tasks]
    done = TaskDone(occurrence=called.id, task=tasks[0].id, on=date(2026, 7, 9))
    await branch.store.settle(notes=[*recorded, *asked, done])
    await enter(branch, by_hand())
    await enter(branch, by_hand(id=UnannouncedId("uncounted"), present=None))
    await enter(branch, by_hand(id=UnannouncedId("unknown"), due=None))
    found = await branch.store.read(lambda unit: year_totals.totals(unit, [ROOF], year=2026, timezone="Asia/Shanghai"))
    (one,) = (each for each in found if each.form is Form.ASSEMBLY)
    assert (one.held, one.due, one.resolutions, one.tasks, one.done) == (4, 6, 2, 2, 1)
    assert one.attendance == {Mark.PRESENT: 3, Mark.LEAVE: 1, Mark.SILENT: 1}
    months = await branch.store.read(
        lambda unit: year_totals.meetings_by_month(unit, [ROOF], year=2026, timezone="Asia/Shanghai")
    )
    assert months == {7: {Form.ASSEMBLY: 1}}
    other = await branch.store.read(lambda unit: year_totals.totals(unit, [ROOF], year=2025, timezone="Asia/Shanghai"))
    assert {each.held for each in other} == {0}


async def test_a_meeting_held_as_two_forms_at_once_counts_once_as_each(branch: SmallBranch) -> None:
    """CAD-8."""
    await enter(branch, by_hand(form=Form.LIFE, together=True))
    await enter(branch, by_hand(id=UnannouncedId("alone"), form=Form.LIFE))
    found = await branch.store.read(lambda unit: year_totals.totals(unit, [ROOF], year=2026, timezone="Asia/Shanghai"))
    held = {one.form: (one.held, one.due) for one in found}
    assert (held[Form.LIFE], held[Form.REVIEW], held[Form.ASSEMBLY]) == ((2, 6), (1, 3), (0, 0))


async def test_a_meeting_counts_in_the_month_of_the_clock_on_the_wall(branch: SmallBranch) -> None:
    first = NOON.replace(month=8, day=1, hour=0) - timedelta(hours=7)
    called = await call(branch, meeting(begins_at=first))
    branch.clock.now = first
    await branch.store.settle([beginning(called.id)])

    async def counted(timezone: str) -> Any:
        return await branch.store.read(
            lambda unit: year_totals.meetings_by_month(unit, [ROOF], year=2026, timezone=timezone)
        )

    assert await counted("Asia/Shanghai") == {8: {Form.ASSEMBLY: 1}}
    assert await counted("UTC") == {7: {Form.ASSEMBLY: 1}}
