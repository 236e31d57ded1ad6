"""What was sent can be corrected or withdrawn, with a reason where one is owed, and nothing else can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from content.amendments import (
    LONGEST_REASON,
    Amend,
    OccurrenceCorrected,
    OccurrenceWithdrawn,
    Retract,
    Sent,
    Withdraw,
    correct,
    withdraw,
)
from content.decision import Decision, Refusal
from content.identifiers import CardId, LessonId, OccurrenceId, OrganisationId
from content.layouts import first_layout
from content.lessons import Kind, Lesson
from content.media import Medium
from content.occurrences import Occurrence, State

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BEFORE = Lesson(
    id=LessonId("lesson"),
    owner=OrganisationId("roof"),
    kind=Kind.LESSON,
    title="安全生产",
    body="旧",
    media=(Medium(hash="a", name="a.png"),),
)
AFTER = replace(BEFORE, title="安全生产（二）", body="新", media=(), revision=2)
SENT = Sent(
    timezone="Asia/Shanghai",
    occurrence=Occurrence(
        id=OccurrenceId("one"),
        lesson=BEFORE.id,
        audience=OrganisationId("roof"),
        due_at=NOW,
        window=timedelta(hours=2),
        late=timedelta(minutes=10),
        state=State.OPEN,
    ),
    title=BEFORE.title,
    revision=1,
    layout=first_layout(BEFORE),
    cards=(CardId("east"), CardId("west")),
)


def in_state(state: State) -> Sent:
    return replace(SENT, occurrence=replace(SENT.occurrence, state=state))


def key(answer: Decision | Refusal) -> str:
    assert isinstance(answer, Refusal)
    return answer.words.key


def test_a_correction_binds_the_newer_revision_and_reaches_every_card() -> None:
    answer = correct([SENT], AFTER, reason="  日期\n写错了 ", now=NOW)
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, OccurrenceCorrected)
    assert (fact.revision, fact.title, fact.reason) == (2, "安全生产（二）", "日期 写错了")
    assert answer.effects == (
        Retract(card=CardId("east"), part=0),
        Amend(card=CardId("east"), part=1),
        Retract(card=CardId("west"), part=0),
        Amend(card=CardId("west"), part=1),
    )


@pytest.mark.parametrize("state", [State.PLANNED, State.MISSED, State.CANCELLED, State.WITHDRAWN])
def test_what_does_not_stand_in_a_room_can_be_neither_corrected_nor_withdrawn(state: State) -> None:
    assert key(correct([in_state(state)], AFTER, reason="", now=NOW)) == "amendment.not_sent"
    assert key(withdraw(in_state(state), reason="错了", now=NOW)) == "withdrawal.not_sent"


def test_there_is_nothing_to_correct_where_the_newest_revision_stands() -> None:
    assert key(correct([SENT], BEFORE, reason="", now=NOW)) == "amendment.nothing_newer"
    assert key(correct([], AFTER, reason="", now=NOW)) == "amendment.none_chosen"


@pytest.mark.parametrize("state", [State.OPEN, State.CLOSED])
def test_a_withdrawal_names_its_reason_and_reaches_every_card(state: State) -> None:
    answer = withdraw(in_state(state), reason=" 发错了 ", now=NOW)
    assert isinstance(answer, Decision)
    assert answer.facts == (OccurrenceWithdrawn(occurrence=OccurrenceId("one"), reason="发错了", at=NOW),)
    assert answer.effects == (Withdraw(card=CardId("east")), Withdraw(card=CardId("west")))


@pytest.mark.parametrize(("reason", "said"), [(" \n", "withdrawal.no_reason"), ("长" * 201, "amendment.long_reason")])
def test_a_withdrawal_without_a_fitting_reason_is_refused(reason: str, said: str) -> None:
    assert key(withdraw(SENT, reason=reason, now=NOW)) == said


def test_a_correction_with_too_long_a_reason_is_refused() -> None:
    assert key(correct([SENT], AFTER, reason="长" * (LONGEST_REASON + 1), now=NOW)) == "amendment.long_reason"
