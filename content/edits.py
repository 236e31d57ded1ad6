"""Changes to the roster by hand: each is shown first, written down with who made it, and can be taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Fact, Refusal, refused, words
from content.identifiers import Cause, EditId, OrganisationId, UserId, derive
from content.imports import EnrolmentUndone, Entered, Since, Undoing
from content.members import Member, MemberChanged, MemberEnrolled
from content.organisations import Kind, Organisation

UNDO_WITHIN = timedelta(days=7)
MERGE_UNDO_WITHIN = timedelta(days=1)
MOST_TOGETHER = 5_000
"""Of so many people one thing may be changed in one go."""

RECORDED = tuple(one for one in Member.__struct_fields__ if one not in {"id", "language"})
"""What of a member's entry is written down when it changes."""

BY_FORM = tuple(name for name in RECORDED if name not in {"user", "left", "merged_into"})
"""What a form may change."""


class Sort(StrEnum):
    """What was done to the roster."""

    IMPORTED = "imported"
    ADDED = "added"
    EDITED = "edited"
    TOGETHER = "together"
    BOUND = "bound"
    UNBOUND = "unbound"
    LEFT = "left"
    RETURNED = "returned"
    TRANSFERRED_OUT = "transferred_out"
    TRANSFERRED_IN = "transferred_in"
    TRANSFERRED = "transferred"
    MERGED = "merged"
    ELECTED = "elected"


class RosterEdited(Fact, frozen=True, kw_only=True):
    """Entries of the roster were changed by hand, all for one reason.

    ``other`` names the organisation on the other side of a transfer, ``on`` the day from which it counts.
    """

    id: EditId
    sort: Sort
    by: UserId | None
    at: datetime
    entries: tuple[Entered, ...]
    reason: str = ""
    other: str = ""
    on: str = ""


class EditUndone(Fact, frozen=True, kw_only=True):
    """A change to the roster was taken back; ``kept`` counts the members of whom something stays."""

    id: EditId
    by: UserId | None
    at: datetime
    kept: int


class Edit(Struct, frozen=True, kw_only=True):
    """One change as it is remembered; ``whole`` tells that all branches which it touched are in view."""

    id: EditId
    sort: Sort
    by: UserId | None
    at: datetime
    number: int
    whole: bool
    reason: str = ""
    other: str = ""
    on: str = ""
    undone_at: datetime | None = None
    undone_by: UserId | None = None
    kept: int = 0


class Places:
    """Finds the branch of any organisation, among nodes of which all that stand between are given."""

    def __init__(self, nodes: Collection[Organisation]) -> None:
        self._nodes = {node.id: node for node in nodes}

    def branch(self, id: OrganisationId) -> OrganisationId:  # noqa: A002
        """Return the branch above a group; any other organisation stands for itself."""
        node = self._nodes.get(id)
        return node.parent if node is not None and node.kind is Kind.GROUP and node.parent is not None else id


def edit(
    changes: Sequence[tuple[Member, Member]],
    *,
    sort: Sort,
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
    reason: str = "",
    other: str = "",
    on: str = "",
) -> Decision | Refusal:
    """Change entries of the roster as was shown, and write down what they were before."""
    changed = [(before, after) for before, after in changes if before != after]
    if not changed:
        return refused("edits.nothing_to_do")
    if len(changed) > MOST_TOGETHER:
        return refused("edits.too_many", most=MOST_TOGETHER)
    entries = tuple(_entered(before, after, places) for before, after in changed)
    fact = RosterEdited(
        id=EditId(derive(cause, "edit")), sort=sort, by=by, at=now, entries=entries, reason=reason, other=other, on=on
    )
    return Decision(facts=(*_in_order(changed), fact))


def add(
    member: Member,
    *,
    sort: Sort = Sort.ADDED,
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
    other: str = "",
    on: str = "",
) -> Decision:
    """Enter one person by hand."""
    entry = Entered(before=None, after=member, branch=places.branch(member.organisation))
    fact = RosterEdited(
        id=EditId(derive(cause, "edit")), sort=sort, by=by, at=now, entries=(entry,), other=other, on=on
    )
    return Decision(facts=(MemberEnrolled(member=member), fact))


def departed(
    decision: Decision | Refusal,
    member: Member,
    *,
    sort: Sort,
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
    reason: str = "",
    other: str = "",
    on: str = "",
) -> Decision | Refusal:
    """Write down beside a leaving or a return what the entry was before."""
    if isinstance(decision, Refusal):
        return decision
    left = None if sort is Sort.RETURNED else now
    after = replace(member, left=left, user=member.user if left is None else None)
    entry = Entered(before=member, after=after, branch=places.branch(member.organisation))
    fact = RosterEdited(
        id=EditId(derive(cause, "edit")), sort=sort, by=by, at=now, entries=(entry,), reason=reason, other=other, on=on
    )
    return replace(decision, facts=(*decision.facts, fact))


def differing(before: Member | None, after: Member) -> tuple[str, ...]:
    """Return what of an entry a change wrote; of one who is new, everything that is not empty."""
    blank = before or Member(id=after.id, organisation=OrganisationId(""), name="")
    return tuple(name for name in RECORDED if getattr(blank, name) != getattr(after, name))


def may_undo(known: Edit, *, now: datetime) -> Refusal | None:
    """Say why a change cannot be taken back, if so."""
    if known.undone_at is not None:
        return refused("edits.undone_already")
    if not known.whole:
        return refused("edits.not_yours_alone")
    lasts = lasts_for(known.sort)
    return refused("edits.too_late", hours=lasts // timedelta(hours=1)) if now - known.at > lasts else None


def lasts_for(sort: Sort) -> timedelta:
    """Return how long a change can be taken back."""
    return MERGE_UNDO_WITHIN if sort is Sort.MERGED else UNDO_WITHIN


def freed(entries: Sequence[Entered], since: Since) -> Since:
    """Count as free an account whose holder gives it back in the same undoing."""
    gives = {
        entry.after.user
        for entry in entries
        if entry.before is not None
        and entry.before.user != entry.after.user
        and entry.after.user is not None
        and (now := since.members.get(entry.after.id)) is not None
        and now.user == entry.after.user
    }
    accounts = {user: holder for user, holder in since.accounts.items() if user not in gives}
    return replace(since, accounts=accounts)


def undo(known: Edit, undoing: Undoing, *, by: UserId | None, now: datetime) -> Decision | Refusal:
    """Take a change back as its plan says, once."""
    refusal = may_undo(known, now=now)
    if refusal is not None:
        return refusal
    if not undoing.removed and not undoing.restored:
        return refused("edits.nothing_to_undo")
    facts: list[Fact] = [EnrolmentUndone(member=member.id) for member in undoing.removed]
    facts += _in_order(undoing.restored)
    kept = len({one.member.id for one in undoing.kept})
    return Decision(facts=(*facts, EditUndone(id=known.id, by=by, at=now, kept=kept)))


def _entered(before: Member, after: Member, places: Places) -> Entered:
    there, here = places.branch(before.organisation), places.branch(after.organisation)
    return Entered(before=before, after=after, branch=here, left=there if there != here else None)


def _in_order(changes: Sequence[tuple[Member, Member]]) -> list[MemberChanged]:
    """Let accounts be given up before anyone takes them: they may be given to another in the same change."""
    swaps = [before for before, after in changes if None not in (before.user, after.user) and before.user != after.user]
    given_up = [MemberChanged(member=replace(before, user=None)) for before in swaps]
    ordered = sorted(changes, key=lambda one: one[1].user is not None and one[1].user != one[0].user)
    return [*given_up, *(MemberChanged(member=after) for _, after in ordered)]


# --- what one wants to change about several ---------------------------------------------------------------------------


def with_values(member: Member, values: Mapping[str, Any]) -> Member:
    """Return a member with some fields as a form has them; what a form may not change is left as it is."""
    return replace(member, **{name: value for name, value in values.items() if name in BY_FORM})


# --- two entries of one person ----------------------------------------------------------------------------------------


def merge(
    kept: Member,
    other: Member,
    *,
    taken: Collection[str],
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
    running: Sequence[str] = (),
) -> Decision | Refusal:
    """Make two entries one: what is ``taken`` comes from the other, which leaves the roster and points to the kept one.

    What the other was asked and has done stays with it, and is shown and handed out with the kept one's. While it is
    on a roll, counts, stands, nominates or is asked in something that is ``running``, it stays: else a place to vote
    would be lost or a person would have two, and nobody would hear what becomes of a nomination or an objection.
    """
    if kept.id == other.id:
        return refused("edits.same_entry")
    if kept.left is not None or other.left is not None:
        return refused("edits.double_has_left")
    if running:
        titles = tuple(words("edits.running_title", title=one) for one in running if one)
        return refused("edits.double_in_votes", n=len(running), titles=titles or (words("edits.running_elsewhere"),))
    values = {name: getattr(other, name) for name in taken if name in mergeable(kept, other)}
    merged = replace(kept, **values)
    if merged.user is None:
        merged = replace(merged, user=kept.user or other.user)
    gone = replace(other, user=None, left=now, merged_into=kept.id)
    return edit(
        [(other, gone), (kept, merged)], sort=Sort.MERGED, places=places, cause=cause, by=by, now=now, reason=other.name
    )


def mergeable(kept: Member, other: Member) -> tuple[str, ...]:
    """Return in what two entries differ, so that somebody has to say which is right."""
    return tuple(
        name for name in RECORDED if name not in {"left", "merged_into"} and getattr(kept, name) != getattr(other, name)
    )


def proposed(kept: Member, other: Member) -> tuple[str, ...]:
    """Return what the other entry knows and the kept one does not."""
    return tuple(name for name in mergeable(kept, other) if getattr(kept, name) in ("", None))
