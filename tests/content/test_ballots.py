"""The steps of a secret ballot: in order, each with its guard, and none of them back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from content import ballots
from content.ballot_papers import receipts, set_hash
from content.ballots import (
    FEWEST,
    Ballot,
    BallotCast,
    BallotClosed,
    BallotOpened,
    BallotVoided,
    Candidate,
    Elector,
    SecondAsked,
    State,
    Step,
    Voiding,
    hash_manifest,
    hash_roll,
    manifest,
)
from content.decision import Decision, Refusal
from content.elections import Attendance, Election, Outcome, Result, evaluate
from content.identifiers import MemberId, UserId
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
    ],
)
def test_a_ballot_that_cannot_be_meant_is_neither_drafted_nor_frozen(change: dict[str, Any], reason: str) -> None:
    """R05, R12: no teller stands, and one at least watches over the count."""
    one = ballot(**change)
    assert why(ballots.draft(one, author=ZHAO, now=NOON)) == reason
    assert why(freeze(one, roll())) == reason


@pytest.mark.parametrize(("may_vote", "held"), [(FEWEST - 1, False), (FEWEST, True)])
def test_among_fewer_than_five_no_secret_ballot_is_held(may_vote: int, held: bool) -> None:
    """L9: who may not vote does not count."""
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
    assert why(ballots.open_voting(frozen, by=ZHAO, now=NOON)) == "ballot.shares_unproven"
    assert why(ballots.ask_possession(frozen, 4, b"asked")) == "ballot.not_proven"
    assert why(ballots.prove(frozen, 1, b"never asked")) == "ballot.not_proven"
    (fact,) = ballots.ask_possession(frozen, 1, b"asked").facts  # type: ignore[union-attr]
    waiting = replace(frozen, tellers=(replace(frozen.tellers[0], asked=fact.asked), *frozen.tellers[1:]))
    for index, answer in ((1, b"other"), (2, b"asked"), (4, b"asked")):
        assert why(ballots.prove(waiting, index, answer)) == "ballot.not_proven"
    assert isinstance(ballots.prove(waiting, 1, b"asked"), Decision)


def test_it_takes_two_organisers_to_open_and_to_cancel() -> None:
    """S23: the same one twice is one."""
    frozen = proven(replace(ballot(), state=State.FROZEN))
    asked = SecondAsked(ballot=frozen.id, step=Step.OPEN, by=ZHAO)
    assert ballots.open_voting(frozen, by=ZHAO, now=NOON) == Decision(facts=(asked,))
    waiting = replace(frozen, asked=(Step.OPEN, ZHAO))
    assert ballots.open_voting(waiting, by=ZHAO, now=NOON) == Decision(facts=(asked,))
    assert ballots.open_voting(waiting, by=QIAN, now=NOON) == Decision(facts=(BallotOpened(ballot=frozen.id),))
    assert ballots.cancel(waiting, by=QIAN) == Decision(
        facts=(SecondAsked(ballot=frozen.id, step=Step.CANCEL, by=QIAN),)
    )
    void = BallotVoided(ballot=frozen.id, why=Voiding.CANCELLED)
    assert ballots.cancel(replace(frozen, asked=(Step.CANCEL, QIAN)), by=ZHAO) == Decision(facts=(void,))
    assert ballots.cancel(ballot(), by=ZHAO) == Decision(facts=(void,))
    assert why(ballots.open_voting(waiting, by=QIAN, now=LATER)) == "ballot.too_late"


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
    assert why(ballots.close(opened, listed, turnout=turnout, now=LATER - timedelta(seconds=1))) == "ballot.too_early"
    closed = BallotClosed(ballot=opened.id, turnout=turnout, set_hash=set_hash(listed))
    void = BallotVoided(ballot=opened.id, why=Voiding.TOO_FEW)
    facts = (closed, void) if turnout < FEWEST else (closed,)
    assert ballots.close(opened, listed, turnout=turnout, now=LATER) == Decision(facts=facts)


def test_a_count_that_does_not_add_up_is_not_certified_and_may_be_made_again() -> None:
    counted = replace(ballot(), state=State.OPENED)
    tellers = [one.member for one in counted.tellers]
    odd = replace(counted, flag=Outcome.RECOUNT_NEEDED)
    assert why(ballots.certify(odd, tellers, today=TODAY)) == "ballot.recount_first"
    assert isinstance(ballots.keep_count(odd, result(), "hash"), Decision)
    assert why(ballots.keep_count(counted, result(), "hash")) == "ballot.not_now"
    assert why(ballots.certify(counted, tellers[:1], today=TODAY)) == "ballot.not_confirmed"
    assert why(ballots.certify(counted, [tellers[0], tellers[0], MemberId("x")], today=TODAY)) == "ballot.not_confirmed"
    assert isinstance(ballots.certify(counted, tellers[1:], today=TODAY), Decision)


def test_the_envelopes_stay_for_as_long_as_one_may_object() -> None:
    certified = replace(ballot(), state=State.CERTIFIED, decided_on=TODAY)
    assert why(ballots.archive(certified, today=TODAY + timedelta(days=6))) == "ballot.objections_open"
    assert isinstance(ballots.archive(certified, today=TODAY + timedelta(days=7)), Decision)
    for teller, taken in ((certified.tellers[0].member, True), (MemberId("x"), False)):
        assert isinstance(ballots.destroy_share(certified, teller, today=TODAY), Decision) is taken


def step(verb: Callable[[Ballot], Decision | Refusal]) -> Callable[[Ballot], bool]:
    return lambda one: isinstance(verb(one), Decision)


STEPS: dict[str, tuple[Callable[[Ballot], bool], set[State]]] = {
    "freeze": (step(lambda one: freeze(one, roll())), {State.DRAFT}),
    "ask": (step(lambda one: ballots.ask_possession(one, 1, b"asked")), {State.FROZEN}),
    "prove": (step(lambda one: ballots.prove(one, 1, b"asked")), {State.FROZEN}),
    "open": (step(lambda one: ballots.open_voting(one, by=QIAN, now=NOON)), {State.FROZEN}),
    "cast": (
        step(lambda one: ballots.cast(one, roll()[0], bytes(one.length), copied=False, now=NOON)),
        {State.OPEN},
    ),
    "close": (step(lambda one: ballots.close(one, (), turnout=9, now=LATER)), {State.OPEN}),
    "count": (step(lambda one: ballots.keep_count(one, result(), "")), {State.CLOSED}),
    "certify": (
        step(lambda one: ballots.certify(one, [each.member for each in one.tellers], today=TODAY)),
        {State.OPENED},
    ),
    "archive": (step(lambda one: ballots.archive(one, today=TODAY + timedelta(days=30))), {State.CERTIFIED}),
    "cancel": (
        step(lambda one: ballots.cancel(one, by=QIAN)),
        set(State) - {State.CERTIFIED, State.ARCHIVED, State.VOID},
    ),
    "destroy": (
        step(lambda one: ballots.destroy_share(one, one.tellers[0].member, today=TODAY)),
        {State.CERTIFIED, State.ARCHIVED, State.VOID},
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_taken_from_where_it_belongs_and_from_nowhere_else(name: str) -> None:
    """S22: nothing is left out, nothing opens again."""
    taken, places = STEPS[name]
    ready = replace(proven(ballot()), decided_on=TODAY)
    assert {state for state in State if taken(replace(ready, state=state))} == places
