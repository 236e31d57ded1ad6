"""Sessions of one meeting for people who work in shifts: which forms may have them, and to which one somebody came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from content.decision import Refusal, refused
from content.lectures import Session
from content.notices import Form

MOST = 4
APART = timedelta(days=7)
"""So far the last session may lie behind the first; what is farther off is another meeting."""

LONGEST_PLACE = 100

FORMS = frozenset({Form.ASSEMBLY, Form.GROUP, Form.LECTURE, Form.SEMINAR, Form.PARTY_DAY})
"""What can be held in parts: there people listen, learn or work. What lives from all being together is none of it."""


def trouble_with(form: Form, sessions: Sequence[Session], length: timedelta) -> Refusal | None:
    """Refuse sessions that this form cannot have, or that are no sessions of one meeting; in order of their times."""
    if len(sessions) < 2:
        return None
    if form not in FORMS:
        return refused("meeting.not_in_sessions", field="date_2")
    if len(sessions) > MOST:
        return refused("meeting.many_sessions", field="date_2", most=MOST)
    for number, (before, one) in enumerate(pairwise(sessions), start=2):
        if len(one.place) > LONGEST_PLACE:
            return refused("meeting.long", field=f"place_{number}", most=LONGEST_PLACE)
        if one.begins < before.begins + length:
            return refused("meeting.sessions_overlap", field=f"date_{number}")
        if one.begins > sessions[0].begins + APART:
            return refused("meeting.sessions_apart", field=f"date_{number}", most=APART.days)
    return None


def attended(sessions: Sequence[Session], chosen: int | None, at: datetime | None) -> int | None:
    """Return to which session, counted from 1, somebody came who is there: ``None`` where that is not known.

    ``chosen`` is the one that they named, ``at`` when they signed in by themselves. The one that they named had begun
    by then, or it is the last that had.
    """
    if at is None:
        return chosen if chosen is not None and chosen <= len(sessions) else None
    begun = sum(one.begins <= at for one in sessions)
    if chosen is not None and chosen <= begun:
        return chosen
    return max(begun, 1)


def kept_choice(chosen: int, before: Sequence[Session], after: Sequence[Session]) -> int | None:
    """Return which session one that was chosen is once they have changed, ``None`` where it is none of them any more.

    While there are as many, each keeps its number; else one is known by its time.
    """
    if not 1 <= chosen <= len(before):
        return None
    if len(before) == len(after):
        return chosen
    times = [one.begins for one in after]
    begins = before[chosen - 1].begins
    return times.index(begins) + 1 if begins in times else None
