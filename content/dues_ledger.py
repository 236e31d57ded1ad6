"""The ledger of dues: entries are added and never changed, and put right by a reversal until they are handed over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Say, refused, words
from content.dues import LATEST_BACK, LONGEST_TEXT, Month, State, count_of, month_of, written
from content.identifiers import Cause, DuesEntryId, MemberId, OrganisationId, RoomId, UserId, derive
from content.members import Member

TO_THE_CENTRE = 100_000
"""One voluntary payment of so many fen or more goes to the centre whole (DUE-13)."""

MOST_AT_ONCE = 200


class Sort(StrEnum):
    """What an entry is."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"
    EXTRA = "extra"


class Method(StrEnum):
    """How a payment came."""

    CASH = "cash"
    TRANSFER = "transfer"
    DEDUCTED = "deducted"
    OTHER = "other"


class Entry(Struct, frozen=True, kw_only=True):
    """One entry, in fen: what came is more than nought, what was given back or taken back is less.

    ``month`` is for which month it was, ``None`` for what somebody gave beyond their dues. ``payer`` paid for them,
    ``payee`` took it; both are names as they were typed. ``reverses`` is the entry that it takes back.
    """

    id: DuesEntryId
    member: MemberId
    organisation: OrganisationId
    sort: Sort
    month: str | None
    fen: int
    on: date
    method: Method
    by: UserId
    at: datetime
    payer: str = ""
    payee: str = ""
    receipt: str = ""
    note: str = ""
    central: bool = False
    reverses: DuesEntryId | None = None


class DuesEntered(Fact, frozen=True, kw_only=True):
    """Something was entered in the ledger of dues."""

    member: MemberId
    entry: Entry


class DuesTold(Fact, frozen=True, kw_only=True):
    """A room was told of how many members paid, and nothing else."""

    organisation: OrganisationId
    month: str


class Paying(Struct, frozen=True, kw_only=True):
    """That somebody paid so much for a month that stands so."""

    member: Member
    month: Month
    fen: int
    receipt: str = ""


class How(Struct, frozen=True, kw_only=True):
    """What several payments have in common."""

    on: date
    method: Method
    payer: str = ""
    payee: str = ""
    note: str = ""


def pay(
    several: Sequence[Paying],
    how: How,
    branch: OrganisationId,
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter payments, all or none; they belong to the next hand-over, whichever day they came."""
    if not several:
        return refused("dues.nobody", field="member")
    if len(several) > MOST_AT_ONCE:
        return refused("dues.too_many", field="member", most=MOST_AT_ONCE)
    refusal = _refuse_day(how, today=today) or _refuse_texts(how, *(one.receipt for one in several))
    if refusal is not None:
        return refusal
    for one in several:
        field = f"sum-{one.member.id}"
        if one.month.state is State.UNKNOWN:
            return refused("dues.not_assessed", field=field, name=one.member.name)
        if one.month.state is State.EXEMPT:
            return refused("dues.is_exempt", field=field, name=one.member.name)
        if not one.month.owed:
            return refused("dues.paid_up", field=field, name=one.member.name)
        if one.fen > one.month.owed:
            return refused("dues.more_than_owed", field=field, name=one.member.name, owed=written(one.month.owed))
    return Decision(
        facts=tuple(
            _entered(one.member, branch, Sort.PAYMENT, one.month.month, one.fen, how, one.receipt, by, cause, now)
            for one in several
        )
    )


def give_extra(
    member: Member,
    branch: OrganisationId,
    fen: int,
    how: How,
    receipt: str,
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter what somebody gave beyond their dues; 1000 yuan or more at once goes to the centre whole."""
    refusal = _refuse_day(how, today=today) or _refuse_texts(how, receipt)
    if refusal is not None:
        return refusal
    return Decision(facts=(_entered(member, branch, Sort.EXTRA, None, fen, how, receipt, by, cause, now),))


def refund(
    member: Member,
    branch: OrganisationId,
    month: str,
    fen: int,
    how: How,
    *,
    paid: int,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter that money was given back; never more than was paid for the month, and with the reason."""
    if not how.note.strip():
        return refused("dues.why", field="note")
    refusal = _refuse_day(how, today=today) or _refuse_texts(how)
    if refusal is not None:
        return refusal
    if fen > paid:
        return refused("dues.more_than_paid", field="sum", paid=written(paid))
    return Decision(facts=(_entered(member, branch, Sort.REFUND, month, -fen, how, "", by, cause, now),))


def reverse(
    entry: Entry,
    reason: str,
    *,
    reversed_already: bool,
    is_handed_over: bool,
    paid: int,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> Decision | Refusal:
    """Take an entry back by one that is its opposite, of the same day; ``paid`` is what stands for its month.

    What was handed over stays: money that has to be given back is a refund of today.
    """
    reason = " ".join(reason.split())
    if entry.sort is Sort.REVERSAL or reversed_already:
        return refused("dues.reversed_already")
    if not reason:
        return refused("dues.why", field="reason")
    if len(reason) > LONGEST_TEXT:
        return refused("dues.long_text", field="reason", most=LONGEST_TEXT)
    if is_handed_over:
        return refused("dues.handed_over")
    if entry.month is not None and paid - entry.fen < 0:
        return refused("dues.refund_first")
    opposite = Entry(
        id=DuesEntryId(derive(cause, "dues", entry.id)),
        member=entry.member,
        organisation=entry.organisation,
        sort=Sort.REVERSAL,
        month=entry.month,
        fen=-entry.fen,
        on=entry.on,
        method=entry.method,
        by=by,
        at=now,
        note=reason,
        central=entry.central,
        reverses=entry.id,
    )
    return Decision(facts=(DuesEntered(member=entry.member, entry=opposite),))


def _entered(
    member: Member,
    branch: OrganisationId,
    sort: Sort,
    month: str | None,
    fen: int,
    how: How,
    receipt: str,
    by: UserId,
    cause: Cause,
    now: datetime,
) -> DuesEntered:
    entry = Entry(
        id=DuesEntryId(derive(cause, "dues", member.id, month or "")),
        member=member.id,
        organisation=branch,
        sort=sort,
        month=month,
        fen=fen,
        on=how.on,
        method=how.method,
        by=by,
        at=now,
        payer=how.payer.strip(),
        payee=how.payee.strip(),
        receipt=receipt.strip(),
        note=" ".join(how.note.split()),
        central=sort is Sort.EXTRA and fen >= TO_THE_CENTRE,
    )
    return DuesEntered(member=member.id, entry=entry)


def _refuse_day(how: How, *, today: date) -> Refusal | None:
    if how.on > today:
        return refused("dues.in_future", field="on")
    if count_of(month_of(how.on)) < count_of(month_of(today)) - 24:
        return refused("dues.long_ago", field="on")
    return None


def _refuse_texts(how: How, *more: str) -> Refusal | None:
    if any(len(text) > LONGEST_TEXT for text in (how.payer, how.payee, how.note, *more)):
        return refused("dues.long_text", field="payer", most=LONGEST_TEXT)
    return None


def is_long_back(month: str, on: date) -> bool:
    """Tell whether a payment is made up for a month further back than is usual (DUE-11)."""
    return count_of(month_of(on)) - count_of(month) > LATEST_BACK


def tell_room(month: str, paid: int, due: int, room: RoomId, organisation: OrganisationId) -> Decision | Refusal:
    """Tell a room how many have paid for a month, of how many: a count and nothing else (DUE-18)."""
    if not due:
        return refused("dues.nobody_due")
    named = (words(f"dues.month_{int(month[5:])}"),)
    said = words("dues.counted", month=named, paid=paid, due=due)
    fact = DuesTold(organisation=organisation, month=month)
    return Decision(facts=(fact,), effects=(Say(room=room, organisation=organisation, words=said),))
