"""Live messages: a message of ours in a room, edited in place as what it shows changes; no card, for it has no roll."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from content.decision import Effect
from content.identifiers import OrganisationId, RoomId


class Sort(StrEnum):
    """What a live message shows."""

    SIGN_UP = "sign_up"
    ACTIVITY = "activity"


class PutUp(Effect, frozen=True, kw_only=True):
    """Put a live message into its room, once quiet hours let it and not after its time."""

    sort: Sort
    id: str
    room: RoomId
    organisation: OrganisationId
    not_before: datetime | None = None
    expires_at: datetime | None = None


class Renew(Effect, frozen=True, kw_only=True):
    """Show what a live message says now by editing it, at most as often as delivery's rhythm allows."""

    sort: Sort
    id: str
