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

    def allow(self, occurrence: OccurrenceId, member: MemberId, cause: Cause) -> bool:
        """Tell whether somebody may ask once more, and count it."""
        place = (occurrence, member)
        asked = self._asked.pop(place, set())
        self._asked[place] = asked
        if len(self._asked) > MOST_KEPT:
            self._asked.popitem(last=False)
        if cause not in asked and len(asked) >= MOST_UNNAMED:
            return False
        asked.add(cause)
        return True
