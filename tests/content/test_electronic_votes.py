"""What became of the electronic votes of an election: each says how far it came, also one that came to nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from content.ballots import State, Voiding
from content.elections import Outcome
from content.electronic_elections import Way
from content.electronic_votes import ElectronicVote, became
from tests.sealed_ballots import ballot
from tests.small_branch import NOON

DAY = date(2026, 7, 1)
COUNTED = {"outcome": str(Outcome.ELECTED)}
FIXED = {"manifest_hash": "m"}
OPENED = FIXED | {"told_at": NOON}
CLOSED = OPENED | {"set_hash": "s", "turnout": 6}


def vote(
    state: State, *, figures: dict[str, Any] | None = None, why: Voiding | None = None, **of: Any
) -> ElectronicVote:
    one = replace(ballot(), state=state, **of)
    letter = {"way": Way.ROOM, "reference": "矿委〔2026〕8号", "dated": DAY}
    return ElectronicVote(place=1, ballot=one, figures=figures, why=why, **letter)


@pytest.mark.parametrize(
    ("reached", "figures", "step"),
    [
        ({}, None, "draft"),
        (FIXED, None, "frozen"),
        (OPENED, None, "open"),
        (CLOSED, None, "closed"),
        (CLOSED, COUNTED, "opened"),
    ],
)
def test_a_vote_that_was_cancelled_says_how_far_it_had_come(
    reached: dict[str, Any], figures: dict[str, Any] | None, step: str
) -> None:
    """One that was counted first is not told as if nobody had seen its votes."""
    cancelled = vote(State.VOID, figures=figures, why=Voiding.CANCELLED, **reached)
    assert became(cancelled).key == f"electronic.vote_cancelled_{step}"


def test_a_vote_with_too_few_papers_says_how_many_there_were() -> None:
    said = became(vote(State.VOID, why=Voiding.TOO_FEW, expected=9, **CLOSED | {"turnout": 4}))
    assert said.key == "electronic.vote_too_few"
    assert dict(said.parameters) == {"expected": 9, "returned": 4}


def test_a_vote_whose_database_was_put_back_says_so() -> None:
    assert became(vote(State.VOID, why=Voiding.RESTORED, **OPENED)).key == "electronic.vote_restored"


def test_what_its_tellers_confirmed_is_the_result_or_is_none() -> None:
    found = {"outcome": str(Outcome.MEETING_INVALID)}
    certified = vote(State.CERTIFIED, figures=found, expected=9, issued=6, **CLOSED)
    said = became(certified)
    assert said.key == "electronic.vote_without_result"
    told = dict(said.parameters)
    (outcome,) = told.pop("outcome")  # type: ignore[misc]
    assert outcome.key == "count.outcome_meeting_invalid"
    assert told == {"expected": 9, "present": 6, "returned": 6}
    assert became(replace(certified, counted=True)).key == "electronic.vote_counted"


@pytest.mark.parametrize("state", [State.DRAFT, State.FROZEN, State.OPEN, State.CLOSED, State.OPENED])
def test_a_vote_that_is_not_over_says_where_it_stands(state: State) -> None:
    said = became(vote(state))
    assert said.key == "electronic.vote_stands"
    assert dict(said.parameters)["state"][0].key == f"ballots.state_{state}"  # type: ignore[index]
