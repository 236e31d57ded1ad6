"""What a branch hands over of its dues (上缴): what each hand-over closes, and what lies with the branch how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from content.decision import Decision, Fact, Refusal, refused
from content.dues import LONGEST_TEXT, count_of, month_at, month_of, written
from content.dues_ledger import Entry
from content.identifiers import Cause, DuesEntryId, HandoverId, OrganisationId, UserId, derive

MOST_HELD_DAYS = 30
"""After so many days a page says that what was collected should not lie with one person for long (DUE-14)."""


class Handover(Struct, frozen=True, kw_only=True):
    """What was handed over upwards, of what came up to a day and was entered by then; figures as they stood, in fen.

    ``entries`` is how long the branch's ledger was, or was for the one whose rest this is: what is entered afterwards
    belongs to the next one, also where it came on a day before. ``since`` and ``through`` are the days of what is in
    it. ``due_people`` and ``due`` are of the months that no hand-over before spoke of, and nought where it is within
    one of which another spoke.
    """

    id: HandoverId
    organisation: OrganisationId
    entries: int
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


class Figures(Struct, frozen=True, kw_only=True):
    """What the level above asks for: of how many people something was due, how many have paid, and a sum in fen."""

    due_people: int
    paid_people: int
    due: int


def balance(entries: Iterable[Entry], handovers: Iterable[Handover] = ()) -> int:
    """Return what lies with a branch, in fen; what goes to the centre whole is no part of it."""
    return sum(one.fen for one in entries if not one.central) - sum(one.handed for one in handovers)


def in_force(handovers: Sequence[Handover]) -> tuple[Handover, ...]:
    """Return the hand-overs that were not taken back, oldest first."""
    gone = {one.reverses for one in handovers if one.reverses is not None}
    return tuple(one for one in handovers if one.reverses is None and one.id not in gone)


def handed_over(entries: Sequence[Entry], handovers: Sequence[Handover]) -> frozenset[DuesEntryId]:
    """Return which entries were handed over, so that nothing of them changes any more.

    ``entries`` are all of a branch, in the order in which they were made.
    """
    standing = in_force(handovers)
    return frozenset(
        one.id
        for place, one in enumerate(entries)
        if any(place < each.entries and one.on <= each.through for each in standing)
    )


def coming(entries: Sequence[Entry], before: Sequence[Handover], through: date) -> tuple[Entry, ...]:
    """Return what a hand-over of what came up to a day is made of: what none before was, nor goes to the centre."""
    gone = handed_over(entries, before)
    return tuple(one for one in entries if one.on <= through and one.id not in gone and not one.central)


def months_reckoned(came: Sequence[Entry], before: Sequence[Handover], through: date) -> tuple[str, str] | None:
    """Return the first and the last month of which a hand-over says what was due; ``None`` where others said it all.

    Each month stands in one hand-over, the first that reaches into it, so that the register adds up.
    """
    if not came:
        return None
    spoken = max((count_of(month_of(one.through)) for one in in_force(before)), default=None)
    first = month_at(spoken + 1) if spoken is not None else month_of(min(one.on for one in came))
    last = month_of(through)
    return (first, last) if first <= last else None


def days_held(held: int, first: date | None, handovers: Sequence[Handover], today: date) -> int | None:
    """Return for how many days nothing was handed over, or since the first came; ``None`` where nothing is held.

    ``held`` is what lies with the branch, in fen, ``first`` the first day on which anything came.
    """
    standing = in_force(handovers)
    since = standing[-1].on if standing else first
    return (today - since).days if held > 0 and since is not None else None


def hand_over(
    branch: OrganisationId,
    through: date,
    on: date,
    fen: int,
    texts: Mapping[str, str],
    figures: Figures,
    entries: Sequence[Entry],
    before: Sequence[Handover],
    *,
    by: UserId,
    cause: Cause,
    now: datetime,
    today: date,
) -> Decision | Refusal:
    """Enter that dues were handed over upwards: what came up to a day, or what was left of what came before.

    ``entries`` are all of the branch, in the order in which they were made.
    """
    if on > today or through > on:
        return refused("dues.through_future", field="through")
    came, gone = coming(entries, before, through), handed_over(entries, before)
    parts = {one.id for one in came} | gone
    # Never more than lies there now, where something was given back after that day.
    held = min(balance([one for one in entries if one.id in parts], before), balance(entries, before))
    if held <= 0:
        return refused("dues.nothing_by_then", field="through")
    if fen > held:
        return refused("dues.more_than_held", field="sum", held=written(held))
    said = {name: " ".join(text.split()) for name, text in texts.items()}
    if not said.get("receiver"):
        return refused("dues.no_receiver", field="receiver")
    if any(len(text) > LONGEST_TEXT for text in said.values()):
        return refused("dues.long_text", field="receiver", most=LONGEST_TEXT)
    # What is left has the days of the hand-over that left it, and closes nothing that came since.
    last = in_force(before)[-1] if not came else None
    one = Handover(
        id=HandoverId(derive(cause, "handover")),
        organisation=branch,
        entries=len(entries) if last is None else last.entries,
        since=min(one.on for one in came) if last is None else last.since,
        through=through if last is None else last.through,
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


def take_back(
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
        entries=one.entries,
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
