"""Merging and moving people while something is voted on gives nobody two votes or none, nor leaves them unanswered."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from content import ballots as rules
from content.decision import Decision, Refusal
from content.edits import Places, merge
from content.elections import Election
from content.identifiers import MemberId, OrganisationId, PaperElectionId, SelectionId, SurveyId
from content.members import MemberChanged, MemberLeft
from content.model_members import Selection, SelectionCalled, SelectionEnded
from content.paper_elections import ElectionFixed, ElectionPrepared, ElectionVoided, PaperElection
from content.questions import Question, Sort
from content.surveys import Survey, SurveyCancelled, SurveyDrafted, SurveyOpened
from storage import ballots, members, organisations, running_votes
from storage.unit import Reading
from tests.sealed_ballots import ID, closing, draft, open_voting, paper, roll, stand, take, vote
from tests.small_branch import EAST, NOON, ROOF, SECRETARY, WEST, ZHANG, HandClock, SmallBranch, fresh_cause

FIRST = roll()[0].member


async def resting(branch: SmallBranch, id: MemberId, *roots: OrganisationId) -> tuple[str, ...]:
    async def read(unit: Reading) -> tuple[str, ...]:
        found = await members.member(unit, id)
        assert found is not None
        return await running_votes.resting_on(unit, found, roots or (ROOF,))

    return await branch.store.read(read)


async def test_an_entry_on_the_roll_of_a_running_ballot_is_not_merged_away(
    branch: SmallBranch, clock: HandClock
) -> None:
    """Else its person would have the vote of the other entry too, or none; until the close, and of tellers too."""
    await draft(branch.store)
    for id in (FIRST, MemberId("teller2")):
        assert await resting(branch, id) == ("先进推荐",)
        assert await resting(branch, id, WEST) == ("",), "what stands elsewhere is not named"
    assert await resting(branch, ZHANG) == ()
    await open_voting(branch.store)
    await vote(branch.store, FIRST, paper("a+"))

    async def decide(unit: Reading) -> Decision | Refusal:
        kept, other = await members.member(unit, ZHANG), await members.member(unit, FIRST)
        assert kept is not None
        assert other is not None
        return merge(
            kept,
            other,
            taken=(),
            places=Places(await organisations.tree(unit)),
            cause=fresh_cause(),
            by=SECRETARY,
            now=unit.now,
            running=await running_votes.resting_on(unit, other, (ROOF,)),
        )

    answer = await branch.store.read(decide)
    assert isinstance(answer, Refusal)
    assert answer.words.key == "edits.double_in_votes"
    assert [one.parameters["title"] for one in answer.words.parameters["titles"]] == ["先进推荐"]  # type: ignore[union-attr]
    await take(branch.store, "cancel", lambda one, _: rules.cancel(one))
    assert isinstance(await branch.store.read(decide), Decision)


async def test_what_is_chosen_counted_or_asked_keeps_its_entries_until_it_is_over(
    branch: SmallBranch, clock: HandClock
) -> None:
    """A selection keeps everyone of its place, so that nobody learns who has nominated or objected."""
    chosen = Selection(
        id=SelectionId("s"),
        organisation=EAST,
        title="树榜样",
        places=1,
        nominate_until=NOON + timedelta(days=3),
        timezone="Asia/Shanghai",
    )
    counted = PaperElection(
        id=PaperElectionId("p"),
        organisation=EAST,
        title="换届",
        election=Election(candidates=("c1",), seats=1, contested=False),
        candidates=(rules.Candidate(id="c1", member=None, name="某"),),
        held_on=date(2026, 7, 1),
    )
    asked = Survey(
        id=SurveyId("q"),
        organisation=EAST,
        title="意见",
        questions=(Question(id="q1", sort=Sort.OPEN, text="?"),),
        by="",
        closes_at=NOON + timedelta(days=1),
        timezone="Asia/Shanghai",
    )
    begun = [
        (SelectionCalled(selection=chosen, author=SECRETARY), SelectionEnded(selection=chosen.id, organisation=EAST)),
        (
            ElectionFixed(
                paper=counted.id, organisation=EAST, roll=(rules.Elector(member=ZHANG),), eligible=frozenset()
            ),
            ElectionVoided(paper=counted.id, organisation=EAST, why="改期"),
        ),
        (SurveyOpened(survey=asked.id, people=(ZHANG,)), SurveyCancelled(survey=asked.id)),
    ]
    await branch.store.settle(
        notes=[ElectionPrepared(paper=counted, author=SECRETARY), SurveyDrafted(survey=asked, author=SECRETARY)]
    )
    for (start, end), title in zip(begun, ("树榜样", "换届", "意见"), strict=True):
        assert await resting(branch, ZHANG) == ()
        await branch.store.settle(notes=[start])
        assert await resting(branch, ZHANG) == (title,)
        await branch.store.settle(notes=[end])
    assert await resting(branch, ZHANG) == ()


async def test_who_moves_to_another_branch_has_the_one_vote_that_the_roll_gives_them(
    branch: SmallBranch, clock: HandClock
) -> None:
    """The roll is fixed: a transfer takes no vote away and gives none, and who has left casts no more."""
    await draft(branch.store)
    await open_voting(branch.store)
    for member in (one.member for one in roll()[:5]):
        await vote(branch.store, member, paper("a+"))
    moved = await branch.store.read(lambda unit: members.member(unit, FIRST))
    assert moved is not None
    await branch.store.settle(notes=[MemberChanged(member=replace(moved, organisation=WEST))])
    assert [one.id for one in await branch.store.read(lambda unit: ballots.open_to(unit, FIRST))] == [ID]
    await vote(branch.store, FIRST, paper("b+"))
    assert await branch.store.read(lambda unit: ballots.turnout(unit, ID)) == 5
    await branch.store.settle(notes=[MemberLeft(member=roll()[1].member, at=clock.now)])
    clock.now = NOON + timedelta(days=1)
    await branch.store.settle([closing()])
    closed = await stand(branch.store)
    assert (closed.turnout, closed.expected) == (5, 6), "an envelope that is in the box stays there"
