"""Which effects become which rows of the outbox: the explicit list through which everything leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from content.activities import FetchPhoto
from content.amendments import Amend, Append, Retract, Withdraw
from content.cases import KeepEvidence
from content.cleanings import Count, TakeBack
from content.complaint_contexts import ReadContext
from content.complaints import TakeOut, TakeUp
from content.decision import Disclose, Effect, Post, Preview, Refresh, Say, ShowAgain, Tell, are_discreet
from content.digests import PostDigest
from content.identifiers import Cause, PollId, UserId
from content.live_messages import PutUp, Renew
from content.locks import Close, Reopen
from content.policies import EnterPolicyRoom, KeepOut, LetIn
from content.polls import Announce, EndPoll, SendPoll, ShowChart
from content.rehearsals import Rehearse
from content.rooms import Decline, Invite, Join, MakeRoom, Mend, Remove
from content.sanctions import Impose, Lift
from content.strikes import HideMessage
from content.upgrades import FollowUpgrade
from storage import quiet
from storage.card_effects import (
    enqueue_amend,
    enqueue_append,
    enqueue_lesson,
    enqueue_live,
    enqueue_post,
    enqueue_preview,
    enqueue_refresh,
    enqueue_renewal,
    enqueue_retract,
    enqueue_withdraw,
)
from storage.outbox import ANSWER, BROADCAST, DISCREET, EDIT, Kind, outbox
from storage.polls import polls
from storage.queueing import insert
from storage.room_effects import (
    enqueue_cleaning,
    enqueue_lock,
    enqueue_look,
    enqueue_measure,
    enqueue_policy,
    enqueue_upkeep,
)
from storage.unit import Writing


async def enqueue(unit: Writing, cause: Cause, effects: Iterable[Effect]) -> None:
    """Turn effects into rows; a row that the same cause made before is left as it is."""
    told: dict[UserId, str] = {}
    for place, effect in enumerate(effects):
        match effect:
            case Tell():
                told[effect.user] = await _enqueue_tell(unit, cause, place, effect, told.get(effect.user))
            case Say():
                await insert(
                    unit,
                    cause,
                    Kind.SAY,
                    lane=effect.room,
                    part=place,
                    room_id=effect.room,
                    organisation_id=effect.organisation,
                    words=effect.words,
                    priority=BROADCAST,
                    not_before=unit.now if effect.urgent else await quiet.free_for(unit, effect.organisation, unit.now),
                )
            case PostDigest():
                await _enqueue_digest(unit, cause, place, effect)
            case Post():
                await enqueue_post(unit, cause, effect)
            case Refresh():
                await enqueue_refresh(unit, cause, effect.card)
            case Amend():
                await enqueue_amend(unit, cause, effect)
            case Append():
                await enqueue_append(unit, cause, effect)
            case Retract():
                await enqueue_retract(unit, cause, effect)
            case Withdraw():
                await enqueue_withdraw(unit, cause, effect)
            case ShowAgain():
                await enqueue_lesson(unit, cause, effect)
            case Preview():
                await enqueue_preview(unit, cause, effect)
            case Disclose():
                lane, language = f"user:{effect.user}", effect.language
                await insert(
                    unit,
                    cause,
                    Kind.DISCLOSURE,
                    lane=lane,
                    part=place,
                    user_id=effect.user,
                    language=language,
                    priority=ANSWER,
                )
            case SendPoll() | EndPoll() | Announce() | ShowChart():
                await _enqueue_poll(unit, cause, place, effect)
            case Join() | Decline():
                kind = Kind.JOIN if isinstance(effect, Join) else Kind.DECLINE
                await insert(unit, cause, kind, lane=effect.room, part=place, room_id=effect.room, priority=ANSWER)
            case Invite():
                room, user = effect.room, effect.user
                lane = f"invite:{room}"
                await insert(
                    unit, cause, Kind.INVITE, lane=lane, part=place, room_id=room, user_id=user, priority=ANSWER
                )
            case PutUp():
                await enqueue_live(unit, cause, place, effect)
            case Renew():
                await enqueue_renewal(unit, cause, effect)
            case FetchPhoto():
                lane, photo = f"photos:{effect.room}", effect.photo
                await insert(
                    unit,
                    cause,
                    Kind.PHOTO,
                    lane=lane,
                    part=place,
                    room_id=effect.room,
                    organisation_id=effect.organisation,
                    matter_id=photo,
                    priority=EDIT,
                )
            case MakeRoom() | Mend() | Remove() | FollowUpgrade():
                await enqueue_upkeep(unit, cause, place, effect)
            case Impose() | Lift() | KeepEvidence() | HideMessage():
                await enqueue_measure(unit, cause, place, effect)
            case Rehearse():
                await insert(
                    unit,
                    cause,
                    Kind.REHEARSAL,
                    lane=f"rehearsal:{effect.room}",
                    part=place,
                    room_id=effect.room,
                    organisation_id=effect.organisation,
                    matter_id=effect.rehearsal,
                    priority=BROADCAST,
                )
            case TakeUp() | ReadContext():
                await enqueue_look(unit, cause, place, effect)
            case TakeOut():
                await insert(
                    unit,
                    cause,
                    Kind.TRACE,
                    lane=f"{Kind.TRACE}:{effect.trace}",
                    part=place,
                    room_id=effect.room,
                    event_id=effect.trace,
                    subject=DISCREET,
                    priority=ANSWER,
                )
            case EnterPolicyRoom() | KeepOut() | LetIn():
                await enqueue_policy(unit, cause, place, effect)
            case Count() | TakeBack():
                await enqueue_cleaning(unit, cause, place, effect)
            case Close() | Reopen():
                await enqueue_lock(unit, cause, place, effect)
            case _:
                raise TypeError(f"no way out for {type(effect).__name__}")


async def _enqueue_poll(
    unit: Writing, cause: Cause, place: int, effect: SendPoll | EndPoll | Announce | ShowChart
) -> None:
    """Let a room hear of its poll in order: the poll, its end, its result in words and in a picture."""
    values: dict[str, Any] = {"room_id": effect.room, "poll_id": effect.poll, "priority": BROADCAST}
    match effect:
        case SendPoll():
            kind = Kind.POLL
            values |= {"expires_at": effect.expires_at, "urgent": effect.urgent or None}
            values["not_before"] = effect.not_before or unit.now
        case EndPoll():
            kind = Kind.POLL_END
            sent = select(outbox.c.id).where(outbox.c.poll_id == effect.poll, outbox.c.kind == Kind.POLL)
            values["after_id"] = await unit.value(sent)
        case Announce():
            kind = Kind.RESULT
            values |= {"words": effect.words, "not_before": await _free_for_poll(unit, effect.poll)}
        case ShowChart():
            kind = Kind.CHART
            values["not_before"] = await _free_for_poll(unit, effect.poll)
    await insert(unit, cause, kind, lane=effect.room, part=place, **values)


async def _enqueue_digest(unit: Writing, cause: Cause, place: int, effect: PostDigest) -> None:
    """Tell a room its digest in words and show it as a picture after them; neither once the next is due."""
    values: dict[str, Any] = {
        "lane": effect.room,
        "part": place,
        "room_id": effect.room,
        "organisation_id": effect.organisation,
        "priority": BROADCAST,
        "expires_at": effect.expires_at,
    }
    told = await insert(unit, cause, Kind.SAY, words=effect.words, **values)
    await insert(unit, cause, Kind.FIGURE, words=effect.chart, after_id=told, **values)


async def _free_for_poll(unit: Writing, poll: PollId) -> datetime:
    node = await unit.value(select(polls.c.organisation_id).where(polls.c.id == poll))
    return await quiet.free_for(unit, node, unit.now) if node is not None else unit.now


async def _enqueue_tell(unit: Writing, cause: Cause, place: int, tell: Tell, before: str | None) -> str:
    """Say something to a person; what is about a picture waits for it, and the picture for what was said before."""
    values: dict[str, Any] = {
        "lane": f"user:{tell.user}",
        "part": place,
        "user_id": tell.user,
        "subject": DISCREET if are_discreet(tell.words) else None,
        "priority": ANSWER,
        "quiet": tell.quiet,
        "unasked": tell.unasked,
        "language": tell.language,
        "matter_id": tell.sanction or tell.matter,
        "not_before": unit.now if not tell.unasked or tell.urgent else await quiet.free_for_person(unit, tell.user),
    }
    if tell.picture is None:
        return await insert(unit, cause, Kind.TELL, words=tell.words, **values)
    shown: dict[str, Any] = {"words": tell.picture.caption, "picture": tell.picture.hash, "after_id": before}
    after = await insert(unit, cause, Kind.PICTURE, **shown, **values)
    return await insert(unit, cause, Kind.TELL, words=tell.words, after_id=after, **values)
