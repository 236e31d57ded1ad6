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

    def allows(self, occurrence: OccurrenceId, member: MemberId, cause: Cause) -> bool:
        """Tell whether somebody may ask once more, or asks by this cause already."""
        asked = self._asked.get((occurrence, member), set())
        return cause in asked or len(asked) < MOST_UNNAMED

    def count(self, occurrence: OccurrenceId, member: MemberId, cause: Cause) -> None:
        """Remember that somebody has asked by a cause."""
        place = (occurrence, member)
        self._asked[place] = self._asked.pop(place, set()) | {cause}
        if len(self._asked) > MOST_KEPT:
            self._asked.popitem(last=False)
