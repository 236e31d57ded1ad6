"""Transferring a member's membership: to another organisation of the tree, or out of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from content.decision import Decision, Refusal, refused
from content.edits import Places, Sort, edit
from content.identifiers import Cause, OrganisationId, RoomId, UserId
from content.members import Member
from content.organisations import Kind, Organisation
from content.rooms import Invite, Remove, Room

LONGEST_REASON = 200
STANDS_IN = frozenset({Kind.BRANCH, Kind.GROUP})
"""Where a member's membership can lie."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Where a member goes and from when; ``to`` is None for an organisation elsewhere, which ``other`` names."""

    to: OrganisationId | None
    other: str
    on: date


def read(to: str, other: str, on: str, *, nodes: Sequence[Organisation], today: date) -> Wanted | Refusal:
    """Read what a form says of a transfer; ``nodes`` are where in the tree the member may go."""
    try:
        day = date.fromisoformat(on)
    except ValueError:
        return refused("entries.bad_day", field="on")
    if day > today:
        return refused("entries.in_future", field="on")
    if not to:
        return Wanted(to=None, other=other, on=day) if other else refused("transfers.where", field="other")
    node = next((node for node in nodes if node.id == to), None)
    if node is None:
        return refused("transfers.not_there", field="to")
    return Wanted(to=node.id, other=node.name, on=day)


def transfer(
    member: Member,
    wanted: Wanted,
    *,
    out_of: Sequence[Room],
    into: Sequence[RoomId],
    places: Places,
    cause: Cause,
    by: UserId,
    now: datetime,
) -> Decision | Refusal:
    """Move a member within the tree: out of the rooms that were confirmed, and asked into those of the new place."""
    if wanted.to is None:
        return refused("transfers.not_there", field="to")
    if member.left is not None:
        return refused("leaving.has_left", name=member.name)
    answer = edit(
        [(member, replace(member, organisation=wanted.to))],
        sort=Sort.TRANSFERRED,
        places=places,
        cause=cause,
        by=by,
        now=now,
        other=wanted.other,
        on=wanted.on.isoformat(),
    )
    if isinstance(answer, Refusal) or member.user is None:
        return answer
    stays = set(into)
    gone = (room for room in out_of if room.id not in stays)
    removed = tuple(Remove(room=room.id, organisation=room.organisation, user=member.user) for room in gone)
    return replace(answer, effects=(*removed, *(Invite(room=room, user=member.user) for room in into)))
