"""学时 in private: what the roll and the record prove, to oneself alone, whichever entry it was written to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from content.decision import Words
from content.erasure import PersonErased
from content.hours import Counts, Entry, Form, HoursRecorded, HoursTakenBack, LearningCounted, Line
from content.identifiers import HoursId, MemberId
from content.members import MemberChanged
from content.settings import SettingChosen
from storage import hours, members
from storage.holdings import collect
from storage.hours import learning_entries
from storage.outbox import outbox
from storage.phrases import load_words
from storage.retention import Swept
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    EAST_ROOM,
    LI,
    NOON,
    ROLL,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    HandClock,
    SmallBranch,
    account,
    message,
    private_room,
)


def by_hand(member: MemberId, form: Form, hundredths: int, *, name: str = "x") -> HoursRecorded:
    one = Entry(
        id=HoursId(f"{member}{name}"),
        member=member,
        on=NOON.date(),
        title="培训班",
        form=form,
        hundredths=hundredths,
        reason="结业证",
        by=SECRETARY,
        at=NOON,
    )
    return HoursRecorded(member=member, hours=one)


async def learner(branch: SmallBranch, who: MemberId = ZHANG) -> hours.Learner:
    async def look(unit: Reading) -> hours.Learner:
        found = await members.by_ids(unit, [who])
        (one,) = await hours.learners(unit, found, year=2026, today=NOON.date())
        return one

    return await branch.store.read(look)


async def told(branch: SmallBranch, who: MemberId = ZHANG) -> Words:
    rows = await branch.rows(outbox.c.user_id == account(who))
    return load_words(rows[-1].words)


async def test_a_lesson_is_learned_alone_and_an_event_counts_once_somebody_says_so(branch: SmallBranch) -> None:
    """STU-6."""
    lesson, roll = await branch.open(), await branch.open(ROLL)
    for one in (lesson, roll):
        await branch.answer(one, ZHANG)
    before = await learner(branch)
    assert ([one.form for one in before.credits], before.total.counted) == ([Form.ALONE], 0)
    for at in (roll, lesson):
        counts = Counts(form=Form.TOGETHER, hundredths=150)
        await branch.store.settle(notes=[LearningCounted(occurrence=at, organisation=ROOF, counts=counts)])
    assert (await learner(branch)).total.counted == 300
    assert (await learner(branch, LI)).credits == (), "who took no part learned nothing"
    await branch.store.settle(notes=[LearningCounted(occurrence=roll, organisation=ROOF, counts=None)])
    assert (await learner(branch)).total.counted == 150


async def test_it_is_said_in_private_wherever_it_was_asked(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[by_hand(ZHANG, Form.TRAINING, 800), by_hand(ZHANG, Form.ALONE, 1000, name="y")])
    for text, room in (("學時", EAST_ROOM), ("hours", private_room(ZHANG))):
        await branch.hear(message(account(ZHANG), text, room_id=room))
        said = await told(branch)
        first = said.parameters["lines"][0]  # type: ignore[index]
        assert isinstance(first, Words)
        assert first.key == "hours.mine_of"
        assert (first.parameters["counted"], first.parameters["alone"], first.parameters["line"]) == ("8", "10", 32)
    rows = await branch.rows(outbox.c.room_id == EAST_ROOM)
    assert [row for row in rows if row.words] == []


async def test_the_line_is_that_of_the_organisation_and_of_who_is_above_it(branch: SmallBranch) -> None:
    for place, value in ((ROOF, "40"), (EAST, "24")):
        await branch.store.settle(notes=[SettingChosen(organisation=place, name=Line.MEMBER, value=value)])
    assert [(await learner(branch, one)).line for one in (ZHANG, LI)] == [24, 24]
    moved = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert moved is not None
    await branch.store.settle(notes=[by_hand(ZHANG, Form.TRAINING, 800)])
    await branch.store.settle(notes=[MemberChanged(member=replace(moved, organisation=WEST))])
    after = await learner(branch)
    assert (after.line, after.total.counted) == (40, 800), "hours go with their person"


async def test_entries_that_became_one_are_one_person_and_count_the_same_roll_once(branch: SmallBranch) -> None:
    roll = await branch.open(ROLL)
    for who in (ZHANG, WANG):
        await branch.answer(roll, who)
    counts = Counts(form=Form.TOGETHER, hundredths=100)
    await branch.store.settle(notes=[LearningCounted(occurrence=roll, organisation=ROOF, counts=counts)])
    await branch.store.settle(notes=[by_hand(WANG, Form.TRAINING, 400)])
    double = await branch.store.read(lambda unit: members.member(unit, WANG))
    assert double is not None
    gone = replace(double, merged_into=ZHANG, left=NOON, user=None)
    await branch.store.settle(notes=[MemberChanged(member=gone)])
    assert (await learner(branch)).total.counted == 500


async def test_what_is_taken_back_counts_no_more_and_stays_to_be_seen(branch: SmallBranch) -> None:
    entered = by_hand(ZHANG, Form.TRAINING, 800)
    await branch.store.settle(notes=[entered])
    back = HoursTakenBack(member=ZHANG, hours=entered.hours.id, by=SECRETARY, at=NOON)
    await branch.store.settle(notes=[back])
    assert (await learner(branch)).credits == ()
    held = await branch.store.read(lambda unit: collect(unit, account(ZHANG)))
    (row,) = next(one for one in held if one.name == "learning_entries").rows
    assert (row["hundredths"], row["taken_back_by"], row["recorded_by"]) == ("8", SECRETARY, SECRETARY)


async def test_erasing_takes_ones_entries_and_the_name_from_those_of_others(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[by_hand(ZHANG, Form.TRAINING, 800), by_hand(LI, Form.TRAINING, 800)])
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG), SECRETARY), at=NOON)
    await branch.store.settle(notes=[erased])
    rows = await branch.store.read(lambda unit: unit.rows(select(learning_entries)))
    assert [(row.member_id, row.recorded_by) for row in rows] == [(LI, "")]


@pytest.mark.parametrize(("days", "left"), [(3 * 365 - 2, 1), (3 * 365 + 2, 0)])
async def test_they_are_forgotten_with_the_answers_of_that_time(
    branch: SmallBranch, clock: HandClock, days: int, left: int
) -> None:
    await branch.store.settle(notes=[by_hand(ZHANG, Form.TRAINING, 800)])
    await branch.store.settle(notes=[Swept(at=clock.forward(days=days))])
    assert len(await branch.store.read(lambda unit: unit.rows(select(learning_entries)))) == left
