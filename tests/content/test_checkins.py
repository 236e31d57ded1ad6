"""What an answer does in every state and at every time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from content.checkins import (
    LONGEST_REASON,
    TOOK_PART,
    Answered,
    Expectation,
    State,
    Way,
    ask_leave,
    check_in,
    take_back,
)
from content.decision import Decision, Refresh, Refusal, Tell
from content.identifiers import CardId, Cause, LessonId, MemberId, OccurrenceId, OrganisationId, UserId
from content.lessons import Kind
from content.occurrences import MAKE_UP, Occurrence
from content.occurrences import State as Stand

OPENED = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
CLOSES = OPENED + timedelta(hours=2)
USER, CARD, CAUSE = UserId("@zhang:test"), CardId("card"), Cause("event:$1")
DURING, AT_THE_END, AFTER, TOO_LATE = (
    CLOSES - timedelta(seconds=1),
    CLOSES,
    CLOSES + timedelta(days=29),
    CLOSES + MAKE_UP,
)


def place(state: State, *, stand: Stand | None = None, now: datetime = DURING, **more: Any) -> Expectation:
    """Return a place as it is at a moment: the occurrence is closed once its window is over."""
    stand = stand or (Stand.OPEN if now < CLOSES else Stand.CLOSED)
    occurrence = Occurrence(
        id=OccurrenceId("one"),
        lesson=LessonId("lesson"),
        audience=OrganisationId("roof"),
        due_at=OPENED,
        window=CLOSES - OPENED,
        late=timedelta(minutes=10),
        state=stand,
        opened_at=OPENED,
        closes_at=CLOSES,
    )
    usual = {
        "member": MemberId("zhang"),
        "user": USER,
        "name": "张明",
        "card": CARD,
        "title": "安全",
        "kind": Kind.LESSON,
    }
    return Expectation(**{"occurrence": occurrence, "state": state, **usual, **more})


def became(answer: Decision | Refusal | None) -> str:
    """Say what an answer came to: the new state, nothing, or the key of the refusal."""
    if answer is None:
        return "nothing"
    if isinstance(answer, Refusal):
        return answer.words.key
    facts = [fact for fact in answer.facts if isinstance(fact, Answered)]
    return facts[0].after.value if facts else "nothing"


CHECK_IN = {
    # state: in the window, at its very end, within the make-up time, after it
    State.OPEN: ("done", "late", "late", "checkin.closed"),
    State.EXCUSED: ("done", "late", "late", "checkin.closed"),
    State.UNANSWERED: ("done", "late", "late", "checkin.closed"),
    State.ABSENT: ("done", "late", "late", "checkin.closed"),
    State.DONE: ("nothing",) * 4,
    State.LATE: ("nothing",) * 4,
    State.MADE_UP: ("nothing",) * 4,
    State.NOT_OFFERED: ("checkin.not_offered",) * 4,
}
LEAVE = {
    State.OPEN: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.EXCUSED: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.UNANSWERED: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.ABSENT: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.DONE: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.LATE: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.MADE_UP: ("excused", "leave.closed", "leave.closed", "leave.closed"),
    State.NOT_OFFERED: ("checkin.not_offered", "leave.closed", "leave.closed", "leave.closed"),
}
MOMENTS = (DURING, AT_THE_END, AFTER, TOO_LATE)
TABLE = [(state, moment, row[column]) for state, row in CHECK_IN.items() for column, moment in enumerate(MOMENTS)]
LEAVE_TABLE = [(state, moment, row[column]) for state, row in LEAVE.items() for column, moment in enumerate(MOMENTS)]


def test_the_tables_know_every_state() -> None:
    assert set(CHECK_IN) == set(LEAVE) == set(State)


@pytest.mark.parametrize(("state", "now", "expected"), TABLE)
def test_checking_in(state: State, now: datetime, expected: str) -> None:
    answer = check_in(place(state, now=now), way=Way.REPLY, cause=CAUSE, now=now)
    assert became(answer) == expected


@pytest.mark.parametrize(("state", "now", "expected"), LEAVE_TABLE)
def test_asking_leave(state: State, now: datetime, expected: str) -> None:
    assert became(ask_leave(place(state, now=now), "倒班", way=Way.REPLY, cause=CAUSE, now=now)) == expected


def test_what_was_said_in_the_window_counts_as_done_even_when_it_is_heard_after_the_close() -> None:
    late_heard = place(State.UNANSWERED, stand=Stand.CLOSED)
    assert became(check_in(late_heard, way=Way.REPLY, cause=CAUSE, now=DURING)) == "done"


def test_from_the_list_of_what_was_missed_it_counts_as_made_up() -> None:
    for state in (State.UNANSWERED, State.EXCUSED):
        answer = check_in(place(state, now=AFTER), way=Way.PRIVATE, cause=CAUSE, now=AFTER, by_make_up=True)
        assert became(answer) == "made_up"


@pytest.mark.parametrize("stand", [Stand.PLANNED, Stand.MISSED, Stand.CANCELLED])
def test_what_is_not_offered_takes_no_answers(stand: Stand) -> None:
    given = place(State.OPEN, stand=stand)
    assert became(check_in(given, way=Way.REPLY, cause=CAUSE, now=DURING)) == "checkin.closed"
    assert became(ask_leave(given, "", way=Way.REPLY, cause=CAUSE, now=DURING)) == "leave.closed"
    assert became(take_back(given, removed=CAUSE, cause=Cause("x"), now=DURING)) == "nothing"


def test_a_fact_says_from_where_to_where_and_why() -> None:
    answer = ask_leave(place(State.OPEN), "倒班", way=Way.REPLY, cause=CAUSE, now=DURING)
    assert isinstance(answer, Decision)
    assert answer.facts == (
        Answered(
            occurrence=OccurrenceId("one"),
            member=MemberId("zhang"),
            before=State.OPEN,
            after=State.EXCUSED,
            at=DURING,
            cause=CAUSE,
            reason="倒班",
        ),
    )


def test_the_card_is_shown_anew_only_when_a_number_changes() -> None:
    changed = check_in(place(State.OPEN), way=Way.REPLY, cause=CAUSE, now=DURING)
    reason = ask_leave(place(State.EXCUSED), "倒班", way=Way.REPLY, cause=CAUSE, now=DURING)
    nowhere = check_in(place(State.OPEN, card=None), way=Way.REPLY, cause=CAUSE, now=DURING)
    for answer, shown in ((changed, True), (reason, False), (nowhere, False)):
        assert isinstance(answer, Decision)
        assert (Refresh(card=CARD) in answer.effects) is shown


@pytest.mark.parametrize("way", list(Way))
def test_only_the_confirmation_of_a_tap_is_quiet(way: Way) -> None:
    answer = check_in(place(State.OPEN), way=way, cause=CAUSE, now=DURING)
    assert isinstance(answer, Decision)
    (told,) = [effect for effect in answer.effects if isinstance(effect, Tell)]
    assert told.quiet is (way is Way.REACTION)
    assert told.user == USER


@pytest.mark.parametrize("state", sorted(TOOK_PART))
def test_a_second_answer_is_confirmed_in_words_but_not_to_a_tap(state: State) -> None:
    tapped = check_in(place(state), way=Way.REACTION, cause=CAUSE, now=DURING)
    said = check_in(place(state), way=Way.REPLY, cause=CAUSE, now=DURING)
    assert tapped == Decision()
    assert isinstance(said, Decision)
    assert [effect.words.key for effect in said.effects if isinstance(effect, Tell)] == ["checkin.already"]


def test_leave_without_a_reason_asks_for_one_and_a_tap_twice_does_nothing() -> None:
    asked = ask_leave(place(State.OPEN), "", way=Way.REACTION, cause=CAUSE, now=DURING)
    again = ask_leave(place(State.EXCUSED), "", way=Way.REACTION, cause=CAUSE, now=DURING)
    assert isinstance(asked, Decision)
    assert [one.words.key for one in asked.effects if isinstance(one, Tell)] == ["leave.recorded_ask_reason"]
    assert again == Decision()


def test_a_reason_may_be_long_but_not_longer_than_can_be_kept() -> None:
    for length, expected in ((LONGEST_REASON, "excused"), (LONGEST_REASON + 1, "leave.too_long")):
        assert became(ask_leave(place(State.OPEN), "由" * length, way=Way.REPLY, cause=CAUSE, now=DURING)) == expected


@pytest.mark.parametrize("state", [State.DONE, State.EXCUSED])
@pytest.mark.parametrize(("now", "expected"), [(DURING, "open"), (AT_THE_END, "nothing"), (AFTER, "nothing")])
def test_an_answer_is_taken_back_while_the_window_is_open(state: State, now: datetime, expected: str) -> None:
    given = place(state, now=now, decided_by=CAUSE)
    assert became(take_back(given, removed=CAUSE, cause=Cause("event:$2"), now=now)) == expected


def test_only_the_tap_that_decided_can_take_back() -> None:
    given = place(State.DONE, decided_by=Cause("event:$later"))
    assert take_back(given, removed=CAUSE, cause=Cause("event:$2"), now=DURING) is None


def test_removed_in_time_but_heard_after_the_close_the_record_stays() -> None:
    given = place(State.DONE, stand=Stand.CLOSED, decided_by=CAUSE)
    assert take_back(given, removed=CAUSE, cause=Cause("event:$2"), now=DURING) is None
