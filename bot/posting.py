"""Keeps rooms for announcements as their places have set them: who may write there, also after others changed it."""

from __future__ import annotations

from content.decision import Decision
from content.identifiers import Cause, UserId, derive
from content.locks import Before
from content.posting import follow, is_so
from content.sanctions import PlaceState
from storage import posting
from storage.posting import Announcing
from storage.store import Step, Store
from storage.unit import Reading


async def keep(store: Store, me: UserId) -> None:
    """Take up what places have set, and put right what is not so; not in a room that is locked, until it is open."""
    found = await store.read(lambda unit: posting.announcing(unit, me))
    steps = [_step(one, me) for one in found if not one.locked and not _is_kept(one)]
    if steps:
        await store.settle(steps)


def _is_kept(one: Announcing) -> bool:
    """Tell whether a room is as it should be, by what is known of it; what is under way is left to itself."""
    if one.held is None or one.held.place is not PlaceState.DONE or one.powers is None:
        return one.held is not None and one.held.lock.who == one.who
    before = one.held.before or Before()
    return one.held.lock.who == one.who and is_so(one.who, one.powers, one.voices, before)


def _step(seen: Announcing, me: UserId) -> Step:
    held = seen.held.lock.id if seen.held is not None else ""
    cause = Cause(f"posting:{derive(seen.room, seen.who, held, seen.version, *sorted(seen.voices))}")

    async def decide(unit: Reading) -> Decision | None:
        one = next(iter(await posting.announcing(unit, me, only=[seen.room])), None)
        if one is None or one.locked:
            return None
        lock = one.held.lock if one.held is not None else None
        return follow(
            one.who,
            lock,
            room=one.room,
            organisation=one.organisation,
            as_it_is=_is_kept(one),
            cause=cause,
            now=unit.now,
        )

    return Step(cause=cause, decide=decide)
