"""The ledger of dues: entries are added and never changed, put right by their reversal, and handed over upwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, Say, refused, words
from content.dues import LATEST_BACK, LONGEST_TEXT, Month, State, count_of, month_of, written
from content.identifiers import Cause, DuesEntryId, HandoverId, MemberId, OrganisationId, RoomId, UserId, derive
from content.members import Member

TO_THE_CENTRE = 100_000
"""One voluntary payment of so many fen or more goes to the centre whole (DUE-13)."""

MOST_AT_ONCE = 200
MOST_HELD_DAYS = 30
"""After so many days a page says that what was collected should not lie with one person for long (DUE-14)."""


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


class Handover(Struct, frozen=True, kw_only=True):
    """What was handed over upwards (上缴), of what came up to a day; figures as they stood then, in fen."""

    id: HandoverId
    organisation: OrganisationId
    since: date
    through: date
    on: date
    due_people: int
    paid_people: int
    due: int
    received: int
    handed: int
    receiver: str
    receipt: str
    handler: str
    by: UserId
    at: datetime
    note: str = ""
    reverses: HandoverId | None = None


class DuesHandedOver(Fact, frozen=True, kw_only=True):
    """Dues were handed over upwards, or an entry of that was taken back."""

    handover: Handover


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
    closed: date | None,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter payments, all or none; ``closed`` is up to which day everything was handed over already."""
    if not several:
        return refused("dues.nobody", field="member")
    if len(several) > MOST_AT_ONCE:
        return refused("dues.too_many", field="member", most=MOST_AT_ONCE)
    refusal = _refuse_day(how, closed=closed, today=today) or _refuse_texts(how, *(one.receipt for one in several))
    if refusal is not None:
        return refusal
    for one in several:
        field = f"sum-{one.member.id}"
        if one.month.state is State.UNKNOWN:
            return refused("dues.not_assessed", field=field, name=one.member.name)
        if one.month.state is State.EXEMPT:
            return refused("dues.is_exempt", field=field, name=one.member.name)
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
    closed: date | None,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter what somebody gave beyond their dues; 1000 yuan or more at once goes to the centre whole."""
    refusal = _refuse_day(how, closed=closed, today=today) or _refuse_texts(how, receipt)
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
    closed: date | None,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter that money was given back; never more than was paid for the month, and with the reason."""
    if not how.note.strip():
        return refused("dues.why", field="note")
    refusal = _refuse_day(how, closed=closed, today=today) or _refuse_texts(how)
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
    paid: int,
    closed: date | None,
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
    if closed is not None and entry.on <= closed:
        return refused("dues.handed_over", day=closed.isoformat())
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


def _refuse_day(how: How, *, closed: date | None, today: date) -> Refusal | None:
    if how.on > today:
        return refused("dues.in_future", field="on")
    if closed is not None and how.on <= closed:
        return refused("dues.closed", field="on", day=closed.isoformat())
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


def balance(entries: Iterable[Entry], handovers: Iterable[Handover] = ()) -> int:
    """Return what lies with a branch, in fen; what goes to the centre whole is no part of it."""
    return sum(one.fen for one in entries if not one.central) - sum(one.handed for one in handovers)


def days_held(entries: Collection[Entry], handovers: Sequence[Handover], today: date) -> int | None:
    """Return for how many days something has lain with the branch: since it was last handed over, or first came."""
    if balance(entries, handovers) <= 0:
        return None
    standing = in_force(handovers)
    since = standing[-1].on if standing else min(one.on for one in entries if not one.central)
    return (today - since).days


def in_force(handovers: Sequence[Handover]) -> tuple[Handover, ...]:
    """Return the hand-overs that were not taken back, oldest first."""
    gone = {one.reverses for one in handovers if one.reverses is not None}
    return tuple(one for one in handovers if one.reverses is None and one.id not in gone)


def closed_until(handovers: Sequence[Handover]) -> date | None:
    """Return up to which day everything that came was handed over, so that nothing of it changes any more."""
    standing = in_force(handovers)
    return standing[-1].through if standing else None


class Figures(Struct, frozen=True, kw_only=True):
    """What came in the months of a stretch, as the level above asks for it: people, and sums in fen."""

    due_people: int
    paid_people: int
    due: int


def hand_over(
    branch: OrganisationId,
    through: date,
    on: date,
    fen: int,
    texts: Mapping[str, str],
    figures: Figures,
    entries: Collection[Entry],
    before: Sequence[Handover],
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter that dues were handed over upwards; what came up to that day is then closed."""
    last = closed_until(before)
    if on > today or through > on:
        return refused("dues.through_future", field="through")
    if last is not None and through <= last:
        return refused("dues.closed", field="through", day=last.isoformat())
    came = [one for one in entries if one.on <= through and (last is None or one.on > last) and not one.central]
    if not came:
        return refused("dues.nothing_came", field="through")
    held = balance([one for one in entries if one.on <= through], before)
    if fen > held:
        return refused("dues.more_than_held", field="sum", held=written(held))
    said = {name: " ".join(text.split()) for name, text in texts.items()}
    if not said.get("receiver"):
        return refused("dues.no_receiver", field="receiver")
    if any(len(text) > LONGEST_TEXT for text in said.values()):
        return refused("dues.long_text", field="receiver", most=LONGEST_TEXT)
    one = Handover(
        id=HandoverId(derive(cause, "handover")),
        organisation=branch,
        since=min(one.on for one in came),
        through=through,
        on=on,
        due_people=figures.due_people,
        paid_people=figures.paid_people,
        due=figures.due,
        received=sum(one.fen for one in came),
        handed=fen,
        receiver=said["receiver"],
        receipt=said.get("receipt", ""),
        handler=said.get("handler", ""),
        by=by,
        at=now,
    )
    return Decision(facts=(DuesHandedOver(handover=one),))


def take_handover_back(
    one: Handover, before: Sequence[Handover], reason: str, *, by: UserId, cause: Cause, now: datetime
) -> Decision | Refusal:
    """Take back the newest entry of a hand-over, which opens again what it closed."""
    reason, standing = " ".join(reason.split()), in_force(before)
    if not standing or standing[-1].id != one.id:
        return refused("dues.not_newest")
    if not reason:
        return refused("dues.why", field="reason")
    if len(reason) > LONGEST_TEXT:
        return refused("dues.long_text", field="reason", most=LONGEST_TEXT)
    opposite = Handover(
        id=HandoverId(derive(cause, "handover", one.id)),
        organisation=one.organisation,
        since=one.since,
        through=one.through,
        on=one.on,
        due_people=0,
        paid_people=0,
        due=0,
        received=-one.received,
        handed=-one.handed,
        receiver=one.receiver,
        receipt=one.receipt,
        handler=one.handler,
        by=by,
        at=now,
        note=reason,
        reverses=one.id,
    )
    return Decision(facts=(DuesHandedOver(handover=opposite),))


def tell_room(month: str, paid: int, due: int, room: RoomId, organisation: OrganisationId) -> Decision | Refusal:
    """Tell a room how many have paid for a month, of how many: a count and nothing else (DUE-18)."""
    if not due:
        return refused("dues.nobody_due")
    named = (words(f"dues.month_{int(month[5:])}"),)
    said = words("dues.counted", month=named, paid=paid, due=due)
    fact = DuesTold(organisation=organisation, month=month)
    return Decision(facts=(fact,), effects=(Say(room=room, organisation=organisation, words=said),))
