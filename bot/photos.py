"""Fetches the photos of albums, and writes them anew in two sizes, so that nothing but what is seen is kept.

Pillow is imported where a photo is at hand.
"""

from __future__ import annotations

import asyncio
import io

from bot.matrix.events import Event
from bot.matrix.faults import Fault, Kind
from bot.matrix.homeserver import Homeserver
from content import activities as rules
from content.activities import LARGEST_PHOTO, LONGEST_SIDE, MOST_PIXELS, SMALL_SIDE, Photo, Written
from content.decision import Decision
from content.identifiers import Cause
from storage import activities, members
from storage.outbox import Claimed
from storage.store import Step, Store
from storage.unit import Reading

_FORMATS = ("PNG", "JPEG", "WEBP")
_GONE = (Kind.MISSING, Kind.REFUSED, Kind.KEYS, Kind.TOO_LARGE)


def taken(data: bytes) -> Written | None:
    """Read a PNG, JPEG or WebP and write it anew; ``None`` for what is none, or too large to be looked at."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except Exception:
        # Whatever a decoder raises on a broken or hostile file, it is the file's fault.
        return None
    plain = upright.convert("RGB")
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    fresh = Image.new("RGB", plain.size)
    fresh.paste(plain)
    small = fresh.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    written = []
    for each in (fresh, small):
        out = io.BytesIO()
        each.save(out, "JPEG", quality=82, optimize=True)
        written.append(out.getvalue())
    return Written(data=written[0], small=written[1], width=fresh.width, height=fresh.height)


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
            data = await self._homeserver.download(heard.content, most=LARGEST_PHOTO)
        except Fault as fault:
            if fault.permanent and fault.kind in _GONE:
                return None
            raise
        return await asyncio.to_thread(taken, data)


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
