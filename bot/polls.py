"""Counts polls that have ended: by what the homeserver holds of each, else by what was heard, which is said then."""

from __future__ import annotations

from datetime import timedelta

from bot.hearing import LONG_AGO, PORTION, Hearing
from bot.matrix import polls as shapes
from bot.matrix.events import Event, Poison, RoomBatch, Unreadable
from bot.matrix.faults import Fault
from bot.matrix.homeserver import Homeserver
from content import polls as rules
from content.decision import Decision
from content.identifiers import Cause, PollId
from content.polls import Poll, State
from storage import polls, sync
from storage.crashpoints import crashpoint
from storage.store import Step, Store
from storage.unit import Reading

PATIENCE = timedelta(minutes=2)
"""How long the homeserver may take to give out what it holds of a poll, before the count is made without it."""

_VOTES = shapes.RESPONSES | shapes.ENDS
_KEPT = (sync.Buried, sync.NotReadable)


class Counting:
    """Goes through what refers to a poll by the same rules and under the same causes as what is heard.

    So a vote that the stream never brought counts, and one that it did counts once.
    """

    def __init__(self, store: Store, homeserver: Homeserver, hearing: Hearing) -> None:
        self._store = store
        self._homeserver = homeserver
        self._hearing = hearing

    async def count(self) -> bool:
        """Count every poll that has ended and is not counted; tell whether one waits for the homeserver."""
        waits = False
        for poll in await self._store.read(polls.uncounted):
            waits |= not await self._count(poll)
        return waits

    async def _count(self, poll: Poll) -> bool:
        now = self._store.now()
        try:
            found, whole = await self._related(poll)
        except Fault as fault:
            given_up = fault.permanent and not fault.doubtful
            if not given_up and poll.stopped_at is not None and now - poll.stopped_at < PATIENCE:
                return False
            found, whole = (), False
        part = RoomBatch(room_id=poll.room, membership="join", timeline=found)
        notes = [note for note in self._hearing.notes(part, now) if isinstance(note, _KEPT)]
        steps = self._hearing.steps(found, LONG_AGO, now)
        crashpoint("polls.read_before_counted")
        while len(steps) >= PORTION:
            await self._store.settle(steps[:PORTION], notes=notes)
            steps, notes = steps[PORTION:], []
        await self._store.settle([*steps, counting(poll.id, whole=whole)], notes=notes)
        return True

    async def _related(self, poll: Poll) -> tuple[tuple[Event | Unreadable | Poison, ...], bool]:
        """Return what the homeserver holds of a poll, and the redactions of what it holds no more."""
        if poll.event is None:
            return (), False
        heard, whole = await self._homeserver.related(poll.room, poll.event)
        found = [one for one in heard if not isinstance(one, Event) or one.type in _VOTES]
        if whole:
            there = {one.event_id for one in found}
            box = await self._store.read(lambda unit: polls.box(unit, poll))
            for response in box.responses:
                if response.event in there or response.by_text or response.removed_by is not None:
                    continue
                redaction = await self._homeserver.taken_back(poll.room, response.event)
                if redaction is not None:
                    found.append(redaction)
        return tuple(found), whole


def counting(id: PollId, *, whole: bool) -> Step:  # noqa: A002
    """Return the step that publishes a result; ``whole`` is whether the homeserver gave out all that it holds."""

    async def decide(unit: Reading) -> Decision | None:
        poll = await polls.poll(unit, id)
        if poll is None or poll.state is not State.COUNTING:
            return None
        return rules.publish(poll, await polls.box(unit, poll), whole=whole, now=unit.now)

    return Step(cause=Cause(f"poll:{id}:count"), decide=decide)
