"""What members report to the homeserver by their clients, as its administrators read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.matrix import border
from bot.matrix.connection import Connection
from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import Wire
from content.identifiers import EventId, RoomId, UserId
from content.server_reports import ServerReport

_WHERE = "/_synapse/admin/v1/event_reports"
PAGE = 100
PAGES = 10
"""Pages that are read at once, the newest reports first."""
LONGEST_REASON = 500


class Reports(Connection):
    """Reads Synapse's list of reports, which is open to its administrators alone."""

    async def event_reports(self, after: int | None) -> tuple[ServerReport, ...] | None:
        """Return the reports with a number above ``after``, the oldest first; ``None`` where this login may not ask."""
        found: list[ServerReport] = []
        query = {"limit": str(PAGE), "dir": "b", "from": "0"}
        for _ in range(PAGES):
            try:
                page = await self._wire.ask("GET", _WHERE, query=query)
            except Fault as fault:
                if fault.kind in (Kind.REFUSED, Kind.MISSING, Kind.GARBLED):
                    return None
                raise
            read = [one for raw in border.sequence(page.get("event_reports")) if (one := _report(raw)) is not None]
            fresh = [one for one in read if after is None or one.number > after]
            found += fresh
            token = page.get("next_token")
            if len(fresh) < len(read) or not read or not isinstance(token, int | str):
                break
            query["from"] = str(token)
        return tuple(sorted(found, key=lambda one: one.number))


async def may_read(url: str, token: str) -> bool:
    """Tell whether a login may read the list of reports; not where the homeserver has none. Raises Fault."""
    wire = Wire(url, token, deadline=15)
    try:
        page = await wire.ask("GET", _WHERE, query={"limit": "1", "dir": "b", "from": "0"})
    except Fault as fault:
        if fault.kind in (Kind.REFUSED, Kind.MISSING, Kind.GARBLED):
            return False
        raise
    finally:
        await wire.close()
    return isinstance(page.get("event_reports"), list)


def _report(raw: object) -> ServerReport | None:
    """Read one report; one without a number, a message or a reporter is none."""
    known: dict[str, Any] = border.mapping(raw)
    number, at = known.get("id"), known.get("received_ts")
    room, event, reporter = (border.text_or_none(known.get(name)) for name in ("room_id", "event_id", "user_id"))
    if not isinstance(number, int) or room is None or event is None or reporter is None:
        return None
    reason = known.get("reason")
    about = border.text_or_none(known.get("sender"))
    seconds = at / 1000 if isinstance(at, int) and 0 <= at < 4_000_000_000_000 else 0
    return ServerReport(
        number=number,
        room=RoomId(room),
        event=EventId(event),
        about=UserId(about) if about else None,
        reporter=UserId(reporter),
        reason=border.clean_text(reason)[:LONGEST_REASON] if isinstance(reason, str) else "",
        at=datetime.fromtimestamp(seconds, UTC),
    )
