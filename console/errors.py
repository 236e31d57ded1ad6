"""What a person sees when something does not work: plain words and a number to quote, never a trace."""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException

from console.bridge import Busy
from content.trouble import Trouble

_SAID = frozenset({400, 403, 404, 405, 413, 500, 503})
_log = structlog.get_logger("console")


def install(app: Flask) -> None:
    """Have every error answered by one page."""
    app.register_error_handler(HTTPException, _known)
    app.register_error_handler(Busy, _busy)
    # A console that was cut off from its database takes its place again within seconds, or ends.
    app.register_error_handler(Trouble, _busy)
    app.register_error_handler(Exception, _unknown)


def _known(error: HTTPException) -> tuple[str, int] | HTTPException:
    code = error.code or 500
    if code < 400:
        return error
    return _page(code if code in _SAID else (400 if code < 500 else 500), status=code, number=secrets.token_hex(4))


def _busy(_error: Busy | Trouble) -> tuple[str, int]:
    return _page(503, status=503, number=secrets.token_hex(4))


def _unknown(error: Exception) -> tuple[str, int]:
    number = secrets.token_hex(4)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    # Never the message: a database's error quotes the values it was given.
    _log.error("page failed", number=number, kind=type(error).__name__, place=place, endpoint=request.endpoint)
    return _page(500, status=500, number=number)


def _page(said: int, *, status: int, number: str) -> tuple[str, int]:
    return render_template("frame/error.html", code=said, number=number), status
