"""A second book of dues, kept by hand from what was accepted; it imports nothing of the program (R6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Op = Mapping[str, Any]
"""What an organiser asks for, as plain values."""

ACCEPTED, NOBODYS = "", "nobody's business"
OWED = ("due", "part", "paid")


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the book; ``reverses`` is the place of the line that it takes back."""

    cause: str
    member: str
    branch: str
    sort: str
    month: str | None
    fen: int
    day: str
    central: bool = False
    reverses: int | None = None


@dataclass(slots=True, kw_only=True)
class Handover:
    """What was handed over, with the places of the lines that it closed for good."""

    cause: str
    branch: str
    received: int
    handed: int
    closed: frozenset[int] = frozenset()
    reverses: int | None = None
    stands: bool = True


@dataclass(slots=True, kw_only=True)
class Fixed:
    """What somebody owes from a month on."""

    cause: str
    member: str
    branch: str
    kind: str
    fen: int
    since: str


def after(month: str, count: int) -> str:
    """Return the month so many later."""
    number = int(month[:4]) * 12 + int(month[5:7]) - 1 + count
    return f"{number // 12}-{number % 12 + 1:02}"


def due_of(kind: str, category: str, fen: int) -> int:
    """Return the dues of a base in fen, by the table of 2008; what is less than the table's is typed as it is."""
    if kind == "exempt":
        return 0
    if category == "student" and kind == "full":
        return 20
    if category == "flat" or kind == "reduced":
        return fen
    thousandths = 5 if fen <= 300_000 else 10 if fen <= 500_000 else 15 if fen <= 1_000_000 else 20
    return (fen * thousandths + 500) // 1000


@dataclass(slots=True, kw_only=True)
class Book:
    """The dues of two branches, each with what it entered, and of their members."""

    branch_of: dict[str, str]
    home: dict[str, str]
    joined: dict[str, str]
    entries: list[Entry] = field(default_factory=list)
    handovers: list[Handover] = field(default_factory=list)
    fixed: list[Fixed] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def whose(self, member: str) -> str:
        """Return whom an entry of the roster stands for by now."""
        while member in self.merged:
            member = self.merged[member]
        return member

    def people(self) -> list[str]:
        """Return who is on the roster by an entry of their own, those who left too."""
        return [one for one in self.home if one not in self.merged]

    def here(self, member: str, branch: str) -> bool:
        """Tell whether somebody is in a branch or one of its groups, or was when they left."""
        return member not in self.merged and self.branch_of[self.home[member]] == branch

    def pays(self, member: str, branch: str) -> bool:
        """Tell whether somebody pays in a branch now."""
        return self.here(member, branch) and member not in self.left

    def paid(self, member: str, month: str, branch: str | None = None) -> int:
        """Return what came for a month of somebody, to a branch or to any."""
        return sum(
            one.fen
            for one in self.entries
            if one.month == month and self.whose(one.member) == member and branch in (None, one.branch)
        )

    def month(self, member: str, month: str) -> tuple[str, int, int] | None:
        """Return how a month stands, what is due and what was paid; ``None`` where it is none of theirs."""
        paid, last = self.paid(member, month), self.left.get(member, "9999-12-31")[:7]
        if month < self.joined.get(member, "") or month > last:
            return ("paid", 0, paid) if paid else None
        # Written over from each month on, in the order of entry.
        held: Fixed | None = None
        for one in self.fixed:
            if self.whose(one.member) == member and one.since <= month:
                held = one
        if held is None:
            return "unknown", 0, paid
        if held.kind == "exempt":
            return "exempt", 0, paid
        return ("paid" if paid >= held.fen else "part" if paid > 0 else "due"), held.fen, paid

    def share(self, member: str, month: str, branch: str) -> tuple[str, int, int] | None:
        """Return the same as it stands in the branch where they are: what another one took is neither due nor paid."""
        found, here = self.month(member, month), self.paid(member, month, branch)
        if found is None or found[0] not in OWED:
            return found and (found[0], found[1], here)
        due = max(0, found[1] - (found[2] - here))
        return ("paid" if here >= due else "part" if here > 0 else "due"), due, here

    def count(self, branch: str, month: str) -> tuple[int, int, int]:
        """Return of how many something is due for a month, how many have paid, and for how many nothing is fixed."""
        found = [self.month(one, month) for one in self.home if self.pays(one, branch)]
        states = [one[0] for one in found if one is not None]
        return sum(one in OWED for one in states), states.count("paid"), states.count("unknown")

    def came(self, branch: str, *, central: bool = False) -> int:
        """Return what came to a branch: its own, or what goes to the centre whole."""
        return sum(one.fen for one in self.entries if one.branch == branch and one.central is central)

    def held(self, branch: str) -> int:
        """Return what lies with a branch."""
        return self.came(branch) - sum(one.handed for one in self.handovers if one.branch == branch)

    def closed(self, branch: str) -> set[int]:
        """Return the places of the lines that were handed over and stay."""
        found = set[int]()
        for one in self._standing(branch):
            found |= one.closed
        return found

    def _standing(self, branch: str) -> list[Handover]:
        return [one for one in self.handovers if one.branch == branch and one.stands]

    def _coming(self, branch: str, through: str) -> set[int]:
        gone = self.closed(branch)
        return {
            place
            for place, one in enumerate(self.entries)
            if one.branch == branch and one.day <= through and place not in gone
        }

    def expects(self, op: Op) -> str:
        """Return what is answered: that it is done, that it is nobody's business, or the reason why not."""
        return next(getattr(self, f"_refuse_{op['kind']}")(op), ACCEPTED)

    def enter(self, op: Op) -> None:
        """Write down what was accepted."""
        getattr(self, f"_enter_{op['kind']}")(op)

    def _refuse_day(self, op: Op) -> Iterator[str]:
        if op["on"] > op["day"]:
            yield "dues.in_future"
        if op["on"][:7] < after(op["day"], -24):
            yield "dues.long_ago"

    def _refuse_assess(self, op: Op) -> Iterator[str]:
        who = op["member"]
        if not self.here(who, op["branch"]):
            yield NOBODYS
        if who in self.left:
            yield "dues.has_left"
        if op["since"] > after(op["day"], 12):
            yield "dues.far_month"
        if op["how"] != "full" and not op["note"]:
            yield "dues.no_basis"
        mine = [one for one in self.fixed if self.whose(one.member) == who]
        held = [one for one in mine if one.since <= op["since"]]
        if held and not op["note"] and held[-1].since[:4] == op["since"][:4]:
            yield "dues.no_reason"
        if mine and mine[-1].since >= op["since"] and not op["note"]:
            yield "dues.takes_place"

    def _enter_assess(self, op: Op) -> None:
        fen = due_of(op["how"], op["category"], op["base"])
        self.fixed.append(
            Fixed(
                cause=op["cause"] if op["note"] else "",
                member=op["member"],
                branch=op["branch"],
                kind=op["how"],
                fen=fen,
                since=op["since"],
            )
        )

    def _refuse_pay(self, op: Op) -> Iterator[str]:
        found = {who: self.month(who, op["month"]) if self.pays(who, op["branch"]) else None for who, _ in op["sums"]}
        if None in found.values():
            yield "dues.not_here"
        yield from self._refuse_day(op)
        for who, fen in op["sums"]:
            state, due, paid = found[who] or ("", 0, 0)
            if state == "unknown":
                yield "dues.not_assessed"
            if state == "exempt":
                yield "dues.is_exempt"
            if paid >= due:
                yield "dues.paid_up"
            if fen > due - paid:
                yield "dues.more_than_owed"

    def _enter_pay(self, op: Op) -> None:
        for who, fen in op["sums"]:
            self._add(op, who, "payment", op["month"], fen)

    def _add(self, op: Op, member: str, sort: str, month: str | None, fen: int, *, central: bool = False) -> None:
        shared = {"cause": op["cause"], "branch": op["branch"], "day": op["on"]}
        self.entries.append(Entry(member=member, sort=sort, month=month, fen=fen, central=central, **shared))

    def _refuse_extra(self, op: Op) -> Iterator[str]:
        if not self.here(op["member"], op["branch"]):
            yield NOBODYS
        yield from self._refuse_day(op)

    def _enter_extra(self, op: Op) -> None:
        self._add(op, op["member"], "extra", None, op["fen"], central=op["fen"] >= 100_000)

    def _refuse_refund(self, op: Op) -> Iterator[str]:
        who, at = op["member"], op["branch"]
        was = any(self.whose(one.member) == who and one.branch == at for one in self.entries)
        if who in self.merged or not (self.here(who, at) or was):
            yield NOBODYS
        yield from self._refuse_day(op)
        if op["fen"] > self.paid(who, op["month"], at):
            yield "dues.more_than_paid"

    def _enter_refund(self, op: Op) -> None:
        self._add(op, op["member"], "refund", op["month"], -op["fen"])

    def _refuse_reverse(self, op: Op) -> Iterator[str]:
        if op["place"] >= len(self.entries) or self.entries[op["place"]].branch != op["branch"]:
            yield NOBODYS
            return
        one = self.entries[op["place"]]
        if one.sort == "reversal" or any(other.reverses == op["place"] for other in self.entries):
            yield "dues.reversed_already"
        if op["place"] in self.closed(op["branch"]):
            yield "dues.handed_over"
        if one.month is not None and one.fen > self.paid(self.whose(one.member), one.month, one.branch):
            yield "dues.refund_first"

    def _enter_reverse(self, op: Op) -> None:
        one = self.entries[op["place"]]
        self.entries.append(
            Entry(
                cause=op["cause"],
                member=one.member,
                branch=one.branch,
                sort="reversal",
                month=one.month,
                fen=-one.fen,
                day=one.day,
                central=one.central,
                reverses=op["place"],
            )
        )

    def _refuse_hand_over(self, op: Op) -> Iterator[str]:
        at = op["branch"]
        if op["on"] > op["day"] or op["through"] > op["on"]:
            yield "dues.through_future"
        parts = self.closed(at) | self._coming(at, op["through"])
        there = sum(self.entries[one].fen for one in parts if not self.entries[one].central)
        most = min(there - (self.came(at) - self.held(at)), self.held(at))
        if most <= 0:
            yield "dues.nothing_by_then"
        if op["fen"] > most:
            yield "dues.more_than_held"

    def _enter_hand_over(self, op: Op) -> None:
        coming = self._coming(op["branch"], op["through"])
        came = [self.entries[one].fen for one in coming if not self.entries[one].central]
        self.handovers.append(
            Handover(
                cause=op["cause"],
                branch=op["branch"],
                received=sum(came),
                handed=op["fen"],
                # What is left of the ones before closes nothing more.
                closed=frozenset(coming if came else ()),
            )
        )

    def _refuse_take_back(self, op: Op) -> Iterator[str]:
        if op["place"] >= len(self.handovers) or self.handovers[op["place"]].branch != op["branch"]:
            yield NOBODYS
            return
        standing = self._standing(op["branch"])
        if not standing or standing[-1] is not self.handovers[op["place"]]:
            yield "dues.not_newest"

    def _enter_take_back(self, op: Op) -> None:
        one = self.handovers[op["place"]]
        one.stands = False
        opposite = {"received": -one.received, "handed": -one.handed, "reverses": op["place"], "stands": False}
        self.handovers.append(Handover(cause=op["cause"], branch=one.branch, **opposite))  # type: ignore[arg-type]

    def _refuse_move(self, _op: Op) -> Iterator[str]:
        yield from ()

    _refuse_merge = _refuse_leave = _refuse_move

    def _enter_move(self, op: Op) -> None:
        self.home[op["member"]] = op["to"]

    def _enter_merge(self, op: Op) -> None:
        self.merged[op["member"]] = op["to"]

    def _enter_leave(self, op: Op) -> None:
        self.left[op["member"]] = date.fromisoformat(op["day"]).isoformat()
