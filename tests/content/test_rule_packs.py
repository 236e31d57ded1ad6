"""Thresholds are the least whole numbers that satisfy their articles, and every rule can be said."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import content
from content.majorities import HALF, ONE_FIFTH, Threshold
from content.rule_packs import (
    ADMISSION,
    COMMITTEE,
    ELECTION_1990,
    ELECTION_2020,
    MOTION,
    PACKS,
    RECOMMENDATION,
    Base,
    Rule,
    quorum_needs,
    said,
)
from content.speech import LANGUAGES, Reader
from zhibu.catalogue import load_speech

ENGINE = ("majorities.py", "rule_packs.py", "elections.py", "election_cases.py")

thresholds = st.builds(Threshold, numerator=st.integers(1, 9), denominator=st.integers(1, 9), exceeded=st.booleans())


@given(threshold=thresholds, whole=st.integers(0, 500))
def test_the_least_count_is_enough_and_one_less_is_not(threshold: Threshold, whole: int) -> None:
    least = threshold.least(whole)
    assert threshold.met(least, whole)
    assert not threshold.met(least - 1, whole)


@pytest.mark.parametrize(
    ("expected", "by_2020", "by_1990"),
    [(3, 3, 3), (5, 4, 5), (7, 6, 6), (8, 7, 7), (10, 8, 9), (12, 10, 10), (16, 13, 13), (20, 16, 17), (25, 20, 21)],
)
def test_the_two_wordings_of_the_quorum_differ_where_four_fifths_are_whole(
    expected: int, by_2020: int, by_1990: int
) -> None:
    """VOTE-4, VOTE-5."""
    assert quorum_needs(expected) == {"2020": by_2020, "legacy-1990": by_1990}


@pytest.mark.parametrize(
    ("expected", "quorum", "passes"), [(3, 2, 2), (8, 4, 5), (10, 5, 6), (20, 10, 11), (25, 13, 13)]
)
def test_a_motion_needs_half_to_be_there_and_more_than_half_to_pass(expected: int, quorum: int, passes: int) -> None:
    """VOTE-1, VOTE-2, R25."""
    assert (MOTION.quorum.least(expected), MOTION.majority.least(expected)) == (quorum, passes)


@pytest.mark.parametrize(("expected", "quorum"), [(10, 6), (11, 6)])
def test_an_admission_needs_more_than_half_to_be_there(expected: int, quorum: int) -> None:
    """R26."""
    assert (ADMISSION.quorum.least(expected), ADMISSION.majority.least(expected)) == (quorum, quorum)


@pytest.mark.parametrize(("members", "quorum"), [(3, 3), (4, 4), (5, 4), (6, 5), (7, 6)])
def test_a_committee_takes_the_stricter_of_two_quorums(members: int, quorum: int) -> None:
    """R23: sources differ for four and for seven members."""
    assert COMMITTEE.quorum.least(members) == quorum


@pytest.mark.parametrize(("seats", "more"), [(1, 1), (3, 1), (5, 1), (6, 2), (7, 2), (10, 2), (11, 3)])
def test_the_margin_is_a_fifth_of_the_seats(seats: int, more: int) -> None:
    """R05."""
    assert ONE_FIFTH.least(seats) == more
    assert ELECTION_2020.margin == ELECTION_1990.margin == ONE_FIFTH


def test_the_packs_differ_in_whom_they_reckon_by() -> None:
    assert {name: pack.base for name, pack in PACKS.items() if pack.base is not Base.EXPECTED} == {
        "legacy-1990": Base.PRESENT
    }
    assert RECOMMENDATION.quorum == HALF


def test_no_pack_claims_to_have_been_compared_with_the_official_text() -> None:
    assert [name for name, pack in PACKS.items() if pack.checked] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_can_be_said(language: str) -> None:
    speech = load_speech()
    sentences = {speech.say(said(rule), Reader(language=language)) for rule in Rule}
    assert len(sentences) == len(Rule)


def not_whole(source: str) -> list[int]:
    """Return the lines on which a fraction could come to be."""
    found = []
    for node in ast.walk(ast.parse(source)):
        divides = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
        if divides or is_float or (isinstance(node, ast.Name) and node.id in ("float", "round", "Decimal")):
            found.append(node.lineno)
    return sorted(set(found))


@pytest.mark.parametrize("name", ENGINE)
def test_the_engine_reckons_in_whole_numbers_only(name: str) -> None:
    assert not_whole((Path(content.__file__).parent / name).read_text()) == []


def test_a_fraction_in_the_engine_would_be_seen() -> None:
    assert not_whole("need = n / 2\nneed = 0.5\nneed /= 2\nneed = round(n)\n") == [1, 2, 3, 4]
