"""Reads back in a room what one person wrote there, to count it or take it back; none of it is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from msgspec import Struct

from bot.matrix import border
from bot.matrix.connection import Connection
from bot.matrix.wire import path

TOKEN_CAP = 2000

VOTES_AND_SIGNS = frozenset(
    {"m.reaction", "m.room.redaction", "m.poll.response", "org.matrix.msc3381.poll.response", "m.poll.end"}
    | {"org.matrix.msc3381.poll.end"}
)
"""What is sent and not written: an answer to a card or a vote, which nobody takes back for another."""


class Written(Struct, frozen=True, kw_only=True):
    """A message that stands in a room, and when the homeserver says it was sent."""

    event_id: str
    sent_at: datetime


class History(Connection):
    """What stands in rooms."""

    async def written_by(
        self, room_id: str, user_id: str, token: str | None, limit: int
    ) -> tuple[tuple[Written, ...], str | None, datetime | None]:
        """Return what a person wrote before ``token``, from the newest on, the next token, and the newest stamp of it.

        A stamp is what the sender's server says, so one that is old tells nothing of what stands before it.

        Without a token it begins at the end of the room. What was taken back already is left out, and so are state,
        reactions and votes, which in an encrypted room are known by the relation that stands in clear beside them.
        Malformed events are among it: what nobody can read may stand in the way as well.
        """
        query = {"dir": "b", "limit": str(limit), "filter": json.dumps({"senders": [user_id]})}
        page = await self._wire.ask(
            "GET", path("/v3/rooms/{}/messages", room_id), query=query | ({"from": token} if token else {})
        )
        found, newest = list[Written](), None
        chunk = border.sequence(page.get("chunk"))
        for raw in chunk:
            event = border.mapping(raw)
            stamp = event.get("origin_server_ts")
            at = _instant(stamp) if type(stamp) is int else None
            newest = at if at is not None and (newest is None or at > newest) else newest
            id = border.text_or_none(event.get("event_id"))  # noqa: A001
            if id is not None and event.get("sender") == user_id and _is_written(event):
                found.append(Written(event_id=id, sent_at=at or datetime.now(UTC)))
        after = border.text_or_none(page.get("end"), TOKEN_CAP)
        return tuple(found), after if chunk and after != token else None, newest


def _is_written(event: dict[str, object]) -> bool:
    related = border.mapping(border.mapping(event.get("content")).get("m.relates_to"))
    taken_back = "redacted_because" in border.mapping(event.get("unsigned"))
    vote = event.get("type") in VOTES_AND_SIGNS or related.get("rel_type") in ("m.reference", "m.annotation")
    return "state_key" not in event and not taken_back and not vote


def _instant(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
