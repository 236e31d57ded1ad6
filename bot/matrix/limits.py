"""The homeserver's limit on how much one account may send, as its administrators see and lift it."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import Wire

BURST = 10
"""Messages that Synapse lets an account send at once where nothing is set."""

RATE = 0.2
"""And how many a second after that."""


class Limit(Struct, frozen=True, kw_only=True):
    """How much an account may send: messages a second, and how many at once before that counts."""

    rate: float = RATE
    burst: int = BURST
    lifted: bool = False

    def seconds_for(self, messages: int) -> int:
        """Return how long so many messages take."""
        return 0 if self.lifted else max(0, round((messages - self.burst) / self.rate))


def _path(user: str) -> str:
    return f"/_synapse/admin/v1/users/{quote(user, safe='')}/override_ratelimit"


async def limit_of(url: str, token: str, user: str) -> Limit | None:
    """Return an account's limit, or ``None`` where this login may not ask or the homeserver has no such interface.

    Without a setting of its own an account has the homeserver's, which is taken to be Synapse's default. Raises Fault
    when the homeserver cannot be asked.
    """
    wire = Wire(url, token, deadline=15)
    try:
        found = await wire.ask("GET", _path(user))
    except Fault as fault:
        if fault.kind in (Kind.REFUSED, Kind.MISSING, Kind.REVOKED, Kind.GARBLED):
            return None
        raise
    finally:
        await wire.close()
    rate, burst = found.get("messages_per_second"), found.get("burst_count")
    if not isinstance(rate, int | float) or not isinstance(burst, int):
        return Limit()
    return Limit(lifted=True) if rate <= 0 else Limit(rate=float(rate), burst=burst)


async def lift(url: str, token: str, user: str) -> None:
    """Let an account send without limit; doing it again changes nothing. Raises Fault where it is refused."""
    wire = Wire(url, token, deadline=15)
    try:
        await wire.ask("POST", _path(user), {"messages_per_second": 0, "burst_count": 0})
    finally:
        await wire.close()
