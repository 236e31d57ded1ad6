"""What is done to rooms and in them, besides being written in: made, kept in order, cleaned, locked, looked at."""

from __future__ import annotations

from typing import Any

from content.cases import KeepEvidence
from content.cleanings import Count, TakeBack
from content.complaint_contexts import ReadContext
from content.complaints import TakeUp
from content.identifiers import Cause
from content.locks import Close, Reopen
from content.policies import EnterPolicyRoom, KeepOut, LetIn
from content.rooms import MakeRoom, Mend, Remove
from content.sanctions import Impose, Lift
from content.strikes import HideMessage
from content.upgrades import FollowUpgrade
from storage.outbox import ANSWER, BROADCAST, DISCREET, Kind
from storage.queueing import insert
from storage.unit import Writing


async def enqueue_upkeep(
    unit: Writing, cause: Cause, place: int, effect: MakeRoom | Mend | Remove | FollowUpgrade
) -> None:
    """Have rooms made one after the other, since each hangs in the one before; and one thing at a time done in each."""
    values: dict[str, Any] = {"organisation_id": effect.organisation, "priority": BROADCAST, "part": place}
    match effect:
        case MakeRoom():
            await insert(unit, cause, Kind.MAKE, lane="rooms", subject=effect.purpose, **values)
        case Mend():
            lane = f"upkeep:{effect.room}"
            await insert(unit, cause, Kind.MEND, lane=lane, room_id=effect.room, subject=effect.flaw, **values)
        case Remove():
            lane, user = f"upkeep:{effect.room}", effect.user
            await insert(unit, cause, Kind.REMOVE, lane=lane, room_id=effect.room, user_id=user, **values)
        case FollowUpgrade():
            await insert(unit, cause, Kind.SUCCEED, lane=f"upkeep:{effect.room}", room_id=effect.room, **values)


async def enqueue_measure(
    unit: Writing, cause: Cause, place: int, effect: Impose | Lift | KeepEvidence | HideMessage
) -> None:
    """Have measures carried out and undone in the order in which they were decided, one thing at a time in a room."""
    values: dict[str, Any] = {
        "room_id": effect.room,
        "organisation_id": effect.organisation,
        "priority": ANSWER,
        "part": place,
    }
    if isinstance(effect, KeepEvidence):
        lane = f"evidence:{effect.room}"
        await insert(unit, cause, Kind.EVIDENCE, lane=lane, matter_id=effect.evidence, **values)
        return
    if isinstance(effect, HideMessage):
        await insert(
            unit, cause, Kind.HIDE, lane=f"hide:{effect.room}", matter_id=effect.strike, quiet=effect.silent, **values
        )
        return
    kind = Kind.IMPOSE if isinstance(effect, Impose) else Kind.LIFT
    lane = f"upkeep:{effect.room}"
    await insert(unit, cause, kind, lane=lane, user_id=effect.user, matter_id=effect.sanction, **values)


async def enqueue_look(unit: Writing, cause: Cause, place: int, effect: TakeUp | ReadContext) -> None:
    """Have a message looked at in its room; that it is, is listed nowhere."""
    kind, matter = (Kind.COMPLAINT, effect.voice) if isinstance(effect, TakeUp) else (Kind.CONTEXT, effect.context)
    await insert(
        unit,
        cause,
        kind,
        lane=f"{kind}:{matter}",
        part=place,
        room_id=effect.room,
        organisation_id=effect.organisation,
        matter_id=matter,
        subject=DISCREET,
        priority=ANSWER,
    )


async def enqueue_lock(unit: Writing, cause: Cause, place: int, effect: Close | Reopen) -> None:
    """Have a room locked and opened in the lane in which it is kept in order, one thing at a time."""
    await insert(
        unit,
        cause,
        Kind.LOCK if isinstance(effect, Close) else Kind.UNLOCK,
        lane=f"upkeep:{effect.room}",
        part=place,
        room_id=effect.room,
        organisation_id=effect.organisation,
        matter_id=effect.lock,
        priority=ANSWER,
    )


async def enqueue_cleaning(unit: Writing, cause: Cause, place: int, effect: Count | TakeBack) -> None:
    """Have what people wrote counted and taken back in one lane for all rooms, so that it never goes faster."""
    await insert(
        unit,
        cause,
        Kind.COUNT if isinstance(effect, Count) else Kind.CLEAN,
        lane="cleaning",
        part=place,
        room_id=effect.room,
        organisation_id=effect.organisation,
        matter_id=effect.cleaning,
        priority=BROADCAST,
    )


async def enqueue_policy(unit: Writing, cause: Cause, place: int, effect: EnterPolicyRoom | KeepOut | LetIn) -> None:
    """Have a policy room entered, or somebody kept out of a room or let in, one thing at a time in a room."""
    values: dict[str, Any] = {"organisation_id": effect.organisation, "priority": BROADCAST, "part": place}
    if isinstance(effect, EnterPolicyRoom):
        await insert(unit, cause, Kind.ENTER, lane="policies", matter_id=effect.list, **values)
        return
    kind = Kind.KEEP_OUT if isinstance(effect, KeepOut) else Kind.LET_IN
    values |= {"room_id": effect.room, "user_id": effect.user, "matter_id": effect.ban}
    await insert(unit, cause, kind, lane=f"upkeep:{effect.room}", **values)
