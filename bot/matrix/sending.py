"""Sends events to rooms, encrypted where a room is, one after the other in each, and finds what was sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.matrix import border
from bot.matrix.connection import Connection, event_id_of
from bot.matrix.crypto import MARK
from bot.matrix.events import Event
from bot.matrix.wire import path
from storage.crashpoints import crashpoint

PAGE = 500
CLOCK_SLACK = timedelta(minutes=10)


class Sending(Connection):
    """The saying side."""

    async def send(self, room_id: str, event_type: str, content: dict[str, Any], transaction: str) -> str:
        """Send an event and return its id; encrypted when the room is, except reactions, which never are.

        Sends to one room go one after the other. The same transaction on this device gives the same event for a day;
        it must be unique in the room across all types and contents. Put your outbox id under MARK into
        ``content``. A fault that is ``doubtful`` leaves the outcome open: repeat the transaction, or ``find_sent``.
        """
        async with self._lock(room_id):
            if await self._must_encrypt(room_id) and event_type != "m.reaction":
                await self._keyring.share(room_id)
                crashpoint("keys.shared_before_send")
                event_type, content = self._device.seal(room_id, event_type, content)
            where = path("/v3/rooms/{}/send/{}/{}", room_id, event_type, transaction)
            return event_id_of(await self._wire.ask("PUT", where, content))

    async def redact(self, room_id: str, event_id: str, transaction: str, reason: str | None = None) -> str:
        """Take an event back and return the id of the redaction."""
        where = path("/v3/rooms/{}/redact/{}/{}", room_id, event_id, transaction)
        async with self._lock(room_id):
            return event_id_of(await self._wire.ask("PUT", where, {"reason": reason} if reason else {}))

    async def find_sent(
        self, room_id: str, mark: str, not_before: datetime, transaction: str | None = None
    ) -> str | None:
        """Look in a room for the event that carries our mark, and return its id; None when it never got there.

        Reads back to ten minutes before ``not_before``, the time of the first attempt. Only our own events count,
        for anyone may copy a mark. With ``transaction`` an event that was redacted meanwhile is found too.
        """
        query = {"dir": "b", "limit": str(PAGE)}
        while True:
            page = await self._wire.ask("GET", path("/v3/rooms/{}/messages", room_id), query=query)
            chunk = border.sequence(page.get("chunk"))
            events = [event for raw in chunk if isinstance(event := border.read_event(room_id, raw), Event)]
            for event in events:
                ours = event.sender == self.user_id
                if ours and (event.content.get(MARK) == mark or (transaction and event.own_transaction == transaction)):
                    return event.event_id
            end = page.get("end")
            past = bool(events) and all(event.sent_at < not_before - CLOCK_SLACK for event in events)
            if past or not chunk or not isinstance(end, str):
                return None
            query["from"] = end
