"""Papers of a secret ballot: what they hold, how long they are, and in which order they come out."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.ballot_papers import (
    BLOCK,
    EMPTY,
    LONGEST_NAME,
    OVERHEAD,
    opened_lines,
    piles,
    read_paper,
    receipt,
    receipts,
    sealed_length,
    set_hash,
    write_paper,
)
from content.elections import Ballot, Election, Mark

FIVE = Election(candidates=("a", "b", "c", "d", "e"), seats=3)
papers = st.builds(
    Ballot,
    marks=st.dictionaries(st.sampled_from("abcde"), st.sampled_from(Mark)),
    write_ins=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=LONGEST_NAME), max_size=3
    ).map(tuple),
)


def test_half_a_character_or_a_strange_name_makes_a_paper_void_and_ends_no_count() -> None:
    signed = json.dumps({"v": 1, "m": {"\ud800": "Y"}, "w": []}).encode()
    strange = write_paper(Ballot(marks={"my sign": Mark("Y")}))
    good = write_paper(Ballot(marks={"c1": Mark("Y")}))
    lines = opened_lines([signed, strange, good], candidates=["c1", "c2"])
    assert sorted(lines) == sorted(["null", "null", good.decode()])


@settings(max_examples=60, deadline=None)
@given(papers)
def test_a_paper_is_read_as_it_was_written_and_fits_its_envelope(paper: Ballot) -> None:
    plain = write_paper(paper)
    assert read_paper(plain) == paper
    assert len(plain) < sealed_length(FIVE) - OVERHEAD


def test_envelopes_are_whole_blocks_whatever_the_ballot() -> None:
    many = Election(candidates=tuple(f"candidate{one}" for one in range(60)), seats=11)
    assert [(sealed_length(one) - OVERHEAD) % BLOCK for one in (FIVE, many)] == [0, 0]
    assert sealed_length(Election(candidates=("a", "b"), seats=1)) == BLOCK + OVERHEAD == 560
    assert sealed_length(many) > sealed_length(FIVE)


def test_a_paper_holds_marks_and_names_and_nothing_else() -> None:
    """L5: no voter, no time, no number."""
    assert json.loads(write_paper(Ballot(marks={"b": Mark.NO, "a": Mark.YES}, write_ins=("x",)))) == {
        "v": 1,
        "m": {"a": "Y", "b": "N"},
        "w": ["x"],
    }


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'{"v":1}',
        b'{"v":2,"m":{},"w":[]}',
        b'{"m":{},"w":[]}',
        b'{"v":1,"m":{"a":"?"},"w":[]}',
        b'{"v":1,"m":{"a":["Y"]},"w":[]}',
        b'{"v":1,"m":{"a":"Y","a":"N"},"w":[]}',
        b'{"v":1,"m":{},"w":"x"}',
        b'{"v":1,"m":{},"w":[1]}',
        b'{"v":1,"m":{},"w":[],"voter":"me"}',
        b"[" * 100_000,
        EMPTY,
    ],
)
def test_what_is_no_paper_is_void(plain: bytes) -> None:
    assert read_paper(plain) is None


def test_what_was_opened_is_the_same_in_whatever_order_it_was_cast() -> None:
    """Nothing of what cannot be read is kept, for it might be somebody's sign."""
    cast = [write_paper(Ballot(marks={"b": Mark.YES})), b'{ "v": 1, "m": {"a": "N"}, "w": [] }', b"me, myself"]
    found = {opened_lines(order) for order in permutations(cast)}
    assert found == {("null", '{"m":{"a":"N"},"v":1,"w":[]}', '{"m":{"b":"Y"},"v":1,"w":[]}')}
    assert [pile.ballot is None for pile in piles(found.pop())] == [True, False, False]


def test_who_may_not_be_written_in_makes_a_paper_void_and_the_order_of_others_is_no_sign() -> None:
    """L8: a name of one's own, or an order, might be somebody's mark."""
    cast = [write_paper(Ballot(marks={"a": Mark.NO, "b": Mark.NO}, write_ins=names)) for names in (("y", "x"), ("z",))]
    found = opened_lines(cast, candidates=("a", "b"), eligible=frozenset({"x", "y"}))
    assert found == ("null", '{"m":{"a":"N","b":"N"},"v":1,"w":["x","y"]}')
    assert opened_lines(cast, candidates=("a", "b"), eligible=frozenset()) == ("null", "null")
    assert opened_lines(cast, write_ins=False, candidates=("a", "b")) == ("null", "null")
    assert "null" not in opened_lines(cast, candidates=("a", "b"), eligible=None)


def test_the_hash_of_a_set_knows_nothing_of_order_and_everything_of_what_is_in_it() -> None:
    """L10, and the receipt list is sorted."""
    listed = receipts([b"one", b"two", b"three"])
    assert listed == tuple(sorted(map(receipt, [b"three", b"one", b"two"])))
    assert set_hash(listed[::-1]) == set_hash(listed)
    others = [listed[:2], [*listed, listed[0]], receipts([b"one", b"two", b"four"])]
    assert len({set_hash(one) for one in [listed, *others]}) == 4
