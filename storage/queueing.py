"""How a row gets into the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from content.decision import Words
from content.identifiers import derive
from storage.outbox import EDIT_RHYTHM, Kind, State, outbox
from storage.phrases import save_words
from storage.unit import AnyRow, Writing


async def insert(unit: Writing, cause: str, kind: Kind, *, lane: str, part: int, **values: Any) -> str:
    """Put a row into the outbox, and return its identifier; one that the same cause made before is left as it is."""
    id = derive(cause, kind, lane, part, values.get("revision", 0))  # noqa: A001
    row = {
        "id": id,
        "cause": cause,
        "kind": kind,
        "lane": lane,
        "part": part,
        "revision": 0,
        "quiet": False,
        "unasked": False,
        "state": State.PENDING,
        "not_before": unit.now,
        "claim_no": 0,
        "failures": 0,
        "made_at": unit.now,
        **values,
    }
    if isinstance(said := values.get("words"), Words):
        row["words"] = save_words(said, unit.vault, id, values.get("user_id") or "")
    if kind is Kind.TELL:
        await unit.add_later(outbox, row)
    else:
        if kind in (Kind.LESSON, Kind.PREVIEW, Kind.DISCLOSURE, Kind.PICTURE):
            # A person hears things in the order in which they were decided.
            await unit.settled()
        await unit.add_missing(outbox, row)
    return id


def in_rhythm(last: AnyRow | None, now: datetime) -> datetime:
    """Return when a message may be edited again; a last edit from the future is from before the clock was set back."""
    return now if last is None else max(now, min(last.done_at or last.not_before, now) + EDIT_RHYTHM)
