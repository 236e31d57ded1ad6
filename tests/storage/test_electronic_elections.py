"""An election that is voted on electronically, as it is kept: who was there has a vote, and its count is taken over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from msgspec.structs import replace

from content import ballots as voting
from content import electronic_elections as rules
from content.ballot_files import read_box, write_box
from content.ballots import Admitted, BallotCertified, BallotDrafted, BallotVoided, Voiding
from content.decision import Decision
from content.elections import Outcome
from content.electronic_elections import (
    ConsentRecorded,
    ElectronicVoteCounted,
    ElectronicVotePrepared,
    PresenceMarked,
    Way,
)
from content.erasure import PersonErased
from content.identifiers import BallotId, Cause, MemberId, UserId
from content.members import NOBODY
from content.organisations import Duty, DutyEnded, DutyGranted, Right, Role
from content.paper_elections import State
from storage import ballots, electronic_elections, electronic_votes, home, organisations, paper_elections
from storage.opening import open_box
from storage.store import Decide, Step, Store
from storage.unit import Reading
from tests.electronic_votes import CALLED, PAPER, VOTERS, admitted
from tests.electronic_votes import prepare as prepare_vote
from tests.sealed_ballots import (
    ID,
    agree,
    casting,
    closing,
    confirm,
    open_voting,
    paper,
    seal,
    shares,
    stand,
    take,
    vote,
)
from tests.small_branch import EAST, NOON, ROOF, SECRETARY, HandClock, SmallBranch

AWAY, HERE = VOTERS[5], frozenset(VOTERS[:5])


async def prepare(store: Store, way: Way = Way.ROOM) -> None:
    """Prepare a vote, and mark all but one present."""
    await prepare_vote(store, way)
    at = {"paper": PAPER, "organisation": EAST}
    all_came = PresenceMarked(**at, came=frozenset(VOTERS), gone=frozenset())
    await store.settle(notes=[all_came, PresenceMarked(**at, came=frozenset(), gone=frozenset({AWAY}))])


async def test_only_who_was_marked_as_being_there_has_a_link_and_a_vote(branch: SmallBranch) -> None:
    store = branch.store
    await prepare(store)
    assert (await admitted(store)).present == HERE
    assert await store.read(lambda unit: home.elections_under_way(unit, [EAST])) == (), "its ballot waits, and not it"
    assert (await open_voting(store, await admitted(store))).refusal is None
    one = await stand(store)
    assert (one.present, one.attendance.present) == (5, 5)
    assert await store.read(lambda unit: ballots.silent(unit, ID)) == tuple(sorted(HERE))
    assert await store.read(lambda unit: ballots.open_to(unit, AWAY)) == ()
    box = seal(paper("a+"), one.key, one.length)
    (away,) = await store.settle([casting(AWAY, box)])
    assert away.refusal is not None
    assert away.refusal.words.key == "electronic.not_present"
    await vote(store, VOTERS[0], paper("a+"))
    assert await store.read(lambda unit: ballots.turnout(unit, ID)) == 1


async def test_at_a_distance_everyone_on_the_roll_has_a_vote(branch: SmallBranch) -> None:
    await prepare(branch.store, Way.REMOTE)
    assert await admitted(branch.store) == Admitted(present=None)
    assert (await open_voting(branch.store, await admitted(branch.store))).refusal is None
    assert await branch.store.read(lambda unit: ballots.silent(unit, ID)) == tuple(sorted(VOTERS))
    assert (await stand(branch.store)).present is None


async def test_what_the_tellers_confirm_is_the_count_of_the_election(branch: SmallBranch, clock: HandClock) -> None:
    store = branch.store
    await prepare(store)
    await open_voting(store, await admitted(store))
    for place, member in enumerate(sorted(HERE)):
        await vote(store, member, paper("a+") if place < 4 else paper("a- b-", AWAY))
    clock.now = NOON + timedelta(days=1)
    await store.settle([closing()])
    await agree(store)
    one = await stand(store)
    opened = open_box(read_box(write_box(one, await store.read(lambda unit: ballots.boxes(unit, ID)))), shares(), {})
    await take(store, "count", lambda it, _: voting.keep_count(it, opened.result, opened.hash))
    await confirm(store)

    async def read(unit: Reading) -> Decision:
        held = await paper_elections.paper(unit, PAPER)
        assert held is not None
        certified = await ballots.ballot(unit, ID)
        assert certified is not None
        names = {str(member): name for member, name in CALLED.items()}
        facts = rules.take_over(held, certified, await ballots.judged(unit, certified), confirmed=[1, 2], names=names)
        return Decision(facts=facts)

    await store.settle(notes=list((await store.read(read)).facts))
    held = await store.read(lambda unit: paper_elections.paper(unit, PAPER))
    assert held is not None
    result = paper_elections.result(held)
    assert result is not None
    assert (held.state, held.expected, held.present) == (State.COUNTED, 6, 5)
    assert (result.outcome, result.elected, result.write_ins) == (Outcome.ELECTED, ("a",), {CALLED[AWAY]: 1})
    (entry,) = held.entries
    assert (entry.member, entry.agreed) == (MemberId("teller1"), MemberId("teller2"))
    known = await store.read(lambda unit: electronic_elections.of_election(unit, PAPER))
    assert known is not None
    assert known.counted
    (waits,) = await store.read(lambda unit: home.elections_under_way(unit, [EAST]))
    assert waits.id == PAPER


async def test_another_letter_takes_the_place_of_one_and_nobody_has_confirmed_it(branch: SmallBranch) -> None:
    await prepare(branch.store)
    before = await branch.store.read(lambda unit: electronic_elections.of_election(unit, PAPER))
    assert before is not None
    assert before.allowed
    anew = replace(before.consent, way=Way.REMOTE)
    await branch.store.settle(notes=[ConsentRecorded(paper=PAPER, organisation=EAST, consent=anew)])
    after = await branch.store.read(lambda unit: electronic_elections.of_election(unit, PAPER))
    assert after is not None
    assert (after.allowed, after.consent.way, after.ballot) == (False, Way.REMOTE, ID)


async def test_names_stay_as_they_were_when_the_vote_was_prepared(branch: SmallBranch) -> None:
    """Whoever edits the roster while votes are counted does not make another be elected."""
    await prepare(branch.store)
    held = await branch.store.read(lambda unit: paper_elections.paper(unit, PAPER))
    assert held is not None
    assert held.election.eligible == frozenset(CALLED.values()), "by these the election is judged, and by no other"
    known = await branch.store.read(lambda unit: electronic_elections.of_ballot(unit, ID))
    assert known is not None
    assert known.names == CALLED
    await branch.store.settle(notes=[PersonErased(members=(AWAY,), accounts=(), at=NOON)])
    known = await branch.store.read(lambda unit: electronic_elections.of_ballot(unit, ID))
    held = await branch.store.read(lambda unit: paper_elections.paper(unit, PAPER))
    assert known is not None
    assert held is not None
    assert known.names == CALLED | {AWAY: NOBODY}, "but that of who is erased goes"
    assert held.election.eligible == frozenset(CALLED.values()) - {CALLED[AWAY]} | {NOBODY}


async def test_who_was_there_once_is_not_there_for_another_vote(branch: SmallBranch) -> None:
    """Neither after a vote that came to nothing, nor after one that elected nobody, nor under another letter."""
    store, at = branch.store, {"paper": PAPER, "organisation": EAST}
    await prepare(store)
    known = await store.read(lambda unit: electronic_elections.of_election(unit, PAPER))
    assert known is not None

    async def there() -> frozenset[MemberId]:
        return await store.read(lambda unit: electronic_elections.present(unit, PAPER))

    marked = PresenceMarked(**at, came=HERE, gone=frozenset())
    again = ElectronicVotePrepared(**at, ballot=ID)
    for over in (
        BallotVoided(ballot=ID, why=Voiding.TOO_FEW),
        ConsentRecorded(**at, consent=known.consent),
        BallotCertified(ballot=ID, on=NOON.date()),
    ):
        await store.settle(notes=[marked])
        assert await there() == HERE
        await store.settle(notes=[over] if not isinstance(over, BallotCertified) else [over, again])
        assert await there() == frozenset(), over
    await store.settle(notes=[BallotVoided(ballot=ID, why=Voiding.TOO_FEW), marked, again])
    assert await there() == HERE, "who has come since stays"


async def test_a_vote_that_came_to_nothing_stays_on_record_beside_the_next(branch: SmallBranch) -> None:
    """A11: under the letter of its day, whatever letter came later."""
    store, at = branch.store, {"paper": PAPER, "organisation": EAST}
    await prepare(store)
    known = await store.read(lambda unit: electronic_elections.of_election(unit, PAPER))
    assert known is not None
    other = replace(known.consent, way=Way.REMOTE, reference="矿委〔2026〕9号")
    await store.settle(notes=[BallotVoided(ballot=ID, why=Voiding.CANCELLED), ConsentRecorded(**at, consent=other)])
    again = replace(await stand(store), id=BallotId("again"))
    drafted = [BallotDrafted(ballot=again, author=SECRETARY), ElectronicVotePrepared(**at, ballot=again.id)]
    await store.settle(notes=[*drafted, ElectronicVoteCounted(**at, ballot=again.id)])
    first, second = await store.read(lambda unit: electronic_votes.of_election(unit, PAPER))
    assert (first.ballot.id, first.way, first.reference) == (ID, Way.ROOM, "矿委〔2026〕8号")
    assert (first.why, first.ended_on, first.counted) == (Voiding.CANCELLED, NOON.date(), False)
    assert (second.ballot.id, second.way, second.reference) == (again.id, Way.REMOTE, "矿委〔2026〕9号")
    assert (second.why, second.ended_on, second.counted) == (None, None, True)
    for one in (ID, again.id):
        assert await store.read(lambda unit, one=one: electronic_votes.election_of(unit, one)) == PAPER


async def test_a_helper_whose_duty_has_ended_again_is_still_the_hand_that_gave_it(
    branch: SmallBranch, clock: HandClock
) -> None:
    """S23: nor is it one where the duty went through another hand; after a week it is as with any other."""
    go_between, helper = UserId("@between:test"), UserId("@helper:test")
    given = [(SECRETARY, go_between), (go_between, helper)]
    duties = [Duty(user=user, organisation=ROOF, role=Role.ORGANISING_MEMBER) for _, user in given]
    steps = [
        Step(
            cause=Cause(f"form:give:{by}"),
            decide=answer(Decision(facts=(DutyGranted(duty=duty, by=by, at=clock.now),))),
            actor=by,
        )
        for (by, _), duty in zip(given, duties, strict=True)
    ]
    await branch.store.settle(steps)
    hand = {SECRETARY, go_between, helper}
    for duty in duties:
        await branch.store.settle(notes=[DutyEnded(duty=duty)])
        for one in hand:
            assert await branch.store.read(asking(one)) == hand
    clock.forward(days=7)
    assert await branch.store.read(asking(helper)) == {helper}


def answer(decision: Decision) -> Decide:
    async def decide(_: Reading) -> Decision:
        return decision

    return decide


def asking(user: UserId) -> Callable[[Reading], Awaitable[frozenset[UserId]]]:
    return lambda unit: organisations.same_hand_at(unit, EAST, Right.IMPORT_ROSTER, user)
