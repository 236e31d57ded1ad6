"""Who was sent a link to their ballot of late, so that no reminder comes upon it and puts it out of use.

In memory only: who asks is about to vote, and no time of it may lie in a table. After a start it is known of nobody.
"""

from __future__ import annotations

from datetime import datetime

from content.ballot_times import FRESH
from content.identifiers import BallotId, MemberId


class FreshLinks:
    """Links that people have asked for within the last hour."""

    def __init__(self) -> None:
        self._sent: dict[tuple[BallotId, MemberId], datetime] = {}

    def note(self, ballot: BallotId, member: MemberId, now: datetime) -> None:
        """Remember that somebody was sent a link, and forget what is an hour old."""
        self._sent = {one: at for one, at in self._sent.items() if self._is_fresh(at, now)}
        self._sent[ballot, member] = now

    def has(self, ballot: BallotId, member: MemberId, now: datetime) -> bool:
        """Tell whether somebody holds a link that is not an hour old."""
        at = self._sent.get((ballot, member))
        return at is not None and self._is_fresh(at, now)

    @staticmethod
    def _is_fresh(at: datetime, now: datetime) -> bool:
        return abs(now - at) < FRESH
