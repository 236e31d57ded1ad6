"""The console beside a bot: its port is taken at once, and its pages are made when the bot hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.server import Server, ServerTrouble, Waiting, serve
from console.settings import ConsoleSettings
from content.speech import Speech
from content.trouble import Exit, Trouble
from storage.store import Store
from zhibu.config import Config
from zhibu.measures import version

if TYPE_CHECKING:
    from flask import Flask

    from console.making import Maker

LATEST = 1.0
"""Seconds after which the pages are made, whether the bot hears by then or not."""


class Pages:
    """A console at its address. Who knocks before its pages are made waits; to load them takes half a second.

    That half second is the members' first: they talk to the bot at any hour, and pages are for a few.
    """

    def __init__(self, config: Config, server: Server | None = None) -> None:
        """Take the port, or a server that is up already. Raises Trouble when the port is taken."""
        self._waiting = Waiting()
        if server is not None:
            server.show(self._waiting)
        self.server = server or serve_console(config, self._waiting)
        self.config = config
        self._maker: Maker | None = None

    @property
    def address(self) -> str:
        """Return the console's address; where a free port was asked for, with the one it got."""
        address = self.config.console_address
        return address if self.config.console.address else f"http://{urlsplit(address).hostname}:{self.server.port}"

    async def show_after(self, moment: asyncio.Event, store: Store, speech: Speech, still: Callable[[], float]) -> None:
        """Wait for a moment, and not for long, and show the pages."""
        try:
            async with asyncio.timeout(LATEST):
                await moment.wait()
        except TimeoutError:
            pass
        await self.show(store, speech, still)

    async def show(self, store: Store, speech: Speech, still: Callable[[], float]) -> None:
        """Make the pages and answer by them, those who wait first; ``still`` tells how many seconds the loop stands."""
        loop, settings = asyncio.get_running_loop(), console_settings(self.config)

        def make() -> tuple[Flask, Maker]:
            from console.app import create_app
            from console.making import Maker

            app = create_app(store, loop, speech, settings, still=still)
            return app, Maker(app)

        app, maker = await asyncio.to_thread(make)
        self.server.show(app)
        self._waiting.show(app)
        self._maker = maker
        maker.start()

    async def close(self) -> None:
        """Finish what is being answered, and stop."""
        self._waiting.give_up()
        await asyncio.to_thread(self.server.stop)
        if self._maker is not None:
            await asyncio.to_thread(self._maker.stop)


def console_settings(config: Config) -> ConsoleSettings:
    """Return what a console must be told of the settings."""
    return ConsoleSettings(
        address=config.console_address,
        secure_cookies=config.console_address.startswith("https://"),
        language=config.content.language,
        timezone=config.content.timezone,
        encrypted=config.bot.encrypted,
        version=version(),
        metrics_token=config.metrics_token(),
        second_factor_required=config.console.second_factor == "required",
        proxies=config.console.proxies,
        proxy_address=config.console.proxy_address,
        backup_days=config.backup.keep if config.backup.daily_at else 0,
    )


def serve_console(config: Config, app: Flask | Waiting) -> Server:
    """Serve an application where the settings say. Raises Trouble when the port is taken."""
    console = config.console
    try:
        return serve(app, console.host, console.port)
    except ServerTrouble:
        raise Trouble(Exit.UNAVAILABLE, "start.port_taken", host=console.host, port=console.port) from None
