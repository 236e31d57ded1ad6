"""A sign-up with all that was said of it: its entries, which message named whom, and what a fact makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from content.chains import folded
from content.decision import Fact
from content.identifiers import (
    ActivityId,
    EventId,
    MemberId,
    OrganisationId,
    RoomId,
    SignUpEntryId,
    SignUpId,
    UserId,
    derive,
)


class State(StrEnum):
    """Where a sign-up stands."""

    OPEN = "open"
    CLOSED = "closed"


class SignUp(Struct, frozen=True, kw_only=True):
    """A sign-up in one room; ``places`` is how many people may come, ``None`` where there is no limit.

    Where it belongs to an ``activity``, that one's live message shows it.
    """

    id: SignUpId
    organisation: OrganisationId
    room: RoomId
    title: str
    closes_at: datetime
    places: int | None = None
    activity: ActivityId | None = None
    state: State = State.OPEN
    people: int | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """One who was signed up. ``number`` is the order in which they came, ``by`` whose word it was.

    ``member`` is who that is on the roster, ``None`` for a name that only was typed. Who is ``withdrawn`` comes back
    by their own word, by that of who took them out, and where an organiser did (``by_hand``) by one alone. Who
    ``returned`` is withdrawn again once what they said is taken back.
    """

    id: SignUpEntryId
    name: str
    at: datetime
    number: int
    member: MemberId | None = None
    note: str = ""
    brings: int = 0
    by: UserId | None = None
    withdrawn: bool = False
    withdrawn_by: UserId | None = None
    returned: bool = False
    by_hand: bool = False
    why: str = ""

    @property
    def people(self) -> int:
        """Return how many come: they and whom they bring."""
        return 1 + self.brings


class Claim(Struct, frozen=True, kw_only=True, order=True):
    """That a message names somebody: as long as one does that was not taken back, they stand.

    ``line`` is the number before them, 0 where there is none.
    """

    event: EventId
    sender: UserId
    entry: SignUpEntryId
    line: int = 0


GONE = SignUpEntryId("")
"""Whom a message names that was taken back: edits of it come to nothing."""


class Sheet(Struct, frozen=True, kw_only=True):
    """A sign-up with all that was said of it. ``users`` are the accounts of those who are on the roster."""

    sign_up: SignUp
    entries: Mapping[SignUpEntryId, Entry] = field(default_factory=dict)
    claims: frozenset[Claim] = frozenset()
    users: Mapping[MemberId, UserId] = field(default_factory=dict)

    @property
    def standing(self) -> tuple[Entry, ...]:
        """Return who comes, or waits for a place, in the order in which they came."""
        here = (one for one in self.entries.values() if not one.withdrawn)
        return tuple(sorted(here, key=lambda one: (one.number, one.id)))

    @property
    def seated(self) -> tuple[Entry, ...]:
        """Return who has a place: in their order, and nobody before who came earlier and still waits."""
        return self.standing[: len(self.standing) - len(self.waiting)]

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """Return who waits for a place."""
        places, taken = self.sign_up.places, 0
        for position, one in enumerate(self.standing):
            taken += one.people
            if places is not None and taken > places:
                return self.standing[position:]
        return ()

    @property
    def people(self) -> int:
        """Return how many come."""
        return sum(one.people for one in self.seated)


class SignUpOpened(Fact, frozen=True, kw_only=True):
    """A sign-up was begun; it is on its way to its room."""

    sign_up: SignUp
    author: UserId
    at: datetime


class SignedUp(Fact, frozen=True, kw_only=True):
    """A message named people. ``entries`` are those of whom something is new, ``claims`` all whom it names."""

    sign_up: SignUpId
    member: MemberId | None
    entries: tuple[Entry, ...]
    claims: tuple[Claim, ...]
    at: datetime


class MessageTakenBack(Fact, frozen=True, kw_only=True):
    """A message about a sign-up was removed by who sent it; ``gone`` are those whom no other names."""

    sign_up: SignUpId
    member: MemberId | None
    event: EventId
    sender: UserId
    gone: tuple[SignUpEntryId, ...]
    withdrawn: tuple[Entry, ...]
    at: datetime


class EntriesWithdrawn(Fact, frozen=True, kw_only=True):
    """Somebody does not come any more, by their own word or that of who named them."""

    sign_up: SignUpId
    member: MemberId | None
    entries: tuple[Entry, ...]
    at: datetime


class EntryRuled(Fact, frozen=True, kw_only=True):
    """An organiser put somebody on a sign-up, took them off it, or put right what stands there."""

    sign_up: SignUpId
    member: MemberId | None
    entries: tuple[Entry, ...]
    at: datetime


class SignUpClosed(Fact, frozen=True, kw_only=True):
    """The time of a sign-up is over, or an organiser ended it."""

    sign_up: SignUpId
    people: int
    at: datetime


SheetFact = SignedUp | MessageTakenBack | EntriesWithdrawn | EntryRuled | SignUpClosed


def apply(sheet: Sheet, fact: SheetFact) -> Sheet:
    """Return a sheet once a fact about it holds: what storage does to rows."""
    match fact:
        case SignUpClosed():
            return replace(sheet, sign_up=replace(sheet.sign_up, state=State.CLOSED, people=fact.people))
        case SignedUp():
            changed = {one.id: one for one in fact.entries}
            anew = {(one.event, one.entry) for one in fact.claims}
            kept = {one for one in sheet.claims if (one.event, one.entry) not in anew}
            return replace(sheet, entries={**sheet.entries, **changed}, claims=frozenset(kept.union(fact.claims)))
        case MessageTakenBack():
            changed = {one.id: one for one in fact.withdrawn}
            entries = {id: one for id, one in {**sheet.entries, **changed}.items() if id not in fact.gone}  # noqa: A001
            claims = {one for one in sheet.claims if one.event != fact.event}
            return replace(
                sheet, entries=entries, claims=claims | {Claim(event=fact.event, sender=fact.sender, entry=GONE)}
            )
        case EntriesWithdrawn() | EntryRuled():
            changed = {one.id: one for one in fact.entries}
            off = {one.id for one in fact.entries if one.withdrawn}
            claims = {one for one in sheet.claims if one.entry not in off}
            return replace(sheet, entries={**sheet.entries, **changed}, claims=frozenset(claims))


def name_of(sign_up: SignUpId, member: MemberId | None, name: str) -> SignUpEntryId:
    """Return the identifier of one person on a sign-up: by the roster, else by their name as it is compared."""
    return SignUpEntryId(derive(sign_up, "member", member) if member else derive(sign_up, "name", folded(name)))
