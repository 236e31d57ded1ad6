"""What becomes of cards and live messages in the outbox: sent, edited, added to, taken back, shown to one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from content.amendments import Amend, Append, Retract, Withdraw
from content.decision import Post, Preview, ShowAgain
from content.identifiers import CardId, Cause
from content.live_messages import PutUp, Renew
from storage.checkins import cards
from storage.outbox import ANSWER, BROADCAST, EDIT, MESSAGES, UNDER_WAY, Kind, State, outbox
from storage.prepared import Prepared
from storage.queueing import in_rhythm, insert
from storage.unit import AnyRow, Writing

_ROOM_OF = Prepared(select(cards.c.room_id).where(cards.c.id == bindparam("card")))


async def enqueue_post(unit: Writing, cause: Cause, post: Post) -> None:
    """Send the messages of a card to its room, one after the other."""
    room = await unit.value(_ROOM_OF, {"card": post.card})
    before: str | None = None
    for part in range(post.parts):
        before = await insert(
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


async def enqueue_refresh(unit: Writing, cause: Cause, card: CardId) -> None:
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
    await insert(
        unit,
        cause,
        Kind.EDIT,
        lane=post.room_id,
        part=0,
        revision=1 if last is None else last.revision + 1,
        room_id=post.room_id,
        card_id=card,
        priority=EDIT,
        not_before=in_rhythm(last, unit.now),
        after_id=post.id,
    )


async def enqueue_live(unit: Writing, cause: Cause, place: int, effect: PutUp) -> None:
    """Put a live message into its room."""
    await insert(
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


async def enqueue_renewal(unit: Writing, cause: Cause, effect: Renew) -> None:
    """Make one waiting edit of a live message, however much changes before it goes out."""
    which = {"id": effect.id, "sort": effect.sort}
    shown, last = await unit.first(_LIVE_MESSAGE, which), await unit.first(_LAST_RENEWAL, which)
    if shown is None or shown.state not in UNDER_WAY or not _was_tried(shown):
        return
    if last is not None and last.state == State.PENDING and last.first_try_at is None:
        return
    await insert(
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
        not_before=in_rhythm(last, unit.now),
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
    return await insert(unit, cause, kind, lane=row.room_id, part=part, **more)


async def enqueue_amend(unit: Writing, cause: Cause, effect: Amend) -> None:
    """Edit a message of a card that may have reached its room."""
    row = await _message(unit, effect.card, effect.part)
    # What was not tried yet goes out in its new shape anyway.
    if row is not None and _was_tried(row):
        await _insert_after(unit, cause, Kind.AMEND, row, effect.part)


async def enqueue_append(unit: Writing, cause: Cause, effect: Append) -> None:
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


async def enqueue_retract(unit: Writing, cause: Cause, effect: Retract) -> None:
    """Take back one message of a card, and its edits."""
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


async def enqueue_withdraw(unit: Writing, cause: Cause, effect: Withdraw) -> None:
    """Take back a card's messages first and then its edits, which hold the same words on the homeserver."""
    of_card = select(outbox).where(outbox.c.card_id == effect.card).order_by(outbox.c.number)
    shown = await unit.rows(of_card.where(outbox.c.kind.in_(MESSAGES)))
    last = await _take_back(unit, cause, shown)
    await _take_back(unit, cause, await unit.rows(of_card.where(outbox.c.kind.in_([Kind.EDIT, Kind.AMEND]))))
    if last is not None:
        await _insert_after(unit, cause, Kind.NOTICE, shown[-1], 0, after_id=last)


async def enqueue_lesson(unit: Writing, cause: Cause, show: ShowAgain) -> None:
    """Show a card's parts to one person, in order."""
    before: str | None = None
    for part in range(show.parts):
        before = await insert(
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


async def enqueue_preview(unit: Writing, cause: Cause, preview: Preview) -> None:
    """Show a lesson's parts to one person before anybody else, in order."""
    before: str | None = None
    for part in range(preview.parts):
        before = await insert(
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
