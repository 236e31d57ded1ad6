"""Pledges are numbered in their branch, stay the organisation's when their people are erased, and forget who asked."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from content.decision import Decision
from content.erasure import PersonErased
from content.identifiers import EventId, OrganisationId, PledgeEntryId, PledgeId, PledgeQuestionId
from content.pledge_questions import PledgeQuestionAnswered, PledgeQuestioned, Question, Stand, ask
from content.pledges import Entry, Party, Pledge, PledgeChanged, PledgeMade, PledgeProgressed, Sort
from storage import holdings, pledge_questions, pledges
from tests.small_branch import EAST, LI, NOON, ROOF, SECRETARY, WANG, WEST, ZHANG, HandClock, SmallBranch, account

TODAY = date(2026, 7, 1)


def pledge(number: int, place: OrganisationId = EAST, due: date = TODAY) -> Pledge:
    return Pledge(
        id=PledgeId(f"{place}-{number}"),
        organisation=place,
        number=number,
        party=Party.PERSON,
        person=ZHANG,
        owner=ZHANG,
        matter="给站台加装扶手",
        measure="",
        due=due,
        due_set=TODAY,
        updated=TODAY,
    )


def question(one: Pledge, id: str = "q") -> Question:
    return Question(
        id=PledgeQuestionId(id),
        pledge=one.id,
        number=1,
        text="什么时候装",
        asked_at=NOON,
        member=LI,
        event=EventId("$q"),
    )


async def test_numbers_belong_to_a_branch_and_are_given_once(branch: SmallBranch) -> None:
    assert await branch.store.read(lambda unit: pledges.next_number(unit, EAST)) == 1
    made = [PledgeMade(pledge=one, by=SECRETARY, at=NOON) for one in (pledge(1), pledge(2), pledge(1, WEST))]
    await branch.store.settle(notes=made)
    assert await branch.store.read(lambda unit: pledges.next_number(unit, EAST)) == 3
    found = await branch.store.read(lambda unit: pledges.numbered(unit, WEST, 1))
    assert found == pledge(1, WEST)
    assert await branch.store.read(lambda unit: pledges.visible(unit, [WEST], PledgeId("east-1"))) is None
    assert len(await branch.store.read(lambda unit: pledges.of_roots(unit, [ROOF], limit=9))) == 3
    past = date(2026, 7, 2)
    assert await branch.store.read(lambda unit: pledges.number_overdue(unit, [EAST], past)) == 2


async def test_a_question_is_late_after_a_week_or_at_once_where_nobody_can_be_asked(
    branch: SmallBranch, clock: HandClock
) -> None:
    first, second = pledge(1), replace(pledge(2), owner=None)
    made = [PledgeMade(pledge=one, by=SECRETARY, at=NOON) for one in (first, second)]
    asked = [PledgeQuestioned(question=question(one, id), pledge=one.id) for one, id in ((first, "a"), (second, "b"))]
    await branch.store.settle(notes=[*made, *asked])

    async def late() -> list[int]:
        return [
            await branch.store.read(lambda unit, place=place: pledge_questions.number_late(unit, [place]))  # type: ignore[misc]
            for place in (EAST, WEST)
        ]

    assert await late() == [1, 0]
    clock.now = NOON + timedelta(days=7, seconds=1)
    assert await late() == [2, 0]
    answered = replace(question(first, "a"), stand=Stand.ANSWERED, answer="好")
    await branch.store.settle(notes=[PledgeQuestionAnswered(question=answered, pledge=first.id)])
    assert await late() == [1, 0]


async def test_an_erased_owner_leaves_the_pledge_and_its_history_without_a_name(branch: SmallBranch) -> None:
    one = pledge(1)
    entry = Entry(
        id=PledgeEntryId("e"),
        pledge=one.id,
        sort=Sort.PROGRESS,
        on=TODAY,
        at=NOON,
        note="到货",
        percent=60,
        by=account(ZHANG),
    )
    answered = PledgeQuestionAnswered(question=question(one), pledge=one.id)
    await branch.store.settle(
        notes=[
            PledgeMade(pledge=one, by=account(ZHANG), at=NOON),
            PledgeProgressed(pledge=one, entry=entry),
            PledgeQuestioned(question=question(one), pledge=one.id),
            answered,
        ]
    )
    told = {
        section.name: section
        for section in await branch.store.read(lambda unit: holdings.collect(unit, account(ZHANG)))
    }
    assert len(told["pledges"].rows) == 1
    assert len(told["pledge_entries"].rows) == 1
    await branch.store.settle(notes=[PersonErased(members=(ZHANG,), accounts=(account(ZHANG),), at=NOON)])
    kept = await branch.store.read(lambda unit: pledges.pledge(unit, one.id))
    assert kept is not None
    assert (kept.owner, kept.person, kept.matter) == (None, None, one.matter)
    (line,) = await branch.store.read(lambda unit: pledges.history(unit, [one.id]))
    assert (line.by, line.note) == (None, "到货")
    dump = await branch.everything()
    assert "张明" not in dump
    assert account(ZHANG) not in dump


async def test_what_an_erased_person_asked_is_gone(branch: SmallBranch) -> None:
    one = pledge(1)
    await branch.store.settle(
        notes=[
            PledgeMade(pledge=one, by=SECRETARY, at=NOON),
            PledgeQuestioned(question=question(one), pledge=one.id),
        ]
    )
    told = {
        section.name: section for section in await branch.store.read(lambda unit: holdings.collect(unit, account(LI)))
    }
    assert len(told["pledge_questions"].rows) == 1
    await branch.store.settle(notes=[PersonErased(members=(LI,), accounts=(account(LI),), at=NOON)])
    assert await branch.store.read(lambda unit: pledge_questions.questions(unit, [one.id])) == ()
    stale = PledgeChanged(pledge=replace(one, matter="别的"))
    await branch.store.settle(notes=[stale])
    kept = await branch.store.read(lambda unit: pledges.pledge(unit, one.id))
    assert kept is not None
    asking = ask(
        kept,
        "装几处",
        id=PledgeQuestionId("next"),
        member=WANG,
        user=account(WANG),
        event=EventId("$next"),
        held=(),
        owner=None,
        owner_free=False,
        signed=None,
        now=NOON,
    )
    assert isinstance(asking, Decision)
    (fact,) = asking.facts
    assert isinstance(fact, PledgeQuestioned)
    assert fact.question.number == 2, "the number of what is gone is not given again"
