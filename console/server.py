"""Serves the console: a WSGI server whose threads work beside the program's event loop."""

from __future__ import annotations

import gc
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import structlog
from cheroot import wsgi

if TYPE_CHECKING:
    from flask import Flask

THREADS = 8
PAUSE = 1.0
"""Seconds until new connections are accepted again after that has failed."""

PATIENCE = 30.0
"""Seconds that somebody waits for pages that are being made."""

_log = structlog.get_logger("console")


class ServerTrouble(Exception):
    """The console cannot be served as asked; the message is one sentence that says what to do."""


class Waiting:
    """Stands where the pages will be: whoever asks for one waits until they are there."""

    def __init__(self) -> None:
        self._app: Flask | None = None
        self._moment = threading.Event()

    def show(self, app: Flask) -> None:
        """Answer by this application from now on, those who wait first."""
        self._app = app
        self._moment.set()

    def give_up(self) -> None:
        """Send away who still waits."""
        self._moment.set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request as WSGI has it: by the pages, or with 503 where there are none in time."""
        self._moment.wait(PATIENCE)
        if self._app is not None:
            return self._app(environ, start_response)
        start_response("503 Service Unavailable", [("Retry-After", "5"), ("Content-Length", "0")])
        return [b""]


class Discreet(wsgi.Server):
    """A server whose own lines quote neither a request nor the message of an error, and never come as a flood."""

    _ACCEPTING = "Error in HTTPServer.serve"
    """What it calls an error of its accepting thread, which then tries again at once."""

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Note that it had an error, and of what kind."""
        if level >= logging.ERROR or traceback:
            error = sys.exc_info()[1]
            _log.error("server had an error", kind=type(error).__name__ if error else None)
        if msg == self._ACCEPTING:
            # Without a free descriptor, who knocks stays at the door, and the thread would turn without a pause.
            time.sleep(PAUSE)


class Server:
    """A console that is being served."""

    def __init__(self, server: Any, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """Return the port on which it is served; of use where port 0 was asked for."""
        return int(self._server.bind_addr[1])

    def show(self, app: Flask | Waiting) -> None:
        """Answer by another application from the next request on, at the same address."""
        self._server.wsgi_app = app
        _keep_what_is_loaded()

    def stop(self) -> None:
        """Finish what is being answered, then stop."""
        self._server.stop()
        self._thread.join(timeout=10)


def serve(app: Flask | Waiting, host: str, port: int) -> Server:
    """Serve an application in the background; port 0 picks a free one. Raises ServerTrouble when the port is taken."""
    _try(host, port)
    server = Discreet((host, port), app, numthreads=THREADS, server_name="zhibu", shutdown_timeout=3)
    try:
        server.prepare()
    except OSError as error:
        raise _trouble(host, port, error) from None
    _keep_what_is_loaded()
    thread = threading.Thread(target=server.serve, name="console", daemon=True)
    thread.start()
    return Server(server, thread)


def _keep_what_is_loaded() -> None:
    """Keep it out of the collector's way: to walk it over and over would hold up a page for a tenth of a second."""
    gc.freeze()


def _try(host: str, port: int) -> None:
    """Bind once beforehand: cheroot would leave the socket of a failed try open."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        socket.create_server(address, family=family).close()
    except (OSError, OverflowError) as error:
        raise _trouble(host, port, error) from None


def _trouble(host: str, port: int, error: Exception) -> ServerTrouble:
    detail = getattr(error, "strerror", None) or str(error)
    return ServerTrouble(f"console: cannot listen on {host}:{port} ({detail}); free that port, or set another one")
