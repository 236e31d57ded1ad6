"""The ledger of dues: all or none, never more than is owed or paid, and put right by a reversal alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from content import dues_ledger as ledger
from content.decision import Decision, Refusal, Say
from content.dues import Month, State
from content.dues_handovers import balance
from content.dues_ledger import Entry, How, Method, Paying, Sort
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


def entry(fen: int = 7500, on: date = TODAY, **more: Any) -> Entry:
    values = {"id": DuesEntryId(f"e{fen}{on}"), "member": ZHANG.id, "organisation": EAST, "sort": Sort.PAYMENT}
    values |= {"month": "2026-07", "fen": fen, "on": on, "method": Method.CASH, "by": ME, "at": NOW}
    return Entry(**{**values, **more})


def key(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.words.key


def pay(*several: Paying, how: How = HOW) -> Any:
    return ledger.pay(several, how, EAST, today=TODAY, **BY)


def test_payments_are_entered_together_or_not_at_all() -> None:
    both = (Paying(member=ZHANG, month=JULY, fen=7500), Paying(member=LI, month=JULY, fen=100))
    answer = pay(*both)
    assert isinstance(answer, Decision)
    assert [(one.member, one.entry.fen) for one in answer.facts] == [("zhang", 7500), ("li", 100)]  # type: ignore[attr-defined]
    assert pay(*both) == answer, "the same form names the same entries"
    assert key(pay()) == "dues.nobody"
    for wrong, said in (
        (replace(both[1], fen=7501), "dues.more_than_owed"),
        (replace(both[1], month=replace(both[1].month, paid=both[1].month.due)), "dues.paid_up"),
        (replace(both[1], month=replace(JULY, state=State.EXEMPT)), "dues.is_exempt"),
        (replace(both[1], month=replace(JULY, state=State.UNKNOWN)), "dues.not_assessed"),
    ):
        assert key(pay(both[0], wrong)) == said
    assert key(pay(both[0], how=replace(HOW, on=date(2026, 7, 29)))) == "dues.in_future"
    assert key(pay(both[0], how=replace(HOW, on=date(2024, 1, 1)))) == "dues.long_ago"
    assert key(pay(both[0], how=replace(HOW, payer="长" * 201))) == "dues.long_text"


def test_what_was_handed_over_is_closed() -> None:
    """I092."""
    assert key(ledger.reverse(entry(), "记错", reversed_already=False, is_handed_over=True, paid=7500, **BY)) == (
        "dues.handed_over"
    )


def test_no_more_is_refunded_than_was_paid() -> None:
    """I092."""
    why = replace(HOW, note="多交")
    free: dict[str, Any] = {"paid": 7500, "today": TODAY}
    assert key(ledger.refund(ZHANG, EAST, "2026-07", 7501, why, **free, **BY)) == "dues.more_than_paid"
    assert key(ledger.refund(ZHANG, EAST, "2026-07", 1, HOW, **free, **BY)) == "dues.why"
    answer = ledger.refund(ZHANG, EAST, "2026-07", 7500, why, **free, **BY)
    assert isinstance(answer, Decision)
    assert answer.facts[0].entry.fen == -7500  # type: ignore[attr-defined]


def test_an_entry_is_taken_back_once_by_its_opposite_and_with_a_reason() -> None:
    def reverse(one: Entry, reason: str = "记错", *, already: bool = False, paid: int = 7500) -> Any:
        return ledger.reverse(one, reason, reversed_already=already, paid=paid, is_handed_over=False, **BY)

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
    answer = ledger.give_extra(ZHANG, EAST, fen, HOW, "", today=TODAY, **BY)
    assert isinstance(answer, Decision)
    found = answer.facts[0].entry  # type: ignore[attr-defined]
    assert found.central is central
    assert balance([found]) == (0 if central else fen)


@pytest.mark.parametrize(("month", "late"), [("2026-07", False), ("2026-01", False), ("2025-12", True)])
def test_beyond_six_months_one_is_told_that_it_is_late(month: str, late: bool) -> None:
    """DUE-11."""
    assert ledger.is_long_back(month, TODAY) is late


def test_a_room_is_told_a_count_and_nothing_else() -> None:
    """DUE-18."""
    answer = ledger.tell_room("2026-07", 18, 24, RoomId("!east"), EAST)
    assert isinstance(answer, Decision)
    (said,) = answer.effects
    assert isinstance(said, Say)
    assert {name for name in said.words.parameters if name != "month"} == {"paid", "due"}
    assert key(ledger.tell_room("2026-07", 0, 0, RoomId("!east"), EAST)) == "dues.nobody_due"
