"""A correction is answered once, a record is set by hand with a reason, and silence and riddles have an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from content.checkins import Answered, Expectation
from content.checkins import State as Answer
from content.corrections import (
    LONGEST_ANSWER,
    Correction,
    Mark,
    State,
    answer_correction,
    record_by_hand,
)
from content.decision import Decision, Refresh, Refusal, Tell, words
from content.identifiers import (
    CardId,
    Cause,
    CorrectionId,
    LessonId,
    MemberId,
    OccurrenceId,
    OrganisationId,
    UserId,
)
from content.lessons import Kind
from content.misreadings import MOST, PAUSE, WINDOW, Misread, Misreading, misread
from content.mutes import LONGEST, mute
from content.occurrences import Occurrence
from content.occurrences import State as Stand

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
USER, BY = UserId("@zhang:test"), UserId("@secretary:test")


def place(state: Answer, stand: Stand, user: str = USER) -> Expectation:
    """Return a place in an occurrence."""
    occurrence = Occurrence(
        id=OccurrenceId("one"),
        lesson=LessonId("lesson"),
        audience=OrganisationId("roof"),
        due_at=NOW,
        window=timedelta(hours=2),
        late=timedelta(minutes=10),
        state=stand,
        closes_at=NOW + timedelta(hours=2),
    )
    return Expectation(
        occurrence=occurrence,
        member=MemberId("zhang"),
        user=UserId(user),
        name="张明",
        card=CardId("card"),
        title="安全",
        kind=Kind.EVENT,
        state=state,
    )


def set_to(state: Answer, stand: Stand, mark: Mark) -> str:
    """Say what setting a record comes to: the new state, or the key of the refusal."""
    answer = record_by_hand(place(state, stand), mark, "签到表上有名字", by=BY, cause=Cause("form:1"), now=NOW)
    if isinstance(answer, Refusal):
        return answer.words.key
    (fact,) = answer.facts
    assert isinstance(fact, Answered)
    assert (fact.recorded_by, fact.explanation) == (BY, "签到表上有名字")
    return fact.after.value


SAME, NEVER = "correction.no_change", "correction.not_offered"
OPEN_MARKS = {
    Answer.OPEN: ("done", "excused", SAME),
    Answer.DONE: (SAME, "excused", "open"),
    Answer.EXCUSED: ("done", SAME, "open"),
    Answer.NOT_OFFERED: (NEVER, NEVER, NEVER),
}
CLOSED_MARKS = {
    Answer.UNANSWERED: ("done", "excused", SAME),
    Answer.DONE: (SAME, "excused", "unanswered"),
    Answer.LATE: (SAME, "excused", "unanswered"),
    Answer.MADE_UP: (SAME, "excused", "unanswered"),
    Answer.EXCUSED: ("done", SAME, "unanswered"),
    Answer.NOT_OFFERED: (NEVER, NEVER, NEVER),
}


@pytest.mark.parametrize(
    ("stand", "state", "expected"),
    [
        *[(Stand.OPEN, state, expected) for state, expected in OPEN_MARKS.items()],
        *[(Stand.CLOSED, state, expected) for state, expected in CLOSED_MARKS.items()],
    ],
)
def test_every_state_can_be_set_by_hand_to_every_other(
    stand: Stand, state: Answer, expected: tuple[str, str, str]
) -> None:
    assert tuple(set_to(state, stand, mark) for mark in (Mark.ATTENDED, Mark.LEAVE, Mark.NEITHER)) == expected


@pytest.mark.parametrize("stand", [Stand.PLANNED, Stand.MISSED, Stand.CANCELLED])
def test_what_was_not_held_has_no_record(stand: Stand) -> None:
    assert set_to(Answer.OPEN, stand, Mark.ATTENDED) == "correction.not_held"


def test_the_card_follows_and_the_member_is_told_unasked_if_there_is_an_account() -> None:
    for user, told in ((USER, True), ("", False)):
        answer = record_by_hand(
            place(Answer.OPEN, Stand.OPEN, user), Mark.ATTENDED, "说明", by=BY, cause=Cause("form:1"), now=NOW
        )
        assert isinstance(answer, Decision)
        assert isinstance(answer.effects[0], Refresh)
        assert [one.unasked for one in answer.effects if isinstance(one, Tell)] == [True] * told


def correction(state: State = State.WAITING) -> Correction:
    """Return a correction."""
    return Correction(
        id=CorrectionId("one"),
        organisation=OrganisationId("east"),
        member=MemberId("zhang"),
        user=USER,
        occurrence=None,
        text="我到了",
        asked_at=NOW,
        state=state,
    )


@pytest.mark.parametrize(
    ("settled", "answer", "state", "key"),
    [
        (True, "好", State.WAITING, "correction.told_settled"),
        (True, " ", State.WAITING, "correction.told_settled_plainly"),
        (False, "没有", State.WAITING, "correction.told_unchanged"),
        (False, " ", State.WAITING, "correction.why_not"),
        (True, "字" * (LONGEST_ANSWER + 1), State.WAITING, "correction.answer_too_long"),
        *[(True, "好", state, "correction.answered_already") for state in State if state is not State.WAITING],
    ],
)
def test_a_correction_is_answered_once_and_with_a_reason(settled: bool, answer: str, state: State, key: str) -> None:
    found = answer_correction(correction(state), answer, settled=settled, by=BY, now=NOW)
    said = found.words if isinstance(found, Refusal) else found.effects[0].words  # type: ignore[attr-defined]
    assert said.key == key
    if isinstance(found, Decision):
        # An answer to what was asked is no message that the bot begins.
        assert found.effects[0].unasked is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("length", "taken"), [(LONGEST, True), (LONGEST + timedelta(seconds=1), False), (timedelta(), False)]
)
def test_silence_ends(length: timedelta, taken: bool) -> None:
    assert isinstance(mute(USER, length, now=NOW), Decision) is taken


@pytest.mark.parametrize(
    ("since", "last", "number", "expected"),
    [
        (timedelta(0), PAUSE - timedelta(seconds=1), 1, None),
        (PAUSE, PAUSE, 1, 2),
        (WINDOW - timedelta(seconds=1), PAUSE, MOST, None),
        (WINDOW, PAUSE, MOST, 1),
    ],
)
def test_not_understood_is_said_seldom(since: timedelta, last: timedelta, number: int, expected: int | None) -> None:
    before = Misreading(since=NOW - since, last=NOW - last, number=number)
    answer = misread(USER, before, words("help.not_understood"), now=NOW)
    facts = answer.facts if answer else ()
    assert [fact.number for fact in facts if isinstance(fact, Misread)] == ([expected] if expected else [])
