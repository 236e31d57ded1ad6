"""What a live message says at this moment, for the reader of its room."""

from __future__ import annotations

from msgspec import Struct

from content import activities as activity_rules
from content import sign_ups as rules
from content.decision import Words
from content.identifiers import ActivityId, OrganisationId, SignUpId
from content.live_messages import Sort
from content.speech import Reader
from storage import activities, organisations, sign_ups
from storage.unit import Reading


class Shown(Struct, frozen=True, kw_only=True):
    """The lines of a live message, the first of which is its title, and who reads it."""

    lines: tuple[Words, ...]
    reader: Reader


async def shown(unit: Reading, sort: Sort, id: str) -> Shown | None:  # noqa: A002
    """Return what a live message says, ``None`` for what is gone."""
    if sort is Sort.ACTIVITY:
        return await _activity(unit, ActivityId(id))
    one = await sign_ups.sign_up(unit, SignUpId(id))
    if one is None:
        return None
    sheet = await sign_ups.sheet(unit, one)
    lines = rules.message_of(sheet, await sign_ups.names_of(unit, sheet))
    return Shown(lines=lines, reader=await _reader(unit, one.organisation))


async def _activity(unit: Reading, id: ActivityId) -> Shown | None:  # noqa: A002
    one = await activities.activity(unit, id)
    if one is None:
        return None
    signed = await sign_ups.of_activity(unit, id)
    sheet = await sign_ups.sheet(unit, signed) if signed is not None else None
    names = await sign_ups.names_of(unit, sheet) if sheet is not None else {}
    called = activities.called(one.category, await activities.names(unit))
    photos = (await activities.counted(unit, [id])).get(id, 0)
    lines = activity_rules.message_of(one, called, sheet, names, photos)
    return Shown(lines=lines, reader=await _reader(unit, one.organisation))


async def _reader(unit: Reading, id: OrganisationId) -> Reader:  # noqa: A002
    node = await organisations.organisation(unit, id)
    return Reader(language=node.language, timezone=node.timezone) if node else Reader()
