"""Splits a secret into shares of which a given number rebuilds it and fewer say nothing (Shamir over GF(2^8)).

The field is that of AES, with the polynomial x^8 + x^4 + x^3 + x + 1; every byte of the secret is the value at nought
of a polynomial of its own, and share ``x`` holds the values at ``x``. Randomness comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

MOST = 255
"""There are no more points in the field than that, beside nought."""

_REDUCED = 0x1B


def multiply(a: int, b: int) -> int:
    """Return the product of two elements of the field, in as many steps whatever they are."""
    product = 0
    for _ in range(8):
        product ^= a & -(b & 1)
        a = (a << 1 ^ _REDUCED & -(a >> 7)) & 0xFF
        b >>= 1
    return product


def invert(a: int) -> int:
    """Return the inverse of an element other than nought, its 254th power."""
    power = 1
    for _ in range(7):
        a = multiply(a, a)
        power = multiply(power, a)
    return power


def split(secret: bytes, *, needed: int, among: int, randomness: bytes) -> dict[int, bytes]:
    """Return the shares by their numbers, from 1.

    ``randomness`` are ``len(secret) * (needed - 1)`` bytes that nobody can guess and that are used for nothing else.
    """
    if not 1 <= needed <= among <= MOST:
        raise ValueError("that many shares cannot be made")
    if len(randomness) != len(secret) * (needed - 1):
        raise ValueError("the randomness is not as long as it must be")
    rows = [secret, *(randomness[start : start + len(secret)] for start in range(0, len(randomness), len(secret)))]
    return {x: bytes(_value(coefficients, x) for coefficients in zip(*rows, strict=True)) for x in range(1, among + 1)}


def _value(coefficients: tuple[int, ...], x: int) -> int:
    value = 0
    for one in reversed(coefficients):
        value = multiply(value, x) ^ one
    return value


def combine(shares: Mapping[int, bytes]) -> bytes:
    """Return what shares rebuild. Wrong ones, or too few, rebuild something else: whoever asks must know better."""
    weights = {x: _weight(x, shares) for x in shares}
    length = min(map(len, shares.values()))
    secret = bytearray(length)
    for x, share in shares.items():
        for place in range(length):
            secret[place] ^= multiply(weights[x], share[place])
    return bytes(secret)


def _weight(x: int, shares: Mapping[int, bytes]) -> int:
    """Return by how much a share counts at nought."""
    weight = 1
    for other in shares:
        if other != x:
            weight = multiply(weight, multiply(other, invert(other ^ x)))
    return weight


def rebuilt(shares: Mapping[int, bytes], needed: int) -> Iterator[bytes]:
    """Yield what every choice of as many shares as are needed rebuilds."""
    for chosen in combinations(sorted(shares), needed):
        yield combine({x: shares[x] for x in chosen})
