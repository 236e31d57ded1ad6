"""Sends what quiet hours hold at once, for a reason that stays with it."""

from __future__ import annotations

from datetime import datetime

from content.decision import Decision, Refusal, refused
from content.identifiers import OutboxId
from content.quiet import LONGEST_REASON
from storage.outbox import Hastened


def hastening(row: OutboxId | None, reason: str, *, now: datetime) -> Decision | Refusal:
    """Let a row of the outbox go out now, unless it is not held, or nobody says why it cannot wait."""
    reason = " ".join(reason.split())
    if row is None:
        return refused("outbox.not_held")
    if not reason:
        return refused("outbox.why_now", field="reason")
    if len(reason) > LONGEST_REASON:
        return refused("missed.reason_is_long", field="reason", most=LONGEST_REASON)
    return Decision(facts=(Hastened(id=row, reason=reason, at=now),))
