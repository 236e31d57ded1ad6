"""A proxy between the bot and the homeserver that answers chosen calls with something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import ClientSession, web
from yarl import URL


@dataclass(frozen=True)
class Lie:
    """An answer that did not come from the homeserver."""

    status: int
    body: bytes = b"<html>Bad gateway</html>"
    content_type: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()


BAD_GATEWAY = Lie(502)
PORTAL = Lie(200, b"<html>Please accept our terms</html>")
BROKEN = Lie(500, b'{"error": "oops"}', "application/json")
ODD = Lie(502, b'["odd"]', "application/json")


class BrokenProxy:
    """Passes everything on, but for calls that its rule picks; use it as a context manager."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.rule: Callable[[str, str], Lie | None] = lambda method, where: None
        self.after = False
        """Whether a lie is told after the homeserver has carried the call out."""
        self.calls: list[tuple[str, str]] = []
        self.url = ""
        self.reached = asyncio.Event()
        self._held = ""
        self._released = asyncio.Event()

    def lie(self, part: str, answer: Lie, times: int = 1_000_000) -> None:
        """Answer the next ``times`` calls whose path holds ``part`` with a lie."""
        left = times

        def rule(method: str, where: str) -> Lie | None:
            nonlocal left
            if part not in where or left == 0:
                return None
            left -= 1
            return answer

        self.rule = rule

    def hold(self, part: str) -> None:
        """Leave calls whose path holds ``part`` without an answer until healed; ``reached`` tells that one came."""
        self._held, self.reached, self._released = part, asyncio.Event(), asyncio.Event()

    def heal(self) -> None:
        """Pass everything on again."""
        self.rule = lambda method, where: None
        self._held = ""
        self._released.set()

    async def __aenter__(self) -> BrokenProxy:
        self._session = ClientSession(auto_decompress=True)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._pass)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, request.path))
        if self._held and self._held in request.path:
            self.reached.set()
            await self._released.wait()
        lie = self.rule(request.method, request.path)
        if lie is not None and not self.after:
            return _told(lie)
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        url = self._target + request.raw_path
        async with self._session.request(
            request.method, URL(url, encoded=True), data=await request.read(), headers=headers
        ) as answer:
            body = await answer.read()
        if lie is not None:
            return _told(lie)
        return web.Response(status=answer.status, body=body, content_type=answer.content_type)


def _told(lie: Lie) -> web.Response:
    return web.Response(status=lie.status, body=lie.body, content_type=lie.content_type, headers=dict(lie.headers))
