"""The ledger of dues: all or none, never more than is owed or paid, and closed once it was handed over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from content import dues_ledger as ledger
from content.decision import Decision, Refusal, Say
from content.dues import Month, State
from content.dues_ledger import DuesEntered, DuesHandedOver, Entry, Figures, Handover, How, Method, Paying, Sort
from content.franchise import FULL
from content.identifiers import Cause, DuesEntryId, MemberId, OrganisationId, RoomId, UserId
from content.members import Member

EAST, ME = OrganisationId("east"), UserId("@zuzhi:test")
ZHANG = Member(id=MemberId("zhang"), organisation=EAST, name="张明", category=FULL)
LI = replace(ZHANG, id=MemberId("li"), name="李强")
TODAY, NOW = date(2026, 7, 28), datetime(2026, 7, 28, 1, tzinfo=UTC)
HOW = How(on=TODAY, method=Method.TRANSFER, payee="王丽")
JULY = Month(month="2026-07", state=State.DUE, due=7500)
BY: dict[str, Any] = {"by": ME, "cause": Cause("form:x"), "now": NOW}
FIGURES = Figures(due_people=2, paid_people=1, due=15_000)


def entry(fen: int = 7500, on: date = TODAY, **more: Any) -> Entry:
    values = {"id": DuesEntryId(f"e{fen}{on}"), "member": ZHANG.id, "organisation": EAST, "sort": Sort.PAYMENT}
    values |= {"month": "2026-07", "fen": fen, "on": on, "method": Method.CASH, "by": ME, "at": NOW}
    return Entry(**{**values, **more})


def key(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key


def pay(*several: Paying, how: How = HOW, closed: date | None = None) -> Any:
    return ledger.pay(several, how, EAST, closed=closed, today=TODAY, **BY)


def test_payments_are_entered_together_or_not_at_all() -> None:
    both = (Paying(member=ZHANG, month=JULY, fen=7500), Paying(member=LI, month=JULY, fen=100))
    answer = pay(*both)
    assert isinstance(answer, Decision)
    assert [(one.member, one.entry.fen) for one in answer.facts] == [("zhang", 7500), ("li", 100)]  # type: ignore[attr-defined]
    assert pay(*both) == answer, "the same form names the same entries"
    assert key(pay()) == "dues.nobody"
    for wrong, said in (
        (replace(both[1], fen=7501), "dues.more_than_owed"),
        (replace(both[1], month=replace(JULY, state=State.EXEMPT)), "dues.is_exempt"),
        (replace(both[1], month=replace(JULY, state=State.UNKNOWN)), "dues.not_assessed"),
    ):
        assert key(pay(both[0], wrong)) == said
    assert key(pay(both[0], how=replace(HOW, on=date(2026, 7, 29)))) == "dues.in_future"
    assert key(pay(both[0], how=replace(HOW, on=date(2024, 1, 1)))) == "dues.long_ago"
    assert key(pay(both[0], how=replace(HOW, payer="长" * 201))) == "dues.long_text"


def test_what_was_handed_over_is_closed() -> None:
    """I092."""
    assert key(pay(Paying(member=ZHANG, month=JULY, fen=1), closed=TODAY)) == "dues.closed"
    assert key(ledger.reverse(entry(), "记错", reversed_already=False, paid=7500, closed=TODAY, **BY)) == (
        "dues.handed_over"
    )
    back = {"paid": 7500, "closed": TODAY, "today": TODAY}
    assert key(ledger.refund(ZHANG, EAST, "2026-07", 1, replace(HOW, note="多交"), **back, **BY)) == "dues.closed"


def test_no_more_is_refunded_than_was_paid() -> None:
    """I092."""
    why = replace(HOW, note="多交")
    free: dict[str, Any] = {"paid": 7500, "closed": None, "today": TODAY}
    assert key(ledger.refund(ZHANG, EAST, "2026-07", 7501, why, **free, **BY)) == "dues.more_than_paid"
    assert key(ledger.refund(ZHANG, EAST, "2026-07", 1, HOW, **free, **BY)) == "dues.why"
    answer = ledger.refund(ZHANG, EAST, "2026-07", 7500, why, **free, **BY)
    assert isinstance(answer, Decision)
    assert answer.facts[0].entry.fen == -7500  # type: ignore[attr-defined]


def test_an_entry_is_taken_back_once_by_its_opposite_and_with_a_reason() -> None:
    def reverse(one: Entry, reason: str = "记错", *, already: bool = False, paid: int = 7500) -> Any:
        return ledger.reverse(one, reason, reversed_already=already, paid=paid, closed=None, **BY)

    answer = reverse(entry())
    assert isinstance(answer, Decision)
    opposite = answer.facts[0].entry  # type: ignore[attr-defined]
    assert (opposite.fen, opposite.month, opposite.on, opposite.reverses) == (-7500, "2026-07", TODAY, entry().id)
    assert key(reverse(entry(), " ")) == "dues.why"
    assert key(reverse(entry(), already=True)) == "dues.reversed_already"
    assert key(reverse(opposite)) == "dues.reversed_already"
    assert key(reverse(entry(), paid=7400)) == "dues.refund_first"


@pytest.mark.parametrize(("fen", "central"), [(99_999, False), (100_000, True)])
def test_a_thousand_yuan_at_once_go_to_the_centre_and_are_no_part_of_the_branchs_sums(fen: int, central: bool) -> None:
    """DUE-13."""
    answer = ledger.give_extra(ZHANG, EAST, fen, HOW, "", closed=None, today=TODAY, **BY)
    assert isinstance(answer, Decision)
    found = answer.facts[0].entry  # type: ignore[attr-defined]
    assert found.central is central
    assert ledger.balance([found]) == (0 if central else fen)


@pytest.mark.parametrize(("month", "late"), [("2026-07", False), ("2026-01", False), ("2025-12", True)])
def test_beyond_six_months_one_is_told_that_it_is_late(month: str, late: bool) -> None:
    """DUE-11."""
    assert ledger.is_long_back(month, TODAY) is late


def hand_over(fen: int, entries: list[Entry], *before: Handover, through: date = TODAY, receiver: str = "党委") -> Any:
    texts = {"receiver": receiver, "receipt": "A1", "handler": "王丽"}
    return ledger.hand_over(EAST, through, TODAY, fen, texts, FIGURES, entries, before, today=TODAY, **BY)


def test_what_came_up_to_a_day_is_handed_over_and_the_days_since_are_counted() -> None:
    """DUE-14."""
    came = [entry(7500, date(2026, 7, 1)), entry(100, date(2026, 7, 20)), entry(100_000, TODAY, central=True)]
    assert ledger.days_held(came, (), TODAY) == 27
    answer = hand_over(7500, came, through=date(2026, 7, 10))
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, DuesHandedOver)
    one = fact.handover
    assert (one.received, one.handed, one.since, one.through) == (7500, 7500, date(2026, 7, 1), date(2026, 7, 10))
    assert ledger.closed_until([one]) == date(2026, 7, 10)
    assert ledger.balance(came, [one]) == 100
    assert ledger.days_held(came, [one], date(2026, 7, 31)) == 3
    assert key(hand_over(7501, came, through=date(2026, 7, 10))) == "dues.more_than_held"
    assert key(hand_over(1, came, one, through=date(2026, 7, 10))) == "dues.closed"
    assert key(hand_over(1, came[:1], one)) == "dues.nothing_came"
    assert key(hand_over(1, came, through=date(2026, 7, 29))) == "dues.through_future"
    assert key(hand_over(1, came, receiver=" ")) == "dues.no_receiver"
    back = ledger.take_handover_back(one, [one], "写错", **BY)
    assert isinstance(back, Decision)
    opened = back.facts[0].handover  # type: ignore[attr-defined]
    assert ledger.closed_until([one, opened]) is None
    assert ledger.balance(came, [one, opened]) == 7600
    assert key(ledger.take_handover_back(one, [one, opened], "再来", **BY)) == "dues.not_newest"
    assert key(ledger.take_handover_back(one, [one], "", **BY)) == "dues.why"


def test_a_room_is_told_a_count_and_nothing_else() -> None:
    """DUE-18."""
    answer = ledger.tell_room("2026-07", 18, 24, RoomId("!east"), EAST)
    assert isinstance(answer, Decision)
    (said,) = answer.effects
    assert isinstance(said, Say)
    assert {name for name in said.words.parameters if name != "month"} == {"paid", "due"}
    assert key(ledger.tell_room("2026-07", 0, 0, RoomId("!east"), EAST)) == "dues.nobody_due"


OPERATION = st.tuples(st.sampled_from(["pay", "refund", "reverse", "extra", "hand_over", "open"]), st.integers(0, 9000))


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATION, max_size=30))
def test_in_whatever_order_things_are_done_the_entries_add_up_to_what_stands(operations: list[tuple[str, int]]) -> None:
    """R6: no month below nought or above its dues, and no closed day is touched; each other day is a day later."""
    entries, handovers, paid, extra, handed = list[Entry](), list[Handover](), 0, 0, 0
    for number, (what, fen) in enumerate(operations):
        on, by = TODAY + timedelta(days=number // 2), {**BY, "cause": Cause(f"form:{number}")}
        how, closed = replace(HOW, on=on, note="说明"), ledger.closed_until(handovers)
        month = Month(month="2026-07", state=State.PAID if paid >= 7500 else State.DUE, due=7500, paid=paid)
        gone = {one.reverses for one in entries}
        answer: Any = None
        if what == "pay":
            several = [Paying(member=ZHANG, month=month, fen=fen + 1)]
            answer = ledger.pay(several, how, EAST, closed=closed, today=on, **by)
        elif what == "refund":
            answer = ledger.refund(ZHANG, EAST, "2026-07", fen + 1, how, paid=paid, closed=closed, today=on, **by)
        elif what == "extra":
            answer = ledger.give_extra(ZHANG, EAST, fen + 1, how, "", closed=closed, today=on, **by)
        elif what == "reverse" and entries:
            one = entries[fen % len(entries)]
            stands = paid if one.month else 0
            answer = ledger.reverse(one, "记错", reversed_already=one.id in gone, paid=stands, closed=closed, **by)
        elif what == "hand_over":
            texts = {"receiver": "党委"}
            answer = ledger.hand_over(EAST, on, on, fen + 1, texts, FIGURES, entries, handovers, today=on, **by)
        elif what == "open" and handovers:
            standing = ledger.in_force(handovers)
            answer = ledger.take_handover_back(standing[-1], handovers, "写错", **by) if standing else None
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
        assert ledger.balance(entries, handovers) == paid + extra - handed
        assert handed == sum(one.handed for one in ledger.in_force(handovers))
