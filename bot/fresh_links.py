"""Who was sent a link to their ballot of late, so that no reminder comes upon it and puts it out of use.

In memory only: who asks is about to vote, and no time of it may lie in a table. After a start it is known of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from content.ballot_links import BallotLinkAsked
from content.ballot_times import FRESH
from content.decision import Decision
from content.identifiers import BallotId, MemberId
from storage.store import Outcome


class FreshLinks:
    """Links that people have asked for within the last hour."""

    def __init__(self) -> None:
        self._sent: dict[tuple[BallotId, MemberId], datetime] = {}

    def note(self, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Remember who was sent a link by what is committed, and forget what is an hour old."""
        self._sent = {one: at for one, at in self._sent.items() if self._is_fresh(at, now)}
        for outcome in outcomes:
            for fact in outcome.answer.facts if isinstance(outcome.answer, Decision) else ():
                if isinstance(fact, BallotLinkAsked):
                    self._sent[fact.ballot, fact.member] = now

    def has(self, ballot: BallotId, member: MemberId, now: datetime) -> bool:
        """Tell whether somebody holds a link that is not an hour old."""
        at = self._sent.get((ballot, member))
        return at is not None and self._is_fresh(at, now)

    @staticmethod
    def _is_fresh(at: datetime, now: datetime) -> bool:
        return abs(now - at) < FRESH
