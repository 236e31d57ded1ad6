"""What is handed over of dues: closed by entry, counted once, what is left alone too, and what lies there in days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content import dues_handovers as rules
from content import dues_ledger as ledger
from content.decision import Decision
from content.dues import Month, State
from content.dues_handovers import DuesHandedOver, Figures, Handover
from content.dues_ledger import DuesEntered, Entry, Paying
from content.identifiers import Cause
from tests.content.test_dues_ledger import BY, EAST, HOW, TODAY, ZHANG, entry, key

FIGURES = Figures(due_people=2, paid_people=1, due=15_000)


def hand_over(
    fen: int, entries: list[Entry], *before: Handover, through: date = TODAY, receiver: str = "党委", name: str = "h"
) -> Any:
    texts, by = {"receiver": receiver, "receipt": "A1", "handler": "王丽"}, {**BY, "cause": Cause(f"form:{name}")}
    return rules.hand_over(EAST, through, TODAY, fen, texts, FIGURES, entries, before, today=TODAY, **by)


def made(answer: Any) -> Handover:
    assert isinstance(answer, Decision), answer
    (fact,) = answer.facts
    assert isinstance(fact, DuesHandedOver)
    return fact.handover


def test_what_came_up_to_a_day_is_handed_over_and_the_newest_is_taken_back() -> None:
    """DUE-14."""
    came = [entry(7500, date(2026, 7, 1)), entry(100, date(2026, 7, 20)), entry(100_000, TODAY, central=True)]
    one = made(hand_over(7500, came, through=date(2026, 7, 10)))
    assert (one.received, one.handed, one.since, one.through) == (7500, 7500, date(2026, 7, 1), date(2026, 7, 10))
    assert rules.handed_over(came, [one]) == {came[0].id}
    assert rules.balance(came, [one]) == 100
    assert key(hand_over(7501, came, through=date(2026, 7, 10))) == "dues.more_than_held"
    assert key(hand_over(1, came, one, through=date(2026, 7, 10))) == "dues.nothing_by_then"
    assert key(hand_over(1, came, through=date(2026, 7, 29))) == "dues.through_future"
    assert key(hand_over(1, came, receiver=" ")) == "dues.no_receiver"
    back = rules.take_back(one, [one], "写错", **BY)
    opened = made(back)
    assert rules.handed_over(came, [one, opened]) == set()
    assert rules.balance(came, [one, opened]) == 7600
    assert key(rules.take_back(one, [one, opened], "再来", **BY)) == "dues.not_newest"
    assert key(rules.take_back(one, [one], "", **BY)) == "dues.why"


def test_what_is_entered_after_a_hand_over_belongs_to_the_next_whichever_day_it_came() -> None:
    """DUE-14: a busy treasurer hands over at noon and enters what comes, and what was forgotten, afterwards."""
    came = [entry(7500, date(2026, 7, 1))]
    one = made(hand_over(7500, came))
    late = [*came, entry(100, TODAY), entry(40, date(2026, 6, 30))]
    assert rules.handed_over(late, [one]) == {came[0].id}
    two = made(hand_over(140, late, one, name="two"))
    assert (two.received, two.since, two.entries) == (140, date(2026, 6, 30), 3)
    assert rules.handed_over(late, [one, two]) == {each.id for each in late}


def test_what_a_hand_over_left_is_handed_over_alone() -> None:
    """DUE-14."""
    came = [entry(7500, date(2026, 7, 1))]
    one = made(hand_over(5000, came, through=date(2026, 7, 10)))
    assert key(hand_over(2501, came, one, name="rest")) == "dues.more_than_held"
    rest = made(hand_over(2500, came, one, name="rest"))
    assert (rest.received, rest.handed, rest.since, rest.through) == (0, 2500, one.since, one.through)
    assert key(hand_over(1, came, one, rest)) == "dues.nothing_by_then"
    back = entry(-7000, TODAY)
    assert key(hand_over(7500, [*came, back], through=date(2026, 7, 10))) == "dues.more_than_held", (
        "it lies there no more"
    )


def test_the_rest_of_a_hand_over_closes_nothing_that_came_since() -> None:
    """DUE-14: what no hand-over counts among what was received can still be put right, and belongs to the next."""
    came = [entry(7500, date(2026, 7, 1))]
    one = made(hand_over(5000, came, through=date(2026, 7, 10)))
    late = [*came, entry(300, date(2026, 7, 8))]
    rest = made(hand_over(2500, late, one, through=date(2026, 7, 5), name="rest"))
    assert (rest.received, rules.handed_over(late, [one, rest])) == (0, {came[0].id})
    two = made(hand_over(300, late, one, rest, name="two"))
    assert (two.received, rules.handed_over(late, [one, rest, two])) == (300, {each.id for each in late})


def test_a_month_is_due_in_one_hand_over_the_first_that_reaches_into_it() -> None:
    """DUE-14: two hand-overs within a month do not count what was due twice, and one that was taken back does not."""
    came = [entry(7500, date(2026, 6, 20)), entry(100, date(2026, 7, 20))]
    one = made(hand_over(7500, came, through=date(2026, 7, 10)))
    assert rules.months_reckoned(came[:1], [], date(2026, 7, 10)) == ("2026-06", "2026-07")
    assert rules.months_reckoned(came[1:], [one], date(2026, 7, 31)) is None
    assert rules.months_reckoned(came[1:], [one], date(2026, 8, 2)) == ("2026-08", "2026-08")
    assert rules.months_reckoned([], [one], date(2026, 8, 2)) is None, "what is left has no month of its own"
    assert rules.months_reckoned(came, [one, made(rules.take_back(one, [one], "写错", **BY))], TODAY) == (
        "2026-06",
        "2026-07",
    )


def test_the_days_since_the_last_hand_over_are_counted_while_something_lies_there() -> None:
    """DUE-14."""
    first = date(2026, 7, 1)
    assert rules.days_held(7500, first, (), TODAY) == 27
    part = made(hand_over(7000, [entry(7500, first)]))
    assert rules.days_held(500, first, [part], date(2026, 7, 31)) == 3
    assert rules.days_held(0, first, [part], date(2026, 7, 31)) is None
    assert rules.days_held(0, None, (), TODAY) is None


OPERATION = st.tuples(st.sampled_from(["pay", "refund", "reverse", "extra", "hand_over", "open"]), st.integers(0, 9000))


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATION, max_size=30))
def test_in_whatever_order_things_are_done_the_entries_add_up_to_what_stands(operations: list[tuple[str, int]]) -> None:
    """R6: no month below nought or above its dues, and nothing handed over is touched; every other step is a day on."""
    entries, handovers, paid, extra, handed = list[Entry](), list[Handover](), 0, 0, 0
    for number, (what, fen) in enumerate(operations):
        on, by = TODAY + timedelta(days=number // 2), {**BY, "cause": Cause(f"form:{number}")}
        how, over = replace(HOW, on=on, note="说明"), rules.handed_over(entries, handovers)
        month = Month(month="2026-07", state=State.PAID if paid >= 7500 else State.DUE, due=7500, paid=paid)
        gone = {one.reverses for one in entries}
        answer: Any = None
        if what == "pay":
            several = [Paying(member=ZHANG, month=month, fen=fen + 1)]
            answer = ledger.pay(several, how, EAST, today=on, **by)
        elif what == "refund":
            answer = ledger.refund(ZHANG, EAST, "2026-07", fen + 1, how, paid=paid, today=on, **by)
        elif what == "extra":
            answer = ledger.give_extra(ZHANG, EAST, fen + 1, how, "", today=on, **by)
        elif what == "reverse" and entries:
            one = entries[fen % len(entries)]
            stands = paid if one.month else 0
            answer = ledger.reverse(
                one, "记错", reversed_already=one.id in gone, is_handed_over=one.id in over, paid=stands, **by
            )
        elif what == "hand_over":
            texts = {"receiver": "党委"}
            answer = rules.hand_over(EAST, on, on, fen + 1, texts, FIGURES, entries, handovers, today=on, **by)
        elif what == "open" and handovers:
            standing = rules.in_force(handovers)
            answer = rules.take_back(standing[-1], handovers, "写错", **by) if standing else None
        for fact in answer.facts if isinstance(answer, Decision) else ():
            if isinstance(fact, DuesEntered):
                assert fact.entry.id not in {one.id for one in entries}
                entries.append(fact.entry)
                paid += fact.entry.fen if fact.entry.month else 0
                extra += fact.entry.fen if not fact.entry.month else 0
            elif isinstance(fact, DuesHandedOver):
                handovers.append(fact.handover)
                handed += fact.handover.handed
        assert 0 <= paid <= 7500
        assert rules.balance(entries, handovers) == paid + extra - handed
        assert handed == sum(one.handed for one in rules.in_force(handovers))
