"""The electronic votes of an election, each with what became of it: one that came to nothing stays on record too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from content.ballots import Ballot, State, Voiding
from content.decision import Words, words
from content.elections import Outcome
from content.electronic_elections import RUNNING, Way


class ElectronicVote(Struct, frozen=True, kw_only=True):
    """One vote that was prepared for an election, under the letter of that day.

    ``counted`` tells that the count of the election is the one that came out of it, ``figures`` what was found in the
    box and ``opened_hash`` by which papers, ``why`` and ``ended_on`` that it came to nothing.
    """

    place: int
    ballot: Ballot
    way: Way
    reference: str
    dated: date
    figures: Mapping[str, Any] | None = None
    opened_hash: str | None = None
    counted: bool = False
    why: Voiding | None = None
    ended_on: date | None = None

    @property
    def over(self) -> bool:
        """Tell whether nothing more becomes of it."""
        return self.ballot.state not in RUNNING

    @property
    def closes_on(self) -> date:
        """Return the day on which it was to close, by the clock of its place."""
        return self.ballot.closes_at.astimezone(ZoneInfo(self.ballot.timezone)).date()


def became(vote: ElectronicVote) -> Words:
    """Say what became of a vote."""
    ballot, figures = vote.ballot, vote.ballot.attendance
    if not vote.over:
        return words("electronic.vote_stands", state=(words(f"ballots.state_{ballot.state}"),))
    if vote.counted:
        return words("electronic.vote_counted")
    if ballot.state is not State.VOID:
        found = words(f"count.outcome_{(vote.figures or {}).get('outcome', Outcome.COUNTED).lower()}")
        came = {"expected": figures.expected, "present": figures.present, "returned": figures.returned}
        return words("electronic.vote_without_result", outcome=(found,), **came)
    if vote.why is Voiding.TOO_FEW:
        return words("electronic.vote_too_few", expected=figures.expected, returned=figures.returned)
    if vote.why is Voiding.RESTORED:
        return words("electronic.vote_restored")
    return words(f"electronic.vote_cancelled_{_when_cancelled(vote)}")


STEPS = ("draft", "frozen", "open", "closed", "opened")
"""How far a vote had come that was cancelled."""


def _when_cancelled(vote: ElectronicVote) -> str:
    ballot = vote.ballot
    reached = (ballot.manifest_hash, ballot.told_at, ballot.set_hash, vote.figures)
    return STEPS[sum(one is not None for one in reached)]
