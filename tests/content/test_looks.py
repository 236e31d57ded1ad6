"""A word above about too many looks: to whom, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from content.decision import Tell
from content.identifiers import MemberId, UserId
from content.looks import MANY, Duty, Looked, above, look
from tests.small_branch import NOON

ME, BOSS, OTHER = UserId("@me:test"), UserId("@boss:test"), UserId("@other:test")


def told(seen: int, number: int = 1, path: Sequence[Duty] = (Duty(user=BOSS, above=1),)) -> list[UserId]:
    """Return who is told of a look."""
    looked = Looked(user=ME, what="member", member=MemberId("m"), place=None, number=number, at=NOON)
    decision = look(looked, seen=seen, path=path, name="我")
    assert decision.facts == (looked,)
    return [effect.user for effect in decision.effects if isinstance(effect, Tell)]


@pytest.mark.parametrize(
    ("seen", "number", "heard"),
    [(0, 1, False), (MANY - 1, 1, False), (MANY, 1, True), (MANY + 1, 1, False), (0, MANY, False), (0, MANY + 1, True)],
)
def test_who_leads_above_hears_of_the_first_look_too_many(seen: int, number: int, heard: bool) -> None:
    assert told(seen, number) == ([BOSS] if heard else [])


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ([], ()),
        ([(ME, 0), (BOSS, 1), (OTHER, 2)], (BOSS,)),
        ([(ME, 1), (OTHER, 0), (BOSS, 2)], (BOSS,)),
        ([(ME, 0), (ME, 2), (OTHER, 1), (BOSS, 2)], (BOSS,)),
        ([(ME, 0)], ()),
        ([(BOSS, 0), (OTHER, 1)], (BOSS,)),
    ],
)
def test_above_is_nearest_over_ones_highest_place_and_at_the_top_beside_it(
    path: list[tuple[UserId, int]], wanted: tuple[UserId, ...]
) -> None:
    assert above(ME, [Duty(user=user, above=steps) for user, steps in path]) == wanted
