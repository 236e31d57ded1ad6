"""Fetches the photos that members gave to albums, and has them written anew."""

from __future__ import annotations

import asyncio

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from content import activities as rules
from content.activities import Photo
from content.decision import Decision
from content.identifiers import Cause
from content.photos import LARGEST, Written, write_anew
from storage import activities, members
from storage.outbox import Claimed
from storage.store import Step, Store
from storage.unit import Reading

_GONE = (Kind.MISSING, Kind.REFUSED, Kind.KEYS, Kind.TOO_LARGE)


class Album:
    """Gets the photos that members gave from the homeserver."""

    def __init__(self, store: Store, homeserver: Homeserver) -> None:
        self._store = store
        self._homeserver = homeserver

    async def fetch(self, row: Claimed) -> None:
        """Fetch the photo that a row asks for; one that was taken back meanwhile is let be."""
        id = row.matter  # noqa: A001 - the field's name
        photo = await self._store.read(lambda unit: activities.photo(unit, id)) if id is not None else None
        if photo is None or photo.kept:
            return
        found = await self._read(photo)
        await self._store.settle([_settling(photo, found)])

    async def _read(self, photo: Photo) -> Written | None:
        try:
            heard = await self._homeserver.read_again(photo.room, photo.event)
            if not isinstance(heard, Event):
                return None
            data = await self._homeserver.download(heard.content, most=LARGEST)
        except Fault as fault:
            if fault.permanent and fault.kind in _GONE:
                return None
            raise
        return await asyncio.to_thread(write_anew, data)


def _settling(photo: Photo, found: Written | None) -> Step:
    """Return the step that puts a photo into its album, or lets go of it; once for each photo."""

    async def decide(unit: Reading) -> Decision | None:
        if await activities.photo(unit, photo.id) is None:
            return None
        if found is not None:
            return rules.kept_photo(photo, data=found.data, small=found.small, width=found.width, height=found.height)
        giver = await members.member(unit, photo.member) if photo.member is not None else None
        return rules.unreadable_photo(photo, giver.user if giver is not None else None)

    return Step(cause=Cause(f"photo:{photo.id}:fetched"), decide=decide)
