"""Lives that end while people vote and while a box is counted: nothing is lost, doubled or counted late."""

from __future__ import annotations

from pathlib import Path

from tests.faults.linking import elections
from tests.faults.voting import killed_while_counting, killed_while_voting

SEED = 20261128


async def test_lives_that_end_while_people_vote_lose_and_double_no_ballot(founded_file: Path, tmp_path: Path) -> None:
    """R5, F01: the short form; ``make faults`` ends a thousand."""
    tally = await killed_while_voting(founded_file, tmp_path, SEED, runs=5)
    assert (tally.failures, tally.tried) == ([], 5)


async def test_lives_that_end_from_the_close_to_the_destruction_give_the_same_end(
    founded_file: Path, tmp_path: Path
) -> None:
    """R5, F04: the short form; ``make faults`` ends two hundred."""
    tally = await killed_while_counting(founded_file, tmp_path, SEED, runs=5)
    assert (tally.failures, tally.tried) == ([], 5)


async def test_an_attacker_with_every_byte_links_nobody_and_finds_no_envelope(
    founded_file: Path, tmp_path: Path
) -> None:
    """R19: the short form; ``make faults`` holds a thousand elections, and sets the attacker on a careless schema."""
    assert (await elections(founded_file, tmp_path, SEED, runs=2)).failures == []
