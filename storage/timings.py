"""How long things took, counted into fixed buckets: enough for a machine that draws curves, and nothing to keep."""

from __future__ import annotations

from bisect import bisect_left

LIMITS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
"""Upper limits of the buckets, in seconds; the last bucket has none."""


class Timings:
    """Durations since the process began. One thread adds, any may read."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LIMITS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(LIMITS, seconds)] += 1
        self.total += seconds
