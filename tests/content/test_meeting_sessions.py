"""One meeting in several sessions for shifts: which forms may have them, who came to which, and that none is a vote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Refusal
from content.identifiers import Cause, LessonId, OccurrenceId, OrganisationId, UserId
from content.lectures import Session
from content.meeting_changes import drop_session
from content.meeting_sessions import MOST, attended, kept_choice
from content.meetings import Meeting, MeetingChanged, remind_at, trouble_with
from content.notices import Form, State
from content.resolutions import Floor, Show, record, said_of
from content.speech import Reader
from zhibu.catalogue import load_speech

NOW = datetime(2026, 7, 20, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING, EVENING = datetime(2026, 7, 24, 1, tzinfo=UTC), datetime(2026, 7, 24, 11, 30, tzinfo=UTC)
BY = UserId("@recorder:test")


def session(begins: datetime, place: str = "车间") -> Session:
    return Session(begins=begins, place=place)


SPLIT = Meeting(
    id=OccurrenceId("m"),
    organisation=OrganisationId("o"),
    form=Form.LECTURE,
    lesson=LessonId("l"),
    title="党课",
    agenda=(),
    place="三楼",
    begins_at=MORNING,
    length=HOUR,
    timezone="Asia/Shanghai",
    further=(session(EVENING),),
)


def why(refusal: object) -> str:
    assert isinstance(refusal, Refusal), refusal
    return refusal.words.key


@pytest.mark.parametrize("form", list(Form))
def test_what_lives_from_all_being_together_is_not_held_in_sessions(form: Form) -> None:
    found = trouble_with(replace(SPLIT, form=form), NOW)
    together = (Form.COMMITTEE, Form.LIFE, Form.REVIEW, Form.TALK)
    assert (found is None) is (form not in together)
    if found is not None:
        assert why(found) == "meeting.not_in_sessions"


@pytest.mark.parametrize(
    ("further", "said", "field"),
    [
        ((session(MORNING + HOUR),), None, None),
        ((session(MORNING + HOUR - timedelta(minutes=1)),), "meeting.sessions_overlap", "date_2"),
        ((session(MORNING - DAY),), "meeting.sessions_overlap", "date_2"),
        ((session(EVENING), session(EVENING + HOUR / 2)), "meeting.sessions_overlap", "date_3"),
        ((session(MORNING + 7 * DAY),), None, None),
        ((session(MORNING + 7 * DAY + HOUR),), "meeting.sessions_apart", "date_2"),
        (tuple(session(MORNING + n * DAY) for n in range(1, MOST)), None, None),
        (tuple(session(MORNING + n * DAY) for n in range(1, MOST + 1)), "meeting.many_sessions", "date_2"),
        ((session(EVENING, "字" * 101),), "meeting.long", "place_2"),
    ],
)
def test_sessions_follow_each_other_within_a_week(
    further: tuple[Session, ...], said: str | None, field: str | None
) -> None:
    found = trouble_with(replace(SPLIT, further=further), NOW)
    assert (found and found.words.key, found and found.field) == (said, field)


@pytest.mark.parametrize(
    ("chosen", "at", "came"),
    [
        (None, None, None),
        (2, None, 2),
        (3, None, None),
        (None, MORNING + HOUR, 1),
        (None, EVENING, 2),
        (1, EVENING + HOUR, 1),
        (2, MORNING, 1),
        (2, EVENING, 2),
    ],
)
def test_who_signed_in_came_to_the_session_they_named_or_to_the_last_that_had_begun(
    chosen: int | None, at: datetime | None, came: int | None
) -> None:
    assert attended(SPLIT.sessions, chosen, at) == came


def test_a_choice_keeps_its_number_while_there_are_as_many_and_else_its_time() -> None:
    before = (session(MORNING), session(EVENING), session(EVENING + DAY))
    assert [kept_choice(n, before, (session(MORNING + HOUR), *before[1:])) for n in (1, 2, 3)] == [1, 2, 3]
    assert [kept_choice(n, before, before[1:]) for n in (1, 2, 3)] == [None, 1, 2]
    assert kept_choice(4, before, before) is None


def test_it_takes_answers_until_after_its_last_session() -> None:
    assert SPLIT.ends_at == EVENING + HOUR
    assert SPLIT.answers_until == EVENING + 13 * HOUR
    assert SPLIT.day == MORNING.date()


def test_the_silent_are_reminded_once_before_the_first_session_that_the_notice_did_not_come_close_to() -> None:
    assert remind_at(SPLIT, MORNING - 3 * DAY) == MORNING - DAY
    later = replace(SPLIT, further=(session(MORNING + 2 * DAY),))
    assert remind_at(later, MORNING - DAY) == MORNING + DAY
    assert remind_at(replace(later, state=State.HELD), MORNING - DAY) == MORNING + DAY
    assert remind_at(replace(later, reminded_at=MORNING), MORNING - DAY) is None
    assert remind_at(replace(SPLIT, further=(), state=State.HELD), MORNING - 3 * DAY) is None


def test_a_vote_takes_those_who_are_there_together_so_none_is_recorded_of_sessions() -> None:
    """VOTE-1: present is who is in the room; each session has a room of its own."""
    held = replace(SPLIT, form=Form.ASSEMBLY, state=State.HELD)
    twenty = Floor(expected=20, present=16)
    given = {"now_there": twenty, "known": (), "replaces": None, "by": BY, "cause": Cause("form:1"), "now": EVENING}
    voted = record(held, "同意", show=Show(yes=12, no=3, abstained=1), **given)  # type: ignore[arg-type]
    assert why(voted) == "resolution.in_sessions"
    assert isinstance(record(held, "学习已完成", show=None, **given), Decision)  # type: ignore[arg-type]
    once = replace(held, further=())
    assert isinstance(record(once, "同意", show=Show(yes=12, no=3, abstained=1), **given), Decision)  # type: ignore[arg-type]
    (line,) = (load_speech().say(one, Reader()) for one in said_of(twenty, 2))
    assert line.startswith("这次会分 2 场开，应到有表决权 20，各场合计到 16。")
    assert "可以表决" not in line


def test_one_session_is_called_off_until_it_begins_and_the_meeting_stays() -> None:
    given = {"cards": (), "told": (BY,)}
    dropped = drop_session(SPLIT, 1, now=NOW, **given)  # type: ignore[arg-type]
    assert isinstance(dropped, Decision)
    (fact,) = dropped.facts
    assert isinstance(fact, MeetingChanged)
    assert (fact.meeting.begins_at, fact.meeting.place, fact.meeting.further) == (EVENING, "车间", ())
    assert [one.user for one in dropped.effects] == [BY]  # type: ignore[attr-defined]
    held = replace(SPLIT, state=State.HELD)
    assert why(drop_session(held, 1, now=MORNING, **given)) == "meeting.session_has_begun"  # type: ignore[arg-type]
    assert isinstance(drop_session(held, 2, now=MORNING, **given), Decision)  # type: ignore[arg-type]
    assert why(drop_session(replace(held, further=()), 1, now=NOW, **given)) == "meeting.one_session_left"  # type: ignore[arg-type]
    assert why(drop_session(replace(SPLIT, state=State.CLOSED), 2, now=NOW, **given)) == "meeting.not_planned"  # type: ignore[arg-type]
