"""Counts what became of the rows that delivery tried since the process began, in numbers alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.matrix.faults import Kind
from content.decision import Fact
from storage.outbox import GivenUp, Postponed, Sent


class Tally:
    """Rows sent, failed, held up by a limit of the homeserver, and given up; and when one last came to its end."""

    def __init__(self) -> None:
        self._counts = {"sent": 0, "failed": 0, "limited": 0, "given_up": 0}
        self._moved_at: float | None = None

    def note(self, facts: Iterable[Fact]) -> None:
        """Count what was recorded of rows."""
        for fact in facts:
            match fact:
                case Sent():
                    self._counts["sent"] += 1
                    self._moved_at = fact.at.timestamp()
                case GivenUp():
                    self._counts["given_up"] += 1
                    self._moved_at = fact.at.timestamp()
                case Postponed() if fact.error.startswith(Kind.LIMITED):
                    self._counts["limited"] += 1
                case Postponed() if fact.counts:
                    self._counts["failed"] += 1

    def measures(self) -> Mapping[str, float]:
        """Return the counts, and ``moved_at`` in seconds of the epoch once there is such a moment."""
        moved = {} if self._moved_at is None else {"moved_at": self._moved_at}
        return {**self._counts, **moved}
