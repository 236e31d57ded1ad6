"""Self-checks by their rules: by lot but repeatable, at once explained, repeated after FSRS's days, until known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from content import practice as rules
from content.bank import Kind
from content.decision import Decision, Tell, Untraced, are_discreet
from content.identifiers import Cause, ItemId, MemberId, UserId
from content.practice import ItemAnswered, Met, Session
from content.repetition import KNOWN, Memory, remember
from tests.content.test_bank import item
from tests.small_branch import NOON

SESSION = Session(member=MemberId("m"), user=UserId("@m:t"), queue=())
NEW = Met(item=ItemId("i"), met=False, wrong=False, memory=None)


def answered(decision: Decision) -> ItemAnswered:
    (fact,) = (one for one in decision.facts if isinstance(one, ItemAnswered))
    return fact


def test_the_days_until_something_is_asked_again_are_those_of_fsrs() -> None:
    """Good, good, again, good, good: 2, 11, 2, 5 and 12 days, with nothing left to chance."""
    now, memory, days = NOON, None, []
    for right in (True, True, False, True, True):
        memory = remember(memory, right=right, now=now)
        days.append(round((memory.due - now) / timedelta(days=1)))
        now = memory.due
    assert days == [2, 11, 2, 5, 12]


def test_what_was_wrong_is_repeated_until_it_is_known_and_what_was_right_at_once_never() -> None:
    assert answered(rules.answer(SESSION, item(), NEW, None, right=True, now=NOON)).wrong is False
    known, now, times = NEW, NOON, 0
    right = False
    while True:
        fact = answered(rules.answer(SESSION, item(), known, None, right=right, now=now))
        if not fact.wrong:
            break
        assert fact.memory is not None
        known, now, right, times = (
            Met(item=fact.item, met=True, wrong=True, memory=fact.memory),
            fact.memory.due,
            True,
            times + 1,
        )
    assert 2 <= times <= 8
    assert fact.memory is None, "of what is known nothing is kept"


def test_only_the_first_answer_counts_for_a_question() -> None:
    again = Met(item=ItemId("i"), met=True, wrong=False, memory=None)
    assert answered(rules.answer(SESSION, item(), NEW, None, right=True, now=NOON)).first is True
    assert answered(rules.answer(SESSION, item(), again, None, right=True, now=NOON)).first is False


def test_the_record_has_no_row_of_practice_and_the_list_of_what_was_said_has_none() -> None:
    decision = rules.answer(SESSION, item(), NEW, None, right=False, now=NOON)
    assert all(isinstance(one, Untraced) for one in decision.facts)
    assert all(are_discreet(one.words) for one in decision.effects if isinstance(one, Tell))


def test_items_are_drawn_by_lot_and_the_same_request_draws_the_same() -> None:
    found = [ItemId(f"i{number}") for number in range(40)]
    draws = {rules.draw(found, Cause(f"event:{number}")) for number in range(20)}
    assert len(draws) > 15
    assert {len(one) for one in draws} == {3}
    assert rules.draw(found, Cause("event:1")) == rules.draw(reversed(found), Cause("event:1"))


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (Kind.SINGLE, "不知道", "practice.not_read"),
        (Kind.SINGLE, "E", "practice.no_such_option"),
        (Kind.SINGLE, "AB", "practice.one_only"),
        (Kind.TRUE_FALSE, "也许", "practice.not_a_verdict"),
    ],
)
def test_what_is_no_answer_is_said_to_be_none_and_counts_for_nothing(kind: Kind, text: str, why: str) -> None:
    judged = rules.judge(item(kind=kind), text)
    assert not isinstance(judged, bool)
    assert judged.key == why


def test_known_means_three_weeks() -> None:
    """A right answer after which FSRS would wait less than that stays among the mistakes."""
    soon = Memory(stability=2.0, difficulty=5.0, reviewed=NOON - timedelta(days=2), due=NOON)
    later = Memory(stability=60.0, difficulty=5.0, reviewed=NOON - timedelta(days=60), due=NOON)
    for memory, wrong in ((soon, True), (later, False)):
        known = Met(item=ItemId("i"), met=True, wrong=True, memory=memory)
        assert answered(rules.answer(SESSION, item(), known, None, right=True, now=NOON)).wrong is wrong
    assert timedelta(days=21) == KNOWN
