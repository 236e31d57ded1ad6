"""Shares rebuild their secret when there are enough of them, and say nothing when there are fewer."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.shares import combine, invert, multiply, rebuilt, split

SECRET = bytes(range(32))
NOISE = bytes((7 * place + 3) % 256 for place in range(32 * 4))


@pytest.mark.parametrize(
    ("a", "b", "product"), [(0x57, 0x83, 0xC1), (0x57, 0x13, 0xFE), (0x57, 0x02, 0xAE), (0x57, 0x10, 0x07)]
)
def test_the_field_is_that_of_aes(a: int, b: int, product: int) -> None:
    """The examples of FIPS 197, section 4.2."""
    assert multiply(a, b) == multiply(b, a) == product


def test_every_element_has_its_inverse() -> None:
    assert [a for a in range(1, 256) if multiply(a, invert(a)) != 1] == []


def test_shares_are_what_they_were_for_these_numbers() -> None:
    """Kept, so that shares handed out by an earlier version, or by another program, go on to fit."""
    # 0x42 + 0x17 x + 0x9a x^2 at 1, 2 and 3, reckoned by hand with the products above's rules.
    shares = split(b"\x42", needed=3, among=3, randomness=b"\x17\x9a")
    by_hand = {x: 0x42 ^ multiply(0x17, x) ^ multiply(0x9A, multiply(x, x)) for x in (1, 2, 3)}
    assert {x: share[0] for x, share in shares.items()} == by_hand == {1: 0xCF, 2: 0x32, 3: 0xBF}


@pytest.mark.parametrize(("needed", "among"), [(2, 3), (3, 3), (3, 5), (1, 3)])
def test_every_choice_of_enough_shares_rebuilds_the_secret(needed: int, among: int) -> None:
    shares = split(SECRET, needed=needed, among=among, randomness=NOISE[: 32 * (needed - 1)])
    assert set(rebuilt(shares, needed)) == {SECRET}
    assert combine(shares) == SECRET


def test_no_choice_of_fewer_does() -> None:
    shares = split(SECRET, needed=3, among=5, randomness=NOISE[:64])
    for chosen in combinations(shares, 2):
        assert combine({x: shares[x] for x in chosen}) != SECRET


@settings(max_examples=20, deadline=None)
@given(seen=st.integers(0, 255), other=st.integers(0, 255))
def test_fewer_shares_fit_every_secret(seen: int, other: int) -> None:
    """Whatever one share of two shows, each secret is as possible as any other."""
    fitting = [
        noise
        for noise in range(256)
        if split(bytes([other]), needed=2, among=2, randomness=bytes([noise]))[1] == bytes([seen])
    ]
    assert len(fitting) == 1


@pytest.mark.parametrize(("needed", "among", "length"), [(0, 3, 0), (4, 3, 96), (2, 256, 32), (2, 3, 31), (2, 3, 64)])
def test_what_cannot_be_split_is_refused(needed: int, among: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"shares|randomness"):
        split(SECRET, needed=needed, among=among, randomness=NOISE[:length])


def test_a_share_under_a_wrong_number_rebuilds_something_else() -> None:
    shares = split(SECRET, needed=2, among=3, randomness=NOISE[:32])
    assert combine({1: shares[2], 2: shares[1]}) != SECRET
