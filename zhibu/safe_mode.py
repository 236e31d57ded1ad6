"""Keeps a program up whose database cannot be used yet: says so at once, on one page too, and tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from console.server import Server
from content.safe_mode import why_no_database
from content.speech import Speech
from content.trouble import Trouble
from zhibu.branch import Branch
from zhibu.config import Config
from zhibu.pages import console_settings, serve_console
from zhibu.stopping import unless_stopped
from zhibu.supervisor import notify

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0
"""Seconds between two tries, doubling from the first to the longest."""

BEAT = 10.0
"""Seconds between two signs of life for the supervisor."""

Open = Callable[[Server | None], Awaitable[Branch]]


async def open_patiently(
    config: Config,
    speech: Speech,
    opening: Open,
    stop: asyncio.Event,
    tell: Callable[[Trouble], None],
    *,
    console: bool = True,
) -> Branch | None:
    """Open a branch, and as long as its database cannot be used, show a page without one and try again.

    ``tell`` hears of each trouble once. Returns ``None`` when told to stop. Raises Trouble that waiting cannot mend.
    """
    server: Server | None = None
    told, pause = "", FIRST_PAUSE
    try:
        while True:
            try:
                branch = await unless_stopped(opening(server), stop)
                server = None
                return branch
            except Trouble as trouble:
                reason = why_no_database(trouble.words.key)
                if reason is None:
                    raise
                if console:
                    from console.plain import create_plain_app

                    app = create_plain_app(speech, console_settings(config), reason)
                    if server is None:
                        server = serve_console(config, app)
                    else:
                        server.show(app)
                if trouble.words.key != told:
                    tell(trouble)
                    told, pause = trouble.words.key, FIRST_PAUSE
            if await _stopped_within(pause, stop):
                return None
            pause = min(pause * 2, LONGEST_PAUSE)
    finally:
        if server is not None:
            await asyncio.to_thread(server.stop)


async def _stopped_within(pause: float, stop: asyncio.Event) -> bool:
    """Wait, and tell the supervisor meanwhile that we live; return whether we were told to stop."""
    while pause > 0:
        notify("WATCHDOG=1")
        try:
            async with asyncio.timeout(min(pause, BEAT)):
                await stop.wait()
            return True
        except TimeoutError:
            pause -= BEAT
    return False
