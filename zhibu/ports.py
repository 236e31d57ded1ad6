"""Whether the console's port can be had, and whether a Zhibu answers there already."""

from __future__ import annotations

import errno
import socket

import aiohttp

from content.trouble import Exit, Trouble


def prove_port(host: str, port: int) -> None:
    """Take the port for a moment. Raises Trouble when it is taken, or this machine has no such address."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Trouble(Exit.UNAVAILABLE, "start.port_taken", host=host, port=port) from None
        why = error.strerror or type(error).__name__
        raise Trouble(Exit.UNAVAILABLE, "start.port_unusable", host=host, port=port, why=why) from None


async def zhibu_answers(host: str, port: int) -> bool:
    """Tell whether what answers there says of itself what a Zhibu does."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked of, not listened on
    url = f"http://[{near}]:{port}/health" if ":" in near else f"http://{near}:{port}/health"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            found = await answer.json() if answer.status in (200, 503) else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("program") == "zhibu"
