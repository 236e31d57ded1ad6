"""How many questions without a name somebody has asked about a lecture.

In memory only, as no table may tell who asked: after a start it is known of nobody.
"""

from __future__ import annotations

from collections import OrderedDict

from content.identifiers import Cause, MemberId, OccurrenceId
from content.lecture_questions import MOST_UNNAMED

MOST_KEPT = 10_000
"""People of whom it is remembered; those who asked longest ago are forgotten first."""


class UnnamedQuestions:
    """The causes of what each person has asked, so that what is decided twice is counted once."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[OccurrenceId, MemberId], set[Cause]] = OrderedDict()

    def may_ask(self, occurrence: OccurrenceId, member: MemberId, cause: Cause) -> bool:
        """Tell whether somebody may ask once more."""
        asked = self._asked.get((occurrence, member), set())
        return cause in asked or len(asked) < MOST_UNNAMED

    def note(self, occurrence: OccurrenceId, member: MemberId, cause: Cause) -> None:
        """Count what was taken."""
        asked = self._asked.pop((occurrence, member), set())
        self._asked[occurrence, member] = asked | {cause}
        if len(self._asked) > MOST_KEPT:
            self._asked.popitem(last=False)
