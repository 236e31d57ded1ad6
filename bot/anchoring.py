"""Has the seal of the record told once a day to those who lead."""

from __future__ import annotations

from content.anchors import anchor, day_of
from content.decision import Decision
from content.identifiers import Cause
from storage import anchors
from storage.store import Step, Store
from storage.unit import Reading


async def tell_seal(store: Store) -> None:
    """Have the seal of today told, unless it was, it is early, or nothing happened."""
    zone, _ = await store.read(anchors.top)
    day = day_of(store.now(), zone) if zone is not None else None
    if day is None:
        return

    async def decide(unit: Reading) -> Decision | None:
        head, before = await anchors.sealed_head(unit), await anchors.newest(unit)
        _, rooms = await anchors.top(unit)
        if head is None:
            return None
        known = before.number if before else None
        return anchor(day, head.number, head.link.hex(), before=known, rooms=rooms, now=unit.now)

    await store.settle([Step(cause=Cause(f"record:anchor:{day.isoformat()}"), decide=decide)])
