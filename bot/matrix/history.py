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
    """A message in a room, and when the homeserver says it was sent; ``taken_back_at`` is when we took it back."""

    event_id: str
    sent_at: datetime
    taken_back_at: datetime | None = None


class History(Connection):
    """What stands in rooms."""

    async def written_by(
        self, room_id: str, user_id: str, token: str | None, limit: int
    ) -> tuple[tuple[Written, ...], str | None, datetime | None]:
        """Return what a person wrote before ``token``, from the newest on, the next token, and the newest stamp of it.

        A stamp is what the sender's server says, so one that is old tells nothing of what stands before it.

        Without a token it begins at the end of the room. What others took back is left out, and so are state,
        reactions and votes, which in an encrypted room are known by the relation that stands in clear beside them.
        Malformed events are among it: what nobody can read may stand in the way as well. So is what a ban hides
        (MSC4293): an app that has read it, and does not know of that, goes on showing it until it is taken back.
        """
        query = {"dir": "b", "limit": str(limit), "filter": json.dumps({"senders": [user_id]})}
        page = await self._wire.ask(
            "GET", path("/v3/rooms/{}/messages", room_id), query=query | ({"from": token} if token else {})
        )
        found, newest = list[Written](), None
        chunk = border.sequence(page.get("chunk"))
        for raw in chunk:
            event = border.mapping(raw)
            at = _stamp(event)
            newest = at if at is not None and (newest is None or at > newest) else newest
            id = border.text_or_none(event.get("event_id"))  # noqa: A001
            if id is None or event.get("sender") != user_id or not _is_written(event):
                continue
            redaction = _redaction(event)
            if redaction is None:
                found.append(Written(event_id=id, sent_at=at or datetime.now(UTC)))
            elif redaction.get("sender") == self.user_id and (gone := _stamp(redaction)) is not None:
                found.append(Written(event_id=id, sent_at=at or datetime.now(UTC), taken_back_at=gone))
        after = border.text_or_none(page.get("end"), TOKEN_CAP)
        return tuple(found), after if chunk and after != token else None, newest


def _is_written(event: dict[str, object]) -> bool:
    related = border.mapping(border.mapping(event.get("content")).get("m.relates_to"))
    vote = event.get("type") in VOTES_AND_SIGNS or related.get("rel_type") in ("m.reference", "m.annotation")
    return "state_key" not in event and not vote


def _redaction(event: dict[str, object]) -> dict[str, object] | None:
    """Return the event that took another one back; a ban that hides it is none, of whichever shape it is known."""
    because = border.mapping(event.get("unsigned")).get("redacted_because")
    if because is None or border.mapping(because).get("type") == "m.room.member":
        return None
    return border.mapping(because)


def _stamp(event: dict[str, object]) -> datetime | None:
    milliseconds = event.get("origin_server_ts")
    if type(milliseconds) is not int:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
