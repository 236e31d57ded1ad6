"""Shares of a whole in whole numbers: whether a count is enough, and the least count that is."""

from __future__ import annotations

from msgspec import Struct


class Threshold(Struct, frozen=True, kw_only=True):
    """A share of a whole that must be reached, or with ``exceeded`` be passed: exactly that share is not enough."""

    numerator: int
    denominator: int
    exceeded: bool = False

    def met(self, count: int, whole: int) -> bool:
        """Tell whether a count out of the whole is enough."""
        reached, wanted = self.denominator * count, self.numerator * whole
        return reached > wanted if self.exceeded else reached >= wanted

    def least(self, whole: int) -> int:
        """Return the least count that is enough."""
        wanted = self.numerator * whole
        return wanted // self.denominator + 1 if self.exceeded else -(-wanted // self.denominator)


HALF = Threshold(numerator=1, denominator=2)
MORE_THAN_HALF = Threshold(numerator=1, denominator=2, exceeded=True)
FOUR_FIFTHS = Threshold(numerator=4, denominator=5)
MORE_THAN_FOUR_FIFTHS = Threshold(numerator=4, denominator=5, exceeded=True)
ONE_FIFTH = Threshold(numerator=1, denominator=5)
ANY = Threshold(numerator=0, denominator=1)
