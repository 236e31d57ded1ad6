"""A month of dues that two branches had to do with: each has what it took, and what is unpaid is owed where one is."""

from __future__ import annotations

import pytest

from content.dues import Month, State
from content.dues_shares import share, taken

JULY = "2026-07"


def july(paid: int, state: State, due: int = 7500) -> Month:
    return Month(month=JULY, state=state, due=due, paid=paid)


@pytest.mark.parametrize(
    ("month", "here", "stays", "gone"),
    [
        (july(0, State.DUE), 0, (State.DUE, 7500, 0), None),
        (july(7500, State.PAID), 7500, (State.PAID, 7500, 7500), (State.PAID, 7500, 7500)),
        (july(7500, State.PAID), 0, (State.PAID, 0, 0), None),
        (july(7500, State.PAID), 2500, (State.PAID, 2500, 2500), (State.PAID, 2500, 2500)),
        (july(5000, State.PART), 5000, (State.PART, 7500, 5000), (State.PAID, 5000, 5000)),
        (july(5000, State.PART), 0, (State.DUE, 2500, 0), None),
        (july(8000, State.PAID), 8000, (State.PAID, 7500, 8000), (State.PAID, 7500, 8000)),
        (july(100, State.EXEMPT, 0), 100, (State.EXEMPT, 0, 100), (State.EXEMPT, 0, 100)),
        (july(7500, State.UNKNOWN, 0), 0, (State.UNKNOWN, 0, 0), None),
    ],
)
def test_what_a_branch_took_is_due_to_it_and_the_rest_where_one_is(
    month: Month, here: int, stays: tuple[State, int, int], gone: tuple[State, int, int] | None
) -> None:
    (found,) = share([month], {JULY: here})
    assert (found.state, found.due, found.paid) == stays
    left = [(one.state, one.due, one.paid) for one in taken([july(here, month.state, month.due)])]
    assert left == ([] if gone is None else [gone])


def test_the_shares_of_two_branches_come_to_what_is_due_and_paid() -> None:
    for old in range(0, 7501, 2500):
        for new in range(0, 7501 - old, 2500):
            state = State.PAID if old + new == 7500 else State.PART if old + new else State.DUE
            both = [*share([july(old + new, state)], {JULY: new}), *taken([july(old, state)])]
            assert (sum(one.due for one in both), sum(one.paid for one in both)) == (7500, old + new)
