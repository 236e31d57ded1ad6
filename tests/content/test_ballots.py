"""The steps of a secret ballot: in order, each with its guard, and none of them back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content import ballots, tellers
from content.approvals import Act, Proposal
from content.ballot_approvals import Closing, want
from content.ballot_papers import receipts, set_hash
from content.ballots import (
    FEWEST,
    Admitted,
    Ballot,
    BallotCast,
    BallotCertified,
    BallotClosed,
    BallotOpened,
    BallotVoided,
    Candidate,
    Elector,
    State,
    Voiding,
    hash_manifest,
    hash_roll,
    manifest,
)
from content.decision import Decision, Refusal
from content.elections import Attendance, Election, Outcome, Result, evaluate
from content.identifiers import MemberId, ProposalId, UserId
from storage.envelopes import empty_envelopes, new_slots
from tests.sealed_ballots import ballot, roll
from tests.small_branch import NOON

ZHAO, QIAN = UserId("@zhao:test"), UserId("@qian:test")
TODAY = date(2026, 7, 1)
LATER = NOON + timedelta(days=1)


def why(answer: object) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


def proven(one: Ballot) -> Ballot:
    asked = hashlib.sha256(b"asked").hexdigest()
    return replace(one, tellers=tuple(replace(teller, proven=True, asked=asked) for teller in one.tellers))


def agreed(one: Ballot) -> Ballot:
    return replace(one, tellers=tuple(replace(teller, agreed=True) for teller in one.tellers))


def freeze(one: Ballot, electors: tuple[Elector, ...]) -> Any:
    number = sum(elector.may_vote for elector in electors)
    boxes = empty_envelopes(number, one.key, one.length)
    return ballots.freeze(one, electors, slots=new_slots(number), boxes=boxes, now=NOON)


def result() -> Result:
    return evaluate(ballot().election, Attendance(expected=5, present=5, issued=5, returned=0), ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": " "}, "ballot.no_title"),
        ({"candidates": ballot().candidates[:1]}, "ballot.bad_candidates"),
        ({"election": Election(candidates=("a", "b"), seats=2)}, "ballot.too_few_candidates"),
        ({"election": Election(candidates=("a", "b"), seats=0)}, "ballot.too_few_candidates"),
        ({"tellers": ballot().tellers[:2]}, "ballot.too_few_tellers"),
        ({"tellers": ballot().tellers[::-1]}, "ballot.too_few_tellers"),
        ({"needed": 1}, "ballot.bad_number_of_shares"),
        ({"needed": 4}, "ballot.bad_number_of_shares"),
        ({"tellers": tuple(replace(one, member=MemberId("same")) for one in ballot().tellers)}, "ballot.teller_twice"),
        ({"tellers": tuple(replace(one, share_key=b"k") for one in ballot().tellers)}, "ballot.teller_twice"),
        (
            {"tellers": tuple(replace(one, role=ballots.TellerRole.COUNTER) for one in ballot().tellers)},
            "ballot.no_monitor",
        ),
        (
            {"candidates": (ballot().candidates[0], Candidate(id="b", member=MemberId("teller2"), name="乙"))},
            "ballot.teller_stands",
        ),
        ({"closes_at": NOON}, "ballot.too_soon"),
        ({"candidates": (ballot().candidates[0], replace(ballot().candidates[0], id="b"))}, "ballot.bad_candidates"),
        ({"title": "题" * 201}, "ballot.no_title"),
    ],
)
def test_a_ballot_that_cannot_be_meant_is_neither_drafted_nor_frozen(change: dict[str, Any], reason: str) -> None:
    """R05, R12, I090: no teller stands, one at least watches over the count, nobody stands twice."""
    one = ballot(**change)
    assert why(ballots.draft(one, author=ZHAO, now=NOON)) == reason
    assert why(freeze(one, roll())) == reason


@pytest.mark.parametrize(("may_vote", "held"), [(0, False), (FEWEST - 1, False), (FEWEST, True)])
def test_among_fewer_than_five_no_secret_ballot_is_held(may_vote: int, held: bool) -> None:
    """L9, I091: who may not vote does not count, and a roll of nobody is none."""
    electors = (*roll(may_vote), Elector(member=MemberId("probationary"), may_vote=False, reason="预备党员"))
    assert isinstance(freeze(ballot(), electors), Decision if held else Refusal)


def test_everyone_who_may_vote_has_a_place_in_the_box_from_the_start() -> None:
    """L4."""
    decided = freeze(ballot(), (*roll(6), Elector(member=MemberId("p"), may_vote=False)))
    (frozen,) = decided.facts
    assert (len(frozen.roll), len(frozen.slots), len({len(box) for box in frozen.boxes})) == (7, 6, 1)
    assert frozen.roll_hash == hash_roll(frozen.roll[::-1])
    assert "boxes" not in repr(frozen)


def test_the_roll_and_the_manifest_have_hashes_that_any_change_changes() -> None:
    one = ballot()
    electors = roll(5)
    assert hash_roll(electors) != hash_roll(electors[:4])
    assert hash_roll(electors) != hash_roll((*electors[:4], replace(electors[4], may_vote=False)))
    changed = [
        one,
        replace(one, title="又"),
        replace(one, needed=3),
        replace(one, roll_hash="x"),
        replace(one, closes_at=LATER + timedelta(1)),
    ]
    assert len({hash_manifest(manifest(each)) for each in changed}) == len(changed)


def test_nothing_opens_before_every_teller_has_proved_their_share() -> None:
    frozen = replace(ballot(), state=State.FROZEN)
    assert why(ballots.open_voting(frozen, now=NOON)) == "ballot.shares_unproven"
    me = frozen.tellers[0].member
    assert why(tellers.prove(frozen, me, b"never asked")) == "ballot.not_proven"
    (fact,) = tellers.ask_possession(frozen, me, b"asked").facts  # type: ignore[union-attr]
    waiting = replace(frozen, tellers=(replace(frozen.tellers[0], asked=fact.asked), *frozen.tellers[1:]))
    assert why(tellers.prove(waiting, me, b"other")) == "ballot.not_proven"
    assert why(tellers.prove(waiting, frozen.tellers[1].member, b"asked")) == "ballot.not_proven"
    assert isinstance(tellers.prove(waiting, me, b"asked"), Decision)


@pytest.mark.parametrize("who", [None, MemberId("voter00")])
def test_whoever_is_no_teller_takes_no_step_of_theirs(who: MemberId | None) -> None:
    """L10: nobody proves, agrees, confirms or destroys for another."""
    for state in State:
        one = replace(proven(ballot()), state=state)
        assert why(tellers.ask_possession(one, who, b"asked")) == "ballot.not_a_teller"
        assert why(tellers.prove(one, who, b"asked")) == "ballot.not_a_teller"
        assert why(tellers.agree(one, who)) == "ballot.not_a_teller"
        assert why(tellers.confirm(one, who, today=TODAY)) == "ballot.not_a_teller"
        assert why(tellers.destroy_share(one, who, today=TODAY)) == "ballot.not_a_teller"


USERS = {MemberId(f"teller{one}"): UserId(f"@t{one}:test") for one in (1, 2, 3)}


@pytest.mark.parametrize(
    ("names", "users", "standing", "reason"),
    [
        ({}, {**USERS, MemberId("teller2"): USERS[MemberId("teller1")]}, None, "ballot.teller_twice"),
        ({}, {one: USERS[one] for one in list(USERS)[:2]}, None, "ballot.teller_without_account"),
        ({MemberId("teller2"): "候选人　甲"}, USERS, None, "ballot.teller_stands"),
        ({}, {**USERS, MemberId("other"): UserId("@t3:test")}, MemberId("other"), "ballot.teller_stands"),
    ],
)
def test_a_teller_has_an_account_of_their_own_and_does_not_stand_under_another_spelling(
    names: dict[MemberId, str], users: dict[MemberId, UserId], standing: MemberId | None, reason: str
) -> None:
    """R12: by account, by entry, and by how the name looks."""
    first = replace(ballot().candidates[0], member=standing)
    one = ballot(candidates=(first, ballot().candidates[1]))
    assert why(tellers.refuse_tellers(one, names, users)) == reason
    assert tellers.refuse_tellers(ballot(), {}, USERS) is None


def wanting(act: Act, one: Ballot, by: UserId, *waiting: Proposal, may: frozenset[UserId] | None = None) -> Any:
    who = frozenset({ZHAO, QIAN}) if may is None else may
    return want(act, one, by=by, may=who, waiting=waiting, id=ProposalId(f"{act}{by}"), now=NOON, admitted=Admitted())


def test_it_takes_two_organisers_to_open_and_to_cancel() -> None:
    """S23: the same one twice is one, and who may no longer is none."""
    frozen = proven(replace(ballot(), state=State.FROZEN))
    void = BallotVoided(ballot=frozen.id, why=Voiding.CANCELLED)
    for act, done in ((Act.OPEN_BALLOT, BallotOpened(ballot=frozen.id)), (Act.CANCEL_BALLOT, void)):
        first = wanting(act, frozen, ZHAO)
        assert [effect.user for effect in first.effects] == [QIAN]
        (proposed,) = first.facts
        assert why(wanting(act, frozen, ZHAO, proposed.proposal)) == "approvals.waits_already"
        assert why(wanting(act, frozen, QIAN, proposed.proposal, may=frozenset({ZHAO}))) == "approvals.not_yours"
        assert wanting(act, frozen, QIAN, proposed.proposal).facts[1:] == (done,)
    (other,) = wanting(Act.OPEN_BALLOT, frozen, ZHAO).facts
    (cancelled,) = wanting(Act.CANCEL_BALLOT, frozen, QIAN, other.proposal).facts
    assert cancelled.proposal.act is Act.CANCEL_BALLOT, "to want one thing is not to agree to the other"
    assert wanting(Act.CANCEL_BALLOT, ballot(), ZHAO) == Decision(facts=(void,))
    assert why(ballots.open_voting(frozen, now=LATER)) == "ballot.too_late"


def test_it_takes_two_organisers_and_a_reason_to_close_before_its_time() -> None:
    """S23: the second agrees to the reason of the first, and too few votes stay unopened then too."""
    one = replace(proven(ballot()), state=State.OPEN, expected=6)
    box = Closing(reason=" 都投完了 ", listed=("aa", "bb"), turnout=5, issued=6)
    asked = {"may": {ZHAO, QIAN}, "id": ProposalId("early"), "now": NOON}
    bare = want(Act.CLOSE_BALLOT, one, by=ZHAO, waiting=(), closing=replace(box, reason=" "), **asked)
    assert why(bare) == "ballot.no_reason"
    first = want(Act.CLOSE_BALLOT, one, by=ZHAO, waiting=(), closing=box, **asked)
    (proposed,) = first.facts
    assert proposed.proposal.detail == "都投完了"
    again = want(Act.CLOSE_BALLOT, one, by=ZHAO, waiting=(proposed.proposal,), closing=box, **asked)
    assert why(again) == "approvals.waits_already"
    agreed = want(Act.CLOSE_BALLOT, one, by=QIAN, waiting=(proposed.proposal,), closing=box, **asked)
    (closed,) = agreed.facts[1:]
    assert (closed.turnout, closed.issued, closed.listed) == (5, 6, ("aa", "bb"))
    few = replace(box, turnout=4)
    unopened = want(Act.CLOSE_BALLOT, one, by=QIAN, waiting=(proposed.proposal,), closing=few, **asked)
    assert unopened.facts[-1] == BallotVoided(ballot=one.id, why=Voiding.TOO_FEW)
    assert why(want(Act.CLOSE_BALLOT, ballot(), by=ZHAO, waiting=(), closing=box, **asked)) == "ballot.not_now"


def test_a_ballot_that_is_not_what_was_fixed_is_neither_opened_nor_counted() -> None:
    """Invariant 4."""
    one = proven(ballot(roll_hash="r", expected=6))
    fixed = replace(one, manifest_hash=hash_manifest(manifest(one)))
    agreed = tuple(replace(each, agreed=True) for each in fixed.tellers)
    for changed in (replace(fixed, title="又"), replace(fixed, roll_hash="x"), replace(fixed, expected=7)):
        assert (
            why(ballots.open_voting(replace(changed, state=State.FROZEN), now=NOON, admitted=Admitted()))
            == "ballot.manifest_changed"
        )
        counted = replace(changed, state=State.CLOSED, tellers=agreed)
        assert why(ballots.keep_count(counted, result(), "hash")) == "ballot.manifest_changed"
    assert isinstance(ballots.open_voting(replace(fixed, state=State.FROZEN), now=NOON, admitted=Admitted()), Decision)


def test_a_vote_counts_while_the_ballot_is_open_and_not_at_its_last_instant() -> None:
    opened = replace(ballot(), state=State.OPEN)
    elector, box = roll()[0], bytes(opened.length)
    decided = ballots.cast(opened, elector, box, copied=False, now=LATER - timedelta(microseconds=1))
    assert decided == Decision(facts=(BallotCast(ballot=opened.id, member=elector.member, box=box),))
    assert "box" not in repr(decided)
    for late in (replace(opened, state=State.CLOSED), replace(opened, state=State.FROZEN)):
        assert why(ballots.cast(late, elector, box, copied=False, now=NOON)) == "ballot.too_late"
    assert why(ballots.cast(opened, elector, box, copied=False, now=LATER)) == "ballot.too_late"


def test_an_envelope_of_another_length_or_of_somebody_else_is_not_taken() -> None:
    """L11: a copied box is refused."""
    opened = replace(ballot(), state=State.OPEN)
    elector, box = roll()[0], bytes(opened.length)
    for bad, copied in ((box[:-1], False), (box + b"x", False), (b"", False), (box, True)):
        assert why(ballots.cast(opened, elector, bad, copied=copied, now=NOON)) == "ballot.bad_envelope"
    for stranger in (None, replace(elector, may_vote=False)):
        assert why(ballots.cast(opened, stranger, box, copied=False, now=NOON)) == "ballot.not_on_roll"


@pytest.mark.parametrize("turnout", [0, FEWEST - 1, FEWEST])
def test_a_close_fixes_the_set_and_fewer_than_five_are_never_opened(turnout: int) -> None:
    """L9, L10."""
    opened = replace(ballot(), state=State.OPEN)
    listed = receipts([b"1", b"2"])
    early = ballots.close(opened, listed, turnout=turnout, issued=6, now=LATER - timedelta(seconds=1))
    assert why(early) == "ballot.too_early"
    closed = BallotClosed(ballot=opened.id, turnout=turnout, issued=6, set_hash=set_hash(listed), listed=listed)
    void = BallotVoided(ballot=opened.id, why=Voiding.TOO_FEW)
    facts = (closed, void) if turnout < FEWEST else (closed,)
    assert ballots.close(opened, listed, turnout=turnout, issued=6, now=LATER) == Decision(facts=facts)


def test_a_count_that_does_not_add_up_is_not_certified_and_may_be_made_again() -> None:
    counted = agreed(replace(ballot(), state=State.OPENED))
    first, second, _ = [one.member for one in counted.tellers]
    odd = replace(counted, flag=Outcome.RECOUNT_NEEDED)
    assert why(tellers.confirm(odd, first, today=TODAY)) == "ballot.recount_first"
    assert isinstance(ballots.keep_count(odd, result(), "hash"), Decision)
    assert why(ballots.keep_count(counted, result(), "hash")) == "ballot.not_now"
    assert tellers.confirm(counted, first, today=TODAY) == Decision(
        facts=(tellers.CountConfirmed(ballot=counted.id, index=1),)
    )
    waiting = replace(counted, tellers=(replace(counted.tellers[0], confirmed=True), *counted.tellers[1:]))
    assert len(tellers.confirm(waiting, first, today=TODAY).facts) == 1, "who confirms twice is one"  # type: ignore[union-attr]
    assert tellers.confirm(waiting, second, today=TODAY).facts[1:] == (  # type: ignore[union-attr]
        BallotCertified(ballot=counted.id, on=TODAY),
    )


@pytest.mark.parametrize(("number", "opens"), [(0, False), (1, False), (2, True)])
def test_the_box_is_opened_by_as_many_tellers_as_it_takes_and_not_by_one(number: int, opens: bool) -> None:
    """L10, S23."""
    one = ballot(state=State.CLOSED)
    some = replace(one, tellers=tuple(replace(each, agreed=each.index <= number) for each in one.tellers))
    assert isinstance(ballots.keep_count(some, result(), ""), Decision) is opens
    assert tellers.agreed(some) == frozenset(range(1, number + 1))


def test_the_envelopes_stay_for_as_long_as_one_may_object() -> None:
    certified = replace(ballot(), state=State.CERTIFIED, decided_on=TODAY)
    assert why(ballots.archive(certified, today=TODAY + timedelta(days=6))) == "ballot.objections_open"
    assert isinstance(ballots.archive(certified, today=TODAY + timedelta(days=7)), Decision)
    assert why(ballots.archive(certified, today=TODAY + timedelta(days=90), leaned_on=True)) == "ballot.leaned_on"
    assert why(tellers.destroy_share(certified, certified.tellers[0].member, today=TODAY)) == "ballot.not_now"


def step(verb: Callable[[Ballot], Decision | Refusal]) -> Callable[[Ballot], bool]:
    return lambda one: isinstance(verb(one), Decision)


def mine(verb: Callable[..., Decision | Refusal], *more: Any, **named: Any) -> Callable[[Ballot], bool]:
    return step(lambda one: verb(one, one.tellers[0].member, *more, **named))


STEPS: dict[str, tuple[Callable[[Ballot], bool], set[State]]] = {
    "freeze": (step(lambda one: freeze(one, roll())), {State.DRAFT}),
    "ask": (mine(tellers.ask_possession, b"asked"), {State.FROZEN}),
    "prove": (mine(tellers.prove, b"asked"), {State.FROZEN}),
    "open": (step(lambda one: ballots.open_voting(one, now=NOON, admitted=Admitted())), {State.FROZEN}),
    "cast": (
        step(lambda one: ballots.cast(one, roll()[0], bytes(one.length), copied=False, now=NOON)),
        {State.OPEN},
    ),
    "close": (step(lambda one: ballots.close(one, (), turnout=9, issued=9, now=LATER)), {State.OPEN}),
    "agree": (mine(tellers.agree), {State.CLOSED}),
    "count": (step(lambda one: ballots.keep_count(one, result(), "")), {State.CLOSED}),
    "confirm": (mine(tellers.confirm, today=TODAY), {State.OPENED}),
    "archive": (step(lambda one: ballots.archive(one, today=TODAY + timedelta(days=30))), {State.CERTIFIED}),
    "cancel": (
        step(ballots.cancel),
        set(State) - {State.CERTIFIED, State.ARCHIVED, State.VOID},
    ),
    "destroy": (mine(tellers.destroy_share, today=TODAY), {State.ARCHIVED, State.VOID}),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_taken_from_where_it_belongs_and_from_nowhere_else(name: str) -> None:
    """S22: nothing is left out, nothing opens again."""
    taken, places = STEPS[name]
    ready = agreed(replace(proven(ballot()), decided_on=TODAY))
    assert {state for state in State if taken(replace(ready, state=state))} == places
