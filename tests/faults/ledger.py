"""What an organiser can do with dues, at random and in any order, held after every step against a second book (R6).

The decisions are the program's own, through the store's one path; what the tables hold is read by SQL of our own.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text

from console.dues_places import known, payer
from console.pages.dues_handovers import _figures
from console.pages.dues_members import _handed_over, _own_entry
from content import dues as rules
from content import dues_handovers
from content import dues_ledger as ledger
from content.decision import Decision, Fact, refused
from content.dues import Category, Kind, Wanted
from content.dues_ledger import How, Method, Paying
from content.identifiers import Cause, MemberId, OrganisationId
from content.members import Member, MemberChanged, MemberEnrolled, MemberLeft
from content.organisations import Kind as Level
from content.organisations import Organisation, OrganisationFounded
from storage import dues, dues_shares, members
from storage.store import Answer, Outcome, Step, Store
from storage.unit import Reading
from tests.faults.campaign import Tally
from tests.faults.ledger_oracle import ACCEPTED, NOBODYS, Book, Op, after
from tests.small_branch import NOON, ROOF, SECRETARY, HandClock

FIRST, LAST = "2025-10", "2027-08"
STEPS = 12
MONEY = ("assess", "pay", "extra", "refund", "reverse", "hand_over", "take_back")
PEOPLE = ("move", "merge", "leave")
_HOW_OFTEN = {"assess": 5, "pay": 8, "extra": 2, "refund": 3, "reverse": 4, "hand_over": 5, "take_back": 1.5}
_DAYS = (-800, 1, *(-90, -30, -9, -3, -1) * 2, *(0,) * 16)
_HOW_OFTEN |= {"move": 1, "merge": 0.6, "leave": 0.3}


def blank(number: int) -> Book:
    """Return the book of two new branches, one of them with a group, and of five people."""
    a, b, g = (f"{name}{number}" for name in ("a", "b", "g"))
    places = {"p": a, "q": g, "r": a, "s": b, "t": b}
    home = {f"{name}{number}": place for name, place in places.items()}
    return Book(branch_of={a: a, b: b, g: a}, home=home, joined={f"p{number}": "2026-02"})


def founding(number: int) -> list[Fact]:
    """Return the same as facts."""
    book, facts = blank(number), list[Fact]()
    for place, branch in book.branch_of.items():
        kind, parent = (Level.BRANCH, ROOF) if place == branch else (Level.GROUP, OrganisationId(branch))
        one = Organisation(id=OrganisationId(place), parent=parent, kind=kind, name=place)
        facts.append(OrganisationFounded(organisation=one))
    for id, place in book.home.items():
        shared: dict[str, Any] = {"organisation": place, "name": id, "category": "正式党员"}
        facts.append(MemberEnrolled(member=Member(id=MemberId(id), joined=book.joined.get(id, ""), **shared)))
    return facts


def draw(chance: random.Random, book: Book, cause: str, day: date, kinds: Sequence[str] = MONEY) -> dict[str, Any]:
    """Draw what is asked for next; much of it is refused."""
    # Seldom what there is nothing for yet.
    idle = {
        "pay": not book.fixed,
        "refund": not book.entries,
        "reverse": not book.entries,
        "hand_over": not book.entries,
        "take_back": not book.handovers,
    }
    kind = chance.choices(kinds, [_HOW_OFTEN[one] * (0.1 if idle.get(one) else 1) for one in kinds])[0]
    branches = [one for one in book.branch_of if book.branch_of[one] == one]
    people, branch = book.people(), chance.choice(branches)
    there = [one for one in people if book.here(one, branch)]
    member = chance.choice(there if there and chance.random() < 0.9 else people)
    on = day + timedelta(days=chance.choice(_DAYS))
    month = after(day.isoformat(), chance.randint(-6, 2))
    op: dict[str, Any] = {"kind": kind, "cause": cause, "branch": branch, "day": day.isoformat(), "on": on.isoformat()}
    if kind == "assess":
        how = chance.choice(("full", "full", "full", "reduced", "exempt"))
        category = chance.choice(("employed", "flat", "flat", "student"))
        since = after(day.isoformat(), chance.choice((-8, -7, -6, -5, -4, -2, 0, 1, 2, 13)))
        op |= {"member": member, "how": how, "category": category, "base": chance.randint(2, 1_200_000), "since": since}
        return op | {"note": f"依据 {cause}" if chance.random() < 0.7 else ""}
    if kind == "pay":
        owing = [(one, at) for one in there for at in _around(day) if _owed(book, one, at)]
        if owing and chance.random() < 0.85:
            member, month = chance.choice(owing)
            there = [one for one, at in owing if at == month]
        several = chance.sample(there, k=min(len(there), chance.choice((1, 1, 2, 3)))) or [member]
        parts = (1, 1, 1, 1, 1, 0.5, 0.3, 0.7, 1.01)
        sums = [[one, max(1, math.ceil(_owed(book, one, month) * chance.choice(parts)))] for one in several]
        return op | {"month": month, "sums": sums}
    if kind == "extra":
        return op | {"member": member, "fen": chance.choice((1, 5_000, 99_999, 100_000, 250_050))}
    if kind == "refund":
        paid = [one for one in book.entries if one.month is not None]
        one = chance.choice(paid) if paid else None
        if one is not None:
            op |= {"branch": one.branch}
            member, month = chance.choice((book.whose(one.member), one.member)), str(one.month)
        most = max(1, book.paid(member, month, op["branch"]))
        return op | {"member": member, "month": month, "fen": chance.choice((most, max(1, most // 3), most + 1))}
    if kind in ("reverse", "take_back"):
        held: Sequence[Any] = book.entries if kind == "reverse" else book.handovers
        # Mostly one of the newest: what is older is closed.
        place = len(held) - 1 - int(len(held) * chance.random() ** 2) if held and chance.random() < 0.95 else len(held)
        return op | {"place": place, "branch": held[place].branch if place < len(held) else branch}
    if kind == "hand_over":
        through = on - timedelta(days=chance.choice((0, 0, 0, 0, 0, 1, 7, 30)))
        branch = chance.choice([one for one in branches if book.held(one) > 0] or branches)
        most, op = max(1, book.held(branch)), op | {"branch": branch}
        return op | {"through": through.isoformat(), "fen": chance.choice((most, most, 1 + most // 2, most + 1))}
    others = [one for one in people if one != member and one not in book.left]
    if kind == "move" or not others or member in book.left:
        return op | {"kind": "move", "member": member, "to": chance.choice(list(book.branch_of))}
    return op | {"member": member, "to": chance.choice(others)}


def _around(day: date) -> list[str]:
    return [after(day.isoformat(), number) for number in range(-6, 3)]


def _owed(book: Book, member: str, month: str) -> int:
    _, due, paid = book.month(member, month) or ("", 0, 0)
    return max(0, due - paid)


def step(op: Op, places: Sequence[str]) -> Step:
    """Return what a form asks of the store; ``places`` are the branches whose lines and hand-overs are counted."""
    day, cause, branch = date.fromisoformat(op["day"]), Cause(op["cause"]), OrganisationId(op["branch"])
    by: dict[str, Any] = {"by": SECRETARY, "cause": cause, "now": datetime.combine(day, time(4), NOON.tzinfo)}
    how = How(on=date.fromisoformat(op["on"]), method=Method.CASH, note=cause)

    async def named(unit: Reading, table: str) -> str:
        rows = await unit.rows(text(f"SELECT id FROM {table} WHERE {_within(places)} ORDER BY number"))
        return str(rows[op["place"]].id) if op["place"] < len(rows) else ""

    async def decide(unit: Reading) -> Answer:
        kind = op["kind"]
        if kind == "pay":
            people = await dues.payers(unit, branch)
            lines = {one.member.id: one for one in await dues.lines(unit, people, first=op["month"], last=op["month"])}
            if any(one not in lines or not lines[one].months for one, _ in op["sums"]):
                return refused("dues.not_here")
            found = [Paying(member=lines[one].member, month=lines[one].months[0], fen=fen) for one, fen in op["sums"]]
            return ledger.pay(found, how, branch, today=day, **by)
        if kind == "reverse":
            own = await _own_entry(unit, await named(unit, "dues_entries"), branch)
            if own is None:
                return None
            state = {
                "reversed_already": await dues.is_reversed(unit, own[0].id),
                "is_handed_over": own[0].id in await _handed_over(unit, branch),
            }
            paid = await dues.paid_for(unit, own[1], own[0].month, branch)
            return ledger.reverse(own[0], cause, paid=paid, **state, **by)
        if kind in ("hand_over", "take_back"):
            before, entries = await dues.handovers(unit, branch), await dues.ledger(unit, branch)
            if kind == "take_back":
                id = await named(unit, "dues_handovers")
                one = next((one for one in before if one.id == id), None)
                return one and dues_handovers.take_back(one, before, cause, **by)
            through, texts = date.fromisoformat(op["through"]), {"receiver": "党委", "receipt": cause}
            figures = await _figures(unit, branch, through, before, entries)
            return dues_handovers.hand_over(
                branch, through, how.on, op["fen"], texts, figures, entries, before, today=day, **by
            )
        find = known if kind == "refund" else payer
        member = await find(unit, op["member"], branch)
        if kind in PEOPLE:
            return await _change(unit, op, by["now"])
        if member is None:
            return None
        if kind == "assess":
            base = rules.written(op["base"])
            wanted = Wanted(
                kind=Kind(op["how"]), category=Category(op["category"]), base=base, since=op["since"], note=op["note"]
            )
            held = (await dues.line(unit, member, first=op["since"], last=op["since"])).assessments
            return rules.assess(member, branch, wanted, held, today=day, **by)
        if kind == "extra":
            return ledger.give_extra(member, branch, op["fen"], how, "", today=day, **by)
        paid = await dues.paid_for(unit, member, op["month"], branch)
        return ledger.refund(member, branch, op["month"], op["fen"], how, paid=paid, today=day, **by)

    return Step(cause=cause, decide=decide, actor=SECRETARY, at=by["now"])


async def _change(unit: Reading, op: Op, now: datetime) -> Decision:
    member = await members.member(unit, op["member"])
    assert member is not None
    if op["kind"] == "leave":
        return Decision(facts=(MemberLeft(member=member.id, at=now),))
    values = {"organisation": op["to"]} if op["kind"] == "move" else {"merged_into": op["to"], "left": now}
    return Decision(facts=(MemberChanged(member=replace(member, **values)),))


def answered(outcome: Outcome) -> str:
    """Return what was answered, in the words of the second book."""
    if outcome.failed:
        return "failed"
    if outcome.refusal is not None:
        return outcome.refusal.words.key
    return ACCEPTED if isinstance(outcome.answer, Decision) else NOBODYS


def _within(places: Sequence[str]) -> str:
    return f"organisation_id IN ({', '.join(repr(one) for one in places)})"


_COLUMNS = {
    "dues_entries": "id, member_id, organisation_id, sort, month, fen, on_day, central, reverses, method, by_user, at",
    "dues_handovers": "id, organisation_id, received, handed, reverses, entries, since, through, on_day, by_user, at",
    "dues_assessments": "id, member_id, organisation_id, kind, fen, since, by_user, at",
}


class Desk:
    """One pair of branches in a store, beside its second book."""

    def __init__(self, store: Store, number: int, book: Book | None = None) -> None:
        self.store = store
        self.book = book or blank(number)
        self.places = [one for one, branch in self.book.branch_of.items() if one == branch]
        self.seen: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _COLUMNS}
        self.done: list[Op] = []

    async def ask(self, op: Op, *, may_be_known: bool = False) -> list[str]:
        """Ask for something; return what is wrong with the answer and with what stands then.

        Where it ``may_be_known``, a life may have refused it already: then it is answered as what was heard before.
        """
        wanted = self.book.expects(op)
        (outcome,) = await self.store.settle([step(op, self.places)])
        if may_be_known and outcome.repeated and wanted != ACCEPTED:
            return await self.judge()
        got = answered(outcome)
        wrong = [f"{op}: {got or 'done'}, not {wanted or 'done'}"] if got != wanted or outcome.repeated else []
        if got == ACCEPTED:
            self.book.enter(op)
            self.done.append(op)
        return wrong + await self.judge(rows_alone=got != ACCEPTED)

    async def again(self, op: Op) -> list[str]:
        """Send a form that was accepted once more: nothing comes of it."""
        (outcome,) = await self.store.settle([step(op, self.places)])
        return ([] if outcome.repeated else [f"{op['cause']} was done twice"]) + await self.judge()

    async def judge(self, *, rows_alone: bool = False) -> list[str]:
        """Hold the tables and what the program says of them against the second book; return what is wrong.

        Where nothing was accepted, the ``rows_alone`` are: while none is added, the program reads what it read before.
        """
        return await self.store.read(lambda unit: self._hold(unit, rows_alone=rows_alone))

    async def _hold(self, unit: Reading, *, rows_alone: bool) -> list[str]:
        wrong = list[str]()
        for table, columns in _COLUMNS.items():
            query = f"SELECT {columns}, text FROM {table} WHERE {_within(self.places)} ORDER BY number"
            found = [tuple(row) for row in await unit.rows(text(query))]
            if found[: len(self.seen[table])] != self.seen[table]:
                wrong.append(f"{table}: what stood there is changed or gone")
            self.seen[table] = found
        wrong += self._hold_rows()
        return wrong if rows_alone else wrong + await self._look(unit)

    def _hold_rows(self) -> list[str]:
        book, wrong, raw = self.book, list[str](), self.seen
        ids = [one[0] for one in raw["dues_entries"]]
        handed = [one[0] for one in raw["dues_handovers"]]
        wanted: dict[str, list[tuple[Any, ...]]] = {
            "dues_entries": [
                (one.member, one.branch, one.sort, one.month, one.fen, one.day, one.central, _at(ids, one.reverses))
                for one in book.entries
            ],
            "dues_handovers": [
                (one.branch, one.received, one.handed, _at(handed, one.reverses)) for one in book.handovers
            ],
            "dues_assessments": [(one.member, one.branch, one.kind, one.fen, one.since) for one in book.fixed],
        }
        causes = {
            "dues_entries": [one.cause for one in book.entries],
            "dues_handovers": [one.cause for one in book.handovers],
            "dues_assessments": [one.cause for one in book.fixed],
        }
        for table, lines in wanted.items():
            found = [_plain(one) for one in raw[table]]
            if [one[1 : 1 + len(line)] for one, line in zip(found, lines, strict=False)] != lines:
                wrong.append(f"{table}: {found} is not {lines}")
            if len(found) != len(lines):
                wrong.append(f"{table}: {len(found)} rows, not {len(lines)}")
            said = [bytes(one[-1] or b"").decode() for one in raw[table]]
            pairs = zip(causes[table], said, strict=False)
            wrong += [f"{table}: {one} is not in {there}" for one, there in pairs if one not in there]
        if not all(type(one[5]) is int for one in raw["dues_entries"]):
            wrong.append("a sum is no whole number")
        return wrong

    async def _look(self, unit: Reading) -> list[str]:
        """Ask the program of each month, each branch and what lies there."""
        book, wrong, ids = self.book, list[str](), [one[0] for one in self.seen["dues_entries"]]
        people = await members.by_ids(unit, [MemberId(one) for one in book.people()])
        for line in await dues.lines(unit, people, first=FIRST, last=LAST):
            found = {one.month: (str(one.state), one.due, one.paid, one.owed, one.over) for one in line.months}
            if found != (want := {month: _full(one) for month, one in self._months(line.member.id)}):
                wrong.append(f"the months of {line.member.id}: {found} is not {want}")
        for place in self.places:
            branch = OrganisationId(place)
            entries, handovers = await dues.ledger(unit, branch), await dues.handovers(unit, branch)
            sums, lies = await dues.sums(unit, branch), dues_handovers.balance(entries, handovers)
            held = sums.own - sum(one.handed for one in handovers)
            if not held == lies == book.held(place):
                wrong.append(f"with {place} lie {held}, {lies}, {book.held(place)}")
            if sums.central != book.came(place, central=True):
                wrong.append(f"to the centre go {sums.central}, not {book.came(place, central=True)}")
            closed = dues_handovers.handed_over(entries, handovers)
            if closed != {_at(ids, one) for one in book.closed(place)}:
                wrong.append(f"{place} has closed {sorted(closed)}, and not what it handed over")
        # These take longest: one of the three each time.
        turn = len(self.done) % 3
        return wrong + await (self._hold_sheet(unit, self.places[turn]) if turn < 2 else self._hold_counts(unit))

    async def _hold_counts(self, unit: Reading) -> list[str]:
        wrong, month = list[str](), after(FIRST, 4 + len(self.done) // 3 % 12)
        for place, count in (await dues.counts(unit, [OrganisationId(one) for one in self.places], month)).items():
            if (count.due, count.paid, count.unknown) != self.book.count(place, month):
                wrong.append(f"{place} in {month}: {count} is not {self.book.count(place, month)}")
        return wrong

    def _months(self, member: str) -> list[tuple[str, tuple[str, int, int]]]:
        months = [after(FIRST, number) for number in range(23)]
        return [(month, one) for month in months if (one := self.book.month(member, month)) is not None]

    async def _hold_sheet(self, unit: Reading, place: str) -> list[str]:
        """Hold a branch's sheet against what it took, for those who are there and for those who are not any more."""
        lines, _ = await dues_shares.sheet(unit, OrganisationId(place), first=FIRST, last=LAST)
        found, wanted = dict[tuple[str, str], Any](), dict[tuple[str, str], Any]()
        for line in lines:
            for one in line.months:
                known = (str(one.state), one.due, one.paid) if not line.moved else one.paid
                found[line.member.id, one.month] = known
        for who in self.book.people():
            here = self.book.here(who, place)
            if self.book.pays(who, place) or any(self.book.paid(who, one, place) for one, _ in self._months(who)):
                for month, _ in self._months(who):
                    share = self.book.share(who, month, place) if here else self.book.paid(who, month, place)
                    wanted[who, month] = share
        found, wanted = [{key: one for key, one in each.items() if one} for each in (found, wanted)]
        return [] if found == wanted else [f"the sheet of {place}: {found} is not {wanted}"]


def _full(one: tuple[str, int, int]) -> tuple[str, int, int, int, int]:
    state, due, paid = one
    return state, due, paid, max(0, due - paid), 0 if state == "unknown" else max(0, paid - due)


def _at(ids: Sequence[Any], place: int | None) -> str | None:
    return None if place is None else ids[place] if place < len(ids) else "?"


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with days and marks in one spelling, whichever engine gave them."""
    if len(row) < 13:
        return row
    return (*row[:6], str(row[6]), bool(row[7]), *row[8:])


async def sequence(store: Store, number: int, seed: int, length: int = STEPS) -> list[str]:
    """Do one sequence at a desk of its own; return what is wrong, with the seed."""
    chance, day = random.Random(f"{seed}/{number}"), NOON.date()
    await store.settle(notes=founding(number))
    desk = Desk(store, number)
    for count in itertools.count():
        if count == length:
            return []
        day += timedelta(days=chance.choice((0, 0, 1, 3, 20)))
        if desk.done and chance.random() < 0.08:
            wrong = await desk.again(chance.choice(desk.done))
        else:
            wrong = await desk.ask(draw(chance, desk.book, f"form:{seed}-{number}-{count}", day, (*MONEY, *PEOPLE)))
        if wrong:
            return [f"sequence {seed}/{number}, step {count}: {one}" for one in wrong]
    raise AssertionError


async def sequences(address: str, seed: int, numbers: range, length: int = STEPS) -> Tally:
    """Do so many sequences in one database that is founded, each in branches of its own."""
    tally, store = Tally(), await Store.open(address, HandClock(NOON))
    try:
        for number in numbers:
            tally.failures += await sequence(store, number, seed, length)
            tally.tried += 1
    finally:
        await store.close()
    return tally
