"""Minutes by their rules: when a meeting ended, and what makes room where there are many versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import LessonId, OccurrenceId, OrganisationId, UserId
from content.meetings import Meeting
from content.minutes import MOST_VERSIONS, Minutes, MinutesWritten, Part, end_of, write
from content.notices import Form, State

LATE = datetime(2026, 7, 4, 15, 0, tzinfo=UTC)
"""23:00 in Shanghai."""
ONE = Meeting(
    id=OccurrenceId("one"),
    organisation=OrganisationId("branch"),
    form=Form.ASSEMBLY,
    lesson=LessonId("lesson"),
    title="支部党员大会",
    agenda=("讨论",),
    place="会议室",
    begins_at=LATE,
    length=timedelta(hours=2),
    timezone="Asia/Shanghai",
    state=State.HELD,
)


def version(number: int, *, done: bool = False) -> Minutes:
    by = UserId("@zhang:test")
    return Minutes(occurrence=ONE.id, number=number, texts={Part.CONTENTS: str(number)}, done=done, by=by, at=LATE)


def written(*versions: Minutes, ended: datetime | None = None) -> Decision | Refusal:
    more: dict[str, Any] = {"ended_at": ended, "done": True, "by": UserId("@zhang:test"), "now": LATE}
    return write(ONE, {Part.CONTENTS: "定稿"}, versions=versions, seen=versions[0].number if versions else 0, **more)


@pytest.mark.parametrize(("typed", "after"), [("23:30", 30), ("00:30", 90), ("23:00", 24 * 60)])
def test_a_meeting_ends_at_the_first_such_time_after_it_began_be_it_past_midnight(typed: str, after: int) -> None:
    assert end_of(ONE, typed) == LATE + timedelta(minutes=after)


def test_an_end_that_is_no_time_or_far_off_is_refused() -> None:
    assert isinstance(end_of(ONE, "half past"), Refusal)
    assert isinstance(written(ended=LATE + timedelta(hours=13)), Refusal)
    early = end_of(replace(ONE, begins_at=LATE - timedelta(hours=13)), "09:00")
    assert isinstance(early, datetime)
    assert early > LATE, "in the morning before a meeting at ten is the next morning, which is refused as too long"


def test_where_versions_are_many_the_oldest_draft_makes_room_and_done_ones_stay() -> None:
    many = [version(number, done=number == 1) for number in range(MOST_VERSIONS, 0, -1)]
    answer = written(*many)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, MinutesWritten)
    assert (fact.minutes.number, fact.instead) == (MOST_VERSIONS + 1, 2)
    (few,) = written(*many[1:]).facts  # type: ignore[union-attr]
    assert isinstance(few, MinutesWritten)
    assert few.instead is None
    full = written(*(replace(one, done=True) for one in many))
    assert isinstance(full, Refusal)
