"""The listening loop: sync, commit, settle keys, and patience while the homeserver is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from msgspec import Struct

from bot.matrix.events import Batch
from bot.matrix.faults import Fault, TokenRevoked
from bot.matrix.homeserver import Homeserver
from storage.crashpoints import crashpoint

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
SYNC_MS = 30_000


class Health(StrEnum):
    """How the loop is doing."""

    LISTENING = "listening"
    WAITING = "waiting"
    SIGN_IN_NEEDED = "sign_in_needed"


class State(Struct, frozen=True, kw_only=True):
    """What the health page shows: ``wait`` is the pause before the next try in seconds, ``error`` what went wrong."""

    health: Health
    wait: float = 0.0
    error: BaseException | None = None


async def listen(
    homeserver: Homeserver,
    since: str | None,
    commit: Callable[[Batch], Awaitable[None]],
    report: Callable[[State], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    jitter: Callable[[float], float] = lambda wait: wait,
    answered: Callable[[], Awaitable[None]] | None = None,
    timeout_ms: int = SYNC_MS,
) -> None:
    """Hear batch after batch until cancelled, or until the login is revoked.

    ``commit`` stores a batch and its ``next_batch`` in one transaction; only then is the next one asked for. When
    anything fails the same batch is asked for again, after 1 s doubling to 60 s, or longer when the homeserver says so.
    ``jitter`` takes the wait in seconds and returns the one to sleep. ``answered`` is waited for between two batches:
    each one costs the homeserver about as much as a message, so that asking while it takes our answers slows them down.
    The first batch, and the first after a failure, is not waited for: whether we hear is known only when it is there.
    """
    wait, hears = 0.0, False
    while True:
        try:
            batch = await homeserver.sync(since, timeout_ms if hears else 0)
            crashpoint("listening.keys_taken_before_commit")
            await commit(batch)
            since = batch.next_batch
            crashpoint("listening.committed_before_keys")
            await homeserver.settle_keys()
            if answered is not None:
                await answered()
        except TokenRevoked as fault:
            report(State(health=Health.SIGN_IN_NEEDED, error=fault))
            return
        except Exception as error:
            hears = False
            wait = min(max(wait * 2, FIRST_WAIT), LONGEST_WAIT)
            asked = error.retry_after if isinstance(error, Fault) else None
            pause = max(jitter(wait), asked or 0.0)
            report(State(health=Health.WAITING, wait=pause, error=error))
            await sleep(pause)
        else:
            wait, hears = 0.0, True
            report(State(health=Health.LISTENING))
