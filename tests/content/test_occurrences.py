"""Opening, missing, closing: exactly the documented branch for every time one can be away."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from content.decision import Decision, Post, Refresh, Refusal
from content.identifiers import CardId, LessonId, MemberId, OccurrenceId, OrganisationId, RoomId, UserId
from content.occurrences import (
    MAKE_UP,
    Occurrence,
    OccurrenceClosed,
    OccurrenceMissed,
    OccurrenceOpened,
    OccurrenceRevived,
    Seat,
    Stage,
    State,
    cancel_occurrence,
    close_occurrence,
    move_occurrence,
    open_occurrence,
    restore_occurrence,
    send_missed_now,
)
from content.schedules import OccurrenceCancelled, OccurrenceMoved, OccurrenceRestored

DUE = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
WHO = UserId("@who:test")
SEATS = [Seat(member=MemberId(name), branch=OrganisationId(branch)) for name, branch in ("ae", "be", "cw")]
EAST_STAGE = Stage(room=RoomId("!e:test"), branch=OrganisationId("e"))
WEST_STAGE = Stage(room=RoomId("!w:test"), branch=OrganisationId("w"))


def occurrence(state: State = State.PLANNED, late: float = 10, closes_at: datetime | None = None) -> Occurrence:
    return Occurrence(
        id=OccurrenceId("one"),
        lesson=LessonId("lesson"),
        audience=OrganisationId("roof"),
        due_at=DUE,
        window=timedelta(hours=2),
        late=timedelta(minutes=late),
        state=state,
        closes_at=closes_at,
    )


def opened(minutes: float, late: float = 10, stages: tuple[Stage, ...] = (EAST_STAGE, WEST_STAGE)) -> Decision | None:
    now = DUE + timedelta(minutes=minutes)
    return open_occurrence(occurrence(late=late), seats=SEATS, stages=stages, parts=2, now=now)


@pytest.mark.parametrize("late", [0, 10, 24 * 60])
@pytest.mark.parametrize("minutes", [0, 5, 9, 11, 600])
def test_it_opens_within_its_grace_and_is_missed_after_it(minutes: int, late: int) -> None:
    decision = opened(minutes, late)
    assert decision is not None
    (fact,) = decision.facts
    if minutes <= late:
        assert isinstance(fact, OccurrenceOpened)
    else:
        assert isinstance(fact, OccurrenceMissed)
        assert fact.reason == "too_late"
        assert fact.seats == tuple(SEATS)
        assert decision.effects == ()


def test_the_last_moment_of_the_grace_still_counts() -> None:
    for late in (10, 120):
        at_the_end, after = opened(late, late), opened(late + 1 / 60, late)
        assert at_the_end is not None
        assert after is not None
        assert isinstance(at_the_end.facts[0], OccurrenceOpened)
        assert isinstance(after.facts[0], OccurrenceMissed)


def test_without_any_grace_a_clock_that_ticks_is_still_on_time() -> None:
    decision = opened(2 / 60, late=0)
    assert decision is not None
    assert isinstance(decision.facts[0], OccurrenceOpened)
    (post, _) = decision.effects
    assert isinstance(post, Post)
    assert post.expires_at > post.not_before


def test_before_its_time_nothing_happens() -> None:
    assert opened(-1 / 60) is None


def test_the_window_counts_from_when_it_opened() -> None:
    decision = opened(7)
    assert decision is not None
    (fact,) = decision.facts
    assert isinstance(fact, OccurrenceOpened)
    assert fact.closes_at == DUE + timedelta(hours=2, minutes=7)


def test_each_room_gets_a_card_and_each_card_has_its_own_name() -> None:
    decision = opened(0)
    assert decision is not None
    (fact,) = decision.facts
    assert isinstance(fact, OccurrenceOpened)
    assert [card.room for card in fact.cards] == ["!e:test", "!w:test"]
    assert len({card.id for card in fact.cards}) == 2
    assert [effect.card for effect in decision.effects if isinstance(effect, Post)] == [card.id for card in fact.cards]
    assert opened(0) == decision


def test_to_a_branch_without_a_room_nothing_is_offered() -> None:
    decision = opened(0, stages=(EAST_STAGE,))
    assert decision is not None
    (fact,) = decision.facts
    assert isinstance(fact, OccurrenceOpened)
    assert [seat.member for seat in fact.seats] == ["a", "b"]
    assert [seat.member for seat in fact.unreached] == ["c"]


def test_without_any_room_it_is_missed_with_that_reason() -> None:
    decision = opened(0, stages=())
    assert decision is not None
    (fact,) = decision.facts
    assert isinstance(fact, OccurrenceMissed)
    assert fact.reason == "no_room"


@pytest.mark.parametrize("state", [state for state in State if state is not State.PLANNED])
def test_only_what_is_planned_opens(state: State) -> None:
    assert open_occurrence(occurrence(state), seats=SEATS, stages=[EAST_STAGE], parts=1, now=DUE) is None


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_only_what_is_open_closes_and_only_when_its_window_is_over(state: State, minutes: int) -> None:
    closes_at = DUE + timedelta(hours=2)
    now = closes_at + timedelta(minutes=minutes)
    answer = close_occurrence(occurrence(state, closes_at=closes_at), cards=[CardId("c1"), CardId("c2")], now=now)
    if state is State.OPEN and minutes >= 0:
        assert answer == Decision(
            facts=(OccurrenceClosed(occurrence=OccurrenceId("one"), at=now),),
            effects=(Refresh(card=CardId("c1")), Refresh(card=CardId("c2"))),
        )
    else:
        assert answer is None


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_planned_can_be_cancelled(state: State) -> None:
    answer = cancel_occurrence(occurrence(state), by=WHO)
    if state is State.PLANNED:
        assert answer == Decision(facts=(OccurrenceCancelled(occurrence=OccurrenceId("one"), by=WHO),))
    else:
        assert isinstance(answer, Refusal)
        assert answer.words.key == "occurrence.not_planned"


@pytest.mark.parametrize("state", list(State))
def test_only_what_was_called_off_is_planned_again_and_only_before_its_time(state: State) -> None:
    answer = restore_occurrence(occurrence(state), by=WHO, now=DUE - timedelta(minutes=1))
    if state is State.CANCELLED:
        assert answer == Decision(facts=(OccurrenceRestored(occurrence=OccurrenceId("one"), by=WHO),))
    else:
        assert isinstance(answer, Refusal)
        assert answer.words.key == "occurrence.not_cancelled"
    late = restore_occurrence(occurrence(State.CANCELLED), by=WHO, now=DUE)
    assert isinstance(late, Refusal)
    assert late.words.key == "occurrence.time_over"


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_planned_is_moved_by_the_clock_that_it_was_planned_by(state: State) -> None:
    answer = move_occurrence(
        occurrence(state), on=date(2027, 3, 28), at=time(2, 30), timezone="Europe/Berlin", by=WHO, now=DUE
    )
    if state is State.PLANNED:
        # Half past two does not exist on the day on which clocks go forward: the first instant after the gap is meant.
        moved = OccurrenceMoved(
            window=timedelta(hours=2),
            late=timedelta(minutes=10),
            occurrence=OccurrenceId("one"),
            due_at=datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
            local_date=date(2027, 3, 28),
            by=WHO,
        )
        assert answer == Decision(facts=(moved,))
    else:
        assert isinstance(answer, Refusal)
        assert answer.words.key == "occurrence.not_movable"


@pytest.mark.parametrize(
    ("on", "at", "why"),
    [
        (date(2020, 1, 1), time(9), "occurrence.in_the_past"),
        (date(2999, 1, 1), time(9), "schedule.too_far"),
        (DUE.date(), DUE.time(), "occurrence.same_time"),
    ],
)
def test_what_cannot_be_meant_is_not_moved_to(on: date, at: time, why: str) -> None:
    answer = move_occurrence(occurrence(), on=on, at=at, timezone="UTC", by=WHO, now=DUE - timedelta(days=1))
    assert isinstance(answer, Refusal)
    assert answer.words.key == why


@pytest.mark.parametrize("state", list(State))
def test_only_what_was_missed_can_be_sent_after_all(state: State) -> None:
    answer = send_missed_now(occurrence(state), now=DUE)
    if state is State.MISSED:
        assert answer == Decision(facts=(OccurrenceRevived(occurrence=OccurrenceId("one"), at=DUE),))
    else:
        assert isinstance(answer, Refusal)
        assert answer.words.key == "occurrence.not_missed"


def test_making_up_is_possible_for_a_month_after_the_close() -> None:
    closes_at = DUE + timedelta(hours=3)
    assert occurrence(closes_at=closes_at).make_up_until == closes_at + MAKE_UP
    assert replace(occurrence(), closes_at=None).make_up_until == DUE + timedelta(hours=2) + MAKE_UP
