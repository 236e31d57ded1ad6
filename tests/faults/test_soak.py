"""What grows in a long run is seen, and what only moves is not."""

from __future__ import annotations

from tests.faults.soak import Sample, grown

MEGABYTE = 1 << 20


def life(number: int, memory: list[int], descriptors: int = 30) -> list[Sample]:
    """Make the samples of a life."""
    return [
        Sample(at=float(place), life=number, memory=held * MEGABYTE, descriptors=descriptors, database=0)
        for place, held in enumerate(memory)
    ]


def test_a_process_that_only_breathes_has_not_grown() -> None:
    """R18."""
    assert grown([*life(1, [60, 80, 90, 100, 102, 99, 101, 100, 103, 100, 99, 101]), *life(2, [60], 33)]) == []


def test_memory_and_descriptors_that_grow_would_be_seen() -> None:
    """R18, control."""
    assert len(grown(life(1, list(range(100, 124))))) == 1
    assert len(grown([*life(1, [60]), *life(2, [60], 90)])) == 1
