"""The ledger of dues in the database: only added to, and adding up, on both engines."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from content import dues_handovers
from content import dues_ledger as ledger
from content.decision import Decision
from content.dues import Assessment, Category, DuesAssessed, Kind, State
from content.dues_handovers import DuesHandedOver, Figures
from content.dues_ledger import DuesEntered, Entry, How, Method, Paying, Sort
from content.erasure import PersonErased
from content.identifiers import AssessmentId, Cause, DuesEntryId, MemberId
from content.members import NOBODY, MemberChanged, MemberLeft
from content.organisations import Duty, DutyGranted, Role
from storage import dues, dues_notes, members
from storage.dues import Count, dues_assessments, dues_entries
from storage.engines import open_engine
from storage.holdings import collect
from storage.store import Step
from storage.unit import Reading
from tests.small_branch import (
    EAST,
    LI,
    NOON,
    ROOF,
    SECRETARY,
    WANG,
    WEST,
    ZHANG,
    ZHAO,
    HandClock,
    SmallBranch,
    account,
    fresh_cause,
)
from tests.storage.test_ballots import writing

TODAY = NOON.date()
HOW = How(on=TODAY, method=Method.CASH, payer="赵代交", payee="王收款", note="备注金丝雀")


def fixed(
    member: MemberId = ZHANG, fen: int = 7500, since: str = "2026-01", kind: Kind = Kind.FULL, at: datetime = NOON
) -> DuesAssessed:
    one = Assessment(
        id=AssessmentId(f"{member}{since}"),
        member=member,
        organisation=EAST,
        kind=kind,
        category=Category.EMPLOYED,
        fen=fen,
        since=since,
        note="依据金丝雀",
        by=SECRETARY,
        at=at,
    )
    return DuesAssessed(member=member, assessment=one)


def entered(member: MemberId = ZHANG, fen: int = 7500, month: str = "2026-06", name: str = "e") -> DuesEntered:
    one = Entry(
        id=DuesEntryId(f"{name}{member}{month}"),
        member=member,
        organisation=EAST,
        sort=Sort.PAYMENT,
        month=month,
        fen=fen,
        on=TODAY,
        method=Method.CASH,
        by=SECRETARY,
        at=NOON,
        payer="赵代交",
        note="备注金丝雀",
    )
    return DuesEntered(member=member, entry=one)


def handed() -> DuesHandedOver:
    answer = dues_handovers.hand_over(
        EAST,
        TODAY,
        TODAY,
        100,
        {"receiver": "党委"},
        Figures(due_people=1, paid_people=1, due=7500),
        [entered().entry],
        (),
        by=SECRETARY,
        cause=Cause("form:handed"),
        now=NOON,
        today=TODAY,
    )
    assert isinstance(answer, Decision)
    (fact,) = answer.facts
    assert isinstance(fact, DuesHandedOver)
    return fact


async def months(branch: SmallBranch, who: MemberId = ZHANG) -> dict[str, tuple[State, int]]:
    async def look(unit: Reading) -> dict[str, tuple[State, int]]:
        one = await members.member(unit, who)
        assert one is not None
        line = await dues.line(unit, one, first="2026-05", last="2026-07")
        return {month.month: (month.state, month.paid) for month in line.months}

    return await branch.store.read(look)


CHANGES = (
    "UPDATE dues_entries SET fen = 1",
    "UPDATE dues_entries SET month = '2026-05'",
    "UPDATE dues_entries SET by_user = '@other:test'",
    "DELETE FROM dues_entries",
    "UPDATE dues_assessments SET fen = 0",
    "DELETE FROM dues_assessments",
    "UPDATE dues_handovers SET entries = 0",
    "DELETE FROM dues_handovers",
)


async def test_a_row_of_the_ledger_is_neither_changed_nor_deleted(branch: SmallBranch, address: str) -> None:
    """R6: by no hand in the database, on both engines; what stands in words may be sealed anew, or emptied."""
    await branch.store.settle(notes=[fixed(), entered(), handed()])
    engine = open_engine(address)
    try:
        for statement in CHANGES:
            async with writing(engine) as connection:
                with pytest.raises(DBAPIError, match="only added to"):
                    await connection.execute(text(statement))
        async with writing(engine) as connection:
            await connection.execute(text("UPDATE dues_entries SET text = NULL, by_user = ''"))
    finally:
        await engine.dispose()
    assert (await months(branch))["2026-06"] == (State.PAID, 7500)


async def test_an_entry_that_came_twice_is_one(branch: SmallBranch) -> None:
    """R6: the cause makes it happen once, and the same name is never taken twice."""
    await branch.store.settle(notes=[fixed()])
    cause = fresh_cause()

    async def decide(unit: Reading) -> Decision:
        return Decision(facts=(entered(),))

    for repeated in (False, True):
        (outcome,) = await branch.store.settle([Step(cause=cause, decide=decide)])
        assert outcome.repeated is repeated
    (failed,) = await branch.store.settle([Step(cause=fresh_cause(), decide=decide)])
    assert failed.failed, "another form cannot name the same entry"
    assert await branch.store.read(lambda unit: dues.entries(unit, branch=EAST)) == (entered().entry,)


async def test_a_month_stands_by_what_held_and_what_was_paid(branch: SmallBranch) -> None:
    wrong, right = fixed(since="2026-06", kind=Kind.EXEMPT, fen=0), fixed()
    later = fixed(since="2026-07", kind=Kind.EXEMPT, fen=0)
    await branch.store.settle(notes=[wrong, right, later, entered(fen=100)])
    found = await months(branch)
    assert {month: state for month, (state, _) in found.items()} == {
        "2026-05": State.DUE,
        "2026-06": State.PART,
        "2026-07": State.EXEMPT,
    }
    assert await months(branch, WANG) == dict.fromkeys(("2026-05", "2026-06", "2026-07"), (State.UNKNOWN, 0))


async def test_what_was_entered_of_a_double_counts_for_whom_it_was_merged_into(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[fixed(), entered(LI)])

    async def merge(unit: Reading) -> Decision:
        double = await members.member(unit, LI)
        assert double is not None
        return Decision(facts=(MemberChanged(member=replace(double, merged_into=ZHANG, left=NOON, user=None)),))

    await branch.store.settle([Step(cause=fresh_cause(), decide=merge)])
    assert (await months(branch))["2026-06"] == (State.PAID, 7500)
    assert [one.member for one in await branch.store.read(lambda unit: dues.entries(unit, member=ZHANG))] == [LI]


async def test_a_month_is_counted_for_each_branch_with_its_groups(branch: SmallBranch) -> None:
    """DUE-18: what those above read of many branches is what each branch would count itself."""
    await branch.store.settle(notes=[fixed(), fixed(LI), entered(LI), fixed(ZHAO)])

    async def look(unit: Reading) -> tuple[Any, ...]:
        alone = [
            dues.count(
                await dues.lines(unit, await dues.payers(unit, place), first="2026-06", last="2026-06"), "2026-06"
            )
            for place in (EAST, WEST)
        ]
        return await dues.counts(unit, [EAST, WEST], "2026-06"), alone, await dues.counts(unit, [], "2026-06")

    together, alone, none = await branch.store.read(look)
    assert together == {EAST: Count(due=2, paid=1, unknown=1), WEST: Count(due=1, paid=0, unknown=1)}
    assert list(together.values()) == alone
    assert none == {}


async def test_who_left_owes_nothing_more_and_their_entries_stay(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[fixed(), entered()])
    await branch.store.settle(notes=[MemberLeft(member=ZHANG, at=clock.now)])
    people = await branch.store.read(lambda unit: dues.payers(unit, EAST))
    assert ZHANG not in {one.id for one in people}
    assert await branch.store.read(lambda unit: dues.entries(unit, branch=EAST)) == (entered().entry,)


async def test_whom_a_branch_has_for_its_dues_is_found_in_it_and_else_above_and_never_whose_they_are(
    branch: SmallBranch,
) -> None:
    """DUE-17."""

    async def look(unit: Reading) -> tuple[Any, ...]:
        found = [await dues_notes.handlers(unit, EAST), await dues_notes.handlers(unit, EAST, beside=account(WANG))]
        found.append(await dues_notes.handlers_above(unit, EAST))
        return (*found, await dues_notes.number_unhandled(unit, [ROOF]), await dues_notes.branches_with_dues(unit))

    await branch.store.settle(notes=[fixed(), fixed(ZHAO)])
    assert await branch.store.read(look) == ((), (), (SECRETARY,), 2, (EAST, WEST)), "one was fixed who moved"
    grants = [(WANG, Role.ORGANISING_MEMBER), (LI, Role.SECRETARY)]
    granted = [DutyGranted(duty=Duty(user=account(one), organisation=EAST, role=role)) for one, role in grants]
    await branch.store.settle(notes=granted)
    found = ((account(WANG),), (account(LI),), (SECRETARY,), 1, (EAST, WEST))
    assert await branch.store.read(look) == found


async def test_of_who_is_erased_the_sums_stay_and_the_words_go(branch: SmallBranch, clock: HandClock) -> None:
    await branch.store.settle(notes=[fixed(), entered(), entered(WANG, name="w")])
    held = await branch.store.read(lambda unit: collect(unit, account(ZHANG)))
    (mine,) = [one for one in held if one.name == "dues_entries"]
    (row,) = mine.rows
    assert (row["fen"], row["payer"], row["note"]) == ("75.00", "赵代交", "备注金丝雀"), "each by its own name"
    assert "text" not in row
    erased = PersonErased(members=(ZHANG,), accounts=(account(ZHANG), SECRETARY), at=clock.now)
    await branch.store.settle(notes=[erased])
    one, other = await branch.store.read(lambda unit: dues.entries(unit, branch=EAST))
    assert (one.fen, one.month, one.payer, one.note, one.by) == (7500, "2026-06", "", "", "")
    assert (other.member, other.payer) == (WANG, "赵代交")
    gone = await branch.store.read(lambda unit: members.member(unit, ZHANG))
    assert gone is not None
    assert gone.name == NOBODY
    (assessment,) = await branch.store.read(lambda unit: unit.rows(select(dues_assessments)))
    assert assessment.text is None


async def test_hundreds_of_operations_leave_a_ledger_that_adds_up(branch: SmallBranch) -> None:
    """R6: what is entered through the rules and the store comes to what a plain count of it comes to."""
    dice, people, paid = random.Random(20260728), (ZHANG, LI, WANG), dict[tuple[MemberId, str], int]()
    await branch.store.settle(notes=[fixed(one) for one in people])
    handed, names = 0, defaultdict(list[DuesEntryId])

    async def one_more(unit: Reading) -> Any:
        nonlocal what
        member = await members.member(unit, dice.choice(people))
        assert member is not None
        month, fen, cause = f"2026-0{dice.randint(1, 7)}", dice.randint(1, 8000), Cause(f"form:dice{number}")
        before, entries = await dues.handovers(unit, EAST), await dues.ledger(unit, EAST)
        day = date(2026, 7, 1 + number // 40)
        how, gone = How(on=day, method=Method.CASH, note="说明"), dues_handovers.handed_over(entries, before)
        shared: dict[str, Any] = {"by": SECRETARY, "cause": cause, "now": unit.now}
        what = dice.choice(["pay", "pay", "pay", "refund", "reverse", "hand_over"])
        stands = await dues.paid_for(unit, member, month, EAST)
        if what == "refund":
            return ledger.refund(member, EAST, month, fen, how, paid=stands, today=day, **shared)
        if what == "reverse" and entries:
            entry = dice.choice(entries)
            whose = await members.member(unit, entry.member)
            assert whose is not None
            return ledger.reverse(
                entry,
                "记错",
                reversed_already=await dues.is_reversed(unit, entry.id),
                is_handed_over=entry.id in gone,
                paid=await dues.paid_for(unit, whose, entry.month, EAST),
                **shared,
            )
        if what == "hand_over":
            through, figures = date(2026, 7, max(1, number // 40)), Figures(due_people=0, paid_people=0, due=0)
            texts = {"receiver": "党委"}
            return dues_handovers.hand_over(
                EAST, through, day, fen, texts, figures, entries, before, today=day, **shared
            )
        line = await dues.line(unit, member, first=month, last=month)
        return ledger.pay([Paying(member=member, month=line.months[0], fen=fen)], how, EAST, today=day, **shared)

    for number in range(400):
        what = ""
        (outcome,) = await branch.store.settle([Step(cause=Cause(f"form:dice{number}"), decide=one_more)])
        assert not outcome.failed
        for fact in outcome.answer.facts if isinstance(outcome.answer, Decision) else ():
            if isinstance(fact, DuesEntered):
                key = (fact.entry.member, fact.entry.month or "")
                paid[key] = paid.get(key, 0) + fact.entry.fen
                names[fact.entry.member].append(fact.entry.id)
            else:
                handed += fact.handover.handed  # type: ignore[attr-defined]
    assert all(0 <= fen <= 7500 for fen in paid.values())
    sums = select(dues_entries.c.member_id, dues_entries.c.month, func.sum(dues_entries.c.fen))
    rows = await branch.store.read(
        lambda unit: unit.rows(sums.group_by(dues_entries.c.member_id, dues_entries.c.month))
    )
    assert {(row[0], row[1]): int(row[2]) for row in rows} == paid
    entries, handovers = await branch.store.read(lambda unit: _both(unit))
    assert dues_handovers.balance(entries, handovers) == sum(paid.values()) - handed
    assert handed > 0, "the dice have handed something over"
    added = await branch.store.read(lambda unit: dues.sums(unit, EAST))
    assert (added.own, added.central, added.first) == (sum(paid.values()), 0, min(one.on for one in entries))
    assert len(entries) > 100


async def _both(unit: Reading) -> tuple[Any, Any]:
    return await dues.entries(unit, branch=EAST), await dues.handovers(unit, EAST)
