"""The four sheets of a branch's dues, in the columns that offices file them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from console.tables import Table
from console.wording import local, t
from console.written_sheets import Written
from content.dues import Kind, State, holds, rate_of, span
from content.dues_handovers import Handover, in_force
from content.dues_ledger import Entry, Sort, is_long_back
from storage.dues import Line

_NUMBER = ("number", "name")
SHEETS: Mapping[str, tuple[str, ...]] = {
    "assessments": (*_NUMBER, "category", "base_yuan", "rate", "month_yuan", "fixed_on", "note"),
    "year": (
        *("number", "member", "income", "standard", "month_due", *(f"m{n}" for n in range(1, 13))),
        *("year_due", "year_paid", "year_note"),
    ),
    "month": (*_NUMBER, "for_month", "due", "paid", "on", "method", "payee", "by_other", "payer", "receipt", "note"),
    "handovers": (
        *("handed_on", "period", "due_people", "paid_people", "due_sum", "paid_sum", "handed_sum"),
        *("receiver", "slip", "handler"),
    ),
}
"""The columns of each sheet, by the last part of their names' keys."""


def yuan(fen: int) -> Decimal:
    """Return a sum as a number for a sheet, with two decimals."""
    return Decimal(fen).scaleb(-2)


def _table(sheet: str, title: str, rows: Iterable[tuple[Written, ...]]) -> Table:
    header = tuple(t(f"dues.column_{name}") for name in SHEETS[sheet])
    return Table(title=title, header=header, rows=tuple(rows))


def assessments(lines: Sequence[Line], month: str) -> Table:
    """Return what is fixed for each member (党费核定表); the base is nowhere, so its column is empty."""
    rows: list[tuple[Written, ...]] = []
    for number, line in enumerate(lines, start=1):
        held = holds(line.assessments, month)
        if held is None:
            rows.append((number, line.member.name, line.member.category, "", "", "", "", t("dues.state_unknown")))
            continue
        said = [t(f"dues.kind_{held.kind}")] if held.kind is not Kind.FULL else []
        said += [held.note] if held.note else []
        rate = rate_of(held.category, held.fen) if held.kind is Kind.FULL else None
        fixed = (yuan(held.fen), local(held.at).date().isoformat(), t("tables.comma").join(said))
        rows.append((number, line.member.name, line.member.category, "", rate or "", *fixed))
    return _table("assessments", t("dues.sheet_assessments"), rows)


def year_ledger(lines: Sequence[Line], entries: Sequence[Entry], year: str) -> Table:
    """Return a year (党费收缴台账): what was paid for each month, the sums of the year, and 合计 at the end.

    A month for which nothing came is empty, and so are the dues of whom nothing is fixed for: nought is a sum.
    """
    rows: list[tuple[Written, ...]] = []
    sums = [0] * 14
    for number, line in enumerate(lines, start=1):
        months = {one.month: one.paid for one in line.months}
        paid = [months.get(one, 0) for one in span(f"{year}-01", f"{year}-12")]
        known = [one for one in line.months if one.state is not State.UNKNOWN]
        due, came = sum(one.due for one in known), sum(paid)
        held = holds(line.assessments, line.months[-1].month) if line.months else None
        full = held is not None and held.kind is Kind.FULL
        rate = rate_of(held.category, held.fen) if held is not None and full else None
        monthly = yuan(held.fen) if held is not None else ""
        figures = [*(yuan(fen) if fen else "" for fen in paid), yuan(due) if known else ""]
        sums = [one + other for one, other in zip(sums, [*paid, due, came], strict=True)]
        note = t("tables.comma").join(_notes(line, [one for one in entries if one.member == line.member.id]))
        row = (number, line.member.name, "", rate or "", monthly, *figures, yuan(came) if known or came else "", note)
        rows.append(row)
    rows.append(("", t("dues.total"), "", "", "", *(yuan(fen) for fen in sums), ""))
    return _table("year", t("dues.sheet_year", year=year), rows)


def _notes(line: Line, entries: Sequence[Entry]) -> list[str]:
    """Say what was made up late or paid by another, what is less by a decision, and who is here no more."""
    gone = {one.reverses for one in entries}
    mine = [one for one in entries if one.sort is Sort.PAYMENT and one.id not in gone]
    said = [t("dues.made_up")] if any(is_long_back(one.month or "", one.on) for one in mine) else []
    said += [t("dues.for_them", name=name) for name in dict.fromkeys(one.payer for one in mine if one.payer)]
    held = {holds(line.assessments, one.month) for one in line.months}
    said += [t(f"dues.kind_{kind}") for kind in sorted({one.kind for one in held if one is not None} - {Kind.FULL})]
    if line.moved:
        return [*said, t("dues.moved_away")]
    return [*said, t("dues.no_longer")] if line.member.left is not None else said


def month_ledger(lines: Sequence[Line], entries: Sequence[Entry], month: str) -> Table:
    """Return the entries for a month (党费收缴明细), and whoever has none yet; what is due stands once with each."""
    due = {line.member.id: one.due for line in lines for one in line.months if one.state is not State.UNKNOWN}
    named = {line.member.id: line.member.name for line in lines}
    unsaid = dict(due)
    rows: list[tuple[Written, ...]] = []
    for one in entries:
        by_other = t("dues.by_other") if one.payer else t("dues.by_themself")
        note = t("tables.comma").join(
            said for said in (t(f"dues.sort_{one.sort}") if one.sort is not Sort.PAYMENT else "", one.note) if said
        )
        method = t(f"dues.method_{one.method}")
        owed = yuan(unsaid.pop(one.member)) if one.member in unsaid else ""
        came = (yuan(one.fen), one.on.isoformat(), method, one.payee, by_other, one.payer, one.receipt, note)
        rows.append((len(rows) + 1, named[one.member], month, owed, *came))
    entered = {one.member for one in entries}
    for line in lines:
        standing = next(iter(line.months), None)
        if line.member.id not in entered and standing is not None:
            note = "" if standing.state is State.DUE else t(f"dues.state_{standing.state}")
            if standing.state is State.PAID:
                note = t("dues.paid_elsewhere")
            owed = yuan(standing.due) if standing.due or standing.state is State.EXEMPT else ""
            rows.append((len(rows) + 1, line.member.name, month, owed, *([""] * 7), note))
    sums = (yuan(sum(due.values())), yuan(sum(one.fen for one in entries)))
    rows.append(("", t("dues.total"), "", *sums, *([""] * 7)))
    return _table("month", t("dues.sheet_month", month=month), rows)


def handed_over(handovers: Sequence[Handover]) -> Table:
    """Return what was handed over (党费上缴登记); what was taken back is not among it."""
    standing = in_force(handovers)
    rows: list[tuple[Written, ...]] = [
        (
            one.on.isoformat(),
            t("dues.stretch", since=one.since.isoformat(), until=one.through.isoformat()),
            # A month of which a hand-over before spoke stands there alone.
            one.due_people or "",
            one.paid_people,
            yuan(one.due) if one.due_people else None,
            *(yuan(fen) for fen in (one.received, one.handed)),
            one.receiver,
            one.receipt,
            one.handler,
        )
        for one in standing
    ]
    sums = tuple(yuan(sum(getattr(one, name) for one in standing)) for name in ("due", "received", "handed"))
    rows.append((t("dues.total"), "", "", "", *sums, "", "", ""))
    return _table("handovers", t("dues.sheet_handovers"), rows)
