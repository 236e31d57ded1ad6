"""What a meeting may decide: the oracles of quorum and majority, votes that add up, and corrections in time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.ballots import Elector
from content.checkins import Note
from content.checkins import State as Answer
from content.decision import Decision, Refusal
from content.identifiers import Cause, LessonId, MemberId, OccurrenceId, OrganisationId, ResolutionId, UserId
from content.meetings import Meeting
from content.notices import Form, State
from content.resolutions import (
    Floor,
    Resolution,
    ResolutionRecorded,
    Show,
    Task,
    assign,
    earlier,
    finish,
    floor,
    record,
    said_of,
    standing_of,
)
from content.roll_calls import Mark, mark_of
from content.speech import Reader
from zhibu.catalogue import load_speech

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
BY = UserId("@recorder:test")
HELD = Meeting(
    id=OccurrenceId("m"),
    organisation=OrganisationId("o"),
    form=Form.ASSEMBLY,
    lesson=LessonId("l"),
    title="大会",
    agenda=(),
    place="",
    begins_at=NOW,
    length=timedelta(hours=1),
    timezone="Asia/Shanghai",
    state=State.HELD,
)
TWELVE_OF_TWENTY = Floor(expected=20, present=12)


@pytest.mark.parametrize(
    ("n", "quorum", "need"),
    [
        *((3, 2, 2), (5, 3, 3), (7, 4, 4), (8, 4, 5), (10, 5, 6)),
        *((12, 6, 7), (16, 8, 9), (20, 10, 11), (25, 13, 13), (50, 25, 26)),
    ],
)
def test_the_oracles_of_quorum_and_majority(n: int, quorum: int, need: int) -> None:
    """VOTE-1, VOTE-2."""
    one = Floor(expected=n, present=quorum)
    assert (one.quorum, one.need) == (quorum, need)
    assert one.may_vote
    assert not Floor(expected=n, present=quorum - 1).may_vote


def test_of_nobody_there_is_no_quorum() -> None:
    nobody = Floor(expected=0, present=0)
    assert not nobody.may_vote
    assert [one.key for one in said_of(nobody)] == ["resolution.no_electors"]


def test_the_line_is_said_in_full() -> None:
    """VOTE-12, VOTE-10."""
    speech = load_speech()
    lines = [speech.say(one, Reader()) for one in said_of(Floor(expected=20, present=16, online=2))]
    assert lines == [
        "应到有表决权 20，到 16 ≥ 10，可以表决；通过需赞成 ≥ 11。",
        "另有 2 人线上参加，不计入到会。",
    ]


def test_the_floor_is_reckoned_from_the_register_and_the_roll() -> None:
    register = [Elector(member=MemberId(one), may_vote=one != "d", reason="") for one in "abcdef"]
    roll = {
        MemberId("a"): (Answer.DONE, None),
        MemberId("b"): (Answer.DONE, Note.LATE),
        MemberId("c"): (Answer.DONE, Note.ONLINE),
        MemberId("d"): (Answer.DONE, None),
        MemberId("e"): (Answer.EXCUSED, None),
        MemberId("f"): (Answer.MADE_UP, None),
    }
    assert floor(register, roll) == Floor(expected=5, present=2, online=1)


def write(
    show: Show | None,
    there: Floor = TWELVE_OF_TWENTY,
    *,
    text: str = "同意年度计划",
    known: tuple[Resolution, ...] = (),
    replaces: ResolutionId | None = None,
    meeting: Meeting = HELD,
    now: datetime = NOW,
    cause: str = "c",
) -> Resolution | str:
    answer = record(
        meeting,
        text,
        now_there=there,
        show=show,
        known=known,
        replaces=replaces,
        by=BY,
        cause=Cause(cause),
        now=now,
    )
    if isinstance(answer, Refusal):
        return answer.words.key
    (fact,) = answer.facts
    assert isinstance(fact, ResolutionRecorded)
    return fact.resolution


@pytest.mark.parametrize(
    ("there", "show", "expected"),
    [
        (Floor(expected=20, present=9), Show(yes=9, no=0, abstained=0), "resolution.too_few"),
        (Floor(expected=20, present=10), Show(yes=10, no=0, abstained=0), False),
        (TWELVE_OF_TWENTY, Show(yes=11, no=1, abstained=0), True),
        (TWELVE_OF_TWENTY, Show(yes=11, no=0, abstained=0), "resolution.does_not_add_up"),
        (TWELVE_OF_TWENTY, Show(yes=13, no=-1, abstained=0), "resolution.does_not_add_up"),
        (Floor(expected=0, present=0), Show(yes=0, no=0, abstained=0), "resolution.no_electors"),
    ],
)
def test_a_vote_by_hand_is_checked_and_never_repaired(there: Floor, show: Show, expected: bool | str) -> None:
    """VOTE-2, VOTE-9: 10 of 20 is not more than half, 11 of 12 present is."""
    found = write(show, there)
    assert (found.passed if isinstance(found, Resolution) else found) == expected


def test_what_is_decided_without_a_vote_neither_passes_nor_fails() -> None:
    found = write(None)
    assert isinstance(found, Resolution)
    assert found.passed is None


def test_a_correction_keeps_the_earlier_words_and_ends_after_three_days() -> None:
    first = write(Show(yes=11, no=1, abstained=0))
    assert isinstance(first, Resolution)
    # What was counted then is checked by who was there then.
    second = write(
        Show(yes=12, no=0, abstained=0),
        Floor(expected=20, present=15),
        known=(first,),
        replaces=first.id,
        cause="second",
    )
    assert isinstance(second, Resolution)
    assert standing_of((first, second)) == (second,)
    assert earlier(second, (first, second)) == (first,)
    assert write(None, known=(first, second), replaces=first.id) == "resolution.changed_since"
    assert write(first.show, known=(first,), replaces=first.id) == "resolution.same"
    closed = replace(HELD, state=State.CLOSED, closed_at=NOW)
    assert isinstance(write(None, meeting=closed, now=NOW + timedelta(days=3)), Resolution)
    assert write(None, meeting=closed, now=NOW + timedelta(days=3, seconds=1)) == "resolution.too_late"


def test_a_count_is_put_right_by_the_roll_that_was_put_right_before() -> None:
    two, three = Floor(expected=3, present=2), Floor(expected=3, present=3)
    first = write(Show(yes=2, no=0, abstained=0), two)
    assert isinstance(first, Resolution)
    second = write(Show(yes=2, no=1, abstained=0), three, known=(first,), replaces=first.id, cause="second")
    assert isinstance(second, Resolution)
    assert second.floor == three
    wrong = Show(yes=2, no=2, abstained=0)
    assert write(wrong, three, known=(first,), replaces=first.id) == "resolution.does_not_add_up"


def test_a_task_has_one_owner_and_a_day_and_is_done_once() -> None:
    def give(member: str | None, text: str = "联系扶手厂家", on: date | None = date(2026, 8, 1)) -> str:
        answer = assign(
            HELD,
            MemberId(member) if member else None,
            text,
            due_on=on,
            people={MemberId("zhang")},
            by=BY,
            cause=Cause("c"),
            now=NOW,
        )
        return answer.words.key if isinstance(answer, Refusal) else "assigned"

    assert give("zhang") == "assigned"
    assert give("stranger") == give(None) == "meeting.not_from_here"
    assert give("zhang", " ") == "resolution.no_task"
    assert give("zhang", on=date(2026, 6, 30)) == give("zhang", on=None) == "resolution.bad_day"
    open_task = assign(
        HELD,
        MemberId("zhang"),
        "一事",
        due_on=date(2026, 7, 1),
        people={MemberId("zhang")},
        by=BY,
        cause=Cause("c"),
        now=NOW,
    )
    assert isinstance(open_task, Decision)
    task = open_task.facts[0].task  # type: ignore[attr-defined]
    assert isinstance(task, Task)
    assert isinstance(finish(task, on=date(2026, 7, 2)), Decision)
    done = replace(task, done_on=date(2026, 7, 2))
    assert isinstance(finish(done, on=date(2026, 7, 3)), Refusal)


@pytest.mark.parametrize(
    ("state", "note", "mark"),
    [
        (Answer.DONE, None, Mark.PRESENT),
        (Answer.DONE, "online", Mark.ONLINE),
        (Answer.DONE, "late", Mark.LATE),
        (Answer.EXCUSED, None, Mark.LEAVE),
        (Answer.ABSENT, None, Mark.ABSENT),
        (Answer.MADE_UP, None, Mark.MADE_UP),
        (Answer.OPEN, "coming", Mark.SILENT),
        (Answer.UNANSWERED, None, Mark.SILENT),
    ],
)
def test_the_form_of_the_roll_says_how_everyone_stands(state: Answer, note: str | None, mark: Mark) -> None:
    assert mark_of(state, note) is mark
