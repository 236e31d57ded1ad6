"""Which effects become which rows of the outbox: the explicit list through which everything leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from content.activities import FetchPhoto
from content.amendments import Amend, Append, Retract, Withdraw
from content.cases import KeepEvidence
from content.cleanings import Count, TakeBack
from content.complaint_contexts import ReadContext
from content.complaints import TakeOut, TakeUp
from content.decision import Disclose, Effect, Post, Preview, Refresh, Say, ShowAgain, Tell, Words, are_discreet
from content.digests import PostDigest
from content.identifiers import CardId, Cause, PollId, UserId, derive
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
from storage.checkins import cards
from storage.outbox import ANSWER, BROADCAST, DISCREET, EDIT, EDIT_RHYTHM, MESSAGES, UNDER_WAY, Kind, State, outbox
from storage.phrases import save_words
from storage.polls import polls
from storage.prepared import Prepared
from storage.unit import AnyRow, Writing


async def enqueue(unit: Writing, cause: Cause, effects: Iterable[Effect]) -> None:
    """Turn effects into rows; a row that the same cause made before is left as it is."""
    told: dict[UserId, str] = {}
    for place, effect in enumerate(effects):
        match effect:
            case Tell():
                told[effect.user] = await _enqueue_tell(unit, cause, place, effect, told.get(effect.user))
            case Say():
                await _insert(
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
                await _enqueue_post(unit, cause, effect)
            case Refresh():
                await _enqueue_refresh(unit, cause, effect.card)
            case Amend():
                await _enqueue_amend(unit, cause, effect)
            case Append():
                await _enqueue_append(unit, cause, effect)
            case Retract():
                await _enqueue_retract(unit, cause, effect)
            case Withdraw():
                await _enqueue_withdraw(unit, cause, effect)
            case ShowAgain():
                await _enqueue_lesson(unit, cause, effect)
            case Preview():
                await _enqueue_preview(unit, cause, effect)
            case Disclose():
                lane, language = f"user:{effect.user}", effect.language
                await _insert(
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
                await _insert(unit, cause, kind, lane=effect.room, part=place, room_id=effect.room, priority=ANSWER)
            case Invite():
                room, user = effect.room, effect.user
                lane = f"invite:{room}"
                await _insert(
                    unit, cause, Kind.INVITE, lane=lane, part=place, room_id=room, user_id=user, priority=ANSWER
                )
            case PutUp():
                await _enqueue_live(unit, cause, place, effect)
            case Renew():
                await _enqueue_renewal(unit, cause, effect)
            case FetchPhoto():
                lane, photo = f"photos:{effect.room}", effect.photo
                await _insert(
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
                await _enqueue_upkeep(unit, cause, place, effect)
            case Impose() | Lift() | KeepEvidence() | HideMessage():
                await _enqueue_measure(unit, cause, place, effect)
            case Rehearse():
                await _insert(
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
                await _enqueue_look(unit, cause, place, effect)
            case TakeOut():
                await _insert(
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
                await _enqueue_policy(unit, cause, place, effect)
            case Count() | TakeBack():
                await _enqueue_cleaning(unit, cause, place, effect)
            case Close() | Reopen():
                await _enqueue_lock(unit, cause, place, effect)
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
    await _insert(unit, cause, kind, lane=effect.room, part=place, **values)


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
    told = await _insert(unit, cause, Kind.SAY, words=effect.words, **values)
    await _insert(unit, cause, Kind.FIGURE, words=effect.chart, after_id=told, **values)


async def _free_for_poll(unit: Writing, poll: PollId) -> datetime:
    node = await unit.value(select(polls.c.organisation_id).where(polls.c.id == poll))
    return await quiet.free_for(unit, node, unit.now) if node is not None else unit.now


async def _enqueue_upkeep(
    unit: Writing, cause: Cause, place: int, effect: MakeRoom | Mend | Remove | FollowUpgrade
) -> None:
    """Have rooms made one after the other, since each hangs in the one before; and one thing at a time done in each."""
    values: dict[str, Any] = {"organisation_id": effect.organisation, "priority": BROADCAST, "part": place}
    match effect:
        case MakeRoom():
            await _insert(unit, cause, Kind.MAKE, lane="rooms", subject=effect.purpose, **values)
        case Mend():
            lane = f"upkeep:{effect.room}"
            await _insert(unit, cause, Kind.MEND, lane=lane, room_id=effect.room, subject=effect.flaw, **values)
        case Remove():
            lane, user = f"upkeep:{effect.room}", effect.user
            await _insert(unit, cause, Kind.REMOVE, lane=lane, room_id=effect.room, user_id=user, **values)
        case FollowUpgrade():
            await _insert(unit, cause, Kind.SUCCEED, lane=f"upkeep:{effect.room}", room_id=effect.room, **values)


async def _enqueue_measure(
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
        await _insert(unit, cause, Kind.EVIDENCE, lane=lane, matter_id=effect.evidence, **values)
        return
    if isinstance(effect, HideMessage):
        await _insert(
            unit, cause, Kind.HIDE, lane=f"hide:{effect.room}", matter_id=effect.strike, quiet=effect.silent, **values
        )
        return
    kind = Kind.IMPOSE if isinstance(effect, Impose) else Kind.LIFT
    lane = f"upkeep:{effect.room}"
    await _insert(unit, cause, kind, lane=lane, user_id=effect.user, matter_id=effect.sanction, **values)


async def _enqueue_look(unit: Writing, cause: Cause, place: int, effect: TakeUp | ReadContext) -> None:
    """Have a message looked at in its room; that it is, is listed nowhere."""
    kind, matter = (Kind.COMPLAINT, effect.voice) if isinstance(effect, TakeUp) else (Kind.CONTEXT, effect.context)
    await _insert(
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


async def _enqueue_lock(unit: Writing, cause: Cause, place: int, effect: Close | Reopen) -> None:
    """Have a room locked and opened in the lane in which it is kept in order, one thing at a time."""
    await _insert(
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


async def _enqueue_cleaning(unit: Writing, cause: Cause, place: int, effect: Count | TakeBack) -> None:
    """Have what people wrote counted and taken back in one lane for all rooms, so that it never goes faster."""
    await _insert(
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


async def _enqueue_policy(unit: Writing, cause: Cause, place: int, effect: EnterPolicyRoom | KeepOut | LetIn) -> None:
    """Have a policy room entered, or somebody kept out of a room or let in, one thing at a time in a room."""
    values: dict[str, Any] = {"organisation_id": effect.organisation, "priority": BROADCAST, "part": place}
    if isinstance(effect, EnterPolicyRoom):
        await _insert(unit, cause, Kind.ENTER, lane="policies", matter_id=effect.list, **values)
        return
    kind = Kind.KEEP_OUT if isinstance(effect, KeepOut) else Kind.LET_IN
    values |= {"room_id": effect.room, "user_id": effect.user, "matter_id": effect.ban}
    await _insert(unit, cause, kind, lane=f"upkeep:{effect.room}", **values)


def _in_rhythm(last: AnyRow | None, now: datetime) -> datetime:
    """Return when a message may be edited again; a last edit from the future is from before the clock was set back."""
    return now if last is None else max(now, min(last.done_at or last.not_before, now) + EDIT_RHYTHM)


async def _insert(unit: Writing, cause: str, kind: Kind, *, lane: str, part: int, **values: Any) -> str:
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


_ROOM_OF = Prepared(select(cards.c.room_id).where(cards.c.id == bindparam("card")))


async def _enqueue_post(unit: Writing, cause: Cause, post: Post) -> None:
    room = await unit.value(_ROOM_OF, {"card": post.card})
    before: str | None = None
    for part in range(post.parts):
        before = await _insert(
            unit,
            cause,
            Kind.POST,
            lane=room,
            part=part,
            room_id=room,
            card_id=post.card,
            priority=BROADCAST,
            not_before=post.not_before,
            expires_at=post.expires_at,
            after_id=before,
        )


_EDITS = select(outbox.c.number, outbox.c.revision, outbox.c.done_at, outbox.c.not_before).where(
    outbox.c.card_id == bindparam("card"), outbox.c.kind == Kind.EDIT
)
# An edit that was tried may have arrived with the numbers it had then; its transaction cannot bring newer ones.
_WAITING_EDIT = Prepared(_EDITS.where(outbox.c.state == State.PENDING, outbox.c.first_try_at.is_(None)))
_LAST_EDIT = Prepared(_EDITS.order_by(outbox.c.number.desc()).limit(1))
_LIVE_POST = Prepared(
    select(outbox.c.id, outbox.c.state, outbox.c.room_id)
    .where(outbox.c.card_id == bindparam("card"), outbox.c.kind == Kind.POST)
    .order_by(outbox.c.part.desc())
    .limit(1)
)


async def _enqueue_refresh(unit: Writing, cause: Cause, card: CardId) -> None:
    """Make one pending edit of a card, however many answers ask for it before it goes out."""
    if unit.gathered is not None:
        if card in unit.gathered.refreshed:
            return
        unit.gathered.refreshed.add(card)
    if await unit.first(_WAITING_EDIT, {"card": card}):
        return
    post = await unit.first(_LIVE_POST, {"card": card})
    if post is None or post.state not in (State.PENDING, State.LEASED, State.SENT):
        return
    last = await unit.first(_LAST_EDIT, {"card": card})
    await _insert(
        unit,
        cause,
        Kind.EDIT,
        lane=post.room_id,
        part=0,
        revision=1 if last is None else last.revision + 1,
        room_id=post.room_id,
        card_id=card,
        priority=EDIT,
        not_before=_in_rhythm(last, unit.now),
        after_id=post.id,
    )


async def _enqueue_live(unit: Writing, cause: Cause, place: int, effect: PutUp) -> None:
    """Put a live message into its room."""
    await _insert(
        unit,
        cause,
        Kind.LIVE,
        lane=effect.room,
        part=place,
        room_id=effect.room,
        organisation_id=effect.organisation,
        subject=effect.sort,
        matter_id=effect.id,
        priority=BROADCAST,
        not_before=effect.not_before or unit.now,
        expires_at=effect.expires_at,
    )


_OF_LIVE = select(outbox).where(outbox.c.matter_id == bindparam("id"), outbox.c.subject == bindparam("sort"))
_LIVE_MESSAGE = Prepared(_OF_LIVE.where(outbox.c.kind == Kind.LIVE))
_LAST_RENEWAL = Prepared(_OF_LIVE.where(outbox.c.kind == Kind.LIVE_EDIT).order_by(outbox.c.number.desc()).limit(1))


async def _enqueue_renewal(unit: Writing, cause: Cause, effect: Renew) -> None:
    """Make one waiting edit of a live message, however much changes before it goes out."""
    which = {"id": effect.id, "sort": effect.sort}
    shown, last = await unit.first(_LIVE_MESSAGE, which), await unit.first(_LAST_RENEWAL, which)
    if shown is None or shown.state not in UNDER_WAY or not _was_tried(shown):
        return
    if last is not None and last.state == State.PENDING and last.first_try_at is None:
        return
    await _insert(
        unit,
        cause,
        Kind.LIVE_EDIT,
        lane=shown.room_id,
        part=0,
        revision=1 if last is None else last.revision + 1,
        room_id=shown.room_id,
        organisation_id=shown.organisation_id,
        subject=effect.sort,
        matter_id=effect.id,
        priority=EDIT,
        not_before=_in_rhythm(last, unit.now),
        after_id=shown.id,
    )


def _was_tried(row: AnyRow) -> bool:
    """Tell whether a row may have reached its room."""
    return row.first_try_at is not None and row.state in UNDER_WAY


async def _message(unit: Writing, card: CardId, part: int) -> AnyRow | None:
    query = select(outbox).where(outbox.c.card_id == card, outbox.c.kind.in_(MESSAGES), outbox.c.part == part)
    return await unit.first(query)


async def _insert_after(unit: Writing, cause: Cause, kind: Kind, row: AnyRow, part: int, **values: Any) -> str:
    """Have something done in a card's room once the row that it concerns has arrived there."""
    more = {"room_id": row.room_id, "card_id": row.card_id, "after_id": row.id, "priority": BROADCAST, **values}
    return await _insert(unit, cause, kind, lane=row.room_id, part=part, **more)


async def _enqueue_amend(unit: Writing, cause: Cause, effect: Amend) -> None:
    row = await _message(unit, effect.card, effect.part)
    # What was not tried yet goes out in its new shape anyway.
    if row is not None and _was_tried(row):
        await _insert_after(unit, cause, Kind.AMEND, row, effect.part)


async def _enqueue_append(unit: Writing, cause: Cause, effect: Append) -> None:
    """Append a message; to a card that failed it is appended as failed, and comes back with it."""
    before = await unit.first(
        select(outbox)
        .where(outbox.c.card_id == effect.card, outbox.c.kind.in_(MESSAGES), outbox.c.part < effect.part)
        .order_by(outbox.c.part.desc())
        .limit(1)
    )
    if before is None:
        return
    values: dict[str, Any] = {}
    if before.state not in UNDER_WAY:
        values = {"state": before.state, "done_at": unit.now, "last_error": before.last_error}
    await _insert_after(unit, cause, Kind.FOLLOW, before, effect.part, **values)


async def _enqueue_retract(unit: Writing, cause: Cause, effect: Retract) -> None:
    row = await _message(unit, effect.card, effect.part)
    if row is None or not _was_tried(row):
        return
    edits = select(outbox).where(outbox.c.after_id == row.id, outbox.c.kind.in_([Kind.AMEND, Kind.EDIT]))
    await _take_back(unit, cause, [row, *await unit.rows(edits.order_by(outbox.c.number))])


async def _take_back(unit: Writing, cause: Cause, rows: Sequence[AnyRow]) -> str | None:
    """Redact what reached the room or still may; what was never tried is not sent. Return the last redaction's row."""
    last = None
    for row in rows:
        if row.state == State.SENT and row.event_id is None:
            continue
        if _was_tried(row):
            last = await _insert_after(unit, cause, Kind.REDACT, row, row.number)
        elif row.state == State.PENDING:
            never = update(outbox).where(outbox.c.id == row.id)
            await unit.execute(never.values(state=State.CANCELLED, done_at=unit.now, last_error="withdrawn"))
    return last


async def _enqueue_withdraw(unit: Writing, cause: Cause, effect: Withdraw) -> None:
    """Take back a card's messages first and then its edits, which hold the same words on the homeserver."""
    of_card = select(outbox).where(outbox.c.card_id == effect.card).order_by(outbox.c.number)
    shown = await unit.rows(of_card.where(outbox.c.kind.in_(MESSAGES)))
    last = await _take_back(unit, cause, shown)
    await _take_back(unit, cause, await unit.rows(of_card.where(outbox.c.kind.in_([Kind.EDIT, Kind.AMEND]))))
    if last is not None:
        await _insert_after(unit, cause, Kind.NOTICE, shown[-1], 0, after_id=last)


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
        return await _insert(unit, cause, Kind.TELL, words=tell.words, **values)
    shown: dict[str, Any] = {"words": tell.picture.caption, "picture": tell.picture.hash, "after_id": before}
    after = await _insert(unit, cause, Kind.PICTURE, **shown, **values)
    return await _insert(unit, cause, Kind.TELL, words=tell.words, after_id=after, **values)


async def _enqueue_lesson(unit: Writing, cause: Cause, show: ShowAgain) -> None:
    """Show a card's parts to one person, in order."""
    before: str | None = None
    for part in range(show.parts):
        before = await _insert(
            unit,
            cause,
            Kind.LESSON,
            lane=f"user:{show.user}",
            part=part,
            user_id=show.user,
            card_id=show.card,
            priority=ANSWER,
            language=show.language,
            after_id=before,
        )


async def _enqueue_preview(unit: Writing, cause: Cause, preview: Preview) -> None:
    """Show a lesson's parts to one person before anybody else, in order."""
    before: str | None = None
    for part in range(preview.parts):
        before = await _insert(
            unit,
            cause,
            Kind.PREVIEW,
            lane=f"user:{preview.user}",
            part=part,
            user_id=preview.user,
            lesson_id=preview.lesson,
            priority=ANSWER,
            after_id=before,
        )
