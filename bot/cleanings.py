"""The hands that clean: they count what a person wrote, and take it back a few messages at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.history import Written
from bot.matrix.homeserver import Homeserver
from bot.matrix.rooms import HIDES
from content.cleanings import (
    Cleaning,
    CleaningAdvanced,
    CleaningCounted,
    CleaningStuck,
    Found,
    RoomState,
    State,
    counted,
)
from content.decision import Decision, Fact
from content.identifiers import Cause, CleaningId, RoomId, UserId, derive
from storage import cleanings, duties, outbox
from storage.cleanings import Place, Told
from storage.outbox import Claimed, Postponed
from storage.store import Step, Store
from storage.unit import Reading

AT_ONCE = 10
"""Messages that are taken back before others in the lane have their turn, and what was done is kept."""

PAUSE = 0.2
"""Seconds between two of them: five a second, of which a homeserver for a few hundred people notices nothing."""

PAGE = 250
MOST_COUNTED = 2000
"""How many messages in a room are counted; of more it is said that there are more."""

_SOON = timedelta(seconds=0)


class Cleaner:
    """Everything here may be done again without a second effect: what was taken back is not found again."""

    def __init__(self, store: Store, homeserver: Homeserver) -> None:
        self._store = store
        self._homeserver = homeserver

    async def do(self, row: Claimed) -> Fact | None:
        """Do what a row asks for; it comes again, put off for a moment, until nothing is left. Raises Fault."""
        id, room = CleaningId(row.matter or ""), row.room  # noqa: A001
        told = await self._store.read(lambda unit: cleanings.told(unit, id))
        place = next((one for one in told.places if one.room == room), None) if told is not None else None
        if told is None or place is None:
            return None
        if row.kind is outbox.Kind.COUNT:
            if told.cleaning.state is State.LOOKING and place.found is None:
                await self._count(told.cleaning, place)
            return None
        if told.cleaning.state is not State.RUNNING or place.state is RoomState.DONE:
            # Stopped; or gone on with while a row from before the stop was still at it, and that one ended it.
            return None
        try:
            over = await self._take_back(row, told, place)
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN":
                raise
            await self._store.settle(notes=[CleaningStuck(id=id, room=place.room)])
            return None
        return None if over else Postponed(claimed=row, not_before=self._store.now() + _SOON, error="", counts=False)

    async def _count(self, cleaning: Cleaning, place: Place) -> None:
        found, more, token = 0, False, None
        while True:
            page, token, newest = await self._homeserver.written_by(place.room, cleaning.user, token, PAGE)
            found += len([one for one in _meant(cleaning, page) if one.taken_back_at is None])
            past = _is_past(cleaning, newest)
            if token is None or past or found >= MOST_COUNTED:
                more = token is not None and not past
                break
        await self._keep_count(cleaning.id, place.room, min(found, MOST_COUNTED), more=more)

    async def _keep_count(self, id: CleaningId, room: RoomId, found: int, *, more: bool) -> None:  # noqa: A002
        async def decide(unit: Reading) -> Decision | None:
            told = await cleanings.told(unit, id)
            if told is None:
                return None
            user = told.cleaning.user
            name = (await duties.names_of(unit, [user])).get(user, user)
            known = [Found(room=one.room, name=one.name, found=one.found, more=one.more) for one in told.places]
            fact = CleaningCounted(id=id, room=room, found=found, more=more)
            return counted(told.cleaning, fact, known, name=name, now=unit.now)

        await self._store.settle([Step(cause=Cause(f"cleaning:{derive(id, room)}:counted"), decide=decide)])

    async def _hide_by_ban(self, room: RoomId, user: UserId) -> None:
        """Let a ban of ours that stands say that all of it is hidden (MSC4293), and go on by hand all the same.

        No homeserver tells beforehand whether it knows that; one that does not drops the word, and keeps the ban.
        """
        state = [one for one in await self._homeserver.state(room) if isinstance(one, Event)]
        own = next((one for one in state if one.type == "m.room.member" and one.state_key == user), None)
        if own is None or own.sender != self._homeserver.user_id or own.content.get("membership") != "ban":
            return
        if any(own.content.get(name) is True for name in HIDES):
            return
        reason = own.content.get("reason")
        try:
            await self._homeserver.ban(room, user, reason if isinstance(reason, str) else "", redact=True)
        except Fault as fault:
            if fault.errcode != "M_FORBIDDEN":
                raise

    async def _take_back(self, row: Claimed, told: Told, place: Place) -> bool:
        """Take back the next few messages, and tell whether that was all."""
        cleaning = told.cleaning
        if cleaning.since is None and place.token is None:
            await self._hide_by_ban(place.room, cleaning.user)
        page, token, newest = await self._homeserver.written_by(place.room, cleaning.user, place.token, AT_ONCE)
        meant = _meant(cleaning, page)
        standing = [one for one in meant if one.taken_back_at is None]
        for one in standing:
            transaction = f"{row.transaction}.{derive(one.event_id)}"
            try:
                await self._homeserver.redact(place.room, one.event_id, transaction)
            except Fault as fault:
                if fault.kind is not Kind.MISSING:
                    raise
            await asyncio.sleep(PAUSE)
        over = token is None or _is_past(cleaning, newest)
        fact = CleaningAdvanced(
            id=cleaning.id,
            room=place.room,
            taken_back=len(standing) + len(_cut_off(meant, told.begun_at)),
            token=token,
            over=over,
            at=self._store.now(),
        )
        await self._store.settle(notes=[fact])
        return over


def _cut_off(meant: Iterable[Written], begun: datetime | None) -> list[Written]:
    """Return what was taken back since it begun and not kept: whoever was killed in the middle of a few finds it so."""
    return [one for one in meant if one.taken_back_at is not None and begun is not None and one.taken_back_at >= begun]


def _is_past(cleaning: Cleaning, newest: datetime | None) -> bool:
    return cleaning.since is not None and newest is not None and newest < cleaning.since


def _meant(cleaning: Cleaning, page: tuple[Written, ...]) -> list[Written]:
    """Return what was written since then; what stands after something else was not sent before it, whatever it says."""
    if cleaning.since is None:
        return list(page)
    meant, reached = list[Written](), datetime.min.replace(tzinfo=UTC)
    for one in reversed(page):
        reached = max(reached, one.sent_at)
        if reached >= cleaning.since:
            meant.append(one)
    return meant[::-1]
